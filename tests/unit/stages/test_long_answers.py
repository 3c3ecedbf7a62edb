"""Code that fits into no window, asked about: each part once, gaps said, what the server says of sizes, keys."""

from __future__ import annotations

import re
from typing import Any

import pytest

from daemon.errors import AnswerUnusable, PromptCut, PromptTooLong
from daemon.index.split import split
from daemon.llm.base import Completion, Finish, Prompt
from daemon.llm.scripted import ScriptedModel
from daemon.llm.tokens import Calibration, Gauge, estimate
from daemon.stages.base import TextStage
from daemon.stages.budget import Sizes
from daemon.stages.talker import Talker
from daemon.thresholds import GuardSettings
from db.types import Member, Stage
from tests.support.longcode import (
    GOOD,
    LONG,
    PROMPTS,
    a_long_one,
    a_stage,
    answers,
    long_function,
)
from tests.support.material import a_material

# --- how it is written --------------------------------------------------------------------------------------


async def test_each_part_is_asked_for_once_and_then_the_whole() -> None:
    stage, model = a_stage()
    draft = await stage.write(a_long_one())
    asked = [call.prompt for call in model.calls]
    assert len(asked) == draft.quality["parts"] + 1
    assert [bool(prompt.sections) for prompt in asked] == [False] * draft.quality["parts"] + [True]
    assert "Part 1 adds what `apply` gives to the total." in asked[-1].user
    assert draft.text == GOOD, "nothing was left out, so nothing is said of it"
    assert "left_out" not in draft.quality
    answered = [call.answer for call in model.calls if call.answer]
    assert draft.prompt_tokens == sum(answer.prompt_tokens or 0 for answer in answered), "notes cost too"
    assert draft.quality["tokens_estimated"] > estimate(LONG)


async def test_the_text_says_what_was_left_out() -> None:
    stage, _ = a_stage(sizes=Sizes(context_tokens=2600, output_tokens=300, margin_tokens=100, max_parts=3))
    draft = await stage.write(a_long_one())
    quality = draft.quality
    share = round(100 * quality["left_out_chars"] / len(LONG.strip("\n")))
    assert draft.text.startswith(GOOD)
    said = draft.text.removeprefix(GOOD).strip()
    assert said == (
        f"_This piece is too long to be read whole: about {share} % of it was left out "
        f"(lines {', '.join(quality['left_out'])})._"
    )
    assert 0 < quality["left_out_lines"] < LONG.count("\n")
    assert (quality["parts_noted"], quality["parts"] > 3) == (3, True)


async def test_the_text_says_that_members_were_left_out() -> None:
    members = tuple(Member(name=f"step_{n}", signature=f"def step_{n}(self, order)") for n in range(400))
    source = "class Way:\n" + "".join(f"    def step_{n}(self, order): ...\n" for n in range(400))
    stage, model = a_stage()
    draft = await stage.write(a_material(kind="CLASS", name="Way", source_code=source, members=members))
    gone = draft.quality["members_left_out"]
    assert len(model.calls) == 1
    assert draft.text.endswith(
        f"_This piece has more members than can be shown at once: {gone} of them were not looked at._"
    )


async def test_it_is_said_in_the_language_of_the_text() -> None:
    stage, _ = a_stage(
        lambda prompt: "Текст." if prompt.sections else "Заметка о части.",
        Sizes(context_tokens=3600, output_tokens=300, margin_tokens=100, max_parts=2),
    )
    draft = await stage.write(a_long_one(long_function(300), language="ru"))
    assert re.search(r"пропущено около \d+ % \(строки \d+-\d+\)\._$", draft.text)


async def test_notes_are_remembered_and_only_what_changed_is_asked_anew() -> None:
    stage, model = a_stage()
    await stage.write(a_long_one())
    first = len(model.calls)
    await stage.write(a_long_one())
    assert len(model.calls) == first + 1, "the notes were there, the last question is asked again"
    edited = LONG.replace("rates.apply_149(item_149)", "rates.apply_149(item_149, 2)")
    await stage.write(a_long_one(edited))
    assert len(model.calls) == first + 3, "one part and the whole"


async def test_another_variation_takes_other_notes() -> None:
    stage, model = a_stage()
    await stage.write(a_long_one())
    first = len(model.calls)
    await stage.write(a_long_one(), variation=7)
    assert len(model.calls) == 2 * first
    assert {call.prompt.attempt for call in model.calls[first:]} == {7}


async def test_a_part_about_which_nothing_is_said_is_left_out_in_words() -> None:
    def silent_about_two(prompt: Prompt) -> str:
        return "" if "Part 2 of" in prompt.user else answers(prompt)

    stage, model = a_stage(silent_about_two)
    draft = await stage.write(a_long_one())
    asked_about_two = [call.prompt.attempt for call in model.calls if "Part 2 of" in call.prompt.user]
    assert asked_about_two == [0, 1], "another try with another seed"
    assert draft.quality["parts_noted"] == draft.quality["parts"] - 1
    assert "of it was left out" in draft.text
    assert "(no note)" in model.calls[-1].prompt.user


async def test_a_model_that_says_nothing_at_all_is_unusable() -> None:
    stage, _ = a_stage(lambda prompt: GOOD if prompt.sections else "")
    with pytest.raises(AnswerUnusable, match="nothing to say about any of"):
        await stage.write(a_long_one())


async def test_a_note_that_was_cut_ends_with_its_last_whole_sentence() -> None:
    def cut(prompt: Prompt) -> Completion | str:
        if prompt.sections:
            return GOOD
        return Completion(text="It adds `apply`. Then it goes on to", model="m", finish=Finish.LENGTH)

    stage, model = a_stage(cut)
    await stage.write(a_long_one())
    assert "] It adds `apply`.\n" in model.calls[-1].prompt.user
    assert "Then it goes on" not in model.calls[-1].prompt.user


# --- what the server says of it -----------------------------------------------------------------------------


async def test_a_refusal_as_too_long_leads_to_smaller_questions() -> None:
    longest = 1_500

    def counting(prompt: Prompt) -> Any:
        size = estimate(prompt.system) + estimate(prompt.user)
        if size > longest:
            return PromptTooLong(f"the prompt has {size} tokens, there is room for {longest}")
        return answers(prompt)

    stage, model = a_stage(counting)
    draft = await stage.write(a_long_one())
    sizes = [estimate(call.prompt.system) + estimate(call.prompt.user) for call in model.calls if call.answer]
    assert max(sizes) <= longest
    assert draft.text.startswith(GOOD)
    assert [call for call in model.calls if call.error], "the first was too long"


async def test_a_refusal_for_ever_is_passed_on() -> None:
    stage, model = a_stage(lambda _: PromptTooLong("never"))
    with pytest.raises(PromptTooLong, match="never"):
        await stage.write(a_long_one())
    assert 1 < len(model.calls) <= 6


async def test_a_server_that_cuts_in_silence_is_found_out() -> None:
    def cutting(prompt: Prompt) -> Completion:
        return Completion(text=GOOD, model="m", prompt_tokens=300)

    stage, model = a_stage(cutting)
    with pytest.raises(PromptCut, match=r"read 300 tokens of a prompt that has about \d{4}"):
        await stage.write(a_long_one())
    assert len(model.calls) == 1, "a part that was read by half is no part"


async def test_stages_of_one_model_learn_from_each_other() -> None:
    gauge = Gauge("qwen2.5-coder:14b")

    def dear(prompt: Prompt) -> Completion:
        counted = round(1.4 * (estimate(prompt.system) + estimate(prompt.user) + 30))
        return Completion(text=answers(prompt), model="m", prompt_tokens=counted)

    first, _ = a_stage(dear, gauge=gauge)
    second, _ = a_stage(dear, gauge=gauge)
    alone, _ = a_stage(dear)
    await first.write(a_material())
    assert gauge.calibration.factor == pytest.approx(1.4, abs=0.01)
    assert len(second.render(a_long_one())) > len(alone.render(a_long_one()))


# --- seen without a model, and keyed ------------------------------------------------------------------------


async def test_what_is_rendered_is_what_is_asked() -> None:
    stage, model = a_stage(lambda prompt: GOOD if prompt.sections else "…")
    shown = stage.render(a_long_one())
    await stage.write(a_long_one())
    assert shown == [(call.prompt.system, call.prompt.user) for call in model.calls]
    assert len(shown) > 4


def test_a_small_piece_renders_as_one_prompt() -> None:
    stage, model = a_stage()
    ((system, user),) = stage.render(a_material())
    assert system == PROMPTS.stage("coder", "en").system
    assert a_material().source_code in user
    assert model.calls == []


@pytest.mark.parametrize("source", [a_material().source_code, LONG], ids=["short", "long"])
def test_sizes_are_in_the_key_of_what_they_shape_alone(source: str) -> None:
    usual, _ = a_stage()
    other, _ = a_stage(sizes=Sizes(context_tokens=2600, output_tokens=300, margin_tokens=100, max_parts=5))
    assert usual.recipe("en") != other.recipe("en"), "texts are looked at again"
    same = usual.key(a_long_one(source)) == other.key(a_long_one(source))
    assert same == (source != LONG), "and what was short is taken from the ledger"


def test_what_is_learnt_of_tokens_changes_no_key() -> None:
    stage, _ = a_stage(gauge=(gauge := Gauge("m")))
    before = stage.key(a_long_one()), stage.recipe("en")
    gauge.calibration = Calibration(seen=9, factor=2.0)
    assert (stage.key(a_long_one()), stage.recipe("en")) == before


def test_the_talker_has_no_sizes_in_its_recipe() -> None:
    def talker(parts: int) -> TextStage:
        sizes = Sizes(max_parts=parts)
        return TextStage(Talker(), ScriptedModel(), PROMPTS, (), GuardSettings(), sizes=sizes, split=split)

    assert talker(3).recipe("en") == talker(24).recipe("en")
    assert talker(3).name is Stage.TALKER
