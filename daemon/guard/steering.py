"""The words of steering: orders to a model that code may hold, and what an answer says that has followed one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.resources import files

import yaml

from daemon.guard.base import Answer
from daemon.identifiers import split

CODE_SPAN = re.compile(r"(`+)(?:(?!\1).)+?\1", re.DOTALL)


_TABLE = yaml.safe_load((files("daemon.guard") / "steering.yaml").read_text(encoding="utf-8"))


def _any(key: str) -> re.Pattern[str]:
    return re.compile("|".join(_TABLE[key]), re.IGNORECASE)


ADDRESSES, REPORTS, OBEYED, PROMOTES = (_any(key) for key in ("addresses", "reports", "obeyed", "promotes"))
_COMMON_LOUD = frozenset(_TABLE["loud"].split())
_SYNTAX = frozenset(_TABLE["syntax"].split())
# What is to be said stands in quotes, in capitals, or after a colon.
_QUOTED = re.compile(
    r"[\"'`\u00ab\u201c\u2018\u201e]([^\"'`\u00bb\u201d\u2019\u201c\n]{3,120})[\"'`\u00bb\u201d\u2019\u201c]"
)
_LOUD = re.compile(r"\b(?=[A-Z0-9_\-]*[A-Z]{2})[A-Z][A-Z0-9]*(?:[_\-][A-Z0-9]+)+\b|\b[A-Z]{5,}\d*\b")
_AFTER_COLON = re.compile(r":\s*([^\"'`:\n]{4,80}?)\s*(?:\*/|-->|\"\"\"|$)")
_SHORTEST_ORDER = 4


@dataclass(frozen=True, slots=True)
class Orders:
    """Lines that address a model, and the words that they ask for."""

    lines: int
    words: tuple[str, ...]


def canaries(shown: str) -> Orders:
    """What the material orders a model to say. A guess: an answer is blamed only for saying it bare, as its own."""
    lines = 0
    words: dict[str, None] = {}
    for line in shown.splitlines():
        if not ADDRESSES.search(line):
            continue
        lines += 1
        words.update(dict.fromkeys(said for said in _QUOTED.findall(line) if " " in said.strip() or not said.islower()))
        words.update(dict.fromkeys(said for said in _LOUD.findall(line) if said not in _COMMON_LOUD))
        if match := _AFTER_COLON.search(line):
            words[match.group(1).strip()] = None
    return Orders(lines, tuple(word.strip() for word in words if len(word.strip()) >= _SHORTEST_ORDER))


_NAME = re.compile(r"[A-Za-z_]\w{2,}")
_ENOUGH_NAMES = 6  # fewer different words of code tell nothing
_ENOUGH_WORDS = 12
_PROSE_WORD = re.compile(r"[^\W\d_]{3,}")


def off_task(answer: Answer) -> bool:
    """Whether an answer about code holds not one word of the code's names: a poem does, an explanation never did."""
    known = {part for name in _NAME.findall(answer.source) for part in split(name) if len(part) > 3}  # noqa: PLR2004
    known -= _SYNTAX
    if len(known) < _ENOUGH_NAMES or len(_PROSE_WORD.findall(answer.text)) < _ENOUGH_WORDS:
        return False
    said = {part for name in _NAME.findall(answer.text) for part in split(name)}
    stems = {word[:5] for word in said}
    return not any(word in said or word[:5] in stems for word in known)
