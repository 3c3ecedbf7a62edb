"""What the table says of a language: the form of its rows, and how an expression is written as a dotted name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

Selector = str | int  # the name of a field, or the position of a named child


class Naming(Enum):
    """How a language names the module that a file is; ``names.py`` has the rules."""

    PYTHON = "python"
    JVM = "jvm"
    GO = "go"
    RUST = "rust"
    SCRIPT = "script"
    RUBY = "ruby"
    SPACE = "space"  # the file is its path, and names are prefixed with the namespace they are declared in
    SWIFT = "swift"
    FILE = "file"  # every file is a module, called by its path without the ending
    PLAIN = "plain"  # a file without members


@dataclass(frozen=True, slots=True)
class Step:
    """How an expression node is written as a dotted name.

    ``name``: its text. ``member``: ``first`` and then ``.second``; ``path``: the same with ``::`` between.
    ``call``: ``first`` and then ``()``. ``invoke``: a call that names its receiver and its method itself.
    ``through``: whatever ``first`` is; ``last``: the same right before a member, and no name elsewhere.
    """

    how: str
    first: Selector = 0
    second: Selector = -1


def names(*kinds: str) -> dict[str, Step]:
    """Steps for kinds of nodes that are names themselves."""
    return dict.fromkeys(kinds, Step("name"))


def words(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Language:
    """One row of the table. Sets of strings are kinds of nodes in the grammar unless said otherwise."""

    name: str  # as the store knows it: several rows may share it
    grammar: str  # in tree_sitter_language_pack; unique per row
    queries: tuple[str, ...] = ()
    endings: tuple[str, ...]
    file_names: tuple[str, ...] = ()  # whole names of files, where an ending does not say it
    interpreters: tuple[str, ...] = ()  # programs in a ``#!`` line
    naming: Naming
    otherwise: tuple[str, re.Pattern[bytes]] | None = None  # the grammar for a header whose text looks like this
    comments: frozenset[str] = frozenset()
    doc_marks: tuple[str, ...] = ()  # a comment is documentation when it starts with one of these
    doc_above: bool = False  # any comment right above a declaration is documentation
    strings: frozenset[str] = frozenset()  # taken byte by byte
    texts: frozenset[str] = frozenset()  # words in which only the kind of white space is free
    blocks: frozenset[str] = frozenset()  # their borders and the ends of their statements carry meaning
    groups: frozenset[str] = frozenset()  # nodes that only collect statements: a blank line may split them
    tuples: frozenset[str] = frozenset()  # where a comma after a single element carries meaning
    layout: bool = False  # where a line begins carries meaning, and no blocks say where
    hides_tokens: bool = False  # the grammar leaves some signs out of its tree
    bodies: tuple[str, ...] = ("body",)  # field or kind of the child that a signature stops before
    values: Mapping[str, str] = field(default_factory=dict)  # declaration -> field with its function
    steps: Mapping[str, Step] = field(default_factory=dict)
    words: Mapping[str, str] = field(default_factory=dict)  # what dotted names say for a word: ``super`` for ``base``
    modifiers: frozenset[str] = frozenset()  # words
    constructors: frozenset[str] = frozenset()  # names of methods that are constructors
    named_constructors: bool = False  # a method with the name of its class is its constructor
    prefixes: Mapping[str, str] = field(default_factory=dict)  # kind -> word that a group has written once for all
    no_calls: frozenset[str] = frozenset()  # names that look called and are syntax
    indexed_calls: bool = False  # the grammar says ``lines[0]`` is a call
    unnamed: Mapping[str, str] = field(default_factory=dict)  # kind of an anonymous definition -> its name
    stub: str = "{} {{ ... }}"  # how a member with a body stands in the text of its owner
    bare_stub: str = "{}"  # the same for a member without a body
