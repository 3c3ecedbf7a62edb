"""Old names give way to new ones where they are names, and nowhere else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.index.retell_names import retold
from db.carry import Texts


def told(text: str, source: str = "", **renames: str) -> str | None:
    found = retold(Texts(content_raw=text), {old.replace("__", "."): new for old, new in renames.items()}, source)
    return found.content_raw if found is not None else None


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("`load` reads.", "`fetch` reads."),
        ("Call ``load(path)`` first.", "Call ``fetch(path)`` first."),
        ("```python\nx = load(1)\n```", "```python\nx = fetch(1)\n```"),
        ("~~~\nload\n~~~\nload", "~~~\nfetch\n~~~\nload"),
        ("They load(ed) it; load() is quick.", "They fetch(ed) it; fetch() is quick."),
        ("They load the cargo.", "They load the cargo."),
        ("`reload` and `load_all` and `x/load`", "`reload` and `load_all` and `x/load`"),
        ("`repo.load`", "`repo.fetch`"),
        ("``` not closed\nload", "``` not closed\nfetch"),
    ],
)  # fmt: skip
def test_where_a_name_stands(before: str, after: str) -> None:
    assert told(before, load="fetch") == after


def test_what_cannot_be_a_word_is_a_name_in_prose_too() -> None:
    assert told("The load_all step and loadAll.", load_all="fetch_all", loadAll="fetchAll") == (
        "The fetch_all step and fetchAll."
    )
    assert told("See shop.orders.place.", shop__orders__place="shop.sales.place") == "See shop.sales.place."


def test_a_name_that_the_code_says_still_means_something_else_as_well() -> None:
    assert told("`load` reads.", source="def fetch():\n    log('load')", load="fetch") is None
    assert told("`load` reads.", source="def fetch():\n    log('loader')", load="fetch") == "`fetch` reads."


def test_every_text_is_told_anew() -> None:
    texts = Texts(content_raw="`load`", content=None, instruct="```\nload()\n```")
    assert retold(texts, {"load": "fetch"}, "") == Texts(content_raw="`fetch`", instruct="```\nfetch()\n```")


@given(st.text(alphabet="ab`~ \n(._", max_size=60))
def test_there_and_back_is_the_same(text: str) -> None:
    new = told(text, a="zz")
    assert new is not None
    assert told(new, zz="a") == text


@given(st.text(max_size=80))
def test_no_name_no_change(text: str) -> None:
    assert retold(Texts(content_raw=text), {"same": "same", "": "x"}, text) == Texts(content_raw=text)
