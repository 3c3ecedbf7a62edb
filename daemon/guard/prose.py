"""The prose of a Markdown text: no code, no links' targets, no headings, no identifiers; cut into sentences."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator

from markdown_it import MarkdownIt
from markdown_it.token import Token

_WORD = re.compile(r"[^\W\d_]+(?:['\u2019-][^\W\d_]+)*")
_SENTENCE_END = re.compile(r"(?<=[.!?\u2026])[\"'\u00bb\u201d)]*\s+")
_URL = re.compile(r"\b(?:https?://|www\.)\S+")
# What people write bare although it is code: a.b.c, snake_case, camelCase, PascalCase of two humps, call(), ALL_CAPS,
# anything with a digit inside.
_IDENTIFIER = re.compile(
    r"""
    \b(?:
        \w+(?:\.\w+)+(?:\(\))?        # dotted
      | [^\W_]*_\w*(?:\(\))?          # snake case, leading underscores
      | \w+\(\)                       # a call
      | [a-z]+[A-Z]\w*               # camelCase
      | (?:[A-Z][a-z]+){2,}\w*       # PascalCase
      | [A-Z][A-Z0-9]+\b             # ALLCAPS
      | [^\W\d]*\d\w*               # with a digit
    )
    """,
    re.VERBOSE,
)


@functools.cache
def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark").enable("table")


@functools.lru_cache(maxsize=16)  # the guards look at the same answer one after the other
def _parsed(markdown: str) -> tuple[Token, ...]:
    return tuple(_parser().parse(markdown))


def paragraphs(markdown: str) -> list[str]:
    """The plain text of every paragraph, list item and table cell; code and headings are left out."""
    return [text for text in _inline_texts(_parsed(markdown)) if text.strip()]


def _inline_texts(tokens: Iterable[Token]) -> Iterator[str]:
    in_heading = False
    for token in tokens:
        if token.type == "heading_open":
            in_heading = True
        elif token.type == "heading_close":
            in_heading = False
        elif token.type == "inline" and not in_heading:
            yield "".join(_plain(child) for child in token.children or ())


def _plain(child: Token) -> str:
    if child.type == "text":
        return child.content
    # Inline code leaves a gap: the sentence goes on round it.
    return " " if child.type in {"softbreak", "hardbreak", "code_inline", "html_inline"} else ""


def pieces(markdown: str) -> Iterator[tuple[str, bool]]:
    """The text of paragraphs, list items and table cells in pieces, and whether each is inline code."""
    in_heading = False
    for token in _parsed(markdown):
        if token.type == "heading_open":
            in_heading = True
        elif token.type == "heading_close":
            in_heading = False
        elif token.type == "inline" and not in_heading:
            for child in token.children or ():
                if child.type in {"text", "code_inline"}:
                    yield child.content, child.type == "code_inline"


def blocks(markdown: str) -> list[str]:
    """The code of every fenced block."""
    return [token.content for token in _parsed(markdown) if token.type == "fence"]


def sentences(markdown: str, *, names: frozenset[str] = frozenset()) -> list[str]:
    """Sentences of the prose without identifiers; ``names`` are further words that belong to no language."""
    found = _bare_sentences(markdown)
    if not names:
        return list(found)
    without = (_WORD.sub(lambda match: " " if match.group() in names else match.group(), one) for one in found)
    return [one.strip() for one in without if one.strip()]


@functools.lru_cache(maxsize=64)
def _bare_sentences(markdown: str) -> tuple[str, ...]:
    # Remembered for the guards that look at the same answer one after the other.
    pieces = (piece for text in paragraphs(markdown) for piece in _SENTENCE_END.split(text))
    bare = (_IDENTIFIER.sub(" ", _URL.sub(" ", piece)).strip() for piece in pieces)
    return tuple(one for one in bare if one)


def words(text: str) -> list[str]:
    """Words of letters; numbers and signs do not count."""
    return _WORD.findall(text)
