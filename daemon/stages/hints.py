"""What the index knows about a chunk, in nine groups of facts: a model is shown them, and what lasts is keyed.

All of it is written by others: every value is one bounded line, so that none can pass for a line of the prompt.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from daemon.stages import members
from daemon.stages.origin import Input
from daemon.words import Words
from db.types import TEST_ROLES, Material, Neighbour, NodeKind, Param, Tally

_DETAILS_CHARS = 300
_IMPORTS = 8
_EXAMPLES = 5
_SUMMARY_CHARS = 120
_LISTED = 20  # of params, supertypes, annotations
_VALUE_CHARS = 600
_NAME_CHARS = 160
_LIST_CHARS = 1_600  # of one line that lists something
_OWN = frozenset({"self", "cls", "this"})  # parameters that tell nothing
_CONTAINERS = frozenset({NodeKind.CLASS, NodeKind.INTERFACE, NodeKind.ENUM, NodeKind.OBJECT, NodeKind.FILE})
_WORD = re.compile(r"[^\W\d]\w{2,}")
_IMPORTING = re.compile(r"^(?:import|use|using)\s+(?!.*\bfrom\b)")
_BRACKETED = re.compile(r"(?<=\bimport )\(\s*(.*?),?\s*\)$")
# Words of import statements that name nothing which the code could use.
_IMPORT_WORDS = frozenset(
    [
        "import",
        "from",
        "static",
        "use",
        "using",
        "require",
        "const",
        "package",
        "include",
        "pub",
        "crate",
        "self",
        "super",
        "type",
        "com",
        "org",
        "java",
        "javax",
    ]
)


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of hints. ``key`` is what of it belongs to the key of an answer; None: nothing, it is passing."""

    label: str
    value: str
    key: object


def facts(material: Material, words: Words, groups: Sequence[str]) -> str:
    """One ``- Label: value`` per known fact of the groups; facts that are not there leave no line."""
    shown = (fact for group in groups for fact in _of(group, material, words))
    return "\n".join(f"- {fact.label}: {fact.value}" for fact in shown) or "-"


def instructions(material: Material, words: Words, groups: Sequence[str]) -> str:
    """What this chunk asks of an answer, by its role and by what is known of it; empty where nothing stands out."""
    demands = [words.role(material.role)] if "role" in groups else []
    if "instructions" in groups:
        demands += [words.instruction(name, detail) for name, detail, _ in _demands(material)]
    lines = [f"- {demand}" for demand in demands if demand]
    return "\n".join([words.instruction("title"), *lines]) if lines else ""


def demanded(material: Material, words: Words) -> str:
    """What the role of a chunk asks of an answer; empty where it asks nothing."""
    demand = words.role(material.role)
    return f"{words.instruction('title')}\n- {demand}" if demand else ""


def counts(material: Material, words: Words, groups: Sequence[str]) -> dict[str, int]:
    """How many lines each group showed; groups that had nothing to show are left out."""
    found = {group: sum(1 for _ in _of(group, material, words)) for group in groups}
    if "instructions" in groups:
        found["instructions"] = sum(1 for name, detail, _ in _demands(material) if words.instruction(name, detail))
    return {group: count for group, count in found.items() if count}


def keyed(material: Material, groups: Sequence[str]) -> list[Input]:
    """What the groups add to the key of an answer: all that is shown but for lines, paths, callers and their like."""
    found = [
        Input(_ALIKE.get(group, fact.label), (fact.label, fact.key), _each(fact.key) if group == "calls" else ())
        for group in groups
        for fact in _of(group, material, None)
        if fact.key is not None
    ]
    if "instructions" in groups:
        found += [Input("instructions", (name, detail)) for name, detail, lasting in _demands(material) if lasting]
    return found


def _each(callees: object) -> tuple[tuple[str, tuple[object, ...]], ...]:
    """Of each callee its name, and apart from each other its signature and what is said of it."""
    return tuple((name, (signature, said)) for name, signature, said in callees) if isinstance(callees, list) else ()


def one_line(text: str | None, limit: int = _NAME_CHARS) -> str:
    """The text in one line of bounded length."""
    line = " ".join((text or "").split())
    return line if len(line) <= limit else f"{line[: limit - 1].rstrip()}…"


def _of(group: str, material: Material, words: Words | None) -> Iterator[Fact]:
    read = _GROUPS.get(group)
    for fact in read(material) if read else ():
        value = fact.value
        if not value and words is not None and group == "strategy":
            value = words.default(_DEFAULTS[fact.label]) if fact.label in _DEFAULTS else ""
        if value:
            yield Fact(fact.label, value, fact.key)


def _identity(material: Material) -> Iterator[Fact]:
    owner = one_line(material.owner)
    yield _fact("Kind", material.kind)
    yield _passing("Package", material.package)
    yield Fact("Owner", owner, owner.rsplit(".", 1)[-1])  # moving code is no change of meaning
    yield _passing("File", material.path)
    if material.line_start is not None:
        yield _passing("Span", f"lines {material.line_start}-{material.line_end}")
    if material.part:
        yield _fact("Part", str(material.part))


def _signature(material: Material) -> Iterator[Fact]:
    if material.kind != NodeKind.FILE:  # its signature is its name, which stands above
        yield _fact("Signature", material.signature)
    yield _listing("Params", [_param(param) for param in material.params if param.name not in _OWN], "; ")
    yield _fact("ReturnType", material.return_type)
    yield _listing("Supertypes", material.supertypes, ", ")


def _modifiers(material: Material) -> Iterator[Fact]:
    yield _listing("Annotations", material.annotations, ", ")
    yield _listing("Modifiers", material.modifiers, ", ")


def _doc(material: Material) -> Iterator[Fact]:
    yield _fact("Doc-Summary", material.doc_summary)
    yield _fact("Doc-Details", one_line(material.doc_details, _DETAILS_CHARS))


def _imports(material: Material) -> Iterator[Fact]:
    """Those that the code uses come first and are part of the key; what else its file imports is passing."""
    used, others = _used(material.source_code, material.imports)
    shown = [_imported(written) for written in [*used, *others][:_IMPORTS]]
    yield Fact("Imports", _listed(shown, "; "), sorted(_imported(one) for one in used[:_IMPORTS]))


@lru_cache(maxsize=256)  # the hints of one piece are asked for four times: key, question, guards, figures
def _used(source: str, imports: tuple[str, ...]) -> tuple[Sequence[str], Sequence[str]]:
    """The imports that the code uses, and the others."""
    there = set(_WORD.findall(source))
    used: list[str] = []
    others: list[str] = []
    for written in imports:
        names = set(_WORD.findall(written)) - _IMPORT_WORDS
        (used if names & there else others).append(written)
    return used, others


def _strategy(material: Material) -> Iterator[Fact]:
    yield _fact("Chunking-Strategy", material.strategy)
    yield _fact("Audience", material.audience)
    yield _fact("Goal", material.goal)
    yield _fact("QualityTarget", material.quality_target)


def _role(material: Material) -> Iterator[Fact]:
    detail = one_line(material.role_detail)
    yield _fact("Role", f"{material.role} ({detail})" if material.role and detail else material.role)


def _all_calls(material: Material) -> Iterator[Fact]:
    for label, internal, tally in (
        ("Calls-IntraClass", True, material.inside),
        ("Calls-External", False, material.outside),
    ):
        callees = [callee for callee in material.callees if callee.internal is internal]
        # Of what lies outside the index only the name is known, and the source says it already. A test is told by its
        # scenario: while its own code stands, what it tries may change its signature as it likes.
        lasting = sorted(
            # What we say of it follows from its code, which is its own business.
            (callee.fqn.rsplit(".", 1)[-1], one_line(callee.signature), "" if callee.ours else _summary(callee))
            for callee in callees[:_EXAMPLES]
            if callee.resolved and material.role not in TEST_ROLES
        )
        yield Fact(label, _calls(callees, tally, material.package), lasting or None)
    # A new caller somewhere must not rewrite the text of what it calls.
    yield Fact("Called-By", _calls(material.callers, material.users, material.package), None)


_GROUPS: Mapping[str, Callable[[Material], Iterator[Fact]]] = {
    "identity": _identity, "signature": _signature, "modifiers": _modifiers, "doc": _doc, "imports": _imports,
    "strategy": _strategy, "role": _role, "calls": _all_calls,
}  # fmt: skip
GROUPS = (*_GROUPS, "instructions")
_ALIKE = {"strategy": "strategy"}  # groups that are told of as one part: they change together
_DEFAULTS = {"Audience": "audience", "Goal": "goal", "QualityTarget": "quality"}


def _demands(material: Material) -> Iterator[tuple[str, str, bool]]:
    """Name and detail of each demand, and whether it is part of the key."""
    params = [one_line(param.name) for param in material.params if param.name not in _OWN]
    if material.kind in _CONTAINERS:
        yield "skeleton", "", True
    if params:
        yield "params", _listed(params, ", "), True
    if material.return_type and material.return_type.lower() not in {"none", "void", "unit", "()"}:
        yield "result", one_line(material.return_type), True
    if material.doc_summary:
        yield "doc", "", True
    if material.part:
        yield "part", str(material.part), True
    if any(not callee.resolved for callee in material.callees):
        yield "outside", "", False


def _fact(label: str, value: str | None) -> Fact:
    line = one_line(value, _VALUE_CHARS)
    return Fact(label, line, line or None)


def _passing(label: str, value: str | None) -> Fact:
    return Fact(label, one_line(value, _VALUE_CHARS), None)


def _listing(label: str, values: Sequence[str], joint: str) -> Fact:
    line = _listed(values, joint)
    return Fact(label, line, line or None)


def _listed(values: Sequence[str], joint: str) -> str:
    """As many of the values as may be listed, each whole or visibly cut, and how many there are besides."""
    shown: list[str] = []
    for value in values[:_LISTED]:
        line = one_line(value)
        if shown and len(joint.join([*shown, line])) > _LIST_CHARS:
            break
        shown.append(line)
    return _with_more(shown, len(values) - len(shown), joint)


def _with_more(shown: Sequence[str], more: int, joint: str) -> str:
    return joint.join([*shown, f"and {more} more"] if more > 0 else shown)


def _imported(statement: str) -> str:
    """An import without the words that every import has; those that say from where are kept."""
    line = _IMPORTING.sub("", " ".join(statement.split()).removesuffix(";"))
    quoted = line[:1] == line[-1:] and line[:1] in {'"', "'"}
    return one_line(line[1:-1] if quoted else _BRACKETED.sub(r"\1", line))


def _param(param: Param) -> str:
    text = param.name
    if param.type:
        text += f": {param.type}"
    if param.default:
        text += f" = {param.default}"
    return text


def _calls(neighbours: Sequence[Neighbour], tally: Tally | None, package: str) -> str:
    """How many calls, and the first of what is called, or of who calls."""
    if not neighbours:
        return ""
    sites = tally.sites if tally else sum(neighbour.count for neighbour in neighbours)
    names = tally.names if tally else len(neighbours)
    shown = [_neighbour(neighbour, package) for neighbour in neighbours[:_EXAMPLES]]
    return f"{sites} ({_with_more(shown, names - len(shown), '; ')})"


def _neighbour(neighbour: Neighbour, package: str) -> str:
    """``Class.method: its signature — one line about it``; what is of the same package goes without its name."""
    name, signature = one_line(neighbour.fqn.removeprefix(f"{package}.")), one_line(neighbour.signature)
    # A function that belongs to nothing is named by its signature.
    text = f"{name}: {signature}" if signature and "." in name else signature or name
    summary = _summary(neighbour)
    return f"{text} — {summary}" if summary else text


def _summary(neighbour: Neighbour) -> str:
    return members.summary_of(neighbour) if neighbour.ours else one_line(neighbour.summary, _SUMMARY_CHARS)
