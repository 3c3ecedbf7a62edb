"""Composition root: Settings in, one wired App out; the only place that builds things."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

from daemon import log
from daemon.config import shared
from daemon.errors import ConfigError, ModelError, PromptError
from daemon.follow.child import turn
from daemon.guard.base import Guard
from daemon.guard.examples import ExamplesGuard
from daemon.guard.grounding import GroundingGuard, ValuesGuard
from daemon.guard.injection import InjectionGuard
from daemon.guard.jargon import JargonGuard, jargon_words
from daemon.guard.language import LanguageGuard
from daemon.guard.shape import ShapeGuard
from daemon.index.split import split
from daemon.llm import registry
from daemon.llm.base import Embedder, Health, TextModel
from daemon.llm.tokens import Gauge
from daemon.prompts import Prompts
from daemon.safety.material import Safety
from daemon.settings import EmbedderSettings, Settings
from daemon.stages.base import TextStage, Writing
from daemon.stages.budget import Sizes
from daemon.stages.by_strategy import ByStrategy
from daemon.stages.coder import Coder
from daemon.stages.embed import Embed
from daemon.stages.instruct import Instruct
from daemon.stages.talker import Talker
from daemon.stages.wholes import Whole
from daemon.work.budget import Meter, rules_of
from daemon.work.events import Observer
from daemon.work.following import Following
from daemon.work.held import HeldEmbedder, HeldModel
from daemon.work.loop import Scope
from daemon.work.pipeline import EmbedPipeline, Pipeline, TextPipeline
from daemon.work.refreshing import Weights
from daemon.work.slots import Slots
from daemon.work.worker import Worker
from db import migrate
from db import refresh as db_refresh
from db import switch as db_switch
from db.errors import SchemaMismatch
from db.follow import Origin
from db.refresh import Recipes
from db.session import Database, Timeouts, hide_password, resolve_url
from db.switch import Switched
from db.types import TEXT_STAGES, WHOLES, Stage

if TYPE_CHECKING:
    from daemon.monitor.counts import Counts
    from daemon.monitor.server import Monitor

_TURN_S = 30.0  # what a loop may take for one turn beside its statements
_OWN_ENDPOINT = "in-process"  # of an embedder that needs none


@dataclass(slots=True)
class App:
    """Everything that a command may need, built on first use."""

    settings: Settings
    db: Database
    url: str
    prompts: Prompts
    _models: dict[str, TextModel] = field(default_factory=dict)
    _embedder: Embedder | None = None
    _former: dict[tuple[str, int], Embedder | None] = field(default_factory=dict)
    _gauges: dict[str, Gauge] = field(default_factory=dict)  # by model: its stages learn from each other
    _weights: Weights = field(default_factory=Weights)

    def model(self, stage: Stage) -> TextModel:
        """The text model of a stage."""
        if stage not in self._models:
            self._models[stage] = registry.text_model(self.settings.models.of(stage), self.settings.endpoints)
        return self._models[stage]

    def embedder(self) -> Embedder:
        """The model that makes vectors."""
        if self._embedder is None:
            self._embedder = registry.embedder(self.settings.models.embedder, self.settings.endpoints)
        return self._embedder

    def former_embedder(self, name: str, dims: int, settings: Mapping[str, Any]) -> Embedder | None:
        """The model whose vectors are still searched while the configured one is filled in; None: nobody knows it."""
        if (name, dims) not in self._former:
            known = {key: value for key, value in settings.items() if key in EmbedderSettings.model_fields}
            try:
                one = EmbedderSettings(**{**known, "name": name, "dims": dims})
                self._former[name, dims] = registry.embedder(one, self.settings.endpoints) if known else None
            except (ValueError, ConfigError):
                self._former[name, dims] = None
        return self._former[name, dims]

    def guards(self, stage: Stage) -> tuple[Guard, ...]:
        """The guards of a text stage, cheap ones first."""
        settings = self.settings.guard.of(stage)
        languages = {*self.prompts.languages(), self.settings.language}
        found: list[Guard] = [
            ShapeGuard(settings.shape), InjectionGuard(), LanguageGuard(settings.language, languages)
        ]  # fmt: skip
        if stage is Stage.TALKER:
            found.append(ValuesGuard())
            if settings.jargon:
                found.append(JargonGuard(settings.jargon, jargon_words()))
        elif settings.grounding:
            found.append(GroundingGuard(settings.grounding))
        if stage is Stage.INSTRUCT:
            found.append(ExamplesGuard())
        return tuple(found)

    def text_stage(self, stage: Stage, hold: Callable[[TextModel], TextModel] | None = None) -> ByStrategy:
        """A text stage with its model, prompts and guards; ``hold`` puts something before every call.

        The Coder asks other questions about files, packages and repositories than about code.
        """
        model = self.model(stage)
        held = hold(model) if hold else model
        guards = self.guards(stage)

        def asking(writing: Writing) -> TextStage:
            return TextStage(
                writing, held, self.prompts, guards, self.settings.guard.of(stage),
                safety=Safety(self.settings.safety).fingerprint, sizes=self._sizes(stage), split=split,
                gauge=self._gauges.setdefault(model.name, Gauge(model.name)),
                weights=lambda: self._weights.of(model.name),
            )  # fmt: skip

        hints = self.settings.hints
        if stage is Stage.TALKER:
            return ByStrategy(asking(Talker()))
        if stage is Stage.INSTRUCT:
            return ByStrategy(asking(Instruct(hints)))
        return ByStrategy(asking(Coder(hints)), {strategy: asking(Whole(strategy, hints)) for strategy in WHOLES})

    def _sizes(self, stage: Stage) -> Sizes:
        role = self.settings.models.of(stage)
        sizes = self.settings.sizes
        return Sizes(
            context_tokens=role.context_tokens, output_tokens=role.output_tokens, margin_tokens=sizes.margin_tokens,
            max_parts=sizes.max_parts,
        )  # fmt: skip

    def recipes(self, languages: Sequence[str] = ()) -> Recipes:
        """What texts in the configured language and in these are made by now; a language without prompts has none."""
        by_stage: dict[str, dict[str, str]] = {}
        parts: dict[str, dict[str, object]] = {}
        for stage in self.settings.stages:
            if stage is Stage.EMBED:
                embed = Embed(self.embedder())
                by_stage[stage] = {"": embed.recipe()}
                parts[embed.recipe()] = embed.recipe_parts()
                continue
            text_stage = self.text_stage(stage)
            by_stage[stage] = {}
            for language in dict.fromkeys((self.settings.language, *languages)):
                with suppress(PromptError):
                    by_stage[stage] |= text_stage.recipes(language)
                    parts |= text_stage.parts(language)
        return Recipes(language=self.settings.language, by_stage=by_stage, parts=parts)

    async def present_recipes(self) -> Recipes:
        """The same for all repositories, with the weights that the servers tell now. Raises StoreError."""
        running = [one for one in TEXT_STAGES if one in self.settings.stages]
        models = {model.name: model for model in map(self.model, running)}
        await asyncio.gather(*(self._weigh(model) for model in models.values()))
        return self.recipes(await db_refresh.languages(self.db))

    async def _weigh(self, model: TextModel) -> None:
        if not self._weights.due(model.name):
            return
        try:
            self._weights.told(model.name, await model.digest())
        except ModelError as error:
            log.get("models").debug("weights not told", model=model.name, error=str(error))
            self._weights.remembered(model.name, await db_refresh.weights(self.db, model.name))

    async def switch_stages(self, *, actor: str) -> Switched:
        """Let the stages of the configuration make work, and no others; who works does that before anything else."""
        done = await db_switch.switch(self.db, self.settings.stages, actor=actor)
        if done.on or done.off or done.queued:
            log.get("stages").info(
                "stages switched", on=[str(one) for one in done.on], off=[str(one) for one in done.off],
                queued=done.queued,
            )  # fmt: skip
        return done

    def worker(
        self,
        *,
        stages: Sequence[Stage] | None = None,
        observers: Sequence[Observer] = (),
        scope: Scope | None = None,
        refresh: bool = True,
    ) -> Worker:
        """A worker for some stages (None: all that are on); with ``refresh`` it also queues what other recipes made."""
        self.prompts.check(self.settings.language)
        ends = self.settings.endpoints
        slots = {name: Slots(one.slots, turns=bool(one.turns)) for name, one in ends.items()}
        asks = {
            model.endpoint: model.residents
            for model in (self.model(stage) for stage in TEXT_STAGES if stage in self.settings.stages)
            if model.endpoint in ends and ends[model.endpoint].turns == "auto"
        }
        meter = Meter(self.db, self.settings.budget, hold_s=self.settings.queue.deadline_s)
        return Worker(
            self.db, self._pipelines(stages or self.settings.stages, meter, observers), self.settings,
            slots={**slots, _OWN_ENDPOINT: Slots(1)}, asks=asks, meter=meter, recipes=self.present_recipes,
            refresh=refresh, observers=observers, scope=scope,
            listen_url=(self.settings.database.listen_url or self.url) if self.settings.queue.listen else None,
        )  # fmt: skip

    def _pipelines(
        self, stages: Sequence[Stage], meter: Meter, observers: Sequence[Observer]
    ) -> Callable[[UUID, Mapping[str, Slots]], list[Pipeline]]:
        def build(owner: UUID, slots: Mapping[str, Slots]) -> list[Pipeline]:
            def held(stage: Stage) -> ByStrategy:
                role = self.settings.models.of(stage)
                return self.text_stage(
                    stage, lambda model: HeldModel(model, slots[model.endpoint], meter, role, observers)
                )

            found: list[Pipeline] = [
                TextPipeline(self.db, held(stage), self.settings, owner, observers)
                for stage in TEXT_STAGES
                if stage in stages
            ]
            if Stage.EMBED in stages:
                endpoint = self.settings.models.embedder.endpoint or _OWN_ENDPOINT
                embed = Embed(HeldEmbedder(self.embedder(), slots[endpoint]))
                found.append(EmbedPipeline(self.db, embed, self.settings, endpoint=endpoint, observers=observers))
            return found

        return build

    def following(self) -> Following:
        """What takes turns of followed repositories, each in a process of its own."""

        async def in_step(repo: str, origin: Origin) -> Mapping[str, Any]:
            return await turn(repo, origin, self.settings, self.url)

        return Following(self.db, self.settings.follow, in_step)

    def monitor(self, worker: Worker, counts: Counts) -> Monitor:
        """Metrics and probes of a worker; ``counts`` is one of its observers."""
        from daemon.monitor.server import Monitor  # noqa: PLC0415 - a web server, loaded where it is wanted

        def check(stage: Stage) -> Callable[[], Awaitable[Health]]:
            return lambda: self.model(stage).check()

        queue, database = self.settings.queue, self.settings.database
        patience_s = 3 * queue.poll_ms / 1000 + database.statement_timeout_ms / 1000 + _TURN_S
        return Monitor(
            settings=self.settings.monitor, db=self.db, counts=counts, look=worker.look,
            models={str(stage): check(stage) for stage in worker.stages if stage is not Stage.EMBED},
            rules=rules_of(self.settings.budget), head=migrate.head(shared("alembic")), patience_s=patience_s,
        )  # fmt: skip

    async def close(self) -> None:
        """Let go of models and connections."""
        for model in self._models.values():
            await model.close()
        for embedder in (self._embedder, *self._former.values()):
            if embedder is not None:
                await embedder.close()
        await self.db.close()


def prompts_of(settings: Settings) -> Prompts:
    """The prompts that the settings name."""
    shipped = shared("prompts")
    return Prompts(settings.prompts.folder or shipped, fallback=settings.prompts.fallback, shipped=shipped)


def timeouts_of(settings: Settings) -> Timeouts:
    """The database's time limits."""
    database = settings.database
    return Timeouts(
        connect_s=database.connect_timeout_s,
        statement_ms=database.statement_timeout_ms,
        lock_ms=database.lock_timeout_ms,
        idle_in_transaction_ms=database.idle_in_transaction_timeout_ms,
    )


@asynccontextmanager
async def open_app(settings: Settings, *, name: str = "doctown", upgrade: bool = False) -> AsyncIterator[App]:
    """Start the database if it is ours, see that its tables are those we know, wire everything.

    The embedded database is migrated on the way, a database of somebody else's only with ``upgrade``. Raises
    StoreError and its kind, SchemaMismatch when migrations are missing.
    """
    url = await asyncio.to_thread(resolve_url, settings.database.url, settings.database.folder)
    await asyncio.to_thread(ready, url, upgrade=upgrade or settings.database.url == "embedded")
    db = Database(url, name=name, pool_size=settings.database.pool_size, timeouts=timeouts_of(settings))
    app = App(settings=settings, db=db, url=url, prompts=prompts_of(settings))
    try:
        yield app
    finally:
        await app.close()


def ready(url: str, *, upgrade: bool) -> migrate.Standing:
    """Check server, extension and revision; migrate where allowed. Blocking: call it in a thread."""
    scripts = shared("alembic")
    standing = migrate.standing(url, scripts)
    if standing.server_major < migrate.MINIMUM_POSTGRES:
        raise SchemaMismatch(
            f"Postgres {standing.server} at {hide_password(url)} is too old",
            f"Doctown needs Postgres {migrate.MINIMUM_POSTGRES} or newer.",
        )
    if standing.pgvector_available is None:
        raise SchemaMismatch(
            f"the server at {hide_password(url)} does not have the extension pgvector",
            "Install pgvector 0.8.4 or newer on it (the image pgvector/pgvector has it).",
        )
    if standing.usable:
        return standing
    if standing.revision is not None and standing.revision > standing.head:
        raise SchemaMismatch(
            f"the tables at {hide_password(url)} are at revision {standing.revision}, newer than this program's "
            f"{standing.head}, and not made for it",
            "Use the newer Doctown, or another database.",
        )
    if not upgrade:
        found = standing.revision or "none"
        raise SchemaMismatch(
            f"the tables at {hide_password(url)} are at revision {found}, this program needs {standing.head}",
            "Run `doctown db upgrade`.",
        )
    migrate.upgrade(url, scripts)
    return migrate.standing(url, scripts)
