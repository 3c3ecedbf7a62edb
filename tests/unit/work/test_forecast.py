"""A plan adds up what is due: calls that are sure, calls that may follow, tokens and time by what texts took so far."""

from __future__ import annotations

from typing import Any

import pytest

from daemon.work.forecast import Piece, Seat, forecast, from_changes, size_of
from db.plan import Cost
from db.types import Stage

SEATS = {
    Stage.CODER: Seat(model="big", endpoint="one", slots=2), Stage.TALKER: Seat(model="small", endpoint="two", slots=1),
    Stage.INSTRUCT: Seat(model="big", endpoint="one", slots=2),
}  # fmt: skip


def a_piece(**values: Any) -> Piece:
    return Piece(**{"repo": "shop", "stage": Stage.CODER, "reason": "source", "chars": 1000, **values})


def a_cost(stage: Stage, model: str, size: int | None, *, texts: int = 10, ms: float = 1000) -> Cost:
    return Cost(
        stage=stage, model=model, size=size, texts=texts, prompt_tokens=100, output_tokens=10, duration_ms=ms
    )  # fmt: skip


def test_texts_by_reason_and_what_the_ledger_serves() -> None:
    told = forecast(
        [a_piece(), a_piece(served=True), a_piece(reason="new"), a_piece(stage=Stage.TALKER, sure=False)], [], SEATS
    )
    assert [(one.stage, one.reason, one.texts, one.ledger, one.calls, one.following) for one in told.lines] == [
        (Stage.CODER, "new", 1, 0, 1, 0), (Stage.CODER, "source", 2, 1, 1, 0), (Stage.TALKER, "source", 1, 0, 0, 1),
    ]  # fmt: skip
    assert (told.calls, told.following, told.at_most, told.ledger) == (2, 1, 3, 1)


def test_without_history_nothing_is_made_up() -> None:
    told = forecast([a_piece()], [], SEATS)
    assert (told.prompt_tokens, told.output_tokens, told.seconds, told.without_history) == (None, None, None, 1)
    nothing = forecast([], [], SEATS)
    assert (nothing.prompt_tokens, nothing.seconds, nothing.without_history) == (0, 0.0, 0)


def test_what_is_known_is_told_and_what_is_not_is_counted() -> None:
    told = forecast([a_piece(), a_piece(stage=Stage.TALKER)], [a_cost(Stage.CODER, "big", None)], SEATS)
    assert (told.prompt_tokens, told.seconds, told.without_history) == (100, 0.5, 1)


@pytest.mark.parametrize(("texts", "seconds"), [(3, 4.0), (2, 0.5)])
def test_sources_of_the_same_size_tell_more_than_all_where_there_are_enough(texts: int, seconds: float) -> None:
    costs = [a_cost(Stage.CODER, "big", None), a_cost(Stage.CODER, "big", 9, texts=texts, ms=8000)]
    assert forecast([a_piece(chars=1000)], costs, SEATS).seconds == seconds


def test_endpoints_work_side_by_side_and_stages_of_one_after_each_other() -> None:
    costs = [a_cost(stage, SEATS[stage].model, None) for stage in SEATS]
    pieces = [a_piece(stage=stage) for stage in SEATS for _ in range(4)]
    assert forecast(pieces, costs, SEATS).seconds == max((4 + 4) / 2, 4 / 1)


def test_what_another_model_took_tells_nothing() -> None:
    assert forecast([a_piece()], [a_cost(Stage.CODER, "other", None)], SEATS).without_history == 1


@pytest.mark.parametrize(("chars", "size"), [(0, 0), (1, 0), (2, 1), (1023, 9), (1024, 10)])
def test_sizes(chars: int, size: int) -> None:
    assert size_of(chars) == size


def test_plain_texts_follow_technical_ones() -> None:
    pieces = from_changes("shop", [("new", 10, False, True), ("source", 10, True, True)], stages=list(Stage))
    assert [(one.stage, one.reason, one.served, one.sure) for one in pieces] == [
        (Stage.CODER, "new", False, True), (Stage.TALKER, "new", False, False), (Stage.INSTRUCT, "new", False, False),
        (Stage.CODER, "source", True, True), (Stage.TALKER, "raw-changed", True, False),
        (Stage.INSTRUCT, "raw-changed", True, False),
    ]  # fmt: skip
