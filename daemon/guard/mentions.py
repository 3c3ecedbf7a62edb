"""What a text mentions: names, numbers and quoted values; fenced examples, headings and links do not count."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass

from daemon.guard import prose

_NAME = re.compile(r"[^\W\d]\w*")
_QUOTED = re.compile(r"\"([^\"\n]{1,80})\"|'([^'\n]{1,80})'")
_HYPHENATED = re.compile(r"\b[A-Za-z]\w*(?:-\w+)+\b")  # Retry-After, text-plain: words, and no names of code
_NUMBER = re.compile(r"(?<![\w.,])[-\u2212]?\d+(?:[ _\u00a0\u202f']\d{3})*(?:[.,]\d+)*(?!\w)")
_COMPLEXITY = re.compile(r"\b[O\u0398\u03a9\u041e]\([^)]*\)")
_ORDINAL = re.compile(r"^\s*\d+[.)]\s")
_CODE_SHAPED = re.compile(
    r"\b(?:\w+(?:\.\w+)+\(\)|[^\W_]\w*_\w+|\w+\(\)|[a-z]+[A-Z]\w*|(?:[A-Z][a-z]+){2,}\w*)"
)  # written bare: a.b(), snake_case, call(), camelCase, PascalCase of two humps
_LETTERS = 2  # shorter names (i, n, x) say nothing


@dataclass(frozen=True, slots=True)
class Mentions:
    """Names as written in inline code or bare, numbers and quoted values, each in order of appearance."""

    names: tuple[str, ...]
    numbers: tuple[str, ...]
    quoted: tuple[str, ...]


@functools.lru_cache(maxsize=64)
def mentions(markdown: str) -> Mentions:
    """Everything that a text claims to be there."""
    names: dict[str, None] = {}
    numbers: dict[str, None] = {}
    quoted: dict[str, None] = {}
    for text, code in prose.pieces(markdown):
        shown = _COMPLEXITY.sub(" ", text)
        if code:
            for first, second in _QUOTED.findall(shown):
                quoted[first or second] = None
            bare = _HYPHENATED.sub(" ", _QUOTED.sub(" ", shown))
            names.update(dict.fromkeys(_names(bare)))
        else:
            bare = _ORDINAL.sub(" ", shown)
            for written in _CODE_SHAPED.findall(bare):
                names.update(dict.fromkeys(_names(written)))
        numbers.update(dict.fromkeys(normal_number(found) for found in _NUMBER.findall(bare)))
    return Mentions(tuple(names), tuple(numbers), tuple(quoted))


def _names(text: str) -> list[str]:
    return [name for name in _NAME.findall(text) if len(name.strip("_")) >= _LETTERS]


def normal_name(name: str) -> str:
    """Names are compared without case and underscores: ``maxSize``, ``MAX_SIZE`` and ``max_size`` are one."""
    return name.replace("_", "").lower()


def normal_number(written: str) -> str:
    """``1 000``, ``1_000`` and ``1,000`` are one number, so are ``0,5`` and ``0.5``."""
    plain = re.sub(r"[ _\u00a0\u202f']", "", written).replace("\u2212", "-").lstrip("-")
    plain = re.sub(r",(\d{3})(?!\d)", r"\1", plain).replace(",", ".")
    return re.sub(r"^0+(?=\d)", "", re.sub(r"\.0+$", "", plain))


def names_in(texts: Iterable[str]) -> frozenset[str]:
    """The normal names that occur in code or facts."""
    return frozenset(normal_name(name) for text in texts for name in _NAME.findall(text))


def numbers_in(text: str) -> frozenset[str]:
    """The normal numbers that occur in code or facts, suffixes of types left off (``10L``, ``2.5f``)."""
    found = re.findall(r"\d[\d_]*(?:\.\d[\d_]*)?", text)
    also = re.findall(r"\d+(?:[ \u00a0\u202f',]\d{3})+|\d+,\d+", text)
    return frozenset(normal_number(one) for one in (*found, *also))
