"""The slots of one endpoint: how many calls at once, and how much is claimed for them."""

from __future__ import annotations

import asyncio
import time
import weakref
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from daemon.errors import ModelBusy, ModelTimeout
from daemon.work.pressure import Limit
from daemon.work.turns import DWELL_S, Turns

_AHEAD = 4  # one piece per so many slots is claimed and prepared ahead


@dataclass(slots=True)
class Use:
    """A slot that is held. Whoever holds it says what came: the pace of answers is judged by it."""

    model: str = ""
    size: int | None = None

    def answered(self, model: str, size: int | None) -> None:
        """``size`` of what was done, in tokens or any unit that stays the same; None where it is not known."""
        self.model, self.size = model, size


class Slots:
    """Slots for calls, and places for claims: a few more places than slots, so that no slot waits for the database.

    A place is taken before a claim, belongs to the task that works on it, and is free again after the task's first
    call; a slot is held during every call. What is claimed ahead (a quarter of the slots, at least one) is prepared
    and starts the moment a slot is free.

    There are ``most`` slots, and fewer for a while when the server shows that it has too much to do (`Limit`).

    Models of one server may have to take turns (`Turns`). Used within one event loop.
    """

    def __init__(
        self, most: int, *, turns: bool = True, dwell_s: float = DWELL_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._limit = Limit(most, clock)
        self._turns = Turns(on=turns, dwell_s=dwell_s, clock=clock)
        self._clock = clock
        self._taken = 0
        self._changed = asyncio.Event()
        self._busy = 0
        self._line: deque[asyncio.Future[None]] = deque()
        self._queued: set[asyncio.Task[Any]] = set()
        self._placed: set[asyncio.Task[Any]] = set()
        self._working: set[asyncio.Task[Any]] = set()
        self._served: weakref.WeakSet[asyncio.Task[Any]] = weakref.WeakSet()
        self._closing = False

    @property
    def most(self) -> int:
        """Slots when all is well."""
        return self._limit.most

    @property
    def limit(self) -> int:
        """Slots just now."""
        return self._limit.now

    @property
    def places(self) -> int:
        """Places just now."""
        return self.limit + max(1, self.limit // _AHEAD)

    @property
    def decreases(self) -> int:
        """How often the server had too much to do."""
        return self._limit.decreases

    @property
    def turns(self) -> Turns:
        """Whose turn it is."""
        return self._turns

    @property
    def swaps(self) -> int:
        """How often the server had to go over from one model to another."""
        return self._turns.swaps

    @property
    def calling(self) -> int:
        """Calls under way."""
        return self._busy

    # -- slots ---------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def call(self) -> AsyncIterator[Use]:
        """Hold a slot. Whoever waits for one starts before the holder goes on: the server is kept busy first.

        What comes of the call adapts the number of slots.
        """
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a slot is held by a task")
        await self._enter(task)
        began, use = self._clock(), Use()
        try:
            yield use
        except ModelBusy as error:
            error.eased = self._limit.refused(began)
            raise
        except ModelTimeout:
            self._limit.silent(began)
            raise
        else:
            if use.model:
                self._turns.answered(use.model)
            if self._limit.answered(began, use.model, use.size or 1):
                self._announce()
        finally:
            self._busy -= 1
            self._admit()
            self.vacate(task)
        await asyncio.sleep(0)

    async def _enter(self, task: asyncio.Task[Any]) -> None:
        if self._closing and task not in self._served:
            raise asyncio.CancelledError
        self._queued.add(task)
        try:
            await self._acquire()
        finally:
            self._queued.discard(task)
        self._served.add(task)

    async def _acquire(self) -> None:
        if self._busy < self.limit and not self._line:
            self._busy += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._line.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # it was given a slot in the same moment
                self._busy -= 1
                self._admit()
            elif turn in self._line:  # whoever freed a slot may have passed it over
                self._line.remove(turn)
            raise

    def _admit(self) -> None:
        while self._line and self._busy < self.limit:
            turn = self._line.popleft()
            if not turn.done():
                self._busy += 1
                turn.set_result(None)

    def close(self) -> None:
        """Nobody who has not called yet will: who waits is cancelled, who is in a call may finish and ask again."""
        self._closing = True
        for task in list(self._queued):
            if task not in self._served:
                task.cancel()

    # -- places --------------------------------------------------------------------------------------------

    @property
    def taken(self) -> int:
        """Places in use."""
        return self._taken

    def take(self, model: str, wanted: int) -> int:
        """Take up to ``wanted`` places for ``model``; 0 while none is free or it is another model's turn."""
        if not self._turns.may(model, max(self._taken, self._under_way())):
            return 0
        granted = max(0, min(wanted, self.places - self._taken))
        self._taken += granted
        return granted

    def plan(self, *, turns: bool, dwell_s: float = DWELL_S) -> None:
        """From now on with or without turns of at most ``dwell_s``."""
        if self._turns.plan(on=turns, dwell_s=dwell_s):
            self._announce()

    def elsewhere(self, model: str) -> bool:
        """Whether it is another model's turn."""
        return self._turns.elsewhere(model)

    def urge(self, model: str) -> None:
        """A person waits for ``model``: its turn comes as soon as the calls under way are back."""
        if self._turns.urge(model):
            self._announce()

    def urgent(self, model: str) -> bool:
        """Whether ``model`` has its turn only for what a person waits for."""
        return self._turns.urgent(model)

    def give(self, count: int = 1) -> None:
        """Give places back that no task got."""
        self._taken -= count
        self._announce()

    def occupy(self, task: asyncio.Task[Any]) -> None:
        """One of the places taken is this task's."""
        self._placed.add(task)
        self._working.add(task)

    def vacate(self, task: asyncio.Task[Any]) -> None:
        """The task's place is free again; saying it twice does no harm."""
        if task in self._placed:
            self._placed.remove(task)
            self.give()

    def finished(self, task: asyncio.Task[Any]) -> None:
        """The task will not call again."""
        self.vacate(task)
        self._working.discard(task)
        if self._turns.on:
            self._announce()

    def _under_way(self) -> int:
        """Tasks that may call again: another model's turn would have the server load theirs once more for each."""
        return sum(not task.done() for task in self._working)

    def idle(self, model: str) -> None:
        """``model`` found nothing to do: its turn ends when the last of its places is back."""
        if self._turns.idle(model):
            self._announce()

    def change(self) -> asyncio.Event:
        """Is set when places are given back or a turn ends from now on; ask for it before ``take``."""
        return self._changed

    def _announce(self) -> None:
        # Everyone who waits now is woken; who waits from now on gets a new event.
        event, self._changed = self._changed, asyncio.Event()
        event.set()
