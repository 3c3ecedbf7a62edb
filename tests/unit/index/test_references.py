"""Uses of names: how they are written down, and which node they belong to."""

from __future__ import annotations

from collections.abc import Callable
from textwrap import dedent
from typing import Any

import pytest

from daemon.index.languages import language_of
from daemon.index.parse import parse
from db.parsed import Reference
from db.types import EdgeKind


def calls(path: str, source: str) -> dict[str, list[str]]:
    """Name of a node -> what it calls, in order."""
    language = language_of(path)
    assert language is not None
    file = parse(path, dedent(source).encode(), language)
    found: dict[str, list[str]] = {}
    for one in file.references:
        if one.kind is EdgeKind.CALLS:
            found.setdefault(file.nodes[one.source].name, []).append(one.target)
    return {name: sorted(targets) for name, targets in found.items()}


@pytest.mark.parametrize(
    ("path", "source", "expected"),
    [
        ("a.py", "f()", ["f"]),
        ("a.py", "a.b.c(d())", ["a.b.c", "d"]),
        ("a.py", "a.b().c()", ["a.b", "a.b().c"]),
        ("a.py", "a.b().c().d().e().f()", [".f", "a.b", "a.b().c", "a.b().c().d", "a.b().c().d().e"]),
        ("a.py", "','.join(x[0].run())", [".join", ".run"]),
        ("a.py", "(await self.x.y()).z()", ["self.x.y", "self.x.y().z"]),
        ("a.py", "super().__init__(1)", ["super.__init__"]),
        ("a.py", "f()()", ["f"]),
        ("a.kt", "fun g() { a?.b!!.c(1); Foo<Int>(2); ::go; Owner::name; this@A.q(); super<B>.r(); A::class }", [
            "Foo", "Owner.name", "a.b.c", "go", "super.r", "this.q",
        ]),
        ("a.kt", "fun g() { x.map { it.run() }; (y as Foo).bar() }", ["Foo().bar", "it.run", "x.map"]),
        ("A.java", "class A { void g() { new Foo<>(1).bar(); Util.<X>go(); a.b(C::d); this.e.f(); ((G) h).i(); } }", [
            "C.d", "Foo", "Foo().bar", "G().i", "Util.go", "a.b", "this.e.f",
        ]),
        ("A.java", "class A extends B { A() { super(1); } A(int x) { this(); } }", ["super", "this"]),
        ("a.go", "package a\nfunc g() { s.store.Get(1); x := &T{}; y := pkg.U{}; Map[int](z); go run(); w.(V).Do() }", [
            "Map", "T", "V().Do", "pkg.U", "run", "s.store.Get",
        ]),
        ("a.rs", "fn g() { a::b::c(); self.x.y()?.z(); Vec::<u8>::new(); S { a: 1 }; <T as U>::v(); m!(k.l(n(1))); }", [
            ".v", "S", "Vec.new", "a.b.c", "k.l", "n", "self.x.y", "self.x.y().z",
        ]),
        ("src/b/a.rs", "fn g() { crate::x(); crate::y::z(); super::q(); self::r(); }", [
            "b.a.r", "b.q", "crate.x", "y.z",
        ]),
        ("a.ts", "new Foo<A>(b()); a!.b?.(c); (d as E).f(); import('./x'); `${g(1)}`; x[0]();", [
            "E().f", "Foo", "a.b", "b", "g",
        ]),
        ("a.jsx", "const el = <A.B c={d()}><E/><div/></A.B>", ["A.B", "E", "d"]),
    ],
)  # fmt: skip
def test_how_a_call_is_written(path: str, source: str, expected: list[str]) -> None:
    assert sorted(target for targets in calls(path, source).values() for target in targets) == expected


def test_a_call_belongs_to_the_innermost_node() -> None:
    assert calls(
        "a.py",
        """
        @register(name())
        class A(base()):
            x = field()

            @cached(size())
            def f(self, y=default()):
                def inner():
                    deep()
                return lambda: later()

        if ready():
            go()
        """,
    ) == {
        "A": ["base", "field", "name", "register"],
        "f": ["cached", "deep", "default", "later", "size"],
        "a.py": ["go", "ready"],
    }
    assert calls(
        "A.java",
        "class A { int x = init(); static { boot(); } void f() { new R() { void run() { deep(); } }; } }",
    ) == {"A": ["boot", "init"], "f": ["R", "deep"]}
    assert calls("a.rs", "struct S; impl S { const K: u8 = k(); fn f() { g(); } } #[doc(h(1))] fn i() {}") == {
        "S": ["k"], "f": ["g"],
    }  # fmt: skip
    assert calls("a.ts", "describe('x', () => { const f = () => g(); it('y', () => f()); });") == {
        "a.ts": ["describe", "f", "g", "it"],
    }  # fmt: skip


def test_uses_are_counted_and_keep_their_first_line() -> None:
    language = language_of("a.py")
    assert language is not None
    file = parse("a.py", b"def f():\n    g()\n    h()\n    g()\n\n    g()\n", language)
    assert file.references == (
        Reference(source=1, kind=EdgeKind.CALLS, target="g", line=2, count=3),
        Reference(source=1, kind=EdgeKind.CALLS, target="h", line=3, count=1),
    )


@pytest.mark.parametrize(
    ("name", "fqn", "expected"),
    [
        ("python", "shop.cart.Cart", [("INHERITS", "list")]),
        ("kotlin", "org.example.clinic.owner.Owner", [("INHERITS", "Person"), ("IMPLEMENTS", "Comparable")]),
        ("kotlin", "org.example.clinic.owner.OwnerRepository", [("INHERITS", "Repository")]),
        ("kotlin", "org.example.clinic.owner.CachedOwners", [("IMPLEMENTS", "OwnerRepository")]),
        ("java", "org.example.library.LendingService", [
            ("INHERITS", "AbstractService"), ("IMPLEMENTS", "Lender"), ("IMPLEMENTS", "AutoCloseable"),
        ]),
        ("typescript", "orders.orders.service.OrdersService", [
            ("INHERITS", "BaseService"), ("IMPLEMENTS", "Closable"), ("IMPLEMENTS", "Reporter"),
        ]),
        ("typescript", "orders.orders.service.Gateway", [("INHERITS", "Closable")]),
        ("javascript", "lib.router.Layer", [("INHERITS", "Base.Layer")]),
        ("go", "internal.store.Memory", [("INHERITS", "Locker"), ("INHERITS", "clock.Ticker")]),
        ("go", "internal.store.Store", [("INHERITS", "fmt.Stringer")]),
        ("rust", "policy.Lru", [("IMPLEMENTS", "Policy")]),
        ("rust", "cache.Pair", [("IMPLEMENTS", "Iterator")]),
    ],
)  # fmt: skip
def test_supertypes(tree: Callable[[str], Any], name: str, fqn: str, expected: list[tuple[str, str]]) -> None:
    found = [
        (str(one.kind), one.target)
        for one in tree(name).references(fqn)
        if one.kind in {EdgeKind.INHERITS, EdgeKind.IMPLEMENTS}
    ]
    assert found == expected


def test_imports_are_uses_of_the_file(tree: Callable[[str], Any]) -> None:
    found = {one.target: one.line for one in tree("kotlin").references("org.example.clinic.owner.OwnerController.kt")}
    assert found == {
        "java.time.LocalDate": 5,
        "org.example.clinic.owner.OwnerMapper.toDto": 6,
        "org.example.clinic.visit": 7,
        "org.springframework.web.bind.annotation": 8,
    }
    exported = tree("javascript").references("lib.app")
    assert "lib.app.createApp" not in {one.target for one in exported}, "what a module exports it does not import"
