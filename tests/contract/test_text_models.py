"""One suite for every provider of texts: whoever passes it can be put behind any stage."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from daemon.errors import (
    ModelMissing,
    PromptTooLong,
)
from daemon.llm.base import Finish
from daemon.llm.embedded import EmbeddedModel
from tests.contract.rigs import (
    EMBEDDED,
    HTTP,
    MODEL,
    SECTIONS,
    SLOTS,
    STREAMS,
    Closing,
    EmbeddedRig,
    HttpRig,
    TextRig,
    https,
    prompt,
    rigs,
    turn_until,
)

# --- answers ------------------------------------------------------------------------------------------------


@rigs(*HTTP, EMBEDDED, "scripted")
async def test_answers_with_text_counts_and_its_name(rig: TextRig) -> None:
    async with Closing(rig.model()) as model:
        answer = await model.complete(prompt())
    assert answer.text == answer.text.strip()
    positions = [answer.text.find(heading) for heading in SECTIONS]
    assert positions[0] == 0
    assert positions == sorted(positions)
    assert answer.finish is Finish.STOP
    assert answer.model == model.name
    assert answer.prompt_tokens is not None
    assert answer.prompt_tokens > 20
    assert answer.output_tokens is not None
    assert answer.output_tokens > 20
    assert model.endpoint == "here"


@rigs(*HTTP, "scripted")
async def test_an_empty_answer_is_an_answer(rig: TextRig) -> None:
    rig.fate("empty")
    async with Closing(rig.model()) as model:
        answer = await model.complete(prompt())
    assert answer.text == ""
    assert answer.finish is Finish.STOP


@rigs(*HTTP, EMBEDDED, "scripted")
async def test_an_answer_that_ran_into_the_limit_says_so(rig: TextRig) -> None:
    rig.fate("length")
    async with Closing(rig.model()) as model:
        answer = await model.complete(prompt())
    assert answer.text != ""
    assert answer.finish is Finish.LENGTH


@https(*HTTP)
async def test_the_output_limit_is_sent(http: HttpRig) -> None:
    async with Closing(http.model(output_tokens=32)) as model:
        answer = await model.complete(prompt())
    assert answer.finish is Finish.LENGTH
    assert answer.output_tokens == 32


@rigs(*HTTP, "scripted")
async def test_thinking_is_taken_out(rig: TextRig) -> None:
    rig.fate("thinking")
    async with Closing(rig.model()) as model:
        answer = await model.complete(prompt())
    assert "think" not in answer.text
    assert answer.text.startswith(SECTIONS[0])


@rigs(*HTTP, EMBEDDED, "scripted")
async def test_a_prompt_beyond_the_context_is_an_error_and_not_cut(rig: TextRig) -> None:
    long = prompt("x" * 30_000)
    async with Closing(rig.model()) as model:
        with pytest.raises(PromptTooLong):
            await model.complete(long)


@https(*HTTP)
async def test_options_are_the_same_in_every_call(http: HttpRig) -> None:
    async with Closing(http.model()) as model:
        for attempt, subject in enumerate(("first", "second", "third")):
            await model.complete(prompt(subject, attempt=attempt))
        announced = dict(model.options)
    sent = [dict(options) for options in http.sent()]
    if http.provider == "ollama":
        shaping = [options.pop("options") for options in sent]
        rest = {"stream": http.stream, "truncate": False, "shift": False, "think": False, "keep_alive": "30m"}
    else:
        shaping = [{key: options.pop(key) for key in announced} for options in sent]
        rest = {"stream": http.stream}
        if http.stream:
            rest["stream_options"] = {"include_usage": True}
    assert sent == [rest] * 3
    assert shaping == [{**announced, "seed": 42 + attempt} for attempt in range(3)]
    assert announced["seed"] == 42


# --- cancelling, closing, many at once ----------------------------------------------------------------------


@https(*HTTP)
async def test_a_cancelled_call_frees_its_slot_at_the_server(http: HttpRig) -> None:
    http.fate("hang")
    double = http.double
    async with Closing(http.model()) as model:
        task = asyncio.create_task(model.complete(prompt()))
        await double.until(lambda: double.in_flight == 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await double.until(lambda: double.in_flight == 0)
        assert (await model.complete(prompt())).text
    assert [call.aborted for call in double.calls] == [True, False]


@https(*STREAMS)
async def test_a_call_cancelled_in_the_middle_of_its_answer(http: HttpRig) -> None:
    http.fate("stall")
    double = http.double
    async with Closing(http.model()) as model:
        task = asyncio.create_task(model.complete(prompt()))
        await double.until(lambda: double.in_flight == 1)
        # The double says half of the answer and then nothing; both orders of the two must work.
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await double.until(lambda: double.in_flight == 0)


@pytest.mark.embedded
async def test_a_cancelled_call_of_the_embedded_model_stops_at_the_next_token(loaded: None) -> None:
    wordy, brief = EmbeddedRig().model(output_tokens=1500), EmbeddedRig().model(output_tokens=40)
    async with Closing(wordy), Closing(brief):
        assert isinstance(wordy, EmbeddedModel)
        task = asyncio.create_task(wordy.complete(prompt("long")))
        await turn_until(lambda: wordy._engine is not None and wordy._engine._running)
        engine = wordy._engine
        assert engine is not None
        (answer,) = engine._running
        await turn_until(lambda: answer.parts)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        # Both threads are needed for this; the cancelled one has to be free again.
        await asyncio.gather(brief.complete(prompt("one")), brief.complete(prompt("two")))
        assert not engine._running
        assert answer.reason == ""  # it was stopped, it did not come to its end


@https(*HTTP)
async def test_as_many_at_once_as_there_are_slots(http: HttpRig) -> None:
    double = http.double
    double.script(*["hang"] * SLOTS)
    async with Closing(http.model()) as model:
        tasks = [asyncio.create_task(model.complete(prompt(f"f{number}"))) for number in range(SLOTS)]
        await double.until(lambda: double.in_flight == SLOTS)
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(end, asyncio.CancelledError) for end in ended)


@rigs(*HTTP, EMBEDDED, "scripted")
async def test_answers_do_not_mix(rig: TextRig) -> None:
    subjects = ["alpha_sum", "beta_sum"]
    async with Closing(rig.model()) as model:
        together = await asyncio.gather(*(model.complete(prompt(subject)) for subject in subjects))
        if not isinstance(rig, EmbeddedRig):  # a slot's cache makes llama.cpp's rounding depend on the neighbours
            alone = [await model.complete(prompt(subject)) for subject in subjects]
            assert [answer.text for answer in together] == [answer.text for answer in alone]
    assert together[0].text != together[1].text


@rigs(*HTTP, EMBEDDED, "scripted")
async def test_closing_twice(rig: TextRig) -> None:
    model = rig.model()
    if not isinstance(rig, EmbeddedRig):
        await model.complete(prompt())
    await model.close()
    await model.close()


@https(*HTTP)
async def test_closing_closes_the_connections(http: HttpRig) -> None:
    model = http.model()
    await model.complete(prompt())
    server = http.double._server
    assert server is not None
    assert len(server.server_state.connections) == 1
    await model.close()
    await turn_until(lambda: not server.server_state.connections)


# --- health -------------------------------------------------------------------------------------------------


@rigs(*HTTP, EMBEDDED, "scripted")
async def test_health_when_all_is_well(rig: TextRig) -> None:
    async with Closing(rig.model()) as model:
        health = await model.check()
    assert health.ok
    assert model.name in health.summary
    assert health.remedy == ""


@https(*HTTP)
async def test_health_without_the_model(http: HttpRig) -> None:
    async with Closing(http.model(name="nobody:7b")) as model:
        health = await model.check()
    assert not health.ok
    assert "nobody:7b" in health.summary
    assert MODEL in health.summary  # says what there is instead
    assert health.remedy


@https(*HTTP)
async def test_health_without_a_server(http: HttpRig) -> None:
    await http.double.stop()
    async with Closing(http.model()) as model:
        health = await model.check()
    assert not health.ok
    assert "endpoints.here.url" in health.remedy


@pytest.mark.embedded
async def test_health_of_the_embedded_model_without_its_file(tmp_path: Path) -> None:
    async with Closing(EmbeddedRig().model(path=tmp_path / "none.gguf")) as model:
        health = await model.check()
        with pytest.raises(ModelMissing):
            await model.complete(prompt())
    assert not health.ok
    assert "none.gguf" in health.summary
