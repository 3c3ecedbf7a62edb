"""QUALITY: the worst texts, and how often they fail, by defect, prompt, model or repository."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import text

from db.errors import NotFound
from db.session import Database
from db.types import Stage


class By(StrEnum):
    """What the texts are grouped by."""

    DEFECT = "defect"
    PROMPT = "prompt"
    MODEL = "model"
    REPO = "repo"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One text with what the guards said of it."""

    chunk_id: int
    repo: str
    fqn: str
    path: str | None
    stage: str
    part: int
    score: float | None
    flagged: bool
    defects: tuple[str, ...]
    rejected: tuple[str, ...]
    attempts: int | None
    language: str | None
    language_ratio: float | None
    grounded: float | None
    copied: float | None
    repeated: float | None
    jargon: float | None
    model: str | None
    prompt_fingerprint: str | None
    written_at: datetime | None
    stale: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Texts that have something in common, and how they fare."""

    stage: str
    name: str | None  # the defect, prompt fingerprint, model or repository; None where it is not known
    texts: int
    flagged: int
    score: float | None  # the mean
    regenerated: int  # texts that took more than one attempt
    rejected: int  # attempts, of a defect: those that it was a reason for
    defects: dict[str, int]  # of the saved texts, by code
    reasons: dict[str, int]  # of the attempts that were not taken, by code
    first_written: datetime | None
    last_written: datetime | None


_WANTED = (
    "(CAST(:repo AS text) IS NULL OR q.repo = CAST(:repo AS text)) "
    "AND (CAST(:stage AS text) IS NULL OR q.stage = CAST(:stage AS text)) "
    "AND (NOT CAST(:flagged AS boolean) OR q.flagged)"
)
_STAGES = "array_position(ARRAY['coder', 'talker', 'instruct'], q.stage)"


async def worst(
    db: Database, *, repo: str | None = None, stage: Stage | None = None, flagged: bool = False, limit: int = 20
) -> list[Judged]:
    """The texts that the guards liked least. Raises NotFound for a repository that is not there."""
    columns = ", ".join(f"q.{name}" for name in Judged.__dataclass_fields__)
    rows = await _rows(
        db,
        f"SELECT {columns} FROM quality q WHERE {_WANTED} "
        f"ORDER BY q.flagged DESC, q.score NULLS LAST, q.repo, q.fqn, q.part, {_STAGES} LIMIT :limit",
        {"repo": repo, "stage": stage, "flagged": flagged, "limit": limit},
    )
    return [Judged(**{**row, "defects": tuple(row["defects"]), "rejected": tuple(row["rejected"])}) for row in rows]


# What a text is counted under: for a defect once under each that it has or that an attempt was rejected for.
_NAMES = {
    By.DEFECT: "SELECT DISTINCT code FROM unnest(q.defects || q.rejected) AS code",
    By.PROMPT: "SELECT q.prompt_fingerprint",
    By.MODEL: "SELECT q.model",
    By.REPO: "SELECT q.repo",
    None: "SELECT CAST(NULL AS text)",
}

_GROUPS = """
    WITH judged AS MATERIALIZED (
        SELECT q.stage, n.name, q.score, q.flagged, q.attempts, q.written_at, q.defects, q.rejected
          FROM quality q
         CROSS JOIN LATERAL ({names}) AS n (name)
         WHERE {wanted}
    )
    SELECT q.stage, q.name, count(*) AS texts, count(*) FILTER (WHERE q.flagged{having}) AS flagged,
           avg(q.score) AS score, count(*) FILTER (WHERE q.attempts > 1) AS regenerated,
           COALESCE(sum({rejected}), 0)::bigint AS rejected,
           (SELECT COALESCE(jsonb_object_agg(code, n), '{{}}') FROM (
               SELECT code, count(*) AS n FROM judged j CROSS JOIN LATERAL unnest(j.defects) AS code
                WHERE j.stage = q.stage AND j.name IS NOT DISTINCT FROM q.name GROUP BY code) d) AS defects,
           (SELECT COALESCE(jsonb_object_agg(code, n), '{{}}') FROM (
               SELECT code, count(*) AS n FROM judged j CROSS JOIN LATERAL unnest(j.rejected) AS code
                WHERE j.stage = q.stage AND j.name IS NOT DISTINCT FROM q.name GROUP BY code) d) AS reasons,
           min(q.written_at) AS first_written, max(q.written_at) AS last_written
      FROM judged q
     GROUP BY q.stage, q.name
     ORDER BY {stages}, {order}
"""


async def groups(
    db: Database,
    by: By | None = None,
    *,
    repo: str | None = None,
    stage: Stage | None = None,
    flagged: bool = False,
) -> list[Group]:
    """How the texts of each stage fare, all together or by something. Raises NotFound as ``worst``."""
    a_defect = by is By.DEFECT
    statement = _GROUPS.format(
        names=_NAMES[by],
        wanted=_WANTED,
        stages=_STAGES,
        having=" AND q.name = ANY (q.defects)" if a_defect else "",
        rejected="cardinality(array_positions(q.rejected, q.name))" if a_defect else "greatest(q.attempts - 1, 0)",
        order="max(q.written_at) DESC NULLS LAST, q.name" if by is By.PROMPT else "count(*) DESC, q.name",
    )
    return [Group(**row) for row in await _rows(db, statement, {"repo": repo, "stage": stage, "flagged": flagged})]


async def _rows(db: Database, statement: str, parameters: dict[str, Any]) -> list[dict[str, Any]]:
    async with db.read() as connection:
        repo = parameters["repo"]
        if repo is not None and not await connection.scalar(
            text("SELECT true FROM repository WHERE name = :repo"), {"repo": repo}
        ):
            raise NotFound(f"no repository is called {repo!r}", "`doctown status` lists them all.")
        return [dict(row) for row in (await connection.execute(text(statement), parameters)).mappings()]
