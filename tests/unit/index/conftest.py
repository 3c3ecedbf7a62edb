"""Parsed and linked source trees from tests/sources, each made once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from daemon.index.edges import Definition, Link, Use, link, typed
from daemon.index.languages import language_of
from daemon.index.parse import parse
from daemon.index.projects import is_project_file, roots_of
from db.parsed import ParsedFile, ParsedNode, Reference
from db.types import EdgeKind, NodeKind

SOURCES = Path(__file__).parents[2] / "sources"


@dataclass(frozen=True)
class Tree:
    """All files of one source tree, and where their uses lead."""

    files: dict[str, ParsedFile]
    nodes: dict[int, ParsedNode]
    links: dict[Use, Link]

    def node(self, fqn: str, kind: NodeKind | None = None, ordinal: int = 0) -> ParsedNode:
        """The only node of that name, kind and ordinal."""
        found = [
            node
            for node in self.nodes.values()
            if node.fqn == fqn and node.ordinal == ordinal and kind in {None, node.kind}
        ]
        assert len(found) == 1, (fqn, [node.fqn for node in self.nodes.values()])
        return found[0]

    def references(self, fqn: str) -> list[Reference]:
        """What the nodes of that name use."""
        return [
            reference
            for file in self.files.values()
            for reference in file.references
            if file.nodes[reference.source].fqn == fqn
        ]

    def leads_to(self, fqn: str, target: str, kind: EdgeKind = EdgeKind.CALLS) -> tuple[str, str] | None:
        """(fqn, rule) that a use of a node leads to; None where it stays open; it must be there."""
        found = [
            to
            for use, to in self.links.items()
            if self.nodes[use.source].fqn == fqn and use.target == target and use.kind is kind
        ]
        assert found, (fqn, target, [use.target for use in self.links if self.nodes[use.source].fqn == fqn])
        return (self.nodes[found[0].dst].fqn, found[0].how) if found[0].dst is not None else None


def linked(files: dict[str, bytes], roots: dict[str, str] | None = None) -> Tree:
    """Parse and link sources given as path -> content."""
    parsed: dict[str, ParsedFile] = {}
    nodes: dict[int, ParsedNode] = {}
    definitions: list[Definition] = []
    uses: list[Use] = []
    imports = {}
    for file_id, (path, content) in enumerate(sorted(files.items())):
        language = language_of(path)
        assert language is not None, path
        file = parsed[path] = parse(path, content, language, roots=roots)
        first = len(nodes)
        for number, node in enumerate(file.nodes, start=first):
            nodes[number] = node
            definitions.append(
                Definition(
                    id=number, kind=node.kind, fqn=node.fqn, name=node.name, owner=node.owner, package=node.package,
                    file_id=file_id, lang=node.lang, supertypes=node.supertypes,
                    fields=typed(node.params, node.fields), returns=node.return_type,
                )
            )  # fmt: skip
        uses += [Use(first + one.source, one.kind, one.target) for one in file.references]
        imports[file_id] = file.imports
    return Tree(parsed, nodes, link(definitions, uses, imports))


@cache
def tree_of(name: str) -> Tree:
    """A tree of tests/sources by the name of its folder."""
    root = SOURCES / name
    paths = [path.relative_to(root).as_posix() for path in sorted(root.rglob("*")) if path.is_file()]
    files = {path: (root / path).read_bytes() for path in paths if language_of(path)}
    return linked(files, roots_of(root, filter(is_project_file, paths)))


@pytest.fixture(scope="session")
def tree() -> Callable[[str], Tree]:
    """A tree of tests/sources by the name of its folder."""
    return tree_of


@pytest.fixture(scope="session")
def link_sources() -> Callable[..., Tree]:
    """Parse and link small sources given as path -> content."""
    return linked
