"""What an index run changed, and which nodes may show something else because of it: pure; too many, never too few."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from daemon.index.edges import Definition
from daemon.index.ripple import Graph, Ripple, ripple
from db.link import StoredEdge, StoredNode
from db.parsed import Import
from db.part import Part
from db.types import EdgeKind

Leaning = tuple[int, int, str, int]  # from, to, kind of edge, how often


@dataclass(frozen=True, slots=True)
class Trace:
    """What is different from before the run in the files that it read. ``wholes``: packages may be others."""

    written: frozenset[int]  # nodes that are new, or of which anything is
    showing: frozenset[int]  # those of them that show something else to their neighbours
    ends: frozenset[int]  # both ends of edges that came or went
    known: frozenset[int]  # nodes that were there before
    gone: tuple[StoredNode, ...]
    wholes: bool


def trace(before: Part, after: Part) -> Trace:
    """Compare what some files were with what they are."""
    was = {node.id: node for node in before.nodes}
    there = {node.id for node in after.nodes}
    written = {node.id for node in after.nodes if node.id not in was or _all(node) != _all(was[node.id])}
    showing = {node.id for node in after.nodes if node.id not in was or _shown(node) != _shown(was[node.id])}
    return Trace(
        written=frozenset(written),
        showing=frozenset(showing),
        ends=ends_of({*before.edges} ^ {*after.edges}),
        known=frozenset(was),
        gone=tuple(node for node in before.nodes if node.id not in there),
        wholes=list(before.sources) != list(after.sources),
    )


def moved_alone(before: Part, after: Part) -> frozenset[int] | None:
    """The nodes that stand on other lines, where nothing else of some files changed that linking looks at.

    None where anything did. Otherwise names lead where they led, and all that follows from them is what it was: after
    an edit in a body that calls what it called, only the fact sheets of moved nodes say something else.
    """
    if ({*before.edges}, before.imports, [*before.sources]) != ({*after.edges}, after.imports, [*after.sources]):
        return None
    if [_unplaced(node) for node in before.nodes] != [_unplaced(node) for node in after.nodes]:
        return None
    pairs = zip(before.nodes, after.nodes, strict=True)
    return frozenset(new.id for old, new in pairs if new != old)


def _unplaced(node: StoredNode) -> StoredNode:
    return replace(node, line_start=None, line_end=None)


def ends_of(edges: Iterable[StoredEdge]) -> frozenset[int]:
    """The nodes that edges lead from and to."""
    return frozenset(end for edge in edges for end in (edge.src, edge.dst) if end is not None)


def _all(node: StoredNode) -> StoredNode:
    """All but what linking finds out itself."""
    return replace(node, centrality=0.0, level=0, cluster=None, role=None, role_detail=None)


def _shown(node: StoredNode) -> tuple[object, ...]:
    """What a neighbour's fact sheet or key may say of a node."""
    return (
        node.file_id, node.kind, node.fqn, node.name, node.owner, node.path, node.signature, node.signature_hash,
        node.doc_summary,
    )  # fmt: skip


def uses_after(
    before: Part, after: Part, definitions: Sequence[Definition], imports: Mapping[int, Sequence[Import]], was: Graph
) -> Ripple | None:
    """Which uses may lead elsewhere; ``definitions`` and ``imports`` are those of the whole repository by now."""
    files = {node.file_id for node in (*before.nodes, *after.nodes)}
    kept = Graph(
        [one for one in definitions if one.file_id not in files],
        {file: entries for file, entries in imports.items() if file not in files},
    )
    now = Graph(
        [one for one in definitions if one.file_id in files],
        {file: entries for file, entries in imports.items() if file in files},
    )
    return ripple(kept, was, now)


@dataclass(frozen=True, slots=True)
class Reach:
    """The nodes whose chunk and sheet may be others now; what stands in them; and all that they stand in."""

    nodes: frozenset[int]
    members: frozenset[int]
    around: frozenset[int]


def reach(
    own: Collection[int],
    showing: Collection[int],
    gone: Sequence[StoredNode],
    nodes: Sequence[StoredNode],
    leanings: Sequence[Leaning],
) -> Reach:
    """``own`` are other than before, or their edges are; ``showing`` show something else to their neighbours."""
    showing = frozenset(showing)
    found = {*own, *showing}
    for src, dst, _, _ in leanings:
        if dst in showing:
            found.add(src)
        if src in showing:
            found.add(dst)
    held = {(src, dst) for src, dst, kind, _ in leanings if kind == EdgeKind.CONTAINS}
    # A function may hold others too, those that are assigned to its prototype: only their owner's name says so.
    named: defaultdict[tuple[int | None, str], list[int]] = defaultdict(list)
    for node in nodes:
        named[node.file_id, node.fqn].append(node.id)
    owned = [(owner, node.id) for node in nodes if node.owner for owner in named.get((node.file_id, node.owner), ())]
    held.update(pair for pair in owned if pair[0] != pair[1])
    found.update(owner for node in gone if node.owner for owner in named.get((node.file_id, node.owner), ()))
    found |= {src for src, dst in held if dst in found}  # users of its members are its own
    members = frozenset(dst for src, dst in held if src in found)
    around, outside = set(found), defaultdict[int, list[int]](list)
    for src, dst in held:
        outside[dst].append(src)
    waiting = list(found)
    while waiting:
        above = [node for node in outside.get(waiting.pop(), ()) if node not in around]
        around.update(above)
        waiting += above
    return Reach(frozenset(found), members, frozenset(around))
