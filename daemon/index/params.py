"""What a declaration takes and gives: its parameters, its receiver, the type of its result; one reader per language."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from daemon.index.facts import Source, field_text, pick
from daemon.index.languages import Language, SyntaxNode
from daemon.index.params_c import c_params, c_result
from db.types import Param

_RETURN_FIELDS = ("return_type", "result", "returns", "type")
_PARAMETER_LISTS = frozenset({"parameter_list", "formal_parameters"})


def params_of(function: SyntaxNode, language: Language, source: Source) -> tuple[Param, ...]:
    """The declared parameters, without ``self``, in order."""
    return tuple(_PARAMS.get(language.name, _plain)(function, source))


def return_type_of(function: SyntaxNode, language: Language, source: Source) -> str | None:
    """The declared type of the result as written, in one line."""
    if language.name in {"c", "cpp"}:
        return c_result(function, source)
    if language.name == "swift":
        found = _after(function, "->")
    else:
        fields = (function.child_by_field_name(name) for name in _RETURN_FIELDS)
        found = next((node for node in fields if node is not None), None)
        if found is None and function.type in {"function_declaration", "anonymous_function"}:
            found = _kotlin_result(function)
    if found is None:
        return None
    return source.line(found).removeprefix(":").strip() or None


def _after(node: SyntaxNode, sign: str) -> SyntaxNode | None:
    """The named child that follows a sign."""
    seen = False
    for child in node.children:
        if seen and child.is_named:
            return child
        seen = seen or child.type == sign
    return None


def receiver_of(function: SyntaxNode, source: Source) -> Param | None:
    """What a method of Go, or an extension function of Kotlin and C# (``this``), calls the value it is called on."""
    holder = function.child_by_field_name("receiver")
    if holder is None:
        return _extended(function, source)
    if holder.type == "receiver_type":
        return Param(name="this", type=source.line(holder))
    declared = pick(holder, 0)
    name = field_text(declared, "name", source) if declared else None
    return Param(name=name, type=field_text(declared, "type", source)) if declared and name else None


def _extended(function: SyntaxNode, source: Source) -> Param | None:
    """``this IServiceCollection services``: the first parameter of an extension method of C#."""
    holder = function.child_by_field_name("parameters") if function.type == "method_declaration" else None
    first = pick(holder, 0) if holder is not None else None
    modifiers = first.named_children if first is not None and first.type == "parameter" else ()
    if not any(one.type == "modifier" and source.of(one) == "this" for one in modifiers):
        return None
    return Param(name="this", type=field_text(first, "type", source)) if first else None


def _kotlin_result(function: SyntaxNode) -> SyntaxNode | None:
    seen_parameters = seen_colon = False
    for child in function.children:
        if child.type == "function_value_parameters":
            seen_parameters = True
        elif seen_parameters and child.type == ":":
            seen_colon = True
        elif seen_colon and child.is_named:
            return child
    return None


def _python(function: SyntaxNode, source: Source) -> Iterator[Param]:
    holder = function.child_by_field_name("parameters")
    others = {"comment", "keyword_separator", "positional_separator", "ERROR"}
    declared = [node for node in holder.named_children if node.type not in others] if holder else []
    for at, node in enumerate(declared):
        kind = node.type
        name = node.named_child(0) if kind == "typed_parameter" else node.child_by_field_name("name")
        written = source.line(name or node)
        if at == 0 and written in {"self", "cls"}:
            continue
        yield Param(name=written, type=field_text(node, "type", source), default=field_text(node, "value", source))


def _kotlin(function: SyntaxNode, source: Source) -> Iterator[Param]:
    holders = {"function_value_parameters", "primary_constructor"}
    holder = next((child for child in function.children if child.type in holders), None)
    modifiers = ""
    waiting: Param | None = None
    for node in holder.children if holder else []:
        if node.type == "parameter_modifiers":
            modifiers = "vararg " if "vararg" in source.of(node) else ""
        elif node.type in {"parameter", "class_parameter"}:
            if waiting:
                yield waiting
            waiting = _kotlin_param(node, modifiers, source)
            modifiers = ""
        elif waiting and node.is_named and node.type not in {"line_comment", "multiline_comment"}:
            waiting = Param(name=waiting.name, type=waiting.type, default=source.line(node))
    if waiting:
        yield waiting


def _kotlin_param(node: SyntaxNode, modifiers: str, source: Source) -> Param:
    name, type_, default, after = "", None, None, ""
    for child in node.children:
        if child.type in {":", "="}:
            after = child.type
        elif child.type == "simple_identifier" and not after:
            name = source.of(child)
        elif after == ":" and child.is_named and type_ is None:
            type_ = source.line(child)
        elif after == "=" and child.is_named:
            default = source.line(child)
    return Param(name=name, type=modifiers + type_ if type_ else None, default=default)


def _java(function: SyntaxNode, source: Source) -> Iterator[Param]:
    holder = function.child_by_field_name("parameters")
    for node in holder.named_children if holder else []:
        if node.type == "formal_parameter":
            name = field_text(node, "name", source) or ""
            dimensions = field_text(node, "dimensions", source) or ""
            yield Param(name=name, type=(field_text(node, "type", source) or "") + dimensions or None)
        elif node.type == "spread_parameter":
            declarator = node.named_child(node.named_child_count - 1)
            types = [child for child in node.named_children if child.type not in {"modifiers", declarator.type}]
            yield Param(name=source.line(declarator), type="".join(source.line(kind) for kind in types) + "...")


def _script(function: SyntaxNode, source: Source) -> Iterator[Param]:
    single = function.child_by_field_name("parameter")
    holder = function.child_by_field_name("parameters")
    nodes = [single] if single else holder.named_children if holder else []
    for node in nodes:
        if node.type in {"required_parameter", "optional_parameter"}:
            pattern = node.child_by_field_name("pattern")
            name = source.line(pattern) if pattern else ""
            type_ = field_text(node, "type", source)
            if name != "this":
                yield Param(
                    name=name,
                    type=type_.removeprefix(":").strip() if type_ else None,
                    default=field_text(node, "value", source),
                )
        elif node.type == "assignment_pattern":
            yield Param(name=field_text(node, "left", source) or "", default=field_text(node, "right", source))
        elif node.type not in {"comment", "ERROR"}:
            yield Param(name=source.line(node))


def _go(function: SyntaxNode, source: Source) -> Iterator[Param]:
    holder = function.child_by_field_name("parameters")
    for node in holder.named_children if holder else []:
        if node.type not in {"parameter_declaration", "variadic_parameter_declaration"}:
            continue
        type_ = field_text(node, "type", source)
        if type_ and node.type == "variadic_parameter_declaration":
            type_ = "..." + type_
        names = [source.of(name) for name in node.children_by_field_name("name")]
        yield from (Param(name=name, type=type_) for name in names or ["_"])


def _rust(function: SyntaxNode, source: Source) -> Iterator[Param]:
    holder = function.child_by_field_name("parameters")
    for node in holder.named_children if holder else []:
        if node.type == "parameter":
            yield Param(name=field_text(node, "pattern", source) or "", type=field_text(node, "type", source))


def _csharp(function: SyntaxNode, source: Source) -> Iterator[Param]:
    holder = function.child_by_field_name("parameters")
    if holder is None:
        holder = next((child for child in function.named_children if child.type in _PARAMETER_LISTS), None)
    for node in holder.named_children if holder else []:
        if node.type == "parameter":
            values = [child for child in node.named_children if child.start_byte > (_end_of(node, "name") or 0)]
            default = values[-1] if values and "=" in [child.type for child in node.children] else None
            kept = [child for child in node.named_children if child.type == "modifier"]
            type_ = " ".join([*(source.of(one) for one in kept), field_text(node, "type", source) or ""]).strip()
            yield Param(name=field_text(node, "name", source) or "", type=type_ or None, default=_line(default, source))
    rest = holder.child_by_field_name("name") if holder else None
    if holder is not None and rest is not None:  # params string[] names: the grammar has no node for it
        yield Param(name=source.of(rest), type=f"params {field_text(holder, 'type', source)}")


def _end_of(node: SyntaxNode, name: str) -> int | None:
    found = node.child_by_field_name(name)
    return found.end_byte if found is not None else None


def _line(node: SyntaxNode | None, source: Source) -> str | None:
    return source.line(node) if node is not None else None


def _php(function: SyntaxNode, source: Source) -> Iterator[Param]:
    holder = function.child_by_field_name("parameters")
    for node in holder.named_children if holder else []:
        name = node.child_by_field_name("name")
        if name is None:
            continue
        type_ = field_text(node, "type", source)
        if b"..." in source.data[node.start_byte : name.start_byte]:
            type_ = f"{type_ or ''}..."
        yield Param(name=source.of(name), type=type_, default=field_text(node, "default_value", source))


def _ruby(function: SyntaxNode, source: Source) -> Iterator[Param]:
    holder = function.child_by_field_name("parameters")
    for node in holder.named_children if holder else []:
        name = node.child_by_field_name("name")
        if node.type == "identifier":
            yield Param(name=source.of(node))
        elif node.type in {"splat_parameter", "hash_splat_parameter", "block_parameter"}:
            yield Param(name="".join(source.of(node).split()))
        elif name is not None:
            sign = ":" if node.type == "keyword_parameter" else ""
            yield Param(name=source.of(name) + sign, default=field_text(node, "value", source))


def _scala(function: SyntaxNode, source: Source) -> Iterator[Param]:
    holders = function.children_by_field_name("parameters") or function.children_by_field_name("class_parameters")
    for holder in holders:
        for node in holder.named_children:
            if node.type in {"parameter", "class_parameter"}:
                yield Param(
                    name=field_text(node, "name", source) or "",
                    type=field_text(node, "type", source),
                    default=field_text(node, "default_value", source),
                )


def _swift(function: SyntaxNode, source: Source) -> Iterator[Param]:
    """``with count: Int = 3``: what it is called inside; the default stands beside the parameter."""
    waiting: Param | None = None
    for at, node in enumerate(function.children):
        if node.type == "parameter":
            if waiting:
                yield waiting
            said = node.children_by_field_name("name")
            start = said[1].start_byte if len(said) > 1 else node.end_byte
            type_ = " ".join(source.text(start, node.end_byte).split())
            waiting = Param(name=source.of(said[0]) if said else "", type=type_ or None)
        elif waiting and function.field_name_for_child(at) == "default_value":
            waiting = Param(name=waiting.name, type=waiting.type, default=source.line(node))
    if waiting:
        yield waiting


def _plain(function: SyntaxNode, source: Source) -> Iterator[Param]:
    """Of a language without a reader here: names with a type and a default where fields of these names say so."""
    holder = function.child_by_field_name("parameters")
    for node in holder.named_children if holder is not None else []:
        if "comment" in node.type:
            continue
        name = node.child_by_field_name("name") or (pick(node, 0) if node.named_child_count else node)
        default = node.child_by_field_name("value") or node.child_by_field_name("default_value")
        if name is not None:
            yield Param(name=source.line(name), type=field_text(node, "type", source), default=_line(default, source))


_PARAMS: Mapping[str, Callable[[SyntaxNode, Source], Iterator[Param]]] = {
    "python": _python,
    "kotlin": _kotlin,
    "java": _java,
    "javascript": _script,
    "typescript": _script,
    "go": _go,
    "rust": _rust,
    "c": c_params,
    "cpp": c_params,
    "csharp": _csharp,
    "php": _php,
    "ruby": _ruby,
    "scala": _scala,
    "swift": _swift,
}
