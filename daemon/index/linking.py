"""Stored nodes and edges as the linker sees them, and where they lead as it is stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from daemon.index.edges import Definition, Link, Use, link, typed
from daemon.index.retell import subjects_of
from daemon.index.roles import uses_of
from db.link import StoredEdge, StoredNode
from db.parsed import Import
from db.types import EdgeKind, NodeKind, Param


def resolve(
    nodes: Sequence[StoredNode],
    edges: Sequence[StoredEdge],
    imports: Mapping[int, Sequence[Mapping[str, str]]],
    definitions: Sequence[Definition] | None = None,
) -> tuple[list[StoredEdge], dict[Use, Link]]:
    """The same edges with where they lead (CONTAINS is known since the file was stored), and every use resolved:
    those that are no edges too, the functions that a call hands over."""
    if definitions is None:
        definitions = definitions_of(nodes)
    uses = [
        None if edge.kind == EdgeKind.CONTAINS else Use(edge.src, EdgeKind(edge.kind), edge.dst_name) for edge in edges
    ]
    asked = [*(use for use in uses if use is not None), *uses_of(subjects_of([node for node in nodes if node.marks]))]
    links = link(definitions, asked, imports_of(imports))
    nowhere = Link(None, "")
    linked = [
        edge if use is None else _linked(edge, links.get(use, nowhere)) for edge, use in zip(edges, uses, strict=True)
    ]
    return linked, links


def imports_of(imports: Mapping[int, Sequence[Mapping[str, str]]]) -> dict[int, list[Import]]:
    """What files import, by file."""
    return {
        file: [Import(alias=entry["alias"], target=entry["target"]) for entry in entries]
        for file, entries in imports.items()
    }


def definitions_of(nodes: Sequence[StoredNode]) -> list[Definition]:
    """What stands in files, as the linker sees it."""
    return [_definition(node) for node in nodes if node.file_id is not None]


def _definition(node: StoredNode) -> Definition:
    return Definition(
        id=node.id,
        kind=NodeKind(node.kind),
        fqn=node.fqn,
        name=node.name,
        owner=node.owner,
        package=node.package,
        file_id=node.file_id or 0,
        lang=node.lang,
        supertypes=node.supertypes,
        fields=typed([Param(**entry) for entry in node.params], [Param(**entry) for entry in node.fields]),
        returns=node.return_type,
    )


def _linked(edge: StoredEdge, to: Link) -> StoredEdge:
    """The edge itself where it leads there already: most of them do, and a repository has millions."""
    if (edge.dst, edge.resolution) == (to.dst, to.how or None):
        return edge
    return StoredEdge(
        src=edge.src, kind=edge.kind, dst_name=edge.dst_name, dst=to.dst, count=edge.count, resolution=to.how or None
    )
