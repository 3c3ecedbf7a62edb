"""One import statement -> what the file calls each imported name, and the dotted name it stands for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from daemon.index.facts import Source, dotted
from daemon.index.languages import Language, Naming, SyntaxNode
from daemon.index.names import (
    Module,
    go_name,
    normal,
    resolve_go,
    resolve_python,
    resolve_rust,
    resolve_script,
    ruby_path,
)
from daemon.index.names import dotted as join
from db.parsed import Import

_WILDCARD = "*"
_FILE_IMPORT = re.compile(r"(?:(?P<alias>[\w$]+)\s*:?=)?[^\"'`=]*[\"'`](?P<path>[^\"'`]+)[\"'`]")
_JVM_IMPORT = re.compile(
    r"import (?:static )?(?P<path>[\w.`$]+?) ?(?:\. ?(?P<star>\*))?(?: as (?P<alias>[\w`]+))? ?;? ?$"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an import stands: the file, its module, and the module that names are relative to."""

    language: Language
    path: str
    module: Module
    scope: str
    is_package: bool  # an ``__init__`` file: one dot stays in it
    roots: Mapping[str, str]


def imports_of(node: SyntaxNode, source: Source, place: Place) -> list[Import]:
    """The names that one captured statement brings in; empty where it only has an effect."""
    return list(_READERS[place.language.naming](node, source, place))


def _python(node: SyntaxNode, source: Source, place: Place) -> Iterator[Import]:
    if node.type == "import_statement":
        for name in node.children_by_field_name("name"):
            target, alias = _aliased(name, source)
            yield Import(alias=alias or target, target=target)
        return
    written = node.child_by_field_name("module_name")
    if written is None:  # from __future__ import ...: no module of anybody
        return
    module = resolve_python(place.module.fqn, place.is_package, "".join(source.of(written).split()))
    for name in node.children_by_field_name("name"):
        target, alias = _aliased(name, source)
        yield Import(alias=alias or target, target=f"{module}.{target}" if module else target)
    if any(child.type == "wildcard_import" for child in node.children):
        yield Import(alias=_WILDCARD, target=module)


def _aliased(name: SyntaxNode, source: Source) -> tuple[str, str | None]:
    if name.type != "aliased_import":
        return "".join(source.of(name).split()), None
    target, alias = name.child_by_field_name("name"), name.child_by_field_name("alias")
    return "".join(source.of(target).split()) if target else "", source.of(alias) if alias else None


def _jvm(node: SyntaxNode, source: Source, place: Place) -> Iterator[Import]:
    if place.language.name == "scala":
        yield from _scala(node, source)
        return
    first_line = source.of(node).partition("\n")[0].partition("//")[0].partition("/*")[0]
    match = _JVM_IMPORT.match(" ".join(first_line.split()))
    if match is None:
        return
    target = match["path"].replace("`", "")
    if match["star"]:
        yield Import(alias=_WILDCARD, target=target)
    else:
        alias = (match["alias"] or target.rpartition(".")[2]).replace("`", "")
        yield Import(alias=alias, target=target)


def _go(node: SyntaxNode, source: Source, place: Place) -> Iterator[Import]:
    written, name = node.child_by_field_name("path"), node.child_by_field_name("name")
    if written is None:
        return
    path = source.of(written).strip('"`')
    alias = source.of(name) if name else go_name(path)
    if path and alias != "_":
        yield Import(alias=_WILDCARD if alias == "." else alias, target=resolve_go(path, place.roots))


def _rust(node: SyntaxNode, source: Source, place: Place) -> Iterator[Import]:
    """Walk the tree of one ``use`` with a stack: it may be nested as deeply as its writer liked."""
    argument = node.child_by_field_name("argument")
    waiting: list[tuple[SyntaxNode, tuple[str, ...]]] = [(argument, ())] if argument else []
    while waiting:
        at, prefix = waiting.pop()
        if at.type in {"scoped_use_list", "use_list"}:
            path = at.child_by_field_name("path")
            inner = (*prefix, *_path(path, source)) if path else prefix
            items = at.child_by_field_name("list") if at.type == "scoped_use_list" else at
            if items is not None:
                waiting += [(child, inner) for child in reversed(items.named_children)]
        elif at.type == "use_wildcard":
            whole = (*prefix, *(part for child in at.named_children for part in _path(child, source)))
            yield Import(alias=_WILDCARD, target=resolve_rust(place.module, place.scope, whole, place.roots))
        elif at.type == "use_as_clause":
            path, alias = at.child_by_field_name("path"), at.child_by_field_name("alias")
            if path is not None and alias is not None and source.of(alias) != "_":
                yield _rust_import((*prefix, *_path(path, source)), source.of(alias), place)
        elif at.type in {"identifier", "scoped_identifier", "self", "crate", "super"}:
            yield _rust_import((*prefix, *_path(at, source)), None, place)


def _rust_import(whole: Sequence[str], alias: str | None, place: Place) -> Import:
    parts = whole[:-1] if whole[-1] == "self" and len(whole) > 1 else whole
    return Import(alias=alias or parts[-1], target=resolve_rust(place.module, place.scope, parts, place.roots))


def _path(node: SyntaxNode, source: Source) -> tuple[str, ...]:
    return tuple(part for part in "".join(source.of(node).split()).split("::") if part)


def _script(node: SyntaxNode, source: Source, place: Place) -> Iterator[Import]:
    if node.type == "variable_declarator":
        yield from _required(node, source, place)
    elif node.type == "assignment_expression":  # module.exports = name
        yield from _default(node.child_by_field_name("right"), source, place)
    elif node.type == "import_alias":  # import Name = Space.Name
        names = node.named_children
        target = dotted(names[-1], place.language, source) if names else None
        if target:
            yield Import(alias=source.of(names[0]), target=target)
    elif node.child_by_field_name("source") is None and node.type == "export_statement":
        yield from _default(node.child_by_field_name("value"), source, place)
    else:
        yield from _imported(node, source, place)


def _default(value: SyntaxNode | None, source: Source, place: Place) -> Iterator[Import]:
    """What the module is to those who import it whole."""
    if value is not None:
        yield Import(alias="default", target=f"{place.scope}.{source.of(value)}")


def _imported(node: SyntaxNode, source: Source, place: Place) -> Iterator[Import]:
    clauses = [child for child in node.named_children if child.type.endswith("_clause")]
    spaces = [child for child in node.named_children if child.type == "namespace_export"]
    written = node.child_by_field_name("source") or next(
        (found for clause in clauses if (found := clause.child_by_field_name("source"))), None
    )
    if written is None:
        return
    module = resolve_script(place.path, source.of(written).strip("'\"`"), place.roots)
    if not clauses and any(child.type == "*" for child in node.children):  # export * from
        yield Import(alias=_WILDCARD, target=module)
    for space in spaces:  # export * as name from
        yield Import(alias=source.of(space.named_children[-1]), target=module)
    for clause in clauses:
        for child in clause.named_children:
            if child.type == "identifier":
                whole = clause.type == "import_require_clause"
                yield Import(alias=source.of(child), target=module if whole else f"{module}.default")
            elif child.type == "namespace_import":
                yield Import(alias=source.of(child.named_children[-1]), target=module)
            elif child.type == "named_imports":
                yield from (_specified(one, module, source) for one in child.named_children if _is_name(one))
            elif _is_name(child):  # export { a as b } from
                yield _specified(child, module, source)


def _is_name(node: SyntaxNode) -> bool:
    return node.type in {"import_specifier", "export_specifier"} and node.child_by_field_name("name") is not None


def _specified(node: SyntaxNode, module: str, source: Source) -> Import:
    name, alias = node.child_by_field_name("name"), node.child_by_field_name("alias")
    written = source.of(name).strip("'\"") if name else ""
    return Import(alias=source.of(alias) if alias else written, target=f"{module}.{written}")


def _required(node: SyntaxNode, source: Source, place: Place) -> Iterator[Import]:
    """``x = require('./x')``, ``{ y, z: w } = require('./y')``, ``k = require('./k').sub``."""
    name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
    member = value.child_by_field_name("property") if value else None
    call = value.child_by_field_name("object") if value and member else value
    arguments = call.child_by_field_name("arguments") if call else None
    argument = arguments.named_child(0) if arguments and arguments.named_child_count else None
    if name is None or argument is None or argument.type != "string":
        return
    module = resolve_script(place.path, source.of(argument).strip("'\"`"), place.roots)
    if member is not None:
        module = f"{module}.{source.of(member)}"
    if name.type == "identifier":
        yield Import(alias=source.of(name), target=module)
        return
    for child in name.named_children:
        if child.type == "shorthand_property_identifier_pattern":
            yield Import(alias=source.of(child), target=f"{module}.{source.of(child)}")
        elif child.type == "pair_pattern":
            key, local = child.child_by_field_name("key"), child.child_by_field_name("value")
            if key is not None and local is not None and local.type == "identifier":
                yield Import(alias=source.of(local), target=f"{module}.{source.of(key)}")


def _space(node: SyntaxNode, source: Source, place: Place) -> Iterator[Import]:
    """C, C++, C#, PHP."""
    if node.type == "preproc_include":
        path = node.child_by_field_name("path")
        if path is not None:
            yield _included(source.of(path).strip('<>"'), place)
    elif node.type == "using_declaration":
        yield from _cpp_using(node, source)
    elif node.type == "using_directive":
        yield from _csharp_using(node, source)
    elif node.type == "namespace_use_declaration":
        yield from _php_use(node, source)
    else:
        written = re.findall(r"""['"]([^'"]+)['"]""", source.of(node))
        if written:
            yield _included("./" + written[-1].lstrip("/"), place)


def _included(written: str, place: Place) -> Import:
    """A file that is named by its path; relative to this one where it begins with a dot."""
    path = PurePosixPath(written)
    whole = normal(PurePosixPath(place.path).parent / path) if written.startswith(".") else path.as_posix()
    return Import(alias=_WILDCARD, target=whole.replace("/", "."))


def _cpp_using(node: SyntaxNode, source: Source) -> Iterator[Import]:
    """``using namespace std`` brings in all of it, ``using a::b`` one name."""
    target = (
        "".join(source.of(node.named_children[-1]).split()).replace("::", ".").strip(".") if node.named_children else ""
    )
    if target:
        whole = any(child.type == "namespace" for child in node.children)
        yield Import(alias=_WILDCARD if whole else target.rpartition(".")[2], target=target)


def _csharp_using(node: SyntaxNode, source: Source) -> Iterator[Import]:
    """``using A.B``, ``using static A.B.C``, ``using X = A.B.C``."""
    alias = node.child_by_field_name("name")
    target = "".join(source.of(node.named_children[-1]).split()) if node.named_children else ""
    if target:
        yield Import(alias=source.of(alias) if alias else _WILDCARD, target=target.replace("::", "."))


def _php_use(node: SyntaxNode, source: Source) -> Iterator[Import]:
    """``use A\\B``, ``use A\\B as C, D``, ``use A\\{B, C\\D as E}``, ``use function A\\b``."""
    body = node.child_by_field_name("body")
    prefix = ""
    if body is not None:
        prefix = next((source.of(child) for child in node.named_children if child.type == "namespace_name"), "")
    for clause in (body or node).named_children:
        if clause.type != "namespace_use_clause" or not clause.named_children:
            continue
        alias = clause.child_by_field_name("alias")
        target = join(*(part.strip("\\") for part in (prefix, source.of(clause.named_children[0])))).replace("\\", ".")
        yield Import(alias=source.of(alias) if alias else target.rpartition(".")[2], target=target)


def _ruby(node: SyntaxNode, source: Source, place: Place) -> Iterator[Import]:
    """``require 'shop/cart'``, ``require_relative '../cart'``."""
    name, arguments = node.child_by_field_name("method"), node.child_by_field_name("arguments")
    if name is None or arguments is None or not arguments.named_children:
        return
    written = source.of(arguments.named_children[0]).strip("'\"").removesuffix(".rb")
    if source.of(name) == "require_relative":
        yield Import(alias=_WILDCARD, target=ruby_path(normal(PurePosixPath(place.path).parent / written)))
    elif "#{" not in written:
        yield Import(alias=_WILDCARD, target=written.removeprefix("./").replace("/", "."))


def _swift(node: SyntaxNode, source: Source, _place: Place) -> Iterator[Import]:
    """``import Shop``, ``import struct Shop.Cart``."""
    target = "".join(source.of(node.named_children[-1]).split()) if node.named_children else ""
    if target:
        yield Import(alias=target.rpartition(".")[2] if "." in target else _WILDCARD, target=target)


def _scala(node: SyntaxNode, source: Source) -> Iterator[Import]:
    """``import a.b.C``, ``a.b._``, ``a.b.{C, D => E, _}``, several of them with commas between."""
    path: list[str] = []
    children = node.children
    for at, child in enumerate(children):
        if node.field_name_for_child(at) == "path" and child.is_named:
            path.append(source.of(child))
        elif child.type == "namespace_wildcard":
            yield Import(alias=_WILDCARD, target=".".join(path))
        elif child.type == "as_renamed_identifier":
            yield from _scala_selected(child, path[:], source)
        elif child.type == "namespace_selectors":
            for one in child.named_children:
                yield from _scala_selected(one, path, source)
        is_last = at + 1 == len(children) or children[at + 1].type == ","
        if (
            is_last
            and path
            and child.type not in {"namespace_wildcard", "namespace_selectors", "as_renamed_identifier"}
        ):
            yield Import(alias=path[-1], target=".".join(path))
        if child.type == ",":
            path = []


def _scala_selected(one: SyntaxNode, path: Sequence[str], source: Source) -> Iterator[Import]:
    name, alias = one.child_by_field_name("name"), one.child_by_field_name("alias")
    if one.type in {"namespace_wildcard", "wildcard"}:
        yield Import(alias=_WILDCARD, target=".".join(path))
    elif name is not None and alias is not None:
        if source.of(alias) != "_":
            yield Import(alias=source.of(alias), target=".".join([*path, source.of(name)]))
    elif one.type == "identifier":
        yield Import(alias=source.of(one), target=".".join([*path, source.of(one)]))


def _file(node: SyntaxNode, source: Source, place: Place) -> Iterator[Import]:
    """``local cart = require("shop.cart")``: the first text is the module, the word before an equals sign its name."""
    match = _FILE_IMPORT.search(source.line(node))
    if match is None:
        return
    written = match["path"]
    path = normal(PurePosixPath(place.path).parent / written) if written.startswith(".") else written
    target = join(*(part for part in re.split(r"[/.]", path) if part))
    if target:
        yield Import(alias=match["alias"] or target.rpartition(".")[2], target=target)


_READERS: Mapping[Naming, Callable[[SyntaxNode, Source, Place], Iterator[Import]]] = {
    Naming.PYTHON: _python,
    Naming.JVM: _jvm,
    Naming.GO: _go,
    Naming.RUST: _rust,
    Naming.SCRIPT: _script,
    Naming.SPACE: _space,
    Naming.RUBY: _ruby,
    Naming.SWIFT: _swift,
    Naming.FILE: _file,
}
