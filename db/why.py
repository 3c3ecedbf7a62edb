"""WHY: what the store knows of a text and of its work, for those who ask why it is to be written anew, or is not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from db.session import Database
from db.sql import sql
from db.types import Stage, State


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """One chunk and stage."""

    chunk_id: int
    stage: Stage
    repo: str
    fqn: str
    part: int
    strategy: str
    language: str | None  # of the repository
    written: bool  # there is a text, or vectors
    due: bool  # it is missing, or made from something else than what is there now
    made_key: str | None
    wanted_key: str | None
    made_by: str | None  # recipe; None: written by hand
    state: State | None  # of its work; None: it has none
    reason: str | None
    lane: int | None
    due_at: datetime | None
    run_at: datetime | None
    attempts: int | None
    error_class: str | None
    last_error: str | None
    generation: int | None
    reused_from: int | None
    made_from: dict[str, Any] | None
    model: str | None
    written_at: datetime | None
    settles_at: datetime | None  # of a whole below which something changed: when it is looked at next
    held_by: str | None  # why nobody may work on it now: a pause, a budget, an index run


async def facts(db: Database, chunks: Sequence[int]) -> list[Facts]:
    """The facts of some chunks, in their order, by stage."""
    async with db.read() as connection:
        rows = await connection.execute(sql("why"), {"chunks": list(chunks)})
        return [
            Facts(
                **{
                    **row, "stage": Stage(row["stage"]), "due": bool(row["due"]),
                    "state": None if row["state"] is None else State(row["state"]),
                }
            )
            for row in rows.mappings()
        ]  # fmt: skip
