"""One HTTP request and its answer, with an eye on whether the client is still there."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from starlette.types import Message, Receive, Scope, Send

Headers = tuple[tuple[bytes, bytes], ...]

JSON = b"application/json; charset=utf-8"


class Exchange:
    """A thin layer over ASGI: starlette's own request and response objects cost more than an answer does."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope = scope
        self._receive = receive
        self._send = send
        self._left: asyncio.Task[Message] | None = None
        self.status = 0

    @property
    def method(self) -> str:
        """GET, POST, ..."""
        return str(self.scope["method"])

    def header(self, name: bytes) -> str:
        """A request header by its lower-case name; empty where it is absent."""
        return next((value.decode("latin-1") for key, value in self.scope["headers"] if key == name), "")

    async def body(self) -> Any:
        """The request's JSON, None when there is none or it is broken."""
        parts: list[bytes] = []
        while True:
            message = await self._receive()
            if message["type"] != "http.request":
                return None
            parts.append(message.get("body", b""))
            if not message.get("more_body"):
                break
        try:
            return json.loads(b"".join(parts))
        except ValueError:
            return None

    async def start(self, status: int, media: bytes, *headers: tuple[bytes, bytes], length: int | None = None) -> None:
        """Send status and headers; without a length the body is chunked."""
        self.status = status
        known = ((b"content-length", str(length).encode()),) if length is not None else ()
        head = [(b"content-type", media), *known, *headers]
        await self._send({"type": "http.response.start", "status": status, "headers": head})

    async def write(self, data: bytes, *, more: bool = True) -> None:
        """Send a piece of the body."""
        await self._send({"type": "http.response.body", "body": data, "more_body": more})

    async def reply(self, status: int, data: bytes, media: bytes = JSON, headers: Headers = ()) -> None:
        """Send a whole answer."""
        await self.start(status, media, *headers, length=len(data))
        await self.write(data, more=False)

    async def reply_json(self, status: int, value: Mapping[str, Any], headers: Headers = ()) -> None:
        """Send a whole answer as JSON."""
        await self.reply(status, dumps(value), JSON, headers)

    async def wait_for(self, future: asyncio.Future[None]) -> bool:
        """Wait until it is done; False when the client leaves first."""
        if not future.done():
            either: set[asyncio.Future[Any]] = {future, self._watch()}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        return future.done()

    async def pause(self, seconds: float | None) -> bool:
        """Let time pass, for ever with None; False as soon as the client leaves."""
        if seconds is not None and seconds <= 0:
            return True
        left = self._watch()
        await asyncio.wait({left}, timeout=seconds)
        return not left.done()

    async def slam(self) -> None:
        """Close the connection without another word."""
        left = self._watch()
        self.scope["state"]["transport"].abort()
        await asyncio.wait({left})

    def finish(self) -> None:
        """No longer watch the client."""
        if self._left is not None and not self._left.done():
            self._left.cancel()

    def _watch(self) -> asyncio.Task[Message]:
        # After the request's body the next event can only be the end of the connection.
        if self._left is None:
            self._left = asyncio.ensure_future(self._disconnected())
        return self._left

    async def _disconnected(self) -> Message:
        return await self._receive()


def dumps(value: object) -> bytes:
    """Compact JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
