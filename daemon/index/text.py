"""The text that belongs to one node alone: its members stand in it as stubs of one line."""

from __future__ import annotations

from daemon.index.facts import Source
from daemon.index.languages import Language
from daemon.index.outline import Found
from db.types import NodeKind

_MAX_SIGNATURE = 2000  # characters; beyond it the signature says that it goes on
_NAMED_BEHIND = frozenset({"struct_specifier", "union_specifier", "enum_specifier"})
_TRAILING = frozenset({b":", b"=>", b"=", b";", b"{"})
_TIGHT_AFTER = frozenset({b"(", b"["})
_TIGHT_BEFORE = frozenset({b")", b"]", b",", b".", b"?."})


def signature_of(one: Found, language: Language, source: Source) -> str:
    """The declaration in one line, without annotations, comments and body."""
    written = _written(one, source)
    if one.node.type in _NAMED_BEHIND and one.name_at > one.body_start:  # C: typedef struct { ... } name
        written = f"{written} {one.name}"
    prefix = language.prefixes.get(one.node.type, "")
    return written if written.startswith(prefix) else prefix + written


def _written(one: Found, source: Source) -> str:
    if one.written is None:
        one.written = _write(one, source)
    return one.written


def _write(one: Found, source: Source) -> str:
    spans = one.head_spans
    tokens = [source.data[start:end] for start, end in spans]
    count = len(spans)
    while count and tokens[count - 1] in _TRAILING:
        count -= 1
    parts: list[str] = []
    for at in range(count):
        start, end = spans[at]
        if at and spans[at - 1][1] < start:
            broken = b"\n" in source.data[spans[at - 1][1] : start]
            if not (broken and (tokens[at - 1] in _TIGHT_AFTER or tokens[at] in _TIGHT_BEFORE)):
                parts.append(" ")
        parts.append(source.text(start, end).replace("\n", " "))
    whole = "".join(parts)
    return whole if len(whole) <= _MAX_SIGNATURE else whole[:_MAX_SIGNATURE] + " …"


def stub_of(one: Found, language: Language, source: Source) -> str:
    """How a member stands in the text of its owner."""
    signature = _written(one, source)
    if one.body is None:
        return language.bare_stub.format(signature)
    last = source.text(*one.head_spans[-1]) if one.head_spans else ""
    if last in {"=>", "="}:
        signature += f" {last}"
    return language.stub.format(signature)


def own_text(one: Found, language: Language, source: Source) -> str:
    """The node's own text, dedented; the text of its extensions follows it."""
    if one.kind is NodeKind.FILE and not one.members:
        return source.text(0, len(source.data))
    pieces = [_piece(part, language, source) for part in (one, *one.extensions)]
    return "\n\n".join(pieces)


def _piece(one: Found, language: Language, source: Source) -> str:
    data = source.data
    line_start = data.rfind(b"\n", 0, one.start) + 1
    indent = data[line_start : one.start]
    parts: list[bytes] = []
    at = one.start
    for member in sorted(one.members, key=lambda member: member.start):
        parts += [data[at : member.start], stub_of(member, language, source).encode("utf-8", errors="replace")]
        at = member.end
    parts.append(data[at : one.end])
    text = b"".join(parts)
    if indent and not indent.strip():
        text = text.replace(b"\n" + indent, b"\n")
    return text.decode("utf-8", errors="replace").rstrip()
