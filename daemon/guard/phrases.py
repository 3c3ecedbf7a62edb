"""Many patterns at once, tried only where the letters stand that each of them cannot do without.

Python's alternation tries every branch at every sign, and without regard to case it does so with no shortcut at all:
some forty branches over a source took a third of all that the guards do. Most branches hold words that most texts lack,
and looking for those costs a hundredth. The words are read from the patterns themselves, so none can be forgotten.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from re import _constants as op  # type: ignore[attr-defined]  # the parser of `re`, which typeshed leaves out
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

Needs = tuple[frozenset[str], ...]  # of each set at least one stands in every text that matches, in lower case

# Signs that match others without regard to case although neither is the other in lower case (the long s, the dotless
# and the dotted i, Kelvin, Angstrom, old forms of Cyrillic and Greek letters, ligatures): texts with them are tried
# by every pattern.
_ODD = re.compile(
    "[\u00b5\u0130\u0131\u017f\u0345\u0390\u03a3\u03b0\u03c2\u03d0-\u03f5\u1c80-\u1c88\u1e9b\u1e9e\u1fbe\u1fd3\u1fe3"
    "\u2126\u212a\u212b\ufb05\ufb06]"
)
_REPEATS = (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT)


@dataclass(frozen=True, slots=True)
class _Phrase:
    pattern: re.Pattern[str]
    needs: Needs

    def may_match(self, lowered: str) -> bool:
        for need in self.needs:
            for letters in need:
                if letters in lowered:
                    break
            else:
                return False
        return True


@dataclass(frozen=True, slots=True)
class Candidates:
    """Patterns that may match somewhere in a text, to be searched for in pieces of it."""

    phrases: Sequence[_Phrase]

    def __bool__(self) -> bool:
        return bool(self.phrases)

    def search(self, piece: str) -> re.Match[str] | None:
        """The match that begins first; of several that begin there that of the first pattern, as an alternation has
        it."""
        lowered = piece.lower()
        found = [
            match
            for phrase in self.phrases
            if phrase.may_match(lowered) and (match := phrase.pattern.search(piece))
        ]  # fmt: skip
        return min(found, key=re.Match.start, default=None)


class Likely:
    """One pattern, tried only on texts that hold what it needs."""

    def __init__(self, pattern: str, flags: re.RegexFlag = re.NOFLAG) -> None:
        self._pattern = re.compile(pattern, flags)
        self._phrase = _Phrase(self._pattern, needs(pattern, flags))

    def search(self, text: str) -> re.Match[str] | None:
        """As the pattern's."""
        return self._pattern.search(text) if self._may_match(text) else None

    def findall(self, text: str) -> list[str]:
        """As the pattern's, where that has one group at most."""
        return self._pattern.findall(text) if self._may_match(text) else []

    def finditer(self, text: str) -> Iterator[re.Match[str]]:
        """As the pattern's."""
        return self._pattern.finditer(text) if self._may_match(text) else iter(())

    def _may_match(self, text: str) -> bool:
        return self._phrase.may_match(text.lower()) or _ODD.search(text) is not None


class Phrases:
    """An alternation of patterns without regard to case: finds what ``re.search`` of all joined by ``|`` would."""

    def __init__(self, patterns: Iterable[str]) -> None:
        self._phrases = tuple(_Phrase(re.compile(one, re.IGNORECASE), needs(one)) for one in patterns)

    def within(self, text: str) -> Candidates:
        """Those that may match in a text."""
        if _ODD.search(text):
            return Candidates([_Phrase(phrase.pattern, ()) for phrase in self._phrases])
        lowered = text.lower()
        return Candidates([phrase for phrase in self._phrases if phrase.may_match(lowered)])

    def search(self, text: str) -> re.Match[str] | None:
        """The first match in a text."""
        return self.within(text).search(text)


def needs(pattern: str, flags: re.RegexFlag = re.IGNORECASE) -> Needs:
    """What must stand in the lower-cased text, as far as the pattern says so in plain letters."""
    found = _needs(parser.parse(pattern, flags))
    # A single letter stands everywhere. The rarest first: mostly it is missing, and no other is looked for.
    told = {need for need in found if all(len(one) > 1 or (not one.isalnum() and not one.isspace()) for one in need)}
    return tuple(sorted(told, key=lambda need: (-_telling(need)[0], len(need), sorted(need))))


def _needs(parsed: Iterable[tuple[Any, Any]]) -> list[frozenset[str]]:
    found: list[frozenset[str]] = []
    run = ""
    for kind, value in parsed:
        if kind is op.LITERAL:
            run += chr(value).lower()
            continue
        if run:
            found.append(frozenset({run}))
            run = ""
        if kind is op.SUBPATTERN or (kind in _REPEATS and value[0] > 0):
            found += _needs(value[-1])
        elif kind is op.ATOMIC_GROUP:
            found += _needs(value)
        elif kind is op.BRANCH:
            # Of each branch its most telling need; one without any lets everything pass.
            each = [max(_needs(branch), key=_telling, default=None) for branch in value[1]]
            if None not in each:
                found.append(frozenset().union(*(need for need in each if need is not None)))
    if run:
        found.append(frozenset({run}))
    return found


def _telling(need: frozenset[str]) -> tuple[int, int]:
    """Long words are rarer than short ones, one of few is rarer than one of many."""
    return min(map(len, need)), -len(need)
