"""LINK: read the whole code graph of a repository, write what linking and ranking found out about it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
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


async def load_nodes(db: Database, repo_id: int, files: Sequence[int] | None = None) -> list[StoredNode]:
    """Nodes of the repository, or of some files, in source order: what comes first must not depend on when it came."""
    only, given = _only("n.file_id", files)
    async with db.statement() as connection:
        rows = await connection.execute(
            text(
                f"SELECT {NODE_COLUMNS} FROM node n LEFT JOIN file f ON f.id = n.file_id "
                f"WHERE n.repo_id = :repo {only} ORDER BY f.path NULLS FIRST, n.line_start, n.kind, n.fqn, n.ordinal"
            ),
            {"repo": repo_id, **given},
        )
        return nodes_of(rows)


def _only(column: str, ids: Iterable[int] | None) -> tuple[str, dict[str, list[int]]]:
    return ("", {}) if ids is None else (f"AND {column} = ANY (CAST(:only AS bigint[]))", {"only": sorted(ids)})


NODE_COLUMNS = (
    "n.id, n.file_id, n.kind, n.lang, n.fqn, n.name, n.package, n.owner, n.supertypes, n.params::text, n.return_type, "
    "n.fields::text, n.signature_hash, n.doc_summary, n.centrality, n.level, f.path, n.line_start, n.line_end, "
    "n.signature, n.annotations, n.modifiers, n.doc_details, n.role, n.role_detail, n.marks::text, n.cluster"
)


def nodes_of(rows: Iterable[Any]) -> list[StoredNode]:
    """Rows of NODE_COLUMNS as values. Most nodes share their words and lists with others: each is kept once."""
    read: dict[str, tuple[dict[str, Any], ...]] = {"[]": ()}
    marks: dict[str, tuple[Mark, ...]] = {"[]": ()}
    once: dict[tuple[str, ...], tuple[str, ...]] = {}

    def listed(written: str) -> tuple[dict[str, Any], ...]:
        found = read.get(written)
        if found is None:
            found = read[written] = tuple(json.loads(written))
        return found

    def marked(written: str) -> tuple[Mark, ...]:
        found = marks.get(written)
        if found is None:
            found = marks[written] = tuple(_mark(mark) for mark in json.loads(written))
        return found

    def words(listed: list[str]) -> tuple[str, ...]:
        found = tuple(listed)
        return once.setdefault(found, found)

    def word(said: str | None) -> Any:
        return None if said is None else intern(said)

    return [
        StoredNode(
            id=id_, file_id=file_id, kind=word(kind), lang=word(lang), fqn=fqn, name=word(name), package=word(package),
            owner=word(owner), supertypes=words(supertypes), params=listed(params), return_type=word(return_type),
            fields=listed(fields), signature_hash=signature_hash, doc_summary=doc_summary, centrality=centrality,
            level=level, path=word(path), line_start=line_start, line_end=line_end, signature=signature,
            annotations=words(annotations), modifiers=words(modifiers), doc_details=doc_details, role=word(role),
            role_detail=word(role_detail), marks=marked(said), cluster=cluster,
        )
        for (
            id_, file_id, kind, lang, fqn, name, package, owner, supertypes, params, return_type, fields,
            signature_hash, doc_summary, centrality, level, path, line_start, line_end, signature, annotations,
            modifiers, doc_details, role, role_detail, said, cluster,
        ) in rows
    ]  # fmt: skip


def _mark(stored: Mapping[str, Any]) -> Mark:
    around = tuple((name, words) for name, words in stored["around"])
    return Mark(**{**stored, "handlers": tuple(stored["handlers"]), "around": around})


_EDGE_COLUMNS = "e.src, e.kind, e.dst_name, e.dst, e.count, e.resolution"


async def load_edges(db: Database, repo_id: int, nodes: Iterable[int] | None = None) -> list[StoredEdge]:
    """Every edge of the repository, or those that begin at some nodes."""
    return await _load_edges(db, repo_id, *_only("e.src", nodes))


async def load_edges_to(db: Database, repo_id: int, nodes: Iterable[int]) -> list[StoredEdge]:
    """The edges that lead to some nodes."""
    return await _load_edges(db, repo_id, *_only("e.dst", nodes))


async def _load_edges(db: Database, repo_id: int, only: str, given: Mapping[str, list[int]]) -> list[StoredEdge]:
    async with db.statement() as connection:
        rows = await connection.execute(
            text(f"SELECT {_EDGE_COLUMNS} FROM edge e WHERE e.repo_id = :repo {only} ORDER BY src, kind, dst_name"),
            {"repo": repo_id, **given},
        )
        return _edges_of(rows)


async def load_uses(db: Database, repo_id: int, files: Iterable[int], words: Iterable[str]) -> list[StoredEdge]:
    """The edges that may lead elsewhere: all of some files, those that say one of these words, and those that lost
    what they led to. CONTAINS is none of them: it is known since its file was stored."""
    # Words have nothing in them that a pattern would take for a sign. What else than ASCII is a letter is the server's
    # view: those are found in the middle of others too.
    said = "|".join(rf"\m{word}\M" if word.isascii() else word for word in sorted(words))
    async with db.statement() as connection:
        rows = await connection.execute(
            text(
                f"SELECT {_EDGE_COLUMNS} FROM edge e JOIN node n ON n.id = e.src "
                "WHERE e.repo_id = :repo AND e.kind <> 'CONTAINS' AND (n.file_id = ANY (CAST(:files AS bigint[])) "
                "OR e.dst IS NULL AND e.resolution IS NOT NULL "
                "OR CAST(:said AS text) <> '' AND e.dst_name ~ CAST(:said AS text)) "
                "ORDER BY src, kind, dst_name"
            ),
            {"repo": repo_id, "files": sorted(files), "said": said},
        )
        return _edges_of(rows)


def _edges_of(rows: Iterable[Any]) -> list[StoredEdge]:
    # A repository has millions of edges and a few thousand names: each name is kept once.
    return [
        StoredEdge(
            src=src, kind=intern(kind), dst_name=intern(dst_name), dst=dst, count=count,
            resolution=None if resolution is None else intern(resolution),
        )
        for src, kind, dst_name, dst, count, resolution in rows
    ]  # fmt: skip


async def load_leanings(db: Database, repo_id: int) -> list[tuple[int, int, str, int]]:
    """(src, dst, kind, count) of every edge that leads somewhere."""
    async with db.statement() as connection:
        rows = await connection.execute(
            text("SELECT src, dst, kind, count FROM edge WHERE repo_id = :repo AND dst IS NOT NULL"), {"repo": repo_id}
        )
        return [(src, dst, intern(kind), count) for src, dst, kind, count in rows]


async def load_imports(
    db: Database, repo_id: int, files: Iterable[int] | None = None
) -> dict[int, list[dict[str, str]]]:
    """The imports of every file, or of some, ``[{"alias", "target"}]`` by file id."""
    only, given = _only("id", files)
    async with db.statement() as connection:
        rows = await connection.execute(
            text(f"SELECT id, imports FROM file WHERE repo_id = :repo AND imports <> '[]' {only}"),
            {"repo": repo_id, **given},
        )
        return {row.id: row.imports for row in rows}


async def load_chunks(db: Database, repo_id: int, nodes: Iterable[int] | None = None) -> list[StoredChunk]:
    """The chunks that stand for whole nodes: all of the repository, or those of some nodes."""
    only, given = _only("node_id", nodes)
    async with db.statement() as connection:
        rows = await connection.execute(
            text(
                "SELECT id, node_id, strategy, context_hash, priority FROM chunk "
                f"WHERE repo_id = :repo AND part = 0 {only}"
            ),
            {"repo": repo_id, **given},
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


async def write_found(db: Database, nodes: Sequence[StoredNode]) -> None:
    """Store what linking found out about nodes: role, centrality, level, cluster."""
    await _write(
        db,
        "UPDATE node n SET role = g.role, role_detail = g.detail, centrality = g.centrality, level = g.level, "
        "cluster = g.cluster FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS g "
        "(id bigint, role text, detail text, centrality real, level integer, cluster integer) WHERE n.id = g.id",
        [
            {
                "id": node.id, "role": node.role, "detail": node.role_detail, "centrality": node.centrality,
                "level": node.level, "cluster": node.cluster,
            }
            for node in nodes
        ],
    )  # fmt: skip


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


async def nodes_without_chunk(db: Database, repo_id: int, among: Iterable[int] | None = None) -> list[int]:
    """Nodes that have source, packages and repositories, that have no chunk yet, by id: all, or ``among`` some.

    Asked once: looking for the next thousand of them reads everything each time.
    """
    only, given = _only("n.id", among)
    async with db.statement() as connection:
        rows = await connection.execute(
            text(
                f"SELECT n.id FROM node n WHERE n.repo_id = :repo {only} AND (n.source_hash IS NOT NULL "
                "OR n.file_id IS NULL AND n.kind IN ('PACKAGE', 'REPOSITORY')) "
                "AND NOT EXISTS (SELECT FROM chunk c WHERE c.node_id = n.id) ORDER BY n.id"
            ),
            {"repo": repo_id, **given},
        )
        return [row.id for row in rows]


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
    async with db.bulk() as connection:
        rows = await connection.execute(sql("link_chunks"), {"repo_id": repo_id, "chunks": dump(list(chunks))})
        return len(rows.all())


_BATCH = 5000


async def _write(db: Database, statement: str, rows: list[dict[str, Any]]) -> None:
    for start in range(0, len(rows), _BATCH):
        async with db.bulk() as connection:
            await connection.execute(text(statement), {"rows": dump(rows[start : start + _BATCH])})
