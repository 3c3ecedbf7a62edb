"""How many technical texts are written without the words about what they call, and what it costs to wait for these.

    python benchmarks/order.py FOLDER [FOLDER ...] [--slots 8,64] [--latency-ms 200]

The Coder alone, with answers that take as long as is said, by one daemon: `queue.callee_wait_s` 0, then as it ships.
Afterwards every prompt is rendered once more: where it is another by now, its text was written too early. Wall times
are those of one run each, on an embedded server of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.pipeline import a_server
from daemon import log
from daemon.config import shared
from daemon.index.sync import sync
from daemon.llm.base import Prompt
from daemon.llm.scripted import Answer, ScriptedModel, well_formed
from daemon.safety.material import Safety
from daemon.settings import LogSettings, QueueSettings
from db import gather as db_gather
from db.migrate import upgrade
from db.session import Database
from db.types import Stage
from tests.support.workers import an_app, work_off


@dataclass(frozen=True, slots=True)
class Result:
    """One run."""

    texts: int
    early: int  # written from less than was to be known
    seconds: float


async def measure(url: str, folder: Path, *, slots: int, latency_s: float, wait_s: float) -> Result:
    """Write everything about a folder, and look at what was asked."""
    asked: set[str] = set()

    async def answer(prompt: Prompt) -> Answer:
        asked.add(prompt.user)
        await asyncio.sleep(latency_s)
        return well_formed(prompt)

    db = Database(url, name="bench")
    app = an_app(db, coder=ScriptedModel(answer), slots=slots, stages=(Stage.CODER,), callee_wait_s=wait_s)
    try:
        await sync(db, folder, "bench", app.settings.index)
        started = time.perf_counter()
        await work_off(app)
        seconds = time.perf_counter() - started
        async with db.read() as connection:
            chunks = [row.id for row in await connection.exec_driver_sql("SELECT id FROM chunk")]
        materials = await db_gather.look(db, chunks, Stage.CODER, language="en")
    finally:
        await db.close()
    stage, safety = app.text_stage(Stage.CODER), Safety(app.settings.safety)
    now = [stage.render(safety.material(material).material)[-1][1] for material in materials.values()]
    return Result(len(now), sum(prompt not in asked for prompt in now), seconds)


async def main() -> None:
    """All combinations, one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--slots", default="8,64")
    parser.add_argument("--latency-ms", type=int, default=200)
    options = parser.parse_args()
    log.setup(LogSettings(level="error"))
    print("| folder | texts | slots | written too early: waits not, waits | wall time, waiting / not |")
    print("|---|---:|---:|---:|---:|")
    for folder in options.folders:
        for slots in map(int, options.slots.split(",")):
            one, two = [
                await in_a_database(folder, slots, options.latency_ms / 1000, wait_s)
                for wait_s in (0.0, QueueSettings().callee_wait_s)
            ]
            ratio = two.seconds / one.seconds
            print(f"| {folder.name} | {one.texts} | {slots} | {one.early}, {two.early} | {ratio:.2f} |", flush=True)


async def in_a_database(folder: Path, slots: int, latency_s: float, wait_s: float) -> Result:
    """On a server of its own, which is thrown away."""
    server = a_server()
    try:
        url = server.start()
        upgrade(url, shared("alembic"))
        return await measure(url, folder, slots=slots, latency_s=latency_s, wait_s=wait_s)
    finally:
        server.stop("immediate")
        shutil.rmtree(server.folder, ignore_errors=True)


if __name__ == "__main__":
    asyncio.run(main())
