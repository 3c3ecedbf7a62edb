"""CONTROL: pause and resume, for one repository or everywhere, and the share of a repository; all audited."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from db import audit, wake
from db.audit import Order
from db.errors import NotFound
from db.session import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What an administrator has set for one repository."""

    repo: str
    paused: bool
    weight: int


async def pause(db: Database, order: Order, repos: Sequence[str] | None, *, paused: bool) -> int:
    """Pause repositories (None: everything), or let them go on; how many changed. Raises NotFound.

    What is in flight is finished. Pausing everything leaves the single repositories as they are: when it ends, those
    that were paused by themselves stay paused.
    """
    async with db.write() as connection:
        if repos is None:
            statement = "UPDATE control SET paused = :paused WHERE paused <> :paused RETURNING id"
        else:
            await _require(connection, repos)
            statement = (
                "UPDATE repository SET paused = :paused WHERE name = ANY (CAST(:repos AS text[])) "
                "AND paused <> :paused RETURNING id"
            )
        rows = await connection.execute(
            text(statement), {"paused": paused, **({"repos": list(repos)} if repos else {})}
        )
        changed = len(rows.all())
        await audit.note(connection, order, {"changed": changed})
        if changed and not paused:
            await wake.call(connection)
    return changed


async def weigh(db: Database, order: Order, repo: str, weight: int) -> int:
    """Set a repository's share of the work beside others (1 .. 1000); the weight before. Raises NotFound."""
    async with db.write() as connection:
        await _require(connection, [repo])
        before = await connection.scalar(
            text("SELECT weight FROM repository WHERE name = :repo FOR NO KEY UPDATE"), {"repo": repo}
        )
        await connection.execute(
            text("UPDATE repository SET weight = :weight WHERE name = :repo"), {"weight": weight, "repo": repo}
        )
        await audit.note(connection, order, {"before": before, "after": weight})
    return int(before or 0)


async def standings(db: Database) -> tuple[bool, list[Standing]]:
    """Whether everything is paused, and how each repository stands, by name."""
    async with db.read() as connection:
        everything = await connection.scalar(text("SELECT paused FROM control"))
        rows = await connection.execute(text("SELECT name AS repo, paused, weight FROM repository ORDER BY name"))
        return bool(everything), [Standing(**row) for row in rows.mappings()]


async def _require(connection: AsyncConnection, repos: Sequence[str]) -> None:
    rows = await connection.execute(
        text("SELECT name FROM repository WHERE name = ANY (CAST(:repos AS text[]))"), {"repos": list(repos)}
    )
    missing = sorted(set(repos) - {row.name for row in rows})
    if missing:
        raise NotFound(f"no repository is called {', '.join(map(repr, missing))}", "`doctown status` lists them all.")
