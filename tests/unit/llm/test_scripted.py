"""The model that says what it was told, and what it says by itself."""

from __future__ import annotations

import asyncio

import pytest

from daemon.errors import ModelFailed, ModelUnavailable
from daemon.llm.base import Completion, Prompt
from daemon.llm.scripted import ScriptedEmbedder, ScriptedModel, well_formed

SECTIONS = ("### 1. Summary", "### 2. How it works", "### 3. Context")
USER = "Explain:\n```python\ndef moving_mean(values, window):\n    return values[window]\n```\nAnswer in English."
LATIN = set("abcdefghijklmnopqrstuvwxyz")
CYRILLIC = set("абвгдеёжзийклмнопрстуфхцчшщъыьэюя")


async def test_a_list_is_said_in_order_and_then_it_is_an_error() -> None:
    model = ScriptedModel(["one", ModelUnavailable("busy"), Completion(text="three", model="other")])
    asked = Prompt(system="s", user="u")
    assert (await model.complete(asked)).text == "one"
    with pytest.raises(ModelUnavailable):
        await model.complete(asked)
    assert (await model.complete(asked)).model == "other"
    with pytest.raises(ModelFailed, match="3 answers"):
        await model.complete(asked)
    assert [type(call.error) for call in model.calls] == [type(None), ModelUnavailable, type(None), ModelFailed]
    assert model.calls[0].prompt is asked


async def test_a_function_sees_the_prompt() -> None:
    model = ScriptedModel(lambda prompt: prompt.user.upper(), name="loud", endpoint="e")
    answer = await model.complete(Prompt(system="s", user="hello"))
    assert (answer.text, answer.model, model.endpoint) == ("HELLO", "loud", "e")


async def test_an_answer_can_be_held_back() -> None:
    free = asyncio.Event()

    async def later() -> str:
        await free.wait()
        return "late"

    model = ScriptedModel(lambda _: later())
    task = asyncio.create_task(model.complete(Prompt(system="s", user="u")))
    await asyncio.sleep(0)
    assert not task.done()
    free.set()
    assert (await task).text == "late"


@pytest.mark.parametrize(("language", "letters"), [("en", LATIN), ("es", LATIN | set("áéíóúñü")), ("ru", CYRILLIC)])
@pytest.mark.parametrize("sections", [SECTIONS, ()])
def test_by_itself_it_writes_prose_of_the_asked_language(
    language: str, letters: set[str], sections: tuple[str, ...]
) -> None:
    text = well_formed(Prompt(system="s", user=USER, language=language, sections=sections))
    lines = [line for line in text.splitlines() if line not in sections]
    prose = " ".join(lines)
    for name in ("moving_mean", "values", "window"):
        assert (f"`{name}`" in prose) is bool(sections)
        prose = prose.replace(f"`{name}`", "")
    assert len(prose.split()) >= 60
    assert {letter for letter in prose.lower() if letter.isalpha()} <= letters
    assert [line for line in text.splitlines() if line.startswith("#")] == list(sections)
    assert "`" not in prose


def test_by_itself_it_says_the_same_to_the_same_and_another_to_others() -> None:
    asked = Prompt(system="s", user=USER, sections=SECTIONS)
    again = Prompt(system="s", user=USER, sections=SECTIONS, attempt=1)
    other = Prompt(system="s", user=USER.replace("mean", "sum"), sections=SECTIONS)
    assert well_formed(asked) == well_formed(asked)
    assert len({well_formed(one) for one in (asked, again, other)}) == 3


def test_a_language_it_does_not_speak_is_english() -> None:
    assert well_formed(Prompt(system="s", user="u", language="fi")) == well_formed(Prompt(system="s", user="u"))


async def test_words_in_common_make_vectors_near() -> None:
    one, two, three = await ScriptedEmbedder(dims=64).embed(["read the file", "write the file", "green banana"])
    assert sum(a * b for a, b in zip(one, two, strict=True)) > 0.6
    assert sum(a * b for a, b in zip(one, three, strict=True)) < 0.4
