"""Every command once as people use it, and what it says when something is wrong."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import daemon
from daemon.cli.main import EXIT_CODES
from tests.acceptance.conftest import Doctown
from tests.support.builders import Connection, all_rows, scalar
from tests.support.githost import a_host
from tests.support.gits import a_repository_of_git, commit, git, put


@pytest.fixture
def built(doctown: Doctown, shop: Path) -> Doctown:
    """A repository that is documented."""
    result = doctown("build", str(shop))
    assert result.code == 0, result.err
    return doctown


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


# --- what people have for sources -------------------------------------------------------------------------


def test_a_folder_that_is_not_there(doctown: Doctown, tmp_path: Path) -> None:
    result = doctown("build", str(tmp_path / "nowhere"))
    assert (result.code, "no such folder" in result.err) == (1, True)
    (tmp_path / "file.py").write_text("x = 1")
    assert "is not a folder" in doctown("build", str(tmp_path / "file.py")).err


def test_an_empty_folder(doctown: Doctown, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    result = doctown("build", str(tmp_path / "empty"))
    assert result.code == 0
    assert "nothing to document" in result.out
    assert result.out.strip().splitlines()[-1].startswith("documented 0 chunks of 0 in")


def test_whatever_lies_about(doctown: Doctown, shop: Path, psql: Connection) -> None:
    (shop / "image.py").write_bytes(b"\x89PNG\x00\x00\x01" * 100)
    (shop / "generated.py").write_text("x = [" + "1, " * 2_000_000 + "]\n")
    (shop / "minified.js").write_text("function a(){" + "b();" * 9000 + "}")
    (shop / "latin.py").write_bytes("def größe():\n    return 'Maß'\n".encode("latin-1"))
    (shop / "broken.py").write_text("def f(:\n    return 1\n\ndef g():\n    return 2\n")
    (shop / "nul.py").write_text("def h():\n    return '" + chr(0) + "'\n")
    (shop / "loop").symlink_to(shop, target_is_directory=True)
    (shop / "self.py").symlink_to(shop / "self.py")
    (shop / "dangling.py").symlink_to(shop / "nowhere.py")
    (shop / "README").write_text("no source")
    os.mkfifo(shop / "pipe.py")
    result = doctown("build", str(shop))
    assert result.code == 0, result.err
    assert "Traceback" not in result.out + result.err
    for name in ("image.py", "generated.py", "minified.js", "self.py", "pipe.py"):
        assert f"skipped {name}" in result.out
    assert "syntax errors in broken.py" in result.out
    names = {row["fqn"] for row in all_rows(psql, "SELECT fqn FROM docs WHERE content IS NOT NULL")}
    assert {"broken.g", "shop.mail.send_receipt"} <= names
    assert any(name.startswith("latin.gr") for name in names)
    assert not any("loop" in name for name in names)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable_files(doctown: Doctown, shop: Path) -> None:
    (shop / "secret.py").write_text("x = 1")
    (shop / "secret.py").chmod(0)
    assert "skipped secret.py" in doctown("build", str(shop)).out


def test_an_unmounted_folder_does_not_cost_the_texts(built: Doctown, shop: Path, psql: Connection) -> None:
    for path in (shop / "shop").iterdir():
        path.unlink()
    result = built("index", str(shop))
    assert (result.code, "nothing was removed" in result.err) == (1, True)
    assert scalar(psql, "SELECT count(*) FROM chunk") > 0
    assert built("index", str(shop), "--prune").code == 0
    assert scalar(psql, "SELECT count(*) FROM chunk") == 0


def test_a_moved_file_keeps_its_texts(doctown: Doctown, shop: Path, psql: Connection) -> None:
    (shop / "tools.py").write_text("def double(number: int) -> int:\n    return 2 * number\n")
    doctown("build", str(shop))
    (shop / "tools.py").rename(shop / "shop" / "instruments.py")
    written = scalar(psql, "SELECT max(id) FROM generation")
    doctown("build", str(shop))
    anew = all_rows(
        psql,
        "SELECT DISTINCT n.kind FROM generation g JOIN chunk c ON c.id = g.chunk_id JOIN node n ON n.id = c.node_id "
        "WHERE g.id > %s AND g.reused_from IS NULL ORDER BY n.kind",
        written,
    )
    assert [row["kind"] for row in anew] == ["PACKAGE", "REPOSITORY"], "what names its parts has other parts now"


def test_russian_texts_for_one_repository(doctown: Doctown, shop: Path, psql: Connection) -> None:
    assert doctown("build", str(shop), "--language", "ru").code == 0
    assert {row["language"] for row in all_rows(psql, "SELECT DISTINCT language FROM docs")} == {"ru"}
    assert doctown("build", str(shop), "--language", "xx").code == 2


# --- quality, provenance, prompts, fact sheets --------------------------------------------------------------


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


def test_index_of_a_commit_beside_its_folder(doctown: Doctown, shop: Path, psql: Connection) -> None:
    a_repository_of_git(shop, {})
    assert doctown("index", str(shop)).code == 0
    result = doctown("index", str(shop), "--commit", "main", "--json")
    assert (result.json["repo"], result.json["commit"]) == ("shop@main", git(shop, "rev-parse", "main"))
    assert scalar(psql, "SELECT count(DISTINCT repo_id) FROM node") == 2
    assert "no commit, branch or tag is called 'nowhere'" in doctown("index", str(shop), "--commit", "nowhere").err
    assert doctown("index", str(shop), "--commit", "main", "--watch").code == 2


def test_follow_and_unfollow(doctown: Doctown, shop: Path, psql: Connection) -> None:
    assert "Nothing is followed" in doctown("follow").out
    listed = doctown("follow", str(shop), "--every", "2h").out
    assert ("shop" in listed, "2 h" in listed, "due" in listed) == (True, True, True)
    assert doctown("follow", "shop", "--every", "90s", "--now").code == 0
    (row,) = doctown("follow", "--json").json
    assert (row["repo"], row["every_s"], row["failures"], row["busy"]) == ("shop", 90, 0, False)
    assert row["done_at"] is not None
    assert scalar(psql, "SELECT count(*) FROM chunk") > 0
    assert str(shop) in doctown("status").out
    assert doctown("unfollow", "shop").out == "shop: followed no longer\n"
    assert doctown("unfollow", "shop", "--json").json == {"repo": "shop", "was_followed": False}
    entries = all_rows(psql, "SELECT command, filter FROM audit WHERE command LIKE '%%follow' ORDER BY id")
    assert [entry["command"] for entry in entries] == ["follow", "follow", "unfollow", "unfollow"]
    assert entries[0]["filter"]["from"] == str(shop)


def test_what_cannot_be_followed(doctown: Doctown, shop: Path, tmp_path: Path) -> None:
    for arguments, code, said in (
        (("nowhere",), 1, "no repository that Doctown knows, no folder and no URL"),
        ((str(shop), "--every", "5 fortnights"), 2, "is no period"),
        ((str(shop), "--every", "0s"), 2, "is no period"),
        ((str(shop), "--ref", "main"), 1, "git"),
        (("https://ada:hunter2@example.org/shop",), 1, "names and passwords in a URL"),
        (("file:///etc",), 1, "the protocol 'file' is not used"),
    ):
        result = doctown("follow", *arguments)
        assert (result.code, said in result.err) == (code, True), (arguments, result.err)
        assert "hunter2" not in result.err
    assert doctown("unfollow", "nobody").code == 6
    (tmp_path / "other/shop").mkdir(parents=True)
    assert doctown("follow", str(shop)).code == 0
    assert "Give another name with --name" in doctown("follow", str(tmp_path / "other/shop")).err
    assert doctown("follow", str(tmp_path / "other/shop"), "--name", "shop2").code == 0


def test_a_remote_repository_is_followed(doctown: Doctown, tmp_path: Path, psql: Connection, config: Path) -> None:
    served = a_repository_of_git(tmp_path / "served" / "shop", {"a.py": "def first():\n    pass\n"})
    with config.open("a") as file:
        file.write(f"follow: {{protocols: [http], folder: {tmp_path / 'clones'}}}\n")
    with a_host(served.parent) as host:
        result = doctown("follow", f"{host.url}/shop/.git", "--ref", "main", "--now", "--json")
        assert (result.json["repo"], result.json["files_parsed"]) == ("shop@main", 1)
        put(served, {"b.py": "def second():\n    pass\n"})
        second = commit(served)
        assert doctown("follow", "shop@main", "--now", "--json").json["commit"] == second
    assert scalar(psql, "SELECT count(*) FROM node WHERE kind = 'FUNCTION'") == 2
    result = doctown("follow", "shop@main", "--now")
    assert result.code == 1
    (row,) = doctown("follow", "--json").json
    assert (row["failures"], row["commit"]) == (1, second)
    assert f"{host.url}/shop/.git" in row["error"]
