"""The fact sheet of a node: what it says, in which order, and that nothing in a name can break its Markdown."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from daemon.index.markup import code_block, code_span, one_line, prose, storable, table_cell
from daemon.index.neighbourhood import Neighbourhood, percents, ranked
from daemon.index.sheet import Facts, Related, Some, render
from daemon.index.sheet_words import words_of
from db.types import Param
from tests.support.graph import a_node, an_edge

WORDS = words_of("en")
MARKDOWN = MarkdownIt("commonmark").enable("table")

WHOLE = Facts(
    kind="METHOD", lang="python", fqn="shop.Cart.pay", package="shop", owner="shop.Cart", path="shop.py",
    line_start=10, line_end=20, signature="def pay(self, amount: int = 0) -> Receipt",
    params=(Param(name="amount", type="int | None", default="0"),), return_type="Receipt", supertypes=("Payable",),
    annotations=("@route('/pay')",), modifiers=("async",), role="http-endpoint", role_detail="Flask: GET /pay",
    doc_summary="Pays.", doc_details="In cents.\n\n    pay(3)",
    callees=Some(first=(Related(label="bank.pay"),), total=1),
    outside=Some(first=(Related(label="log.info"), Related(label="print")), total=4),
    callers=Some(first=(Related(label="web.checkout", count=2, summary="The last page."),), total=3),
    tests=Some(first=(Related(label="tests.test_pay"),), total=1), call_sites=5, calling=4, percent=5,
)  # fmt: skip


def sheet(**facts: Any) -> str:
    return render(Facts(**{"kind": "FUNCTION", "lang": "python", "fqn": "shop.pay", **facts}), WORDS)


# --- what it says -----------------------------------------------------------------------------------------


def test_a_whole_sheet() -> None:
    assert render(WHOLE, WORDS) == (
        "# `shop.Cart.pay`\n\n"
        "method · python\n\n"
        "```python\ndef pay(self, amount: int = 0) -> Receipt\n```\n\n"
        "- **Where:** `shop.py:10-20`\n"
        "- **Package:** `shop`\n"
        "- **Part of:** `shop.Cart`\n"
        "- **Role:** http-endpoint `Flask: GET /pay`\n"
        "- **Returns:** `Receipt`\n"
        "- **Extends:** `Payable`\n"
        "- **Annotations:** `@route('/pay')`\n"
        "- **Modifiers:** `async`\n"
        "- **Use:** call sites: 5, callers: 4; among the 5 % most central of this repository\n\n"
        "## Doc comment\n\nPays.\n\n```text\nIn cents.\n\n    pay(3)\n```\n\n"
        "## Parameters\n\n| Name | Type | Default |\n| --- | --- | --- |\n| `amount` | `int \\| None` | `0` |\n\n"
        "## Called by (3)\n\n- `web.checkout` × 2 — The last page.\n- and 2 more\n\n"
        "## Tests that touch it (1)\n\n- `tests.test_pay`\n\n"
        "## Calls (1)\n\n- `bank.pay`\n\n"
        "**Outside of this index:** `log.info`, `print` and 2 more\n"
    )


def test_the_least_sheet() -> None:
    assert sheet() == "# `shop.pay`\n\nfunction · python\n\n- **Use:** nothing in this index calls it\n"
    assert sheet(kind="FILE", callable=False) == "# `shop.pay`\n\nfile · python\n"


@pytest.mark.parametrize("language", ["en", "ru", "es"])
def test_every_language_says_the_same_facts(language: str) -> None:
    said = render(WHOLE, words_of(language))
    assert said.startswith("# `shop.Cart.pay`\n")
    for fact in (
        "shop.py:10-20",
        "def pay(",
        "`amount`",
        "Pays.",
        "`web.checkout` × 2",
        "`tests.test_pay`",
        "`log.info`",
    ):
        assert fact in said
    assert said.count("\n## ") == 5


def test_members_tell_their_roles() -> None:
    members = Some(first=(Related(label="fun list(): String", role="http-endpoint GET /", summary="All."),), total=1)
    assert "## Members (1)\n\n- `fun list(): String` (http-endpoint GET /) — All." in sheet(members=members)


def test_what_leans_on_a_container_is_its_use() -> None:
    callers = Some(first=(Related(label="web.checkout"),), total=1)
    assert "## Used by (1)" in sheet(callers=callers, container=True)
    assert "## Called by (1)" in sheet(callers=callers)


def test_long_texts_are_cut_at_a_line_and_say_so() -> None:
    said = sheet(doc_details="\n".join(f"line {number}" for number in range(500)))
    block = said.split("```text\n")[1].split("\n```")[0]
    assert block.endswith("\n…")
    assert block.split("\n")[-2].startswith("line ")


@pytest.mark.parametrize(
    "facts",
    [
        {"signature": 'def login(password="hunter2-Zx81-qwertz")'},
        {"params": (Param(name="password", default='"hunter2-Zx81-qwertz"'),)},
        {"doc_details": 'login(password="hunter2-Zx81-qwertz")'},
        {"members": Some(first=(Related(label='def login(password="hunter2-Zx81-qwertz")'),), total=1)},
    ],
)
def test_secrets_stay_out(facts: dict[str, Any]) -> None:
    assert "hunter2-Zx81-qwertz" not in sheet(**facts)


# --- well-formed whatever it is made of -------------------------------------------------------------------

TEXT = st.text(
    alphabet=st.characters(blacklist_categories=[]) | st.sampled_from("`|*_#<>[]()\\~-+1.\n\t &;!:"), max_size=60
)


def structure(markdown: str) -> list[str]:
    return [
        token.type + token.tag for token in MARKDOWN.parse(markdown) if token.level == 0 or token.tag in {"td", "li"}
    ]


@given(text=TEXT.filter(lambda text: bool(one_line(text))))
def test_no_name_breaks_the_markdown(text: str) -> None:
    some = Some(first=(Related(label=text, count=2, role=text, summary=text),), total=1)
    plain = Some(first=(Related(label="x", count=2, role="x", summary="x"),), total=1)

    def made(value: str, some: Some) -> str:
        return sheet(
            fqn=value, package=value, owner=value, path=value, signature="def f()", return_type=value, role=value,
            role_detail=value, supertypes=(value,), annotations=(value,), modifiers=(value,), doc_summary=value,
            params=(Param(name=value, type=value, default=value),), members=some, callers=some, tests=some,
            heirs=some, importers=some, callees=some, outside=some,
        )  # fmt: skip

    found = made(text, some)
    assert "\x00" not in found
    found.encode()  # what Postgres and files can hold
    assert structure(found) == structure(made("x", plain))


@given(text=TEXT)
def test_a_code_span_holds_its_text(text: str) -> None:
    span = code_span(text)
    tokens = MARKDOWN.parseInline(storable(span))[0].children or []
    assert [token.type for token in tokens] == (["code_inline"] if span else [])
    assert [token.content.strip() for token in tokens] == ([storable(one_line(text))] if span else [])


@given(text=TEXT)
@example(text="__init__ of snake_case")
def test_prose_says_what_it_said_and_nothing_to_markdown(text: str) -> None:
    tokens = MARKDOWN.parse(storable(prose(text)))
    assert [token.type for token in tokens] in ([], ["paragraph_open", "inline", "paragraph_close"])
    said = "".join(child.content for token in tokens for child in token.children or [])
    assert {child.type for token in tokens for child in token.children or []} <= {"text", "text_special"}
    assert " ".join(said.split()) == storable(one_line(text))


@given(text=TEXT)
def test_a_block_cannot_be_closed_from_within(text: str) -> None:
    block = storable(code_block(text, "python", limit=10_000))
    assert [token.type for token in MARKDOWN.parse(f"{block}\n\nafter")] == [
        "fence", "paragraph_open", "inline", "paragraph_close",
    ]  # fmt: skip


def test_a_cell_ends_where_it_should() -> None:
    assert table_cell("`a | b`") == "`a \\| b`"


# --- facts out of a graph ---------------------------------------------------------------------------------


def labels(some: Some) -> list[str]:
    return [related.label for related in some.first]


def test_callers_callees_and_what_lies_outside() -> None:
    nodes = [a_node(1, "shop.pay"), a_node(2, "bank.pay", doc_summary="Books it."), a_node(3, "web.checkout")]
    edges = [
        an_edge(1, 2, count=3), an_edge(1, None, dst_name="print"), an_edge(3, 1, count=2), an_edge(1, 1),
        an_edge(1, 99, dst_name="gone"),
    ]  # fmt: skip
    facts = Neighbourhood(nodes, edges, {1: 5}).facts(1)
    assert [(one.label, one.count, one.summary) for one in facts.callees.first] == [
        ("bank.pay", 3, "Books it."), ("shop.pay", 1, None),
    ]  # fmt: skip
    assert labels(facts.outside) == ["gone", "print"]
    assert labels(facts.callers) == ["web.checkout"], "calling itself makes it no caller of itself"
    assert (facts.call_sites, facts.calling, facts.percent) == (2, 1, 5)


@pytest.mark.parametrize(
    ("path", "role", "a_test"),
    [
        ("tests/test_shop.py", None, True), ("src/test/kotlin/ShopTest.kt", None, True), ("shop_test.go", None, True),
        ("cart.spec.ts", None, True), ("shop.py", "test", True), ("shop.py", None, False), ("contest.py", None, False),
        ("latest/shop.py", None, False),
    ],
)  # fmt: skip
def test_tests_are_told_from_other_callers(path: str, role: str | None, a_test: bool) -> None:
    nodes = [a_node(1, "shop.pay"), a_node(2, "checks.it", path=path, role=role)]
    facts = Neighbourhood(nodes, [an_edge(2, 1)], {}).facts(1)
    assert (labels(facts.tests), labels(facts.callers)) == ((["checks.it"], []) if a_test else ([], ["checks.it"]))


def test_a_class_is_used_by_whoever_calls_it_or_a_member_from_outside() -> None:
    nodes = [
        a_node(1, "shop.Cart", kind="CLASS"), a_node(3, "shop.Cart.pay", owner="shop.Cart", kind="METHOD"),
        a_node(2, "shop.Cart.add", owner="shop.Cart", kind="METHOD", role="http-endpoint", role_detail="Flask: GET /"),
        a_node(4, "web.page"), a_node(5, "shop.Basket", kind="CLASS"), a_node(6, "web", kind="FILE"),
    ]  # fmt: skip
    edges = [
        an_edge(4, 1), an_edge(4, 3, count=2), an_edge(3, 2), an_edge(5, 1, "INHERITS"), an_edge(6, 1, "IMPORTS"),
    ]  # fmt: skip
    facts = Neighbourhood(nodes, edges, {}).facts(1)
    assert [(one.label, one.count) for one in facts.callers.first] == [("web.page", 3)]
    assert [(one.label, one.role) for one in facts.members.first] == [
        ("add", "http-endpoint Flask: GET /"), ("pay", None),
    ]  # fmt: skip
    assert (labels(facts.heirs), labels(facts.importers)) == (["shop.Basket"], ["web"])
    assert (facts.container, facts.callable) == (True, False)


def test_what_a_framework_calls_is_not_said_to_be_uncalled() -> None:
    nodes = [a_node(1, "shop.page", role="http-endpoint"), a_node(2, "shop.help")]
    graph = Neighbourhood(nodes, [], {})
    assert "nothing in this index calls it" not in render(graph.facts(1), WORDS)
    assert "nothing in this index calls it" in render(graph.facts(2), WORDS)


def test_the_first_of_many_and_how_many_there_are() -> None:
    nodes = [a_node(number, f"f{number:02}") for number in range(30)]
    facts = Neighbourhood(nodes, [an_edge(number, 0) for number in range(1, 30)], {}).facts(0)
    assert (len(facts.callers.first), facts.callers.total) == (10, 29)
    assert labels(facts.callers)[0] == "f01"


def test_standing_is_told_in_coarse_steps() -> None:
    places = ranked({number: float(number == 7) for number in range(100)})
    assert (percents(places)[7], percents(places)[8]) == (1, None), "where all are equal, none stands out"
