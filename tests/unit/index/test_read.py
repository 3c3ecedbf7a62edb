"""Reading one file: what is refused, and that nothing leads outside of the tree."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from daemon.index.languages import language_of
from daemon.index.scan import Content, Entry, read
from daemon.settings import IndexSettings
from db.parsed import SkippedFile

SETTINGS = IndexSettings()


def grow(root: Path, files: Mapping[str, str | bytes]) -> Path:
    for path, content in files.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return root


def entry(path: str) -> Entry:
    language = language_of(path)
    assert language is not None
    return Entry(path=path, language=language, size=0, mtime_ns=0)


def reason(found: Content | SkippedFile) -> str:
    assert isinstance(found, SkippedFile)
    return found.reason


def test_read(tmp_path: Path) -> None:
    grow(tmp_path, {"a/b.py": "x = 'é'\n"})
    state = (tmp_path / "a/b.py").stat()
    assert read(tmp_path, entry("a/b.py"), SETTINGS) == Content(
        data="x = 'é'\n".encode(), size=9, mtime_ns=state.st_mtime_ns
    )


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-16-le"])
def test_read_utf16(tmp_path: Path, encoding: str) -> None:
    mark = {"utf-16-be": b"\xfe\xff", "utf-16-le": b"\xff\xfe"}.get(encoding, b"")
    content = mark + "x = 'é'\n".encode(encoding)
    found = read(grow(tmp_path, {"a.py": content}), entry("a.py"), SETTINGS)
    assert isinstance(found, Content)
    assert (found.data.decode(), found.size) == ("x = 'é'\n", len(content))


def test_read_refuses(tmp_path: Path) -> None:
    strict = IndexSettings(max_file_kb=2, max_line_chars=200)
    grow(tmp_path, {
        "zero.py": b"x = 1\0", "big.py": b"x = 1\n" * 400, "long.js": b"a\n" + b"x" * 201 + b"\n",
        "wide.py": "# " + "ж" * 190, "folder.py/x": "",
    })  # fmt: skip
    (tmp_path / "link.py").symlink_to("wide.py")
    (tmp_path / "linked").symlink_to("folder.py")
    os.mkfifo(tmp_path / "pipe.py")
    expected = {
        "zero.py": "binary", "big.py": "larger than 2 KiB", "long.js": "line 2 is longer than 200",
        "link.py": "symbolic", "pipe.py": "neither a file", "folder.py": "neither a file", "gone.py": "gone since",
    }  # fmt: skip
    for path, words in expected.items():
        assert words in reason(read(tmp_path, entry(path), strict)), path
    assert isinstance(read(tmp_path, entry("wide.py"), strict), Content), "characters are counted, not bytes"
    grow(tmp_path, {"folder.py/y.py": ""})
    assert isinstance(read(tmp_path, entry("folder.py/y.py"), strict), Content)
    assert reason(read(tmp_path, entry("linked/y.py"), strict)), "no way leads through a link"


def test_read_counts_what_is_there_not_what_was(tmp_path: Path) -> None:
    grow(tmp_path, {"a.py": "x" * 3000})
    stale = replace(entry("a.py"), size=10)
    assert "larger" in reason(read(tmp_path, stale, IndexSettings(max_file_kb=2)))
