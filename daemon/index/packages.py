"""Packages and the repository as a look in memory sees them: as nodes of an index, and which of them would be new."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from daemon.index.wholes import wholes_of
from db.carry import Heir
from db.link import StoredEdge, StoredNode
from db.types import EdgeKind, NodeKind
from db.wholes import SourceFile, Whole

_KINDS = (NodeKind.PACKAGE, NodeKind.REPOSITORY)


def wholes_over(repo: str, nodes: Sequence[StoredNode]) -> list[Whole]:
    """The packages over the files among ``nodes``, and the repository."""
    files = [
        SourceFile(
            node_id=node.id, path=node.path, name=node.name, package=node.package, lang=node.lang,
            doc_summary=node.doc_summary, doc_details=node.doc_details,
        )
        for node in nodes
        if node.kind == NodeKind.FILE and node.path is not None
    ]  # fmt: skip
    return wholes_of(repo, sorted(files, key=lambda file: file.path))


def packages(repo: str, nodes: Sequence[StoredNode], last: int) -> tuple[list[StoredNode], list[StoredEdge]]:
    """Nodes for the wholes over ``nodes``, numbered from ``last``, and the edges to what they hold."""
    wholes = wholes_over(repo, nodes)
    numbers = {whole.folder: last + place for place, whole in enumerate(wholes, start=1)}
    found = [_node(whole, numbers[whole.folder]) for whole in wholes]
    edges = [
        StoredEdge(
            src=numbers[whole.folder], kind=EdgeKind.CONTAINS, dst_name=name, dst=inner, count=1, resolution=None
        )
        for whole in wholes
        for inner, name in [*whole.files, *((numbers[folder], folder) for folder in whole.packages)]
    ]
    return found, edges


def fresh_packages(
    nodes: Sequence[StoredNode], edges: Sequence[StoredEdge], after: Sequence[Whole], heirs: Sequence[Heir]
) -> Iterator[Whole]:
    """Those of ``after`` that the index of ``nodes`` has not, and that are no older package under another name.

    A package is the same one where more than half of what an older one held is, wherever files have gone.
    """
    before = {(node.kind, node.fqn): node.id for node in nodes if node.kind in _KINDS}
    went = {heir.old.node_id: heir.new.node_id for heir in heirs}
    holds: Mapping[int, set[int]] = defaultdict(set)
    for edge in edges:
        if edge.kind == EdgeKind.CONTAINS and edge.dst is not None:
            holds[edge.src].add(went.get(edge.dst, edge.dst))
    there = {(str(whole.kind), whole.fqn) for whole in after}
    lost = [holds[number] for key, number in before.items() if key not in there]
    for whole in after:
        inside = {number for number, _ in whole.files}
        moved = any(2 * len(had & inside) > len(had) for had in lost)
        if (str(whole.kind), whole.fqn) not in before and not moved:
            yield whole


def _node(whole: Whole, number: int) -> StoredNode:
    return StoredNode(
        id=number, file_id=None, kind=str(whole.kind), lang=whole.lang, fqn=whole.fqn, name=whole.name,
        package=whole.fqn if whole.kind is NodeKind.PACKAGE else "", owner=None, supertypes=(), params=(),
        return_type=None, fields=(), signature_hash=None, doc_summary=whole.doc_summary, centrality=0.0, level=0,
        path=None, line_start=None, line_end=None, signature=None, annotations=(), modifiers=(),
        doc_details=whole.doc_details, role=None, role_detail=None,
    )  # fmt: skip
