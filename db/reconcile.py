"""RECONCILE: prove that the queue is what the data asks for, window by window, and mend it where it is not."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from db import audit, wake
from db.audit import Order
from db.errors import NotFound
from db.session import Database
from db.sql import sql

_WINDOW = 2000  # chunks per statement
_SHOWN = 5  # examples of each kind


@dataclass(slots=True)
class Differences:
    """What differs, by (stage, kind), with a few chunks of each; ``chunks``: how many were looked at."""

    chunks: int = 0
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    examples: dict[tuple[str, str], list[int]] = field(default_factory=dict)

    def add(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Count what one window showed."""
        for row in rows:
            what = row["stage"], row["kind"]
            self.counts[what] += 1
            shown = self.examples.setdefault(what, [])
            if len(shown) < _SHOWN:
                shown.append(row["chunk_id"])


async def reconcile(db: Database, *, repo: str | None = None, mend: Order | None = None) -> Differences:
    """Compare, and with ``mend`` put right and note it in the audit. Raises NotFound.

    Safe at any time, beside daemons and on millions of rows: each window is one statement and sees one moment, in which
    the triggers have left no gap between data and queue. Whatever differs came about without them.
    """
    found = Differences()
    async with db.read() as connection:
        repo_id = await _repository(connection, repo)
    async for after, upto, count in _windows(db, repo_id):
        found.chunks += count
        async with db.write() as connection:
            window = {"after": after, "upto": upto, "repo_id": repo_id}
            rows = [dict(row) for row in (await connection.execute(sql("reconcile"), window)).mappings()]
            if rows and mend is not None:
                await _mend(connection, rows)
        found.add(rows)
    if mend is not None and found.counts:
        async with db.write() as connection:
            await audit.note(connection, mend, {f"{stage} {kind}": n for (stage, kind), n in found.counts.items()})
            await wake.call(connection)
    return found


async def _mend(connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    touched = sorted({row["chunk_id"] for row in rows if row["kind"] not in {"needless", "off"}})
    if touched:
        # An update that changes nothing is a request: the triggers put into the queue whatever is due.
        await connection.execute(
            text("SELECT id FROM chunk WHERE id = ANY (CAST(:chunks AS bigint[])) ORDER BY id FOR NO KEY UPDATE"),
            {"chunks": touched},
        )
        await connection.execute(
            text("UPDATE chunk SET priority = priority WHERE id = ANY (CAST(:chunks AS bigint[]))"),
            {"chunks": touched},
        )
    idle = [row for row in rows if row["kind"] in {"needless", "off"}]
    if idle:
        await connection.execute(
            text(
                "UPDATE work w SET state = 'done', error_class = NULL, last_error = NULL "
                "FROM (SELECT w.chunk_id, w.stage FROM work w JOIN unnest(CAST(:chunks AS bigint[]), "
                "CAST(:stages AS text[])) AS i (chunk_id, stage) ON i.chunk_id = w.chunk_id AND i.stage = w.stage "
                "WHERE w.state IN ('due', 'retrying', 'dead') ORDER BY 1, 2 FOR NO KEY UPDATE OF w) idle "
                "WHERE w.chunk_id = idle.chunk_id AND w.stage = idle.stage"
            ),
            {"chunks": [row["chunk_id"] for row in idle], "stages": [row["stage"] for row in idle]},
        )


async def _repository(connection: AsyncConnection, repo: str | None) -> int | None:
    if repo is None:
        return None
    found = await connection.scalar(text("SELECT id FROM repository WHERE name = :repo"), {"repo": repo})
    if found is None:
        raise NotFound(f"no repository is called {repo}", "`doctown status` lists them.")
    return int(found)


async def _windows(db: Database, repo_id: int | None) -> AsyncIterator[tuple[int, int | None, int]]:
    """Windows (after, up to) of chunks and how many each holds; the last has no end, for what is being added."""
    after: int | None = 0
    while after is not None:
        async with db.read() as connection:
            row = (
                await connection.execute(
                    text(
                        "SELECT max(id) AS upto, count(*) AS chunks FROM (SELECT id FROM chunk WHERE id > :after "
                        "AND (CAST(:repo_id AS bigint) IS NULL OR repo_id = CAST(:repo_id AS bigint)) "
                        "ORDER BY id LIMIT :window) window_of"
                    ),
                    {"after": after, "repo_id": repo_id, "window": _WINDOW},
                )
            ).one()
        upto = row.upto if row.chunks == _WINDOW else None
        yield after, upto, row.chunks
        after = upto
