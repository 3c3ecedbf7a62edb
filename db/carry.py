"""CARRY: chunks follow their code to another node, with texts, vectors, place in the queue and history."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Protocol

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from db.payload import dump
from db.session import Database
from db.sql import sql
from db.types import NodeKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A node that is gone from its place and has a chunk, or one that is new there and has none."""

    node_id: int
    path: str
    kind: str
    lang: str
    fqn: str
    name: str
    owner: str | None
    ordinal: int
    line_start: int
    source_hash: str | None
    shape_hash: str | None
    content_hash: str | None = None  # of its file, as it was read


@dataclass(frozen=True, slots=True, kw_only=True)
class Heir:
    """Where the chunk of ``old`` goes. ``same``: the code is the same but for declared names, so its text holds."""

    old: Candidate
    new: Candidate
    same: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """The texts of a chunk; None where there is none."""

    content_raw: str | None = None
    content: str | None = None
    instruct: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A node that stayed: names that are declared in it (old -> new), and the hash of its source before."""

    renames: Mapping[str, str]
    source_was: str | None


class Carrier(Protocol):
    """Decides; it knows no database."""

    def heirs(self, gone: Sequence[Candidate], fresh: Sequence[Candidate]) -> list[Heir]:
        """Where the code went; what cannot be told for certain is left out."""
        ...

    def retold(self, texts: Texts, renames: Mapping[str, str], source: str) -> Texts | None:
        """The texts with new names (old -> new) where ``source`` is described; None where that is not certain."""
        ...


_COLUMNS = (
    "n.id AS node_id, COALESCE(f.path, '') AS path, n.kind, n.lang, n.fqn, n.name, n.owner, n.ordinal, "
    "COALESCE(n.line_start, 0) AS line_start, n.source_hash, n.shape_hash, f.content_hash"
)


async def of_repository(connection: AsyncConnection, repo_id: int) -> dict[int, Candidate]:
    """Every node of a repository that stands in a file, by id."""
    rows = await connection.execute(
        text(f"SELECT {_COLUMNS} FROM node n JOIN file f ON f.id = n.file_id WHERE n.repo_id = :repo"),
        {"repo": repo_id},
    )
    return {row.node_id: Candidate(**row._mapping) for row in rows}


async def of_files(connection: AsyncConnection, files: Sequence[int]) -> dict[int, Candidate]:
    """Every node of some files by id, as it is stored now."""
    rows = await connection.execute(
        text(
            f"SELECT {_COLUMNS} FROM node n JOIN file f ON f.id = n.file_id "
            "WHERE n.file_id = ANY (CAST(:files AS bigint[]))"
        ),
        {"files": list(files)},
    )
    return {row.node_id: Candidate(**row._mapping) for row in rows}


async def with_chunks(connection: AsyncConnection, nodes: Sequence[int]) -> set[int]:
    """Those of the nodes that have a chunk."""
    rows = await connection.execute(
        text("SELECT DISTINCT node_id FROM chunk WHERE node_id = ANY (CAST(:nodes AS bigint[]))"),
        {"nodes": list(nodes)},
    )
    return {row.node_id for row in rows}


async def adrift(
    db: Database, repo_id: int, nodes: Sequence[int], paths: Sequence[str]
) -> tuple[list[Candidate], list[Candidate]]:
    """What is gone (these nodes, and all of the files at ``paths``) and has a chunk; what is new and has none."""
    async with db.statement() as connection:
        given = {"repo": repo_id, "nodes": list(nodes), "paths": list(paths)}
        gone = await connection.execute(
            text(
                f"SELECT {_COLUMNS} FROM node n JOIN file f ON f.id = n.file_id WHERE n.repo_id = :repo "
                "AND (n.id = ANY (CAST(:nodes AS bigint[])) OR f.path = ANY (CAST(:paths AS text[]))) "
                "AND EXISTS (SELECT FROM chunk c WHERE c.node_id = n.id) ORDER BY n.id"
            ),
            given,
        )
        found = [Candidate(**row._mapping) for row in gone]
        if not found:
            return [], []
        fresh = await connection.execute(
            text(
                f"SELECT {_COLUMNS} FROM node n JOIN file f ON f.id = n.file_id WHERE n.repo_id = :repo "
                "AND n.source_hash IS NOT NULL AND NOT (n.id = ANY (CAST(:nodes AS bigint[]))) "
                "AND NOT (f.path = ANY (CAST(:paths AS text[]))) "
                "AND NOT EXISTS (SELECT FROM chunk c WHERE c.node_id = n.id) ORDER BY n.id"
            ),
            given,
        )
        return found, [Candidate(**row._mapping) for row in fresh]


async def carry(
    connection: AsyncConnection,
    repo_id: int,
    heirs: Sequence[Heir],
    carrier: Carrier,
    kept: Mapping[int, Kept] | None = None,
) -> None:
    """Give the chunks of these nodes to their heirs. One transaction of the caller's.

    ``kept``: nodes that stayed where they are while only names that are declared in them changed. Their texts hold too,
    and so do those of the packages round them.
    """
    kept = kept or {}
    clean = await _clean(connection, repo_id, heirs)
    names = {heir.old.name: heir.new.name for heir in heirs if heir.same and heir.old.name in clean}
    around = await _around(connection, [heir.old.node_id for heir in heirs]) if names else []
    asked: dict[int, Mapping[str, str]] = dict.fromkeys(around, names)
    asked |= {heir.old.node_id: _renames(heir) if heir.same else {} for heir in heirs}
    asked |= {node: one.renames for node, one in kept.items()}
    goes = {heir.old.node_id: heir for heir in heirs}
    sources = await _sources(connection, heirs)
    rows = []
    for chunk in await _chunks(connection, list(asked)):
        heir, stays = goes.get(chunk.node_id), kept.get(chunk.node_id)
        before = Texts(content_raw=chunk.content_raw, content=chunk.content, instruct=chunk.instruct)
        told = carrier.retold(before, asked[chunk.node_id], sources.get(chunk.node_id, chunk.source_code))
        # An update that changes nothing would ask for another text.
        if heir is None and (told is None or chunk.content_raw is None or (stays is None and told == before)):
            continue
        holds = told is not None and (heir is None or heir.same)
        rows.append(
            {
                "chunk_id": chunk.id, "node_id": heir.new.node_id if heir else chunk.node_id,
                "holds": holds and (heir is not None or stays is not None),
                "alias": holds and (heir is None or heir.old.name == heir.new.name or heir.old.name in clean),
                "origin": heir.old.fqn if heir else None, "name_was": heir.old.name if heir else chunk.name,
                "source_was": heir.old.source_hash if heir else stays.source_was if stays else None,
                **asdict(told or before),
            }
        )  # fmt: skip
    if rows:
        await connection.execute(sql("carry_chunks"), {"chunks": dump(rows)})
        await connection.execute(sql("carry_fences"), {"chunks": [row["chunk_id"] for row in rows]})
    await _follow(connection, heirs)


async def _follow(connection: AsyncConnection, heirs: Sequence[Heir]) -> None:
    """Packages that are described no more hold what their files have become: that tells where they went themselves."""
    await connection.execute(
        text(
            "UPDATE edge e SET dst = g.new "
            "FROM unnest(CAST(:old AS bigint[]), CAST(:new AS bigint[])) AS g (old, new), node s "
            "WHERE e.dst = g.old AND e.kind = 'CONTAINS' AND s.id = e.src AND s.kind IN ('PACKAGE', 'REPOSITORY')"
        ),
        {"old": [heir.old.node_id for heir in heirs], "new": [heir.new.node_id for heir in heirs]},
    )


def _renames(heir: Heir) -> dict[str, str]:
    """Names of the code that it had elsewhere -> here: whole, its own, its owner's."""
    old, new = heir.old, heir.new
    pairs = [(old.fqn, new.fqn), (old.name, new.name)]
    if old.owner and new.owner:
        pairs += [(old.owner, new.owner), (_last(old.owner), _last(new.owner))]
    if old.kind == "FILE":
        pairs.append((old.path, new.path))
    return {before: after for before, after in pairs if before != after}


def _last(fqn: str) -> str:
    return fqn.rpartition(".")[2]


async def _clean(connection: AsyncConnection, repo_id: int, heirs: Sequence[Heir]) -> set[str]:
    """Old names that nothing in the repository bears any more: wherever a text says them, it means the new one."""
    old = sorted({heir.old.name for heir in heirs if heir.same and heir.old.name != heir.new.name})
    if not old:
        return set()
    rows = await connection.execute(
        text(
            "SELECT DISTINCT name FROM node WHERE repo_id = :repo AND name = ANY (CAST(:names AS text[])) "
            "AND NOT (id = ANY (CAST(:gone AS bigint[])))"
        ),
        {"repo": repo_id, "names": old, "gone": [heir.old.node_id for heir in heirs]},
    )
    told_twice = {heir.old.name for heir in heirs} - {heir.old.name for heir in heirs if heir.same}
    return set(old) - {row.name for row in rows} - told_twice


async def _sources(connection: AsyncConnection, heirs: Sequence[Heir]) -> dict[int, str]:
    """The code as it is now, by the node where it was."""
    named = {heir.new.node_id: heir.old.node_id for heir in heirs if heir.same and heir.old.name != heir.new.name}
    rows = await connection.execute(
        text("SELECT id, COALESCE(source_code, '') AS code FROM node WHERE id = ANY (CAST(:ids AS bigint[]))"),
        {"ids": list(named)},
    )
    return {named[row.id]: row.code for row in rows}


async def _around(connection: AsyncConnection, nodes: Sequence[int]) -> list[int]:
    """The packages and the repository round some nodes."""
    rows = await connection.execute(
        text(
            "WITH RECURSIVE up AS (SELECT unnest(CAST(:nodes AS bigint[])) AS id UNION "
            "SELECT e.src FROM up JOIN edge e ON e.dst = up.id AND e.kind = 'CONTAINS') "
            "SELECT n.id FROM up JOIN node n ON n.id = up.id WHERE n.kind IN ('PACKAGE', 'REPOSITORY')"
        ),
        {"nodes": list(nodes)},
    )
    return [row.id for row in rows]


async def _chunks(connection: AsyncConnection, nodes: Sequence[int]) -> Sequence[_Chunk]:
    rows = await connection.execute(
        text(
            "SELECT c.id, c.node_id, n.name, COALESCE(n.source_code, '') AS source_code, c.content_raw, c.content, "
            "c.instruct FROM chunk c JOIN node n ON n.id = c.node_id "
            "WHERE c.node_id = ANY (CAST(:nodes AS bigint[])) ORDER BY c.id FOR NO KEY UPDATE OF c"
        ),
        {"nodes": list(nodes)},
    )
    return [_Chunk(**row._mapping) for row in rows]


@dataclass(frozen=True, slots=True)
class _Chunk:
    id: int
    node_id: int
    name: str
    source_code: str
    content_raw: str | None
    content: str | None
    instruct: str | None


async def inside(
    connection: AsyncConnection,
    repo_id: int,
    before: Mapping[int, Candidate],
    files: Sequence[int],
    there: set[int],
    carrier: Carrier,
) -> None:
    """Chunks of what is called otherwise in the same file now, and of what holds it."""
    with_chunk = await with_chunks(connection, sorted(before.keys() - there))
    gone: defaultdict[str, list[Candidate]] = defaultdict(list)
    for node in with_chunk:
        gone[before[node].path].append(before[node])
    if not gone:
        return
    now = await of_files(connection, files)
    heirs: list[Heir] = []
    for path, nodes in gone.items():
        fresh = [now[node] for node in there - before.keys() if now[node].path == path and now[node].source_hash]
        heirs += carrier.heirs(nodes, fresh)
    renames: defaultdict[tuple[str, str | None], dict[str, str]] = defaultdict(dict)
    for heir in heirs:
        if heir.same and heir.old.owner == heir.new.owner and heir.old.name != heir.new.name:
            renames[heir.old.path, heir.old.owner][heir.old.name] = heir.new.name
    kept = {
        node: Kept(renames=names, source_was=one.source_hash)
        for node, one in before.items()
        if node in there
        and one.shape_hash is not None
        and (one.shape_hash, one.source_hash != now[node].source_hash) == (now[node].shape_hash, True)
        and (names := renames.get((one.path, None if one.kind == NodeKind.FILE else one.fqn)))
    }
    await carry(connection, repo_id, heirs, carrier, kept)


async def mark_unfinished(connection: AsyncConnection, nodes: Sequence[int]) -> list[str]:
    """The files that hold these nodes count as unread until ``finish_files``; their paths."""
    if not nodes:
        return []
    rows = await connection.execute(
        text(
            "UPDATE file SET content_hash = NULL, mtime_ns = NULL WHERE id IN "
            "(SELECT file_id FROM node WHERE id = ANY (CAST(:ids AS bigint[]))) RETURNING path"
        ),
        {"ids": list(nodes)},
    )
    return [row.path for row in rows]


async def finish_files(db: Database, repo_id: int, files: Sequence[tuple[str, int, str]]) -> None:
    """Nothing is adrift any more in these files: remember their (path, mtime_ns, content_hash)."""
    if not files:
        return
    rows = [{"path": path, "mtime_ns": mtime_ns, "content_hash": content} for path, mtime_ns, content in files]
    async with db.statement() as connection:
        await connection.execute(
            text(
                "UPDATE file f SET content_hash = g.content_hash, mtime_ns = g.mtime_ns "
                "FROM jsonb_to_recordset(CAST(:files AS jsonb)) AS g (path text, mtime_ns bigint, content_hash text) "
                "WHERE f.repo_id = :repo AND f.path = g.path"
            ),
            {"repo": repo_id, "files": dump(rows)},
        )


async def bury(db: Database, repo_id: int, nodes: Sequence[int], paths: Sequence[str]) -> tuple[int, int]:
    """Remove nodes and files that are gone, with all that is still theirs; how many nodes and chunks."""
    async with db.write() as connection:
        row = (
            await connection.execute(
                sql("carry_bury"), {"repo_id": repo_id, "nodes": list(nodes), "paths": list(paths)}
            )
        ).one()
        return row.nodes, row.chunks
