"""SAVE: store drafts and close their claims, each only while we hold it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from sqlalchemy import text

from db.errors import DatabaseBusy, StoreError
from db.payload import dump
from db.session import Database
from db.sql import sql
from db.types import Claim, Outcome, TextDraft, Vector, VectorDraft

_COLUMNS = tuple(part.name for part in fields(TextDraft) if part.name != "text")  # no copies of what is only read
_INDEX_LIMIT = 2000  # pgvector's HNSW takes vectors of up to 2000 dimensions, halfvec up to 4000


async def save_texts(
    db: Database, drafts: Sequence[tuple[Claim, TextDraft]], *, worker: str
) -> dict[tuple[int, int], Outcome]:
    """Save answers of ONE stage in one statement; the outcome by (chunk, fence).

    May be repeated when the answer to COMMIT was lost: a draft that was saved under its fence is told so again.
    """
    if not drafts:
        return {}
    _one_stage([claim for claim, _ in drafts])
    rows = [
        {
            "chunk_id": claim.chunk_id, "stage": claim.stage, "fence": claim.fence, "wanted_key": claim.wanted_key,
            **{name: getattr(draft, name) for name in _COLUMNS}, "output": draft.text,
        }
        for claim, draft in drafts
    ]  # fmt: skip
    return await _save(db, "save_texts", rows, {"worker": worker}, [claim for claim, _ in drafts])


async def save_vectors(
    db: Database, drafts: Sequence[tuple[Claim, VectorDraft]], *, model_id: int
) -> dict[tuple[int, int], Outcome]:
    """Save vectors and, where the indexer gave none, the words for the text search; as save_texts."""
    if not drafts:
        return {}
    rows = [
        {
            "chunk_id": claim.chunk_id, "fence": claim.fence, "wanted_key": claim.wanted_key,
            "recipe": draft.recipe, "idents": draft.idents, "words": draft.words,
            "vectors": [
                {"field": vector.field, "text_hash": vector.text_hash, "vector": _literal(vector)}
                for vector in draft.vectors
            ],
        }
        for claim, draft in drafts
    ]  # fmt: skip
    return await _save(db, "save_vectors", rows, {"model_id": model_id}, [claim for claim, _ in drafts])


async def _save(
    db: Database, statement: str, rows: list[dict[str, Any]], parameters: dict[str, Any], claims: Sequence[Claim]
) -> dict[tuple[int, int], Outcome]:
    payload = dump(rows)
    async with db.statement() as connection:
        answer = await connection.execute(sql(statement), {"drafts": payload, **parameters})
        outcomes = {row.chunk_id: Outcome(row.outcome) for row in answer}
    return {(claim.chunk_id, claim.fence): outcomes.get(claim.chunk_id, Outcome.LOST) for claim in claims}


def _one_stage(claims: Sequence[Claim]) -> None:
    # One UPDATE cannot write a chunk twice: two stages of one chunk in one call would lose a text.
    if len({claim.stage for claim in claims}) != 1 or len({claim.chunk_id for claim in claims}) != len(claims):
        raise ValueError("save_texts takes the drafts of one stage, one per chunk")


def _literal(vector: Vector) -> str:
    return "[" + ",".join(repr(float(value)) for value in vector.values) + "]"


async def register_embedding_model(
    db: Database, name: str, dims: int, settings: Mapping[str, Any] | None = None
) -> int:
    """The id of an embedding model; a new one gets its own HNSW index. ``settings`` say how it is reached.

    The first one is searched at once; any other is filled beside the one that is searched (db/vectors.py). Raises
    StoreError when vectors of that length cannot be indexed.
    """
    if dims > _INDEX_LIMIT:
        raise StoreError(
            f"{name} makes vectors of {dims} dimensions, an HNSW index takes at most {_INDEX_LIMIT}",
            "Choose a smaller embedding model, or one whose dimensions can be cut.",
        )
    async with db.write() as connection:
        await connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('doctown.embedding_model'))"))
        model_id = int(
            await connection.scalar(
                text(
                    "INSERT INTO embedding_model AS m (id, name, dims, active, settings) "
                    "SELECT COALESCE(max(id), 0) + 1, :name, :dims, NOT COALESCE(bool_or(active), false), "
                    "CAST(:settings AS jsonb) FROM embedding_model "
                    "ON CONFLICT (name, dims) DO UPDATE SET settings = CASE WHEN excluded.settings = '{}' "
                    "THEN m.settings ELSE excluded.settings END RETURNING id"
                ),
                {"name": name, "dims": dims, "settings": dump(dict(settings or {}))},
            )
            or 0
        )
        index = f"embedding_hnsw_{model_id}"
        if await connection.scalar(text("SELECT to_regclass(:name) IS NULL"), {"name": index}):
            # Identifiers are our own integers; DDL takes no parameters.
            await connection.execute(
                text(
                    f"CREATE INDEX {index} ON embedding "
                    f"USING hnsw ((vector::vector({dims})) vector_cosine_ops) WHERE model_id = {model_id}"
                )
            )
        return model_id


def is_worth_repeating(error: StoreError) -> bool:
    """Whether the same save may be tried again at once: it lost against another statement."""
    return isinstance(error, DatabaseBusy)
