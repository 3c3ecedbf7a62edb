"""SHEET: what fact sheets are rendered from, which are there, and their writing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import text

from db.link import NODE_COLUMNS, StoredEdge, StoredNode, nodes_of
from db.payload import dump
from db.session import Database
from db.sql import sql

_OURS = r"^# `[^\n]*`\n\n[^\n]+ · [^\n]+\n"  # how daemon/index/sheet.py begins: name, then kind and language


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetChunk:
    """A chunk whose sheet is to be compared."""

    id: int
    node_id: int
    digest: str | None  # md5 of the sheet that is there


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """The part of the graph that the sheets of some chunks speak of."""

    chunks: tuple[tuple[int, int, str | None], ...]  # (chunk, node, language of the repository)
    nodes: tuple[StoredNode, ...]
    edges: tuple[StoredEdge, ...]
    places: tuple[tuple[int, int, int], ...]  # (node, place by centrality, all)


async def load_digests(db: Database, repo_id: int, nodes: Iterable[int] | None = None) -> list[SheetChunk]:
    """Every chunk of a repository, or of some nodes, with the digest of its sheet, by id; the parts of a long node have
    one sheet."""
    only = "" if nodes is None else "AND node_id = ANY (CAST(:nodes AS bigint[]))"
    async with db.statement() as connection:
        rows = await connection.execute(
            text(f"SELECT id, node_id, md5(explain_md) AS digest FROM chunk WHERE repo_id = :repo {only} ORDER BY id"),
            {"repo": repo_id, **({} if nodes is None else {"nodes": sorted(nodes)})},
        )
        return [SheetChunk(**row._mapping) for row in rows]


async def surroundings(db: Database, chunks: Sequence[int]) -> Surroundings:
    """What the sheets of some chunks need, of whatever repository they are."""
    given = {"chunks": sorted(set(chunks))}
    async with db.statement() as connection:
        known = await connection.execute(
            text(
                "SELECT c.id, c.node_id, r.language FROM chunk c JOIN repository r ON r.id = c.repo_id "
                "WHERE c.id = ANY (CAST(:chunks AS bigint[])) ORDER BY c.id"
            ),
            given,
        )
        found = tuple((row.id, row.node_id, row.language) for row in known)
        ids = [row.id for row in await connection.execute(sql("sheet_nodes"), given)]
        nodes = await connection.execute(
            text(
                f"SELECT {NODE_COLUMNS} FROM node n LEFT JOIN file f ON f.id = n.file_id "
                "WHERE n.id = ANY (CAST(:ids AS bigint[])) ORDER BY n.id"
            ),
            {"ids": ids},
        )
        stored = tuple(nodes_of(nodes))
        # From the core outward, and to the core; edges among the outer nodes are of no use and do no harm.
        edges = await connection.execute(
            text(
                "SELECT src, kind, dst_name, dst, count, resolution FROM edge WHERE src = ANY (CAST(:ids AS bigint[])) "
                "AND (dst = ANY (CAST(:ids AS bigint[])) OR src = ANY (CAST(:wanted AS bigint[])))"
            ),
            {"ids": ids, "wanted": [node for _, node, _ in found]},
        )
        links = tuple(StoredEdge(**row._mapping) for row in edges)
        ranks = await connection.execute(sql("sheet_ranks"), given)
        places = tuple((row.id, row.place, row.total) for row in ranks)
    return Surroundings(chunks=found, nodes=stored, edges=links, places=places)


async def lacking(db: Database, chunks: Sequence[int], *, foreign: bool) -> list[int]:
    """Those of the chunks that have no sheet; with ``foreign`` also those of an index that no linking keeps fresh.

    There explain_md may hold a text that came with the index: what does not look like a sheet of ours stays.
    """
    async with db.statement() as connection:
        rows = await connection.execute(
            text(
                "SELECT c.id FROM chunk c JOIN repository r ON r.id = c.repo_id "
                "WHERE c.id = ANY (CAST(:chunks AS bigint[])) "
                "AND (COALESCE(c.explain_md, '') = '' "
                "OR CAST(:foreign AS boolean) AND r.index_state = 'new' AND c.explain_md ~ CAST(:ours AS text))"
            ),
            {"chunks": sorted(set(chunks)), "foreign": foreign, "ours": _OURS},
        )
        return [row.id for row in rows]


async def write_sheets(db: Database, sheets: Mapping[int, str]) -> int:
    """Store sheets by chunk; how many were different."""
    if not sheets:
        return 0
    rows = [{"id": chunk, "explain_md": sheet} for chunk, sheet in sorted(sheets.items())]
    async with db.bulk() as connection:
        return len((await connection.execute(sql("sheet_write"), {"sheets": dump(rows)})).all())
