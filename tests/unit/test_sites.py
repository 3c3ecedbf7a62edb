"""Places of use: the lines of a call out of its caller."""

from __future__ import annotations

from textwrap import dedent
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from daemon.sites import shown, sites_of, tokens_of
from db.types import Use


def a_use(code: str, **values: Any) -> Use:
    return Use(**{"symbol": "Basket.total", "path": "shop/basket.py", "called": "price", "code": code, **values})


def test_a_call_is_shown_whole_and_without_its_indent() -> None:
    call = "    found = price(\n        self.items,\n        currency='EUR (old)',\n    )"
    (site,) = sites_of([a_use(f"def total(self):\n    start()\n{call}\n    go()")])
    assert site.code == dedent(call)
    assert shown([site]) == f"[Basket.total, shop/basket.py]\n{site.code}"


def test_what_becomes_of_the_result_is_shown_too() -> None:
    (site,) = sites_of([a_use("    cost = price(item)\n    if cost > 3:\n        pay()")])
    assert site.code == "cost = price(item)\nif cost > 3:"


def test_the_line_of_the_index_goes_before_the_first_that_looks_like_it() -> None:
    code = "price(old)\nother()\nprice(new)"
    assert sites_of([a_use(code, at=2)])[0].code == "price(new)"
    assert sites_of([a_use(code, at=1)])[0].code == "price(old)", "the name is not in that line: the index is older"


def test_declarations_and_longer_names_are_no_calls() -> None:
    assert sites_of([a_use("def price(item):\n    return unit_price(item)\n")]) == ()


def test_a_statement_begins_above_its_call() -> None:
    (site,) = sites_of([a_use("pay(\n    price(item),\n)\n")])
    assert site.code == "pay(\n    price(item),\n)"


def test_the_same_code_is_shown_once() -> None:
    sites = sites_of([a_use("price( item )"), a_use("price(item)", symbol="Order.total"), a_use("price(other)")])
    assert [site.code for site in sites] == ["price( item )", "price(other)"]


def test_a_call_of_a_hundred_lines_is_cut() -> None:
    (site,) = sites_of([a_use("price(\n" + "    item,\n" * 100 + ")")])
    assert len(site.code.splitlines()) == 12


@given(st.text(alphabet="price(){}[],'\"\n \\=", max_size=200), st.integers(-2, 30))
def test_any_code_gives_lines_of_that_code(code: str, at: int) -> None:
    for site in sites_of([a_use(code, at=at)]):
        taken = tokens_of(site.code)
        whole = tokens_of(code)
        assert any(whole[place : place + len(taken)] == taken for place in range(len(whole) + 1))
