"""Places and slots: how much is claimed, how much is called, and whose turn it is."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.work.slots import Slots


class Clock:
    """Time that moves when told."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_a_few_places_more_than_slots() -> None:
    assert [(Slots(limit).places) for limit in (1, 4, 64)] == [2, 5, 80]
    slots = Slots(4)
    assert (slots.take("coder", 100), slots.take("coder", 100), slots.taken) == (5, 0, 5)
    slots.give(2)
    assert (slots.take("coder", 1), slots.take("coder", 9)) == (1, 1)


async def test_another_model_waits_for_its_turn() -> None:
    slots = Slots(4)
    assert (slots.take("coder", 2), slots.take("talker", 2)) == (2, 0)
    slots.idle("coder")
    assert slots.take("talker", 2) == 0, "the last of the coder's calls is still under way"
    slots.give(2)
    assert (slots.take("talker", 2), slots.take("coder", 1)) == (2, 0)


async def test_a_turn_ends_when_its_time_is_over() -> None:
    clock = Clock()
    slots = Slots(2, dwell_s=60, clock=clock)
    assert (slots.take("coder", 3), slots.take("talker", 1)) == (3, 0)
    slots.give(2)
    clock.now = 59
    assert slots.take("coder", 1) == 1
    clock.now = 61
    assert slots.take("coder", 1) == 0, "nothing more for the coder while the talker waits"
    slots.give(2)
    assert slots.take("talker", 1) == 1


async def test_nobody_waits_for_a_model_that_does_not_come() -> None:
    clock = Clock()
    slots = Slots(2, dwell_s=60, clock=clock)
    slots.take("coder", 1)
    clock.now = 600
    assert slots.take("coder", 1) == 1


def test_who_is_waited_for_gets_a_turn_out_of_turn_and_no_longer_than_needed() -> None:
    slots = Slots(2, dwell_s=1000)
    assert slots.take("coder", 2) == 2
    assert slots.take("talker", 1) == 0
    assert slots.elsewhere("talker")
    assert not slots.elsewhere("coder")
    slots.urge("talker")
    assert slots.take("coder", 1) == 0, "nothing more is begun for the others"
    assert slots.take("talker", 1) == 0, "what they began is finished first"
    slots.give(2)
    assert slots.take("coder", 1) == 0
    assert slots.take("talker", 1) == 1
    assert slots.urgent("talker")
    slots.idle("talker")
    assert not slots.urgent("talker")
    assert slots.take("talker", 1) == 0, "what was not asked for waits for a turn like any other"
    slots.give()
    assert slots.take("coder", 2) == 2


def test_nobody_is_urged_where_models_work_side_by_side() -> None:
    slots = Slots(2, turns=False)
    slots.take("coder", 1)
    slots.urge("talker")
    assert not slots.urgent("talker")
    assert (slots.take("talker", 1), slots.take("coder", 1)) == (1, 1)


async def test_a_server_that_holds_all_its_models_needs_no_turns() -> None:
    slots = Slots(4, turns=False)
    assert (slots.take("coder", 2), slots.take("talker", 2), slots.take("coder", 9)) == (2, 2, 1)


async def test_stages_with_the_same_model_share() -> None:
    slots = Slots(2)
    assert (slots.take("same", 1), slots.take("same", 1)) == (1, 1)


async def test_waiting_for_a_change() -> None:
    slots = Slots(1)
    slots.take("coder", 2)
    change = slots.change()
    slots.give()
    await asyncio.wait_for(change.wait(), 5)
    assert not slots.change().is_set()


async def call(slots: Slots, gate: asyncio.Event, inside: list[int], times: int = 1) -> None:
    task = asyncio.current_task()
    assert task is not None
    slots.occupy(task)
    for _ in range(times):
        async with slots.call():
            inside.append(1)
            await gate.wait()
            inside.pop()


async def test_closing_cancels_those_who_never_called() -> None:
    slots, gate = Slots(1), asyncio.Event()
    slots.take("coder", 2)
    inside: list[int] = []
    called = asyncio.create_task(call(slots, gate, inside, times=2))
    await asyncio.sleep(0)
    waiting = asyncio.create_task(call(slots, gate, inside))
    await asyncio.sleep(0)
    slots.close()
    gate.set()
    await asyncio.wait_for(called, 5)
    with pytest.raises(asyncio.CancelledError):
        await waiting
    late = asyncio.create_task(call(slots, gate, inside))
    with pytest.raises(asyncio.CancelledError):
        await late


@given(limit=st.integers(1, 9), tasks=st.integers(1, 40), calls=st.integers(1, 3))
def test_slots_are_never_exceeded_and_places_all_come_back(limit: int, tasks: int, calls: int) -> None:
    async def run() -> tuple[int, int]:
        slots, most, inside = Slots(limit), 0, 0

        async def work() -> None:
            nonlocal most, inside
            task = asyncio.current_task()
            assert task is not None
            slots.occupy(task)
            for _ in range(calls):
                async with slots.call():
                    inside += 1
                    most = max(most, inside)
                    await asyncio.sleep(0)
                    inside -= 1

        left, running = tasks, set()
        while left:
            change = slots.change()
            granted = slots.take("coder", left)
            left -= granted
            for _ in range(granted):
                running.add(asyncio.create_task(work()))
            if not granted:
                await change.wait()
        await asyncio.gather(*running)
        return most, slots.taken

    assert asyncio.run(run()) == (min(limit, tasks), 0)


async def test_a_turn_lasts_until_nobody_of_it_will_call_again() -> None:
    """A regeneration is a second call of the same task, made when its place is long free."""
    slots, again = Slots(1), asyncio.Event()

    async def asks_twice() -> None:
        for _ in range(2):
            async with slots.call() as use:
                use.answered("coder", 1)
            await again.wait()

    assert slots.take("coder", 1) == 1
    task = asyncio.create_task(asks_twice())
    slots.occupy(task)
    task.add_done_callback(slots.finished)
    while slots.taken:
        await asyncio.sleep(0)
    slots.idle("coder")
    assert slots.take("talker", 1) == 0
    change = slots.change()
    again.set()
    await task
    await asyncio.wait_for(change.wait(), 5)
    assert slots.take("talker", 1) == 1
    async with slots.call() as use:
        use.answered("talker", 1)
    assert slots.swaps == 1
