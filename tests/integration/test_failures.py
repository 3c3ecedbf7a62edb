"""Failed attempts are remembered: which, why, by whom, and what became of them."""

from __future__ import annotations

from uuid import uuid4

from db import claim as db_claim
from db import failures
from db import save as db_save
from db.session import Database
from db.types import Claim, ErrorClass, Stage
from tests.support.builders import Connection, a_draft, a_repository, all_rows, scalar, some_chunks, take


async def fail(db: Database, claim: Claim, error: str, *, dead: bool = False) -> None:
    kind = ErrorClass.PERMANENT if dead else ErrorClass.TRANSIENT
    await db_claim.fail(db, claim, error_class=kind, error=error, dead=dead)
    await db_claim.promote(db)


async def test_every_failed_attempt_is_noted_with_what_became_of_it(db: Database, psql: Connection) -> None:
    (chunk,) = some_chunks(psql, a_repository(psql), 1)
    me = uuid4()
    (claim,) = await db_claim.claim(db, Stage.CODER, owner=me, limit=1, lease_s=90)
    await fail(db, claim, "ModelTimeout: 300 s")
    (claim,) = await take(db)
    await db_claim.release(db, [claim], error_class=ErrorClass.INFRASTRUCTURE, error="ModelUnavailable: refused")
    await take(db)
    psql.execute("UPDATE work SET lease_until = clock_timestamp() - interval '1 s' WHERE state = 'leased'")
    await db_claim.rescue(db, max_crashes=3, max_attempts=6, backoff_base_s=0, backoff_cap_s=1)
    psql.execute("UPDATE work SET run_at = clock_timestamp()")
    await db_claim.promote(db)
    (claim,) = await take(db)
    await fail(db, claim, "PromptTooLong: 9000 of 8192", dead=True)

    past = await failures.history(db, chunk, limit=9)
    assert [(one.error_class, one.state, one.attempt) for one in past] == [
        ("permanent", "dead", 3),
        ("crash", "retrying", 2),
        ("infrastructure", "due", 2),
        ("transient", "retrying", 1),
    ]
    assert past[-1].worker == me
    assert len(await failures.history(db, chunk, limit=2)) == 2


async def test_what_is_given_back_at_a_stop_is_no_failure(db: Database, psql: Connection) -> None:
    some_chunks(psql, a_repository(psql), 1)
    claims = await take(db)
    await db_claim.release(db, claims)
    (claim,) = await take(db)
    await db_save.save_texts(db, [(claim, a_draft())], worker="me")
    assert await db_claim.fail(db, claim, error_class=ErrorClass.TRANSIENT, error="late") is None
    assert scalar(psql, "SELECT count(*) FROM failure") == 0


async def test_the_dead_are_counted_by_reason(db: Database, psql: Connection) -> None:
    shop, other = a_repository(psql, "shop"), a_repository(psql, "other")
    some_chunks(psql, shop, 4)
    some_chunks(psql, other, 1)
    claims = [*await take(db, limit=5), *await take(db, limit=5)]
    for number, claim in enumerate(claims):
        await fail(db, claim, f"PromptTooLong: {9000 + number} of 8192" if number else "boom", dead=True)
    found = await failures.causes(db)
    assert sum(cause.count for cause in found) == 5
    assert {cause.kind for cause in found} == {"PromptTooLong", "boom"}
    assert max(cause.count for cause in found if cause.kind == "PromptTooLong") >= 3, "figures do not split a reason"
    assert {cause.repo for cause in await failures.causes(db, repo="other")} == {"other"}
    assert await failures.causes(db, stage=Stage.TALKER) == []
    named = await failures.dead(db, limit=9)
    assert len(named) == 5
    assert await failures.dead(db, limit=9, error_class="crash") == []
    assert {one.repo for one in await failures.dead(db, repo="shop", limit=9)} == {"shop"}


async def test_old_failures_are_forgotten(db: Database, psql: Connection) -> None:
    some_chunks(psql, a_repository(psql), 2)
    for claim in await take(db, limit=2):
        await fail(db, claim, "x")
    psql.execute("UPDATE failure SET at = at - interval '31 days' WHERE id = (SELECT min(id) FROM failure)")
    assert await failures.prune(db, keep_days=30) == 1
    assert await failures.prune(db, keep_days=30) == 0
    assert len(all_rows(psql, "SELECT 1 FROM failure")) == 1
