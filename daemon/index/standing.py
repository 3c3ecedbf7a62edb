"""What linking says of a node beyond itself: its place in the graph, what its key takes in, how early it goes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TypedDict

from daemon.index.chunks import context_hash, priority
from daemon.index.graph import Place, rank
from daemon.index.trace import Leaning
from db.index import CONTAINERS
from db.link import StoredEdge, StoredNode
from db.types import TEST_ROLES, EdgeKind, NodeKind

WEIGHTS = {EdgeKind.CALLS: 1.0, EdgeKind.INHERITS: 1.0, EdgeKind.IMPLEMENTS: 1.0, EdgeKind.IMPORTS: 0.5}
_SHOWN = 40  # callees of each sort that the prompt of a chunk may show: db/sql/gather.sql takes as many


class Standing(TypedDict):
    """What linking found out about a chunk."""

    context_hash: str
    priority: int


def place(nodes: Sequence[StoredNode], leanings: Iterable[Leaning]) -> dict[int, Place]:
    """Centrality and level of every node. Packages and the repository lie above what they hold; nobody uses them."""
    parts = [node.id for node in nodes if node.file_id is not None]
    wholes = frozenset(node.id for node in nodes if node.file_id is None)
    weighed: list[tuple[int, int, float]] = []
    contains: list[tuple[int, int]] = []
    for src, dst, kind, count in leanings:
        if kind == EdgeKind.CONTAINS:
            contains.append((src, dst))
        elif kind in WEIGHTS:
            weighed.append((src, dst, WEIGHTS[EdgeKind(kind)] * count))
    places = rank(parts, weighed, contains)
    inside: defaultdict[int, list[int]] = defaultdict(list)
    for owner, member in contains:
        if owner in wholes:
            inside[owner].append(member)

    def level(node: int) -> int:
        return places[node].level if node in places else 1 + max(map(level, inside[node]), default=-1)

    return {**places, **{whole: Place(centrality=0.0, level=level(whole)) for whole in wholes}}


def standings(
    nodes: Sequence[StoredNode],
    edges: Iterable[StoredEdge],
    places: Mapping[int, Place],
    only: Iterable[StoredNode] | None = None,
) -> dict[int, Standing]:
    """What the callees and members of each node show of themselves, and how early its chunk goes: of all nodes, or
    ``only`` of some; ``edges`` are those that begin there."""
    by_id = {node.id: node for node in nodes}
    callees: defaultdict[int, list[StoredEdge]] = defaultdict(list)
    for edge in edges:
        if edge.kind == EdgeKind.CALLS and edge.dst is not None:
            callees[edge.src].append(edge)
    members: defaultdict[tuple[int, str | None], list[StoredNode]] = defaultdict(list)
    for node in nodes:
        if node.file_id is not None and node.kind != NodeKind.FILE:
            members[node.file_id, node.owner].append(node)
    return {
        node.id: {
            "context_hash": _context(callees.get(node.id, []), by_id, node, members),
            "priority": priority(places[node.id].level, places[node.id].centrality),
        }
        for node in (nodes if only is None else only)
    }


def _context(
    callees: Sequence[StoredEdge],
    by_id: Mapping[int, StoredNode],
    node: StoredNode,
    members: Mapping[tuple[int, str | None], Sequence[StoredNode]],
) -> str:
    known = [(edge, by_id[edge.dst]) for edge in callees if edge.dst is not None]
    known.sort(key=lambda found: (-found[0].count, found[0].dst_name))
    inside = [to for _, to in known if _internal(node, to)][:_SHOWN]
    outside = [to for _, to in known if not _internal(node, to)][:_SHOWN]
    own: Sequence[StoredNode] = ()
    if node.file_id is not None and (node.kind in CONTAINERS or node.kind == NodeKind.FILE):
        own = members.get((node.file_id, None if node.kind == NodeKind.FILE else node.fqn), ())
    return context_hash(
        # A test is told by its scenario: while its own code stands, what it tries may change as it likes.
        ((to.name, to.signature_hash) for to in (*inside, *outside) if node.role not in TEST_ROLES),
        (node.role, node.role_detail) if node.role is not None else None,
        ((one.name, " ".join(filter(None, role_of(one))), one.doc_summary) for one in own),
    )


def _internal(node: StoredNode, to: StoredNode) -> bool:
    """As db/sql/gather.sql has it."""
    if node.kind == NodeKind.FILE and to.file_id == node.file_id:
        return True
    return to.owner is not None and to.owner in {node.owner, node.fqn}


def role_of(node: StoredNode) -> tuple[str | None, str | None]:
    return node.role, node.role_detail
