"""A server of a few lines that answers with prepared bytes and keeps what it was sent."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

_REASONS = {200: "OK", 400: "Bad Request", 404: "Not Found"}


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came over the wire."""

    method: str
    path: str
    headers: dict[str, str]  # names in lower case
    body: Any  # parsed JSON, None without one


class Canned:
    """Gives one answer after the other, whoever asks for what; the last one again and again."""

    def __init__(self, *answers: bytes) -> None:
        self._answers = list(answers)
        self.requests: list[Request] = []
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, one request."""
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            method, path, _ = head[0].split(" ")
            headers = {
                name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)
            }
            raw = await reader.readexactly(int(headers.get("content-length", 0)))
            self.requests.append(Request(method, path, headers, json.loads(raw) if raw else None))
            writer.write(self._answers.pop(0) if len(self._answers) > 1 else self._answers[0])
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


def answer(body: object, *, status: int = 200, media: str = "application/json", headers: str = "") -> bytes:
    """A whole HTTP answer; a ``body`` that is not bytes is sent as JSON."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = f"HTTP/1.1 {status} {_REASONS.get(status, 'Other')}\r\ncontent-type: {media}\r\n{headers}"
    return f"{head}content-length: {len(data)}\r\nconnection: close\r\n\r\n".encode() + data


def lines(*objects: object) -> bytes:
    """An NDJSON stream."""
    return answer(b"".join(json.dumps(item).encode() + b"\n" for item in objects), media="application/x-ndjson")


def events(*objects: object, done: bool = True) -> bytes:
    """A stream of server-sent events."""
    data = b"".join(b"data: " + json.dumps(item).encode() + b"\n\n" for item in objects)
    return answer(data + (b"data: [DONE]\n\n" if done else b""), media="text/event-stream")


@asynccontextmanager
async def canned(*answers: bytes) -> AsyncIterator[Canned]:
    """Serve them on a free port of this machine."""
    served = Canned(*answers)
    server = await asyncio.start_server(served.serve, "127.0.0.1", 0)
    served.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield served
    finally:
        server.close()
        await server.wait_closed()
