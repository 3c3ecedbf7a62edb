"""How a connection is opened, and one that hangs up by itself when nobody answers for too long."""

from __future__ import annotations

import asyncio
import os
import socket
from contextlib import suppress
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen

_RV = TypeVar("_RV")
_NO_OPTIONS = "unsupported startup parameter"  # a pooler's answer to `options`


def line_settings(connect_s: int) -> dict[str, Any]:
    """What every connection is opened with, whoever opens it; ``connect_s`` seconds are spent on it at most."""
    return {
        # A pooler in transaction mode gives every transaction another session: nothing may be left in one.
        "prepare_threshold": None,
        "connect_timeout": connect_s,
        # A half-open socket would hang for up to two hours without these.
        "keepalives": 1,
        "keepalives_idle": 15,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 20_000,
    }


class PatientConnection(psycopg.AsyncConnection[Any]):
    """Waits for every answer at most ``patience_s`` seconds, then shuts its socket.

    Timeouts of the server do not help when its answer never comes, and keepalives do not when a proxy, a pooler or a
    load balancer acknowledges what nobody reads any more. A shut socket makes the waiting statement fail with
    OperationalError, as every broken connection does; cancelling the task instead would leave the connection waiting
    for the answer to its cancellation.
    """

    patience_s: float = 90.0

    async def wait(self, gen: PQGen[_RV], *arguments: Any, **named: Any) -> _RV:
        """As psycopg's, with an end."""
        alarm = asyncio.get_running_loop().call_later(self.patience_s, self._hang_up)
        try:
            return await super().wait(gen, *arguments, **named)
        finally:
            alarm.cancel()

    def _hang_up(self) -> None:
        # Either error says that it was closed in the meantime.
        with suppress(psycopg.OperationalError, OSError), socket.socket(fileno=os.dup(self.pgconn.socket)) as line:
            line.shutdown(socket.SHUT_RDWR)


class Dialer:
    """Opens connections with the server's limits; where a pooler lets none through, without, and ``bare`` says so."""

    def __init__(self) -> None:
        self.bare = False

    async def __call__(self, *arguments: Any, options: str, **named: Any) -> PatientConnection:
        """A connection. Raises psycopg.OperationalError."""
        if not self.bare:
            try:
                return await PatientConnection.connect(*arguments, options=options, **named)
            except psycopg.OperationalError as error:
                if _NO_OPTIONS not in str(error):
                    raise
                self.bare = True
        return await PatientConnection.connect(*arguments, **named)
