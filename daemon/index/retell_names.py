"""Texts about code that is called otherwise now: the old names give way to the new ones, where they are names; pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from db.carry import Texts

_FENCE = re.compile(r"^\s*(?:```|~~~)")
_SPAN = re.compile(r"(`+)(.+?)\1", re.DOTALL)
_TELLING = re.compile(r"[\d_./]|(?<=[a-z0-9])[A-Z]")  # no word of prose has a digit, `_`, `.`, or a capital inside


def retold(texts: Texts, renames: Mapping[str, str], source: str) -> Texts | None:
    """The texts with the new names (old -> new). None where it is not certain that an old name means what it meant.

    ``source`` is the code as it is now: where it still says an old name, the name has another meaning as well. In code,
    inline or fenced, every old name gives way; in prose only what cannot be a word: ``load_all``, or ``load`` before a
    bracket. "Orders are loaded" stays as it is, and as true as it was.
    """
    changing = {old: new for old, new in renames.items() if old and old != new}
    if not changing:
        return texts
    if any(_bare(old) and _named(old).search(source) for old in changing):
        return None
    return Texts(
        content_raw=_retold(texts.content_raw, changing),
        content=_retold(texts.content, changing),
        instruct=_retold(texts.instruct, changing),
    )


def _bare(name: str) -> bool:
    return "." not in name and "/" not in name


def _named(name: str) -> re.Pattern[str]:
    # What a longer dotted name ends with is that name's business; what it begins with belongs to this one.
    return re.compile(rf"(?<![\w/]){re.escape(name)}(?!\w)")


def _retold(text: str | None, renames: Mapping[str, str]) -> str | None:
    if not text:
        return text
    names = sorted(renames, key=len, reverse=True)
    any_name = re.compile(rf"(?<![\w/])(?:{'|'.join(map(re.escape, names))})(?!\w)")
    sure = [name if _TELLING.search(name) else rf"{name}(?=\()" for name in names]
    in_prose = re.compile(
        rf"(?<![\w/])(?:{'|'.join(re.escape(name) if name in renames else name for name in sure)})(?!\w)"
    )

    parts: list[str] = []
    for is_fenced, block in _blocks(text):
        parts.append(any_name.sub(lambda found: renames[found[0]], block) if is_fenced else "")
        if not is_fenced:
            end = 0
            for span in _SPAN.finditer(block):
                parts.append(in_prose.sub(lambda found: renames[found[0]], block[end : span.start()]))
                parts.append(any_name.sub(lambda found: renames[found[0]], span[0]))
                end = span.end()
            parts.append(in_prose.sub(lambda found: renames[found[0]], block[end:]))
    return "".join(parts)


def _blocks(text: str) -> Iterator[tuple[bool, str]]:
    """(fenced, lines) in order; together they are the text."""
    fenced, lines = False, list[str]()
    for line in text.splitlines(keepends=True):
        if not _FENCE.match(line):
            lines.append(line)
            continue
        yield fenced, "".join(lines)
        yield False, line  # the fence itself: its label names a language
        fenced, lines = not fenced, []
    yield fenced, "".join(lines)
