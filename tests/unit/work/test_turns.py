"""Whose turn it is: nobody starves, a server's own order is kept, and what is switched off asks nobody."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from daemon.work.turns import Turns


class Clock:
    """Time that moves when told."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def turns(*, on: bool = True, dwell_s: float = 60.0) -> tuple[Turns, Clock]:
    clock = Clock()
    return Turns(on=on, dwell_s=dwell_s, clock=clock), clock


@given(order=st.lists(st.permutations(["coder", "talker", "embed"]), min_size=8, max_size=8))
def test_all_who_always_have_work_get_their_turns(order: list[list[str]]) -> None:
    """Whatever the order in which loops wake: nobody is passed over twice."""
    one, clock = turns()
    seen: list[str] = []
    for waking in order:
        for model in waking * 2:  # who was refused asks again
            if one.may(model, 0) and (not seen or seen[-1] != model):
                seen.append(model)
        clock.now += 20
    for start in range(len(seen) - 2):
        assert len(set(seen[start : start + 3])) == 3, f"somebody was passed over: {seen}"
    assert len(seen) >= 2


def test_who_has_waited_longest_comes_next() -> None:
    one, clock = turns()
    assert one.may("coder", 0)
    assert not one.may("talker", 1)
    assert not one.may("embed", 1)
    clock.now = 50
    assert not one.may("embed", 1)
    assert not one.may("talker", 1)
    clock.now = 61
    assert not one.may("coder", 0), "its time is over"
    assert not one.may("embed", 0), "the talker was first"
    assert one.may("talker", 0)
    clock.now = 122
    assert not one.may("embed", 1)
    assert not one.may("coder", 0)
    assert one.may("embed", 0)


def test_who_asks_no_more_holds_nobody_up() -> None:
    one, clock = turns()
    assert one.may("coder", 0)
    assert not one.may("talker", 1)
    clock.now = 100
    assert not one.may("embed", 1)
    assert one.may("embed", 0), "the talker's loop rests"


def test_what_the_server_holds_goes_first() -> None:
    one, _ = turns()
    one.begin("talker")
    assert not one.may("coder", 0)
    assert one.may("talker", 0)
    assert one.swaps == 0
    one.begin("coder")
    assert one.model == "talker", "only the very first turn is given so"


def test_a_turn_that_is_ended_lasts_until_somebody_asks() -> None:
    one, _ = turns()
    assert one.may("coder", 0)
    one.end()
    assert one.may("coder", 0), "nobody else wants it"
    assert not one.may("talker", 1)
    assert not one.may("coder", 1)
    assert one.may("talker", 0)
    assert one.may("talker", 0), "the new turn has its whole time"


def test_without_turns_nobody_waits_and_with_them_again_somebody_does() -> None:
    one, _ = turns()
    assert one.may("coder", 0)
    assert not one.may("talker", 1)
    assert one.plan(on=False)
    assert one.may("talker", 1)
    assert one.model is None
    assert not one.elsewhere("talker")
    assert not one.urge("talker")
    assert one.plan(on=True)
    assert not one.may("talker", 1)
    assert one.may("coder", 1)


def test_a_shorter_dwell_is_news_for_those_who_wait_and_a_longer_one_is_not() -> None:
    one, clock = turns(dwell_s=600)
    assert one.may("coder", 0)
    assert not one.may("talker", 0)
    clock.now = 70
    assert one.plan(on=True, dwell_s=60)
    assert one.may("talker", 0)
    assert not one.plan(on=True, dwell_s=600)
