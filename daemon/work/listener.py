"""Hears that work has come, on a connection of its own; proves every few seconds that it is not deaf."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

from daemon import log
from daemon.work.view import ListenerView
from db import wake as db_wake
from db.errors import StoreError
from db.session import Database
from db.wake import Ear

_CHECK_S = 15.0  # between two proofs
_DEAF_S = 5.0  # after which what was said to itself does not come any more
_APART_S = 0.2  # calls that come together wake once, and the daemons of a fleet do not all claim in one moment
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 60.0


class Listener:
    """Wakes when somebody calls. Whatever happens to it, the polls go on, and bring the same work a little later.

    LISTEN dies in silence: with the connection, behind a pooler, on a standby. So it is said something through ``db``
    every ``check_s`` seconds; an ear that does not hear it is deaf, is said to be, and is replaced.
    """

    def __init__(
        self,
        db: Database,
        url: str,
        wake: Callable[[], None],
        *,
        name: str = "doctown ear",
        connect_s: int = 5,
        check_s: float = _CHECK_S,
        deaf_s: float = _DEAF_S,
    ) -> None:
        self._db = db
        self._url = url
        self._wake = wake
        self._name = name
        self._connect_s = connect_s
        self._check_s = check_s
        self._deaf_s = deaf_s
        self._pause_s = _FIRST_PAUSE_S
        self._log = log.get("listener")
        self._hears = False
        self._failures = 0
        self._calls = 0

    def look(self) -> ListenerView:
        """How it stands."""
        return ListenerView(hears=self._hears, failures=self._failures, calls=self._calls)

    async def run(self, stopped: asyncio.Event) -> None:
        """Listen until ``stopped``, on a new connection whenever one fails."""
        attending = asyncio.create_task(self._attend())
        stopping = asyncio.create_task(stopped.wait())
        await asyncio.wait([attending, stopping], return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        attending.cancel()
        await asyncio.gather(attending, return_exceptions=True)
        if attending.done() and not attending.cancelled() and (error := attending.exception()) is not None:
            raise error

    async def _attend(self) -> None:
        while True:
            try:
                async with db_wake.an_ear(self._url, name=self._name, connect_s=self._connect_s) as ear:
                    await self._listen(ear)
                    why = f"it is deaf: what is said to it does not come. {_REMEDY}"
            except StoreError as error:
                why = str(error)
            if self._hears or not self._failures:
                self._log.warning("not listening; polling goes on", why=why)
            self._failures += 1
            self._hears = False
            await asyncio.sleep(self._pause_s * random.uniform(0.5, 1.0))  # noqa: S311 - a pause, no secret
            self._pause_s = min(2 * self._pause_s, _LONGEST_PAUSE_S)

    async def _listen(self, ear: Ear) -> None:
        """Come back when it is deaf."""
        loop = asyncio.get_running_loop()
        while await ear.hears(self._db, self._deaf_s):
            if not self._hears:
                self._log.info("listening")
                self._hears, self._pause_s = True, _FIRST_PAUSE_S
                self._wake()  # for what was called while nobody heard
            until = loop.time() + self._check_s
            while (left := until - loop.time()) > 0:
                if await ear.hear(left):
                    self._calls += 1
                    await asyncio.sleep(random.uniform(0, _APART_S))  # noqa: S311
                    self._wake()
                    await asyncio.sleep(_APART_S)


_REMEDY = "Behind a pooler in transaction mode, let database.listen_url lead to the server itself."
