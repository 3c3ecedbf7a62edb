"""run: the daemon itself."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Annotated

import typer

from daemon import log
from daemon.bootstrap import App, open_app
from daemon.cli.main import app, execute
from daemon.cli.options import Embedded, require_stages, whoami
from daemon.cli.output import out
from daemon.settings import Settings
from daemon.work.events import Tally
from daemon.work.worker import Worker
from db.session import hide_password
from db.types import Stage


@app.command()
def run(
    ctx: typer.Context,
    once: Annotated[bool, typer.Option("--once", help="Stop when nothing is left to do.")] = False,
    stage: Annotated[
        list[Stage] | None, typer.Option("--stage", help="Only this stage; several times for several.")
    ] = None,
    embedded: Embedded = False,
) -> None:
    """Run the daemon: write what is due, wait, look again. SIGTERM stops it cleanly, a second one at once."""

    async def work(settings: Settings) -> int | None:
        chosen = settings.with_embedded_models() if embedded else settings
        require_stages(chosen, stage or [])
        tally = Tally()
        async with open_app(chosen, name="doctown run") as doctown:
            await doctown.switch_stages(actor=whoami())
            async with monitored(doctown, stage or None, tally) as worker:
                stopping = asyncio.Event()
                listen(stopping, worker)
                log.get("run").info("database", url=hide_password(doctown.url))
                if once:
                    await worker.once(stopping)
                else:
                    await _work_and_follow(doctown, worker, stopping)
        if once:
            out.print(summary(tally))
        return 5 if once and tally.dead else None

    execute(ctx, work, quiet=False)


async def _work_and_follow(doctown: App, worker: Worker, stopping: asyncio.Event) -> None:
    """Whichever ends, ends the other: by a signal both do, and an error of one is the daemon's."""
    following = asyncio.create_task(doctown.following().run(stopping), name="following")
    following.add_done_callback(lambda _: stopping.set())
    try:
        await worker.run(stopping)
    finally:
        stopping.set()
        await following


@asynccontextmanager
async def monitored(doctown: App, stages: Sequence[Stage] | None, tally: Tally) -> AsyncIterator[Worker]:
    """A worker, with metrics and probes beside it where a port is set for them."""
    if doctown.settings.monitor.port is None:
        yield doctown.worker(stages=stages, observers=[tally])
        return
    from daemon.monitor.counts import Counts  # noqa: PLC0415 - where it is wanted

    counts = Counts()
    worker = doctown.worker(stages=stages, observers=[tally, counts])
    async with doctown.monitor(worker, counts):
        yield worker


def listen(stopping: asyncio.Event, worker: Worker) -> None:
    """SIGTERM and SIGINT stop the worker; the second of either does not wait for answers."""

    def heard() -> None:
        if stopping.is_set():
            worker.hurry()
        stopping.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, heard)


def summary(tally: Tally) -> str:
    """What a run did, in one line."""
    parts = [
        f"texts {tally.texts}", f"regenerated {tally.regenerations}", f"reused {tally.reused}",
        f"flagged {tally.flagged}", f"embedded {tally.vectors}", f"failed attempts {tally.failures}",
        f"dead {tally.dead}",
    ]  # fmt: skip
    return ", ".join(parts)
