"""docs/languages.md: who follows "Adding a language" gets what it says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import pytest

from daemon.index import languages
from daemon.index.languages import Language, Naming, Step, language_of
from daemon.index.parse import parse
from daemon.index.row import names, words

DOC = (Path(__file__).parents[3] / "docs/languages.md").read_text(encoding="utf-8")


def block(kind: str) -> str:
    """The only block of that kind."""
    found = re.findall(rf"```{kind}\n(.*?)```", DOC, re.DOTALL)
    assert len(found) == 1, kind
    return str(found[0])


def test_following_the_walk_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = language_of("cart.lua")
    assert plain is not None
    assert not plain.queries, "Lua is read: let the documentation add another language"
    (tmp_path / "lua.scm").write_text(block("scheme"))
    monkeypatch.setattr(languages, "_QUERIES", tmp_path)
    known: dict[str, Any] = {"Language": Language, "Naming": Naming, "Step": Step, "names": names, "words": words}
    exec(block("python"), known | {"Final": Final}, known)  # noqa: S102 - our own documentation
    file = parse("src/shop/cart.lua", block("lua").encode(), known["LUA"])
    said = [f"{node.kind} {node.fqn} {node.line_start}-{node.line_end}" for node in file.nodes]
    said += [f"{file.nodes[one.source].fqn} {one.kind} {one.target}" for one in file.references]
    assert said == block("text").strip().splitlines()
    assert file.syntax_errors == 0
    add = file.nodes[1]
    assert ([param.name for param in add.params], add.doc_summary) == (["item", "count"], "Puts an item in.")
