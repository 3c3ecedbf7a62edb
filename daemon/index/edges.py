"""Resolves uses of names to definitions; what is not certain stays open: a wrong edge is worse than none.

Rules of a call, by ``Link.how``, surest first:

``self``       a member of the surrounding class, said by ``self``, ``this`` or by the bare name
``local``      a name of the same file
``import``     a name that the file imports, followed through re-exports
``package``    a name of the same package or folder (Go, Java, Kotlin, Rust)
``inherited``  a member of a supertype within the index
``typed``      a member of the type that a parameter, field or variable is declared with or constructed from
``returned``   a member of the type that a function called in the receiver is declared to return
``unique``     a telling name that one function of the index has, called on a receiver of which nothing is known

Constructing a class leads to its constructor where it has exactly one of its own, else to the class; Kotlin
classes are their own primary constructor. A call of an overloaded name leads to the first of the overloads.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from daemon.index.catalog import CALLABLE, CLASS_LIKE, Catalog, Definition, family, typed
from daemon.index.receivers import Receivers
from daemon.index.scopes import Scopes, Seen
from daemon.index.typenames import type_name
from db.parsed import Import
from db.types import EdgeKind, NodeKind

__all__ = ["Definition", "Link", "Use", "link", "typed"]

_MIN_TELLING = 8  # characters of a name that may be resolved by being the only one
_MIN_TELLING_PLAIN = 11  # the same for names that begin like accessors
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+")
_PLAIN_WORDS = frozenset(
    ("get", "set", "is", "has", "to", "as", "on", "with", "from", "add", "of", "in", "for", "by", "new")
)
_COMMON = frozenset((Path(__file__).parent / "common_names.txt").read_text(encoding="utf-8").splitlines())


@dataclass(frozen=True, slots=True)
class Use:
    """A use of a name by the node with the id ``source``; ``target`` as a Reference has it."""

    source: int
    kind: EdgeKind
    target: str


@dataclass(frozen=True, slots=True)
class Link:
    """Where a use leads: the id of a definition and the rule that found it; None and "" outside of the index."""

    dst: int | None
    how: str


_INCLUDING = {"c": "", "php": "", "ruby": ".rb"}  # files are named by their paths, and so with which ending
_NESTED = frozenset({"python", "rust", "script", "go"})  # what is imported may be a part of a module

_OPEN = Link(None, "")


def link(
    definitions: Sequence[Definition], uses: Iterable[Use], imports: Mapping[int, Sequence[Import]]
) -> dict[Use, Link]:
    """Resolve every use. ``imports`` are those of each file by its id; all files of the repository should be there.

    Time and memory are linear in definitions, imports and distinct uses.
    """
    linker = _Linker(Catalog(definitions, imports))
    return {use: linker.link(use) for use in uses}


class _Linker:
    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._scopes = Scopes(catalog)
        self._receivers = Receivers(self._scopes)

    def link(self, use: Use) -> Link:
        asking = self._catalog.by_id.get(use.source)
        if asking is None or not use.target:
            return _OPEN
        if use.kind is EdgeKind.CALLS:
            return self._call(asking, use.target)
        if use.kind is EdgeKind.IMPORTS:
            return self._imported(asking, use.target)
        seen = self._scopes.type_seen(use.target, asking)
        if seen is None or seen.definition is None or seen.definition.id == asking.id:
            return _OPEN
        return Link(seen.definition.id, seen.how)

    def _imported(self, asking: Definition, target: str) -> Link:
        """What is imported, else the nearest module round it: a constant is no node of its own."""
        kin = family(asking.lang)
        found = self._scopes.imported(kin, target, asking, asking, 0)
        if kin in _INCLUDING:
            found = self._catalog.file_at(kin, target, _INCLUDING[kin], asking) or found
        prefix = target
        while found is None and "." in prefix and kin in _NESTED:
            prefix = prefix.rpartition(".")[0]
            found = self._scopes.imported(kin, prefix, asking, asking, 0)
        found = found or self._catalog.packages.get(target)
        if found is None or found.id == asking.id:
            return _OPEN
        return Link(found.id, "import")

    def _call(self, asking: Definition, target: str) -> Link:
        head, dot, name = target.rpartition(".")
        if not dot:
            is_same = name == "super" and asking.lang == "ruby" and asking.kind is not NodeKind.CONSTRUCTOR
            seen = self._receivers.inherited(asking, asking.name) if is_same else self._receivers.called(asking, name)
            return self._to(seen, asking)
        if head == "super":
            return self._to(self._receivers.inherited(asking, name), asking)
        seen = self._receivers.value(asking, head.split(".")) if head else None
        if seen is None:
            return self._unique(asking, head, name)
        if seen.foreign:
            return self._extension(asking, head, name)
        found = self._receivers.member(seen, name, asking)
        if found is None and (seen.definition is None or seen.definition.kind not in CLASS_LIKE):
            return _OPEN
        return self._to(found, asking) if found is not None else self._extension(asking, head, name)

    def _to(self, seen: Seen | None, asking: Definition) -> Link:
        if seen is None or seen.definition is None:
            return _OPEN
        found = seen.definition
        if found.kind in CLASS_LIKE:
            found = self._scopes.constructor(found)
        elif found.kind not in CALLABLE:
            return _OPEN
        return Link(found.id, seen.how) if found.id != asking.id or found.kind in CALLABLE else _OPEN

    def _extension(self, asking: Definition, head: str, name: str) -> Link:
        """A function that adds a member to a type from outside: in Kotlin it is in scope by its bare name.

        In C# it is where the namespace of its class is, in Swift everywhere; of two such none can be chosen.
        """
        if asking.lang == "swift":
            return self._extended_abroad(asking, head, name)
        if asking.lang == "csharp":
            known = [one for one in self._catalog.named("csharp", name) if "this" in one.fields and one.owner]
            used = [one for one in known if self._uses(asking, str(one.owner).rpartition(".")[0])]
            return Link(used[0].id, "import") if len({one.owner for one in used}) == 1 else _OPEN
        if asking.lang != "kotlin":
            return _OPEN
        seen = self._scopes.name(asking, name)
        if seen is None or seen.definition is None or "this" not in seen.definition.fields:
            return _OPEN
        return Link(seen.definition.id, seen.how)

    def _extended_abroad(self, asking: Definition, head: str, name: str) -> Link:
        """What ``extension String { ... }`` adds to a type from outside of the index, where the receiver is one."""
        own = self._scopes.own_class(asking)
        written = asking.fields.get(head) or (own.fields.get(head) if own is not None else None)
        type_ = type_name(written, "swift") if written else None
        known = [one for one in self._catalog.named("swift", name) if one.owner and _last(one.owner) == type_]
        return Link(known[0].id, "typed") if len({one.owner for one in known}) == 1 else _OPEN

    def _uses(self, asking: Definition, namespace: str) -> bool:
        """Whether a file of C# is inside of a namespace, or says that it uses it."""
        inside = f"{asking.package}.".startswith(f"{namespace}.") or not namespace
        return inside or namespace in self._catalog.wildcards(asking.file_id)

    def _unique(self, asking: Definition, head: str, name: str) -> Link:
        """The only function of that name, where the name is telling and the receiver says nothing at all."""
        in_scope = self._extension(asking, head, name)
        if in_scope.dst is not None or not telling(name):
            return in_scope
        found = [one for one in self._catalog.named(family(asking.lang), name) if one.kind is not NodeKind.CONSTRUCTOR]
        if len(found) != 1 or (found[0].owner is None and "this" not in found[0].fields):
            return _OPEN
        return Link(found[0].id, "unique")


def _last(fqn: str) -> str:
    """The last part of a dotted name."""
    return fqn.rpartition(".")[2]


def telling(name: str) -> bool:
    """Whether a name says enough to stand for one function: two words or more, and none that libraries use."""
    words = [word.lower() for word in _WORDS.findall(name)]
    if len(words) < 2 or "_".join(words) in _COMMON:  # noqa: PLR2004 - two words
        return False
    return len(name) >= (_MIN_TELLING_PLAIN if words[0] in _PLAIN_WORDS else _MIN_TELLING)
