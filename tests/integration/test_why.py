"""Why a text is due or not: told of real edits, each by the part that differs, and what will happen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from daemon.cli.why import stories_of
from daemon.index.sync import sync
from daemon.settings import IndexSettings
from daemon.work.why import Why, Would, same_recipe
from db import report
from db.session import Database
from db.types import Stage
from tests.support.builders import Connection, all_rows, scalar
from tests.support.edits import World, a_tree, bring_up


@pytest.fixture
async def world(db: Database, tmp_path: Path) -> World:
    """Everything is written."""
    world = World(a_tree(tmp_path / "tree"), tmp_path)
    await bring_up(db, world)
    return world


async def index(db: Database, world: World) -> None:
    await sync(db, world.root, "shop", IndexSettings(workers=1), language=world.language)


async def why(db: Database, world: World, fqn: str, **queue: Any) -> dict[Stage, Why]:
    pages = await report.pages(db, fqn)
    stories = await stories_of(world.app(db), [page.chunk_id for page in pages])
    return {story.stage: story for story in stories}


def told(story: Why) -> list[tuple[str, str | None, str]]:
    return [(change.what, change.which, change.how) for change in story.changes]


async def test_what_is_up_to_date_says_so(db: Database, world: World) -> None:
    stories = await why(db, world, "send_receipt")
    assert stories.pop(Stage.EMBED).would is Would.EMBED
    assert {stage: (story.state, story.would, story.origin) for stage, story in stories.items()} == {
        Stage.CODER: ("current", Would.NOTHING, "model"), Stage.TALKER: ("current", Would.NOTHING, "model"),
    }  # fmt: skip
    assert all(story.changes == () and story.since is not None for story in stories.values())


async def test_its_own_source_and_then_back(db: Database, world: World) -> None:
    world.replace("shop/mail.py", 'print(f"order {number}")', 'print(f"receipt {number}")')
    await index(db, world)
    stories = await why(db, world, "send_receipt")
    coder = stories[Stage.CODER]
    assert (coder.state, coder.reason, coder.would) == ("due", "source", Would.CALL)
    assert told(coder) == [("source", None, "changed")]
    assert "coder is asked" in coder.because
    talker = stories[Stage.TALKER]
    assert (talker.state, talker.would) == ("current", Would.WAIT)
    assert "comes first" in talker.because
    await bring_up(db, world)
    world.replace("shop/mail.py", 'print(f"receipt {number}")', 'print(f"order {number}")')
    await index(db, world)
    assert (await why(db, world, "send_receipt"))[Stage.CODER].would is Would.LEDGER


@pytest.mark.parametrize(
    ("old", "new", "how"),
    [
        ("def send_receipt(number: int)", "def send_receipt(number: int, copy: bool = False)", "signature changed"),
        ("Mail the receipt.", "Send the receipt by mail.", "doc comment changed"),
    ],
)
async def test_which_neighbour_and_what_of_it(db: Database, world: World, old: str, new: str, how: str) -> None:
    world.replace("shop/mail.py", old, new)
    await index(db, world)
    caller = (await why(db, world, "shop.orders.Orders.place"))[Stage.CODER]
    assert (caller.state, caller.reason, caller.would) == ("due", "context", Would.CALL)
    assert told(caller) == [("Calls-External", "send_receipt", how)]


async def test_a_new_option_names_both_values(db: Database, world: World) -> None:
    world.options = {"temperature": 0.5}
    coder = (await why(db, world, "send_receipt"))[Stage.CODER]
    assert (coder.state, coder.reason, coder.would) == ("outdated", "recipe", Would.WAIT)
    (change,) = coder.changes
    assert (change.area, change.what, change.which, change.before, change.now) == (
        "recipe", "option", "temperature", 0.3, 0.5,
    )  # fmt: skip


async def test_the_language_and_the_weights(db: Database, world: World) -> None:
    world.weights = "sha256:bbbb"
    (weights,) = (await why(db, world, "send_receipt"))[Stage.CODER].changes
    assert (weights.what, weights.before, weights.now) == ("weights", "sha256:aaaa", "sha256:bbbb")
    world.weights, world.language = "sha256:aaaa", "ru"
    await index(db, world)
    changes = {change.what: change for change in (await why(db, world, "send_receipt"))[Stage.TALKER].changes}
    assert (changes["language"].before, changes["language"].now) == ("en", "ru")
    assert "prompt" in changes


async def test_by_hand_and_given_up_and_requeued(db: Database, psql: Connection, world: World) -> None:
    psql.execute("UPDATE chunk SET content_raw = 'By hand.' WHERE title LIKE '%remind'")
    assert scalar(psql, "SELECT count(*) FROM chunk WHERE content_raw = 'By hand.'") == 1
    stories = await why(db, world, "remind")
    assert (stories[Stage.CODER].origin, stories[Stage.CODER].state) == ("hand", "current")
    assert "by hand" in stories[Stage.CODER].because
    assert told(stories[Stage.TALKER]) == [("technical text", None, "changed")]
    psql.execute("UPDATE work SET state = 'dead', last_error = 'too long' WHERE stage = 'talker' AND state = 'due'")
    talker = (await why(db, world, "remind"))[Stage.TALKER]
    assert (talker.state, talker.would, talker.last_error) == ("dead", Would.NOTHING, "too long")
    psql.execute("UPDATE work SET state = 'due', reason = 'requeued' WHERE stage = 'talker' AND state = 'dead'")
    psql.execute("UPDATE repository SET paused = true")
    held = (await why(db, world, "remind"))[Stage.TALKER]
    assert (held.would, held.because) == (Would.WAIT, "its repository is paused")
    psql.execute("UPDATE repository SET paused = false")
    assert "another text" in (await why(db, world, "remind"))[Stage.TALKER].because


async def test_what_is_remembered_is_small(db: Database, psql: Connection, world: World) -> None:
    (row,) = all_rows(
        psql,
        "SELECT avg(pg_column_size(made_from)) AS mean, max(pg_column_size(made_from)) AS most, "
        "count(*) FILTER (WHERE made_from IS NULL) AS none, avg(pg_column_size(output)) AS text FROM generation",
    )
    assert row["none"] == 0
    assert row["most"] < row["text"], "it must not weigh what the text does"


def test_both_floors_compare_recipes_alike(psql: Connection) -> None:
    names = ["a", "b", "a+1", "a+2", "b+1"]
    for made in names:
        for wanted in names:
            stored = scalar(psql, "SELECT doctown_same_recipe(%s, %s)", made, wanted)
            assert same_recipe(made, wanted) is stored, (made, wanted)
