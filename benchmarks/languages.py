"""What is read of a repository that others wrote: nodes, errors, resolved calls, and what ctags finds besides.

`python benchmarks/languages.py FOLDER LANGUAGE[,LANGUAGE]` prints the row of docs/languages.md. `--sample 10` prints
nodes drawn by chance, to be compared with their source by hand; `--missing` what Universal Ctags (in the path) finds
and the index does not, without what stands inside of a function.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from daemon.index.edges import Definition, Use, link, typed
from daemon.index.languages import MEMBERS, language_of
from daemon.index.outline import CLASS_LIKE
from daemon.index.parse import parse
from daemon.index.projects import is_project_file, roots_of
from db.parsed import ParsedFile, ParsedNode
from db.types import EdgeKind, NodeKind

_SEED = 7
_HOLDERS = frozenset({*CLASS_LIKE, NodeKind.FILE})  # what stands in a function is no node
_KINDS = frozenset({
    "function", "method", "singletonMethod", "class", "struct", "union", "enum", "interface", "trait", "module",
})  # fmt: skip


def main() -> None:
    """Print the row and what was asked for besides."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("languages")
    parser.add_argument("--sample", type=int, default=0, metavar="NODES")
    parser.add_argument("--missing", action="store_true")
    asked = parser.parse_args()
    files = read(asked.folder, frozenset(asked.languages.split(",")))
    nodes = [(path, node) for path, file in files.items() for node in file.nodes if node.kind is not NodeKind.FILE]
    calls, resolved = linked(files)
    faulty = sum(bool(file.syntax_errors) for file in files.values())
    print(f"| {len(files)} files | {len(nodes)} nodes | {faulty} with errors | {calls} calls | {resolved} resolved |")
    if asked.missing:
        found, missing = besides(asked.folder, files)
        print(f"ctags finds {found}, of which {len(missing)} are missing here", *missing, sep="\n  ")
    for path, node in random.Random(_SEED).sample(nodes, asked.sample):  # noqa: S311 - no secret
        show(asked.folder, path, node)


def read(folder: Path, wanted: frozenset[str]) -> dict[str, ParsedFile]:
    """Every file of these languages, parsed."""
    paths = [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")) if path.is_file()]
    paths = [path for path in paths if not path.startswith(".git/")]
    roots = roots_of(folder, filter(is_project_file, paths))
    found = {}
    for path in paths:
        language = language_of(path)
        if language in MEMBERS and language is not None:
            file = parse(path, (folder / path).read_bytes(), language, roots=roots)
            if file.lang in wanted:
                found[path] = file
    return found


def linked(files: dict[str, ParsedFile]) -> tuple[int, int]:
    """(distinct calls, those that lead to a definition of the repository)."""
    definitions: list[Definition] = []
    uses: list[Use] = []
    for file_id, file in enumerate(files.values()):
        first = len(definitions)
        uses += [Use(first + one.source, one.kind, one.target) for one in file.references]
        definitions += [
            Definition(
                id=number, kind=node.kind, fqn=node.fqn, name=node.name, owner=node.owner, package=node.package,
                file_id=file_id, lang=node.lang, supertypes=node.supertypes, fields=typed(node.params, node.fields),
                returns=node.return_type,
            )
            for number, node in enumerate(file.nodes, start=first)
        ]  # fmt: skip
    links = link(definitions, uses, {number: file.imports for number, file in enumerate(files.values())})
    calls = [use for use in links if use.kind is EdgeKind.CALLS]
    return len(calls), sum(links[use].dst is not None for use in calls)


def besides(folder: Path, files: dict[str, ParsedFile]) -> tuple[int, list[str]]:
    """(definitions that ctags finds outside of functions, those that are no nodes)."""
    program = shutil.which("ctags")
    if program is None:
        raise SystemExit("--missing needs Universal Ctags in the path: apt-get install universal-ctags")
    command = [program, "--output-format=json", "--fields=+nK", "-f", "-", *files]
    written = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout
    found, missing = 0, []
    for line in written.splitlines():
        tag = json.loads(line)
        path, name, at = tag.get("path"), tag.get("name", ""), tag.get("line", 0)
        is_macro = name.startswith("TEST") and name.isupper()
        if tag.get("kind") not in _KINDS or name.startswith(("__anon", "AnonymousClass")) or is_macro:
            continue
        around = [node for node in files[path].nodes if node.line_start <= at <= node.line_end]
        if any(name in {node.name, f"operator {node.name}"} for node in around):
            found += 1
        elif all(node.kind in _HOLDERS for node in around):
            found += 1
            missing.append(f"{path}:{at} {tag['kind']} {name}")
    return found, missing


def show(folder: Path, path: str, node: ParsedNode) -> None:
    """A node and the lines that it claims."""
    params = ", ".join(f"{one.name}: {one.type} = {one.default}" for one in node.params)
    print(f"\n{node.kind} {node.fqn} ({path}:{node.line_start}-{node.line_end}), owner {node.owner}")
    print(
        f"  {node.signature}\n  takes ({params}) gives {node.return_type}, is {', '.join(node.supertypes) or 'nothing'}"
    )
    print(f"  {', '.join((*node.annotations, *node.modifiers))}\n  says {node.doc_summary}")
    lines = (folder / path).read_text(encoding="utf-8", errors="replace").splitlines()
    shown = [
        *range(node.line_start - 1, min(node.line_start + 6, node.line_end)),
        *range(node.line_end - 2, node.line_end),
    ]
    print(*(f"  {number + 1:5} {lines[number]}" for number in sorted(set(shown)) if number >= 0), sep="\n")


if __name__ == "__main__":
    main()
