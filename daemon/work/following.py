"""Takes turns of followed repositories with the other daemons: due, taken by a lease, done or tried again later."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

from daemon import log
from daemon.errors import DoctownError
from daemon.reach import FollowSettings
from db import follow as db_follow
from db.errors import StoreError
from db.follow import Followed, Origin
from db.session import Database

_LOOK_S = 5.0  # at most between two looks; a command makes a repository due at once
_SHORTEST_S = 0.05
_JITTER = 0.1  # of a period: repositories that began together do not stay in step

Turn = Callable[[str, Origin], Awaitable[Mapping[str, Any]]]  # repository, where it comes from -> what the run did


def wait_after(failures: int, every_s: float, settings: FollowSettings, chance: float) -> float:
    """Seconds until the next turn; ``failures`` in a row with the last try, ``chance`` in 0 .. 1.

    After failures the wait doubles from ``retry_s`` to ``retry_cap_s``, and is never shorter than the period would be
    unless the period is longer than the cap.
    """
    if not failures:
        return every_s * (1 + _JITTER * (2 * chance - 1))
    grown = min(settings.retry_cap_s, settings.retry_s * 2.0 ** min(failures - 1, 30))
    return max(grown, min(every_s, settings.retry_cap_s)) * (1 - _JITTER * chance)


class Following:
    """One turn at a time in this process; any number of processes share the repositories without a leader."""

    def __init__(self, db: Database, settings: FollowSettings, turn: Turn) -> None:
        self.owner = uuid4()
        self._db = db
        self._settings = settings
        self._turn = turn
        self._log = log.get("follow")

    async def run(self, stopping: asyncio.Event) -> None:
        """Until ``stopping`` is set; the turn under way is given back then, and the next one finishes its work."""
        while not stopping.is_set():
            pause = _LOOK_S
            try:
                pause = await self.once(stopping)
            except StoreError as error:
                self._log.warning("turns not read", error=str(error), remedy=error.remedy)
            await _pause(stopping, max(_SHORTEST_S, min(_LOOK_S, pause) * random.uniform(0.9, 1.1)))  # noqa: S311

    async def once(self, stopping: asyncio.Event) -> float:
        """Take the turns that are due and that can be taken here; in how many seconds the next one will be due."""
        due, next_s = await db_follow.due(self._db)
        for one in due:
            if stopping.is_set():
                break
            # A folder of another machine is that machine's to follow.
            here = one.url is not None or await asyncio.to_thread(Path(one.root or "/nowhere").is_dir)
            if here and await db_follow.take(self._db, one.repo_id, self.owner, self._settings.lease_s):
                await self._follow(one, stopping)
                return _SHORTEST_S  # what was due meanwhile is not known yet
        return _LOOK_S if next_s is None else next_s

    async def _follow(self, one: Followed, stopping: asyncio.Event) -> None:
        turn = asyncio.ensure_future(self._turn(one.repo, Origin(root=one.root, url=one.url, ref=one.ref)))
        keeping = asyncio.create_task(self._keep(one.repo_id), name="lease of a turn")
        stop = asyncio.create_task(stopping.wait(), name="stop")
        try:
            await asyncio.wait([turn, keeping, stop], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (keeping, stop):
                task.cancel()
            cut = not turn.done()
            turn.cancel()
            await asyncio.gather(turn, keeping, stop, return_exceptions=True)
        if cut:
            await db_follow.give_back(self._db, one.repo_id, self.owner)
            self._log.info("turn given back", repo=one.repo)
            return
        await self._conclude(one, turn)

    async def _conclude(self, one: Followed, turn: asyncio.Future[Mapping[str, Any]]) -> None:
        chance = random.random()  # noqa: S311 - for a pause
        try:
            done = turn.result()
        except (DoctownError, StoreError, OSError) as error:
            wait_s = wait_after(one.failures + 1, one.every_s, self._settings, chance)
            remedy = getattr(error, "remedy", "")
            self._log.warning("not followed", repo=one.repo, error=str(error), remedy=remedy, again_in_s=round(wait_s))
            told = f"{error} ({remedy})" if remedy else str(error)
            await db_follow.failed(self._db, one.repo_id, self.owner, error=told, wait_s=wait_s)
            return
        wait_s = wait_after(0, one.every_s, self._settings, chance)
        mine = await db_follow.done(self._db, one.repo_id, self.owner, wait_s=wait_s)
        if done.get("changed") or not mine:
            self._log.info("followed", repo=one.repo, **done)

    async def _keep(self, repo_id: int) -> None:
        """Renew the lease until it is lost."""
        while True:
            await asyncio.sleep(self._settings.lease_s / 3)
            try:
                if not await db_follow.renew(self._db, repo_id, self.owner, self._settings.lease_s):
                    return
            except StoreError as error:
                self._log.warning("lease of a turn not renewed", error=str(error))


async def _pause(stopping: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stopping.wait(), timeout=seconds)
    except TimeoutError:
        return
