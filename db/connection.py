"""One psycopg connection that hangs up by itself when nobody answers for too long."""

from __future__ import annotations

import asyncio
import os
import socket
from contextlib import suppress
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen

_RV = TypeVar("_RV")


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
