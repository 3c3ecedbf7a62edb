"""Runs the tag query of a language over one tree and sorts what it captured.

The captures that a query file may use:

``@definition.<kind>``    a declaration; the kind is one of NodeKind in lower case. ``@name`` names it (a member
                          expression in JavaScript), ``@owner`` the type it belongs to where that stands elsewhere
``@extension``            a block that adds members to the type ``@owner`` (``impl`` in Rust)
``@namespace``            a block that only prefixes the names in it with ``@name``
``@opaque``               what is defined in here stays part of whatever surrounds it (lambdas, anonymous classes)
``@wrapper``              a statement that belongs to the declaration ``@wrapped`` in it (``export``, decorators)
``@annotation``           a decorator, annotation or attribute
``@supertype.inherits``, ``@supertype.implements``
``@supertype.mixed``      a list whose constants are inherited from. (A pattern that looks for a child that may come
                          late stays open all through a list; deep nesting then costs the square of the depth.)
``@supertype.first``      the first of a list that names a class and interfaces alike: its name says which it is
``@call``                 the expression that is called; ``@loose`` the name of a call in unparsed tokens;
                          ``@bare`` a word that is a call unless the file has a variable of that name there
``@import``, ``@package`` one import statement; the declared package
``@variable.name``        with ``.type`` or ``.value``: what the code says that a variable or field holds
``@member.name``          the same for a field of the surrounding class, named inside a function
``@local.name``           the same where it is a variable inside a function only
``@comment``              added for every kind of comment of the language

``@component``            an element of JSX: a call where its name begins with a capital
``@_self``, ``@_require``, ``@_exports``, ``@_mixin``, ``@_load``, ``@_maker``, ``@_class``, ``@_makes``
                          the pattern counts only where the captured text is one of the words of ``_WORDS``

Of several patterns that capture one node as a definition or supertype the first in the file wins. Predicates like
``#eq?`` must not be used: the binding would ask the tree for its text, and ours is parsed without keeping any.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from daemon.index.facts import Source
from daemon.index.languages import Language, SyntaxNode, matches_of
from db.types import EdgeKind, NodeKind

_KINDS = {f"definition.{kind.value.lower()}": kind for kind in NodeKind}
_WORDS = {
    "_self": frozenset({b"self", b"$this"}),
    "_require": frozenset({b"require"}),
    "_exports": frozenset({b"module.exports"}),
    "_maker": frozenset({b"Struct", b"Data", b"Class"}),
    "_class": frozenset({b"Class"}),
    "_makes": frozenset({b"new", b"define"}),
    "_mixin": frozenset({b"include", b"extend", b"prepend"}),
    "_load": frozenset({b"require", b"require_relative", b"load"}),
}
_INTERFACE = re.compile(rb"I[A-Z]")  # how C# names them
_CONSTANTS = frozenset({"constant", "scope_resolution"})
_SUPERTYPES = {"supertype.inherits": EdgeKind.INHERITS, "supertype.implements": EdgeKind.IMPLEMENTS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tagged:
    """One captured declaration, extension (``kind`` None) or namespace, with what was captured beside it."""

    node: SyntaxNode
    kind: NodeKind | None
    pattern: int
    name: SyntaxNode | None
    owner: SyntaxNode | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """A variable and what the code says of it: a declared type, or the expression that it starts with."""

    name: SyntaxNode
    type: SyntaxNode | None
    value: SyntaxNode | None
    of_class: bool  # a field of the surrounding class rather than a name of the surrounding scope
    of_function: bool = False  # counts inside of a function only


@dataclass(slots=True)
class Tags:
    """All captures of one file, each list in source order."""

    definitions: dict[int, Tagged] = field(default_factory=dict)  # by the id of the node
    extensions: list[Tagged] = field(default_factory=list)
    namespaces: list[Tagged] = field(default_factory=list)
    opaque: list[SyntaxNode] = field(default_factory=list)
    wrappers: dict[int, SyntaxNode] = field(default_factory=dict)  # id of the wrapped node -> its wrapper
    annotations: list[SyntaxNode] = field(default_factory=list)
    supertypes: dict[int, tuple[int, EdgeKind, SyntaxNode]] = field(default_factory=dict)  # (pattern, kind, node)
    calls: list[SyntaxNode] = field(default_factory=list)
    loose: list[SyntaxNode] = field(default_factory=list)
    imports: list[SyntaxNode] = field(default_factory=list)
    packages: list[SyntaxNode] = field(default_factory=list)  # Scala says it in several clauses
    bare: list[SyntaxNode] = field(default_factory=list)
    holdings: list[Holding] = field(default_factory=list)
    comments: list[SyntaxNode] = field(default_factory=list)

    @property
    def package(self) -> SyntaxNode | None:
        """The clause that declares the package, the first where there are several."""
        return self.packages[0] if self.packages else None


def tags_of(root: SyntaxNode, language: Language, source: Source) -> Tags:
    """Run the query once and sort its matches. Raises TooSlowError."""
    tags = Tags()
    for pattern, captures in matches_of(root, language):
        if len(captures) == 1 and "call" in captures:  # most of them
            tags.calls.append(captures["call"][0])
        elif _counts(captures, source):
            _sort(tags, pattern, captures, source)
    return tags


def _counts(captures: dict[str, list[SyntaxNode]], source: Source) -> bool:
    """Whether the texts are those that the pattern is about."""
    component = captures.get("component")
    if component is not None:
        return source.data[component[0].start_byte : component[0].start_byte + 1].isupper()
    words = ((captures[name][0], word) for name, word in _WORDS.items() if name in captures)
    return all(source.data[node.start_byte : node.end_byte] in word for node, word in words)


def _sort(  # noqa: C901, PLR0912 - one table
    tags: Tags, pattern: int, captures: dict[str, list[SyntaxNode]], source: Source
) -> None:
    for name, nodes in captures.items():
        node = nodes[0]
        if name in {"call", "component"}:
            tags.calls.append(node)
        elif name == "comment":
            tags.comments.append(node)
        elif name in _KINDS:
            known = tags.definitions.get(node.id)
            if known is None or pattern < known.pattern:
                tags.definitions[node.id] = _tagged(node, _KINDS[name], pattern, captures)
        elif name in _SUPERTYPES or name == "supertype.first":
            seen = tags.supertypes.get(node.id)
            if seen is None or pattern < seen[0]:
                tags.supertypes[node.id] = (pattern, _SUPERTYPES.get(name) or _by_name(node, source), node)
        elif name == "supertype.mixed":
            for mixed in node.named_children:
                if mixed.type in _CONSTANTS:
                    tags.supertypes.setdefault(mixed.id, (pattern, EdgeKind.INHERITS, mixed))
        elif name in {"variable.name", "member.name", "local.name"}:
            prefix = name.partition(".")[0]
            tags.holdings.append(
                Holding(
                    name=node,
                    type=_first(captures, f"{prefix}.type"),
                    value=_first(captures, f"{prefix}.value"),
                    of_class=prefix == "member",
                    of_function=prefix == "local",
                )
            )
        elif name == "wrapper":
            tags.wrappers[captures["wrapped"][0].id] = node
        elif name == "annotation":
            tags.annotations.append(node)
        elif name == "opaque":
            tags.opaque.append(node)
        elif name == "loose":
            tags.loose.append(node)
        elif name == "import":
            tags.imports.append(node)
        elif name == "package":
            tags.packages.append(node)
        elif name == "bare":
            tags.bare.append(node)
        elif name == "extension":
            tags.extensions.append(_tagged(node, None, pattern, captures))
        elif name == "namespace":
            tags.namespaces.append(_tagged(node, None, pattern, captures))


def _by_name(node: SyntaxNode, source: Source) -> EdgeKind:
    is_interface = _INTERFACE.match(source.data, node.start_byte)
    return EdgeKind.IMPLEMENTS if is_interface else EdgeKind.INHERITS


def _tagged(node: SyntaxNode, kind: NodeKind | None, pattern: int, captures: dict[str, list[SyntaxNode]]) -> Tagged:
    return Tagged(node=node, kind=kind, pattern=pattern, name=_first(captures, "name"), owner=_first(captures, "owner"))


def _first(captures: dict[str, list[SyntaxNode]], name: str) -> SyntaxNode | None:
    nodes = captures.get(name)
    return nodes[0] if nodes else None
