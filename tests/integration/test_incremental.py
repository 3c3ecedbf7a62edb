"""Incremental equals from scratch: after any history of edits the index is the one that a first run would have made."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from daemon.index.sync import sync
from daemon.settings import IndexSettings
from db.session import Database
from tests.support.builders import Connection
from tests.support.histories import SOURCES, STEPS, Tree
from tests.support.snapshot import differences, snapshot

LANGUAGES = sorted(folder.name for folder in SOURCES.iterdir())
SETTINGS = IndexSettings(workers=1, batch_files=3)

histories = st.tuples(
    st.lists(st.sampled_from(LANGUAGES), min_size=1, max_size=2, unique=True),
    st.lists(st.lists(st.sampled_from(sorted(STEPS)), min_size=1, max_size=3), min_size=1, max_size=6),
    st.integers(min_value=0, max_value=1 << 32),
)


@contextmanager
def a_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="doctown-edits-"))
    try:
        yield folder / "tree"
    finally:
        shutil.rmtree(folder)


class Both:
    """One database with the index that follows, and the one made anew, each called ``tree`` in its turn."""

    def __init__(self, url: str) -> None:
        self.url = url

    def compare(self, languages: Sequence[str], rounds: Sequence[Sequence[str]], seed: int) -> None:
        asyncio.run(self._compare(languages, rounds, seed))

    async def _compare(self, languages: Sequence[str], rounds: Sequence[Sequence[str]], seed: int) -> None:
        db = Database(self.url, name="incremental", pool_size=3)
        try:
            with psycopg.connect(self.url, autocommit=True) as psql, a_folder() as root:
                psql.execute("DELETE FROM repository")
                psql.execute("UPDATE control SET stages = '{coder,talker,instruct,embed}'")
                tree = Tree(root, languages, Random(seed))  # noqa: S311 - hypothesis chooses the seed
                await self._index(db, root)
                for steps in rounds:
                    for step in steps:
                        tree.edit(step)
                    await self._index(db, root)
                self._judge(psql, await self._apart(db, psql, root))
        finally:
            await db.close()

    def compare_states(self, *states: Mapping[str, str]) -> None:
        """Index one state of a folder after the other."""
        asyncio.run(self._compare_states(states))

    async def _compare_states(self, states: Sequence[Mapping[str, str]]) -> None:
        db = Database(self.url, name="incremental", pool_size=3)
        try:
            with psycopg.connect(self.url, autocommit=True) as psql, a_folder() as root:
                psql.execute("DELETE FROM repository")
                for state in states:
                    for path, text in state.items():
                        (root / path).parent.mkdir(parents=True, exist_ok=True)
                        (root / path).write_text(text)
                    await self._index(db, root)
                self._judge(psql, await self._apart(db, psql, root))
        finally:
            await db.close()

    async def _index(self, db: Database, root: Path) -> int:
        return (await sync(db, root, "tree", SETTINGS, prune=True)).repo_id

    async def _apart(self, db: Database, psql: Connection, root: Path) -> tuple[int, int]:
        row = psql.execute("UPDATE repository SET name = 'followed' RETURNING id").fetchone()
        assert row is not None
        return int(row[0]), await self._index(db, root)

    def _judge(self, psql: Connection, repositories: tuple[int, int]) -> None:
        followed, anew = (snapshot(psql, repo) for repo in repositories)
        found = differences(followed, anew)
        assert not found, "\n".join(found[:20])


@pytest.fixture
def both(db_url: str) -> Both:
    return Both(db_url)


def test_after_any_history_the_index_is_as_if_made_anew(both: Both) -> None:
    @settings(max_examples=10, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck),
              phases=[Phase.generate])  # fmt: skip
    @given(histories)
    def holds(history: tuple[list[str], list[list[str]], int]) -> None:
        both.compare(*history)

    holds()


SHOP = {
    "shop/base.py": "class Base:\n    def greet(self):\n        pass\n",
    "shop/tools.py": 'def help(x):\n    """Helps."""\n\n\ndef make():\n    return help(1)\n',
    "shop/cart.py": "from shop.base import Base\nfrom shop.tools import help\n\n\nclass Cart(Base):\n"
    "    def go(self):\n        self.greet()\n        help(2)\n",
    "shop/apart.py": "def alone():\n    return 1\n",
    "lib/router.js": "function Router (o) { this.o = o }\nRouter.prototype.go = function () { return 1 }\n",
    "lib/app.js": "const Router = require('./router')\nfunction start () { new Router().go() }\n",
}  # fmt: skip


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("shop/tools.py", "Helps.", "Helps much."),  # shown by who calls it
        ("shop/tools.py", "help(x)", "help(x, y=1)"),
        ("shop/base.py", "greet", "salute"),
        ("shop/cart.py", "self.greet()", "pass"),  # shown by what is called no more, and by its class
        ("shop/apart.py", "return 1", 'return 1\n\n\nif __name__ == "__main__":\n    alone()'),
        ("lib/router.js", "return 1 }", "return 1 }\nRouter.prototype.back = function () { return this.go() }"),
        ("lib/router.js", "Router.prototype.go", "Router.prototype.goOn"),
    ],
)
def test_what_an_edit_shows_elsewhere_is_said_there(both: Both, path: str, old: str, new: str) -> None:
    assert old in SHOP[path]
    both.compare_states(SHOP, {path: SHOP[path].replace(old, new)})


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_after_very_many_histories(both: Both) -> None:
    """DOCTOWN_TEST_EXAMPLES says how many."""

    @settings(max_examples=int(os.environ.get("DOCTOWN_TEST_EXAMPLES", "400")), deadline=None, print_blob=True,
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(histories)
    def holds(history: tuple[list[str], list[list[str]], int]) -> None:
        both.compare(*history)

    holds()


@pytest.mark.parametrize(
    ("before", "after"),
    [("", "X = 1\n"), ("", "# c\n"), ("\n\n", "X = 1\n\n"), ("X = 1\n", ""), ("X = 1\n", "X = 2\n")],
)
def test_the_first_code_of_an_empty_file_gets_a_chunk(both: Both, before: str, after: str) -> None:
    """Linking sees nothing else of the file than before: it holds no names, and has as many lines."""
    both.compare_states({**SHOP, "shop/empty.py": before}, {**SHOP, "shop/empty.py": after})


def test_what_turns_out_to_be_a_test_has_no_places_that_use_it(both: Both) -> None:
    rounds = [["double lines"], ["change a line", "change a line", "rename in a file"], ["back to the start"]]
    both.compare(["cpp"], rounds, 0)


def test_callers_that_are_alike_are_the_same_in_an_index_made_anew(both: Both) -> None:
    """The best examples of use were once chosen by the numbers of rows, which are others there."""
    copies = [["copy a file", "touch", "rename in a file"]] * 4
    rounds = [["back to the start", "back to the start", "change a line"], ["drop lines"], *copies]
    both.compare(["typescript", "c"], rounds, 7842)
