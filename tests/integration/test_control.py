"""Pauses and weights: one repository or everything, audited, without touching a row of work."""

from __future__ import annotations

import pytest

from db import audit, control
from db import claim as db_claim
from db.audit import Order
from db.errors import NotFound
from db.session import Database
from db.types import Stage
from tests.support.builders import Connection, a_repository, some_chunks, take


def order(command: str, **what: object) -> Order:
    return Order(actor="tester@here", command=command, filter=what, reason="why not")


@pytest.fixture
def shop(psql: Connection) -> int:
    repo = a_repository(psql, "shop")
    some_chunks(psql, repo, 2)
    return repo


async def test_a_paused_repository_waits_and_others_go_on(db: Database, psql: Connection, shop: int) -> None:
    other = a_repository(psql, "other")
    some_chunks(psql, other, 2)
    assert await control.pause(db, order("pause"), ["shop"], paused=True) == 1
    assert await control.pause(db, order("pause"), ["shop"], paused=True) == 0
    assert {claim.repo_id for claim in await take(db, limit=9)} == {other}
    assert await control.pause(db, order("resume"), ["shop", "other"], paused=False) == 1
    assert {claim.repo_id for claim in await take(db, limit=9)} == {shop}


async def test_everything_paused_claims_nothing_and_remembers_single_pauses(
    db: Database, psql: Connection, shop: int
) -> None:
    some_chunks(psql, a_repository(psql, "other"), 1)
    await control.pause(db, order("pause"), ["shop"], paused=True)
    assert await control.pause(db, order("pause"), None, paused=True) == 1
    assert await take(db, limit=9) == []
    assert await db_claim.pending(db, [Stage.CODER]) == (0, 0, None)
    await control.pause(db, order("resume"), None, paused=False)
    assert len(await take(db, limit=9)) == 1, "shop is paused by itself still"
    everything, standings = await control.standings(db)
    assert not everything
    assert {one.repo: one.paused for one in standings} == {"shop": True, "other": False}


async def test_what_is_in_flight_when_a_pause_comes_is_kept(db: Database, shop: int) -> None:
    claims = await take(db)
    await control.pause(db, order("pause"), None, paused=True)
    assert await db_claim.renew(db, claims, lease_s=90) == {db_claim.key_of(claims[0])}


async def test_a_name_that_is_wrong_changes_nothing(db: Database, shop: int) -> None:
    with pytest.raises(NotFound, match="'shpo'"):
        await control.pause(db, order("pause"), ["shop", "shpo"], paused=True)
    assert len(await take(db)) == 1
    assert await audit.entries(db, limit=9) == [], "what did not happen is not in the audit"
    with pytest.raises(NotFound):
        await control.weigh(db, order("weight"), "shpo", 3)


async def test_every_command_is_in_the_audit(db: Database, shop: int) -> None:
    await control.pause(db, order("pause", all=True), None, paused=True)
    assert await control.weigh(db, order("weight", repo="shop"), "shop", 7) == 1
    weight, pause = await audit.entries(db, limit=9)
    assert (pause.command, pause.filter, pause.counts) == ("pause", {"all": True}, {"changed": 1})
    assert (weight.command, weight.counts, weight.reason) == ("weight", {"before": 1, "after": 7}, "why not")
    assert weight.state == "done"
    assert weight.finished_at is not None
    assert [one.command for one in await audit.entries(db, limit=9, command="pause")] == ["pause"]
