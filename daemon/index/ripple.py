"""Which uses of names may lead elsewhere after some files changed: a pure function, too wide rather than too narrow.

A use is resolved by looking names up that somebody wrote: in the use itself, in an import, in a declared type. Where no
definition that changed bears one of the names on that way, and nothing on it changed, it leads where it led. So names
spread: a class whose supertype changed changes for whoever names that class.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from daemon.index.catalog import CALLABLE, COMPANION, WILDCARD, Catalog, Definition, family
from db.parsed import Import
from db.types import NodeKind

_WORD = re.compile(r"\w+")
_MANY_NAMES = 300
_SHARE_OF_FILES = 3  # one of so many: beyond it everything is looked at

Imports = Mapping[int, Sequence[Import]]


@dataclass(frozen=True, slots=True)
class Graph:
    """Definitions in the order in which they are found, with the imports of their files."""

    definitions: Sequence[Definition]
    imports: Imports


@dataclass(frozen=True, slots=True)
class Ripple:
    """What is to be resolved anew: every use in these files, and wherever one of these words is said."""

    files: frozenset[int]
    words: frozenset[str]


def ripple(kept: Graph, before: Graph, after: Graph) -> Ripple | None:
    """What may be resolved otherwise with ``after`` in the place of ``before`` beside ``kept``; None: anything."""
    words = {word for one in (*_changed(before, after), *_changed(after, before)) for word in one}
    files = {one.file_id for one in (*before.definitions, *after.definitions)}
    for file in files:
        was, now = before.imports.get(file, ()), after.imports.get(file, ())
        for entry in {*was} ^ {*now}:
            if entry.alias == WILDCARD:
                return None
            words.update(_WORD.findall(entry.alias))
            if entry.alias == "default":  # is imported under any name
                words.update(_of_files(file, (*before.definitions, *after.definitions)))
        if list(was) != list(now) and {*was} == {*now}:
            return None  # of two under one name the last one counts
    beneath = Catalog(kept.definitions, {})
    prefixes = _prefixes_of(before.definitions) ^ _prefixes_of(after.definitions)
    for kin, prefix in prefixes:
        if not beneath.has_prefix(kin, prefix):
            words.update(_WORD.findall(prefix.rpartition(".")[2]))
    if _moves_a_root(beneath, Catalog(before.definitions, {}), Catalog(after.definitions, {})):
        return None
    return _spread(kept, after, before, words, files)


def _changed(these: Graph, those: Graph) -> Iterator[Iterable[str]]:
    """The words under which that is found which differs from its like on the other side."""
    other = _by_name(those)
    for key, mine in _by_name(these).items():
        like = other.get(key, ())
        if [_said(one) for one in mine] == [_said(one) for one in like]:
            continue
        if [_said(one)[:-1] for one in mine] != [_said(one)[:-1] for one in like]:
            yield from map(_names, mine)
            continue
        for one, was in zip(mine, like, strict=True):  # what is held is asked for by its own name
            held = [name for name in {**one.fields, **was.fields} if one.fields.get(name) != was.fields.get(name)]
            yield [word for name in held for word in _WORD.findall(name)]
            if one.kind in CALLABLE or COMPANION in held:
                yield _names(one)


def _by_name(graph: Graph) -> dict[tuple[int, str], list[Definition]]:
    found: defaultdict[tuple[int, str], list[Definition]] = defaultdict(list)
    for one in graph.definitions:
        found[one.file_id, one.name].append(one)
    return found


def _said(one: Definition) -> tuple[object, ...]:
    """All that resolving looks at from elsewhere, what it holds last. A function's own names are for itself alone."""
    held = dict(one.fields) if one.kind not in CALLABLE or _computed(one) else one.fields.get("this")
    return (one.id, one.kind, one.fqn, one.owner, one.package, one.lang, one.supertypes, one.returns, held)


def _computed(one: Definition) -> bool:
    """Whether what a function returns is said by a call, which is read as it would be inside of it."""
    return one.returns is not None and "(" in one.returns


def _names(one: Definition) -> Iterator[str]:
    """The words under which a definition is looked up."""
    yield from _WORD.findall(one.name.rpartition(".")[0] if one.kind is NodeKind.FILE else one.name)
    last = one.fqn.rpartition(".")[2]
    if one.kind is not NodeKind.FILE or last != one.name.rpartition(".")[2]:
        yield from _WORD.findall(last)
    if one.owner:  # a constructor is called by the name of its class
        yield from _WORD.findall(one.owner.rpartition(".")[2])


def _of_files(file: int, definitions: Iterable[Definition]) -> Iterator[str]:
    for one in definitions:
        if one.file_id == file and one.kind is NodeKind.FILE:
            yield from _names(one)


def _prefixes_of(definitions: Iterable[Definition]) -> set[tuple[str, str]]:
    found: set[tuple[str, str]] = set()
    for one in definitions:
        prefix = one.fqn.rpartition(".")[0]
        while prefix and (family(one.lang), prefix) not in found:
            found.add((family(one.lang), prefix))
            prefix = prefix.rpartition(".")[0]
    return found


def _moves_a_root(beneath: Catalog, before: Catalog, after: Catalog) -> bool:
    """Whether a module came or went that has others below it: then their names may begin elsewhere."""
    scopes = {
        (family(file.lang), catalog.scope_of(file)) for catalog in (before, after) for file in catalog.files.values()
    }
    for kin, scope in scopes:
        was, now = before.modules(kin, scope), after.modules(kin, scope)
        if [one.id for one in was] == [one.id for one in now]:
            continue
        if before.is_crate(kin, scope) != after.is_crate(kin, scope):
            return True
        if not beneath.modules(kin, scope) and bool(was) != bool(now) and (not scope or beneath.has_prefix(kin, scope)):
            return True
    return False


def _spread(kept: Graph, after: Graph, before: Graph, words: set[str], files: set[int]) -> Ripple | None:
    """Follow the words through types, supertypes and imports until no more are said."""
    everything = [*kept.definitions, *after.definitions]
    entries = [*kept.imports.items(), *after.imports.items(), *before.imports.items()]
    many = max(len({one.file_id for one in everything}) // _SHARE_OF_FILES, 8)
    fresh = set(words)
    while fresh:
        if len(words) > _MANY_NAMES or len(files) > many:
            return None
        said = re.compile(rf"\b(?:{'|'.join(map(re.escape, sorted(fresh)))})\b")
        found: set[str] = set()
        for one in everything:
            if (
                said.search(one.name)
                or (one.owner and said.search(one.owner))
                or said.search(one.fqn.rpartition(".")[2])
            ):
                files.add(one.file_id)
            above = any(said.search(written) for written in one.supertypes)
            given = one.returns is not None and said.search(one.returns) is not None
            held = [name for name, written in one.fields.items() if written and said.search(written)]
            if above or given or held:
                files.add(one.file_id)
            if above or given or (held and _computed(one)):
                found.update(_names(one))
            if one.kind not in CALLABLE:
                found.update(word for name in held for word in _WORD.findall(name))
        for file, imported in entries:
            for entry in imported:
                if said.search(entry.alias) or said.search(entry.target):
                    files.add(file)
                    found.update(_WORD.findall(entry.alias))
                    if entry.alias in {WILDCARD, "default"}:
                        found.update(_of_files(file, everything))
        fresh = found - words
        words |= fresh
    return Ripple(frozenset(files), frozenset(words))
