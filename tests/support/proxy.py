"""A TCP proxy that breaks connections on purpose: cut, silent, slow, and at chosen moments of chosen statements."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from enum import StrEnum
from types import TracebackType
from typing import Any, Self

_PIECE = 65_536
_READY = b"Z\x00\x00\x00\x05"  # ReadyForQuery: the server has finished, and committed what commits by itself
_LONGEST_MARK = 64


class Moment(StrEnum):
    """When a rule acts."""

    REQUEST = "request"  # the statement has left the client and has not reached the server
    ANSWER = "answer"  # the server has executed it and the client does not know yet


class Fate(StrEnum):
    """What becomes of the connection; ``PASS`` leaves it alone."""

    PASS = "pass"
    CUT = "cut"  # both ends are reset
    HOLE = "hole"  # both ends stay open and nothing passes any more
    HALF = "half"  # the server's end is closed, the client is told nothing


@dataclass(slots=True)
class Rule:
    """At ``moment`` of a statement that contains ``mark``: ``act``, then the connection meets its fate.

    ``skip`` passes that many occurrences first, ``times`` ends the rule after so many.
    """

    mark: bytes
    moment: Moment
    fate: Fate = Fate.CUT
    act: Callable[[], Awaitable[None]] | None = None
    skip: int = 0
    times: int = 1
    fired: int = 0
    happened: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        if len(self.mark) > _LONGEST_MARK:
            raise ValueError(f"a mark has at most {_LONGEST_MARK} bytes")

    def hits(self) -> bool:
        """Whether it acts this time; counts."""
        if self.fired >= self.times:
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        self.fired += 1
        return True


class Link:
    """One connection through the proxy."""

    def __init__(
        self,
        proxy: Proxy,
        client: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        server: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> None:
        self._proxy = proxy
        self._client_in, self._client_out = client
        self._server_in, self._server_out = server
        self._expected: list[Rule] = []
        self._tail = b""
        self._over = asyncio.Event()
        self.fate = Fate.PASS

    async def run(self) -> None:
        """Pass bytes both ways until either end closes."""
        both = [asyncio.ensure_future(self._up()), asyncio.ensure_future(self._down())]
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in both:
                pump.cancel()
            await asyncio.gather(*both, return_exceptions=True)
            self.close()

    def close(self) -> None:
        """End it, whatever befell it."""
        self._over.set()
        self._abort()

    def meet(self, fate: Fate) -> bool:
        """Break it; False when it was broken before."""
        if fate is Fate.PASS or self.fate is not Fate.PASS:
            return False
        self.fate = fate
        if fate is Fate.CUT:
            self._abort()
        elif fate is Fate.HALF:
            self._server_out.transport.abort()
        self._proxy.broken[fate] += 1
        return True

    def _abort(self) -> None:
        for writer in (self._client_out, self._server_out):
            writer.transport.abort()

    async def _up(self) -> None:
        while data := await self._client_in.read(_PIECE):
            for rule in self._matching(data):
                if rule.moment is Moment.ANSWER:
                    self._expected.append(rule)
                elif rule.hits():
                    await self._happens(rule)
            await self._pass(data, self._server_out)
        if self.fate in {Fate.HOLE, Fate.HALF}:
            return
        self._server_out.write_eof()

    async def _down(self) -> None:
        while data := await self._server_in.read(_PIECE):
            if self._expected and _READY in data:
                expected, self._expected = self._expected, []
                for rule in expected:
                    if rule.hits():
                        await self._happens(rule)
            await self._pass(data, self._client_out)
        if self.fate is Fate.HALF:
            await self._over.wait()  # the client finds out by itself, or never

    def _matching(self, data: bytes) -> list[Rule]:
        # A mark may lie across two pieces.
        seen = self._tail + data
        self._tail = data[-_LONGEST_MARK:]
        return [rule for rule in self._proxy.rules if rule.mark in seen and rule.mark not in self._tail]

    async def _happens(self, rule: Rule) -> None:
        # A task of its own: killing the client ends this connection, and with it whoever passes its bytes.
        await asyncio.shield(self._proxy.spawn(self._befall(rule)))

    async def _befall(self, rule: Rule) -> None:
        if rule.act is not None:
            await rule.act()
        self.meet(rule.fate)
        rule.happened.set()

    async def _pass(self, data: bytes, to: asyncio.StreamWriter) -> None:
        if self._proxy.delay_s:
            await asyncio.sleep(self._proxy.delay_s)
        if self._proxy.trickle:
            for start in range(0, len(data), self._proxy.trickle):
                await self._write(data[start : start + self._proxy.trickle], to)
                await asyncio.sleep(0)
        else:
            await self._write(data, to)

    async def _write(self, data: bytes, to: asyncio.StreamWriter) -> None:
        if self.fate is not Fate.PASS:
            return  # read and thrown away: the sender's kernel believes that it arrived
        to.write(data)
        await to.drain()


class Proxy:
    """Listens on a port of 127.0.0.1 and passes everything to ``server``, a Unix socket's path or (host, port)."""

    def __init__(self, server: str | tuple[str, int]) -> None:
        self._server = server
        self._listener: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.links: list[Link] = []
        self.rules: list[Rule] = []
        self.broken: Counter[Fate] = Counter()
        self.refusing = False  # new connections are reset at once
        self.delay_s = 0.0  # before every piece, both ways
        self.trickle = 0  # bytes per write; 0: as they come
        self.port = 0

    async def __aenter__(self) -> Self:
        self._listener = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._listener.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._listener is not None:
            self._listener.close()
        self.refusing = True
        while self._tasks:
            for link in list(self.links):
                link.close()
            await asyncio.wait(self._tasks, timeout=0.1)

    def rule(self, rule: Rule) -> Rule:
        """Add a rule; ``rule.happened`` is set when it has acted."""
        self.rules.append(rule)
        return rule

    def heal(self) -> None:
        """No rule, no delay, no refusal from now on; connections that are broken stay broken."""
        self.rules.clear()
        self.delay_s, self.trickle, self.refusing = 0.0, 0, False

    def breakable(self) -> list[Link]:
        """Connections that nothing has befallen yet."""
        return [link for link in self.links if link.fate is Fate.PASS]

    def spawn(self, what: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run something that ends with the proxy at the latest."""
        task = asyncio.create_task(what)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None or self.refusing:
            writer.transport.abort()
            return
        self._tasks.add(task)
        try:
            upstream = await self._dial()
        except OSError:  # nobody listens there just now
            writer.transport.abort()
            self._tasks.discard(task)
            return
        link = Link(self, (reader, writer), upstream)
        self.links.append(link)
        try:
            await link.run()
        finally:
            self.links.remove(link)
            self._tasks.discard(task)

    async def _dial(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self._server, str):
            return await asyncio.open_unix_connection(self._server)
        return await asyncio.open_connection(*self._server)
