"""Link and rank the whole code graph of a repository, and write only what came out differently."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Container, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict
from typing import TypedDict

from daemon.index.chunks import chunk_of, context_hash, priority, strategy_of
from daemon.index.edges import Definition, Link, Use, link, typed
from daemon.index.graph import Place, clusters, rank
from daemon.index.heirs import ByContent, package_heirs
from daemon.index.neighbourhood import Neighbourhood, is_test_path, percents, ranked
from daemon.index.retell import subjects_of, with_roles
from daemon.index.roles import uses_of
from daemon.index.roletable import RoleTable
from daemon.index.sheet import render
from daemon.index.sheet_words import Words
from daemon.index.sheets import refresh
from daemon.index.wholes import wholes_of
from db import carry as db_carry
from db import index as db_index
from db import link as db_link
from db import settle as db_settle
from db import wholes as db_wholes
from db.index import CONTAINERS, StoredRepository
from db.link import StoredChunk, StoredEdge, StoredNode
from db.parsed import Import
from db.session import Database
from db.types import TEST_ROLES, WHOLES, EdgeKind, NodeKind, Param

_WEIGHTS = {EdgeKind.CALLS: 1.0, EdgeKind.INHERITS: 1.0, EdgeKind.IMPLEMENTS: 1.0, EdgeKind.IMPORTS: 0.5}
_SHOWN = 40  # callees of each sort that the prompt of a chunk may show: db/sql/gather.sql takes as many
_STEPS = 4
_TEST_FILE = "test-file"
_BATCH = 1000


class Standing(TypedDict):
    """What linking found out about a chunk."""

    context_hash: str
    priority: int


Timed = Callable[[str], AbstractContextManager[None]]


async def relink(
    db: Database,
    repository: StoredRepository,
    timed: Timed,
    progress: Callable[[str, int, int], None],
    words: Words,
    table: RoleTable,
) -> int:
    """Resolve every use, place every node, tell every chunk what its neighbours show, make the chunks that are missing.

    Packages and the repository itself are nodes too. Every node gets the role that ``table`` gives it, every chunk its
    fact sheet, in ``words``. Returns how many chunks were written. Whatever was done before is found done: a killed
    run is finished by the next.
    """
    repo_id = repository.id
    with timed("wholes"):
        owners = await db_wholes.write(db, repo_id, wholes_of(repository.name, await db_wholes.sources(db, repo_id)))
        await _carry_packages(db, repo_id, owners)
        await db_wholes.bury(db, repo_id, owners)
    nodes = await db_link.load_nodes(db, repo_id)
    edges = await db_link.load_edges(db, repo_id)
    imports = await db_link.load_imports(db, repo_id)
    progress("link", 1, _STEPS)
    with timed("link"):
        linked, links = await asyncio.to_thread(resolve, nodes, edges, imports)
        await db_link.write_links(db, [edge for edge, before in zip(linked, edges, strict=True) if edge != before])
    with timed("roles"):
        before, nodes = nodes, await asyncio.to_thread(with_roles, nodes, linked, imports, links, table)
        told = {new.id: _role(new) for new, old in zip(nodes, before, strict=True) if _role(new) != _role(old)}
        await db_link.write_roles(db, told)
    progress("link", 2, _STEPS)
    with timed("rank"):
        places = await asyncio.to_thread(place, nodes, linked)
        moved = {
            node.id: (places[node.id].centrality, places[node.id].level)
            for node in nodes
            if (round(node.centrality, 4), node.level) != (places[node.id].centrality, places[node.id].level)
        }
        await db_link.write_places(db, moved)
        await _write_clusters(db, nodes, linked)
    progress("link", 3, _STEPS)
    with timed("chunks"):
        said = standings(nodes, linked, places)
        chunks = await db_link.load_chunks(db, repo_id)
        holding = {edge.src for edge in linked if edge.kind == EdgeKind.CONTAINS}
        kinds = {node.id: node.kind for node in nodes}
        wanted = [_chunk(old, said[old.node_id], kinds[old.node_id], old.node_id in holding) for old in chunks]
        changed = [new for new, old in zip(wanted, chunks, strict=True) if new != old]
        await db_link.write_contexts(db, changed)
    with timed("sheets"):
        graph = Neighbourhood(nodes, linked, percents(ranked(_of_parts(nodes, places))))
        await refresh(db, repo_id, graph, words)
    with timed("chunks"):
        made = await _make_missing(db, repo_id, said, lambda node: render(graph.facts(node), words), holding)
        await db_settle.touch(db, repo_id)
    progress("link", _STEPS, _STEPS)
    return len(changed) + made


async def _carry_packages(db: Database, repo_id: int, owners: Sequence[int]) -> None:
    """The chunk of a package goes where most of what it held went."""
    adrift = await db_wholes.adrift(db, repo_id, owners)
    heirs = package_heirs(adrift.gone, adrift.fresh, adrift.holds)
    if not heirs:
        return
    texts = {
        heir.new.node_id: chunk
        for heir in heirs
        if (chunk := chunk_of(heir.new.kind, heir.new.fqn, "", (), "", members=True)) is not None
    }
    async with db.write() as connection:
        await db_carry.carry(connection, repo_id, heirs, ByContent())
        await db_index.describe_chunks(connection, repo_id, texts)


def _of_parts(nodes: Sequence[StoredNode], places: Mapping[int, Place]) -> dict[int, float]:
    """Centrality of everything that stands in a file."""
    return {node.id: places[node.id].centrality for node in nodes if node.file_id is not None}


def _chunk(old: StoredChunk, said: Standing, kind: str, holds: bool) -> StoredChunk:
    """The chunk as it is to be now. What a whole reads is told by settling, from what its pieces say."""
    strategy = strategy_of(kind, members=holds)
    context = old.context_hash if strategy in WHOLES and old.strategy in WHOLES else said["context_hash"]
    return StoredChunk(
        id=old.id, node_id=old.node_id, strategy=strategy, context_hash=context, priority=said["priority"]
    )  # fmt: skip


async def _write_clusters(db: Database, nodes: Sequence[StoredNode], edges: Sequence[StoredEdge]) -> None:
    """Which files belong together; tests belong to what they test, and say nothing about it."""
    files = {
        node.file_id: node
        for node in nodes
        if node.kind == NodeKind.FILE and node.role != _TEST_FILE and not is_test_path(node.path or "")
    }
    home = {node.id: node.file_id for node in nodes}
    between = [
        (files[home[edge.src]].id, files[home[edge.dst]].id, _WEIGHTS[EdgeKind(edge.kind)] * edge.count)
        for edge in edges
        if edge.kind in _WEIGHTS
        and edge.dst is not None
        and home.get(edge.src) in files
        and home.get(edge.dst) in files
    ]
    ordered = [node.id for node in sorted(files.values(), key=lambda node: node.path or "")]
    found = await asyncio.to_thread(clusters, ordered, between)
    told = {node.id: found.get(node.id) for node in nodes if node.cluster != found.get(node.id)}
    await db_link.write_clusters(db, told)


async def _make_missing(
    db: Database, repo_id: int, said: Mapping[int, Standing], sheet: Callable[[int], str], holding: Container[int]
) -> int:
    last, made = 0, 0
    while bare := await db_link.nodes_without_chunk(db, repo_id, after=last, limit=_BATCH):
        last = bare[-1].id
        rows = []
        for node in bare:
            names = [str(param["name"]) for param in node.params]
            chunk = chunk_of(
                node.kind, node.fqn, node.path, names, node.source_code, members=node.id in holding
            )  # fmt: skip
            if chunk is not None:
                standing = said[node.id] if chunk.strategy not in WHOLES else {**said[node.id], "context_hash": None}
                rows.append({"node_id": node.id, **asdict(chunk), **standing, "explain_md": sheet(node.id)})
        made += await db_link.insert_chunks(db, repo_id, rows)
    return made


def resolve(
    nodes: Sequence[StoredNode], edges: Sequence[StoredEdge], imports: Mapping[int, Sequence[Mapping[str, str]]]
) -> tuple[list[StoredEdge], dict[Use, Link]]:
    """The same edges with where they lead (CONTAINS is known since the file was stored), and every use resolved:
    those that are no edges too, the functions that a call hands over."""
    definitions = [_definition(node) for node in nodes if node.file_id is not None]
    uses = {edge: Use(edge.src, EdgeKind(edge.kind), edge.dst_name) for edge in edges if edge.kind != EdgeKind.CONTAINS}
    known = {
        file: [Import(alias=entry["alias"], target=entry["target"]) for entry in entries]
        for file, entries in imports.items()
    }
    links = link(definitions, [*uses.values(), *uses_of(subjects_of(nodes))], known)
    nowhere = Link(None, "")
    linked = [_linked(edge, links.get(uses[edge], nowhere)) if edge in uses else edge for edge in edges]
    return linked, links


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
    return StoredEdge(
        src=edge.src, kind=edge.kind, dst_name=edge.dst_name, dst=to.dst, count=edge.count, resolution=to.how or None
    )


def place(nodes: Sequence[StoredNode], edges: Sequence[StoredEdge]) -> dict[int, Place]:
    """Centrality and level of every node. Packages and the repository lie above what they hold; nobody uses them."""
    parts = [node.id for node in nodes if node.file_id is not None]
    wholes = frozenset(node.id for node in nodes if node.file_id is None)
    leanings = [
        (edge.src, edge.dst, _WEIGHTS[EdgeKind(edge.kind)] * edge.count)
        for edge in edges
        if edge.dst is not None and edge.kind in _WEIGHTS
    ]
    contains = [(edge.src, edge.dst) for edge in edges if edge.dst is not None and edge.kind == EdgeKind.CONTAINS]
    places = rank(parts, leanings, contains)
    inside: defaultdict[int, list[int]] = defaultdict(list)
    for owner, member in contains:
        if owner in wholes:
            inside[owner].append(member)

    def level(node: int) -> int:
        return places[node].level if node in places else 1 + max(map(level, inside[node]), default=-1)

    return {**places, **{whole: Place(centrality=0.0, level=level(whole)) for whole in wholes}}


def standings(
    nodes: Sequence[StoredNode], edges: Sequence[StoredEdge], places: Mapping[int, Place]
) -> dict[int, Standing]:
    """What the callees and members of each node show of themselves, and how early its chunk goes."""
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
        for node in nodes
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
        ((one.name, " ".join(filter(None, _role(one))), one.doc_summary) for one in own),
    )


def _internal(node: StoredNode, to: StoredNode) -> bool:
    """As db/sql/gather.sql has it."""
    if node.kind == NodeKind.FILE and to.file_id == node.file_id:
        return True
    return to.owner is not None and to.owner in {node.owner, node.fqn}


def _role(node: StoredNode) -> tuple[str | None, str | None]:
    return node.role, node.role_detail
