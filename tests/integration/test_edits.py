"""What a single edit costs: the model calls that it takes and why, from a real tree to the saved texts."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from db.session import Database
from tests.support.database import with_database
from tests.support.edits import EDITS, Edit, as_table, document, measure

PAGE = Path(__file__).resolve().parents[2] / "docs" / "staleness.md"


@pytest.fixture(scope="module")
def documented(server_url: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A database in which everything is written about a tree, to be cloned; its name, and the tree."""
    name, tree = f"documented_{os.getpid()}", tmp_path_factory.mktemp("documented") / "tree"
    url = with_database(server_url, name)

    async def write() -> None:
        db = Database(url, name="doctown test")
        try:
            await document(db, tree)
        finally:
            await db.close()

    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())
        asyncio.run(write())
        yield name, tree
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.name.replace(" ", "-"))
async def test_an_edit_costs_what_the_table_says(
    documented: tuple[str, Path], server_url: str, tmp_path: Path, edit: Edit
) -> None:
    template, tree = documented
    name = f"edit_{os.getpid()}_{EDITS.index(edit)}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())
        db = Database(with_database(server_url, name), name="doctown test")
        try:
            assert await measure(db, tree, tmp_path, edit) == edit.cost
        finally:
            await db.close()
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def test_the_table_is_in_the_documentation() -> None:
    assert as_table([(edit.name, edit.cost) for edit in EDITS]) in PAGE.read_text(encoding="utf-8"), "`make edits`"
