"""What a worker asks for, and what it does not: texts that are there already, other prompts, other languages."""

from __future__ import annotations

import asyncio
from collections import Counter

from daemon.llm.scripted import ScriptedModel
from daemon.work.events import Tally
from daemon.work.loop import Scope
from db import requeue as db_requeue
from db.session import Database
from db.types import Lane, Stage, State
from tests.support.builders import (
    Connection,
    a_repository,
    all_rows,
    chunk_row,
    requeued,
    scalar,
    some_chunks,
    work_row,
)  # fmt: skip
from tests.support.workers import an_app, work_off


def states(psql: Connection) -> Counter[tuple[str, str]]:
    rows = all_rows(psql, "SELECT stage, state, count(*) AS n FROM work GROUP BY stage, state")
    return Counter({(row["stage"], row["state"]): row["n"] for row in rows})


async def test_a_revert_costs_no_call(db: Database, psql: Connection) -> None:
    (chunk,) = some_chunks(psql, a_repository(psql), 1)
    before = scalar(psql, "SELECT source_code FROM node")
    await work_off(an_app(db))
    text = chunk_row(psql, chunk)["content_raw"]
    psql.execute("UPDATE node SET source_code = 'def f(): return 0'")
    await work_off(an_app(db))
    assert chunk_row(psql, chunk)["content_raw"] != text
    psql.execute("UPDATE node SET source_code = %s", (before,))
    coder, talker, tally = ScriptedModel(), ScriptedModel(), Tally()
    await work_off(an_app(db, coder=coder, talker=talker), observers=[tally])
    assert chunk_row(psql, chunk)["content_raw"] == text
    assert (coder.calls, talker.calls, tally.reused) == ([], [], 2)


async def test_a_requeued_text_is_asked_for_anew(db: Database, psql: Connection) -> None:
    (chunk,) = some_chunks(psql, a_repository(psql), 1)
    await work_off(an_app(db))
    selection = db_requeue.Selection(stage=Stage.CODER)
    assert await requeued(db, selection) == 1
    assert chunk_row(psql, chunk)["content_raw"], "the old text stays meanwhile"
    coder = ScriptedModel()
    await work_off(an_app(db, coder=coder))
    assert len(coder.calls) == 1
    assert coder.calls[0].prompt.attempt > 0, "with another seed"


async def test_the_same_code_in_another_repository_costs_no_call(db: Database, psql: Connection) -> None:
    for _ in range(2):
        some_chunks(psql, a_repository(psql), 1)
    psql.execute(
        "UPDATE node SET source_code = 'def same(): return 1', name = 'same', fqn = 'same', signature = 'def same()'"
    )
    coder = ScriptedModel()
    talker = ScriptedModel()
    await work_off(an_app(db, coder=coder, talker=talker))
    assert (len(coder.calls), len(talker.calls)) == (1, 1), "even when both are written at the same time"
    assert scalar(psql, "SELECT count(*) FROM generation WHERE reused_from IS NOT NULL") == 2


async def test_another_prompt_refreshes_at_the_lowest_priority(db: Database, psql: Connection) -> None:
    some_chunks(psql, a_repository(psql), 2)
    await work_off(an_app(db))
    renamed = an_app(db, coder=ScriptedModel(name="bigger"), talker=ScriptedModel())
    tally = Tally()
    await renamed.worker(observers=[tally]).once(asyncio.Event())
    assert (tally.texts, tally.reused) == (2, 0), "the text came out the same, so the talker is not asked"
    assert {row["model"] for row in all_rows(psql, "SELECT model FROM docs")} == {"bigger"}


async def test_only_what_was_asked_for(db: Database, psql: Connection) -> None:
    asked, other = some_chunks(psql, a_repository(psql), 2)
    await db_requeue.ask_for(db, [asked])
    await work_off(an_app(db), scope=Scope(max_lane=Lane.ASKED))
    assert {row["stage"]: row["state"] for row in all_rows(psql, "SELECT * FROM work WHERE chunk_id = %s", asked)} == {
        "coder": "done", "talker": "done", "embed": "done",
    }  # fmt: skip
    assert chunk_row(psql, other)["content_raw"] is None


async def test_repositories_have_languages_of_their_own(db: Database, psql: Connection) -> None:
    (english,), (russian,) = (
        some_chunks(psql, a_repository(psql), 1), some_chunks(psql, a_repository(psql, language="ru"), 1),
    )  # fmt: skip
    await work_off(an_app(db))
    assert chunk_row(psql, english)["content_raw"].startswith("### 1. Summary")
    assert chunk_row(psql, russian)["content_raw"].startswith("### 1. Краткое описание")
    assert chunk_row(psql, russian)["lang_detected"] == "ru"


async def test_a_language_without_prompts_fails_alone(db: Database, psql: Connection) -> None:
    (good,), (bad,) = (
        some_chunks(psql, a_repository(psql), 1), some_chunks(psql, a_repository(psql, language="xx"), 1),
    )  # fmt: skip
    await work_off(an_app(db), stages=[Stage.CODER])
    assert work_row(psql, good)["state"] == "done"
    assert work_row(psql, bad)["state"] == State.DEAD
    assert "no prompts in language 'xx'" in work_row(psql, bad)["last_error"]
