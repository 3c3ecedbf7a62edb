"""Identifiers are split into words the same way in Python and in SQL."""

from __future__ import annotations

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daemon.identifiers import code_words, split, words


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        ("getUserName", ["getusername", "get", "user", "name"]),
        ("HTTPServer2", ["httpserver2", "http", "server", "2"]),
        ("max_line_chars", ["maxlinechars", "max", "line", "chars"]),
        ("__init__", ["init"]),
        ("XMLHttpRequest", ["xmlhttprequest", "xml", "http", "request"]),
        ("sha256sum", ["sha256sum", "sha", "256", "sum"]),
        ("ПолучитьИмя", ["получитьимя", "получить", "имя"]),
        ("plain", ["plain"]),
        ("_", []),
    ],
)
def test_split(token: str, expected: list[str]) -> None:
    assert split(token) == expected


def test_words_of_a_path_and_a_call() -> None:
    assert words("src/app/user_repo.py obj.findAll()") == [
        "src", "app", "userrepo", "user", "repo", "py", "obj", "findall", "find", "all",
    ]  # fmt: skip


def test_code_words_are_distinct_and_bounded() -> None:
    found = code_words(" ".join(f"word{number}" for number in range(9000))).split()
    assert len(found) == len(set(found)) == 3000


@given(st.text(alphabet="aBcDE12_. фЫ/-", max_size=30))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_sql_splits_alike(psql: psycopg.Connection[tuple[list[str]]], text: str) -> None:
    row = psql.execute("SELECT doctown_words(%s)", (text,)).fetchone()
    assert row is not None
    assert set(row[0]) == set(words(text))
