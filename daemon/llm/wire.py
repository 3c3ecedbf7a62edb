"""What the HTTP providers share: a client's settings, time limits, and the border where errors are mapped."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self

import httpx
from pydantic import SecretStr

from daemon.errors import (
    ConfigError,
    ModelBusy,
    ModelError,
    ModelFailed,
    ModelMissing,
    ModelRefused,
    ModelTimeout,
    ModelUnavailable,
    PromptTooLong,
)
from daemon.llm.lanes import Lanes
from daemon.settings import EndpointSettings

# Every server words it in its own way; none has a code that all of them share.
_TOO_LONG = re.compile(
    r"context[ _](length|size|window)|available context|maximum context|exceed_context|prompt is too long",
    re.IGNORECASE,
)
_SHOWN = 300  # characters of a server's own words that a message repeats
_CLIENT_ERRORS = range(400, 500)
_TOO_LARGE = {HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNPROCESSABLE_ENTITY}
_FULL = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}
_TOO_SLOW = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.GATEWAY_TIMEOUT}


# --- the client ---------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Reply:
    """What is known of the reply to the request under way."""

    answered: bool = False  # its headers have come
    retry_after: float | None = None  # seconds


_reply: ContextVar[Reply] = ContextVar("reply")


def expect_reply() -> Reply:
    """Start to watch the next request of this task; clients made by `client_options` fill the result."""
    reply = Reply()
    _reply.set(reply)
    return reply


def client_options(endpoint: EndpointSettings, *foreign_headers: str) -> dict[str, Any]:
    """Arguments for ``httpx.AsyncClient``: no limit but the connect timeout (`Patience` keeps the others).

    ``foreign_headers`` are taken off every request: vendors' clients read keys and account names from the
    environment, and those belong to other servers than the configured one.
    """

    async def watch(response: httpx.Response) -> None:
        reply = _reply.get(None)
        if reply is not None:
            reply.answered = True
            reply.retry_after = retry_after(response.headers.get("retry-after"))

    async def clean(request: httpx.Request) -> None:
        for name in foreign_headers:
            request.headers.pop(name, None)

    return {
        "transport": Lanes(endpoint.url or ""),
        "timeout": httpx.Timeout(None, connect=endpoint.connect_timeout_s),
        "event_hooks": {"request": [clean], "response": [watch]},
        "follow_redirects": True,
    }


def retry_after(header: str | None) -> float | None:
    """Seconds from a Retry-After header, which holds seconds or a date; None when it holds neither."""
    if header is None:
        return None
    try:
        seconds = float(header)
    except ValueError:
        try:
            when = parsedate_to_datetime(header)
        except ValueError:
            return None
        seconds = (when.replace(tzinfo=when.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    return max(0.0, seconds) if math.isfinite(seconds) else None


# --- the border ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Border:
    """Turns what a server or the way to it did into our errors; every message names endpoint and model."""

    server: str  # "Ollama"
    endpoint: str
    url: str
    model: str
    missing: str  # what to do when the model is not there
    key: SecretStr | None = field(default=None, repr=False)

    def status(self, code: int, said: str, after: float | None = None) -> ModelError:
        """An answer with an HTTP status that is not 200. ``said`` is the server's message."""
        quoted = self._quote(said)
        if code in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            return ModelRefused(self._text(f"the server does not let us in (HTTP {code})"), self.key_remedy)
        if code == HTTPStatus.NOT_FOUND:
            return ModelMissing(self._text(f"not found (HTTP 404): {quoted}"), self.missing)
        if code in _TOO_LARGE and (_TOO_LONG.search(said) or code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE):
            return self.too_long(said)
        if code in _FULL:
            remedy = "It is tried again later. Fewer `slots` at this endpoint ask less of it at once."
            return ModelBusy(self._text(f"busy or away (HTTP {code}): {quoted}"), remedy, retry_after=after)
        if code == HTTPStatus.BAD_GATEWAY:
            remedy = "It is tried again later. The server behind the proxy is away."
            return ModelUnavailable(self._text(f"busy or away (HTTP {code}): {quoted}"), remedy, retry_after=after)
        if code in _TOO_SLOW:
            return ModelTimeout(self._text(f"the server gave up waiting (HTTP {code}): {quoted}"))
        if code in _CLIENT_ERRORS:
            remedy = "Check the model's settings: the server will not take this request however often it is sent."
            return ModelRefused(self._text(f"refused (HTTP {code}): {quoted}"), remedy)
        return ModelFailed(
            self._text(f"the server failed (HTTP {code}): {quoted}"), f"Look into the log of {self.server}."
        )

    def broken(self, said: str) -> ModelError:
        """An error that the server reports in the middle of its answer."""
        if _TOO_LONG.search(said):
            return self.too_long(said)
        remedy = f"Look into the log of {self.server}."
        return ModelFailed(self._text(f"the server failed while it answered: {self._quote(said)}"), remedy)

    def too_long(self, said: str) -> PromptTooLong:
        """The prompt does not fit."""
        remedy = "Raise `context_tokens` of the model, or leave larger files out of the index."
        return PromptTooLong(self._text(f"the prompt does not fit into the context: {self._quote(said)}"), remedy)

    def transport(self, error: BaseException | None, *, answered: bool) -> ModelError:
        """The connection failed: before the server answered it is away, afterwards its answer was cut."""
        why = self._quote(str(error) or type(error).__name__)
        if isinstance(error, httpx.TimeoutException) and not isinstance(error, httpx.ConnectTimeout):
            return ModelTimeout(self._text(f"no answer in time: {why}"))
        if answered:
            return ModelFailed(self._text(f"the answer was cut: {why}"))
        remedy = f"Is {self.server} running, and is endpoints.{self.endpoint}.url right?"
        return ModelUnavailable(self._text(f"cannot be reached: {why}"), remedy)

    def nonsense(self, why: str) -> ModelFailed:
        """The answer is not what the protocol promises."""
        remedy = f"Is endpoints.{self.endpoint}.url the address of {self.server}?"
        return ModelFailed(self._text(f"the answer cannot be understood: {self._quote(why)}"), remedy)

    def late(self, why: str) -> ModelTimeout:
        """A limit of ours ran out."""
        return ModelTimeout(self._text(why), "Raise `timeout_s` or `stall_s` if this model is simply slow.")

    @property
    def key_remedy(self) -> str:
        """How to give the key."""
        name = re.sub(r"[^A-Z0-9]+", "_", self.endpoint.upper())
        return f"Give a valid key in the environment variable DOCTOWN_ENDPOINTS__{name}__API_KEY."

    @property
    def place(self) -> str:
        """The endpoint's name and address, without a password that may stand in it."""
        address = re.sub(r"//[^/@]*@", "//", self.url)
        return f"endpoint {self.endpoint} ({address})"

    def _text(self, what: str) -> str:
        return f"{self.place}, model {self.model}: {what}"

    def _quote(self, said: str) -> str:
        if self.key is not None and (secret := self.key.get_secret_value()):
            said = said.replace(secret, "***")
        said = " ".join(said.split())
        return said if len(said) <= _SHOWN else f"{said[:_SHOWN]}…"


class Patience:
    """One timer for two limits: the whole answer, and the silence between two pieces of it.

    The silence counts from the first piece on. Before it a server may have to load the model or to finish
    the calls of others, for minutes and in good health; only the total limits that.
    """

    def __init__(self, border: Border, total_s: float, stall_s: float | None = None) -> None:
        self._border = border
        self._total_s = total_s
        self._stall_s = stall_s
        self._end = 0.0  # on the loop's clock
        self.first_ms: int | None = None  # until the first piece
        self._silence_first = False  # the next limit to run out is that of the silence
        self._timeout = asyncio.timeout(None)

    async def __aenter__(self) -> Self:
        self._end = asyncio.get_running_loop().time() + self._total_s
        await self._timeout.__aenter__()
        self._timeout.reschedule(self._end)
        return self

    def piece(self) -> None:
        """A piece of the answer came: the silence starts anew."""
        if self.first_ms is None:
            self.first_ms = round((asyncio.get_running_loop().time() - self._end + self._total_s) * 1000)
        if self._stall_s is not None:
            silent_until = asyncio.get_running_loop().time() + self._stall_s
            self._silence_first = silent_until < self._end
            self._timeout.reschedule(min(self._end, silent_until))

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._timeout.__aexit__(kind, error, trace)
        except TimeoutError:
            if self._silence_first:
                raise self._border.late(f"no further piece of the answer for {self._stall_s:g} s") from None
            raise self._border.late(f"no whole answer within {self._total_s:g} s") from None


# --- vectors ------------------------------------------------------------------------------------------------


def unit_vectors(rows: Sequence[object], expected: int, dims: int, border: Border) -> list[list[float]]:
    """What a server sent, checked and scaled to length 1.

    Raises ConfigError when the vectors are not ``dims`` long, ModelFailed when there are not ``expected`` of
    them or one holds something else than finite numbers.
    """
    if len(rows) != expected:
        raise border.nonsense(f"{len(rows)} vectors for {expected} texts")
    units: list[list[float]] = []
    for row in rows:
        if not isinstance(row, list) or not all(isinstance(value, int | float) for value in row):
            raise border.nonsense("a vector that is not a list of numbers")
        if len(row) != dims:
            raise wrong_dims(border.model, len(row), dims)
        norm = math.sqrt(math.fsum(value * value for value in row))
        if not math.isfinite(norm) or norm == 0:
            raise border.nonsense("a vector without direction (zeros, or not finite)")
        units.append([value / norm for value in row])
    return units


def wrong_dims(model: str, found: int, configured: int) -> ConfigError:
    """The model's vectors have another length than the configuration says."""
    return ConfigError(
        f"model {model} makes vectors of length {found}, models.embedder.dims says {configured}",
        f"Set models.embedder.dims to {found}, or name a model whose vectors have length {configured}.",
    )
