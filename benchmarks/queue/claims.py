"""What a claim costs beside a million rows: latency, buffers, plan; WAL and HOT of each step; a snapshot held open."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from uuid import uuid4

import psycopg
from sqlalchemy import text

from benchmarks.queue.ground import Ground, fill, quantile, table
from daemon.work.fair import Fair
from db import claim as db_claim
from db import save as db_save
from db.session import Database
from db.sql import sql
from db.types import Claim, Stage, TextDraft

_TEXT = "Adds the price of each line to the total of the order and returns it in cents. " * 13  # about 1 KB
# Fair by a window over all that is due: the way that comes to mind first.
_WINDOW = """
    UPDATE work w SET state = 'leased', fence = fence + 1, attempts = attempts + 1, leased_at = now(),
                      lease_owner = gen_random_uuid(), lease_until = now() + '90 s'
      FROM (SELECT d.chunk_id FROM work d JOIN (
                SELECT chunk_id, row_number() OVER (PARTITION BY repo_id ORDER BY lane, priority, chunk_id) AS place
                  FROM work WHERE stage = 'coder' AND state = 'due') ranked USING (chunk_id)
             WHERE d.stage = 'coder' AND d.state = 'due'
             ORDER BY ranked.place LIMIT 16 FOR NO KEY UPDATE OF d SKIP LOCKED) taken
     WHERE w.chunk_id = taken.chunk_id AND w.stage = 'coder' RETURNING w.chunk_id
"""


async def claims(ground: Ground, rows: int) -> None:
    """p50 and p99 of claims of 1, 16 and 64 pieces; the same at a hundredth of the rows; the plan."""
    found: list[tuple[str, ...]] = []
    buffers: dict[int, int] = {}
    for size in (rows // 100, rows):
        url = ground.database("claims")
        fill(url, size, 100, dead=10, done=31)
        db, fair = Database(url), Fair(0.1)
        try:
            for pieces in (1, 16, 64):
                took = [await _claim(db, fair, pieces) for _ in range(400)]
                found.append((
                    f"{size:,}", str(pieces), f"{quantile(took, 0.5) * 1000:.2f}", f"{quantile(took, 0.99) * 1000:.2f}",
                ))  # fmt: skip
            plan = await _plan(db)
            buffers[size] = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
            if size == rows:
                nodes = sorted(set(_nodes(plan)))
                began = time.perf_counter()
                await _undone(db, _WINDOW)
                window = time.perf_counter() - began
        finally:
            await db.close()
    table(("rows", "pieces", "claim p50, ms", "p99, ms"), found)
    few, many = buffers[rows // 100], buffers[rows]
    print(f"buffers of a claim of 16: {few} of {rows // 100:,} rows, {many} of {rows:,}: {many / few:.2f} times")
    middle = next(float(row[2]) for row in reversed(found) if row[1] == "16")
    print(f"fair by a window over what is due, one claim of 16: {window * 1000 / middle:,.0f} times as long")
    print(f"plan: {', '.join(nodes)}\n", flush=True)


async def _claim(db: Database, fair: Fair, pieces: int) -> float:
    began = time.perf_counter()
    got = await db_claim.claim(
        db, Stage.CODER, owner=uuid4(), limit=pieces, lease_s=90, turn=fair.turn(pieces)
    )  # fmt: skip
    took = time.perf_counter() - began
    assert len(got) == pieces
    fair.took(got)
    await db_claim.release(db, got)
    return took


async def _plan(db: Database) -> dict[str, Any]:
    """The plan of a claim of 16 as it ran; nothing is kept of it."""
    given = {
        "stage": "coder", "owner": str(uuid4()), "limit": 16, "lease_s": 90.0, "max_lane": 2, "repo_id": None,
        "virtual": [0.0, 0.0, 0.0], "aged": 1, "served": "[]",
    }  # fmt: skip
    answer = await _undone(db, f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sql('claim_take').text}", given)
    plan = (json.loads(answer) if isinstance(answer, str) else answer)[0]["Plan"]
    return dict(plan)


class _Undo(Exception):
    """Rolls a transaction back."""


async def _undone(db: Database, statement: str, given: dict[str, Any] | None = None) -> Any:
    """The first value that a statement answers; nothing of it stays."""
    found = None
    with suppress(_Undo):
        async with db.write() as connection:
            found = await connection.scalar(text(statement), given or {})
            raise _Undo
    return found


def _nodes(plan: dict[str, Any]) -> list[str]:
    name = plan["Node Type"] + (f" on {plan['Index Name']}" if "Index Name" in plan else "")
    if plan["Node Type"] == "Seq Scan":
        name += f" on {plan['Relation Name']}"
    return [name, *(node for child in plan.get("Plans", ()) for node in _nodes(child))]


async def wal(ground: Ground) -> None:
    """Bytes of WAL, and share of HOT updates of ``work``, per claimed, renewed and saved piece."""
    url = ground.database("wal")
    fill(url, 20_000, 10)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET full_page_writes = off")
        connection.execute("SELECT pg_reload_conf()")
        found = []
        held: list[Claim] = []
        try:
            for step in ("claim", "renewal", "save"):
                before, hot = _wal(connection), _updates(connection)
                db = Database(url)
                if step == "claim":
                    for _ in range(250):
                        held += await db_claim.claim(db, Stage.CODER, owner=uuid4(), limit=16, lease_s=90)
                elif step == "renewal":
                    for start in range(0, len(held), 64):
                        assert len(await db_claim.renew(db, held[start : start + 64], lease_s=90))
                else:
                    for start in range(0, len(held), 16):
                        await db_save.save_texts(db, _drafts(held[start : start + 16]), worker="benchmark")
                await db.close()  # whose sessions then tell what they counted
                await asyncio.sleep(1)
                after, warm = _wal(connection), _updates(connection)
                updates = warm[0] - hot[0]
                found.append((
                    step, f"{(after - before) / len(held):,.0f}", f"{(warm[1] - hot[1]) / max(1, updates):.0%}",
                ))  # fmt: skip
        finally:
            connection.execute("ALTER SYSTEM RESET full_page_writes")
            connection.execute("SELECT pg_reload_conf()")
    table(("step", "WAL bytes per piece", "HOT share of updates of work"), found)
    size = len(_TEXT.encode())
    print(f"{len(held):,} pieces, claimed and saved by 16, renewed by 64; the text saved has {size:,} bytes")
    print("(WAL without full page images: how many of those there are depends on checkpoints)\n", flush=True)


def _wal(connection: psycopg.Connection) -> int:
    row = connection.execute("SELECT pg_current_wal_insert_lsn() - '0/0'").fetchone()
    assert row is not None
    return int(row[0])


def _updates(connection: psycopg.Connection) -> tuple[int, int]:
    row = connection.execute(
        "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'work'"
    ).fetchone()
    assert row is not None
    return int(row[0]), int(row[1])


def _drafts(claims: Sequence[Claim]) -> list[tuple[Claim, TextDraft]]:
    return [
        (
            claim,
            TextDraft(
                text=f"{claim.chunk_id}: {_TEXT}", key=f"key {claim.chunk_id}", recipe="recipe", model="none",
                options={}, prompt_fingerprint="prompt", language="en", quality={"score": 1.0},
            ),
        )
        for claim in claims
    ]  # fmt: skip


async def drain_bare(db: Database) -> int:
    """Claim and save ready texts by 64 until nothing is due; how many."""
    done, owner = 0, uuid4()
    while claims := await db_claim.claim(db, Stage.CODER, owner=owner, limit=64, lease_s=90):
        await db_save.save_texts(db, _drafts(claims), worker="benchmark")
        done += len(claims)
    return done


async def snapshot(ground: Ground, rows: int) -> None:
    """Claim latency, first and last tenth of a drain of ``rows``, with nothing else and with a snapshot held open."""
    found = []
    for name in ("nothing else", "a snapshot held open"):
        url = ground.database("snapshot")
        fill(url, rows, 10)
        db = Database(url)
        took: list[float] = []
        with psycopg.connect(url) as reader:
            if name != "nothing else":
                reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                reader.execute("SELECT count(*) FROM repository")
            while True:
                began = time.perf_counter()
                claims = await db_claim.claim(db, Stage.CODER, owner=uuid4(), limit=16, lease_s=90)
                took.append(time.perf_counter() - began)
                if not claims:
                    break
                await db_save.save_texts(db, _drafts(claims), worker="benchmark")
        await db.close()
        tenth = len(took) // 10
        first, last = took[:tenth], took[-tenth - 1 : -1]
        found.append((
            name, f"{quantile(first, 0.5) * 1000:.2f}", f"{quantile(last, 0.5) * 1000:.2f}",
            f"{quantile(last, 0.99) * 1000:.2f}", f"{quantile(last, 0.5) / quantile(first, 0.5):.1f}",
        ))  # fmt: skip
    table((f"drain of {rows:,}", "claim p50 at first, ms", "at last", "p99 at last", "last / first"), found)
