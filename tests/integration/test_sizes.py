"""Code that fits into no window, through everything: indexed, asked for over the wire, saved with what was left out."""

from __future__ import annotations

import re
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from daemon.bootstrap import App
from daemon.config import shared
from daemon.doubles import Double, Setup
from daemon.index.sync import sync
from daemon.llm.scripted import ScriptedEmbedder
from daemon.prompts import Prompts
from daemon.settings import (
    EndpointSettings,
    IndexSettings,
    ModelsSettings,
    QueueSettings,
    Settings,
    SizeSettings,
    TextModelSettings,
)
from db.session import Database
from db.types import Stage
from tests.support.builders import Connection, a_chunk, a_node, a_repository, chunk_row, one
from tests.support.workers import QUICK, work_off

OUTPUT = 300
PART = Prompts(shared("prompts")).part("en")


def long_function(steps: int = 260) -> str:
    body = "".join(
        f"    for item_{n} in orders.batch_{n}:\n        total += rates.apply_{n}(item_{n})\n" for n in range(steps)
    )
    return f'def settle(orders, rates):\n    """Settle the day."""\n    total = 0\n{body}    return total\n'


def an_app(db: Database, double: Double, protocol: str, *, context: int, parts: int = 24) -> App:
    def model(name: str) -> TextModelSettings:
        return TextModelSettings(
            endpoint="local", name=name, temperature=0.3, top_p=0.9, context_tokens=context, output_tokens=OUTPUT
        )

    settings = Settings(
        endpoints={"local": EndpointSettings(provider=protocol, url=double.url, slots=4)},  # type: ignore[arg-type]
        queue=QueueSettings(**QUICK),  # type: ignore[arg-type]
        sizes=SizeSettings(max_parts=parts),
        models=ModelsSettings(coder=model("qwen2.5-coder:14b"), talker=model("qwen2.5:14b-instruct")),
    )
    app = App(settings=settings, db=db, url=db.url, prompts=Prompts(shared("prompts")))
    app._embedder = ScriptedEmbedder()
    return app


@asynccontextmanager
async def served(db: Database, protocol: str = "ollama", *, window: int = 8192, **options: Any) -> Any:
    async with Double(Setup(protocol=protocol, context_tokens=window, prompts=True)) as double:  # type: ignore[arg-type]
        app = an_app(db, double, protocol, **options)
        try:
            yield app, double
        finally:
            await app.close()


def is_a_note(asked: str) -> bool:
    """Whether one part was asked about."""
    return asked.startswith(PART.system)


@pytest.fixture
def day(tmp_path: Path) -> Path:
    """A repository with one function of 520 lines."""
    root = tmp_path / "day"
    root.mkdir()
    (root / "day.py").write_text(long_function(), encoding="utf-8")
    return root


async def test_a_long_function_is_read_in_parts_and_nothing_is_refused(
    db: Database, psql: Connection, day: Path
) -> None:
    await sync(db, day, "day", IndexSettings())
    async with served(db, context=4096) as (app, double):
        await work_off(app, stages=(Stage.CODER, Stage.TALKER))
        calls = list(double.calls)
    assert {call.status for call in calls} == {200}
    assert all(call.prompt_tokens + OUTPUT <= 4096 for call in calls), "the answer has its room"
    row = one(
        psql,
        "SELECT c.content_raw, c.content, c.explain_quality -> 'coder' AS quality, g.prompt_tokens "
        "FROM chunk c JOIN node n ON n.id = c.node_id JOIN generation g ON g.chunk_id = c.id AND g.stage = 'coder' "
        "WHERE n.name = 'settle'",
    )
    quality = row["quality"]
    about_it = [call for call in calls if is_a_note(call.asked)]
    assert quality["parts"] == quality["parts_noted"] == len(about_it) > 3
    # Every step of the function was in a question.
    asked = "\n".join(call.asked for call in about_it)
    assert all(f"rates.apply_{n}(" in asked for n in range(260))
    assert row["prompt_tokens"] >= sum(call.prompt_tokens for call in about_it)
    assert 0.8 < row["prompt_tokens"] / quality["tokens_estimated"] < 1.2
    assert "left out" not in row["content_raw"]
    assert row["content"]


async def test_what_was_left_out_is_said_in_the_text_and_in_its_figures(
    db: Database, psql: Connection, day: Path
) -> None:
    await sync(db, day, "day", IndexSettings())
    async with served(db, context=4096, parts=2) as (app, _):
        await work_off(app, stages=(Stage.CODER,))
    row = one(
        psql,
        "SELECT c.content_raw, c.explain_quality -> 'coder' AS quality FROM chunk c JOIN node n ON n.id = c.node_id "
        "WHERE n.name = 'settle'",
    )
    said = re.search(
        r"_This piece is too long to be read whole: about (\d+) % .*\(lines (\d+-\d+)\)\._$", row["content_raw"]
    )
    assert said
    assert row["quality"]["left_out"] == [said[2]]
    assert 10 < int(said[1]) < 90
    assert (row["quality"]["parts_noted"], row["quality"]["parts"] > 3) == (2, True)


async def test_a_server_whose_window_is_smaller_than_we_think_is_asked_for_less(db: Database, psql: Connection) -> None:
    """OpenAI's protocol has no way to ask for a window: the server refuses, and the question is laid out anew."""
    chunk = a_chunk(psql, a_node(psql, a_repository(psql), source_code=long_function(220), name="settle"))
    async with served(db, "openai", window=5000, context=8192) as (app, double):
        await work_off(app, stages=(Stage.CODER,))
        statuses = [call.status for call in double.calls]
    assert 400 in statuses
    assert statuses[-1] == 200
    assert chunk_row(psql, chunk)["content_raw"].startswith("### 1. Summary")


async def test_a_window_that_is_too_small_for_anything_is_said_once_and_for_all(db: Database, psql: Connection) -> None:
    chunk = a_chunk(psql, a_node(psql, a_repository(psql), source_code=long_function(120)))
    async with served(db, context=1000) as (app, double):
        await work_off(app, stages=(Stage.CODER,))
        assert not double.calls
    row = one(psql, "SELECT state, error_class, last_error FROM work WHERE chunk_id = %s AND stage = 'coder'", chunk)
    assert (row["state"], row["error_class"]) == ("dead", "permanent")
    assert "Raise context_tokens" in row["last_error"]


async def test_one_line_of_a_foreign_index_is_cut_between_its_rows(db: Database, psql: Connection) -> None:
    """Our own index leaves such files out; another one may not."""
    table = ",".join(f'{{"id":{n},"name":"name {n}"}}' for n in range(4000))
    node = a_node(psql, a_repository(psql), kind="FILE", lang="javascript", source_code=f"var ALL=[{table}];")
    chunk = a_chunk(psql, node)
    async with served(db, context=4096, parts=3) as (app, double):
        await work_off(app, stages=(Stage.CODER,))
        parts = [call.asked for call in double.calls if is_a_note(call.asked)]
    assert len(parts) == 3
    for asked in parts[1:]:
        code = asked.split("```javascript\n")[1]
        assert re.match(r",?\{\"id\":\d+,", code), "a part begins with a row"
    raw = chunk_row(psql, chunk)["content_raw"]
    assert re.search(r"about [89]\d % of it was left out \(lines 1:\d+-\d+", raw)
