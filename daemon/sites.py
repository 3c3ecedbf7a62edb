"""Places that use a piece of code: out of each caller the few lines with the call, each kind of use once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import dedent

from db.types import Use

_MOST_LINES = 12  # of one call
_BEFORE = 2  # lines above a call that may belong to its statement
_TOKEN = re.compile(r"\w+|[^\w\s]")
_ASSIGNED = re.compile(r"(\w+)\s*(?::[^=\n]+)?(?::=|=(?!=))")
_OPENS, _CLOSES = "([{", ")]}"
_STRING = re.compile(r"\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|`[^`\n]*`")


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One place: the code of the call, and in whom and where it stands."""

    symbol: str
    path: str | None
    code: str
    tested: bool

    @property
    def place(self) -> str:
        """``Basket.total, shop/basket.py``."""
        return f"{self.symbol}, {self.path}" if self.path else self.symbol


def sites_of(uses: Sequence[Use]) -> tuple[Site, ...]:
    """The places of these uses in their order; the same code is shown once, a use whose call is not found never."""
    found: dict[tuple[str, ...], Site] = {}
    for use in uses:
        code = _excerpt(use)
        if code:
            site = Site(symbol=" ".join(use.symbol.split()), path=use.path, code=code, tested=use.tested)
            found.setdefault(tokens_of(code), site)
    return tuple(found.values())


def shown(sites: Sequence[Site]) -> str:
    """The places as a question shows them."""
    return "\n\n".join(f"[{site.place}]\n{site.code}" for site in sites)


def tokens_of(code: str) -> tuple[str, ...]:
    """Code without its layout: what is compared when one place is looked for in another."""
    return tuple(_TOKEN.findall(code))


def _excerpt(use: Use) -> str:
    lines = use.code.splitlines()
    at = _line_of(use, lines)
    if at is None:
        return ""
    first = at
    while first > max(0, at - _BEFORE) and _continues(lines[first - 1]):
        first -= 1
    last = first
    depth = _depth(lines[first])
    while last + 1 < len(lines) and last - first + 1 < _MOST_LINES and (last < at or depth > 0):
        last += 1
        depth += _depth(lines[last])
    if last + 1 < len(lines) and depth <= 0 and _uses_result(lines[first], lines[last + 1]):
        last += 1
    return dedent("\n".join(line.rstrip() for line in lines[first : last + 1])).strip("\n")


def _uses_result(call: str, following: str) -> bool:
    """Whether the line below a call goes on with what the call gave."""
    match = _ASSIGNED.search(call)
    same = len(call) - len(call.lstrip()) == len(following) - len(following.lstrip())
    return match is not None and same and re.search(rf"(?<!\w){re.escape(match[1])}(?!\w)", following) is not None


def _line_of(use: Use, lines: Sequence[str]) -> int | None:
    name = re.escape(use.called)
    if use.at is not None and 0 <= use.at < len(lines) and re.search(rf"(?<!\w){name}(?!\w)", lines[use.at]):
        return use.at
    for pattern in (rf"(?<!\w){name}\s*(?:<[^()\n]*>)?\s*\(", rf"(?<!\w){name}(?!\w)"):
        for number, line in enumerate(lines):
            if re.search(pattern, line) and not re.search(rf"\b(?:def|fun|func|fn|function|class)\s+{name}\b", line):
                return number
    return None


def _continues(line: str) -> bool:
    """Whether the statement of a line goes on in the next one."""
    return line.rstrip().endswith(("(", "[", "{", ",", "=", "\\", "&&", "||", "."))


def _depth(line: str) -> int:
    bare = _STRING.sub("", line)
    return sum(bare.count(sign) for sign in _OPENS) - sum(bare.count(sign) for sign in _CLOSES)
