"""The queue is what the data asks for: proved when it is; noticed and put right when triggers were worked around."""

from __future__ import annotations

import asyncio

import pytest

from db import requeue as db_requeue
from db import save as db_save
from db.audit import Order
from db.errors import NotFound
from db.reconcile import reconcile
from db.session import Database
from db.types import Reason, Stage
from tests.support.builders import (
    Connection,
    a_draft,
    a_repository,
    all_rows,
    chunk_row,
    scalar,
    some_chunks,
    take,
    work_row,
)
from tests.support.workers import an_app, work_off

ORDER = Order(actor="me", command="reconcile", filter={})


def behind_its_back(psql: Connection, statement: str) -> None:
    """As a bulk load does, or a restore of some tables."""
    psql.execute("SET session_replication_role = replica")
    psql.execute(statement.encode())
    psql.execute("SET session_replication_role = origin")


async def kinds(db: Database, mend: Order | None = None) -> dict[tuple[str, str], int]:
    return dict((await reconcile(db, mend=mend)).counts)


async def test_whatever_the_daemon_and_people_do_leaves_no_difference(db: Database, psql: Connection) -> None:
    chunks = some_chunks(psql, a_repository(psql), 6)
    assert await kinds(db) == {}
    claims = await take(db, limit=2)
    await db_save.save_texts(db, [(claims[0], a_draft("one"))], worker="w")
    assert await kinds(db) == {}
    await work_off(an_app(db))
    assert await kinds(db) == {}
    psql.execute("UPDATE chunk SET content_raw = NULL WHERE id = %s", (chunks[3],))
    psql.execute("UPDATE node SET source_code = 'def f(): return 0'")
    psql.execute("UPDATE chunk SET content = 'By hand.' WHERE id = %s", (chunks[4],))
    await db_requeue.requeue(db, [db_requeue.Selection(stage=Stage.CODER)], actor="me")
    psql.execute("DELETE FROM chunk WHERE id = %s", (chunks[5],))
    assert (await reconcile(db)).chunks == 5
    assert await kinds(db) == {}


@pytest.mark.parametrize(
    ("harm", "kind"),
    [
        ("DELETE FROM work WHERE stage = 'coder'", ("coder", "missing")),
        ("UPDATE work SET state = 'done' WHERE stage = 'coder'", ("coder", "closed")),
        ("UPDATE work SET wanted_key = 'of old' WHERE stage = 'coder'", ("coder", "stale")),
        ("UPDATE chunk SET source_hash = 'of a restore'", ("coder", "stale")),
    ],
)
async def test_what_was_done_behind_its_back_is_noticed_and_put_right(
    db: Database, psql: Connection, harm: str, kind: tuple[str, str]
) -> None:
    some_chunks(psql, a_repository(psql), 3)
    behind_its_back(psql, harm)
    assert (await kinds(db))[kind] == 3
    assert (await kinds(db, mend=ORDER))[kind] == 3
    assert await kinds(db) == {}
    due = "SELECT count(*) FROM work WHERE stage = 'coder' AND state = 'due'"
    assert scalar(psql, due) == 3
    assert scalar(psql, "SELECT counts ->> %s FROM audit WHERE command = 'reconcile'", " ".join(kind)) == "3"


async def test_work_for_what_holds_already_is_needless_unless_somebody_asked(db: Database, psql: Connection) -> None:
    first, *asked = some_chunks(psql, a_repository(psql), 4)
    await work_off(an_app(db))
    behind_its_back(
        psql, f"UPDATE work SET state = 'due', reason = 'source' WHERE stage = 'coder' AND chunk_id = {first}"
    )
    for chunk, reason in zip(asked, (Reason.REQUEUED, Reason.RECIPE, Reason.LANGUAGE), strict=True):
        psql.execute("UPDATE work SET state = 'due', reason = %s WHERE chunk_id = %s", (reason, chunk))
    assert await kinds(db) == {("coder", "needless"): 1}
    await kinds(db, mend=ORDER)
    assert work_row(psql, first)["state"] == "done"
    assert {work_row(psql, chunk)["state"] for chunk in asked} == {"due"}
    assert chunk_row(psql, first)["content_raw"]


async def test_work_of_a_stage_that_is_off(db: Database, psql: Connection) -> None:
    (chunk,) = some_chunks(psql, a_repository(psql), 1)
    psql.execute(
        "INSERT INTO work (chunk_id, stage, repo_id, wanted_key, reason) "
        "SELECT chunk_id, 'instruct', repo_id, 'k', 'new' FROM work WHERE chunk_id = %s AND stage = 'coder'", (chunk,),
    )  # fmt: skip
    assert await kinds(db, mend=ORDER) == {("instruct", "off"): 1}
    assert await kinds(db) == {}


async def test_what_is_held_is_mended_without_losing_its_holder(db: Database, psql: Connection) -> None:
    """Its save comes too late for the source that is there now, and the chunk is due again."""
    (chunk,) = some_chunks(psql, a_repository(psql), 1)
    (claim,) = await take(db)
    behind_its_back(psql, "UPDATE chunk SET source_hash = 'of a restore'")
    assert await kinds(db, mend=ORDER) == {("coder", "stale"): 1, ("embed", "stale"): 1}
    assert work_row(psql, chunk)["state"] == "leased"
    await db_save.save_texts(db, [(claim, a_draft())], worker="w")
    assert work_row(psql, chunk)["state"] == "due"
    assert await kinds(db) == {}


async def test_it_looks_at_one_repository_where_asked(db: Database, psql: Connection) -> None:
    some_chunks(psql, a_repository(psql, "here"), 2)
    some_chunks(psql, a_repository(psql, "there"), 3)
    behind_its_back(psql, "DELETE FROM work WHERE stage = 'coder'")
    found = await reconcile(db, repo="here")
    assert (found.chunks, found.counts["coder", "missing"]) == (2, 2)
    assert len(found.examples["coder", "missing"]) == 2
    with pytest.raises(NotFound, match="nowhere"):
        await reconcile(db, repo="nowhere")


async def test_no_difference_is_seen_while_daemons_work(db: Database, psql: Connection) -> None:
    some_chunks(psql, a_repository(psql), 40)
    working = asyncio.create_task(work_off(an_app(db)))
    looks = 0
    while not working.done():
        assert await kinds(db) == {}
        looks += 1
    await working
    assert looks > 1
    assert all_rows(psql, "SELECT DISTINCT state FROM work") == [{"state": "done"}]
