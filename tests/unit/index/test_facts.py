"""What is said of a node in each language: signature, parameters, types, annotations, documentation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from daemon.index.languages import language_of
from daemon.index.parse import parse
from db.types import Param

FACTS: list[tuple[str, str, dict[str, Any]]] = [
    ("python", "shop.catalog", {"doc_summary": "What the shop sells.", "name": "catalog.py", "line_start": 1}),
    ("python", "shop.catalog.Product", {
        "signature": "class Product", "annotations": ("@dataclass(frozen=True)",), "line_start": 20, "line_end": 39,
        "doc_summary": "One thing for sale.",
        "fields": (
            Param(name="sku", type="str"), Param(name="cents", type="int"), Param(name="tags", type="list[str]"),
        ),
    }),
    ("python", "shop.catalog.Product.from_json", {
        "signature": "def from_json(cls, text: str) -> Product", "params": (Param(name="text", type="str"),),
        "annotations": ("@classmethod",), "return_type": "Product", "doc_summary": "Read a product.",
        "doc_details": "Raises KeyError when the text has no sku.",
    }),
    ("python", "shop.catalog.Catalog.total", {
        "signature": "def total(self, *skus: str, discount: float = 0.0, **weights: int) -> int",
        "params": (
            Param(name="*skus", type="str"), Param(name="discount", type="float", default="0.0"),
            Param(name="**weights", type="int"),
        ),
        "line_start": 65, "line_end": 69,
    }),
    ("python", "shop.catalog.Catalog", {
        "fields": (
            Param(name="_folder", type="Path"), Param(name="_pricing", type="Pricing | None"),
            Param(name="_products", type="dict[str, Product]"),
        ),
    }),
    ("python", "shop.catalog.refresh", {
        "signature": "async def refresh(catalog: Catalog, /, *, every_s: float = 60.0) -> None",
        "params": (Param(name="catalog", type="Catalog"), Param(name="every_s", type="float", default="60.0")),
        "modifiers": ("async",), "owner": None, "package": "shop",
    }),
    ("python", "shop.cart.Cart", {"supertypes": ("list",), "signature": "class Cart(list)"}),
    ("kotlin", "org.example.clinic.owner.OwnerController", {
        "signature": "class OwnerController(private val owners: OwnerRepository, "
        "private val visits: VisitService? = null)",
        "params": (
            Param(name="owners", type="OwnerRepository"), Param(name="visits", type="VisitService?", default="null"),
        ),
        "annotations": (
            "@RestController", '@RequestMapping(path = ["/owners"], produces = ["application/json"])',
        ),
        "doc_summary": "Answers questions about owners.",
        "doc_details": "One instance per application.\n@property owners where owners are kept",
        "package": "org.example.clinic.owner",
    }),
    ("kotlin", "org.example.clinic.owner.OwnerController.update", {
        "signature": "suspend fun update(@PathVariable id: Long, @RequestBody change: OwnerChange): OwnerDto?",
        "modifiers": ("suspend",), "return_type": "OwnerDto?", "annotations": ('@PostMapping("/{id}")',),
    }),
    ("kotlin", "org.example.clinic.owner.OwnerController.find", {
        "params": (Param(name="lastName", type="String"),), "return_type": "List<OwnerDto>",
    }),
    ("kotlin", "org.example.clinic.owner.Owner", {
        "supertypes": ("Person", "Comparable<Owner>"), "modifiers": ("open",),
        "signature": "open class Owner(val id: Long?, var name: String) : Person(name), Comparable<Owner>",
    }),
    ("kotlin", "org.example.clinic.owner.Owner.constructor", {
        "signature": "constructor(name: String) : this(null, name)", "params": (Param(name="name", type="String"),),
    }),
    ("kotlin", "org.example.clinic.owner.CachedOwners", {
        "signature": "class CachedOwners(private val origin: OwnerRepository) : OwnerRepository by origin",
        "supertypes": ("OwnerRepository",),
    }),
    ("kotlin", "org.example.clinic.owner.Level", {"modifiers": ("enum",)}),
    ("kotlin", "org.example.clinic.owner.Check", {"signature": "fun interface Check", "modifiers": ("fun",)}),
    ("kotlin", "org.example.clinic.owner.toDto", {
        "signature": "fun Owner.toDto(full: Boolean = false): OwnerDto",
        "params": (Param(name="full", type="Boolean", default="false"),), "modifiers": (),
        "fields": (Param(name="this", type="Owner"),),
    }),
    ("kotlin", "org.example.clinic.owner.newest", {
        "signature": "internal fun <T : Comparable<T>> List<T>.newest(): T?", "return_type": "T?",
    }),
    ("java", "org.example.library.LendingService", {
        "signature": "public class LendingService extends AbstractService<Book> implements Lender, AutoCloseable",
        "supertypes": ("AbstractService<Book>", "Lender", "AutoCloseable"), "modifiers": ("public",),
        "annotations": ("@Service", "@Transactional(readOnly = true)"), "doc_summary": "Lends books to members.",
        "line_start": 10, "line_end": 103,
    }),
    ("java", "org.example.library.LendingService.lend", {
        "signature": "public Loan lend(String isbn, Member member) throws NoSuchBookException",
        "params": (Param(name="isbn", type="String"), Param(name="member", type="Member")), "return_type": "Loan",
        "annotations": ("@Override", "@Transactional"),
        "doc_details": "@param isbn the book\n@param member who takes it\n@return the loan",
        "line_start": 35, "line_end": 51,
    }),
    ("java", "org.example.library.LendingService.sorted", {
        "signature": "protected <T extends Comparable<T>> List<T> sorted(List<T> items, String... keys)",
        "params": (Param(name="items", type="List<T>"), Param(name="keys", type="String...")),
    }),
    ("java", "org.example.library.LendingService.Loan", {
        "signature": "public record Loan(Book book, int days) implements Event",
        "params": (Param(name="book", type="Book"), Param(name="days", type="int")),
    }),
    ("java", "org.example.library.BookRepository.save", {"modifiers": ("default",)}),
    ("typescript", "orders.orders.service.OrdersService", {
        "signature": "export class OrdersService extends BaseService<Order> implements Closable, Reporter<Order>",
        "supertypes": ("BaseService<Order>", "Closable", "Reporter<Order>"), "annotations": ("@Injectable()",),
        "modifiers": ("export",), "doc_summary": "Takes orders.", "doc_details": "@see Gateway",
        "line_start": 33, "line_end": 87,
    }),
    ("typescript", "orders.orders.service.OrdersService.pay", {
        "signature": "async pay(id: OrderId, { force, note = '' }: PayOptions = {}, ...tags: string[])"
        ": Promise<Receipt>",
        "params": (
            Param(name="id", type="OrderId"),
            Param(name="{ force, note = '' }", type="PayOptions", default="{}"),
            Param(name="...tags", type="string[]"),
        ),
        "return_type": "Promise<Receipt>", "modifiers": ("async",),
    }),
    ("typescript", "orders.orders.service.OrdersService.constructor", {
        "signature": "constructor(private readonly gateway: Gateway<Receipt>, "
        "@Inject('USERS') public users: UserStore, limit = 10)",
        "params": (
            Param(name="gateway", type="Gateway<Receipt>"), Param(name="users", type="UserStore"),
            Param(name="limit", default="10"),
        ),
    }),
    ("typescript", "orders.orders.service.Order", {
        "fields": (
            Param(name="id", type="OrderId"), Param(name="total", type="number"), Param(name="userId", type="string"),
        ),
    }),
    ("typescript", "orders.orders.service.Gateway", {"supertypes": ("Closable",)}),
    ("typescript", "orders.orders.service.checkout", {
        "signature": "export default function checkout(order: Order, tax: number = 0): number",
        "modifiers": ("export", "default"),
    }),
    ("typescript", "orders.orders.service.total", {
        "signature": "export const total = (orders: Order[]): number", "modifiers": ("export",),
    }),
    ("typescript", "users.money", {"doc_summary": "Sums of money."}),
    ("typescript", "ui.panel.Panel", {
        "params": (Param(name="{ service, title = 'Orders' }"),),
        "signature": "export const Panel: React.FC<Props> = ({ service, title = 'Orders' })",
    }),
    ("javascript", "lib.app", {
        "doc_summary": "A tiny web application.",
        "imports": (
            "EventEmitter = require('node:events').EventEmitter", "{ mixin, merge: join } = require('./util')",
            "Router = require('./router')",
        ),
    }),
    ("javascript", "lib.app.app.use", {
        "signature": "app.use = function use (fn, ...rest)", "params": (Param(name="fn"), Param(name="...rest")),
    }),
    ("javascript", "lib.app.json", {
        "params": (Param(name="value"), Param(name="{ pretty = false }", default="{}")),
    }),
    ("javascript", "lib.app.lines", {"modifiers": ("async", "*")}),
    ("javascript", "lib.router.Layer", {"supertypes": ("Base.Layer",)}),
    ("javascript", "lib.router.Router.add", {"owner": "lib.router.Router"}),
    ("go", "internal.store.Alarm", {
        "signature": "type Alarm struct", "doc_summary": "Alarm rings once.",
        "fields": (
            Param(name="ID", type="string"), Param(name="At", type="clock.Time"), Param(name="a", type="int"),
            Param(name="b", type="int"),
        ),
    }),
    ("go", "internal.store.Filter", {"signature": "type Filter func(a *Alarm) bool"}),
    ("go", "internal.store.Memory", {"supertypes": ("Locker", "clock.Ticker")}),
    ("go", "internal.store.store.go", {
        "doc_summary": "Package store keeps alarms.", "doc_details": "It is safe for concurrent use.",
    }),
    ("go", "internal.store.Memory.Each", {
        "signature": "func (m Memory) Each(keep Filter, more ...Filter) (n int, err error)",
        "params": (Param(name="keep", type="Filter"), Param(name="more", type="...Filter")),
        "return_type": "(n int, err error)", "fields": (Param(name="m", type="Memory"),),
    }),
    ("go", "internal.store.drain", {"doc_summary": None}),
    ("rust", "cache.Cache", {
        "signature": "pub struct Cache<P: Rule = Lru> where P: Clone,", "annotations": ("#[derive(Debug)]",),
        "supertypes": ("fmt::Display",), "modifiers": ("pub",), "doc_summary": "Keeps entries.",
    }),
    ("rust", "cache.Cache.put", {
        "signature": "pub(crate) async fn put(&mut self, mut key: u64, (value, ttl): (String, u32)) "
        "-> Result<Lookup, Full>",
        "params": (Param(name="key", type="u64"), Param(name="(value, ttl)", type="(String, u32)")),
        "modifiers": ("pub(crate)", "async"), "return_type": "Result<Lookup, Full>",
    }),
    ("rust", "cache.Cache.new", {"annotations": ("#[inline]",), "modifiers": ("pub", "const")}),
    ("rust", "lib", {"doc_summary": "A cache.", "doc_details": "Small on purpose.", "package": ""}),
    ("rust", "policy.Policy", {"supertypes": ("Send", "Sync")}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "fqn", "facts"), FACTS, ids=[f"{name}-{fqn}" for name, fqn, _ in FACTS])
def test_facts(tree: Callable[[str], Any], name: str, fqn: str, facts: dict[str, Any]) -> None:
    node = tree(name).node(fqn)
    assert {key: getattr(node, key) for key in facts} == facts


def test_a_file_knows_its_lines_and_imports(tree: Callable[[str], Any]) -> None:
    file = tree("python").files["src/shop/cart.py"]
    assert (file.line_count, file.package, file.lang) == (46, "shop", "python")
    assert (file.nodes[0].line_start, file.nodes[0].line_end) == (1, 46)
    assert file.nodes[0].imports == (
        "import os.path as osp", "from . import catalog as wares",
        "from .catalog import Catalog, FlatPricing, Product", "from .rules import *",
    )  # fmt: skip
    assert all(node.imports == () for node in file.nodes[1:])


@pytest.mark.parametrize(
    ("path", "source", "documented"),
    [
        ("a.go", "package a\n\n// F runs.\nfunc F() {}\n", {"F": "F runs."}),
        ("a.go", "package a\n\n// A remark.\n\nfunc F() {}\n", {}),
        ("a.go", "package a\n\nvar x = 1 // one\nfunc F() {}\n", {}),
        ("a.go", "// Package a does.\npackage a\n", {"a.go": "Package a does."}),
        ("a.go", "// Copyright.\n\npackage a\n", {}),
        ("src/a.rs", "//! About a.\nfn f() {}\n", {"a.rs": "About a."}),
        ("src/a.rs", "/// One.\n// remark\n#[inline]\n/// Two.\nfn f() {}\n", {"f": "One. Two."}),
        ("src/a.rs", "//// no doc\nfn f() {}\n", {}),
        ("A.java", "/** Old. */\nclass A {\n int x; /** of x */\n void f() {}\n}\n", {"A": "Old."}),
        ("A.java", "/* No doc. */\nclass A {}\n", {}),
        ("A.java", "/** Doc. */\n// why\n@X /* y */\nclass A {}\n", {"A": "Doc."}),
        ("A.java", "/** Far. */\n/** Near. */\nclass A {}\n", {"A": "Near."}),
        ("A.kt", "import a.b\n\n/** Doc. */\nclass A\n", {"A": "Doc."}),
        ("a.js", "/** Doc. */\nfunction f() {}\n", {"f": "Doc."}),
        ("a.js", "/** About the file. */\n\nfunction f() {}\n", {"a.js": "About the file."}),
        ("a.js", "/**\n * About.\n * @module a\n */\nfunction f() {}\n", {"a.js": "About."}),
        ("a.js", "g();\n/** Doc. */\n\nexports.f = () => {};\n", {"f": "Doc."}),
        ("a.ts", "class A {\n /** Doc. */\n @X()\n f() {}\n}\n", {"f": "Doc."}),
        ("a.py", "# remark\ndef f():\n    # remark\n    'Doc.'\n", {"f": "Doc."}),
        ("a.py", "def f():\n    f'No doc.'\ndef g():\n    b'No doc.'\n", {}),
    ],
)
def test_what_documents_what(path: str, source: str, documented: dict[str, str]) -> None:
    language = language_of(path)
    assert language is not None
    nodes = parse(path, source.encode(), language).nodes
    assert {node.name: node.doc_summary for node in nodes if node.doc_summary} == documented


def test_a_comment_before_self_makes_it_no_parameter() -> None:
    language = language_of("a.py")
    assert language is not None
    source = b"class A:\n    def f(  # the first\n        self,\n        # the second\n        x: int,\n    ): ...\n"
    (method,) = (node for node in parse("a.py", source, language).nodes if node.name == "f")
    assert method.params == (Param(name="x", type="int"),)


def test_only_self_has_the_fields_of_the_class() -> None:
    language = language_of("a.py")
    assert language is not None
    source = b"class A:\n    def f(self, other, b: B):\n        self.x = b\n        other.y = B()\n"
    source += b"        self.z: C = c()\n"
    nodes = parse("a.py", source, language).nodes
    assert nodes[1].fields == (Param(name="x", type="B"), Param(name="z", type="C"))
