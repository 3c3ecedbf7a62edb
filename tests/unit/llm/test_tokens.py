"""The estimate of tokens: its bounds, what it takes for dear, and how a model's own counts correct it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.llm.tokens import FRUGAL, QWEN, Calibration, Gauge, estimate, floor, vocabulary_of

CODE = "def total(basket, rates):\n    return sum(item.price * rates[item.kind] for item in basket)\n"


@given(st.text(max_size=300))
def test_a_token_is_never_shorter_than_a_byte(text: str) -> None:
    size = len(text.encode("utf-8", "surrogatepass"))
    for vocabulary in (QWEN, FRUGAL):
        assert 0 <= estimate(text, vocabulary) <= size
        assert (estimate(text, vocabulary) == 0) == (not text)
    assert floor(text) >= 0


@given(st.text(max_size=100), st.text(max_size=100))
def test_two_texts_together_weigh_about_what_they_weigh_apart(one: str, other: str) -> None:
    apart = estimate(one) + estimate(other)
    assert estimate(f"{one}\n{other}") <= apart + 4


# Counted with the vocabularies themselves; see docs/sizes.md.
@pytest.mark.parametrize(
    ("text", "counted"),
    [(CODE, 22), ("The quick brown fox jumps over the lazy dog.", 10), ("x = 1234567890", 13)],
    ids=["code", "prose", "digits"],
)
def test_estimates_are_near_the_vocabulary_and_not_below(text: str, counted: int) -> None:
    assert counted <= estimate(text, QWEN) <= counted * 1.5
    assert floor(text) <= counted


@pytest.mark.parametrize(
    ("dear", "cheap"),
    [("aB3xK9pQ" * 20, "customer" * 20), ("{ [ ( ; " * 20, "customer" * 20), ("字" * 40, "word" * 10)],
    ids=["keys", "marks", "han"],
)
def test_what_is_dear(dear: str, cheap: str) -> None:
    assert estimate(dear) > 2 * estimate(cheap)
    assert estimate(dear, FRUGAL) > 2 * estimate(cheap, FRUGAL)


@pytest.mark.parametrize(
    ("name", "vocabulary"),
    [("qwen2.5-coder:14b", QWEN), ("Qwen/Qwen2.5-14B-Instruct", QWEN), ("llama3:8b", FRUGAL), ("", FRUGAL)],
)
def test_a_model_that_we_do_not_know_is_taken_for_a_frugal_one(name: str, vocabulary: object) -> None:
    assert vocabulary_of(name) is vocabulary
    assert Gauge(name).vocabulary is vocabulary


# --- correction ---------------------------------------------------------------------------------------------


def test_too_low_an_estimate_is_corrected_at_once() -> None:
    learned = Calibration().learned(1000, 1300)
    assert learned.factor == pytest.approx(1.3)
    assert learned.estimate(CODE, QWEN) == round(estimate(CODE) * 1.3)


def test_too_high_an_estimate_is_corrected_slowly_and_never_below_our_own() -> None:
    calibration = Calibration().learned(1000, 1500)
    after = calibration.learned(1000, 1000)
    assert after.factor == pytest.approx(1.4)
    for _ in range(60):
        after = after.learned(1000, 700)
    assert after.factor == 1.0


@given(st.lists(st.tuples(st.integers(-5, 5000), st.integers(-5, 50_000)), max_size=30))
def test_no_count_leads_out_of_bounds(answers: list[tuple[int, int]]) -> None:
    calibration = Calibration()
    for estimated, counted in answers:
        calibration = calibration.learned(estimated, counted)
    assert 1.0 <= calibration.factor <= Calibration.HIGHEST
    assert calibration.seen == sum(estimated > 0 and counted > 0 for estimated, counted in answers)


def test_a_refusal_makes_less_room_until_it_leads_no_further() -> None:
    calibration, factors = Calibration(), []
    while (refused := calibration.refused()) != calibration:
        calibration = refused
        factors.append(calibration.factor)
    assert factors == sorted(set(factors))
    assert factors[-1] == Calibration.HIGHEST


LONG = CODE * 60


@pytest.mark.parametrize(
    ("share", "missed"), [(1.0, False), (0.75, False), (0.4, True), (0.05, True)], ids=["all", "most", "half", "end"]
)
def test_a_count_that_is_impossible_says_that_the_server_cut(share: float, missed: bool) -> None:
    estimated = estimate(LONG)
    assert Calibration().misses(LONG, int(estimated * share), estimated) is missed


def test_a_count_that_is_unusual_says_so_once_enough_is_known() -> None:
    estimated = estimate(LONG)
    doubtful = int(floor(LONG) * 0.9)
    calibration = Calibration()
    assert not calibration.misses(LONG, doubtful, estimated)
    for _ in range(8):
        calibration = calibration.learned(1000, 1000)
    assert calibration.misses(LONG, doubtful, estimated)
    assert not calibration.misses(LONG, estimated, estimated)


@pytest.mark.parametrize("counted", [None, 1])
def test_no_count_and_short_texts_say_nothing(counted: int | None) -> None:
    assert not Calibration().misses(CODE, counted, estimate(CODE))
    assert not Calibration().misses(LONG, None, estimate(LONG))
