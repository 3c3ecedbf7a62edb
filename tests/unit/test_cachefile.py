"""The file of a ledger: what is written is read again, and whatever happens to it on the way is noticed."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
import zstandard

from daemon.cachefile import CacheReader, CacheWriter
from daemon.errors import CacheFileError

ANSWERS = [
    {
        "stage": "coder", "key": f"k{number}", "source_key": "s", "model": "m", "recipe": "r",
        "prompt_fingerprint": "p", "language": "en",
        "output": f"Ответ № {number}.\nWith two lines and \\u0000 said.", "created_at": "2026-01-01",
    }
    for number in range(7)
]  # fmt: skip
RECIPES = [{"recipe": "r", "stage": "coder", "parts": {"model": "m"}}]
ENDINGS = (".jsonl", ".jsonl.gz", ".jsonl.zst")


def written(path: Path) -> Path:
    with CacheWriter(path, {"by": "test"}) as writer:
        writer.add_recipes(RECIPES)
        writer.add_answers(ANSWERS)
    return path


def taken(path: Path, size: int = 3) -> tuple[list[Any], list[Any]]:
    reader = CacheReader(path)
    reader.check()
    recipes, answers = [], []
    for some_recipes, some_answers in reader.pages(size):
        assert len(some_answers) <= size
        recipes += some_recipes
        answers += some_answers
    assert (reader.header["by"], reader.answers) == ("test", len(answers))
    return recipes, answers


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_was_written_is_read(tmp_path: Path, ending: str) -> None:
    path = written(tmp_path / f"ledger{ending}")
    assert taken(path) == (RECIPES, ANSWERS)
    assert [file.name for file in tmp_path.iterdir()] == [path.name], "nothing is left beside it"


@pytest.mark.parametrize(("ending", "magic"), [(".gz", b"\x1f\x8b"), (".zst", b"\x28\xb5\x2f\xfd"), (".jsonl", b"{")])
def test_the_ending_says_how_it_is_compressed(tmp_path: Path, ending: str, magic: bytes) -> None:
    assert written(tmp_path / f"ledger{ending}").read_bytes().startswith(magic)


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_a_cut_file_is_noticed(tmp_path: Path, ending: str, share: float) -> None:
    path = written(tmp_path / f"ledger{ending}")
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(CacheFileError, match="nothing was taken in"):
        CacheReader(path).check()


def lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines(keepends=True)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda rows: rows[:-1], "cut"),
        (lambda rows: [*rows[:3], *rows[4:]], "checksum"),
        (lambda rows: [rows[0], rows[1].replace('"m"', '"x"'), *rows[2:]], "checksum"),
        (lambda rows: [*rows, rows[2]], "behind the end"),
        (lambda rows: [rows[0], "not json\n", *rows[1:]], "line 2 is no JSON"),
        (lambda rows: [rows[0], "[]\n", *rows[1:]], "line 2 is no object"),
        (lambda rows: [rows[0], '{"other": 1}\n', *rows[1:]], "neither a recipe nor an answer"),
        (lambda rows: [rows[0], '{"answer": {"stage": "coder"}}\n', *rows[1:]], "line 2 lacks key"),
        (lambda rows: [rows[0].replace('"version":1', '"version":9'), *rows[1:]], "version 9"),
        (lambda rows: ['{"format": "other"}\n', *rows[1:]], "no ledger of Doctown's"),
        (lambda rows: [], "cut"),
    ],
)
def test_a_changed_file_is_noticed(tmp_path: Path, change: Any, said: str) -> None:
    path = written(tmp_path / "ledger.jsonl")
    path.write_text("".join(change(lines(path))), encoding="utf-8")
    with pytest.raises(CacheFileError, match=said):
        CacheReader(path).check()


def test_an_ending_that_is_not_true(tmp_path: Path) -> None:
    text = written(tmp_path / "ledger.jsonl").read_bytes()
    for name, content in (("a.gz", text), ("b.zst", text), ("c.jsonl", gzip.compress(text)),
                          ("d.gz", zstandard.compress(text))):  # fmt: skip
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(CacheFileError):
            CacheReader(path).check()


def test_no_file_and_no_place(tmp_path: Path) -> None:
    with pytest.raises(CacheFileError, match="No such file"):
        CacheReader(tmp_path / "none.gz").check()
    with pytest.raises(CacheFileError, match="cannot be written"):
        written(tmp_path / "none" / "ledger.gz")


def test_a_failure_half_way_leaves_the_old_file(tmp_path: Path) -> None:
    path = written(tmp_path / "ledger.jsonl")
    before = path.read_bytes()

    def fails() -> None:
        with CacheWriter(path, {"by": "again"}) as writer:
            writer.add_answers(ANSWERS)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fails()
    assert path.read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


def test_the_header_says_what_it_is(tmp_path: Path) -> None:
    first = json.loads(lines(written(tmp_path / "ledger.jsonl"))[0])
    assert (first["format"], first["version"]) == ("doctown ledger", 1)
