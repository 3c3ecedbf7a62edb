"""All definitions of an index, found by name: what ``edges.py`` looks names up in. Dictionaries only, no scans."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from db.parsed import Import
from db.types import NodeKind, Param

CLASS_LIKE = frozenset({NodeKind.CLASS, NodeKind.INTERFACE, NodeKind.ENUM, NodeKind.OBJECT})
CALLABLE = frozenset({NodeKind.FUNCTION, NodeKind.METHOD, NodeKind.CONSTRUCTOR})
_FAMILIES = {
    "kotlin": "jvm", "java": "jvm", "scala": "jvm", "typescript": "script", "javascript": "script",
    "c": "c", "cpp": "c",
}  # fmt: skip
_CRATES = frozenset({"lib.rs", "main.rs"})  # what they define has the name of their folder
_LAST_WINS = frozenset({"python"})  # a later definition replaces an earlier one: what comes before is @overload
# Several files may say one name: variants for platforms and builds, partial classes, modules that are reopened.
_ANYWHERE = frozenset({"jvm", "go", "csharp", "ruby"})
_PACKAGED = frozenset({"jvm", "go", "php", "swift"})  # names are prefixed with the package, not with the file
_GLOBAL = frozenset({"c", "csharp", "ruby"})  # a file prefixes nothing: the namespaces round a definition do
COMPANION = "Companion"  # of a Kotlin class: its members are called as the class's own
WILDCARD = "*"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Definition:
    """A node as the linker sees it.

    ``fields`` maps a name to the written type of what it holds (``typed()`` makes it of a stored node): fields of
    a class, parameters and typed variables of a function, variables of a file. ``returns`` is a written type.
    """

    id: int
    kind: NodeKind
    fqn: str
    name: str
    owner: str | None
    package: str
    file_id: int
    lang: str
    supertypes: tuple[str, ...] = ()
    fields: Mapping[str, str] = field(default_factory=dict)
    returns: str | None = None


def typed(params: Iterable[Param], fields: Iterable[Param]) -> dict[str, str]:
    """What the names in a node hold, of its stored ``params`` and ``fields``; "" where nothing is said."""
    known = {one.name.lstrip("*."): one.type or "" for one in params}
    for one in fields:
        known[one.name] = one.type or one.default or known.get(one.name, "")
    return known


def family(lang: str) -> str:
    """Languages that call each other share a family."""
    return _FAMILIES.get(lang, lang)


class Catalog:
    """The definitions by full name, by owner and by bare name, each within its family of languages."""

    def __init__(self, definitions: Sequence[Definition], imports: Mapping[int, Sequence[Import]]) -> None:
        self.by_id: dict[int, Definition] = {}
        self.files: dict[int, Definition] = {}  # file id -> its FILE node
        self.packages: dict[str, Definition] = {}  # where the index has nodes for them
        self._modules: dict[tuple[str, str], list[Definition]] = {}
        self._by_fqn: dict[tuple[str, str], list[Definition]] = {}
        self._members: dict[tuple[str, str], dict[str, Definition]] = {}
        self._names: dict[tuple[str, str], list[Definition]] = {}
        self._constructors: dict[tuple[str, str], list[Definition]] = {}
        self._paths: dict[tuple[str, str], list[Definition]] = {}
        self._prefixes: set[tuple[str, str]] = set()
        self._aliases: dict[int, dict[str, str]] = {}
        self._wildcards: dict[int, list[str]] = {}
        for one in definitions:
            self._add(one)
        for file_id, entries in imports.items():
            names = {entry.alias: entry.target for entry in entries if entry.alias != WILDCARD}
            for alias in [alias for alias in names if "." in alias]:  # import a.b binds a
                names.setdefault(alias.partition(".")[0], alias.partition(".")[0])
            self._aliases[file_id] = names
            self._wildcards[file_id] = [entry.target for entry in entries if entry.alias == WILDCARD]

    def _add(self, one: Definition) -> None:
        kin = family(one.lang)
        self.by_id[one.id] = one
        if one.kind is NodeKind.PACKAGE:
            self.packages.setdefault(one.fqn, one)
            return
        if one.kind is NodeKind.FILE:
            self.files[one.file_id] = one
            self._modules.setdefault((kin, self.scope_of(one)), []).append(one)
            self._paths.setdefault((kin, one.name), []).append(one)
        self._by_fqn.setdefault((kin, one.fqn), []).append(one)
        if one.owner is not None and one.name != one.owner.rpartition(".")[2]:  # Java: a constructor is no member
            members = self._members.setdefault((kin, one.owner), {})
            if kin in _LAST_WINS or one.name not in members:
                members[one.name] = one
        if one.kind is NodeKind.CONSTRUCTOR and one.owner is not None:
            self._constructors.setdefault((kin, one.owner), []).append(one)
        prefix = one.fqn.rpartition(".")[0]
        while prefix and (kin, prefix) not in self._prefixes:
            self._prefixes.add((kin, prefix))
            prefix = prefix.rpartition(".")[0]
        if one.kind in CALLABLE:
            self._names.setdefault((kin, one.name), []).append(one)

    def exact(self, kin: str, fqn: str, file_id: int, kinds: frozenset[NodeKind] | None = None) -> Definition | None:
        """The definition of this full name: that of the asking file first, else the only one there is."""
        found = self._by_fqn.get((kin, fqn), ())
        if kinds is not None:
            found = [one for one in found if one.kind in kinds]
        if len(found) > 1:
            here = [one for one in found if one.file_id == file_id]
            if not here and kin not in _ANYWHERE and len({one.file_id for one in found}) > 1:
                return None
            found = here or found
        if len(found) > 1:
            found = [one for one in found if one.kind is not NodeKind.FILE] or found
        return (found[-1] if kin in _LAST_WINS else found[0]) if found else None

    def file_at(self, kin: str, path: str, ending: str, asking: Definition) -> Definition | None:
        """The file that an include names by the end of its path: beside the asking one, else the only such one."""
        last = path.rpartition(".")[2] if ending else ".".join(path.split(".")[-2:])
        found = self._paths.get((kin, last + ending), ())
        own = self.files.get(asking.file_id)
        folder = own.package if own else asking.package
        for whole in (f"{folder}.{path}", path):
            exact = [one for one in found if one.fqn == whole]
            if exact:
                return exact[0]
        below = [one for one in found if one.fqn.endswith(f".{path}")]
        return below[0] if len(below) == 1 else None

    def modules(self, kin: str, scope: str) -> Sequence[Definition]:
        """The files whose top-level names have this prefix."""
        return self._modules.get((kin, scope), ())

    def is_crate(self, kin: str, scope: str) -> bool:
        """Whether a crate of Rust begins here."""
        return any(one.name in _CRATES for one in self.modules(kin, scope))

    def member(self, kin: str, owner: str, name: str) -> Definition | None:
        """A member that a class declares itself; those of a companion count as the class's own."""
        own = self._members.get((kin, owner), {}).get(name)
        return own or self._members.get((kin, f"{owner}.{COMPANION}"), {}).get(name)

    def classes(self, kin: str, fqn: str) -> Sequence[Definition]:
        """All declarations of a class: one of its parts may name the supertypes that another leaves out."""
        return [one for one in self._by_fqn.get((kin, fqn), ()) if one.kind in CLASS_LIKE]

    def constructors(self, kin: str, owner: str) -> Sequence[Definition]:
        """The constructors of a class, in the order of the definitions."""
        return self._constructors.get((kin, owner), ())

    def named(self, kin: str, name: str) -> Sequence[Definition]:
        """Every function, method and constructor with this bare name."""
        return self._names.get((kin, name), ())

    def alias(self, file_id: int, name: str) -> str | None:
        """What a file means by an imported name."""
        return self._aliases.get(file_id, {}).get(name)

    def wildcards(self, file_id: int) -> Sequence[str]:
        """The modules, packages and classes that a file imports whole."""
        return self._wildcards.get(file_id, ())

    def has_imports(self, file_id: int) -> bool:
        """Whether a file imports anything by name."""
        return bool(self._aliases.get(file_id))

    def has_prefix(self, kin: str, path: str) -> bool:
        """Whether any definition of the family lies below this dotted name."""
        return (kin, path) in self._prefixes

    def scope_of(self, one: Definition) -> str:
        """The prefix of the names that stand beside a definition: its module, package or surrounding class."""
        if one.kind is NodeKind.FILE:
            if family(one.lang) in _GLOBAL:
                return ""
            is_module = family(one.lang) not in _PACKAGED and one.name not in _CRATES
            return one.fqn if is_module else one.package
        return one.fqn.rpartition(".")[0]

    def module_of(self, one: Definition) -> str:
        """The prefix of the top-level names of the file that a definition stands in."""
        file = self.files.get(one.file_id)
        return self.scope_of(file) if file else one.package
