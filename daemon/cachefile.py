"""The file that a ledger is given out in: JSON lines, a header, a checksum; compressed by the ending of its name."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Self, cast

import zstandard

from daemon.errors import CacheFileError

_FORMAT = "doctown ledger"
_VERSION = 1
_PAGE = 500  # answers that are held in memory while a file is checked
_LEVEL = 9  # of zstd; gzip has its own
_LONGEST = 64 << 20  # bytes of a line: no answer is as long
_NEEDED = frozenset({"stage", "key", "output", "recipe", "model", "source_key", "prompt_fingerprint", "language"})
_AGAIN = "Make it anew with `doctown cache export`."


class CacheWriter:
    """Writes beside the file and puts it in its place when all is there. Use it in a ``with`` block."""

    def __init__(self, path: Path, header: Mapping[str, Any]) -> None:
        self._path = path
        self._beside = path.with_name(f".{path.name}.{os.getpid()}")
        self._header = header
        self._sum = hashlib.sha256()
        self.recipes = 0
        self.answers = 0

    def __enter__(self) -> Self:
        self._stack = contextlib.ExitStack()
        try:
            self._stream = self._stack.enter_context(_compressed(self._beside, self._path, "wb"))
        except OSError as error:
            raise CacheFileError(
                f"{self._path}: cannot be written: {error.strerror}", "Choose another place."
            ) from None
        self._line({"format": _FORMAT, "version": _VERSION, **self._header})
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if kind is None:
                end = {"recipes": self.recipes, "answers": self.answers, "sha256": self._sum.hexdigest()}
                self._stream.write((json.dumps({"end": end}) + "\n").encode())
            self._stack.close()
            if kind is None:
                self._beside.replace(self._path)
        except OSError as error:
            raise CacheFileError(f"{self._path}: cannot be written: {error.strerror}") from None
        finally:
            self._beside.unlink(missing_ok=True)

    def add_recipes(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """What recipes are fingerprints of."""
        for row in rows:
            self._line({"recipe": row})
            self.recipes += 1

    def add_answers(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Answers."""
        for row in rows:
            self._line({"answer": row})
            self.answers += 1

    def _line(self, value: Mapping[str, Any]) -> None:
        line = (json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n").encode("utf-8", "replace")
        self._sum.update(line)
        try:
            self._stream.write(line)
        except OSError as error:
            raise CacheFileError(f"{self._path}: cannot be written: {error.strerror}", "Make room.") from None


@dataclass(slots=True)
class CacheReader:
    """Reads such a file. ``check`` goes through all of it before anything is taken from it."""

    path: Path
    header: dict[str, Any] = field(default_factory=dict)
    recipes: int = 0
    answers: int = 0

    def check(self) -> None:
        """Raises CacheFileError for a file that is no ledger, of another version, cut, or changed."""
        for _ in self.pages(_PAGE):
            pass

    def pages(self, size: int) -> Iterator[tuple[list[dict[str, Any]], list[dict[str, Any]]]]:
        """Pages of (recipes, answers). Raises CacheFileError; only at its end is it known that the file is whole."""
        recipes: list[dict[str, Any]] = []
        answers: list[dict[str, Any]] = []
        self.recipes = self.answers = 0
        found = hashlib.sha256()
        end: dict[str, Any] | None = None
        for number, line in enumerate(self._lines(), start=1):
            if end is not None:
                raise self._bad(f"line {number} stands behind the end", _AGAIN)
            value = self._value(number, line)
            if number == 1:
                self._head(value)
            elif "end" in value:
                end = value["end"]
                continue
            elif "recipe" in value:
                recipes.append(self._fields(number, value["recipe"], frozenset({"recipe", "stage", "parts"})))
                self.recipes += 1
            elif "answer" in value:
                answers.append(self._fields(number, value["answer"], _NEEDED))
                self.answers += 1
            else:
                raise self._bad(f"line {number} is neither a recipe nor an answer", _AGAIN)
            found.update(line)
            if len(answers) >= size:
                yield recipes, answers
                recipes, answers = [], []
        if end is None:
            raise self._bad("it is cut: its last line is missing", "Copy it again, or make it anew.")
        counted = {"recipes": self.recipes, "answers": self.answers, "sha256": found.hexdigest()}
        if end != counted:
            raise self._bad("its checksum is another: it was changed or damaged", _AGAIN)
        yield recipes, answers

    def _lines(self) -> Iterator[bytes]:
        try:
            with _compressed(self.path, self.path, "rb") as stream:
                while line := stream.readline(_LONGEST):
                    if not line.endswith(b"\n"):
                        raise self._bad("it is cut: its last line is not whole", "Copy it again, or make it anew.")
                    yield line
        except (EOFError, zstandard.ZstdError, gzip.BadGzipFile, OSError) as error:
            if isinstance(error, OSError) and not isinstance(error, gzip.BadGzipFile):
                raise self._bad(f"cannot be read: {error.strerror or error}") from None
            what = "it is cut" if isinstance(error, EOFError) else f"it is not what its ending says ({error})"
            raise self._bad(what, "Its name must end in .zst, .gz or .jsonl, as it was written.") from None

    def _value(self, number: int, line: bytes) -> dict[str, Any]:
        try:
            value = json.loads(line)
        except (ValueError, UnicodeDecodeError):
            raise self._bad(f"line {number} is no JSON", _AGAIN) from None
        if not isinstance(value, dict):
            raise self._bad(f"line {number} is no object", _AGAIN)
        return value

    def _head(self, value: dict[str, Any]) -> None:
        if value.get("format") != _FORMAT:
            raise self._bad("it is no ledger of Doctown's", "`doctown cache export FILE` makes one.")
        if value.get("version") != _VERSION:
            raise self._bad(
                f"it has version {value.get('version')}, this program reads {_VERSION}", "Use the Doctown that made it."
            )
        self.header = value

    def _fields(self, number: int, row: object, needed: frozenset[str]) -> dict[str, Any]:
        if not isinstance(row, dict) or not needed <= row.keys():
            missing = sorted(needed - row.keys()) if isinstance(row, dict) else ["everything"]
            raise self._bad(f"line {number} lacks {', '.join(missing)}", _AGAIN)
        return row

    def _bad(self, what: str, remedy: str = "") -> CacheFileError:
        return CacheFileError(f"{self.path}: {what}; nothing was taken in", remedy)


@contextlib.contextmanager
def _compressed(path: Path, named: Path, mode: str) -> Iterator[IO[bytes]]:
    """The file, through what its ending says."""
    with path.open(mode) as raw:
        if named.suffix == ".gz":
            with gzip.GzipFile(fileobj=raw, mode=mode, mtime=0) as zipped:
                yield cast(IO[bytes], zipped)
        elif named.suffix == ".zst":
            tool = zstandard.ZstdCompressor(level=_LEVEL) if "w" in mode else zstandard.ZstdDecompressor()
            if isinstance(tool, zstandard.ZstdCompressor):
                with tool.stream_writer(raw, closefd=False) as stream:
                    yield stream
            else:
                with tool.stream_reader(raw, closefd=False) as reader:
                    yield io.BufferedReader(reader)
        else:
            yield raw
