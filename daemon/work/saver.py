"""Saves drafts in groups: while one save is under way the next drafts gather, and go together."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Generic, TypeVar

from daemon import log
from db.errors import DatabaseBusy, DatabaseUnreachable
from db.types import Claim, Outcome

Draft = TypeVar("Draft")
Save = Callable[[Sequence[tuple[Claim, Draft]]], Awaitable[dict[tuple[int, int], Outcome]]]

_LARGEST_GROUP = 100
_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 5.0


class Saver(Generic[Draft]):
    """One group commit for all tasks of a stage.

    A save that lost against another statement, or whose connection broke, is repeated until ``patience_s`` is over:
    the text is paid for, and repeating is safe, because the store recognises a fence that it has saved already.
    """

    def __init__(
        self, save: Save[Draft], *, patience_s: float, told: Callable[[int, float, int], None] | None = None
    ) -> None:
        self._save = save
        self._told = told  # how many drafts were saved together, in how many seconds, after how many repetitions
        self._patience_s = patience_s
        self._waiting: list[tuple[Claim, Draft, asyncio.Future[Outcome]]] = []
        self._flusher: asyncio.Task[None] | None = None
        self._until = float("inf")  # loop time after which nothing is repeated any more
        self._closing = asyncio.Event()
        self._log = log.get("saver")
        self.repeated = 0

    async def put(self, claim: Claim, draft: Draft) -> Outcome:
        """Save one draft with whatever else is waiting; its outcome. Raises StoreError when patience is over."""
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting.append((claim, draft, future))
        if self._flusher is None or self._flusher.done():
            self._flusher = asyncio.create_task(self._flush(), name="saver")
        # The save goes on when the one who waits is cancelled: its row would otherwise stay open for nothing.
        return await asyncio.shield(future)

    async def close(self, within_s: float) -> None:
        """Wait until everything that was put is saved or has failed; after ``within_s`` nothing is repeated."""
        self._until = asyncio.get_running_loop().time() + within_s
        self._closing.set()
        if self._flusher is not None:
            await self._flusher

    async def _flush(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting[:_LARGEST_GROUP], self._waiting[_LARGEST_GROUP:]
            try:
                outcomes = await self._persist([(claim, draft) for claim, draft, _ in group])
            except Exception as error:  # noqa: BLE001 - handed to those who wait for it
                for _, _, future in group:
                    if not future.done():
                        future.set_exception(error)
                        future.exception()  # seen: a cancelled waiter must not make asyncio complain
            else:
                for claim, _, future in group:
                    if not future.done():
                        future.set_result(outcomes[claim.chunk_id, claim.fence])

    async def _persist(self, group: Sequence[tuple[Claim, Draft]]) -> dict[tuple[int, int], Outcome]:
        loop = asyncio.get_running_loop()
        began, repeats = loop.time(), 0
        until = began + self._patience_s
        pause = _FIRST_PAUSE_S
        while True:
            try:
                outcomes = await self._save(group)
            except (DatabaseBusy, DatabaseUnreachable) as error:
                if loop.time() + pause > min(until, self._until):
                    raise
                self.repeated += 1
                repeats += 1
                self._log.warning("save repeated", drafts=len(group), error=str(error), pause_s=round(pause, 2))
                await self._sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE_S)
            else:
                if self._told is not None:
                    self._told(len(group), loop.time() - began, repeats)
                return outcomes

    async def _sleep(self, pause_s: float) -> None:
        """Whoever closes does not wait for the end of a long pause, but for one more try."""
        if self._closing.is_set():
            await asyncio.sleep(pause_s)
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(self._closing.wait(), timeout=pause_s)
