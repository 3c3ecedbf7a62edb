"""Compares the roles told of applications that others wrote with a count made by reading them, without the index.

`python benchmarks/roles.py FOLDER=benchmarks/roles/spring.yaml ...` prints the table of docs/benchmarks.md. A folder
holds the sources at the commit that the file names. A declaration counts once, by its file and its name; files have
roles by what they hold and are left out, and so are roles that the file does not list (controllers, fixtures, ...).
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from daemon.index.languages import language_of
from daemon.index.projects import is_project_file, roots_of
from db.types import NodeKind
from tests.support.roles import told

Counted = dict[str, set[tuple[str, str]]]  # role -> (file, name)


@dataclass(frozen=True)
class Compared:
    """One role of one application."""

    role: str
    counted: int
    right: int
    missed: list[tuple[str, str]]
    false: list[tuple[str, str]]


def main() -> None:
    """Print the table and what went wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pairs", nargs="+", metavar="FOLDER=FILE", help="sources, and the count made by hand")
    print("| application | role | by hand | found | missed | false |\n|---|---|---|---|---|---|")
    wrong: list[str] = []
    for pair in parser.parse_args().pairs:
        folder, _, file = pair.partition("=")
        said = yaml.safe_load(Path(file).read_text(encoding="utf-8"))
        for one in compare(Path(folder), said):
            print(
                f"| {said['repository']} | {one.role} | {one.counted} | {one.right} "
                f"| {len(one.missed)} | {len(one.false)} |"
            )
            wrong += [f"{one.role}: missed {path}: {name}" for path, name in one.missed]
            wrong += [f"{one.role}: false {path}: {name}" for path, name in one.false]
    print(*(wrong or ["nothing missed, nothing false"]), sep="\n")


def compare(folder: Path, said: dict[str, Any]) -> list[Compared]:
    """What was told against what was counted, by role."""
    counted: Counted = {
        role: {(path, name) for path, names in files.items() for name in names} for role, files in said["roles"].items()
    }
    found = _found(folder / said.get("below", ""))
    result = []
    for role, expected in counted.items():
        have = found.get(role, Counter())
        if expected or have:
            right = {one for one in expected if have[one]}
            false = sorted(one for one in have if one not in expected)
            result.append(Compared(role, len(expected), len(right), sorted(expected - right), false))
    return result


def _found(folder: Path) -> dict[str, Counter[tuple[str, str]]]:
    paths = [
        path.relative_to(folder).as_posix()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".git" not in path.parts and language_of(path.name)
    ]
    projects = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if is_project_file(path.name))
    texts = {path: (folder / path).read_text(encoding="utf-8", errors="replace") for path in paths}
    found: dict[str, Counter[tuple[str, str]]] = {}
    for path, node, role in told(texts, roots=roots_of(folder, projects)):
        if node.kind is not NodeKind.FILE:
            found.setdefault(role.role, Counter())[path, node.name.strip("`")] += 1
    return found


if __name__ == "__main__":
    main()
