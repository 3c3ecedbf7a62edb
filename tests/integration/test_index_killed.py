"""kill -9 at every exchange of an index run with the database: the next run ends where one run would have ended."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from daemon.index.sync import sync
from db.session import Database
from tests.support.builders import Connection, scalar
from tests.support.database import with_database
from tests.support.histories import SOURCES
from tests.support.processes import ROOT
from tests.support.snapshot import Snapshot, differences, snapshot
from tests.support.victim import SETTINGS

_NUMBER = itertools.count(1)
MOMENTS = ("request", "answer")
EDITS = (
    ("return product.cents * amount", "return product.cents * amount + 1"),  # a body
    ("async def refresh(", "async def reload_all("),  # a name
    ("    def __len__", "    # How many there are.\n    def __len__"),  # a comment
    ("if json:\n", "def added(number: int) -> int:\n    return number + 1\n\n\nif json:\n"),
)


class Victims:
    """Index runs in processes of their own, killed where one wants."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.victim"], cwd=ROOT, text=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip

    def run(self, url: str, root: Path, *, at: int = 0, moment: str = "request") -> dict[str, Any]:
        """One run; what the victim's process tells of it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"url": url, "root": str(root), "at": at, "moment": moment}) + "\n")
        self._process.stdin.flush()
        told: dict[str, Any] = json.loads(self._process.stdout.readline())
        return told

    def close(self) -> None:
        """No more."""
        self._process.communicate()


@dataclass
class Scene:
    """A database in the state before an index run over an edited tree, with texts; clones of it are spent."""

    url: str
    root: Path
    victims: Victims

    def clone(self) -> str:
        """A database like it."""
        name = f"{_name(self.url)}_{next(_NUMBER)}"
        with psycopg.connect(with_database(self.url, "postgres"), autocommit=True) as psql:
            psql.execute(f"CREATE DATABASE {name} TEMPLATE {_name(self.url)}".encode())
        return with_database(self.url, name)

    def drop(self, url: str) -> None:
        """It is spent."""
        with psycopg.connect(with_database(self.url, "postgres"), autocommit=True) as psql:
            psql.execute(f"DROP DATABASE {_name(url)} WITH (FORCE)".encode())

    def after(self, at: int, moment: str) -> tuple[Snapshot, dict[str, Any]]:
        """The state when a run was killed there and the next one came through; what the first one told."""
        url = self.clone()
        try:
            told = self.victims.run(url, self.root, at=at, moment=moment)
            if told["killed"]:
                self._buried(url)
                assert not self.victims.run(url, self.root)["killed"]
            with psycopg.connect(url, autocommit=True) as psql:
                return snapshot(psql, scalar(psql, "SELECT id FROM repository")), told
        finally:
            self.drop(url)

    def _buried(self, url: str) -> None:
        """Wait until the server knows that nobody listens any more: locks go with the session."""
        with psycopg.connect(url, autocommit=True) as psql:
            there = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = %s"
            while scalar(psql, there, "victim"):
                scalar(psql, "SELECT pg_sleep(0.002)::text")


def _name(url: str) -> str:
    return psycopg.conninfo.conninfo_to_dict(url)["dbname"]  # type: ignore[return-value]


@pytest.fixture
async def scene(db_url: str, tmp_path: Path) -> Any:
    """Seven small files, indexed and described; then all that can happen to files has happened to them."""
    root = tmp_path / "tree"
    shutil.copytree(SOURCES / "python" / "src", root)
    shutil.copytree(SOURCES / "go", root / "go")
    db = Database(db_url, pool_size=3)
    await sync(db, root, "tree", SETTINGS)
    await db.close()
    with psycopg.connect(db_url, autocommit=True) as psql:
        describe(psql)
    edit(root)
    victims = Victims()
    yield Scene(db_url, root, victims)
    victims.close()


def describe(psql: Connection) -> None:
    """As if daemons had written everything."""
    psql.execute(
        "UPDATE chunk SET source_hash = doctown_own_hash(node_id), context_hash = doctown_pieces_hash(node_id) "
        "WHERE doctown_is_whole(strategy)"
    )
    psql.execute("UPDATE chunk SET content_raw = 'Of ' || title || '.'")
    psql.execute("UPDATE chunk SET content = 'Plainly: ' || title || '.'")
    psql.execute("DELETE FROM unsettled")


def edit(root: Path) -> None:
    """A folder renamed, a file moved, one deleted, one copied, a function changed, one renamed, one added."""
    (root / "go/internal/store").rename(root / "go/internal/vault")
    (root / "elsewhere").mkdir()
    (root / "shop/cart.py").rename(root / "elsewhere/cart.py")
    (root / "shop/rules.py").unlink()
    (root / "go/internal/clock/copy.go").write_bytes((root / "go/internal/clock/clock.go").read_bytes())
    catalog = root / "shop/catalog.py"
    text = catalog.read_text()
    for old, new in EDITS:
        assert old in text, old
        text = text.replace(old, new)
    catalog.write_text(text)


def test_killed_at_a_few_exchanges(scene: Scene) -> None:
    whole, told = scene.after(0, "request")
    step = told["exchanges"] // 5
    for number, at in enumerate(range(step, told["exchanges"], step)):
        killed_there(scene, whole, at, MOMENTS[number % 2])


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_killed_at_every_exchange(scene: Scene) -> None:
    whole, told = scene.after(0, "request")
    assert told["exchanges"] > 50
    for at in range(1, told["exchanges"] + 1):
        for moment in MOMENTS:
            killed_there(scene, whole, at, moment)


def killed_there(scene: Scene, whole: Snapshot, at: int, moment: str) -> None:
    found, told = scene.after(at, moment)
    assert told["killed"], f"there is no exchange {at}"
    assert not differences(found, whole), f"killed at {at}, {moment}:\n" + "\n".join(differences(found, whole)[:20])
