"""FAILURES: what was given up and why, and every attempt that came to nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from db.session import Database
from db.types import Stage

_PRUNED_AT_ONCE = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Pieces that were given up for the same kind of reason. ``kind`` is the first word of the error."""

    repo: str
    stage: Stage
    error_class: str
    kind: str
    count: int
    example: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dead:
    """One piece that was given up."""

    chunk_id: int
    repo: str
    fqn: str
    stage: Stage
    error_class: str
    error: str
    attempts: int
    crashes: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One attempt that came to nothing, and the state that its work was left in."""

    at: datetime
    stage: Stage
    attempt: int
    state: str
    error_class: str
    error: str
    worker: UUID | None


async def causes(db: Database, *, repo: str | None = None, stage: Stage | None = None) -> list[Cause]:
    """Why pieces were given up, the most frequent reason first."""
    async with db.read() as connection:
        rows = await connection.execute(
            text(
                """
                SELECT r.name AS repo, w.stage, COALESCE(w.error_class, '') AS error_class,
                       split_part(COALESCE(w.last_error, ''), ':', 1) AS kind, count(*) AS count,
                       min(COALESCE(w.last_error, '')) AS example
                  FROM work w JOIN repository r ON r.id = w.repo_id
                 WHERE w.state = 'dead' AND (CAST(:repo AS text) IS NULL OR r.name = CAST(:repo AS text))
                   AND (CAST(:stage AS text) IS NULL OR w.stage = CAST(:stage AS text))
                 GROUP BY 1, 2, 3, 4 ORDER BY count(*) DESC, 1, 2, 3, 4
                """
            ),
            {"repo": repo, "stage": stage},
        )
        return [Cause(**{**row, "stage": Stage(row["stage"])}) for row in rows.mappings()]


async def dead(
    db: Database, *, repo: str | None = None, stage: Stage | None = None, error_class: str | None = None, limit: int
) -> list[Dead]:
    """What was given up, the latest first."""
    async with db.read() as connection:
        rows = await connection.execute(
            text(
                """
                SELECT w.chunk_id, r.name AS repo, n.fqn, w.stage, COALESCE(w.error_class, '') AS error_class,
                       COALESCE(w.last_error, '') AS error, w.attempts, w.crashes, w.run_at AS at
                  FROM work w
                  JOIN repository r ON r.id = w.repo_id
                  JOIN chunk c ON c.id = w.chunk_id
                  JOIN node n ON n.id = c.node_id
                 WHERE w.state = 'dead' AND (CAST(:repo AS text) IS NULL OR r.name = CAST(:repo AS text))
                   AND (CAST(:stage AS text) IS NULL OR w.stage = CAST(:stage AS text))
                   AND (CAST(:error_class AS text) IS NULL OR w.error_class = CAST(:error_class AS text))
                 ORDER BY w.run_at DESC, w.chunk_id LIMIT :limit
                """
            ),
            {"repo": repo, "stage": stage, "error_class": error_class, "limit": limit},
        )
        return [Dead(**{**row, "stage": Stage(row["stage"])}) for row in rows.mappings()]


async def history(db: Database, chunk_id: int, *, limit: int) -> list[Failure]:
    """The last attempts of a chunk that came to nothing, latest first, whatever its stage."""
    async with db.read() as connection:
        rows = await connection.execute(
            text(
                "SELECT at, stage, attempt, state, error_class, error, worker FROM failure "
                "WHERE chunk_id = :chunk ORDER BY id DESC LIMIT :limit"
            ),
            {"chunk": chunk_id, "limit": limit},
        )
        return [Failure(**{**row, "stage": Stage(row["stage"])}) for row in rows.mappings()]


async def prune(db: Database, *, keep_days: int) -> int:
    """Forget what is older; some thousands at a time, so that nobody waits. How many."""
    async with db.statement() as connection:
        rows = await connection.execute(
            text(
                "DELETE FROM failure WHERE id IN (SELECT id FROM failure "
                "WHERE at < clock_timestamp() - make_interval(days => :days) ORDER BY at LIMIT :limit) RETURNING id"
            ),
            {"days": keep_days, "limit": _PRUNED_AT_ONCE},
        )
        return len(rows.all())
