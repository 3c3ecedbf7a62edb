"""REQUEUE: find chunks by stage, repository, path, name and state, and make them due again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from db.payload import dump
from db.session import Database
from db.types import Lane, Stage, State

_BATCH = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which pieces of work are meant; what is None does not narrow.

    ``path`` and ``fqn`` are patterns with ``*`` for anything.
    """

    stage: Stage
    repo: str | None = None
    path: str | None = None
    fqn: str | None = None
    state: State | None = None
    flagged: bool = False  # only texts that were saved although a guard objected
    outdated: dict[str, str] | None = None  # language -> present recipe: only texts of another recipe
    language: str = "en"  # the configured language, for repositories that name none


async def count(db: Database, selection: Selection) -> int:
    """How many pieces a requeue would touch."""
    async with db.read() as connection:
        found = await connection.scalar(text(f"SELECT count(*) {_FROM}"), _parameters(selection))
    return int(found or 0)


async def requeue(db: Database, selection: Selection, *, lane: Lane = Lane.NEW) -> int:
    """Make them due again with a fresh count of attempts; what is in work already is left alone.

    The old texts stay until the new ones are saved. In batches of short transactions, safe on millions of rows.
    """
    total = 0
    last = 0
    while True:
        async with db.write() as connection:
            chunks = await _next(connection, selection, last)
            if not chunks:
                return total
            last = chunks[-1]
            total += await _make_due(connection, selection.stage, chunks, lane)


_FROM = """
      FROM work w
      JOIN chunk c ON c.id = w.chunk_id
      JOIN node n ON n.id = c.node_id
      JOIN repository r ON r.id = w.repo_id
      LEFT JOIN file f ON f.id = n.file_id
     WHERE w.stage = :stage AND w.state <> 'leased'
       AND (w.stage <> 'talker' OR COALESCE(c.content_raw, '') <> '')
       AND (CAST(:repo AS text) IS NULL OR r.name = CAST(:repo AS text))
       AND (CAST(:state AS text) IS NULL OR w.state = CAST(:state AS text))
       AND (CAST(:path AS text) IS NULL OR f.path LIKE CAST(:path AS text))
       AND (CAST(:fqn AS text) IS NULL OR n.fqn LIKE CAST(:fqn AS text))
       AND (NOT :flagged OR (c.explain_quality -> w.stage ->> 'flagged')::boolean)
       AND (CAST(:recipes AS jsonb) IS NULL OR
            CASE w.stage WHEN 'coder' THEN c.raw_recipe WHEN 'talker' THEN c.content_recipe END
            <> CAST(:recipes AS jsonb) ->> COALESCE(r.language, :language))
"""


async def _next(connection: AsyncConnection, selection: Selection, after: int) -> list[int]:
    rows = await connection.execute(
        text(f"SELECT w.chunk_id {_FROM} AND w.chunk_id > :after ORDER BY w.chunk_id LIMIT :batch"),
        {**_parameters(selection), "after": after, "batch": _BATCH},
    )
    return [row.chunk_id for row in rows]


async def _make_due(connection: AsyncConnection, stage: Stage, chunks: list[int], lane: Lane) -> int:
    # Work alone is changed, the texts are not: a reader never sees an empty page because somebody asked for a
    # better one. The save accepts, because wanted_key is what the chunk is made from now.
    rows = await connection.execute(
        text(
            "UPDATE work SET state = 'due', reason = 'requeued', lane = :lane, attempts = 0, crashes = 0, "
            "run_at = clock_timestamp(), due_at = clock_timestamp(), error_class = NULL, last_error = NULL "
            "WHERE stage = :stage AND chunk_id = ANY (CAST(:chunks AS bigint[])) AND state <> 'leased' "
            "RETURNING chunk_id"
        ),
        {"stage": stage, "chunks": chunks, "lane": int(lane)},
    )
    return len(rows.all())


async def ask_for(db: Database, chunks: list[int]) -> None:
    """A person waits for these: whatever of them is not done goes first."""
    async with db.statement() as connection:
        await connection.execute(
            text(
                "UPDATE work SET lane = 0, run_at = clock_timestamp(), "
                "state = CASE state WHEN 'retrying' THEN 'due' ELSE state END "
                "WHERE chunk_id = ANY (CAST(:chunks AS bigint[])) AND state IN ('due', 'leased', 'retrying', 'done') "
                "AND lane <> 0"
            ),
            {"chunks": chunks},
        )


def _parameters(selection: Selection) -> dict[str, Any]:
    return {
        "stage": selection.stage, "repo": selection.repo, "state": selection.state,
        "path": _like(selection.path), "fqn": _like(selection.fqn), "flagged": selection.flagged,
        "recipes": None if selection.outdated is None else dump(selection.outdated), "language": selection.language,
    }  # fmt: skip


def _like(pattern: str | None) -> str | None:
    if pattern is None:
        return None
    escaped = pattern.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return escaped.replace("*", "%")
