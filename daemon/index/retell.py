"""Roles of a whole repository, told anew at every linking: stored nodes in, the same nodes with their roles out.

Everything that a role follows from is kept with the nodes, marks included. So a changed table costs one linking and
no file is read again; and a handler gets its role although the file that registers it is another one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from daemon.index.edges import Link, Use
from daemon.index.roles import Role, SourceFile, Subject, tell
from daemon.index.roletable import RoleTable, dotted_import
from db.link import StoredEdge, StoredNode
from db.types import EdgeKind, NodeKind

_ABOVE = frozenset({EdgeKind.INHERITS, EdgeKind.IMPLEMENTS})


def subjects_of(nodes: Sequence[StoredNode]) -> list[Subject]:
    """The nodes as telling roles sees them."""
    return [
        Subject(
            id=node.id,
            file_id=node.file_id,
            kind=NodeKind(node.kind),
            lang=node.lang,
            fqn=node.fqn,
            name=node.name,
            package=node.package,
            owner=node.owner,
            signature=node.signature or "",
            annotations=node.annotations,
            supertypes=node.supertypes,
            modifiers=node.modifiers,
            params=tuple(str(param.get("type") or "") for param in node.params),
            marks=node.marks,
        )
        for node in nodes
        if node.file_id is not None
    ]


def with_roles(
    nodes: Sequence[StoredNode],
    edges: Sequence[StoredEdge],
    imports: Mapping[int, Sequence[Mapping[str, str]]],
    links: Mapping[Use, Link],
    table: RoleTable,
) -> list[StoredNode]:
    """The same nodes in the same order, each with the role that the table gives it now."""
    files = {
        node.file_id: SourceFile(
            node.path or "", tuple(dotted_import(entry["target"]) for entry in imports.get(node.file_id, ()))
        )
        for node in nodes
        if node.file_id is not None
    }
    above = ((edge.src, edge.dst) for edge in edges if edge.kind in _ABOVE and edge.dst is not None)
    told = tell(subjects_of(nodes), files, table, links, above)
    return [_with_role(node, told.get(node.id)) for node in nodes]


def _with_role(node: StoredNode, role: Role | None) -> StoredNode:
    says = (role.role, role.detail) if role else (None, None)
    return node if (node.role, node.role_detail) == says else replace(node, role=says[0], role_detail=says[1])
