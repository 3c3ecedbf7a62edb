"""The text stages: ask, judge, ask again with the defects, keep the best."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from daemon.config import shared
from daemon.errors import AnswerRejected, AnswerUnusable, BudgetSpent, ModelFailed, SourceError
from daemon.guard.language import LanguageGuard
from daemon.guard.shape import ShapeGuard
from daemon.llm.base import Completion, Finish, Health, Prompt, Resident
from daemon.prompts import Prompts
from daemon.settings import HintSettings
from daemon.stages.base import TextStage
from daemon.stages.coder import Coder
from daemon.stages.hints import GROUPS
from daemon.stages.talker import Talker
from daemon.thresholds import GuardSettings
from db.types import Neighbour
from tests.support.material import a_material

GOOD = (
    "### 1. Summary\nIt finds the cheapest offer for a basket and hands it back to the caller.\n\n"
    "### 2. How it works\nEvery shop is asked in turn, and the lowest total that arrives in time is kept.\n\n"
    "### 3. Context and dependencies\nIt leans on the list of shops, and the order service calls it once per order."
)
RUSSIAN = GOOD.replace("It finds the cheapest offer for a basket and hands it back to the caller.", "").replace(
    "Every shop is asked in turn, and the lowest total that arrives in time is kept.",
    "Каждый магазин опрашивается по очереди, и сохраняется наименьшая сумма из полученных вовремя ответов.",
)
Answer = str | Completion | Exception


class Model:
    """Gives the answers it was given, one after the other, and remembers what it was asked."""

    name = "model"
    endpoint = "local"

    def __init__(self, *answers: Answer) -> None:
        self.options: dict[str, object] = {"temperature": 0.3}
        self.answers = list(answers)
        self.asked: list[Prompt] = []

    async def complete(self, prompt: Prompt) -> Completion:
        self.asked.append(prompt)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, Completion):
            return answer
        return Completion(text=answer, model=self.name, prompt_tokens=10, output_tokens=5, duration_ms=7)

    async def check(self) -> Health:
        return Health(ok=True, summary="")

    async def digest(self) -> str | None:
        return None

    async def residents(self) -> tuple[Resident, ...] | None:
        return None

    async def close(self) -> None:
        pass


def a_stage(model: Model, writing: Any = None, **settings: Any) -> TextStage:
    guards = (ShapeGuard(), LanguageGuard(GuardSettings().language, ["en", "ru"]))
    return TextStage(writing or Coder(), model, Prompts(shared("prompts")), guards, GuardSettings(**settings))


async def test_a_good_answer_is_taken_at_once() -> None:
    model = Model(GOOD)
    draft = await a_stage(model).write(a_material())
    assert (draft.text, draft.regenerations, len(model.asked)) == (GOOD, 0, 1)
    assert draft.quality["flagged"] is False
    assert draft.language_detected == "en"
    assert (draft.prompt_tokens, draft.output_tokens, draft.duration_ms) == (10, 5, 7)


async def test_a_wrong_language_is_asked_again_with_its_name_at_the_end() -> None:
    model = Model(RUSSIAN, GOOD)
    draft = await a_stage(model).write(a_material())
    assert (draft.text, draft.regenerations, draft.quality["attempts"]) == (GOOD, 1, 2)
    first, second = model.asked
    assert second.user.startswith(first.user)
    assert "Every sentence must be in English" in second.user.removeprefix(first.user)
    assert (first.system, first.attempt, second.attempt) == (second.system, 0, 1)
    assert draft.prompt_tokens == 20, "rejected attempts cost too"


async def test_the_best_attempt_is_kept_and_flagged() -> None:
    better = GOOD + " Весь этот текст должен был быть на другом языке, но модель об этом забыла."
    model = Model(RUSSIAN, better, "nothing of the kind")
    draft = await a_stage(model, max_regenerations=2).write(a_material())
    assert draft.text == better
    assert (draft.quality["flagged"], draft.regenerations) == (True, 2)
    assert draft.quality["defects"]


@pytest.mark.parametrize("limit", [0, 1, 3])
async def test_never_more_calls_than_allowed(limit: int) -> None:
    model = Model(RUSSIAN)
    await a_stage(model, max_regenerations=limit).write(a_material())
    assert len(model.asked) == limit + 1


async def test_parking_saves_nothing() -> None:
    with pytest.raises(AnswerRejected, match="language"):
        await a_stage(Model(RUSSIAN), on_failure="park").write(a_material())


@pytest.mark.parametrize(
    "bad", ["", "   ", Completion(text=GOOD, model="model", finish=Finish.LENGTH)], ids=["empty", "blank", "cut"]
)
async def test_empty_and_cut_answers_are_never_saved(bad: Answer) -> None:
    with pytest.raises(AnswerUnusable):
        await a_stage(Model(bad)).write(a_material())
    assert (await a_stage(Model(bad, GOOD)).write(a_material())).text == GOOD


async def test_what_is_paid_for_is_kept_flagged_when_the_budget_ends() -> None:
    draft = await a_stage(Model(RUSSIAN, BudgetSpent("used up"))).write(a_material())
    assert (draft.text, draft.quality["flagged"], draft.regenerations) == (RUSSIAN, True, 0)


@pytest.mark.parametrize(
    ("first", "settings"), [(BudgetSpent("used up"), {}), ("", {}), (RUSSIAN, {"on_failure": "park"})]
)
async def test_where_nothing_can_be_kept_the_chunk_waits_for_the_budget(
    first: Answer, settings: dict[str, Any]
) -> None:
    with pytest.raises(BudgetSpent):
        await a_stage(Model(first, BudgetSpent("used up")), **settings).write(a_material())


async def test_errors_of_the_model_pass_through() -> None:
    with pytest.raises(ModelFailed):
        await a_stage(Model(ModelFailed("boom"))).write(a_material())


async def test_a_requeued_text_is_asked_with_another_seed() -> None:
    model = Model(GOOD)
    await a_stage(model).write(a_material(), variation=7)
    assert model.asked[0].attempt == 7


def key(**changes: Any) -> str:
    return a_stage(Model(GOOD)).key(a_material(**changes))


CALLEE = Neighbour(fqn="shops.total", count=1, internal=False, resolved=True, signature="def total(shop)")


@pytest.mark.parametrize(
    "changes",
    [
        {"source_hash": "h2"}, {"language": "ru"}, {"doc_summary": "Finds it."}, {"name": "dearest"}, {"part": 1},
        {"callees": (CALLEE,)}, {"kind": "METHOD"}, {"goal": "another"},
    ],
)  # fmt: skip
def test_what_shapes_the_answer_is_part_of_its_key(changes: dict[str, Any]) -> None:
    assert key(**changes) != key()


@pytest.mark.parametrize(
    "changes",
    [
        {"line_start": 50, "line_end": 60}, {"path": "moved/shop.py"}, {"package": "moved"}, {"fqn": "moved.cheapest"},
        {"callers": (CALLEE,)}, {"chunk_id": 9}, {"repo": "fork"}, {"content_raw": "Other."},
        {"callees": (replace(CALLEE, resolved=False),)},
    ],
)  # fmt: skip
def test_what_does_not_shape_it_is_not(changes: dict[str, Any]) -> None:
    assert key(**changes) == key()


def test_a_moved_callee_is_the_same_callee() -> None:
    assert key(callees=(CALLEE,)) == key(callees=(replace(CALLEE, fqn="other.place.total"),))
    assert key(callees=(CALLEE,)) != key(callees=(replace(CALLEE, signature="def total(shop, vat)"),))


def test_the_recipe_knows_the_options_of_the_model() -> None:
    warm = Model(GOOD)
    warm.options = {"temperature": 0.9}
    assert a_stage(Model(GOOD)).recipe("en") != a_stage(warm).recipe("en")
    assert a_stage(Model(GOOD)).recipe("en") != a_stage(Model(GOOD)).recipe("ru")


async def test_talker_sees_the_technical_text_and_no_code() -> None:
    model = Model("It finds the best price for everything a customer wants to buy, across all shops.")
    material = a_material(content_raw="### 1. Summary\nIt returns the minimum.")
    draft = await a_stage(model, Talker()).write(material)
    assert "It returns the minimum." in model.asked[0].user
    assert "min(shops" not in model.asked[0].user
    assert draft.quality["flagged"] is False
    stage = a_stage(model, Talker())
    assert stage.key(material) == stage.key(replace(material, source_hash="other", callees=(CALLEE,)))
    assert stage.key(material) != stage.key(replace(material, content_raw="Other."))


async def test_talker_without_a_technical_text_says_so() -> None:
    with pytest.raises(SourceError, match="no technical text"):
        await a_stage(Model("x"), Talker()).write(a_material(content_raw=None))


async def test_what_was_shown_is_recorded_with_the_generation() -> None:
    material = a_material(doc_summary="Finds it.", callees=(CALLEE,))
    draft = await a_stage(Model(GOOD)).write(material)
    assert draft.quality["hints"] == {
        "identity": 4, "signature": 2, "doc": 1, "imports": 1, "strategy": 4, "calls": 1, "instructions": 2,
    }  # fmt: skip
    bare = await a_stage(Model(GOOD), Coder(HintSettings(**dict.fromkeys(GROUPS, False)))).write(material)
    assert "hints" not in bare.quality
