"""What the index knows about a chunk, as lines for a prompt; stable facts first, nothing about lines or paths twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from db.types import Material, Neighbour, Param

_DETAILS_CHARS = 300
_IMPORTS = 8
_EXAMPLES = 5
_SUMMARY_CHARS = 120


def hints(material: Material) -> str:
    """One ``- Label: value`` per known fact; facts that are not there leave no line."""
    return "\n".join(f"- {label}: {value}" for label, value in _facts(material) if value)


def _facts(material: Material) -> Iterator[tuple[str, str]]:
    yield "Kind", material.kind
    yield "Package", material.package
    yield "Owner", material.owner or ""
    yield "File", material.path or ""
    yield "Signature", material.signature or ""
    yield "Params", "; ".join(_param(param) for param in material.params)
    yield "ReturnType", material.return_type or ""
    yield "Supertypes", ", ".join(material.supertypes)
    yield "Annotations", ", ".join(material.annotations)
    yield "Modifiers", ", ".join(material.modifiers)
    yield "Doc-Summary", _one_line(material.doc_summary)
    yield "Doc-Details", _one_line(material.doc_details)[:_DETAILS_CHARS]
    yield "Imports", ", ".join(material.imports[:_IMPORTS])
    yield "Chunking-Strategy", material.strategy or ""
    yield "Audience", material.audience or ""
    yield "Goal", material.goal or ""
    yield "QualityTarget", material.quality_target or ""
    inside = [callee for callee in material.callees if callee.internal]
    outside = [callee for callee in material.callees if not callee.internal]
    yield "Calls-IntraClass", _calls(inside)
    yield "Calls-External", _calls(outside)
    yield "Called-By", _calls(material.callers)


def _param(param: Param) -> str:
    text = param.name
    if param.type:
        text += f": {param.type}"
    if param.default:
        text += f" = {param.default}"
    return text


def _calls(neighbours: Sequence[Neighbour]) -> str:
    if not neighbours:
        return ""
    total = sum(neighbour.count for neighbour in neighbours)
    shown = [_neighbour(neighbour) for neighbour in neighbours[:_EXAMPLES]]
    more = len(neighbours) - len(shown)
    return f"{total} ({'; '.join(shown)}{f'; and {more} more' if more else ''})"


def _neighbour(neighbour: Neighbour) -> str:
    text = neighbour.signature or neighbour.fqn
    summary = _one_line(neighbour.summary)
    return f"{text} — {summary[:_SUMMARY_CHARS]}" if summary else text


def _one_line(text: str | None) -> str:
    return " ".join((text or "").split())
