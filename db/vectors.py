"""VECTORS: from one embedding model to another: filled beside the one that is searched, then switched at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import text

from db.session import Database

_BATCH = 5000  # vectors that are dropped at once
_BATCHES = 20  # of these in one look


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """An embedding model that the store knows; ``settings`` say how it is reached."""

    id: int
    name: str
    dims: int
    active: bool
    settings: dict[str, Any]


async def models(db: Database) -> list[Model]:
    """All of them, oldest first."""
    async with db.statement() as connection:
        rows = await connection.execute(
            text("SELECT id, name, dims, active, settings FROM embedding_model ORDER BY id")
        )
        return [Model(**row._mapping) for row in rows]


async def switch(db: Database, new: Model, recipe: str) -> bool:
    """Search with this model from now on, if it has a vector for everything that the other one has; whether it is so.

    What was given up does not hold it back. One statement decides and switches, so that no search sees neither or both.
    """
    async with db.write() as connection:
        await connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('doctown.embedding_model'))"))
        if await connection.scalar(
            text(
                "SELECT EXISTS (SELECT FROM work WHERE stage = 'embed' AND lane = 2 AND state IN ('due', 'leased', "
                "'retrying') AND reason = 'recipe')"
            )
        ):
            return False
        lacking = await connection.scalar(
            text(
                "SELECT EXISTS (SELECT FROM chunk c JOIN work w ON w.chunk_id = c.id AND w.stage = 'embed' "
                "WHERE c.embed_recipe IS NOT NULL AND c.embed_recipe <> :recipe AND w.state <> 'dead' "
                "AND EXISTS (SELECT FROM embedding e JOIN embedding_model m ON m.id = e.model_id AND m.active "
                "WHERE e.chunk_id = c.id))"
            ),
            {"recipe": recipe},
        )
        if lacking:
            return False
        # In two steps, because at no moment two may be active; nobody sees what lies between them.
        for statement in ("active = false WHERE active AND id <> :id", "active = true WHERE id = :id"):
            await connection.execute(text(f"UPDATE embedding_model SET {statement}"), {"id": new.id})
    return True


async def drop(db: Database, old: Model) -> bool:
    """Let the vectors of a model go that is searched no more: its index, then a bounded number of rows.

    Whether that was all of them; then the model is forgotten too.
    """
    async with db.statement() as connection:
        await connection.execute(text(f"DROP INDEX CONCURRENTLY IF EXISTS embedding_hnsw_{old.id}"))
        for _ in range(_BATCHES):
            rows = await connection.execute(
                text(
                    "DELETE FROM embedding e USING (SELECT chunk_id, field FROM embedding WHERE model_id = :id "
                    "LIMIT :batch) d WHERE e.model_id = :id AND e.chunk_id = d.chunk_id AND e.field = d.field "
                    "RETURNING 1"
                ),
                {"id": old.id, "batch": _BATCH},
            )
            if len(rows.all()) < _BATCH:
                await connection.execute(
                    text("DELETE FROM embedding_model WHERE id = :id AND NOT active"), {"id": old.id}
                )
                return True
    return False
