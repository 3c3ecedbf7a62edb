"""Definitions that are written as macros: the tests of GoogleTest and Boost in C++."""

from __future__ import annotations

from typing import NamedTuple

from daemon.index.facts import Source
from daemon.index.languages import SyntaxNode

_OF_A_CLASS = frozenset({"TEST_F", "TEST_P", "TYPED_TEST", "TYPED_TEST_P"})  # (class of the fixture, name)
_OF_A_SUITE = frozenset({"TEST", "BOOST_AUTO_TEST_CASE"})  # (name of the suite, name) or (name)


class MacroTest(NamedTuple):
    """``TEST_F(CartTest, Adds)``: its name, and the class whose members it has; ``suite`` where that is a mere word."""

    name: str
    fixture: str
    suite: str


def test_macro(function: SyntaxNode, source: Source) -> MacroTest | None:
    """What a definition without a type of its own says between its brackets; None where it is no test."""
    declared = function.child_by_field_name("declarator") if function.type == "function_definition" else None
    if declared is None or declared.type != "function_declarator" or function.child_by_field_name("type") is not None:
        return None
    macro, holder = declared.child_by_field_name("declarator"), declared.child_by_field_name("parameters")
    word = source.of(macro) if macro is not None and macro.type == "identifier" else ""
    if holder is None or word not in _OF_A_CLASS | _OF_A_SUITE:
        return None
    words = [source.line(node) for node in holder.named_children]
    if not all(one.isidentifier() for one in words) or len(words) not in {1, 2}:
        return None
    before = words[0] if len(words) == 2 else ""  # noqa: PLR2004 - what it is a test of, and its name
    return MacroTest(words[-1], before, "") if word in _OF_A_CLASS else MacroTest(words[-1], "", before)
