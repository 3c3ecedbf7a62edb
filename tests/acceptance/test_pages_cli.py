"""What is shown of a text: its quality, where it comes from, what a model would be asked, the fact sheet."""

from __future__ import annotations

from pathlib import Path

from tests.acceptance.conftest import Doctown
from tests.support.builders import Connection


def test_quality_lists_the_worst_first(built: Doctown, psql: Connection) -> None:
    psql.execute(
        "UPDATE chunk SET explain_quality = jsonb_set(explain_quality, '{coder}', "
        'explain_quality -> \'coder\' || \'{"score": 0.1, "flagged": true, "defects": {"copied": ""}}\') '
        "WHERE id = (SELECT c.id FROM chunk c JOIN node n ON n.id = c.node_id WHERE n.fqn = 'shop.mail.send_receipt')"
    )
    found = built("quality", "--json").json
    assert [(group["stage"], group["flagged"]) for group in found["groups"]] == [("coder", 1), ("talker", 0)]
    worst = found["worst"][0]
    assert (worst["fqn"], worst["stage"], worst["score"]) == ("shop.mail.send_receipt", "coder", 0.1)
    assert worst["defects"] == ["copied"]
    shown = built("quality")
    assert "the worst first" in shown.out
    assert shown.out.index("shop.mail.send_receipt") < shown.out.index("shop.orders")


def test_quality_by_something(built: Doctown) -> None:
    for by in ("defect", "prompt", "model", "repo"):
        result = built("quality", "--by", by)
        assert result.code == 0, result.err
        groups = built("quality", "--by", by, "--json").json["groups"]
        assert {group["stage"] for group in groups} == (set() if by == "defect" else {"coder", "talker"})
        assert all(group["name"] in result.out for group in groups)


def test_quality_of_a_part(built: Doctown) -> None:
    assert [group["stage"] for group in built("quality", "--stage", "talker", "--json").json["groups"]] == ["talker"]
    assert built("quality", "--flagged").out.strip() == "No text is flagged."
    assert built("quality", "--limit", "1", "--json").json["worst"][1:] == []
    nowhere = built("quality", "--repo", "nowhere")
    assert nowhere.code != 0
    assert "no repository is called 'nowhere'" in nowhere.err
    assert "embed writes no texts" in built("quality", "--stage", "embed").err


def test_quality_before_any_text(doctown: Doctown) -> None:
    assert "No text has been judged yet" in doctown("quality").out


def test_show_where_texts_come_from(built: Doctown) -> None:
    result = built("show", "OrderService.place", "--provenance")
    assert result.code == 0, result.err
    for said in ("generation", "model", "scripted", "prompt", "recipe", "made from", "facts shown", "attempts"):
        assert said in result.out
    origins = built("show", "OrderService.place", "--provenance", "--json").json
    assert [(one["stage"], one["origin"], one["outdated"]) for one in origins] == [
        ("coder", "model", False), ("talker", "model", False),
    ]  # fmt: skip
    assert set(origins[0]["hints"]) == {
        "identity", "signature", "doc", "imports", "strategy", "calls", "instructions",
    }  # fmt: skip


def test_show_where_nothing_comes_from(doctown: Doctown, shop: Path) -> None:
    doctown("index", str(shop))
    assert "no text is written yet" in doctown("show", "OrderService.place", "--provenance").out


def test_show_what_a_model_would_be_asked(doctown: Doctown, shop: Path) -> None:
    doctown("index", str(shop))
    (asked,) = doctown("show", "OrderService.place", "--prompt", "coder", "--json").json
    (prompt,) = asked["prompts"]
    assert "def place(" in prompt["user"]
    assert "### 1. Summary" in prompt["system"]
    shown = doctown("show", "OrderService.place", "--prompt", "coder")
    assert prompt["user"] in shown.out, "as it would be sent: nothing wrapped, no tab replaced"


def test_a_page_before_any_text_is_the_fact_sheet(doctown: Doctown, shop: Path) -> None:
    doctown("index", str(shop), "--language", "es")
    result = doctown("show", "OrderService.place")
    assert "What the index knows" in result.out
    assert "Llama a" in result.out
    assert doctown("show", "OrderService.place", "--json").json[0]["explain_md"].startswith("# `shop.orders.")


def test_a_page_with_texts_shows_the_fact_sheet_on_request(built: Doctown) -> None:
    assert "What the index knows" not in built("show", "OrderService.place").out
    assert "What the index knows" in built("show", "OrderService.place", "--sheet").out
