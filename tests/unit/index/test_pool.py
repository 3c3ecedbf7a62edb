"""Many files: the same results in one process and in several, in order, whatever happens to a process."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from daemon.index import pool
from daemon.index.parse import content_hash
from daemon.index.pool import Touched, parse_many
from daemon.index.scan import Entry, scan
from daemon.settings import IndexSettings
from db.parsed import ParsedFile, SkippedFile

ALONE, PAIR = IndexSettings(workers=1), IndexSettings(workers=2)
COUNT = 120


@pytest.fixture
def many(tmp_path: Path) -> tuple[Path, tuple[Entry, ...]]:
    """Enough files that processes are started."""
    for number in range(COUNT):
        (tmp_path / f"m{number:03}.py").write_text(f"def f{number}(a):\n    return g{number}(a)\n")
    return tmp_path, scan(tmp_path, {}, ALONE).to_read


def test_processes_change_nothing(many: tuple[Path, tuple[Entry, ...]]) -> None:
    root, entries = many
    alone = list(parse_many(root, entries, ALONE))
    assert [one.path for one in alone] == [entry.path for entry in entries]
    assert all(isinstance(one, ParsedFile) and len(one.nodes) == 2 for one in alone)
    assert list(parse_many(root, entries, PAIR)) == alone


def test_few_files_start_no_process(many: tuple[Path, tuple[Entry, ...]], monkeypatch: pytest.MonkeyPatch) -> None:
    root, entries = many
    monkeypatch.setattr(pool, "_Crew", lambda *_: pytest.fail("a process was started"))
    assert len(list(parse_many(root, entries[:50], PAIR))) == 50


def test_the_same_content_is_not_parsed_again(many: tuple[Path, tuple[Entry, ...]]) -> None:
    root, entries = many
    digest = content_hash((root / entries[0].path).read_bytes())
    touched = replace(entries[0], known_hash=digest, mtime_ns=1)
    changed = replace(entries[1], known_hash="other")
    first, second = parse_many(root, [touched, changed], ALONE)
    state = (root / entries[0].path).stat()
    assert first == Touched(path=entries[0].path, size=state.st_size, mtime_ns=state.st_mtime_ns, content_hash=digest)
    assert isinstance(second, ParsedFile)


class Deadly:
    """Ends the process that it travels to."""

    name = grammar = "python"

    def __reduce__(self) -> tuple[Any, tuple[int]]:
        return os._exit, (9,)


def test_a_file_that_kills_its_process_costs_only_itself(many: tuple[Path, tuple[Entry, ...]]) -> None:
    root, entries = many
    killers = {40, 41, 100}
    deadly = [
        replace(entry, language=Deadly()) if number in killers else entry  # type: ignore[arg-type]
        for number, entry in enumerate(entries)
    ]
    results = list(parse_many(root, deadly, PAIR))
    assert [one.path for one in results] == [entry.path for entry in entries]
    skipped = {number for number, one in enumerate(results) if isinstance(one, SkippedFile)}
    assert skipped == killers
    assert all(isinstance(one, ParsedFile) for number, one in enumerate(results) if number not in killers)


def test_a_file_without_room_for_it_is_skipped(
    many: tuple[Path, tuple[Entry, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def exhausted(*_: object, **__: object) -> None:
        raise MemoryError

    root, entries = many
    monkeypatch.setattr(pool, "parse", exhausted)
    (result,) = parse_many(root, entries[:1], ALONE)
    assert isinstance(result, SkippedFile)
    assert "memory" in result.reason


def test_results_come_while_the_rest_is_waiting(
    many: tuple[Path, tuple[Entry, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    root, entries = many
    submitted: list[str] = []
    submit = pool._Crew._submit

    def counted(self: Any, executor: Any, chunk: Any) -> Any:
        submitted.extend(entry.path for entry in chunk)
        return submit(self, executor, chunk)

    monkeypatch.setattr(pool, "_CHUNK_FILES", 4)
    monkeypatch.setattr(pool._Crew, "_submit", counted)
    results: Iterator[object] = parse_many(root, entries, PAIR)
    next(results)
    assert len(submitted) == 2 * pool._CHUNKS_AHEAD * 4
    results.close()  # type: ignore[attr-defined]
    assert len(submitted) < COUNT
