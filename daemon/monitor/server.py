"""One port for machines that watch: /metrics, /livez and /readyz, served in the worker's own event loop."""

from __future__ import annotations

import asyncio
import socket
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import TracebackType
from typing import Self

import uvicorn
from prometheus_client.exposition import choose_encoder
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from daemon import log
from daemon.errors import ConfigError
from daemon.llm.base import Health
from daemon.monitor import probes
from daemon.monitor.counts import Counts
from daemon.monitor.gauges import Gauges, Moment
from daemon.monitor.probes import Check
from daemon.settings import MonitorSettings
from daemon.work.view import WorkerView
from db import budget as db_budget
from db import figures as db_figures
from db.budget import Rules, Use
from db.errors import StoreError
from db.figures import Figures
from db.session import Database

_SAMPLE_S = 5.0  # figures from the database are at most so old,
_SAMPLE_SHARE = 20  # but reading them takes no more than a twentieth of the time
_CHECK_S = 5.0  # a probe's answer holds so long, and waits no longer for one
_TICK_S = 0.5
_TICKS = 60  # the lag told is the longest of the last half minute
_INDEX = "doctown: /metrics for Prometheus, /livez and /readyz for whoever starts and stops daemons\n"

Answers = Callable[[], Awaitable[Health]]


class Monitor:
    """Answers while it is entered. The event loop is the worker's: if it hangs, nobody answers, as it should be.

    ``models`` says by stage how to ask whether its model could answer; ``head`` is the program's own revision of the
    tables; ``patience_s`` is how long a stage's loop may go without a turn.
    """

    def __init__(
        self,
        *,
        settings: MonitorSettings,
        db: Database,
        counts: Counts,
        look: Callable[[], WorkerView],
        models: Mapping[str, Answers],
        rules: Rules,
        head: str,
        patience_s: float,
    ) -> None:
        self._settings = settings
        self._db = db
        self._look = look
        self._models = models
        self._rules = rules
        self._head = head
        self._patience_s = patience_s
        self._registry = counts.registry
        self._gauges = Gauges()
        self._registry.register(self._gauges)
        self._log = log.get("monitor")
        self._server: uvicorn.Server | None = None
        self._ticker: asyncio.Task[None] | None = None
        self._lags: deque[float] = deque([0.0], maxlen=_TICKS)
        self._sampling = asyncio.Lock()
        self._figures: Figures | None = None
        self._uses: tuple[Use, ...] = ()
        self._sampled_at = self._sample_until = float("-inf")
        self._checking = asyncio.Lock()
        self._checks: list[Check] = []
        self._checks_until = float("-inf")
        self.url = ""

    async def __aenter__(self) -> Self:
        listener = _listen(self._settings.host, self._settings.port or 0)
        host, port = listener.getsockname()[:2]
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        config = uvicorn.Config(
            self._routes(), ws="none", lifespan="off", log_config=None, access_log=False, server_header=False
        )
        config.load()
        self._server = uvicorn.Server(config)
        self._server.lifespan = config.lifespan_class(config)
        # Not `serve()`: it takes the process's signals, which are the worker's.
        await self._server.startup(sockets=[listener])
        self._ticker = asyncio.create_task(self._tick(), name="monitor")
        self._log.info("listening", url=self.url)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._ticker is not None:
            self._ticker.cancel()
        server, self._server = self._server, None
        if server is None:
            return
        for listener in server.servers:
            listener.close()
        for connection in list(server.server_state.connections):
            connection.transport.abort()
        await asyncio.gather(*server.server_state.tasks, return_exceptions=True)
        for listener in server.servers:
            await listener.wait_closed()

    def _routes(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/", lambda _: PlainTextResponse(_INDEX)),
                Route("/metrics", self._metrics),
                Route("/livez", self._live),
                Route("/readyz", self._ready),
            ]
        )

    # -- answers -------------------------------------------------------------------------------------------

    async def _metrics(self, request: Request) -> Response:
        await self._sample()
        checks = await self._ready_checks()
        self._gauges.moment = Moment(
            worker=self._look(), pool=self._db.pool(), loop_lag_s=max(self._lags),
            ready=all(check.ok for check in checks), figures=self._figures, uses=self._uses,
            sampled_s=None if self._figures is None else time.monotonic() - self._sampled_at,
        )  # fmt: skip
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(self._registry), headers={"content-type": content_type})

    async def _live(self, _: Request) -> Response:
        return _answer("live", probes.live(self._look(), patience_s=self._patience_s))

    async def _ready(self, _: Request) -> Response:
        return _answer("ready", await self._ready_checks())

    async def _ready_checks(self) -> list[Check]:
        """The worker's own state is asked every time, database and models every few seconds."""
        async with self._checking:
            if time.monotonic() >= self._checks_until:
                self._checks = list(
                    await asyncio.gather(
                        self._database(), *(self._model(name, ask) for name, ask in self._models.items())
                    )
                )
                self._checks_until = time.monotonic() + _CHECK_S
        return [probes.at_work(self._look()), *self._checks]

    async def _database(self) -> Check:
        try:
            async with asyncio.timeout(_CHECK_S):
                revision, compatible_since = await db_figures.revision(self._db)
        except StoreError as error:
            return Check(name="database", ok=False, found=str(error))
        except TimeoutError:
            return Check(name="database", ok=False, found=f"no answer within {_CHECK_S:.0f} s")
        return probes.migrations(revision, compatible_since, self._head)

    async def _model(self, name: str, ask: Answers) -> Check:
        try:
            async with asyncio.timeout(_CHECK_S):
                return probes.model(name, await ask())
        except TimeoutError:
            return Check(name=f"model of {name}", ok=False, found=f"no answer within {_CHECK_S:.0f} s")

    async def _sample(self) -> None:
        async with self._sampling:
            began = time.monotonic()
            if began < self._sample_until:
                return
            try:
                self._figures = await db_figures.look(self._db)
                self._uses = tuple(await db_budget.uses(self._db, self._rules))
            except StoreError as error:
                self._figures, self._uses = None, ()
                self._log.warning("figures not read", error=str(error))
            self._sampled_at = time.monotonic()
            self._sample_until = self._sampled_at + max(_SAMPLE_S, _SAMPLE_SHARE * (self._sampled_at - began))

    async def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            meant = loop.time() + _TICK_S
            await asyncio.sleep(_TICK_S)
            self._lags.append(max(0.0, loop.time() - meant))


def _answer(name: str, checks: Sequence[Check]) -> Response:
    ok = all(check.ok for check in checks)
    body = {name: ok, "checks": [{"name": c.name, "ok": c.ok, "found": c.found} for c in checks]}
    return JSONResponse(body, status_code=200 if ok else 503)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise ConfigError(
            f"monitor: cannot listen at {host}:{port}: {error.strerror or error}",
            "Set monitor.port to a free one (0 picks one), or null to leave it out.",
        ) from error
    return listener
