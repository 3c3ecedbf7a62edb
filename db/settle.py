"""SETTLE: which files, packages and repositories are to be written anew, once what is below them is done."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from db.session import Database
from db.sql import sql

_BATCH = 200  # wholes that one look takes
_SECOND = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """How a file, a package or a repository stands of which something below has changed."""

    chunk_id: int
    look_at: datetime  # when it was to be looked at: another touch moves it
    own: str  # hash of what it is by itself
    pieces: str | None  # hash of what its pieces say; None while it is held back
    written: bool  # it has a text already
    held: bool  # something below it is open, or unsettled itself
    same: bool  # its text was made from exactly this
    quiet_for_s: float  # since something below it changed


async def look(db: Database, *, quiet_s: float, force: bool = False, repo_id: int | None = None) -> list[Whole]:
    """The wholes whose time has come; with ``force`` all that are unsettled, of one repository where it is given."""
    async with db.statement() as connection:
        if not await connection.scalar(
            text("SELECT EXISTS (SELECT FROM unsettled WHERE CAST(:force AS boolean) OR look_at <= clock_timestamp())"),
            {"force": force},
        ):
            return []
        given = {"force": force, "quiet_s": quiet_s, "repo_id": repo_id, "batch": None if force else _BATCH}
        rows = await connection.execute(sql("settle_look"), given)
        return [Whole(**row) for row in rows.mappings()]


async def make_due(db: Database, wholes: Sequence[Whole]) -> int:
    """Say what these are to be made from now; how many are due because of it."""
    ready = [whole for whole in wholes if whole.pieces is not None]
    if not ready:
        return 0
    async with db.statement() as connection:
        rows = await connection.execute(
            sql("settle_due"),
            {
                "chunks": [whole.chunk_id for whole in ready], "own": [whole.own for whole in ready],
                "pieces": [whole.pieces for whole in ready],
            },
        )  # fmt: skip
        return sum(1 for row in rows if row.coder_due)


async def forget(db: Database, wholes: Sequence[Whole]) -> None:
    """They are settled; one that was touched since the look stays."""
    await _write(
        db, "DELETE FROM unsettled u USING seen WHERE u.chunk_id = seen.id AND u.look_at = seen.look_at", wholes
    )


async def look_later(db: Database, wholes: Sequence[Whole], seconds: Sequence[float]) -> None:
    """Look at them again after so many seconds, unless they are touched before."""
    await _write(
        db,
        "UPDATE unsettled u SET look_at = clock_timestamp() + make_interval(secs => seen.wait_s) "
        "FROM seen WHERE u.chunk_id = seen.id AND u.look_at = seen.look_at",
        wholes,
        seconds,
    )


async def touch(db: Database, repo_id: int, nodes: Iterable[int] | None = None) -> None:
    """Put the wholes of a repository, or of some nodes, among the unsettled that are not made from what they hold now.

    What is no whole any more, and waited to be looked at as one, waits no longer. Called after indexing.
    """
    only = "" if nodes is None else "AND c.node_id = ANY (CAST(:nodes AS bigint[])) "
    async with db.statement() as connection:
        await connection.execute(
            text(
                "DELETE FROM unsettled u USING chunk c WHERE u.repo_id = :repo AND c.id = u.chunk_id "
                "AND NOT doctown_is_whole(c.strategy)"
            ),
            {"repo": repo_id},
        )
        await connection.execute(
            text(
                "INSERT INTO unsettled AS u (chunk_id, repo_id) SELECT c.id, c.repo_id FROM chunk c "
                f"WHERE c.repo_id = :repo {only}AND doctown_is_whole(c.strategy) AND (c.source_hash, c.context_hash) "
                "IS DISTINCT FROM (doctown_own_hash(c.node_id), doctown_pieces_hash(c.node_id)) ORDER BY c.id "
                "ON CONFLICT (chunk_id) DO UPDATE SET touched_at = clock_timestamp(), look_at = clock_timestamp()"
            ),
            {"repo": repo_id, **({} if nodes is None else {"nodes": sorted(nodes)})},
        )


async def _write(db: Database, change: str, wholes: Sequence[Whole], seconds: Sequence[float] | None = None) -> None:
    if not wholes:
        return
    async with db.statement() as connection:
        await connection.execute(
            text(
                "WITH given AS (SELECT * FROM unnest(CAST(:ids AS bigint[]), CAST(:looks AS timestamptz[]), "
                "CAST(:waits AS double precision[])) AS g (id, look_at, wait_s)), "
                "seen AS MATERIALIZED (SELECT given.* FROM unsettled u JOIN given ON given.id = u.chunk_id "
                f"ORDER BY u.chunk_id FOR UPDATE OF u) {change}"
            ),
            {
                "ids": [whole.chunk_id for whole in wholes], "looks": [whole.look_at for whole in wholes],
                "waits": list(seconds or [_SECOND] * len(wholes)),
            },
        )  # fmt: skip
