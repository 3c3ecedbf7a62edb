"""A test that cannot fail proves nothing: each safeguard is taken out in turn, and a named invariant must notice."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from sqlalchemy import text

from daemon.work.leases import LeaseKeeper
from db import claim as db_claim
from db import save as db_save
from db.session import Database
from db.sql import sql
from db.types import Claim, ErrorClass, Stage
from tests.support.builders import Connection, a_draft, a_repository, some_chunks, take
from tests.support.invariants import AUDIT, Expected, breaches

Scenario = Callable[[Database, Connection], Coroutine[Any, Any, Expected]]


@pytest.fixture
def audited(db_url: str) -> Iterator[Connection]:
    """A connection to a database whose queue writes down all that happens to it."""
    with psycopg.connect(db_url, autocommit=True) as connection:
        connection.execute(AUDIT.read_bytes())
        yield connection


def expire(psql: Connection) -> None:
    psql.execute("UPDATE work SET lease_until = clock_timestamp() - interval '1 s' WHERE state = 'leased'")


async def rescue(db: Database) -> None:
    await db_claim.rescue(db, max_crashes=3, max_attempts=6, backoff_base_s=0, backoff_cap_s=0)
    await db_claim.promote(db)


async def save(db: Database, claim: Claim, words: str) -> None:
    await db_save.save_texts(db, [(claim, a_draft(words))], worker="w")


# -- what goes wrong without it --------------------------------------------------------------------------------


async def a_zombie_saves_while_its_heir_works(db: Database, psql: Connection) -> Expected:
    some_chunks(psql, a_repository(psql), 1)
    (zombie,) = await take(db)
    expire(psql)
    await rescue(db)
    (heir,) = await take(db)
    await save(db, zombie, "zombie")
    await save(db, heir, "heir")
    return Expected(finished=False)


async def a_save_is_repeated_because_its_answer_was_lost(db: Database, psql: Connection) -> Expected:
    some_chunks(psql, a_repository(psql), 1)
    (claim,) = await take(db)
    await save(db, claim, "once")
    await save(db, claim, "once")
    return Expected(finished=False)


async def the_source_changes_under_a_worker(db: Database, psql: Connection) -> Expected:
    some_chunks(psql, a_repository(psql), 1)
    (claim,) = await take(db)
    psql.execute("UPDATE node SET source_code = 'def f(): return 0'")
    await save(db, claim, "of the old source")
    return Expected(finished=False)


async def a_rescuer_meets_a_worker_that_lives(db: Database, psql: Connection) -> Expected:
    some_chunks(psql, a_repository(psql), 1)
    await take(db)
    await rescue(db)
    return Expected(finished=False)


async def a_worker_thinks_for_longer_than_a_lease(db: Database, psql: Connection) -> Expected:
    some_chunks(psql, a_repository(psql), 1)
    owner = (await take(db, lease_s=0.3))[0]
    keeper = LeaseKeeper(lambda claims: db_claim.renew(db, claims, lease_s=0.3), lease_s=0.3)
    keeper.hold([owner])
    stopped = asyncio.Event()
    renewing = asyncio.create_task(keeper.run(stopped))
    async with asyncio.timeout(10):
        for _ in range(6):
            await asyncio.wait([renewing], timeout=0.1)
            await rescue(db)
    stopped.set()
    await renewing
    return Expected(finished=False, gone=[])


async def a_zombie_gives_back_what_its_heir_holds(db: Database, psql: Connection) -> Expected:
    (chunk,) = some_chunks(psql, a_repository(psql), 1)
    (zombie,) = await take(db)
    expire(psql)
    await rescue(db)
    (heir,) = await take(db)
    await db_claim.release(db, [zombie])
    await save(db, heir, "heir")
    return Expected(finished=False, done=[chunk])


async def a_zombie_fails_what_its_heir_holds(db: Database, psql: Connection) -> Expected:
    (chunk,) = some_chunks(psql, a_repository(psql), 1)
    (zombie,) = await take(db)
    expire(psql)
    await rescue(db)
    (heir,) = await take(db)
    await db_claim.fail(db, zombie, error_class=ErrorClass.TRANSIENT, error="late", wait_s=60)
    await save(db, heir, "heir")
    return Expected(finished=False, done=[chunk])


# -- how it is taken out ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sabotage:
    """A safeguard: the statement it stands in, what is replaced there, what happens, which invariant notices."""

    name: str
    statement: str
    was: str
    now: str
    scenario: Scenario
    noticed_by: str


SABOTAGES = [
    Sabotage(
        "fence in save", "save_texts", r"WHERE w\.fence = d\.fence", "WHERE true",
        a_zombie_saves_while_its_heir_works, "ledger-without-save",
    ),
    Sabotage(
        "state in save", "save_texts", r"WHERE piece\.state = 'leased'", "WHERE true",
        a_save_is_repeated_because_its_answer_was_lost, "ledger-without-save",
    ),
    Sabotage(
        "key check in save", "save_texts", r"piece\.wanted_key IS NOT DISTINCT FROM d\.wanted_key", "true",
        the_source_changes_under_a_worker, "saved-for-another-source",
    ),
    Sabotage(
        "guard in rescue", "claim_rescue", r"(w\.)?lease_until < clock_timestamp\(\)", "true",
        a_rescuer_meets_a_worker_that_lives, "rescued-alive",
    ),
    Sabotage(
        "new fence in rescue", "claim_rescue", r"fence = w\.fence \+ 1, ", "",
        a_zombie_saves_while_its_heir_works, "rescue-unfenced",
    ),
    Sabotage(
        "new fence in claim", "claim_take", r"fence = w\.fence \+ 1, ", "",
        a_zombie_saves_while_its_heir_works, "claim-unfenced",
    ),
    Sabotage(
        "renewal", "claim_renew", r"w\.state = 'leased'\s+THEN clock_timestamp\(\).*?END", "true THEN lease_until END",
        a_worker_thinks_for_longer_than_a_lease, "rescued-alive",
    ),
    Sabotage(
        "fence in release", "claim_release", r"w\.fence = (ours|mine)\.fence", "true",
        a_zombie_gives_back_what_its_heir_holds, "undone",
    ),
    Sabotage(
        "fence in fail", "claim_fail", r" AND w\.fence = :fence", "",
        a_zombie_fails_what_its_heir_holds, "undone",
    ),
]  # fmt: skip


@pytest.mark.parametrize("sabotage", SABOTAGES, ids=lambda one: one.name)
async def test_its_absence_is_noticed(
    db: Database, audited: Connection, monkeypatch: pytest.MonkeyPatch, sabotage: Sabotage
) -> None:
    intact = breaches(audited, await sabotage.scenario(db, audited))
    assert intact == []
    audited.execute("TRUNCATE repository, file, node, edge, chunk, embedding, work, generation CASCADE")
    audited.execute("TRUNCATE audit.work, audit.blanked")
    broken, count = re.subn(sabotage.was, sabotage.now, sql(sabotage.statement).text, flags=re.DOTALL)
    assert count > 0, "the safeguard stands where it stood"

    def sabotaged(name: str) -> Any:
        return text(broken) if name == sabotage.statement else sql(name)

    monkeypatch.setattr(db_claim, "sql", sabotaged)
    monkeypatch.setattr(db_save, "sql", sabotaged)
    found = breaches(audited, await sabotage.scenario(db, audited))
    assert sabotage.noticed_by in {breach.name for breach in found}, found


def test_every_stage_is_known_to_the_invariants() -> None:
    assert {str(stage) for stage in Stage} == {"coder", "talker", "instruct", "embed"}
