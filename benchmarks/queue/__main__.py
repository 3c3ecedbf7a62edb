"""The queue under load: claims beside a million rows, drains beside others' queues, WAL, a snapshot, a neighbour.

    PYTHONPATH=. python -m benchmarks.queue [claims] [drain] [wal] [snapshot] [noisy] [--rows 1000000] [--jobs 5000]

Runs on its own embedded server, whose data are thrown away. Without names everything runs, a quarter of an hour on two
cores. procrastinate and pgqueuer come with the extra `bench`.
"""

from __future__ import annotations

import argparse
import asyncio

from benchmarks.queue.claims import claims, snapshot, wal
from benchmarks.queue.drain import drain
from benchmarks.queue.ground import ground
from benchmarks.queue.noisy import noisy
from daemon import log
from daemon.settings import LogSettings

_PARTS = ("claims", "drain", "wal", "snapshot", "noisy")


async def main() -> None:
    """Run the parts that were named, in the order of the list."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[*_PARTS, []], default=[])
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of the queue (claims)")
    parser.add_argument("--jobs", type=int, default=5_000, help="jobs of each drain")
    parser.add_argument("--held", type=int, default=20_000, help="rows drained beside a long snapshot")
    parser.add_argument("--noisy", type=int, default=100_000, help="chunks of the large repository")
    given = parser.parse_args()
    log.setup(LogSettings(level="error"))
    with ground() as server:
        for part in given.parts or _PARTS:
            print(f"## {part}\n", flush=True)
            if part == "claims":
                await claims(server, given.rows)
            elif part == "drain":
                await drain(server, given.jobs)
            elif part == "wal":
                await wal(server)
            elif part == "snapshot":
                await snapshot(server, given.held)
            else:
                await noisy(server, given.noisy)


if __name__ == "__main__":
    asyncio.run(main())
