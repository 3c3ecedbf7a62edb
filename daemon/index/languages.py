"""All languages that we read, and which of them a file is in: by its name, its ending, its first line, its text.

A further language is a further row in ``rows/`` and a query file in ``queries/``, and a function in ``params.py``
where its parameter lists have a shape of their own; docs/languages.md walks through one. The captures that a query
may use are listed in ``tags.py``. The grammars that nobody wrote a query for are rows all the same: a file of them
is one node (``rows/plain.py``).
"""

from __future__ import annotations

import copyreg
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Final, cast

from tree_sitter import Language as Grammar
from tree_sitter import Node as SyntaxNode
from tree_sitter import Query
from tree_sitter_language_pack import SupportedLanguage, get_language

from daemon.index import patience
from daemon.index.row import Language, Naming, Selector, Step
from daemon.index.rows.managed import CSHARP, JAVA, KOTLIN, SCALA
from daemon.index.rows.native import CPP, GO, RUST, SWIFT, C
from daemon.index.rows.plain import PLAIN
from daemon.index.rows.script import JAVASCRIPT, PHP, PYTHON, RUBY, TSX, TYPESCRIPT

__all__ = [
    "LANGUAGES", "MEMBERS", "Language", "Naming", "Selector", "Step", "SyntaxNode", "dialect_of", "grammar_of",
    "language_of", "matches_of", "query_of", "row",
]  # fmt: skip

_QUERIES = Path(__file__).parent / "queries"

# The languages whose declarations become nodes.
MEMBERS: Final = (
    PYTHON, KOTLIN, JAVA, TYPESCRIPT, TSX, JAVASCRIPT, GO, RUST, C, CPP, CSHARP, PHP, RUBY, SCALA, SWIFT,
)  # fmt: skip
LANGUAGES: Final = (*MEMBERS, *PLAIN)

_BY_ENDING: Final = {ending: language for language in LANGUAGES for ending in language.endings}
_BY_FILE_NAME: Final = {name: language for language in LANGUAGES for name in language.file_names}
_BY_INTERPRETER: Final = {program: language for language in LANGUAGES for program in language.interpreters}
_BY_GRAMMAR: Final = {language.grammar: language for language in LANGUAGES}
_SHEBANG: Final = re.compile(rb"#!\s*(?:\S*/)?env\s+(?:-\S+\s+)*(?:\S*/)?([\w.+-]+)|#!\s*(?:\S*/)?([\w.+-]+)")


def row(grammar: str) -> Language:
    """The row with this grammar; KeyError where there is none."""
    return _BY_GRAMMAR[grammar]


def language_of(path: str, first_bytes: bytes = b"") -> Language | None:
    """The language of a file by its name, its ending, or its ``#!`` line where the name has no ending at all."""
    name = PurePosixPath(path).name
    if name in _BY_FILE_NAME:
        return _BY_FILE_NAME[name]
    ending = PurePosixPath(path).suffix
    if ending:
        return _BY_ENDING.get(ending) or _BY_ENDING.get(ending.lower())
    match = _SHEBANG.match(first_bytes)
    if match is None:
        return None
    program = (match[1] or match[2]).decode("ascii", errors="replace")
    return _BY_INTERPRETER.get(program) or _BY_INTERPRETER.get(re.sub(r"[\d.]+$", "", program))


def dialect_of(language: Language, path: str, source: bytes) -> Language:
    """The row that reads this file: a header ``.h`` is C, or C++ where its text looks like that."""
    if language.otherwise is None or not path.endswith(".h"):
        return language
    grammar, pattern = language.otherwise
    return row(grammar) if pattern.search(source) else language


@cache
def grammar_of(language: Language) -> Grammar:
    """The compiled grammar, loaded on first use."""
    return get_language(cast(SupportedLanguage, language.grammar))


@cache
def query_of(language: Language) -> Query:
    """The tag query: all query files of the row, and its kinds of comments, compiled together on first use."""
    texts = [(_QUERIES / name).read_text(encoding="utf-8") for name in language.queries]
    texts += [f"({kind}) @comment" for kind in sorted(language.comments)]
    return Query(grammar_of(language), "\n".join(texts))


def matches_of(root: SyntaxNode, language: Language) -> list[tuple[int, dict[str, list[SyntaxNode]]]]:
    """What the tag query finds below a node: (number of the pattern, captured nodes by name), in source order.

    Raises TooSlowError.
    """
    return patience.matches(query_of(language), root)


def _reduced(language: Language) -> tuple[Callable[..., Language], tuple[str]]:
    return row, (language.grammar,)


copyreg.pickle(Language, _reduced)  # rows travel between processes by name: they are the same everywhere
