"""One process of a drain: fills another's queue, or says that it is ready, waits, and works until nothing is due."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import psycopg

from benchmarks.queue.claims import drain_bare
from daemon import log
from daemon.bootstrap import App, prompts_of
from daemon.guard.base import Answer, judge
from daemon.settings import EndpointSettings, LogSettings, Settings
from daemon.work.events import Tally
from db.session import Database
from db.types import Stage

_AT_ONCE = 64
_BATCH = 1000  # jobs inserted at once

Counted = tuple[int, float]  # pieces, moment of the last one


async def ready() -> float:
    """Say so and wait for the word; the moment it came."""
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    return time.time()


def tell(first: float, counted: Counted) -> None:
    """What this process did."""
    print(json.dumps({"first": first, "done": counted[0], "last": counted[1]}), flush=True)


async def whole_path(url: str) -> None:
    """Coder and Talker with a model that takes no time."""
    settings = Settings(endpoints={"local": EndpointSettings(provider="scripted", slots=_AT_ONCE, turns=False)})
    db = Database(url)
    app = App(settings=settings, db=db, url=url, prompts=prompts_of(settings))
    tally = Tally()
    worker = app.worker(stages=(Stage.CODER, Stage.TALKER), observers=[tally], refresh=False)
    # The language detector reads its models (a third of a second of CPU) when it is asked first.
    judge(app.guards(Stage.CODER), Answer(text="Returns how many entries there are in it.", language="en"))
    async with db.read():
        first = await ready()
    await worker.once(asyncio.Event())
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT extract(epoch FROM max(created_at)) FROM generation").fetchone()
    assert row is not None
    tell(first, (tally.texts + tally.reused, float(row[0])))
    await app.close()


async def bare(url: str) -> None:
    """Texts that are there already."""
    db = Database(url)
    async with db.read():
        first = await ready()
    done = await drain_bare(db)
    tell(first, (done, time.time()))
    await db.close()


async def skip_locked(url: str) -> None:
    """The least that a queue in Postgres can do: take 64 rows, mark 64 rows."""
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        first, done = await ready(), 0
        while True:
            cursor = await connection.execute(
                "UPDATE job SET state = 1 WHERE id IN (SELECT id FROM job WHERE state = 0 ORDER BY id LIMIT 64 "
                "FOR UPDATE SKIP LOCKED) RETURNING id"
            )
            taken = [row[0] for row in await cursor.fetchall()]
            if not taken:
                break
            await connection.execute("UPDATE job SET state = 2 WHERE id = ANY (%s)", (taken,))
            done += len(taken)
        tell(first, (done, time.time()))


class Count:
    """Jobs that were run."""

    def __init__(self) -> None:
        self.done, self.last = 0, time.time()

    async def job(self, *_: Any) -> None:
        """Do nothing, and count it."""
        self.done, self.last = self.done + 1, time.time()


async def procrastinate(url: str, jobs: int = 0) -> None:
    """Its worker with 64 jobs at once."""
    import procrastinate as queue  # noqa: PLC0415 - only where it is compared

    count = Count()
    app = queue.App(connector=queue.PsycopgConnector(conninfo=url))

    async def nothing() -> None:
        await count.job()

    task = app.task(name="nothing")(nothing)
    async with app.open_async():
        if jobs:
            await app.schema_manager.apply_schema_async()
            for _ in range(0, jobs, _BATCH):
                await task.batch_defer_async(*[{} for _ in range(_BATCH)])
            return
        first = await ready()
        await app.run_worker_async(wait=False, concurrency=_AT_ONCE, install_signal_handlers=False)
        tell(first, (count.done, count.last))


async def pgqueuer(url: str, jobs: int = 0) -> None:
    """Its worker with batches of 64."""
    from pgqueuer.db import PsycopgDriver  # noqa: PLC0415 - only where it is compared
    from pgqueuer.qm import QueueManager  # noqa: PLC0415
    from pgqueuer.queries import Queries  # noqa: PLC0415
    from pgqueuer.types import QueueExecutionMode  # noqa: PLC0415

    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        driver = PsycopgDriver(connection)
        queries = Queries(driver)
        if jobs:
            await queries.install()
            for _ in range(0, jobs, _BATCH):
                await queries.enqueue(["nothing"] * _BATCH, [None] * _BATCH, [0] * _BATCH)
            return
        count = Count()
        manager = QueueManager(queries)

        async def nothing(job: Any) -> None:
            await count.job(job)

        manager.entrypoint("nothing")(nothing)
        first = await ready()
        await manager.run(dequeue_timeout=timedelta(seconds=1), batch_size=_AT_ONCE, mode=QueueExecutionMode.drain)
        tell(first, (count.done, count.last))


WORK: dict[str, Callable[[str], Awaitable[None]]] = {
    "whole path": whole_path, "bare": bare, "skip locked": skip_locked, "procrastinate": procrastinate,
    "pgqueuer": pgqueuer,
}  # fmt: skip
FILL: dict[str, Callable[[str, int], Awaitable[None]]] = {"procrastinate": procrastinate, "pgqueuer": pgqueuer}


async def main() -> None:
    """``child URL KIND work`` or ``child URL KIND fill JOBS``."""
    log.setup(LogSettings(level="error"))
    url, kind, what, *more = sys.argv[1:]
    if what == "fill":
        await FILL[kind](url, int(more[0]))
    else:
        await WORK[kind](url)


if __name__ == "__main__":
    asyncio.run(main())
