"""Watches a folder and runs the index when it has changed: once per burst, never two at a time, until told to stop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from daemon.errors import DoctownError
from daemon.follow.events import Events, events, watched_folders
from daemon.reach import FollowSettings
from daemon.settings import IndexSettings
from db.errors import StoreError

_LONGEST_BURST_S = 20.0  # whoever writes without a pause is followed all the same
_LONGEST_LOCK_S = 120.0  # git holds its lock while it changes branches; one that stays longer was left behind
_LOOK_S = 0.05


class Watch:
    """``run`` brings the index in step; ``told`` hears of errors and of how changes are noticed."""

    def __init__(
        self,
        root: Path,
        index: IndexSettings,
        settings: FollowSettings,
        *,
        run: Callable[[], Awaitable[None]],
        told: Callable[[str, Exception | None], None],
    ) -> None:
        self._root = root.resolve()
        self._index = index
        self._settings = settings
        self._run = run
        self._told = told
        self._failures = 0
        self._said = ""

    async def until(self, stopping: asyncio.Event) -> None:
        """Watch until ``stopping`` is set; a run that is under way then is finished.

        Whatever happens while nobody listens (before the start, while watches are set anew) is found by the run that
        follows. Events only say that there is something to look for, so one that gets lost in a flood costs nothing.
        """
        while not stopping.is_set():
            async with events(self._root, self._index) as heard:
                await self._follow(heard, stopping)

    async def _follow(self, heard: Events, stopping: asyncio.Event) -> None:
        """Until watches have to be set anew."""
        while not stopping.is_set():
            self._tell_how(heard)
            await self._once()
            await self._wait(heard, stopping)
            if heard.passing or (heard.take() and await asyncio.to_thread(self._moved, heard)):
                return

    def _moved(self, heard: Events) -> bool:
        """Whether there are other folders to be watched."""
        return not heard.reason and frozenset(watched_folders(self._root, self._index)) != heard.watched

    def _tell_how(self, heard: Events) -> None:
        if heard.reason != self._said:
            self._said = heard.reason
            self._told(f"{heard.reason}; looking every {self._settings.poll_s:g} s instead", None)

    async def _once(self) -> None:
        try:
            await self._run()
            self._failures = 0
        except (DoctownError, StoreError) as error:
            self._failures += 1
            self._told(str(error), error)

    async def _wait(self, heard: Events, stopping: asyncio.Event) -> None:
        """Until something changed and all is quiet, or the time has come to look or to try again."""
        patience = self._settings.poll_s if heard.reason else None
        if self._failures:
            patience = min(self._settings.retry_cap_s, self._settings.poll_s * 2 ** (self._failures - 1))
        await _first(stopping, heard.changed, patience)
        began = time.monotonic()
        while heard.changed.is_set() and not stopping.is_set():
            heard.changed.clear()
            await _first(stopping, heard.changed, self._settings.quiet_ms / 1000)
            burst_s = time.monotonic() - began
            if burst_s > _LONGEST_BURST_S and not self._locked():
                break
            while self._locked() and not stopping.is_set() and time.monotonic() - began < _LONGEST_LOCK_S:
                await _first(stopping, asyncio.Event(), _LOOK_S)

    def _locked(self) -> bool:
        """Whether git is changing the folder: it holds this file from the first to the last."""
        return (self._root / ".git" / "index.lock").exists()


async def _first(stopping: asyncio.Event, changed: asyncio.Event, patience_s: float | None) -> None:
    """Until one of the two is set, or the time is over."""
    tasks = [asyncio.create_task(stopping.wait()), asyncio.create_task(changed.wait())]
    try:
        await asyncio.wait(tasks, timeout=patience_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
