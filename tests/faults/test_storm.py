"""Everything at once, seeded: daemons killed, frozen and stopped, sessions ended, lines cut, answers spoilt."""

from __future__ import annotations

import pytest

from daemon.doubles.setup import Setup
from tests.faults.conftest import Check, OpenYard
from tests.support.invariants import Expected
from tests.support.proxy import Fate
from tests.support.storm import Storm, breaking, edit, end_sessions, freeze, kill, refuse, restart, slow, stop

ANSWERS = {"500": 0.03, "503": 0.02, "429": 0.01, "refuse": 0.02, "cut": 0.03, "broken": 0.02, "empty": 0.03,
           "length": 0.02, "thinking": 0.02, "garbage": 0.03, "chinese-first": 0.05}  # fmt: skip
BLOWS = {
    kill: 2, stop: 1, end_sessions: 6, breaking(Fate.CUT): 6, breaking(Fate.HALF): 2, slow: 1, refuse: 1, edit: 4,
}  # fmt: skip


async def test_a_short_storm(open_yard: OpenYard, all_well: Check) -> None:
    yard = await open_yard(
        seed=3, setup=Setup(slots=8, latency_s=0.05, faults=ANSWERS, retry_after_s=0), QUEUE__MAX_ATTEMPTS=40,
        QUEUE__MAX_CRASHES=20,
    )  # fmt: skip
    yard.chunks(60)
    storm = Storm(yard, BLOWS)
    await storm.rage(12)
    await yard.settle()
    all_well(yard, Expected(max_attempts=40, max_crashes=20))


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seed", [1, 2])
async def test_a_long_storm(open_yard: OpenYard, all_well: Check, seed: int) -> None:
    yard = await open_yard(
        seed=seed, setup=Setup(slots=8, latency_s=0.05, faults=ANSWERS, retry_after_s=0, seed=seed),
        QUEUE__MAX_ATTEMPTS=40, QUEUE__MAX_CRASHES=20,
    )  # fmt: skip
    yard.chunks(200)
    storm = Storm(yard, {**BLOWS, restart: 1, freeze: 1})
    await storm.rage(90)
    await yard.settle()
    all_well(yard, Expected(max_attempts=40, max_crashes=20))
