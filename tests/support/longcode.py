"""Code that fits into no window: a function of many steps, a stage that reads it, answers about its parts."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from daemon.config import shared
from daemon.guard.base import Guard
from daemon.index.split import split
from daemon.llm.base import Prompt
from daemon.llm.scripted import ScriptedModel
from daemon.llm.tokens import QWEN, Calibration, Gauge
from daemon.prompts import Prompts
from daemon.stages.base import TextStage
from daemon.stages.budget import Budget, Sizes
from daemon.stages.coder import Coder
from daemon.stages.plan import Plan, plan
from daemon.thresholds import GuardSettings
from db.types import Material
from tests.support.material import a_material

SIZES = Sizes(context_tokens=2600, output_tokens=300, margin_tokens=100, max_parts=24)
PROMPTS = Prompts(shared("prompts"))
BUDGET = Budget(SIZES, QWEN)
SUMMARY = "### 1. Summary\nIt settles `orders`.\n\n### 2. How it works\nOne after the other, as the notes say.\n\n"
GOOD = SUMMARY + "### 3. Context and dependencies\nIt leans on `rates`."


def long_function(steps: int = 150) -> str:
    """A function of so many steps of two lines."""
    lines = (
        f"    for item_{n} in orders.batch_{n}:\n        total += rates.apply_{n}(item_{n})\n" for n in range(steps)
    )
    return f"def settle(orders, rates):\n    total = 0\n{''.join(lines)}    return total\n"


LONG = long_function()


def a_long_one(source: str = LONG, **changes: Any) -> Material:
    return a_material(source_code=source, signature="def settle(orders, rates)", name="settle", **changes)


def laid(material: Material, sizes: Sizes = SIZES, calibration: Calibration | None = None) -> Plan:
    prompt = PROMPTS.stage("coder", "en")
    fields = Coder().fields(material, prompt.words)
    budget = Budget(sizes, QWEN, calibration or Calibration())
    return plan(prompt, PROMPTS.part("en"), fields, material, budget, split)


def answers(prompt: Prompt) -> str:
    """A note for a part, a text for the whole."""
    if prompt.sections:
        return GOOD
    found = re.search(r"Part (\d+) of", prompt.user)
    assert found, prompt.user
    return f"Part {found[1]} adds what `apply` gives to the total."


def a_stage(
    script: Callable[[Prompt], Any] = answers, sizes: Sizes = SIZES, *guards: Guard, gauge: Gauge | None = None
) -> tuple[TextStage, ScriptedModel]:
    model = ScriptedModel(script, name="qwen2.5-coder:14b")
    stage = TextStage(Coder(), model, PROMPTS, guards, GuardSettings(), sizes=sizes, split=split, gauge=gauge)
    return stage, model
