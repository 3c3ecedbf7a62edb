"""Retry, breaker and slots: values in, values out, with a clock of the test's own."""

from __future__ import annotations

import pytest

from daemon.errors import (
    AnswerRejected,
    AnswerUnusable,
    BudgetSpent,
    ConfigError,
    DoctownError,
    ModelBusy,
    ModelFailed,
    ModelMissing,
    ModelTimeout,
    ModelUnavailable,
    PromptTooLong,
)  # fmt: skip
from daemon.settings import QueueSettings
from daemon.work.breaker import Breaker
from daemon.work.retry import Verb, decide
from db.types import Claim, ErrorClass, Lane, Stage

SETTINGS = QueueSettings(backoff_base_s=5, backoff_cap_s=60, max_attempts=6)


def a_claim(attempts: int = 1) -> Claim:
    return Claim(
        chunk_id=1, stage=Stage.CODER, repo_id=1, fence=1, attempts=attempts, crashes=0, wanted_key="k",
        reason="new", lane=Lane.NEW,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("error", "attempts", "verb", "error_class"),
    [
        (PromptTooLong("x"), 1, Verb.BURY, ErrorClass.PERMANENT),
        (ConfigError("x"), 1, Verb.BURY, ErrorClass.PERMANENT),
        (AnswerRejected("x"), 1, Verb.BURY, ErrorClass.PERMANENT),
        (ModelUnavailable("x"), 6, Verb.RELEASE, ErrorClass.INFRASTRUCTURE),
        (BudgetSpent("x"), 6, Verb.RELEASE, ErrorClass.BUDGET),
        (ModelMissing("x"), 1, Verb.RELEASE, ErrorClass.INFRASTRUCTURE),
        (ModelFailed("x"), 1, Verb.RETRY, ErrorClass.TRANSIENT),
        (ModelTimeout("x"), 5, Verb.RETRY, ErrorClass.TRANSIENT),
        (AnswerUnusable("x"), 6, Verb.BURY, ErrorClass.TRANSIENT),
        (RuntimeError("a bug"), 1, Verb.RETRY, ErrorClass.TRANSIENT),
    ],
)
def test_what_becomes_of_an_error(error: Exception, attempts: int, verb: Verb, error_class: ErrorClass) -> None:
    decision = decide(a_claim(attempts), error, SETTINGS)
    assert (decision.verb, decision.error_class) == (verb, error_class)
    assert type(error).__name__ in decision.message


@pytest.mark.parametrize(("eased", "waits"), [(True, 7), (False, 0)])
def test_a_full_server_is_waited_for_by_the_piece_or_by_the_breaker(eased: bool, waits: float) -> None:
    busy = ModelBusy("full", retry_after=7)
    busy.eased = eased
    decision = decide(a_claim(), busy, SETTINGS)
    assert (decision.verb, decision.wait_s) == (Verb.RELEASE, waits)


@pytest.mark.parametrize(("attempts", "longest"), [(1, 5), (2, 10), (3, 20), (4, 40), (5, 60)])
def test_waiting_doubles_with_full_jitter_up_to_the_cap(attempts: int, longest: float) -> None:
    assert decide(a_claim(attempts), ModelFailed("x"), SETTINGS, chance=lambda: 0.0).wait_s == 0
    assert decide(a_claim(attempts), ModelFailed("x"), SETTINGS, chance=lambda: 0.999999).wait_s == pytest.approx(
        longest, rel=1e-3
    )


def test_a_server_that_names_a_time_is_believed() -> None:
    decision = decide(a_claim(), ModelFailed("x", retry_after=30), SETTINGS, chance=lambda: 0.5)
    assert decision.wait_s == 30


def test_the_remedy_is_part_of_the_record() -> None:
    error: DoctownError = ModelMissing("no model x", "Run `ollama pull x`.")
    assert "ollama pull x" in decide(a_claim(), error, SETTINGS).message


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_the_breaker_lets_one_probe_through_after_its_pause() -> None:
    clock = Clock()
    breaker = Breaker(10, clock)
    assert breaker.allowance(4) == 4
    breaker.failed("refused")
    breaker.failed("refused")  # a call that started together with the first: counts once
    assert (breaker.allowance(4), breaker.failures, breaker.wait_s()) == (0, 1, 10)
    clock.now += 10
    assert breaker.allowance(4) == 1
    breaker.probing()
    assert breaker.allowance(4) == 0, "one probe at a time"
    breaker.failed("refused")
    assert breaker.wait_s() == 20, "the pause doubles"
    clock.now += 20
    breaker.probing()
    breaker.succeeded()
    assert breaker.allowance(4) == 4


def test_a_probe_that_was_cancelled_frees_the_way_for_another() -> None:
    clock = Clock()
    breaker = Breaker(10, clock)
    breaker.failed("refused")
    clock.now += 10
    breaker.probing()
    breaker.released()
    assert breaker.allowance(4) == 1
