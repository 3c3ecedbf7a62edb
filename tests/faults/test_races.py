"""Two writers meet on one row, in a set order: the second waits for a lock that the first holds, then looks again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
import pytest

from db import claim as db_claim
from db import save as db_save
from db.session import Database
from db.types import Claim, Outcome
from tests.support.builders import Connection, a_draft, a_repository, chunk_row, scalar, some_chunks, take, work_row
from tests.support.invariants import AUDIT, Expected, breaches
from tests.support.processes import eventually


@pytest.fixture
def audited(db_url: str) -> Iterator[Connection]:
    """A connection to a database whose queue writes down all that happens to it."""
    with psycopg.connect(db_url, autocommit=True) as connection:
        connection.execute(AUDIT.read_bytes())
        yield connection


@pytest.fixture
async def rival(db_url: str) -> AsyncIterator[Database]:
    """Another process's pool."""
    database = Database(db_url, name="rival")
    yield database
    await database.close()


@asynccontextmanager
async def uncommitted(url: str, query: str, *parameters: Any) -> AsyncIterator[None]:
    """A transaction of somebody who has done something and not committed it yet."""
    async with await psycopg.AsyncConnection.connect(url) as connection:
        await connection.execute(query.encode(), parameters)
        yield
        await connection.commit()


async def waits(psql: Connection, what: Awaitable[Any]) -> asyncio.Future[Any]:
    """Start it and come back when it waits for somebody's lock."""
    task = asyncio.ensure_future(what)
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    await eventually(lambda: scalar(psql, waiting) > 0 or task.done(), within_s=20)
    assert not task.done(), "it did not wait"
    return task


def expire(psql: Connection) -> None:
    psql.execute("UPDATE work SET lease_until = clock_timestamp() - interval '1 s' WHERE state = 'leased'")


async def save(db: Database, claim: Claim) -> Outcome:
    return (await db_save.save_texts(db, [(claim, a_draft())], worker="w"))[claim.chunk_id, claim.fence]


async def rescue(db: Database) -> int:
    return len(await db_claim.rescue(db, max_crashes=3, max_attempts=6, backoff_base_s=0, backoff_cap_s=0))


RESCUED = """
    UPDATE work SET state = 'retrying', fence = fence + 1, crashes = crashes + 1, lease_owner = NULL, lease_until = NULL
     WHERE state = 'leased'
"""


async def test_a_save_that_waits_for_a_rescue_saves_nothing(db: Database, db_url: str, audited: Connection) -> None:
    (chunk,) = some_chunks(audited, a_repository(audited), 1)
    (claim,) = await take(db)
    expire(audited)
    async with uncommitted(db_url, RESCUED):
        saving = await waits(audited, save(db, claim))
    assert await saving is Outcome.LOST
    assert chunk_row(audited, chunk)["content_raw"] is None
    assert breaches(audited, Expected(finished=False)) == []


async def test_a_rescue_passes_by_a_save_under_way(db: Database, db_url: str, audited: Connection) -> None:
    (chunk,) = some_chunks(audited, a_repository(audited), 1)
    (claim,) = await take(db)
    expire(audited)
    async with uncommitted(db_url, "UPDATE work SET priority = priority WHERE state = 'leased'"):
        assert await rescue(db) == 0, "whoever holds the row is alive"
    assert await save(db, claim) is Outcome.SAVED
    assert await rescue(db) == 0
    assert work_row(audited, chunk)["crashes"] == 0
    assert breaches(audited, Expected(finished=False)) == []


async def test_many_rescuers_take_each_row_once(db: Database, rival: Database, audited: Connection) -> None:
    some_chunks(audited, a_repository(audited), 60)
    await take(db, limit=60)
    expire(audited)
    counts = await asyncio.gather(*(rescue(one) for one in (db, rival) * 4))
    assert sum(counts) == 60
    assert scalar(audited, "SELECT max(crashes) FROM work") == 1
    assert breaches(audited, Expected(finished=False)) == []


async def test_a_save_that_waits_for_an_edit_is_outdated(db: Database, db_url: str, audited: Connection) -> None:
    (chunk,) = some_chunks(audited, a_repository(audited), 1)
    (claim,) = await take(db)
    async with uncommitted(db_url, "UPDATE node SET source_code = 'def f(): return 0'"):
        saving = await waits(audited, save(db, claim))
    assert await saving is Outcome.OUTDATED
    assert work_row(audited, chunk)["state"] == "due"
    assert breaches(audited, Expected(finished=False)) == []


async def test_a_save_that_waits_for_a_deletion_is_lost(db: Database, db_url: str, audited: Connection) -> None:
    some_chunks(audited, a_repository(audited), 1)
    (claim,) = await take(db)
    async with uncommitted(db_url, "DELETE FROM chunk"):
        saving = await waits(audited, save(db, claim))
    assert await saving is Outcome.LOST
    assert scalar(audited, "SELECT count(*) FROM generation") == 0


async def test_a_save_that_waits_for_its_twin_is_told_the_truth(
    db: Database, rival: Database, db_url: str, audited: Connection
) -> None:
    """COMMIT's answer is lost, the save is repeated on a new connection while the old session has not ended yet."""
    some_chunks(audited, a_repository(audited), 1)
    (claim,) = await take(db)
    async with uncommitted(db_url, "SELECT id FROM chunk FOR UPDATE"):
        first = await waits(audited, save(db, claim))
        second = asyncio.ensure_future(save(rival, claim))
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        await eventually(lambda: scalar(audited, waiting) == 2, within_s=20)
    assert (await first, await second) == (Outcome.SAVED, Outcome.SAVED)
    assert scalar(audited, "SELECT count(*) FROM generation") == 1
    assert breaches(audited, Expected(finished=False)) == []


async def test_a_renewal_that_waits_for_a_rescue_is_told_of_the_loss(
    db: Database, db_url: str, audited: Connection
) -> None:
    some_chunks(audited, a_repository(audited), 1)
    claims = await take(db)
    expire(audited)
    async with uncommitted(db_url, RESCUED):
        renewing = await waits(audited, db_claim.renew(db, claims, lease_s=90))
    assert await renewing == set()
    assert breaches(audited, Expected(finished=False)) == []


async def test_nobody_waits_for_a_row_that_somebody_holds(db: Database, db_url: str, audited: Connection) -> None:
    first, second = some_chunks(audited, a_repository(audited), 2)
    async with uncommitted(db_url, "SELECT chunk_id FROM work WHERE chunk_id = %s FOR UPDATE", first):
        assert [claim.chunk_id for claim in await take(db, limit=2)] == [second]
    assert [claim.chunk_id for claim in await take(db, limit=2)] == [first]
