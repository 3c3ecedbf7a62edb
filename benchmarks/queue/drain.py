"""How fast an empty answer is worked off, by 1, 2 and 4 processes, beside others' queues on the same server.

Whole path: claim, gather, stage, guard and save of Coder and Talker, the answers from a model that takes no time. Bare:
claim and save of texts that are there already, 64 at once. The others: jobs that do nothing. All processes are up and
connected before the first piece may be taken; the clock runs from that moment to the last piece.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence

import psycopg

from benchmarks.queue.ground import ROOT, Ground, table
from daemon.index.sync import sync
from daemon.settings import IndexSettings
from db.session import Database

KINDS = ("whole path", "bare", "procrastinate", "pgqueuer", "skip locked")
PROCESSES = (1, 2, 4)
_FLOOR = """
    CREATE TABLE job (id bigserial PRIMARY KEY, state smallint NOT NULL DEFAULT 0);
    CREATE INDEX job_due ON job (id) WHERE state = 0;
"""


async def drain(ground: Ground, jobs: int) -> None:
    """One row per kind, one column per number of processes."""
    await _prepare(ground, jobs)
    found = []
    for kind in KINDS:
        rates = []
        for count in PROCESSES:
            url = ground.database("drained", like=kind.replace(" ", "_"))
            rates.append(await _rate(url, kind, count))
        found.append((kind, *(f"{rate:,.0f}" for rate in rates)))
    table(("per second", *(f"{count} processes" if count > 1 else "1 process" for count in PROCESSES)), found)
    print(
        f"{jobs:,} jobs of each; of the whole path two for each of the {jobs // 2:,} most central chunks of Doctown\n",
        flush=True,
    )


async def _prepare(ground: Ground, jobs: int) -> None:
    url = ground.database("whole_path")
    db = Database(url)
    await sync(db, ROOT, "bench", IndexSettings())
    await db.close()
    with psycopg.connect(url, autocommit=True) as connection:
        # A whole waits for what it holds: its texts come one after the other, whoever works.
        connection.execute("DELETE FROM chunk WHERE doctown_is_whole(strategy)")
        connection.execute(
            "DELETE FROM chunk WHERE id NOT IN (SELECT id FROM chunk ORDER BY priority, id LIMIT %s)", (jobs // 2,)
        )
        connection.execute("DELETE FROM unsettled")
        connection.execute("VACUUM ANALYZE")
    url = ground.database("bare", like="whole_path")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("TRUNCATE repository CASCADE")
        connection.execute("INSERT INTO repository (name) SELECT 'repo' || i FROM generate_series(1, 10) i")
        connection.execute(
            b"INSERT INTO node (repo_id, kind, lang, fqn, name, source_code) SELECT r.id, 'FUNCTION', 'go', "
            b"'pkg.f' || i, 'f' || i, 'func f' || i || '() {}' FROM generate_series(1, %(jobs)s / 10) i, repository r",
            {"jobs": jobs},
        )
        connection.execute("INSERT INTO chunk (node_id) SELECT id FROM node")
        connection.execute("VACUUM ANALYZE")
    for kind in ("procrastinate", "pgqueuer", "skip_locked"):
        url = ground.database(kind, like="template0")
        if kind == "skip_locked":
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute(_FLOOR)
                connection.execute("INSERT INTO job (state) SELECT 0 FROM generate_series(1, %s)", (jobs,))
        else:
            await _child(url, kind, "fill", str(jobs))
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")


async def _child(url: str, *arguments: str) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.queue.child", url, *arguments, cwd=ROOT
    )
    assert await process.wait() == 0, arguments


async def _rate(url: str, kind: str, count: int) -> float:
    children = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-m", "benchmarks.queue.child", url, kind, "work", cwd=ROOT,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )
        for _ in range(count)
    ]  # fmt: skip
    for child in children:
        assert child.stdout is not None
        assert await child.stdout.readline() == b"ready\n"
    for child in children:
        assert child.stdin is not None
        child.stdin.write(b"go\n")
    told = [json.loads((await child.communicate())[0]) for child in children]
    assert all(child.returncode == 0 for child in children)
    return _pieces(told) / float(max(one["last"] for one in told) - min(one["first"] for one in told))


def _pieces(told: Sequence[dict[str, float]]) -> float:
    return sum(one["done"] for one in told)
