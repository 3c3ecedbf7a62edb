"""What is read in the sources of a language, against what tests/sources/<language>/expected.yaml says of them.

``outline``: per file every node, in order, with its lines. ``facts``: what is said of some of them. ``uses``: every
call, supertype and import of every node, and where it leads: nothing may be missing, and nothing may be there besides.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import yaml

from db.parsed import ParsedNode
from db.types import Param
from tests.unit.index.conftest import SOURCES

EXPECTED = {path.parent.name: path for path in sorted(SOURCES.glob("*/expected.yaml"))}


def _said(name: str) -> dict[str, Any]:
    loaded = yaml.safe_load(EXPECTED[name].read_text(encoding="utf-8"))
    assert set(loaded) == {"outline", "facts", "uses"}
    return dict(loaded)


def title(node: ParsedNode) -> str:
    """The full name, told apart from its overloads."""
    return f"{node.fqn}#{node.ordinal}" if node.ordinal else node.fqn


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.strip().splitlines()]


@pytest.mark.parametrize("name", EXPECTED)
def test_outline(tree: Callable[[str], Any], name: str) -> None:
    said, files = _said(name)["outline"], tree(name).files
    found = {
        path: [f"{node.kind} {title(node)} {node.line_start}-{node.line_end}" for node in file.nodes]
        for path, file in files.items()
    }
    assert found == {path: _lines(text) for path, text in said.items()}
    assert {path: file.syntax_errors for path, file in files.items() if file.syntax_errors} == {}


def _written(param: Param) -> str:
    typed = f"{param.name}: {param.type}" if param.type else param.name
    return f"{typed} = {param.default}" if param.default else typed


def fact(node: ParsedNode, key: str) -> Any:
    """What is said of a node, as YAML says it."""
    value = getattr(node, key)
    if key in {"params", "fields"}:
        return [_written(param) for param in value]
    return list(value) if isinstance(value, tuple) else value


@pytest.mark.parametrize("name", EXPECTED)
def test_facts(tree: Callable[[str], Any], name: str) -> None:
    said = _said(name)["facts"]
    nodes = {f"{node.kind} {title(node)}": node for node in tree(name).nodes.values()}
    assert len(said) >= 5
    assert {one: {key: fact(nodes[one], key) for key in facts} for one, facts in said.items()} == said


@pytest.mark.parametrize("name", EXPECTED)
def test_uses(tree: Callable[[str], Any], name: str) -> None:
    found = []
    nodes = tree(name).nodes
    for use, link in tree(name).links.items():
        to = f"{nodes[link.dst].fqn}, {link.how}" if link.dst is not None else "outside"
        found.append(f"{title(nodes[use.source])} {use.kind} {use.target} -> {to}")
    assert sorted(found) == sorted(_lines(_said(name)["uses"]))
