"""The text stages: ask a model, judge the answer, ask again with the named defects, keep the best attempt."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from daemon.errors import AnswerRejected, AnswerUnusable
from daemon.guard.base import Answer, Guard, Judgement, judge
from daemon.guard.shape import tidy
from daemon.llm.base import Completion, Finish, Prompt, TextModel
from daemon.prompts import Prompts, StagePrompt
from daemon.settings import GuardSettings
from db.types import Material, Stage, TextDraft


class Writing(Protocol):
    """What tells one text stage from another."""

    @property
    def stage(self) -> Stage:
        """Its name."""
        ...

    def fields(self, material: Material) -> Mapping[str, str]:
        """What fills the placeholders of its prompt."""
        ...

    def inputs(self, material: Material) -> Sequence[object]:
        """Everything of the material that shapes the answer, but for volatile facts (lines, path, callers)."""
        ...

    def source(self, material: Material) -> str:
        """The code that the answer must not copy; empty where the stage shows none."""
        ...

    def facts(self, material: Material) -> str:
        """What else the answer may speak of: the facts shown beside the code, or the text that is retold."""
        ...


_OWN = frozenset({"self", "cls", "this", "_"})  # parameters that nobody describes


@dataclass(frozen=True, slots=True)
class _Attempt:
    completion: Completion
    text: str
    judgement: Judgement


class TextStage:
    """A stage that writes: material in, draft out; it knows no database."""

    def __init__(
        self, writing: Writing, model: TextModel, prompts: Prompts, guards: Sequence[Guard], settings: GuardSettings
    ) -> None:
        self.writing = writing
        self.model = model
        self._prompts = prompts
        self._guards = tuple(guards)
        self._settings = settings
        self._judging = asyncio.Lock()

    @property
    def name(self) -> Stage:
        """The stage's name."""
        return self.writing.stage

    def recipe(self, language: str) -> str:
        """Fingerprint of prompts, model, options and language: another recipe makes other texts."""
        prompt = self._prompts.stage(self.name, language)
        return digest(self.name, prompt.fingerprint, self.model.name, dict(self.model.options), language)

    def key(self, material: Material) -> str:
        """Content address of the answer: same key, same text, no call."""
        return digest(self.recipe(material.language), *self.writing.inputs(material))

    async def write(self, material: Material, *, variation: int = 0) -> TextDraft:
        """Ask until no guard objects, at most ``max_regenerations`` times more; the best attempt wins.

        ``variation`` shifts the seed: a person who requeues a text wants another one. Raises ModelError and its
        kind from the model; AnswerUnusable when every attempt was empty or cut; AnswerRejected when guards object
        to all of them and ``guard.on_failure`` is ``park``.
        """
        prompt = self._prompts.stage(self.name, material.language)
        message = prompt.ask(**self.writing.fields(material))
        attempts: list[_Attempt] = []
        asked = message
        while True:
            attempt = await self._attempt(prompt, asked, material, seed_shift=variation + len(attempts))
            attempts.append(attempt)
            if attempt.judgement.ok or len(attempts) > self._settings.max_regenerations:
                break
            asked = prompt.ask_again(message, attempt.judgement.defects)
        best = max(attempts, key=lambda tried: (tried.judgement.ok, tried.judgement.score))
        self._refuse(best)
        return self._draft(material, prompt, best, attempts)

    async def _attempt(self, prompt: StagePrompt, asked: str, material: Material, *, seed_shift: int) -> _Attempt:
        completion = await self.model.complete(
            Prompt(
                system=prompt.system,
                user=asked,
                language=material.language,
                sections=prompt.sections,
                attempt=seed_shift,
            )
        )
        text = tidy(completion.text, prompt.sections)
        answer = Answer(
            text=text,
            language=material.language,
            sections=prompt.sections,
            cut=completion.finish is Finish.LENGTH,
            source=self.writing.source(material),
            facts=self.writing.facts(material),
            params=tuple(param.name.lstrip("*&") for param in material.params if param.name not in _OWN),
            identifiers=names(material),
        )
        async with self._judging:
            judgement = judge(self._guards, answer)
            # Answers that arrive together are judged one by one, and calls that may start do so in between.
            await asyncio.sleep(0)
        return _Attempt(completion, text, judgement)

    def _refuse(self, best: _Attempt) -> None:
        defects = best.judgement.defects
        if "empty" in defects or "cut" in defects:
            what = "empty" if "empty" in defects else "cut at the output limit"
            raise AnswerUnusable(
                f"every answer of {self.model.name} was {what}",
                f"Raise models.{self.name}.output_tokens, or look at what the model does.",
            )
        if defects and self._settings.on_failure == "park":
            listed = "; ".join(f"{code} {detail}".strip() for code, detail in defects.items())
            raise AnswerRejected(
                f"the guards object to every answer: {listed}",
                "Look at the prompt and the model, then `doctown requeue --state dead`.",
            )

    def _draft(
        self, material: Material, prompt: StagePrompt, best: _Attempt, attempts: Sequence[_Attempt]
    ) -> TextDraft:
        judgement = best.judgement
        quality: dict[str, Any] = {
            **judgement.figures,
            "score": judgement.score,
            "attempts": len(attempts),
            "flagged": not judgement.ok,
            "model": best.completion.model,
        }
        if judgement.defects:
            quality["defects"] = dict(judgement.defects)
        if len(attempts) > 1:
            quality["rejected"] = [sorted(tried.judgement.defects) for tried in attempts if tried is not best]
        return TextDraft(
            text=best.text,
            key=self.key(material),
            recipe=self.recipe(material.language),
            model=best.completion.model,
            options=dict(self.model.options),
            prompt_fingerprint=prompt.fingerprint,
            language=material.language,
            language_detected=judgement.figures.get("language_detected") or material.language,
            quality=quality,
            prompt_tokens=_total(tried.completion.prompt_tokens for tried in attempts),
            output_tokens=_total(tried.completion.output_tokens for tried in attempts),
            duration_ms=sum(tried.completion.duration_ms for tried in attempts),
            regenerations=len(attempts) - 1,
        )

    def recalled(
        self, material: Material, *, generation: int, text: str, model: str, quality: dict[str, Any]
    ) -> TextDraft:
        """A draft from the ledger: it was made from exactly the same before, so nobody is asked."""
        prompt = self._prompts.stage(self.name, material.language)
        return TextDraft(
            text=text,
            key=self.key(material),
            recipe=self.recipe(material.language),
            model=model,
            options=dict(self.model.options),
            prompt_fingerprint=prompt.fingerprint,
            language=material.language,
            language_detected=quality.get("language_detected") or material.language,
            quality={**quality, "reused": True},
            reused_from=generation,
        )


def names(material: Material) -> frozenset[str]:
    """Words of the chunk's own names: they may stand bare in prose of any language."""
    found = {material.name, *(param.name.lstrip("*") for param in material.params)}
    if material.owner:
        found.add(material.owner.rsplit(".", 1)[-1])
    return frozenset(found)


def digest(*parts: object) -> str:
    """A 128-bit fingerprint of values that JSON can write."""
    text = json.dumps(parts, ensure_ascii=False, sort_keys=True, default=str)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _total(counts: Any) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known else None
