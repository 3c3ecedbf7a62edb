"""What every daemon does beside its own work: promote, settle, rescue, forget old failures and old answers."""

from __future__ import annotations

import time
from collections.abc import Sequence

from daemon import log
from daemon.settings import Settings
from daemon.work.events import Observer
from daemon.work.leases import RENEWALS_PER_LEASE
from daemon.work.settling import settle
from db import claim as db_claim
from db import failures as db_failures
from db import ledger as db_ledger
from db.errors import StoreError
from db.session import Database

_PRUNE_S = 600.0  # between two looks for what is too old to keep
_PRUNE_WINDOWS = 20  # windows of the ledger that one of these looks takes


class Upkeep:
    """Every replica does all of it, none leads: each step is one guarded statement, harmless when done twice."""

    def __init__(self, db: Database, settings: Settings, observers: Sequence[Observer]) -> None:
        self._db = db
        self._settings = settings
        self._observers = observers
        self._log = log.get("upkeep")
        self._answering_since: float | None = None  # monotonic; None: the store did not answer the last time
        self._prune_at = time.monotonic()
        self._pruned_to: int | None = None  # row of the ledger

    async def poll(self) -> None:
        """What waited for its next try and whose time has come is due again."""
        try:
            await db_claim.promote(self._db)
            if self._answering_since is None:
                self._answering_since = time.monotonic()
        except StoreError as error:
            self._answering_since = None
            self._log.warning("queue not read", error=str(error), remedy=error.remedy)

    async def settle(self, *, force: bool, repo_id: int | None) -> int:
        """Make due the wholes whose pieces are done and quiet; with ``force`` those that are not quiet yet, too."""
        try:
            return await settle(self._db, quiet_s=self._settings.queue.quiet_s, force=force, repo_id=repo_id)
        except StoreError as error:
            self._log.warning("not settled", error=str(error), remedy=error.remedy)
            return 0

    def _may_rescue(self) -> bool:
        """Whether everybody who lives has had time to renew since the store answers again.

        While it is away nobody can, and the leases of all run out. Taking them back then would count as crashes what
        was none.
        """
        since, period = self._answering_since, self._settings.queue.lease_s / RENEWALS_PER_LEASE
        return since is not None and time.monotonic() - since > period

    async def rescue(self) -> None:
        """Take back what vanished workers held."""
        queue = self._settings.queue
        if not self._may_rescue():
            return
        try:
            rescued = await db_claim.rescue(
                self._db, max_crashes=queue.max_crashes, max_attempts=queue.max_attempts,
                backoff_base_s=queue.backoff_base_s, backoff_cap_s=queue.backoff_cap_s,
            )  # fmt: skip
        except StoreError as error:
            self._log.warning("rescue failed", error=str(error))
            return
        for chunk, stage, state in rescued:
            for observer in self._observers:
                observer.rescued(stage, state)
            self._log.warning("rescued from a vanished worker", chunk=chunk, stage=stage, state=state)
        await self._prune()

    async def _prune(self) -> None:
        if time.monotonic() < self._prune_at:
            return
        self._prune_at = time.monotonic() + _PRUNE_S
        try:
            await db_failures.prune(self._db, keep_days=self._settings.queue.keep_failures_days)
        except StoreError as error:
            self._log.warning("old failures not forgotten", error=str(error))
        try:
            await self.prune_ledger()
        except StoreError as error:
            self._log.warning("old answers not forgotten", error=str(error))

    async def prune_ledger(self) -> None:
        """A bounded number of windows; the next look goes on where this one ended. Raises StoreError."""
        kept = self._settings.ledger
        before = await db_ledger.forget_before(self._db, keep_days=kept.keep_days, keep_mb=kept.keep_mb)
        if before is None:
            return
        dropped = 0
        for _ in range(_PRUNE_WINDOWS):
            count, self._pruned_to = await db_ledger.prune(self._db, before, after=self._pruned_to or 0)
            dropped += count
            if self._pruned_to is None:
                break
        if dropped:
            self._log.info("old answers forgotten", count=dropped)
