"""One rule of the secret detector: what kind it finds, by which pattern, and letters that must be there."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

Span = tuple[int, int]
Accept = Callable[[re.Match[str]], bool]

_TOKEN_TAIL = re.compile(r"[A-Za-z0-9_\-]*")
WINDOW = 4000  # characters of a line that every pattern may be given at once
_OVERLAP = 400
_TELLING = 3  # letters of a hint that not every other text holds
_ROUND = " \t\r\n\"'=:"
_FIRST = "value"  # the named group that holds the secret, where a pattern names one


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A pattern for one kind of secret.

    ``hints`` are lower-case literals: where none of them stands in the lower-cased text, the pattern cannot match and
    is not run. Looking for literals costs a hundredth of running the patterns, and most code holds none of them.
    """

    kind: str
    pattern: re.Pattern[str]
    hints: Sequence[str] = ()
    accept: Accept | None = None  # a second look that a pattern cannot have
    token: bool = True  # a bare token: never begins inside a word, and reaches to the end of one

    @property
    def is_vague(self) -> bool:
        """Whether its hints are so short that most texts hold one."""
        return min(map(len, self.hints), default=0) < _TELLING

    def may_match(self, lowered: str) -> bool:
        """Whether a lower-cased text holds one of the hints."""
        for hint in self.hints:  # a loop: with a generator it would take twice as long, and it runs most often of all
            if hint in lowered:
                return True
        return not self.hints

    def spans(self, text: str, lowered: str) -> Iterator[Span]:
        """Where its secrets stand; they do not overlap."""
        if not self.may_match(lowered):
            return
        reached = 0
        for match in self._matches(text):
            start, end = _where(match, trim=self.token)
            if start < reached or (self.accept is not None and not self.accept(match)):
                continue
            if self.token:
                # AKIA in the middle of a base64 fixture is no key. What goes on after the known length belongs to it:
                # vendors lengthen their tokens, and a tail left over would still be half a secret.
                if start and text[start - 1].isalnum():
                    continue
                tail = _TOKEN_TAIL.match(text, end)
                end = tail.end() if tail else end
            if end > start:
                yield start, end
                reached = end

    def _matches(self, text: str) -> Iterator[re.Match[str]]:
        if not self.token or len(text) <= WINDOW:
            yield from self.pattern.finditer(text)
            return
        # Some of the library's patterns take time by the square of a line's length, and code is written by others.
        for start, end in windows(text):
            # With what stands before it: a pattern that wants a blank there takes the end of the line above.
            yield from self.pattern.finditer(text, max(start - 1, 0), end)


def windows(text: str) -> Iterator[Span]:
    """The lines of a text; long ones in pieces that overlap by more than a token is long."""
    start = 0
    for line in text.splitlines(keepends=True):
        end = start + len(line)
        while end - start > WINDOW:
            yield start, start + WINDOW
            start += WINDOW - _OVERLAP
        yield start, end
        start = end


def _where(match: re.Match[str], *, trim: bool) -> Span:
    """The group that holds the secret: the named one, else the first that matched, else the whole match."""
    groups = match.re.groupindex
    if _FIRST in groups and match.group(_FIRST) is not None:
        return match.span(_FIRST)
    for number in range(1, match.re.groups + 1):
        if match.group(number):
            return match.span(number)
    start, end = match.span()
    if trim:  # some patterns take the quotes along that they want to see round a token
        while start < end and match.string[start] in _ROUND:
            start += 1
        while end > start and match.string[end - 1] in _ROUND:
            end -= 1
    return start, end
