"""The code graph as a whole: how central each node is, what belongs together, in which order to describe it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import networkx as nx

_DAMPING = 0.85
_DIGITS = 4
_MAX_ITERATIONS = 300
_TOLERANCE = 1e-14  # per node: far below what is kept, so that the order of adding up does not show


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """``centrality``: 0 to 1, the most leaned-on node has 1. ``level``: 0 leans on nothing inside the index."""

    centrality: float
    level: int


def rank(
    nodes: Sequence[int], edges: Iterable[tuple[int, int, float]], contains: Iterable[tuple[int, int]] = ()
) -> dict[int, Place]:
    """The place of every node. Deterministic: the order of the arguments does not matter.

    ``edges`` are (caller, callee, weight); ``contains`` are (owner, member). Edges to unknown nodes and of a node
    to itself are left out. Centrality is PageRank over ``edges`` alone. A level lies above all that a node leans
    on and above all that it contains; in a ring of nodes that lean on each other, members come before owners.
    """
    ordered = sorted(set(nodes))
    known = set(ordered)
    weights: dict[tuple[int, int], float] = {}
    for source, target, weight in edges:
        if source != target and source in known and target in known:
            weights[source, target] = weights.get((source, target), 0.0) + weight
    owned = sorted({pair for pair in contains if pair[0] != pair[1] and known.issuperset(pair)})
    centrality = _centrality(ordered, weights)
    levels = _levels(ordered, sorted(weights), owned)
    return {node: Place(centrality=centrality[node], level=levels[node]) for node in ordered}


def clusters(nodes: Sequence[int], edges: Iterable[tuple[int, int, float]]) -> dict[int, int]:
    """Which nodes belong together: the number of its cluster for each, 0 for the largest.

    Communities by the method of Blondel and others (Louvain, 2008) over ``edges`` (node, node, weight), whatever their
    direction. Deterministic for the same order of ``nodes``. A node that is connected with none is in none.
    """
    number = {node: place for place, node in enumerate(nodes)}
    weights: dict[tuple[int, int], float] = {}
    for source, target, weight in edges:
        if source != target and source in number and target in number:
            first, second = sorted((number[source], number[target]))
            weights[first, second] = weights.get((first, second), 0.0) + weight
    graph: nx.Graph[int] = nx.Graph()
    graph.add_weighted_edges_from((first, second, weights[first, second]) for first, second in sorted(weights))
    if not weights:
        return {}
    found = [sorted(community) for community in nx.community.louvain_communities(graph, seed=0)]
    found.sort(key=lambda community: (-len(community), community))
    return {nodes[member]: place for place, community in enumerate(found) for member in community}


def _centrality(nodes: Sequence[int], weights: Mapping[tuple[int, int], float]) -> dict[int, float]:
    """PageRank as shares of the highest."""
    if not nodes:
        return {}
    graph: nx.DiGraph[int] = nx.DiGraph()
    graph.add_nodes_from(nodes)
    graph.add_weighted_edges_from((source, target, weights[source, target]) for source, target in sorted(weights))
    scores = nx.pagerank(graph, alpha=_DAMPING, max_iter=_MAX_ITERATIONS, tol=_TOLERANCE)
    top = max(scores.values())
    return {node: round(score / top, _DIGITS) for node, score in scores.items()}


def _levels(
    nodes: Sequence[int], leanings: Sequence[tuple[int, int]], owned: Sequence[tuple[int, int]]
) -> dict[int, int]:
    """Bottom-up order over the rings (strongly connected components), which networkx gives leaves first."""
    graph: nx.DiGraph[int] = nx.DiGraph()
    graph.add_nodes_from(nodes)
    graph.add_edges_from(chain(leanings, owned))
    members: dict[int, list[int]] = {}
    for owner, member in owned:
        members.setdefault(owner, []).append(member)
    levels: dict[int, int] = {}
    for ring in nx.strongly_connected_components(graph):
        below = (levels[other] for node in ring for other in graph.successors(node) if other not in ring)
        base = max(below, default=-1) + 1
        heights = _heights(ring, members) if len(ring) > 1 else dict.fromkeys(ring, 0)
        for node, height in heights.items():
            levels[node] = base + height
    return levels


def _heights(ring: set[int], members: Mapping[int, Sequence[int]]) -> dict[int, int]:
    """How many storeys of containment lie below each node of a ring, inside the ring."""
    heights: dict[int, int] = {}
    entered: set[int] = set()
    for start in sorted(ring):
        waiting = [start]
        while waiting:
            node = waiting[-1]
            inside = [member for member in members.get(node, ()) if member in ring]
            if node not in entered:
                entered.add(node)
                waiting += [member for member in inside if member not in entered]
                continue
            waiting.pop()
            if node not in heights:
                heights[node] = max((heights.get(member, 0) + 1 for member in inside), default=0)
    return heights
