"""One stage's loop: claim as much as there are free places, start a task for each, until nothing is due."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import UUID

from daemon import log
from daemon.errors import ModelBusy, ModelError
from daemon.settings import QueueSettings
from daemon.work.breaker import Breaker
from daemon.work.events import Observer
from daemon.work.fair import Fair
from daemon.work.leases import LeaseKeeper
from daemon.work.pipeline import Pipeline, Prepared, advance
from daemon.work.presence import Gate
from daemon.work.retry import Decision, Verb, decide
from daemon.work.slots import Slots
from db import claim as db_claim
from db.errors import StoreError
from db.session import Database
from db.types import Claim, ErrorClass, Lane, Outcome, Stage, State, TextDraft

_LOOK_S = 0.5  # every saved text wakes the other stages: that often it is looked whether a person waits


class Rest(StrEnum):
    """Why a drain ended."""

    EMPTY = "empty"  # nothing is due
    BLOCKED = "blocked"  # the endpoint's breaker is open
    TROUBLE = "trouble"  # the store did not answer
    DRAINED = "drained"  # an administrator lets nothing more be claimed
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What may be claimed."""

    max_lane: Lane = Lane.REFRESH
    repo_id: int | None = None


@dataclass(slots=True)
class StageLoop:
    """Claims and tasks of one stage. ``awake`` is set by whoever thinks that there may be work."""

    db: Database
    pipeline: Pipeline
    slots: Slots
    breaker: Breaker
    keeper: LeaseKeeper
    owner: UUID
    settings: QueueSettings
    observers: Sequence[Observer]
    scope: Scope = field(default_factory=Scope)
    gate: Gate = field(default_factory=Gate)
    awake: asyncio.Event = field(default_factory=asyncio.Event)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    rest: Rest | None = None  # None while it drains
    rested: asyncio.Event = field(default_factory=asyncio.Event)
    doubtful_since: float | None = None  # loop time since when rows may stand in our name that we do not hold
    fair: Fair = field(init=False)
    turned_at: float = field(default_factory=time.monotonic)  # the last turn of its loop, on the monotonic clock
    _looked_at: float = float("-inf")
    begun: int = 0  # tasks so far
    waiting: bool = False  # for a place, which may rightly take as long as a call

    def __post_init__(self) -> None:
        """The count of turns is the loop's own."""
        self.fair = Fair(self.settings.refresh_share)

    @property
    def stage(self) -> Stage:
        """The stage's name."""
        return self.pipeline.stage

    @property
    def idle(self) -> bool:
        """Whether it rests and nothing of it is in flight."""
        return self.rest is not None and not self.tasks and not self.awake.is_set()

    async def run(self, stopping: asyncio.Event) -> None:
        """Drain whenever woken, until ``stopping``."""
        while not stopping.is_set():
            self.awake.clear()
            self.rest = None
            self.rest = await self.drain(stopping)
            self.rested.set()
            await first(self.awake.wait(), stopping.wait())

    async def drain(self, stopping: asyncio.Event) -> Rest:
        """Claim and start tasks until nothing more can be claimed; tasks may still be in flight afterwards."""
        look = True
        while not stopping.is_set():
            self.turned_at = time.monotonic()
            if not self.gate.open:
                return Rest.DRAINED
            try:
                await self.settle_doubts()
            except StoreError as error:
                log.get("loop").warning("queue not reached", stage=self.stage, error=str(error), remedy=error.remedy)
                return Rest.TROUBLE
            allowed = self.breaker.allowance(self.slots.places)
            if not allowed:
                return Rest.BLOCKED
            change = self.slots.change()
            granted = self.slots.take(self.pipeline.model, allowed)
            if not granted:
                self.waiting = True
                if look:
                    await self._hurry()
                await first(change.wait(), self.awake.wait(), stopping.wait())
                look = self.awake.is_set()
                self.awake.clear()
                self.waiting = False
                continue
            try:
                work = await self._claim(granted * self.pipeline.batch)
            except StoreError as error:
                self.slots.give(granted)
                self._doubt()
                log.get("loop").error("claim failed", stage=self.stage, error=str(error), remedy=error.remedy)
                return Rest.TROUBLE
            batches = [work[i : i + self.pipeline.batch] for i in range(0, len(work), self.pipeline.batch)]
            if len(batches) < granted:
                self.slots.give(granted - len(batches))
            if not batches:
                self.slots.idle(self.pipeline.model)
                return Rest.EMPTY
            self.breaker.probing()
            for batch in batches:
                self._start(batch)
        return Rest.STOPPED

    async def _hurry(self) -> None:
        """Where it is another model's turn and a person waits for ours: ask for a turn out of turn."""
        now = time.monotonic()
        if not self.slots.elsewhere(self.pipeline.model) or now - self._looked_at < _LOOK_S:
            return
        self._looked_at = now
        try:
            if await db_claim.asked(self.db, self.stage, repo_id=self.scope.repo_id):
                self.slots.urge(self.pipeline.model)
        except StoreError as error:
            log.get("loop").warning("not known whether anybody waits", stage=self.stage, error=str(error))

    def _doubt(self) -> None:
        self.doubtful_since = asyncio.get_running_loop().time()

    async def settle_doubts(self) -> None:
        """Give back what stands in our name and we do not hold. Raises StoreError when the store stays away.

        A statement whose connection broke may still be under way in the server, so it is looked at for a whole lease.
        """
        if self.doubtful_since is None:
            return
        doubts = self.doubtful_since
        count = await db_claim.disown(self.db, self.stage, owner=self.owner, held=self.keeper.held())
        if count:
            log.get("loop").info("claims of nobody given back", stage=self.stage, count=count)
        if asyncio.get_running_loop().time() - doubts > self.settings.lease_s and self.doubtful_since == doubts:
            self.doubtful_since = None

    async def _claim(self, limit: int) -> list[Prepared]:
        asked = time.monotonic()
        claims = await db_claim.claim(
            self.db, self.stage, owner=self.owner, limit=limit, lease_s=self.settings.lease_s,
            max_lane=Lane.ASKED if self.slots.urgent(self.pipeline.model) else self.gate.lane(self.scope.max_lane),
            repo_id=self.scope.repo_id, turn=self.fair.turn(limit),
        )  # fmt: skip
        self.fair.took(claims)
        for observer in self.observers:
            observer.claimed(self.stage, claims, wanted=limit, seconds=time.monotonic() - asked)
        if not claims:
            return []
        self.keeper.hold(claims)
        try:
            work = await self.pipeline.prepare(claims)
        except StoreError:
            # The rows stay leased by us and would run out: give them back if the store lets us.
            await self._release(claims)
            raise
        there = {piece.claim.chunk_id for piece in work}
        self.keeper.drop(claim for claim in claims if claim.chunk_id not in there)
        return work

    def _start(self, batch: Sequence[Prepared]) -> None:
        task = asyncio.create_task(self._work(batch), name=f"{self.stage}:{batch[0].claim.chunk_id}")
        self.keeper.hold((piece.claim for piece in batch), task)
        self.tasks.add(task)
        self.begun += 1
        self.slots.occupy(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self.tasks.discard(task)
        self.slots.finished(task)
        self.rested.set()
        if not task.cancelled() and task.exception() is not None:
            log.get("loop").error("a task broke", stage=self.stage, exc_info=task.exception())

    async def _work(self, batch: Sequence[Prepared]) -> None:
        try:
            await self._advance(batch)
        finally:
            self.breaker.released()

    async def _advance(self, batch: Sequence[Prepared]) -> None:
        try:
            saved = await advance(self.pipeline, batch)
        except StoreError as error:
            # Not even the saver's patience helped. The rows are given back when the store answers again.
            self._doubt()
            log.get("loop").error("not saved", stage=self.stage, chunks=len(batch), error=str(error))
            self.keeper.drop(piece.claim for piece in batch)
        except Exception as error:  # noqa: BLE001 - every error of a stage becomes a decision about its claims
            await self._failed(batch, error)
        else:
            self.breaker.succeeded()
            self.keeper.drop(piece.claim for piece in batch)
            for row in saved:
                draft = row.draft if isinstance(row.draft, TextDraft) else None
                if row.outcome is not Outcome.SAVED:
                    log.get("loop").info("not kept", stage=self.stage, chunk=row.claim.chunk_id, outcome=row.outcome)
                for observer in self.observers:
                    observer.saved(row.claim, row.outcome, draft)

    async def _failed(self, batch: Sequence[Prepared], error: Exception) -> None:
        decision = decide(batch[0].claim, error, self.settings)
        if decision.error_class is ErrorClass.INFRASTRUCTURE:
            self._open_breaker(error, decision)
        elif decision.error_class is not ErrorClass.BUDGET:  # then nobody was asked
            self.breaker.succeeded()  # it answered, if only with an error
        if len(batch) > 1 and decision.verb is not Verb.RELEASE:
            # One bad piece must not fail the others of its batch.
            for piece in batch:
                await self._advance([piece])
            return
        claims = [piece.claim for piece in batch]
        try:
            if decision.verb is Verb.RELEASE:
                await db_claim.release(
                    self.db, claims, error_class=decision.error_class, error=decision.message, wait_s=decision.wait_s
                )
                for observer in self.observers:
                    observer.released(claims, decision.error_class)
            else:
                await self._fail(claims[0], decision)
        except StoreError as broken:
            self._doubt()
            log.get("loop").error("failure not recorded", stage=self.stage, error=str(broken))
        self.keeper.drop(claims)

    async def _fail(self, claim: Claim, decision: Decision) -> None:
        state: State | None = await db_claim.fail(
            self.db, claim, error_class=decision.error_class, error=decision.message, wait_s=decision.wait_s,
            dead=decision.verb is Verb.BURY,
        )  # fmt: skip
        log.get("loop").warning(
            "attempt failed", stage=self.stage, chunk=claim.chunk_id, attempt=claim.attempts, state=state,
            error=decision.message,
        )  # fmt: skip
        for observer in self.observers:
            observer.failed(claim, state, decision.error_class, decision.message)

    def _open_breaker(self, error: Exception, decision: Decision) -> None:
        if isinstance(error, ModelBusy) and error.eased:
            return  # it is asked less at once; only when a single call is too much it is left alone
        first = self.breaker.failures == 0
        self.breaker.failed(decision.message, error.retry_after if isinstance(error, ModelError) else None)
        if first:
            log.get("loop").warning(
                "endpoint left alone", endpoint=self.pipeline.endpoint, pause_s=round(self.breaker.wait_s(), 1),
                error=decision.message,
            )  # fmt: skip
        for observer in self.observers:
            observer.unavailable(self.pipeline.endpoint, decision.message)

    async def _release(self, claims: Sequence[Claim]) -> None:
        try:
            await db_claim.release(self.db, claims)
        except StoreError as error:
            self._doubt()
            log.get("loop").warning("claims not given back", stage=self.stage, count=len(claims), error=str(error))
        self.keeper.drop(claims)


async def first(*waits: Coroutine[Any, Any, object]) -> None:
    """Wait until one of several waits is over; the others are given up."""
    waiters = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.wait(waiters, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for waiter in waiters:
            waiter.cancel()
