"""Link and rank the code graph of a repository: all of it, or what a few changed files can have changed.

What was done before is found done: a run that was killed is finished by the next, which then looks at everything.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

from daemon.index.chunks import chunk_of, priority, strategy_of
from daemon.index.edges import Link, Use
from daemon.index.graph import Place, clusters
from daemon.index.heirs import ByContent, package_heirs
from daemon.index.linking import definitions_of, imports_of, resolve
from daemon.index.neighbourhood import Neighbourhood, is_test_path, percents, ranked
from daemon.index.retell import with_roles
from daemon.index.ripple import Graph
from daemon.index.roletable import RoleTable
from daemon.index.sheet import render
from daemon.index.sheet_words import Words
from daemon.index.sheets import redraw, refresh
from daemon.index.standing import WEIGHTS, Standing, place, role_of, standings
from daemon.index.trace import Leaning, Reach, Trace, ends_of, moved_alone, reach, trace, uses_after
from daemon.index.wholes import wholes_of
from db import carry as db_carry
from db import index as db_index
from db import link as db_link
from db import part as db_part
from db import settle as db_settle
from db import wholes as db_wholes
from db.index import StoredRepository
from db.link import StoredChunk, StoredEdge, StoredNode
from db.part import Part
from db.payload import fields_of
from db.session import Database
from db.types import WHOLES, EdgeKind, NodeKind

_STEPS = 4
_TEST_FILE = "test-file"
_BATCH = 1000
_ABOVE = frozenset({EdgeKind.INHERITS, EdgeKind.IMPLEMENTS})

Timed = Callable[[str], AbstractContextManager[None]]


@dataclass(frozen=True, slots=True)
class Rewritten:
    """The files that a run wrote, and what the index said of them before."""

    paths: Sequence[str]
    before: Part


@dataclass(frozen=True, slots=True)
class _Linked:
    """What linking came to. ``edges`` are those that were looked at: all, or where ``ends`` is there, some."""

    edges: Sequence[StoredEdge]
    links: Mapping[Use, Link]
    leanings: Sequence[Leaning]
    ends: frozenset[int] | None  # of edges that lead elsewhere now; None: all may
    across: bool  # whether files lean on each other otherwise


async def relink(
    db: Database,
    repository: StoredRepository,
    timed: Timed,
    progress: Callable[[str, int, int], None],
    words: Words,
    table: RoleTable,
    rewritten: Rewritten | None = None,
) -> int:
    """Resolve every use, place every node, tell every chunk what its neighbours show, make the chunks that are missing.

    Packages and the repository itself are nodes too. Every node gets the role that ``table`` gives it, every chunk its
    fact sheet, in ``words``. Returns how many chunks were written. With ``rewritten`` nothing else than these files has
    changed since the last run, by the same table and words: only what that can have changed is looked at, and the
    outcome is the same.
    """
    repo_id = repository.id
    after = Part() if rewritten is None else await db_part.load(db, repo_id, rewritten.paths)
    bare, moved = set[int](), None
    if rewritten is not None:
        # What had no code until now has no chunk yet, although linking may see no difference.
        bare.update(await db_link.nodes_without_chunk(db, repo_id, [node.id for node in after.nodes]))
        moved = None if bare else moved_alone(rewritten.before, after)
    if moved is not None:
        with timed("sheets"):
            await redraw(db, repo_id, moved, words)
        progress("link", _STEPS, _STEPS)
        return 0
    changed = None if rewritten is None else trace(rewritten.before, after)
    if changed is None or changed.wholes:
        with timed("wholes"):
            owners = await db_wholes.write(
                db, repo_id, wholes_of(repository.name, await db_wholes.sources(db, repo_id))
            )
            await _carry_packages(db, repo_id, owners)
            await db_wholes.bury(db, repo_id, owners)
    with timed("load"):
        nodes = await db_link.load_nodes(db, repo_id)
        imports = await db_link.load_imports(db, repo_id)
    progress("link", 1, _STEPS)
    with timed("link"):
        linked = await _link(db, repo_id, nodes, imports, rewritten.before if rewritten else None, after)
        if linked.ends is None:
            changed = None
    with timed("roles"):
        before = nodes
        above = [edge for edge in _above(linked) if edge.kind in _ABOVE]
        nodes = await asyncio.to_thread(with_roles, nodes, above, imports, linked.links, table)
        told = [new for new, old in zip(nodes, before, strict=True) if role_of(new) != role_of(old)]
    progress("link", 2, _STEPS)
    with timed("rank"):
        places = await asyncio.to_thread(place, nodes, linked.leanings)
        groups = await _clusters(nodes, linked, changed, told)
        found = (
            replace(new, centrality=places[new.id].centrality, level=places[new.id].level, cluster=groups(new))
            for new, old in zip(nodes, before, strict=True)
            if new is not old or _rank(places[new.id]) != _rank(old) or groups(new) != old.cluster
        )
        await db_link.write_found(db, list(found))
    progress("link", 3, _STEPS)
    with timed("chunks"):
        shares = percents(ranked({node.id: places[node.id].centrality for node in nodes if node.file_id is not None}))
        seen = None
        if changed is not None and linked.ends is not None:
            shifted = _other_shares(before, changed, shares)
            wholes = (node.id for node in nodes if node.file_id is None) if changed.wholes else ()
            roles = {node.id for node in told}
            own = {*changed.written, *changed.ends, *linked.ends, *shifted, *wholes, *roles, *bare}
            there = {node.id for node in nodes}
            seen = reach(own & there, {*changed.showing, *roles}, changed.gone, nodes, linked.leanings)
        edges = linked.edges if seen is None else await _around(db, repo_id, seen)
        only = None if seen is None else [node for node in nodes if node.id in seen.nodes]
        said = standings(nodes, edges, places, only)
        written = await _write_contexts(db, repo_id, nodes, said, _holding(linked), places, before, seen)
    with timed("sheets"):
        graph = Neighbourhood(nodes, edges, shares)
        await refresh(db, repo_id, graph, words, None if seen is None else seen.nodes)
    with timed("chunks"):
        made = await _make_missing(
            db, repo_id, said, lambda node: render(graph.facts(node), words), _holding(linked),
            None if seen is None else seen.nodes,
        )  # fmt: skip
        await db_settle.touch(db, repo_id, None if seen is None else seen.around)
    progress("link", _STEPS, _STEPS)
    return written + made


async def _link(
    db: Database,
    repo_id: int,
    nodes: Sequence[StoredNode],
    imports: Mapping[int, Sequence[Mapping[str, str]]],
    before: Part | None,
    after: Part,
) -> _Linked:
    """Resolve the uses that may lead elsewhere than they do."""
    definitions = await asyncio.to_thread(definitions_of, nodes)
    ripples = None
    if before is not None:
        was = Graph(definitions_of(before.nodes), imports_of(before.imports))
        ripples = await asyncio.to_thread(uses_after, before, after, definitions, imports_of(imports), was)
    if ripples is None:
        edges = await db_link.load_edges(db, repo_id)
    else:
        edges = await db_link.load_uses(db, repo_id, ripples.files, ripples.words)
    linked, links = await asyncio.to_thread(resolve, nodes, edges, imports, definitions)
    other = [(new, old) for new, old in zip(linked, edges, strict=True) if new != old]
    await db_link.write_links(db, [new for new, _ in other])
    if ripples is None:
        leanings = [(edge.src, edge.dst, edge.kind, edge.count) for edge in linked if edge.dst is not None]
        return _Linked(linked, links, leanings, None, across=True)
    home = {node.id: node.file_id for node in (*nodes, *(before.nodes if before else ()))}
    came = [*(edge for pair in other for edge in pair), *({*(before.edges if before else ())} ^ {*after.edges})]
    # Of an edge whose end is gone nothing says any more where that was.
    across = any(old.dst is None and old.resolution is not None for _, old in other) or any(
        edge.kind in WEIGHTS and edge.dst is not None and home.get(edge.src) != home.get(edge.dst) for edge in came
    )
    leanings = await db_link.load_leanings(db, repo_id)
    return _Linked(linked, links, leanings, ends_of(edge for pair in other for edge in pair), across)


def _above(linked: _Linked) -> Iterable[StoredEdge]:
    if linked.ends is None:
        return linked.edges
    return (
        StoredEdge(src=src, kind=kind, dst_name="", dst=dst, count=count, resolution=None)
        for src, dst, kind, count in linked.leanings
        if kind in _ABOVE
    )


def _holding(linked: _Linked) -> set[int]:
    return {src for src, _, kind, _ in linked.leanings if kind == EdgeKind.CONTAINS}


def _other_shares(before: Sequence[StoredNode], changed: Trace, shares: Mapping[int, int | None]) -> set[int]:
    """Nodes whose sheet says another share of the most central ones than it did."""
    fresh = changed.written
    was = {
        node.id: round(node.centrality, 4)
        for node in (*before, *changed.gone)
        if node.file_id is not None and (node.id not in fresh or node.id in changed.known)
    }
    old = percents(ranked(was))
    return {node for node, share in shares.items() if old.get(node) != share}


async def _around(db: Database, repo_id: int, seen: Reach) -> list[StoredEdge]:
    """The edges that the sheets of some nodes speak of: theirs, and those that lead to them and to their members."""
    begin = await db_link.load_edges(db, repo_id, seen.nodes)
    return [*begin, *(edge for edge in await db_link.load_edges_to(db, repo_id, seen.nodes | seen.members)
                      if edge.src not in seen.nodes)]  # fmt: skip


async def _write_contexts(
    db: Database,
    repo_id: int,
    nodes: Sequence[StoredNode],
    said: Mapping[int, Standing],
    holding: Container[int],
    places: Mapping[int, Place],
    before: Sequence[StoredNode],
    seen: Reach | None,
) -> int:
    """What chunks are to say of their neighbours and how early they go; how many are different."""
    by_id = {node.id: node for node in nodes}
    asked = None
    if seen is not None:
        asked = {
            *seen.nodes,
            *(old.id for old in before if _rank(places[old.id]) != _rank(old)),
        }
    chunks = await db_link.load_chunks(db, repo_id, asked)
    wanted = [
        _chunk(old, said[old.node_id], by_id[old.node_id].kind, old.node_id in holding)
        if old.node_id in said
        else replace(old, priority=priority(places[old.node_id].level, places[old.node_id].centrality))
        for old in chunks
    ]
    changed = [new for new, old in zip(wanted, chunks, strict=True) if new != old]
    await db_link.write_contexts(db, changed)
    return len(changed)


def _rank(one: Place | StoredNode) -> tuple[float, int]:
    return round(one.centrality, 4), one.level


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


def _chunk(old: StoredChunk, said: Standing, kind: str, holds: bool) -> StoredChunk:
    """The chunk as it is to be now. What a whole reads is told by settling, from what its pieces say."""
    strategy = strategy_of(kind, members=holds)
    context = old.context_hash if strategy in WHOLES and old.strategy in WHOLES else said["context_hash"]
    return StoredChunk(
        id=old.id, node_id=old.node_id, strategy=strategy, context_hash=context, priority=said["priority"]
    )  # fmt: skip


async def _clusters(
    nodes: Sequence[StoredNode],
    linked: _Linked,
    changed: Trace | None,
    told: Sequence[StoredNode],
) -> Callable[[StoredNode], int | None]:
    """Which files belong together, by FILE node; tests belong to what they test, and say nothing about it."""
    files = {
        node.file_id: node
        for node in nodes
        if node.kind == NodeKind.FILE and node.role != _TEST_FILE and not is_test_path(node.path or "")
    }
    same = changed is not None and not linked.across and not any(node.kind == NodeKind.FILE for node in told)
    if same and changed is not None and not any(one.kind == NodeKind.FILE for one in changed.gone):
        fresh = changed.written - changed.known
        if not any(file.id in fresh for file in files.values()):
            return lambda node: node.cluster
    home = {node.id: node.file_id for node in nodes}
    between = [
        (files[home[src]].id, files[home[dst]].id, WEIGHTS[EdgeKind(kind)] * count)
        for src, dst, kind, count in linked.leanings
        if kind in WEIGHTS and home.get(src) in files and home.get(dst) in files
    ]
    ordered = [node.id for node in sorted(files.values(), key=lambda node: node.path or "")]
    found = await asyncio.to_thread(clusters, ordered, between)
    return lambda node: found.get(node.id)


async def _make_missing(
    db: Database,
    repo_id: int,
    said: Mapping[int, Standing],
    sheet: Callable[[int], str],
    holding: Container[int],
    among: Iterable[int] | None,
) -> int:
    missing, made = await db_link.nodes_without_chunk(db, repo_id, among), 0
    for start in range(0, len(missing), _BATCH):
        async with db.statement() as connection:
            bare = await db_link.bare_nodes(connection, missing[start : start + _BATCH])
        rows = []
        for node in bare:
            names = [str(param["name"]) for param in node.params]
            chunk = chunk_of(
                node.kind, node.fqn, node.path, names, node.source_code, members=node.id in holding
            )  # fmt: skip
            if chunk is not None:
                standing = said[node.id] if chunk.strategy not in WHOLES else {**said[node.id], "context_hash": None}
                rows.append({"node_id": node.id, **fields_of(chunk), **standing, "explain_md": sheet(node.id)})
        made += await db_link.insert_chunks(db, repo_id, rows)
    return made
