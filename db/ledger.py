"""LEDGER: the answers that are kept: how many, how often they were used again, given out, taken in, forgotten."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from db.errors import NotFound
from db.payload import dump
from db.session import Database
from db.sql import sql
from db.types import Stage

_PAGE = 500  # rows that are read or written at once
_WINDOW = 5000  # rows that one statement of pruning looks at
_MEGA = 1 << 20

# What one answer is given out with; the same names stand in ledger_import.sql.
COLUMNS = (
    "stage", "key", "source_key", "model", "options", "recipe", "prompt_fingerprint", "language", "output", "quality",
    "prompt_tokens", "output_tokens", "duration_ms", "regenerations", "made_from", "created_at",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What the ledger holds of one repository and stage.

    ``repo`` is None for what was taken in from a file, and for repositories that are gone.
    """

    repo: str | None
    stage: Stage
    answers: int  # that a model gave
    reused: int  # texts that were taken from an answer that was there
    needed: int  # rows that present texts stand on
    bytes: int
    oldest: datetime
    young: int  # rows of the last 30 days
    newest: datetime

    @property
    def hit_rate(self) -> float:
        """Share of the texts for which no model was asked."""
        return self.reused / max(1, self.answers + self.reused)


async def held(db: Database, repo: str | None = None) -> list[Held]:
    """What is held, by repository and stage. Raises NotFound for a repository that is not there."""
    await _repository(db, repo)
    async with db.read() as connection:
        rows = await connection.execute(
            text(
                """
                SELECT r.name AS repo, g.stage, count(g.output) AS answers, count(g.reused_from) AS reused,
                       count(*) FILTER (WHERE EXISTS (SELECT FROM chunk c
                                       WHERE c.id = g.chunk_id
                                         AND g.fence = CASE g.stage
                                             WHEN 'coder' THEN c.raw_fence WHEN 'talker' THEN c.content_fence
                                             WHEN 'instruct' THEN c.instruct_fence END)) AS needed,
                       sum(pg_column_size(g.*))::bigint AS bytes, min(g.created_at) AS oldest,
                       max(g.created_at) AS newest,
                       count(*) FILTER (WHERE g.created_at > now() - interval '30 days') AS young
                  FROM generation g LEFT JOIN repository r ON r.id = g.repo_id
                 WHERE CAST(:repo AS text) IS NULL OR r.name = CAST(:repo AS text)
                 GROUP BY r.name, g.stage
                 ORDER BY r.name NULLS LAST, array_position(ARRAY['coder', 'talker', 'instruct'], g.stage)
                """
            ),
            {"repo": repo},
        )
        return [Held(**{**row, "stage": Stage(row["stage"])}) for row in rows.mappings()]


async def on_disk(db: Database) -> int:
    """Bytes that the ledger takes, its indexes included."""
    async with db.read() as connection:
        return int(await connection.scalar(text("SELECT pg_total_relation_size('generation')")) or 0)


async def answers(db: Database, repo: str | None = None) -> AsyncIterator[list[dict[str, Any]]]:
    """Pages of answers as they are given out, oldest first: of each key the newest, which is the one that is reused.

    Of one repository: its own, and those that its texts were taken from.
    """
    repo_id = await _repository(db, repo)
    after = 0
    while True:
        async with db.read() as connection:
            rows = (
                await connection.execute(
                    text(
                        f"""
                        SELECT g.id, {", ".join(f"g.{name}" for name in COLUMNS)} FROM generation g
                         WHERE g.id > :after AND g.output IS NOT NULL
                           AND (CAST(:repo AS bigint) IS NULL OR g.repo_id = CAST(:repo AS bigint)
                                OR EXISTS (SELECT FROM generation u
                                            WHERE u.reused_from = g.id AND u.repo_id = CAST(:repo AS bigint)))
                           AND NOT EXISTS (SELECT FROM generation newer WHERE newer.key = g.key
                                              AND newer.output IS NOT NULL AND newer.id > g.id)
                         ORDER BY g.id LIMIT :page
                        """
                    ),
                    {"after": after, "repo": repo_id, "page": _PAGE},
                )
            ).all()
        if not rows:
            return
        after = rows[-1].id
        yield [
            {**{name: getattr(row, name) for name in COLUMNS}, "created_at": row.created_at.isoformat()} for row in rows
        ]


async def recipes(db: Database) -> list[dict[str, Any]]:
    """What every recipe is a fingerprint of, as it is given out."""
    async with db.read() as connection:
        rows = await connection.execute(text("SELECT recipe, stage, parts FROM recipe ORDER BY recipe"))
        return [dict(row) for row in rows.mappings()]


class Intake:
    """Takes answers in, within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self.connection = connection
        self.taken = 0

    async def answers(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Those that are not here already."""
        found = await self.connection.execute(sql("ledger_import"), {"rows": dump(list(rows))})
        self.taken += len(found.all())

    async def recipes(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Those that are not here already."""
        await self.connection.execute(
            text(
                "INSERT INTO recipe (recipe, stage, parts) SELECT DISTINCT ON (recipe) recipe, stage, parts "
                "FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS g (recipe text, stage text, parts jsonb) "
                "ORDER BY recipe ON CONFLICT (recipe) DO NOTHING"
            ),
            {"rows": dump(list(rows))},
        )


@asynccontextmanager
async def intake(db: Database) -> AsyncIterator[Intake]:
    """All that is taken in within the block, or, where it raises, nothing."""
    async with db.write() as connection:
        yield Intake(connection)


async def forget_before(db: Database, *, keep_days: int | None, keep_mb: int | None) -> datetime | None:
    """Before which moment answers are to be forgotten, by age and by size; None: none are.

    The size is looked at closely only where the table with its indexes is beyond it.
    """
    async with db.read() as connection:
        return await connection.scalar(  # type: ignore[no-any-return]
            text(
                """
                SELECT greatest(
                    clock_timestamp() - make_interval(days => CAST(:days AS integer)),
                    CASE WHEN pg_total_relation_size('generation') > CAST(:bytes AS bigint)
                         THEN (SELECT max(created_at) + interval '1 microsecond'
                                 FROM (SELECT g.created_at, sum(pg_column_size(g.*))
                                              OVER (ORDER BY g.created_at DESC, g.id DESC) AS upto
                                         FROM generation g) g
                                WHERE upto > CAST(:bytes AS bigint)) END)
                """
            ),
            {"days": keep_days, "bytes": None if keep_mb is None else keep_mb * _MEGA},
        )


async def prune(db: Database, before: datetime, *, after: int = 0) -> tuple[int, int | None]:
    """Look at one window of rows behind ``after`` and forget what is older; how many, and where the next one begins.

    What present texts stand on stays. None: that was the last window.
    """
    async with db.statement() as connection:
        row = (
            await connection.execute(sql("ledger_prune"), {"before": before, "after": after, "window": _WINDOW})
        ).one()
    return row.dropped, row.last if row.seen == _WINDOW else None


async def _repository(db: Database, repo: str | None) -> int | None:
    if repo is None:
        return None
    async with db.read() as connection:
        found = await connection.scalar(text("SELECT id FROM repository WHERE name = :repo"), {"repo": repo})
    if found is None:
        raise NotFound(f"no repository is called {repo!r}", "`doctown status` lists them all.")
    return int(found)
