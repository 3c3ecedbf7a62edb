"""What a receiver is: ``self.repo`` in ``self.repo.find()``, followed from name to name by declared types."""

from __future__ import annotations

from collections.abc import Sequence

from daemon.index.catalog import CALLABLE, CLASS_LIKE, Definition, family
from daemon.index.scopes import FOREIGN, Scopes, Seen
from daemon.index.typenames import type_name
from db.types import NodeKind

_SELF = {
    "python": frozenset({"self", "cls"}),
    "jvm": frozenset({"this"}),
    "script": frozenset({"this"}),
    "rust": frozenset({"self", "Self"}),
    "c": frozenset({"this"}),
    "csharp": frozenset({"this"}),
    "php": frozenset({"this", "self", "static"}),
    "ruby": frozenset({"self"}),
    "swift": frozenset({"self", "Self"}),
}
_OWN_CLASS = {
    "python": frozenset({"cls"}), "rust": frozenset({"Self"}), "swift": frozenset({"Self"}),
    "php": frozenset({"self", "static"}), "ruby": frozenset({"new"}),
}  # fmt: skip
_BARE_FIELDS = frozenset({"jvm", "c", "csharp", "ruby", "swift"})
_SPACES = frozenset({"c", "csharp"})  # namespaces are no nodes, and functions and classes are named from them
_VALUES_CALLED = frozenset({"java", "scala", "ruby", "csharp"})  # a name may be a variable and a function at once
_UNTYPED = frozenset({"", "Any", "any", "unknown", "object", "Object", "dynamic"})
# Calls that give what they are called on: out of a lock, a pointer, an optional value; scope functions.
_PASSING = {
    "rust": frozenset({
        "as_mut", "as_ref", "borrow", "borrow_mut", "clone", "expect", "get_mut", "lock", "read", "to_owned", "unwrap",
        "unwrap_or_default", "upgrade", "write",
    }),
    "jvm": frozenset({"also", "apply"}),
}  # fmt: skip
_ALIAS_PARTS = 4  # ``import a.b.c`` is found under a name of so many parts at most
_MAX_DEPTH = 8  # types that are found by finding another type first


class Receivers:
    """Follows dotted names through fields, parameters, return types and modules."""

    def __init__(self, scopes: Scopes) -> None:
        self._scopes = scopes
        self._catalog = scopes.catalog
        self._types: dict[tuple[int, str], Seen | None] = {}
        self._depth = 0

    def called(self, asking: Definition, name: str) -> Seen | None:
        """What a call by a bare name calls: a function or a class."""
        kin = family(asking.lang)
        if name == "super":
            own = self._scopes.own_class(asking)
            parents = self._scopes.ancestors(own)[1:] if own else ()
            parent = next((one for one in parents if one.kind is not NodeKind.INTERFACE), None)
            return Seen(parent, parent.fqn, "inherited") if parent else None
        if name in _OWN_CLASS.get(kin, ()) or (name == "this" and asking.lang == "scala"):
            own = self._scopes.own_class(asking)
            return Seen(own, own.fqn, "self") if own else None
        if name in asking.fields and asking.lang not in _VALUES_CALLED:
            return None  # a variable that is called
        extended = self._extended(asking)
        if extended is not None and (found := self.member(extended, name, asking)):
            return found
        seen = self._scopes.name(asking, name)
        if seen is not None and seen.definition is not None and seen.definition.kind is NodeKind.FILE:
            default = self._scopes.default_of(seen.definition) if kin == "script" else None
            return Seen(default, seen.path, seen.how) if default else None
        return seen

    def value(self, asking: Definition, parts: Sequence[str]) -> Seen | None:
        """What a receiver is; None where nothing is known, FOREIGN where it lies outside of the index."""
        seen, used = self._first(asking, parts)
        for part in parts[used:]:
            if seen is None or seen.foreign:
                return seen
            seen = self._part(seen, part, asking)
        if seen is not None and seen.definition is None and not self._is_inside(seen, asking):
            return FOREIGN
        return seen

    def inherited(self, asking: Definition, name: str) -> Seen | None:
        """What ``super`` calls: the nearest of that name above the surrounding class, whichever supertype has it."""
        own = self._scopes.own_class(asking)
        for at in self._scopes.ancestors(own)[1:] if own else ():
            found = self._catalog.member(family(at.lang), at.fqn, name)
            if found is not None:
                return Seen(found, found.fqn, "inherited")
        return None

    def member(self, seen: Seen, name: str, asking: Definition) -> Seen | None:
        """The member of a class, or the name of a module, that is called on what was seen."""
        owner, kin = seen.definition, family(asking.lang)
        if owner is not None and owner.kind not in {NodeKind.FILE, NodeKind.PACKAGE}:
            found, inherited = self._scopes.member(owner, name)
            if found is None and seen.how == "super":
                return None
            if found is None and kin == "rust" and owner.kind is NodeKind.ENUM and name[:1].isupper():
                return seen  # a variant
            if found is None and kin == "ruby" and name == "new" and owner.kind is NodeKind.CLASS:
                return Seen(owner, owner.fqn, seen.how)
            if found is None and kin == "script":
                found = self._catalog.exact(kin, f"{owner.fqn}.{name}", asking.file_id)
            how = "inherited" if inherited and seen.how in {"self", "super"} else seen.how
            return Seen(found, found.fqn, how) if found else None
        found = self._scopes.resolve(kin, f"{seen.path}.{name}" if seen.path else name, asking)
        if found is None and owner is not None and kin == "script":
            default = self._scopes.default_of(owner)
            if default is not None and default.kind in CLASS_LIKE:
                return self.member(Seen(default, default.fqn, seen.how), name, asking)
        return Seen(found, found.fqn, seen.how) if found else None

    # --- the first part ---

    def _first(self, asking: Definition, parts: Sequence[str]) -> tuple[Seen | None, int]:
        for count in range(min(len(parts), _ALIAS_PARTS), 1, -1):
            target = self._catalog.alias(asking.file_id, ".".join(parts[:count]))
            if target is not None:
                found = self._scopes.resolve(family(asking.lang), target, asking)
                return Seen(found, target, "import"), count
        part = parts[0]
        if family(asking.lang) == "script" and (part == "exports" or list(parts[:2]) == ["module", "exports"]):
            return Seen(None, self._catalog.module_of(asking), "local"), 1 if part == "exports" else 2
        if family(asking.lang) == "rust" and part == "crate":
            return Seen(None, "", "package"), 1
        if part.endswith("()"):
            seen = self._result(self.called(asking, part[:-2]))
        else:
            seen = self._named(asking, part) or self._whole(asking, parts)
        is_path = family(asking.lang) == "rust" and len(parts) > 1 and not parts[0].endswith("()")
        if seen is None and (part[:1].isupper() or is_path) and part.removesuffix("()") not in asking.fields:
            seen = FOREIGN  # a type or a constant that the index does not have; a crate, most likely
        return seen, 1

    def _named(self, asking: Definition, name: str) -> Seen | None:
        kin = family(asking.lang)
        if name in _SELF.get(kin, ()):
            return self._self(asking, name)
        if name == "super":
            return self._super(asking)
        if name in asking.fields:
            return self._typed(asking.fields[name], asking)
        extended = self._extended(asking)
        if extended is not None and extended.definition and (field := self._field(extended.definition, name)):
            return field
        if kin in _BARE_FIELDS:
            for owner in self._scopes.surrounding(asking):
                seen = self._field(owner, name)
                if seen is not None:
                    return seen
        file = self._catalog.files.get(asking.file_id)
        if file is not None and name in file.fields:
            return self._typed(file.fields[name], file)
        seen = self._scopes.name(asking, name)
        if seen is None and kin in _SPACES:
            return FOREIGN if name == "std" else self._scopes.namespace(asking, name)
        return seen

    def _whole(self, asking: Definition, parts: Sequence[str]) -> Seen | None:
        """A package that is written out where it is used: whatever lies below it is found part by part."""
        kin = family(asking.lang)
        in_full = (
            kin in {"jvm", "rust", "php"} and len(parts) > 1 and self._catalog.has_prefix(kin, ".".join(parts[:2]))
        )
        return Seen(None, parts[0], "import") if in_full else None

    def _self(self, asking: Definition, name: str) -> Seen | None:
        if name == "this" and "this" in asking.fields:  # the receiver of an extension function
            return self._typed(asking.fields["this"], asking)
        own = self._scopes.own_class(asking)
        if own is not None:
            return Seen(own, own.fqn, "self")
        if family(asking.lang) != "script":
            return None
        if self._catalog.has_prefix("script", asking.fqn):
            return Seen(asking, asking.fqn, "self")  # function View () { this.lookup() }, View.prototype.lookup = ...
        scope = self._catalog.scope_of(asking)
        return Seen(None, scope, "self") if scope != self._catalog.module_of(asking) else None  # app.use = function

    def _extended(self, asking: Definition) -> Seen | None:
        """The type that an extension function of Kotlin adds itself to: its members need no receiver there."""
        written = asking.fields.get("this") if asking.lang == "kotlin" else None
        seen = self._typed(written, asking) if written else None
        return seen if seen is not None and seen.definition is not None else None

    def _super(self, asking: Definition) -> Seen | None:
        own = self._scopes.own_class(asking)
        chain = self._scopes.ancestors(own) if own else ()
        if len(chain) < 2:  # noqa: PLR2004 - the class itself
            return FOREIGN
        return Seen(chain[1], chain[1].fqn, "inherited")

    # --- the parts after it ---

    def _part(self, seen: Seen, part: str, asking: Definition) -> Seen | None:
        name = part.removesuffix("()")
        owner = seen.definition
        if name != part:
            called = self.member(seen, name, asking)
            if called is None and owner is not None and name in _PASSING.get(family(asking.lang), ()):
                return seen
            return self._result(called)
        if owner is None or owner.kind in {NodeKind.FILE, NodeKind.PACKAGE}:
            path = f"{seen.path}.{name}" if seen.path else name
            if owner is not None and name in owner.fields:
                return self._typed(owner.fields[name], owner)
            return Seen(self._scopes.resolve(family(asking.lang), path, asking), path, seen.how)
        field = self._field(owner, name)
        if field is not None:
            return field
        inner, _ = self._scopes.member(owner, name)
        if inner is not None and inner.kind in CLASS_LIKE:
            return Seen(inner, inner.fqn, seen.how)
        if owner.kind is NodeKind.ENUM and name[:1].isupper():
            return seen  # one of its constants
        return None

    def _field(self, owner: Definition, name: str) -> Seen | None:
        """What a field of a class holds, its own or an inherited one; embedding in Go names a field too."""
        for at in self._scopes.ancestors(owner):
            if name in at.fields:
                return self._typed(at.fields[name], at, of_field=True)
            if at.lang == "go":
                embedded = (one for one in at.supertypes if (type_name(one, "go") or "").rpartition(".")[2] == name)
                written = next(embedded, None)
                if written is not None:
                    return self._typed(written, at, of_field=True)
        return None

    def _typed(self, written: str, asking: Definition, *, of_field: bool = False) -> Seen | None:
        """An instance of a written type, or the result of a written call."""
        if written in _UNTYPED:
            return Seen(None, "", "foreign") if of_field and written else None
        key = (asking.id, written)
        if key not in self._types:
            self._types[key] = None  # a variable that is made from itself ends here
            if self._depth < _MAX_DEPTH:
                self._depth += 1
                self._types[key] = self._instance(written, asking)
                self._depth -= 1
        return self._types[key]

    def _instance(self, written: str, asking: Definition) -> Seen | None:
        name = type_name(written, asking.lang)
        if name is not None and "(" in name:
            return self.value(asking, name.split("."))
        seen = self._scopes.type_seen(written, asking)
        if seen is None or seen.definition is None:
            return FOREIGN
        return Seen(seen.definition, seen.definition.fqn, "typed")

    def _result(self, seen: Seen | None) -> Seen | None:
        """What calling gives: an instance of a class, or what a function says that it returns."""
        if seen is None or seen.foreign:
            return seen
        found = seen.definition
        if found is None:
            return FOREIGN if seen.path else None
        if found.kind in CLASS_LIKE:
            return Seen(found, found.fqn, "typed")
        if found.kind is NodeKind.CONSTRUCTOR:
            own = self._scopes.own_class(found)
            return Seen(own, own.fqn, "typed") if own else None
        if found.kind not in CALLABLE or found.returns is None:
            return None
        given = self._typed(found.returns, found)
        return Seen(given.definition, given.path, "returned") if given and given.definition else given

    def _is_inside(self, seen: Seen, asking: Definition) -> bool:
        """Whether a path that is no definition leads to some: a package, or the object of assigned functions."""
        if seen.how == "foreign" or not seen.path:
            return seen.how == "package"  # the root of a crate
        return seen.how == "self" or self._catalog.has_prefix(family(asking.lang), seen.path)
