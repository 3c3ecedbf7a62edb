"""Instruct on a real queue: off until it is turned on, in step with what it is made from, and known to every door."""

from __future__ import annotations

import asyncio

import pytest

from daemon.llm.scripted import ScriptedEmbedder, ScriptedModel
from db import provenance, quality, report
from db import refresh as db_refresh
from db import save as db_save
from db import search as db_search
from db import switch as db_switch
from db.refresh import Recipes
from db.requeue import Selection
from db.session import Database
from db.types import Lane, Outcome, Stage
from tests.support.builders import (
    Connection,
    a_chunk,
    a_draft,
    a_node,
    a_repository,
    all_rows,
    chunk_row,
    requeued,
    scalar,
    some_chunks,
    take,
    work_row,
)  # fmt: skip
from tests.support.workers import an_app, work_off

ALL = (Stage.CODER, Stage.TALKER, Stage.INSTRUCT, Stage.EMBED)
USUAL = (Stage.CODER, Stage.TALKER, Stage.EMBED)


async def turn(db: Database, *stages: Stage) -> db_switch.Switched:
    return await db_switch.switch(db, stages or ALL, actor="tester@here")


def recipes(recipe: str) -> Recipes:
    """Recipes of Instruct alone."""
    return Recipes(language="en", by_stage={Stage.INSTRUCT: {"en": recipe}})


async def swept(db: Database, psql: Connection, recipe: str) -> dict[tuple[Stage, str], int]:
    """What a sweep by that recipe makes due."""
    found, _ = await db_refresh.sweep(db, recipes(recipe), scalar(psql, "SELECT id FROM repository"))
    return found


def states(psql: Connection, chunk: int) -> dict[str, str]:
    rows = all_rows(psql, "SELECT stage, state FROM work WHERE chunk_id = %s", chunk)
    return {row["stage"]: row["state"] for row in rows}


async def write(db: Database, *stages: Stage, text: str = "") -> None:
    """Save a text of each stage for whatever of it is due."""
    for stage in stages:
        for claim in await take(db, stage, limit=50):
            draft = a_draft(text or f"{stage} of {claim.chunk_id}.")
            assert list((await db_save.save_texts(db, [(claim, draft)], worker="w")).values()) == [Outcome.SAVED]


# --- the switch -------------------------------------------------------------------------------------------


async def test_it_is_off_until_it_is_turned_on(db: Database, psql: Connection) -> None:
    (chunk,) = some_chunks(psql, a_repository(psql), 1)
    await write(db, Stage.CODER, Stage.TALKER)
    assert "instruct" not in states(psql, chunk)
    assert await turn(db) == db_switch.Switched(on=(Stage.INSTRUCT,), queued=1)
    row = work_row(psql, chunk, "instruct")
    assert (row["state"], row["reason"], row["lane"]) == ("due", "new", 1)
    assert await db_switch.stages(db) == ALL


async def test_turned_on_it_follows_the_coder(db: Database, psql: Connection) -> None:
    await turn(db)
    (chunk,) = some_chunks(psql, a_repository(psql), 1)
    assert states(psql, chunk) == {"coder": "due", "embed": "due"}, "there is nothing to build on yet"
    psql.execute("UPDATE work SET lane = 0")
    await write(db, Stage.CODER)
    assert (states(psql, chunk)["instruct"], work_row(psql, chunk, "instruct")["lane"]) == ("due", 0)
    await write(db, Stage.INSTRUCT)
    assert states(psql, chunk)["instruct"] == "done"
    assert chunk_row(psql, chunk)["instruct"] == f"instruct of {chunk}."


async def test_turned_off_its_due_work_goes_and_its_texts_stay(db: Database, psql: Connection) -> None:
    await turn(db)
    written, held, fresh = some_chunks(psql, a_repository(psql), 3)
    await write(db, Stage.CODER)
    psql.execute("UPDATE work SET priority = 5 WHERE chunk_id <> %s", (written,))
    (claim,) = await take(db, Stage.INSTRUCT)
    await db_save.save_texts(db, [(claim, a_draft("Use it."))], worker="w")
    psql.execute("UPDATE work SET priority = 9 WHERE chunk_id = %s", (fresh,))
    (claim,) = await take(db, Stage.INSTRUCT)
    assert claim.chunk_id == held
    await turn(db, *USUAL)
    assert states(psql, written)["instruct"] == "done"
    assert "instruct" not in states(psql, fresh)
    assert states(psql, held)["instruct"] == "leased", "what is being written is finished"
    assert list((await db_save.save_texts(db, [(claim, a_draft())], worker="w")).values()) == [Outcome.SAVED]
    assert chunk_row(psql, written)["instruct"] == "Use it."
    assert not [row for row in await report.progress(db) if row.stage is Stage.INSTRUCT]


async def test_a_fence_never_begins_anew(db: Database, psql: Connection) -> None:
    await turn(db)
    (chunk,) = some_chunks(psql, a_repository(psql), 1)
    await write(db, Stage.CODER)
    (zombie,) = await take(db, Stage.INSTRUCT)
    psql.execute("UPDATE work SET state = 'dead', lease_owner = NULL, lease_until = NULL WHERE stage = 'instruct'")
    await turn(db, *USUAL)
    await turn(db)
    (claim,) = await take(db, Stage.INSTRUCT)
    assert claim.fence > zombie.fence
    assert list((await db_save.save_texts(db, [(zombie, a_draft())], worker="w")).values()) == [Outcome.LOST]
    assert work_row(psql, chunk, "instruct")["state"] == "leased"


async def test_what_changed_while_it_was_off_is_due_when_it_is_on_again(db: Database, psql: Connection) -> None:
    await turn(db)
    changed, same = some_chunks(psql, a_repository(psql), 2)
    await write(db, Stage.CODER, Stage.INSTRUCT)
    await turn(db, *USUAL)
    psql.execute("UPDATE chunk SET content_raw = 'By hand.' WHERE id = %s", (changed,))
    assert states(psql, changed)["instruct"] == "done"
    assert (await turn(db)).queued == 1
    assert (states(psql, changed)["instruct"], states(psql, same)["instruct"]) == ("due", "done")


async def test_nothing_is_written_where_all_is_so_already(db: Database, psql: Connection) -> None:
    some_chunks(psql, a_repository(psql), 2)
    before = all_rows(psql, "SELECT *, xmin FROM work ORDER BY chunk_id, stage")
    control = all_rows(psql, "SELECT *, xmin FROM control")
    assert await turn(db, *USUAL) == db_switch.Switched()
    assert all_rows(psql, "SELECT *, xmin FROM work ORDER BY chunk_id, stage") == before
    assert all_rows(psql, "SELECT *, xmin FROM control") == control
    assert scalar(psql, "SELECT count(*) FROM audit") == 0


async def test_a_filling_that_was_cut_off_is_gone_on_with(db: Database, psql: Connection) -> None:
    chunks = some_chunks(psql, a_repository(psql), 3)
    await write(db, Stage.CODER)
    await turn(db)
    psql.execute("DELETE FROM work WHERE stage = 'instruct' AND chunk_id > %s", (chunks[0],))
    psql.execute("UPDATE control SET filled = '{coder,talker,embed}'")
    assert await turn(db) == db_switch.Switched(queued=2)
    assert {states(psql, chunk)["instruct"] for chunk in chunks} == {"due"}


async def test_several_may_switch_at_once(db: Database, psql: Connection) -> None:
    chunks = some_chunks(psql, a_repository(psql), 5)
    await write(db, Stage.CODER)
    done = await asyncio.gather(*(turn(db) for _ in range(4)))
    assert sum(len(one.on) for one in done) == 1
    assert {states(psql, chunk)["instruct"] for chunk in chunks} == {"due"}
    assert scalar(psql, "SELECT count(*) FROM audit WHERE command = 'stages'") == 1


async def test_what_is_written_while_the_switch_is_thrown_is_not_lost(db: Database, psql: Connection) -> None:
    """A statement that began before the switch knows nothing of the stage; the filling waits for its end."""
    (chunk,) = some_chunks(psql, a_repository(psql), 1)
    with psql.transaction():
        psql.execute("UPDATE chunk SET content_raw = 'By hand.'")
        switching = asyncio.create_task(turn(db))
        while not scalar(psql, "SELECT 'instruct' = ANY (stages) FROM control"):
            await asyncio.sleep(0.01)
    assert (await switching).queued == 1
    assert states(psql, chunk)["instruct"] == "due"


async def test_other_stages_can_be_off_too(db: Database, psql: Connection) -> None:
    await turn(db, Stage.CODER)
    (chunk,) = some_chunks(psql, a_repository(psql), 1)
    await write(db, Stage.CODER)
    assert states(psql, chunk) == {"coder": "done"}
    assert scalar(psql, "SELECT stale FROM docs") is False
    assert await report.documented(db, [chunk], [Stage.CODER]) == 1
    await turn(db, *USUAL)
    assert states(psql, chunk) == {"coder": "done", "talker": "due", "embed": "due"}


# --- what it is made from ---------------------------------------------------------------------------------


@pytest.fixture
async def chunk(db: Database, psql: Connection) -> int:
    """A chunk with all its texts."""
    await turn(db)
    made = a_chunk(psql, a_node(psql, a_repository(psql)))
    await write(db, Stage.CODER, Stage.TALKER, Stage.INSTRUCT)
    return made


@pytest.mark.parametrize(
    ("change", "state", "reason", "lane"),
    [
        ("UPDATE chunk SET content_raw = 'By hand.'", "due", "raw-changed", 1),
        ("UPDATE chunk SET sites_hash = 'other callers'", "due", "context", 2),
        ("UPDATE chunk SET instruct = NULL", "due", "requeued", 1),
        ("UPDATE node SET source_code = 'def f(): return 0'", "done", "new", 1),
        ("UPDATE chunk SET content = 'By hand.'", "done", "new", 1),
        ("UPDATE node SET line_start = 10, fqn = 'moved.f'", "done", "new", 1),
        ("UPDATE chunk SET title = 'other', priority = 3", "done", "new", 1),
    ],
)
async def test_what_makes_it_stale(
    psql: Connection, chunk: int, change: str, state: str, reason: str, lane: int
) -> None:
    psql.execute(change.encode())
    row = work_row(psql, chunk, "instruct")
    assert (row["state"], row["reason"], row["lane"]) == (state, reason, lane)


async def test_a_new_source_waits_for_the_coder(db: Database, psql: Connection, chunk: int) -> None:
    psql.execute("UPDATE node SET source_code = 'def f(): return 0'")
    assert states(psql, chunk)["instruct"] == "done", "first the description, then what is built on it"
    await write(db, Stage.CODER, text="Anew.")
    assert work_row(psql, chunk, "instruct")["reason"] == "raw-changed"


async def test_the_same_description_of_a_new_source_is_looked_at_again(
    db: Database, psql: Connection, chunk: int
) -> None:
    psql.execute("UPDATE node SET source_code = 'def f(x): return 0', signature = 'def f(x)'")
    await write(db, Stage.CODER, text=f"coder of {chunk}.")
    row = work_row(psql, chunk, "instruct")
    assert (row["state"], row["reason"]) == ("due", "source"), "the signature may be another"


async def test_a_text_by_hand_is_kept(db: Database, psql: Connection, chunk: int) -> None:
    psql.execute("UPDATE chunk SET instruct = 'Ask Ann.'")
    assert states(psql, chunk)["instruct"] == "done"
    assert chunk_row(psql, chunk)["instruct_recipe"] is None
    assert await swept(db, psql, "another") == {}
    beaten = a_chunk(psql, a_node(psql, a_repository(psql)))
    await write(db, Stage.CODER)
    (claim,) = await take(db, Stage.INSTRUCT)
    psql.execute("UPDATE chunk SET instruct = 'Ask Bob.' WHERE id = %s", (beaten,))
    assert list((await db_save.save_texts(db, [(claim, a_draft())], worker="w")).values()) == [Outcome.LOST]


async def test_texts_that_come_with_the_insert_are_taken_as_they_are(db: Database, psql: Connection) -> None:
    await turn(db)
    node = a_node(psql, a_repository(psql))
    made = a_chunk(psql, node, content_raw="Technical.", content="Plain.", instruct="Use it.")
    assert states(psql, made) == {"embed": "due"}


@pytest.mark.parametrize(
    ("kind", "role", "usable"),
    [
        ("FUNCTION", None, True), ("CLASS", "controller", True), ("FUNCTION", "http-endpoint", True),
        ("FUNCTION", "test", False), ("FILE", None, False), ("METHOD", "test-fixture", False), ("PACKAGE", None, False),
    ],
)  # fmt: skip
async def test_what_nobody_uses_gets_none(
    db: Database, psql: Connection, kind: str, role: str | None, *, usable: bool
) -> None:
    await turn(db)
    made = a_chunk(psql, a_node(psql, a_repository(psql), kind=kind, role=role))
    await write(db, Stage.CODER)
    assert ("instruct" in states(psql, made)) is usable


async def test_a_role_that_is_found_later_counts(db: Database, psql: Connection, chunk: int) -> None:
    psql.execute("UPDATE chunk SET content_raw = 'Changed.'")
    assert states(psql, chunk)["instruct"] == "due"
    psql.execute("UPDATE node SET role = 'test'")
    assert states(psql, chunk)["instruct"] == "done", "nobody is to be told"
    psql.execute("UPDATE node SET role = NULL")
    assert states(psql, chunk)["instruct"] == "due"


# --- the doors --------------------------------------------------------------------------------------------


async def test_the_whole_way(db: Database, psql: Connection) -> None:
    chunks = some_chunks(psql, a_repository(psql, "shop"), 3)
    model, embedder = ScriptedModel(), ScriptedEmbedder(dims=16)
    app = an_app(db, instruct=model, embedder=embedder, stages=ALL)
    await app.switch_stages(actor="tester@here")
    await work_off(app)
    row = chunk_row(psql, chunks[0])
    assert row["instruct"].startswith("### 1. Usage")
    assert len(model.calls) == 3
    fields = all_rows(psql, "SELECT field FROM embedding WHERE chunk_id = %s ORDER BY field", chunks[0])
    assert [entry["field"] for entry in fields] == ["content", "instruct", "raw", "source"]
    doc = all_rows(psql, "SELECT instruct, stale, why FROM docs WHERE chunk_id = %s", chunks[0])[0]
    assert (doc["instruct"], doc["stale"], doc["why"]) == (row["instruct"], False, None)
    origins = await provenance.origins(db, [chunks[0]])
    assert [(one.field, one.origin, one.outdated) for one in origins] == [
        ("content_raw", "model", False), ("content", "model", False), ("instruct", "model", False),
    ]  # fmt: skip
    assert {one.stage for one in await quality.groups(db)} == {"coder", "talker", "instruct"}
    progress = {one.stage: one.done for one in await report.progress(db, "shop")}
    assert list(progress) == list(ALL)
    assert await report.scope_progress(db, row["repo_id"], None, ALL) == dict.fromkeys(ALL, (3, 0, 3))
    assert (await report.page(db, chunks[0])).instruct == row["instruct"]


async def test_a_stale_text_is_told_although_the_stage_is_off(db: Database, psql: Connection, chunk: int) -> None:
    psql.execute("UPDATE chunk SET content_raw = 'By hand.', content = 'By hand too.'")
    await turn(db, *USUAL)
    assert scalar(psql, "SELECT stale FROM docs WHERE chunk_id = %s", chunk) is True


async def test_it_is_requeued_and_refreshed_like_the_others(db: Database, psql: Connection, chunk: int) -> None:
    assert await requeued(db, Selection(stage=Stage.INSTRUCT)) == 1
    assert work_row(psql, chunk, "instruct")["reason"] == "requeued"
    await write(db, Stage.INSTRUCT)
    assert await requeued(db, Selection(stage=Stage.INSTRUCT, outdated=recipes("recipe").stored)) == 0
    assert await requeued(db, Selection(stage=Stage.INSTRUCT, outdated=recipes("another").stored)) == 1
    await write(db, Stage.INSTRUCT)
    assert await swept(db, psql, "another") == {(Stage.INSTRUCT, "recipe"): 1}
    assert work_row(psql, chunk, "instruct")["lane"] == Lane.REFRESH


@pytest.mark.parametrize(("audience", "found"), [(None, True), ("developer", True), ("manager", False)])
async def test_it_is_searched(db: Database, psql: Connection, chunk: int, audience: str | None, *, found: bool) -> None:
    model_id = await db_save.register_embedding_model(db, "m", 3)
    psql.execute(
        "INSERT INTO embedding (chunk_id, field, model_id, repo_id, text_hash, vector) "
        "SELECT id, 'instruct', %s, repo_id, 'h', '[1,0,0]' FROM chunk",
        (model_id,),
    )
    hits = await db_search.search(db, "zzz", vector=[1.0, 0.0, 0.0], audience=audience)
    assert ([hit.chunk_id for hit in hits] == [chunk]) is found


async def test_its_words_weigh_less_than_the_descriptions(db: Database, psql: Connection, chunk: int) -> None:
    other = a_chunk(psql, a_node(psql, a_repository(psql)), content_raw="It handles pineapples.", content="x")
    psql.execute("UPDATE chunk SET instruct = 'Pass the pineapples.' WHERE id = %s", (chunk,))
    assert [hit.chunk_id for hit in await db_search.search(db, "pineapples")] == [other, chunk]
