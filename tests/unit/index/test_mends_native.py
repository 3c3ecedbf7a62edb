"""Macros and directives that grammars stumble over are mended for them: the declarations round them are read."""

from __future__ import annotations

import pytest

from daemon.index.languages import language_of
from daemon.index.mends import mended
from daemon.index.parse import parse
from db.parsed import ParsedFile

EXTERN_C = """#ifdef __cplusplus

extern "C" {
#endif
static int f(void) { return 1; }
#ifdef __cplusplus
}
#endif
"""
QT = "class W : public QObject {\n  Q_OBJECT\npublic slots:\n  void go() { x(); }\nsignals:\n  void gone();\n};\n"
SWIFT_IF = "class A {\n    #if DEBUG\n    let b = 1\n    #else\n    let b = 2\n    #endif\n    func f() {}\n}\n"
SWIFT_WORDS = "class A {\n    nonisolated(unsafe) var b = 1\n    func f(_ g: sending @escaping () -> Void) {}\n}\n"
CPP_LOCKED = "class A {\n  void f() EXCLUSIVE_LOCKS_REQUIRED(mutex_) { x(); }\n  int count_ GUARDED_BY(mutex_);\n};\n"


def parsed(path: str, source: str) -> ParsedFile:
    language = language_of(path)
    assert language is not None
    return parse(path, source.encode(), language)


@pytest.mark.parametrize(
    ("path", "source", "signatures"),
    [
        ("a.h", "struct API_EXPORT Cart {\n  int x;\n};\n", ["struct API_EXPORT Cart"]),
        ("a.hpp", "class SHOP_API Cart : public Base {\n};\n", ["class SHOP_API Cart : public Base"]),
        ("a.c", "API_CALL int total(void) { return 1; }\n", ["API_CALL int total(void)"]),
        ("a.cc", "SHOP_API const std::vector<Item>& items(int n) { return x; }\n",
         ["SHOP_API const std::vector<Item>& items(int n)"]),
        ("a.c", "BOOL WINAPI Start(HANDLE h) { return 1; }\n", ["BOOL WINAPI Start(HANDLE h)"]),
        ("a.c", "#define api static inline\n#define hot\napi hot\nint f(void) { return 1; }\n",
         ["api hot int f(void)"]),
        ("a.cc", CPP_LOCKED, ["class A", "void f() EXCLUSIVE_LOCKS_REQUIRED(mutex_)"]),
        ("a.c", "int f(void *data __unused, int n G_GNUC_UNUSED) { return 1; }\n",
         ["int f(void *data __unused, int n G_GNUC_UNUSED)"]),
        ("a.cc", QT,
         ["class W : public QObject", "void go()"]),
        ("a.h", EXTERN_C, ["static int f(void)"]),
        ("a.cc", "A::A(int x)\n    : x_(x)\n#ifdef TRACE\n    , trace_(1)\n#endif\n{ y(); }\n", ["A::A(int x)"]),
        ("a.cc", "int A[] = {\n  1,\n#if X\n  2,\n#else\n  3,\n#endif\n};\nint f() { return 1; }\n", ["int f()"]),
        ("a.swift", SWIFT_IF,
         ["class A", "func f()"]),
        ("a.swift", SWIFT_WORDS,
         ["class A", "func f(_ g: sending @escaping () -> Void)"]),
        ("a.scala", "class A @Inject() (b: B)(c: C) extends D {\n  def e = 1\n}\n",
         ["class A @Inject() (b: B)(c: C) extends D", "def e"]),
        ("a.scala", "class A[T <: B[_]] @Inject private (b: T) {\n}\n",
         ["class A[T <: B[_]] @Inject private (b: T)"]),
    ],
)  # fmt: skip
def test_the_declarations_are_read(path: str, source: str, signatures: list[str]) -> None:
    file = parsed(path, source)
    assert file.syntax_errors == 0
    assert [node.signature for node in file.nodes[1:]] == signatures


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("a.cc", b"void f() { if (x) CHECK(y); LOG(INFO) << z; }\n"),
        ("a.c", b"int f(void) {\n    RELEASE(x);\n    return (int)TOTAL(y);\n}\n"),
        ("a.c", b"#define MAX 3\nint a[MAX];\n"),
        ("a.swift", b"func f() { let sending = 1; g(sending) }\n"),
        ("a.scala", b"@Inject class A(b: B)\n"),
    ],
)
def test_what_means_something_stays(path: str, source: bytes) -> None:
    language = language_of(path)
    assert language is not None
    assert mended(source, language) is source


def test_a_comment_above_a_mended_word_documents() -> None:
    file = parsed(
        "a.c", "// Adds.\nAPI_CALL int add(int a) { return a; }\n\n// Alone.\n\nAPI_CALL int b(void) { return 1; }\n"
    )
    assert [(node.name, node.doc_summary, node.line_start) for node in file.nodes[1:]] == [
        ("add", "Adds.", 1), ("b", None, 6),
    ]  # fmt: skip


def test_what_was_mended_counts_for_the_hash() -> None:
    first = "class A {\n  void f() LOCKS_EXCLUDED(a_) { x(); }\n};\n"
    hashes = [parsed("a.cc", source).nodes[2].source_hash for source in (first, first.replace("a_", "b_"), first)]
    assert hashes[0] == hashes[2] != hashes[1]
