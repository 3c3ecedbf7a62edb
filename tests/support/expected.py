"""Prints the expected.yaml of a folder of tests/sources as the indexer reads it now: read every line, then keep it.

`python -m tests.support.expected LANGUAGE FQN,FQN,... > tests/sources/LANGUAGE/expected.yaml`: outline and uses of
everything, facts of the nodes named.
"""

from __future__ import annotations

import sys

import yaml

from db.parsed import ParsedNode
from db.types import NodeKind
from tests.unit.index.conftest import Tree, tree_of
from tests.unit.index.test_expected import fact, title

_KEYS = (
    "signature", "params", "return_type", "owner", "supertypes", "annotations", "modifiers", "fields", "doc_summary",
    "doc_details", "imports",
)  # fmt: skip


def main() -> None:
    """Print it."""
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    sys.stdout.write("\n".join(written(tree_of(sys.argv[1]), frozenset(sys.argv[2].split(",")))) + "\n")


def written(tree: Tree, wanted: frozenset[str]) -> list[str]:
    """The lines of the file."""
    lines = ["outline:"]
    for path, file in tree.files.items():
        lines.append(f"  {path}: |")
        lines += [f"    {node.kind} {title(node)} {node.line_start}-{node.line_end}" for node in file.nodes]
    facts = {f"{node.kind} {title(node)}": _facts(node) for node in tree.nodes.values() if title(node) in wanted}
    dumped = yaml.safe_dump(facts, sort_keys=False, allow_unicode=True, width=110)
    lines += ["facts:", *(f"  {line}" for line in dumped.rstrip().splitlines()), "uses: |"]
    for use, link in tree.links.items():
        to = f"{tree.nodes[link.dst].fqn}, {link.how}" if link.dst is not None else "outside"
        lines.append(f"  {title(tree.nodes[use.source])} {use.kind} {use.target} -> {to}")
    return lines


def _facts(node: ParsedNode) -> dict[str, object]:
    keys = [key for key in _KEYS if getattr(node, key) and (key != "signature" or node.kind is not NodeKind.FILE)]
    return {key: fact(node, key) for key in keys}


if __name__ == "__main__":
    main()
