"""What a class shows of its members: a line for each documented one, and a skeleton that fits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.stages.members import keyed, lines, summary_of, thinned
from db.types import Member


def stub(number: int) -> str:
    return f"    def step{number}(self, order)"


MEMBERS = tuple(
    Member(name=f"step{n}", signature=f"def step{n}(self, order)", summary=f"Takes step {n}." if n % 3 == 0 else None)
    for n in range(30)
)
SKELETON = "\n".join(["class Way:", '    """Thirty steps."""', "", *(f"{stub(n)}: ..." for n in range(30)), ""])


def test_one_line_for_each_member_of_which_something_is_said() -> None:
    assert lines(MEMBERS).split("\n")[:2] == ["- step0: Takes step 0.", "- step3: Takes step 3."]
    assert len(lines(MEMBERS).split("\n")) == 10
    assert lines(()) == ""


@pytest.mark.parametrize(
    ("member", "said"),
    [
        (Member(name="a", summary="First. Second."), "First."),
        (Member(name="a", summary="### 1. Summary\nIt pays the order.\n\n### 2. How", ours=True), "It pays the order."),
        (Member(name="a", summary="**Summary**\nIt pays.", ours=True), "It pays."),
        (Member(name="a", summary="### not ours"), "### not ours"),
        (Member(name="a", summary="word " * 80), "word " * 23 + "word…"),
        (Member(name="a", summary="one\n   two"), "one two"),
        (Member(name="a"), ""),
    ],
)
def test_the_first_sentence_about_a_member(member: Member, said: str) -> None:
    assert summary_of(member) == said
    assert len(summary_of(member)) <= 120


def test_what_we_wrote_ourselves_is_no_part_of_a_key() -> None:
    authors = keyed([Member(name="a", summary="By its author.")])
    assert authors != keyed([Member(name="a", summary="By another author.")])
    assert keyed([Member(name="a", summary="By us.", ours=True)]) == keyed([Member(name="a")]) == []


def test_a_skeleton_that_fits_stays() -> None:
    assert thinned(SKELETON, MEMBERS, lambda _: True) == (SKELETON, 0)


def test_documented_members_stay_longest_and_the_rest_is_told() -> None:
    text, gone = thinned(SKELETON, MEMBERS, lambda tried: len(tried) <= 600)
    assert len(text) <= 600
    assert text.startswith('class Way:\n    """Thirty steps."""')
    assert f"    ... and {gone} more members, not shown: step… ({gone})" in text
    shown = {n for n in range(30) if f"def step{n}(" in text}
    assert len(shown) == 30 - gone
    assert set(range(0, 30, 3)) <= shown


def test_names_are_told_by_their_beginnings() -> None:
    names = ["getPrice", "getTax", "get_total", "setPrice", "HTTPServer", "__init__", "URL", "isOpen", "hasKey", "x1"]
    members = [Member(name=name, signature=f"{name}()") for name in names]
    source = "class A {\n" + "".join(f"  {name}();\n" for name in names) + "}"
    text, gone = thinned(source, members, lambda tried: len(tried) <= 1)
    assert gone == 10
    assert "... and 10 more members, not shown: get… (3), set… (1), HTTP… (1)" in text
    assert text.rstrip().endswith("and others\n}")


@pytest.mark.parametrize("source", ["", "class A:\n    pass", "x = 1\n" * 50])
def test_a_source_without_stubs_comes_back(source: str) -> None:
    assert thinned(source, MEMBERS, lambda _: False) == (source, 0)


@pytest.mark.parametrize(
    ("signature", "stub"),
    [
        ("def a(self) -> int", "    def a(self) -> int: ..."),
        ("public int a()", "    public int a() { ... }"),
        ("fun a(): Int", "    fun a(): Int ="),
        ("int a;", "    int a;"),
        ("fn a() -> u8", "    fn a() -> u8 { ... }"),
    ],
)
def test_stubs_of_any_language_are_known(signature: str, stub: str) -> None:
    source = f"class A\n{stub}\nend"
    _, gone = thinned(source, [Member(name="a", signature=signature)], lambda _: False)
    assert gone == 1


@given(st.integers(min_value=0, max_value=2_000))
def test_as_many_stubs_as_fit(limit: int) -> None:
    text, gone = thinned(SKELETON, MEMBERS, lambda tried: len(tried) <= limit)
    assert text.count("def step") == 30 - gone
    if gone:
        one_more = thinned(SKELETON, MEMBERS, lambda tried: tried.count("def step") <= 30 - gone + 1)[0]
        assert len(one_more) > limit
