"""GATHER: what a stage may see of claimed chunks, and whether the ledger holds its answer already."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from db.session import Database
from db.sql import sql
from db.types import (
    WHOLES,
    Around,
    Claim,
    Cluster,
    Material,
    Member,
    Neighbour,
    Param,
    Piece,
    Stage,
    Tally,
    Use,
)


async def gather(
    db: Database, claims: Sequence[Claim], *, language: str, embedding_model: int | None = None
) -> dict[int, Material]:
    """Material by chunk id, for claims of one stage; a chunk that was deleted meanwhile is absent.

    ``language`` is the configured one, used where the repository names none. ``embedding_model`` is the id of
    the model whose vectors are compared (stage embed only).
    """
    stage = claims[0].stage if claims else None
    chunks = [claim.chunk_id for claim in claims]
    return await look(db, chunks, stage, language=language, embedding_model=embedding_model)


async def look(
    db: Database,
    chunks: Sequence[int],
    stage: Stage | None = None,
    *,
    language: str,
    embedding_model: int | None = None,
) -> dict[int, Material]:
    """As gather, for chunks that nobody need have claimed."""
    chunks = sorted(set(chunks))
    if not chunks:
        return {}
    async with db.statement() as connection:
        rows = await connection.execute(sql("gather"), {"chunks": chunks, "model_id": embedding_model})
        found = [dict(row) for row in rows.mappings()]
        if stage is Stage.INSTRUCT:
            await _add_uses(connection, {row["chunk_id"]: row for row in found})
        if stage is Stage.CODER:
            await _add_pieces(connection, {row["chunk_id"]: row for row in found if row["strategy"] in WHOLES})
    return {row["chunk_id"]: _material(row, language) for row in found}


async def _add_uses(connection: AsyncConnection, found: dict[int, dict[str, Any]]) -> None:
    """Who uses each piece, and of a class how one is made."""
    given = {"chunks": sorted(found)}
    for row in await connection.execute(sql("gather_uses"), given):
        values = dict(row._mapping)
        found[values.pop("chunk_id")].setdefault("uses", []).append(Use(**values))
    for row in await connection.execute(sql("gather_makers"), given):
        found[row.chunk_id].setdefault("makers", []).append(params_of(row.params))


async def _add_pieces(connection: AsyncConnection, found: dict[int, dict[str, Any]]) -> None:
    """What wholes hold, and of packages and repositories how it hangs together."""
    if not found:
        return
    for row in await connection.execute(sql("gather_pieces"), {"chunks": sorted(found)}):
        values = dict(row._mapping)
        found[values.pop("chunk_id")].setdefault("pieces", []).append(Piece(**values))
    large = sorted(chunk for chunk, row in found.items() if row["strategy"] != "file")
    if not large:
        return
    for row in await connection.execute(sql("gather_around"), {"chunks": large}):
        clusters = (Cluster(files=tuple(one["files"]), names=tuple(one["names"])) for one in row.clusters)
        found[row.chunk_id]["around"] = Around(
            entries=tuple(row.entries), leans_on=tuple(row.leans_on), serves=tuple(row.serves),
            clusters=tuple(clusters),
        )  # fmt: skip


async def below(db: Database, chunks: Sequence[int]) -> dict[int, frozenset[int]]:
    """Chunks that are being written and whose texts claimed ones are to show, by the chunk that shows them.

    To be asked before the material is gathered: what has ended by then is in it.
    """
    async with db.statement() as connection:
        rows = await connection.execute(sql("gather_below"), {"chunks": sorted(chunks)})
        return {row.chunk_id: frozenset(row.below) for row in rows}


Recalled = tuple[int, str, str, dict[str, Any]]  # generation id, text, model, quality


async def recall(db: Database, keys: Sequence[str]) -> dict[str, Recalled]:
    """The newest text of the ledger for each content address that it holds."""
    if not keys:
        return {}
    async with db.statement() as connection:
        rows = await connection.execute(
            text(
                "SELECT DISTINCT ON (key) key, id, output, model, quality FROM generation "
                "WHERE key = ANY (CAST(:keys AS text[])) AND output IS NOT NULL ORDER BY key, id DESC"
            ),
            {"keys": sorted(set(keys))},
        )
        return {row.key: (row.id, row.output, row.model, row.quality) for row in rows}


def _material(row: dict[str, Any], language: str) -> Material:
    for name in ("supertypes", "annotations", "modifiers", "imports"):
        row[name] = tuple(row[name])
    row["params"] = params_of(row["params"])
    row["inside"] = _tally(one for one in row["callees"] if one["internal"])
    row["outside"] = _tally(one for one in row["callees"] if not one["internal"])
    row["users"] = _tally(row["callers"])
    row["callees"] = tuple(_neighbour(one) for one in row["callees"])
    row["callers"] = tuple(_neighbour(one) for one in row["callers"])
    row["members"] = tuple(Member(**member) for member in row["members"])
    row["vectors"] = tuple(sorted(row["vectors"].items()))
    row["language"] = row["language"] or language
    row["uses"] = tuple(row.get("uses", ()))
    row["makers"] = tuple(row.get("makers", ()))
    row["pieces"] = tuple(row.get("pieces", ()))
    return Material(**row)


def _tally(rows: Iterable[dict[str, Any]]) -> Tally | None:
    """Each row brings the sums of all rows of its sort."""
    first = next(iter(rows), None)
    return None if first is None else Tally(sites=first["sites"], names=first["names"])


def _neighbour(row: dict[str, Any]) -> Neighbour:
    return Neighbour(**{name: value for name, value in row.items() if name not in {"sites", "names"}})


def params_of(stored: Any) -> tuple[Param, ...]:
    """Parameters as the json column keeps them; an external indexer may give plain names."""
    found = []
    for entry in stored or []:
        if isinstance(entry, str):
            found.append(Param(name=entry))
        elif isinstance(entry, dict) and entry.get("name"):
            found.append(Param(name=entry["name"], type=entry.get("type"), default=entry.get("default")))
    return tuple(found)
