"""Asks a model and keeps count: what we thought a prompt weighs, what the server says, and what we learn from both."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from daemon.errors import AnswerUnusable, PromptCut
from daemon.guard.shape import tidy
from daemon.llm.base import Completion, Finish, Prompt, TextModel
from daemon.llm.tokens import Gauge
from daemon.parts import Part
from daemon.stages.budget import Budget, Sizes
from daemon.stages.plan import Ask, Plan

_REMEMBERED = 1024  # notes: a retry, or an edit elsewhere in a long function, asks only for what is new
_NOTE_TRIES = 2
_ENDS = ".!?…"


@dataclass(slots=True)
class Spent:
    """What the calls for one text have cost; token counts are None where the server tells none."""

    completions: list[Completion] = field(default_factory=list)
    estimated: int = 0

    @property
    def prompt_tokens(self) -> int | None:
        """By the server's count."""
        return _sum([one.prompt_tokens for one in self.completions])

    @property
    def output_tokens(self) -> int | None:
        """By the server's count."""
        return _sum([one.output_tokens for one in self.completions])

    @property
    def duration_ms(self) -> int:
        """Of all calls."""
        return sum(one.duration_ms for one in self.completions)


class Asker:
    """One model with its budget. What its gauge shows is the only thing that changes, and only for the better."""

    def __init__(self, model: TextModel, sizes: Sizes, gauge: Gauge | None = None) -> None:
        self.model = model
        self._sizes = sizes
        self._gauge = gauge or Gauge(model.name)
        self._notes: OrderedDict[tuple[str, str, str], str] = OrderedDict()

    @property
    def budget(self) -> Budget:
        """What a question may weigh, by all that is known now."""
        return Budget(self._sizes, self._gauge.vocabulary, self._gauge.calibration)

    @property
    def correction(self) -> float:
        """What estimates are multiplied with by now; 1 where they never fell short."""
        return self._gauge.calibration.factor

    async def ask(self, prompt: Prompt, spent: Spent, *, fresh: bool = True) -> Completion:
        """Ask once and learn from the count. Raises ModelError and its kind; PromptCut where too little was read.

        ``fresh``: the server has not seen this question before, so that none of it can come from a cache which some
        servers leave out of their count.
        """
        plain = Budget(self._sizes, self._gauge.vocabulary).of(prompt)
        completion = await self.model.complete(prompt)
        spent.completions.append(completion)
        spent.estimated += plain
        counted = completion.prompt_tokens
        if fresh and self._gauge.calibration.misses(prompt.user, counted, plain):
            raise PromptCut(
                f"{self.model.name} read {counted} tokens of a prompt that has about {plain}: its server cuts prompts "
                "and says nothing",
                f"Give the server a context of {self._sizes.context_tokens} tokens (Ollama: OLLAMA_CONTEXT_LENGTH, "
                "llama-server: --ctx-size, vLLM: --max-model-len), or lower context_tokens of this model to what it "
                "has; then `doctown requeue --state dead`.",
            )
        if fresh and counted:
            self._gauge.calibration = self._gauge.calibration.learned(plain, counted)
        return completion

    def too_long(self) -> bool:
        """A prompt that we thought to fit was refused: think less of the room. False when that leads no further."""
        before = self._gauge.calibration
        self._gauge.calibration = before.refused()
        return self._gauge.calibration.factor > before.factor

    async def notes(self, plan: Plan, language: str, spent: Spent, *, variation: int) -> dict[int, str]:
        """The notes on all parts of the plan that are read, by where each begins.

        A part about which the model says nothing has none. They are asked for one after the other, because other
        claims want the endpoint's slots too.
        """
        if plan.reading is None:
            return {}
        found: dict[int, str] = {}
        for ask in plan.reading.asks:
            note = await self._note(plan.reading.prompt.system, ask, language, spent, variation)
            if note:
                found[ask.part.start] = note
        if not found:
            raise AnswerUnusable(
                f"{self.model.name} had nothing to say about any of {len(plan.reading.asks)} parts",
                "Look at what the model answers to prompts/<language>/part.system.md.",
            )
        return found

    async def _note(self, system: str, ask: Ask, language: str, spent: Spent, variation: int) -> str:
        known = (system, ask.user, str(variation))
        if known in self._notes:
            self._notes.move_to_end(known)
            return self._notes[known]
        for attempt in range(_NOTE_TRIES):
            prompt = Prompt(system=system, user=ask.user, language=language, attempt=variation + attempt)
            completion = await self.ask(prompt, spent, fresh=attempt == 0)
            note = _finished(tidy(completion.text), cut=completion.finish is Finish.LENGTH)
            if note:
                self._notes[known] = note
                while len(self._notes) > _REMEMBERED:
                    self._notes.popitem(last=False)
                return note
        return ""


def left_out(plan: Plan, notes: dict[int, str]) -> tuple[Part, ...]:
    """The parts that the text knows nothing of: those that were not read, and those about which nothing was said."""
    if plan.reading is None:
        return ()
    silent = [ask.part for ask in plan.reading.asks if ask.part.start not in notes]
    return tuple(sorted([*plan.reading.unread, *silent], key=lambda part: part.start))


def _finished(text: str, *, cut: bool) -> str:
    """A note without the sentence in which it broke off."""
    if not cut:
        return text
    end = max(text.rfind(sign) for sign in _ENDS)
    return text[: end + 1] if end >= 0 else f"{text}…" if text else ""


def _sum(counts: Sequence[Any]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known else None
