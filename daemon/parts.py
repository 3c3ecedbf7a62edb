"""Cuts a long text into parts of bounded weight: at given borders, else at lines, else anywhere; nothing is lost.

Pure, and without a notion of what weighs how much: the caller measures (tokens, characters). Every character of the
text stands in exactly one part, in order.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

Measure = Callable[[str], int]
_BLOCK = 512  # characters that are measured together
_WORD = re.compile(r"[^\W\d]\w{2,}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A stretch of a text. ``around`` holds the first lines of the constructs that it stands in, outermost first."""

    start: int  # characters
    end: int
    first_line: int  # of the text, from 1
    last_line: int
    text: str
    around: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Characters."""
        return self.end - self.start


class Splitter(Protocol):
    """Cuts a source by what it knows of its language."""

    def __call__(self, source: str, lang: str, limit: int, measure: Measure) -> list[Part]:
        """Parts of ``source`` of at most ``limit`` each as far as that is possible."""
        ...


class Scale:
    """Weighs any stretch of one text, having measured each block of it once."""

    def __init__(self, text: str, measure: Measure) -> None:
        self._borders = [0]
        self._sums = [0.0]
        for start in range(0, len(text), _BLOCK):
            piece = text[start : start + _BLOCK]
            self._borders.append(start + len(piece))
            self._sums.append(self._sums[-1] + measure(piece))

    def between(self, start: int, end: int) -> float:
        """Weight of ``text[start:end]``, to within the evenness of its blocks."""
        return self._until(end) - self._until(start)

    def reach(self, start: int, limit: float) -> int:
        """The furthest end whose stretch from ``start`` weighs at most ``limit``; always beyond ``start``."""
        wanted = self._until(start) + limit
        at = bisect_right(self._sums, wanted) - 1
        if at + 1 >= len(self._sums):
            return self._borders[-1]
        span, weight = self._borders[at + 1] - self._borders[at], self._sums[at + 1] - self._sums[at]
        end = self._borders[at] + int(span * (wanted - self._sums[at]) / weight) if weight else self._borders[at + 1]
        return max(end, start + 1)

    def _until(self, place: int) -> float:
        at = bisect_right(self._borders, place) - 1
        if at + 1 >= len(self._borders):
            return self._sums[-1]
        share = (place - self._borders[at]) / (self._borders[at + 1] - self._borders[at])
        return self._sums[at] + share * (self._sums[at + 1] - self._sums[at])


@dataclass(frozen=True, slots=True)
class Stretch:
    """A piece that should stay whole, before it is joined with its neighbours."""

    start: int
    end: int
    around: tuple[str, ...] = ()


def by_lines(source: str, lang: str, limit: int, measure: Measure) -> list[Part]:
    """The splitter for what nobody can read: at blank lines where they are near, at lines, at characters."""
    del lang
    scale = Scale(source, measure)
    return joined(source, broken(source, Stretch(0, len(source)), limit, scale), limit, scale)


def broken(text: str, one: Stretch, limit: int, scale: Scale) -> Iterator[Stretch]:
    """A stretch that is too heavy, by lines; a line that is too heavy, at words and then at characters."""
    at = one.start
    while at < one.end:
        end = min(scale.reach(at, limit), one.end)
        if end < one.end:
            end = _border(text, at, end)
        yield Stretch(at, end, one.around)
        at = end


def _border(text: str, start: int, end: int) -> int:
    """The last good place to cut in the second half of a stretch: a blank line, a line, a space, a sign."""
    middle = start + (end - start) // 2
    for mark in ("\n\n", "\n", ";", "}", ",", " "):
        place = text.rfind(mark, middle, end)
        if place >= 0:
            return place + len(mark)
    return end


def joined(text: str, stretches: Iterable[Stretch], limit: int, scale: Scale) -> list[Part]:
    """Neighbours put together as long as they weigh no more than ``limit``: greedy, in order."""
    found: list[Stretch] = []
    for one in stretches:
        if one.end <= one.start:
            continue
        last = found[-1] if found else None
        if last is not None and scale.between(last.start, one.end) <= limit:
            found[-1] = Stretch(last.start, one.end, _shared(last.around, one.around))
        else:
            found.append(one)
    parts, line = [], 1
    for one in found:
        piece = text[one.start : one.end]
        breaks = piece.count("\n")
        last_line = line + breaks - (piece.endswith("\n") and breaks > 0)
        parts.append(
            Part(start=one.start, end=one.end, first_line=line, last_line=last_line, text=piece, around=one.around)
        )
        line += breaks
    return parts


def _shared(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    count = 0
    while count < min(len(one), len(other)) and one[count] == other[count]:
        count += 1
    return one[:count]


def telling(parts: Sequence[Part], count: int) -> list[int]:
    """The places of the ``count`` parts that tell most, in order: first and last, and what has most new names.

    Greedy: a part counts by the names in it that the chosen ones do not have.
    """
    if count >= len(parts):
        return list(range(len(parts)))
    names = [frozenset(_WORD.findall(part.text)) for part in parts]
    chosen = list(dict.fromkeys([0, len(parts) - 1]))[: max(count, 0)]
    known: set[str] = set().union(*(names[place] for place in chosen))
    left = [place for place in range(len(parts)) if place not in chosen]
    while left and len(chosen) < count:
        best = max(left, key=lambda place: (len(names[place] - known), -place))
        chosen.append(best)
        left.remove(best)
        known |= names[best]
    return sorted(chosen)


def place_of(part: Part) -> str:
    """Where a part stands in its text, in figures: ``12-40``, or ``1:6000-12000`` inside of one line."""
    if part.first_line == part.last_line and part.text.count("\n") == 0:
        return f"{part.first_line}:{part.start}-{part.end}"
    return f"{part.first_line}-{part.last_line}"
