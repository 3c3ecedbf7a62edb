"""What a bare or dotted name means at a place: imports and re-exports, scopes, members and their inheritance."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from daemon.index.catalog import CLASS_LIKE, COMPANION, Catalog, Definition, family
from daemon.index.typenames import type_name
from db.types import NodeKind

_MAX_HOPS = 6  # re-exports followed, one after the other
_MAX_ANCESTORS = 64
_MODULES = frozenset({NodeKind.FILE, NodeKind.PACKAGE})
_OWN_NAMES = frozenset({"Self", "this", "self", "static"})  # types that mean the surrounding class


class Seen(NamedTuple):
    """What a name stands for: a definition, or the path of a module that is none; and the rule that said so."""

    definition: Definition | None
    path: str
    how: str

    @property
    def foreign(self) -> bool:
        """Known to lie outside of the index."""
        return self.how == "foreign"


_IN_PARTS = frozenset({"csharp", "ruby"})
_OWN_PRIMARY = frozenset({"kotlin", "scala"})
_REEXPORTING = frozenset({"python", "rust", "script"})
_BARE_MEMBERS = frozenset({"jvm", "c", "csharp", "ruby", "swift"})  # members need no ``this`` before them
# Names of other files are in scope without an import where their package or namespace is the same.
_FROM_WITHIN = frozenset({"c", "csharp", "ruby", "swift"})  # a path may begin at any namespace round it
_SHARED = frozenset({"jvm", "go", "rust", "c", "csharp", "php", "ruby", "swift"})

FOREIGN = Seen(None, "", "foreign")


class Scopes:
    """Looks names up. Everything is remembered, so that each distinct question is answered once."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self._resolved: dict[tuple[str, str, int], Definition | None] = {}
        self._ancestors: dict[int, tuple[Definition, ...]] = {}
        self._names: dict[tuple[int, str | None, str], Seen | None] = {}

    # --- full names ---

    def resolve(self, kin: str, path: str, asking: Definition, hops: int = 0) -> Definition | None:
        """The definition that a full dotted name leads to, through re-exports and inherited members."""
        key = (kin, path, asking.file_id)
        if key not in self._resolved:
            self._resolved[key] = None  # a ring of re-exports ends here
            self._resolved[key] = self._resolve(kin, path, asking, hops)
        return self._resolved[key]

    def _resolve(self, kin: str, path: str, asking: Definition, hops: int) -> Definition | None:
        found = self.catalog.exact(kin, path, asking.file_id)
        if found is not None or hops > _MAX_HOPS:
            return found
        parts = path.split(".")
        for cut in range(len(parts) - 1, -1, -1):
            prefix, rest = ".".join(parts[:cut]), parts[cut:]
            owner = self.catalog.exact(kin, prefix, asking.file_id, CLASS_LIKE) if prefix else None
            if owner is not None:
                return self.member(owner, rest[0])[0] if len(rest) == 1 else None
            modules = self.catalog.modules(kin, prefix)
            for module in modules:
                if found := self._exported(kin, module, rest, asking, hops):
                    return found
            if modules:  # the nearest module has the last word
                break
        return self._beside(kin, path, asking) if hops == 0 else None

    def _exported(
        self, kin: str, module: Definition, rest: Sequence[str], asking: Definition, hops: int
    ) -> Definition | None:
        """What a module passes on under a name that it imported itself."""
        if kin not in _REEXPORTING:
            return None
        target = self.catalog.alias(module.file_id, rest[0])
        if target is not None:
            return self.imported(kin, ".".join([target, *rest[1:]]), module, asking, hops + 1)
        for wildcard in self.catalog.wildcards(module.file_id):
            if found := self.imported(kin, ".".join([wildcard, *rest]), module, asking, hops + 1):
                return found
        return None

    def imported(
        self, kin: str, target: str, importing: Definition, asking: Definition, hops: int
    ) -> Definition | None:
        """What an import of the file of ``importing`` leads to; in Rust it may begin at a module beside it."""
        if kin == "rust":
            scope = self.catalog.module_of(importing)
            if scope and (found := self.resolve(kin, f"{scope}.{target}", asking, hops + 1)):
                return found
        return self.resolve(kin, target, asking, hops)

    def _beside(self, kin: str, path: str, asking: Definition) -> Definition | None:
        """A name from the same source root, where that root lies deeper than the repository's."""
        if kin not in {"python", "rust"}:
            return None
        parts = self.catalog.module_of(asking).split(".")
        for cut in range(len(parts) - 1, 0, -1):
            root = ".".join(parts[:cut])
            is_root = self.catalog.is_crate(kin, root) if kin == "rust" else not self.catalog.modules(kin, root)
            if is_root and (found := self.resolve(kin, f"{root}.{path}", asking, 1)):
                return found
        return None

    # --- names in scope ---

    def name(self, asking: Definition, name: str) -> Seen | None:
        """What a bare name means where ``asking`` stands; FOREIGN for an import from outside the index."""
        key = (asking.file_id, asking.fqn if asking.kind in CLASS_LIKE else asking.owner, name)
        if key not in self._names:
            self._names[key] = self._name(asking, name)
        return self._names[key]

    def _name(self, asking: Definition, name: str) -> Seen | None:
        kin = family(asking.lang)
        if kin in _BARE_MEMBERS:
            for owner in self.surrounding(asking):
                member, inherited = self.member(owner, name)
                if member is not None:
                    return Seen(member, member.fqn, "inherited" if inherited else "self")
        for prefix in self._prefixes(asking):
            found = self.catalog.exact(kin, f"{prefix}.{name}" if prefix else name, asking.file_id)
            if found is not None and (found.file_id == asking.file_id or kin in _SHARED):
                return Seen(found, found.fqn, "local" if found.file_id == asking.file_id else "package")
        target = self.catalog.alias(asking.file_id, name)
        if target is not None:
            found = self.imported(kin, target, asking, asking, 0)
            return Seen(found, found.fqn if found else target, "import")
        for wildcard in self.catalog.wildcards(asking.file_id):
            if found := self.imported(kin, f"{wildcard}.{name}", asking, asking, 0):
                return Seen(found, found.fqn, "import")
        return None

    def _prefixes(self, asking: Definition) -> Iterator[str]:
        """The namespaces round a definition, from the inside to its module; classes lend no names here."""
        kin = family(asking.lang)
        module = self.catalog.module_of(asking)
        prefix = (asking.owner or asking.fqn).rpartition(".")[0] if asking.kind is not NodeKind.FILE else module
        while len(prefix) > len(module):
            if self.catalog.exact(kin, prefix, asking.file_id, CLASS_LIKE) is None:
                yield prefix
            prefix = prefix.rpartition(".")[0]
        yield module
        if kin == "php" and module:
            yield ""  # functions of PHP are looked up in the global namespace too

    # --- classes ---

    def own_class(self, asking: Definition) -> Definition | None:
        """The class that a definition is or belongs to."""
        if asking.kind in CLASS_LIKE or asking.owner is None:
            return asking if asking.kind in CLASS_LIKE else None
        return self.catalog.exact(family(asking.lang), asking.owner, asking.file_id)

    def namespace(self, asking: Definition, name: str) -> Seen | None:
        """A namespace that is called by its last name, or from within one that it stands in."""
        kin = family(asking.lang)
        for prefix in self._prefixes(asking):
            path = f"{prefix}.{name}" if prefix else name
            if self.catalog.has_prefix(kin, path):
                return Seen(None, path, "package")
        return None

    def surrounding(self, asking: Definition) -> Iterator[Definition]:
        """The class of a definition, then the classes round that one."""
        at = self.own_class(asking)
        while at is not None:
            yield at
            at = self.catalog.exact(family(at.lang), at.owner, at.file_id, CLASS_LIKE) if at.owner else None

    def ancestors(self, owner: Definition) -> tuple[Definition, ...]:
        """A class and all of the index that it inherits from, nearest first."""
        known = self._ancestors.get(owner.id)
        if known is not None:
            return known
        self._ancestors[owner.id] = (owner,)  # a ring of supertypes ends here
        chain, seen = [owner], {owner.id}
        for at in chain:
            parts = self.catalog.classes(family(at.lang), at.fqn) if at.lang in _IN_PARTS else ()
            for written in (*at.supertypes, *(one for part in parts if part.id != at.id for one in part.supertypes)):
                found = self.class_of(written, at)
                if found is not None and found.id not in seen and len(chain) < _MAX_ANCESTORS:
                    seen.add(found.id)
                    chain.append(found)
        self._ancestors[owner.id] = tuple(chain)
        return self._ancestors[owner.id]

    def member(self, owner: Definition, name: str) -> tuple[Definition | None, bool]:
        """A member by name, and whether it is inherited."""
        for at in self.ancestors(owner):
            found = self.catalog.member(family(at.lang), at.fqn, name)
            if found is None and COMPANION in at.fields:
                found = self.catalog.member(family(at.lang), f"{at.fqn}.{at.fields[COMPANION]}", name)
            if found is not None:
                return found, at.id != owner.id
        return None, False

    def class_of(self, written: str, asking: Definition) -> Definition | None:
        """The class in the index that a written type names, seen from ``asking``."""
        seen = self.type_seen(written, asking)
        return seen.definition if seen is not None and seen.definition else None

    def type_seen(self, written: str, asking: Definition) -> Seen | None:
        """The same with the rule that found it."""
        name = type_name(written, asking.lang)
        if name is None or "(" in name:
            return None
        if name in _OWN_NAMES:
            own = self.own_class(asking)
            return Seen(own, own.fqn, "self") if own else None
        head, _, rest = name.partition(".")
        kin = family(asking.lang)
        seen = self.name(asking, head)
        if seen is None and rest:
            found = self.resolve(kin, name, asking)
            seen, rest = (Seen(found, name, "import") if found else self._from_within(kin, name, asking)), ""
        if seen is not None and rest:
            found = self.resolve(kin, f"{seen.path}.{rest}", asking)
            seen = Seen(found, f"{seen.path}.{rest}", seen.how)
        if seen is None:
            return None
        if seen.definition is not None and seen.definition.kind in _MODULES and kin == "script":
            seen = Seen(self.default_of(seen.definition), seen.path, seen.how)
        is_class = seen.definition is not None and seen.definition.kind in CLASS_LIKE
        return seen if is_class else Seen(None, seen.path, seen.how)

    def _from_within(self, kin: str, name: str, asking: Definition) -> Seen | None:
        """``port::Mutex`` said inside of ``shop``, where it is ``shop::port::Mutex``."""
        for prefix in self._prefixes(asking) if kin in _FROM_WITHIN else ():
            found = self.catalog.exact(kin, f"{prefix}.{name}" if prefix else name, asking.file_id, CLASS_LIKE)
            if found is not None:
                return Seen(found, found.fqn, "package")
        return None

    def default_of(self, module: Definition) -> Definition | None:
        """What a JavaScript module is to those who import it whole."""
        return self.resolve("script", f"{module.fqn}.default", module)

    def constructor(self, owner: Definition) -> Definition:
        """What a construction calls: the only constructor, else the class itself.

        A class of Kotlin or Scala is its own primary constructor; of several overloads none can be chosen by name.
        """
        found = self.catalog.constructors(family(owner.lang), owner.fqn)
        return found[0] if len(found) == 1 and owner.lang not in _OWN_PRIMARY else owner
