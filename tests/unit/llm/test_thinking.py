"""Thinking is taken out, and only thinking."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.llm.thinking import strip_thinking


@pytest.mark.parametrize(
    ("raw", "left"),
    [
        ("Answer.", "Answer."),
        ("  Answer.\n\n", "Answer."),
        ("", ""),
        ("<think>hm</think>Answer.", "Answer."),
        ("<think>\nhm\n</think>\n\nAnswer.", "Answer."),
        ("<thinking>\nhm\n</thinking>\nAnswer.", "Answer."),
        ("<THINK>hm</THINK>\nAnswer.", "Answer."),
        ("<think></think>\n\nAnswer.", "Answer."),
        ("\n <think>one</think>\n<think>two</think>\nAnswer.", "Answer."),
        ("One.\n<think>again\n</think>\nTwo.", "One.\n\nTwo."),
        ("<think>```\ncode\n```</think>\nAnswer.", "Answer."),
    ],
)
def test_blocks_are_removed(raw: str, left: str) -> None:
    assert strip_thinking(raw) == left


@pytest.mark.parametrize("raw", ["<think>", "<think>\nnever came to an end", "\n\n<think>a\n\nb"])
def test_a_thought_that_never_ended_leaves_nothing(raw: str) -> None:
    assert strip_thinking(raw) == ""


@pytest.mark.parametrize("raw", ["Hm, let me see.\n</think>\n\nAnswer.", "Hm.\n</think>\nAnswer."])
def test_the_opening_tag_may_have_been_sent_by_the_template(raw: str) -> None:
    assert strip_thinking(raw) == "Answer."


@pytest.mark.parametrize(
    "text",
    [
        "The function removes `<think>` and `</think>` from an answer.",
        "It looks for </think> in the text.",
        "Example:\n\n```python\n<think>\nx = 1\n</think>\n```\n\nDone.",
        "Example:\n\n~~~~\n</think>\n~~~\n~~~~\n\nDone.",
        "An answer first.\n<think> is the tag that this parser looks for.",
        "An open fence:\n```\n<think>\nx\n</think>",
    ],
)
def test_text_about_thinking_stays(text: str) -> None:
    assert strip_thinking(text) == text


@given(st.text(alphabet="ab<>/think`~\n ", max_size=80))
def test_nothing_is_invented_and_twice_changes_nothing(text: str) -> None:
    once = strip_thinking(text)
    left = iter(text)
    assert all(letter in left for letter in once)  # a subsequence of what came
    assert strip_thinking(once) == once or "think" in once.lower()
