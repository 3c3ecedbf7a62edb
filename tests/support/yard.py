"""Where daemons are treated badly: a Postgres that may be stopped, a proxy per daemon, a model double, and the count.

Whatever befalls them is drawn from one seed and written down by kind; at the end the ledgers are asked what is lost.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import psycopg

from daemon.doubles.ledger import Call
from daemon.doubles.server import Double
from daemon.doubles.setup import Setup
from db.embedded import EmbeddedServer
from tests.support.builders import Connection, a_repository, scalar, some_chunks
from tests.support.invariants import Breach, Expected, breaches
from tests.support.processes import ROOT, environment
from tests.support.proxy import Fate, Moment, Proxy, Rule

PATIENCE_S = 240.0  # machines that many work on are slow


@dataclass(slots=True)
class Daemon:
    """One `doctown run` behind a proxy of its own."""

    process: asyncio.subprocess.Process
    proxy: Proxy
    log: Path
    killed: bool = False

    @property
    def alive(self) -> bool:
        """Whether the process has not ended."""
        return self.process.returncode is None

    def events(self) -> list[dict[str, Any]]:
        """What it logged so far."""
        lines = self.log.read_text(encoding="utf-8").splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}\n")]

    @property
    def owner(self) -> UUID | None:
        """The name under which it claims; None before its start."""
        found = [event["owner"] for event in self.events() if event["event"] == "started"]
        return UUID(found[-1]) if found else None

    async def kill(self) -> None:
        """SIGKILL."""
        if self.alive:
            self.killed = True
            self.process.send_signal(signal.SIGKILL)
            await self.process.wait()

    async def stop(self) -> int:
        """SIGTERM; its exit code."""
        if self.alive:
            self.process.send_signal(signal.SIGTERM)
        return await asyncio.wait_for(self.process.wait(), PATIENCE_S)

    def freeze(self) -> None:
        """SIGSTOP: it keeps its connections and its beliefs, and does nothing."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        self.process.send_signal(signal.SIGCONT)


@dataclass(slots=True)
class Yard:
    """One scenario: a database of its own on a server of its own, a double, daemons."""

    server: EmbeddedServer
    url: str  # past every proxy
    double: Double
    folder: Path
    random: random.Random
    faults: Counter[str] = field(default_factory=Counter)
    daemons: list[Daemon] = field(default_factory=list)
    settings: dict[str, object] = field(default_factory=dict)
    user: str = "postgres"
    way: str | tuple[str, int] | None = None  # how proxies reach the server; None: by its socket
    calls: list[Call] = field(default_factory=list)  # of doubles that are gone
    _stack: AsyncExitStack = field(default_factory=AsyncExitStack)
    _psql: Connection | None = None

    # -- the database --------------------------------------------------------------------------------------

    @property
    def psql(self) -> Connection:
        """A plain connection past the proxies; a new one when the server was stopped meanwhile."""
        if self._psql is None or self._psql.closed:
            self._psql = psycopg.connect(self.url, autocommit=True, application_name="yard")
        try:
            self._psql.execute("SELECT 1")
        except psycopg.OperationalError:
            self._psql = psycopg.connect(self.url, autocommit=True, application_name="yard")
        return self._psql

    @property
    def socket(self) -> str:
        """The path of the server's socket."""
        return str(Path(parse_qs(urlsplit(self.url).query)["host"][0]) / ".s.PGSQL.5432")

    def chunks(self, count: int, **columns: Any) -> list[int]:
        """Chunks of a new repository."""
        return some_chunks(self.psql, a_repository(self.psql), count, **columns)

    def unfinished(self) -> int:
        """Rows of work that are neither done nor dead."""
        return int(scalar(self.psql, "SELECT count(*) FROM work WHERE state NOT IN ('done', 'dead')"))

    async def restart(self) -> None:
        """Stop the server at once, as a crash would, and start it again."""
        await asyncio.to_thread(self.server.stop, "immediate")
        await asyncio.to_thread(self.server.start)
        self.faults["server stopped"] += 1

    def terminate(self, count: int = 1, *, who: str = "doctown %", called: str = "session ended") -> int:
        """End some of the daemons' sessions from within the server; how many."""
        pids = [
            row[0]
            for row in self.psql.execute(
                "SELECT pid FROM pg_stat_activity WHERE application_name LIKE %s AND datname = current_database()",
                (who,),
            ).fetchall()
        ]
        chosen = self.random.sample(pids, min(count, len(pids)))
        done = sum(bool(scalar(self.psql, "SELECT pg_terminate_backend(%s)", pid)) for pid in chosen)
        self.faults[called] += done
        return done

    # -- the model server ----------------------------------------------------------------------------------

    async def stop_double(self) -> None:
        """The model server goes away; what it was asked is remembered."""
        self.calls += self.double.calls
        await self.double.stop()
        self.faults["model server gone"] += 1

    async def start_double(self) -> None:
        """It comes back at the same address."""
        port = int(self.double.url.rsplit(":", 1)[1])
        self.double = await self._stack.enter_async_context(Double(replace(self.double.setup, port=port)))

    # -- daemons -------------------------------------------------------------------------------------------

    async def daemon(self, *arguments: str, wrapper: tuple[str, ...] = ("-m", "daemon"), **settings: object) -> Daemon:
        """Start one. It reaches the database through a proxy of its own."""
        proxy = await self._stack.enter_async_context(Proxy(self.way or self.socket))
        database = urlsplit(self.url).path
        url = f"postgresql://{self.user}@127.0.0.1:{proxy.port}{database}"
        log = self.folder / f"daemon-{len(self.daemons)}.log"
        with log.open("ab") as out:
            process = await asyncio.create_subprocess_exec(
                sys.executable, *wrapper, "run", *arguments, cwd=ROOT, stdout=out, stderr=out,
                env={
                    "PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"),
                    **environment(url, self.double.url, **{**self.settings, **settings}),
                },
            )  # fmt: skip
        daemon = Daemon(process, proxy, log)
        self.daemons.append(daemon)
        self._stack.push_async_callback(daemon.kill)
        return daemon

    async def at_work(self, daemon: Daemon) -> Daemon:
        """Wait until it holds something."""
        await self.until(lambda: daemon.owner is not None)
        held = "SELECT count(*) FROM work WHERE lease_owner = %s"
        await self.until(lambda: scalar(self.psql, held, daemon.owner) > 0)
        return daemon

    async def until(self, condition: Callable[[], bool], *, what: str = "") -> None:
        """Look until it is so. Raises AssertionError with what the daemons said last."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not condition():
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(f"{what or 'it'} did not come about\n{self.tail()}") from None

    async def happens(self, event: asyncio.Event, what: str = "what was planned") -> None:
        """Wait for an event of a rule. Raises AssertionError as `until` does."""
        await self.until(event.is_set, what=what)

    def told(self, words: str) -> int:
        """How many lines of the daemons' logs hold these words."""
        return sum(
            words in line for daemon in self.daemons for line in daemon.log.read_text(encoding="utf-8").splitlines()
        )

    def calls_with(self, status: int) -> int:
        """How many calls the double has ended with a status of HTTP."""
        return sum(call.status == status for call in self.double.calls)

    def tail(self, lines: int = 8) -> str:
        """The end of every log, for a failure's message."""
        shown = [f"{d.log.name} (exit {d.process.returncode}):\n" + "\n".join(
            d.log.read_text(encoding="utf-8").splitlines()[-lines:]) for d in self.daemons]  # fmt: skip
        states = self.psql.execute("SELECT stage, state, count(*) FROM work GROUP BY 1, 2 ORDER BY 1, 2").fetchall()
        return "\n".join([str(states), *shown])

    # -- harm ----------------------------------------------------------------------------------------------

    def kill_at(
        self, daemon: Daemon, mark: bytes, moment: Moment, *, skip: int = 0, fate: Fate = Fate.CUT
    ) -> asyncio.Event:
        """Kill it at a moment of a statement; the event is set when it is dead."""

        async def act() -> None:
            await daemon.kill()
            self.faults[f"killed at {mark.decode().strip('- ').split(':')[0].split()[0]} {moment}"] += 1

        return daemon.proxy.rule(Rule(mark, moment, fate, act, skip=skip)).happened

    def break_at(self, daemon: Daemon, mark: bytes, moment: Moment, fate: Fate, *, times: int = 1) -> Rule:
        """Break the connection at a moment of a statement, up to so many times."""

        async def act() -> None:
            self.faults[f"connection {fate} at {moment}"] += 1

        return daemon.proxy.rule(Rule(mark, moment, fate, act, times=times))

    def break_links(self, daemon: Daemon, fate: Fate, share: float = 1.0) -> int:
        """Break some of its connections; how many."""
        links = [link for link in daemon.proxy.breakable() if self.random.random() < share]
        done = sum(link.meet(fate) for link in links)
        self.faults[f"connection {fate}"] += done
        return done

    # -- the end -------------------------------------------------------------------------------------------

    async def settle(self, *, stop: bool = True) -> None:
        """No more harm but from the model: wait until everything is done or dead, then stop the daemons cleanly."""
        for daemon in self.daemons:
            daemon.proxy.heal()
        await self.until(lambda: self.unfinished() == 0, what="an empty queue")
        if stop:
            for daemon in [daemon for daemon in self.daemons if daemon.alive]:
                await self.until(lambda daemon=daemon: daemon.owner is not None, what="a start")  # type: ignore[misc]
                assert await daemon.stop() == 0, self.tail()

    def breaches(self, expected: Expected | None = None) -> list[Breach]:
        """Ask the ledgers."""
        return breaches(self.psql, expected or Expected(), [*self.calls, *self.double.calls])

    def model_faults(self) -> Counter[str]:
        """Calls that the double let fail, by kind."""
        return Counter(f"model {call.fault}" for call in [*self.calls, *self.double.calls] if call.fault)


@asynccontextmanager
async def a_yard(
    server: EmbeddedServer, url: str, folder: Path, seed: int, setup: Setup | None = None, **settings: object
) -> AsyncIterator[Yard]:
    """Open a yard; at its end every process and connection of it is gone."""
    async with AsyncExitStack() as stack:
        double = await stack.enter_async_context(Double(setup or Setup(slots=8, latency_s=0.02)))
        chosen = {
            "ENDPOINTS__LOCAL__SLOTS": 4,
            "QUEUE__BACKOFF_CAP_S": 0.2,
            "DATABASE__STATEMENT_TIMEOUT_MS": 2000,
            **settings,
        }
        yard = Yard(server, url, double, folder, random.Random(seed), settings=chosen, _stack=stack)  # noqa: S311 - faults, no secrets
        yield yard
        if yard._psql is not None:
            yard._psql.close()
