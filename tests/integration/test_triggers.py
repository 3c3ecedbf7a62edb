"""The data is the truth: whatever SQL does to chunk or node, work follows."""

from __future__ import annotations

from typing import Any

import pytest

from db import save as db_save
from db.session import Database
from db.types import Outcome, Stage
from tests.support.builders import (
    Connection,
    a_chunk,
    a_draft,
    a_node,
    a_repository,
    all_rows,
    chunk_row,
    scalar,
    take,
    work_row,
)  # fmt: skip


@pytest.fixture
def chunk(psql: Connection) -> int:
    return a_chunk(psql, a_node(psql, a_repository(psql)))


async def documented(db: Database, psql: Connection, chunk: int) -> None:
    """Bring a chunk to the end of both text stages."""
    for stage, text in ((Stage.CODER, "Technical."), (Stage.TALKER, "Plain.")):
        (claim,) = await take(db, stage)
        assert await db_save.save_texts(db, [(claim, a_draft(text))], worker="w") == {
            (chunk, claim.fence): Outcome.SAVED
        }
    assert states(psql, chunk) == {"coder": "done", "talker": "done", "embed": "due"}


def states(psql: Connection, chunk: int) -> dict[str, str]:
    rows = all_rows(psql, "SELECT stage, state FROM work WHERE chunk_id = %s", chunk)
    return {row["stage"]: row["state"] for row in rows}


def test_an_insert_that_names_nothing_but_its_node_is_enough(psql: Connection, chunk: int) -> None:
    row = chunk_row(psql, chunk)
    node_source = scalar(psql, "SELECT md5(source_code) FROM node WHERE id = %s", row["node_id"])
    assert row["source_hash"] == node_source
    assert row["repo_id"] == scalar(psql, "SELECT repo_id FROM node WHERE id = %s", row["node_id"])
    assert states(psql, chunk) == {"coder": "due", "embed": "due"}
    assert work_row(psql, chunk)["reason"] == "new"


def test_a_node_without_source_makes_no_work(psql: Connection) -> None:
    chunk = a_chunk(psql, a_node(psql, a_repository(psql), source_code=None))
    assert states(psql, chunk) == {}


def test_texts_that_come_with_the_insert_are_taken_as_they_are(psql: Connection) -> None:
    node = a_node(psql, a_repository(psql))
    assert states(psql, a_chunk(psql, node, content_raw="Technical.", content="Plain.")) == {"embed": "due"}
    other = a_chunk(psql, a_node(psql, a_repository(psql)), content_raw="Technical.")
    assert states(psql, other) == {"talker": "due", "embed": "due"}


async def test_emptying_content_raw_requeues(db: Database, psql: Connection, chunk: int) -> None:
    await documented(db, psql, chunk)
    fence = work_row(psql, chunk)["fence"]
    psql.execute("UPDATE chunk SET content_raw = NULL")
    row = work_row(psql, chunk)
    assert (row["state"], row["reason"], row["attempts"], row["fence"]) == ("due", "requeued", 0, fence)
    assert chunk_row(psql, chunk)["content"] == "Plain.", "the old plain text stays until there is a new one"
    assert states(psql, chunk)["talker"] == "done", "nothing to retell yet"


async def test_emptying_content_requeues_talker_alone(db: Database, psql: Connection, chunk: int) -> None:
    await documented(db, psql, chunk)
    psql.execute("UPDATE chunk SET content = ''")
    assert states(psql, chunk) == {"coder": "done", "talker": "due", "embed": "due"}
    assert work_row(psql, chunk, "talker")["reason"] == "requeued"


async def test_a_text_written_by_hand_gets_a_new_plain_text(db: Database, psql: Connection, chunk: int) -> None:
    await documented(db, psql, chunk)
    psql.execute("UPDATE chunk SET content_raw = 'By hand.'")
    assert states(psql, chunk) == {"coder": "done", "talker": "due", "embed": "due"}
    assert work_row(psql, chunk, "talker")["reason"] == "raw-changed"
    assert chunk_row(psql, chunk)["raw_recipe"] is None, "no recipe made it: no refresh may replace it"


def test_a_text_written_by_hand_before_the_first_answer_closes_the_work(psql: Connection, chunk: int) -> None:
    psql.execute("UPDATE chunk SET content_raw = 'By hand.'")
    assert states(psql, chunk) == {"coder": "done", "talker": "due", "embed": "due"}


async def test_a_text_written_by_hand_beats_the_answer_under_way(db: Database, psql: Connection, chunk: int) -> None:
    (claim,) = await take(db)
    psql.execute("UPDATE chunk SET content_raw = 'By hand.'")
    outcome = await db_save.save_texts(db, [(claim, a_draft("By model."))], worker="w")
    assert outcome == {(chunk, claim.fence): Outcome.LOST}
    assert chunk_row(psql, chunk)["content_raw"] == "By hand."


@pytest.mark.parametrize(
    ("change", "coder", "reason", "lane"),
    [
        ("UPDATE node SET source_code = 'def f(): return 0'", "due", "source", 1),
        ("UPDATE node SET source_hash = 'tokens'", "due", "source", 1),
        ("UPDATE chunk SET context_hash = 'neighbours'", "due", "context", 2),
        ("UPDATE node SET line_start = 10, line_end = 12", "done", "new", 1),
        ("UPDATE node SET fqn = 'moved.f'", "done", "new", 1),
        ("UPDATE node SET centrality = 0.5, level = 3", "done", "new", 1),
        ("UPDATE chunk SET priority = 7", "done", "new", 1),
    ],
)
async def test_what_makes_a_text_stale(
    db: Database, psql: Connection, chunk: int, change: str, coder: str, reason: str, lane: int
) -> None:
    await documented(db, psql, chunk)
    psql.execute(change.encode())
    row = work_row(psql, chunk)
    assert (row["state"], row["reason"], row["lane"]) == (coder, reason, lane)
    assert chunk_row(psql, chunk)["content_raw"] == "Technical.", "an old text stays until the new one is saved"


async def test_our_own_hash_decides_where_it_is_given(db: Database, psql: Connection) -> None:
    node = a_node(psql, a_repository(psql), source_hash="tokens")
    chunk = a_chunk(psql, node)
    await documented(db, psql, chunk)
    psql.execute("UPDATE node SET source_code = '# a comment' || source_code")
    assert states(psql, chunk)["coder"] == "done", "comments are no part of the hash"


def test_an_update_that_changes_nothing_revives_the_dead(psql: Connection, chunk: int) -> None:
    psql.execute("UPDATE work SET state = 'dead', attempts = 6, crashes = 2, last_error = 'x' WHERE stage = 'coder'")
    psql.execute("UPDATE chunk SET content_raw = NULL")
    row = work_row(psql, chunk)
    assert (row["state"], row["attempts"], row["crashes"], row["last_error"]) == ("due", 0, 0, None)


def test_a_new_source_revives_the_dead(psql: Connection, chunk: int) -> None:
    psql.execute("UPDATE work SET state = 'dead', attempts = 6 WHERE stage = 'coder'")
    psql.execute("UPDATE node SET source_code = 'def f(): return 0'")
    assert (work_row(psql, chunk)["state"], work_row(psql, chunk)["attempts"]) == ("due", 0)


def test_unrelated_columns_do_not_touch_the_queue(psql: Connection, chunk: int) -> None:
    before = work_row(psql, chunk), work_row(psql, chunk, "embed")
    psql.execute("UPDATE chunk SET title = 'other', explain_quality = '{\"x\": 1}', audience = 'all'")
    assert (work_row(psql, chunk), work_row(psql, chunk, "embed")) == before


def test_deleting_a_node_takes_its_work_along(psql: Connection, chunk: int) -> None:
    psql.execute("DELETE FROM node")
    assert scalar(psql, "SELECT count(*) FROM chunk") == 0
    assert scalar(psql, "SELECT count(*) FROM work") == 0


async def test_talker_follows_in_the_lane_of_coder(db: Database, psql: Connection, chunk: int) -> None:
    psql.execute("UPDATE work SET lane = 0 WHERE stage = 'coder'")
    (claim,) = await take(db)
    await db_save.save_texts(db, [(claim, a_draft())], worker="w")
    assert work_row(psql, chunk, "talker")["lane"] == 0


async def test_the_same_text_again_stops_there(db: Database, psql: Connection, chunk: int) -> None:
    await documented(db, psql, chunk)
    psql.execute("UPDATE node SET source_code = 'def f(): return 0'")
    (claim,) = await take(db)
    await db_save.save_texts(db, [(claim, a_draft("Technical."))], worker="w")
    assert states(psql, chunk)["talker"] == "done", "early cutoff"


def test_many_rows_in_one_statement(psql: Connection) -> None:
    repo = a_repository(psql)
    psql.execute(
        "INSERT INTO node (repo_id, kind, lang, fqn, name, source_code) "
        "SELECT %s, 'FUNCTION', 'go', 'f' || i, 'f' || i, 'func f' || i FROM generate_series(1, 500) i",
        (repo,),
    )
    psql.execute("INSERT INTO chunk (node_id) SELECT id FROM node")
    counts: dict[str, Any] = {
        row["stage"]: row["n"] for row in all_rows(psql, "SELECT stage, count(*) AS n FROM work GROUP BY stage")
    }
    assert counts == {"coder": 500, "embed": 500}
