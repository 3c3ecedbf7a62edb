"""PART: what the index says of some files, so that it can be compared before and after they were written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import text

from db.link import StoredEdge, StoredNode, load_edges, load_imports, load_nodes
from db.session import Database
from db.wholes import SourceFile, sources


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Nodes, edges and imports of some files, and what packages need of them."""

    nodes: Sequence[StoredNode] = ()
    edges: Sequence[StoredEdge] = ()
    imports: Mapping[int, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    sources: Sequence[SourceFile] = ()


async def load(db: Database, repo_id: int, paths: Sequence[str]) -> Part:
    """What is stored of the files at ``paths``; of a path that is not in the index nothing."""
    async with db.statement() as connection:
        rows = await connection.execute(
            text("SELECT id FROM file WHERE repo_id = :repo AND path = ANY (CAST(:paths AS text[]))"),
            {"repo": repo_id, "paths": list(paths)},
        )
        files = [row.id for row in rows]
    if not files:
        return Part()
    nodes = await load_nodes(db, repo_id, files)
    return Part(
        nodes=nodes,
        edges=await load_edges(db, repo_id, [node.id for node in nodes]),
        imports=await load_imports(db, repo_id, files),
        sources=await sources(db, repo_id, files),
    )
