"""When an answer is good enough: the settings of the guards, for all stages and for single ones."""

from __future__ import annotations

from typing import Annotated, Any, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, model_validator

from db.types import Stage

Language = Annotated[str, Field(pattern=r"^[a-z]{2}$", description="two-letter ISO 639-1 code")]
Share = Annotated[float, Field(ge=0, le=1)]
TextStage = Literal["coder", "talker", "instruct"]


class Section(BaseModel):
    """A group of settings: unknown keys are refused, values cannot be changed afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class LanguageGuardSettings(Section):
    """When an answer counts as written in the asked language."""

    method: Literal["lingua", "langdetect", "script"] = "lingua"
    minimum: dict[Language, Share] = {"ru": 0.9, "es": 0.85, "en": 0.85}
    minimum_other: Share = 0.85
    minimum_script: Share = 0.6
    minimum_words: Annotated[int, Field(ge=1)] = 12
    foreign_sentence: Share | None = 0.9


class ShapeGuardSettings(Section):
    """When an answer says too much twice, or copies."""

    repeated: Share = 0.35
    copied: Share = 0.5


class GroundingSettings(Section):
    """When an answer of a stage that sees code speaks of what is not there."""

    minimum: Share = 0.8
    minimum_names: Annotated[int, Field(ge=1)] = 4
    unknown_names: Annotated[int, Field(ge=0)] = 1
    unknown_values: Annotated[int, Field(ge=0)] = 0


class JargonSettings(Section):
    """When a text for people who do not program is not plain."""

    names: Annotated[int, Field(ge=0)] = 1
    share: Share = 0.03


class StageGuardSettings(Section):
    """What is asked of the answers of one stage, and what happens to an answer that a guard objects to."""

    max_regenerations: Annotated[int, Field(ge=0, le=10)] = 2
    on_failure: Literal["keep", "park"] = "keep"
    language: LanguageGuardSettings = LanguageGuardSettings()
    shape: ShapeGuardSettings = ShapeGuardSettings()
    grounding: GroundingSettings | None = GroundingSettings()
    jargon: JargonSettings | None = JargonSettings()


class GuardSettings(StageGuardSettings):
    """What is asked of every answer, and what of the answers of single stages where that differs."""

    stages: dict[TextStage, StageGuardSettings] = {}

    @model_validator(mode="before")
    @classmethod
    def _stages_lie_over_the_rest(cls, given: Any) -> Any:
        if not isinstance(given, dict) or not isinstance(given.get("stages"), dict):
            return given
        common = {key: value for key, value in given.items() if key != "stages"}
        return {**given, "stages": {stage: _over(common, own or {}) for stage, own in given["stages"].items()}}

    def of(self, stage: Stage) -> StageGuardSettings:
        """What holds for one stage."""
        return self.stages.get(cast(TextStage, stage.value), self)


def _over(common: Any, own: Any) -> Any:
    """Settings with others laid over them, key by key and however deep."""
    if isinstance(common, BaseModel):
        common = common.model_dump()
    if not isinstance(common, dict) or not isinstance(own, dict):
        return own
    return {**common, **{key: _over(common.get(key), value) for key, value in own.items()}}
