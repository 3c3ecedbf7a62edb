"""Tells roles of small sources without a database: parse, link, tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from daemon.index.edges import Definition, Use, link, typed
from daemon.index.languages import language_of
from daemon.index.parse import parse
from daemon.index.roles import Role, SourceFile, Subject, tell, uses_of
from daemon.index.roletable import dotted_import, table_of
from daemon.roles import RoleRow
from db.parsed import ParsedFile, ParsedNode
from db.types import EdgeKind, NodeKind

_ABOVE = (EdgeKind.INHERITS, EdgeKind.IMPLEMENTS)


def roles(files: Mapping[str, str], own: Sequence[RoleRow] = ()) -> dict[str, Role]:
    """Roles by fqn; those of files by path."""
    return {path if node.kind is NodeKind.FILE else node.fqn: role for path, node, role in told(files, own)}


def told(
    files: Mapping[str, str], own: Sequence[RoleRow] = (), roots: Mapping[str, str] | None = None
) -> list[tuple[str, ParsedNode, Role]]:
    """Every node that has a role, with the path of its file."""
    parsed = [
        parse(path, text.encode(), language, roots=roots)
        for path, text in files.items()
        if (language := language_of(path))
    ]
    assert len(parsed) == len(files)
    numbered = [(number, file, node) for number, file in enumerate(parsed, start=1) for node in file.nodes]
    subjects = [_subject(ident, *one) for ident, one in enumerate(numbered, start=1)]
    first: dict[int, int] = {}
    for one in subjects:
        first.setdefault(one.file_id, one.id)
    supertypes = [
        Use(first[number] + use.source, use.kind, use.target)
        for number, file in enumerate(parsed, start=1)
        for use in file.references
        if use.kind in _ABOVE
    ]
    imports = {number: file.imports for number, file in enumerate(parsed, start=1)}
    definitions = [_definition(one, node) for one, (_, _, node) in zip(subjects, numbered, strict=True)]
    links = link(definitions, [*supertypes, *uses_of(subjects)], imports)
    above = [(use.source, to) for use in supertypes if (to := links[use].dst) is not None]
    said = {number: SourceFile(file.path, _imported(file)) for number, file in enumerate(parsed, start=1)}
    found = tell(subjects, said, table_of(own), links, above)
    nodes = {one.id: (said[number].path, node) for one, (number, _, node) in zip(subjects, numbered, strict=True)}
    return [(*nodes[ident], role) for ident, role in found.items()]


def _imported(file: ParsedFile) -> tuple[str, ...]:
    return tuple(dotted_import(one.target) for one in file.imports)


def _subject(ident: int, file_id: int, _file: ParsedFile, node: ParsedNode) -> Subject:
    return Subject(
        id=ident, file_id=file_id, kind=node.kind, lang=node.lang, fqn=node.fqn, name=node.name, package=node.package,
        owner=node.owner, signature=node.signature, annotations=node.annotations, supertypes=node.supertypes,
        modifiers=node.modifiers, params=tuple(param.type or "" for param in node.params), marks=node.marks,
    )  # fmt: skip


def _definition(one: Subject, node: ParsedNode) -> Definition:
    return Definition(
        id=one.id, kind=one.kind, fqn=one.fqn, name=one.name, owner=one.owner, package=one.package,
        file_id=one.file_id, lang=one.lang, supertypes=one.supertypes,
        fields=typed(list(node.params), list(node.fields)), returns=node.return_type,
    )  # fmt: skip
