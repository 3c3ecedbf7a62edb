"""The worker as a whole, with scripted models and a real queue."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from daemon.errors import ModelFailed, ModelUnavailable, PromptTooLong
from daemon.llm.base import Prompt
from daemon.llm.scripted import ScriptedEmbedder, ScriptedModel, well_formed
from daemon.work.events import Tally
from db import claim as db_claim
from db import requeue as db_requeue
from db.session import Database
from db.types import Stage
from tests.support.builders import (
    Connection,
    a_repository,
    all_rows,
    chunk_row,
    one,
    scalar,
    some_chunks,
    work_row,
)  # fmt: skip
from tests.support.processes import eventually
from tests.support.workers import a_worker, an_app, work_off


def states(psql: Connection) -> Counter[tuple[str, str]]:
    rows = all_rows(psql, "SELECT stage, state, count(*) AS n FROM work GROUP BY stage, state")
    return Counter({(row["stage"], row["state"]): row["n"] for row in rows})


class Gate:
    """A script that holds answers back until the test says so."""

    def __init__(self) -> None:
        self.arrived = 0
        self.most = 0
        self.inside = 0
        self.open = asyncio.Event()
        self.someone = asyncio.Event()

    async def __call__(self, prompt: Prompt) -> str:
        self.arrived += 1
        self.inside += 1
        self.most = max(self.most, self.inside)
        self.someone.set()
        try:
            await self.open.wait()
        finally:
            self.inside -= 1
        return well_formed(prompt)


async def test_every_chunk_goes_through_all_stages_once(db: Database, psql: Connection) -> None:
    chunks = some_chunks(psql, a_repository(psql), 12)
    coder, talker, tally = ScriptedModel(), ScriptedModel(), Tally()
    await work_off(an_app(db, coder=coder, talker=talker), observers=[tally])
    assert states(psql) == {("coder", "done"): 12, ("talker", "done"): 12, ("embed", "done"): 12}
    assert (len(coder.calls), len(talker.calls), tally.texts, tally.lost_saves) == (12, 12, 24, 0)
    counts = all_rows(psql, "SELECT chunk_id, stage, count(*) AS n FROM generation GROUP BY 1, 2")
    assert {row["n"] for row in counts} == {1}
    row = chunk_row(psql, chunks[0])
    assert row["content_raw"].startswith("### 1. Summary")
    assert (row["lang_detected"], row["coder_due"], row["talker_due"], row["embed_due"]) == ("en", False, False, False)
    fields = all_rows(psql, "SELECT field FROM embedding WHERE chunk_id = %s ORDER BY field", chunks[0])
    assert [entry["field"] for entry in fields] == ["content", "raw", "source"]


async def test_nothing_due_means_no_call_and_no_write(db: Database, psql: Connection) -> None:
    some_chunks(psql, a_repository(psql), 3)
    await work_off(an_app(db))
    before = all_rows(psql, "SELECT *, xmin FROM work ORDER BY chunk_id, stage")
    coder, embedder = ScriptedModel(), ScriptedEmbedder(dims=16)
    await work_off(an_app(db, coder=coder, embedder=embedder))
    assert (coder.calls, embedder.calls) == ([], [])
    assert all_rows(psql, "SELECT *, xmin FROM work ORDER BY chunk_id, stage") == before


async def test_calls_never_exceed_the_slots_and_little_is_claimed_ahead(db: Database, psql: Connection) -> None:
    some_chunks(psql, a_repository(psql), 9)
    gate = Gate()
    app = an_app(db, coder=ScriptedModel(gate), slots=3)
    stopping = asyncio.Event()
    running = asyncio.create_task(a_worker(app, stages=[Stage.CODER]).once(stopping))
    while gate.arrived < 3:
        await asyncio.wait_for(gate.someone.wait(), 10)
        gate.someone.clear()
    assert states(psql)["coder", "leased"] <= 3 + 1, "a quarter of the slots, at least one, is prepared ahead"
    assert gate.inside == 3
    gate.open.set()
    await asyncio.wait_for(running, 20)
    assert (gate.arrived, gate.most) == (9, 3)


async def test_vectors_of_unchanged_texts_are_not_made_again(db: Database, psql: Connection) -> None:
    (chunk,) = some_chunks(psql, a_repository(psql), 1)
    await work_off(an_app(db))
    embedder = ScriptedEmbedder(dims=16)
    psql.execute("UPDATE chunk SET content = 'Another plain text by hand.'")
    await work_off(an_app(db, embedder=embedder))
    assert embedder.calls == [("Another plain text by hand.",)]
    assert work_row(psql, chunk, "embed")["state"] == "done"


async def test_a_foreign_index_gets_its_search_words_from_us(db: Database, psql: Connection) -> None:
    (chunk,) = some_chunks(psql, a_repository(psql), 1)
    psql.execute("UPDATE node SET source_code = 'fun getUserName() = 1', fqn = 'app.Users.getUserName'")
    await work_off(an_app(db))
    row = chunk_row(psql, chunk)
    assert {"getusername", "user", "name", "users"} <= set(row["idents"].split())
    assert scalar(psql, "SELECT content_tsv @@ to_tsquery('simple', 'username | getusername') FROM chunk") is True


async def test_transient_failures_are_tried_again_and_then_given_up(db: Database, psql: Connection) -> None:
    good, bad = some_chunks(psql, a_repository(psql), 2)
    psql.execute("UPDATE node SET name = 'poison' WHERE id = (SELECT node_id FROM chunk WHERE id = %s)", (bad,))
    psql.execute("UPDATE node SET source_code = 'poison' WHERE name = 'poison'")

    def script(prompt: Prompt) -> str | Exception:
        return ModelFailed("the runner crashed") if "poison" in prompt.user else well_formed(prompt)

    tally = Tally()
    coder = ScriptedModel(script)
    await work_off(an_app(db, coder=coder, max_attempts=3), stages=[Stage.CODER], observers=[tally])
    assert work_row(psql, good)["state"] == "done"
    row = work_row(psql, bad)
    assert (row["state"], row["attempts"], row["error_class"]) == ("dead", 3, "transient")
    assert "the runner crashed" in row["last_error"]
    assert (len(coder.calls), tally.failures, tally.dead) == (4, 3, 1)


async def test_a_run_does_not_end_while_the_last_piece_is_being_claimed(
    db: Database, psql: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A poll lets a loop claim while the end of the run is looked for: nothing is due any more then."""
    repo, pending, go_on = a_repository(psql), db_claim.pending, asyncio.Event()
    chunks: list[int] = []

    async def code(prompt: Prompt) -> str:
        await go_on.wait()
        return well_formed(prompt)

    worker = a_worker(an_app(db, coder=ScriptedModel(code)), stages=[Stage.CODER])

    async def look(*arguments: Any, **options: Any) -> tuple[int, int, float | None]:
        if not chunks:
            chunks.extend(some_chunks(psql, repo, 1))
            worker._wake(None, by="poll")
            await eventually(lambda: work_row(psql, chunks[0])["state"] == "leased")
        found = await pending(*arguments, **options)
        asyncio.get_running_loop().call_soon(go_on.set)
        return found

    monkeypatch.setattr(db_claim, "pending", look)
    await worker.once(asyncio.Event())
    assert work_row(psql, chunks[0])["state"] == "done"


async def test_an_attempt_has_an_end_however_long_its_lease_is_renewed(db: Database, psql: Connection) -> None:
    """A call that hangs: its lease would be renewed for ever, so the attempt has a deadline of its own."""
    (chunk,) = some_chunks(psql, a_repository(psql), 1)
    gate = Gate()  # which nobody opens
    app = an_app(db, coder=ScriptedModel(gate), deadline_s=1.0, max_attempts=2)
    await work_off(app, stages=[Stage.CODER])
    row = work_row(psql, chunk)
    assert (row["state"], row["attempts"], row["crashes"], row["error_class"]) == ("dead", 2, 0, "transient")
    assert "deadline_s" in row["last_error"]


async def test_permanent_errors_are_not_tried_again(db: Database, psql: Connection) -> None:
    (chunk,) = some_chunks(psql, a_repository(psql), 1)
    coder = ScriptedModel(lambda _: PromptTooLong("9000 tokens, the model takes 8192"))
    await work_off(an_app(db, coder=coder), stages=[Stage.CODER])
    assert (work_row(psql, chunk)["state"], len(coder.calls)) == ("dead", 1)


async def test_an_endpoint_that_is_away_burns_no_attempts(db: Database, psql: Connection) -> None:
    some_chunks(psql, a_repository(psql), 5)
    coder = ScriptedModel(lambda _: ModelUnavailable("connection refused", "Start it."))
    with pytest.raises(ModelUnavailable, match="connection refused"):
        await work_off(an_app(db, coder=coder), stages=[Stage.CODER])
    rows = all_rows(psql, "SELECT state, attempts FROM work WHERE stage = 'coder'")
    assert {(row["state"], row["attempts"]) for row in rows} == {("due", 0)}
    assert len(coder.calls) <= 4 + 4, "one volley, then single probes"


async def test_an_endpoint_that_comes_back_is_used_again(db: Database, psql: Connection) -> None:
    some_chunks(psql, a_repository(psql), 5)
    refusals = iter([True, True, False])

    def script(prompt: Prompt) -> str | Exception:
        return ModelUnavailable("refused") if next(refusals, False) else well_formed(prompt)

    await work_off(an_app(db, coder=ScriptedModel(script), slots=1), stages=[Stage.CODER])
    assert states(psql) == {("coder", "done"): 5, ("talker", "due"): 5, ("embed", "due"): 5}


async def test_one_bad_text_does_not_fail_the_others_of_its_batch(db: Database, psql: Connection) -> None:
    chunks = some_chunks(psql, a_repository(psql), 4)
    psql.execute(
        "UPDATE node SET source_code = 'poison' WHERE id = (SELECT node_id FROM chunk WHERE id = %s)", (chunks[2],)
    )

    class Picky(ScriptedEmbedder):
        async def embed(self, texts: object) -> list[list[float]]:
            assert isinstance(texts, list)
            if any("poison" in text for text in texts):
                raise ModelFailed("not a number")
            return await super().embed(texts)

    await work_off(an_app(db, embedder=Picky(dims=16), max_attempts=1), stages=[Stage.EMBED])
    assert states(psql)["embed", "done"] == 3
    assert work_row(psql, chunks[2], "embed")["state"] == "dead"


async def test_a_clean_stop_gives_back_what_is_held(db: Database, psql: Connection) -> None:
    some_chunks(psql, a_repository(psql), 6)
    gate = Gate()
    app = an_app(db, coder=ScriptedModel(gate), slots=3, grace_s=0.05)
    stopping = asyncio.Event()
    running = asyncio.create_task(a_worker(app, stages=[Stage.CODER]).run(stopping))
    while gate.arrived < 3:
        await asyncio.wait_for(gate.someone.wait(), 10)
        gate.someone.clear()
    stopping.set()
    await asyncio.wait_for(running, 20)
    rows = all_rows(psql, "SELECT state, attempts FROM work WHERE stage = 'coder'")
    assert [(row["state"], row["attempts"]) for row in rows] == [("due", 0)] * 6
    assert gate.inside == 0, "the calls were really cancelled"


async def test_answers_that_arrive_within_the_grace_time_are_saved(db: Database, psql: Connection) -> None:
    some_chunks(psql, a_repository(psql), 2)
    gate = Gate()
    app = an_app(db, coder=ScriptedModel(gate), slots=2, grace_s=20)
    stopping = asyncio.Event()
    running = asyncio.create_task(a_worker(app, stages=[Stage.CODER]).run(stopping))
    while gate.arrived < 2:
        await asyncio.wait_for(gate.someone.wait(), 10)
        gate.someone.clear()
    stopping.set()
    gate.open.set()
    await asyncio.wait_for(running, 20)
    assert states(psql)["coder", "done"] == 2


async def test_a_second_signal_does_not_wait(db: Database, psql: Connection) -> None:
    some_chunks(psql, a_repository(psql), 1)
    gate = Gate()
    worker = a_worker(an_app(db, coder=ScriptedModel(gate), grace_s=600), stages=[Stage.CODER])
    stopping = asyncio.Event()
    running = asyncio.create_task(worker.run(stopping))
    await asyncio.wait_for(gate.someone.wait(), 10)
    stopping.set()
    worker.hurry()
    await asyncio.wait_for(running, 20)
    assert states(psql) == {("coder", "due"): 1, ("embed", "due"): 1}


async def test_work_that_was_lost_is_cancelled(db: Database, psql: Connection) -> None:
    (chunk,) = some_chunks(psql, a_repository(psql), 1)
    gate = Gate()
    worker = a_worker(an_app(db, coder=ScriptedModel(gate)), stages=[Stage.CODER])
    stopping = asyncio.Event()
    running = asyncio.create_task(worker.run(stopping))
    await asyncio.wait_for(gate.someone.wait(), 10)
    psql.execute("DELETE FROM chunk WHERE id = %s", (chunk,))
    await worker._keeper.renew_once()
    (loop,) = worker._loops
    await asyncio.gather(*loop.tasks, return_exceptions=True)
    assert (worker._keeper.lost, gate.inside) == (1, 0)
    stopping.set()
    await asyncio.wait_for(running, 20)


async def test_a_chunk_that_changes_while_it_is_written_is_written_again(db: Database, psql: Connection) -> None:
    (chunk,) = some_chunks(psql, a_repository(psql), 1)
    edits = iter(["def f(): return 'edited'"])

    def script(prompt: Prompt) -> str:
        edit = next(edits, None)
        if edit:
            psql.execute("UPDATE node SET source_code = %s", (edit,))
        return well_formed(prompt)

    coder = ScriptedModel(script)
    await work_off(an_app(db, coder=coder), stages=[Stage.CODER])
    assert len(coder.calls) == 2
    assert "edited" in coder.calls[1].prompt.user
    row = chunk_row(psql, chunk)
    assert row["raw_key"] == row["source_key"]
    assert (work_row(psql, chunk)["attempts"], scalar(psql, "SELECT count(*) FROM generation")) == (1, 1)


async def test_two_workers_share_the_work(db: Database, psql: Connection) -> None:
    some_chunks(psql, a_repository(psql), 30)
    models = [ScriptedModel(), ScriptedModel()]
    await asyncio.gather(*(work_off(an_app(db, coder=model, talker=ScriptedModel())) for model in models))
    assert sum(len(model.calls) for model in models) == 30
    assert states(psql) == {("coder", "done"): 30, ("talker", "done"): 30, ("embed", "done"): 30}
    doubled = one(psql, "SELECT count(*) - count(DISTINCT (chunk_id, stage)) AS n FROM generation")
    assert doubled["n"] == 0


async def test_what_a_person_waits_for_does_not_wait_for_the_turn_of_its_model(db: Database, psql: Connection) -> None:
    """Coder has work for hours and the turn; a Talker text is asked for: it comes next, and Coder goes on after it."""
    repo = a_repository(psql)
    (asked,) = some_chunks(psql, repo, 1)
    await work_off(an_app(db), stages=[Stage.CODER])
    some_chunks(psql, repo, 12)
    order: list[str] = []
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def code(prompt: Prompt) -> str:
        order.append("coder")
        begun.set()
        await go_on.wait()
        return well_formed(prompt)

    def talk(prompt: Prompt) -> str:
        order.append("talker")
        return well_formed(prompt)

    app = an_app(db, coder=ScriptedModel(code), talker=ScriptedModel(talk, name="another"), slots=2)
    psql.execute("UPDATE repository SET paused = true")
    psql.execute("UPDATE work SET state = 'done' WHERE chunk_id = %s AND stage = 'talker'", (asked,))
    psql.execute("UPDATE repository SET paused = false")
    worker, stopping = a_worker(app, stages=[Stage.CODER, Stage.TALKER]), asyncio.Event()
    running = asyncio.create_task(worker.run(stopping))
    await begun.wait()
    psql.execute("UPDATE work SET state = 'due', lane = 1 WHERE chunk_id = %s AND stage = 'talker'", (asked,))
    await db_requeue.ask_for(db, [asked])
    await eventually(lambda: worker._slots["scripted"].urgent("another"))
    go_on.set()
    await eventually(lambda: "talker" in order)
    before = order.index("talker")
    await eventually(lambda: len(order) > before + 5)
    stopping.set()
    await running
    assert before <= 3, "only what was under way went before it"
    assert order[before + 1 : before + 4] == ["coder"] * 3, "one turn for what was asked, no more"
