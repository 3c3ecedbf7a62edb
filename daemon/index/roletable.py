"""The table of roles, ready for use: the user's rows before ours, compiled, sorted by file, with a fingerprint."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from hashlib import blake2b
from pathlib import Path

from pathspec import GitIgnoreSpec

from daemon.errors import ConfigError
from daemon.index.languages import LANGUAGES
from daemon.roles import RoleRow, read_rows
from db.types import NodeKind

SHIPPED = Path(__file__).parent / "roles.yaml"
_RULES = 2  # counted up when the same rows begin to mean something else: what was told before is told anew
_LIST = re.compile(r"^\s*#?\[(?!\[)(.*)\]\s*$", re.DOTALL)  # of C#, PHP and Rust
_ANNOTATION = re.compile(r"^[@#\[!\s]*(?:\w+:(?!:)\s*)?\[?([\w$.:]+)\s*(?:\((.*)\)|=\s*(.*?))?\s*\]*$", re.DOTALL)

Compiled = tuple[re.Pattern[str], ...]


@dataclass(frozen=True, slots=True)
class Annotation:
    """``@router.get("/x")`` as name and arguments."""

    name: str
    arguments: str

    @property
    def last(self) -> str:
        """The name without what leads to it."""
        return re.split(r"::|\.", self.name)[-1]


def annotations_of(written: str) -> tuple[Annotation, ...]:
    """An annotation, decorator or attribute as its source writes it, taken apart; ``[Audited, Retry(3)]`` is two."""
    listed = _LIST.match(written)
    return tuple(_annotation(one) for one in split_list(listed[1])) if listed else (_annotation(written),)


def _annotation(written: str) -> Annotation:
    match = _ANNOTATION.match(written)
    if match is None:
        return Annotation(written.strip("@#[]! "), "")
    return Annotation(match[1], (match[2] or match[3] or "").strip())


def split_list(text: str) -> list[str]:
    """The parts between the commas that stand in no bracket and in no text."""
    parts, depth, start, quote = [], 0, 0, ""
    for at, sign in enumerate(text):
        if quote:
            quote = "" if sign == quote and text[at - 1] != "\\" else quote
        elif sign in "\"'":
            quote = sign
        elif sign == "," and depth == 0:
            parts.append(text[start:at])
            start = at + 1
        else:
            depth += (sign in "([{") - (sign in ")]}")
    return [part.strip() for part in (*parts, text[start:]) if part.strip()]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One row, compiled. ``place`` is its line in the table: the first row that fits gives the role."""

    place: int
    row: RoleRow
    kinds: frozenset[NodeKind]
    annotations: Compiled
    arguments: re.Pattern[str] | None
    supertypes: Compiled
    names: Compiled
    params: Compiled
    packages: Compiled
    signature: re.Pattern[str] | None
    owner_annotations: Compiled
    owner_supertypes: Compiled
    calls: Compiled
    text: re.Pattern[str] | None
    within: Compiled
    path: Compiled
    prefix: Compiled


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRules:
    """The rules that can hold in one file, in order, by what they are tried on."""

    nodes: tuple[Rule, ...]  # declarations, by what stands there
    members: tuple[Rule, ...]  # classes and files, by the roles of what they hold
    calls: tuple[Rule, ...]


_NONE = FileRules(nodes=(), members=(), calls=())


@dataclass(frozen=True, slots=True)
class RoleTable:
    """All rules in order."""

    rules: tuple[Rule, ...]
    fingerprint: str  # of the rows and of how we read them: another one means that roles are to be told anew
    _globs: dict[int, GitIgnoreSpec] = field(default_factory=dict)

    def for_file(self, lang: str, path: str, imports: Iterable[str]) -> FileRules:
        """The rules whose languages, paths and imports fit; ``imports`` are dotted names."""
        fitting = self._by_language(lang)
        if not fitting:
            return _NONE
        brought = tuple(imports)
        kept = [rule for rule in fitting if self._fits(rule, path, brought)]
        return FileRules(
            nodes=tuple(rule for rule in kept if rule.row.gives == "node" and not rule.row.members),
            members=tuple(rule for rule in kept if rule.row.members),
            calls=tuple(rule for rule in kept if rule.row.gives != "node"),
        )

    def _by_language(self, lang: str) -> list[Rule]:
        return [rule for rule in self.rules if not rule.row.languages or lang in rule.row.languages]

    def _fits(self, rule: Rule, path: str, imports: Sequence[str]) -> bool:
        if rule.row.imports and not any(_imports(wanted, imports) for wanted in rule.row.imports):
            return False
        if not rule.row.paths:
            return True
        spec = self._globs.get(rule.place)
        if spec is None:
            spec = self._globs[rule.place] = GitIgnoreSpec.from_lines(rule.row.paths)
        return bool(spec.match_file(path))


def _imports(wanted: str, imports: Sequence[str]) -> bool:
    """Whether one of the imports is this module, or something in it; ``*.celery`` is a module of that name anywhere."""
    name = dotted_import(wanted)
    if name.startswith("*."):
        return any(f"{name[1:]}." in f".{one}." for one in imports)
    return any(one == name or one.startswith(name + ".") for one in imports)


def dotted_import(written: str) -> str:
    """The name of a module with dots, whatever its language separates with."""
    return written.replace("::", ".").replace("/", ".").replace("\\", ".")


def table_of(own: Sequence[RoleRow] = ()) -> RoleTable:
    """The user's rows, then those that come with Doctown. Raises ConfigError for a language that we do not read."""
    return _default() if not own else _table(own)


@cache
def _default() -> RoleTable:
    return _table(())


def _table(own: Sequence[RoleRow]) -> RoleTable:
    rows = (*own, *_shipped())
    known = {language.name for language in LANGUAGES}
    for number, row in enumerate(own, start=1):
        unknown = sorted(set(row.languages) - known)
        if unknown:
            raise ConfigError(
                f"index.roles: row {number} ({row.role}): languages: {', '.join(unknown)} is none that we read; "
                f"allowed: {', '.join(sorted(known))}"
            )
    shown = json.dumps([_RULES, *(row.model_dump(mode="json") for row in rows)], sort_keys=True)
    return RoleTable(
        rules=tuple(_rule(place, row) for place, row in enumerate(rows)),
        fingerprint=blake2b(shown.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest(),
    )


@cache
def _shipped() -> tuple[RoleRow, ...]:
    return read_rows(SHIPPED)


def _rule(place: int, row: RoleRow) -> Rule:
    owner = row.owner
    return Rule(
        place=place,
        row=row,
        kinds=frozenset(row.kinds),
        annotations=_compiled(row.annotations),
        arguments=re.compile(row.arguments) if row.arguments is not None else None,
        supertypes=_compiled(row.supertypes),
        names=_compiled(row.names),
        params=_compiled(row.params),
        packages=_compiled(row.packages),
        signature=re.compile(row.signature) if row.signature is not None else None,
        owner_annotations=_compiled(owner.annotations if owner else ()),
        owner_supertypes=_compiled(owner.supertypes if owner else ()),
        calls=_compiled(row.calls),
        text=re.compile(row.text) if row.text is not None else None,
        within=_compiled(row.within),
        path=_compiled(row.path),
        prefix=_compiled(row.prefix),
    )


def _compiled(patterns: Sequence[str]) -> Compiled:
    return tuple(re.compile(pattern) for pattern in patterns)


def fits(patterns: Compiled, *texts: str) -> re.Match[str] | None:
    """The first match of a whole text."""
    return next((match for pattern in patterns for text in texts if (match := pattern.fullmatch(text))), None)
