"""Question -> vector and words -> one ranked list; falls back to words where there are no vectors to compare."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from daemon.errors import ModelError
from daemon.llm.base import Embedder
from db import search as db_search
from db.errors import OtherModel
from db.session import Database
from db.types import Hit

# The embedder for a name, a number of dimensions and how it was reached; None where it cannot be had any more.
Former = Callable[[str, int, Mapping[str, Any]], Embedder | None]

_TRIES = 2


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
    former: Former | None = None,
) -> Found:
    """The ``limit`` best chunks.

    The question is embedded by the model that embedded the documents, or not at all: vectors of two models have
    nothing to say to each other. While another model is being filled in, that is the ``former`` one. Without an
    embedder, or where it does not answer, words alone decide, and ``note`` says so. Raises NotFound for an unknown
    repository.
    """
    for _ in range(_TRIES):
        vector, model, note = await _embed(db, embedder, former, query)
        try:
            hits = await db_search.search(
                db, query, vector=vector, limit=limit, audience=audience, repo=repo, lang=lang, kind=kind, model=model
            )
        except OtherModel:
            continue  # the switch fell between the question's vector and the search
        return Found(hits=hits, by_meaning=vector is not None, note=note)
    hits = await db_search.search(db, query, limit=limit, audience=audience, repo=repo, lang=lang, kind=kind)
    return Found(hits=hits, by_meaning=False, note="the embedding model changed meanwhile, so only words are compared")


async def _embed(
    db: Database, embedder: Embedder | None, former: Former | None, query: str
) -> tuple[list[float] | None, tuple[str, int] | None, str]:
    """The question's vector with the model that made it, or why there is none."""
    if embedder is None:
        return None, None, ""
    active = await db_search.active_model(db)
    if active is None:
        return None, None, "nothing is embedded yet, so only words are compared"
    name, dims, settings = active
    asked = embedder
    if (name, dims) != (embedder.name, embedder.dims):
        other = former(name, dims, settings) if former else None
        if other is None:
            note = (
                f"the documents were embedded by {name} ({dims} dimensions), the configuration names "
                f"{embedder.name} ({embedder.dims}): only words are compared until `doctown run` has embedded them anew"
            )
            return None, None, note
        asked = other
    try:
        (vector,) = await asked.embed([query])
    except ModelError as error:
        return None, None, f"the embedding model does not answer, so only words are compared: {error}"
    return vector, (name, dims), ""
