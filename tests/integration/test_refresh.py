"""Texts that other prompts, models, options or languages made: found, made due, left alone, and no daemons at odds."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest

from daemon.bootstrap import App
from daemon.errors import ModelUnavailable
from daemon.llm.scripted import ScriptedModel
from daemon.work.events import Tally
from daemon.work.loop import Scope
from daemon.work.refreshing import Part, Refreshing, decide
from db import refresh as db_refresh
from db import requeue as db_requeue
from db import save as db_save
from db.refresh import Recipes, Standing
from db.session import Database
from db.types import Stage
from tests.support.builders import (
    Connection,
    a_draft,
    a_repository,
    all_rows,
    chunk_row,
    one,
    requeued,
    scalar,
    some_chunks,
    take,
    work_row,
)  # fmt: skip
from tests.support.workers import an_app, work_off


def recipes(coder: str = "recipe", talker: str = "recipe", **by_language: str) -> Recipes:
    return Recipes(
        language="en",
        by_stage={Stage.CODER: {"en": coder, **by_language}, Stage.TALKER: {"en": talker, **by_language}},
    )


async def write(db: Database, *stages: Stage, **draft: Any) -> None:
    """Save a text of each stage for whatever of it is due."""
    for stage in stages:
        for claim in await take(db, stage, limit=500):
            saved = a_draft(f"{stage} of {claim.chunk_id}.", **draft)
            await db_save.save_texts(db, [(claim, saved)], worker="w")


def due(psql: Connection) -> list[tuple[str, str, int]]:
    rows = all_rows(psql, "SELECT stage, reason, lane FROM work WHERE state = 'due' AND stage <> 'embed' ORDER BY 1, 2")
    return [(row["stage"], row["reason"], row["lane"]) for row in rows]


# --- what is outdated -------------------------------------------------------------------------------------


async def test_what_another_recipe_made_is_due_last_and_once(db: Database, psql: Connection) -> None:
    repo = a_repository(psql)
    chunks = some_chunks(psql, repo, 2)
    await write(db, Stage.CODER, Stage.TALKER)
    assert (await db_refresh.sweep(db, recipes(), repo))[0] == {}
    assert (await db_refresh.sweep(db, recipes(coder="now"), repo))[0] == {(Stage.CODER, "recipe"): 2}
    assert (await db_refresh.sweep(db, recipes(coder="now"), repo))[0] == {}, "repeating changes nothing"
    assert due(psql) == [("coder", "recipe", 2)] * 2
    assert chunk_row(psql, chunks[0])["content_raw"] == f"coder of {chunks[0]}.", "the old text stays"


async def test_the_windows_meet_everything(db: Database, psql: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(db_refresh, "_WINDOW", 2)
    repo, other = a_repository(psql), a_repository(psql)
    for _ in range(5):
        some_chunks(psql, repo, 1)
        some_chunks(psql, other, 1)
    await write(db, Stage.CODER)
    assert (await db_refresh.sweep(db, recipes(coder="now"), repo))[0] == {(Stage.CODER, "recipe"): 5}


async def test_a_talker_text_waits_for_its_coder_text(db: Database, psql: Connection) -> None:
    repo = a_repository(psql)
    some_chunks(psql, repo, 1)
    await write(db, Stage.CODER, Stage.TALKER)
    now = recipes(coder="now", talker="now")
    await db_refresh.announce(db, now, refresh="auto")
    assert (await db_refresh.sweep(db, now, repo))[0] == {(Stage.CODER, "recipe"): 1}
    await write(db, Stage.CODER, recipe="now")
    assert due(psql) == [("talker", "recipe", 2)], "the Coder text came out the same, the Talker's recipe did not"
    await write(db, Stage.TALKER, recipe="now")
    assert (await db_refresh.sweep(db, now, repo))[0] == {}


async def test_a_text_by_hand_stays(db: Database, psql: Connection) -> None:
    repo = a_repository(psql)
    some_chunks(psql, repo, 1)
    await write(db, Stage.CODER, Stage.TALKER)
    psql.execute("UPDATE chunk SET content_raw = 'By hand.', content = 'So too.'")
    assert (await db_refresh.sweep(db, recipes(coder="now", talker="now"), repo))[0] == {}


async def test_another_language_is_its_own_reason(db: Database, psql: Connection) -> None:
    repo = a_repository(psql)
    some_chunks(psql, repo, 1)
    english, russian = recipes(ru="на русском"), {"recipe": {"language": "en"}, "на русском": {"language": "ru"}}
    await db_refresh.remember(db, Recipes(language="en", by_stage=english.by_stage, parts=russian))
    await write(db, Stage.CODER)
    psql.execute("UPDATE repository SET language = 'ru'")
    assert (await db_refresh.sweep(db, english, repo))[0] == {(Stage.CODER, "language"): 1}
    assert scalar(psql, "SELECT why FROM docs") == "coder: language, talker: new"


@pytest.mark.parametrize(
    ("made", "wanted", "same"),
    [("a", "a", True), ("a", "b", False), ("a+1", "a+1", True), ("a+1", "a+2", False), ("a+1", "b+1", False),
     ("a", "a+1", True), ("a+1", "a", True), ("b", "a+1", False)],
)  # fmt: skip
def test_weights_that_are_not_known_are_not_held_against_a_text(
    psql: Connection, made: str, wanted: str, *, same: bool
) -> None:
    assert scalar(psql, "SELECT doctown_same_recipe(%s, %s)", made, wanted) is same


async def test_what_is_outdated_is_looked_up_by_chunk(db: Database, psql: Connection) -> None:
    """The function is read as a view is: a condition on the chunk reaches the table."""
    some_chunks(psql, a_repository(psql), 300)
    psql.execute("ANALYZE chunk")
    for question in (
        "SELECT * FROM doctown_outdated('{}') o WHERE o.chunk_id = 5",
        "SELECT o.* FROM control, unnest(ARRAY[5]) h (id), doctown_outdated(control.recipes) o WHERE chunk_id = h.id",
    ):
        plan = "\n".join(row[0] for row in psql.execute(f"EXPLAIN {question}".encode()))
        assert "Function Scan on doctown_outdated" not in plan
        assert "chunk_pkey" in plan, plan


# --- daemons ----------------------------------------------------------------------------------------------


async def a_run(app: App) -> Tally:
    """Work as `doctown run --once` does."""
    tally = Tally()
    await app.worker(observers=[tally]).once(asyncio.Event())
    return tally


async def test_new_options_write_anew_and_the_old_ones_come_from_the_ledger(db: Database, psql: Connection) -> None:
    some_chunks(psql, a_repository(psql), 3)
    await work_off(an_app(db))
    warm = an_app(db, coder=ScriptedModel(options={"temperature": 0.9}))
    assert (await a_run(warm)).texts == 3, "the answers came out the same, so no Talker is asked"
    cold = ScriptedModel()
    back = await a_run(an_app(db, coder=cold))
    assert (back.texts, back.reused, len(cold.calls)) == (0, 3, 0)
    assert {row["why"] for row in all_rows(psql, "SELECT why FROM docs")} == {None}


async def test_new_weights_under_the_same_name(db: Database, psql: Connection) -> None:
    some_chunks(psql, a_repository(psql), 2)
    await a_run(an_app(db, coder=ScriptedModel(name="big")))
    assert (await a_run(an_app(db, coder=ScriptedModel(name="big", weights="sha256:aaaa")))).texts == 0, (
        "it was not told before"
    )
    psql.execute("UPDATE chunk SET content_raw = NULL WHERE id = (SELECT min(id) FROM chunk)")
    await a_run(an_app(db, coder=ScriptedModel(name="big", weights="sha256:aaaa")))
    assert (await a_run(an_app(db, coder=ScriptedModel(name="big", weights="sha256:bbbb")))).texts == 1


async def test_a_server_that_is_away_is_believed_to_have_what_it_had(db: Database, psql: Connection) -> None:
    class Away(ScriptedModel):
        async def digest(self) -> str | None:
            raise ModelUnavailable("nobody there", "")

    some_chunks(psql, a_repository(psql), 1)
    await a_run(an_app(db, coder=ScriptedModel(name="big", weights="sha256:aaaa")))
    psql.execute("UPDATE node SET source_code = 'x = 2'")
    await a_run(an_app(db, coder=ScriptedModel(name="big", weights="sha256:aaaa")))
    psql.execute("UPDATE node SET source_code = 'x = 1'")
    psql.execute("UPDATE node SET source_code = 'x = 2'")
    away = Away(name="big")
    tally = await a_run(an_app(db, coder=away))
    assert away.calls == [], "the key names the weights, and the ledger knows it"
    assert tally.failures == 0


async def test_manual_only_counts_until_somebody_asks(db: Database, psql: Connection) -> None:
    some_chunks(psql, a_repository(psql, "shop"), 2)
    await work_off(an_app(db))
    bigger = ScriptedModel(name="bigger")
    app = an_app(db, coder=bigger, refresh="manual")
    assert (await a_run(app)).texts == 0
    now = await app.present_recipes()
    (found,) = await db_refresh.outdated(db, now)
    assert (found.repo, found.stage, found.reason, found.count) == ("shop", Stage.CODER, "recipe", 2)
    assert {row["why"] for row in all_rows(psql, "SELECT why FROM docs")} == {"coder: recipe (refresh is manual)"}
    await requeued(db, db_requeue.Selection(stage=Stage.CODER, outdated=now.stored))
    assert await db_refresh.outdated(db, now) == []
    assert ((await a_run(app)).texts, len(bigger.calls)) == (2, 2)


async def test_the_language_of_a_repository_changes_under_a_running_daemon(db: Database, psql: Connection) -> None:
    repo = a_repository(psql)
    (chunk,) = some_chunks(psql, repo, 1)
    app = an_app(db)
    await a_run(app)
    refreshing = a_refreshing(db, app)
    assert await refreshing.tick() == 0
    psql.execute("UPDATE repository SET language = 'ru'")
    assert await refreshing.tick() == 1
    assert (work_row(psql, chunk)["reason"], work_row(psql, chunk)["lane"]) == ("language", 2)
    assert await refreshing.tick() == 0
    await a_run(app)
    assert chunk_row(psql, chunk)["content_raw"].startswith("### 1. Краткое описание")
    assert chunk_row(psql, chunk)["content_recipe"] != ""


async def test_a_command_for_one_repository_leaves_the_others_alone(db: Database, psql: Connection) -> None:
    mine, other = a_repository(psql), a_repository(psql)
    for repo in (mine, other):
        some_chunks(psql, repo, 1)
    await work_off(an_app(db))
    tally = Tally()
    small = an_app(db, coder=ScriptedModel(name="small"))
    await small.worker(observers=[tally], scope=Scope(repo_id=mine)).once(asyncio.Event())
    assert tally.texts == 1
    assert scalar(psql, "SELECT recipes_key FROM control") is None, "it says nothing for anybody else"


# --- two of them ------------------------------------------------------------------------------------------


def standing(announced: str | None, *, lives: bool = False, others: bool = False) -> Standing:
    return Standing(announced=announced, refresh="auto", announcer_lives=lives, others_live=others, unswept=())


@pytest.mark.parametrize(
    ("before", "now", "part"),
    [
        (None, standing(None), Part.ANNOUNCE),
        (None, standing("theirs", lives=True), Part.ANNOUNCE),
        (None, standing("mine"), Part.LEAD),
        ("mine", standing("theirs", lives=True), Part.YIELD),
        ("mine", standing("theirs", lives=False), Part.ANNOUNCE),
        ("mine of before", standing("mine of before", lives=True), Part.ANNOUNCE),
        ("mine of before", standing("theirs", lives=True), Part.YIELD),
        ("mine", standing("mine", others=True), Part.LEAD),
    ],
)
def test_who_is_right(before: str | None, now: Standing, part: Part) -> None:
    assert decide("mine", before, now) is part


def a_refreshing(db: Database, app: App, owner: UUID | None = None) -> Refreshing:
    return Refreshing(db, app.present_recipes, owner or uuid4(), refresh="auto", looks_after="all")


def registered(psql: Connection) -> UUID:
    return UUID(
        str(
            scalar(
                psql,
                "INSERT INTO worker (id, host, pid, version, stages, slots) "
                "VALUES (gen_random_uuid(), 'h', 1, 'v', '{coder}', 1) RETURNING id",
            )
        )
    )


async def test_two_configurations_come_to_rest(db: Database, psql: Connection) -> None:
    """Whatever order they look in, no text is made due twice; when the newer one goes, the older one has its way."""
    some_chunks(psql, a_repository(psql), 1)
    old_app, new_app = an_app(db), an_app(db, coder=ScriptedModel(name="bigger"))
    await work_off(old_app)
    one_worker, other_worker = registered(psql), registered(psql)
    old, new = a_refreshing(db, old_app, one_worker), a_refreshing(db, new_app, other_worker)
    assert await old.tick() == 0
    assert await new.tick() == 1, "who starts last is right"
    for _ in range(3):
        assert (await old.tick(), old.yields, await new.tick(), new.yields) == (0, True, 0, False)
    await work_off(new_app)
    assert await new.tick() == 0, "now everything is looked through"
    psql.execute("UPDATE node SET source_code = 'x = 1'")
    await work_off(old_app)  # new code is written by whoever comes first
    assert one(psql, "SELECT model FROM docs") == {"model": "scripted"}
    for _ in range(3):
        assert (await old.tick(), await new.tick()) == (0, 0), "while both live nobody undoes the other's work"
    psql.execute("DELETE FROM worker WHERE id = %s", (one_worker,))
    assert await new.tick() == 1, "the old one has gone: what it wrote meanwhile is found"
    await work_off(new_app)
    psql.execute("DELETE FROM worker")
    again = a_refreshing(db, old_app, registered(psql))
    assert await again.tick() == 1


async def test_one_that_yields_claims_no_refreshes(db: Database, psql: Connection) -> None:
    some_chunks(psql, a_repository(psql), 1)
    await work_off(an_app(db))
    worker = an_app(db, slots=1).worker()
    worker._gate.refreshes = False
    psql.execute("UPDATE work SET state = 'due', lane = 2 WHERE stage = 'coder'")
    (loop,) = [loop for loop in worker._loops if loop.stage is Stage.CODER]
    assert await loop._claim(1) == []
    worker._gate.refreshes = True
    assert len(await loop._claim(1)) == 1
