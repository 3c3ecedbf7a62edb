"""Kotlin that its grammar misreads is mended for it, and nothing of it is lost."""

from __future__ import annotations

import pytest

from daemon.index.languages import language_of
from daemon.index.mends import mended
from daemon.index.parse import parse
from db.parsed import ParsedFile


def parsed(source: str) -> ParsedFile:
    language = language_of("a.kt")
    assert language is not None
    return parse("a.kt", source.encode(), language)


@pytest.mark.parametrize(
    ("source", "signature"),
    [
        ("class A(val b: B) : C by b {\n    constructor() : this(B())\n}\n", "class A(val b: B) : C by b"),
        ("class A : C<D>, E by F.g(1) {\n    fun x() {}\n}\n", "class A : C<D>, E by F.g(1)"),
        ("object A : C by D {\n    constructor() {}\n}\n", "object A : C by D"),
        ("class A\nconstructor(val b: B) : C {\n    fun x() {}\n}\n", "class A constructor(val b: B) : C"),
        ("class A<T>\n// why\n@Inject(1)\ninternal constructor(\n    val b: B,\n) {\n    fun x() {}\n}\n",
         "class A<T> @Inject(1) internal constructor(val b: B)"),
        ("actual class A internal actual constructor(val b: B) {\n    fun x() {}\n}\n",
         "actual class A internal actual constructor(val b: B)"),
    ],
)  # fmt: skip
def test_the_class_is_whole(source: str, signature: str) -> None:
    file = parsed(source)
    assert file.syntax_errors == 0
    assert file.nodes[1].signature == signature
    assert [node.owner for node in file.nodes[2:]] == ["A"]
    assert (file.nodes[1].line_start, file.nodes[1].line_end) == (1, source.count("\n"))
    assert file.nodes[2].line_end == source.count("\n") - 1
    assert file.nodes[1].source_code.splitlines()[0] == source.splitlines()[0]


def test_what_is_no_delegate_of_a_class_stays() -> None:
    language = language_of("a.kt")
    assert language is not None
    source = b"class A(val x: Int)\nval y: Y by lazy {\n z() }\n"
    source += b"class B {\n val c by lazy(D) { e() }\n constructor(f: F) {}\n}\n"
    assert mended(source, language) is source


def test_what_was_mended_counts_for_the_hash() -> None:
    hashes = {
        parsed(f"class A(val b: B, val c: C) : I by {name} {{\n    constructor() : this(1)\n}}\n").nodes[1].source_hash
        for name in ("b", "c")
    }
    assert len(hashes) == 2
    layouts = [f"class A{gap}constructor(val b: B)" for gap in (" ", "\n", " // x\n  ", "\n/* y */\n")]
    assert len({parsed(layout).nodes[1].source_hash for layout in layouts}) == 1
