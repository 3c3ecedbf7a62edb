"""One stage with several questions: which one is asked is told by how a piece is described."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from daemon.llm.base import TextModel
from daemon.stages.base import TextStage
from daemon.stages.origin import MadeFrom
from db.types import Material, Stage, TextDraft


class ByStrategy:
    """A stage that asks one question about most pieces, and others about those of certain strategies."""

    def __init__(self, usual: TextStage, others: Mapping[str, TextStage] | None = None) -> None:
        self._usual = usual
        self._others = dict(others or {})

    @property
    def name(self) -> Stage:
        """The stage's name."""
        return self._usual.name

    @property
    def model(self) -> TextModel:
        """The model that all questions go to."""
        return self._usual.model

    def recipes(self, language: str) -> dict[str, str]:
        """How texts in a language are made: ``en`` for most, ``package/en`` for those of a strategy of its own."""
        own = {f"{strategy}/{language}": stage.recipe(language) for strategy, stage in self._others.items()}
        return {language: self._usual.recipe(language), **own}

    def parts(self, language: str) -> dict[str, dict[str, object]]:
        """What each of these recipes is a fingerprint of."""
        return {stage.recipe(language): stage.recipe_parts(language) for stage in (self._usual, *self._others.values())}

    def key(self, material: Material) -> str:
        """The key of the question that this piece gets."""
        return self.stage_for(material).key(material)

    def made_from(self, material: Material) -> MadeFrom:
        """What a text of this piece would be made from, as short hashes by name."""
        return self.stage_for(material).made_from(material)

    def render(self, material: Material) -> list[tuple[str, str]]:
        """The prompts of that question."""
        return self.stage_for(material).render(material)

    async def write(self, material: Material, *, variation: int = 0) -> TextDraft:
        """Ask that question."""
        return await self.stage_for(material).write(material, variation=variation)

    def recalled(
        self, material: Material, *, generation: int, text: str, model: str, quality: dict[str, Any]
    ) -> TextDraft:
        """A draft of that question's from the ledger."""
        return self.stage_for(material).recalled(
            material, generation=generation, text=text, model=model, quality=quality
        )

    def stage_for(self, material: Material) -> TextStage:
        """Who asks the question that this piece gets."""
        return self._others.get(material.strategy or "", self._usual)
