"""WAKE: one NOTIFY when work has come, and the ear that hears it. Polling suffices without; this saves its wait."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

from psycopg import sql as psql
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from db.connection import PatientConnection, line_settings
from db.session import Database, mapped_errors

CHANNEL = "doctown_work"
_MARGIN_S = 5.0  # beyond the time that is waited for on purpose


async def call(connection: AsyncConnection) -> None:
    """Tell every daemon that work has come, when this transaction commits.

    Once per command or index run, never per row: commits with a NOTIFY wait for each other all over the server.
    """
    await connection.execute(text("SELECT pg_notify(:channel, '')"), {"channel": CHANNEL})


class Ear:
    """A connection that listens, on a channel of all and on one of its own."""

    def __init__(self, connection: PatientConnection) -> None:
        self._connection = connection
        self._own = f"doctown_{uuid4().hex}"
        self._heard: set[str] = set()  # channels, until somebody asks about them

    async def hear(self, within_s: float) -> bool:
        """Whether somebody called within that time; calls that came together are one.

        Raises DatabaseUnreachable when the connection broke.
        """
        if await self._notified(CHANNEL, within_s):
            await self._take(0)
            self._heard.discard(CHANNEL)
            return True
        return False

    async def hears(self, db: Database, within_s: float) -> bool:
        """Whether it hears what another connection says to it alone; False: it is deaf. Raises StoreError."""
        async with db.statement(patience_s=within_s + _MARGIN_S) as connection:
            await connection.execute(text("SELECT pg_notify(:channel, '')"), {"channel": self._own})
        return await self._notified(self._own, within_s)

    async def _notified(self, channel: str, within_s: float) -> bool:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within_s
        while channel not in self._heard and (left := deadline - loop.time()) > 0:
            await self._take(left)
        there = channel in self._heard
        self._heard.discard(channel)
        return there

    async def _take(self, within_s: float) -> None:
        """Note all that has come, or the first that comes within that time."""
        self._connection.patience_s = within_s + _MARGIN_S
        with mapped_errors():
            async for heard in self._connection.notifies(timeout=within_s, stop_after=1 if within_s else None):
                self._heard.add(heard.channel)

    async def listen(self) -> None:
        """Begin. Raises StoreError."""
        self._connection.patience_s = _MARGIN_S
        with mapped_errors():
            for channel in (CHANNEL, self._own):
                await self._connection.execute(psql.SQL("LISTEN {}").format(psql.Identifier(channel)))


@asynccontextmanager
async def an_ear(url: str, *, name: str, connect_s: int) -> AsyncIterator[Ear]:
    """Listen at ``url``, which must lead to the server itself: a pooler in transaction mode forgets who listens.

    Raises StoreError when nobody answers there.
    """
    with mapped_errors():
        connection = await PatientConnection.connect(
            url, autocommit=True, application_name=name, **line_settings(connect_s)
        )
    try:
        ear = Ear(connection)
        await ear.listen()
        yield ear
    finally:
        connection.patience_s = _MARGIN_S
        await connection.close()
