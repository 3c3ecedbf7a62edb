"""Slots, queue, swaps, faults and the ledger of a double, as a client meets them."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from daemon.doubles import Double, Fault, Setup

MODEL = "qwen2.5-coder:14b"
OTHER = "qwen2.5:14b-instruct"
ENGLISH = "You explain code to developers.\n### 1. Summary\n### 2. Context"


def chat(
    subject: str = "add", *, model: str = MODEL, tail: str = "", system: str = ENGLISH, **more: Any
) -> dict[str, Any]:
    user = f"Explain this:\n```python\ndef {subject}(left, right): ...\n```\n{tail}"
    messages = [{"role": "system", "content": system}, {"role": "user", "content": user}]
    return {"model": model, "messages": messages, "stream": False, **more}


async def ask(client: httpx.AsyncClient, **changes: Any) -> httpx.Response:
    return await client.post("/api/chat", json=chat(**changes))


async def opened(stack: AsyncExitStack, **setup: Any) -> tuple[Double, httpx.AsyncClient]:
    double = await stack.enter_async_context(Double(Setup(**setup)))
    client = await stack.enter_async_context(httpx.AsyncClient(base_url=double.url, timeout=10))
    return double, client


# --- slots --------------------------------------------------------------------------------------------------


async def test_requests_beyond_the_slots_wait_and_beyond_the_queue_are_turned_away() -> None:
    async with AsyncExitStack() as stack:
        double, client = await opened(stack, slots=2, queue=1)
        double.script("hang", "hang")
        tasks = [asyncio.create_task(ask(client, subject=f"f{number}")) for number in range(3)]
        await double.until(lambda: double.stats()["waiting"] == 1)
        assert double.in_flight == 2
        turned_away = await ask(client, subject="late")
        assert turned_away.status_code == 503
        assert turned_away.json() == {"error": "server busy, please try again.  maximum pending requests exceeded"}
        tasks[0].cancel()  # its slot goes to the one that waits
        assert (await tasks[2]).status_code == 200
        tasks[1].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await double.until(lambda: double.in_flight == 0)
        stats = double.stats()
    assert (stats["max_in_flight"], stats["max_waiting"], stats["aborted"]) == (2, 1, 2)
    assert stats["by_status"] == {"0": 2, "200": 1, "503": 1}


async def test_who_leaves_the_queue_gets_no_slot() -> None:
    async with AsyncExitStack() as stack:
        double, client = await opened(stack, slots=1)
        double.script("hang")
        first = asyncio.create_task(ask(client, subject="first"))
        await double.until(lambda: double.in_flight == 1)
        second = asyncio.create_task(ask(client, subject="second"))
        await double.until(lambda: double.stats()["waiting"] == 1)
        second.cancel()
        await double.until(lambda: double.stats()["waiting"] == 0)
        first.cancel()
        await double.until(lambda: double.in_flight == 0)
        assert (await ask(client, subject="third")).status_code == 200
        await asyncio.gather(first, second, return_exceptions=True)
    assert [call.aborted for call in double.calls] == [True, True, False]
    assert double.stats()["max_in_flight"] == 1


async def test_two_models_that_do_not_fit_push_each_other_out() -> None:
    async with AsyncExitStack() as stack:
        double, client = await opened(stack, slots=2, loaded_models=1, load_s=0.01)
        for model in (MODEL, OTHER, MODEL, MODEL):
            await ask(client, model=model)
        assert double.stats()["loads"] == 3
        assert double.stats()["loaded"] == [MODEL]
        assert [call.load_s for call in double.calls] == [0.01, 0.01, 0.01, 0.0]
        assert double.calls[0].wait_s >= 0.01


async def test_a_busy_model_is_not_pushed_out_and_holds_up_the_queue() -> None:
    async with AsyncExitStack() as stack:
        double, client = await opened(stack, slots=3, loaded_models=1)
        double.script("hang")
        busy = asyncio.create_task(ask(client, subject="busy"))
        await double.until(lambda: double.in_flight == 1)
        other = asyncio.create_task(ask(client, model=OTHER))
        await double.until(lambda: double.stats()["waiting"] == 1)
        behind = asyncio.create_task(ask(client, subject="behind"))  # its model is loaded, but it stands behind
        await double.until(lambda: double.stats()["waiting"] == 2)
        assert double.in_flight == 1
        busy.cancel()
        assert [(await task).status_code for task in (other, behind)] == [200, 200]
        await asyncio.gather(busy, return_exceptions=True)


async def test_the_busy_share_is_the_integral_of_what_was_in_flight() -> None:
    async with AsyncExitStack() as stack:
        double, client = await opened(stack, slots=4, latency_s=0.1)
        await asyncio.gather(ask(client, subject="one"), ask(client, subject="two"))
        stats = double.stats()
    assert stats["busy_s"] == pytest.approx(stats["busy_share"] * 4 * stats["window_s"], rel=1e-3)
    assert stats["busy_s"] >= 0.2  # two answers of 0.1 s
    assert 0.2 < stats["busy_share"] <= 0.5  # two of four slots, at most all the time


async def test_jitter_is_seeded_by_the_prompt() -> None:
    async def durations(seed: int) -> list[int]:
        async with AsyncExitStack() as stack:
            _, client = await opened(stack, latency_s=0.02, jitter=0.5, seed=seed)
            answers = [(await ask(client, subject=subject)).json() for subject in ("one", "two", "one")]
            return [answer["eval_duration"] + answer["prompt_eval_duration"] for answer in answers]

    first, second, other = await durations(1), await durations(1), await durations(2)
    assert first == second != other
    assert first[0] == first[2] != first[1]
    assert all(10_000_000 <= duration <= 30_000_000 for duration in first)


# --- faults -------------------------------------------------------------------------------------------------


def language(text: str) -> str:
    if any("\u4e00" <= letter <= "\u9fff" for letter in text):
        return "zh"
    return "ru" if any("\u0400" <= letter <= "\u04ff" for letter in text) else "en"


@pytest.mark.parametrize(
    ("kind", "answers"),
    [
        (Fault.CHINESE_FIRST, ["zh", "ru", "ru"]),
        (Fault.CHINESE, ["zh", "zh", "zh"]),
        (Fault.ENGLISH_FIRST, ["en", "ru", "ru"]),
        (Fault.ENGLISH, ["en", "en", "en"]),
    ],
)
@pytest.mark.parametrize("fenced", [True, False])
async def test_the_wrong_language_once_or_always(kind: Fault, answers: list[str], fenced: bool) -> None:
    system = "Ты объясняешь код разработчикам. Пиши по-русски."
    user = "Поясни:\n```python\ndef add(): ...\n```\nПо-русски." if fenced else "Первый абзац.\n\nВторой абзац."
    async with AsyncExitStack() as stack:
        double, client = await opened(stack, faults={kind: 1.0})
        got: list[str] = []
        for complaint in (
            "",
            "\n\nПредыдущий ответ отклонён:\n- не тот язык",
            "\n\nПредыдущий ответ отклонён:\n- опять",
        ):
            messages = [{"role": "system", "content": system}, {"role": "user", "content": user + complaint}]
            reply = await client.post("/api/chat", json={"model": MODEL, "messages": messages, "stream": False})
            got.append(language(reply.json()["message"]["content"]))
        calls = double.calls
    assert got == answers
    assert [call.first for call in calls] == [True, False, False]
    assert len({call.source_hash for call in calls}) == 1
    assert len({call.prompt_hash for call in calls}) == 3
    assert [call.language_asked for call in calls] == ["ru"] * 3
    assert [call.language_answered for call in calls] == answers


async def test_a_failed_call_is_no_first_answer() -> None:
    async with AsyncExitStack() as stack:
        double, client = await opened(stack)
        double.script("500", None, None)
        for _ in range(3):
            await ask(client)
    assert [call.first for call in double.calls] == [True, True, False]


async def test_shares_hit_the_same_prompts_in_whatever_order() -> None:
    async def victims(order: list[int], seed: int) -> set[str]:
        async with AsyncExitStack() as stack:
            double, client = await opened(stack, faults={"500": 0.3, "empty": 0.2}, seed=seed)
            for number in order:
                await ask(client, subject=f"f{number}")
            return {f"{call.source_hash} {call.fault}" for call in double.calls if call.fault}

    forwards = await victims(list(range(60)), 1)
    assert forwards == await victims(list(reversed(range(60))), 1)
    assert forwards != await victims(list(range(60)), 2)
    assert 15 < len(forwards) < 45  # half of sixty


async def test_a_hanging_double_can_be_stopped() -> None:
    double = Double(Setup())
    await double.start()
    async with httpx.AsyncClient(base_url=double.url, timeout=10) as client:
        double.script("hang", "stall")
        tasks = [asyncio.create_task(ask(client, subject=name, stream=name == "two")) for name in ("one", "two")]
        await double.until(lambda: double.in_flight == 2)
        await double.stop()
        await double.stop()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(end, httpx.TransportError) for end in ended)
    assert all(call.ended for call in double.calls)


# --- control and ledger -------------------------------------------------------------------------------------


async def test_everything_can_be_steered_over_http() -> None:
    async with AsyncExitStack() as stack:
        _, client = await opened(stack)
        body = {"shares": {"empty": 1.0}, "script": ["500", None]}
        assert (await client.post("/_double/faults", json=body)).json() == {"ok": True}
        replies = [await ask(client, subject=f"f{number}") for number in range(3)]
        assert [reply.status_code for reply in replies] == [500, 200, 200]
        assert [bool(reply.json()["message"]["content"]) for reply in replies[1:]] == [True, False]
        calls = (await client.get("/_double/ledger")).json()["calls"]
        assert [call["fault"] for call in calls] == ["500", "", "empty"]
        stats = (await client.get("/_double/stats")).json()
        assert (stats["calls"], stats["by_fault"], stats["in_flight"]) == (3, {"500": 1, "empty": 1}, 0)
        await client.post("/_double/reset")
        assert (await client.get("/_double/ledger")).json() == {"calls": []}
        assert (await client.get("/_double/stats")).json()["calls"] == 0
        assert (await ask(client, subject="f2")).json()["message"]["content"]


@pytest.mark.parametrize(
    "body",
    [{"shares": {"nonsense": 1}}, {"shares": {"empty": 2}}, {"script": ["nonsense"]}, {"script": "500"}, {"script": 5}],
)
async def test_wrong_faults_are_refused(body: object) -> None:
    async with AsyncExitStack() as stack:
        _, client = await opened(stack)
        reply = await client.post("/_double/faults", json=body)
        assert reply.status_code == 400
        assert reply.json()["error"]
        assert (await ask(client)).status_code == 200


async def test_the_ledger_on_disk_holds_one_line_per_call(tmp_path: Path) -> None:
    file = tmp_path / "ledger.jsonl"
    async with AsyncExitStack() as stack:
        double, client = await opened(stack, ledger=file)
        await ask(client, options={"seed": 7})
        await client.post("/api/embed", json={"model": "all-minilm", "input": ["a", "b"]})
        await client.post("/_double/reset")
        await ask(client)
        kinds = [call.kind for call in double.calls]
    written = [json.loads(line) for line in file.read_text().splitlines()]
    assert [line["kind"] for line in written] == ["chat", "embed", "chat"]
    assert kinds == ["chat"]
    assert written[0]["options"] == {"stream": False, "options": {"seed": 7}}
    assert written[1]["texts"] == 2
    assert set(written[0]) == {
        "number", "kind", "model", "time", "stream", "prompt_hash", "asked", "source_hash", "about",
        "first", "language_asked", "language_answered", "options", "fault", "status", "prompt_tokens", "output_tokens",
        "texts", "wait_s", "load_s", "duration_s", "aborted", "ended",
    }  # fmt: skip


async def test_what_was_asked_is_written_down_only_on_demand() -> None:
    for demanded in (False, True):
        async with AsyncExitStack() as stack:
            double, client = await opened(stack, prompts=demanded)
            await ask(client, subject="add")
            await client.post("/api/embed", json={"model": "all-minilm", "input": ["first", "second"]})
            asked = [call.asked for call in double.calls]
        assert asked == (
            [f"{ENGLISH}\n{chat('add')['messages'][1]['content']}", "first\nsecond"] if demanded else ["", ""]
        )


async def test_two_doubles_do_not_share_a_port() -> None:
    async with Double() as double:
        port = int(double.url.rpartition(":")[2])
        with pytest.raises(OSError, match="in use"):
            await Double(Setup(port=port)).start()
