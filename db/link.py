"""LINK: read the whole code graph of a repository, write what linking and ranking found out about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from sys import intern
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from db.parsed import Mark
from db.payload import dump
from db.session import Database
from db.sql import sql


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredNode:
    """What linking and ranking need of a node."""

    id: int
    file_id: int | None
    kind: str
    lang: str
    fqn: str
    name: str
    package: str
    owner: str | None
    supertypes: tuple[str, ...]
    params: tuple[dict[str, Any], ...]
    return_type: str | None
    fields: tuple[dict[str, Any], ...]
    signature_hash: str | None
    doc_summary: str | None
    centrality: float
    level: int
    # What is said of it in fact sheets, its own and its neighbours'.
    path: str | None
    line_start: int | None
    line_end: int | None
    signature: str | None
    annotations: tuple[str, ...]
    modifiers: tuple[str, ...]
    doc_details: str | None
    role: str | None
    role_detail: str | None
    marks: tuple[Mark, ...] = ()
    cluster: int | None = None  # of a file: which others it belongs together with


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEdge:
    """An edge with what it leads to so far."""

    src: int
    kind: str
    dst_name: str
    dst: int | None
    count: int
    resolution: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredChunk:
    """What the last index run said about a chunk's neighbours and place."""

    id: int
    node_id: int
    strategy: str
    context_hash: str | None
    priority: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BareNode:
    """A node that has no chunk yet."""

    id: int
    kind: str
    fqn: str
    params: tuple[dict[str, Any], ...]
    source_code: str
    path: str
    holds: bool = False  # nodes of its own stand in it


async def load_nodes(db: Database, repo_id: int) -> list[StoredNode]:
    """Every node of the repository in source order: what is found first must not depend on when it was stored."""
    async with db.statement() as connection:
        rows = await connection.execute(
            text(
                f"SELECT {NODE_COLUMNS} FROM node n LEFT JOIN file f ON f.id = n.file_id "
                "WHERE n.repo_id = :repo ORDER BY f.path NULLS FIRST, n.line_start, n.kind, n.fqn, n.ordinal"
            ),
            {"repo": repo_id},
        )
        return [node_of(row._mapping) for row in rows]


NODE_COLUMNS = (
    "n.id, n.file_id, n.kind, n.lang, n.fqn, n.name, n.package, n.owner, n.supertypes, n.params, n.return_type, "
    "n.fields, n.signature_hash, n.doc_summary, n.centrality, n.level, f.path, n.line_start, n.line_end, n.signature, "
    "n.annotations, n.modifiers, n.doc_details, n.role, n.role_detail, n.marks, n.cluster"
)


def node_of(row: Mapping[Any, Any]) -> StoredNode:
    """A row of NODE_COLUMNS as a value."""
    lists = {name: tuple(row[name]) for name in _LISTS}
    # Most nodes share these with many others.
    words = {name: intern(row[name]) for name in _SHARED if row[name] is not None}
    return StoredNode(**{**row, **lists, **words, "marks": tuple(_mark(mark) for mark in row["marks"])})


_LISTS = ("supertypes", "params", "fields", "annotations", "modifiers")
_SHARED = ("kind", "lang", "package", "owner", "path", "name", "role", "role_detail")


def _mark(stored: Mapping[str, Any]) -> Mark:
    around = tuple((name, words) for name, words in stored["around"])
    return Mark(**{**stored, "handlers": tuple(stored["handlers"]), "around": around})


async def load_edges(db: Database, repo_id: int) -> list[StoredEdge]:
    """Every edge of the repository."""
    async with db.statement() as connection:
        rows = await connection.execute(
            text(
                "SELECT src, kind, dst_name, dst, count, resolution FROM edge WHERE repo_id = :repo "
                "ORDER BY src, kind, dst_name"
            ),
            {"repo": repo_id},
        )
        # A repository has millions of edges and a few thousand names: each name is kept once.
        return [
            StoredEdge(
                src=src, kind=intern(kind), dst_name=intern(dst_name), dst=dst, count=count,
                resolution=None if resolution is None else intern(resolution),
            )
            for src, kind, dst_name, dst, count, resolution in rows
        ]  # fmt: skip


async def load_imports(db: Database, repo_id: int) -> dict[int, list[dict[str, str]]]:
    """The imports of every file, ``[{"alias", "target"}]`` by file id."""
    async with db.statement() as connection:
        rows = await connection.execute(
            text("SELECT id, imports FROM file WHERE repo_id = :repo AND imports <> '[]'"), {"repo": repo_id}
        )
        return {row.id: row.imports for row in rows}


async def load_chunks(db: Database, repo_id: int) -> list[StoredChunk]:
    """Every chunk of the repository that stands for a whole node."""
    async with db.statement() as connection:
        rows = await connection.execute(
            text("SELECT id, node_id, strategy, context_hash, priority FROM chunk WHERE repo_id = :repo AND part = 0"),
            {"repo": repo_id},
        )
        return [StoredChunk(**row._mapping) for row in rows]


async def write_links(db: Database, edges: Sequence[StoredEdge]) -> None:
    """Store where edges lead."""
    await _write(
        db,
        "UPDATE edge e SET dst = g.dst, resolution = g.resolution FROM jsonb_to_recordset(CAST(:rows AS jsonb)) "
        "AS g (src bigint, kind text, dst_name text, dst bigint, resolution text) "
        "WHERE e.src = g.src AND e.kind = g.kind AND e.dst_name = g.dst_name",
        [
            {
                "src": edge.src,
                "kind": edge.kind,
                "dst_name": edge.dst_name,
                "dst": edge.dst,
                "resolution": edge.resolution,
            }
            for edge in edges
        ],
    )


async def write_places(db: Database, places: Mapping[int, tuple[float, int]]) -> None:
    """Store (centrality, level) by node."""
    await _write(
        db,
        "UPDATE node n SET centrality = g.centrality, level = g.level "
        "FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS g (id bigint, centrality real, level integer) "
        "WHERE n.id = g.id",
        [{"id": node, "centrality": place[0], "level": place[1]} for node, place in places.items()],
    )


async def write_clusters(db: Database, clusters: Mapping[int, int | None]) -> None:
    """Store the cluster by node; None takes it away."""
    await _write(
        db,
        "UPDATE node n SET cluster = g.cluster FROM jsonb_to_recordset(CAST(:rows AS jsonb)) "
        "AS g (id bigint, cluster integer) WHERE n.id = g.id",
        [{"id": node, "cluster": cluster} for node, cluster in clusters.items()],
    )


async def write_roles(db: Database, roles: Mapping[int, tuple[str | None, str | None]]) -> None:
    """Store (role, detail) by node; None takes a role away."""
    await _write(
        db,
        "UPDATE node n SET role = g.role, role_detail = g.detail FROM jsonb_to_recordset(CAST(:rows AS jsonb)) "
        "AS g (id bigint, role text, detail text) WHERE n.id = g.id",
        [{"id": node, "role": role, "detail": detail} for node, (role, detail) in roles.items()],
    )


async def write_contexts(db: Database, chunks: Sequence[StoredChunk]) -> None:
    """Store what the neighbours of chunks show of themselves, and how early they go."""
    await _write(
        db,
        # A piece that has become a whole, and has no text yet, waits for what it holds. One that is a whole no longer
        # is made from its own source again.
        "UPDATE chunk c SET strategy = g.strategy, priority = g.priority, "
        "context_hash = CASE WHEN doctown_is_whole(g.strategy) AND NOT doctown_is_whole(c.strategy) "
        "AND COALESCE(c.content_raw, '') = '' THEN NULL ELSE g.context_hash END, "
        "source_hash = CASE WHEN doctown_is_whole(g.strategy) = doctown_is_whole(c.strategy) THEN c.source_hash "
        "WHEN doctown_is_whole(c.strategy) THEN n.source_hash "
        "WHEN COALESCE(c.content_raw, '') = '' THEN NULL ELSE c.source_hash END "
        "FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS g (id bigint, strategy text, context_hash text, "
        "priority integer), node n WHERE c.id = g.id AND n.id = c.node_id",
        [
            {"id": chunk.id, "strategy": chunk.strategy, "context_hash": chunk.context_hash, "priority": chunk.priority}
            for chunk in chunks
        ],
    )


async def nodes_without_chunk(db: Database, repo_id: int, *, after: int, limit: int) -> list[BareNode]:
    """Nodes that have source, packages and repositories, that have no chunk yet, by id, above ``after``."""
    async with db.statement() as connection:
        rows = await connection.execute(
            text(
                "SELECT n.id, n.kind, n.fqn, n.params, COALESCE(n.source_code, '') AS source_code, "
                "COALESCE(f.path, '') AS path FROM node n "
                "LEFT JOIN file f ON f.id = n.file_id LEFT JOIN chunk c ON c.node_id = n.id "
                "WHERE n.repo_id = :repo AND n.id > :after AND c.id IS NULL AND (n.source_hash IS NOT NULL "
                "OR n.file_id IS NULL AND n.kind IN ('PACKAGE', 'REPOSITORY')) "
                "ORDER BY n.id LIMIT :limit"
            ),
            {"repo": repo_id, "after": after, "limit": limit},
        )
        return [BareNode(**{**row._mapping, "params": tuple(row.params)}) for row in rows]


async def bare_nodes(connection: AsyncConnection, nodes: Sequence[int]) -> list[BareNode]:
    """These nodes, as far as it is needed to say what their chunks say."""
    rows = await connection.execute(
        text(
            "SELECT n.id, n.kind, n.fqn, n.params, COALESCE(n.source_code, '') AS source_code, "
            "COALESCE(f.path, '') AS path, "
            "EXISTS (SELECT FROM edge e WHERE e.src = n.id AND e.kind = 'CONTAINS') AS holds "
            "FROM node n LEFT JOIN file f ON f.id = n.file_id WHERE n.id = ANY (CAST(:nodes AS bigint[])) "
            "ORDER BY n.id"
        ),
        {"nodes": list(nodes)},
    )
    return [BareNode(**{**row._mapping, "params": tuple(row.params)}) for row in rows]


async def insert_chunks(db: Database, repo_id: int, chunks: Sequence[Mapping[str, Any]]) -> int:
    """Make chunks: ``node_id``, the fields of ChunkText, ``context_hash`` and ``priority`` of each."""
    async with db.write() as connection:
        rows = await connection.execute(sql("link_chunks"), {"repo_id": repo_id, "chunks": dump(list(chunks))})
        return len(rows.all())


_BATCH = 5000


async def _write(db: Database, statement: str, rows: list[dict[str, Any]]) -> None:
    for start in range(0, len(rows), _BATCH):
        async with db.write() as connection:
            await connection.execute(text(statement), {"rows": dump(rows[start : start + _BATCH])})
