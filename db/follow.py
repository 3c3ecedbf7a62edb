"""FOLLOW: up to where a repository is in the index, where it comes from, how often it is looked at, and who does it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from db import audit
from db.audit import Order
from db.errors import NotFound
from db.parsed import Position, SkippedFile
from db.session import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """A repository that is followed. Moments are the database's; ``overdue_s`` is below 0 until it is due."""

    repo_id: int
    repo: str
    root: str | None
    url: str | None
    ref: str | None
    every_s: float
    next_at: datetime
    overdue_s: float
    busy: bool  # a daemon is at it
    failures: int  # in a row
    error: str | None
    done_at: datetime | None
    commit: str | None
    paused: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a repository comes from: a folder (``root``) or a ``url``; ``ref`` None: what lies there, or its HEAD."""

    root: str | None
    url: str | None
    ref: str | None


# -- up to where ----------------------------------------------------------------------------------------------


async def position(db: Database, repo_id: int) -> Position | None:
    """What the last index run remembered; None: nothing that a run could build upon."""
    async with db.statement() as connection:
        rows = await connection.execute(
            text("SELECT indexed_commit, indexed_apart, indexed_basis FROM repository WHERE id = :repo"),
            {"repo": repo_id},
        )
        row = rows.one()
    if row.indexed_commit is None or row.indexed_basis is None:
        return None
    return Position(commit=row.indexed_commit, apart=tuple(row.indexed_apart), basis=row.indexed_basis)


async def remember(db: Database, repo_id: int, reached: Position | None) -> None:
    """Write down how far a run came."""
    async with db.statement() as connection:
        await connection.execute(
            text(
                "UPDATE repository SET indexed_commit = :commit, indexed_apart = CAST(:apart AS text[]), "
                "indexed_basis = :basis WHERE id = :repo"
            ),
            {
                "repo": repo_id, "commit": reached.commit if reached else None,
                "apart": list(reached.apart) if reached else [], "basis": reached.basis if reached else None,
            },
        )  # fmt: skip


async def untouched(db: Database, repo_id: int, paths: Iterable[str]) -> tuple[int, tuple[SkippedFile, ...]]:
    """How many known files are none of ``paths``, and those of them that were skipped."""
    others = "FROM file WHERE repo_id = :repo AND path <> ALL (CAST(:paths AS text[]))"
    values = {"repo": repo_id, "paths": sorted(paths)}
    async with db.statement() as connection:
        count = await connection.scalar(text(f"SELECT count(*) {others}"), values)
        rows = await connection.execute(
            text(f"SELECT path, skipped, size, mtime_ns {others} AND skipped IS NOT NULL ORDER BY path"), values
        )
        skipped = tuple(
            SkippedFile(path=row.path, reason=row.skipped, size=row.size or 0, mtime_ns=row.mtime_ns or 0)
            for row in rows
        )
    return int(count or 0), skipped


# -- commands -------------------------------------------------------------------------------------------------


async def follow(db: Database, order: Order, repo: str, origin: Origin | None, every_s: float) -> int:
    """Follow a repository, which is made where it is not there yet; its number. It is due at once.

    ``origin`` None: from where it came before. Raises NotFound where nobody knows from where.
    """
    async with db.write() as connection:
        if origin is not None:
            await connection.execute(
                text(
                    "INSERT INTO repository (name, root, url, ref) VALUES (:repo, :root, :url, :ref) "
                    "ON CONFLICT (name) DO UPDATE SET root = excluded.root, url = excluded.url, ref = excluded.ref"
                ),
                {"repo": repo, "root": origin.root, "url": origin.url, "ref": origin.ref},
            )
        rows = await connection.execute(text("SELECT id, root, url FROM repository WHERE name = :repo"), {"repo": repo})
        row = rows.first()
        if row is None:
            raise NotFound(f"no repository is called {repo!r}", "Give a folder or a URL, or see `doctown status`.")
        if row.root is None and row.url is None:
            raise NotFound(
                f"{repo!r} was not indexed from a folder or a URL, so there is nothing to follow",
                f"Say where it comes from: `doctown follow PATH --name {repo}`.",
            )
        await connection.execute(
            text(
                "INSERT INTO follow AS f (repo_id, every_s, next_at) VALUES (:id, :every, clock_timestamp()) "
                "ON CONFLICT (repo_id) DO UPDATE SET every_s = excluded.every_s, next_at = excluded.next_at, "
                "failures = 0, error = NULL"
            ),
            {"id": row.id, "every": every_s},
        )
        await audit.note(connection, order, {"every_s": every_s})
    return int(row.id)


async def unfollow(db: Database, order: Order, repo: str) -> bool:
    """Follow it no longer; its index and texts stay. Whether it was followed. Raises NotFound."""
    async with db.write() as connection:
        repo_id = await connection.scalar(text("SELECT id FROM repository WHERE name = :repo"), {"repo": repo})
        if repo_id is None:
            raise NotFound(f"no repository is called {repo!r}", "`doctown follow` lists what is followed.")
        rows = await connection.execute(text("DELETE FROM follow WHERE repo_id = :id RETURNING 1"), {"id": repo_id})
        was = rows.first() is not None
        await audit.note(connection, order, {"changed": int(was)})
    return was


async def origin(db: Database, repo: str) -> Origin | None:
    """Where a repository comes from; None: nobody knows such a repository."""
    async with db.read() as connection:
        rows = await connection.execute(
            text("SELECT root, url, ref FROM repository WHERE name = :repo"), {"repo": repo}
        )
        row = rows.first()
    return None if row is None else Origin(root=row.root, url=row.url, ref=row.ref)


async def followed(db: Database, repo: str | None = None) -> list[Followed]:
    """Every repository that is followed, or one of them, by name."""
    async with db.read() as connection:
        rows = await connection.execute(
            text(f"{_FOLLOWED} WHERE CAST(:repo AS text) IS NULL OR r.name = CAST(:repo AS text) ORDER BY r.name"),
            {"repo": repo},
        )
        return [_followed(row) for row in rows.mappings()]


_FOLLOWED = """
    SELECT r.id AS repo_id, r.name AS repo, r.root, r.url, r.ref, f.every_s, f.next_at,
           extract(epoch FROM clock_timestamp() - f.next_at)::double precision AS overdue_s,
           COALESCE(f.lease_until > clock_timestamp(), false) AS busy, f.failures, f.error, f.done_at,
           r.indexed_commit AS commit, r.paused OR control.paused AS paused
      FROM follow f JOIN repository r ON r.id = f.repo_id CROSS JOIN control
"""


def _followed(row: Any) -> Followed:
    return Followed(**row)


# -- turns ----------------------------------------------------------------------------------------------------


async def due(db: Database) -> tuple[list[Followed], float | None]:
    """What is due and free, the longest waiting first; and in how many seconds the next one will be (None: never)."""
    async with db.read() as connection:
        rows = await connection.execute(
            text(
                f"{_FOLLOWED} WHERE f.next_at <= clock_timestamp() AND NOT (r.paused OR control.paused) "
                "AND COALESCE(f.lease_until <= clock_timestamp(), true) ORDER BY f.next_at"
            )
        )
        found = [_followed(row) for row in rows.mappings()]
        next_s = await connection.scalar(
            text(
                "SELECT extract(epoch FROM min(GREATEST(next_at, COALESCE(lease_until, next_at))) "
                "- clock_timestamp())::double precision FROM follow WHERE GREATEST(next_at, "
                "COALESCE(lease_until, next_at)) > clock_timestamp()"
            )
        )
    return found, next_s


async def take(db: Database, repo_id: int, owner: UUID, lease_s: float) -> bool:
    """Take the turn of a repository that is due; whether it was still free."""
    async with db.statement() as connection:
        rows = await connection.execute(
            text(
                "UPDATE follow SET lease_owner = :owner, tried_at = clock_timestamp(), "
                "lease_until = clock_timestamp() + make_interval(secs => :lease) "
                "WHERE repo_id = :repo AND next_at <= clock_timestamp() "
                "AND COALESCE(lease_until <= clock_timestamp(), true) RETURNING 1"
            ),
            {"repo": repo_id, "owner": owner, "lease": lease_s},
        )
        return rows.first() is not None


async def renew(db: Database, repo_id: int, owner: UUID, lease_s: float) -> bool:
    """Keep the turn; whether it is still ours."""
    async with db.statement() as connection:
        rows = await connection.execute(
            text(
                "UPDATE follow SET lease_until = clock_timestamp() + make_interval(secs => :lease) "
                "WHERE repo_id = :repo AND lease_owner = :owner RETURNING 1"
            ),
            {"repo": repo_id, "owner": owner, "lease": lease_s},
        )
        return rows.first() is not None


async def done(db: Database, repo_id: int, owner: UUID, *, wait_s: float) -> bool:
    """It is in step; due again in ``wait_s``. Whether the turn was still ours."""
    return await _end(
        db, repo_id, owner,
        "next_at = clock_timestamp() + make_interval(secs => :wait), failures = 0, error = NULL, "
        "done_at = clock_timestamp()",
        {"wait": wait_s},
    )  # fmt: skip


async def failed(db: Database, repo_id: int, owner: UUID, *, error: str, wait_s: float) -> bool:
    """It came to nothing; tried again in ``wait_s``. Whether the turn was still ours."""
    return await _end(
        db, repo_id, owner,
        "next_at = clock_timestamp() + make_interval(secs => :wait), failures = failures + 1, error = :error",
        {"wait": wait_s, "error": error},
    )  # fmt: skip


async def give_back(db: Database, repo_id: int, owner: UUID) -> bool:
    """Leave the turn to another daemon, at once."""
    return await _end(db, repo_id, owner, "tried_at = tried_at", {})


async def _end(db: Database, repo_id: int, owner: UUID, changes: str, values: dict[str, Any]) -> bool:
    async with db.statement() as connection:
        return await _changed(
            connection,
            f"UPDATE follow SET lease_owner = NULL, lease_until = NULL, {changes} "
            "WHERE repo_id = :repo AND lease_owner = :owner RETURNING 1",
            {"repo": repo_id, "owner": owner, **values},
        )


async def _changed(connection: AsyncConnection, statement: str, values: dict[str, Any]) -> bool:
    return (await connection.execute(text(statement), values)).first() is not None
