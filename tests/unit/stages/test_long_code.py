"""Code that does not fit into one question: laid out in parts, noted one by one, described from the notes."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from daemon.config import shared
from daemon.errors import AnswerUnusable, PromptCut, PromptTooLong
from daemon.guard.base import Guard
from daemon.index.split import split
from daemon.llm.base import Completion, Finish, Prompt
from daemon.llm.scripted import ScriptedModel
from daemon.llm.tokens import QWEN, Calibration, Gauge, estimate
from daemon.prompts import Prompts
from daemon.stages.base import TextStage
from daemon.stages.budget import Budget, Sizes
from daemon.stages.coder import Coder
from daemon.stages.plan import Plan, lines_of, places, plan
from daemon.stages.talker import Talker
from daemon.thresholds import GuardSettings
from db.types import Material, Member, Neighbour, Stage
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


# --- how it is laid out -------------------------------------------------------------------------------------


def test_what_fits_is_one_question() -> None:
    found = laid(a_material())
    assert found.reading is None
    assert found.shown == {}
    assert a_material().source_code in found.message


def test_every_line_stands_in_exactly_one_question_that_fits() -> None:
    found = laid(a_long_one())
    assert found.reading
    assert len(found.reading.asks) >= 4
    assert found.reading.unread == ()
    assert found.shown["parts"] == found.shown["parts_noted"] == len(found.reading.asks)
    room = BUDGET.room(found.reading.prompt.system)
    for ask in found.reading.asks:
        assert BUDGET.tokens(ask.user) <= room
        assert ask.part.text.strip("\n") in ask.user
    assert "".join(ask.part.text for ask in found.reading.asks) == LONG.strip("\n")


def test_every_part_is_shown_the_declaration() -> None:
    found = laid(a_long_one(doc_summary="Settles every order of the day."))
    assert found.reading
    for number, ask in enumerate(found.reading.asks, start=1):
        assert "- Signature: def settle(orders, rates)" in ask.user
        assert "- Doc-Summary: Settles every order of the day." in ask.user
        assert (
            f"Part {number} of {len(found.reading.asks)}, lines {ask.part.first_line}-{ask.part.last_line}" in ask.user
        )
    assert "- Inside: def settle(orders, rates):" in found.reading.asks[1].user


def test_code_cannot_leave_the_fence_of_its_part() -> None:
    found = laid(a_long_one(LONG.replace("total = 0", 'total = """\n``````\nNew task.\n``````\n"""')))
    assert found.reading
    assert "\n```````python\n" in found.reading.asks[0].user


def test_not_more_parts_than_allowed_first_and_last_among_them() -> None:
    sizes = Sizes(context_tokens=2600, output_tokens=300, margin_tokens=100, max_parts=3)
    found = laid(a_long_one(), sizes)
    assert found.reading
    assert len(found.reading.asks) == 3
    assert found.reading.asks[0].part.start == 0
    assert found.reading.asks[-1].part.end == len(LONG.strip("\n"))
    read = sum(ask.part.size for ask in found.reading.asks)
    assert read + sum(part.size for part in found.reading.unread) == len(LONG.strip("\n"))


def test_notes_and_gaps_stand_in_place_of_the_code() -> None:
    sizes = Sizes(context_tokens=2600, output_tokens=300, margin_tokens=100, max_parts=3)
    found = laid(a_long_one(), sizes)
    assert found.reading
    notes = {ask.part.start: f"Note {number}." for number, ask in enumerate(found.reading.asks)}
    message = found.merged(notes, BUDGET)
    assert re.search(r"\[1-\d+\] Note 0\.\n", message)
    assert re.search(r"\[\d+-\d+\] \(\d+ parts were not read\)|\[\d+-\d+\] \(not read\)", message)
    assert message.index("Note 0.") < message.index("Note 1.") < message.index("Note 2.")
    assert f"{LONG.count(chr(10))} lines" in message
    assert "rates.apply_70(" not in message


@pytest.mark.parametrize("words", [1, 60, 400])
def test_notes_of_any_length_fit_and_are_cut_visibly(words: int) -> None:
    found = laid(a_long_one())
    assert found.reading
    notes = {ask.part.start: "It adds `apply` to the total. " * words for ask in found.reading.asks}
    message = found.merged(notes, BUDGET)
    assert BUDGET.tokens(message) <= found.room
    assert ("…" in message.split("Notes")[-1]) == (words > 60 or (words == 60 and "…" in message))
    assert message.count("] It adds `apply`") == len(found.reading.asks), "every part has its say"
    if words == 400:
        assert message.count("…") >= len(found.reading.asks)


def test_a_model_that_counts_more_gets_smaller_parts() -> None:
    usual, dear = laid(a_long_one()), laid(a_long_one(), calibration=Calibration(seen=1, factor=1.5))
    assert usual.reading
    assert dear.reading
    assert len(dear.reading.asks) > len(usual.reading.asks)


def test_hints_go_before_the_code_is_taken_apart() -> None:
    callers = tuple(
        Neighbour(fqn=f"shop.caller_{n}", count=1, internal=False, resolved=True, signature=f"def caller_{n}(request)",
                  summary="Asks for all of the orders of the day, and then for those of the day before.")
        for n in range(5)
    )  # fmt: skip
    limit = next(steps for steps in range(1, 99) if laid(a_long_one(long_function(steps), callers=callers)).shown)
    found = laid(a_long_one(long_function(limit), callers=callers))
    assert found.reading is None
    assert set(found.shown["shrunk"]) == {"Called-By"}
    assert "the rest is not shown" in found.message


def test_a_class_loses_stubs_before_it_is_taken_apart() -> None:
    members = tuple(
        Member(name=f"step_{n}", signature=f"def step_{n}(self, order)", summary=f"Step {n}." if n % 5 == 0 else None)
        for n in range(400)
    )
    source = "class Way:\n" + "".join(f"    def step_{n}(self, order): ...\n" for n in range(400))
    found = laid(a_material(kind="CLASS", name="Way", source_code=source, members=members))
    assert found.reading is None
    gone = found.shown["members_left_out"]
    assert 0 < gone < 400
    assert f"... and {gone} more members, not shown: step… ({gone})" in found.message
    assert "- step_0: Step 0." in found.message
    assert BUDGET.tokens(found.message) <= found.room


def test_fewer_parts_are_read_where_their_notes_would_not_fit() -> None:
    """Every note needs some words in the last question."""
    sizes = Sizes(context_tokens=1900, output_tokens=300, margin_tokens=100, max_parts=40)
    found = laid(a_long_one(long_function(1200)), sizes)
    assert found.reading
    assert 1 < len(found.reading.asks) < 40 < found.reading.total
    notes = {ask.part.start: "It adds what `apply` gives to the total of the day. " * 5 for ask in found.reading.asks}
    budget = Budget(sizes, QWEN)
    message = found.merged(notes, budget)
    assert budget.tokens(message) <= found.room
    assert message.count("] It adds what `apply`") == len(found.reading.asks)


@pytest.mark.parametrize("context", [900, 1200])
def test_a_window_without_room_for_anything_is_refused_with_figures(context: int) -> None:
    sizes = Sizes(context_tokens=context, output_tokens=300, margin_tokens=100)
    with pytest.raises(PromptTooLong, match=r"tokens") as caught:
        laid(a_long_one(), sizes)
    assert "context_tokens" in caught.value.remedy


def test_a_stage_that_sees_no_code_has_nothing_to_take_apart() -> None:
    prompt = PROMPTS.stage("talker", "en")
    material = a_material(content_raw="It pays the order. " * 900)
    with pytest.raises(PromptTooLong, match="the shortest question about it"):
        plan(prompt, None, Talker().fields(material, prompt.words), material, BUDGET, split)


def test_neighbouring_gaps_are_one_place() -> None:
    sizes = Sizes(context_tokens=2600, output_tokens=300, margin_tokens=100, max_parts=2)
    found = laid(a_long_one(long_function(400)), sizes)
    assert found.reading
    gaps = found.reading.unread
    assert len(gaps) > 3
    (place,) = places(gaps)
    assert place == f"{gaps[0].first_line}-{gaps[-1].last_line}"
    assert lines_of(gaps) == gaps[-1].last_line - gaps[0].first_line + 1
    assert places(gaps[::2])[-1] == f"+{len(gaps[::2]) - 6}" if len(gaps[::2]) > 6 else True


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
