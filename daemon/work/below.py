"""Holds a text back while what it is to show of others is being written: callees before callers, not beside them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Protocol, TypeVar

Piece = TypeVar("Piece", bound="Above")
_FIRST_LOOK_S, _LOOK_S = 0.05, 0.5  # between looks at what another process writes: doubled each time, up to the second


class Above(Protocol):
    """A piece of work that may have to wait."""

    @property
    def below(self) -> frozenset[int]:
        """Chunks whose texts it is to show and that are being written."""
        ...


class Below:
    """What this process writes of one stage, by chunk, and the wait for it.

    The order of the queue puts callees first, but who works on many pieces at once claims a caller while its callee is
    still in flight: on flask every third caller of something undocumented, at 64 slots (docs/benchmarks.md). A piece
    waits only for what the queue puts before it (db/sql/gather_below.sql), so no ring of them waits for itself, and
    at most ``patience_s`` seconds: who dies with a callee in its hands holds nobody up for long.
    """

    def __init__(self, patience_s: float) -> None:
        self._patience_s = patience_s
        self._writing: dict[int, asyncio.Event] = {}

    def begins(self, chunks: Iterable[int]) -> None:
        """These are being written here from now on."""
        for chunk in chunks:
            self._writing.setdefault(chunk, asyncio.Event())

    def ended(self, chunks: Iterable[int]) -> None:
        """They are saved, or will not be saved by this attempt."""
        for chunk in chunks:
            if (event := self._writing.pop(chunk, None)) is not None:
                event.set()

    async def wait(self, piece: Piece, look: Callable[[Piece], Awaitable[Piece]]) -> Piece:
        """The piece as it is when nothing below it is being written, or when patience is at its end.

        ``look`` gathers it anew.
        """
        until = time.monotonic() + self._patience_s
        pause = _FIRST_LOOK_S
        while piece.below and (left := until - time.monotonic()) > 0:
            events = [self._writing[chunk] for chunk in piece.below if chunk in self._writing]
            here = [asyncio.create_task(event.wait()) for event in events]
            elsewhere = len(here) < len(piece.below)
            try:
                if here:
                    await asyncio.wait(here, timeout=min(left, pause) if elsewhere else left)
                else:
                    await asyncio.sleep(min(left, pause))
            finally:
                for waiter in here:
                    waiter.cancel()
            pause = min(2 * pause, _LOOK_S)
            piece = await look(piece)
        return piece
