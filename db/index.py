"""INDEX: files, nodes, edges and chunks as the parser found them; only differences are written."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from db import carry as db_carry
from db import wake
from db.carry import Carrier
from db.errors import DatabaseBusy
from db.parsed import ParsedFile, ParsedNode, SkippedFile
from db.payload import dump, fields_of
from db.session import Database
from db.sql import sql
from db.types import EdgeKind, NodeKind

_HOLD_S = 600  # an index run that died gives its repository free again after this time


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRepository:
    """A repository as the store knows it."""

    id: int
    name: str
    root: str | None
    language: str | None
    index_state: str
    roles: str | None  # fingerprint of what it was linked by: table of roles, words of the sheets, version
    roots: Mapping[str, str] | None  # prefix of an import -> folder, as its files were read with


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """What the store remembers of a file, to tell whether it must be read again."""

    id: int
    size: int
    mtime_ns: int
    content_hash: str | None
    skipped: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkText:
    """What the indexer says of a chunk beyond its node."""

    title: str
    strategy: str
    audience: str
    goal: str
    quality_target: str
    idents: str
    words: str


@dataclass(slots=True)
class Written:
    """How many rows one batch changed."""

    nodes: int = 0
    nodes_removed: int = 0
    edges: int = 0
    chunks: int = 0
    chunks_removed: int = 0
    adrift: list[int] = field(default_factory=list)  # nodes that are gone from their files and have chunks still
    unfinished: list[str] = field(default_factory=list)  # files that hold such nodes


async def open_repository(
    db: Database, name: str, *, root: str | None = None, language: str | None = None
) -> StoredRepository:
    """Find or make the repository ``name``; ``root`` and ``language`` are remembered where given."""
    values = {"name": name, "root": root, "language": language}
    async with db.statement() as connection:
        await connection.execute(
            text(
                "INSERT INTO repository AS r (name, root, language) VALUES (:name, :root, :language) "
                "ON CONFLICT (name) DO UPDATE SET root = COALESCE(excluded.root, r.root), "
                "language = COALESCE(excluded.language, r.language), "
                # Fact sheets speak the repository's language: another one makes the next run write them anew.
                "index_state = CASE WHEN r.index_state = 'linked' "
                "AND COALESCE(excluded.language, r.language) IS DISTINCT FROM r.language "
                "THEN 'writing' ELSE r.index_state END "
                "WHERE (COALESCE(excluded.root, r.root), COALESCE(excluded.language, r.language)) "
                "IS DISTINCT FROM (r.root, r.language)"
            ),
            values,
        )
        found = await connection.execute(
            text("SELECT id, name, root, language, index_state, roles, roots FROM repository WHERE name = :name"),
            values,
        )
        return StoredRepository(**found.one()._mapping)


async def find_repository(db: Database, name: str) -> StoredRepository | None:
    """The repository ``name``; None where there is none. Nothing is written."""
    async with db.read() as connection:
        found = await connection.execute(
            text("SELECT id, name, root, language, index_state, roles, roots FROM repository WHERE name = :name"),
            {"name": name},
        )
        row = found.first()
        return None if row is None else StoredRepository(**row._mapping)


@asynccontextmanager
async def exclusive(db: Database, repo_id: int) -> AsyncIterator[None]:
    """One index run per repository: raises DatabaseBusy while another one is at it.

    The lock is that of a transaction which does nothing else: a pooler would give the lock of a session to others. It
    has read nothing by a snapshot and written nothing, so that it keeps no vacuum from its work.
    """
    async with db.write() as connection:
        lock = {"space": 0x646F6374, "repo": repo_id % 2_000_000_000}
        await connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        if not await connection.scalar(text("SELECT pg_try_advisory_xact_lock(:space, :repo)"), lock):
            raise DatabaseBusy(
                "another index run of this repository is under way", "Wait for it, then run the command again."
            )
        yield


async def known_files(db: Database, repo_id: int, paths: Iterable[str] | None = None) -> dict[str, StoredFile]:
    """Every file of the repository by path, or those of ``paths``; skipped ones included."""
    only = "" if paths is None else "AND path = ANY (CAST(:paths AS text[]))"
    async with db.statement() as connection:
        rows = await connection.execute(
            text(f"SELECT path, id, size, mtime_ns, content_hash, skipped FROM file WHERE repo_id = :repo {only}"),
            {"repo": repo_id, **({} if paths is None else {"paths": sorted(paths)})},
        )
        return {
            row.path: StoredFile(
                id=row.id, size=row.size or 0, mtime_ns=row.mtime_ns or 0, content_hash=row.content_hash,
                skipped=row.skipped,
            )
            for row in rows
        }  # fmt: skip


async def has_chunks(db: Database, repo_id: int) -> bool:
    """Whether anything of the repository is described by a chunk yet."""
    async with db.statement() as connection:
        found = await connection.scalar(
            text("SELECT EXISTS (SELECT FROM chunk WHERE repo_id = :repo)"), {"repo": repo_id}
        )
        return bool(found)


async def hold(db: Database, repo_id: int) -> None:
    """Keep the repository's work from being claimed while its index is being rewritten; renew per batch."""
    async with db.statement() as connection:
        await connection.execute(
            text(
                "UPDATE repository SET index_state = 'writing', "
                "indexing_until = clock_timestamp() + make_interval(secs => :hold) WHERE id = :repo"
            ),
            {"repo": repo_id, "hold": _HOLD_S},
        )


async def finish(db: Database, repo_id: int, *, roles: str, roots: Mapping[str, str]) -> None:
    """The index is whole again: its work may be claimed, daemons are told.

    ``roles``: fingerprint of what it was linked by; ``roots``: prefix of an import -> folder, for reading files.
    """
    async with db.write() as connection:
        await connection.execute(
            text(
                "UPDATE repository SET index_state = 'linked', indexing_until = NULL, "
                "indexed_at = clock_timestamp(), roles = :roles, roots = CAST(:roots AS jsonb) WHERE id = :repo"
            ),
            {"repo": repo_id, "roles": roles, "roots": dump(dict(roots))},
        )
        await wake.call(connection)


async def write_files(
    db: Database,
    repo_id: int,
    files: Sequence[ParsedFile],
    chunks: Mapping[tuple[int, int], ChunkText],
    carrier: Carrier,
) -> Written:
    """Write a batch of files with their nodes and edges in one transaction.

    ``chunks`` says of node ``j`` of file ``i`` under ``(i, j)`` what its chunk is to say, if it has one already (new
    ones are made by linking, which knows their neighbours); the chunk of a node that is missing there is removed. What
    was only called otherwise inside of its file keeps its chunk. Nodes that are gone otherwise stay while they have
    one, until all files are written: their code may have gone to another. Such files count as unread until
    ``db.carry.finish_files``, so that a run that is killed leaves nothing behind.
    """
    async with db.write() as connection:
        file_ids = await _write_file_rows(connection, repo_id, files)
        before = await db_carry.of_files(connection, sorted(file_ids.values()))
        ids, written = await _write_nodes(connection, repo_id, files, file_ids)
        await db_carry.inside(connection, repo_id, before, sorted(file_ids.values()), set(ids.values()), carrier)
        await _drop_nodes(connection, set(before) - set(ids.values()), written)
        written.unfinished = await db_carry.mark_unfinished(connection, written.adrift)
        written.edges = await _write_edges(connection, repo_id, files, ids)
        rows = [{"node_id": ids[place], **fields_of(chunk)} for place, chunk in chunks.items()]
        written.chunks = await _count(connection, "index_chunks", {"repo_id": repo_id, "chunks": dump(rows)})
        written.chunks_removed = await _drop_chunks(connection, set(ids.values()), {row["node_id"] for row in rows})
    return written


async def write_skipped(db: Database, repo_id: int, files: Sequence[SkippedFile]) -> Written:
    """Remember files that were seen and not read; what they held before is removed."""
    if not files:
        return Written()
    rows = [{"path": file.path, "size": file.size, "mtime_ns": file.mtime_ns, "skipped": file.reason} for file in files]
    async with db.write() as connection:
        ids = await connection.execute(
            text(
                "INSERT INTO file AS f (repo_id, path, size, mtime_ns, skipped) "
                "SELECT :repo, g.path, g.size, g.mtime_ns, g.skipped FROM jsonb_to_recordset(CAST(:files AS jsonb)) "
                "AS g (path text, size bigint, mtime_ns bigint, skipped text) "
                "ON CONFLICT (repo_id, path) DO UPDATE SET size = excluded.size, mtime_ns = excluded.mtime_ns, "
                "skipped = excluded.skipped, content_hash = NULL, syntax_errors = 0 "
                "WHERE (f.size, f.mtime_ns, f.skipped) IS DISTINCT FROM "
                "(excluded.size, excluded.mtime_ns, excluded.skipped) RETURNING f.id"
            ),
            {"repo": repo_id, "files": dump(rows)},
        )
        removed = await connection.execute(
            text("DELETE FROM node WHERE file_id = ANY (CAST(:ids AS bigint[])) RETURNING id"),
            {"ids": [row.id for row in ids]},
        )
        return Written(nodes_removed=len(removed.all()))


async def touch_files(db: Database, repo_id: int, files: Sequence[tuple[str, int, int]]) -> None:
    """Remember new (path, size, mtime_ns) of files whose content turned out to be the same."""
    if not files:
        return
    rows = [{"path": path, "size": size, "mtime_ns": mtime_ns} for path, size, mtime_ns in files]
    async with db.statement() as connection:
        await connection.execute(
            text(
                "UPDATE file f SET size = g.size, mtime_ns = g.mtime_ns "
                "FROM jsonb_to_recordset(CAST(:files AS jsonb)) AS g (path text, size bigint, mtime_ns bigint) "
                "WHERE f.repo_id = :repo AND f.path = g.path"
            ),
            {"repo": repo_id, "files": dump(rows)},
        )


async def _write_file_rows(connection: AsyncConnection, repo_id: int, files: Sequence[ParsedFile]) -> dict[str, int]:
    rows = [
        {
            "path": file.path, "lang": file.lang, "package": file.package, "size": file.size,
            "mtime_ns": file.mtime_ns, "content_hash": file.content_hash, "line_count": file.line_count,
            "imports": list(file.imports), "syntax_errors": file.syntax_errors,
        }
        for file in files
    ]  # fmt: skip
    answer = await connection.execute(
        text(
            "INSERT INTO file (repo_id, path, lang, package, size, mtime_ns, content_hash, line_count, imports, "
            "syntax_errors) SELECT :repo, g.path, g.lang, g.package, g.size, g.mtime_ns, g.content_hash, "
            "g.line_count, g.imports, g.syntax_errors FROM jsonb_to_recordset(CAST(:files AS jsonb)) AS g "
            "(path text, lang text, package text, size bigint, mtime_ns bigint, content_hash text, "
            "line_count integer, imports jsonb, syntax_errors integer) "
            "ON CONFLICT (repo_id, path) DO UPDATE SET lang = excluded.lang, package = excluded.package, "
            "size = excluded.size, mtime_ns = excluded.mtime_ns, content_hash = excluded.content_hash, "
            "line_count = excluded.line_count, imports = excluded.imports, "
            "syntax_errors = excluded.syntax_errors, skipped = NULL RETURNING path, id"
        ),
        {"repo": repo_id, "files": dump(rows)},
    )
    return {row.path: row.id for row in answer}


async def _write_nodes(
    connection: AsyncConnection, repo_id: int, files: Sequence[ParsedFile], file_ids: Mapping[str, int]
) -> tuple[dict[tuple[int, int], int], Written]:
    rows = [
        {
            "file_id": file_ids[file.path],
            **fields_of(node),
            "source_hash": node.source_hash if node.source_code else None,
        }
        for file in files
        for node in file.nodes
    ]
    written = Written()
    written.nodes = await _count(connection, "index_nodes", {"repo_id": repo_id, "nodes": dump(rows)})
    stored = await connection.execute(
        text("SELECT id, file_id, kind, fqn, ordinal FROM node WHERE file_id = ANY (CAST(:files AS bigint[]))"),
        {"files": sorted(file_ids.values())},
    )
    by_identity = {(row.file_id, row.kind, row.fqn, row.ordinal): row.id for row in stored}
    ids = {
        (i, j): by_identity[_identity(file_ids[file.path], node)]
        for i, file in enumerate(files)
        for j, node in enumerate(file.nodes)
    }
    return ids, written


async def _drop_nodes(connection: AsyncConnection, gone: set[int], written: Written) -> None:
    """Remove what is gone and has no chunk; what has one is adrift."""
    written.adrift = sorted(await db_carry.with_chunks(connection, sorted(gone)))
    bare = sorted(gone.difference(written.adrift))
    if bare:
        await connection.execute(text("DELETE FROM node WHERE id = ANY (CAST(:ids AS bigint[]))"), {"ids": bare})
    written.nodes_removed = len(bare)


async def describe_chunks(connection: AsyncConnection, repo_id: int, chunks: Mapping[int, ChunkText]) -> None:
    """Say of the chunks of some nodes what is said of new ones: after they were carried."""
    rows = [{"node_id": node, **fields_of(chunk)} for node, chunk in chunks.items()]
    await connection.execute(sql("index_chunks"), {"repo_id": repo_id, "chunks": dump(rows)})


def _identity(file_id: int, node: ParsedNode) -> tuple[int, str, str, int]:
    return file_id, str(node.kind), node.fqn, node.ordinal


def edge_rows(
    files: Sequence[ParsedFile], ids: Mapping[tuple[int, int], int]
) -> dict[tuple[int, str, str], dict[str, Any]]:
    """The edges of some files by (src, kind, name), uses of one name added up; ``ids[i, j]`` is node j of file i."""
    rows: dict[tuple[int, str, str], dict[str, Any]] = {}
    for i, file in enumerate(files):
        owners = {node.fqn: ids[i, j] for j, node in enumerate(file.nodes) if node.kind in CONTAINERS}
        for j, node in enumerate(file.nodes):
            if node.kind is NodeKind.FILE:
                continue
            parent = owners.get(node.owner or "", ids[i, 0])
            name = node.fqn if node.ordinal == 0 else f"{node.fqn}#{node.ordinal}"
            rows[parent, EdgeKind.CONTAINS, name] = {
                "src": parent, "kind": EdgeKind.CONTAINS, "dst_name": name, "dst": ids[i, j], "count": 1,
                "line": node.line_start, "resolution": "contains",
            }  # fmt: skip
        for use in file.references:
            source = ids[i, use.source]
            row = rows.setdefault(
                (source, use.kind, use.target),
                {"src": source, "kind": use.kind, "dst_name": use.target, "count": 0, "line": use.line},
            )
            row["count"] += use.count
    return rows


async def _write_edges(
    connection: AsyncConnection, repo_id: int, files: Sequence[ParsedFile], ids: Mapping[tuple[int, int], int]
) -> int:
    rows = edge_rows(files, ids)
    changed = await _count(connection, "index_edges", {"repo_id": repo_id, "edges": dump(list(rows.values()))})
    stored = await connection.execute(
        text("SELECT src, kind, dst_name FROM edge WHERE src = ANY (CAST(:nodes AS bigint[]))"),
        {"nodes": sorted(ids.values())},
    )
    gone = [(row.src, row.kind, row.dst_name) for row in stored if (row.src, row.kind, row.dst_name) not in rows]
    if gone:
        await connection.execute(
            text(
                "DELETE FROM edge e USING unnest(CAST(:src AS bigint[]), CAST(:kind AS text[]), "
                "CAST(:name AS text[])) AS g (src, kind, dst_name) "
                "WHERE e.src = g.src AND e.kind = g.kind AND e.dst_name = g.dst_name"
            ),
            {"src": [g[0] for g in gone], "kind": [g[1] for g in gone], "name": [g[2] for g in gone]},
        )
    return changed + len(gone)


CONTAINERS = frozenset({NodeKind.CLASS, NodeKind.INTERFACE, NodeKind.ENUM, NodeKind.OBJECT})


async def _drop_chunks(connection: AsyncConnection, nodes: set[int], kept: set[int]) -> int:
    gone = await connection.execute(
        text("DELETE FROM chunk WHERE node_id = ANY (CAST(:nodes AS bigint[])) RETURNING id"),
        {"nodes": sorted(nodes - kept)},
    )
    return len(gone.all())


async def _count(connection: AsyncConnection, statement: str, parameters: Mapping[str, Any]) -> int:
    return len((await connection.execute(sql(statement), parameters)).all())
