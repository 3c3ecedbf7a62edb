"""How often a server with room for one model loads the other: in turns, read from the server, and call by call.

    python benchmarks/turns.py [FOLDER] [--load-s 3] [--latency-ms 200]

A folder through Coder and Talker, by one daemon and by two, against the Ollama double with 8 slots: memory for one
model, then for both. Loads and wall time are those of one run each, on an embedded server of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import time
from pathlib import Path
from typing import Literal

from benchmarks.pipeline import ROOT, a_server
from daemon import log
from daemon.bootstrap import App, prompts_of
from daemon.config import shared
from daemon.doubles import Double, Setup
from daemon.index.sync import sync
from daemon.settings import EndpointSettings, LogSettings, Settings
from db.migrate import upgrade
from db.session import Database
from db.types import Stage

SLOTS = 8
Turns = bool | Literal["auto"]


def a_daemon(url: str, double: Double, turns: Turns) -> App:
    """Everything one daemon has of its own."""
    endpoint = EndpointSettings(provider="ollama", url=double.url, slots=SLOTS, turns=turns)
    settings = Settings(endpoints={"local": endpoint})
    return App(settings=settings, db=Database(url, name="bench"), url=url, prompts=prompts_of(settings))


async def measure(
    url: str, options: argparse.Namespace, *, turns: Turns, daemons: int, room: int
) -> tuple[int, int, float]:
    """Answers, loads of models, seconds."""
    setup = Setup(slots=SLOTS, loaded_models=room, load_s=options.load_s, latency_s=options.latency_ms / 1000)
    async with Double(setup) as double:
        apps = [a_daemon(url, double, turns) for _ in range(daemons)]
        try:
            await sync(apps[0].db, options.source, "bench", apps[0].settings.index)
            workers = [app.worker(stages=(Stage.CODER, Stage.TALKER), refresh=False) for app in apps]
            started = time.perf_counter()
            await asyncio.gather(*(worker.once(asyncio.Event()) for worker in workers))
            return len(double.calls), double.stats()["loads"], time.perf_counter() - started
        finally:
            for app in apps:
                await app.close()


async def main() -> None:
    """All combinations, one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", nargs="?", type=Path, default=ROOT / "daemon" / "guard")
    parser.add_argument("--load-s", type=float, default=3.0)
    parser.add_argument("--latency-ms", type=int, default=200)
    options = parser.parse_args()
    log.setup(LogSettings(level="error"))
    print("| memory for | daemons | turns | answers | loads | wall time, s |")
    print("|---|---:|---|---:|---:|---:|")
    rows: list[tuple[int, int, Turns]] = [
        (room, daemons, turns) for room in (1, 2) for daemons in (1, 2) for turns in (False, True, "auto")
    ]  # fmt: skip
    for room, daemons, turns in rows:
        server = a_server()
        try:
            url = server.start()
            upgrade(url, shared("alembic"))
            answers, loads, seconds = await measure(url, options, turns=turns, daemons=daemons, room=room)
        finally:
            server.stop("immediate")
            shutil.rmtree(server.folder, ignore_errors=True)
        models = "one model" if room == 1 else "both"
        print(f"| {models} | {daemons} | {str(turns).lower()} | {answers} | {loads} | {seconds:.1f} |", flush=True)


if __name__ == "__main__":
    asyncio.run(main())
