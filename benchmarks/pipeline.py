"""Where the time of N chunks goes, and how busy the daemon keeps a model server of 64 slots.

    python benchmarks/pipeline.py [--chunks 200] [--source FOLDER] [--stages coder,talker,embed] [--latency-ms 0,1000]

Indexes a folder into a fresh database, then works off its N most central chunks against the Ollama double (a process of
its own) at 0 ms and at 1 s per answer. Prints one table. Runs on its own embedded server, whose data are thrown away.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from daemon import log
from daemon.bootstrap import App, prompts_of
from daemon.config import shared
from daemon.guard.base import Answer, Guard, Verdict
from daemon.index.sync import sync
from daemon.llm.base import Completion, Embedder, Health, Prompt, Resident, TextModel
from daemon.settings import EmbedderSettings, EndpointSettings, LogSettings, Settings
from daemon.stages.base import TextStage, Writing
from daemon.stages.by_strategy import ByStrategy
from daemon.stages.coder import Coder
from daemon.stages.origin import Input
from daemon.stages.talker import Talker
from daemon.words import Words
from daemon.work.events import Tally
from daemon.work.loop import Scope
from db import gather as db_gather
from db import report
from db import requeue as db_requeue
from db import save as db_save
from db.embedded import EmbeddedServer
from db.migrate import upgrade
from db.session import Database
from db.types import Lane, Material, Stage

SLOTS = 64
ROOT = Path(__file__).resolve().parent.parent


@dataclass(slots=True)
class Clock:
    """Seconds by step, and how many calls were in flight for how long."""

    spent: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    calls: list[tuple[float, float]] = field(default_factory=list)

    def add(self, step: str, started: float) -> None:
        """Add the time since ``started``."""
        self.spent[step] += time.perf_counter() - started


class TimedModel:
    """A text model whose calls are written down."""

    def __init__(self, model: TextModel, clock: Clock) -> None:
        self._model, self._clock = model, clock
        self.name, self.endpoint, self.options = model.name, model.endpoint, model.options

    async def complete(self, prompt: Prompt) -> Completion:
        """Ask, and remember from when to when."""
        started = time.perf_counter()
        try:
            return await self._model.complete(prompt)
        finally:
            self._clock.calls.append((started, time.perf_counter()))

    async def check(self) -> Health:
        """As the model says."""
        return await self._model.check()

    async def digest(self) -> str | None:
        """As the model says."""
        return await self._model.digest()

    async def residents(self) -> tuple[Resident, ...] | None:
        """As the model says."""
        return await self._model.residents()

    async def close(self) -> None:
        """Close the model."""
        await self._model.close()


class TimedGuard:
    """A guard whose time is added up."""

    def __init__(self, guard: Guard, clock: Clock) -> None:
        self._guard, self._clock = guard, clock

    def check(self, answer: Answer) -> Verdict:
        """Judge."""
        started = time.perf_counter()
        try:
            return self._guard.check(answer)
        finally:
            self._clock.add("guard", started)


class TimedWriting:
    """Prompts whose making is added up."""

    def __init__(self, writing: Writing, clock: Clock) -> None:
        self._writing, self._clock = writing, clock
        self.stage, self.prompt = writing.stage, writing.prompt
        self.source, self.facts = writing.source, writing.facts
        self.settings, self.hints, self.usage = writing.settings, writing.hints, writing.usage

    def fields(self, material: Material, words: Words) -> Any:
        """What fills the prompt."""
        started = time.perf_counter()
        try:
            return self._writing.fields(material, words)
        finally:
            self._clock.add("prompts", started)

    def inputs(self, material: Material) -> Sequence[Input]:
        """What the key covers."""
        started = time.perf_counter()
        try:
            return self._writing.inputs(material)
        finally:
            self._clock.add("prompts", started)


class TimedEmbedder:
    """An embedder whose time is added up."""

    def __init__(self, embedder: Embedder, clock: Clock) -> None:
        self._embedder, self._clock = embedder, clock
        self.name, self.dims, self.batch = embedder.name, embedder.dims, embedder.batch

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Embed."""
        started = time.perf_counter()
        try:
            return await self._embedder.embed(texts)
        finally:
            self._clock.add("embedding", started)

    async def check(self) -> Health:
        """As the embedder says."""
        return await self._embedder.check()

    async def close(self) -> None:
        """Close it."""
        await self._embedder.close()


class TimedApp(App):
    """The product, wired as always, with a clock in every step."""

    clock: Clock

    def text_stage(self, stage: Stage, hold: Callable[[TextModel], TextModel] | None = None) -> ByStrategy:
        """Coder or Talker, timed."""
        writing = TimedWriting(Coder() if stage is Stage.CODER else Talker(), self.clock)
        model: TextModel = TimedModel(self.model(stage), self.clock)
        if hold is not None:
            model = hold(model)
        guards = tuple(TimedGuard(guard, self.clock) for guard in self.guards(stage))
        return ByStrategy(TextStage(writing, model, self.prompts, guards, self.settings.guard))


@asynccontextmanager
async def a_double(latency_ms: int) -> AsyncIterator[str]:
    """The Ollama double as a process of its own; its URL."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "daemon.doubles", "--port", "0", "--slots", str(SLOTS), "--latency-ms", str(latency_ms),
        "--pieces", "4", cwd=ROOT, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        yield (await process.stdout.readline()).decode().strip()
    finally:
        process.terminate()
        await process.wait()


def timed(function: Any, step: str, clock: Clock) -> Any:
    """The same coroutine function with its time added to a step."""

    async def call(*arguments: Any, **options: Any) -> Any:
        started = time.perf_counter()
        try:
            return await function(*arguments, **options)
        finally:
            clock.add(step, started)

    return call


def stats_of(double: str) -> dict[str, Any]:
    """What the double says of itself."""
    with urlopen(f"{double}/_double/stats") as answer:  # noqa: S310 - loopback
        return dict(json.load(answer))


async def measure(url: str, source: Path, count: int, latency_ms: int, stages: Sequence[Stage]) -> dict[str, float]:
    """One run on an empty database; seconds by step."""
    clock = Clock()
    db = Database(url, pool_size=20)
    async with a_double(latency_ms) as double:
        settings = Settings(
            endpoints={
                "local": EndpointSettings(provider="ollama", url=double, slots=SLOTS, turns=False),
            }
        )
        models = settings.models.model_copy(update={"embedder": EmbedderSettings()})
        settings = settings.model_copy(update={"models": models})
        app = TimedApp(settings=settings, db=db, url=url, prompts=prompts_of(settings))
        app.clock = clock
        app._embedder = TimedEmbedder(app.embedder(), clock)
        await app.embedder().embed(["warm up"])
        clock.spent.clear()
        original = db_save.save_texts, db_gather.gather
        db_save.save_texts = timed(db_save.save_texts, "save", clock)
        db_gather.gather = timed(db_gather.gather, "gather", clock)
        try:
            started = time.perf_counter()
            indexed = await sync(db, source, "bench", settings.index)
            indexing = time.perf_counter() - started
            chunks = await report.central_chunks(db, indexed.repo_id, count)
            await db_requeue.ask_for(db, chunks)
            tally = Tally()
            worker = app.worker(stages=stages, observers=[tally], scope=Scope(max_lane=Lane.ASKED), refresh=False)
            started = time.perf_counter()
            await worker.once(asyncio.Event())
            total = time.perf_counter() - started
            stats = await asyncio.to_thread(stats_of, double)
        finally:
            db_save.save_texts, db_gather.gather = original
            await app.close()
    assert tally.texts + tally.reused == len([stage for stage in stages if stage is not Stage.EMBED]) * len(chunks)
    return {
        "chunks": len(chunks),
        "indexing": indexing,
        **{step: clock.spent[step] for step in ("gather", "prompts", "guard", "save", "embedding")},
        "model": sum(end - start for start, end in clock.calls) / SLOTS,
        "total": total,
        "calls/s": len(clock.calls) / (max(e for _, e in clock.calls) - min(s for s, _ in clock.calls)),
        "busy": busy_share(clock.calls, latency_ms / 1000),
        "double busy": stats.get("busy_share", 0.0),
    }


def busy_share(calls: list[tuple[float, float]], latency_s: float) -> float:
    """Share of slots x latency that was reached while there was more to do than slots.

    The window ends when the last call starts: what comes after is the tail, in which nothing is left for the slots.
    Only the latency itself counts as work, not what the client adds to a call.
    """
    if not latency_s:
        return 0.0
    begin, end = min(start for start, _ in calls), max(start for start, _ in calls)
    worked = sum(min(start + latency_s, end) - start for start, _ in calls if start < end)
    return worked / (SLOTS * (end - begin))


def a_server() -> EmbeddedServer:
    """A server in a folder of its own, which root's server user can reach."""
    folder = Path(tempfile.mkdtemp(prefix="doctown-bench-"))
    folder.chmod(0o755)
    return EmbeddedServer(folder)


async def main() -> None:
    """Both runs, one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chunks", type=int, default=200)
    parser.add_argument("--source", type=Path, default=ROOT)
    parser.add_argument("--stages", type=lambda names: [Stage(name) for name in names.split(",")], default=list(Stage))
    parser.add_argument("--latency-ms", type=lambda numbers: [int(n) for n in numbers.split(",")], default=[0, 1000])
    options = parser.parse_args()
    log.setup(LogSettings(level="error"))
    rows = []
    for latency_ms in options.latency_ms:
        server = a_server()
        try:
            url = server.start()
            upgrade(url, shared("alembic"))
            rows.append((latency_ms, await measure(url, options.source, options.chunks, latency_ms, options.stages)))
        finally:
            server.stop("immediate")
            shutil.rmtree(server.folder, ignore_errors=True)
    print(f"| {'step':<34} | " + " | ".join(f"{latency:>5} ms" for latency, _ in rows) + " |")
    print(f"|{'-' * 36}|" + "|".join("---------:" for _ in rows) + "|")
    for key, label in (
        ("chunks", "chunks"), ("indexing", "indexing, s (whole folder)"), ("gather", "gather, s"),
        ("prompts", "prompts, s"), ("model", "model, s (calls / slots)"), ("guard", "guard, s"),
        ("save", "save, s (statements)"),
        ("embedding", "embedding, s"), ("total", "wall time of the work, s"), ("calls/s", "model calls per second"),
        ("busy", "share of slots x latency"), ("double busy", "busy share, as the server saw it"),
    ):  # fmt: skip
        cells = [f"{row[key]:8.1%}" if "busy" in key else f"{row[key]:8.2f}" for _, row in rows]
        print(f"| {label:<34} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    asyncio.run(main())
