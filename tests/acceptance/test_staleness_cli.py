"""why, plan and cache as a person uses them."""

from __future__ import annotations

import json
from pathlib import Path

from tests.acceptance.conftest import Doctown
from tests.support.builders import Connection, scalar
from tests.support.gits import commit, git, put


def test_plan_then_pay_then_nothing(doctown: Doctown, shop: Path) -> None:
    before = doctown("plan", str(shop), "--json").json
    assert before["without_history"] == before["at_most"] > 5
    assert before["seconds"] is None
    assert "not indexed yet" in before["notes"][0]
    assert doctown("status").out.startswith("No repository"), "it left nothing behind"
    doctown("index", str(shop))
    indexed = doctown("plan")
    assert indexed.code == 0
    assert "no history yet" in indexed.out
    assert doctown("plan", "--fail-over", "3").code == 7
    doctown("run", "--once")
    assert "nothing is due" in doctown("plan", "--fail-over", "0").out
    assert doctown("plan", str(shop), "--json").json["at_most"] == 0


def test_plan_of_an_edit_knows_what_such_texts_took(built: Doctown, shop: Path) -> None:
    file = shop / "shop" / "mail.py"
    file.write_text(file.read_text().replace("order {number}", "receipt {number}"))
    told = built("plan", str(shop), "--json").json
    (coder,) = [line for line in told["lines"] if (line["stage"], line["reason"]) == ("coder", "source")]
    assert (coder["texts"], coder["calls"], coder["ledger"]) == (1, 1, 0)
    assert told["prompt_tokens"] > 0
    assert (told["calls"], told["without_history"]) == (1, 0)
    assert "calls that may follow" in built("plan", str(shop)).out


def test_plan_is_told_what_it_cannot_do(built: Doctown, shop: Path) -> None:
    assert built("plan", str(shop), "--repo", "shop").code == 2
    assert built("plan", "--name", "shop").code == 2
    assert built("plan", str(shop / "nowhere")).code == 1
    assert built("plan", "--repo", "nowhere").code == 6


def test_plan_since_a_commit_needs_no_index(doctown: Doctown, shop: Path) -> None:
    git(shop, "init", "-q", "-b", "main")
    commit(shop)
    assert "nothing is due" in doctown("plan", str(shop), "--since", "HEAD", "--fail-over", "0").out
    file = shop / "shop" / "mail.py"
    file.write_text(file.read_text().replace("order {number}", "receipt {number}"))
    put(shop, {"shop/gifts/wrap.py": "def wrap():\n    return 1\n", "shop/gifts/bow.py": "def bow():\n    return 2\n"})
    told = doctown("plan", str(shop), "--since", "main", "--json").json
    lines = {(line["stage"], line["reason"]): line for line in told["lines"]}
    assert (lines["coder", "source"]["texts"], lines["coder", "source"]["calls"]) == (1, 1)
    assert lines["coder", "new"]["texts"] == 5, "two functions, their files, and the package that holds them"
    assert "as if all of it were written" in told["notes"][0]
    assert doctown("plan", str(shop), "--since", "main", "--fail-over", "3").code == 7
    assert doctown("status").out.startswith("No repository"), "it left nothing behind"


def test_plan_since_what_is_not_there(doctown: Doctown, shop: Path) -> None:
    assert "is in no repository of git" in doctown("plan", str(shop), "--since", "HEAD").err
    git(shop, "init", "-q", "-b", "main")
    commit(shop)
    unknown = doctown("plan", str(shop), "--since", "v9")
    assert (unknown.code, "no commit, branch or tag is called 'v9'" in unknown.err) == (1, True)
    assert doctown("plan", "--since", "HEAD", "--repo", "shop").code == 2


def test_why_tells_the_story_of_each_text(built: Doctown, shop: Path) -> None:
    file = shop / "shop" / "mail.py"
    file.write_text(file.read_text().replace("Mail it.", "Mail the receipt."))
    built("index", str(shop))
    stories = {one["stage"]: one for one in built("why", "OrderService.place", "--json").json}
    coder = stories["coder"]
    assert (coder["state"], coder["reason"], coder["would"]) == ("due", "context", "call")
    (change,) = coder["changes"]
    assert (change["which"], change["how"]) == ("send_receipt", "doc comment changed")
    shown = built("why", "OrderService.place").out
    assert "send_receipt, doc comment changed" in shown
    assert "call: scripted is asked" in shown


def test_why_of_nothing_and_of_several(built: Doctown, shop: Path) -> None:
    missing = built("why", "nothing_like_that")
    assert missing.code == 6
    assert "doctown search" in missing.err
    (shop / "shop" / "other.py").write_text("def send_receipt() -> None:\n    pass\n")
    built("index", str(shop))
    several = built("why", "send_receipt")
    assert several.code == 2
    assert "shop.other.send_receipt" in several.out


def test_the_cache_is_carried_to_another_database(built: Doctown, shop: Path, tmp_path: Path, psql: Connection) -> None:
    held = built("cache", "--json").json
    assert {one["stage"] for one in held["held"]} == {"coder", "talker"}
    assert "hit rate" in built("cache").out
    file = tmp_path / "ledger.jsonl.zst"
    out = built("cache", "export", str(file), "--json").json
    assert out["answers"] == sum(one["answers"] for one in held["held"])
    psql.execute("DELETE FROM repository")
    psql.execute("DELETE FROM generation")
    assert built("cache", "import", str(file), "--json").json["taken"] == out["answers"]
    assert built("cache", "import", str(file), "--json").json["taken"] == 0
    assert scalar(psql, "SELECT count(*) FROM audit WHERE command = 'cache import'") == 2
    again = built("build", str(shop))
    assert again.out.splitlines()[-1].endswith("texts 0, regenerated 0"), again.out
    assert scalar(psql, "SELECT count(*) FROM generation WHERE reused_from IS NOT NULL") == out["answers"]


def test_a_bad_file_is_refused(built: Doctown, tmp_path: Path, psql: Connection) -> None:
    before = scalar(psql, "SELECT count(*) FROM generation")
    path = tmp_path / "other.jsonl"
    path.write_text(json.dumps({"format": "other"}) + "\n")
    refused = built("cache", "import", str(path))
    assert refused.code == 2
    assert "nothing was taken in" in refused.err
    assert built("cache", "export", str(tmp_path / "no" / "where.gz")).code == 2
    assert built("cache", "export", str(tmp_path / "x.gz"), "--repo", "nowhere").code == 6
    assert scalar(psql, "SELECT count(*) FROM generation") == before


def test_manual_refresh_is_told_and_done_on_demand(built: Doctown, config: Path) -> None:
    text = config.read_text(encoding="utf-8").replace("queue: {", "hints: {imports: false}\nqueue: {refresh: manual, ")
    config.write_text(text, encoding="utf-8")
    built("run", "--once")
    assert "made by other prompts, models or options, and kept" in built("status").out
    assert "requeue --outdated" in built("plan").out
    count = built("requeue", "--outdated", "--dry-run", "--json").json["requeued"]["coder"]
    assert count > 0
    assert built("requeue", "--outdated", "--yes").code == 0
    assert built("run", "--once").code == 0
    assert "kept" not in built("status").out
