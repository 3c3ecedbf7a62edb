"""Hashes follow the meaning: layout and ordinary comments change nothing, every other token changes its node."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tree_sitter import Parser

from daemon.index.languages import Language, grammar_of, language_of
from daemon.index.parse import parse

SOURCES = Path(__file__).parents[2] / "sources"
FILES = {
    path.relative_to(SOURCES).as_posix(): path.read_bytes()
    for path in sorted(SOURCES.rglob("*"))
    if path.is_file() and language_of(path.name)
}
WORDS = {"name", "constant", "integer", "integer_literal", "decimal_integer_literal", "int_literal", "number", "float"}


def language(path: str) -> Language:
    found = language_of(path)
    assert found is not None
    return found


def hashes(path: str, data: bytes) -> dict[str, tuple[str, str]]:
    """Node -> (source hash, signature hash)."""
    file = parse(path.partition("/")[2] or path, data, language(path))
    return {f"{node.kind} {node.fqn} {node.ordinal}": (node.source_hash, node.signature_hash) for node in file.nodes}


@dataclass(frozen=True)
class Leaf:
    """A token, comment or string and the white space before it."""

    kind: str
    gap: bytes
    text: bytes


def leaves(path: str, data: bytes) -> list[Leaf]:
    row = language(path)
    cursor = Parser(grammar_of(row)).parse(data).walk()
    whole = row.strings | row.comments | row.texts
    found, end = [], 0
    while True:
        node = cursor.node
        assert node is not None
        if node.type in whole or not cursor.goto_first_child():
            text = data[node.start_byte : node.end_byte].rstrip()
            if text:
                start = node.start_byte
                found.append(Leaf(node.type, data[end:start], text))
                end = start + len(text)
            while not cursor.goto_next_sibling():
                if not cursor.goto_parent():
                    return found


@pytest.mark.parametrize("path", FILES)
@given(choices=st.data())
@settings(max_examples=6, deadline=None)
def test_layout_and_comments_change_nothing(path: str, choices: st.DataObject) -> None:
    data, row = FILES[path], language(path)
    mark = b"#" if row.name in {"python", "ruby"} else b"//"
    draw = choices.draw(st.randoms(use_true_random=False))
    pieces: list[bytes] = []
    before = ""
    for leaf in leaves(path, data):
        gap, kind = leaf.gap, before
        before = leaf.kind
        if b"\n" in gap:
            lines = gap.split(b"\n")
            is_code = not path.endswith(".tsx") and kind not in {"preproc_arg", "php_end_tag"}  # there it would be text
            may_comment = bool(pieces) and not gap.strip() and is_code
            option = draw.randrange(6)
            behind_comment = bool(pieces) and pieces[-1].lstrip().startswith((b"//", b"/*", b"#!", b"#"))
            if option == 0 and not (row.doc_above and behind_comment):  # there it would part doc and code
                gap = b"\n" + gap
            elif option == 1 and may_comment and not behind_comment:
                gap = b" " + mark + b" why not" + gap
            elif option == 2 and may_comment and not row.doc_above:  # there it would be documentation
                gap = b"\n".join([*lines[:-1], lines[-1] + mark + b" note", lines[-1]])
            elif option == 3:
                gap = gap.replace(b"\n", b"\r\n")
        elif gap.strip(b" ") == b"" and gap:
            gap = b" " * draw.randrange(1, 4)
        pieces += [gap, leaf.text]
    changed = b"".join(pieces) + b"\n" * draw.randrange(3)
    assert hashes(path, changed) == hashes(path, data)


@pytest.mark.parametrize("path", FILES)
@given(choices=st.data())
@settings(max_examples=12, deadline=None)
def test_every_token_counts(path: str, choices: st.DataObject) -> None:
    data, row = FILES[path], language(path)
    tokens = leaves(path, data)
    words = [at for at, leaf in enumerate(tokens) if leaf.kind.endswith("identifier") or leaf.kind in WORDS]
    strings = [
        at for at, leaf in enumerate(tokens)
        if leaf.kind in row.strings and leaf.text[-1:] in b"\"'`" and not leaf.text.endswith(b'"""')
    ]  # fmt: skip
    at = choices.draw(st.sampled_from(words + strings))
    text = tokens[at].text
    new = text + b"7" if at in words else text[:-1] + b" " + text[-1:]
    changed = b"".join(leaf.gap + (new if at == place else leaf.text) for place, leaf in enumerate(tokens))
    before, after = hashes(path, data), hashes(path, changed)
    assert sorted(source for source, _ in before.values()) != sorted(source for source, _ in after.values())


# path, text, new text, nodes whose source hash changes, nodes whose signature hash changes
EDITS = [
    ("python/src/shop/cart.py", "self.append(found)", "self.insert(0, found)", {"METHOD shop.cart.Cart.add"}, set()),
    ("python/src/shop/cart.py", "limit: int = 100", "limit: int = 99", {"CLASS shop.cart.Cart"}, set()),
    (
        "python/src/shop/cart.py", "def total(self) -> int", "def total(self, net=False) -> int",
        {"METHOD shop.cart.Cart.total", "CLASS shop.cart.Cart"}, {"METHOD shop.cart.Cart.total"},
    ),
    (
        "python/src/shop/cart.py", "Put one product into the cart.", "Put a product into the cart.",
        {"METHOD shop.cart.Cart.add"}, {"METHOD shop.cart.Cart.add"},
    ),
    (
        "python/src/shop/catalog.py", "Raises KeyError when", "Raises a KeyError when",
        {"METHOD shop.catalog.Product.from_json"}, set(),
    ),
    (
        "python/src/shop/catalog.py", "    @property\n", "    @cached_property\n",
        {"METHOD shop.catalog.Product.is_free"}, {"METHOD shop.catalog.Product.is_free"},
    ),
    (
        "python/src/shop/catalog.py", "class Pricing(Protocol)", "class Pricing(Protocol, Sized)",
        {"CLASS shop.catalog.Pricing", "FILE shop.catalog"}, {"CLASS shop.catalog.Pricing"},
    ),
    ("python/src/shop/catalog.py", "import json\n", "import ujson as json\n", {"FILE shop.catalog"}, set()),
    (
        "python/src/shop/catalog.py", '"""What the shop sells."""', '"""What a shop sells."""',
        {"FILE shop.catalog"}, {"FILE shop.catalog"},
    ),
    (
        "kotlin/src/main/kotlin/org/example/clinic/visit/VisitService.kt", "controller.find(owner.name)",
        "controller.find(owner.id)", {"METHOD org.example.clinic.visit.VisitService.planFor"}, set(),
    ),
    (
        "kotlin/src/main/kotlin/org/example/clinic/owner/OwnerController.kt", "by origin", "by backup",
        {"CLASS org.example.clinic.owner.CachedOwners", "FILE org.example.clinic.owner.OwnerController.kt"},
        {"CLASS org.example.clinic.owner.CachedOwners"},
    ),
    (
        "kotlin/src/main/kotlin/org/example/clinic/owner/OwnerController.kt", "fun findById(id: Long): Owner?\n",
        "fun findById(id: Long): Owner\n",
        {
            "METHOD org.example.clinic.owner.OwnerRepository.findById",
            "INTERFACE org.example.clinic.owner.OwnerRepository",
        },
        {"METHOD org.example.clinic.owner.OwnerRepository.findById"},
    ),
    (
        "java/src/main/java/org/example/library/LendingService.java", "inDays(14)", "inDays(15)",
        {"METHOD org.example.library.LendingService.lend"}, set(),
    ),
    (
        "java/src/main/java/org/example/library/LendingService.java", "@Transactional\n  public",
        "@Transactional(timeout = 3)\n  public", {"METHOD org.example.library.LendingService.lend"},
        {"METHOD org.example.library.LendingService.lend"},
    ),
    (
        "typescript/src/orders/orders.service.ts", "item.id === id", "item.id == id",
        {"METHOD orders.orders.service.OrdersService.load"}, set(),
    ),
    (
        "typescript/src/ui/panel.tsx", "It's all", "It's not all",
        {"FUNCTION ui.panel.Panel"}, set(),
    ),
    (
        "javascript/lib/router.js", "return this.find(fn)", "return fn",
        {"METHOD lib.router.Router.add"}, set(),
    ),
    (
        "go/internal/store/store.go", "return found, nil", "return found, err",
        {"METHOD internal.store.Memory.Get"}, set(),
    ),
    (
        "go/internal/store/store.go", "// Alarm rings once.", "// Alarm rings twice.",
        {"CLASS internal.store.Alarm"}, {"CLASS internal.store.Alarm"},
    ),
    ("go/internal/store/store.go", "// when it rings", "// when it wakes", set(), set()),
    ("rust/src/cache/mod.rs", "entry.weigh(ttl)", "entry.weigh(0)", {"METHOD cache.Cache.put"}, set()),
    (
        "rust/src/cache/mod.rs", "fn describe(&self, key: u64)", "fn describe(&self, key: u32)",
        {"METHOD cache.Cache.describe", "CLASS cache.Cache"}, {"METHOD cache.Cache.describe"},
    ),
    (
        "rust/src/cache/mod.rs", "#[inline]", "#[inline(always)]",
        {"METHOD cache.Cache.new"}, {"METHOD cache.Cache.new"},
    ),
    (
        "rust/src/cache/mod.rs", "impl<P> fmt::Display for Cache<P>", "impl<P> fmt::Debug for Cache<P>",
        {"CLASS cache.Cache", "FILE cache"}, {"CLASS cache.Cache"},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("path", "old", "new", "sources", "signatures"), EDITS)
def test_an_edit_reaches_as_far_as_it_should(
    path: str, old: str, new: str, sources: set[str], signatures: set[str]
) -> None:
    data = FILES[path]
    assert data.count(old.encode()) >= 1
    before, after = hashes(path, data), hashes(path, data.replace(old.encode(), new.encode(), 1))
    assert before.keys() == after.keys()
    changed = {key.removesuffix(" 0") for key in before if before[key][0] != after[key][0]}
    shown = {key.removesuffix(" 0") for key in before if before[key][1] != after[key][1]}
    assert (changed, shown) == (sources, signatures)


SAME = [
    ("a.py", "def f(a, b):\n    return g(a, b)\n", "def f(\n        a,\n        b,\n):\n  return g(\n    a, b,\n  )\n"),
    ("a.py", "x = [1, 2]\n", "x = [\n    1,\n    2,\n]\n"),
    ("a.py", "x = (1, 2)\n", "x = (\n    1,\n    2,\n)\n"),
    ("a.py", "d[1, 2]\n", "d[1, 2,]\n"),
    ("a.py", "a = 1; b = 2\n", "a = 1\nb = 2\n"),
    ("a.py", "x = a + b\n", "x = a \\\n    + b\n"),
    ("a.py", "if x: y()\n", "if x:\n    y()\n"),
    ("a.py", 'def f():\n    """A.\n\n    B.\n    """\n', 'def f():\n  """A.\n\n  B.\n  """\n'),
    ("a.py", "x = 'a'  # b\n", "x  =  'a'\n# c\n"),
    ("A.java", "class A{int f(int a){return a+1;}}", "class A {\n  int f( int a ) {\n    return a + 1 ;\n  }\n}\n"),
    ("A.java", "@X({1, 2}) class A { int[] x = {1, 2}; }", "@X({1, 2,}) class A { int[] x = {1, 2,}; }"),
    ("a.kt", "class A(val a: Int, val b: Int)", "class A(\n    val a: Int,\n    val b: Int, // last\n)"),
    ("a.kt", "fun f() { a(); b() }", "fun f() {\n    a()\n    b()\n}"),
    ("a.go", "package a\nfunc f() { g(1, 2) }", "package a\n\nfunc f() {\n\tg(\n\t\t1,\n\t\t2,\n\t)\n}\n"),
    (
        "a.rs",
        "fn f(a: u8) -> u8 { g(a, 1) }",
        "fn f(\n    a: u8,\n) -> u8 {\n    g(\n        a,\n        1,\n    )\n}\n",
    ),
    ("a.rs", "/// A doc.\nfn f() {}", "///   A doc.\nfn f() {}"),
    ("a.js", "const a = [1, 2]; f({ b: 1 })", "const a = [\n  1,\n  2,\n];\nf({\n  b: 1,\n})"),
    ("a.jsx", "const a = <b>one two</b>", "const a = <b>one\n   two</b>"),
    ("a.ts", "/** A. */\nfunction f() {}\n", "/**\n * A.\n */\nfunction f() {}\n"),
]

DIFFERENT = [
    ("a.py", "if x:\n    y()\nz()\n", "if x:\n    y()\n    z()\n"),
    ("a.py", "for a in b:\n    if a:\n        c()\n    d()\n", "for a in b:\n    if a:\n        c()\n        d()\n"),
    ("a.py", "x = 1\n-y\n", "x = 1 - y\n"),
    ("a.py", "x\n-y\n", "x - y\n"),
    ("a.py", "f('a b')\n", "f('a  b')\n"),
    ("a.py", "f('a' 'b')\n", "f('a', 'b')\n"),
    ("a.py", "x = (1,)\n", "x = (1)\n"),
    ("a.py", "x = d[1,]\n", "x = d[1]\n"),
    ("a.py", "def f():\n    '''A.'''\n", "def f():\n    '''B.'''\n"),
    ("a.py", "def f():\n    b'A.'\n", "def f():\n    b'B.'\n"),
    ("a.py", "x = '''a\n  b'''\n", "x = '''a\n   b'''\n"),
    ("a.py", "else_ = 1\n", "else_ = 2\n"),
    ("a.kt", "fun f() { return\nx }", "fun f() { return x }"),
    ("a.kt", "val x: A? = b", "val x: A = b"),
    ("a.go", "package a\nvar x = a &b", "package a\nvar x = a && b"),
    ("a.rs", "fn f() { g(& &x) }", "fn f() { g(&x) }"),
    ("a.rs", "type A = (u8,);", "type A = (u8);"),
    ("a.js", "x = [a,,]", "x = [a,]"),
    ("a.js", "x = [,]", "x = []"),
    ("a.js", "for (;a;) {}", "for (a;;) {}"),
    ("a.js", "x = `a  b`", "x = `a b`"),
    ("a.js", "x = /a  b/", "x = /a b/"),
    ("a.jsx", "const a = <b>one two</b>", "const a = <b>onetwo</b>"),
    ("A.java", "class A { /** one */ int x; }", "class A { /** two */ int x; }"),
    ("A.java", "class A { int f() { return $ ~ ; } }", "class A { int f() { return @ ~ ; } }"),
]


@pytest.mark.parametrize(("path", "one", "other"), SAME)
def test_these_say_the_same(path: str, one: str, other: str) -> None:
    assert hashes(path, one.encode()) == hashes(path, other.encode())


@pytest.mark.parametrize(("path", "one", "other"), DIFFERENT)
def test_these_do_not(path: str, one: str, other: str) -> None:
    before, after = hashes(path, one.encode()), hashes(path, other.encode())
    assert [source for source, _ in before.values()] != [source for source, _ in after.values()]


def test_moving_a_file_or_a_function_changes_no_source_hash() -> None:
    data = FILES["python/src/shop/cart.py"]
    before = [node.source_hash for node in parse("src/shop/cart.py", data, language("a.py")).nodes]
    after = [node.source_hash for node in parse("other/place/basket.py", data, language("a.py")).nodes]
    assert before == after
    one = b"def f():\n    return 1\n"
    other = b"def g():\n    return 2\n"
    swapped = [parse("a.py", text, language("a.py")).nodes for text in (one + other, other + one)]
    assert {node.fqn: node.source_hash for node in swapped[0][1:]} == {
        node.fqn: node.source_hash for node in swapped[1][1:]
    }


def test_a_method_has_the_hash_of_the_same_function_indented() -> None:
    method = parse("a.py", b"class A:\n    def f(self):\n        if x:\n            y()\n", language("a.py")).nodes[2]
    function = parse("a.py", b"def f(self):\n    if x:\n        y()\n", language("a.py")).nodes[1]
    assert method.source_hash == function.source_hash


def shapes(code: str) -> dict[str, str]:
    return {node.name: node.shape_hash for node in parse("shop.py", code.encode(), language("shop.py")).nodes}


def test_the_shape_knows_no_declared_names_and_every_other_token() -> None:
    code = '''class Cart:
    """A Cart of things."""

    def total(self, rows):
        """total of all."""
        return sum(row.price * row.amount for row in rows) + self.total([])
'''
    before = shapes(code)
    assert not before["total"].startswith("~")
    for old, new in (("total", "whole"), ("Cart", "Basket")):
        after = shapes(code.replace(old, new))
        assert list(after.values()) == list(before.values()), old
    changed = shapes(code.replace("row.amount", "row.weight"))
    assert (changed["total"] == before["total"], changed["Cart"] == before["Cart"]) == (False, True)
    assert shapes("def close(self):\n    self.file.close()\n")["close"].startswith("~"), "too little to tell by"
