"""Which declarations of a file are nodes, where each begins and ends, what it is called and who owns it.

A function is a node unless it stands inside another function, a lambda or an anonymous class: then it stays part of
whatever surrounds it, and so does a class defined in a function. A node begins at its doc comment or its first
annotation. A block of methods that stands apart from its type (``impl`` in Rust) is an *extension*: where the
type is in the same file, the block counts as part of the type's text.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import groupby

from daemon.index.docs import NO_DOC, Doc
from daemon.index.facts import Source, bare_path, body_of, dotted, function_of, type_name
from daemon.index.languages import Language, Naming, SyntaxNode
from daemon.index.leads import Leads
from daemon.index.macros import test_macro
from daemon.index.names import Module
from daemon.index.names import dotted as join
from daemon.index.tags import Tagged, Tags
from db.types import NodeKind

CLASS_LIKE = frozenset({NodeKind.CLASS, NodeKind.INTERFACE, NodeKind.ENUM, NodeKind.OBJECT})
_PATHS = frozenset({Naming.SPACE, Naming.RUBY})  # names may be written with the path to them
_OPERATORS = frozenset({"operator_declaration", "conversion_operator_declaration"})  # of C#: named by a sign, a type
_MAX_NAME = 200  # characters of a name; longer ones are generated


@dataclass(slots=True, eq=False)
class Found:
    """A node in the making. Offsets are bytes; ``kind`` None marks an extension."""

    node: SyntaxNode
    kind: NodeKind | None
    name: str
    function: SyntaxNode  # has the parameters and the body
    body: SyntaxNode | None
    start: int  # of its text, doc comment and annotations included
    head: int  # where the declaration itself begins
    end: int
    name_at: int = 0  # modifiers stand before this
    doc: Doc = NO_DOC
    annotations: list[SyntaxNode] = field(default_factory=list)
    owner_text: str = ""
    inside: str = ""  # namespaces written before the name of a class: ``Shop`` of ``class Shop::Cart``
    fqn: str = ""
    owner: str | None = None
    scope: str = ""  # what the names beside it are prefixed with
    ordinal: int = 0
    parent: Found | None = None  # whose text this one stands in; None for the file
    base: Found | None = None  # the type that an extension belongs to, where it is in this file
    members: list[Found] = field(default_factory=list)  # what stands in its text as a stub
    extensions: list[Found] = field(default_factory=list)
    # tokens.py fills these: a member among them stands for its stub
    notes: list[bytes | Found] = field(default_factory=list)  # annotations
    head_tokens: list[bytes | Found] = field(default_factory=list)  # the declaration up to its body
    head_spans: list[tuple[int, int]] = field(default_factory=list)  # where the bytes among them stand
    tokens: list[bytes | Found] = field(default_factory=list)  # the body
    written: str | None = None  # the signature, once text.py has written it

    @property
    def body_start(self) -> int:
        """Where the body begins; the end where there is none."""
        return self.body.start_byte if self.body is not None else self.end


@dataclass(slots=True, eq=False)
class _Scope:
    """An open bracket of the sweep: until ``end`` names are prefixed with ``prefix``."""

    end: int
    prefix: str
    found: Found | None = None
    closed: bool = False  # nothing in here becomes a node


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """The file and all its nodes in source order, and the extensions among them."""

    file: Found
    nodes: list[Found]  # the file first
    extensions: list[Found]
    namespaces: list[tuple[int, int, str]]  # start, end and full prefix of the blocks that prefix names
    claimed: set[int]  # where the doc comments start that belong to a node


def outline_of(
    root: SyntaxNode, tags: Tags, language: Language, source: Source, module: Module, aliases: Mapping[str, str]
) -> Outline:
    """Lay the captured declarations out; ``aliases`` are the imported names (extensions of foreign types)."""
    leads = Leads(tags, language, source)
    found = _declarations(tags, language, source, leads)
    file = _file(root, module, source)
    outline = _sweep(file, found, tags, source, leads.claimed)
    _settle(outline, language, aliases)
    file.doc = leads.of_file(root, tags.package, outline.nodes)
    return outline


def _file(root: SyntaxNode, module: Module, source: Source) -> Found:
    return Found(
        node=root, kind=NodeKind.FILE, name=module.fqn, function=root, body=root, start=0, head=0,
        end=len(source.data), fqn=module.fqn, scope=module.scope,
    )  # fmt: skip


def _declarations(tags: Tags, language: Language, source: Source, leads: Leads) -> list[Found]:
    """Every captured definition and extension with its whole span."""
    outers = {ident: _outermost(ident, tags.wrappers) for ident in tags.definitions}
    shared: dict[int, int] = {}
    for outer in outers.values():
        if outer is not None:
            shared[outer.id] = shared.get(outer.id, 0) + 1
    found = []
    for ident, tagged in tags.definitions.items():
        outer = outers[ident]
        alone = outer is not None and shared[outer.id] == 1
        one = _found(tagged, outer if alone and outer is not None else tagged.node, language, source, leads)
        if one is not None:
            found.append(one)
    for tagged in tags.extensions:
        one = _found(tagged, tagged.node, language, source, leads)
        if one is not None:
            found.append(one)
    return found


def _outermost(ident: int, wrappers: Mapping[int, SyntaxNode]) -> SyntaxNode | None:
    outer = None
    while (wrapper := wrappers.get(ident)) is not None and (outer is None or wrapper.id != outer.id):
        outer, ident = wrapper, wrapper.id
    return outer


def _found(tagged: Tagged, outer: SyntaxNode, language: Language, source: Source, leads: Leads) -> Found | None:
    owner_text = source.of(tagged.owner) if tagged.owner else ""
    name = inside = ""
    if tagged.kind is not None:
        written = _written_name(tagged, language, source)
        if written is None:
            return None
        name, owner_text = written[0], owner_text or written[1]
        test = test_macro(tagged.node, source) if language.grammar == "cpp" else None
        if test is not None:
            name, owner_text, inside = test.name, test.fixture, test.suite
        if tagged.kind in CLASS_LIKE and language.naming in _PATHS:
            inside, owner_text = owner_text.replace("::", "."), ""
    function = function_of(tagged.node, language)
    body = body_of(function, language)
    begun = source.begun(outer.start_byte)
    lead = leads.of(begun, body)
    limit = tagged.name.start_byte if tagged.name else body.start_byte if body else outer.end_byte
    return Found(
        node=tagged.node, kind=tagged.kind, name=name, function=function, body=body, start=lead.start,
        head=begun, end=_end_of(outer, source), name_at=limit, doc=lead.doc, owner_text=owner_text,
        inside=inside, annotations=lead.annotations + leads.annotations_between(begun, limit),
    )  # fmt: skip


def _end_of(node: SyntaxNode, source: Source) -> int:
    """Where a declaration ends: where indentation says it, a grammar may count the blank lines behind it."""
    end = node.end_byte
    while end > node.start_byte + 1 and source.data[end - 1] in b" \t\n":
        end -= 1
    return end


def _written_name(tagged: Tagged, language: Language, source: Source) -> tuple[str, str] | None:
    """The name of a definition, and the type that a JavaScript assignment puts it on."""
    if tagged.name is None:
        name = language.unnamed.get(tagged.node.type)
        return (name, "") if name else None
    if tagged.name.type != "member_expression":
        text = " ".join(source.of(tagged.name).split()).strip("`'\"")
        text = f"operator {text}" if tagged.node.type in _OPERATORS else text
        return _split(text) if language.naming in _PATHS else (text[:_MAX_NAME], "") if text else None
    whole = dotted(tagged.name, language, source)
    if whole is None or whole.startswith(".") or "(" in whole:
        return None
    rest = re.sub(r"^(?:module\.exports|exports|this)(?:\.|$)", "", whole)
    owner, _, last = rest.rpartition(".")
    return last[:_MAX_NAME] or "default", owner.removesuffix(".prototype")


def _split(text: str) -> tuple[str, str] | None:
    """The name and what is written before it: ``x::Cart::total`` -> ``total`` of ``x::Cart``."""
    operator = re.search(r"\boperator\b[^(]*(?:\(\))?", text)
    start = operator.start() if operator else len(text)
    path = bare_path(text[:start]) if "::" in text[:start] else text[:start]
    owner, _, name = path.rpartition("::")
    name = re.sub(r"(?<=~) ", "", name.strip()) + (operator[0].strip() if operator else "")
    if operator is None:
        name = name.rpartition(" ")[2]  # a macro that the grammar did not know stands before it
    return (name[:_MAX_NAME], owner.strip(": ")) if name else None


def _sweep(file: Found, found: Iterable[Found], tags: Tags, source: Source, claimed: set[int]) -> Outline:
    """Pass over all brackets from left to right and keep what is not inside a function."""
    transparent = set(tags.definitions)
    brackets: list[tuple[int, int, Found | Tagged | None]] = [(one.start, -one.end, one) for one in found]
    transparent.update(one.function.id for _, _, one in brackets if isinstance(one, Found))
    transparent.update(one.body.id for one in found if one.kind in CLASS_LIKE and one.body is not None)
    brackets += [(tag.node.start_byte, -tag.node.end_byte, tag) for tag in tags.namespaces]
    brackets += [(node.start_byte, -node.end_byte, None) for node in tags.opaque if node.id not in transparent]
    brackets.sort(key=lambda bracket: bracket[:2])
    outline = Outline(file=file, nodes=[file], extensions=[], namespaces=[], claimed=claimed)
    stack = [_Scope(end=file.end + 1, prefix=file.scope, found=file)]
    for start, negative_end, one in brackets:
        while stack[-1].end <= start:
            stack.pop()
        top = stack[-1]
        if top.closed:
            continue
        if one is None:
            stack.append(_Scope(end=-negative_end, prefix="", closed=True))
        elif isinstance(one, Tagged):
            written = source.of(one.name).strip("'\"") if one.name else ""
            name = written.replace("::", ".").replace("\\", ".")
            prefix = join(top.prefix, name)
            outline.namespaces.append((start, -negative_end, prefix))
            stack.append(_Scope(end=-negative_end, prefix=prefix, found=top.found))
        else:
            stack.append(_keep(one, top, outline, file))
    return outline


def _keep(one: Found, top: _Scope, outline: Outline, file: Found) -> _Scope:
    surrounding = top.found or file
    one.parent, one.scope = surrounding, join(top.prefix, one.inside)
    if one.kind is None:
        outline.extensions.append(one)
        return _Scope(end=one.end, prefix=top.prefix, found=one)
    outline.nodes.append(one)
    one.fqn = join(one.scope, one.name)
    if surrounding.kind in CLASS_LIKE or (one.inside and one.kind in CLASS_LIKE):
        one.owner = one.scope if one.kind in CLASS_LIKE else surrounding.fqn
        if one.kind is NodeKind.FUNCTION:
            one.kind = NodeKind.METHOD
    if one.kind in CLASS_LIKE:
        return _Scope(end=one.end, prefix=one.fqn, found=one)
    return _Scope(end=one.end, prefix="", closed=True)


def _settle(outline: Outline, language: Language, aliases: Mapping[str, str]) -> None:
    """Give what stands apart from its type its owner, and count overloads."""
    known = {one.fqn: one for one in outline.nodes if one.kind is not NodeKind.FILE}
    spaces = {prefix for _, _, prefix in outline.namespaces}
    for extension in outline.extensions:
        name = type_name(extension.owner_text).replace("::", ".")
        here = join(extension.scope, name)
        base = known.get(here)
        extension.base = base if base is not None and base.kind in CLASS_LIKE else None
        head, _, rest = name.partition(".")
        extension.fqn = here if extension.base or head not in aliases else join(aliases[head], rest)
        if extension.base is not None:
            extension.base.extensions.append(extension)
    counted: dict[tuple[NodeKind | None, str], int] = {}
    for one in outline.nodes:
        if one.parent is not None and one.parent.kind is None:
            _own(one, one.parent.fqn)
        elif one.owner_text:
            owner = join(one.scope, type_name(one.owner_text).replace("::", "."))
            elsewhere = language.grammar == "cpp" and owner not in spaces  # the class is in the header
            if language.naming is Naming.GO or elsewhere or owner in known:
                _own(one, owner)
            else:
                one.fqn = join(owner, one.name)
        if one.owner and one.kind is NodeKind.METHOD and _constructs(one, language):
            one.kind = NodeKind.CONSTRUCTOR
        key = (one.kind, one.fqn)
        one.ordinal = counted.get(key, 0)
        counted[key] = one.ordinal + 1
        while one.parent is not None and one.parent.kind is None and one.parent.base is None:
            one.parent = one.parent.parent  # the block of a type that is elsewhere: its text is the file's
        if one.parent is not None:
            one.parent.members.append(one)
    for extension in outline.extensions:
        if extension.base is not None and extension.parent is not None:
            extension.parent.members.append(extension)


def _constructs(one: Found, language: Language) -> bool:
    own = one.owner.rpartition(".")[2] if one.owner else ""
    return one.name in language.constructors or (language.named_constructors and one.name == own)


def _own(one: Found, owner: str) -> None:
    one.owner, one.fqn = owner, join(owner, one.name)
    if one.kind is NodeKind.FUNCTION:
        one.kind = NodeKind.METHOD


def innermost(outline: Outline) -> Callable[[int], Found]:
    """A function from an offset to the node whose own text holds it; extensions stand for their types."""
    spans = sorted([*outline.nodes[1:], *outline.extensions], key=lambda one: (one.start, -one.end))
    borders: list[int] = [0]
    holders: list[Found] = [outline.file]
    stack: list[Found] = [outline.file]
    closings = [(one.end, 0, -one.start, one) for one in spans]
    openings = [(one.start, 1, -one.end, one) for one in spans]
    edges = sorted(closings + openings, key=lambda edge: edge[:3])
    for offset, group in groupby(edges, key=lambda edge: edge[0]):
        for _, opens, _, one in group:
            if opens:
                stack.append(one)
            else:
                stack.remove(one)
        borders.append(offset)
        holders.append(_standing_for(stack[-1]))

    def holder(offset: int) -> Found:
        at = bisect_left(borders, offset + 1) - 1
        return holders[at]

    return holder


def _standing_for(one: Found) -> Found:
    while one.kind is None:
        if one.base is not None:
            return one.base
        assert one.parent is not None  # noqa: S101 - the sweep gave every extension its surroundings
        one = one.parent
    return one
