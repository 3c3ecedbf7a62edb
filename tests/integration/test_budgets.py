"""Budgets: counted before each call, exact among any number of daemons, waited for without a burnt attempt."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from typing import Any

import pytest

from daemon.errors import ModelFailed, ModelUnavailable, PromptTooLong
from daemon.llm.scripted import ScriptedModel, well_formed
from daemon.settings import BudgetLimits, BudgetSettings
from db import audit, report
from db import budget as db_budget
from db import claim as db_claim
from db.audit import Order
from db.budget import ALL, UNLIMITED, Hold, Limits, Refusal, Rules, Use
from db.errors import NotFound
from db.session import Database
from db.types import Stage
from tests.support.builders import Connection, a_repository, all_rows, one, scalar, some_chunks, take, work_row
from tests.support.workers import an_app, work_off

NONE = Limits()


async def reserve(db: Database, repo: int, rules: Rules, *, tokens: int = 100, seconds: float = 10) -> Hold | Refusal:
    return await db_budget.reserve(db, repo, rules, tokens=tokens, seconds=seconds, hold_s=60)


def used(psql: Connection, repo: int) -> tuple[Any, ...]:
    return tuple(one(psql, "SELECT calls, tokens, seconds FROM budget_use WHERE repo_id = %s", repo).values())


def order(**what: object) -> Order:
    return Order(actor="tester@here", command="budget", filter=what)


# --- counting ---------------------------------------------------------------------------------------------


async def test_many_at_once_get_exactly_what_there_is(db_url: str, psql: Connection) -> None:
    """Twelve connections, the first call of the day among them; each limit is met exactly, never passed."""
    shop, other = a_repository(psql), a_repository(psql)
    rules = Rules(everything=Limits(calls=37), each=Limits(calls=25))
    daemons = [Database(db_url, pool_size=4) for _ in range(3)]
    try:
        answers = await asyncio.gather(
            *(reserve(daemons[number % 3], shop if number % 5 else other, rules) for number in range(90))
        )
    finally:
        for daemon in daemons:
            await daemon.close()
    granted = Counter(answer.repo_id for answer in answers if isinstance(answer, Hold))
    assert granted[shop] == 25
    assert granted[other] == 12
    assert [used(psql, repo)[0] for repo in (ALL, shop, other)] == [37, 25, 12]
    refused = [answer for answer in answers if isinstance(answer, Refusal)]
    assert {answer.figure for answer in refused} == {"calls"}


@pytest.mark.parametrize("seed", range(3))
async def test_tokens_never_pass_their_limit_and_add_up_in_the_end(db: Database, psql: Connection, seed: int) -> None:
    repo, chance = a_repository(psql), random.Random(seed)  # noqa: S311 - a seeded run can be repeated
    rules = Rules(everything=Limits(tokens=2000), each=NONE)
    spent = 0

    async def call() -> None:
        nonlocal spent
        most = chance.randint(50, 300)
        answer = await reserve(db, repo, rules, tokens=most)
        if isinstance(answer, Hold):
            await asyncio.sleep(0)
            took = chance.randint(1, most)
            spent += took
            await db_budget.settle(db, answer, calls=1, tokens=took, seconds=1)

    for _ in range(6):
        await asyncio.gather(*(call() for _ in range(8)))
        assert used(psql, ALL)[1] == spent <= 2000
    assert one(psql, "SELECT held_calls, held_tokens FROM budget_use WHERE repo_id = 0") == {
        "held_calls": 0, "held_tokens": 0,
    }  # fmt: skip
    last = await reserve(db, repo, rules, tokens=2001)
    assert isinstance(last, Refusal)
    assert not last.soon, "nothing is held: no end of a call will make room"


async def test_seconds_are_passed_by_one_call_at_most(db: Database, psql: Connection) -> None:
    repo = a_repository(psql)
    rules = Rules(everything=Limits(seconds=25), each=NONE)
    holds = [await reserve(db, repo, rules, seconds=10) for _ in range(4)]
    granted = [hold for hold in holds if isinstance(hold, Hold)]
    assert [hold.seconds for hold in granted] == [10, 10, 5], "the last gets what is left"
    refusal = holds[-1]
    assert isinstance(refusal, Refusal)
    assert (refusal.figure, refusal.soon) == ("seconds", True)
    for hold in granted:
        await db_budget.settle(db, hold, calls=1, tokens=1, seconds=9)
    assert used(psql, ALL)[2] == 27
    again = await reserve(db, repo, rules)
    assert isinstance(again, Refusal)
    assert not again.soon


async def test_what_is_held_comes_back_soon_and_what_the_vanished_held_does_not(db: Database, psql: Connection) -> None:
    repo = a_repository(psql)
    rules = Rules(everything=NONE, each=Limits(tokens=150))
    hold = await reserve(db, repo, rules, tokens=100)
    assert isinstance(hold, Hold)
    waiting = await reserve(db, repo, rules, tokens=100)
    assert isinstance(waiting, Refusal)
    assert (waiting.soon, waiting.repo_id, waiting.counted, waiting.most) == (True, repo, 100, 150)
    psql.execute("UPDATE budget_use SET held_until = clock_timestamp() - interval '1 s'")
    lost = await reserve(db, repo, rules, tokens=100)
    assert isinstance(lost, Refusal)
    assert not lost.soon, "who held it has vanished: it stays counted until the day turns"
    assert "used up: 100 of 150" in lost.reason


async def test_a_call_that_nobody_answered_is_not_counted(db: Database, psql: Connection) -> None:
    repo = a_repository(psql)
    hold = await reserve(db, repo, Rules(everything=Limits(calls=1), each=NONE))
    assert isinstance(hold, Hold)
    await db_budget.settle(db, hold, calls=0, tokens=0, seconds=0)
    assert used(psql, ALL) == used(psql, repo) == (0, 0, 0)


async def test_days_turn_where_the_configuration_says(db: Database, psql: Connection) -> None:
    repo = a_repository(psql)
    for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):  # 25 hours apart: never the same day
        rules = Rules(everything=Limits(calls=1), each=NONE, timezone=zone)
        assert isinstance(await reserve(db, repo, rules), Hold), "the day of the other zone is another day"
        refusal = await reserve(db, repo, rules)
        assert isinstance(refusal, Refusal)
        midnight = scalar(psql, "SELECT to_char(%s::timestamptz AT TIME ZONE %s, 'HH24:MI')", refusal.turns_at, zone)
        assert midnight == "00:00"
        assert scalar(psql, "SELECT %s::timestamptz > clock_timestamp()", refusal.turns_at)
    assert scalar(psql, "SELECT count(DISTINCT day) FROM budget_use") == 2


# --- at work ----------------------------------------------------------------------------------------------


async def test_work_over_the_budget_waits_and_burns_nothing(db: Database, psql: Connection) -> None:
    chunks = some_chunks(psql, a_repository(psql, "shop"), 10)
    model = ScriptedModel()
    app = an_app(db, coder=model, talker=model, budget=BudgetSettings(calls=7))
    await work_off(app)
    assert len(model.calls) == 7
    assert scalar(psql, "SELECT count(*) FROM generation") == 7, "what was written is kept"
    assert all_rows(
        psql, "SELECT DISTINCT attempts, crashes FROM work WHERE stage <> 'embed' AND state = 'due'"
    ) == [{"attempts": 0, "crashes": 0}]  # fmt: skip
    assert scalar(psql, "SELECT count(*) FROM work WHERE stage = 'embed' AND state <> 'done'") == 0, "vectors go on"
    assert scalar(psql, "SELECT count(*) FROM failure") == 0
    assert await take(db, limit=9) == [], "nothing is claimed for nothing"
    everything, shop = await db_budget.uses(db, Rules(everything=Limits(calls=7), each=NONE))
    assert (everything.calls, everything.limits.calls, shop.calls) == (7, 7, 7)
    assert everything.reason == "calls of the day of all repositories used up: 7 of 7"
    assert everything.until is not None
    waiting = [page for chunk in chunks if (page := await report.page(db, chunk)).waits]
    assert {page.waits for page in waiting} == {everything.reason}

    await db_budget.limit(db, order(calls=30), None, {"calls": 30})
    await work_off(app)
    assert len(model.calls) == 20
    assert scalar(psql, "SELECT count(*) FROM work WHERE state <> 'done'") == 0
    assert scalar(psql, "SELECT count(*) FROM work WHERE attempts <> 1 AND stage <> 'embed'") == 0


async def test_the_next_day_it_goes_on_by_itself(db: Database, psql: Connection) -> None:
    some_chunks(psql, a_repository(psql), 2)
    app = an_app(db, budget=BudgetSettings(calls=3))
    await work_off(app)
    assert scalar(psql, "SELECT count(*) FROM generation") == 3
    psql.execute("UPDATE budget_use SET day = day - 1")
    psql.execute("UPDATE control SET budget_until = clock_timestamp() - interval '1 s'")
    await work_off(app)
    assert scalar(psql, "SELECT count(*) FROM generation") == 4


async def test_two_daemons_share_one_budget_and_other_repositories_go_on(db: Database, psql: Connection) -> None:
    tight, free = a_repository(psql, "tight"), a_repository(psql, "free")
    some_chunks(psql, tight, 12)
    some_chunks(psql, free, 6)
    await db_budget.limit(db, order(repo="tight"), "tight", {"calls": 5})
    models = [ScriptedModel(), ScriptedModel()]
    await asyncio.gather(*(work_off(an_app(db, coder=model, talker=model)) for model in models))
    assert sum(len(model.calls) for model in models) == 5 + 12
    assert (used(psql, tight)[0], used(psql, free)[0], used(psql, ALL)[0]) == (5, 12, 17)
    assert scalar(psql, "SELECT budget_reason FROM repository WHERE id = %s", tight).endswith("used up: 5 of 5")
    assert scalar(psql, "SELECT count(*) FROM work WHERE repo_id = %s AND state <> 'done'", free) == 0


async def test_tokens_held_by_calls_under_way_are_waited_for(db: Database, psql: Connection) -> None:
    """Room for one call at a time: four slots do not make it a wait until tomorrow."""
    some_chunks(psql, a_repository(psql), 4)
    app = an_app(db, slots=4, budget=BudgetSettings(tokens=9000 + 4 * 2 * 2000))
    most = app.settings.models.coder.context_tokens
    assert most > 6000
    await work_off(app)
    assert scalar(psql, "SELECT count(*) FROM generation") == 8
    assert scalar(psql, "SELECT count(*) FROM work WHERE attempts <> 1 AND stage <> 'embed'") == 0


async def test_what_is_used_is_counted_without_any_limit_too(db: Database, psql: Connection) -> None:
    repo = a_repository(psql)
    some_chunks(psql, repo, 3)
    model = ScriptedModel()
    await work_off(an_app(db, coder=model, talker=model))
    tokens = sum(
        (call.answer.prompt_tokens or 0) + (call.answer.output_tokens or 0) for call in model.calls if call.answer
    )
    assert used(psql, repo)[:2] == used(psql, ALL)[:2] == (6, tokens)
    assert used(psql, ALL)[2] > 0


async def test_of_a_broken_call_the_most_stays_counted_and_of_a_refused_one_nothing(
    db: Database, psql: Connection
) -> None:
    repo = a_repository(psql)
    some_chunks(psql, repo, 1)
    sizes = []
    for error in (PromptTooLong("x"), ModelFailed("x")):
        app = an_app(db, coder=ScriptedModel([error]), max_attempts=1)
        await work_off(app, stages=[Stage.CODER])
        sizes.append(used(psql, repo)[1])
        psql.execute("UPDATE work SET state = 'due', attempts = 0 WHERE state = 'dead'")
    assert sizes[0] == 0
    assert 0 < sizes[1] <= app.settings.models.coder.context_tokens
    assert used(psql, repo)[0] == 2


async def test_refused_connections_cost_nothing(db: Database, psql: Connection) -> None:
    repo = a_repository(psql)
    (chunk,) = some_chunks(psql, repo, 1)
    answers = iter([ModelUnavailable("refused")])
    model = ScriptedModel(lambda prompt: next(answers, None) or well_formed(prompt))
    await work_off(
        an_app(db, coder=model, budget=BudgetSettings(repository=BudgetLimits(calls=100))), stages=[Stage.CODER]
    )
    assert used(psql, repo)[0] == len(model.calls) - 1
    assert work_row(psql, chunk)["state"] == "done"


# --- limits -----------------------------------------------------------------------------------------------


async def test_limits_of_the_database_stand_over_those_of_the_configuration(db: Database, psql: Connection) -> None:
    repo = a_repository(psql, "shop")
    rules = Rules(everything=NONE, each=Limits(calls=1, tokens=1000))

    async def shop() -> Use:
        return (await db_budget.uses(db, rules))[1]

    await db_budget.limit(db, order(), "shop", {"calls": 2})
    assert ((await shop()).limits, (await shop()).set_here) == (Limits(calls=2, tokens=1000), ("calls",))
    assert isinstance(await reserve(db, repo, rules), Hold)
    assert isinstance(await reserve(db, repo, rules), Hold)
    assert isinstance(await reserve(db, repo, rules), Refusal)
    await db_budget.limit(db, order(), "shop", {"calls": UNLIMITED})
    assert (await shop()).limits == Limits(tokens=1000)
    assert isinstance(await reserve(db, repo, rules), Hold)
    await db_budget.limit(db, order(), "shop", {"calls": None})
    assert (await shop()).limits == Limits(calls=1, tokens=1000)
    assert not await db_budget.limited(db), "what says nothing is not kept"
    with pytest.raises(NotFound):
        await db_budget.limit(db, order(), "nowhere", {"calls": 1})
    assert len(await audit.entries(db, limit=9)) == 3


async def test_pending_tells_a_short_wait_from_a_long_one(db: Database, psql: Connection) -> None:
    repo = a_repository(psql)
    some_chunks(psql, repo, 3)
    psql.execute("UPDATE repository SET budget_until = clock_timestamp() + interval '2 s'")
    due, later, next_s = await db_claim.pending(db, [Stage.CODER])
    assert (due, later) == (0, 3)
    assert next_s is not None
    assert 0 < next_s <= 2
    assert (await db_claim.pending(db, [Stage.EMBED]))[0] == 3, "vectors do not wait"
    psql.execute("UPDATE repository SET budget_until = clock_timestamp() + interval '2 h'")
    assert await db_claim.pending(db, [Stage.CODER]) == (0, 0, None)
