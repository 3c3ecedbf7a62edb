"""REPORT: how the work stands, one chunk with everything known about it, the ledger's sums."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text

from db.errors import NotFound
from db.session import Database
from db.types import Progress, Stage

_RATE_WINDOW_MIN = 10
_ORDER = f"ARRAY[{', '.join(f'{stage!r}' for stage in map(str, Stage))}]"


async def progress(db: Database, repo: str | None = None) -> list[Progress]:
    """One row per repository and stage; a repository without work is there with zeros for the coder."""
    async with db.read() as connection:
        rows = await connection.execute(
            text(
                f"""
                SELECT r.name, w.stage, r.paused OR control.paused AS paused, r.weight,
                       count(*) FILTER (WHERE w.state = 'due') AS due,
                       count(*) FILTER (WHERE w.state = 'leased') AS leased,
                       count(*) FILTER (WHERE w.state = 'retrying') AS retrying,
                       count(*) FILTER (WHERE w.state = 'done') AS done,
                       count(*) FILTER (WHERE w.state = 'dead') AS dead,
                       count(*) FILTER (WHERE w.state = 'done'
                           AND w.done_at > now() - interval '{_RATE_WINDOW_MIN} minutes') AS recent,
                       extract(epoch FROM now() - min(w.done_at) FILTER (WHERE w.state = 'done'
                           AND w.done_at > now() - interval '{_RATE_WINDOW_MIN} minutes'))::double precision
                           AS window_s,
                       count(*) FILTER (WHERE (c.explain_quality -> w.stage ->> 'flagged')::boolean) AS flagged
                  FROM repository r
                 CROSS JOIN control
                  LEFT JOIN work w ON w.repo_id = r.id
                       AND (doctown_runs(w.stage) OR w.state = 'leased')  -- what a stage left that is off is no work
                  LEFT JOIN chunk c ON c.id = w.chunk_id AND c.explain_quality <> '{{}}'
                 WHERE CAST(:repo AS text) IS NULL OR r.name = CAST(:repo AS text)
                 GROUP BY r.name, w.stage, r.paused, control.paused, r.weight
                 ORDER BY r.name, array_position({_ORDER}, w.stage)
                """
            ),
            {"repo": repo},
        )
        found = [_progress(dict(row)) for row in rows.mappings()]
    if repo is not None and not found:
        raise NotFound(f"no repository is called {repo!r}", "`doctown status` lists them all.")
    return found


def _progress(row: dict[str, Any]) -> Progress:
    recent, window_s = row["recent"] or 0, row["window_s"]
    rate = None
    if recent > 1 and window_s and window_s > 0:
        rate = recent / window_s * 60
    waiting = (row["due"] or 0) + (row["leased"] or 0) + (row["retrying"] or 0)
    return Progress(
        repo=row["name"], stage=Stage(row["stage"] or Stage.CODER), due=row["due"] or 0, leased=row["leased"] or 0,
        retrying=row["retrying"] or 0, done=row["done"] or 0, dead=row["dead"] or 0, flagged=row["flagged"] or 0,
        rate_per_min=rate, left_s=waiting / rate * 60 if rate else None, paused=row["paused"], weight=row["weight"],
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One chunk with all that is known about it."""

    chunk_id: int
    repo: str
    fqn: str
    kind: str
    lang: str
    part: int
    path: str | None
    line_start: int | None
    line_end: int | None
    signature: str | None
    doc_summary: str | None
    source_code: str | None
    content_raw: str | None
    content: str | None
    instruct: str | None
    explain_md: str | None  # the fact sheet; None in an index that is not ours until the daemon works on it
    language: str | None
    quality: dict[str, Any]
    stale: bool
    updated_at: datetime
    work: tuple[dict[str, Any], ...]  # stage, state, reason, attempts, error_class, last_error
    waits: str | None  # why nobody may write its texts now: a pause, a budget
    callees: tuple[str, ...]
    callers: tuple[str, ...]


_PAGE = f"""
    SELECT c.id AS chunk_id, r.name AS repo, n.fqn, n.kind, n.lang, c.part, f.path, n.line_start, n.line_end,
           n.signature, n.doc_summary, n.source_code, c.content_raw, c.content, c.instruct, c.explain_md,
           c.lang_detected AS language, c.explain_quality AS quality,
           (c.coder_due OR c.talker_due AND (COALESCE(c.content, '') <> '' OR doctown_runs('talker'))
            OR c.instruct_due AND (COALESCE(c.instruct, '') <> '' OR doctown_runs('instruct'))) AS stale, c.updated_at,
           (SELECT COALESCE(jsonb_agg(jsonb_build_object('stage', w.stage, 'state', w.state, 'reason', w.reason,
                    'attempts', w.attempts, 'error_class', w.error_class, 'last_error', w.last_error)
                    ORDER BY array_position({_ORDER}, w.stage)), '[]')
              FROM work w WHERE w.chunk_id = c.id) AS work,
           CASE WHEN NOT EXISTS (SELECT FROM work w WHERE w.chunk_id = c.id AND w.stage <> 'embed'
                                    AND w.state IN ('due', 'retrying')) THEN NULL
                WHEN control.paused THEN 'everything is paused'
                WHEN r.paused THEN 'its repository is paused'
                WHEN control.budget_until > clock_timestamp() THEN control.budget_reason
                WHEN r.budget_until > clock_timestamp() THEN r.budget_reason END AS waits,
           ARRAY(SELECT COALESCE(d.fqn, e.dst_name) FROM edge e LEFT JOIN node d ON d.id = e.dst
                  WHERE e.src = n.id AND e.kind = 'CALLS' ORDER BY e.dst IS NULL, e.count DESC, 1 LIMIT 20) AS callees,
           ARRAY(SELECT s.fqn FROM edge e JOIN node s ON s.id = e.src
                  WHERE e.dst = n.id AND e.kind = 'CALLS' ORDER BY e.count DESC, 1 LIMIT 20) AS callers
      FROM chunk c
      JOIN node n ON n.id = c.node_id
      JOIN repository r ON r.id = c.repo_id
      LEFT JOIN file f ON f.id = n.file_id
     CROSS JOIN control
"""


async def pages(db: Database, fqn: str, *, repo: str | None = None, limit: int = 20) -> list[Page]:
    """The chunks of a symbol: by its full name, else by the end of it (``Service.save``), else by its last word.

    A file is found by its path too, a package by its name, the repository by its own. Raises NotFound when nothing
    leads anywhere.
    """
    conditions = (
        "n.kind = 'FILE' AND f.path = :fqn",
        "n.fqn = :fqn",
        "n.fqn LIKE '%.' || :escaped",
        "n.name = :fqn",
        "lower(n.fqn) = lower(:fqn) OR lower(n.name) = lower(:fqn)",
    )
    escaped = fqn.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    async with db.read() as connection:
        for condition in conditions:
            rows = await connection.execute(
                text(
                    f"{_PAGE} WHERE ({condition}) AND (CAST(:repo AS text) IS NULL OR r.name = CAST(:repo AS text)) "
                    "ORDER BY r.name, n.fqn, array_position('{REPOSITORY,PACKAGE,FILE}', n.kind), n.ordinal, c.part "
                    "LIMIT :limit"
                ),
                {"fqn": fqn, "escaped": escaped, "repo": repo, "limit": limit},
            )
            found = [_page(dict(row)) for row in rows.mappings()]
            if found:
                return found
    where = f" in {repo}" if repo else ""
    raise NotFound(f"nothing is called {fqn!r}{where}", "`doctown search` finds by meaning and by words.")


async def page(db: Database, chunk_id: int) -> Page:
    """One chunk by its id."""
    async with db.read() as connection:
        row = (await connection.execute(text(f"{_PAGE} WHERE c.id = :id"), {"id": chunk_id})).mappings().first()
    if row is None:
        raise NotFound(f"there is no chunk {chunk_id}")
    return _page(dict(row))


async def repository_of(db: Database, chunk_id: int) -> int:
    """The number of a chunk's repository. Raises NotFound."""
    async with db.read() as connection:
        found = await connection.scalar(text("SELECT repo_id FROM chunk WHERE id = :id"), {"id": chunk_id})
    if found is None:
        raise NotFound(f"there is no chunk {chunk_id}")
    return int(found)


def _page(row: dict[str, Any]) -> Page:
    row["work"] = tuple(row["work"])
    row["callees"] = tuple(row["callees"])
    row["callers"] = tuple(row["callers"])
    return Page(**row)


async def central_chunks(db: Database, repo_id: int, limit: int) -> list[int]:
    """The chunks of the most central nodes of a repository, most central first; only what has source."""
    async with db.read() as connection:
        rows = await connection.execute(
            text(
                "SELECT c.id FROM chunk c JOIN node n ON n.id = c.node_id WHERE c.repo_id = :repo "
                "AND c.source_hash IS NOT NULL ORDER BY n.centrality DESC, n.level, n.fqn, c.id LIMIT :limit"
            ),
            {"repo": repo_id, "limit": limit},
        )
        return [row.id for row in rows]


async def documented(db: Database, chunks: list[int], stages: Sequence[Stage]) -> int:
    """How many of these chunks have every text of these stages, made from what is there now."""
    async with db.read() as connection:
        return int(
            await connection.scalar(
                text(
                    "SELECT count(*) FROM chunk WHERE id = ANY (CAST(:chunks AS bigint[])) AND NOT coder_due "
                    "AND NOT (talker_due AND 'talker' = ANY (CAST(:stages AS text[]))) "
                    "AND NOT (instruct_due AND 'instruct' = ANY (CAST(:stages AS text[]))) "
                    "AND COALESCE(content_raw, '') <> ''"
                ),
                {"chunks": chunks, "stages": [str(stage) for stage in stages]},
            )
            or 0
        )


async def totals(db: Database, repo_id: int) -> dict[str, Any]:
    """Nodes by kind, edges by kind, chunks, calls and how many of them lead somewhere."""
    async with db.read() as connection:
        nodes = await connection.execute(
            text("SELECT kind, count(*) AS n FROM node WHERE repo_id = :repo GROUP BY kind ORDER BY kind"),
            {"repo": repo_id},
        )
        edges = await connection.execute(
            text(
                "SELECT kind, count(*) AS n, count(dst) AS resolved "
                "FROM edge WHERE repo_id = :repo GROUP BY kind ORDER BY kind"
            ),
            {"repo": repo_id},
        )
        chunks = await connection.scalar(
            text(
                "SELECT count(*) FROM chunk WHERE repo_id = :repo "
                "AND (source_hash IS NOT NULL OR doctown_is_whole(strategy))"
            ),
            {"repo": repo_id},
        )
        edge_rows = edges.all()
        return {
            "nodes": {row.kind: row.n for row in nodes},
            "edges": {row.kind: row.n for row in edge_rows},
            "calls": sum(int(row.n) for row in edge_rows if row.kind == "CALLS"),
            "calls_resolved": sum(int(row.resolved) for row in edge_rows if row.kind == "CALLS"),
            "chunks": chunks,
        }


async def scope_progress(
    db: Database, repo_id: int, chunks: list[int] | None, stages: Sequence[Stage]
) -> dict[Stage, tuple[int, int, int]]:
    """(done, given up, all) per stage of the given chunks, or of all chunks with source of a repository.

    A chunk counts as embedded when its vectors include those of its finished texts, so that no figure ever falls.
    Instruct counts those that have somebody to be told.
    """
    async with db.read() as connection:
        rows = await connection.execute(
            text(
                """
                WITH chosen AS MATERIALIZED (
                    SELECT c.id, COALESCE(c.usable, true) AS usable FROM chunk c
                     WHERE c.repo_id = :repo AND (c.source_hash IS NOT NULL OR doctown_is_whole(c.strategy))
                       AND (CAST(:chunks AS bigint[]) IS NULL OR c.id = ANY (CAST(:chunks AS bigint[])))
                )
                SELECT s.stage,
                       count(*) FILTER (WHERE w.state = 'done' AND (s.stage <> 'embed' OR NOT EXISTS (
                           SELECT FROM unnest(CAST(:stages AS text[])) AS text_stage
                             LEFT JOIN work t ON t.chunk_id = c.id AND t.stage = text_stage
                            WHERE text_stage <> 'embed' AND (text_stage <> 'instruct' OR c.usable)
                              AND t.state IS DISTINCT FROM 'done'))) AS done,
                       count(*) FILTER (WHERE w.state = 'dead') AS dead,
                       count(*) AS total
                  FROM chosen c
                 CROSS JOIN unnest(CAST(:stages AS text[])) AS s (stage)
                  LEFT JOIN work w ON w.chunk_id = c.id AND w.stage = s.stage
                 WHERE s.stage <> 'instruct' OR c.usable
                 GROUP BY s.stage
                """
            ),
            {"repo": repo_id, "chunks": chunks, "stages": [str(stage) for stage in stages]},
        )
        found = {Stage(row.stage): (row.done, row.dead, row.total) for row in rows}
    return {stage: found.get(stage, (0, 0, 0)) for stage in stages}
