"""Edges, written with the SQL a foreign indexer would use."""

from __future__ import annotations

from typing import Any

from tests.support.builders import Connection


def an_edge(psql: Connection, repo: int, src: int, dst: int | None, **columns: Any) -> None:
    """A call."""
    values = {"kind": "CALLS", "dst_name": f"name{dst}", "count": 1, **columns}
    psql.execute(
        "INSERT INTO edge (repo_id, src, dst, kind, dst_name, count) VALUES (%s, %s, %s, %s, %s, %s)",
        (repo, src, dst, values["kind"], values["dst_name"], values["count"]),
    )
