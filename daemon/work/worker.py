"""The whole of one process at work: a loop per stage, leases, timers; stops cleanly and gives back what it holds."""

from __future__ import annotations

import asyncio
import gc
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import partial
from typing import Any
from uuid import UUID, uuid4

from daemon import log
from daemon.errors import ModelUnavailable, PromptError
from daemon.settings import Settings
from daemon.work import view
from daemon.work.affinity import Affinity, Ask
from daemon.work.breaker import Breaker
from daemon.work.budget import Meter
from daemon.work.events import Observer
from daemon.work.leases import LeaseKeeper
from daemon.work.listener import Listener
from daemon.work.loop import Rest, Scope, StageLoop, first
from daemon.work.pipeline import Pipeline
from daemon.work.presence import Gate, Presence
from daemon.work.refreshing import LooksAfter, Now, Refreshing
from daemon.work.schedule import Schedule
from daemon.work.slots import Slots
from daemon.work.upkeep import Upkeep
from daemon.work.view import WorkerView
from db import claim as db_claim
from db.errors import StoreError
from db.session import Database
from db.types import Claim, Lane, Outcome, Stage, TextDraft

_YOUNG, _MIDDLE, _OLD = 50_000, 20, 100  # thresholds of the garbage collector while at work
_LAST_TRIES_S = 10.0  # how long a worker that stops tries to save what is written while the store is away
_PATIENCE = 3  # probes in vain after which a run that is meant to end gives up on an endpoint


class Worker:
    """Works on every stage it is given until told to stop, or until nothing is left to do.

    ``owner`` is new in every process: a restarted daemon must not look alive in the leases of its predecessor.
    ``listen_url``: where `run` listens for new work; None: it polls alone. ``asks``: by endpoint, what its server
    holds in memory, where that decides whether models take turns.
    """

    def __init__(
        self,
        db: Database,
        pipelines: Callable[[UUID, Mapping[str, Slots]], Sequence[Pipeline]],
        settings: Settings,
        *,
        slots: Mapping[str, Slots],
        asks: Mapping[str, Ask] | None = None,
        meter: Meter,
        recipes: Now,
        refresh: bool = True,
        observers: Sequence[Observer] = (),
        scope: Scope | None = None,
        listen_url: str | None = None,
    ) -> None:
        self.owner = uuid4()
        self._db = db
        self._settings = settings
        self._meter = meter
        self._observers = observers
        self._log = log.get("worker")
        self._keeper = LeaseKeeper(
            lambda claims: db_claim.renew(db, claims, lease_s=settings.queue.lease_s),
            lease_s=settings.queue.lease_s, observers=observers,
        )  # fmt: skip
        self._hurry = asyncio.Event()
        self._time_to_poll = asyncio.Event()
        self._time_to_rescue = asyncio.Event()
        self._stopping = False
        self._ended: set[Stage] = set()
        self._woken: Counter[str] = Counter()
        self._upkeep = Upkeep(db, settings, observers)
        self._listen_url = listen_url
        self._ear: Listener | None = None
        self._slots = dict(slots)
        self._gate = Gate()
        self._breakers = {name: Breaker(settings.queue.breaker_s) for name in slots}
        heard = [*observers, _Waker(lambda stage: self._wake(stage, by="save"))]
        self._loops = [
            StageLoop(
                db=db, pipeline=pipeline, slots=self._slots[pipeline.endpoint],
                breaker=self._breakers[pipeline.endpoint], keeper=self._keeper, owner=self.owner,
                settings=settings.queue, observers=heard, scope=scope or Scope(), gate=self._gate,
            )
            for pipeline in pipelines(self.owner, self._slots)
        ]  # fmt: skip
        self._scope = scope or Scope()
        looks_after: LooksAfter = ("all" if self._scope == Scope() else self._scope.repo_id) if refresh else None
        self._refreshing = Refreshing(db, recipes, self.owner, refresh=settings.queue.refresh, looks_after=looks_after)
        models: dict[str, set[str]] = {}
        for loop in self._loops:
            models.setdefault(loop.pipeline.endpoint, set()).add(loop.pipeline.model)
        self._affinities = {
            name: Affinity(name, models[name], slots[name], ask)
            for name, ask in (asks or {}).items()
            if len(models.get(name, ())) > 1
        }
        used = set(models)
        self._presence = Presence(
            # Who works for one command alone is nobody that others may count on.
            db, self.owner, stages=self.stages if self._scope == Scope() else [], gate=self._gate,
            slots=lambda: sum(slots[name].limit for name in used), in_flight=lambda: len(self._keeper.held()),
            quiet=self._quiet, beat_s=settings.queue.heartbeat_s,
        )  # fmt: skip

    @property
    def stages(self) -> list[Stage]:
        """What it works on."""
        return [loop.stage for loop in self._loops]

    def look(self) -> WorkerView:
        """How it stands at this moment."""
        now = time.monotonic()
        used = {loop.pipeline.endpoint for loop in self._loops}
        return WorkerView(
            loops=tuple(view.of_loop(loop, now, ended=loop.stage in self._ended) for loop in self._loops),
            endpoints=tuple(
                view.of_endpoint(name, slots, self._breakers[name], self._affinities.get(name))
                for name, slots in self._slots.items()
                if name in used
            ),
            held=len(self._keeper.held()), renewed_s=now - self._keeper.renewed_at, draining=not self._gate.open,
            stopping=self._stopping, woken=dict(self._woken),
            listener=self._ear.look() if self._ear is not None else None,
        )  # fmt: skip

    def _has_ended(self, stage: Stage, _: object) -> None:
        self._ended.add(stage)

    def _quiet(self) -> bool:
        return not self._keeper.held() and all(loop.rest is not None and not loop.tasks for loop in self._loops)

    async def run(self, stopping: asyncio.Event) -> None:
        """Work until ``stopping`` is set, then finish or give back what is in flight."""
        if self._listen_url is not None:
            self._ear = Listener(
                self._db, self._listen_url, lambda: self._wake(None, by="notify"),
                connect_s=self._settings.database.connect_timeout_s,
            )  # fmt: skip
        await self._live(stopping, stopping.wait())

    async def once(self, stopping: asyncio.Event) -> None:
        """Work until nothing is due and nothing waits for another try.

        Raises ModelUnavailable when an endpoint stays away; what is undone stays in the queue.
        """
        await self._live(stopping, self._until_done(stopping))

    def hurry(self) -> None:
        """Do not wait for answers any longer: cancel and give back."""
        self._hurry.set()

    # -- life ----------------------------------------------------------------------------------------------

    async def _live(self, stopping: asyncio.Event, until: Coroutine[Any, Any, object]) -> None:
        schedule = Schedule(self._settings.queue, poll=self._time_to_poll, rescue=self._time_to_rescue)
        quiet = asyncio.Event()
        await self._presence.begin()
        await self._meter.begin()
        try:
            await self._refreshing.begin()
        except (StoreError, PromptError) as error:  # the first look at the queue says it again
            self._log.warning("recipes not noted", error=str(error), remedy=error.remedy)
        await asyncio.gather(*(one.begin() for one in self._affinities.values()))
        background = [
            asyncio.create_task(self._keeper.run(quiet), name="leases"),
            asyncio.create_task(self._keep_time(quiet), name="timers"),
            asyncio.create_task(self._presence.run(quiet, lambda: self._wake(None, by="poll")), name="presence"),
            asyncio.create_task(self._meter.run(quiet, self._settings.queue.heartbeat_s), name="budget"),
        ]
        if self._ear is not None:
            background.append(asyncio.create_task(self._ear.run(quiet), name="listener"))
        background += [
            asyncio.create_task(one.run(quiet), name=f"affinity:{name}") for name, one in self._affinities.items()
        ]
        loops = [asyncio.create_task(loop.run(stopping), name=f"loop:{loop.stage}") for loop in self._loops]
        for number, running in enumerate(loops):
            running.add_done_callback(partial(self._has_ended, self._loops[number].stage))
        _spare_the_collector()
        self._log.info("started", owner=str(self.owner), stages=[str(loop.stage) for loop in self._loops])
        await self._poll()
        schedule.start()
        watch = asyncio.ensure_future(until)
        try:
            await asyncio.wait([watch, *background, *loops], return_when=asyncio.FIRST_COMPLETED)
            for task in (watch, *background, *loops):
                if task.done():
                    task.result()
        finally:
            watch.cancel()
            schedule.stop()
            stopping.set()
            self._stopping = True
            for slots in self._slots.values():
                slots.close()
            # A claim may be under way: what it brings must be known before we give back what we hold.
            await asyncio.gather(*loops, return_exceptions=True)
            await self._wind_down()
            quiet.set()
            await asyncio.gather(*background, return_exceptions=True)
            await self._meter.close()
            self._log.info("stopped", owner=str(self.owner))

    async def _wind_down(self) -> None:
        """Let answers finish within the grace time, cancel the rest, save what is written, give back what is not."""
        tasks = {task for loop in self._loops for task in loop.tasks}
        if tasks:
            self._log.info("stopping", in_flight=len(tasks), grace_s=self._settings.queue.grace_s)
            finished: asyncio.Future[Any] = asyncio.ensure_future(asyncio.wait(tasks))
            try:
                async with asyncio.timeout(self._settings.queue.grace_s):
                    await first(_join(finished), self._hurry.wait())
            except TimeoutError:
                pass
            finished.cancel()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        # Side by side: each may wait for a store that stays away.
        await asyncio.gather(*(loop.pipeline.close(_LAST_TRIES_S) for loop in self._loops))
        held = self._keeper.held()
        try:
            if held:
                count = await db_claim.release(self._db, held)
                for observer in self._observers:
                    observer.released(held, None)
                self._log.info("given back", count=count)
                self._keeper.drop(held)
            for loop in self._loops:
                await loop.settle_doubts()
        except StoreError as error:
            self._log.warning("not given back: the leases will run out", count=len(held), error=str(error))

    async def _until_done(self, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            await self._until_idle(stopping)
            if stopping.is_set():
                return
            self._give_up_on_dead_endpoints()
            begun = self._begun()
            due, retrying, next_s = await self._pending()
            if not due and not retrying:
                # What this makes due, or a poll that settled a moment before, is seen by the second look.
                await self._settle(force=True)
                await self._refresh()
                due, retrying, next_s = await self._pending()
                if not due and not retrying and all(loop.idle for loop in self._loops) and self._begun() == begun:
                    return  # what was begun meanwhile may be done already, and have left wholes to settle
            # Due although all loops rest: another process took it, or a breaker is open. Waiting is right for both.
            pause = min(1.0, max(0.05, next_s or 0.05)) if not due else 0.2
            await _pause(stopping, pause)
            await self._poll()

    def _begun(self) -> int:
        return sum(loop.begun for loop in self._loops)

    async def _pending(self) -> tuple[int, int, float | None]:
        """What could be worked on: due, retrying, and in how many seconds the next of these is due."""
        try:
            return await db_claim.pending(
                self._db, [loop.stage for loop in self._loops], max_lane=self._gate.lane(self._scope.max_lane),
                repo_id=self._scope.repo_id,
            )  # fmt: skip
        except StoreError as error:
            self._log.warning("queue not read", error=str(error))
            return 1, 0, None

    async def _until_idle(self, stopping: asyncio.Event) -> None:
        while not stopping.is_set() and not all(loop.idle for loop in self._loops):
            for loop in self._loops:
                loop.rested.clear()
            if all(loop.idle for loop in self._loops):
                return
            await first(*(loop.rested.wait() for loop in self._loops), stopping.wait())

    def _give_up_on_dead_endpoints(self) -> None:
        for loop in self._loops:
            if loop.rest is Rest.BLOCKED and loop.breaker.failures >= _PATIENCE:
                raise ModelUnavailable(
                    f"endpoint {loop.pipeline.endpoint} stays away: {loop.breaker.reason}",
                    "Nothing is lost: what is undone stays in the queue. `doctown doctor` tells more.",
                )

    # -- timers --------------------------------------------------------------------------------------------

    async def _keep_time(self, quiet: asyncio.Event) -> None:
        while not quiet.is_set():
            await first(self._time_to_poll.wait(), self._time_to_rescue.wait(), quiet.wait())
            if self._time_to_poll.is_set():
                self._time_to_poll.clear()
                await self._poll()
            if self._time_to_rescue.is_set():
                self._time_to_rescue.clear()
                await self._upkeep.rescue()

    async def _poll(self) -> None:
        await self._upkeep.poll()
        await self._refresh()
        await self._settle()
        self._wake(None, by="poll")

    async def _settle(self, *, force: bool = False) -> int:
        """Make due the wholes whose pieces are done; where only what is asked for is written, they are left alone."""
        if self._scope.max_lane is Lane.ASKED or all(loop.stage is not Stage.CODER for loop in self._loops):
            return 0
        return await self._upkeep.settle(force=force, repo_id=self._scope.repo_id)

    async def _refresh(self) -> None:
        """Queue the texts that other prompts, models, options or languages made; see daemon/work/refreshing.py."""
        try:
            await self._refreshing.tick()
        except (StoreError, PromptError) as error:
            self._log.warning("recipes not compared", error=str(error), remedy=error.remedy)
        self._gate.refreshes = not self._refreshing.yields

    def _wake(self, stage: Stage | None, *, by: str) -> None:
        self._woken[by] += 1
        for loop in self._loops:
            if stage is None or loop.stage is not stage:
                loop.awake.set()


class _Waker(Observer):
    """A saved text is work for the other stages at once, not at the next poll."""

    def __init__(self, wake: Callable[[Stage | None], None]) -> None:
        self._wake = wake

    def saved(self, claim: Claim, outcome: Outcome, draft: TextDraft | None) -> None:
        """Texts make work for others; an outdated claim is due again itself."""
        if outcome is Outcome.OUTDATED:
            self._wake(None)
        elif draft is not None:
            self._wake(claim.stage)


def _spare_the_collector() -> None:
    """Take what start-up made out of every later collection.

    A full collection walks over all objects of all loaded libraries, for 0.1 s and more with torch among them; in that
    time no answer is read and no slot is filled. Measured: 0.5 % of slots x latency at 64 slots and 1 s.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, _MIDDLE, _OLD)


async def _join(future: asyncio.Future[Any]) -> None:
    await asyncio.wait([future])


async def _pause(stopping: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stopping.wait(), timeout=seconds)
    except TimeoutError:
        return
