"""What people have for sources: odd folders, moved files, commits, remote repositories; and how they are followed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.acceptance.conftest import Doctown
from tests.support.builders import Connection, all_rows, scalar
from tests.support.githost import a_host
from tests.support.gits import a_repository_of_git, commit, git, put


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
