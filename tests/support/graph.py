"""Nodes and edges in memory, as they are loaded for linking and for sheets."""

from __future__ import annotations

from typing import Any

from db.link import StoredEdge, StoredNode


def a_node(number: int, fqn: str, **columns: Any) -> StoredNode:
    """A function of one line, whose number is that of its line."""
    values: dict[str, Any] = {
        "id": number, "file_id": 1, "kind": "FUNCTION", "lang": "python", "fqn": fqn, "name": fqn.rsplit(".", 1)[-1],
        "package": "", "owner": None, "supertypes": (), "params": (), "return_type": None, "fields": (),
        "signature_hash": None, "doc_summary": None, "centrality": 0.0, "level": 0, "path": "shop.py",
        "line_start": number, "line_end": number, "signature": None, "annotations": (), "modifiers": (),
        "doc_details": None, "role": None, "role_detail": None,
    }  # fmt: skip
    return StoredNode(**{**values, **columns})


def an_edge(src: int, dst: int | None, kind: str = "CALLS", **columns: Any) -> StoredEdge:
    """A call, once."""
    return StoredEdge(
        **{"src": src, "kind": kind, "dst_name": f"to{dst}", "dst": dst, "count": 1, "resolution": None, **columns}
    )
