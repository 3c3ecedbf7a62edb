"""What an edit leaves as it was: only what stands on other lines may be told without looking at the whole graph."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest

from daemon.index.trace import moved_alone
from db.link import StoredNode
from db.parsed import Mark
from db.part import Part
from db.wholes import SourceFile
from tests.support.graph import a_node, an_edge

NODES = (a_node(1, "shop", kind="FILE"), a_node(2, "shop.pay"), a_node(3, "shop.total"))
BEFORE = Part(
    nodes=NODES,
    edges=(an_edge(2, 3), an_edge(2, None, dst_name="print")),
    imports={1: [{"name": "bank", "path": "bank"}]},
    sources=(SourceFile(node_id=1, path="shop.py", name="shop", package="", lang="python"),),
)


def test_nothing_at_all() -> None:
    assert moved_alone(BEFORE, BEFORE) == frozenset()
    assert moved_alone(Part(), Part()) == frozenset(), "a file that was left out before and after"
    assert moved_alone(BEFORE, replace(BEFORE, edges=tuple(reversed(BEFORE.edges)))) == frozenset()


def test_moved_down() -> None:
    moved = [NODES[0], NODES[1], replace(NODES[2], line_start=9, line_end=12)]
    assert moved_alone(BEFORE, replace(BEFORE, nodes=moved)) == frozenset({3})
    longer = [replace(NODES[0], line_end=12), NODES[1], NODES[2]]
    assert moved_alone(BEFORE, replace(BEFORE, nodes=longer)) == frozenset({1})


OTHER: dict[type, Any] = {int: 77, float: 0.77, str: "other", tuple: ("other",)}
VALUES = {"marks": (Mark(name="get", text="/x"),), "params": ({"name": "x"},), "fields": ({"name": "x"},)}


@pytest.mark.parametrize(
    "column", [one.name for one in fields(StoredNode) if one.name not in {"line_start", "line_end"}]
)
def test_anything_else_of_a_node_is_more(column: str) -> None:
    was = getattr(NODES[1], column)
    other = VALUES.get(column) or ("other" if was is None else OTHER[type(was)])
    changes: dict[str, Any] = {column: other}
    after = [NODES[0], replace(NODES[1], **changes), NODES[2]]
    assert moved_alone(BEFORE, replace(BEFORE, nodes=after)) is None


@pytest.mark.parametrize(
    "after",
    [
        replace(BEFORE, nodes=NODES[:2]),
        replace(BEFORE, nodes=(*NODES, a_node(4, "shop.fresh"))),
        replace(BEFORE, nodes=(NODES[0], NODES[2], NODES[1])),
        replace(BEFORE, edges=BEFORE.edges[:1]),
        replace(BEFORE, edges=(an_edge(2, 3, count=2), BEFORE.edges[1])),
        replace(BEFORE, edges=(*BEFORE.edges, an_edge(2, None, dst_name="late"))),
        replace(BEFORE, imports={1: [{"name": "bank", "path": "banks"}]}),
        replace(BEFORE, imports={}),
        replace(BEFORE, sources=(replace(BEFORE.sources[0], doc_summary="Sells."),)),
    ],
    ids=["gone", "new", "order", "edge gone", "count", "edge came", "import", "no imports", "source"],
)
def test_anything_else_of_a_file_is_more(after: Part) -> None:
    assert moved_alone(BEFORE, after) is None
    assert moved_alone(after, BEFORE) is None
