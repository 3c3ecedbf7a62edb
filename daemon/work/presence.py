"""Says every few seconds that this process lives, and closes its gate when it is asked to drain."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Sequence
from uuid import UUID

import daemon
from daemon import log
from db import workers as db_workers
from db.errors import StoreError
from db.session import Database
from db.types import Stage

_BEAT_S = 5.0
_WHILE_DRAINING_S = 0.5  # somebody is waiting for it


class Gate:
    """Whether anything may be claimed. Closed while an administrator drains this worker."""

    def __init__(self) -> None:
        self.open = True


class Presence:
    """One row in ``worker`` for as long as the process works.

    ``slots`` and ``in_flight`` tell how many calls it may make at once and how many pieces it holds; ``quiet`` says
    whether nothing is held and no loop is claiming.
    """

    def __init__(
        self,
        db: Database,
        owner: UUID,
        *,
        stages: Sequence[Stage],
        slots: Callable[[], int],
        gate: Gate,
        in_flight: Callable[[], int],
        quiet: Callable[[], bool],
        beat_s: float = _BEAT_S,
    ) -> None:
        self._db = db
        self._gate = gate
        self._slots = slots
        self._in_flight = in_flight
        self._quiet = quiet
        self._beat_s = beat_s
        self._log = log.get("presence")
        self._registration = db_workers.Registration(
            id=owner, host=socket.gethostname(), pid=os.getpid(), version=daemon.__version__, stages=tuple(stages),
            slots=slots(),
        )  # fmt: skip

    async def begin(self) -> None:
        """Register, before anything is claimed."""
        await self._beat(lambda: None, known=False)

    async def run(self, stopped: asyncio.Event, reopened: Callable[[], None]) -> None:
        """Beat until ``stopped``, then leave. ``reopened`` is called when a drain was taken back."""
        while not stopped.is_set():
            try:
                pause = self._beat_s if self._gate.open else min(self._beat_s, _WHILE_DRAINING_S)
                await asyncio.wait_for(stopped.wait(), timeout=pause)
            except TimeoutError:
                await self._beat(reopened, known=True)
        try:
            await db_workers.leave(self._db, self._registration.id)
        except StoreError as error:
            self._log.warning("still listed among the workers", error=str(error))

    async def _beat(self, reopened: Callable[[], None], *, known: bool) -> None:
        try:
            draining = await self._say() if known else None
            if draining is None:  # at the start, or after a night in suspension
                await db_workers.register(self._db, self._registration)
                draining = await self._say()
        except StoreError as error:
            self._log.warning("could not say that this worker lives", error=str(error))
            return
        if bool(draining) == self._gate.open:
            self._gate.open = not draining
            self._log.info("draining" if draining else "going on", worker=str(self._registration.id))
            if not draining:
                reopened()

    async def _say(self) -> bool | None:
        return await db_workers.beat(
            self._db,
            self._registration.id,
            slots=self._slots(),
            in_flight=self._in_flight(),
            at_rest=not self._gate.open and self._quiet(),
        )
