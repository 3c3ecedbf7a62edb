"""Rows of the grammars without queries, read from plain.toml: a file of theirs is one node, without members."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Final

from daemon.index.row import Language, Naming

_TABLE = tomllib.loads((Path(__file__).parent / "plain.toml").read_text(encoding="utf-8"))


def _row(grammar: str, said: dict[str, Any]) -> Language:
    return Language(
        name=grammar,
        grammar=grammar,
        endings=tuple(said["endings"]),
        file_names=tuple(said.get("names", ())),
        interpreters=tuple(said.get("programs", ())),
        naming=Naming.PLAIN,
        comments=frozenset(said.get("comments", ())),
        strings=frozenset(said.get("strings", ())),
        layout=said.get("layout", False),
        hides_tokens=True,  # nothing is known of the grammar: what it leaves out counts
    )


PLAIN: Final = tuple(_row(grammar, said) for grammar, said in _TABLE["read"].items())
LEFT: Final[dict[str, str]] = _TABLE["left"]  # grammar -> why its files are not indexed
