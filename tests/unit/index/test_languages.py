"""The table of languages: which file is in which language, and that every row fits its grammar."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import get_args

import pytest
from tree_sitter_language_pack import SupportedLanguage

from daemon.index import languages
from daemon.index.languages import LANGUAGES, MEMBERS, Language, grammar_of, language_of, query_of
from daemon.index.rows.plain import LEFT, PLAIN


@pytest.mark.parametrize(
    ("path", "first_bytes", "expected"),
    [
        ("a/b.py", b"", "python"),
        ("a/b.PY", b"", "python"),
        ("b.kt", b"", "kotlin"),
        ("build.gradle.kts", b"", "kotlin"),
        ("B.java", b"", "java"),
        ("b.ts", b"", "typescript"),
        ("b.d.ts", b"", "typescript"),
        ("b.mjs", b"", "javascript"),
        ("b.jsx", b"", "javascript"),
        ("b.go", b"", "go"),
        ("b.rs", b"", "rust"),
        ("README.md", b"#!/usr/bin/python", None),
        ("Makefile", b"all:", "make"),
        ("bin/tool", b"#!/usr/bin/env python3\nimport os", "python"),
        ("bin/tool", b"#!/usr/bin/env -S python3.11 -u\n", "python"),
        ("bin/tool", b"#! /usr/local/bin/node --harmony\n", "javascript"),
        ("bin/tool", b"#!/bin/sh\n", "bash"),
        ("notes.txt", b"#!", None),
        ("bin/tool", b"\xff\xfe#!", None),
    ],
)
def test_language_of(path: str, first_bytes: bytes, expected: str | None) -> None:
    found = language_of(path, first_bytes)
    assert (found.name if found else None) == expected


def test_tsx_has_a_grammar_of_its_own_and_the_name_of_its_language() -> None:
    row = language_of("panel.tsx")
    assert row is not None
    assert (row.name, row.grammar) == ("typescript", "tsx")


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda row: row.grammar)
def test_a_row_names_only_what_its_grammar_has(language: Language) -> None:
    grammar = grammar_of(language)
    kinds = {grammar.node_kind_for_id(ident) for ident in range(grammar.node_kind_count)}
    for group in (language.strings, language.blocks, language.tuples, language.texts):
        assert group <= kinds
    if language in MEMBERS:
        assert query_of(language).pattern_count > 10
    else:
        assert query_of(language).pattern_count == len(language.comments), "a file of it is one node"


def test_every_grammar_of_the_pack_is_read_or_left_with_a_reason() -> None:
    known = {row.grammar for row in LANGUAGES} | LEFT.keys()
    assert set(get_args(SupportedLanguage)) <= known
    assert not {row.grammar for row in PLAIN} & LEFT.keys()
    assert all(LEFT.values())


def test_rows_travel_between_processes_by_name() -> None:
    for row in LANGUAGES:
        assert pickle.loads(pickle.dumps(row)) is row  # noqa: S301 - our own bytes


def test_no_query_needs_the_text_of_the_tree() -> None:
    for file in (Path(languages.__file__).parent / "queries").glob("*.scm"):
        assert "(#" not in file.read_text(encoding="utf-8"), f"{file.name}: see tags.py"
