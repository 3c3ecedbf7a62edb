"""Markdown out of names, types and comments that may hold anything: spans, blocks, cells, escaped prose."""

from __future__ import annotations

import re
from functools import lru_cache

_BACKTICKS = re.compile(r"`+")
# What starts a construct wherever it stands. An underscore inside a word does not, and reads better bare.
_ANYWHERE = re.compile(r"[\\`*\[\]<~|]|(?<![^\W_])_|_(?![^\W_])|&(?=#?\w+;)")
_AT_START = re.compile(r"^(?:[-+>#=]|\d{1,9}[.)])")
_LANGUAGE = re.compile(r"[A-Za-z0-9_+#-]{1,30}")
_CONTROL = {code: None for code in range(32) if chr(code) not in "\t\n"} | {0x7F: None}
_LINE_ENDS = re.compile(r"\r\n?|[\v\f\x85\u2028\u2029]")


def one_line(text: str | None, limit: int | None = None) -> str:
    """White space made single, cut with an ellipsis beyond ``limit`` characters."""
    line = " ".join((text or "").split())
    if not line.isprintable():
        line = " ".join(line.translate(_CONTROL_TO_SPACE).split())
    return line if limit is None or len(line) <= limit else line[: limit - 1].rstrip() + "…"


_CONTROL_TO_SPACE = dict.fromkeys((*range(32), 127), " ")
_REMEMBERED = 4096  # a name stands in the sheets of all its neighbours


@lru_cache(maxsize=_REMEMBERED)
def code_span(text: str | None, limit: int | None = None) -> str:
    """An inline code span that its own backticks cannot end; empty for nothing."""
    line = one_line(text, limit)
    if not line:
        return ""
    if "`" not in line:
        return f"`{line}`"
    marks = "`" * (1 + max(len(run) for run in _BACKTICKS.findall(line)))
    return f"{marks} {line} {marks}"


def code_block(text: str, lang: str, *, limit: int) -> str:
    """A fenced block that its own text cannot close, cut at a line beyond ``limit`` characters."""
    body = _LINE_ENDS.sub("\n", text).translate(_CONTROL).strip("\n")
    if len(body) > limit:
        body = body[:limit].rsplit("\n", 1)[0].rstrip() + "\n…"
    longest = max((len(run) for run in _BACKTICKS.findall(body)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{lang if _LANGUAGE.fullmatch(lang) else ''}\n{body}\n{fence}"


@lru_cache(maxsize=_REMEMBERED)
def prose(text: str | None, limit: int | None = None) -> str:
    """One line of text that says what it said, and nothing to Markdown."""
    line = _ANYWHERE.sub(r"\\\g<0>", one_line(text, limit))
    return _AT_START.sub(_kept, line)


def _kept(match: re.Match[str]) -> str:
    mark = match.group()
    return f"{mark[:-1]}\\{mark[-1]}"


def table_cell(markdown: str) -> str:
    """Inline Markdown as the cell of a table."""
    return markdown.replace("|", r"\|")


def storable(text: str) -> str:
    """The text as Postgres gives it back: without NUL, lone surrogates marked. What is stored can be compared."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")
