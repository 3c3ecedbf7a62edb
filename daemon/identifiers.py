"""Splits identifiers into the words they are made of, the same way for documents and for questions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

_WORDS_LIMIT = 3000  # distinct words of one chunk that the text search keeps
_REMEMBERED = 1 << 15  # tokens; code says the same words again and again
_LONGEST_REMEMBERED = 80  # characters
_TOKEN = re.compile(r"\w+")
# Borders inside a token: aB, ABc (before B), a1, 1a, in Latin and Cyrillic. The SQL function doctown_words does the
# same with POSIX classes.
_UPPER = "[A-Z\u00c0-\u00d6\u00d8-\u00de\u0400-\u042f]"
_LOWER = "[a-z\u00df-\u00f6\u00f8-\u00ff\u0430-\u045f]"
_BORDERS = re.compile(
    rf"(?<={_LOWER})(?={_UPPER})|(?<={_UPPER})(?={_UPPER}{_LOWER})|(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])"
)


def split(token: str) -> list[str]:
    """One identifier as lower-case words, the whole of it first.

    ``getUserName`` -> ``getusername get user name``, ``HTTPServer2`` -> ``httpserver2 http server 2``,
    ``max_line_chars`` -> ``maxlinechars max line chars``; a plain word stays alone.
    """
    return list(_split(token) if len(token) <= _LONGEST_REMEMBERED else _split.__wrapped__(token))


@lru_cache(_REMEMBERED)
def _split(token: str) -> tuple[str, ...]:
    parts = [part for part in _BORDERS.sub("_", token).lower().split("_") if part]
    whole = token.replace("_", "").lower()
    return (whole, *parts) if len(parts) > 1 else tuple(parts)


def words(text: str, *, limit: int | None = None) -> list[str]:
    """Every distinct word of a text with its identifiers split, in order of appearance."""
    return list(_distinct(_words(text), limit))


def identifier_words(fqn: str, path: str, params: Sequence[str]) -> str:
    """The words of a chunk's names, for the text search: they weigh most."""
    return " ".join(words(" ".join((fqn, path, *params))))


def code_words(source: str) -> str:
    """The distinct words of the code, for the text search: they weigh least."""
    return " ".join(words(source, limit=_WORDS_LIMIT))


def _words(text: str) -> Iterator[str]:
    for token in dict.fromkeys(_TOKEN.findall(text)):  # each once: code says the same again and again
        yield from split(token)


def _distinct(found: Iterable[str], limit: int | None) -> Iterator[str]:
    seen: set[str] = set()
    for word in found:
        if word not in seen:
            seen.add(word)
            yield word
            if limit is not None and len(seen) >= limit:
                return
