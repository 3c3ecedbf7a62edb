"""Starts and stops a double on a port of this machine, inside a running event loop."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import asdict
from types import TracebackType
from typing import Any, Self

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from daemon.doubles.exchange import Exchange
from daemon.doubles.ledger import Call
from daemon.doubles.ollama import Ollama
from daemon.doubles.openai import OpenAI
from daemon.doubles.service import Service
from daemon.doubles.setup import Setup

_BACKLOG = 2048
_IDLE_S = 3600  # how long an unused connection is kept: as long as any client does
_GET_PATHS = frozenset({"/", "/api/version", "/api/tags", "/api/ps", "/v1/models"})

_Handler = Callable[[Exchange], Awaitable[None]]


class Double:
    """A model server without a model::

        async with Double(Setup(slots=2, latency_s=0.1)) as double:
            ...  # talk to double.url, look at double.calls

    It runs in the loop that starts it. Beside the protocol it serves ``GET /_double/ledger``,
    ``GET /_double/stats``, ``POST /_double/faults`` (``{"shares": {...}, "script": [...]}``) and
    ``POST /_double/reset``.
    """

    def __init__(self, setup: Setup | None = None) -> None:
        self.setup = setup or Setup()
        self.url = ""
        self._server: uvicorn.Server | None = None
        self._socket: socket.socket | None = None
        self._service: Service | None = None
        self._waiting: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen. Raises OSError when the port is taken."""
        self._socket = _listen(self.setup.host, self.setup.port)
        host, port = self._socket.getsockname()[:2]
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        self._service = Service(self.setup, self._changed)
        config = uvicorn.Config(
            self._app(), http=_Protocol, ws="none", lifespan="off", log_config=None, access_log=False,
            date_header=False, server_header=False, timeout_keep_alive=_IDLE_S,
        )  # fmt: skip
        config.load()
        self._server = uvicorn.Server(config)
        self._server.lifespan = config.lifespan_class(config)
        # Not `serve()`: it takes the process's signals and ticks ten times a second, also to stop.
        await self._server.startup(sockets=[self._socket])

    async def stop(self) -> None:
        """Close every connection, also of those that hang, and wait until nothing runs any more."""
        server, self._server = self._server, None
        if server is None or self._service is None or self._socket is None:
            return
        for listener in server.servers:
            listener.close()
        for connection in list(server.server_state.connections):
            connection.transport.abort()
        await asyncio.gather(*server.server_state.tasks, return_exceptions=True)
        for listener in server.servers:
            await listener.wait_closed()
        self._socket.close()
        self._service.close()
        for _, future in self._waiting:
            future.cancel()
        self._waiting.clear()

    @property
    def service(self) -> Service:
        """What answers. Raises RuntimeError before the start."""
        if self._service is None:
            raise RuntimeError("the double was not started")
        return self._service

    @property
    def calls(self) -> list[Call]:
        """The ledger, oldest first; a call that still runs has ``ended`` false."""
        return list(self.service.ledger.calls)

    def stats(self) -> dict[str, Any]:
        """Counts, slots and ``busy_share``."""
        return self.service.stats()

    def script(self, *kinds: str | None) -> None:
        """What happens to the next calls, one entry each; None: it goes well."""
        self.service.faults.script(kinds)

    def shares(self, shares: Mapping[str, float]) -> None:
        """Which share of the calls meets which fault, from now on."""
        self.service.faults.set_shares(shares)

    def reset(self) -> None:
        """Forget calls, figures and faults."""
        self.service.reset()

    async def until(self, true: Callable[[], bool]) -> None:
        """Wait for something to become true: looked at whenever a call arrives, gets its slot or ends."""
        if true():
            return
        future = asyncio.get_running_loop().create_future()
        self._waiting.append((true, future))
        await future

    @property
    def in_flight(self) -> int:
        """Calls that hold a slot."""
        return self.service.slots.in_flight

    def _changed(self) -> None:
        for entry in [entry for entry in self._waiting if entry[0]()]:
            self._waiting.remove(entry)
            if not entry[1].done():
                entry[1].set_result(None)

    def _app(self) -> Starlette:
        dialect = Ollama(self.service) if self.setup.protocol == "ollama" else OpenAI(self.service)
        handlers: dict[str, _Handler] = {
            **dialect.routes,
            "/_double/ledger": self._show_ledger,
            "/_double/stats": self._show_stats,
            "/_double/faults": self._set_faults,
            "/_double/reset": self._do_reset,
        }
        return Starlette(routes=[_route(path, handler) for path, handler in handlers.items()])

    async def _show_ledger(self, exchange: Exchange) -> None:
        await exchange.reply_json(200, {"calls": [asdict(call) for call in self.calls]})

    async def _show_stats(self, exchange: Exchange) -> None:
        await exchange.reply_json(200, self.stats())

    async def _set_faults(self, exchange: Exchange) -> None:
        body = await exchange.body()
        try:
            given = body if isinstance(body, dict) else {}
            shares, script = given.get("shares"), given.get("script", [])
            if shares is not None:
                self.shares(dict(shares))
            if not isinstance(script, Iterable) or isinstance(script, str):
                raise TypeError("script must be a list")
            self.script(*script)
        except (TypeError, ValueError) as error:
            await exchange.reply_json(400, {"error": str(error)})
            return
        await exchange.reply_json(200, {"ok": True})

    async def _do_reset(self, exchange: Exchange) -> None:
        await exchange.body()
        self.reset()
        await exchange.reply_json(200, {"ok": True})


class _Endpoint:
    """A handler as an ASGI application, which starlette calls without wrapping it."""

    def __init__(self, handler: _Handler) -> None:
        self._handler = handler

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._handler(Exchange(scope, receive, send))


class _Protocol(H11Protocol):
    """HTTP that lets a handler reach its connection: some faults are about nothing but closing it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


def _route(path: str, handler: _Handler) -> Route:
    reads = path in _GET_PATHS or path in {"/_double/ledger", "/_double/stats"}
    return Route(path, _Endpoint(handler), methods=["GET"] if reads else ["POST"])


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named asyncio turns Nagle's algorithm off; without it every answer waits 40 ms for an ACK.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener
