"""Random edits of a tree of real sources: what people, editors and git do to files between two index runs."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

SOURCES = Path(__file__).resolve().parents[1] / "sources"
_NAME = re.compile(r"\b[A-Za-z][A-Za-z_]{4,}\b")
_COMMENT = {".py": "#", ".rb": "#", ".sh": "#"}


class Tree:
    """A folder of sources that changes; ``random`` decides what is hit, so that one number is one history."""

    def __init__(self, root: Path, languages: Sequence[str], random: Random) -> None:
        self.root, self._random = root, random
        for language in languages:
            shutil.copytree(SOURCES / language, root / language, ignore=shutil.ignore_patterns("expected.yaml"))
        self._first = self._contents()
        self._before = self._first

    def edit(self, step: str) -> None:
        """Carry out one of STEPS."""
        now = self._contents()
        STEPS[step](self)
        self._before = now

    def files(self) -> list[Path]:
        """All files, in one order."""
        return sorted(path for path in self.root.rglob("*") if path.is_file())

    def _contents(self) -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in self.files()}

    def _restore(self, contents: dict[Path, bytes]) -> None:
        for path in self.files():
            if path not in contents:
                path.unlink()
        for path, content in contents.items():
            if not path.exists() or path.read_bytes() != content:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)

    def _one(self) -> Path:
        return self._random.choice(self.files())

    def _lines(self, path: Path) -> list[str]:
        return path.read_text(encoding="utf-8").splitlines(keepends=True)

    def _write(self, path: Path, lines: Sequence[str]) -> None:
        path.write_text("".join(lines), encoding="utf-8")

    # The steps.

    def _change_a_line(self) -> None:
        path = self._one()
        lines = self._lines(path)
        if lines:
            at = self._random.randrange(len(lines))
            lines[at] = re.sub(r"\d+|\b(true|false|True|False|null|None)\b", "7", lines[at], count=1)
            lines[at] = lines[at].replace("return ", "return not ", 1)
        self._write(path, lines)

    def _drop_lines(self) -> None:
        path = self._one()
        lines = self._lines(path)
        at = self._random.randrange(len(lines) + 1)
        self._write(path, lines[:at] + lines[at + self._random.randint(1, 12) :])

    def _empty_a_file(self) -> None:
        self._write(self._one(), [])

    def _double_lines(self) -> None:
        path = self._one()
        lines = self._lines(path)
        at = self._random.randrange(len(lines) + 1)
        upto = at + self._random.randint(1, 20)
        self._write(path, lines[:upto] + lines[at:upto] + lines[upto:])

    def _comment(self) -> None:
        path = self._one()
        lines = self._lines(path)
        lines.insert(self._random.randrange(len(lines) + 1), f"{_COMMENT.get(path.suffix, '//')} a remark\n\n")
        self._write(path, lines)

    def _rename_everywhere(self) -> None:
        names = sorted({name for path in self.files() for name in _NAME.findall(path.read_text(encoding="utf-8"))})
        if names:
            old = self._random.choice(names)
            self._replace(self.files(), old, self._other_name(old))

    def _rename_in_a_file(self) -> None:
        path = self._one()
        names = sorted(set(_NAME.findall(path.read_text(encoding="utf-8"))))
        if names:
            old = self._random.choice(names)
            self._replace([path], old, self._other_name(old))

    def _other_name(self, name: str) -> str:
        return f"{name}{self._random.choice(['Two', '_again', 'X'])}"

    def _replace(self, paths: Sequence[Path], old: str, new: str) -> None:
        for path in paths:
            text = path.read_text(encoding="utf-8")
            if (changed := re.sub(rf"\b{old}\b", new, text)) != text:
                path.write_text(changed, encoding="utf-8")

    def _move_a_file(self) -> None:
        path = self._one()
        folder = self._random.choice([self.root, self.root / "moved", *(other.parent for other in self.files())])
        name = self._random.choice([path.name, f"other_{path.name}"])
        if not (folder / name).exists():
            folder.mkdir(parents=True, exist_ok=True)
            path.rename(folder / name)

    def _rename_a_folder(self) -> None:
        folders = sorted({path.parent for path in self.files()} - {self.root})
        if folders:
            folder = self._random.choice(folders)
            target = folder.with_name(f"{folder.name}{self._random.choice(['_new', 'x'])}")
            if not target.exists():
                folder.rename(target)

    def _copy_a_file(self) -> None:
        path = self._one()
        target = path.with_name(f"copy_{self._random.randint(0, 3)}_{path.name}")
        target.write_bytes(path.read_bytes())

    def _delete_a_file(self) -> None:
        if len(self.files()) > 1:
            self._one().unlink()

    def _move_lines_to_another_file(self) -> None:
        source = self._one()
        alike = [path for path in self.files() if path.suffix == source.suffix and path != source]
        if not alike:
            return
        target = self._random.choice(alike)
        lines = self._lines(source)
        at = self._random.randrange(len(lines) + 1)
        upto = at + self._random.randint(2, 30)
        self._write(source, lines[:at] + lines[upto:])
        self._write(target, [*self._lines(target), *lines[at:upto]])

    def _swap_two_files(self) -> None:
        one, other = self._one(), self._one()
        first, second = one.read_bytes(), other.read_bytes()
        one.write_bytes(second)
        other.write_bytes(first)

    def _touch(self) -> None:
        path = self._one()
        path.write_bytes(path.read_bytes())

    def _undo(self) -> None:
        self._restore(self._before)

    def _back_to_the_start(self) -> None:
        self._restore(self._first)


STEPS: dict[str, Callable[[Tree], None]] = {
    name.removeprefix("_").replace("_", " "): getattr(Tree, name)
    for name in (
        "_change_a_line", "_drop_lines", "_empty_a_file", "_double_lines", "_comment", "_rename_everywhere",
        "_rename_in_a_file", "_move_a_file", "_rename_a_folder", "_copy_a_file", "_delete_a_file",
        "_move_lines_to_another_file", "_swap_two_files", "_touch", "_undo", "_back_to_the_start",
    )
}  # fmt: skip
