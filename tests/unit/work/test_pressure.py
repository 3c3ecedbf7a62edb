"""The limit of an endpoint: a server that is full or slow is asked less, and more again when it can take it."""

from __future__ import annotations

import asyncio
import heapq
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.errors import ModelBusy, ModelTimeout
from daemon.work.pressure import Limit
from daemon.work.slots import Slots


class Clock:
    """Time that moves when told."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def answer(limit: Limit, clock: Clock, count: int, *, seconds: float = 1.0, model: str = "coder") -> None:
    """So many answers one after another, of ten tokens each."""
    for _ in range(count):
        began = clock.now
        clock.now += seconds
        limit.answered(began, model, 10)


def test_a_refusal_halves_and_every_round_of_answers_gives_one_back() -> None:
    clock = Clock()
    limit = Limit(8, clock)
    assert limit.refused(clock.now)
    assert limit.now == 4
    clock.now += 1
    answer(limit, clock, 4)
    assert limit.now == 5
    answer(limit, clock, 5 + 6 + 7)
    assert limit.now == 8
    answer(limit, clock, 100)
    assert (limit.now, limit.decreases) == (8, 1)


def test_refusals_of_calls_that_were_under_way_count_once() -> None:
    clock = Clock()
    limit = Limit(64, clock)
    clock.now = 5
    assert all(limit.refused(1) for _ in range(64))
    assert limit.now == 32


def test_where_nothing_is_left_to_lower_the_endpoint_is_to_be_left_alone() -> None:
    clock = Clock()
    limit = Limit(2, clock)
    assert limit.refused(0)
    clock.now = 1
    assert not limit.refused(1)
    assert limit.now == 1


def test_one_answer_that_never_came_is_the_prompts_fault_and_a_quarter_of_them_is_the_servers() -> None:
    limit = Limit(16, Clock())
    for _ in range(3):
        limit.silent(0)
    assert limit.now == 16
    limit.silent(0)
    assert limit.now == 8


def test_silence_now_and_then_is_forgotten_every_round() -> None:
    clock = Clock()
    limit = Limit(8, clock)
    for _ in range(20):
        limit.silent(clock.now)
        answer(limit, clock, 8)
    assert (limit.now, limit.decreases) == (8, 0)


def test_a_pace_twice_as_slow_with_as_many_calls_takes_a_quarter_away() -> None:
    clock = Clock()
    limit = Limit(16, clock)
    answer(limit, clock, 64)
    assert limit.now == 16
    answer(limit, clock, 16, seconds=2.5)
    assert limit.now == 12


def test_another_models_pace_says_nothing() -> None:
    clock = Clock()
    limit = Limit(16, clock)
    answer(limit, clock, 64, model="small")
    answer(limit, clock, 64, seconds=9, model="large")
    assert limit.now == 16


def test_a_server_that_stays_slower_is_not_punished_for_ever() -> None:
    clock = Clock()
    limit = Limit(4, clock)
    answer(limit, clock, 64)
    answer(limit, clock, 4000, seconds=3)
    assert limit.now == 4


@given(most=st.integers(1, 100), events=st.lists(st.tuples(st.sampled_from(["ok", "full", "silent"]), st.floats(0, 9))))
def test_it_stays_between_one_and_the_most(most: int, events: list[tuple[str, float]]) -> None:
    clock = Clock()
    limit = Limit(most, clock)
    for kind, seconds in events:
        began = clock.now
        clock.now += seconds
        if kind == "ok":
            limit.answered(began, "coder", 1)
        elif kind == "full":
            limit.refused(began)
        else:
            limit.silent(began)
        assert 1 <= limit.now <= most


@pytest.mark.parametrize("takes", [1, 3, 10, 40])
def test_it_finds_what_a_server_takes(takes: int) -> None:
    """A server that refuses what is beyond ``takes``, played through in simulated time."""
    clock, number = Clock(), itertools.count()
    limit = Limit(64, clock)
    under_way: list[tuple[float, int, float]] = []  # end, number, began
    refused, seen = 0, []
    for _ in range(4000):
        while len(under_way) < limit.now:
            if len(under_way) < takes:
                heapq.heappush(under_way, (clock.now + 1 + next(number) % 7 / 10, next(number), clock.now))
            else:
                refused += 1
                if not limit.refused(clock.now):
                    break
                clock.now += 0.001
        end, _, began = heapq.heappop(under_way)
        clock.now = max(clock.now, end)
        limit.answered(began, "coder", 10)
        seen.append(min(limit.now, takes))
    settled = seen[1000:]
    assert sum(settled) / len(settled) >= 0.6 * takes, "most of the server is used"
    assert refused < 0.15 * len(seen) or takes < 4, "it is seldom asked too much"


async def test_slots_follow() -> None:
    slots = Slots(4)

    async def a_call(error: Exception | None = None) -> None:
        async with slots.call() as use:
            await asyncio.sleep(0)
            if error is not None:
                raise error
            use.answered("coder", 10)

    busy = ModelBusy("full")
    with pytest.raises(ModelBusy):
        await a_call(busy)
    assert (busy.eased, slots.limit, slots.places, slots.most) == (True, 2, 3, 4)
    await asyncio.gather(a_call(), a_call())
    assert (slots.limit, slots.decreases) == (3, 1)
    for _ in range(2):
        with pytest.raises(ModelTimeout):
            await a_call(ModelTimeout("nothing came"))
    assert slots.limit == 1


async def test_who_waits_is_let_in_when_the_limit_allows_it_and_not_before() -> None:
    slots, gate, most = Slots(4), asyncio.Event(), 0

    async def a_call(error: Exception | None = None) -> None:
        nonlocal most
        async with slots.call():
            most = max(most, slots.calling)
            if error is not None:
                raise error
            await gate.wait()

    with pytest.raises(ModelBusy):
        await a_call(ModelBusy("full"))
    most = 0
    calls = [asyncio.create_task(a_call()) for _ in range(6)]
    for _ in range(5):
        await asyncio.sleep(0)
    calls[3].cancel()
    assert most == 2
    gate.set()
    done = await asyncio.gather(*calls, return_exceptions=True)
    assert [isinstance(one, asyncio.CancelledError) for one in done] == [False] * 3 + [True] + [False] * 2
    assert slots.calling == 0
