"""The way to a server: one lane per request under way, and no proxy to one that is near."""

from __future__ import annotations

import ipaddress
from collections.abc import AsyncIterator
from typing import cast
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

_LOCAL_SUFFIXES = (".local", ".localhost", ".internal", ".lan", ".home.arpa")


def near(url: str) -> bool:
    """Whether a server is on this machine or in its own network: then no HTTP proxy may stand between.

    True for loopback and private addresses and for names without a dot (``localhost``, a service of
    compose.yml).
    """
    host = urlsplit(url).hostname or ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return "." not in host or host.endswith(_LOCAL_SUFFIXES)
    return address.is_loopback or address.is_private or address.is_link_local


def proxy_for(url: str) -> str | None:
    """The proxy that the environment names for a server that is not near, None where it names none."""
    parts = urlsplit(url)
    if near(url) or proxy_bypass(parts.hostname or ""):
        return None
    proxies = getproxies()
    return proxies.get(parts.scheme) or proxies.get("all")


class Lanes(httpx.AsyncBaseTransport):
    """Gives every request under way a connection pool of its own, and keeps the pools for the next ones.

    httpx's pool looks at every connection for every connection whenever a request starts or ends. With 64
    requests at once that was 10 ms of processor time per request, of which this leaves 1.
    """

    def __init__(self, url: str) -> None:
        self._context = httpx.create_ssl_context()
        self._proxy = proxy_for(url)
        self._free: list[httpx.AsyncHTTPTransport] = []
        self._all: list[httpx.AsyncHTTPTransport] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request on a free lane; the lane is free again when its response is closed."""
        lane = self._free.pop() if self._free else self._new()
        try:
            response = await lane.handle_async_request(request)
        except BaseException:
            self._free.append(lane)
            raise
        body = cast("httpx.AsyncByteStream", response.stream)  # an asynchronous client has no other
        response.stream = _Occupied(body, lane, self._free)
        return response

    async def aclose(self) -> None:
        """Close every connection."""
        lanes, self._all = self._all, []
        self._free.clear()
        for lane in lanes:
            await lane.aclose()

    def _new(self) -> httpx.AsyncHTTPTransport:
        lane = httpx.AsyncHTTPTransport(
            verify=self._context, proxy=self._proxy, limits=httpx.Limits(max_keepalive_connections=1)
        )
        self._all.append(lane)
        return lane


class _Occupied(httpx.AsyncByteStream):
    """The body of a response; closing it gives its lane back."""

    def __init__(
        self, body: httpx.AsyncByteStream, lane: httpx.AsyncHTTPTransport, free: list[httpx.AsyncHTTPTransport]
    ) -> None:
        self._body = body
        self._lane: httpx.AsyncHTTPTransport | None = lane
        self._free = free

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._body.__aiter__()

    async def aclose(self) -> None:
        """Close the body, free the lane; twice does no harm."""
        lane, self._lane = self._lane, None
        try:
            await self._body.aclose()
        finally:
            if lane is not None:
                self._free.append(lane)
