"""Waiting for what is being written below: ended by an end, by a look, by patience; nothing of it is left behind."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from daemon.work.below import Below

_FOREVER_S = 3600.0


@dataclass(frozen=True, slots=True)
class Piece:
    """Waits for some chunks."""

    below: frozenset[int]
    looks: int = 0


async def test_who_waits_for_nothing_goes_on_at_once() -> None:
    piece = Piece(frozenset())
    assert await Below(_FOREVER_S).wait(piece, fail) is piece


async def test_all_that_is_written_here_is_waited_for_and_then_looked_at() -> None:
    below = Below(_FOREVER_S)
    below.begins([1, 2])
    ends: list[int] = []

    async def look(piece: Piece) -> Piece:
        assert ends == [1, 2]
        return Piece(frozenset(), looks=piece.looks + 1)

    waiting = asyncio.create_task(below.wait(Piece(frozenset({1, 2})), look))
    for chunk in (1, 2):
        await asyncio.sleep(0)
        ends.append(chunk)
        below.ended([chunk, 3])  # the third was never begun
    async with asyncio.timeout(60):
        assert (await waiting).looks == 1


async def test_one_elsewhere_is_looked_at_although_one_here_goes_on() -> None:
    below = Below(_FOREVER_S)
    below.begins([1])

    async def look(_: Piece) -> Piece:
        return Piece(frozenset(), looks=1)

    async with asyncio.timeout(60):
        assert (await below.wait(Piece(frozenset({1, 7})), look)).looks == 1


async def test_who_is_cancelled_leaves_nothing_behind() -> None:
    below = Below(_FOREVER_S)
    below.begins([1])
    waiting = asyncio.create_task(below.wait(Piece(frozenset({1})), fail))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def fail(_: Piece) -> Piece:
    raise AssertionError("nobody was to look")
