"""Names of modules, and what an import means where it stands."""

from __future__ import annotations

import pytest

from daemon.index.languages import language_of
from daemon.index.names import go_name, module_of, resolve_go, resolve_python, resolve_rust, resolve_script
from daemon.index.parse import parse
from db.parsed import Import


@pytest.mark.parametrize(
    ("path", "declared", "fqn", "scope", "package"),
    [
        ("shop/cart.py", None, "shop.cart", "shop.cart", "shop"),
        ("src/shop/cart.py", None, "shop.cart", "shop.cart", "shop"),
        ("services/billing/src/billing/api.py", None, "billing.api", "billing.api", "billing"),
        ("lib/shop/cart.py", None, "shop.cart", "shop.cart", "shop"),
        ("numpy/lib/npyio.py", None, "numpy.lib.npyio", "numpy.lib.npyio", "numpy.lib"),
        ("my-project/shop/cart.py", None, "shop.cart", "shop.cart", "shop"),
        ("src/shop/__init__.py", None, "shop", "shop", "shop"),
        ("src/__init__.py", None, "src", "src", "src"),
        ("setup.py", None, "setup", "setup", ""),
        ("my-tool.py", None, "my-tool", "my-tool", ""),
        ("src/main/kotlin/a/b/C.kt", "a.b", "a.b.C.kt", "a.b", "a.b"),
        ("C.java", None, "C.java", "", ""),
        ("internal/server/run.go", "server", "internal.server.run.go", "internal.server", "internal.server"),
        ("run.go", "main", "main.run.go", "main", "main"),
        ("src/lib.rs", None, "lib", "", ""),
        ("src/main.rs", None, "main", "", ""),
        ("src/server/mod.rs", None, "server", "server", "server"),
        ("src/server/handler.rs", None, "server.handler", "server.handler", "server"),
        ("crates/cli/src/lib.rs", None, "crates.cli", "crates.cli", "crates.cli"),
        ("crates/cli/src/run.rs", None, "crates.cli.run", "crates.cli.run", "crates.cli"),
        ("tests/it.rs", None, "tests.it", "tests.it", "tests"),
        ("src/users/users.service.ts", None, "users.users.service", "users.users.service", "users"),
        ("src/users/index.ts", None, "users", "users", "users"),
        ("index.js", None, "index", "index", ""),
        ("packages/core/src/index.d.ts", None, "packages.core", "packages.core", "packages.core"),
    ],
)
def test_module_of(path: str, declared: str | None, fqn: str, scope: str, package: str) -> None:
    language = language_of(path)
    assert language is not None
    module = module_of(path, language, declared)
    assert (module.fqn, module.scope, module.package) == (fqn, scope, package)


@pytest.mark.parametrize(
    ("module", "is_package", "written", "expected"),
    [
        ("a.b.c", False, ".", "a.b"),
        ("a.b.c", False, ".d", "a.b.d"),
        ("a.b.c", False, "..d.e", "a.d.e"),
        ("a.b", True, ".", "a.b"),
        ("a.b", True, "..c", "a.c"),
        ("a", False, "...x", "x"),
        ("a.b", False, "x.y", "x.y"),
    ],
)
def test_python_dots(module: str, is_package: bool, written: str, expected: str) -> None:
    assert resolve_python(module, is_package, written) == expected


@pytest.mark.parametrize(
    ("path", "written", "expected"),
    [
        ("src/a/b.ts", "./c", "a.c"),
        ("src/a/b.ts", "../d/e", "d.e"),
        ("src/a/b.ts", "./c.js", "a.c"),
        ("src/a/b.ts", ".", "a"),
        ("src/a/b.ts", "..", "index"),
        ("src/a/b.ts", "./users.service", "a.users.service"),
        ("src/a/b.ts", "../../../../x", "x"),
        ("src/a/b.ts", "@nestjs/common", "@nestjs.common"),
        ("src/a/b.ts", "@app/users/clock", "users.clock"),
        ("src/a/b.ts", "@app", "index"),
        ("src/a/b.ts", "@application/x", "@application.x"),
        ("test/a.ts", "src/users/clock", "users.clock"),
        ("src/a/b.ts", "core", "packages.core"),
    ],
)
def test_script_modules(path: str, written: str, expected: str) -> None:
    assert resolve_script(path, written, {"@app": "src", "core": "packages/core/src"}) == expected


def test_go_packages() -> None:
    roots = {"example.org/clock/v2": "", "example.org/tools": "tools"}
    assert resolve_go("example.org/clock/v2/internal/store", roots) == "internal.store"
    assert resolve_go("example.org/clock/v2", roots) == "clock"
    assert resolve_go("example.org/tools/gen", roots) == "tools.gen"
    assert resolve_go("log/slog", roots) == "log.slog"
    assert [go_name(path) for path in ("a/b", "a/b/v2", "gopkg.in/yaml.v3", "x/go-queue", "v2")] == [
        "b", "b", "yaml", "queue", "v2",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("scope", "written", "expected"),
    [
        ("net.http", "crate::a::B", "a.B"),
        ("net.http", "self::B", "net.http.B"),
        ("net.http", "super::B", "net.B"),
        ("net.http", "super::super::B", "B"),
        ("net.http", "std::fmt", "std.fmt"),
        ("net.http", "own_crate::B", "crates.own.B"),
    ],
)
def test_rust_paths(scope: str, written: str, expected: str) -> None:
    language = language_of("src/net/http.rs")
    assert language is not None
    module = module_of("src/net/http.rs", language, None)
    assert resolve_rust(module, scope, written.split("::"), {"own_crate": "crates/own/src"}) == expected


@pytest.mark.parametrize(
    ("path", "source", "expected"),
    [
        ("a/b.py", "import os, os.path as p", {"os": "os", "p": "os.path"}),
        ("a/b.py", "from . import x\nfrom ..c import (d as e, f)", {"x": "a.x", "e": "c.d", "f": "c.f"}),
        ("a/b.py", "from .q import *", {"*": "a.q"}),
        ("a/b.py", "from __future__ import annotations", {}),
        ("A.kt", "import x.y.Z as V\nimport q.r.*", {"V": "x.y.Z", "*": "q.r"}),
        ("A.kt", "import x.`in`.Z // why", {"Z": "x.in.Z"}),
        ("A.java", "import static a.B.c;\nimport a.d.*;", {"c": "a.B.c", "*": "a.d"}),
        ("a/b.go", 'package b\nimport (\n l "x/log"\n . "y/z"\n _ "c"\n "k/v2"\n)', {
            "l": "x.log", "*": "y.z", "k": "k.v2",
        }),
        ("src/a.rs", "use b::{self, c::{D as E, *}, super_::F};", {
            "b": "b", "E": "b.c.D", "*": "b.c", "F": "b.super_.F",
        }),
        ("a.ts", "import d, { e as f, type G } from './m'; import * as n from 'n'; import './side';", {
            "d": "m.default", "f": "m.e", "G": "m.G", "n": "n",
        }),
        ("a.ts", "export { x as y } from './m'; export * from './k'; import z = require('z');", {
            "y": "m.x", "*": "k", "z": "z",
        }),
        ("a.ts", "export * as all from './m';", {"all": "m"}),
        ("a.js", "const x = require('./x'), { y, z: w } = require('../b/y'); var k = require('k').sub", {
            "x": "x", "y": "b.y.y", "w": "b.y.z", "k": "k.sub",
        }),
        ("a.js", "const x = load('./x'), y = load('./y').z; other.exports = q", {}),
        ("a.js", "class A {}\nexport default A", {"default": "a.A"}),
        ("a.js", "export default class A {}", {"default": "a.A"}),
    ],
)  # fmt: skip
def test_imports(path: str, source: str, expected: dict[str, str]) -> None:
    language = language_of(path)
    assert language is not None
    found = parse(path, source.encode(), language).imports
    assert {one.alias: one.target for one in found} == expected
    assert all(isinstance(one, Import) for one in found)


def test_an_import_of_a_nested_module_is_relative_to_that() -> None:
    language = language_of("src/a.rs")
    assert language is not None
    parsed = parse("src/net/a.rs", b"mod inner { mod deep { use super::x; use self::y; } }", language)
    assert {one.alias: one.target for one in parsed.imports} == {"x": "net.a.inner.x", "y": "net.a.inner.deep.y"}
