"""Two models on one server: side by side where it holds both, in turns where it does not."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Any

import httpx
from psycopg import Connection

from daemon.doubles import Double, Setup
from daemon.work.worker import Worker
from db.session import Database
from db.types import Stage
from tests.support.builders import a_chunk, a_node, a_repository, some_chunks
from tests.support.workers import a_worker, served

CODER, TALKER = "qwen2.5-coder:14b", "qwen2.5:14b-instruct"
BOTH = (Stage.CODER, Stage.TALKER)


async def load(double: Double, *models: str) -> None:
    """Have the server load them, one after the other."""
    async with httpx.AsyncClient(base_url=double.url, timeout=10) as client:
        for model in models:
            await client.post("/api/chat", json={"model": model, "messages": [], "stream": False})


def halves(psql: Connection, count: int) -> None:
    """So many chunks due for each of the two stages."""
    repo = a_repository(psql)
    some_chunks(psql, repo, count)
    for number in range(count):
        a_chunk(psql, a_node(psql, repo), content_raw=f"Adds {number} and two.")


async def worked_off(db: Database, psql: Connection, double: Double, **endpoint: Any) -> tuple[Worker, list[str]]:
    """The models in the order in which they were asked for 6 pieces each."""
    halves(psql, 6)
    app = served(db, double.url, **endpoint)
    worker = a_worker(app, stages=BOTH)
    before = len(double.calls)
    await worker.once(asyncio.Event())
    await app.close()
    return worker, [call.model for call in double.calls[before:]]


def changes(models: list[str]) -> int:
    """How often another model is asked than the time before."""
    return sum(one != other for one, other in pairwise(models))


async def test_a_server_with_room_for_one_loads_each_once_a_turn(db: Database, psql: Connection) -> None:
    async with Double(Setup(loaded_models=1, slots=4)) as double:
        worker, models = await worked_off(db, psql, double)
        loads = double.stats()["loads"]
    (end,) = worker.look().endpoints
    assert loads == changes(models) + 1 == end.swaps + 1, "loaded when the turn changed, and never between"
    assert end.turn in {CODER, TALKER}


async def test_the_model_that_is_loaded_works_first(db: Database, psql: Connection) -> None:
    async with Double(Setup(loaded_models=1, slots=4)) as double:
        await load(double, TALKER)
        _, models = await worked_off(db, psql, double)
        assert models[:6] == [TALKER] * 6
        assert double.stats()["loads"] == changes(models) + 1


async def test_a_server_that_holds_both_is_asked_for_both(db: Database, psql: Connection) -> None:
    async with Double(Setup(loaded_models=2, slots=4)) as double:
        await load(double, CODER, TALKER)
        worker, _ = await worked_off(db, psql, double)
        assert double.stats()["loads"] == 2
    (end,) = worker.look().endpoints
    assert (end.turn, end.swaps, end.evictions) == (None, 0, 0)


async def test_who_says_that_they_take_turns_is_not_asked(db: Database, psql: Connection) -> None:
    async with Double(Setup(loaded_models=2, slots=4)) as double:
        await load(double, CODER, TALKER)
        worker, _ = await worked_off(db, psql, double, turns=True)
    (end,) = worker.look().endpoints
    assert end.swaps >= 1
    assert end.evictions is None
