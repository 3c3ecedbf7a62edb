"""The finer rules of linking, each on a small source of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from daemon.index.edges import Definition, Link, Use, link, telling, typed
from db.parsed import Import
from db.types import EdgeKind, NodeKind, Param


def test_an_import_of_a_constant_leads_to_its_module(link_sources: Callable[..., Any]) -> None:
    tree = link_sources({"a.py": b"LIMIT = 3\n", "b.py": b"from a import LIMIT\n"})
    assert tree.leads_to("b", "a.LIMIT", EdgeKind.IMPORTS) == ("a", "import")


def test_re_exports_are_followed(link_sources: Callable[..., Any]) -> None:
    tree = link_sources({
        "p/__init__.py": b"from .api import *\n", "p/api.py": b"from .deep import run as go\n",
        "p/deep.py": b"def run(): pass\n", "q.py": b"import p\nfrom p import go\ndef f():\n    go()\n    p.go()\n",
        "r.ts": b"export * from './s';", "s.ts": b"export { t as u } from './t';", "t.ts": b"export function t() {}",
        "v.ts": b"import { u } from './r';\nfunction w() { u(); }",
    })  # fmt: skip
    assert tree.leads_to("q.f", "go") == ("p.deep.run", "import")
    assert tree.leads_to("q.f", "p.go") == ("p.deep.run", "import")
    assert tree.leads_to("v.w", "u") == ("t.t", "import")


@pytest.mark.timeout(20)
def test_many_wildcards_cost_little(link_sources: Callable[..., Any]) -> None:
    names = [f"m{number}" for number in range(30)]
    files = {f"p/{name}.py": b"def f(): unknown()\n" for name in names}
    files["p/__init__.py"] = b"\n".join(f"from .{name} import *".encode() for name in names)
    files["q.py"] = b"import p\ndef g(): p.x.y.z.nothing()\n"
    assert link_sources(files).leads_to("q.g", "p.x.y.z.nothing") is None


def test_an_overload_in_python_leads_to_what_is_carried_out(link_sources: Callable[..., Any]) -> None:
    source = b"@overload\ndef f(a: int): ...\n@overload\ndef f(a: str): ...\ndef f(a): pass\ndef g(): f(1)\n"
    tree = link_sources({"a.py": source})
    (found,) = (to for use, to in tree.links.items() if use.target == "f")
    assert tree.nodes[found.dst].ordinal == 2


def test_an_extension_of_a_foreign_type(link_sources: Callable[..., Any]) -> None:
    source = b"fun String.shout() {}\nfun whisper() {}\nfun f(x: String) {\n x.shout()\n x.whisper()\n}\n"
    tree = link_sources({"a.kt": source})
    assert tree.leads_to("f", "x.shout") == ("shout", "local")
    assert tree.leads_to("f", "x.whisper") is None


def test_rings_end(link_sources: Callable[..., Any]) -> None:
    tree = link_sources({
        "a.py": b"from b import *\nfrom b import x\nclass A(B): pass\ndef f():\n    x()\n    y = y.z()\n    y.w()\n",
        "b.py": b"from a import *\nfrom a import x\nclass B(A):\n    def m(self): self.n()\n",
    })  # fmt: skip
    assert tree.leads_to("a.f", "x") is None
    assert tree.leads_to("b.B.m", "self.n") is None
    assert tree.leads_to("a.f", "y.w") is None


def test_a_source_root_below_the_repository(link_sources: Callable[..., Any]) -> None:
    tree = link_sources({
        "backend/app/__init__.py": b"", "backend/app/db.py": b"def connect(): pass\n",
        "backend/app/api.py": b"from app.db import connect\ndef f(): connect()\n",
        "app2/logging.py": b"def config(): pass\n", "app2/__init__.py": b"",
        "app2/main.py": b"import logging\ndef f(): logging.config()\n",
    })  # fmt: skip
    assert tree.leads_to("backend.app.api.f", "connect") == ("backend.app.db.connect", "import")
    assert tree.leads_to("app2.main.f", "logging.config") is None, "a package does not lend its modules as top-level"


def test_the_same_name_in_two_projects_is_nobodys(link_sources: Callable[..., Any]) -> None:
    tree = link_sources({
        "a/src/main.py": b"def run(): pass\ndef f(): run()\n", "b/src/main.py": b"def run(): pass\n",
        "c.py": b"from main import run\ndef g(): run()\n",
    })  # fmt: skip
    assert tree.leads_to("main.f", "run") == ("main.run", "local")
    assert tree.leads_to("c.g", "run") is None


def test_languages_do_not_mix(link_sources: Callable[..., Any]) -> None:
    tree = link_sources({
        "a.py": b"def compute_total(): pass\n", "b.js": b"function f(x) { x.compute_total(); compute_total(); }",
        "C.java": b"package p; class C { void join() {} }",
        "D.kt": b"package p\nclass D(val c: C) { fun f() { c.join() } }",
    })  # fmt: skip
    assert tree.leads_to("b.f", "x.compute_total") is None
    assert tree.leads_to("p.D.f", "c.join") == ("p.C.join", "typed")


def test_unique_needs_a_telling_name_and_an_unknown_receiver(link_sources: Callable[..., Any]) -> None:
    tree = link_sources({
        "a.py": b"""
class Ledger:
    def close_books(self): pass
    def close(self): pass
    def get_attribute(self): pass
    def twice_told(self): pass
class Other:
    def twice_told(self): pass
def close_doors(): pass
""",
        "b.py": b"""
import requests
def f(x, y: int, z: Missing):
    x.close_books()
    x.close()
    x.get_attribute()
    x.close_doors()
    x.twice_told()
    y.close_books()
    z.close_books()
    requests.close_books()
    Unknown.close_books()
    x[0].close_books()
    close_books()
""",
    })  # fmt: skip
    assert tree.leads_to("b.f", "x.close_books") == ("a.Ledger.close_books", "unique")
    assert tree.leads_to("b.f", ".close_books") == ("a.Ledger.close_books", "unique")
    for target in (
        "x.close", "x.get_attribute", "x.close_doors", "x.twice_told", "y.close_books", "z.close_books",
        "requests.close_books", "Unknown.close_books", "close_books",
    ):  # fmt: skip
        assert tree.leads_to("b.f", target) is None, target


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("find_owner_by_name", True), ("findOwner", True), ("getPetTypes", True), ("close", False), ("append", False),
        ("addAll", False), ("toString", False), ("getName", False), ("hashCode", False), ("authenticate", False),
        ("to_x", False), ("HTTPServer", True), ("", False),
    ],
)  # fmt: skip
def test_telling(name: str, expected: bool) -> None:
    assert telling(name) is expected


LOCKED = (
    "struct S;\nimpl S { fn go(&self) {} }\nstruct T { s: Arc<Mutex<S>> }\n"
    "impl T { fn f(&self) { self.s.lock().unwrap().go(); } }\n"
)


@pytest.mark.parametrize(
    ("path", "source", "fqn", "target", "expected"),
    [
        ("a.py", "class A:\n    def __init__(self): pass\ndef f(): A()\n", "a.f", "A", "a.A.__init__"),
        ("a.py", "class A: pass\ndef f(): A()\n", "a.f", "A", "a.A"),
        ("A.java", "class A { A(){} A(int x){} static void f() { new A(); } }", "A.f", "A", "A"),
        ("a.kt", "class A(val x: Int) { constructor() : this(1) }\nfun f() { A() }", "f", "A", "A"),
        ("a.py", "class A:\n    def f(self, a): pass\n    def g(self): self.f(1)\n", "a.A.g", "self.f", "a.A.f"),
        ("a.go", "package p\ntype B struct{}\nfunc (b B) M() {}\ntype C struct{ *B }\nfunc (c C) N() { c.B.M() }\n",
         "p.C.N", "c.B.M", "p.B.M"),
        ("a.js", "function V() { this.look() }\nV.prototype.look = function () {}\n", "a.V", "this.look", "a.V.look"),
        ("src/a.rs", LOCKED, "a.T.f", "self.s.lock().unwrap().go", "a.S.go"),
        ("a.kt", "class A {\n fun go() {}\n}\nfun f(a: A) { a.also { x() }.go() }\n", "f", "a.also().go", "A.go"),
        ("A.java", "class A { A get() { return this; } }\nclass B { void f(Optional<A> a) { a.get(); } }",
         "B.f", "a.get", None),
        ("a.py", "class L: pass\nclass R:\n    def f(self): pass\nclass B(L, R):\n    def f(self): super().f()\n",
         "a.B.f", "super.f", "a.R.f"),
        ("a.py", "class B(Out):\n    def f(self): super().f()\n", "a.B.f", "super.f", None),
        ("a.py", "class C:\n    def f(self): pass\nclass B(C):\n    def f(self): super().f()\n",
         "a.B.f", "super.f", "a.C.f"),
        ("a.py", "def run(): pass\nclass A:\n    def go(self):\n        run()\n    def run(self): pass\n",
         "a.A.go", "run", "a.run"),
        ("a.py", "def f(run):\n    run()\ndef run(): pass\n", "a.f", "run", None),
        ("a.kt", "class A {\n companion object Own {\n fun make() {}\n }\n}\nfun f() { A.make() }",
         "f", "A.make", "A.Own.make"),
        ("a.kt", "class A {\n fun f() {}\n inner class B {\n fun g() { f() }\n }\n}", "A.B.g", "f", "A.f"),
        ("a.py", "class E:\n    def run(self): pass\nclass D:\n    e: 'E | None'\n    def f(self): self.e.run()\n",
         "a.D.f", "self.e.run", "a.E.run"),
    ],
)  # fmt: skip
def test_small_rules(
    link_sources: Callable[..., Any], path: str, source: str, fqn: str, target: str, expected: str | None
) -> None:
    found = link_sources({path: source.encode()}).leads_to(fqn, target)
    assert (found[0] if found else None) == expected


def test_packages_may_be_nodes() -> None:
    package = Definition(id=1, kind=NodeKind.PACKAGE, fqn="a.b", name="b", owner=None, package="a", file_id=0, lang="")
    file = Definition(
        id=2, kind=NodeKind.FILE, fqn="m.x.go", name="x.go", owner=None, package="m", file_id=1, lang="go"
    )
    use = Use(2, EdgeKind.IMPORTS, "a.b")
    assert link([package, file], [use], {1: [Import(alias="b", target="a.b")]}) == {use: Link(1, "import")}
    assert link([file], [use], {}) == {use: Link(None, "")}


def test_a_use_by_an_unknown_node_stays_open() -> None:
    use = Use(99, EdgeKind.CALLS, "f")
    assert link([], [use], {}) == {use: Link(None, "")}


def test_typed_prefers_what_is_said() -> None:
    params = [Param(name="a", type="A"), Param(name="*rest"), Param(name="b")]
    fields = [Param(name="b", default="make()"), Param(name="c", type="C", default="x()"), Param(name="d")]
    assert typed(params, fields) == {"a": "A", "rest": "", "b": "make()", "c": "C", "d": ""}
