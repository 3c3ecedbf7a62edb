"""Indexing a folder into a real database: only differences, nothing lost, and what was interrupted is finished."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from daemon.index import scan as scanning
from daemon.index.sync import sync
from daemon.settings import IndexSettings
from db.parsed import IndexReport
from db.session import Database
from tests.support.builders import Connection, all_rows, scalar

SETTINGS = IndexSettings()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Two modules in two folders."""
    root = tmp_path / "tree"
    for folder, text in (
        ("one", "from two.two import second\n\n\ndef first():\n    return second()\n"),
        ("two", "def second():\n    return 2\n"),
    ):
        (root / folder).mkdir(parents=True)
        (root / folder / f"{folder}.py").write_text(text)
    return root


async def index(db: Database, root: Path, **options: object) -> IndexReport:
    return await sync(db, root, "tree", SETTINGS, **options)  # type: ignore[arg-type]


def everything(psql: Connection) -> dict[str, list[dict[str, object]]]:
    tables = ("repository", "file", "node", "edge", "chunk", "work")
    return {table: all_rows(psql, f"SELECT xmin::text, t.* FROM {table} t ORDER BY 2, 3, 4") for table in tables}


def functions(psql: Connection) -> set[str]:
    rows = all_rows(psql, "SELECT n.name FROM chunk c JOIN node n ON n.id = c.node_id WHERE n.kind = 'FUNCTION'")
    return {str(row["name"]) for row in rows}


async def test_an_unchanged_tree_writes_nothing(db: Database, psql: Connection, tree: Path) -> None:
    assert (await index(db, tree)).nodes_written > 0
    before = everything(psql)
    again = await index(db, tree)
    assert (again.files_parsed, again.nodes_written, again.edges_written, again.chunks_written) == (0, 0, 0, 0)
    assert everything(psql) == before


async def test_what_is_left_out_for_what_is_in_it_costs_no_linking(db: Database, tree: Path) -> None:
    """Every run reads such a file to judge it; once every run linked the whole graph because of it."""
    (tree / "bundle.js").write_text(f"var a = '{'x' * 6000}';\n")
    first = await index(db, tree)
    assert "link" in first.seconds_by_step
    assert [file.path for file in first.skipped if "line 1" in file.reason] == ["bundle.js"]
    again = await index(db, tree)
    assert "link" not in again.seconds_by_step
    (tree / "bundle.js").write_text("function b() { return 1 }\n")
    read = await index(db, tree)
    assert (read.files_parsed, "link" in read.seconds_by_step) == (1, True)
    (tree / "bundle.js").write_text(f"function b() {{ return '{'x' * 6000}' }}\n")
    left_out = await index(db, tree)
    assert (left_out.nodes_removed, "link" in left_out.seconds_by_step) == (2, True)
    assert "link" not in (await index(db, tree)).seconds_by_step


async def test_the_next_run_finishes_what_was_interrupted(db: Database, psql: Connection, tree: Path) -> None:
    class Killed(Exception):
        pass

    def progress(step: str, done: int, total: int) -> None:
        if done == 1:
            raise Killed

    with pytest.raises(Killed):
        await sync(db, tree, "tree", IndexSettings(batch_files=1), progress=progress)
    assert scalar(psql, "SELECT index_state FROM repository") == "writing"
    assert scalar(psql, "SELECT count(*) FROM node WHERE kind = 'FUNCTION'") == 1
    report = await index(db, tree)
    assert (report.files_parsed, report.calls_resolved) == (1, 1)
    assert functions(psql) == {"first", "second"}
    assert scalar(psql, "SELECT index_state FROM repository") == "linked"


async def test_an_edit_replaces_only_what_it_touched(db: Database, psql: Connection, tree: Path) -> None:
    await index(db, tree)
    before = {row["name"]: row["id"] for row in all_rows(psql, "SELECT id, name FROM node")}
    (tree / "two/two.py").write_text("def second():\n    return 3\n\n\ndef third():\n    return second()\n")
    report = await index(db, tree)
    assert (report.files_parsed, report.files_unchanged) == (1, 1)
    after = {row["name"]: row["id"] for row in all_rows(psql, "SELECT id, name FROM node")}
    assert {name for name in before if after.get(name) == before[name]} == set(before), "nodes keep their identity"
    assert set(after) - set(before) == {"third"}


async def test_a_removed_file_takes_its_texts_along(db: Database, psql: Connection, tree: Path) -> None:
    (tree / "two/big.py").write_text("x = 1\n" * 200_000)
    assert [file.path for file in (await index(db, tree)).skipped] == ["two/big.py"]
    (tree / "two/two.py").unlink()
    (tree / "two/big.py").unlink()
    report = await index(db, tree)
    assert (report.files_removed, functions(psql)) == (2, {"first"})
    assert scalar(psql, "SELECT count(*) FROM file") == 1


async def test_a_file_that_cannot_be_read_this_time_keeps_its_texts(
    db: Database, psql: Connection, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await index(db, tree)
    (tree / "two/two.py").write_text("def changed():\n    return 2\n")
    opened = scanning._open

    def refuse(root: Path, path: str) -> int:
        if path == "two/two.py":
            raise PermissionError(errno.EACCES, "Permission denied")
        return opened(root, path)

    with monkeypatch.context() as patched:
        patched.setattr(scanning, "_open", refuse)
        report = await index(db, tree)
    assert [(file.path, file.reason) for file in report.skipped] == [
        ("two/two.py", "cannot be read: Permission denied")
    ]
    assert functions(psql) == {"first", "second"}
    await index(db, tree)
    assert functions(psql) == {"first", "changed"}


async def test_a_folder_that_cannot_be_entered_this_time_keeps_its_texts(
    db: Database, psql: Connection, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await index(db, tree)
    before = everything(psql)
    look, state = os.scandir, Path.lstat

    def scandir(path: Path) -> object:
        if Path(path).name == "two":
            raise PermissionError(errno.EACCES, "Permission denied")
        return look(path)

    def lstat(path: Path) -> os.stat_result:
        if path.parent.name == "two":
            raise PermissionError(errno.EACCES, "Permission denied")
        return state(path)

    with monkeypatch.context() as patched:
        patched.setattr(os, "scandir", scandir)
        patched.setattr(Path, "lstat", lstat)
        report = await index(db, tree)
    assert "two" in {file.path for file in report.skipped}
    assert functions(psql) == {"first", "second"}
    assert everything(psql)["node"] == before["node"]
    await index(db, tree)
    assert functions(psql) == {"first", "second"}


async def test_two_folders_of_one_name_are_not_mixed_unasked(db: Database, psql: Connection, tree: Path) -> None:
    await index(db, tree)
    other = tree.parent / "other"
    other.mkdir()
    (other / "third.py").write_text("def third():\n    return 3\n")
    report = await sync(db, other, "other", SETTINGS)
    assert report.files_removed == 0
    assert functions(psql) == {"first", "second", "third"}


async def test_files_are_read_again_when_their_package_is_called_otherwise(
    db: Database, psql: Connection, tmp_path: Path
) -> None:
    root = tmp_path / "tree"
    (root / "store").mkdir(parents=True)
    (root / "go.mod").write_text("module example.org/shop\n")
    (root / "store/store.go").write_text("package store\n\nfunc Open() int { return 1 }\n")
    (root / "main.go").write_text(
        'package main\n\nimport "example.org/shop/store"\n\nfunc main() { store.Open() }\n'
    )  # fmt: skip
    calls = "SELECT dst IS NOT NULL FROM edge WHERE kind = 'CALLS'"
    await index(db, root)
    assert scalar(psql, calls) is True
    (root / "go.mod").write_text("module example.org/other\n")
    report = await index(db, root)
    assert (report.files_parsed, scalar(psql, calls)) == (2, False)
    assert (await index(db, root)).files_parsed == 0
    (root / "go.mod").write_text("module example.org/shop\n")
    await index(db, root)
    assert scalar(psql, calls) is True
