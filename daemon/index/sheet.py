"""Renders the fact sheet of a node: all that the index knows without any model, as Markdown. A pure function."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from daemon.index.markup import code_block, code_span, one_line, prose, storable, table_cell
from daemon.index.sheet_words import Words
from daemon.safety.material import without_secrets
from db.types import Param

SHOWN = 10  # neighbours of one sort; how many more there are is said
SHOWN_MEMBERS = 40
SHOWN_OUTSIDE = 15
_SUMMARY = 160
_TYPE = 120
_SIGNATURE = 1_200
_DETAILS = 1_500


@dataclass(frozen=True, slots=True, kw_only=True)
class Related:
    """A neighbour in one line."""

    label: str  # its full name; of a member the signature
    count: int = 1
    role: str | None = None  # of a member, with its detail
    summary: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Some:
    """The first of many, and how many there are."""

    first: tuple[Related, ...] = ()
    total: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the index knows about a node and its neighbours."""

    kind: str
    lang: str
    fqn: str
    package: str = ""
    owner: str | None = None
    path: str | None = None
    line_start: int | None = None
    line_end: int | None = None
    signature: str | None = None
    params: tuple[Param, ...] = ()
    return_type: str | None = None
    supertypes: tuple[str, ...] = ()
    annotations: tuple[str, ...] = ()
    modifiers: tuple[str, ...] = ()
    role: str | None = None
    role_detail: str | None = None
    doc_summary: str | None = None
    doc_details: str | None = None
    members: Some = Some()
    callees: Some = Some()
    outside: Some = Some()  # names that are called and lead nowhere in the index
    callers: Some = Some()  # of a class: of its members too
    heirs: Some = Some()
    importers: Some = Some()
    tests: Some = Some()
    call_sites: int = 0
    calling: int = 0  # who has them, tests included
    percent: int | None = None  # the smallest share of most central nodes that holds this one
    callable: bool = True  # that nobody calls it is worth a word
    container: bool = False


def render(facts: Facts, words: Words) -> str:
    """The sheet. Whatever the names and types hold, the Markdown is well-formed and Postgres can store it.

    Secrets in defaults, signatures and comments stay out: a sheet is read by more people than the source.
    """
    facts = without_secrets(facts)
    blocks = [f"# {code_span(facts.fqn) or '?'}", _head(facts, words)]
    if facts.signature and facts.signature.strip():
        blocks.append(code_block(facts.signature, facts.lang, limit=_SIGNATURE))
    blocks.append("\n".join(_facts(facts, words)))
    blocks += _doc(facts, words)
    blocks += _parameters(facts.params, words)
    blocks += _list(words["members"], facts.members, words, counted=False)
    blocks += _list(words["users" if facts.container else "callers"], facts.callers, words)
    blocks += _list(words["heirs"], facts.heirs, words, counted=False)
    blocks += _list(words["importers"], facts.importers, words, counted=False)
    blocks += _list(words["tests"], facts.tests, words)
    blocks += _list(words["calls"], facts.callees, words)
    blocks += _outside(facts.outside, words)
    return storable("\n\n".join(block for block in blocks if block) + "\n")


def _head(facts: Facts, words: Words) -> str:
    return " · ".join(part for part in (words.kind(facts.kind), prose(facts.lang)) if part)


def _facts(facts: Facts, words: Words) -> Iterator[str]:
    place = facts.path or ""
    if place and facts.line_start is not None:
        place += f":{facts.line_start}-{facts.line_end or facts.line_start}"
    role = " ".join(part for part in (prose(facts.role), code_span(facts.role_detail)) if part)
    for label, value in (
        ("where", code_span(place)),
        ("package", code_span(facts.package)),
        ("owner", code_span(facts.owner)),
        ("role", role),
        ("returns", code_span(facts.return_type, limit=_TYPE)),
        ("supertypes", _spans(facts.supertypes)),
        ("annotations", _spans(facts.annotations)),
        ("modifiers", _spans(facts.modifiers)),
        ("use", _use(facts, words)),
    ):
        if value:
            yield f"- **{words[label]}:** {value}"


def _use(facts: Facts, words: Words) -> str:
    said = []
    if facts.call_sites:
        said.append(words.filled("called", places=facts.call_sites, symbols=facts.calling))
    elif facts.callable:
        said.append(words["uncalled"])
    if facts.percent is not None:
        said.append(words.filled("central", percent=facts.percent))
    return "; ".join(said)


def _doc(facts: Facts, words: Words) -> list[str]:
    summary, details = prose(facts.doc_summary), (facts.doc_details or "").strip()
    if not summary and not details:
        return []
    # The details are markup of another kind (reStructuredText, Javadoc, ...): shown as they are, not read as Markdown.
    return [f"## {words['documented']}", summary, code_block(details, "text", limit=_DETAILS) if details else ""]


def _parameters(params: Sequence[Param], words: Words) -> list[str]:
    if not params:
        return []
    rows = [[words["name"], words["type"], words["default"]], ["---", "---", "---"]]
    rows += [
        [
            table_cell(code_span(param.name, limit=_TYPE)),
            table_cell(code_span(param.type, limit=_TYPE)),
            table_cell(code_span(param.default, limit=_TYPE)),
        ]
        for param in params
    ]
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return [f"## {words['parameters']}", "\n".join(lines)]


def _list(title: str, some: Some, words: Words, *, counted: bool = True) -> list[str]:
    if not some.total:
        return []
    lines = [_line(related, counted=counted) for related in some.first]
    if some.total > len(some.first):
        lines.append(f"- {words.filled('more', count=some.total - len(some.first))}")
    return [f"## {title} ({some.total})", "\n".join(lines)]


def _line(related: Related, *, counted: bool) -> str:
    line = f"- {code_span(related.label, limit=_TYPE) or '?'}"
    if counted and related.count > 1:
        line += f" × {related.count}"
    if related.role:
        line += f" ({prose(related.role, limit=_TYPE)})"
    summary = prose(related.summary, limit=_SUMMARY)
    return f"{line} — {summary}" if summary else line


def _outside(some: Some, words: Words) -> list[str]:
    if not some.total:
        return []
    names = ", ".join(span for related in some.first if (span := code_span(related.label, limit=_TYPE)))
    more = words.filled("more", count=some.total - len(some.first)) if some.total > len(some.first) else ""
    return [f"**{words['outside']}:** {names} {more}".rstrip()]


def _spans(values: Iterable[str]) -> str:
    return ", ".join(span for value in values if (span := code_span(one_line(value), limit=_TYPE)))
