"""What is asked about one piece: all of it in one question, or its parts one by one and then the whole from notes.

Pure. The order: everything as it is; the skeleton of a class with fewer stubs; hints shortened; the code in parts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from daemon.errors import PromptTooLong
from daemon.parts import Part, Splitter, place_of, telling
from daemon.prompts import PartPrompt, StagePrompt, fence_for
from daemon.stages import members
from daemon.stages.budget import Budget, Fields, shrink
from db.types import Material

_SKELETON_SHARE = 0.6  # of the room, where the lines about members want some too
_NOTE_TOKENS = 130  # of one note of two to four sentences, reserved before it is written
_LEAST_NOTE = 30  # of one note, its place included; where there is less room, fewer parts are read
_SHORTEST_NOTE = 4
_NOTES_SHARE = 0.75  # of the room that notes may have together
_SMALLEST_PART = 200  # tokens; below it there is no point in reading
_LIMIT_STEPS = (0.97, 0.85, 0.7, 0.5)
_HEADER_CHARS = 400
_PLACES = 6  # ranges of lines that are told before the rest is only counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """The question for the note on one part."""

    part: Part
    user: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How a piece that is too long is read."""

    asks: tuple[Ask, ...]
    unread: tuple[Part, ...]
    header: str
    lines: int
    size: int  # characters
    prompt: PartPrompt

    @property
    def total(self) -> int:
        """Parts, read and unread."""
        return len(self.asks) + len(self.unread)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything that is asked about one piece but for the model's own notes."""

    prompt: StagePrompt
    fields: Fields
    room: int  # tokens of the question
    shown: Mapping[str, Any] = field(default_factory=dict)  # what was left out, for the figures
    reading: Reading | None = None

    def shows(self, other: Plan) -> bool:
        """Whether the other plan asks the very same."""
        return (self.fields, self.reading) == (other.fields, other.reading)

    @property
    def message(self) -> str:
        """The question, where no part has to be read first."""
        return _ask(self.prompt, self.fields)

    def merged(self, notes: Mapping[int, str], budget: Budget) -> str:
        """The question about the whole; ``notes`` by where their part begins. Parts without one were not read."""
        reading = self.reading
        if reading is None:
            return self.message
        bare = budget.tokens(_ask(self.prompt, _with_notes(self.fields, reading, {})))
        share = max(_SHORTEST_NOTE, (self.room - bare) // max(1, len(reading.asks)) - 10)
        while True:
            cut = {start: _within(note, share, budget) for start, note in notes.items()}
            message = _ask(self.prompt, _with_notes(self.fields, reading, cut))
            if budget.tokens(message) <= self.room or share <= _SHORTEST_NOTE:
                return message
            share = share * 4 // 5


def plan(
    prompt: StagePrompt,
    part_prompt: PartPrompt | None,
    fields: Fields,
    material: Material,
    budget: Budget,
    split: Splitter,
) -> Plan:
    """Lay out the questions. Raises PromptTooLong where even the least does not fit.

    ``part_prompt`` is None for stages that see no code: there is nothing that could be read in parts.
    """
    room = budget.room(prompt.system)
    known = material.members if part_prompt else ()
    whole = {**fields, "members": members.lines(known)} if known and "members" not in fields else dict(fields)

    def fits(tried: Fields) -> bool:
        return budget.tokens(_ask(prompt, tried)) <= room

    if fits(whole):
        return Plan(prompt=prompt, fields=whole, room=room)
    shown: dict[str, Any] = {}
    skeleton = whole
    if known and "source" in whole and budget.tokens(whole["source"]) > room * _SKELETON_SHARE:
        source, gone = members.thinned(
            whole["source"], known, lambda text: budget.tokens(text) <= room * _SKELETON_SHARE
        )
        if gone:
            skeleton = {**whole, "source": source}
            shown["members_left_out"] = gone
    shrunk = shrink(skeleton, fits)
    if shrunk.fits:
        return Plan(prompt=prompt, fields=shrunk.fields, room=room, shown=_shown(shown, shrunk.taken))
    if part_prompt is None or not whole.get("source"):
        raise _too_long(prompt, shrunk.fields, budget)
    return _in_parts(prompt, part_prompt, skeleton, material, budget, split, shown)


def _in_parts(
    prompt: StagePrompt,
    part_prompt: PartPrompt,
    fields: Fields,
    material: Material,
    budget: Budget,
    split: Splitter,
    shown: dict[str, Any],
) -> Plan:
    room = budget.room(prompt.system)
    header = header_of(material)
    parts, questions = _questions(part_prompt, fields, header, material, budget, split)
    without = {key: value for key, value in fields.items() if key != "source"}
    least = shrink(without, lambda _: False).fields
    most = len(questions)
    while True:
        chosen = telling(parts, most)  # a part of those for every larger number
        reading = Reading(
            asks=tuple(Ask(part=parts[at], user=questions[at]) for at in chosen),
            unread=tuple(part for at, part in enumerate(parts) if at not in frozenset(chosen)),
            header=header, lines=fields["source"].count("\n") + 1, size=len(fields["source"]), prompt=part_prompt,
        )  # fmt: skip
        for_notes = room - budget.tokens(_ask(prompt, _with_notes(least, reading, {})))
        if for_notes >= _LEAST_NOTE * len(chosen):
            break
        if most == 1:
            raise _too_long(prompt, _with_notes(least, reading, {}), budget)
        most = most * 2 // 3
    reserved = min(_NOTE_TOKENS * len(chosen), int(room * _NOTES_SHARE), for_notes)

    def fits(tried: Fields) -> bool:
        return budget.tokens(_ask(prompt, _with_notes(tried, reading, {}))) <= room - reserved

    shrunk = shrink(without, fits)
    shown["parts"] = reading.total
    shown["parts_noted"] = len(chosen)
    return Plan(prompt=prompt, fields=shrunk.fields, room=room, shown=_shown(shown, shrunk.taken), reading=reading)


def _questions(
    prompt: PartPrompt, fields: Fields, header: str, material: Material, budget: Budget, split: Splitter
) -> tuple[list[Part], dict[int, str]]:
    """The parts of the code, and by their places the questions about those that tell most, which fit."""
    source, lang = fields["source"], material.lang
    room = budget.room(prompt.system)
    frame = budget.tokens(prompt.ask(**_part_fields(fields, header, None, 0, 0)))
    for step in _LIMIT_STEPS:
        limit = int((room - frame) * step)
        if limit < _SMALLEST_PART:
            break
        parts = split(source, lang, limit, budget.tokens)
        questions = {
            at: prompt.ask(**_part_fields(fields, header, parts[at], at + 1, len(parts)))
            for at in telling(parts, budget.sizes.max_parts)
        }
        if all(budget.tokens(question) <= room for question in questions.values()):
            return parts, questions
    raise PromptTooLong(
        f"no part of this code fits into a question: {max(room - frame, 0)} tokens are left for it",
        _remedy(),
    )


def _part_fields(fields: Fields, header: str, part: Part | None, number: int, total: int) -> dict[str, str]:
    around = part.around if part else ()
    # The frame is measured with as much around a part as there can be.
    inside = "\n- Inside: " + " > ".join(around) if around else ("" if part else "\n- Inside: " + "x y(z) > " * 60)
    return {
        "lang": fields.get("lang", ""),
        "fqn": fields.get("fqn", ""),
        "header": header + inside,
        "number": str(number),
        "total": str(total),
        "lines": place_of(part) if part else "100000-200000",
        "fence": fence_for(part.text if part else ""),
        "source": part.text.strip("\n") if part else "",
    }


def header_of(material: Material) -> str:
    """What every part is shown of the piece it belongs to."""
    facts = (
        ("Kind", material.kind),
        ("Owner", material.owner),
        ("Signature", material.signature),
        ("Doc-Summary", material.doc_summary),
    )
    found = [(label, " ".join((value or "").split())) for label, value in facts]
    return "\n".join(f"- {label}: {_shortened(value)}" for label, value in found if value)


def _shortened(value: str) -> str:
    return value if len(value) <= _HEADER_CHARS else f"{value[: _HEADER_CHARS - 1].rstrip()}…"


def _with_notes(fields: Fields, reading: Reading, notes: Mapping[int, str]) -> dict[str, str]:
    rows = {part.start: f"[{place_of(part)}] (not read)" for part in reading.unread}
    for ask in reading.asks:
        said = notes.get(ask.part.start)
        rows[ask.part.start] = f"[{place_of(ask.part)}] {said or '(no note)'}"
    merged = reading.prompt.merged.substitute(
        lines=str(reading.lines),
        total=str(reading.total),
        header=reading.header,
        notes="\n".join(_grouped([rows[start] for start in sorted(rows)])),
    )
    return {**fields, "source": merged.strip(), "fence": fence_for(merged)}


def _grouped(rows: Sequence[str]) -> list[str]:
    """Neighbours that were not read become one line."""
    found: list[str] = []
    gap: list[str] = []
    for row in [*rows, ""]:
        if row.endswith("(not read)"):
            gap.append(row[1:].split("]")[0])
            continue
        if gap:
            found.append(
                f"[{_span(gap[0], gap[-1])}] ({len(gap)} parts were not read)"
                if len(gap) > 1
                else f"[{gap[0]}] (not read)"
            )
            gap = []
        if row:
            found.append(row)
    return found


def _span(first: str, last: str) -> str:
    return f"{first.rsplit('-', 1)[0]}-{last.rsplit('-', 1)[-1]}"


def places(parts: Sequence[Part]) -> list[str]:
    """Where parts stand, neighbours joined: ``120-380``; at most a handful, then how many more."""
    runs: list[list[Part]] = []
    for part in sorted(parts, key=lambda part: part.start):
        if runs and runs[-1][-1].end == part.start:
            runs[-1].append(part)
        else:
            runs.append([part])
    found = [_span(place_of(run[0]), place_of(run[-1])) for run in runs]
    return found if len(found) <= _PLACES else [*found[:_PLACES], f"+{len(found) - _PLACES}"]


def lines_of(parts: Sequence[Part]) -> int:
    """Lines that parts cover, each counted once."""
    covered = {line for part in parts for line in (part.first_line, part.last_line)}
    return len(covered) + sum(max(0, part.last_line - part.first_line - 1) for part in parts)


def _within(note: str, tokens: int, budget: Budget) -> str:
    """A note in one paragraph, its end left out visibly where it is longer than its share."""
    text = " ".join(note.split())
    while budget.tokens(text) > tokens and len(text) > 1:
        keep = int(len(text) * min(0.9, tokens / budget.tokens(text)))
        text = text[:keep].rsplit(" ", 1)[0].rstrip("…") + "…"
    return text


def _ask(prompt: StagePrompt, fields: Fields) -> str:
    """The question; lines about members stand below the hints where the prompt has no place of its own for them."""
    said = fields.get("members")
    if said and "members" not in prompt.user.get_identifiers():
        indented = "\n".join(f"  {line}" for line in said.split("\n"))
        fields = {**fields, "hints": f"{fields.get('hints', '')}\n- Members:\n{indented}".lstrip("\n")}
    return prompt.ask(**fields)


def _shown(shown: dict[str, Any], taken: Mapping[str, int]) -> dict[str, Any]:
    return {**shown, "shrunk": dict(taken)} if taken else shown


def _too_long(prompt: StagePrompt, fields: Fields, budget: Budget) -> PromptTooLong:
    needed = budget.tokens(_ask(prompt, fields))
    return PromptTooLong(
        f"the shortest question about it has about {needed} tokens, and there is room for "
        f"{max(budget.room(prompt.system), 0)} (context {budget.sizes.context_tokens}, answer "
        f"{budget.sizes.output_tokens}, system prompt {budget.tokens(prompt.system)}, margin "
        f"{budget.sizes.margin_tokens})",
        _remedy(),
    )


def _remedy() -> str:
    return (
        "Raise context_tokens of the stage's model in `models`, or lower its output_tokens or sizes.margin_tokens; "
        "then `doctown requeue --state dead`."
    )
