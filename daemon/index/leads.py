"""What leads up to a declaration: its doc comment, its annotations, and where its text therefore begins.

Languages with marked doc comments (``/**``, ``///``): the nearest one above, with nothing but annotations and
ordinary comments between. Go: the comment lines right above. Python: the docstring inside. The file's own
documentation is its docstring, the comment above the package clause (Go), ``//!`` (Rust), or the doc comment at
its top that no declaration claims (JavaScript).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from daemon.index.docs import NO_DOC, Doc, from_comment, from_docstring
from daemon.index.facts import Source
from daemon.index.languages import Language, Naming, SyntaxNode
from daemon.index.tags import Tags

if TYPE_CHECKING:
    from daemon.index.outline import Found

_SPACE = b" \t\n\r\f\v"
_NO_CODE = frozenset({b"", b"'use strict'", b'"use strict"'})
_COMMENTS_BEFORE_DOC = 200  # a docstring that stands below more comments is not found
_FILE_TAGS = ("@file", "@module", "@packageDocumentation", "@overview")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lead:
    """``start`` is where the text of the declaration begins, in bytes."""

    start: int
    doc: Doc = NO_DOC
    annotations: list[SyntaxNode] = field(default_factory=list)


class Leads:
    """The comments and annotations of one file, found by where they end."""

    def __init__(self, tags: Tags, language: Language, source: Source) -> None:
        self._language, self._source = language, source
        self._comments = {self._end(node): node for node in tags.comments}
        self._annotations = {node.end_byte: node for node in tags.annotations}
        self._by_start = sorted(tags.annotations, key=lambda node: node.start_byte)
        self._starts = [node.start_byte for node in self._by_start]
        self._first = next(self._opening(), None)
        self.claimed: set[int] = set()  # where the doc comments start that belong to a declaration or the file

    def of(self, start: int, body: SyntaxNode | None) -> Lead:
        """What leads up to the declaration that begins at an offset."""
        if self._language.naming is Naming.PYTHON:
            return Lead(start=start, doc=self._docstring(body))
        at = start
        docs: list[SyntaxNode] = []
        annotations: list[SyntaxNode] = []
        while True:
            end = self._before(at)
            comment, annotation = self._comments.get(end), self._annotations.get(end)
            if annotation is not None:
                annotations.append(annotation)
                start = at = annotation.start_byte
            elif comment is None or not self._is_apart(comment):
                break
            elif self._is_doc(comment, end, at):
                docs.append(comment)
                start = at = comment.start_byte
                if self._source.data.startswith(b"/*", start):
                    break
            elif self._language.doc_above:
                break
            else:
                at = comment.start_byte
        docs.reverse()
        annotations.reverse()
        return Lead(start=start, doc=self._joined(docs), annotations=annotations)

    def annotations_between(self, start: int, end: int) -> list[SyntaxNode]:
        """The annotations that begin between two offsets, without those nested in another."""
        found: list[SyntaxNode] = []
        for node in self._by_start[bisect_left(self._starts, start) : bisect_left(self._starts, end)]:
            if not found or node.start_byte >= found[-1].end_byte:
                found.append(node)
        return found

    def of_file(self, root: SyntaxNode, package: SyntaxNode | None, nodes: list[Found]) -> Doc:
        """The documentation of the file itself; call it after every declaration has had its turn."""
        naming = self._language.naming
        if naming is Naming.PYTHON:
            return self._docstring(root)
        if naming is Naming.GO and package is not None:
            at, docs = self._source.data.rfind(b"package", 0, package.start_byte), []
            while (comment := self._comments.get(self._before(at))) is not None:
                if self._lines(self._before(at), at) != 1:
                    break
                docs.append(comment)
                at = comment.start_byte
            return self._joined(docs[::-1])
        if naming is Naming.RUST:
            return self._joined([node for node in self._opening() if self._is_inner(node)])
        if naming is Naming.SCRIPT:
            marked = (node for node in self._opening() if self._marked(node))
            return self._joined([node for node in marked if node.start_byte not in self.claimed][:1])
        return NO_DOC

    def _opening(self) -> Iterator[SyntaxNode]:
        """The comments before any code, in order; a ``#!`` line is none and no code either."""
        data = self._source.data
        at = data.find(b"\n") + 1 if data.startswith(b"#!") else 0
        for node in sorted(self._comments.values(), key=lambda node: node.start_byte):
            if data[at : node.start_byte].strip(_SPACE + b";") not in _NO_CODE:
                return
            yield node
            at = max(at, node.end_byte)

    def _docstring(self, body: SyntaxNode | None) -> Doc:
        count = min(body.named_child_count, _COMMENTS_BEFORE_DOC) if body else 0
        children = (body.named_child(at) for at in range(count)) if body else ()
        first = next((child for child in children if child.type != "comment"), None)
        if first is None or first.type != "string":
            return NO_DOC
        text = self._source.of(first)
        if text[:1] not in "\"'rRuU":
            return NO_DOC  # bytes and f-strings document nothing
        self.claimed.add(first.start_byte)
        return from_docstring(text)

    def _joined(self, docs: list[SyntaxNode]) -> Doc:
        if not docs:
            return NO_DOC
        self.claimed.update(node.start_byte for node in docs)
        return from_comment("\n".join(self._source.of(node).strip() for node in docs))

    def _is_doc(self, comment: SyntaxNode, end: int, at: int) -> bool:
        """Whether the comment that ends at ``end`` documents what begins at ``at``."""
        lines = self._lines(end, at)
        if self._language.doc_above:
            return lines == 1
        if not self._marked(comment) or self._is_inner(comment):
            return False
        if self._language.naming is Naming.SCRIPT and comment is self._first:
            text = self._source.of(comment)
            return lines <= 1 and not any(tag in text for tag in _FILE_TAGS)  # else it is about the file
        return True

    def _marked(self, comment: SyntaxNode) -> bool:
        text = self._source.data[comment.start_byte : comment.start_byte + 5].decode("ascii", errors="replace")
        return text.startswith(self._language.doc_marks) and not text.startswith(("////", "/**/"))

    def _is_inner(self, comment: SyntaxNode) -> bool:
        """Whether it is about what surrounds it (Rust) rather than about what follows."""
        return self._source.data.startswith((b"//!", b"/*!"), comment.start_byte)

    def _is_apart(self, comment: SyntaxNode) -> bool:
        """False for a comment behind code: it belongs to that code."""
        line = self._source.line_start(comment.start_byte)
        before = self._before(comment.start_byte)
        if before <= line:
            return True
        leading = before in self._annotations or before in self._comments
        return leading and not self._language.doc_above

    def _end(self, node: SyntaxNode) -> int:
        """Where the text of a comment ends: some grammars count the line break in."""
        end = node.end_byte
        while end > node.start_byte and self._source.data[end - 1] in _SPACE:
            end -= 1
        return end

    def _before(self, at: int) -> int:
        while at > 0 and self._source.data[at - 1] in _SPACE:
            at -= 1
        return at

    def _lines(self, start: int, end: int) -> int:
        return self._source.data.count(b"\n", start, end)
