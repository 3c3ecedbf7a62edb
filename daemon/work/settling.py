"""Settles wholes: a file, package or repository is due once everything below it is done and has been quiet."""

from __future__ import annotations

from enum import StrEnum

from daemon import log
from db import settle as db_settle
from db.session import Database
from db.settle import Whole


class Verdict(StrEnum):
    """What becomes of a whole that was looked at."""

    DUE = "due"
    SAME = "same"  # nothing that it reads has changed
    WAIT = "wait"


def decide(whole: Whole, *, quiet_s: float, force: bool) -> tuple[Verdict, float]:
    """The verdict, and for WAIT how many seconds until the next look.

    A first text waits for what is below it and no longer; a text that is there waits until nothing has changed for
    ``quiet_s``, so that one is written and not one per edit. Nobody waits where everything is to be done (``force``).
    """
    if whole.held:
        return Verdict.WAIT, quiet_s  # whatever ends below it moves the look forward
    if whole.same:
        return Verdict.SAME, 0.0
    left = quiet_s - whole.quiet_for_s
    if whole.written and not force and left > 0:
        return Verdict.WAIT, left
    return Verdict.DUE, 0.0


async def settle(db: Database, *, quiet_s: float, force: bool = False, repo_id: int | None = None) -> int:
    """Look at all wholes whose time has come and make those due that are; how many. Raises StoreError.

    Safe at any time and in any number of processes: what is due follows from the store alone.
    """
    while True:
        wholes = await db_settle.look(db, quiet_s=quiet_s, force=force, repo_id=repo_id)
        told = {whole.chunk_id: decide(whole, quiet_s=quiet_s, force=force) for whole in wholes}
        due = [whole for whole in wholes if told[whole.chunk_id][0] is Verdict.DUE]
        same = [whole for whole in wholes if told[whole.chunk_id][0] is Verdict.SAME]
        later = [whole for whole in wholes if told[whole.chunk_id][0] is Verdict.WAIT]
        made = await db_settle.make_due(db, due)
        await db_settle.forget(db, [*due, *same])
        if not force:
            await db_settle.look_later(db, later, [told[whole.chunk_id][1] for whole in later])
        if made:
            log.get("settling").info("wholes due", count=made)
        if made or not force or not same:
            return made
        # What turned out to be the same held others back: they are looked at once more.
