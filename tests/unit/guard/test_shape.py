"""The shape guard, and what is mended without asking again."""

from __future__ import annotations

import pytest

from daemon.guard.base import Answer, judge
from daemon.guard.shape import ShapeGuard, copied_share, repeated_share, tidy

SECTIONS = ("### 1. Summary", "### 2. How it works", "### 3. Context and dependencies")
FIRST = "It adds two numbers and hands the sum back to whoever asked for it.\n"
GOOD = """### 1. Summary
It adds two numbers and hands the sum back to whoever asked for it.

### 2. How it works
The operands are added. Nothing else happens, and no state is kept between two calls.

```python
add(1, 2)
```

### 3. Context and dependencies
Nobody calls it yet, and it leans on nothing but the language itself.
"""


def check(text: str, *, sections: tuple[str, ...] = SECTIONS, cut: bool = False, source: str = "") -> set[str]:
    answer = Answer(text=tidy(text, sections), language="en", sections=sections, cut=cut, source=source)
    return set(ShapeGuard().check(answer).defects)


def test_a_good_answer_passes() -> None:
    assert check(GOOD) == set()


@pytest.mark.parametrize(
    ("change", "defect"),
    [
        (lambda text: "", "empty"),
        (lambda text: "  \n\t ", "empty"),
        (lambda text: text.replace("### 2. How it works\n", ""), "sections"),
        (lambda text: text.replace(FIRST, ""), "sections"),
        (lambda text: text.replace("### 1. Summary", "### 3. Context and dependencies", 1), "sections"),
        (lambda text: text + "\n### 3. Context and dependencies\nAgain, and with other words than before.", "sections"),
        (lambda text: text.replace("add(1, 2)\n```", "add(1, 2)"), "fence"),
        (lambda text: text.replace("It adds", "<think>hm</think> It adds"), "thinking"),
        (lambda text: text + "\n" + "The sum is handed back to the one who asked for it. " * 12, "repetition"),
    ],
)  # fmt: skip
def test_every_defect_is_named(change: object, defect: str) -> None:
    assert callable(change)
    assert defect in check(change(GOOD))


def test_an_answer_that_was_cut_is_not_whole() -> None:
    assert check(GOOD, cut=True) == {"cut"}


def test_a_preamble_of_plain_text() -> None:
    assert check("Here is the rewritten text:\n\nIt adds numbers.", sections=()) == {"preamble"}
    assert check("It adds numbers.", sections=()) == set()


@pytest.mark.parametrize(
    "text",
    [
        "```markdown\n" + GOOD + "```",
        "Sure! Here you are.\n\n" + GOOD,
        GOOD.replace("### 1. Summary", "## 1. Summary"),
        GOOD.replace("### 1. Summary", "**1. Summary**"),
        GOOD.replace("### 1. Summary", "### 1. Summary:"),
        GOOD.replace("### 1. Summary", "### Summary"),
        GOOD.replace("### 1. Summary", "1. Summary"),
    ],
)
def test_form_alone_is_mended(text: str) -> None:
    assert tidy(text, SECTIONS) == GOOD.strip()


def test_a_heading_inside_code_is_no_heading() -> None:
    text = GOOD.replace("add(1, 2)", "### 1. Summary\nadd(1, 2)")
    assert check(text) == set()


def test_a_word_in_prose_is_no_heading() -> None:
    assert "Summary" in tidy("### 1. Summary\nSummary\nof it.", SECTIONS).splitlines()


def test_pasted_code_is_recognised() -> None:
    source = "def add(a, b):\n    total = a + b\n    log.info('added', total=total)\n    return total\n"
    assert copied_share(source, source) == 1.0
    assert check("It is this.\n\n" + source, sections=(), source=source) == {"copied"}
    assert copied_share(GOOD, source) < 0.1


def test_repetition_is_measured_in_words() -> None:
    said = "The same sentence stands here. "
    assert repeated_share(said) == 0
    assert repeated_share(said * 4) == pytest.approx(0.75)


def test_scores_multiply_so_that_no_bad_mark_is_averaged_away() -> None:
    answer = Answer(text="", language="en", sections=SECTIONS)
    assert judge([ShapeGuard()], answer).score == 0.0
    assert not judge([ShapeGuard()], answer).ok
