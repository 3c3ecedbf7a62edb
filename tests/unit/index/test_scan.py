"""Looking over a source tree: what is read, unchanged, gone or skipped, by git and without it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from daemon import git as door
from daemon.errors import SourceError
from daemon.index.ignore import Fences
from daemon.index.languages import language_of
from daemon.index.listing import git_paths, list_files, walk
from daemon.index.scan import KnownFile, Scan, scan
from daemon.settings import IndexSettings

SETTINGS = IndexSettings()
GIT = shutil.which("git") or "git"


def grow(root: Path, files: Mapping[str, str | bytes]) -> Path:
    for path, content in files.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return root


def git(root: Path, *words: str) -> None:
    words = ("-c", "user.name=a", "-c", "user.email=a@b", *words)
    subprocess.run([GIT, *words], cwd=root, check=True, capture_output=True)


def known_of(seen: Scan) -> dict[str, KnownFile]:
    return {
        entry.path: KnownFile(size=entry.size, mtime_ns=entry.mtime_ns, content_hash=None) for entry in seen.to_read
    }


def paths(seen: Scan) -> list[str]:
    return [entry.path for entry in seen.to_read]


TREE = {
    "a.py": "x = 1\n",
    "README.md": "hello\n",
    "src/b.kt": "fun f() {}\n",
    "src/gen/c.py": "x\n",
    "src/gen/keep.py": "x\n",
    "src/deep/d.go": "package d\n",
    "src/deep/d.pb.go": "package d\n",
    "logs/e.py": "x\n",
    "logs/inner/f.py": "x\n",
    "docs/build/g.py": "x\n",
    "build/h.py": "x\n",
    "sub/build/i.py": "x\n",
    "sub/j.ts": "x\n",
    "sub/mine.gen.py": "x\n",
    "sub/theirs.gen.py": "x\n",
    "sub/only/k.ts": "x\n",
    "spaced name/l m.py": "x\n",
    "юникод/н.py": "x\n",
    ".hidden/o.py": "x\n",
    "node_modules/p/q.js": "x\n",
    "__pycache__/r.py": "x\n",
    "env/pyvenv.cfg": "",
    "env/lib/s.py": "x\n",
    "target/CACHEDIR.TAG": "",
    "target/t.rs": "x\n",
    "star/[u].py": "x\n",
    "trail/v.py": "x\n",
    ".gitignore": "# comment\n/build/\nlogs/\n!logs/e.py\n*.pb.go\nsrc/gen/*\n!src/gen/keep.py\n"
    "\\[*\ntrail/v.py   \n*.gen.py\n",
    "sub/.gitignore": "/only\n*.tmp\n!mine.*\n",
    "docs/.gitignore": "build\n!build\n",
}
KEPT = [
    ".hidden/o.py", "a.py", "docs/build/g.py", "spaced name/l m.py", "src/b.kt", "src/deep/d.go", "src/gen/keep.py",
    "sub/build/i.py", "sub/j.ts", "sub/mine.gen.py", "юникод/н.py",
]  # fmt: skip


PLACES = [
    "x.py", "a/x.py", "a/y.py", "a/b/x.py", "a/b/y.js", "a/b/c/x.py", "b/x.py", "b/a/x.py", "c d/x.py", "a/.x/y.py",
]  # fmt: skip
PATTERNS = [
    "x.py", "/x.py", "a", "a/", "/a", "/a/b", "a/b", "b/", "**/b", "a/**", "a/**/x.py", "*.py", "!x.py", "!*.py", "!a/",
    "!a/b/", "a/*", "!a/b", "?.py", "[xy].*", "[!x].py", "c\\ d", "c d/", "#x", "\\#x", "!", "*", "!*/", "/*", "", "  ",
    "x.py ", "**", "/**/c", "a//b", ".*", "[", "\\", "b/**/x.py",
]  # fmt: skip


def test_without_git(tmp_path: Path) -> None:
    assert paths(scan(grow(tmp_path, TREE), {}, SETTINGS)) == KEPT


def test_with_git_the_same(tmp_path: Path) -> None:
    git(grow(tmp_path, TREE), "init", "-q")
    assert git_paths(tmp_path)
    assert paths(scan(tmp_path, {}, SETTINGS)) == KEPT
    git(tmp_path, "add", "a.py", "sub")
    git(tmp_path, "commit", "-qm", "x")
    (tmp_path / "sub/j.ts").unlink()
    fences = Fences(tmp_path, ())
    assert list_files(tmp_path, fences).paths == sorted([*walk(tmp_path, fences).paths, "sub/j.ts"])
    assert paths(scan(tmp_path, {}, SETTINGS)) == [path for path in KEPT if path != "sub/j.ts"]


@pytest.mark.parametrize("part", ["src", "sub", "docs/build", "logs", "src/deep"])
def test_a_part_of_a_repository_obeys_all_its_rules(tmp_path: Path, part: str) -> None:
    git(grow(tmp_path, TREE), "init", "-q")
    root = tmp_path / part
    asked, walked = list_files(root, Fences(root, ())), walk(root, Fences(root, ()))
    assert asked.paths == sorted(walked.paths)
    expected = [path.removeprefix(f"{part}/") for path in KEPT if path.startswith(f"{part}/")]
    if part == "logs":  # the repository ignores it, and here it was asked for by name
        expected = ["e.py", "inner/f.py"]
    assert [path for path in asked.paths if language_of(path)] == expected


@given(
    st.lists(st.sampled_from(PLACES), max_size=8, unique=True),
    st.dictionaries(st.sampled_from(["", "a/", "a/b/"]), st.lists(st.sampled_from(PATTERNS), max_size=4), max_size=3),
)
@example(["a/x.py", "a/y.py", "a/b/x.py"], {"": ["/a/b", "!a/"]})
@settings(max_examples=40, deadline=None)
def test_both_ways_agree_on_any_rules(places: list[str], rules: dict[str, list[str]]) -> None:
    with TemporaryDirectory() as folder:
        root = Path(folder)
        grow(root, dict.fromkeys(places, "x\n") | {"z.py": "x\n"})
        grow(root, {f"{base}.gitignore": "\n".join(lines) for base, lines in rules.items()})
        walked = walk(root, Fences(root, ())).paths
        git(root, "init", "-q")
        assert sorted(git_paths(root) or []) == walked


def test_repositories_inside_a_repository(tmp_path: Path) -> None:
    grow(tmp_path, {"a.py": "", "inner/b.py": "", "inner/c.pyc.py": "", ".gitignore": "*.pyc.py\n"})
    git(tmp_path, "init", "-q")
    git(tmp_path / "inner", "init", "-q")
    expected = [".gitignore", "a.py", "inner/b.py", "inner/c.pyc.py"]
    assert list_files(tmp_path, Fences(tmp_path, ())).paths == expected
    assert walk(tmp_path, Fences(tmp_path, ())).paths == expected


def test_private_rules_count_too(tmp_path: Path) -> None:
    git(grow(tmp_path, {"a.py": "", "b.py": "", "c/b.py": ""}), "init", "-q")
    (tmp_path / ".git/info/exclude").write_text("b.py\n")
    for found in (list_files(tmp_path, Fences(tmp_path, ())), walk(tmp_path, Fences(tmp_path, ()))):
        assert found.paths == ["a.py"]


def test_a_broken_git_is_no_obstacle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    grow(tmp_path, {"a.py": "", ".git/config": "[core]\n\tbroken = ["})
    assert git_paths(tmp_path) is None
    assert paths(scan(tmp_path, {}, SETTINGS)) == ["a.py"]
    monkeypatch.setattr(door, "TIMEOUT_S", 0.0)
    assert paths(scan(tmp_path, {}, SETTINGS)) == ["a.py"]
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert git_paths(tmp_path) is None


def test_the_environment_of_the_caller_does_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git(grow(tmp_path / "here", {"a.py": ""}), "init", "-q")
    git(grow(tmp_path / "there", {"b.py": ""}), "init", "-q")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "there/.git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(tmp_path / "there"))
    assert git_paths(tmp_path / "here") == ["a.py"]


def test_settings_leave_out_more(tmp_path: Path) -> None:
    stricter = IndexSettings(exclude=("sub/", "*.go", "/a.py"))
    assert paths(scan(grow(tmp_path, {**TREE, "x/a.py": ""}), {}, stricter)) == [
        ".hidden/o.py", "docs/build/g.py", "spaced name/l m.py", "src/b.kt", "src/gen/keep.py", "x/a.py", "юникод/н.py",
    ]  # fmt: skip


def test_unchanged_changed_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    grow(tmp_path, {"a.py": "x = 1\n", "b.py": "y = 1\n", "c.py": "z = 1\n", "tool": "#!/usr/bin/env python3\n"})
    (tmp_path / "tool").chmod(0o755)
    first = scan(tmp_path, {}, SETTINGS)
    assert paths(first) == ["a.py", "b.py", "c.py", "tool"]
    (tmp_path / "b.py").write_text("y = 22\n")
    (tmp_path / "c.py").unlink()
    grow(tmp_path, {"d.py": ""})
    monkeypatch.setattr("daemon.index.scan._script_language", lambda *_: pytest.fail("an unchanged file was opened"))
    second = scan(tmp_path, known_of(first), SETTINGS)
    assert (paths(second), second.unchanged, second.removed) == (["b.py", "d.py"], ("a.py", "tool"), ("c.py",))


def test_a_new_time_alone_is_reason_to_read(tmp_path: Path) -> None:
    grow(tmp_path, {"a.py": "x = 1\n"})
    known = {"a.py": KnownFile(size=6, mtime_ns=1, content_hash="abc")}
    assert [(entry.path, entry.known_hash) for entry in scan(tmp_path, known, SETTINGS).to_read] == [("a.py", "abc")]


def test_programs_without_an_ending(tmp_path: Path) -> None:
    python = "#!/usr/bin/python3\nx\n"
    grow(tmp_path, {"py": python, "sh": "#!/bin/sh\n", "awk": "#!/usr/bin/awk -f\n", "plain": python, "bin": b"\0"})
    for name in ("py", "sh", "awk", "bin"):
        (tmp_path / name).chmod(0o755)
    assert paths(scan(tmp_path, {}, SETTINGS)) == ["py", "sh"]


def test_what_is_skipped_and_why(tmp_path: Path) -> None:
    grow(tmp_path, {"big.py": "x" * 3000, "lib.min.js": "x", "ok.py": "", "big.txt": "x" * 3000})
    (tmp_path / "link.py").symlink_to("ok.py")
    (tmp_path / "dangling.kt").symlink_to("nowhere")
    (tmp_path / "link.txt").symlink_to("ok.py")
    (tmp_path / "loop").symlink_to(".")
    (tmp_path / "outside.go").symlink_to("/etc/passwd")
    os.mkfifo(tmp_path / "pipe.py")
    seen = scan(tmp_path, {}, IndexSettings(max_file_kb=2))
    assert paths(seen) == ["ok.py"]
    reasons = {one.path: one.reason for one in seen.skipped}
    assert set(reasons) == {"big.py", "dangling.kt", "lib.min.js", "link.py", "outside.go", "pipe.py"}
    assert "larger than 2 KiB" in reasons["big.py"]
    assert "minified" in reasons["lib.min.js"]
    assert "symbolic link" in reasons["link.py"]
    assert "neither a file" in reasons["pipe.py"]
    assert seen.removed == ()


def test_a_known_file_that_is_skipped_now_is_not_removed(tmp_path: Path) -> None:
    grow(tmp_path, {"big.py": "x" * 3000})
    known = {"big.py": KnownFile(size=1, mtime_ns=1, content_hash=None)}
    seen = scan(tmp_path, known, IndexSettings(max_file_kb=2))
    assert (seen.removed, [one.path for one in seen.skipped]) == ((), ["big.py"])


def test_a_name_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"caf\xe9.py")).write_text("")
    seen = scan(tmp_path, {}, SETTINGS)
    assert [(one.path, one.reason) for one in seen.skipped] == [("caf?.py", "its name is not valid UTF-8")]


def test_what_cannot_be_looked_into_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    grow(tmp_path, {"a.py": "", "closed/b.py": "", "secret.py": ""})
    look, state = os.scandir, Path.lstat

    def scandir(path: Path) -> object:
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied")
        return look(path)

    def lstat(path: Path) -> os.stat_result:
        if path.name == "secret.py":
            raise PermissionError(13, "Permission denied")
        return state(path)

    monkeypatch.setattr(os, "scandir", scandir)
    monkeypatch.setattr(Path, "lstat", lstat)
    seen = scan(tmp_path, {}, SETTINGS)
    assert paths(seen) == ["a.py"]
    assert {one.path: one.reason for one in seen.skipped} == {
        "closed": "the folder cannot be read: Permission denied", "secret.py": "cannot be read: Permission denied",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["nowhere", "file.py"])
def test_a_root_that_is_no_folder(tmp_path: Path, name: str) -> None:
    grow(tmp_path, {"file.py": ""})
    with pytest.raises(SourceError) as caught:
        scan(tmp_path / name, {}, SETTINGS)
    assert caught.value.remedy


def test_a_root_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def scandir(path: Path) -> object:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(SourceError, match="Permission denied"):
        scan(tmp_path, {}, SETTINGS)


def test_names_of_own_parts(tmp_path: Path) -> None:
    grow(tmp_path, {
        "go.mod": "// x\nmodule example.org/clock/v2\n\ngo 1.22\n", "tools/go.mod": "module example.org/tools\n",
        "core/Cargo.toml": '[package]\nname = "my-core"\n[lib]\nname = "mycore"\n', "bad/Cargo.toml": "[[[",
        "web/package.json": '{"name": "@me/web"}', "bad/package.json": "{", "other/package.json": "[1]",
        "web/tsconfig.json": '{ // c\n "compilerOptions": {"paths": {"@/*": ["./src/*"], "u": ["../x"],},},}',
        "node_modules/x/package.json": '{"name": "x"}',
    })  # fmt: skip
    assert scan(tmp_path, {}, SETTINGS).roots == {
        "example.org/clock/v2": "", "example.org/tools": "tools", "my_core": "core", "mycore": "core", "@me/web": "web",
        "@": "web/src",
    }  # fmt: skip
