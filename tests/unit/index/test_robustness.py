"""Whatever a file contains, it is read without an exception, in time, and in texts that a database takes."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daemon.index import parse as parser
from daemon.index.languages import MEMBERS, Language, language_of
from daemon.index.parse import parse
from db.parsed import ParsedFile
from db.types import EdgeKind, NodeKind

PYTHON, GO, JAVA = (language_of(name) for name in ("a.py", "a.go", "A.java"))
DEEP = 20_000
CASES = {
    "nothing": b"",
    "white space": b" \n\t\r\n",
    "zeros": b"\0" * 100,
    "every byte": bytes(range(256)) * 4,
    "open brackets": b"(" * 5000,
    "nested brackets": b"x = " + b"(" * DEEP + b"1" + b")" * DEEP,
    "nested calls": b"f(" * DEEP + b")" * DEEP,
    "nested blocks": b"{" * DEEP + b"}" * DEEP,
    "long chain": b"a" + b".b()" * 5000,
    "long sum": b"x = " + b"1 + " * 5000 + b"1",
    "one huge line": b"x = '" + b"y" * 300_000 + b"'",
    "nested classes": b"class A { " * 500,
    "nested functions": b"function f() { " * 500,
    "nested impl": b"impl A { fn f() { " * 300,
    "nested use": b"use a::{" * 500,
    "signs": b"@#$%^&*()!?<>{}[]\\|~`" * 200,
    "half a definition": b"def \nclass \nfun \nfunc \nfn \nfunction \nimport \nfrom\n",
    "names": "клас = 'é' # \U0001f600\nfunction 名前() {}\nfun `a b`() {}\n".encode(),
    "surrogates": b"x = '\xed\xa0\x80'",
}


def texts(file: ParsedFile) -> Iterator[str]:
    """Every text that would be stored."""
    for node in file.nodes:
        yield from (node.fqn, node.name, node.signature, node.source_code, node.package, node.owner or "")
        yield from (node.return_type or "", node.doc_summary or "", node.doc_details or "")
        yield from (*node.supertypes, *node.annotations, *node.modifiers, *node.imports)
        for param in (*node.params, *node.fields):
            yield from (param.name, param.type or "", param.default or "")
    yield from (one.target for one in file.references)
    for entry in file.imports:
        yield from (entry.alias, entry.target)


def check(file: ParsedFile) -> None:
    """What holds for every file."""
    for text in texts(file):
        assert "\0" not in text
        text.encode()
    assert file.nodes[0].kind is NodeKind.FILE
    for node in file.nodes:
        assert 1 <= node.line_start <= node.line_end <= max(file.line_count, 1)
    assert all(0 <= one.source < len(file.nodes) and 1 <= one.line <= file.line_count for one in file.references)
    keys = [(node.kind, node.fqn, node.ordinal) for node in file.nodes]
    assert len(set(keys)) == len(keys)


@pytest.mark.timeout(30)  # what is not linear does not end
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("language", MEMBERS, ids=lambda row: row.grammar)
def test_any_content(language: Language, case: str) -> None:
    check(parse("a/b.x", CASES[case], language))


@given(st.binary(max_size=400))
@settings(max_examples=60, deadline=None)
def test_any_bytes(content: bytes) -> None:
    for language in MEMBERS:
        check(parse("a/b.x", content, language))


PIECES = [
    "def f(", "class A", ":", "\n", "    ", "(", ")", "{", "}", "fun ", "x", " = ", "import ", "'", '"', "//", "/*",
    "*/", "/** d */", "@a ", "=>", "func ", "type ", "struct ", "impl ", "for ", "->", ",", ";", "#", "...", "<", ">",
]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=40))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_pieces_of_source(pieces: list[str]) -> None:
    content = "".join(pieces).encode()
    for language in MEMBERS:
        check(parse("a/b.x", content, language))


def test_no_recursion(monkeypatch: pytest.MonkeyPatch) -> None:
    """A deep tree is walked with a few frames: the limit is set just above what this test itself needs."""
    assert PYTHON is not None
    parse("a.py", b"x = 1", PYTHON)
    frames, frame = 0, sys._getframe()
    while frame.f_back is not None:
        frames, frame = frames + 1, frame.f_back
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(frames + 60)
    try:
        check(parse("a.py", b"def f():\n    return " + b"g(" * DEEP + b")" * DEEP, PYTHON))
    finally:
        sys.setrecursionlimit(limit)


def test_a_mark_carriage_returns_and_zeros_are_no_content() -> None:
    assert PYTHON is not None
    plain = parse("a.py", b"def f():\n    return 'a b'\n", PYTHON)
    marked = parse("a.py", b"\xef\xbb\xbfdef f():\r\n    return 'a\0b'\r\n", PYTHON)
    assert marked.nodes == plain.nodes
    assert (marked.size, marked.line_count) == (31, 2)
    assert marked.content_hash != plain.content_hash


def test_offsets_stay_right_behind_broken_bytes() -> None:
    assert PYTHON is not None
    file = parse("a.py", b"x = '\xff\xfe\xe9'\ndef f(a='\xe9'):\n    g()\n\ndef h(): pass\n", PYTHON)
    assert [(node.name, node.line_start, node.line_end) for node in file.nodes] == [
        ("a.py", 1, 5), ("f", 2, 3), ("h", 5, 5),
    ]  # fmt: skip
    assert file.nodes[1].params[0].default == "'\N{REPLACEMENT CHARACTER}'"
    assert file.nodes[2].source_code == "def h(): pass"


def test_syntax_errors_are_counted_and_the_rest_is_read() -> None:
    assert JAVA is not None
    source = b"class A {\n  int x = ;\n  void f() { g(1 2); }\n  void h() { i(); }\n}\nclass B { void j() {} }\n"
    file = parse("A.java", source, JAVA)
    assert file.syntax_errors >= 2
    assert {"h", "B", "j"} <= {node.name for node in file.nodes}
    assert ("i", EdgeKind.CALLS) in {(one.target, one.kind) for one in file.references}
    assert parse("A.java", b"class A {}", JAVA).syntax_errors == 0


def test_what_the_grammar_cannot_read_counts_for_the_hash() -> None:
    assert JAVA is not None
    texts = (b"\\\\1 $$ ##", b"\\\\1 $$ ##?")
    one, other = (parse("A.java", b"class A { int x = %b; }" % text, JAVA) for text in texts)
    assert one.nodes[1].source_hash != other.nodes[1].source_hash


def test_a_lost_parser_is_given_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    assert GO is not None
    monkeypatch.setattr(parser, "_PATIENCE_S", 0.05)
    content = b"package a\n" + b"/* " * 5000
    file = parse("a/b.go", content, GO)
    check(file)
    assert (len(file.nodes), file.syntax_errors) == (1, 0)
    assert "too long" in (file.whole or "")
    assert file.nodes[0].source_code == content.decode()
    assert parse("a/b.go", content + b"x", GO).nodes[0].source_hash != file.nodes[0].source_hash


@pytest.mark.timeout(60)
def test_a_megabyte() -> None:
    assert PYTHON is not None
    block = b"class C%d(Base):\n    def m(self, a: int = 1) -> int:\n        x = self.f(a)\n"
    block += b"        return g(x) + h(a)\n\n"
    content = b"".join(block % number for number in range(10_000))
    file = parse("a.py", content, PYTHON)
    assert (len(content) > 1_000_000, len(file.nodes), len(file.references)) == (True, 20_001, 40_000)


def test_long_texts_are_cut() -> None:
    assert PYTHON is not None
    file = parse("a.py", b"def f(a=[%s]): pass\n" % b", ".join([b"12345"] * 2000), PYTHON)
    assert len(file.nodes[1].signature) < 2100
    assert len(file.nodes[1].params[0].default or "") < 600
    assert len(file.nodes[1].source_code) > 10_000
