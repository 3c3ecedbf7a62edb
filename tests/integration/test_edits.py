"""What a single edit costs: the model calls that it takes and why, from a real tree to the saved texts."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from daemon.cli.plan import plan_folder, plan_index
from daemon.work.forecast import Forecast
from db.session import Database
from db.types import Stage
from tests.support.database import with_database
from tests.support.edits import EDITS, Cost, Edit, World, a_tree, as_table, bring_up, document, index, prepare, write
from tests.support.gits import a_repository_of_git, commit

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
            world = await prepare(db, tree, tmp_path, edit)
            connection.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on".encode())
            careful = Database(with_database(server_url, name), name="doctown test")
            folder = await plan_folder(world.app(careful), world.root, "shop")
            since = await plan_folder(world.app(careful), history_of(tree, world.root, tmp_path), "shop", "HEAD")
            await careful.close()
            connection.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only".encode())
            await index(db, world)
            indexed = await plan_index(world.app(db), None)
            assert await write(db, world) == edit.cost
        finally:
            await db.close()
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
    by_recipe = bool(edit.cost.reasons & {"recipe", "language"})
    wholes = edit.cost.wholes if by_recipe else 0  # due by their recipe, or only when what they hold is other
    assert edit.cost.pieces <= sure(indexed) <= edit.cost.pieces + wholes, "the plan said so before"
    assert indexed.at_most >= edit.cost.calls
    if not by_recipe:
        assert sure(folder) == edit.cost.pieces, "and so it did before anything was indexed"
        assert folder.at_most >= edit.cost.calls
        lines = [] if edit.name == "body reverted" else list(folder.lines)  # the commit has that body
        assert list(since.lines) == lines, "and so it does against the commit, which needs no index"
    if not edit.cost.reasons:
        assert (indexed.at_most, folder.at_most) == (0, 0)


def history_of(before: Path, after: Path, place: Path) -> Path:
    """A folder of git whose only commit is one tree, and whose files are another's."""
    root = a_repository_of_git(place / "history", {})
    shutil.copytree(before, root, dirs_exist_ok=True)
    commit(root)
    for entry in root.iterdir():
        if entry.name != ".git":
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    shutil.copytree(after, root, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".git"))
    return root


def sure(told: Forecast) -> int:
    """Sure calls for technical texts of pieces."""
    return sum(line.calls for line in told.lines if line.stage is Stage.CODER)


def test_the_table_is_in_the_documentation() -> None:
    assert as_table([(edit.name, edit.cost) for edit in EDITS]) in PAGE.read_text(encoding="utf-8"), "`make edits`"


async def test_a_technical_text_that_comes_out_the_same_ends_it(db: Database, tmp_path: Path) -> None:
    """Early cutoff: the Coder says what it said before, so no plain text is asked for, and nothing above is written."""
    world = World(a_tree(tmp_path / "tree"), tmp_path, monotonous=True)
    await bring_up(db, world)
    world.replace("shop/mail.py", 'print(f"order {number}")', 'print(f"receipt {number}")')
    assert await bring_up(db, world) == Cost(pieces=1, reasons=frozenset({"source"}))
    world.options = {"temperature": 0.9}
    again = await bring_up(db, world)
    assert (again.pieces, again.wholes, again.talker) == (7, 5, 0), "each storey is asked once, and says the same"
