"""WHOLES: the packages of a repository and the repository itself as nodes, with what each holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from db.carry import Candidate
from db.payload import dump
from db.session import Database
from db.types import EdgeKind, NodeKind

KINDS = frozenset({NodeKind.PACKAGE, NodeKind.REPOSITORY})


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """A file that is in the index, as far as packages need it."""

    node_id: int
    path: str
    name: str
    package: str
    lang: str
    doc_summary: str | None = None
    doc_details: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """A package or the repository, and what it holds: files as (node, path), packages by their folders."""

    kind: NodeKind
    fqn: str
    name: str
    lang: str
    folder: str
    files: tuple[tuple[int, str], ...] = ()
    packages: tuple[str, ...] = ()
    doc_summary: str | None = None
    doc_details: str | None = None


async def sources(db: Database, repo_id: int, files: Sequence[int] | None = None) -> list[SourceFile]:
    """The files of a repository that have something in them, all or some, by path."""
    only = "" if files is None else "AND f.id = ANY (CAST(:files AS bigint[])) "
    async with db.statement() as connection:
        rows = await connection.execute(
            text(
                "SELECT n.id AS node_id, f.path, n.name, n.package, n.lang, n.doc_summary, n.doc_details FROM node n "
                "JOIN file f ON f.id = n.file_id WHERE n.repo_id = :repo AND n.kind = 'FILE' "
                f"{only}AND n.source_hash IS NOT NULL ORDER BY f.path"
            ),
            {"repo": repo_id, **({} if files is None else {"files": list(files)})},
        )
        return [SourceFile(**row._mapping) for row in rows]


async def write(db: Database, repo_id: int, wholes: Sequence[Whole]) -> list[int]:
    """Make the nodes and CONTAINS edges of these wholes; their nodes, in the same order.

    What was a whole and is none any more stays until ``bury``: its chunk may belong to one of these now.
    """
    rows = [
        {"kind": whole.kind, "fqn": whole.fqn, "name": whole.name, "lang": whole.lang,
         "package": whole.fqn if whole.kind is NodeKind.PACKAGE else "", "doc_summary": whole.doc_summary,
         "doc_details": whole.doc_details}
        for whole in wholes
    ]  # fmt: skip
    async with db.write() as connection:
        ids = await _write_nodes(connection, repo_id, rows)
        folders = {whole.folder: ids[whole.kind, whole.fqn] for whole in wholes if whole.kind is NodeKind.PACKAGE}
        edges: list[dict[str, Any]] = []
        for whole in wholes:
            source = ids[whole.kind, whole.fqn]
            edges += [{"src": source, "name": path, "dst": node} for node, path in whole.files]
            edges += [{"src": source, "name": f"{folder}/", "dst": folders[folder]} for folder in whole.packages]
        owners = [ids[whole.kind, whole.fqn] for whole in wholes]
        await _write_edges(connection, repo_id, edges, sorted(owners))
        return owners


@dataclass(frozen=True, slots=True, kw_only=True)
class Adrift:
    """Packages: those that are none any more and have a chunk, those that have none; and what each of them holds."""

    gone: tuple[Candidate, ...]
    fresh: tuple[Candidate, ...]
    holds: Mapping[int, frozenset[int]]


async def adrift(db: Database, repo_id: int, owners: Sequence[int]) -> Adrift:
    """Where packages may have gone; ``owners`` are the nodes of all wholes that there are."""
    async with db.statement() as connection:
        rows = (
            await connection.execute(
                text(
                    "SELECT n.id AS node_id, n.lang, n.fqn, n.name, n.id = ANY (CAST(:owners AS bigint[])) AS there, "
                    "array_agg(e.dst) FILTER (WHERE e.dst IS NOT NULL) AS holds FROM node n "
                    "LEFT JOIN edge e ON e.src = n.id AND e.kind = 'CONTAINS' "
                    "WHERE n.repo_id = :repo AND n.file_id IS NULL AND n.kind = 'PACKAGE' "
                    "AND EXISTS (SELECT FROM chunk c WHERE c.node_id = n.id) "
                    "<> (n.id = ANY (CAST(:owners AS bigint[]))) GROUP BY n.id ORDER BY n.id"
                ),
                {"repo": repo_id, "owners": list(owners)},
            )
        ).all()
    found = {
        row.node_id: Candidate(
            node_id=row.node_id, path="", kind=NodeKind.PACKAGE, lang=row.lang, fqn=row.fqn, name=row.name, owner=None,
            ordinal=0, line_start=0, source_hash=None, shape_hash=None,
        )
        for row in rows
    }  # fmt: skip
    return Adrift(
        gone=tuple(found[row.node_id] for row in rows if not row.there),
        fresh=tuple(found[row.node_id] for row in rows if row.there),
        holds={row.node_id: frozenset(row.holds or ()) for row in rows},
    )


async def bury(db: Database, repo_id: int, owners: Sequence[int]) -> None:
    """Remove what was a whole and is none any more; ``owners`` are the nodes of all that there are."""
    async with db.write() as connection:
        await connection.execute(
            text(
                "DELETE FROM node WHERE repo_id = :repo AND file_id IS NULL AND kind = ANY (CAST(:kinds AS text[])) "
                "AND NOT (id = ANY (CAST(:owners AS bigint[])))"
            ),
            {"repo": repo_id, "kinds": sorted(KINDS), "owners": list(owners)},
        )


async def _write_nodes(
    connection: AsyncConnection, repo_id: int, rows: list[dict[str, Any]]
) -> dict[tuple[str, str], int]:
    given = {"repo": repo_id, "nodes": dump(rows), "kinds": sorted(KINDS)}
    await connection.execute(
        text(
            "INSERT INTO node AS n (repo_id, kind, fqn, name, lang, package, doc_summary, doc_details) "
            "SELECT :repo, g.kind, g.fqn, g.name, g.lang, g.package, g.doc_summary, g.doc_details "
            "FROM jsonb_to_recordset(CAST(:nodes AS jsonb)) AS g (kind text, fqn text, name text, lang text, "
            "package text, doc_summary text, doc_details text) "
            "ON CONFLICT ON CONSTRAINT node_identity_key DO UPDATE SET name = excluded.name, lang = excluded.lang, "
            "package = excluded.package, doc_summary = excluded.doc_summary, doc_details = excluded.doc_details "
            "WHERE (n.name, n.lang, n.package, n.doc_summary, n.doc_details) IS DISTINCT FROM "
            "(excluded.name, excluded.lang, excluded.package, excluded.doc_summary, excluded.doc_details)"
        ),
        given,
    )
    stored = await connection.execute(
        text(
            "SELECT id, kind, fqn FROM node WHERE repo_id = :repo AND file_id IS NULL "
            "AND kind = ANY (CAST(:kinds AS text[]))"
        ),
        given,
    )
    return {(row.kind, row.fqn): row.id for row in stored}


async def _write_edges(
    connection: AsyncConnection, repo_id: int, edges: list[dict[str, Any]], owners: list[int]
) -> None:
    given = {"repo": repo_id, "edges": dump(edges), "owners": owners, "kind": EdgeKind.CONTAINS}
    await connection.execute(
        text(
            "INSERT INTO edge AS e (repo_id, src, kind, dst_name, dst, resolution) "
            "SELECT :repo, g.src, :kind, g.name, g.dst, 'contains' FROM jsonb_to_recordset(CAST(:edges AS jsonb)) "
            "AS g (src bigint, name text, dst bigint) ORDER BY g.src, g.name "
            "ON CONFLICT (src, kind, dst_name) DO UPDATE SET dst = excluded.dst, resolution = excluded.resolution "
            "WHERE (e.dst, e.resolution) IS DISTINCT FROM (excluded.dst, excluded.resolution)"
        ),
        given,
    )
    await connection.execute(
        text(
            "DELETE FROM edge e WHERE e.src = ANY (CAST(:owners AS bigint[])) AND NOT EXISTS ("
            "SELECT FROM jsonb_to_recordset(CAST(:edges AS jsonb)) AS g (src bigint, name text) "
            "WHERE g.src = e.src AND g.name = e.dst_name AND e.kind = :kind)"
        ),
        given,
    )
