"""Question -> vector and words -> one ranked list; falls back to words where there are no vectors to compare."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from daemon.errors import ModelError
from daemon.llm.base import Embedder
from db import search as db_search
from db.session import Database
from db.types import Hit


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Hits, whether vectors took part, and if not, why."""

    hits: Sequence[Hit]
    by_meaning: bool
    note: str = ""


async def find(
    db: Database,
    embedder: Embedder | None,
    query: str,
    *,
    limit: int,
    repo: str | None = None,
    lang: str | None = None,
    kind: str | None = None,
    audience: str | None = None,
) -> Found:
    """The ``limit`` best chunks.

    The question is embedded by the model that embedded the documents, or not at all: vectors of two models have
    nothing to say to each other. Without an embedder, or where it does not answer, words alone decide, and ``note``
    says so. Raises NotFound for an unknown repository.
    """
    vector, note = await _embed(db, embedder, query)
    hits = await db_search.search(
        db, query, vector=vector, limit=limit, audience=audience, repo=repo, lang=lang, kind=kind
    )
    return Found(hits=hits, by_meaning=vector is not None, note=note)


async def _embed(db: Database, embedder: Embedder | None, query: str) -> tuple[list[float] | None, str]:
    if embedder is None:
        return None, ""
    active = await db_search.active_model(db)
    if active is None:
        return None, "nothing is embedded yet, so only words are compared"
    if active != (embedder.name, embedder.dims):
        return None, (
            f"the documents were embedded by {active[0]} ({active[1]} dimensions), the configuration names "
            f"{embedder.name} ({embedder.dims}): only words are compared until `doctown run` has embedded them anew"
        )
    try:
        (vector,) = await embedder.embed([query])
    except ModelError as error:
        return None, f"the embedding model does not answer, so only words are compared: {error}"
    return vector, ""
