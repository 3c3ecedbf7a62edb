"""Cuts a source that is too long for a model at the borders of its syntax; pure, no I/O, never raises on content.

Whatever fits stays whole; what does not is taken apart into what it consists of (members, statements, the arguments
of a call ...), and neighbours are put together again up to the limit. Languages that we index and those that only the
package of grammars knows are read alike, because no query is needed; anything else is cut at blank lines and lines.
"""

from __future__ import annotations

import re
import time
from bisect import bisect_left
from collections.abc import Iterator
from functools import cache
from itertools import accumulate
from typing import cast

from tree_sitter import Language as Grammar
from tree_sitter import Parser, Tree
from tree_sitter_language_pack import SupportedLanguage, get_language

from daemon.index.languages import LANGUAGES, SyntaxNode, grammar_of
from daemon.parts import Measure, Part, Scale, Stretch, broken, by_lines, joined

_PATIENCE_S = 5.0
_PORTION = 1 << 16  # bytes handed to the parser at a time
_DEEPEST = 200  # levels; a sum of ten thousand terms is as deep as it is long, and no better cut there than at lines
_AROUND = 4  # constructs that a part is said to stand in
_AROUND_CHARS = 120
_UTF8_BORDERS = (0x80, 0x800, 0x10000)
# Words of a construct's kind in the grammar by which its first line says something of its parts.
_WORDS = (
    "class interface object enum struct trait impl module namespace function method constructor def fun declaration "
    "definition item if for while loop try with match switch case when catch except lambda"
)
_TELLING = frozenset(_WORDS.split())
_REST_OF_LINE = re.compile(r"[^\S\n]*[;,]?[^\S\n]*(?:(?:#|//)[^\n]*)?\n")
_ASIDE = ("comment", "decorator", "annotation", "attribute_item")  # belongs to what follows


def split(source: str, lang: str, limit: int, measure: Measure) -> list[Part]:
    """Parts of at most ``limit`` by ``measure``; one that weighs more is a single sign."""
    grammar = _grammar(lang)
    if grammar is None or limit < 1:
        return by_lines(source, lang, max(limit, 1), measure)
    data = source.encode("utf-8", "surrogatepass")
    tree = _tree(data, grammar)
    if tree is None:
        return by_lines(source, lang, limit, measure)
    scale = Scale(source, measure)
    return joined(source, _Cut(source, data, limit, scale).stretches(tree.root_node), limit, scale)


@cache
def _grammar(lang: str) -> Grammar | None:
    for row in LANGUAGES:
        if lang in {row.name, row.grammar}:
            return grammar_of(row)
    try:
        return get_language(cast(SupportedLanguage, lang))
    except LookupError:
        return None


def _tree(data: bytes, grammar: Grammar) -> Tree | None:
    """None where the parser is lost; its way out of an error can cost the square of the length."""
    until = time.monotonic() + _PATIENCE_S
    view = memoryview(data)
    try:
        return Parser(grammar).parse(
            lambda offset, _: view[offset : offset + _PORTION],
            progress_callback=lambda _, __: time.monotonic() > until,
        )
    except ValueError:
        return None


class _Cut:
    """One source while it is being taken apart."""

    def __init__(self, source: str, data: bytes, limit: int, scale: Scale) -> None:
        self._source = source
        self._limit = limit
        self._scale = scale
        # Byte offsets of all characters; None where both are the same.
        self._offsets = None if len(data) == len(source) else list(accumulate(map(_bytes_of, source), initial=0))

    def stretches(self, root: SyntaxNode) -> Iterator[Stretch]:
        """What stays whole, in order; together they are the whole source.

        A stack and no recursion: sources nest deeper than Python does.
        """
        pending: list[tuple[int, int, SyntaxNode | None, tuple[str, ...], int]] = [(0, len(self._source), root, (), 0)]
        while pending:
            start, end, node, around, depth = pending.pop()
            if self._scale.between(start, end) <= self._limit:
                yield Stretch(start, end, around)
                continue
            children = node.children if node is not None and depth < _DEEPEST else []
            if not children or node is None:
                yield from broken(self._source, Stretch(start, end, around), self._limit, self._scale)
                continue
            inner = self._inside(node, children, around)
            pending += reversed([(a, b, child, inner, depth + 1) for a, b, child in self._tiles(start, end, children)])

    def _tiles(self, start: int, end: int, children: list[SyntaxNode]) -> Iterator[tuple[int, int, SyntaxNode | None]]:
        """The children with what stands before each; comments go with what they stand before."""
        at = start
        last = len(children) - 1
        for number, child in enumerate(children):
            till = end if number == last else max(at, min(self._after(child), end))
            aside = number < last and any(word in child.type for word in _ASIDE)
            if aside and self._scale.between(at, self._char(children[number + 1].end_byte)) <= self._limit:
                continue
            if till > at:
                yield at, till, child
            at = till

    def _inside(self, node: SyntaxNode, children: list[SyntaxNode], around: tuple[str, ...]) -> tuple[str, ...]:
        """What to say that the node's parts stand in: its own first line, where that says more than its owner's."""
        start = self._char(node.start_byte)
        whole = node.parent is None  # the root of some grammars is called a module; its first line is any line
        if whole or len(around) >= _AROUND or len(children) == 1 or _TELLING.isdisjoint(node.type.split("_")):
            return around
        line = self._source[start : start + _AROUND_CHARS].split("\n", 1)[0].strip()
        return around if not any(map(str.isalnum, line)) or around[-1:] == (line,) else (*around, line)

    def _after(self, child: SyntaxNode) -> int:
        """Where a child ends, with what else stands in its last line where that is no more than a comment."""
        end = self._char(child.end_byte)
        rest = _REST_OF_LINE.match(self._source, end)
        return end if rest is None else rest.end()

    def _char(self, offset: int) -> int:
        return offset if self._offsets is None else min(bisect_left(self._offsets, offset), len(self._source))


def _bytes_of(sign: str) -> int:
    return 1 + sum(ord(sign) >= border for border in _UTF8_BORDERS)
