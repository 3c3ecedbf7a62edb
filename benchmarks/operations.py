"""What an administrator may do beside a large queue: claims before and during a requeue of everything.

    python benchmarks/operations.py [--rows 1000000] [--repositories 100] [--claim 16]

Fills a fresh database with one piece of work per chunk (30 % due, 10 % dead, the rest done), then claims and gives
back, alone and while every piece is requeued in batches. Prints ratios to the claim alone, and what the looks at the
queue take (`status`, `dead`, `requeue --dry-run`, one scrape of /metrics). Its embedded server is thrown away.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import tempfile
import time
from collections.abc import Awaitable
from pathlib import Path
from uuid import uuid4

import psycopg

from daemon.config import shared
from daemon.work.fair import Fair
from db import claim as db_claim
from db import failures, figures, report
from db import requeue as db_requeue
from db.embedded import EmbeddedServer
from db.migrate import upgrade
from db.requeue import Selection
from db.session import Database
from db.types import ErrorClass, Stage, State

_ALONE = 300  # claims before anything else happens
_PAUSE_S = 0.02  # between two claims during the requeue


def main() -> None:
    """Run it once and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repositories", type=int, default=100)
    parser.add_argument("--claim", type=int, default=16, help="pieces per claim")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="doctown-bench-", dir="/var/lib" if Path("/var/lib").is_dir() else None))
    folder.chmod(0o755)
    server = EmbeddedServer(folder)
    try:
        url = server.start()
        upgrade(url, shared("alembic"))
        fill(url, given.rows, given.repositories)
        asyncio.run(measure(url, given.claim))
    finally:
        server.stop("immediate")
        shutil.rmtree(folder, ignore_errors=True)


_REPOSITORIES = "INSERT INTO repository (id, name) SELECT i, 'repo' || i FROM generate_series(1, %(repositories)s) i"
_NODES = """
    INSERT INTO node (id, repo_id, kind, lang, fqn, name)
    SELECT i, 1 + i %% %(repositories)s, 'FUNCTION', 'go', 'pkg.f' || i, 'f' FROM generate_series(1, %(rows)s) i
"""
_CHUNKS = "INSERT INTO chunk (id, node_id, repo_id, source_hash) SELECT id, id, repo_id, md5(id::text) FROM node"
_WORK = """
    INSERT INTO work (chunk_id, stage, repo_id, state, wanted_key, reason, lane, priority, due_at, error_class,
                      last_error, done_at)
    SELECT id, 'coder', repo_id, CASE WHEN id %% 10 = 0 THEN 'dead' WHEN id %% 10 < 4 THEN 'due' ELSE 'done' END,
           'key', 'new', CASE WHEN id %% 7 = 0 THEN 2 ELSE 1 END, id %% 1000,
           now() - make_interval(secs => id %% 100000),
           CASE WHEN id %% 20 = 0 THEN 'permanent' WHEN id %% 10 = 0 THEN 'transient' END,
           CASE WHEN id %% 10 = 0 THEN 'PromptTooLong: ' || id END, now()
      FROM chunk
"""


def fill(url: str, rows: int, repositories: int) -> None:
    """Straight into the tables: triggers would do the same, one statement at a time."""
    sizes = {"rows": rows, "repositories": repositories}
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        for statement in (_REPOSITORIES, _NODES, _CHUNKS, _WORK):
            connection.execute(statement.encode(), sizes)
        connection.execute("VACUUM ANALYZE")


async def measure(url: str, pieces: int) -> None:
    """Claims alone, looks, claims during the requeue."""
    db, fair = Database(url), Fair(0.1)

    async def claim() -> float:
        began = time.perf_counter()
        claims = await db_claim.claim(
            db, Stage.CODER, owner=uuid4(), limit=pieces, lease_s=90, turn=fair.turn(pieces)
        )  # fmt: skip
        took = time.perf_counter() - began
        fair.took(claims)
        await db_claim.release(db, claims)
        return took

    alone = sorted([await claim() for _ in range(_ALONE)])
    base = alone[len(alone) // 2]
    print(f"claim of {pieces} alone: p99 / p50 {alone[int(len(alone) * 0.99)] / base:.1f} (p50 {base * 1000:.2f} ms)")
    permanent = Selection(stage=Stage.CODER, state=State.DEAD, error_class=ErrorClass.PERMANENT)
    looks: list[tuple[str, Awaitable[object]]] = [
        ("one scrape of the database's figures", figures.look(db)),
        ("status", report.progress(db)),
        ("dead", failures.causes(db)),
        ("requeue --dry-run of one error class", db_requeue.count(db, permanent)),
    ]
    for name, look in looks:
        began = time.perf_counter()
        await look
        print(f"{name}: {time.perf_counter() - began:.2f} s")
    began = time.perf_counter()
    requeue = asyncio.create_task(db_requeue.requeue(db, [Selection(stage=Stage.CODER)], actor="benchmark"))
    during = []
    while not requeue.done():
        during.append(await claim())
        await asyncio.sleep(_PAUSE_S)
    during.sort()
    count = sum(requeue.result().counts.values())
    print(f"requeue of {count:,}: {count / (time.perf_counter() - began):,.0f} pieces/s")
    print(
        f"claims meanwhile / alone: p50 {during[len(during) // 2] / base:.1f}, "
        f"p99 {during[int(len(during) * 0.99)] / base:.1f}, longest {during[-1] / base:.1f} ({len(during)} claims)"
    )
    await db.close()


if __name__ == "__main__":
    main()
