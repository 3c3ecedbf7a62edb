"""PROVENANCE: where the texts of a chunk come from, out of the ledger."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import text

from db.session import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """How one text came about; ``first_*`` is about the generation that a text from the ledger was taken from."""

    chunk_id: int
    repo: str
    fqn: str
    path: str | None
    part: int
    field: str  # the column of chunk
    stage: str
    origin: str  # model, ledger, hand, forgotten: see the view provenance
    model: str | None
    model_digest: str | None
    options: dict[str, Any] | None
    prompt_fingerprint: str | None
    recipe: str | None
    language: str | None
    source_key: str | None  # what the text was made from
    key: str | None  # content address of all that shaped it
    hints: dict[str, int] | None  # lines shown of each group of facts
    attempts: int | None
    rejected: list[list[str]] | None  # defects of each attempt that was not taken
    score: float | None
    defects: dict[str, str] | None
    prompt_tokens: int | None
    output_tokens: int | None
    duration_ms: int | None
    worker: str | None
    written_at: datetime | None
    generation: int | None
    reused_from: int | None
    first_repo: str | None
    first_fqn: str | None
    first_prompt_tokens: int | None
    first_output_tokens: int | None
    first_duration_ms: int | None
    first_worker: str | None
    first_written_at: datetime | None
    outdated: bool


_COLUMNS = ", ".join(one.name for one in fields(Origin))


async def origins(db: Database, chunks: list[int]) -> list[Origin]:
    """The origin of every text of these chunks, in the order of the chunks and of the stages."""
    async with db.read() as connection:
        rows = await connection.execute(
            text(
                f"SELECT {_COLUMNS} FROM provenance WHERE chunk_id = ANY (CAST(:chunks AS bigint[])) "
                "ORDER BY array_position(CAST(:chunks AS bigint[]), chunk_id), place"
            ),
            {"chunks": chunks},
        )
        return [Origin(**row._mapping) for row in rows]
