"""Claims: fair, exclusive, leased by the database's clock, and fenced."""

from __future__ import annotations

import asyncio
from collections import Counter
from uuid import uuid4

import pytest

from daemon.work.fair import Fair
from db import claim as db_claim
from db import save as db_save
from db.session import Database
from db.types import Claim, ErrorClass, Lane, Stage, State
from tests.support.builders import (
    Connection,
    a_draft,
    a_repository,
    all_rows,
    scalar,
    some_chunks,
    take,
    work_row,
)  # fmt: skip


async def test_two_workers_never_hold_one_row(db: Database, psql: Connection) -> None:
    some_chunks(psql, a_repository(psql), 60)
    taken = await asyncio.gather(*(take(db, limit=7) for _ in range(8)))
    chunks = [claim.chunk_id for claims in taken for claim in claims]
    assert len(chunks) == len(set(chunks))
    while more := await take(db, limit=7):
        chunks += [claim.chunk_id for claim in more]
    assert sorted(chunks) == [row["id"] for row in all_rows(psql, "SELECT id FROM chunk ORDER BY id")]


async def test_a_claim_counts_as_an_attempt_and_raises_the_fence(db: Database, psql: Connection) -> None:
    (chunk,) = some_chunks(psql, a_repository(psql), 1)
    (claim,) = await take(db)
    assert (claim.chunk_id, claim.fence, claim.attempts) == (chunk, 1, 1)
    row = work_row(psql, chunk)
    assert (row["state"], row["attempts"], row["fence"]) == ("leased", 1, 1)
    left = scalar(psql, "SELECT extract(epoch FROM lease_until - clock_timestamp()) FROM work WHERE stage = 'coder'")
    assert 80 < left <= 90


async def test_a_large_repository_does_not_starve_a_small_one(db: Database, psql: Connection) -> None:
    large, small = a_repository(psql), a_repository(psql)
    some_chunks(psql, large, 50)
    some_chunks(psql, small, 3)
    shares = Counter(claim.repo_id for claim in await take(db, limit=6))
    assert shares == {large: 3, small: 3}
    shares = Counter(claim.repo_id for claim in await take(db, limit=6))
    assert shares == {large: 6}


async def test_lanes_come_before_priorities_and_priorities_before_age(db: Database, psql: Connection) -> None:
    first, second, third = some_chunks(psql, a_repository(psql), 3)
    psql.execute("UPDATE work SET priority = 5 WHERE chunk_id = %s", (first,))
    psql.execute("UPDATE work SET lane = 0, priority = 9 WHERE chunk_id = %s", (third,))
    assert [claim.chunk_id for claim in await take(db, limit=2)] == [third, second]


async def test_only_the_lanes_that_were_asked_for(db: Database, psql: Connection) -> None:
    first, _ = some_chunks(psql, a_repository(psql), 2)
    psql.execute("UPDATE work SET lane = 0 WHERE chunk_id = %s", (first,))
    assert [claim.chunk_id for claim in await take(db, limit=9, max_lane=Lane.ASKED)] == [first]


async def test_paused_and_half_indexed_repositories_wait(db: Database, psql: Connection) -> None:
    repo = a_repository(psql, paused=True)
    some_chunks(psql, repo, 1)
    assert await take(db) == []
    assert (await db_claim.pending(db, [Stage.CODER]))[0] == 0
    psql.execute("UPDATE repository SET paused = false, indexing_until = now() + interval '1 minute'")
    assert await take(db) == []
    psql.execute("UPDATE repository SET indexing_until = now() - interval '1 second'")
    assert len(await take(db)) == 1


async def test_renewal_names_only_what_is_still_ours(db: Database, psql: Connection) -> None:
    some_chunks(psql, a_repository(psql), 3)
    claims = await take(db, limit=3)
    psql.execute("UPDATE work SET fence = fence + 1 WHERE chunk_id = %s", (claims[0].chunk_id,))
    psql.execute("DELETE FROM chunk WHERE id = %s", (claims[1].chunk_id,))
    assert await db_claim.renew(db, claims, lease_s=90) == {db_claim.key_of(claims[2])}


async def test_a_claim_that_our_own_save_has_closed_is_not_lost(db: Database, psql: Connection) -> None:
    some_chunks(psql, a_repository(psql), 2)
    saved, released = await take(db, limit=2)
    await db_save.save_texts(db, [(saved, a_draft())], worker="me")
    await db_claim.release(db, [released])
    assert await db_claim.renew(db, [saved, released], lease_s=90) == {db_claim.key_of(saved)}
    assert work_row(psql, saved.chunk_id)["lease_until"] is None


async def test_release_refunds_the_attempt(db: Database, psql: Connection) -> None:
    (chunk,) = some_chunks(psql, a_repository(psql), 1)
    claims = await take(db)
    assert await db_claim.release(db, claims) == 1
    row = work_row(psql, chunk)
    assert (row["state"], row["attempts"], row["fence"], row["lease_owner"]) == ("due", 0, 1, None)
    assert await db_claim.release(db, claims) == 0, "it is not ours any more"


async def test_failure_waits_then_comes_back(db: Database, psql: Connection) -> None:
    (chunk,) = some_chunks(psql, a_repository(psql), 1)
    (claim,) = await take(db)
    state = await db_claim.fail(db, claim, error_class=ErrorClass.TRANSIENT, error="boom\x00", wait_s=60)
    assert state is State.RETRYING
    assert work_row(psql, chunk)["last_error"] == "boom"
    assert await db_claim.promote(db) == 0
    assert await take(db) == []
    psql.execute("UPDATE work SET run_at = clock_timestamp() WHERE stage = 'coder'")
    assert await db_claim.promote(db) == 1
    (again,) = await take(db)
    assert (again.attempts, again.fence) == (2, 2)


async def test_the_dead_are_not_claimed(db: Database, psql: Connection) -> None:
    (chunk,) = some_chunks(psql, a_repository(psql), 1)
    (claim,) = await take(db)
    assert await db_claim.fail(db, claim, error_class=ErrorClass.PERMANENT, error="x", dead=True) is State.DEAD
    await db_claim.promote(db)
    assert await take(db) == []
    assert work_row(psql, chunk)["error_class"] == "permanent"


async def rescue(db: Database) -> list[tuple[int, Stage, State]]:
    return await db_claim.rescue(db, max_crashes=3, max_attempts=6, backoff_base_s=0, backoff_cap_s=1)


async def test_what_a_vanished_worker_held_comes_back(db: Database, psql: Connection) -> None:
    (chunk,) = some_chunks(psql, a_repository(psql), 1)
    (claim,) = await take(db, lease_s=90)
    assert await rescue(db) == [], "a lease that runs is not touched"
    psql.execute("UPDATE work SET lease_until = clock_timestamp() - interval '1 second' WHERE state = 'leased'")
    assert await rescue(db) == [(chunk, Stage.CODER, State.RETRYING)]
    assert await rescue(db) == []
    row = work_row(psql, chunk)
    assert (row["crashes"], row["fence"], row["lease_owner"]) == (1, claim.fence + 1, None)
    assert await db_claim.fail(db, claim, error_class=ErrorClass.TRANSIENT, error="late") is None


async def test_a_chunk_that_kills_its_workers_is_given_up(db: Database, psql: Connection) -> None:
    (chunk,) = some_chunks(psql, a_repository(psql), 1)
    states = []
    for _ in range(3):
        await db_claim.promote(db)
        await take(db)
        psql.execute("UPDATE work SET lease_until = clock_timestamp() - interval '1 second' WHERE state = 'leased'")
        states += [state for _, _, state in await rescue(db)]
        psql.execute("UPDATE work SET run_at = clock_timestamp()")
    assert states == [State.RETRYING, State.RETRYING, State.DEAD]
    assert work_row(psql, chunk)["error_class"] == "crash"


async def test_rescuers_do_not_race_each_other(db: Database, psql: Connection) -> None:
    some_chunks(psql, a_repository(psql), 40)
    await take(db, limit=40)
    psql.execute("UPDATE work SET lease_until = clock_timestamp() - interval '1 second' WHERE state = 'leased'")
    rescued = await asyncio.gather(*(rescue(db) for _ in range(6)))
    chunks = [chunk for rows in rescued for chunk, _, _ in rows]
    assert len(chunks) == len(set(chunks)) == 40
    assert scalar(psql, "SELECT max(crashes) FROM work") == 1


async def in_turns(db: Database, claims: int, limit: int, *, share: float = 0.0) -> list[Claim]:
    """Claim again and again, as one worker's loop does."""
    fair, taken = Fair(share), []
    for _ in range(claims):
        found = await db_claim.claim(
            db, Stage.CODER, owner=uuid4(), limit=limit, lease_s=90, turn=fair.turn(limit)
        )  # fmt: skip
        fair.took(found)
        taken += found
    return taken


@pytest.mark.parametrize(("claims", "limit"), [(40, 1), (10, 4), (4, 10)])
async def test_repositories_share_by_weight_however_many_are_claimed_at_once(
    db: Database, psql: Connection, claims: int, limit: int
) -> None:
    heavy, light, third = a_repository(psql, weight=5), a_repository(psql, weight=1), a_repository(psql, weight=2)
    for repo in (light, heavy, third):
        some_chunks(psql, repo, 30)
    shares = Counter(claim.repo_id for claim in await in_turns(db, claims, limit))
    assert shares == {heavy: 25, third: 10, light: 5}


async def test_a_small_repository_is_served_at_once_beside_a_noisy_one(db: Database, psql: Connection) -> None:
    """One slot, and the noisy one has the lower number: without turns it would get every place."""
    noisy, small = a_repository(psql), a_repository(psql)
    some_chunks(psql, noisy, 40)
    some_chunks(psql, small, 3)
    taken = [claim.repo_id for claim in await in_turns(db, 10, 1)]
    assert taken[:6].count(small) == 3


async def test_who_had_nothing_to_do_saves_no_turns_up(db: Database, psql: Connection) -> None:
    busy, late = a_repository(psql), a_repository(psql)
    some_chunks(psql, busy, 40)
    fair = Fair(0.0)

    async def take_one() -> int:
        found = await db_claim.claim(db, Stage.CODER, owner=uuid4(), limit=1, lease_s=90, turn=fair.turn(1))
        fair.took(found)
        return found[0].repo_id

    for _ in range(20):
        assert await take_one() == busy
    some_chunks(psql, late, 20)
    assert Counter([await take_one() for _ in range(10)]) == {busy: 5, late: 5}


async def test_a_person_before_what_is_new_before_what_is_refreshed(db: Database, psql: Connection) -> None:
    first, second = a_repository(psql), a_repository(psql)
    rows = [*some_chunks(psql, first, 6), *some_chunks(psql, second, 6)]
    for place, chunk in enumerate(rows):
        psql.execute("UPDATE work SET lane = %s WHERE chunk_id = %s", (place % 3, chunk))
    assert [claim.lane for claim in await in_turns(db, 12, 1)] == [0] * 4 + [1] * 4 + [2] * 4


async def test_refreshes_get_their_share_oldest_first_however_much_is_new(db: Database, psql: Connection) -> None:
    repo, other = a_repository(psql), a_repository(psql)
    some_chunks(psql, repo, 60)
    refreshes = [*some_chunks(psql, repo, 4), *some_chunks(psql, other, 4)]
    ages = [5, 1, 7, 3, 6, 2, 8, 4]
    for chunk, age in zip(refreshes, ages, strict=True):
        psql.execute(
            "UPDATE work SET lane = 2, priority = 99, due_at = now() - make_interval(hours => %s) WHERE chunk_id = %s",
            (age, chunk),
        )
    taken = await in_turns(db, 40, 1, share=0.1)
    served = [claim.chunk_id for claim in taken if claim.lane is Lane.REFRESH]
    by_age = [chunk for _, chunk in sorted(zip(ages, refreshes, strict=True), reverse=True)]
    assert served == by_age[:4], "one in ten, and the longest waiting first"
    asked = some_chunks(psql, repo, 20)
    psql.execute("UPDATE work SET lane = 0 WHERE chunk_id = ANY (%s)", (asked,))
    assert {claim.lane for claim in await in_turns(db, 20, 1, share=0.5)} == {Lane.ASKED}, "a person does not wait"


async def test_no_more_is_locked_than_may_be_taken(db: Database, psql: Connection) -> None:
    """A lock is written to the log: thirty repositories with refreshes must not cost thirty locks for one piece."""
    for _ in range(30):
        repo = a_repository(psql)
        some_chunks(psql, repo, 1)
        psql.execute("UPDATE work SET lane = 2 WHERE chunk_id = ANY (%s)", (some_chunks(psql, repo, 3),))
    psql.execute("VACUUM FULL work")  # which forgets the locks of the past
    fair = Fair(0.1)
    taken = await db_claim.claim(db, Stage.CODER, owner=uuid4(), limit=20, lease_s=90, turn=fair.turn(20))
    assert Counter(claim.lane for claim in taken) == {Lane.NEW: 18, Lane.REFRESH: 2}
    locked = scalar(psql, "SELECT count(*) FROM work WHERE xmax <> '0'::xid AND state = 'due'")
    assert locked <= 4


async def test_a_share_of_nothing_leaves_refreshes_for_last(db: Database, psql: Connection) -> None:
    repo = a_repository(psql)
    some_chunks(psql, repo, 10)
    (chunk,) = some_chunks(psql, repo, 1)
    psql.execute("UPDATE work SET lane = 2, due_at = '2020-01-01' WHERE chunk_id = %s", (chunk,))
    assert {claim.lane for claim in await in_turns(db, 10, 1)} == {Lane.NEW}


async def test_a_claim_says_how_long_it_was_due(db: Database, psql: Connection) -> None:
    some_chunks(psql, a_repository(psql), 1)
    psql.execute("UPDATE work SET due_at = clock_timestamp() - interval '1 hour'")
    (claim,) = await take(db)
    assert 3600 <= claim.waited_s < 3700
    assert scalar(psql, "SELECT leased_at > due_at FROM work WHERE stage = 'coder'")


def test_claims_use_the_index_of_what_is_due(psql: Connection) -> None:
    """100,000 finished rows must not be looked at to find ten that are due."""
    repo = a_repository(psql)
    psql.execute(
        "INSERT INTO node (repo_id, kind, lang, fqn, name) "
        "SELECT %s, 'FUNCTION', 'go', 'f' || i, 'f' FROM generate_series(1, 20000) i", (repo,)
    )  # fmt: skip
    psql.execute("INSERT INTO chunk (node_id) SELECT id FROM node")
    psql.execute(
        "INSERT INTO work (chunk_id, stage, repo_id, state, wanted_key, reason) "
        "SELECT id, 'coder', repo_id, CASE WHEN id % 2000 = 0 THEN 'due' ELSE 'done' END, '', 'new' FROM chunk"
    )
    psql.execute("ANALYZE work")
    from db.sql import sql  # noqa: PLC0415 - the statement under test

    statement = str(sql("claim_take"))
    values = {
        ":stage": "'coder'", ":max_lane": "2", ":limit": "4", ":owner": "'00000000-0000-0000-0000-000000000000'",
        ":lease_s": "90", ":repo_id": "NULL", ":virtual": "'{0,0,0}'", ":served": "'[]'", ":aged": "1",
    }  # fmt: skip
    for name, value in values.items():
        statement = statement.replace(name, value)
    plan = all_rows(psql, "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + statement)[0]["QUERY PLAN"]
    assert _rows_scanned(plan[0]["Plan"]) < 100


def _rows_scanned(node: dict[str, object]) -> float:
    own = 0.0
    if "Scan" in str(node["Node Type"]) and node.get("Relation Name") == "work":
        own = float(str(node["Actual Rows"])) * float(str(node["Actual Loops"]))
        own += float(str(node.get("Rows Removed by Filter", 0)))
    children = node.get("Plans", [])
    assert isinstance(children, list)
    return own + sum(_rows_scanned(child) for child in children)
