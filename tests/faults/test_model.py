"""The model server fails in every way it knows: errors, silence, cut and spoilt answers, floods, absence."""

from __future__ import annotations

import asyncio

import pytest

from daemon.doubles.setup import Setup
from tests.faults.conftest import Check, OpenYard
from tests.support.builders import scalar
from tests.support.invariants import Expected

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

PATIENT = {"QUEUE__MAX_ATTEMPTS": 40, "QUEUE__BACKOFF_CAP_S": 0.1}
PATIENCE = Expected(max_attempts=40)


@pytest.mark.parametrize(
    "shares",
    [
        {"500": 0.25, "broken": 0.15, "cut": 0.1},
        {"empty": 0.2, "length": 0.2, "thinking": 0.1},
        {"garbage": 0.25, "refuse": 0.1, "cut": 0.1},
        {"english-first": 0.2, "chinese-first": 0.3},
        {"503": 0.15, "429": 0.1, "refuse": 0.1},
    ],
    ids=" ".join,
)
async def test_answers_are_spoilt(open_yard: OpenYard, all_well: Check, shares: dict[str, float]) -> None:
    yard = await open_yard(
        seed=31, setup=Setup(slots=8, latency_s=0.01, faults=shares, retry_after_s=0, seed=31), **PATIENT
    )
    yard.chunks(70)
    for _ in range(2):
        await yard.daemon()
    await yard.settle()
    all_well(yard, PATIENCE)


async def test_answers_that_never_come(open_yard: OpenYard, all_well: Check) -> None:
    """Hanging, stalled and dripping calls run into their limits; their slots come back."""
    limits = {f"MODELS__{role}__{name}": value for role in ("CODER", "TALKER")
              for name, value in (("TIMEOUT_S", 2), ("STALL_S", 0.5))}  # fmt: skip
    yard = await open_yard(
        seed=32, setup=Setup(slots=24, latency_s=0.01, faults={"hang": 0.05, "stall": 0.1, "drip": 0.05}, drip_s=0.4),
        **PATIENT, **limits, ENDPOINTS__LOCAL__SLOTS=12,
    )  # fmt: skip
    yard.chunks(60)
    for _ in range(2):
        await yard.daemon()
    await yard.settle()
    all_well(yard, PATIENCE)


async def test_a_flood_of_refusals_burns_no_attempt(open_yard: OpenYard, all_well: Check) -> None:
    yard = await open_yard(seed=33, setup=Setup(slots=8, latency_s=0.02))
    yard.chunks(40)
    daemon = await yard.at_work(await yard.daemon())
    for _ in range(3):
        yard.chunks(10)
        refused = yard.calls_with(503)
        yard.double.shares({"503": 1.0})
        await yard.until(lambda before=refused: yard.calls_with(503) > before, what="a refusal")  # type: ignore[misc]
        answered = yard.calls_with(200)
        yard.double.shares({})
        await yard.until(lambda before=answered: yard.calls_with(200) > before, what="an answer")  # type: ignore[misc]
    await yard.settle()
    all_well(yard)
    assert daemon.owner is not None
    assert scalar(yard.psql, "SELECT max(attempts) FROM work") == 1


async def test_a_server_that_is_asked_too_much_is_asked_less(open_yard: OpenYard, all_well: Check) -> None:
    """It works on two calls, lets two wait and refuses the rest; the settings say 16."""
    yard = await open_yard(
        seed=35,
        setup=Setup(slots=2, queue=2, latency_s=0.03),
        ENDPOINTS__LOCAL__SLOTS=16,
        QUEUE__BREAKER_S=5,
        QUEUE__LEASE_S=60,
    )
    yard.chunks(60)
    daemon = await yard.daemon()
    await yard.settle()
    yard.faults["call that was one too many"] = len([call for call in yard.double.calls if call.status == 503])
    all_well(yard)
    assert scalar(yard.psql, "SELECT max(attempts) FROM work") == 1
    assert yard.faults["call that was one too many"] > 0
    assert "endpoint left alone" not in {event["event"] for event in daemon.events()}


async def test_a_server_that_comes_and_goes(open_yard: OpenYard, all_well: Check) -> None:
    yard = await open_yard(seed=34, setup=Setup(slots=8, latency_s=0.05))
    yard.chunks(60)
    await yard.at_work(await yard.daemon())
    for _ in range(4):
        await asyncio.sleep(0.5)
        await yard.stop_double()
        await asyncio.sleep(0.5)
        await yard.start_double()
    await yard.settle()
    all_well(yard)
