"""Requeue and report: by any filter, in batches, without taking a text away."""

from __future__ import annotations

from typing import Any

import pytest

from daemon.work.events import Tally
from db import audit, control, report
from db import requeue as db_requeue
from db.audit import Order
from db.errors import DatabaseUnreachable, NotFound
from db.requeue import Selection
from db.session import Database
from db.types import ErrorClass, Stage, State
from tests.support.builders import (
    Connection,
    a_chunk,
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

_STAGES = (Stage.CODER, Stage.TALKER, Stage.EMBED)


@pytest.fixture
async def shop(db: Database, psql: Connection) -> dict[str, int]:
    repo = a_repository(psql, "shop")
    file = scalar(psql, "INSERT INTO file (repo_id, path) VALUES (%s, 'src/orders.py') RETURNING id", repo)
    chunks = {
        fqn: a_chunk(psql, a_node(psql, repo, fqn=fqn, name=fqn.rsplit(".", 1)[-1], file_id=file))
        for fqn in ("shop.Orders.place", "shop.Orders.cancel", "shop.users_of")
    }
    some_chunks(psql, a_repository(psql, "other"), 2)
    await work_off(an_app(db))
    return chunks


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"repo": "shop"}, 3),
        ({"fqn": "shop.Orders.*"}, 2),
        ({"fqn": "shop.users_of"}, 1),
        ({"fqn": "shop.usersXof"}, 0),
        ({"path": "src/*"}, 3),
        ({"path": "src"}, 0),
        ({"state": State.DEAD}, 0),
        ({"state": State.DONE}, 5),
        ({"flagged": True}, 0),
        ({"repo": "nowhere"}, 0),
        ({}, 5),
    ],
)
async def test_filters(db: Database, shop: dict[str, int], filters: dict[str, object], expected: int) -> None:
    selection = Selection(stage=Stage.CODER, **filters)  # type: ignore[arg-type]
    assert await db_requeue.count(db, selection) == expected
    assert await requeued(db, selection) == expected


async def test_flagged_texts_can_be_chosen(db: Database, psql: Connection, shop: dict[str, int]) -> None:
    chunk = shop["shop.users_of"]
    psql.execute(
        "UPDATE chunk SET explain_quality = jsonb_set(explain_quality, '{coder,flagged}', 'true') WHERE id = %s",
        (chunk,),
    )
    await requeued(db, Selection(stage=Stage.CODER, flagged=True))
    assert work_row(psql, chunk)["state"] == "due"
    assert [row.flagged for row in await report.progress(db, "shop") if row.stage is Stage.CODER] == [1]


async def test_what_another_recipe_made_can_be_chosen(db: Database, psql: Connection, shop: dict[str, int]) -> None:
    now = an_app(db).recipes().stored
    assert await db_requeue.count(db, Selection(stage=Stage.CODER, outdated=now)) == 0
    later = Selection(stage=Stage.CODER, outdated={"language": "en", "coder": {"en": "another"}})
    assert await db_requeue.count(db, later) == 5
    assert await requeued(db, later) == 5
    row = work_row(psql, shop["shop.users_of"])
    assert (row["reason"], row["lane"]) == ("recipe", 2), "the ledger may have it, and there is no hurry"


async def test_the_texts_stay_until_the_new_ones_are_there(
    db: Database, psql: Connection, shop: dict[str, int]
) -> None:
    chunk = shop["shop.users_of"]
    psql.execute("UPDATE work SET state = 'dead', attempts = 6, last_error = 'x' WHERE chunk_id = %s", (chunk,))
    await requeued(db, Selection(stage=Stage.CODER, state=State.DEAD))
    row = work_row(psql, chunk)
    assert (row["state"], row["reason"], row["attempts"], row["last_error"]) == ("due", "requeued", 0, None)
    assert chunk_row(psql, chunk)["content_raw"]


async def test_work_under_way_is_left_alone(db: Database, psql: Connection, shop: dict[str, int]) -> None:
    await requeued(db, Selection(stage=Stage.CODER, repo="shop"))
    (claim,) = await take(db)
    assert await requeued(db, Selection(stage=Stage.CODER, repo="shop")) == 2
    assert work_row(psql, claim.chunk_id)["state"] == "leased"


async def test_talker_is_not_requeued_where_there_is_nothing_to_retell(db: Database, psql: Connection) -> None:
    some_chunks(psql, a_repository(psql), 1)
    await work_off(an_app(db))
    psql.execute("UPDATE chunk SET content_raw = NULL")
    assert await db_requeue.count(db, Selection(stage=Stage.TALKER)) == 0


async def test_progress_counts_every_state(db: Database, psql: Connection) -> None:
    repo = a_repository(psql, "shop")
    chunks = some_chunks(psql, repo, 5)
    for chunk, state in zip(chunks, ("due", "retrying", "done", "dead", "done"), strict=True):
        psql.execute(
            "UPDATE work SET state = %s, done_at = now() WHERE chunk_id = %s AND stage = 'coder'", (state, chunk)
        )
    coder, embed = await report.progress(db, "shop")
    assert (coder.due, coder.retrying, coder.done, coder.dead, coder.total) == (1, 1, 2, 1, 5)
    assert (embed.stage, embed.due) == (Stage.EMBED, 5)
    assert [row.repo for row in await report.progress(db)] == ["shop", "shop"]
    with pytest.raises(NotFound, match="'nowhere'"):
        await report.progress(db, "nowhere")


async def test_rate_and_time_left(db: Database, psql: Connection) -> None:
    chunks = some_chunks(psql, a_repository(psql, "shop"), 10)
    psql.execute(
        "UPDATE work SET state = 'done', done_at = now() - interval '1 minute' * (chunk_id - %s) / 2 "
        "WHERE stage = 'coder' AND chunk_id < %s + 5",
        (chunks[0], chunks[0]),
    )
    coder = (await report.progress(db, "shop"))[0]
    assert coder.rate_per_min == pytest.approx(2.5, rel=0.05), "five in two minutes"
    assert coder.left_s == pytest.approx(120, rel=0.05)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("shop.Orders.place", ["shop.Orders.place"]),
        ("Orders.place", ["shop.Orders.place"]),
        ("place", ["shop.Orders.place"]),
        ("PLACE", ["shop.Orders.place"]),
        ("users_of", ["shop.users_of"]),
    ],
)
async def test_a_symbol_by_its_name_or_the_end_of_it(
    db: Database, shop: dict[str, int], asked: str, found: list[str]
) -> None:
    assert [page.fqn for page in await report.pages(db, asked)] == found


async def test_an_unknown_symbol(db: Database, shop: dict[str, int]) -> None:
    with pytest.raises(NotFound, match="'usersXof'"):
        await report.pages(db, "usersXof")
    with pytest.raises(NotFound, match="in other"):
        await report.pages(db, "place", repo="other")


async def test_scope_progress_never_falls(db: Database, psql: Connection) -> None:
    repo = a_repository(psql, "shop")
    chunks = some_chunks(psql, repo, 3)
    assert await report.scope_progress(db, repo, None, _STAGES) == {
        Stage.CODER: (0, 0, 3), Stage.TALKER: (0, 0, 3), Stage.EMBED: (0, 0, 3),
    }  # fmt: skip
    tally = Tally()
    await work_off(an_app(db), stages=[Stage.EMBED], observers=[tally])
    assert (await report.scope_progress(db, repo, chunks[:2], _STAGES))[Stage.EMBED] == (0, 0, 2), (
        "texts are still to come"
    )
    await work_off(an_app(db))
    assert (await report.scope_progress(db, repo, chunks[:2], _STAGES))[Stage.EMBED] == (2, 0, 2)
    assert await report.documented(db, chunks, _STAGES) == 3
    assert {row["state"] for row in all_rows(psql, "SELECT state FROM work")} == {"done"}


async def test_what_failed_for_one_reason_can_be_chosen(db: Database, psql: Connection, shop: dict[str, int]) -> None:
    psql.execute(
        "UPDATE work SET state = 'dead', error_class = CASE WHEN chunk_id = %s THEN 'crash' ELSE 'permanent' END, "
        "last_error = 'PromptTooLong: 9000 of 8192' WHERE stage = 'coder'",
        (shop["shop.users_of"],),
    )
    crashed = Selection(stage=Stage.CODER, error_class=ErrorClass.CRASH)
    assert await db_requeue.count(db, crashed) == 1
    assert await db_requeue.count(db, Selection(stage=Stage.CODER, error="PromptTooLong:*")) == 5
    assert await requeued(db, crashed) == 1
    assert scalar(psql, "SELECT count(*) FROM work WHERE state = 'dead'") == 4


async def test_what_waits_keeps_its_place_and_its_age(db: Database, psql: Connection, shop: dict[str, int]) -> None:
    chunk = shop["shop.users_of"]
    psql.execute(
        "UPDATE work SET state = 'due', lane = 0, due_at = '2020-01-01' WHERE chunk_id = %s AND stage = 'coder'",
        (chunk,),
    )
    await requeued(db, Selection(stage=Stage.CODER))
    assert (work_row(psql, chunk)["lane"], work_row(psql, chunk)["due_at"].year) == (0, 2020)
    assert scalar(psql, "SELECT count(*) FROM work WHERE stage = 'coder' AND lane = 1") == 4


async def test_a_requeue_that_was_cut_off_goes_on_where_it_stopped(
    db: Database, psql: Connection, shop: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three batches of two rows, cut off in the second: the first is kept, and nothing is done twice."""
    monkeypatch.setattr(db_requeue, "_BATCH", 2)
    monkeypatch.setattr(db_requeue, "_WINDOW", 9)
    advance, calls = audit.advance, 0

    async def cut(*arguments: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise ConnectionError
        await advance(*arguments)

    monkeypatch.setattr(audit, "advance", cut)
    with pytest.raises(DatabaseUnreachable):
        await requeued(db, Selection(stage=Stage.CODER), Selection(stage=Stage.TALKER))
    (entry,) = await audit.entries(db, limit=5)
    assert (entry.state, entry.counts, entry.actor) == ("running", {"coder": 2, "talker": 0}, "tester@here")
    assert scalar(psql, "SELECT count(*) FROM work WHERE state = 'due'") == 2, "a batch is kept with its audit or not"
    psql.execute("UPDATE work SET state = 'done' WHERE state = 'due'")

    done = await db_requeue.resume(db, entry.id)
    assert (done.entry, done.counts) == (entry.id, {"coder": 5, "talker": 5})
    assert scalar(psql, "SELECT count(*) FROM work WHERE state = 'due'") == 8
    assert (await audit.find(db, entry.id)).state == "done"
    assert await db_requeue.resume(db, entry.id) == done, "resuming what is done does nothing"
    assert scalar(psql, "SELECT count(*) FROM work WHERE state = 'due'") == 8


async def test_only_a_requeue_can_be_resumed(db: Database, psql: Connection) -> None:
    a_repository(psql, "shop")
    await control.pause(db, Order(actor="me", command="pause", filter={}), ["shop"], paused=True)
    (entry,) = await audit.entries(db, limit=1)
    for number in (entry.id, 999):
        with pytest.raises(NotFound):
            await db_requeue.resume(db, number)
