"""What a server's memory says about its models, and what follows for their turns."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.errors import ModelUnavailable
from daemon.llm.base import Resident
from daemon.work.affinity import Affinity, Fit, Sight, intruder, judge
from daemon.work.slots import Slots

OURS = frozenset({"coder:14b", "talker"})
GIGA = 1_000_000_000


def held(name: str, *, on_gpu: int = 9 * GIGA) -> Resident:
    return Resident(name=name, size=9 * GIGA, on_gpu=on_gpu)


CODER, TALKER, FOREIGN = held("coder:14b"), held("talker:latest"), held("llama3:8b")


def seen(*looks: Sequence[Resident]) -> Sight:
    sight = Sight()
    for look in looks:
        sight = judge(sight, look, OURS)
    return sight


@pytest.mark.parametrize(
    ("looks", "fit"),
    [
        ([], Fit.UNKNOWN),
        ([[]], Fit.UNKNOWN),
        ([[CODER]], Fit.UNKNOWN),
        ([[CODER], [CODER, FOREIGN]], Fit.UNKNOWN),
        ([[CODER], [CODER, TALKER]], Fit.TOGETHER),
        ([[CODER, TALKER, FOREIGN]], Fit.TOGETHER),
        ([[CODER], [TALKER]], Fit.APART),
        ([[CODER], [], [], [TALKER]], Fit.APART),  # it was being loaded
        ([[CODER], *[[]] * 6, [TALKER]], Fit.UNKNOWN),  # it was dropped long before, by itself
        ([[CODER], [FOREIGN], [TALKER]], Fit.APART),
        ([[CODER], [TALKER], [CODER, TALKER]], Fit.TOGETHER),  # there is room by now
        ([[CODER, TALKER], [CODER]], Fit.TOGETHER),  # dropped, not pushed out by one of ours
        ([[CODER, TALKER], [CODER], [TALKER]], Fit.APART),
        ([[CODER, held("talker", on_gpu=4 * GIGA)]], Fit.APART),  # half of it runs on the processor
        ([[held("coder:14b", on_gpu=GIGA)]], Fit.APART),  # not even one has room
        ([[CODER, held("talker", on_gpu=0)]], Fit.APART),
        ([[held("coder:14b", on_gpu=0), held("talker", on_gpu=0)]], Fit.TOGETHER),  # a server without a GPU
    ],
)
def test_what_looks_at_a_server_say(looks: list[list[Resident]], fit: Fit) -> None:
    assert seen(*looks).fit is fit


def test_models_pushed_out_are_counted() -> None:
    assert seen([CODER], [TALKER], [], [CODER], [CODER], [TALKER]).evictions == 3
    assert seen([CODER], [CODER, TALKER], [TALKER]).evictions == 0


LOOKS = st.lists(st.lists(st.sampled_from([CODER, TALKER, FOREIGN]), max_size=3, unique=True), max_size=12)


@given(looks=LOOKS)
def test_side_by_side_only_when_both_were_there_since_one_was_last_pushed_out(looks: list[list[Resident]]) -> None:
    if seen(*looks).fit is not Fit.TOGETHER:
        return
    both = max(number for number, look in enumerate(looks) if {CODER, TALKER} <= set(look))
    assert seen(*looks).evictions == seen(*looks[: both + 1]).evictions


def test_another_daemon_has_begun_the_next_turn() -> None:
    sight = seen([CODER], [TALKER])
    assert intruder(sight, "coder:14b", 120.0) == "talker"
    assert intruder(sight, "coder:14b", 5.0) is None, "ours may still be on its way into memory"
    assert intruder(sight, "talker", 120.0) is None
    assert intruder(sight, None, 120.0) is None
    assert intruder(seen([CODER], [TALKER], []), "coder:14b", 120.0) is None, "that was then"
    assert intruder(seen([CODER, TALKER]), "else", 120.0) is None


class Server:
    """Tells what it is told to tell; an error is raised."""

    def __init__(self, *looks: Sequence[Resident] | Exception | None) -> None:
        self.looks = list(looks)

    async def residents(self) -> tuple[Resident, ...] | None:
        look = self.looks.pop(0)
        if isinstance(look, Exception):
            raise look
        return None if look is None else tuple(look)


def watched(*looks: Sequence[Resident] | Exception | None) -> tuple[Affinity, Slots, list[float]]:
    now = [0.0]
    slots = Slots(2, clock=lambda: now[0])
    return Affinity("local", OURS, slots, Server(*looks).residents), slots, now


async def test_models_that_fit_are_asked_side_by_side_until_one_is_pushed_out() -> None:
    one, slots, _ = watched([CODER], [CODER, TALKER], [CODER], [TALKER])
    await one.look()
    assert (slots.take("coder:14b", 1), slots.take("talker", 1)) == (1, 0)
    await one.look()
    assert (one.fit, slots.take("talker", 1)) == (Fit.TOGETHER, 1)
    await one.look()
    await one.look()
    assert one.fit is Fit.APART
    assert (slots.take("talker", 1), slots.take("coder:14b", 1)) == (0, 1), "it was the coder's turn"


async def test_the_first_turns_are_short_and_the_others_are_not() -> None:
    one, slots, now = watched([CODER], [TALKER])
    await one.look()
    slots.take("coder:14b", 1)
    slots.take("talker", 1)
    now[0] = 61
    assert slots.take("coder:14b", 1) == 0, "somebody has to be the first to show whether they fit"
    slots.give()
    assert slots.take("talker", 1) == 1
    await one.look()
    assert one.fit is Fit.APART
    now[0] = 130
    assert (slots.take("coder:14b", 1), slots.take("talker", 1)) == (0, 1)
    now[0] = 662
    assert slots.take("talker", 1) == 0


async def test_the_model_in_memory_has_the_first_turn() -> None:
    one, slots, _ = watched([TALKER])
    await one.begin()
    assert slots.take("coder:14b", 1) == 0
    slots.idle("talker")
    assert slots.take("coder:14b", 1) == 1


async def test_a_turn_ends_when_another_daemon_has_begun_the_next_one() -> None:
    one, slots, now = watched([CODER], [TALKER], [TALKER])
    await one.look()
    slots.take("coder:14b", 1)
    slots.take("talker", 1)
    now[0] = 30
    await one.look()
    assert slots.take("coder:14b", 1) == 1
    now[0] = 70
    await one.look()
    assert slots.take("coder:14b", 1) == 0
    slots.give(2)
    assert slots.take("talker", 1) == 1


async def test_a_server_that_is_away_changes_nothing_and_one_that_tells_nothing_means_turns() -> None:
    one, slots, _ = watched([CODER, TALKER], ModelUnavailable("nobody there", ""), None)
    await one.look()
    await one.look()
    assert (slots.take("coder:14b", 1), slots.take("talker", 1)) == (1, 1)
    await one.look()
    slots.give(2)
    assert (slots.take("coder:14b", 1), slots.take("talker", 1)) == (1, 0)
