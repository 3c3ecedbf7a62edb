"""The Guard protocol: may this answer be saved? Verdicts, and the judgement of all guards together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """How a piece may be used, for answers that show it."""

    names: tuple[str, ...]  # by which it is called
    signatures: tuple[tuple[str, ...], ...] = ()  # names of parameters, ``*args`` among them; none: not known
    labels: frozenset[str] = frozenset()  # further names that arguments may bear (Swift)
    shown: tuple[str, ...] = ()  # the code of places that use it
    paths: tuple[str, ...] = ()  # the files of those places, and its own


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A model's answer with all that guards may measure it against."""

    text: str  # tidied: see daemon.guard.shape.tidy
    language: str
    sections: tuple[str, ...] = ()
    cut: bool = False  # the model ran into its output limit
    source: str = ""  # what the answer is about and must not copy; empty where it may say all that was shown
    facts: str = ""  # what else was shown, or the text that is retold
    params: tuple[str, ...] = ()  # names of the parameters
    identifiers: frozenset[str] = frozenset()  # names of the chunk: they belong to no language
    usage: Usage | None = None  # where the answer is to show how the piece is used
    instructions: str = ""  # the system prompt: nothing of it belongs into an answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One guard's opinion: figures for the record, named defects, and a score from 0 (worst) to 1."""

    figures: Mapping[str, Any]
    defects: Mapping[str, str] = field(default_factory=dict)  # code -> detail, as prompts/*/words.yaml names them
    score: float = 1.0


class Guard(Protocol):
    """A pure judge of answers."""

    def check(self, answer: Answer) -> Verdict:
        """Measure the answer; the same answer always gets the same verdict."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What all guards said together."""

    figures: Mapping[str, Any]
    defects: Mapping[str, str]
    score: float

    @property
    def ok(self) -> bool:
        """Whether no guard objects."""
        return not self.defects


def judge(guards: Sequence[Guard], answer: Answer) -> Judgement:
    """Ask every guard. The score is the product of theirs, so that one bad mark is not averaged away."""
    figures: dict[str, Any] = {}
    defects: dict[str, str] = {}
    score = 1.0
    for guard in guards:
        verdict = guard.check(answer)
        figures.update(verdict.figures)
        defects.update(verdict.defects)
        score *= verdict.score
    return Judgement(figures=figures, defects=defects, score=round(score, 4))
