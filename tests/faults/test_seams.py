"""SIGKILL and broken lines at every seam of the protocol, seen on the wire: nothing is lost or done twice."""

from __future__ import annotations

import asyncio

import pytest

from daemon.doubles.setup import Setup
from tests.faults.conftest import Check, OpenYard
from tests.support.invariants import Expected
from tests.support.proxy import Fate, Moment
from tests.support.storm import Storm
from tests.support.yard import Daemon, Yard

MARKS = (
    b"-- CLAIM: take", b"-- GATHER:", b"-- SAVE: texts", b"-- SAVE of vectors", b"-- Renew every lease",
    b"-- What waited for", b"-- RESCUE:", b"-- An attempt failed", b"-- Give claims back",
)  # fmt: skip
FAILING = {"500": 0.15, "503": 0.1}  # so that attempts fail and claims are given back


async def test_killed_between_a_save_and_its_answer(open_yard: OpenYard, all_well: Check) -> None:
    yard = await open_yard(seed=1)
    yard.chunks(12)
    victim = await yard.daemon()
    await yard.happens(yard.kill_at(victim, b"-- SAVE: texts", Moment.ANSWER, skip=1))
    await yard.daemon()
    await yard.settle()
    all_well(yard)


def work_for(yard: Yard) -> None:
    """Something is always due, or the statement that is waited for never comes."""
    if yard.unfinished() < 12:
        yard.chunks(12)


async def strike(yard: Yard, event: asyncio.Event) -> None:
    """Keep the daemons busy until it has happened."""
    while not event.is_set():
        work_for(yard)
        try:
            await asyncio.wait_for(event.wait(), 0.2)
        except TimeoutError:
            continue


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", [1, 2])
async def test_killed_at_every_seam(open_yard: OpenYard, all_well: Check, seed: int) -> None:
    yard = await open_yard(
        seed=seed, setup=Setup(slots=8, latency_s=0.05, faults=FAILING, seed=seed), QUEUE__MAX_ATTEMPTS=60,
        QUEUE__MAX_CRASHES=60,
    )  # fmt: skip
    seams = [(mark, moment) for mark in MARKS for moment in Moment]
    yard.random.shuffle(seams)
    storm = Storm(yard, {})
    for mark, moment in seams:
        await storm.replace()
        victim = yard.random.choice(storm.standing)
        await strike(yard, yard.kill_at(victim, mark, moment, skip=yard.random.randint(0, 2)))
    await storm.replace()
    await yard.settle()
    all_well(yard, Expected(max_attempts=60, max_crashes=60))


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_killed_while_the_model_thinks(open_yard: OpenYard, all_well: Check) -> None:
    yard = await open_yard(seed=1, setup=Setup(slots=8, latency_s=0.3), QUEUE__MAX_CRASHES=30, QUEUE__MAX_ATTEMPTS=30)
    yard.chunks(12)
    for _ in range(8):
        victim = await yard.daemon()
        await yard.double.until(lambda: yard.double.in_flight > 1)
        await victim.kill()
        yard.faults["killed while the model thinks"] += 1
    await yard.daemon()
    await yard.settle()
    all_well(yard, Expected(max_attempts=30, max_crashes=30))


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_killed_while_it_stops(open_yard: OpenYard, all_well: Check) -> None:
    yard = await open_yard(
        seed=1, setup=Setup(slots=8, latency_s=0.3), QUEUE__GRACE_S=0, QUEUE__MAX_CRASHES=30, QUEUE__MAX_ATTEMPTS=30
    )
    yard.chunks(12)
    for moment in [*Moment] * 3:
        victim = await yard.at_work(await yard.daemon())
        killed = yard.kill_at(victim, b"-- Give claims back", moment)
        victim.process.terminate()
        await yard.happens(killed)
    await yard.daemon()
    await yard.settle()
    all_well(yard, Expected(max_attempts=30, max_crashes=30))


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("fate", [Fate.CUT, Fate.HOLE, Fate.HALF])
async def test_lines_that_break_at_every_seam(open_yard: OpenYard, all_well: Check, fate: Fate) -> None:
    """The daemons live on and must make sense of it by themselves; a silent COMMIT is one of the seams."""
    yard = await open_yard(
        seed=1, setup=Setup(slots=8, latency_s=0.05, faults=FAILING), QUEUE__MAX_ATTEMPTS=60,
        DATABASE__STATEMENT_TIMEOUT_MS=1000,
    )  # fmt: skip
    seams = [(mark, moment) for mark in MARKS for moment in Moment]
    yard.random.shuffle(seams)
    daemons: list[Daemon] = [await yard.daemon(), await yard.daemon()]
    for mark, moment in seams:
        daemon = yard.random.choice(daemons)
        await strike(yard, yard.break_at(daemon, mark, moment, fate, times=3).happened)
    await yard.settle()
    all_well(yard, Expected(max_attempts=60))


async def test_claims_whose_answers_are_lost_are_no_crashes(open_yard: OpenYard, all_well: Check) -> None:
    """Three in a row would bury the chunk; the worker that lives gives back what it never heard of."""
    yard = await open_yard(seed=1, QUEUE__MAX_CRASHES=2, QUEUE__LEASE_S=60)
    yard.chunks(1)
    daemon = await yard.daemon()
    rule = yard.break_at(daemon, b"-- CLAIM: take", Moment.ANSWER, Fate.CUT, times=6)
    await yard.until(lambda: rule.fired == rule.times)
    await yard.settle()
    all_well(yard, Expected(gone=[]))
