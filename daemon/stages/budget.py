"""How much room a question has, and what goes first where it has too little: never in silence, always in one order."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from daemon.llm.base import Prompt
from daemon.llm.tokens import Calibration, Vocabulary

FRAME_TOKENS = 30  # what a model's chat template adds round system prompt and question
# Hints, by label, in the order in which they are shortened and then left out: what tells least of the code first.
_ORDER = (
    "Called-By", "Imports", "Doc-Details", "Annotations", "Calls-External", "Calls-IntraClass", "Supertypes",
    "Modifiers", "Chunking-Strategy", "Audience", "Goal", "QualityTarget", "Package", "File", "Span",
)  # fmt: skip
# Fields of many lines, which lose lines from their end; before the hints of the second half are left out.
_LISTS = ("sites", "members")
_SHORT = 120  # characters of a shortened hint
_BEFORE_LISTS = 4  # hints that go before any member does
_COUNTED = re.compile(r"^(\d+ )\((.*)\)$")  # calls: how many, and the first of them
_REST = "the rest is not shown"
_LINE = re.compile(r"^- ([\w-]+): (.*)$")

Fields = Mapping[str, str]
Fits = Callable[[Fields], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """What the settings say of one model's window and of code that does not fit into it."""

    context_tokens: int = 8192
    output_tokens: int = 1200
    margin_tokens: int = 256
    max_parts: int = 24

    @property
    def shaping(self) -> tuple[int, ...]:
        """What decides how much of a long piece is shown: part of a text's recipe."""
        return (self.context_tokens, self.output_tokens, self.margin_tokens, self.max_parts)


@dataclass(frozen=True, slots=True)
class Budget:
    """Tokens of one question, by one model's vocabulary as far as we know it now."""

    sizes: Sizes
    vocabulary: Vocabulary
    calibration: Calibration = Calibration()  # noqa: RUF009 - frozen

    def tokens(self, text: str) -> int:
        """The estimate, with what the model's own counts have taught us."""
        return self.calibration.estimate(text, self.vocabulary)

    def room(self, system: str) -> int:
        """Tokens left for the question itself; may be negative."""
        sizes = self.sizes
        return (
            sizes.context_tokens - sizes.output_tokens - sizes.margin_tokens - FRAME_TOKENS - self.tokens(system)
        )  # fmt: skip

    def of(self, prompt: Prompt) -> int:
        """The whole prompt."""
        return self.tokens(prompt.system) + self.tokens(prompt.user) + FRAME_TOKENS


@dataclass(frozen=True, slots=True)
class Shrunk:
    """Fields that fit, or the least there is, and how much was taken out of them: characters of a hint, lines of a
    list, by label."""

    fields: Fields
    taken: Mapping[str, int]
    fits: bool


def shrink(fields: Fields, fits: Fits) -> Shrunk:
    """Take away, in the declared order, until it fits: every place says how much is not shown there."""
    taken: dict[str, int] = {}
    found = fields
    for label, smaller, count in _steps(fields, fits):
        if fits(found):
            break
        change = smaller(found)
        if change is not None:
            before, found = found, change
            taken[label] = taken.get(label, 0) + count(before, found)
    return Shrunk(found, {label: number for label, number in taken.items() if number}, fits(found))


_Step = tuple[str, Callable[[Fields], "Fields | None"], Callable[[Fields, Fields], int]]


def _steps(fields: Fields, fits: Fits) -> Iterator[_Step]:
    first, later = _ORDER[:_BEFORE_LISTS], _ORDER[_BEFORE_LISTS:]
    for label in first:
        yield _hint(label, _SHORT)
    for label in first:
        yield _hint(label, 0)
    for name in _LISTS:
        if name in fields:
            yield name, lambda now, name=name: _fewer(now, name, fits), _lines_lost(name)  # type: ignore[misc]
    for length in (_SHORT, 0):
        for label in later:
            yield _hint(label, length)


def _hint(label: str, length: int) -> _Step:
    def smaller(now: Fields) -> Fields | None:
        hints = now.get("hints", "").split("\n")
        for number, line in enumerate(hints):
            match = _LINE.match(line)
            if match and match[1] == label:
                value = _shorter(match[2], length)
                if len(value) < len(match[2]):
                    hints[number] = f"- {label}: {value}"
                    return {**now, "hints": "\n".join(hints)}
        return None

    def lost(before: Fields, after: Fields) -> int:
        return len(before.get("hints", "")) - len(after.get("hints", ""))

    return label, smaller, lost


def _shorter(value: str, length: int) -> str:
    """As many of the listed values as fit into so many characters; ``7 (a; b; c)`` keeps its figure."""
    if len(value) <= length:
        return value
    if match := _COUNTED.match(value):
        kept = _whole(match[2], "; ", length)
        return f"{match[1]}({kept}; {_REST})" if kept else f"{match[1]}({_REST})"
    kept = _whole(value, "; " if "; " in value else ", ", length)
    if not kept and length:
        return f"{value[:length].rstrip()}… ({_REST})"
    return f"{kept}, ({_REST})" if kept else f"({_REST})"


def _whole(values: str, joint: str, length: int) -> str:
    """The values, as long as they are whole and no longer together."""
    end = values.rfind(joint, 0, length + len(joint))
    return values[:end] if end > 0 else ""


def _fewer(now: Fields, name: str, fits: Fits) -> Fields:
    """As many lines of a list as fit, found by halving."""
    lines = now[name].split("\n")
    low, high = 0, len(lines)
    while low < high:
        middle = (low + high + 1) // 2
        if fits({**now, name: _first(lines, middle)}):
            low = middle
        else:
            high = middle - 1
    return {**now, name: _first(lines, low)}


def _first(lines: list[str], count: int) -> str:
    left = len(lines) - count
    return "\n".join([*lines[:count], *([f"- ({left} more not shown)"] if left else [])])


def _lines_lost(name: str) -> Callable[[Fields, Fields], int]:
    def lost(before: Fields, after: Fields) -> int:
        kept = after[name].count("\n") + 1 if after[name] else 0
        return max(0, before[name].count("\n") + 2 - kept)

    return lost
