"""The nine groups of hints: what each shows, that it can be switched off, what of it is keyed, what is recorded."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.config import shared
from daemon.prompts import Prompts
from daemon.settings import HintSettings
from daemon.stages import hints
from daemon.stages.coder import Coder
from db.types import Material, Member, Neighbour, NodeKind, Param, Tally
from tests.support.material import a_material

WORDS = Prompts(shared("prompts")).stage("coder", "en").words
CALLEE = Neighbour(
    fqn="shop.tax.Rates.find",
    count=2,
    internal=False,
    resolved=True,
    signature="def find(self, country)",
    summary="Looks the rate up.",
)
INSIDE = Neighbour(fqn="shop.cart.Cart.total", count=1, internal=True, resolved=True, signature="def total(self)")
OUTSIDE = Neighbour(fqn="log.info", count=3, internal=False, resolved=False)
CALLER = Neighbour(
    fqn="web.pages.checkout",
    count=1,
    internal=False,
    resolved=True,
    signature="def checkout(request)",
    summary="The last page.",
)

WHOLE = a_material(
    kind="METHOD", fqn="shop.cart.Cart.pay", name="pay", package="shop.cart", owner="shop.cart.Cart", part=2,
    path="src/shop/cart.py", line_start=10, line_end=20, signature="def pay(self, amount: int = 0) -> Receipt",
    params=(Param(name="self"), Param(name="amount", type="int", default="0")), return_type="Receipt",
    supertypes=("Payable", "Sized"), annotations=("@transactional", "@route('/pay')"), modifiers=("async",),
    doc_summary="Pays.", doc_details="The amount is in cents.", imports=("import os", "from shop import Receipt"),
    source_code="return Receipt(amount)", strategy="symbol", audience="testers", goal="to find faults",
    quality_target="exact", role="http-endpoint", role_detail="Flask: GET /pay",
    callees=(CALLEE, INSIDE, OUTSIDE), callers=(CALLER,),
)  # fmt: skip

EXPECTED = {
    "identity": [
        "- Kind: METHOD", "- Package: shop.cart", "- Owner: shop.cart.Cart", "- File: src/shop/cart.py",
        "- Span: lines 10-20", "- Part: 2",
    ],
    "signature": [
        "- Signature: def pay(self, amount: int = 0) -> Receipt", "- Params: amount: int = 0", "- ReturnType: Receipt",
        "- Supertypes: Payable, Sized",
    ],
    "modifiers": ["- Annotations: @transactional, @route('/pay')", "- Modifiers: async"],
    "doc": ["- Doc-Summary: Pays.", "- Doc-Details: The amount is in cents."],
    "imports": ["- Imports: from shop import Receipt; os"],
    "strategy": [
        "- Chunking-Strategy: symbol", "- Audience: testers", "- Goal: to find faults", "- QualityTarget: exact",
    ],
    "role": ["- Role: http-endpoint (Flask: GET /pay)"],
    "calls": [
        "- Calls-IntraClass: 1 (Cart.total: def total(self))",
        "- Calls-External: 5 (shop.tax.Rates.find: def find(self, country) — Looks the rate up.; log.info)",
        "- Called-By: 1 (web.pages.checkout: def checkout(request) — The last page.)",
    ],
}  # fmt: skip
DEMANDS = [
    "Explain each parameter: amount.",
    "Say what the result of type Receipt means and when it is special.",
    "The doc comment states the author's intention: build on it, and say where the code does something else.",
    "This is part 2 of a longer piece: describe what it adds, and say so.",
    "Of calls that lead outside of the index only the names are known: do not guess what they do.",
]


def shown(material: Material, *groups: str) -> list[str]:
    return hints.facts(material, WORDS, groups).split("\n")


def demanded(material: Material, *groups: str) -> list[str]:
    return [line.removeprefix("- ") for line in hints.instructions(material, WORDS, groups).split("\n")[1:]]


# --- what each group shows --------------------------------------------------------------------------------


def test_there_are_the_nine_groups_that_can_be_configured() -> None:
    assert tuple(HintSettings.model_fields) == hints.GROUPS
    assert set(EXPECTED) | {"instructions"} == set(hints.GROUPS)
    assert HintSettings().groups == hints.GROUPS, "all are on unless switched off"


@pytest.mark.parametrize("group", EXPECTED)
def test_a_group_shows_its_facts(group: str) -> None:
    assert shown(WHOLE, group) == EXPECTED[group]


def test_instructions_follow_from_role_and_facts() -> None:
    said = demanded(WHOLE, *hints.GROUPS)
    assert said[0].startswith("This answers HTTP requests: name method and path")
    assert said[1:] == DEMANDS


@pytest.mark.parametrize("group", EXPECTED)
def test_a_group_with_nothing_to_say_leaves_no_line(group: str) -> None:
    bare = a_material(
        kind="", package="", path=None, line_start=None, signature=None, params=(), imports=(), strategy=None
    )
    if group == "strategy":
        assert shown(bare, group) == [
            "- Audience: developers who have not read this code before",
            "- Goal: explain what it does, how and why, so that it can be used and changed safely",
            "- QualityTarget: complete, checkable against the code, and short",
        ], "what the index leaves open is said by the prompt's language"
    else:
        assert shown(bare, group) == ["-"]


def test_what_a_class_is_asked() -> None:
    material = a_material(kind=NodeKind.CLASS, params=(Param(name="rates"),), role="data-class")
    assert [re.split(r"[:.]", line)[0] for line in demanded(material, *hints.GROUPS)] == [
        "This carries data", "Members are shown by their declarations", "Explain each parameter",
    ]  # fmt: skip


@pytest.mark.parametrize("nothing", [None, "None", "void", "Unit", "()"])
def test_nothing_is_no_result_to_explain(nothing: str | None) -> None:
    assert not any("result" in line for line in demanded(a_material(return_type=nothing), "instructions"))


# --- the form of a line -----------------------------------------------------------------------------------


def test_details_are_cut_visibly() -> None:
    line = shown(a_material(doc_details="word " * 200), "doc")[0]
    assert len(line) <= len("- Doc-Details: ") + 300
    assert line.endswith("word…")


def test_five_neighbours_are_shown_and_all_are_counted() -> None:
    callees = tuple(replace(CALLEE, fqn=f"shop.f{number}", signature=None, summary=None) for number in range(7))
    line = shown(a_material(callees=callees), "calls")[0]
    assert line == "- Calls-External: 14 (f0; f1; f2; f3; f4; and 2 more)"


def test_counts_are_those_of_the_index_where_only_the_first_came_along() -> None:
    material = a_material(callers=(CALLER,) * 40, users=Tally(sites=900, names=312))
    assert shown(material, "calls")[0].startswith("- Called-By: 900 (web.pages.checkout: ")
    assert shown(material, "calls")[0].endswith("; and 307 more)")


@pytest.mark.parametrize(
    ("fqn", "signature", "said"),
    [
        ("shop.Cart.pay", "def pay(self)", "Cart.pay: def pay(self)"),
        ("shop.pay", "def pay()", "def pay()"),
        ("bank.pay", "def pay()", "bank.pay: def pay()"),
        ("shopping.Cart.pay", None, "shopping.Cart.pay"),
        ("shop.pay", None, "pay"),
    ],
)
def test_a_neighbour_is_told_by_its_qualified_name(fqn: str, signature: str | None, said: str) -> None:
    neighbour = replace(CALLER, fqn=fqn, signature=signature, summary=None)
    assert shown(a_material(callers=(neighbour,)), "calls") == [f"- Called-By: 1 ({said})"]


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("import java.util.List;", "java.util.List"),
        ("import static org.junit.Assert.*;", "static org.junit.Assert.*"),
        ("use std::fmt;", "std::fmt"),
        ('"net/http"', "net/http"),
        ("from a import (\n  b,\n  c,\n)", "from a import b, c"),
        ("import React from 'react'", "import React from 'react'"),
        ("#include <stdio.h>", "#include <stdio.h>"),
        ("const http = require('http')", "const http = require('http')"),
    ],
)
def test_an_import_goes_without_the_words_that_all_have(written: str, said: str) -> None:
    assert shown(a_material(imports=(written,)), "imports") == [f"- Imports: {said}"]


def test_eight_imports_those_that_the_code_uses_first() -> None:
    material = a_material(imports=tuple(f"import lib{number}" for number in range(12)), source_code="lib11.run(lib9)")
    assert shown(material, "imports") == ["- Imports: lib9; lib11; lib0; lib1; lib2; lib3; lib4; lib5"]


def test_long_lists_say_how_much_is_missing() -> None:
    params = tuple(Param(name=f"p{number}", type="x" * 150) for number in range(30))
    line = shown(a_material(params=params), "signature")[1]
    assert len(line) < 2_000
    assert line.endswith("; and 20 more")


TEXT = st.text(alphabet=st.characters(blacklist_categories=["Cs"]), max_size=400)


@given(text=TEXT)
def test_no_value_can_pass_for_a_line_of_the_prompt(text: str) -> None:
    neighbour = Neighbour(fqn=text, count=1, internal=False, resolved=True, signature=text, summary=text)
    material = a_material(
        package=text, owner=text, path=text, signature=text, params=(Param(name=text, type=text, default=text),),
        return_type=text, supertypes=(text,), annotations=(text,), modifiers=(text,), doc_summary=text,
        doc_details=text, imports=(text,), strategy=text, audience=text, goal=text, quality_target=text, role=text,
        role_detail=text, callees=(neighbour,), callers=(neighbour,),
    )  # fmt: skip
    labels = {line.split(":")[0].removeprefix("- ") for line in shown(material, *hints.GROUPS)}
    assert labels <= {
        "Kind", "Package", "Owner", "File", "Span", "Signature", "Params", "ReturnType", "Supertypes", "Annotations",
        "Modifiers", "Doc-Summary", "Doc-Details", "Imports", "Chunking-Strategy", "Audience", "Goal", "QualityTarget",
        "Role", "Calls-External", "Called-By",
    }  # fmt: skip


# --- on and off -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("group", hints.GROUPS)
def test_a_group_can_be_switched_off(group: str) -> None:
    every, without = Coder(), Coder(HintSettings(**{group: False}))
    before, after = every.fields(WHOLE, WORDS), without.fields(WHOLE, WORDS)
    gone = set("\n".join(before.values()).split("\n")) - set("\n".join(after.values()).split("\n"))
    if group == "instructions":
        assert gone == {f"- {demand}" for demand in DEMANDS}
    else:
        assert set(EXPECTED[group]) <= gone
    assert every.settings != without.settings, "it is part of the recipe"
    assert group in every.hints(WHOLE, WORDS)
    assert group not in without.hints(WHOLE, WORDS)


def test_everything_off_leaves_code_alone() -> None:
    off = Coder(HintSettings(**dict.fromkeys(hints.GROUPS, False)))
    fields = off.fields(WHOLE, WORDS)
    assert (fields["hints"], fields["instructions"]) == ("-", "")
    assert off.hints(WHOLE, WORDS) == {}


def test_roles_of_members_are_part_of_the_group_of_roles() -> None:
    member = Member(name="pay", summary="Pays.", role="http-endpoint (Flask: GET /pay)")
    material = a_material(kind=NodeKind.CLASS, members=(member,))
    assert "members" not in Coder().fields(material, WORDS), "they are told as every stage tells them"
    assert Coder(HintSettings(role=False)).fields(material, WORDS)["members"] == "- pay: Pays."


def test_what_was_shown_is_counted_by_group() -> None:
    counts = {group: len(lines) for group, lines in EXPECTED.items()} | {"instructions": len(DEMANDS)}
    assert Coder().hints(WHOLE, WORDS) == counts


# --- what is part of the key ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("group", "changes"),
    [
        ("identity", {"kind": "FUNCTION"}), ("identity", {"owner": "shop.cart.Basket"}), ("identity", {"part": 1}),
        ("signature", {"signature": "def pay()"}), ("signature", {"params": ()}), ("signature", {"supertypes": ()}),
        ("modifiers", {"annotations": ()}), ("modifiers", {"modifiers": ()}),
        ("doc", {"doc_summary": "Pays it."}), ("doc", {"doc_details": None}),
        ("imports", {"imports": ("from bank import Receipt",)}), ("strategy", {"goal": "other"}),
        ("role", {"role": "controller"}), ("role", {"role_detail": "Flask: POST /pay"}),
        ("calls", {"callees": ()}), ("calls", {"callees": (replace(CALLEE, signature="def find(x)"), INSIDE)}),
        ("instructions", {"return_type": "Bill"}),
    ],
)  # fmt: skip
def test_what_lasts_is_keyed_only_while_it_is_shown(group: str, changes: dict[str, Any]) -> None:
    other = replace(WHOLE, **changes)
    assert hints.keyed(WHOLE, (group,)) != hints.keyed(other, (group,))
    # A demand is keyed by itself, since the facts that it follows from may be switched off.
    with_it = {group, "instructions", *(["signature"] if group == "instructions" else [])}
    rest = tuple(name for name in hints.GROUPS if name not in with_it)
    assert hints.keyed(WHOLE, rest) == hints.keyed(other, rest)


@pytest.mark.parametrize(
    "changes",
    [
        {"path": "elsewhere.py"}, {"line_start": 1}, {"package": "moved"}, {"owner": "moved.Cart"}, {"callers": ()},
        {"users": Tally(sites=9, names=9)}, {"imports": ("import sys", "from shop import Receipt")},
        {"callees": (replace(CALLEE, fqn="moved.Rates.find"), INSIDE)},
    ],
)  # fmt: skip
def test_what_passes_is_shown_and_not_keyed(changes: dict[str, Any]) -> None:
    other = replace(WHOLE, **changes)
    assert shown(WHOLE, *hints.GROUPS) != shown(other, *hints.GROUPS)
    assert hints.keyed(WHOLE, hints.GROUPS) == hints.keyed(other, hints.GROUPS)


def test_a_test_stands_while_its_own_code_stands() -> None:
    tried = replace(WHOLE, role="test", role_detail=None)
    other = replace(tried, callees=(replace(CALLEE, signature="def find(x)"), INSIDE))
    assert shown(tried, "calls") != shown(other, "calls")
    assert hints.keyed(tried, hints.GROUPS) == hints.keyed(other, hints.GROUPS)


def test_what_we_say_of_a_callee_is_shown_and_not_keyed() -> None:
    ours = replace(CALLEE, summary="### 1. Summary\nFinds a rate. And more.", ours=True)
    material, other = replace(WHOLE, callees=(ours,)), replace(WHOLE, callees=(replace(ours, summary="Else."),))
    (line,) = (line for line in shown(material, "calls") if "Calls-External" in line)
    assert "Finds a rate." in line
    assert "And more." not in line
    assert hints.keyed(material, hints.GROUPS) == hints.keyed(other, hints.GROUPS)
