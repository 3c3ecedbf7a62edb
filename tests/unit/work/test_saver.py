"""The saver groups drafts, repeats what lost, and never leaves a waiter alone."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from daemon.work.saver import Saver
from db.errors import DatabaseBusy, StoreError
from db.types import Claim, Lane, Outcome, Stage

Outcomes = dict[tuple[int, int], Outcome]


def a_claim(chunk: int) -> Claim:
    return Claim(
        chunk_id=chunk, stage=Stage.CODER, repo_id=1, fence=1, attempts=1, crashes=0, wanted_key="k", reason="new",
        lane=Lane.NEW,
    )  # fmt: skip


class Store:
    """Saves when told to, and keeps count of the groups."""

    def __init__(self, *errors: Exception) -> None:
        self.groups: list[list[int]] = []
        self.errors = list(errors)
        self.gate = asyncio.Event()
        self.gate.set()

    async def save(self, drafts: Sequence[tuple[Claim, str]]) -> Outcomes:
        self.groups.append([claim.chunk_id for claim, _ in drafts])
        await self.gate.wait()
        if self.errors:
            raise self.errors.pop(0)
        return {(claim.chunk_id, claim.fence): Outcome.SAVED for claim, _ in drafts}


async def test_what_arrives_during_a_save_goes_together() -> None:
    store = Store()
    store.gate.clear()
    saver: Saver[str] = Saver(store.save, patience_s=1)
    first = asyncio.create_task(saver.put(a_claim(1), "a"))
    while not store.groups:
        await asyncio.sleep(0)
    rest = [asyncio.create_task(saver.put(a_claim(n), "b")) for n in range(2, 6)]
    while len(saver._waiting) < 4:
        await asyncio.sleep(0)
    store.gate.set()
    assert await asyncio.gather(first, *rest) == [Outcome.SAVED] * 5
    assert store.groups == [[1], [2, 3, 4, 5]]


async def test_a_save_that_lost_is_repeated() -> None:
    store = Store(DatabaseBusy("deadlock detected"))
    saver: Saver[str] = Saver(store.save, patience_s=5)
    assert await saver.put(a_claim(1), "a") is Outcome.SAVED
    assert (len(store.groups), saver.repeated) == (2, 1)


async def test_patience_ends() -> None:
    store = Store(*[DatabaseBusy("locked")] * 50)
    saver: Saver[str] = Saver(store.save, patience_s=0)
    with pytest.raises(DatabaseBusy):
        await saver.put(a_claim(1), "a")


async def test_another_error_reaches_everyone_who_waits() -> None:
    store = Store(StoreError("disk full"))
    saver: Saver[str] = Saver(store.save, patience_s=5)
    results = await asyncio.gather(saver.put(a_claim(1), "a"), saver.put(a_claim(2), "b"), return_exceptions=True)
    assert isinstance(results[0], StoreError)
    assert await saver.put(a_claim(3), "c") is Outcome.SAVED, "the saver goes on"


async def test_a_cancelled_waiter_does_not_stop_the_save() -> None:
    store = Store()
    store.gate.clear()
    saver: Saver[str] = Saver(store.save, patience_s=1)
    waiter = asyncio.create_task(saver.put(a_claim(1), "a"))
    while not store.groups:
        await asyncio.sleep(0)
    waiter.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiter
    store.gate.set()
    await saver.close(1)
    assert store.groups == [[1]]
