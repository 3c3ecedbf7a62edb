"""SWITCH: which stages make work. One turned off loses what is due, one turned on gets what it lacks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from sqlalchemy import text

from db import audit
from db.audit import Order
from db.session import Database
from db.sql import sql
from db.types import Stage

_WINDOW = 2000  # chunks or rows of work per transaction
_LOOKS = 200  # at most so many times we look whether statements that began before the switch are over ...
_PAUSE_S = 0.05  # ... with so much time between


@dataclass(frozen=True, slots=True, kw_only=True)
class Switched:
    """What a switch did: stages turned on and off, and how many pieces were put into the queue."""

    on: tuple[Stage, ...] = ()
    off: tuple[Stage, ...] = ()
    queued: int = 0


async def stages(db: Database) -> tuple[Stage, ...]:
    """The stages that make work, in their order."""
    async with db.read() as connection:
        found = await connection.scalar(text("SELECT stages FROM control"))
    return tuple(stage for stage in Stage if stage in (found or ()))


async def switch(db: Database, wanted: Sequence[Stage], *, actor: str) -> Switched:
    """Let exactly these stages make work. Nothing is written where that is so already; a change stands in the audit.

    In short transactions, and safe to be cut off or to be called by several at once: ``control.filled`` names the
    stages whose work is all there, and the next call goes on with the others.
    """
    async with db.write() as connection:
        before = (await connection.execute(text("SELECT stages, filled FROM control FOR NO KEY UPDATE"))).one()
        on = [stage for stage in wanted if stage not in before.stages]
        off = [stage for stage in Stage if stage in before.stages and stage not in wanted]
        if on or off:
            await connection.execute(
                text(
                    "UPDATE control SET stages = CAST(:wanted AS text[]), "
                    "filled = ARRAY(SELECT one FROM unnest(filled) AS one WHERE one = ANY (CAST(:wanted AS text[])))"
                ),
                {"wanted": list(wanted)},
            )
            order = Order(actor=actor, command="stages", filter={"stages": list(wanted)})
            await audit.note(connection, order, {"turned_on": on, "turned_off": off})
        mine = await connection.scalar(text("SELECT pg_current_xact_id_if_assigned()::text"))
    await _empty(db, [stage for stage in Stage if stage not in wanted])
    lacking = [stage for stage in wanted if stage in on or stage not in before.filled]
    if lacking and mine:
        await _settled(db, str(mine))
    queued = 0
    for stage in lacking:
        queued += await _fill(db, stage)
    return Switched(on=tuple(on), off=tuple(off), queued=queued)


async def write_sites(db: Database, repo_id: int | None = None) -> int:
    """Note for every chunk, of one repository or of all, what the places look like that use it; how many changed."""
    changed = 0
    async for after, upto in _windows(db):
        async with db.write() as connection:
            window = {"after": after, "upto": upto, "repo_id": repo_id}
            changed += len((await connection.execute(sql("sites_write"), window)).all())
    return changed


async def _empty(db: Database, off: Sequence[Stage]) -> None:
    while off:
        async with db.write() as connection:
            given = {"stages": list(off), "batch": _WINDOW}
            await connection.execute(sql("switch_empty"), given)
            left = await connection.scalar(
                text(
                    "SELECT EXISTS (SELECT FROM work WHERE stage = ANY (CAST(:stages AS text[])) "
                    "AND state IN ('due', 'retrying', 'dead'))"
                ),
                given,
            )
        if not left:
            return


async def _settled(db: Database, mine: str) -> None:
    """Wait for statements that began before the switch: they make no work for a stage that is new to them."""
    async with db.statement() as connection:
        for _ in range(_LOOKS):
            if await connection.scalar(
                text("SELECT pg_snapshot_xmin(pg_current_snapshot()) > CAST(:mine AS xid8)"), {"mine": mine}
            ):
                return
            await asyncio.sleep(_PAUSE_S)


async def _fill(db: Database, stage: Stage) -> int:
    if stage is Stage.INSTRUCT:
        await write_sites(db)
    queued = 0
    async for after, upto in _windows(db):
        async with db.write() as connection:
            window = {"stage": stage, "after": after, "upto": upto}
            queued += len((await connection.execute(sql("switch_fill"), window)).all())
    async with db.write() as connection:
        await connection.execute(
            text("UPDATE control SET filled = filled || CAST(:stage AS text) WHERE NOT :stage = ANY (filled)"),
            {"stage": stage},
        )
    return queued


async def _windows(db: Database) -> AsyncIterator[tuple[int, int | None]]:
    """All chunks in windows (after, up to); the last has no end, for what is being added."""
    after: int | None = 0
    while after is not None:
        async with db.read() as connection:
            upto = await connection.scalar(
                text("SELECT id FROM chunk WHERE id > :after ORDER BY id OFFSET :window LIMIT 1"),
                {"after": after, "window": _WINDOW - 1},
            )
        yield after, upto
        after = upto
