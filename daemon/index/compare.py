"""PLAN: what an index run would find different, worked out in memory; nothing is written."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import PurePosixPath

from daemon.index.chunks import strategy_of
from daemon.index.graph import Place
from daemon.index.heirs import heirs_of
from daemon.index.linking import resolve
from daemon.index.packages import fresh_packages, packages, wholes_over
from daemon.index.retell import with_roles
from daemon.index.roletable import RoleTable
from daemon.index.standing import standings
from db.carry import Candidate, Heir
from db.index import edge_rows
from db.link import StoredEdge, StoredNode
from db.parsed import ParsedFile, ParsedNode
from db.plan import Chunk, Indexed
from db.types import WHOLES, EdgeKind, NodeKind, Reason

_NOWHERE = Place(centrality=0.0, level=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A piece whose text would be due. ``source_key`` is what it would be made from; of a whole that is not known."""

    path: str
    fqn: str
    kind: str
    strategy: str
    reason: Reason
    source_key: str | None
    chars: int
    chunk_id: int | None = None  # of what is in the index already


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What differs between an index and some files."""

    due: tuple[Change, ...]
    gone: tuple[str, ...]  # full names of pieces that are no longer there


def compare(repo: str, known: Indexed, files: Sequence[ParsedFile], gone: Iterable[str], table: RoleTable) -> Changes:
    """What would be due in ``repo`` if ``files`` stood in place of those of the same paths, without those ``gone``.

    Pure. The files of two commits can be compared as well: ``known`` of one, the files that differ in the other. What
    the files do not change may be due too: callers of what has another signature, wholes round what is new.
    """
    replaced = {file.path for file in files} | set(gone)
    kept = [node for node in known.nodes if node.path is None or node.path not in replaced]
    fresh = _Fresh(known, files)
    nodes = [*kept, *fresh.nodes]
    here = {node.id for node in nodes}
    edges = [*(edge for edge in known.edges if edge.src in here and edge.src not in fresh.ids), *fresh.edges]
    imports = {number: entries for number, entries in known.imports.items() if number not in fresh.imports}
    imports |= fresh.imports
    linked, links = resolve(nodes, edges, imports)
    nodes = with_roles(nodes, linked, imports, links, table)
    heirs = _heirs(known, fresh, here)
    carried = _carried(known, heirs)
    said = standings(nodes, linked, {node.id: _NOWHERE for node in nodes})
    contexts = {node: one["context_hash"] for node, one in said.items()}
    pieces = list(_pieces(known, fresh, nodes, contexts, carried))
    went = {chunk.chunk_id for chunk in carried.values()}
    lost = [
        node
        for node in known.nodes
        if node.path in replaced and node.id not in here and node.id in known.chunks
        and known.chunks[node.id].chunk_id not in went
    ]  # fmt: skip
    touched = {change.path for change in pieces} | {node.path for node in lost if node.path} | _moved(heirs)
    written = known.chunks.keys() | fresh.worth_telling()
    wholes = (
        *_new_files([node for node in nodes if node.id not in carried]),
        *_new_packages(known, repo, [node for node in nodes if node.id in written or node.id in carried], heirs),
        *_wholes(known, touched),
    )
    return Changes(due=(*pieces, *wholes), gone=tuple(sorted(node.fqn for node in lost)))


def _ordinal(known: Indexed, node: int) -> int:
    place = known.places.get(node)
    return place.ordinal if place is not None else 0


def _heirs(known: Indexed, fresh: _Fresh, here: set[int]) -> list[Heir]:
    """Where code went that moved or is called otherwise: it takes its chunk along."""
    gone = [place for node, place in known.places.items() if node not in here and node in known.chunks]
    new = [place for node, place in fresh.places.items() if node < 0 and place.source_hash is not None]
    return heirs_of(gone, new)


def _carried(known: Indexed, heirs: Sequence[Heir]) -> dict[int, Chunk]:
    """The chunks that went along, by the new node. Where the code is the same the text holds for it."""
    found = {}
    for heir in heirs:
        chunk = known.chunks[heir.old.node_id]
        source = heir.new.source_hash if heir.same else chunk.source_hash
        found[heir.new.node_id] = replace(chunk, source_hash=source)
    return found


def _moved(heirs: Sequence[Heir]) -> set[str]:
    """Files that hold something else by now because code went from one to another; not those that moved as a whole."""
    files = {(heir.old.path, heir.new.path) for heir in heirs if heir.new.kind == NodeKind.FILE}
    went = {(heir.old.path, heir.new.path) for heir in heirs if heir.old.path != heir.new.path} - files
    return {path for pair in went for path in pair}


class _Fresh:
    """Parsed files as linking sees stored ones. What is in the index keeps its number; what is new has one below 0.

    With ``step`` 1 new numbers go up: so the files of a commit become an index of their own.
    """

    def __init__(self, known: Indexed, files: Sequence[ParsedFile], step: int = -1) -> None:
        stored = {(node.path, node.kind, node.fqn, _ordinal(known, node.id)): node for node in known.nodes}
        file_ids = {node.path: node.file_id for node in known.nodes if node.file_id is not None}
        numbers: dict[tuple[int, int], int] = {}
        self.nodes: list[StoredNode] = []
        self.parsed: dict[int, ParsedNode] = {}
        self.imports: dict[int, list[dict[str, str]]] = {}
        self.places: dict[int, Candidate] = {}
        last = 0
        for i, file in enumerate(files):
            last += step
            file_id = file_ids.get(file.path) or last
            self.imports[file_id] = [asdict(entry) for entry in file.imports]
            for j, node in enumerate(file.nodes):
                before = stored.get((file.path, str(node.kind), node.fqn, node.ordinal))
                last += step
                numbers[i, j] = before.id if before else last
                self.nodes.append(_stored(node, numbers[i, j], file_id, file.path, before))
                self.parsed[numbers[i, j]] = node
                self.places[numbers[i, j]] = Candidate(
                    node_id=numbers[i, j], path=file.path, kind=str(node.kind), lang=node.lang, fqn=node.fqn,
                    name=node.name, owner=node.owner, ordinal=node.ordinal, line_start=node.line_start,
                    source_hash=node.source_hash if node.source_code else None, shape_hash=node.shape_hash,
                    content_hash=file.content_hash,
                )  # fmt: skip
        self.ids = frozenset(self.parsed)
        self.edges = [
            StoredEdge(
                src=row["src"], kind=row["kind"], dst_name=row["dst_name"], dst=row.get("dst"), count=row["count"],
                resolution=row.get("resolution"),
            )
            for row in edge_rows(files, numbers).values()
        ]  # fmt: skip

    def worth_telling(self) -> set[int]:
        """The nodes that have code."""
        return {number for number, node in self.parsed.items() if node.source_code.strip()}


def as_indexed(repo: str, files: Sequence[ParsedFile], table: RoleTable) -> Indexed:
    """The index that a run of these files alone would make, with every text written. Pure."""
    fresh = _Fresh(Indexed(nodes=(), edges=(), imports={}, chunks={}), files, step=1)
    linked, links = resolve(fresh.nodes, fresh.edges, fresh.imports)
    nodes = with_roles(fresh.nodes, linked, fresh.imports, links, table)
    said = standings(nodes, linked, {node.id: _NOWHERE for node in nodes})
    holding = {node.path for node in nodes if node.kind != NodeKind.FILE}
    told = [node for node in nodes if node.id in fresh.worth_telling()]
    wholes, held = packages(repo, told, max(fresh.ids, default=0))
    chunks = {
        node.id: Chunk(
            chunk_id=node.id, source_hash=fresh.parsed[node.id].source_hash, context_hash=said[node.id]["context_hash"],
            strategy=strategy_of(node.kind, members=node.path in holding), written=True,
            chars=len(fresh.parsed[node.id].source_code),
        )
        for node in told
    }  # fmt: skip
    chunks |= {
        node.id: Chunk(
            chunk_id=node.id, source_hash=None, context_hash=None, strategy=strategy_of(node.kind, members=True),
            written=True, chars=0,
        )
        for node in wholes
    }  # fmt: skip
    return Indexed(
        nodes=[*nodes, *wholes], edges=[*linked, *held], imports=fresh.imports, chunks=chunks,
        places=fresh.places,
    )  # fmt: skip


def _stored(node: ParsedNode, number: int, file_id: int, path: str, before: StoredNode | None) -> StoredNode:
    return StoredNode(
        id=number, file_id=file_id, kind=str(node.kind), lang=node.lang, fqn=node.fqn, name=node.name,
        package=node.package, owner=node.owner, supertypes=node.supertypes,
        params=tuple(asdict(param) for param in node.params), return_type=node.return_type,
        fields=tuple(asdict(field) for field in node.fields), signature_hash=node.signature_hash,
        doc_summary=node.doc_summary, centrality=0.0, level=0, path=path, line_start=node.line_start,
        line_end=node.line_end, signature=node.signature, annotations=node.annotations, modifiers=node.modifiers,
        doc_details=node.doc_details, role=before.role if before else None,
        role_detail=before.role_detail if before else None, marks=node.marks,
    )  # fmt: skip


def _pieces(
    known: Indexed,
    fresh: _Fresh,
    nodes: Sequence[StoredNode],
    contexts: Mapping[int, str],
    carried: Mapping[int, Chunk],
) -> Iterator[Change]:
    """Functions, classes and files without any: what is new, what has another source, what has other neighbours."""
    holding = {node.path for node in nodes if node.kind != NodeKind.FILE and node.path is not None}
    for node in nodes:
        if node.path is None or (node.kind == NodeKind.FILE and node.path in holding):
            continue  # of wholes it is told elsewhere
        chunk, parsed = known.chunks.get(node.id) or carried.get(node.id), fresh.parsed.get(node.id)
        if parsed is not None and not parsed.source_code.strip():
            continue
        source = parsed.source_hash if parsed is not None else chunk.source_hash if chunk is not None else None
        if source is None or (chunk is None and parsed is None):
            continue
        context = contexts[node.id]
        reason = (
            Reason.NEW if chunk is None or not chunk.written
            else Reason.SOURCE if source != chunk.source_hash
            else Reason.CONTEXT if context != chunk.context_hash else None
        )  # fmt: skip
        if reason is None or (parsed is None and chunk is not None and not chunk.written):
            continue  # what is not written yet is due without any change
        yield Change(
            path=node.path, fqn=node.fqn, kind=node.kind, strategy=chunk.strategy if chunk else "symbol",
            reason=reason, source_key=f"{source}+{context}", chunk_id=chunk.chunk_id if chunk else None,
            chars=len(parsed.source_code) if parsed else chunk.chars if chunk else 0,
        )  # fmt: skip


def _new_files(nodes: Sequence[StoredNode]) -> Iterator[Change]:
    """Files that are described from what they hold, and are new."""
    holding = {node.path for node in nodes if node.kind != NodeKind.FILE}
    for node in nodes:
        if node.kind == NodeKind.FILE and node.path in holding and node.id < 0:
            yield Change(
                path=node.path or "", fqn=node.fqn, kind=node.kind, strategy="file", reason=Reason.NEW, source_key=None,
                chars=0,
            )  # fmt: skip


def _new_packages(known: Indexed, repo: str, nodes: Sequence[StoredNode], heirs: Sequence[Heir]) -> Iterator[Change]:
    """Folders that are packages by now, and the repository where it is new."""
    for whole in fresh_packages(known.nodes, known.edges, wholes_over(repo, nodes), heirs):
        yield Change(
            path=whole.folder, fqn=whole.fqn, kind=str(whole.kind), strategy=strategy_of(whole.kind, members=True),
            reason=Reason.NEW, source_key=None, chars=0,
        )  # fmt: skip


def _wholes(known: Indexed, touched: set[str]) -> Iterator[Change]:
    """What holds the files that something is different in: by the index, and of new files by their folders."""
    by_path = {node.path: node.id for node in known.nodes if node.kind == NodeKind.FILE and node.path is not None}
    owners: defaultdict[int, set[int]] = defaultdict(set)
    for edge in known.edges:
        if edge.kind == EdgeKind.CONTAINS and edge.dst is not None:
            owners[edge.dst].add(edge.src)
    waiting = []
    for path in touched:
        if path in by_path:
            waiting.append(by_path[path])
        else:
            folder = PurePosixPath(path).parent
            beside = [number for other, number in by_path.items() if PurePosixPath(other).parent == folder]
            waiting += [owner for number in beside for owner in owners[number]]
    found: set[int] = set()
    while waiting:
        node = waiting.pop()
        if node not in found:
            found.add(node)
            waiting += owners[node]
    names = {node.id: node for node in known.nodes}
    for number in sorted(found):
        chunk = known.chunks.get(number)
        if chunk is not None and chunk.strategy in WHOLES and chunk.written:
            yield Change(
                path=names[number].path or "", fqn=names[number].fqn, kind=names[number].kind, strategy=chunk.strategy,
                reason=Reason.CONTEXT, source_key=None, chunk_id=chunk.chunk_id, chars=chunk.chars,
            )  # fmt: skip
