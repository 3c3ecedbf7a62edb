"""Tells what declarations are for: every node of a repository against the table of roles, surest first.

1. Classes, then what stands in them, by what is written there (annotations, supertypes, names, ...).
2. Handlers that a call elsewhere registers: the node that the name leads to, by the rules of ``edges.py``.
3. Classes and files by the roles of what they hold.

The first row that fits gives the role; what one step has told no later step changes, unless by an earlier row. A
node that no row fits has no role: a wrong one is worse than none.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from daemon.index import roledetail
from daemon.index.edges import Link, Use
from daemon.index.outline import CLASS_LIKE
from daemon.index.roletable import Annotation, Compiled, FileRules, RoleTable, Rule, annotations_of, fits
from daemon.index.typenames import type_name
from db.parsed import Mark
from db.types import EdgeKind, NodeKind

_GUESSED = "unique"  # the rule of edges.py that is a guess, if a good one
_HANDLERS = frozenset({NodeKind.FUNCTION, NodeKind.METHOD})


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What telling roles needs of a node."""

    id: int
    file_id: int
    kind: NodeKind
    lang: str
    fqn: str
    name: str
    package: str
    owner: str | None
    signature: str
    annotations: tuple[str, ...] = ()
    supertypes: tuple[str, ...] = ()
    modifiers: tuple[str, ...] = ()
    params: tuple[str, ...] = ()  # declared types
    marks: tuple[Mark, ...] = ()


class SourceFile(NamedTuple):
    """The path of a file and the dotted names that it imports."""

    path: str
    imports: tuple[str, ...]


class Role(NamedTuple):
    """A role and what is known of it."""

    role: str
    detail: str | None


@dataclass(slots=True)
class _Claim:
    """What speaks for a role of one node: the row, and what each sign adds to the detail."""

    rule: Rule
    role: str
    details: list[str | None] = field(default_factory=list)


def uses_of(subjects: Iterable[Subject]) -> list[Use]:
    """The names of handed-over functions, to be resolved like calls of them."""
    return list(
        dict.fromkeys(
            Use(one.id, EdgeKind.CALLS, handler.replace("::", "."))
            for one in subjects
            for mark in one.marks
            for handler in mark.handlers
        )
    )


def tell(
    subjects: Sequence[Subject],
    files: Mapping[int, SourceFile],
    table: RoleTable,
    links: Mapping[Use, Link],
    ancestors: Iterable[tuple[int, int]] = (),
) -> dict[int, Role]:
    """The roles of nodes by id; nodes without one are absent.

    ``links`` say where ``uses_of`` lead; ``ancestors`` are the (class, supertype) pairs within the repository.
    """
    return _Telling(subjects, files, table).all(links, ancestors)


class _Telling:
    def __init__(self, subjects: Sequence[Subject], files: Mapping[int, SourceFile], table: RoleTable) -> None:
        self._subjects = {one.id: one for one in subjects}
        self._classes = {one.fqn: one for one in reversed(subjects) if one.kind in CLASS_LIKE}
        lang = {one.file_id: one.lang for one in subjects}
        self._rules: dict[int, FileRules] = {
            file: table.for_file(lang[file], said.path, said.imports) for file, said in files.items() if file in lang
        }
        self._told: dict[int, _Claim] = {}
        self._annotations: dict[int, tuple[Annotation, ...]] = {}

    def all(self, links: Mapping[Use, Link], ancestors: Iterable[tuple[int, int]]) -> dict[int, Role]:
        classes = [one for one in self._subjects.values() if one.kind in CLASS_LIKE]
        self._by_declaration(classes)
        self._inherit(ancestors)
        self._by_declaration(one for one in self._subjects.values() if one.kind not in CLASS_LIKE)
        self._by_calls(links)
        self._by_members()
        return {
            node: Role(claim.role, roledetail.labelled(claim.rule.row.framework, claim.details))
            for node, claim in self._told.items()
        }

    def _claim(self, node: int, rule: Rule, detail: str | None) -> None:
        present = self._told.get(node)
        if present is None or rule.place < present.rule.place:
            self._told[node] = _Claim(rule, rule.row.role, [detail])
        elif present.rule.row.role == rule.row.role and present.rule.row.gives != "node":
            present.details.append(detail)

    def _by_declaration(self, subjects: Iterable[Subject]) -> None:
        for one in subjects:
            rules = self._rules.get(one.file_id)
            for rule in rules.nodes if rules is not None else ():
                found = self._declared(rule, one)
                if found is not None:
                    self._claim(one.id, rule, found.detail)
                    break

    def _declared(self, rule: Rule, one: Subject) -> Role | None:
        """What the declaration says by this rule; None where something that the row asks for is missing."""
        if rule.kinds and one.kind not in rule.kinds:
            return None
        if rule.annotations and not one.annotations:
            return None
        if not self._plain(rule, one) or not self._owned(rule, one):
            return None
        annotations = self._annotations_of(one)
        if not rule.annotations:
            return Role(rule.row.role, roledetail.of_class(rule, annotations))
        for annotation in annotations:
            match = fits(rule.annotations, annotation.name, annotation.last)
            if match and (rule.arguments is None or rule.arguments.search(annotation.arguments)):
                owner = self._owner(one)
                around = self._annotations_of(owner) if owner is not None else ()
                return Role(rule.row.role, roledetail.of_annotation(rule, annotation, match, annotations, around))
        return None

    def _plain(self, rule: Rule, one: Subject) -> bool:
        """Whether names, types and modifiers are what the row asks for."""
        row = rule.row
        return (
            (not rule.names or fits(rule.names, one.name) is not None)
            and (not rule.packages or fits(rule.packages, one.package) is not None)
            and (not row.modifiers or set(row.modifiers) <= set(one.modifiers))
            and (not rule.params or any(fits(rule.params, type_) for type_ in one.params))
            and (not rule.supertypes or _is_a(rule.supertypes, one))
            and (rule.signature is None or rule.signature.search(one.signature) is not None)
        )

    def _owned(self, rule: Rule, one: Subject) -> bool:
        wanted = rule.row.owner
        if wanted is None:
            return True
        owner = self._owner(one)
        if owner is None:
            return False
        held = self._annotations_of(owner)
        told = self._told.get(owner.id)
        return (
            (not rule.owner_annotations or any(fits(rule.owner_annotations, a.name, a.last) for a in held))
            and (not rule.owner_supertypes or _is_a(rule.owner_supertypes, owner))
            and (not wanted.roles or (told is not None and told.role in wanted.roles))
            and (not wanted.frameworks or (told is not None and told.rule.row.framework in wanted.frameworks))
        )

    def _owner(self, one: Subject) -> Subject | None:
        return self._classes.get(one.owner) if one.owner else None

    def _annotations_of(self, one: Subject) -> tuple[Annotation, ...]:
        known = self._annotations.get(one.id)
        if known is None:
            known = tuple(found for written in one.annotations for found in annotations_of(written))
            self._annotations[one.id] = known
        return known

    def _inherit(self, ancestors: Iterable[tuple[int, int]]) -> None:
        """Rows that say ``inherited`` hold of subclasses too, however far away."""
        children = defaultdict(list)
        for child, parent in ancestors:
            children[parent].append(child)
        waiting = [node for node, claim in self._told.items() if claim.rule.row.inherited]
        while waiting:
            node = waiting.pop()
            for child in children.pop(node, ()):
                if child in self._subjects and child not in self._told:
                    self._told[child] = _Claim(self._told[node].rule, self._told[node].role)
                    waiting.append(child)

    def _by_calls(self, links: Mapping[Use, Link]) -> None:
        for one in self._subjects.values():
            rules = self._rules.get(one.file_id)
            if rules is None or not rules.calls:
                continue
            for mark in one.marks:
                self._by_call(one, mark, rules.calls, links)

    def _by_call(self, one: Subject, mark: Mark, rules: Sequence[Rule], links: Mapping[Use, Link]) -> None:
        """One call may tell two things: what it is that it registers, and that its surroundings register something."""
        done: set[str] = set()
        for rule in rules:
            if rule.row.gives in done:
                continue
            match = _called(rule, mark)
            gets = self._receiver(rule, one, mark, links) if match is not None else None
            if match is not None and gets is not None:
                self._claim(gets.id, rule, roledetail.of_call(rule, mark, match))
                done.add(rule.row.gives)

    def _receiver(self, rule: Rule, one: Subject, mark: Mark, links: Mapping[Use, Link]) -> Subject | None:
        """Who gets the role that a call tells: the handler that it names, or the node it stands in."""
        if rule.row.gives == "holder":
            return one if mark.inline and (not rule.kinds or one.kind in rule.kinds) else None
        first = rule.row.handler == "first"
        if not mark.handlers or (mark.inline and not first):
            return None
        name = mark.handlers[0 if first else -1]
        return self._handler(rule, links.get(Use(one.id, EdgeKind.CALLS, name.replace("::", "."))))

    def _handler(self, rule: Rule, link: Link | None) -> Subject | None:
        """Who is handed over, where that is certain; a constructor stands for its class."""
        if link is None or link.dst is None or link.how == _GUESSED:
            return None
        found = self._subjects.get(link.dst)
        if found is not None and found.kind is NodeKind.CONSTRUCTOR:
            found = self._owner(found)
        return found if found is not None and found.kind in (rule.kinds or _HANDLERS) else None

    def _by_members(self) -> None:
        held: defaultdict[tuple[int, str], set[str]] = defaultdict(set)
        for node, claim in self._told.items():
            one = self._subjects[node]
            held[one.file_id, one.owner or ""].add(claim.role)
        for one in sorted(self._subjects.values(), key=lambda one: one.kind is NodeKind.FILE):
            rules = self._rules.get(one.file_id)
            roles = held.get((one.file_id, "" if one.kind is NodeKind.FILE else one.fqn))
            if rules is None or not roles or not (one.kind in CLASS_LIKE or one.kind is NodeKind.FILE):
                continue
            for rule in rules.members:
                if roles & set(rule.row.members) and (found := self._declared(rule, one)) is not None:
                    self._claim(one.id, rule, found.detail)
                    if one.kind in CLASS_LIKE and one.id in self._told:
                        held[one.file_id, one.owner or ""].add(self._told[one.id].role)
                    break


def _called(rule: Rule, mark: Mark) -> re.Match[str] | None:
    """Whether the call is one that the row means."""
    match = fits(rule.calls, mark.name)
    if match is None or (rule.text is not None and not rule.text.search(mark.text)):
        return None
    return match if not rule.within or any(fits(rule.within, name) for name, _ in mark.around) else None


def _is_a(patterns: Compiled, one: Subject) -> bool:
    """Whether a class names one of these types above it, with or without what leads to it."""
    names = [type_name(written.removeprefix("extends "), one.lang) or written for written in one.supertypes]
    written = [text.partition("<")[0].partition("(")[0].partition("[")[0].strip() for text in one.supertypes]
    return any(fits(patterns, name, name.rpartition(".")[2]) for name in (*names, *written))
