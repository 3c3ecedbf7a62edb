"""What single edits cost: model calls by stage and reason. `make edits` prints the table."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

import psycopg

from daemon import log
from daemon.config import shared
from daemon.settings import LogSettings
from db.embedded import EmbeddedServer
from db.migrate import upgrade
from db.session import Database
from tests.support.database import with_database
from tests.support.edits import EDITS, Cost, as_table, document, measure

T = TypeVar("T")


def main() -> None:
    """Make a folder and a server for it."""
    log.setup(LogSettings(level="error"))
    folder = Path(tempfile.mkdtemp(prefix="doctown-edits-"))
    folder.chmod(0o755)  # root's server runs as another user, who must pass through
    asyncio.run(measure_all(folder))


async def measure_all(folder: Path) -> None:
    """Measure every edit in a database of its own and print the table."""
    server = EmbeddedServer(folder / "data", settings=(("fsync", "off"), ("synchronous_commit", "off")))
    rows: list[tuple[str, Cost]] = []
    try:
        url = await asyncio.to_thread(server.start)
        first = await _database(url, "documented")
        await asyncio.to_thread(upgrade, first, shared("alembic"))
        await _with(first, lambda db: document(db, folder / "tree"))
        for number, edit in enumerate(EDITS):
            own = await _database(url, f"edit_{number}", template="documented")
            cost = await _with(
                own, partial(measure, documented=folder / "tree", folder=folder / str(number), edit=edit)
            )
            rows.append((edit.name, cost))
    finally:
        await asyncio.to_thread(server.stop, "immediate")
        shutil.rmtree(folder, ignore_errors=True)
    print(as_table(rows))


async def _database(url: str, name: str, *, template: str = "template1") -> str:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())
    return with_database(url, name)


async def _with(url: str, work: Callable[[Database], Awaitable[T]]) -> T:
    db = Database(url, name="edits")
    try:
        return await work(db)
    finally:
        await db.close()


if __name__ == "__main__":
    main()
