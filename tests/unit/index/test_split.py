"""Code cut at the borders of its syntax, in any language, whatever state it is in."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest

from daemon.index.languages import LANGUAGES
from daemon.index.split import split
from daemon.parts import Part

SOURCES = Path(__file__).resolve().parents[2] / "sources"
ENDINGS = {ending: row.name for row in LANGUAGES for ending in row.endings}
FILES = sorted(
    path for path in SOURCES.rglob("*") if path.is_file() and path.suffix in ENDINGS and path.stat().st_size > 300
)

PYTHON = '''import os

LIMIT = 3


class Shop:
    """Sells things."""

    def open(self):
        self.door = True
        return self.door

    # Everybody out first.
    def close(self):
        self.door = False
        return self.door


def visit(shop):
    if shop.door:
        shop.enter()
    return shop
'''


def cut(source: str, lang: str, limit: int) -> list[Part]:
    parts = split(source, lang, limit, len)
    assert "".join(part.text for part in parts) == source
    assert all(one.end == other.start for one, other in pairwise(parts))
    assert all(part.size <= limit for part in parts)
    return parts


def test_there_are_files_of_all_our_languages() -> None:
    assert {ENDINGS[path.suffix] for path in FILES} >= {"python", "java", "kotlin", "go", "rust", "typescript"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
@pytest.mark.parametrize("limit", [40, 200, 1000])
def test_nothing_is_lost_of_real_files(path: Path, limit: int) -> None:
    source = path.read_text(encoding="utf-8")
    parts = cut(source, ENDINGS[path.suffix], limit)
    assert len(parts) >= len(source) / limit


def test_declarations_stay_whole_where_they_fit() -> None:
    texts = [part.text.strip() for part in cut(PYTHON, "python", 150)]
    assert [text.splitlines()[0] for text in texts] == ["import os", "# Everybody out first.", "def visit(shop):"]
    assert [text.splitlines()[-1] for text in texts] == ["        return self.door"] * 2 + ["    return shop"]


def test_a_part_says_what_it_stands_in() -> None:
    around = {part.text.strip().splitlines()[0]: part.around for part in cut(PYTHON, "python", 150)}
    assert around["# Everybody out first."] == ("class Shop:",)
    assert around["import os"] == ()
    deep = "def f(a):\n    for x in a:\n        while x:\n" + "".join(f"            x.step_{n}()\n" for n in range(40))
    inner = cut(deep, "python", 200)[2:]
    assert {part.around for part in inner} == {("def f(a):", "for x in a:", "while x:")}


def test_a_comment_stays_with_what_it_is_about() -> None:
    source = "".join(f"// step {n}\nfoo{n}(bar, baz);\n" for n in range(30))
    for part in cut(source, "javascript", 100):
        assert part.text.startswith("// step")
        assert part.text.endswith(";\n")


@pytest.mark.parametrize("limit", [60, 300])
def test_minified_code_is_cut_between_its_functions(limit: int) -> None:
    source = "!function(){" + "".join(f"function f{n}(a,b){{return a*{n}+b}}" for n in range(200)) + "}();"
    parts = cut(source, "javascript", limit)
    inner = parts[1:-1]
    assert len(inner) > 20
    assert all(re.fullmatch(r"(?:function f\d+\(a,b\)\{return a\*\d+\+b\})+", part.text) for part in inner)


def test_a_table_in_one_line_is_cut_between_its_rows() -> None:
    source = "var A=[" + ",".join(f'{{"id":{n},"name":"n{n}"}}' for n in range(300)) + "];"
    for part in cut(source, "javascript", 200)[1:]:
        assert part.text.lstrip(",").startswith(("{", "]"))


def test_offsets_are_characters_and_not_bytes() -> None:
    source = "".join(f'def шаг_{n}():\n    return "🙂 раз, два {n}"\n\n\n' for n in range(20))
    parts = cut(source, "python", 120)
    assert all(part.text.lstrip().startswith("def шаг_") for part in parts)
    assert all(part.text.rstrip().endswith('"') for part in parts)
    assert len(parts) >= 7


@pytest.mark.parametrize(
    "source",
    [
        "def f(:\n    retur\n" * 40, "}}}} class {{{{ (((" * 30, "x = " + " + ".join(f"a{n}" for n in range(3000)),
        "(" * 3000, "f(" * 1500 + ")" * 1500, "\x00\ufeff\ud800" * 50, "'" * 500, "a" * 5000,
    ],
    ids=["errors", "brackets", "long sum", "open", "nested", "odd signs", "quotes", "one word"],
)  # fmt: skip
@pytest.mark.parametrize("lang", ["python", "javascript"])
def test_no_content_breaks_it(source: str, lang: str) -> None:
    assert cut(source, lang, 64)


@pytest.mark.parametrize("lang", ["klingon", "", "../python"])
def test_a_language_that_nobody_knows_is_cut_at_lines(lang: str) -> None:
    source = "one two\nthree four\n\nfive six\nseven\n"
    assert [part.text for part in cut(source, lang, 20)] == ["one two\nthree four\n\n", "five six\nseven\n"]


def test_a_grammar_that_only_the_pack_has_is_used() -> None:
    source = "".join(f"function f{n}()\n  return {n}\nend\n" for n in range(20))
    assert all(part.text.startswith("function") and part.text.endswith("end\n") for part in cut(source, "lua", 90))


def test_a_parser_that_is_lost_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daemon.index.split._PATIENCE_S", -1.0)
    source = "def f():\n    return 1\n\n\n" * 4_000
    parts = cut(source, "python", 90)
    assert len(parts) >= 1_000
    assert {part.around for part in parts} == {()}, "by lines, not by syntax"
