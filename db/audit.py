"""AUDIT: who commanded what, when, with which filter, and how much it touched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from db.errors import NotFound
from db.payload import dump
from db.session import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What an administrator commands: ``actor`` is who (user@host), ``filter`` what was meant, ``reason`` why."""

    actor: str
    command: str
    filter: Mapping[str, Any]
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the audit. ``position`` is where a batched command stands; None once it is done."""

    id: int
    at: datetime
    actor: str
    command: str
    filter: dict[str, Any]
    counts: dict[str, Any]
    reason: str | None
    state: str  # running | done | failed
    position: dict[str, Any] | None
    finished_at: datetime | None


async def note(connection: AsyncConnection, order: Order, counts: Mapping[str, Any]) -> int:
    """Write down, in the transaction that does it, a command that is done at once; the number of the entry."""
    return await _insert(connection, order, counts, state="done", position=None)


async def begin(db: Database, order: Order, position: Mapping[str, Any]) -> int:
    """Write down a command that will take many transactions; the number of the entry."""
    async with db.write() as connection:
        return await _insert(connection, order, {}, state="running", position=position)


async def advance(
    connection: AsyncConnection, entry: int, counts: Mapping[str, Any], position: Mapping[str, Any] | None
) -> None:
    """Write down, in the transaction of each batch, how far the command is; ``position`` None: it is done."""
    await connection.execute(
        text(
            "UPDATE audit SET counts = CAST(:counts AS jsonb), position = CAST(:position AS jsonb), "
            "state = CASE WHEN CAST(:position AS jsonb) IS NULL THEN 'done' ELSE 'running' END, "
            "finished_at = CASE WHEN CAST(:position AS jsonb) IS NULL THEN clock_timestamp() END WHERE id = :id"
        ),
        {"id": entry, "counts": dump(dict(counts)), "position": None if position is None else dump(dict(position))},
    )


async def find(db: Database, entry: int) -> Entry:
    """One entry by its number. Raises NotFound."""
    async with db.read() as connection:
        row = (await connection.execute(text(f"{_ENTRY} WHERE id = :id"), {"id": entry})).mappings().first()
    if row is None:
        raise NotFound(f"the audit has no entry {entry}", "`doctown audit` lists them.")
    return Entry(**row)


async def entries(db: Database, *, limit: int, command: str | None = None) -> list[Entry]:
    """The latest entries, newest first; only those of one command where it is given."""
    async with db.read() as connection:
        rows = await connection.execute(
            text(
                f"{_ENTRY} WHERE CAST(:command AS text) IS NULL OR command = CAST(:command AS text) "
                "ORDER BY id DESC LIMIT :limit"
            ),
            {"command": command, "limit": limit},
        )
        return [Entry(**row) for row in rows.mappings()]


_ENTRY = "SELECT id, at, actor, command, filter, counts, reason, state, position, finished_at FROM audit"


async def _insert(
    connection: AsyncConnection,
    order: Order,
    counts: Mapping[str, Any],
    *,
    state: str,
    position: Mapping[str, Any] | None,
) -> int:
    return int(
        await connection.scalar(
            text(
                "INSERT INTO audit (at, actor, command, filter, counts, reason, state, position, finished_at) VALUES "
                "(clock_timestamp(), :actor, :command, CAST(:filter AS jsonb), CAST(:counts AS jsonb), :reason, "
                ":state, CAST(:position AS jsonb), CASE WHEN :state = 'done' THEN clock_timestamp() END) RETURNING id"
            ),
            {
                "actor": order.actor, "command": order.command, "filter": dump(dict(order.filter)),
                "counts": dump(dict(counts)), "reason": order.reason, "state": state,
                "position": None if position is None else dump(dict(position)),
            },
        )
    )  # fmt: skip
