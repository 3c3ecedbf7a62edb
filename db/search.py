"""SEARCH: ask the SQL function doctown_search, and the graph for the neighbours of a hit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import text

from db.errors import NotFound, OtherModel, StoreError
from db.session import Database
from db.types import Hit


async def search(
    db: Database,
    query: str,
    *,
    vector: Sequence[float] | None = None,
    limit: int = 10,
    audience: str | None = None,
    repo: str | None = None,
    lang: str | None = None,
    kind: str | None = None,
    model: tuple[str, int] | None = None,
) -> list[Hit]:
    """The ``limit`` best chunks, best first; by words alone where there is no vector.

    ``model`` is the one that made the vector: (name, dimensions). Raises NotFound for an unknown repository, OtherModel
    when by now the vectors of another one are searched, StoreError when the vector does not fit.
    """
    try:
        async with db.read() as connection:
            # In the same look at the data, so that vectors of two models are never compared.
            active = (await connection.execute(text("SELECT name, dims FROM embedding_model WHERE active"))).first()
            if vector is not None and model is not None and active is not None and tuple(active) != model:
                raise OtherModel(f"the vectors of {active.name} are searched by now, not those of {model[0]}")
            rows = await connection.execute(
                text(
                    "SELECT * FROM doctown_search(:query, CAST(:vector AS vector), :k, :audience, :repo, :lang, :kind)"
                ),
                {
                    "query": query.replace("\x00", ""),
                    "vector": None if vector is None else "[" + ",".join(map(repr, vector)) + "]",
                    "k": limit, "audience": audience, "repo": repo, "lang": lang, "kind": kind,
                },
            )  # fmt: skip
            return [
                Hit(
                    chunk_id=row.chunk_id, repo=row.repository, fqn=row.fqn, kind=row.kind, lang=row.lang,
                    path=row.path, line_start=row.line_start, line_end=row.line_end, score=row.score,
                    found_by=tuple(row.found_by), content_raw=row.content_raw, content=row.content,
                    signature=row.signature, doc_summary=row.doc_summary,
                )
                for row in rows
            ]  # fmt: skip
    except StoreError as error:
        if "no repository is called" in str(error):
            raise NotFound(f"no repository is called {repo!r}", "`doctown status` lists them.") from error
        raise


async def active_model(db: Database) -> tuple[str, int, dict[str, Any]] | None:
    """(name, dimensions, how it is reached) of the model whose vectors are searched; None while there are none."""
    async with db.statement() as connection:
        row = (await connection.execute(text("SELECT name, dims, settings FROM embedding_model WHERE active"))).first()
    return None if row is None else (row.name, row.dims, row.settings)
