"""What costs the square of its length is given up on; what is only long is not."""

from __future__ import annotations

import pytest
from tree_sitter import Parser, Query

from daemon.index import patience
from daemon.index.languages import grammar_of, language_of
from daemon.index.parse import parse

PYTHON = language_of("a.py")
# Waits in every call for a text that may still come: nested calls all wait at once.
OPEN = "(call function: (identifier) @function arguments: (argument_list (string) @text))"


def _found(source: bytes) -> int:
    assert PYTHON is not None
    grammar = grammar_of(PYTHON)
    root = Parser(grammar).parse(source).root_node
    query = Query(grammar, OPEN)
    return len(patience.matches(query, root))


def test_a_long_file_is_no_deep_one() -> None:
    assert _found(b"f(1, 'a')\n" * 3000) == 3000
    assert _found(b"f(" * 100 + b"'a'" + b")" * 100) == 1


def test_too_many_open_matches_are_no_answer() -> None:
    deep = b"f(" * 3000 + b"'a'" + b")" * 3000
    with pytest.raises(patience.TooSlowError):
        _found(deep)


def test_such_a_file_is_one_node_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    assert PYTHON is not None
    source = b"def f(x):\n    return g(h(x))\n"
    assert parse("a.py", source, PYTHON).whole is None
    monkeypatch.setattr(patience, "_IN_MIND", 0)
    file = parse("a.py", source, PYTHON)
    assert [node.name for node in file.nodes] == ["a.py"]
    assert "too long" in (file.whole or "")
    assert file.nodes[0].source_code == source.decode()
