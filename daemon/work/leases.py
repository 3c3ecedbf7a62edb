"""Keeps every lease of this process alive with one statement, and cancels the work on those that were lost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence

from daemon import log
from daemon.work.events import Observer
from db.claim import Key, key_of
from db.errors import StoreError
from db.types import Claim

Renew = Callable[[Iterable[Claim]], Awaitable[set[Key]]]

RENEWALS_PER_LEASE = 3
_TRIES_PER_RENEWAL = 4  # one that failed is repeated sooner


class LeaseKeeper:
    """Claims in flight and the tasks that work on them.

    A renewal that does not name a claim means that it was rescued, closed or deleted: its task is cancelled. A
    renewal that fails (the database is away) cancels nothing: the fence alone decides whether a save counts.
    """

    def __init__(self, renew: Renew, *, lease_s: float, observers: Sequence[Observer] = ()) -> None:
        self._renew = renew
        self._observers = observers
        self._period = lease_s / RENEWALS_PER_LEASE
        self._held: dict[Key, tuple[Claim, asyncio.Task[None] | None]] = {}
        self._log = log.get("leases")
        self.lost = 0
        self.renewed_at = time.monotonic()

    def hold(self, claims: Iterable[Claim], task: asyncio.Task[None] | None = None) -> None:
        """From now on these claims are renewed; ``task`` is cancelled when the last of its claims is lost."""
        for claim in claims:
            self._held[key_of(claim)] = (claim, task)

    def drop(self, claims: Iterable[Claim]) -> None:
        """These are finished, one way or another."""
        for claim in claims:
            self._held.pop(key_of(claim), None)

    def held(self) -> list[Claim]:
        """All claims of this process."""
        return [claim for claim, _ in self._held.values()]

    async def run(self, stopped: asyncio.Event) -> None:
        """Renew every third of a lease until ``stopped`` is set."""
        pause = self._period
        while not stopped.is_set():
            try:
                await asyncio.wait_for(stopped.wait(), timeout=pause)
            except TimeoutError:
                pause = self._period if await self.renew_once() else self._period / _TRIES_PER_RENEWAL

    async def renew_once(self) -> bool:
        """One renewal of everything that is held now; False when the store did not answer."""
        sent = dict(self._held)
        if not sent:
            self.renewed_at = time.monotonic()
            return True
        try:
            kept = await self._renew([claim for claim, _ in sent.values()])
        except StoreError as error:
            self._log.warning("leases not renewed", held=len(sent), error=str(error))
            return False
        self.renewed_at = time.monotonic()
        for key, (claim, task) in sent.items():
            if key in kept or key not in self._held:
                continue
            self.lost += 1
            self._held.pop(key)
            for observer in self._observers:
                observer.lost(claim)
            self._log.warning("lease lost", chunk=claim.chunk_id, stage=claim.stage, fence=claim.fence)
            if task is not None and not any(other is task for _, other in self._held.values()):
                task.cancel()
        return True
