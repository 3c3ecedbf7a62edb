"""One walk over the leaves of a tree: every token goes to the node whose own text it belongs to.

What counts: the text of every token, strings byte by byte, and doc comments by their words. What does not: white
space, ordinary comments, a comma before a closing bracket where it means nothing. Where line breaks or indentation
mean something (Python, Kotlin, Go, JavaScript), the borders of blocks and the ends of statements count as tokens,
so that a statement moved into an ``if`` is noticed although its text is the same.
"""

from __future__ import annotations

import re
from functools import cache
from hashlib import blake2b
from typing import cast

from daemon.index.docs import Doc, from_comment
from daemon.index.facts import Source
from daemon.index.languages import Language, SyntaxNode, grammar_of
from daemon.index.outline import Found, Outline
from db.types import NodeKind

_PLAIN, _COMMENT, _STRING, _TEXT, _BLOCK, _TUPLE, _GROUP, _CLOSER, _SEPARATOR = range(9)
_OPEN, _CLOSE, _END = b"\x01{", b"\x01}", b"\x01;"  # borders of a block, end of a statement
_STUB, _STUB_END, _DOC = b"\x02", b"\x03", b"\x04"
_BEFORE_HOLE = frozenset({b"(", b"[", b"{", b","})
_LEAVE, _TO_HEAD, _TO_BODY, _ENTER, _TO_NOTES = range(5)  # in the order in which they count at one offset
_IGNORABLE = b" \t\r\n\f\v\\;"
_COMMENTS = re.compile(rb"//[^\n]*|/\*.*?\*/", re.DOTALL)
_FAR = 1 << 62
_DIGEST = 16  # bytes
_SUBSTANCE = 12  # tokens of a body: `return self._rows` has four of them, and is found in every second class

_Frame = tuple[list[bytes | Found] | None, SyntaxNode | None, bool]  # an open block, tuple, group
_NO_FRAME: _Frame = (None, None, False)


@cache
def _actions(language: Language) -> tuple[int, ...]:
    """What to do with a node, by the id of its kind."""
    grammar = grammar_of(language)
    sets = {
        _COMMENT: language.comments, _STRING: language.strings, _TEXT: language.texts,
        _BLOCK: language.blocks, _TUPLE: language.tuples, _GROUP: language.groups,
    }  # fmt: skip
    signs = {")": _CLOSER, "]": _CLOSER, "}": _CLOSER, ";": _SEPARATOR, "\n": _SEPARATOR}
    table = []
    for ident in range(grammar.node_kind_count):
        kind = grammar.node_kind_for_id(ident) or ""
        named = grammar.node_kind_is_named(ident)
        actions = (action for action, kinds in sets.items() if kind in kinds)
        table.append(next(actions, _PLAIN) if named else signs.get(kind, _PLAIN))
    return tuple(table)


class _Router:
    """Knows at every offset which node, and which of its lists, the next token goes to."""

    def __init__(self, outline: Outline) -> None:
        self.out: list[bytes | Found] = outline.file.tokens
        self.spans: list[tuple[int, int]] | None = None
        self._stack: list[tuple[Found, int]] = [(outline.file, _TO_BODY)]
        events: list[tuple[int, int, Found]] = []
        for one in [*outline.nodes[1:], *(ext for ext in outline.extensions if ext.base is not None)]:
            events += [(one.start, _ENTER, one), (one.end, _LEAVE, one)]
            if one.start < one.head:
                events += [(one.start, _TO_NOTES, one), (one.head, _TO_HEAD, one)]
            for node in one.annotations:
                if node.start_byte >= one.head:
                    events += [(node.start_byte, _TO_NOTES, one), (node.end_byte, _TO_HEAD, one)]
            if one.body is not None:
                events.append((one.body.start_byte, _TO_BODY, one))
        self._events = sorted(events, key=lambda event: event[:2], reverse=True)
        self.due = self._events[-1][0] if self._events else _FAR

    def advance(self, offset: int, order: int = _TO_NOTES) -> None:
        """Carry out all that is due up to this offset, at the offset itself only what counts before ``order``."""
        while self._events and self._events[-1][:2] <= (offset, order):
            _, action, one = self._events.pop()
            if action == _ENTER:
                self._list().append(one)
                self._stack.append((one, _TO_HEAD))
            elif action == _LEAVE:
                self._stack = _without(self._stack, one)
            else:  # seldom not the last: in Ruby the comment above a first member stands before the body
                at = next((at for at in range(len(self._stack) - 1, -1, -1) if self._stack[at][0] is one), None)
                if at is not None:
                    self._stack[at] = (one, action)
        self.due = self._events[-1][0] if self._events else _FAR
        found, mode = self._stack[-1]
        self.spans = found.head_spans if mode == _TO_HEAD else None
        self.out = self._list()

    def _list(self) -> list[bytes | Found]:
        found, mode = self._stack[-1]
        if mode == _TO_HEAD:
            return found.head_tokens
        return found.notes if mode == _TO_NOTES else found.tokens


def _without(stack: list[tuple[Found, int]], one: Found) -> list[tuple[Found, int]]:
    if stack[-1][0] is one:
        stack.pop()
        return stack
    return [frame for frame in stack if frame[0] is not one]


def read_tokens(root: SyntaxNode, outline: Outline, language: Language, source: Source) -> None:  # noqa: C901, PLR0912, PLR0915
    """Fill the token lists of all nodes.

    One loop with a stack of its own, since trees may be as deep as they like; and one loop without calls for the
    plain token, since that is where the time of an index run goes.
    """
    data, actions, claimed = source.data, _actions(language), outline.claimed
    marks = tuple(mark.encode() for mark in language.doc_marks)
    router = _Router(outline)
    out, spans, due = router.out, router.spans, router.due
    cursor = root.walk()
    known_kinds = len(actions)
    watch_gaps, last_end = root.has_error or language.hides_tokens, 0
    stack: list[_Frame] = []
    frame = _NO_FRAME
    while (node := cursor.node) is not None:
        ident = node.kind_id
        action = actions[ident] if ident < known_kinds else _PLAIN
        if action in {_PLAIN, _TUPLE, _GROUP}:
            if cursor.goto_first_child():
                stack.append(frame)
                frame = _NO_FRAME if action == _PLAIN else (None, node, action == _GROUP)
                continue
        elif action == _BLOCK:
            if watch_gaps and node.start_byte > last_end:
                _gap(last_end, node.start_byte, data, router)
                out, spans, due = router.out, router.spans, router.due
                last_end = node.start_byte
            if due <= node.start_byte:
                router.advance(node.start_byte, _TO_BODY)
                out, spans, due = router.out, router.spans, router.due
            out.append(_OPEN)
            if cursor.goto_first_child():
                stack.append(frame)
                frame = (out, None, False)
                continue
            out.append(_CLOSE)
        start, end = node.start_byte, node.end_byte
        if watch_gaps and action != _BLOCK:
            if start > last_end:
                _gap(last_end, start, data, router)
                out, spans, due = router.out, router.spans, router.due
            last_end = max(last_end, end)
        if due <= start:
            router.advance(start)
            out, spans, due = router.out, router.spans, router.due
        token = data[start:end]
        if action == _COMMENT:
            if start not in claimed and token.startswith(marks):
                out.append(doc_token(from_comment(token.decode("utf-8", errors="replace"))))
            token = b""
        elif action == _STRING:
            token = b"" if start in claimed else token
        elif action == _CLOSER:
            comma = len(out) > 1 and out[-1] == b"," and out[-2] not in _BEFORE_HOLE
            if comma and (frame[1] is None or not _single(frame[1], language)):
                out.pop()
                if spans:
                    spans.pop()
        elif action == _SEPARATOR:
            token = b"" if frame[0] is not None or token.isspace() else token
        elif action == _TEXT:
            token = b" ".join(token.split())
        if token and action != _BLOCK:
            out.append(token)
            if spans is not None:
                spans.append((start, end))
        if frame[0] is not None and action != _COMMENT and node.is_named:
            frame[0].append(_END)
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return
            if frame[0] is not None:
                frame[0].append(_CLOSE)
            is_group = frame[2]
            frame = stack.pop()
            if frame[0] is not None and not is_group:
                frame[0].append(_END)


def _gap(start: int, end: int, data: bytes, router: _Router) -> None:
    """What the grammar leaves out of its tree: signs that it hides, and what it could not read."""
    text = _COMMENTS.sub(b"", data[start:end]).strip(_IGNORABLE)
    if text:
        at = data.find(text, start, end)
        if router.due <= max(at, start):
            router.advance(max(at, start))
        router.out.append(b" ".join(text.split()))
        if router.spans is not None and at >= 0:
            router.spans.append((at, at + len(text)))


def _single(node: SyntaxNode, language: Language) -> bool:
    """Whether a tuple, or an index, has one element only: there the comma makes it a tuple."""
    elements = sum(child.type not in language.comments for child in node.named_children)
    return elements <= (2 if node.type == "subscript" else 1)  # what is indexed counts too


def doc_token(doc: Doc) -> bytes:
    """A doc comment as one token: its lines, without the white space around their words."""
    lines = (" ".join(line.split()) for line in doc.text.splitlines())
    return _DOC + "\n".join(lines).encode()


def source_hash(one: Found) -> str:
    """Hash over the tokens of a node's own text; a member counts with its stub."""
    tokens: list[bytes | Found] = []
    for part in (one, *one.extensions):
        own = _flat(part.tokens) if part.members else part.tokens
        tokens += [*_flat(part.notes), *_stub(part), *own, doc_token(part.doc)]
    return digest(cast("list[bytes]", tokens))  # without members there are bytes only


def shape_hash(one: Found) -> str:
    """Hash as of the source, but with every name that is declared here as a placeholder: its own, those of its members.

    Two texts of one shape differ in these names alone, wherever they stand as tokens or as words of doc comments. It
    begins with ``~`` where besides the head there is so little that others look the same by chance.
    """
    names = {member.name.encode(): b"\x05%d" % place for place, member in enumerate(one.members)}
    if one.kind is not NodeKind.FILE:
        names[one.name.encode()] = b"\x05"
    words = re.compile(rb"\b(?:" + b"|".join(map(re.escape, sorted(names, key=len, reverse=True))) + rb")\b")
    tokens: list[bytes] = []
    substance = 0
    for part in (one, *one.extensions):
        own = _flat(part.tokens)
        substance += len(own)
        tokens += [*_flat(part.notes), *_stub(part), *own, doc_token(part.doc)]
    shape = digest(
        [
            words.sub(lambda found: names[found[0]], token) if token.startswith(_DOC) else names.get(token, token)
            for token in tokens
        ]
        if names
        else tokens
    )
    return shape if substance >= _SUBSTANCE else f"~{shape}"


def signature_hash(one: Found, supertypes: tuple[str, ...]) -> str:
    """Hash over what a neighbour is shown of a node: annotations, signature, supertypes, first line of doc."""
    summary = " ".join((one.doc.summary or "").split())
    extra = [b"".join(name.encode().split()) for name in supertypes]
    name = b"" if one.kind is NodeKind.FILE else one.name.encode()  # a file that moves says the same
    return digest([name, *_flat(one.notes), *_stub(one), *extra, summary.encode()])


def _stub(one: Found) -> list[bytes]:
    return [_STUB, *(token for token in one.head_tokens if isinstance(token, bytes)), _STUB_END]


def _flat(tokens: list[bytes | Found]) -> list[bytes]:
    flat: list[bytes] = []
    for token in tokens:
        if isinstance(token, bytes):
            flat.append(token)
        else:
            flat += _stub(token)
    return flat


def digest(tokens: list[bytes]) -> str:
    """BLAKE2b of 128 bits over tokens that contain no NUL, in hexadecimal digits."""
    return blake2b(b"\0".join(tokens), digest_size=_DIGEST).hexdigest()
