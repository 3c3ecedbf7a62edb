"""The dotted name of the module that a file is, by the rules of its language; and of modules named from there.

Python   the path after the last folder ``src``, or after a leading ``lib``, or after the last folder whose name no
         package can have; ``__init__`` is its package: ``src/shop/cart.py`` -> ``shop.cart``.
Java,    the declared package; the file itself is that and its own name: ``shop.cart.Cart.kt`` holds
Kotlin   ``shop.cart.Cart``.
Go       the folder, at the root of a repository the declared package: ``internal/cart/add.go`` -> ``internal.cart``;
         the file itself is ``internal.cart.add.go``.
Rust     the path without ``src``, ``mod``, ``lib`` and ``main``: ``src/cart/mod.rs`` -> ``cart``,
         ``crates/cart/src/add.rs`` -> ``crates.cart.add``.
JS, TS   the path without ``src`` and without ``index``: ``src/cart/cart.service.ts`` -> ``cart.cart.service``.

C, C++,  the namespaces that are declared, however the folders are called; the file itself is its path:
C#, PHP  ``src/db/log_reader.cc`` -> ``src.db.log_reader.cc`` holds ``leveldb.log.Reader``.
Ruby     the same, for classes and modules; a file is what ``require`` calls it: ``lib/shop/cart.rb`` -> ``shop.cart``.
Swift    the folder of the target: ``Sources/Shop/Cart.swift`` holds ``Shop.Cart``; without targets nothing.
FILE     every file is a module of its own: ``game/ai/path.lua`` -> ``game.ai.path``; for languages without more rules.
Others   the file is its path.

``roots`` says where the names lead by which a repository calls its own parts in imports (a Go module, a Rust
crate, an npm package, an alias of tsconfig): prefix as written -> folder. ``projects.py`` reads them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from daemon.index.languages import Language, Naming

_CRATE_FOLDERS = frozenset({"bin", "tests", "examples", "benches"})  # each file in them is a crate of its own
_SCRIPT_ENDINGS = frozenset({".js", ".jsx", ".mjs", ".cjs", ".ts", ".tsx", ".mts", ".cts"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """What a file is called.

    ``fqn`` names the file; ``scope`` is what its top-level definitions are prefixed with ("" for nothing);
    ``package`` is what groups files; ``crate`` is where ``crate::`` leads in Rust, "" elsewhere.
    """

    fqn: str
    scope: str
    package: str
    crate: str = ""


def dotted(*parts: str) -> str:
    """The non-empty parts with dots between them."""
    return ".".join(part for part in parts if part)


def module_of(path: str, language: Language, declared: str | None, space: str | None = None) -> Module:
    """The names of a file; ``declared`` is its package clause as written, where the language has one.

    ``space`` is the first of the namespaces that prefix only what stands in their braces.
    """
    parts = PurePosixPath(path).parts
    folders, name = parts[:-1], parts[-1]
    if language.naming is Naming.PYTHON:
        module = python_module(folders, PurePosixPath(name).stem)
        package = module if name.startswith("__init__.") else module.rpartition(".")[0]
        return Module(fqn=module, scope=module, package=package)
    if language.naming is Naming.JVM:
        scope = (declared or "").replace("`", "")
        package = dotted(scope) or (space or "")
        return Module(fqn=dotted(package, name), scope=scope, package=package)
    if language.naming is Naming.GO:
        package = dotted(*folders) or declared or ""
        return Module(fqn=dotted(package, name), scope=package, package=package)
    if language.naming is Naming.RUST:
        return _rust_module(folders, PurePosixPath(name).stem)
    if language.naming is Naming.SPACE:
        scope = (declared or "").replace("\\", ".")
        folder = dotted(*folders)
        package = folder if language.name in {"c", "cpp"} else scope or (space or "").replace("\\", ".") or folder
        return Module(fqn=dotted(*parts), scope=scope, package=package)
    if language.naming is Naming.RUBY:
        inside = ruby_path(path)
        return Module(fqn=inside, scope="", package=inside.rpartition(".")[0])
    if language.naming is Naming.SWIFT:
        target = swift_target(folders)
        return Module(fqn=dotted(*parts), scope=target, package=target)
    if language.naming is Naming.FILE:
        module = dotted(*_without_src(folders), PurePosixPath(name).stem)
        return Module(fqn=module, scope=module, package=dotted(*_without_src(folders)))
    if language.naming is Naming.PLAIN:
        return Module(fqn=dotted(*parts), scope="", package=dotted(*folders))
    module = script_module(path)
    return Module(fqn=module, scope=module, package=dotted(*_without_src(folders)))


def python_module(folders: Sequence[str], stem: str) -> str:
    """The importable name of a Python file; never empty."""
    start = 0
    for position, folder in enumerate(folders):
        if folder == "src" or not folder.isidentifier() or (folder == "lib" and position == 0):
            start = position + 1
    inside = [*folders[start:], *([] if stem == "__init__" else [stem])]
    return dotted(*inside) or dotted(*folders[-1:]) or stem


def ruby_path(path: str) -> str:
    """What ``require`` calls a file: its path after the last ``lib``, after ``app`` and the folder in that."""
    *folders, name = PurePosixPath(path).parts
    start = max((at + 1 for at, folder in enumerate(folders) if folder == "lib"), default=0)
    if not start and "app" in folders:
        start = min(folders.index("app") + 2, len(folders))
    return dotted(*folders[start:], name.removesuffix(".rb"))


def swift_target(folders: Sequence[str]) -> str:
    """The module that a file is compiled into, where the folders say it."""
    at = max((at for at, folder in enumerate(folders[:-1]) if folder in {"Sources", "Tests"}), default=-1)
    return folders[at + 1] if at >= 0 else ""


def script_module(path: str) -> str:
    """The dotted name of a JavaScript or TypeScript file, of a folder, or of a file named without its ending."""
    pure = PurePosixPath(path)
    name = pure.name
    while name and PurePosixPath(name).suffix in _SCRIPT_ENDINGS:
        name = PurePosixPath(name).stem
        name = name.removesuffix(".d")
    folders = [*_without_src(pure.parts[:-1])]
    inside = folders if name == "index" else [*folders, *([] if name == "src" else [name])]
    return dotted(*inside) or "index"


def _without_src(folders: Sequence[str]) -> list[str]:
    return [folder for folder in folders if folder not in {"src", ".", "/"}]


def _rust_module(folders: Sequence[str], stem: str) -> Module:
    """Names of a Rust file; the crate begins after ``src``, or at the file in folders of single-file crates."""
    crate_at = max((at + 1 for at, folder in enumerate(folders) if folder == "src"), default=0)
    crate = _without_src(folders[:crate_at])
    inside = [*_without_src(folders)]
    if stem not in {"mod", "lib", "main"}:
        inside.append(stem)
    outside = folders[-1:] if "src" not in folders else ["bin"] if folders[-1] == "bin" else []
    own_crate = any(folder in _CRATE_FOLDERS for folder in outside)
    scope = dotted(*inside)
    return Module(
        fqn=scope or stem,
        scope=scope,
        package=scope if stem in {"mod", "lib", "main"} else dotted(*inside[:-1]),
        crate=scope if own_crate else dotted(*crate),
    )


def resolve_script(path: str, written: str, roots: Mapping[str, str]) -> str:
    """The module that a JavaScript or TypeScript file calls ``written``; a foreign one keeps its own name."""
    if written.startswith("."):
        return script_module(normal(PurePosixPath(path).parent / written))
    folder = written if written.startswith("src/") else own_folder(written, roots, "/")
    if folder is not None:
        return script_module(normal(PurePosixPath(folder)))
    return written.replace("/", ".")


def resolve_go(written: str, roots: Mapping[str, str]) -> str:
    """The package that a Go file imports as ``written``: its folder where it is ours, else the path itself."""
    folder = own_folder(written, roots, "/")
    if folder is None:
        return written.replace("/", ".")
    return dotted(*PurePosixPath(folder).parts) or go_name(written)


def resolve_python(module: str, is_package: bool, written: str) -> str:
    """The module that ``from <written> import`` means: each dot beyond the first goes one package up."""
    dots = len(written) - len(written.lstrip("."))
    if dots == 0:
        return written
    parts = module.split(".")
    up = dots - 1 if is_package else dots
    return dotted(*parts[: max(len(parts) - up, 0)], written[dots:])


def resolve_rust(module: Module, scope: str, written: Sequence[str], roots: Mapping[str, str]) -> str:
    """The path that ``written`` means inside ``scope``: ``crate``, ``self``, ``super`` and own crates by name."""
    if not written:
        return ""
    head, rest = written[0], list(written[1:])
    if head == "crate":
        return dotted(module.crate, *rest)
    if head == "self":
        return dotted(scope, *rest)
    if head == "super":
        parts = scope.split(".")[:-1]
        while rest and rest[0] == "super":
            parts, rest = parts[:-1], rest[1:]
        return dotted(*parts, *rest)
    if head in roots:
        return dotted(*_without_src(PurePosixPath(roots[head]).parts), *rest)
    return dotted(*written)


def own_folder(written: str, roots: Mapping[str, str], separator: str) -> str | None:
    """The folder that an import leads to, by the longest root that it begins with; None where it is foreign."""
    prefix = written
    while prefix:
        if prefix in roots:
            return dotted_path(roots[prefix], written[len(prefix) :].strip(separator))
        prefix = prefix.rpartition(separator)[0]
    return None


def dotted_path(folder: str, rest: str) -> str:
    """Two pieces of a path joined; either may be empty."""
    return "/".join(part for part in (folder, rest) if part)


def normal(path: PurePosixPath) -> str:
    """A relative path with its ``..`` carried out; what would leave the repository stops at its root."""
    parts: list[str] = []
    for part in path.parts:
        if part == "..":
            del parts[-1:]
        elif part not in {".", "/"}:
            parts.append(part)
    return "/".join(parts)


def go_name(written: str) -> str:
    """What Go code calls an imported package: the last part of its path that is not a version."""
    parts = written.split("/")
    last = parts[-1]
    if len(parts) > 1 and last[:1] == "v" and last[1:].isdigit():
        last = parts[-2]
    base, dot, version = last.rpartition(".")  # gopkg.in/yaml.v3
    if dot and version[:1] == "v" and version[1:].isdigit():
        last = base
    return last.removeprefix("go-").removesuffix("-go").removesuffix(".go").replace("-", "_")
