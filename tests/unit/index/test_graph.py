"""Centrality and the bottom-up order of the code graph."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from daemon.index.graph import Place, clusters, rank


def levels(nodes: range, edges: list[tuple[int, int]], contains: list[tuple[int, int]]) -> dict[int, int]:
    return {node: place.level for node, place in rank(nodes, [(a, b, 1.0) for a, b in edges], contains).items()}


def test_nothing() -> None:
    assert rank([], []) == {}
    assert rank([7], []) == {7: Place(centrality=1.0, level=0)}


def test_callees_before_callers() -> None:
    assert levels(range(4), [(0, 1), (1, 2), (0, 2), (3, 0)], []) == {2: 0, 1: 1, 0: 2, 3: 3}


def test_members_before_owners() -> None:
    file, cls, method, other = range(4)
    assert levels(range(4), [(method, other)], [(file, cls), (cls, method), (file, other)]) == {
        other: 0, method: 1, cls: 2, file: 3,
    }  # fmt: skip


def test_in_a_ring_members_still_come_first() -> None:
    file, cls, make, run, caller = range(5)  # make constructs its own class
    found = levels(
        range(5), [(make, cls), (make, run), (run, make), (caller, cls)],
        [(file, cls), (cls, make), (cls, run), (file, caller)],
    )  # fmt: skip
    assert found[make] == found[run] < found[cls] < found[caller] < found[file]


def test_a_ring_of_two_classes() -> None:
    a, a_m, b, b_m = range(4)  # each constructs the other
    found = levels(range(4), [(a_m, b), (b_m, a)], [(a, a_m), (b, b_m)])
    assert found[a_m] == found[b_m] == 0
    assert found[a] == found[b] == 1


def test_the_most_leaned_on_has_one() -> None:
    places = rank(range(5), [(0, 4, 1.0), (1, 4, 1.0), (2, 4, 1.0), (3, 2, 1.0), (9, 4, 1.0), (4, 4, 5.0)])
    assert places[4].centrality == 1.0
    assert places[4].centrality > places[2].centrality > places[0].centrality == places[1].centrality > 0
    assert all(place.centrality == round(place.centrality, 4) for place in places.values())


def test_weights_count() -> None:
    places = rank(range(3), [(0, 1, 9.0), (0, 2, 1.0)])
    assert places[1].centrality > places[2].centrality
    assert rank(range(3), [(0, 1, 4.0), (0, 1, 5.0), (0, 2, 1.0)]) == places


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=80), st.randoms())
def test_the_order_of_the_arguments_does_not_matter(edges: list[tuple[int, int]], chance: random.Random) -> None:
    weighted = [(a, b, 1.0) for a, b in edges]
    contains = [(node // 3, node) for node in range(1, 31)]
    shuffled = chance.sample(weighted, len(weighted))
    assert rank(range(31), weighted, contains) == rank(
        chance.sample(range(31), 31), shuffled, chance.sample(contains, 30)
    )


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), max_size=60))
def test_levels_rise_along_every_edge_outside_of_rings(edges: list[tuple[int, int]]) -> None:
    downhill = [(a, b) for a, b in edges if a > b]
    found = levels(range(21), downhill, [])
    assert all(found[a] > found[b] for a, b in downhill)


def test_what_is_tightly_connected_is_one_cluster() -> None:
    first = [(a, b, 1.0) for a in range(4) for b in range(4) if a < b]
    second = [(a, b, 1.0) for a in range(10, 13) for b in range(10, 13) if a < b]
    nodes = [*range(4), *range(10, 13), 99]
    found = clusters(nodes, [*first, *second, (0, 10, 0.5)])
    assert {found[node] for node in range(4)} == {0}, "the largest is the first"
    assert {found[node] for node in range(10, 13)} == {1}
    assert 99 not in found, "connected with nothing, it belongs to nothing"


def test_clusters_do_not_depend_on_the_order_of_edges_or_on_ids() -> None:
    edges = [(a, b, float(1 + (a * b) % 3)) for a in range(30) for b in range(a, 30) if (a * 7 + b) % 5 == 0]
    found = clusters(range(30), edges)
    assert clusters(range(30), [(b, a, weight) for a, b, weight in reversed(edges)]) == found
    renamed = clusters(range(100, 130), [(a + 100, b + 100, weight) for a, b, weight in edges])
    assert renamed == {node + 100: cluster for node, cluster in found.items()}
    assert clusters([1, 2], []) == {}
