"""The text of a node is its own: members stand in it as stubs of one line."""

from __future__ import annotations

from collections.abc import Callable
from textwrap import dedent
from typing import Any

from daemon.index.languages import language_of
from daemon.index.parse import parse
from db.parsed import ParsedFile


def parsed(path: str, source: str) -> ParsedFile:
    language = language_of(path)
    assert language is not None
    return parse(path, dedent(source).lstrip().encode(), language)


def test_a_python_class(tree: Callable[[str], Any]) -> None:
    assert (
        tree("python").node("shop.catalog.Product").source_code
        == dedent('''
        @dataclass(frozen=True)
        class Product:
            """One thing for sale."""

            sku: str
            cents: int
            tags: list[str] = field(default_factory=list)

            def is_free(self) -> bool: ...

            def from_json(cls, text: str) -> Product: ...
    ''').strip()
    )


def test_a_python_method_is_dedented_and_keeps_what_is_nested_in_it(tree: Callable[[str], Any]) -> None:
    assert (
        tree("python").node("shop.catalog.Catalog.total").source_code
        == dedent("""
        def total(self, *skus: str, discount: float = 0.0, **weights: int) -> int:
            def one(sku: str) -> int:
                return self._pricing.price_of(self._products[sku], weights.get(sku, 1))

            return int(sum(one(sku) for sku in skus) * (1 - discount))
    """).strip()
    )


def test_a_file_shows_its_top_level_only(tree: Callable[[str], Any]) -> None:
    text = tree("python").node("shop.catalog").source_code
    assert "class Catalog: ...\n" in text
    assert "    def describe(product: Product) -> str: ...\n" in text
    assert "def load" not in text
    assert "@dataclass" not in text
    assert text.startswith('"""What the shop sells."""\n')
    go = tree("go").node("internal.store.store.go").source_code
    assert "type Alarm struct { ... }\n" in go
    assert "\tFilter func(a *Alarm) bool\n" in go
    assert "func (l *Locker) Lock() { ... }\n" in go
    assert "const limit = 10" in go


def test_a_file_without_definitions_is_its_text() -> None:
    text = 'import os\n\nprint("x")  # why\n\n'
    assert parsed("a.py", text).nodes[0].source_code == text


def test_a_kotlin_class_with_its_comment(tree: Callable[[str], Any]) -> None:
    text = tree("kotlin").node("org.example.clinic.owner.OwnerController").source_code
    assert text.startswith("/**\n * Answers questions about owners.\n")
    assert '    fun find(@RequestParam(defaultValue = "") lastName: String): List<OwnerDto> { ... }\n' in text
    assert "    companion object { ... }\n" in text
    assert "All owners with that name" not in text
    assert "@GetMapping" not in text
    assert "        register(this)\n" in text


def test_members_without_a_body_are_their_signature(tree: Callable[[str], Any]) -> None:
    assert (
        "  Optional<Book> byIsbn(String isbn);\n" in tree("java").node("org.example.library.BookRepository").source_code
    )
    assert (
        "    abstract fun reserve(visit: Visit): Visit\n"
        in tree("kotlin").node("org.example.clinic.visit.Calendar").source_code
    )
    assert (
        "  pay(order: Order, amount: number): Promise<T>;\n"
        in tree("typescript").node("orders.orders.service.Gateway").source_code
    )
    assert "    fn victim(&self) -> Option<u64>;\n" in tree("rust").node("policy.Policy").source_code


def test_functions_in_expressions_keep_their_arrow(tree: Callable[[str], Any]) -> None:
    text = tree("typescript").node("orders.orders.service.helpers").source_code
    assert text == (
        "const helpers = {\n  double(value: number) { ... },\n  half: (value: number) => { ... },\n  unit: 1,\n};"
    )
    file = tree("typescript").node("orders.orders.service").source_code
    assert "export const total = (orders: Order[]): number => { ... }\n" in file
    assert "const helpers = { ... }\n" in file


def test_rust_methods_belong_to_their_type(tree: Callable[[str], Any]) -> None:
    rust = tree("rust")
    text = rust.node("cache.Cache").source_code
    assert text.startswith("/// Keeps entries.\n///\n/// Not thread-safe.\n#[derive(Debug)]\npub struct Cache")
    assert "impl<P: Rule> Cache<P> {\n    pub const fn new(policy: P) -> Self { ... }\n" in text
    assert text.endswith("fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { ... }\n}")
    file = rust.node("cache").source_code
    assert "impl<P: Rule> Cache<P> { ... }\n" in file
    assert "impl From<Lookup> for String {\n    fn from(found: Lookup) -> String { ... }\n}" in file
    assert "    fn starts_empty() { ... }\n" in file


def test_overload_signatures_stay_with_the_class(tree: Callable[[str], Any]) -> None:
    text = tree("typescript").node("orders.orders.service.OrdersService").source_code
    assert "  over(a: string): void;\n  over(a: number): void;\n  over(a: any): void { ... }\n" in text


def test_several_declarators_of_one_statement_are_told_apart() -> None:
    file = parsed("a.ts", "export const f = (a: number) => a, g = function () { return 1; };\n")
    assert [node.source_code for node in file.nodes[1:]] == ["f = (a: number) => a", "g = function () { return 1; }"]
    assert file.nodes[0].source_code == "export const f = (a: number) => { ... }, g = function () { ... };"


def test_what_a_signature_leaves_out() -> None:
    file = parsed(
        "a.py",
        """
        def f(
            a: int,  # first
            b: str = "x  y",
        ) -> dict[
            str, int
        ]:
            return {}
        """,
    )
    assert file.nodes[1].signature == 'def f(a: int, b: str = "x  y") -> dict[str, int]'
