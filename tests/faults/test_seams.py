"""SIGKILL at every seam of the protocol, seen on the wire: nothing is lost, nothing is done twice."""

from __future__ import annotations

import pytest

from daemon.doubles.setup import Setup
from tests.faults.conftest import Check, OpenYard
from tests.support.proxy import Fate, Moment

SEAMS = [
    (mark, moment)
    for mark in (
        b"-- CLAIM: take", b"-- GATHER:", b"-- SAVE: texts", b"-- SAVE of vectors", b"-- Renew every lease",
        b"-- What waited for", b"-- RESCUE:",
    )
    for moment in Moment
]  # fmt: skip


async def killed_at(open_yard: OpenYard, all_well: Check, mark: bytes, moment: Moment, skip: int) -> None:
    """One daemon dies there; another finishes."""
    yard = await open_yard(seed=1, setup=Setup(slots=8, latency_s=0.4 if b"Renew" in mark else 0.02))
    yard.chunks(12)
    victim = await yard.daemon(QUEUE__LEASE_S=3)
    await yard.happens(yard.kill_at(victim, mark, moment, skip=skip))
    await yard.daemon()
    await yard.settle()
    all_well(yard)


async def test_killed_between_a_save_and_its_answer(open_yard: OpenYard, all_well: Check) -> None:
    await killed_at(open_yard, all_well, b"-- SAVE: texts", Moment.ANSWER, skip=1)


@pytest.mark.slow
@pytest.mark.parametrize("skip", [0, 2])
@pytest.mark.parametrize(("mark", "moment"), SEAMS)
async def test_killed_at_a_seam(open_yard: OpenYard, all_well: Check, mark: bytes, moment: Moment, skip: int) -> None:
    await killed_at(open_yard, all_well, mark, moment, skip)


@pytest.mark.slow
async def test_killed_while_the_model_thinks(open_yard: OpenYard, all_well: Check) -> None:
    yard = await open_yard(seed=1, setup=Setup(slots=8, latency_s=0.3))
    yard.chunks(12)
    for _ in range(4):
        victim = await yard.daemon()
        await yard.double.until(lambda: yard.double.in_flight > 1)
        await victim.kill()
        yard.faults["killed while the model thinks"] += 1
    await yard.daemon(QUEUE__MAX_CRASHES=9)
    await yard.settle()
    all_well(yard)


@pytest.mark.slow
@pytest.mark.parametrize("moment", list(Moment))
async def test_killed_while_it_gives_back(open_yard: OpenYard, all_well: Check, moment: Moment) -> None:
    yard = await open_yard(seed=1, setup=Setup(slots=8, latency_s=0.3), QUEUE__GRACE_S=0)
    yard.chunks(12)
    victim = await yard.at_work(await yard.daemon())
    killed = yard.kill_at(victim, b"-- Give claims back", moment)
    victim.process.terminate()
    await yard.happens(killed)
    await yard.daemon()
    await yard.settle()
    all_well(yard)


@pytest.mark.slow
@pytest.mark.parametrize("fate", [Fate.CUT, Fate.HOLE, Fate.HALF])
@pytest.mark.parametrize(("mark", "moment"), SEAMS)
async def test_a_line_that_breaks_at_a_seam(
    open_yard: OpenYard, all_well: Check, mark: bytes, moment: Moment, fate: Fate
) -> None:
    """The daemon lives on and must make sense of it by itself, black hole on COMMIT included."""
    yard = await open_yard(seed=1, setup=Setup(slots=8, latency_s=0.4 if b"Renew" in mark else 0.02))
    yard.chunks(12)
    daemon = await yard.daemon()
    if b"RESCUE" in mark:
        (await yard.at_work(await yard.daemon())).killed = True
        await yard.daemons[-1].kill()
    await yard.happens(yard.break_at(daemon, mark, moment, fate, times=3))
    await yard.settle()
    all_well(yard)
