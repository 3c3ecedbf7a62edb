"""Every command once as people use it, and what it says when something is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

import daemon
from daemon.cli.main import EXIT_CODES
from tests.acceptance.conftest import Doctown
from tests.support.builders import Connection, all_rows, scalar


def test_build_documents_a_folder_and_says_so_in_its_last_line(doctown: Doctown, shop: Path, psql: Connection) -> None:
    result = doctown("build", str(shop), "--sample")
    assert result.code == 0
    last = result.out.strip().splitlines()[-1]
    chunks = scalar(psql, "SELECT count(*) FROM chunk")
    assert last.startswith(f"documented {chunks} chunks of {chunks} in ")
    assert f"texts {2 * chunks}, regenerated 0" in last
    assert "For developers (content_raw)" in result.out
    assert "In plain words (content)" in result.out
    assert "search " in result.out


def test_a_second_build_writes_nothing(built: Doctown, shop: Path, psql: Connection) -> None:
    before = all_rows(psql, "SELECT id, xmin FROM chunk ORDER BY id")
    result = built("build", str(shop))
    assert "texts 0, regenerated 0" in result.out
    assert all_rows(psql, "SELECT id, xmin FROM chunk ORDER BY id") == before


def test_only_the_edited_function_and_what_holds_it_is_written_again(built: Doctown, shop: Path) -> None:
    path = shop / "shop" / "mail.py"
    path.write_text(path.read_text().replace('f"order {number}"', 'f"your order {number}"'))
    # Two texts each: of the function, of its file, its package and the repository.
    assert "texts 8, regenerated 0" in built("build", str(shop)).out
    path.write_text("# a comment\n\n" + path.read_text())
    assert "texts 0, regenerated 0" in built("build", str(shop)).out


def test_limit_takes_the_most_central(doctown: Doctown, shop: Path, psql: Connection) -> None:
    result = doctown("build", str(shop), "--limit", "2")
    total = scalar(psql, "SELECT count(*) FROM chunk")
    assert result.out.strip().splitlines()[-1].startswith(f"documented 2 chunks of {total} in")
    assert scalar(psql, "SELECT count(*) FROM docs WHERE content IS NOT NULL") == 2
    assert "texts 0" in doctown("build", str(shop), "--limit", "2").out


def test_index_then_run_once(doctown: Doctown, shop: Path) -> None:
    indexed = doctown("index", str(shop), "--name", "my shop", "--json")
    assert (indexed.code, indexed.json["repo"]) == (0, "my shop")
    assert indexed.json["nodes_by_kind"]["CLASS"] == 2
    ran = doctown("run", "--once")
    assert ran.code == 0
    assert f"texts {2 * indexed.json['chunks']}" in ran.out
    rows = doctown("status", "--repo", "my shop", "--json").json
    assert [(row["stage"], row["due"], row["done"]) for row in rows] == [
        (stage, 0, indexed.json["chunks"]) for stage in ("coder", "talker", "embed")
    ]


def test_status_without_any_repository(doctown: Doctown) -> None:
    result = doctown("status")
    assert (result.code, "doctown index PATH" in result.out) == (0, True)
    assert doctown("status", "--json").json == []


def test_show_a_symbol(built: Doctown) -> None:
    page = built("show", "OrderService.place", "--json").json[0]
    assert page["fqn"] == "shop.orders.OrderService.place"
    assert page["content_raw"].startswith("### 1. Summary")
    assert page["quality"]["coder"]["flagged"] is False
    assert "shop.mail.send_receipt" in page["callees"]
    text = built("show", "send_receipt", "--source").out
    assert "Mail it." in text
    assert "called by" in text
    assert "print(" in text


def test_a_prompt_is_shown_without_the_secrets_of_the_code(doctown: Doctown, shop: Path) -> None:
    token = "gh" + "p_" + "Zq8" * 12
    (shop / "shop" / "mail.py").write_text(
        f'def send_receipt(number: int, key="{token}") -> None:\n    print(number)\n'
    )
    assert doctown("index", str(shop)).code == 0
    out = doctown("show", "send_receipt", "--prompt", "coder", "--json").out
    assert "<REDACTED:github-token>" in out
    assert token not in out


def test_show_an_unknown_symbol(built: Doctown) -> None:
    result = built("show", "nothing_of_the_kind")
    assert (result.code, "doctown search" in result.err) == (6, True)


def test_search(built: Doctown) -> None:
    found = built("search", "send receipt", "--json").json
    assert found["by_meaning"] is True
    assert "shop.mail.send_receipt" in [hit["fqn"] for hit in found["hits"]], "the double's prose says little"
    by_words = built("search", "send receipt", "--words-only", "--json").json
    assert by_words["hits"][0]["fqn"] == "shop.mail.send_receipt"
    assert "by words alone" in built("search", "send receipt", "--words-only").out
    assert built("search", "x", "--audience", "cats").code == 2
    assert built("search", "x", "--repo", "nowhere").code == 6


def test_requeue(built: Doctown, psql: Connection) -> None:
    dry = built("requeue", "--fqn", "shop.orders.*", "--dry-run", "--json").json
    assert dry == {"dry_run": True, "requeued": {"coder": 5}}
    assert scalar(psql, "SELECT count(*) FROM work WHERE state = 'due'") == 0
    assert (
        "requeued: 5 coder, 5 talker"
        in built("requeue", "--fqn", "shop.orders.*", "--stage", "coder", "--stage", "talker").out
    )
    assert scalar(psql, "SELECT count(*) FROM work WHERE state = 'due'") == 10
    assert scalar(psql, "SELECT count(*) FROM docs WHERE content_raw IS NULL") == 0


def test_requeue_does_not_guess(built: Doctown) -> None:
    result = built("requeue")
    assert (result.code, "--all" in result.err) == (2, True)
    assert built("requeue", "--state", "leased").code == 2


def test_instruct_is_turned_on_by_one_setting(built: Doctown, shop: Path, config: Path, psql: Connection) -> None:
    assert "this stage is off" in built("requeue", "--all", "--stage", "instruct").err
    assert built("run", "--once", "--stage", "instruct").code == 2
    usual = config.read_text()
    config.write_text(f"{usual}\nstages: [coder, talker, instruct, embed]\n")
    usable = scalar(psql, "SELECT count(*) FROM chunk WHERE usable")
    assert f"texts {usable}, regenerated 0" in built("build", str(shop)).out
    shown = built("show", "send_receipt").out
    assert "How to use it (instruct)" in shown
    asked = built("show", "send_receipt", "--prompt", "instruct").out
    assert "[OrderService.place, shop/orders.py]" in asked
    assert "send_receipt(number)" in asked
    assert {row["stage"] for row in built("status", "--json").json} >= {"instruct"}
    assert built("requeue", "--fqn", "*.send_receipt", "--stage", "instruct", "--json").json["requeued"] == {
        "instruct": 1
    }
    config.write_text(usual)
    assert "texts 0, regenerated 0" in built("build", str(shop)).out
    assert scalar(psql, "SELECT count(*) FROM work WHERE stage = 'instruct' AND state <> 'done'") == 0
    assert "How to use it (instruct)" in built("show", "send_receipt").out, "the texts stay"
    assert [entry["command"] for entry in built("audit", "--json").json].count("stages") == 2


def test_a_large_requeue_asks(built: Doctown, psql: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daemon.cli.requeue._ASK_ABOVE", 3)
    result = built("requeue", "--all")
    assert (result.code, "--yes" in result.err) == (2, True)
    assert scalar(psql, "SELECT count(*) FROM work WHERE state = 'due'") == 0
    assert built("requeue", "--all", "--yes").code == 0


def test_reconcile_proves_and_mends(built: Doctown, psql: Connection) -> None:
    well = built("reconcile")
    assert (well.code, "what the data asks for" in well.out) == (0, True)
    psql.execute("SET session_replication_role = replica")
    psql.execute("UPDATE work SET state = 'due', reason = 'source' WHERE stage = 'coder'")
    psql.execute("SET session_replication_role = origin")
    found = built("reconcile", "--json")
    assert found.code == 5
    assert [(row["stage"], row["kind"]) for row in found.json["differences"]] == [("coder", "needless")]
    assert built("reconcile", "--fix").code == 0
    assert built("reconcile").code == 0
    assert "reconcile" in built("audit").out


def test_doctor_finds_all_well(built: Doctown) -> None:
    result = built("doctor", "--json")
    assert (result.code, [check["ok"] for check in result.json]) == (0, [True] * 9)
    assert "migrations" in built("doctor").out


def test_doctor_names_each_trouble_with_its_remedy(doctown: Doctown, tmp_path: Path, db_url: str) -> None:
    config = tmp_path / "broken.yaml"
    config.write_text(
        f"database: {{url: '{db_url}'}}\nlanguage: xx\nendpoints: {{local: {{url: 'http://127.0.0.1:9'}}}}\n"
    )
    result = doctown("doctor", "--json", config=config)
    found = {check["name"]: check for check in result.json}
    assert result.code == 2
    assert not found["prompts"]["ok"]
    assert "prompts/README.md" in found["prompts"]["remedy"]
    assert not found["coder"]["ok"]
    assert found["coder"]["remedy"]
    assert found["database"]["ok"]


def test_a_database_that_does_not_answer(doctown: Doctown, tmp_path: Path) -> None:
    config = tmp_path / "away.yaml"
    config.write_text("database: {url: 'postgresql://postgres@127.0.0.1:9/x', connect_timeout_s: 2}\n")
    result = doctown("status", config=config)
    assert (result.code, "what to do" in result.err) == (3, True)
    assert "Traceback" not in result.err


def test_tables_are_not_made_unasked(doctown: Doctown, tmp_path: Path, empty_url: str) -> None:
    config = tmp_path / "empty.yaml"
    config.write_text(f"database: {{url: '{empty_url}'}}\n")
    refused = doctown("status", config=config)
    assert (refused.code, "doctown db upgrade" in refused.err) == (3, True)
    assert "upgraded from revision none to 00" in doctown("db", "upgrade", config=config).out
    assert "already" in doctown("db", "upgrade", config=config).out
    assert doctown("status", config=config).code == 0


def test_build_says_at_once_that_no_model_answers(doctown: Doctown, tmp_path: Path, db_url: str, shop: Path) -> None:
    config = tmp_path / "no-model.yaml"
    config.write_text(f"database: {{url: '{db_url}'}}\nendpoints: {{local: {{url: 'http://127.0.0.1:9'}}}}\n")
    result = doctown("build", str(shop), config=config)
    assert (result.code, "--embedded" in result.err) == (4, True)


def test_a_wrong_setting(doctown: Doctown, tmp_path: Path) -> None:
    config = tmp_path / "typo.yaml"
    config.write_text("queue: {pol_ms: 3}\n")
    result = doctown("status", config=config)
    assert (result.code, "queue.poll_ms" in result.err, "typo.yaml:1" in result.err) == (2, True, True)
    assert doctown("status", config=tmp_path / "nowhere.yaml").code == 2


def test_init_writes_a_file_once(doctown: Doctown, tmp_path: Path) -> None:
    target = tmp_path / "new" / "config.yaml"
    assert f"wrote {target}" in doctown("init", "--path", str(target)).out
    target.write_text("language: ru\n")
    assert "stays as it is" in doctown("init", "--path", str(target)).err
    assert target.read_text() == "language: ru\n"
    doctown("init", "--path", str(target), "--force")
    assert "qwen2.5-coder:14b" in target.read_text()


def test_the_url_of_the_database(doctown: Doctown, db_url: str) -> None:
    assert doctown("db", "url").out.strip() == db_url
    assert doctown("db", "url", "--json").json == {"url": db_url, "embedded": False}
    assert doctown("db", "stop").code == 2


def test_version_and_help(doctown: Doctown) -> None:
    assert doctown("--version").out.strip() == f"doctown {daemon.__version__}"
    for command in ("build", "run", "requeue"):
        result = doctown(command, "--help")
        assert (result.code, "Options" in result.out) == (0, True)
    assert doctown("no-such-command").code == 2
    assert doctown("build").code == 2


def test_exit_codes_are_documented() -> None:
    assert set(EXIT_CODES) == {0, 1, 2, 3, 4, 5, 6, 7, 130}
