"""Parameters and results in C and C++, where a name stands in the middle of its type."""

from __future__ import annotations

from collections.abc import Iterator

from daemon.index.facts import Source, pick
from daemon.index.languages import SyntaxNode
from daemon.index.macros import test_macro
from db.types import Param

_PARAMETERS = frozenset({"parameter_declaration", "optional_parameter_declaration"})
_MAX_DECLARATORS = 16  # pointers to pointers to ...


def _declarator(node: SyntaxNode, wanted: str) -> SyntaxNode | None:
    """Down the declarators of C to the first of a kind: ``**f(int)`` -> ``f(int)``."""
    at: SyntaxNode | None = node
    for _ in range(_MAX_DECLARATORS):
        at = (at.child_by_field_name("declarator") or pick(at, 0)) if at is not None else None
        if at is None or at.type == wanted:
            return at
        if not at.type.endswith(("declarator", "operator_cast", "qualified_identifier")):
            return None
    return None


def _c_function(function: SyntaxNode) -> SyntaxNode | None:
    """The declarator with the parameters; the inner one of ``void (*handler(int which))(void)``."""
    start = function.child_by_field_name("declarator")
    if start is None or start.type == "operator_cast":
        return start
    found = start if start.type == "function_declarator" else _declarator(start, "function_declarator")
    inner = found.child_by_field_name("declarator") if found else None
    pointer = pick(inner, 0) if inner is not None and inner.type == "parenthesized_declarator" else None
    return (_declarator(pointer, "function_declarator") if pointer else None) or found


def c_params(function: SyntaxNode, source: Source) -> Iterator[Param]:
    """The parameters of a function of C or C++; the words between the brackets of a test macro are none."""
    declared = _c_function(function)
    holder = declared.child_by_field_name("parameters") if declared and not test_macro(function, source) else None
    for node in holder.named_children if holder else []:
        if node.type == "identifier":  # as Kernighan and Ritchie wrote it
            yield Param(name=source.of(node))
        elif node.type.startswith("variadic_parameter"):
            yield Param(name="...")
        elif node.type in _PARAMETERS:
            param = _c_param(node, source)
            if param.name or param.type != "void":
                yield param


def _c_param(node: SyntaxNode, source: Source) -> Param:
    """The name is in the middle of its type: ``int (*run)(int)``, ``char *names[]``."""
    default = node.child_by_field_name("default_value")
    end = node.end_byte
    if default is not None:
        end = source.data.rfind(b"=", node.start_byte, default.start_byte)
    name = node.child_by_field_name("declarator")
    for _ in range(_MAX_DECLARATORS):
        if name is None or name.type == "identifier":
            break
        name = name.child_by_field_name("declarator") or pick(name, 0)
    if name is None or name.type != "identifier":
        return Param(name="", type=" ".join(source.text(node.start_byte, end).split()))
    before, after = source.text(node.start_byte, name.start_byte), source.text(name.end_byte, end)
    return Param(
        name=source.of(name),
        type=" ".join((before + after).split()) or None,
        default=source.line(default) if default is not None else None,
    )


def c_result(function: SyntaxNode, source: Source) -> str | None:
    """``const char *`` of ``const char *name(void)``; None for constructors."""
    declared, kind = _c_function(function), function.child_by_field_name("type")
    later = (
        next((child for child in declared.children if child.type == "trailing_return_type"), None) if declared else None
    )
    if later is not None:
        return source.line(later).removeprefix("->").strip()
    if kind is None or declared is None:
        return None
    before = [
        child
        for child in function.children
        if child.type == "type_qualifier"
        and child.end_byte <= kind.start_byte
        and source.of(child) in {"const", "volatile"}
    ]
    start = before[0].start_byte if before else kind.start_byte
    signs = source.text(kind.end_byte, declared.start_byte)
    outer = function.child_by_field_name("declarator")
    if "(" in signs and outer is not None:  # what is returned is a function
        signs += source.text(declared.end_byte, outer.end_byte)
    return " ".join((source.text(start, kind.end_byte) + signs).split())
