"""A worker with scripted models on a real database."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from daemon.bootstrap import App
from daemon.config import shared
from daemon.llm.base import Embedder, TextModel
from daemon.llm.scripted import ScriptedEmbedder, ScriptedModel
from daemon.prompts import Prompts
from daemon.settings import (
    BudgetSettings,
    EmbedderSettings,
    EndpointSettings,
    ModelsSettings,
    QueueSettings,
    SafetySettings,
    Settings,
)
from daemon.work.events import Observer
from daemon.work.loop import Scope
from daemon.work.worker import Worker
from db.session import Database
from db.types import Stage

QUICK = {
    "poll_ms": 50,
    "lease_s": 5.0,
    "rescue_s": 1.0,
    "backoff_base_s": 0.01,
    "backoff_cap_s": 0.02,
    "breaker_s": 0.02,
    "heartbeat_s": 0.05,
}


def an_app(
    db: Database,
    *,
    coder: TextModel | None = None,
    talker: TextModel | None = None,
    instruct: TextModel | None = None,
    embedder: Embedder | None = None,
    slots: int = 4,
    language: str = "en",
    budget: BudgetSettings | None = None,
    stages: Sequence[Stage] = (Stage.CODER, Stage.TALKER, Stage.EMBED),
    **queue: Any,
) -> App:
    """Everything wired as in production, but for the models."""
    settings = Settings(
        language=language,
        stages=tuple(stages),
        endpoints={"scripted": EndpointSettings(provider="scripted", slots=slots)},
        queue=QueueSettings(**{**QUICK, **queue}),
        budget=budget or BudgetSettings(),
        models=_models(),
    )
    app = App(settings=settings, db=db, url=db.url, prompts=Prompts(shared("prompts")))
    app._models[Stage.CODER] = coder or ScriptedModel()
    app._models[Stage.TALKER] = talker or ScriptedModel()
    app._models[Stage.INSTRUCT] = instruct or ScriptedModel()
    app._embedder = embedder or ScriptedEmbedder(dims=16)
    return app


def served(db: Database, url: str, *, redact: bool = True, **endpoint: Any) -> App:
    """Texts and vectors from a double, over the wire; ``endpoint`` changes how its server is used."""
    role = {"endpoint": "local", "temperature": 0.3, "top_p": 0.9}
    settings = Settings(
        endpoints={"local": EndpointSettings(**{"provider": "ollama", "url": url, "slots": 4, **endpoint})},
        queue=QueueSettings(**QUICK),  # type: ignore[arg-type]
        safety=SafetySettings(redact=redact),
        models=ModelsSettings(
            coder={"name": "qwen2.5-coder:14b", **role},  # type: ignore[arg-type]
            talker={"name": "qwen2.5:14b-instruct", **role},  # type: ignore[arg-type]
            embedder=EmbedderSettings(provider="ollama", endpoint="local", name="all-minilm:latest", dims=16),
        ),
    )
    return App(settings=settings, db=db, url=db.url, prompts=Prompts(shared("prompts")))


def a_worker(
    app: App, *, stages: Sequence[Stage] | None = None, observers: Sequence[Observer] = (), scope: Scope | None = None
) -> Worker:
    """A worker that does not refresh on its own."""
    return app.worker(stages=stages, observers=observers, scope=scope, refresh=False)


async def work_off(app: App, **options: Any) -> None:
    """Work until nothing is left."""
    await a_worker(app, **options).once(asyncio.Event())


def _models() -> Any:
    role = {"endpoint": "scripted", "name": "scripted", "temperature": 0.3, "top_p": 0.9}
    return {"coder": role, "talker": role, "embedder": {"provider": "scripted", "name": "scripted", "dims": 16}}
