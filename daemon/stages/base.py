"""The text stages: ask a model, judge the answer, ask again with the named defects, keep the best attempt."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from daemon.errors import AnswerRejected, AnswerUnusable, BudgetSpent, PromptCut, PromptTooLong
from daemon.guard.base import Answer, Guard, Judgement, Usage, judge
from daemon.guard.shape import tidy
from daemon.llm.base import Completion, Finish, Prompt, TextModel
from daemon.llm.tokens import Gauge
from daemon.parts import Splitter, by_lines
from daemon.prompts import PartPrompt, Prompts, StagePrompt
from daemon.stages import members
from daemon.stages.asking import Asker, Spent, left_out
from daemon.stages.budget import Sizes
from daemon.stages.origin import Input, MadeFrom, OnceEach, digest, made_from
from daemon.stages.plan import Plan, lines_of, places, plan
from daemon.thresholds import StageGuardSettings
from daemon.words import Words
from db.types import Material, Stage, TextDraft


class Writing(Protocol):
    """What tells one text stage from another."""

    @property
    def stage(self) -> Stage:
        """Its name."""
        ...

    @property
    def prompt(self) -> str:
        """The name of its prompts in the folder of a language."""
        ...

    @property
    def settings(self) -> Sequence[object]:
        """What is set about it and shapes every answer: part of the recipe."""
        ...

    def fields(self, material: Material, words: Words) -> Mapping[str, str]:
        """What fills the placeholders of its prompt."""
        ...

    def inputs(self, material: Material) -> Sequence[Input]:
        """Everything of the material that shapes the answer, but for volatile facts (lines, path, callers)."""
        ...

    def source(self, material: Material) -> str:
        """The code that the answer must not copy; empty where the stage shows none."""
        ...

    def facts(self, material: Material) -> str:
        """What else the answer may speak of: the facts shown beside the code, or the text that is retold."""
        ...

    def hints(self, material: Material, words: Words) -> Mapping[str, int]:
        """Which groups of facts are shown, and how many lines of each."""
        ...

    def usage(self, material: Material) -> Usage | None:
        """How the piece may be used, where the answer is to show it."""
        ...


_REPLANS = 4  # times that a server may refuse a question as too long before we believe that it never fits
_HEAVY = 100_000  # characters of source that are measured, cut and judged in a thread of their own
_UNUSABLE = frozenset({"empty", "cut"})  # defects of an answer that is never saved
_OWN = frozenset({"self", "cls", "this", "_"})  # parameters that nobody describes


@dataclass(frozen=True, slots=True)
class _Attempt:
    completion: Completion
    text: str
    judgement: Judgement


class TextStage:
    """A stage that writes: material in, draft out; it knows no database."""

    def __init__(
        self,
        writing: Writing,
        model: TextModel,
        prompts: Prompts,
        guards: Sequence[Guard],
        settings: StageGuardSettings,
        *,
        safety: str = "",
        sizes: Sizes | None = None,
        split: Splitter = by_lines,
        gauge: Gauge | None = None,
        weights: Callable[[], str | None] = lambda: None,
    ) -> None:
        self.writing = writing
        self.model = model
        self._prompts = prompts
        self._guards = tuple(guards)
        self._settings = settings
        self._safety = safety  # fingerprint of what is redacted: see Safety.fingerprint
        self._weights = weights  # digest of the model's weights, as far as it is known by now
        self._sizes = sizes or Sizes()
        self._split = split
        self._asker = Asker(model, self._sizes, gauge)
        self._judging = asyncio.Lock()
        self._inputs = OnceEach(self._inputs_of)  # a key is asked for three times, and then what it came from

    @property
    def name(self) -> Stage:
        """The stage's name."""
        return self.writing.stage

    def recipe(self, language: str) -> str:
        """Fingerprint of prompts, model, options, language and redaction: another recipe makes other texts.

        Behind a plus the weights of the model, where they are known: see doctown_same_recipe in the store.
        """
        made_by = self._made_by(language, long=True)
        made_by = digest(made_by, self._safety) if self._safety else made_by
        weights = self._weights()
        return f"{made_by}+{_abbreviated(weights)}" if weights else made_by

    def recipe_parts(self, language: str) -> dict[str, object]:
        """What the recipe is a fingerprint of, by name."""
        prompt = self._prompts.stage(self.writing.prompt, language)
        part = self._part_prompt(prompt)
        long = {"parts": part.fingerprint, "sizes": list(self._sizes.shaping)} if part else {}
        weights = self._weights()
        return {
            "question": self.writing.prompt, "prompt": prompt.fingerprint, "model": self.model.name,
            "options": dict(self.model.options), "language": language, "facts": list(self.writing.settings), **long,
            "redaction": self._safety, **({"weights": weights} if weights else {}),
        }  # fmt: skip

    def _made_by(self, language: str, *, long: bool) -> str:
        """``long``: with what decides how code is shown that may not fit; questions about other code do not depend on
        it, so that a change there costs no call for them."""
        prompt = self._prompts.stage(self.writing.prompt, language)
        options = dict(self.model.options)
        part = self._part_prompt(prompt) if long else None
        parts = (part.fingerprint, *self._sizes.shaping) if part else ()
        return digest(
            self.writing.prompt, prompt.fingerprint, self.model.name, options, language, *self.writing.settings, *parts
        )

    def _may_be_long(self, material: Material) -> bool:
        """Whether the code may not fit whole. By its length alone: what we learn of tokens must not change a key."""
        return len(material.source_code) > (self._sizes.context_tokens - self._sizes.output_tokens) // 2

    def _part_prompt(self, prompt: StagePrompt) -> PartPrompt | None:
        """How the stage reads code in parts; None where it sees none."""
        return self._prompts.part(prompt.language) if "source" in prompt.user.get_identifiers() else None

    def key(self, material: Material) -> str:
        """Content address of the answer: same key, same text, no call.

        The redaction's settings are no part of it: what they change of a material changes the inputs themselves.
        """
        shown = self._made_by(material.language, long=self._may_be_long(material))
        weights = self._weights()
        by = [shown, f"weights:{_abbreviated(weights)}"] if weights else [shown]
        return digest(*by, *(one.value for one in self._inputs(material)))

    def made_from(self, material: Material) -> MadeFrom:
        """The parts of the key that come from the material, as short hashes by name."""
        return made_from(self._inputs(material))

    def _inputs_of(self, material: Material) -> list[Input]:
        said = members.keyed(material.members)
        each = tuple((name, (role, summary)) for name, role, summary in said)
        return [*self.writing.inputs(material), *([Input("members", said, each)] if said else [])]

    async def write(self, material: Material, *, variation: int = 0) -> TextDraft:
        """Ask until no guard objects, at most ``max_regenerations`` times more; the best attempt wins.

        ``variation`` shifts the seed: a person who requeues a text wants another one. Raises ModelError and its
        kind from the model; AnswerUnusable when every attempt was empty or cut; AnswerRejected when guards object
        to all of them and ``guard.on_failure`` is ``park``; BudgetSpent when it ended before there was one to keep.
        """
        spent = Spent()
        laid = await self._plan(material)
        for _ in range(_REPLANS):
            try:
                return await self._write(laid, material, spent, variation)
            except PromptCut:
                raise
            except PromptTooLong as refused:
                # The server counts otherwise than we thought: lay it out anew with less, where there is less to show.
                before, fewer = laid, self._asker.too_long()
                try:
                    laid = await self._plan(material)
                except PromptTooLong:
                    raise refused from None  # it knows its limit, we guess
                if not fewer or laid.shows(before):
                    raise
        return await self._write(laid, material, spent, variation)

    async def _write(self, laid: Plan, material: Material, spent: Spent, variation: int) -> TextDraft:
        prompt = laid.prompt
        notes = await self._asker.notes(laid, material.language, spent, variation=variation)
        message = laid.merged(notes, self._asker.budget)
        attempts: list[_Attempt] = []
        asked = message
        while True:
            try:
                attempt = await self._attempt(prompt, asked, material, spent, number=len(attempts), shift=variation)
            except BudgetSpent:
                if not self._worth_keeping(attempts):
                    raise
                break
            attempts.append(attempt)
            if attempt.judgement.ok or len(attempts) > self._settings.max_regenerations:
                break
            asked = prompt.ask_again(message, attempt.judgement.defects)
        best = _best(attempts)
        self._refuse(best)
        draft = self._draft(material, prompt, best, attempts, spent)
        return self._with_gaps(draft, laid, notes, prompt.language)

    def render(self, material: Material) -> list[tuple[str, str]]:
        """The prompts (system, question) that would be asked about this material, without asking.

        Of a piece that is read in parts: one for each part, then the last one with dots in place of the notes. Raises
        PromptTooLong, PromptError and SourceError as writing would.
        """
        laid = self._lay_out(material)
        reading = laid.reading
        asks = [(reading.prompt.system, ask.user) for ask in reading.asks] if reading else []
        notes = {ask.part.start: "…" for ask in reading.asks} if reading else {}
        return [*asks, (laid.prompt.system, laid.merged(notes, self._asker.budget))]

    async def _plan(self, material: Material) -> Plan:
        if len(material.source_code) > _HEAVY:
            return await asyncio.to_thread(self._lay_out, material)
        return self._lay_out(material)

    def _lay_out(self, material: Material) -> Plan:
        self._prompts.check(material.language)  # says so where a repository's language has to borrow
        prompt = self._prompts.stage(self.writing.prompt, material.language)
        fields = self.writing.fields(material, prompt.words)
        return plan(prompt, self._part_prompt(prompt), fields, material, self._asker.budget, self._split)

    def _with_gaps(self, draft: TextDraft, laid: Plan, notes: dict[int, str], language: str) -> TextDraft:
        """The draft with what its text could not know: said in it, and written down beside it."""
        quality = {**draft.quality, **laid.shown}
        said: list[str] = []
        gaps = left_out(laid, notes)
        if gaps and laid.reading:
            size = sum(part.size for part in gaps)
            quality["parts_noted"] = len(notes)
            quality["left_out_lines"] = lines_of(gaps)
            quality["left_out_chars"] = size
            quality["left_out"] = places(gaps)
            share = max(1, round(100 * size / laid.reading.size))
            said.append(laid.reading.prompt.unread.substitute(share=str(share), places=", ".join(places(gaps))))
        if members_gone := laid.shown.get("members_left_out"):
            said.append(self._prompts.part(language).stubs.substitute(count=str(members_gone)))
        text = "\n\n".join([draft.text, *(one.strip() for one in said)])
        return replace(draft, text=text, quality=quality)

    async def _attempt(
        self, prompt: StagePrompt, asked: str, material: Material, spent: Spent, *, number: int, shift: int
    ) -> _Attempt:
        completion = await self._asker.ask(
            Prompt(
                system=prompt.system,
                user=asked,
                language=material.language,
                sections=prompt.sections,
                attempt=shift + number,
            ),
            spent,
            fresh=number == 0,
        )
        text = tidy(completion.text, prompt.sections)
        answer = Answer(
            text=text,
            language=material.language,
            sections=prompt.sections,
            cut=completion.finish is Finish.LENGTH,
            source=self.writing.source(material),
            facts="\n".join([self.writing.facts(material), members.lines(material.members)]).strip("\n"),
            params=tuple(param.name.lstrip("*&") for param in material.params if param.name not in _OWN),
            identifiers=names(material),
            usage=self.writing.usage(material),
            instructions=prompt.system,
        )
        async with self._judging:
            if len(answer.source) > _HEAVY:
                judgement = await asyncio.to_thread(judge, self._guards, answer)
            else:
                judgement = judge(self._guards, answer)
            # Answers that arrive together are judged one by one, and calls that may start do so in between.
            await asyncio.sleep(0)
        return _Attempt(completion, text, judgement)

    def _worth_keeping(self, attempts: Sequence[_Attempt]) -> bool:
        """Whether what is paid for may be saved flagged, where the budget allows no further attempt."""
        return (
            bool(attempts)
            and self._settings.on_failure == "keep"
            and not _UNUSABLE & set(_best(attempts).judgement.defects)
        )

    def _refuse(self, best: _Attempt) -> None:
        defects = best.judgement.defects
        if _UNUSABLE & set(defects):
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
        self, material: Material, prompt: StagePrompt, best: _Attempt, attempts: Sequence[_Attempt], spent: Spent
    ) -> TextDraft:
        judgement = best.judgement
        quality: dict[str, Any] = {
            **judgement.figures,
            "score": judgement.score,
            "attempts": len(attempts),
            "flagged": not judgement.ok,
            "model": best.completion.model,
            "tokens_estimated": spent.estimated,
        }
        if shown := self.writing.hints(material, prompt.words):
            quality["hints"] = dict(shown)
        if self._asker.correction > 1:
            quality["tokens_correction"] = round(self._asker.correction, 3)
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
            prompt_tokens=spent.prompt_tokens,
            output_tokens=spent.output_tokens,
            duration_ms=spent.duration_ms,
            regenerations=len(attempts) - 1,
            made_from=self.made_from(material),
        )

    def recalled(
        self, material: Material, *, generation: int, text: str, model: str, quality: dict[str, Any]
    ) -> TextDraft:
        """A draft from the ledger: it was made from exactly the same before, so nobody is asked."""
        prompt = self._prompts.stage(self.writing.prompt, material.language)
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
            made_from=self.made_from(material),
        )


def _best(attempts: Sequence[_Attempt]) -> _Attempt:
    return max(attempts, key=lambda tried: (tried.judgement.ok, tried.judgement.score))


def names(material: Material) -> frozenset[str]:
    """Words of the chunk's own names: they may stand bare in prose of any language."""
    found = {material.name, *(param.name.lstrip("*") for param in material.params)}
    if material.owner:
        found.add(material.owner.rsplit(".", 1)[-1])
    return frozenset(found)


def _abbreviated(weights: str) -> str:
    return weights.removeprefix("sha256:")[:12]
