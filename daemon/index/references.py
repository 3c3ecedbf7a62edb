"""The uses of names in a file: calls, supertypes and imports, each with the node whose own text holds it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from daemon.index.facts import Source, dotted, loose_name, type_name
from daemon.index.imports import Place, imports_of
from daemon.index.languages import Language, Naming, SyntaxNode
from daemon.index.names import Module, resolve_rust
from daemon.index.outline import CLASS_LIKE, Found, Outline
from daemon.index.params import params_of
from daemon.index.tags import Holding, Tags
from db.parsed import Import, Reference
from db.types import EdgeKind, NodeKind, Param

_MAX_WRITTEN = 500  # characters of one import as written
_MAX_FIELDS = 200  # fields, or typed variables, remembered of one node
_FUNCTIONS = frozenset({NodeKind.FUNCTION, NodeKind.METHOD, NodeKind.CONSTRUCTOR})
_PASSED_ON = frozenset({
    "boolean_operator", "conditional_expression", "parenthesized_expression", "binary_expression", "elvis_expression",
})  # fmt: skip


@dataclass(slots=True)
class Uses:
    """What the nodes of a file lean on. Keys of ``supertypes`` and ``fields`` are ids of Found values."""

    references: list[Reference] = field(default_factory=list)
    supertypes: dict[int, list[str]] = field(default_factory=dict)
    fields: dict[int, dict[str, Param]] = field(default_factory=dict)


@dataclass(slots=True)
class Imported:
    """The imports of a file: structured, as written, and the references that they are."""

    imports: list[Import] = field(default_factory=list)
    written: list[str] = field(default_factory=list)
    targets: list[tuple[str, int]] = field(default_factory=list)  # dotted name, line


def imported(
    tags: Tags, language: Language, source: Source, path: str, module: Module, roots: dict[str, str]
) -> Imported:
    """Read every import statement; those inside of namespaces are relative to them."""
    result = Imported()
    is_package = language.naming is Naming.PYTHON and module.fqn == module.package
    spaces = [(tag.node.start_byte, tag.node.end_byte, source.of(tag.name)) for tag in tags.namespaces if tag.name]
    for node in sorted(tags.imports, key=lambda node: node.start_byte):
        scope = _scope_at(node.start_byte, spaces, module.scope)
        place = Place(language=language, path=path, module=module, scope=scope, is_package=is_package, roots=roots)
        found = imports_of(node, source, place)
        result.imports += found
        is_export = node.type == "assignment_expression" or (
            node.type == "export_statement" and node.child_by_field_name("source") is None
        )
        if not is_export:
            result.written.append(_written(node, source)[:_MAX_WRITTEN])
            result.targets += [(one.target, source.line_at(node.start_byte)) for one in found]
    return result


def _written(node: SyntaxNode, source: Source) -> str:
    """An import in one line; a comment that the grammar counts in is left out."""
    children = node.children
    ends = [child.start_byte for child in children if child.type.endswith("comment")]
    return " ".join(source.text(node.start_byte, min(ends, default=node.end_byte)).split())


def _scope_at(offset: int, spaces: Iterable[tuple[int, int, str]], scope: str) -> str:
    inside = [name for start, end, name in spaces if start <= offset < end]
    return ".".join(part for part in (scope, *inside) if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What the readers of uses need to know of the file around them."""

    language: Language
    source: Source
    module: Module
    roots: dict[str, str]
    outline: Outline
    holder: Callable[[int], Found]  # offset -> node


def uses_of(tags: Tags, context: Context, imports: Imported) -> Uses:
    """Sort all captured uses by the node that holds them, and count them."""
    uses = Uses()
    index = {id(one): at for at, one in enumerate(context.outline.nodes)}
    counted: dict[tuple[int, EdgeKind, str], list[int]] = {}

    def count(source: int, kind: EdgeKind, target: str, line: int) -> None:
        seen = counted.setdefault((source, kind, target), [line, 0])
        seen[0], seen[1] = min(seen[0], line), seen[1] + 1

    for target, line in imports.targets:
        count(0, EdgeKind.IMPORTS, target, line)
    calls = [*tags.calls, *_no_variables(tags, context)]
    if context.language.indexed_calls:
        calls = [node for node in calls if context.source.data[node.end_byte : node.end_byte + 1] != b"["]
    written_calls = [(node, dotted(node, context.language, context.source)) for node in calls]
    written_calls += [(node, loose_name(node, context.source)) for node in _outside(tags.loose, tags.annotations)]
    for node, written in written_calls:
        if written and not written.endswith("()") and written not in context.language.no_calls:
            holder = index[id(context.holder(node.start_byte))]
            line = context.source.line_at(node.start_byte)
            count(holder, EdgeKind.CALLS, _target(written, node, context), line)
    for _, kind, node in sorted(tags.supertypes.values(), key=lambda entry: entry[2].start_byte):
        found = context.holder(node.start_byte)
        if found.kind in CLASS_LIKE:
            supertype = context.source.line(node).removeprefix("extends ")
            names = uses.supertypes.setdefault(id(found), [])
            if supertype not in names:
                names.append(supertype)
            written = type_name(supertype)
            line = context.source.line_at(node.start_byte)
            count(index[id(found)], kind, _target(written, node, context), line)
    for holding in sorted(tags.holdings, key=lambda one: one.name.start_byte):
        _hold(holding, uses, context)
    uses.references = [
        Reference(source=source, kind=kind, target=target, line=line, count=times)
        for (source, kind, target), (line, times) in counted.items()
    ]
    uses.references.sort(key=lambda one: (one.source, one.line))
    return uses


def _no_variables(tags: Tags, context: Context) -> Iterator[SyntaxNode]:
    """The bare words of Ruby that name neither a variable nor a parameter of the node that holds them."""
    if not tags.bare:
        return
    taken = {(id(context.holder(one.name.start_byte)), context.source.of(one.name)) for one in tags.holdings}
    asked: dict[int, set[str]] = {}
    for node in tags.bare:
        holder, name = context.holder(node.start_byte), context.source.of(node)
        if id(holder) not in asked and holder.kind in _FUNCTIONS:
            params = params_of(holder.function, context.language, context.source)
            asked[id(holder)] = {param.name.strip("*&:") for param in params}
        if (id(holder), name) not in taken and name not in asked.get(id(holder), ()):
            yield node


def _outside(nodes: Sequence[SyntaxNode], others: Iterable[SyntaxNode]) -> Iterator[SyntaxNode]:
    """The nodes that do not stand in one of the others: the arguments of an attribute call nothing."""
    spans = sorted((other.start_byte, other.end_byte) for other in others)
    starts = [start for start, _ in spans]
    for node in nodes:
        at = bisect_right(starts, node.start_byte) - 1
        if at < 0 or spans[at][1] <= node.start_byte:
            yield node


def _target(written: str, node: SyntaxNode, context: Context) -> str:
    """The dotted target; paths of Rust are made absolute where they say where they start."""
    if "::" not in written:
        return written
    if context.language.naming is not Naming.RUST:
        return written.replace("::", ".").removeprefix(".")
    end = min((at for sign in ".(" if (at := written.find(sign)) > 0), default=len(written))
    path, rest = written[:end].split("::"), written[end:]
    if path[0] in {"crate", "self", "super"} or path[0] in context.roots:
        scope = context.module.scope
        for start, stop, prefix in context.outline.namespaces:
            if start <= node.start_byte < stop:
                scope = prefix
        whole = resolve_rust(context.module, scope, path, context.roots)
        root = "" if "." in whole else "crate."  # at the root of a crate a full name is no different from a bare one
        return root + whole + rest.replace("::", ".")
    return written.replace("::", ".")


def _hold(holding: Holding, uses: Uses, context: Context) -> None:
    """Remember what a variable holds with the node whose variable it is."""
    found: Found | None = context.holder(holding.name.start_byte)
    function = found
    if holding.of_class:
        while found is not None and found.kind not in CLASS_LIKE:
            found = found.base if found.kind is None and found.base else found.parent
    if found is None or holding.name.start_byte == found.name_at:
        return
    if holding.of_function and found.kind not in _FUNCTIONS:
        return
    name = context.source.of(holding.name).lstrip("@")
    type_ = context.source.line(holding.type).removeprefix(":").strip() if holding.type else None
    default = None
    if type_ in {None, "var", "val", "auto", "const auto"}:
        type_, default = _held(holding.value, function, context)
    known = uses.fields.setdefault(id(found), {})
    if type_ is None and default is None and found.kind not in CLASS_LIKE:
        return
    present = known.get(name)
    if len(known) < _MAX_FIELDS and (present is None or (present.type is None and type_ is not None)):
        known[name] = Param(name=name, type=type_, default=default)


def _held(value: SyntaxNode | None, function: Found | None, context: Context) -> tuple[str | None, str | None]:
    """(declared type, call) that a value says: a parameter has its type, a call its name."""
    waiting = [value] if value is not None else []
    while waiting:
        node = waiting.pop()
        if node.type in _PASSED_ON:
            waiting += [child for child in reversed(node.named_children) if child.type != "comment"][:4]
        elif node.type in {"identifier", "simple_identifier", "variable_name"}:
            type_ = _parameter_type(context.source.of(node), function, context)
            if type_ is not None:
                return type_, None
        else:
            written = dotted(node, context.language, context.source)
            step = context.language.steps.get(node.type)
            if written and step is not None and step.how == "invoke":
                written += "()"
            known = written is not None and written.removesuffix("()") in context.language.no_calls
            if written and written.endswith("()") and not written.startswith(".") and not known:
                return None, _target(written, node, context)
    return None, None


def _parameter_type(name: str, function: Found | None, context: Context) -> str | None:
    if function is None or function.kind not in _FUNCTIONS:
        return None
    params = params_of(function.function, context.language, context.source)
    return next((param.type for param in params if param.name == name), None)
