"""Small facts of the syntax: the text of a node, its body, expressions as dotted names."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from daemon.index.languages import Language, Selector, SyntaxNode

_MAX_CALLS = 3  # calls in the receiver of a call that are still written out
_MAX_TARGET = 300  # characters of a dotted name
_INNER_GENERICS = re.compile(r"<[^<>]*>")
_GENERICS = re.compile(r"<.*", re.DOTALL)
_SIGNS = re.compile(r"^[^\w$#`]+")
_AT_LABEL = re.compile(r"^(this|super)\b.*", re.DOTALL)
_LOOSE_RECEIVER = re.compile(rb"(?:\w+(?:\.|::))*\Z")
_TYPE_NAME = re.compile(r"[\s*&(\\]*(?:'\w+\s+)?(?:(?:extends|mut|dyn|const|struct|any)\s+)*([\w$:.\\]+)")
_LAST_WORD = re.compile(rb"(?<![\w#])[A-Za-z_]\w*(?:\([^()]*(?:\([^()]*\))?[^()]*\))?\Z")
_SPACE = b" \t\n"
_LOOSE_WINDOW = 120  # bytes before a loose name in which its receiver is looked for


@dataclass(frozen=True, slots=True)
class Source:
    """The bytes of a file and the text that stands between two of their offsets.

    ``breaks`` are the offsets of the line breaks. Lines are counted here and not asked of the tree: for the parser
    a line break may have been mended away. ``mended`` are the bytes that the parser was given, where they differ.
    """

    data: bytes
    breaks: Sequence[int]
    mended: bytes = b""

    def begun(self, offset: int) -> int:
        """Where a declaration begins with the words that were mended away before it: ``SHOP_API Cart *open()``."""
        at = offset
        while self.mended and at > 0 and self.mended[at - 1] in _SPACE:
            end = at
            while end > 0 and self.data[end - 1] in _SPACE:
                end -= 1
            match = _LAST_WORD.search(self.data, max(end - _LOOSE_WINDOW, 0), end)
            if match is None or self.mended[match.start() : end].strip():
                break
            offset = at = match.start()
        return offset

    def line_at(self, offset: int) -> int:
        """The line, from 1, that the byte at an offset stands in."""
        return bisect_left(self.breaks, offset) + 1

    def line_start(self, offset: int) -> int:
        """The offset at which that line begins."""
        line = bisect_left(self.breaks, offset)
        return self.breaks[line - 1] + 1 if line else 0

    def text(self, start: int, end: int) -> str:
        """The text between two byte offsets; bytes that are no UTF-8 come as replacement characters."""
        return self.data[start:end].decode("utf-8", errors="replace")

    def of(self, node: SyntaxNode) -> str:
        """The text of a node, as written."""
        return self.data[node.start_byte : node.end_byte].decode("utf-8", errors="replace")

    def line(self, node: SyntaxNode) -> str:
        """The text of a node in one line."""
        text = self.of(node)
        return text if text.isidentifier() else " ".join(text.split())


def pick(node: SyntaxNode, selector: Selector) -> SyntaxNode | None:
    """A child by the name of its field, or a named child by its position from the left or the right."""
    if isinstance(selector, str):
        return node.child_by_field_name(selector)
    count = node.named_child_count
    at = selector if selector >= 0 else count + selector
    return node.named_child(at) if 0 <= at < count else None


def dotted(node: SyntaxNode, language: Language, source: Source) -> str | None:
    """An expression as a dotted name: ``self.repo.find``, ``make().run``; None where it has no name at all.

    Of a receiver that is no name (a literal, an index, more than three calls) a leading dot is left: ``.join``.
    ``::`` of Rust is kept.
    """
    parts: list[str] = []  # from right to left, with the separators
    suffix, calls, before = "", 0, ""
    at: SyntaxNode | None = node
    while at is not None and calls <= _MAX_CALLS:
        step = language.steps.get(at.type)
        if step is None or (step.how == "last" and before != "member"):
            break
        before = step.how
        if step.how == "name":
            name = _name(source.line(at))
            parts.append(language.words.get(name, name) + suffix)
            return _joined(parts)
        if step.how in {"member", "path"} or (step.how == "invoke" and pick(at, step.first)):
            last = pick(at, step.second)
            if last is None:
                break
            if last.id == at.id or (first := pick(at, step.first)) is None or first.id == last.id:
                return _name(source.line(last)) + suffix  # ::name, of no type in particular
            called = "()" if step.how == "invoke" and at is not node else ""
            parts += [_name(source.line(last)) + called + suffix, "::" if step.how == "path" else "."]
            calls += bool(called)
            suffix = ""
        elif step.how == "invoke":
            called_name = pick(at, step.second)
            if called_name is None:
                break
            parts.append(source.line(called_name) + ("" if at is node else "()") + suffix)
            return _joined(parts)
        elif step.how == "call":
            if suffix:
                break
            suffix, calls = "()", calls + 1
        at = pick(at, step.first)
    return f".{parts[0]}"[:_MAX_TARGET] if parts and parts[0] else None


def _joined(parts: list[str]) -> str | None:
    whole = "".join(reversed(parts))
    if whole.startswith("super()."):
        whole = "super" + whole[len("super()") :]
    if len(whole) > _MAX_TARGET:
        whole = f".{parts[0]}"[:_MAX_TARGET]
    return whole if whole.strip(".:()") else None


def _name(text: str) -> str:
    """A name without type arguments, labels and the signs before it."""
    if text.isidentifier():
        return text
    if ">::" in text:
        text = bare_path(text)
    name = _AT_LABEL.sub(r"\1", _GENERICS.sub("", _SIGNS.sub("", text))).strip().replace("`", "")
    return name.replace("\\", ".") if "\\" in name else name


def bare_path(text: str) -> str:
    """A path of C++ without its template arguments: ``List<Item>::Node`` -> ``List::Node``."""
    while (shorter := _INNER_GENERICS.sub("", text)) != text:
        text = shorter
    return text


def loose_name(node: SyntaxNode, source: Source) -> str | None:
    """A call among the unparsed tokens of a macro: the name, with the receiver that stands right before it."""
    if source.data[node.end_byte : node.end_byte + 1] != b"(":
        return None
    start = node.start_byte
    before = source.data[max(start - _LOOSE_WINDOW, 0) : start]
    match = _LOOSE_RECEIVER.search(before)
    receiver = match[0].decode() if match else ""
    if not receiver and before.endswith((b".", b"::")):
        receiver = "."
    return receiver + source.of(node)


def type_name(written: str) -> str:
    """The name in a written type, ``::`` kept: ``*Server``, ``&'a Server<T>``, ``fmt::Server``."""
    match = _TYPE_NAME.match(written)
    return match[1].replace("\\", ".") if match else written[:_MAX_TARGET]


def function_of(node: SyntaxNode, language: Language) -> SyntaxNode:
    """The node that has the parameters and the body: the value where a declaration only names a function."""
    name = language.values.get(node.type)
    value = node.child_by_field_name(name) if name else None
    return value or node


def body_of(function: SyntaxNode, language: Language) -> SyntaxNode | None:
    """The node that a signature stops before; None where a declaration has no body."""
    if function.type == "type_spec":  # Go: the list of fields, or the brace of an interface
        kind = function.child_by_field_name("type")
        wanted = {"field_declaration_list", "{"}
        return next((child for child in kind.children if child.type in wanted), None) if kind else None
    for child in function.children if function.type == "function_definition" else ():
        if child.type == "field_initializer_list":  # C++: what a constructor does first
            return child
    for name in language.bodies:
        found = function.child_by_field_name(name)
        if found is not None:
            return None if found.type == "ordered_field_declaration_list" else found
    if function.type == "object":
        return function
    return next((child for child in function.children if child.type in language.bodies), None)


def field_text(node: SyntaxNode, name: str, source: Source) -> str | None:
    """The text of a field of a node in one line; None where it has none."""
    found = node.child_by_field_name(name)
    return source.line(found) if found is not None else None
