"""PLAN: what is due and why, what texts have cost so far, and the index as a look in memory needs it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import text

from db import carry, link
from db.carry import Candidate
from db.errors import NotFound
from db.link import StoredEdge, StoredNode
from db.payload import dump
from db.refresh import Recipes
from db.session import Database
from db.types import Stage

_LOOKED_AT = 100_000  # the newest rows of the ledger that medians are taken from


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A text that is to be written."""

    chunk_id: int
    stage: Stage
    repo: str
    reason: str
    strategy: str
    chars: int  # of the source


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What texts of a stage by a model cost, by the size of their source: medians over ``texts``.

    ``size`` is the power of two that the characters of the source lie above; None: over all sizes.
    """

    stage: Stage
    model: str
    size: int | None
    texts: int
    prompt_tokens: float | None
    output_tokens: float | None
    duration_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """What is known of the chunk of a node."""

    chunk_id: int
    source_hash: str | None
    context_hash: str | None
    strategy: str
    written: bool
    chars: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Indexed:
    """An index as it is, for comparing it with files."""

    nodes: Sequence[StoredNode]
    edges: Sequence[StoredEdge]
    imports: Mapping[int, Sequence[Mapping[str, str]]]
    chunks: Mapping[int, Chunk]  # by node
    places: Mapping[int, Candidate] = field(default_factory=dict)  # by node: what tells code that moved


async def due(db: Database, recipes: Recipes, *, repo: str | None, refresh: bool) -> list[Due]:
    """Everything that is due or waits for another try; with ``refresh`` also what other recipes made.

    Raises NotFound for a repository that is not there.
    """
    async with db.read() as connection:
        if repo is not None and not await connection.scalar(
            text("SELECT true FROM repository WHERE name = :repo"), {"repo": repo}
        ):
            raise NotFound(f"no repository is called {repo!r}", "`doctown status` lists them all.")
        rows = await connection.execute(
            text(
                """
                WITH wanted AS (
                    SELECT w.chunk_id, w.stage, w.reason FROM work w
                     WHERE w.state IN ('due', 'retrying', 'leased') AND w.stage <> 'embed' AND doctown_runs(w.stage)
                    UNION ALL
                    SELECT o.chunk_id, o.stage, o.reason FROM doctown_outdated(CAST(:recipes AS jsonb)) o
                      LEFT JOIN work w ON w.chunk_id = o.chunk_id AND w.stage = o.stage
                     WHERE :refresh AND o.stage <> 'embed' AND COALESCE(w.state, 'done') = 'done'
                       AND doctown_runs(o.stage))
                SELECT d.chunk_id, d.stage, r.name AS repo, d.reason, c.strategy,
                       COALESCE(length(n.source_code), 0) AS chars
                  FROM wanted d
                  JOIN chunk c ON c.id = d.chunk_id
                  JOIN node n ON n.id = c.node_id
                  JOIN repository r ON r.id = c.repo_id
                 WHERE CAST(:repo AS text) IS NULL OR r.name = CAST(:repo AS text)
                 ORDER BY r.name, d.chunk_id
                """
            ),
            {"recipes": dump(recipes.stored), "refresh": refresh, "repo": repo},
        )
        return [Due(**{**row, "stage": Stage(row["stage"])}) for row in rows.mappings()]


async def above(db: Database, chunks: Sequence[int], *, repo: str | None) -> list[Due]:
    """The wholes that hold some chunks, directly or not, and those that wait to be settled.

    They are due if what they read comes out different.
    """
    async with db.read() as connection:
        rows = await connection.execute(
            text(
                """
                WITH RECURSIVE upward AS (
                    SELECT c.node_id FROM chunk c
                     WHERE c.id = ANY (CAST(:chunks AS bigint[])) OR c.id IN (SELECT s.chunk_id FROM unsettled s)
                    UNION
                    SELECT e.src FROM upward u JOIN edge e ON e.dst = u.node_id AND e.kind = 'CONTAINS')
                SELECT c.id AS chunk_id, 'coder' AS stage, r.name AS repo,
                       CASE WHEN COALESCE(c.content_raw, '') = '' THEN 'new' ELSE 'context' END AS reason, c.strategy,
                       COALESCE(length(n.source_code), 0) AS chars
                  FROM upward f
                  JOIN node n ON n.id = f.node_id
                  JOIN chunk c ON c.node_id = n.id AND doctown_is_whole(c.strategy)
                  JOIN repository r ON r.id = c.repo_id
                 WHERE (CAST(:repo AS text) IS NULL OR r.name = CAST(:repo AS text))
                   AND (c.raw_recipe IS NOT NULL OR COALESCE(c.content_raw, '') = '')
                 ORDER BY r.name, c.id
                """
            ),
            {"chunks": list(chunks), "repo": repo},
        )
        return [Due(**{**row, "stage": Stage(row["stage"])}) for row in rows.mappings()]


async def costs(db: Database) -> list[Cost]:
    """What texts have cost, by stage, model and size of the source, and over all sizes."""
    async with db.read() as connection:
        rows = await connection.execute(
            text(
                f"""
                SELECT g.stage, g.model, s.size, count(*) AS texts,
                       percentile_cont(0.5) WITHIN GROUP (ORDER BY g.prompt_tokens) AS prompt_tokens,
                       percentile_cont(0.5) WITHIN GROUP (ORDER BY g.output_tokens) AS output_tokens,
                       percentile_cont(0.5) WITHIN GROUP (ORDER BY g.duration_ms) AS duration_ms
                  FROM (SELECT * FROM generation WHERE reused_from IS NULL ORDER BY id DESC LIMIT {_LOOKED_AT}) g
                  LEFT JOIN chunk c ON c.id = g.chunk_id
                  LEFT JOIN node n ON n.id = c.node_id
                 CROSS JOIN LATERAL (VALUES (true, NULL),
                       (false, floor(log(2, greatest(length(n.source_code), 1)))::integer)) AS s (overall, size)
                 WHERE s.overall OR s.size IS NOT NULL
                 GROUP BY g.stage, g.model, s.size
                """
            )
        )
        return [Cost(**{**row, "stage": Stage(row["stage"])}) for row in rows.mappings()]


async def made_of(db: Database, stage: Stage, recipe_of: Mapping[str, str]) -> set[str]:
    """Of some source keys, with the recipe that each would be made by: those that the ledger has an answer for."""
    async with db.read() as connection:
        rows = await connection.execute(
            text(
                "SELECT DISTINCT g.source_key FROM generation g "
                "JOIN jsonb_each_text(CAST(:wanted AS jsonb)) AS w (source_key, recipe) USING (source_key) "
                "WHERE g.stage = :stage AND doctown_same_recipe(g.recipe, w.recipe)"
            ),
            {"stage": stage, "wanted": dump(dict(recipe_of))},
        )
        return {row.source_key for row in rows}


async def indexed(db: Database, repo_id: int) -> Indexed:
    """The index of a repository, all of it."""
    nodes = await link.load_nodes(db, repo_id)
    edges = await link.load_edges(db, repo_id)
    imports = await link.load_imports(db, repo_id)
    async with db.read() as connection:
        rows = await connection.execute(
            text(
                "SELECT c.node_id, c.id AS chunk_id, c.source_hash, c.context_hash, c.strategy, "
                "COALESCE(c.content_raw, '') <> '' AS written, COALESCE(length(n.source_code), 0) AS chars "
                "FROM chunk c JOIN node n ON n.id = c.node_id WHERE c.repo_id = :repo AND c.part = 0"
            ),
            {"repo": repo_id},
        )
        chunks = {row["node_id"]: Chunk(**{k: v for k, v in row.items() if k != "node_id"}) for row in rows.mappings()}
        places = await carry.of_repository(connection, repo_id)
        return Indexed(nodes=nodes, edges=edges, imports=imports, chunks=chunks, places=places)
