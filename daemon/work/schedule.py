"""APScheduler wiring: when to look at the queue and when to rescue; it owns timers, never state."""

from __future__ import annotations

import asyncio
import logging

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from daemon.settings import QueueSettings


class Schedule:
    """Timers of one process. Every replica has its own: nothing is shared, nobody leads.

    A job only says that it is time, by setting an event, and returns at once: APScheduler cancels at shutdown
    whatever a job of its own is doing, and a database call is nothing to be cut off.
    """

    def __init__(self, settings: QueueSettings, *, poll: asyncio.Event, rescue: asyncio.Event) -> None:
        # Jobs that set an event cannot fail; what is left to log are jobs cut off by a shutdown.
        logging.getLogger("apscheduler").setLevel(logging.CRITICAL)
        self._scheduler = AsyncIOScheduler(
            timezone="UTC", job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        )
        for name, seconds, event in (("poll", settings.poll_ms / 1000, poll), ("rescue", settings.rescue_s, rescue)):
            # Jitter keeps the replicas of a service from asking in step.
            self._scheduler.add_job(_say, "interval", [event], seconds=seconds, jitter=seconds / 10, id=name)

    def start(self) -> None:
        """Start the timers in the running event loop."""
        self._scheduler.start()

    def stop(self) -> None:
        """Stop them."""
        self._scheduler.shutdown(wait=False)


async def _say(event: asyncio.Event) -> None:
    # A coroutine function, because APScheduler runs plain functions in a thread.
    event.set()
