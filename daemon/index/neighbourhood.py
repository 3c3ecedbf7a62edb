"""Gathers the facts of one node out of a graph in memory: members, callers, callees, heirs, tests, standing."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from daemon.index.sheet import SHOWN, SHOWN_MEMBERS, SHOWN_OUTSIDE, Facts, Related, Some
from db.gather import params_of
from db.index import CONTAINERS
from db.link import StoredEdge, StoredNode
from db.types import EdgeKind, NodeKind

_CALLABLE = frozenset({NodeKind.FUNCTION, NodeKind.METHOD, NodeKind.CONSTRUCTOR})
_STEPS = (1, 5, 10, 25)  # percent: coarse, so that a new function somewhere does not rewrite every sheet
_TEST_ROLE = "test"
_TEST_PATH = re.compile(
    r"(?:^|/)(?:tests?|__tests__|specs?|testing)/|(?:^|/)(?:test_[^/]*|conftest)\.py$"
    r"|(?:_test\.(?:py|go|rs)|[.-](?:test|spec)\.[cm]?[jt]sx?|(?:Tests?|Spec|IT)\.(?:java|kt))$"
)


def is_test_path(path: str) -> bool:
    """Whether a file stands among tests, by its own name or its folders'."""
    return _TEST_PATH.search(path) is not None


class Neighbourhood:
    """A graph, turned so that each node finds what leans on it."""

    def __init__(
        self, nodes: Sequence[StoredNode], edges: Iterable[StoredEdge], percents: Mapping[int, int | None]
    ) -> None:
        self._nodes = {node.id: node for node in nodes}
        self._percents = percents
        self._calls: defaultdict[int, list[StoredEdge]] = defaultdict(list)
        self._called: defaultdict[int, list[StoredEdge]] = defaultdict(list)
        self._heirs: defaultdict[int, set[int]] = defaultdict(set)
        self._importers: defaultdict[int, set[int]] = defaultdict(set)
        self._contained: defaultdict[int, set[int]] = defaultdict(set)
        self._owned: defaultdict[tuple[int | None, str], set[int]] = defaultdict(set)
        self._tests: dict[str, bool] = {}
        for edge in edges:
            self._place(edge)
        for node in nodes:
            if node.owner:
                self._owned[node.file_id, node.owner].add(node.id)

    def _place(self, edge: StoredEdge) -> None:
        if edge.kind == EdgeKind.CALLS:
            self._calls[edge.src].append(edge)
            if edge.dst is not None and edge.dst != edge.src:
                self._called[edge.dst].append(edge)
        elif edge.dst is None or edge.dst == edge.src:
            return
        elif edge.kind == EdgeKind.CONTAINS:
            self._contained[edge.src].add(edge.dst)
        elif edge.kind == EdgeKind.IMPORTS:
            self._importers[edge.dst].add(edge.src)
        else:  # INHERITS, IMPLEMENTS, and what a foreign index may call it
            self._heirs[edge.dst].add(edge.src)

    def __contains__(self, node_id: int) -> bool:
        return node_id in self._nodes

    def facts(self, node_id: int) -> Facts:
        """All that a sheet may say of a node of this graph."""
        node = self._nodes[node_id]
        container = node.kind in CONTAINERS
        members = self._members(node)
        callers, tests = self._users(node, members if container else set())
        callees, outside = self._callees(node_id)
        return Facts(
            kind=node.kind, lang=node.lang, fqn=node.fqn, package=node.package, owner=node.owner, path=node.path,
            line_start=node.line_start, line_end=node.line_end,
            signature=None if node.kind == NodeKind.FILE else node.signature,
            params=params_of(node.params), return_type=node.return_type, supertypes=node.supertypes,
            annotations=node.annotations, modifiers=node.modifiers, role=node.role, role_detail=node.role_detail,
            doc_summary=node.doc_summary, doc_details=node.doc_details,
            members=self._listed(members), callees=_some(callees), outside=_some(outside, SHOWN_OUTSIDE),
            callers=_some(callers), heirs=self._named(self._heirs.get(node_id, ())),
            importers=self._named(self._importers.get(node_id, ())),
            tests=_some(tests), call_sites=sum(one.count for one in (*callers, *tests)),
            calling=len(callers) + len(tests), percent=self._percents.get(node_id),
            # What a framework calls has a role.
            callable=node.kind in _CALLABLE and not node.role, container=container,
        )  # fmt: skip

    def _members(self, node: StoredNode) -> set[int]:
        contained = self._contained.get(node.id)
        return contained or self._owned.get((node.file_id, node.fqn), set()) - {node.id}

    def _listed(self, members: set[int]) -> Some:
        found = [self._nodes[one] for one in members if one in self._nodes]
        found.sort(key=lambda member: (member.line_start or 0, member.fqn, member.signature or ""))
        first = tuple(
            Related(label=member.signature or member.name, role=_role(member), summary=member.doc_summary)
            for member in found[:SHOWN_MEMBERS]
        )
        return Some(first=first, total=len(found))

    def _users(self, node: StoredNode, members: set[int]) -> tuple[list[Related], list[Related]]:
        """Who calls the node, or a member of it from outside: the code, and the tests."""
        counts: defaultdict[int, int] = defaultdict(int)
        for used in (node.id, *members):
            for edge in self._called.get(used, ()):
                if edge.src not in members:
                    counts[edge.src] += edge.count
        callers: list[Related] = []
        tests: list[Related] = []
        for source, count in counts.items():
            caller = self._nodes.get(source)
            if caller is not None:
                related = Related(label=caller.fqn, count=count, summary=caller.doc_summary)
                (tests if self._is_test(caller) else callers).append(related)
        return callers, tests

    def _callees(self, node_id: int) -> tuple[list[Related], list[Related]]:
        inside: defaultdict[int, int] = defaultdict(int)
        outside: defaultdict[str, int] = defaultdict(int)
        for edge in self._calls.get(node_id, ()):
            if edge.dst is not None and edge.dst in self._nodes:
                inside[edge.dst] += edge.count
            else:
                outside[edge.dst_name] += edge.count
        known = [
            Related(label=self._nodes[one].fqn, count=count, summary=self._nodes[one].doc_summary)
            for one, count in inside.items()
        ]
        return known, [Related(label=name, count=count) for name, count in outside.items()]

    def _named(self, ids: Iterable[int]) -> Some:
        return _some([Related(label=self._nodes[one].fqn) for one in ids if one in self._nodes])

    def _is_test(self, node: StoredNode) -> bool:
        if node.role == _TEST_ROLE:
            return True
        path = node.path or ""
        if path not in self._tests:
            self._tests[path] = is_test_path(path)
        return self._tests[path]


def _role(node: StoredNode) -> str | None:
    return f"{node.role} {node.role_detail}" if node.role and node.role_detail else node.role


def _some(related: list[Related], shown: int = SHOWN) -> Some:
    related.sort(key=lambda one: (-one.count, one.label, one.summary or ""))
    return Some(first=tuple(related[:shown]), total=len(related))


def percents(ranked: Iterable[tuple[int, int, int]]) -> dict[int, int | None]:
    """The step that holds each node, by (node, place from 1, all); None for most."""
    return {node: next((step for step in _STEPS if place * 100 <= step * total), None) for node, place, total in ranked}


def ranked(centralities: Mapping[int, float]) -> list[tuple[int, int, int]]:
    """(node, place, all) by centrality; equals share the worst place: where all are equal, none stands out."""
    order = sorted(centralities.items(), key=lambda item: item[1])
    total, found, place = len(order), [], 0
    for before, (node, centrality) in enumerate(order):
        if before == 0 or centrality != order[before - 1][1]:
            place = total - before
        found.append((node, place, total))
    return found
