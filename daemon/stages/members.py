"""What a class or a file shows of its members: one line for each that is documented, and a skeleton that fits."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence

from db.types import Member, Neighbour

_SUMMARY_CHARS = 120
_GROUPS = 6  # beginnings of names that are told of members that are not shown
_HEADING = re.compile(r"^\s*(?:#{1,6}\s|[*_]{2}.*[*_]{2}\s*$)")
_SENTENCE = re.compile(r"(?<=[.!?…])\s+")
_BEGINNING = re.compile(r"_*(?:[a-z]+|[A-Z]+(?![a-z])|[A-Z][a-z]*|\d+|[^\W\d_]+)")
_STUB_ENDS = re.compile(r"(?:\s*(?:\{ \.\.\. \}|: \.\.\.|=>|=|;|:|\{))+\s*$")


def lines(members: Sequence[Member], *, roles: bool = True) -> str:
    """One line per member that has a role or something said of it; its signature stands in the skeleton already."""
    return "\n".join(line for member in members if (line := _line(member, roles=roles)))


def _line(member: Member, *, roles: bool) -> str:
    role, said = _role(member) if roles else "", summary_of(member)
    if not role and not said:
        return ""
    return f"- {member.name}{f' [{role}]' if role else ''}{f': {said}' if said else ''}"


def _role(member: Member) -> str:
    return " ".join((member.role or "").split())[:_SUMMARY_CHARS]


def summary_of(member: Member | Neighbour) -> str:
    """The first sentence about a member or callee, in one line of bounded length."""
    text = member.summary or ""
    if member.ours:
        text = "\n".join(line for line in text.splitlines() if not _HEADING.match(line))
    first = _SENTENCE.split(" ".join(text.split()), maxsplit=1)[0]
    return first if len(first) <= _SUMMARY_CHARS else f"{first[: _SUMMARY_CHARS - 1].rstrip()}…"


def keyed(members: Sequence[Member]) -> list[tuple[str, str, str]]:
    """What members add to the key of a text: their roles, and what their authors say of them.

    Not what we say: it follows from their code, and a class must not be written anew because a sentence of ours was.
    """
    said = ((member, "" if member.ours else summary_of(member)) for member in members)
    return [(member.name, _role(member), summary) for member, summary in said if summary or member.role]


def thinned(source: str, members: Sequence[Member], fits: Callable[[str], bool]) -> tuple[str, int]:
    """The skeleton with as many stubs as fit, and how many are left out; those that are documented stay longest.

    Where stubs are left out the text says how many, and how their names begin. A source without stubs of the members
    comes back as it is.
    """
    text = source.split("\n")
    stubs = _stubs(text, members)
    if not stubs:
        return source, 0
    by_worth = sorted(stubs, key=lambda at: (not summary_of(stubs[at]), at))
    low, high = 0, len(stubs)
    while low < high:
        middle = (low + high + 1) // 2
        if fits(_without(text, stubs, frozenset(by_worth[middle:]))):
            low = middle
        else:
            high = middle - 1
    return _without(text, stubs, frozenset(by_worth[low:])), len(stubs) - low


def beside(source: str, members: Sequence[Member]) -> str:
    """What stands in a skeleton beside the stubs of its members."""
    text = source.split("\n")
    stubs = _stubs(text, members)
    return "\n".join(line for number, line in enumerate(text) if number not in stubs)


def _stubs(text: Sequence[str], members: Sequence[Member]) -> dict[int, Member]:
    """Number of the line -> the member whose stub it is."""
    wanted = {_bare(member.signature): member for member in members if member.signature}
    found = {}
    for number, line in enumerate(text):
        member = wanted.get(_bare(line))
        if member is not None:
            found[number] = member
    return found


def _bare(line: str) -> str:
    return _STUB_ENDS.sub("", line.strip())


def _without(text: Sequence[str], stubs: dict[int, Member], gone: frozenset[int]) -> str:
    if not gone:
        return "\n".join(text)
    first = min(gone)
    indent = text[first][: len(text[first]) - len(text[first].lstrip())]
    told = f"{indent}... and {len(gone)} more members, not shown: {_told([stubs[at].name for at in sorted(gone)])}"
    kept: list[str] = []
    for number, line in enumerate(text):
        if number == first:
            kept.append(told)
        if number in gone or (not line.strip() and kept and not kept[-1].strip()):
            continue
        kept.append(line)
    return "\n".join(kept)


def _told(names: Sequence[str]) -> str:
    """``getX… (300), setX… (280), isX… and others``: names by how they begin."""
    groups = Counter(match.group() if (match := _BEGINNING.match(name)) else name for name in names)
    shown = [f"{beginning}… ({count})" for beginning, count in groups.most_common(_GROUPS)]
    return ", ".join(shown) + (" and others" if len(groups) > _GROUPS else "")
