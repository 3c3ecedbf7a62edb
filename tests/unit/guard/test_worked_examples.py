"""The worked examples in the shipped prompts are answers that our own guards would take."""

from __future__ import annotations

import pytest

from daemon.config import shared
from daemon.guard.base import Answer, Guard, judge
from daemon.guard.grounding import GroundingGuard, ValuesGuard
from daemon.guard.injection import InjectionGuard
from daemon.guard.jargon import JargonGuard, jargon_words
from daemon.guard.language import LanguageGuard
from daemon.guard.shape import ShapeGuard
from daemon.prompts import ALL, Prompts
from daemon.thresholds import GuardSettings

PROMPTS = Prompts(shared("prompts"))
SOURCE = "function clamp(value, low, high) return math.max(low, math.min(value, high)) end"
SHOWN = {
    "coder": SOURCE,
    "instruct": f"{SOURCE}\nvolume = clamp(wanted, 0, 100)",
    "file": "parse_price format_price Currency",
    "package": "billing invoice tax mailer",
    "repository": "web orders store web.main orders.place",
}
SETTINGS = GuardSettings()


def example(stage: str, language: str) -> str:
    prompt = PROMPTS.stage(stage, language)
    if not prompt.sections:
        return prompt.system.split("\n\n")[-2]
    return prompt.system[prompt.system.rindex(prompt.sections[0]) :].rsplit("\n\n", 1)[0]


def guards(stage: str) -> list[Guard]:
    found: list[Guard] = [
        ShapeGuard(SETTINGS.shape), InjectionGuard(), LanguageGuard(SETTINGS.language, PROMPTS.languages())
    ]  # fmt: skip
    assert SETTINGS.jargon
    assert SETTINGS.grounding
    if stage == "talker":
        return [*found, ValuesGuard(), JargonGuard(SETTINGS.jargon, jargon_words())]
    return [*found, GroundingGuard(SETTINGS.grounding)] if stage in {"coder", "instruct"} else found


@pytest.mark.parametrize("language", PROMPTS.languages())
@pytest.mark.parametrize("stage", ALL)
def test_a_worked_example_passes_the_guards(stage: str, language: str) -> None:
    prompt = PROMPTS.stage(stage, language)
    retold = prompt.system.split("\n\n")[-3] if stage == "talker" else ""
    judgement = judge(
        guards(stage),
        Answer(
            text=example(stage, language),
            language=language,
            sections=prompt.sections,
            source=SHOWN.get(stage, "") if stage in {"coder", "instruct"} else "",
            facts=retold or SHOWN.get(stage, ""),
            params=("value", "low", "high") if stage in {"coder", "instruct"} else (),
        ),
    )
    assert judgement.ok, judgement.defects
