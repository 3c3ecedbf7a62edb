"""Cutting texts into parts: nothing is lost, nothing is too heavy, and what is chosen to be read tells most."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.parts import Part, Scale, Stretch, by_lines, joined, place_of, telling

TEXTS = st.text(alphabet="ab {};,\n\t", max_size=400) | st.text(max_size=120)


def cut(text: str, limit: int) -> list[Part]:
    return by_lines(text, "", limit, len)


@given(text=TEXTS, limit=st.integers(min_value=1, max_value=80))
def test_every_character_stands_in_exactly_one_part(text: str, limit: int) -> None:
    parts = cut(text, limit)
    assert "".join(part.text for part in parts) == text
    assert [(part.start, part.end) for part in parts] == [
        (start, start + len(part.text)) for part, start in zip(parts, (p.start for p in parts), strict=True)
    ]
    assert all(one.end == other.start for one, other in pairwise(parts))
    assert all(0 < part.size <= limit for part in parts)


@given(text=TEXTS, limit=st.integers(min_value=1, max_value=80))
def test_lines_are_those_of_the_text(text: str, limit: int) -> None:
    for part in cut(text, limit):
        assert part.first_line == text.count("\n", 0, part.start) + 1
        last_character = part.end - 1
        assert part.last_line == text.count("\n", 0, last_character) + 1


@given(text=TEXTS, limit=st.integers(min_value=2, max_value=80))
def test_neighbours_that_fit_together_are_one(text: str, limit: int) -> None:
    assert all(one.size + other.size > limit for one, other in pairwise(cut(text, limit)))


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("aaaa\nbbbb\n\ncccc\ndddd\n", 14, ["aaaa\nbbbb\n\n", "cccc\ndddd\n"]),
        ("one two three four", 10, ["one two ", "three four"]),
        ("f(a);g(b);h(c)", 10, ["f(a);g(b);", "h(c)"]),
        ("abcdefgh", 3, ["abc", "def", "gh"]),
        ("short", 10, ["short"]),
        ("", 10, []),
    ],
    ids=["blank line", "space", "sign", "anywhere", "whole", "empty"],
)
def test_the_best_border_near_the_limit(text: str, limit: int, expected: list[str]) -> None:
    assert [part.text for part in cut(text, limit)] == expected


def test_a_part_keeps_what_its_stretches_share() -> None:
    text = "aabbcc"
    stretches = [Stretch(0, 2, ("class A", "def f")), Stretch(2, 4, ("class A", "def g")), Stretch(4, 6, ("class B",))]
    scale = Scale(text, len)
    assert [part.around for part in joined(text, stretches, 4, scale)] == [("class A",), ("class B",)]


@given(text=st.text(alphabet="ab\n", min_size=1, max_size=3000), start=st.integers(0, 2999), limit=st.integers(1, 2000))
def test_a_scale_reaches_as_far_as_the_limit_allows(text: str, start: int, limit: int) -> None:
    start = min(start, len(text) - 1)
    scale = Scale(text, len)
    end = scale.reach(start, limit)
    assert end == min(start + limit, len(text))
    assert scale.between(start, end) == pytest.approx(end - start)


def test_a_scale_measures_each_block_once() -> None:
    measured: list[str] = []

    def measure(text: str) -> int:
        measured.append(text)
        return len(text)

    text = "word " * 5_000
    parts = by_lines(text, "", 300, measure)
    assert len(parts) > 80
    assert "".join(measured) == text


# --- what is read when not all can be -----------------------------------------------------------------------


def parts_of(*texts: str) -> list[Part]:
    return cut("\n\n".join(texts), max(len(text) + 2 for text in texts))


def test_all_are_read_where_there_are_no_more() -> None:
    assert telling(parts_of("aaa bbb", "ccc ddd"), 2) == [0, 1]
    assert telling(parts_of("aaa bbb", "ccc ddd"), 24) == [0, 1]


def test_first_and_last_and_what_has_most_new_names() -> None:
    same = "alpha beta gamma delta"
    parts = parts_of(same, same, "epsilon zeta eta theta", same, "iota kappa beta delta", same)
    assert len(parts) == 6
    assert telling(parts, 3) == [0, 2, 5]
    assert telling(parts, 4) == [0, 2, 4, 5]


@given(st.lists(st.text(alphabet="abcde ", min_size=3, max_size=12), min_size=1, max_size=12), st.integers(1, 14))
def test_so_many_as_asked_for_in_order(texts: list[str], count: int) -> None:
    parts = [
        Part(start=at, end=at + 1, first_line=at + 1, last_line=at + 1, text=text) for at, text in enumerate(texts)
    ]
    chosen = telling(parts, count)
    assert len(chosen) == min(count, len(parts))
    assert chosen == sorted(set(chosen))
    assert 0 in chosen
    assert set(telling(parts, max(1, count - 1))) <= set(chosen), "fewer are a part of more"


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [("a\nb\nc\nd\n", 4, ["1-2", "3-4"]), ("x" * 9, 4, ["1:0-4", "1:4-8", "1:8-9"]), ("a\n", 9, ["1-1"])],
)
def test_places_in_figures(text: str, limit: int, expected: list[str]) -> None:
    assert [place_of(part) for part in cut(text, limit)] == expected
