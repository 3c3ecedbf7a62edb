"""Saves: all or nothing, only under the fence of the claim, only for the key that is still wanted."""

from __future__ import annotations

import asyncio

import pytest

from db import claim as db_claim
from db import gather as db_gather
from db import save as db_save
from db.session import Database
from db.types import Claim, Outcome, Stage, TextDraft, Vector, VectorDraft, VectorField
from tests.support.builders import (
    Connection,
    a_draft,
    a_repository,
    all_rows,
    chunk_row,
    one,
    scalar,
    some_chunks,
    take,
    work_row,
)  # fmt: skip


async def save(db: Database, claim: Claim, draft: TextDraft | None = None) -> Outcome:
    outcomes = await db_save.save_texts(db, [(claim, draft or a_draft())], worker="w")
    return outcomes[claim.chunk_id, claim.fence]


async def test_text_ledger_and_queue_change_together(db: Database, psql: Connection) -> None:
    (chunk,) = some_chunks(psql, a_repository(psql), 1)
    (claim,) = await take(db)
    draft = a_draft("Технический текст.", language_detected="ru", quality={"score": 0.9}, prompt_tokens=7)
    assert await save(db, claim, draft) is Outcome.SAVED
    row = chunk_row(psql, chunk)
    assert (row["content_raw"], row["lang_detected"], row["raw_recipe"]) == ("Технический текст.", "ru", "recipe")
    assert row["raw_key"] == row["source_key"] == claim.wanted_key
    assert row["explain_quality"] == {"coder": {"score": 0.9}}
    entry = one(psql, "SELECT * FROM generation")
    assert (entry["chunk_id"], entry["stage"], entry["fence"], entry["output"], entry["prompt_tokens"]) == (
        chunk, "coder", claim.fence, "Технический текст.", 7,
    )  # fmt: skip
    closed = work_row(psql, chunk)
    assert (closed["state"], closed["saved_fence"], closed["lease_owner"]) == ("done", claim.fence, None)
    assert closed["done_at"] is not None


async def test_a_stale_worker_saves_nothing(db: Database, psql: Connection) -> None:
    """The zombie: its lease ran out, the row was rescued and claimed by another, then it wakes up."""
    (chunk,) = some_chunks(psql, a_repository(psql), 1)
    (zombie,) = await take(db)
    psql.execute("UPDATE work SET lease_until = clock_timestamp() - interval '1 s' WHERE state = 'leased'")
    await db_claim.rescue(db, max_crashes=3, max_attempts=6, backoff_base_s=0, backoff_cap_s=0)
    await db_claim.promote(db)
    (heir,) = await take(db)
    assert await save(db, zombie, a_draft("zombie")) is Outcome.LOST
    assert chunk_row(psql, chunk)["content_raw"] is None
    assert await save(db, heir, a_draft("heir")) is Outcome.SAVED
    assert await save(db, zombie, a_draft("zombie")) is Outcome.LOST
    assert chunk_row(psql, chunk)["content_raw"] == "heir"
    assert scalar(psql, "SELECT count(*) FROM generation") == 1


async def test_an_expired_lease_that_nobody_took_still_saves(db: Database, psql: Connection) -> None:
    some_chunks(psql, a_repository(psql), 1)
    (claim,) = await take(db)
    psql.execute("UPDATE work SET lease_until = clock_timestamp() - interval '1 s' WHERE state = 'leased'")
    assert await save(db, claim) is Outcome.SAVED, "the answer is paid for and nobody else works on it"


async def test_a_source_that_changed_meanwhile_goes_back(db: Database, psql: Connection) -> None:
    (chunk,) = some_chunks(psql, a_repository(psql), 1)
    (claim,) = await take(db)
    psql.execute("UPDATE node SET source_code = 'def f(): return 0'")
    assert work_row(psql, chunk)["state"] == "leased"
    assert await save(db, claim) is Outcome.OUTDATED
    row = work_row(psql, chunk)
    assert (row["state"], row["attempts"]) == ("due", 0)
    assert chunk_row(psql, chunk)["content_raw"] is None
    assert scalar(psql, "SELECT count(*) FROM generation") == 0


async def test_a_save_may_be_repeated_when_its_answer_was_lost(db: Database, psql: Connection) -> None:
    (chunk,) = some_chunks(psql, a_repository(psql), 1)
    (claim,) = await take(db)
    assert await save(db, claim) is Outcome.SAVED
    assert await save(db, claim) is Outcome.SAVED
    assert scalar(psql, "SELECT count(*) FROM generation") == 1
    assert work_row(psql, chunk)["state"] == "done"


async def test_racing_saves_write_once(db: Database, psql: Connection) -> None:
    some_chunks(psql, a_repository(psql), 1)
    (claim,) = await take(db)
    outcomes = await asyncio.gather(*(save(db, claim, a_draft(f"text {i}")) for i in range(5)))
    assert set(outcomes) == {Outcome.SAVED}
    assert scalar(psql, "SELECT count(*) FROM generation") == 1


async def test_a_group_is_judged_row_by_row(db: Database, psql: Connection) -> None:
    some_chunks(psql, a_repository(psql), 4)
    good, lost, outdated, deleted = await take(db, limit=4)
    psql.execute("UPDATE work SET fence = fence + 1 WHERE chunk_id = %s", (lost.chunk_id,))
    psql.execute(
        "UPDATE node SET source_code = 'x' WHERE id = (SELECT node_id FROM chunk WHERE id = %s)", (outdated.chunk_id,)
    )
    psql.execute("DELETE FROM chunk WHERE id = %s", (deleted.chunk_id,))
    drafts = [(claim, a_draft()) for claim in (good, lost, outdated, deleted)]
    outcomes = await db_save.save_texts(db, drafts, worker="w")
    assert [outcomes[claim.chunk_id, claim.fence] for claim, _ in drafts] == [
        Outcome.SAVED, Outcome.LOST, Outcome.OUTDATED, Outcome.LOST,
    ]  # fmt: skip


async def test_two_stages_in_one_call_are_refused(db: Database, psql: Connection) -> None:
    (chunk,) = some_chunks(psql, a_repository(psql), 1, content_raw="Technical.")
    psql.execute("UPDATE chunk SET raw_key = NULL")
    (coder,), (talker,) = await take(db, Stage.CODER), await take(db, Stage.TALKER)
    assert coder.chunk_id == talker.chunk_id == chunk
    with pytest.raises(ValueError, match="one stage"):
        await db_save.save_texts(db, [(coder, a_draft()), (talker, a_draft())], worker="w")


async def test_characters_that_postgres_refuses_are_dropped(db: Database, psql: Connection) -> None:
    (chunk,) = some_chunks(psql, a_repository(psql), 1)
    (claim,) = await take(db)
    assert await save(db, claim, a_draft("a\x00b \\u0000 \ud800")) is Outcome.SAVED
    assert chunk_row(psql, chunk)["content_raw"].startswith("ab \\u0000")


async def test_a_save_and_an_edit_of_the_same_row_do_not_deadlock(db: Database, psql: Connection) -> None:
    chunks = some_chunks(psql, a_repository(psql), 20)

    async def edit() -> None:
        async with db.write() as connection:
            await connection.exec_driver_sql("UPDATE node SET source_code = source_code || ' '")

    for _ in range(50):
        claims = await take(db, limit=20)
        await asyncio.gather(
            db_save.save_texts(db, [(claim, a_draft()) for claim in claims], worker="w"),
            db_claim.renew(db, list(reversed(claims)), lease_s=90),
            edit(),
            edit(),
        )
        assert scalar(psql, "SELECT count(*) FROM work WHERE state = 'leased'") == 0
    assert scalar(psql, "SELECT count(*) FROM work WHERE stage = 'coder'") == len(chunks)


async def test_vectors_are_kept_beside_the_text_they_were_made_from(db: Database, psql: Connection) -> None:
    (chunk,) = some_chunks(psql, a_repository(psql), 1)
    model = await db_save.register_embedding_model(db, "tiny", 3)
    (claim,) = await take(db, Stage.EMBED)
    draft = VectorDraft(
        model="tiny", dims=3, recipe="r", idents="shop f", words="def return",
        vectors=(Vector(field=VectorField.SOURCE, text_hash="h1", values=(1.0, 0.0, 0.0)),),
    )  # fmt: skip
    outcomes = await db_save.save_vectors(db, [(claim, draft)], model_id=model)
    assert outcomes == {(chunk, claim.fence): Outcome.SAVED}
    row = chunk_row(psql, chunk)
    assert (row["embed_due"], row["idents"]) == (False, "shop f")
    stored = one(psql, "SELECT field, text_hash, vector::text AS vector, model_id FROM embedding")
    assert stored == {"field": "source", "text_hash": "h1", "vector": "[1,0,0]", "model_id": model}
    material = (await db_gather.gather(db, [claim], language="en", embedding_model=model))[chunk]
    assert material.vectors == (("source", "h1"),)


async def test_vectors_of_an_outdated_claim_are_not_wasted(db: Database, psql: Connection) -> None:
    (chunk,) = some_chunks(psql, a_repository(psql), 1)
    model = await db_save.register_embedding_model(db, "tiny", 3)
    (claim,) = await take(db, Stage.EMBED)
    psql.execute("UPDATE chunk SET content_raw = 'A text that came meanwhile.'")
    vector = Vector(field=VectorField.SOURCE, text_hash="h1", values=(1.0, 0.0, 0.0))
    draft = VectorDraft(model="tiny", dims=3, recipe="r", vectors=(vector,))
    outcomes = await db_save.save_vectors(db, [(claim, draft)], model_id=model)
    assert outcomes == {(chunk, claim.fence): Outcome.OUTDATED}
    assert work_row(psql, chunk, "embed")["state"] == "due"
    assert one(psql, "SELECT field FROM embedding") == {"field": "source"}


async def test_each_embedding_model_has_an_index_of_its_own(db: Database, psql: Connection) -> None:
    first = await db_save.register_embedding_model(db, "small", 3)
    assert await db_save.register_embedding_model(db, "small", 3) == first
    second = await db_save.register_embedding_model(db, "large", 5)
    active = one(psql, "SELECT id FROM embedding_model WHERE active")["id"]
    assert (active, first != second) == (first, True), "the second one is filled beside it first"
    names = {row["indexname"] for row in all_rows(psql, "SELECT indexname FROM pg_indexes")}
    assert {f"embedding_hnsw_{first}", f"embedding_hnsw_{second}"} <= names


async def test_the_ledger_recalls_what_was_made_from_the_same(db: Database, psql: Connection) -> None:
    some_chunks(psql, a_repository(psql), 2)
    one_claim, other = await take(db, limit=2)
    await save(db, one_claim, a_draft("The text.", key="same"))
    held = await db_gather.recall(db, ["same", "other"])
    generation, text, _, _ = held["same"]
    assert (list(held), text) == (["same"], "The text.")
    reused = a_draft("The text.", key="same", reused_from=generation)
    assert await save(db, other, reused) is Outcome.SAVED
    entry = one(psql, "SELECT output, reused_from FROM generation WHERE chunk_id = %s", other.chunk_id)
    assert entry == {"output": None, "reused_from": generation}
