"""Rows that are valid by default, written with the SQL a foreign indexer would use."""

from __future__ import annotations

import itertools
from typing import Any
from uuid import uuid4

import psycopg

from db import claim as db_claim
from db import requeue as db_requeue
from db.requeue import Selection
from db.session import Database
from db.types import Claim, Lane, Stage, TextDraft

Connection = psycopg.Connection[Any]
_NUMBER = itertools.count(1)


def a_repository(psql: Connection, name: str | None = None, **columns: Any) -> int:
    """A repository; its id."""
    return _insert(psql, "repository", name=name or f"repo{next(_NUMBER)}", **columns)


def a_node(psql: Connection, repo_id: int, **columns: Any) -> int:
    """A function with some source; its id."""
    number = next(_NUMBER)
    values = {
        "kind": "FUNCTION", "lang": "python", "fqn": f"shop.f{number}", "name": f"f{number}",
        "source_code": f"def f{number}(): return {number}", "signature": f"def f{number}()",
    }  # fmt: skip
    return _insert(psql, "node", repo_id=repo_id, **{**values, **columns})


def a_chunk(psql: Connection, node_id: int, **columns: Any) -> int:
    """The chunk of a node, with nothing said that need not be said; its id."""
    return _insert(psql, "chunk", node_id=node_id, **columns)


def some_chunks(psql: Connection, repo_id: int, count: int, **columns: Any) -> list[int]:
    """Several chunks, each on a node of its own."""
    return [a_chunk(psql, a_node(psql, repo_id), **columns) for _ in range(count)]


def a_draft(text: str = "The text.", **values: Any) -> TextDraft:
    """An answer that may be saved."""
    defaults: dict[str, Any] = {
        "text": text, "key": f"key{next(_NUMBER)}", "recipe": "recipe", "model": "model", "options": {"seed": 42},
        "prompt_fingerprint": "prompt", "language": "en", "language_detected": "en", "quality": {"score": 1.0},
    }  # fmt: skip
    return TextDraft(**{**defaults, **values})


async def take(
    db: Database, stage: Stage = Stage.CODER, limit: int = 1, lease_s: float = 90, max_lane: Lane = Lane.REFRESH
) -> list[Claim]:
    """Claim as a worker of its own would."""
    return await db_claim.claim(db, stage, owner=uuid4(), limit=limit, lease_s=lease_s, max_lane=max_lane)


async def requeued(db: Database, *selections: Selection) -> int:
    """Requeue as an administrator would; how many."""
    return sum((await db_requeue.requeue(db, selections, actor="tester@here")).counts.values())


def work_row(psql: Connection, chunk_id: int, stage: str = "coder") -> dict[str, Any]:
    """The row of the queue."""
    return one(psql, "SELECT * FROM work WHERE chunk_id = %s AND stage = %s", chunk_id, stage)


def chunk_row(psql: Connection, chunk_id: int) -> dict[str, Any]:
    """The chunk."""
    return one(psql, "SELECT * FROM chunk WHERE id = %s", chunk_id)


def one(psql: Connection, query: str, *parameters: Any) -> dict[str, Any]:
    """The only row of a query as a dictionary."""
    rows = all_rows(psql, query, *parameters)
    assert len(rows) == 1, f"{len(rows)} rows"
    return rows[0]


def all_rows(psql: Connection, query: str, *parameters: Any) -> list[dict[str, Any]]:
    """The rows of a query as dictionaries."""
    cursor = psql.execute(query.encode(), parameters)
    names = [column.name for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def scalar(psql: Connection, query: str, *parameters: Any) -> Any:
    """The first value of the first row."""
    row = psql.execute(query.encode(), parameters).fetchone()
    assert row is not None
    return row[0]


def _insert(psql: Connection, table: str, **columns: Any) -> int:
    names = ", ".join(columns)
    marks = ", ".join(["%s"] * len(columns))
    return int(scalar(psql, f"INSERT INTO {table} ({names}) VALUES ({marks}) RETURNING id", *columns.values()))
