"""Small facts of a declaration, read from its syntax: parameters, return type, body, dotted names."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from daemon.index.languages import Language, Selector, SyntaxNode
from db.types import Param

_MAX_CALLS = 3  # calls in the receiver of a call that are still written out
_MAX_TARGET = 300  # characters of a dotted name
_GENERICS = re.compile(r"<.*", re.DOTALL)
_SIGNS = re.compile(r"^[^\w$#`]+")
_AT_LABEL = re.compile(r"^(this|super)\b.*", re.DOTALL)
_LOOSE_RECEIVER = re.compile(rb"(?:\w+(?:\.|::))*\Z")
_TYPE_NAME = re.compile(r"[\s*&(]*(?:'\w+\s+)?(?:(?:extends|mut|dyn|const)\s+)*([\w$:.]+)")
_LOOSE_WINDOW = 120  # bytes before a loose name in which its receiver is looked for


@dataclass(frozen=True, slots=True)
class Source:
    """The bytes of a file and the text that stands between two of their offsets.

    ``breaks`` are the offsets of the line breaks. Lines are counted here and not asked of the tree: for the parser
    a line break may have been mended away.
    """

    data: bytes
    breaks: Sequence[int]

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
    suffix, calls = "", 0
    at: SyntaxNode | None = node
    while at is not None and calls <= _MAX_CALLS:
        step = language.steps.get(at.type)
        if step is None:
            break
        if step.how == "name":
            parts.append(_name(source.line(at)) + suffix)
            return _joined(parts)
        if step.how in {"member", "path"} or (step.how == "invoke" and at.child_by_field_name("object")):
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
            name = at.child_by_field_name("name")
            if name is None:
                break
            parts.append(source.line(name) + ("" if at is node else "()") + suffix)
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
    return _AT_LABEL.sub(r"\1", _GENERICS.sub("", _SIGNS.sub("", text))).strip().replace("`", "")


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
    return match[1] if match else written[:_MAX_TARGET]


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
    for name in language.bodies:
        found = function.child_by_field_name(name)
        if found is not None:
            return None if found.type == "ordered_field_declaration_list" else found
    if function.type == "object":
        return function
    return next((child for child in function.children if child.type in language.bodies), None)


def params_of(function: SyntaxNode, language: Language, source: Source) -> tuple[Param, ...]:
    """The declared parameters, without ``self``, in order."""
    return tuple(_PARAMS[language.name](function, source))


def return_type_of(function: SyntaxNode, source: Source) -> str | None:
    """The declared type of the result as written, in one line."""
    found = next((node for name in _RETURN_FIELDS if (node := function.child_by_field_name(name)) is not None), None)
    if found is None and function.type in {"function_declaration", "anonymous_function"}:
        found = _kotlin_result(function)
    if found is None:
        return None
    return source.line(found).removeprefix(":").strip() or None


_RETURN_FIELDS = ("return_type", "result", "type")


def receiver_of(function: SyntaxNode, source: Source) -> Param | None:
    """What a method of Go, or an extension function of Kotlin (``this``), calls the value it is called on."""
    holder = function.child_by_field_name("receiver")
    if holder is None:
        return None
    if holder.type == "receiver_type":
        return Param(name="this", type=source.line(holder))
    declared = pick(holder, 0)
    name = _field(declared, "name", source) if declared else None
    return Param(name=name, type=_field(declared, "type", source)) if declared and name else None


def _kotlin_result(function: SyntaxNode) -> SyntaxNode | None:
    seen_parameters = seen_colon = False
    for child in function.children:
        if child.type == "function_value_parameters":
            seen_parameters = True
        elif seen_parameters and child.type == ":":
            seen_colon = True
        elif seen_colon and child.is_named:
            return child
    return None


def _python(function: SyntaxNode, source: Source) -> Iterator[Param]:
    holder = function.child_by_field_name("parameters")
    for at, node in enumerate(holder.named_children if holder else []):
        kind = node.type
        if kind in {"comment", "keyword_separator", "positional_separator", "ERROR"}:
            continue
        name = node.named_child(0) if kind == "typed_parameter" else node.child_by_field_name("name")
        written = source.line(name or node)
        if at == 0 and written in {"self", "cls"}:
            continue
        yield Param(name=written, type=_field(node, "type", source), default=_field(node, "value", source))


def _kotlin(function: SyntaxNode, source: Source) -> Iterator[Param]:
    holders = {"function_value_parameters", "primary_constructor"}
    holder = next((child for child in function.children if child.type in holders), None)
    modifiers = ""
    waiting: Param | None = None
    for node in holder.children if holder else []:
        if node.type == "parameter_modifiers":
            modifiers = "vararg " if "vararg" in source.of(node) else ""
        elif node.type in {"parameter", "class_parameter"}:
            if waiting:
                yield waiting
            waiting = _kotlin_param(node, modifiers, source)
            modifiers = ""
        elif waiting and node.is_named and node.type not in {"line_comment", "multiline_comment"}:
            waiting = Param(name=waiting.name, type=waiting.type, default=source.line(node))
    if waiting:
        yield waiting


def _kotlin_param(node: SyntaxNode, modifiers: str, source: Source) -> Param:
    name, type_, default, after = "", None, None, ""
    for child in node.children:
        if child.type in {":", "="}:
            after = child.type
        elif child.type == "simple_identifier" and not after:
            name = source.of(child)
        elif after == ":" and child.is_named and type_ is None:
            type_ = source.line(child)
        elif after == "=" and child.is_named:
            default = source.line(child)
    return Param(name=name, type=modifiers + type_ if type_ else None, default=default)


def _java(function: SyntaxNode, source: Source) -> Iterator[Param]:
    holder = function.child_by_field_name("parameters")
    for node in holder.named_children if holder else []:
        if node.type == "formal_parameter":
            name = _field(node, "name", source) or ""
            dimensions = _field(node, "dimensions", source) or ""
            yield Param(name=name, type=(_field(node, "type", source) or "") + dimensions or None)
        elif node.type == "spread_parameter":
            declarator = node.named_child(node.named_child_count - 1)
            types = [child for child in node.named_children if child.type not in {"modifiers", declarator.type}]
            yield Param(name=source.line(declarator), type="".join(source.line(kind) for kind in types) + "...")


def _script(function: SyntaxNode, source: Source) -> Iterator[Param]:
    single = function.child_by_field_name("parameter")
    holder = function.child_by_field_name("parameters")
    nodes = [single] if single else holder.named_children if holder else []
    for node in nodes:
        if node.type in {"required_parameter", "optional_parameter"}:
            pattern = node.child_by_field_name("pattern")
            name = source.line(pattern) if pattern else ""
            type_ = _field(node, "type", source)
            if name != "this":
                yield Param(
                    name=name,
                    type=type_.removeprefix(":").strip() if type_ else None,
                    default=_field(node, "value", source),
                )
        elif node.type == "assignment_pattern":
            yield Param(name=_field(node, "left", source) or "", default=_field(node, "right", source))
        elif node.type not in {"comment", "ERROR"}:
            yield Param(name=source.line(node))


def _go(function: SyntaxNode, source: Source) -> Iterator[Param]:
    holder = function.child_by_field_name("parameters")
    for node in holder.named_children if holder else []:
        if node.type not in {"parameter_declaration", "variadic_parameter_declaration"}:
            continue
        type_ = _field(node, "type", source)
        if type_ and node.type == "variadic_parameter_declaration":
            type_ = "..." + type_
        names = [source.of(name) for name in node.children_by_field_name("name")]
        yield from (Param(name=name, type=type_) for name in names or ["_"])


def _rust(function: SyntaxNode, source: Source) -> Iterator[Param]:
    holder = function.child_by_field_name("parameters")
    for node in holder.named_children if holder else []:
        if node.type == "parameter":
            yield Param(name=_field(node, "pattern", source) or "", type=_field(node, "type", source))


def _field(node: SyntaxNode, name: str, source: Source) -> str | None:
    found = node.child_by_field_name(name)
    return source.line(found) if found is not None else None


_PARAMS: Mapping[str, Callable[[SyntaxNode, Source], Iterator[Param]]] = {
    "python": _python,
    "kotlin": _kotlin,
    "java": _java,
    "javascript": _script,
    "typescript": _script,
    "go": _go,
    "rust": _rust,
}
