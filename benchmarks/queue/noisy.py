"""A repository of ten chunks beside one of 100,000: how long the small one waits, in answers of the model."""

from __future__ import annotations

import asyncio
import time

import psycopg

from benchmarks.queue.ground import Ground, fill, quantile, table
from daemon.bootstrap import App, prompts_of
from daemon.llm.base import Prompt, TextModel
from daemon.llm.scripted import ScriptedModel, well_formed
from daemon.settings import EndpointSettings, Settings
from db.session import Database
from db.types import Stage

_SLOTS, _ANSWER_S, _BUSY_S = 16, 0.5, 5.0
_SMALL = """
    WITH r AS (INSERT INTO repository (name) VALUES ('small') RETURNING id),
         n AS (INSERT INTO node (repo_id, kind, lang, fqn, name, source_code)
               SELECT r.id, 'FUNCTION', 'go', 'small.f' || i, 'f' || i, 'func f' || i || '() { return ' || i || ' }'
                 FROM r, generate_series(1, 10) i RETURNING id)
    INSERT INTO chunk (node_id) SELECT id FROM n
"""
_WAITED = """
    SELECT extract(epoch FROM w.leased_at - w.due_at)::float8 FROM work w JOIN repository r ON r.id = w.repo_id
     WHERE r.name = 'small' AND w.stage = 'coder' AND w.leased_at IS NOT NULL
"""


class SlowApp(App):
    """The product, wired as always, with a model that takes its time."""

    def model(self, stage: Stage) -> TextModel:
        """Answers after half a second."""
        return ScriptedModel(_slowly, name=str(stage), endpoint="local")


async def _slowly(prompt: Prompt) -> str:
    await asyncio.sleep(_ANSWER_S)
    return well_formed(prompt)


async def noisy(ground: Ground, chunks: int) -> None:
    """The small one alone, then after the large one has been at work for a while."""
    found = []
    for beside in (0, chunks):
        url = ground.database("noisy")
        fill(url, beside, 1)
        waited, took = await _wait(url, _BUSY_S if beside else 0.5)
        found.append((
            f"beside {beside:,}" if beside else "alone", f"{quantile(waited, 0.5) / _ANSWER_S:.1f}",
            f"{max(waited) / _ANSWER_S:.1f}", f"{took / _ANSWER_S:.1f}",
        ))  # fmt: skip
    table(("ten chunks", "waited for a claim, middle", "longest", "until the last text"), found)
    line = chunks / _SLOTS
    print(
        f"in answers of the model; {_SLOTS} slots; behind the queue of {chunks:,} it would be {line:,.0f}\n", flush=True
    )


async def _wait(url: str, before_s: float) -> tuple[list[float], float]:
    settings = Settings(
        endpoints={"local": EndpointSettings(provider="scripted", slots=_SLOTS, turns=False)},
        stages=(Stage.CODER, Stage.EMBED),
    )
    settings = settings.model_copy(update={"queue": settings.queue.model_copy(update={"poll_ms": 200})})
    db = Database(url)
    app = SlowApp(settings=settings, db=db, url=url, prompts=prompts_of(settings))
    worker = app.worker(stages=(Stage.CODER,), refresh=False)
    stop = asyncio.Event()
    running = asyncio.create_task(worker.run(stop))
    await asyncio.sleep(before_s)
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute(_SMALL)
        began = time.perf_counter()
        while True:
            rows = await (await connection.execute(
                "SELECT count(*) FROM chunk c JOIN repository r ON r.id = c.repo_id "
                "WHERE r.name = 'small' AND c.content_raw <> ''"
            )).fetchall()  # fmt: skip
            if rows[0][0] == 10 or running.done():
                break
            await asyncio.sleep(0.02)
        took = time.perf_counter() - began
        waited = [row[0] for row in await (await connection.execute(_WAITED)).fetchall()]
    stop.set()
    await running
    await app.close()
    return waited, took
