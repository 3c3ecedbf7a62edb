"""The door to git: what it tells, and that no repository can make it run anything or lead us astray."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from daemon import git as door
from daemon.git import GitError, ask, redacted
from daemon.index.commits import read_blob, scan_commit
from daemon.index.history import Blob, Change, Objects, differences, files_of, listed, resolve, sizes_of, state
from daemon.index.languages import language_of
from daemon.index.listing import git_paths
from daemon.index.pool import parse_many
from daemon.index.scan import Content, Entry
from daemon.settings import IndexSettings
from db.parsed import ParsedFile, SkippedFile
from tests.support.gits import GIT, a_repository_of_git, commit, git, put

SETTINGS = IndexSettings()
ODD = "a b/ü \n\t\"x'.py"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return a_repository_of_git(tmp_path / "tree", {"a.py": "x = 1\n", "b/c.py": "y = 2\n" * 20, ODD: "z = 3\n"})


def test_what_differs_from_the_commit(tree: Path) -> None:
    assert state(tree).changed == frozenset()
    put(tree, {"a.py": "x = 2\n", "new.py": ""})
    git(tree, "rm", "-q", ODD)
    git(tree, "mv", "b/c.py", "d.py")
    now = state(tree)
    assert (now.commit, now.plain) == (git(tree, "rev-parse", "HEAD"), True)
    assert now.changed == {"a.py", "new.py", ODD, "b/c.py", "d.py"}
    put(tree, {"b/x.py": ""})
    assert state(tree / "b").changed == {"c.py", "x.py"}
    a_repository_of_git(tree / "inner", {"x.py": ""})
    assert not state(tree).plain
    git(tree.parent, "init", "-q", "empty")
    with pytest.raises(GitError, match="no commit yet"):
        state(tree.parent / "empty")


def test_what_differs_between_commits(tree: Path) -> None:
    first = resolve(tree, "HEAD")
    git(tree, "mv", "b/c.py", "d.py")
    put(tree, {"a.py": "x = 2\n"})
    (tree / ODD).unlink()
    second = commit(tree)
    assert differences(tree, first, second) == [
        Change(status="D", path=ODD), Change(status="M", path="a.py"),
        Change(status="R", path="d.py", old_path="b/c.py"),
    ]  # fmt: skip
    with pytest.raises(GitError):
        differences(tree, "0" * 40, second)


def test_what_git_tracks_or_would(tree: Path) -> None:
    put(tree, {"new.py": "", "made.py": "", ".gitignore": "made.py\n"})
    assert listed(tree, ["a.py", "new.py", "made.py", "nowhere.py", ODD, "*"]) == {"a.py", "new.py", ODD}
    assert listed(tree, [f"{n}.py" for n in range(600)] + ["a.py"]) == {"a.py"}


def test_files_of_a_commit_and_what_they_hold(tree: Path) -> None:
    big = "x" * 200_000
    put(tree, {"big.py": big, "empty.py": ""})
    files = {blob.path: blob for blob in files_of(tree, commit(tree))}
    assert set(files) == {"a.py", "b/c.py", ODD, "big.py", "empty.py"}
    assert sizes_of(tree, [files["big.py"].oid, "0" * 40, "nonsense"]) == {files["big.py"].oid: 200_000}
    objects = Objects(tree)
    try:
        for _ in range(2):
            assert objects.read(files["big.py"].oid, 10) == (b"x" * 10, 200_000)
            assert objects.read(files["empty.py"].oid, 10) == (b"", 0)
            assert objects.read("0" * 40, 10) is None
            assert objects.read("HEAD", 10) is None, "ids only"
            assert objects.read(git(tree, "rev-parse", "HEAD"), 10) is None, "files only"
            assert objects.read(files["a.py"].oid, 1000) == (b"x = 1\n", 6)
    finally:
        objects.close()
    with pytest.raises(GitError):
        objects.read(files["a.py"].oid, 1)
    assert {blob.path for blob in files_of(tree / "b", "HEAD")} == {"c.py"}


def test_a_commit_is_read_in_processes_too(tree: Path) -> None:
    put(tree, {f"m{number}.py": f"def f{number}():\n    pass\n" for number in range(150)})
    seen = scan_commit(tree, commit(tree), {}, SETTINGS)
    for workers in (1, 2):
        parsed = list(parse_many(tree, seen.to_read, IndexSettings(workers=workers), seen.roots))
        assert len([one for one in parsed if isinstance(one, ParsedFile)]) == 153


def test_paths_that_lead_out_of_the_tree_are_not_read(tree: Path) -> None:
    oid = git(tree, "hash-object", "-w", "a.py")
    inner = git(tree, "mktree", "-z", data=f"100644 blob {oid}\tpasswd.py\x00".encode())
    outer = git(tree, "mktree", "-z", data=f"040000 tree {inner}\t..\x00120000 blob {oid}\tlink.py\x00".encode())
    hostile = git(tree, "commit-tree", "-m", "x", outer)
    assert files_of(tree, hostile) == [Blob(path="../passwd.py", oid=oid), Blob(path="link.py", oid=oid, link=True)]
    seen = scan_commit(tree, hostile, {}, SETTINGS)
    assert (seen.to_read, [file.path for file in seen.skipped]) == ((), ["../passwd.py", "link.py"])


def test_an_object_that_is_not_there_costs_one_file(tree: Path) -> None:
    language = language_of("a.py")
    assert language is not None
    lost = Entry(path="a.py", language=language, size=1, mtime_ns=0, blob="1" * 40)
    objects = Objects(tree)
    try:
        assert isinstance(read_blob(objects, lost, SETTINGS), SkippedFile)
        there = Entry(path="a.py", language=language, size=1, mtime_ns=0, blob=git(tree, "rev-parse", "HEAD:a.py"))
        assert read_blob(objects, there, SETTINGS) == Content(data=b"x = 1\n", size=6, mtime_ns=0)
    finally:
        objects.close()


def trap(tree: Path, name: str) -> str:
    """A program that leaves a trace."""
    program = tree.parent / f"trap-{name}"
    program.write_text(f"#!/bin/sh\ntouch {tree.parent}/sprung-{name}\ncat 2>/dev/null\nexit 0\n")
    program.chmod(0o755)
    return str(program)


def sprung(tree: Path) -> set[str]:
    return {path.name.removeprefix("sprung-") for path in tree.parent.glob("sprung-*")}


def test_nothing_that_a_repository_brings_along_is_run(tree: Path) -> None:
    first = resolve(tree, "HEAD")
    put(tree, {".gitattributes": "*.py filter=evil diff=evil\n", "b/c.py": "y = 3\n"})
    second = commit(tree)
    for key in (
        "core.fsmonitor", "core.sshCommand", "core.pager", "core.askPass", "diff.external", "diff.evil.textconv",
        "diff.evil.command", "filter.evil.clean", "filter.evil.smudge", "filter.evil.process", "gpg.program",
        "credential.helper",
    ):  # fmt: skip
        git(tree, "config", key, trap(tree, key))
    git(tree, "config", "filter.evil.required", "true")
    hooks = tree / ".git/hooks"
    shutil.rmtree(hooks, ignore_errors=True)
    hooks.mkdir()
    for hook in ("post-index-change", "post-checkout", "reference-transaction", "fsmonitor-watchman"):
        shutil.copy(trap(tree, hook), hooks / hook)
    put(tree, {"a.py": "x = 7\n"})  # as long as before, and written just now: git has to compare
    assert state(tree).changed == {"a.py"}
    assert "a.py" in (git_paths(tree) or [])
    assert [change.path for change in differences(tree, first, second)] == [".gitattributes", "b/c.py"]
    scan_commit(tree, second, {}, SETTINGS)
    resolve(tree, "HEAD")
    assert sprung(tree) == set()
    subprocess.run([GIT, "status"], cwd=tree, capture_output=True, check=False)  # as people call it
    assert {"core.fsmonitor", "filter.evil.process"} & sprung(tree), "the traps work"


def test_the_owner_of_a_folder_does_not_matter(tree: Path) -> None:
    try:
        shutil.chown(tree, 12345)
        shutil.chown(tree / ".git", 12345)
    except PermissionError:
        pytest.skip("only root may give files away")
    assert resolve(tree, "HEAD")
    refused = door.refusal("git x", b"fatal: detected dubious ownership in repository at '/x'\n")
    assert "belongs to somebody else" in str(refused)
    assert "git 2.38" in refused.remedy


def test_no_git_and_a_git_that_hangs(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(GitError, match="took longer than"):
        ask(tree, "status", timeout_s=0.0)
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(GitError, match="not installed"):
        state(tree)


def test_what_git_says_is_told_without_secrets() -> None:
    said = "fatal: unable to access 'https://ada:hunter2@example.org/x.git/': Authorization: Basic abc= tok3n"
    told = str(door.refusal("git fetch", said.encode()))
    assert "hunter2" not in told
    assert redacted("Authorization: Basic abc= and tok3n", ["tok3n"]) == "Authorization: Basic *** and ***"
