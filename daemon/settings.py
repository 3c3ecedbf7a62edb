"""Every setting with its bounds and default, as frozen values; config.yaml explains each in a comment."""

from __future__ import annotations

import itertools
import re
import zoneinfo
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, Field, SecretStr, field_validator, model_validator

from daemon.reach import FollowSettings
from daemon.roles import RoleRows
from daemon.thresholds import GuardSettings, Language, Section, Share
from db.types import TEXT_STAGES, Stage


class DatabaseSettings(Section):
    """Where the index, the queue and the texts live."""

    url: str = "embedded"
    listen_url: str | None = None
    folder: Path | None = None
    pool_size: Annotated[int, Field(ge=1, le=200)] = 10
    connect_timeout_s: Annotated[int, Field(ge=1, le=300)] = 5
    statement_timeout_ms: Annotated[int, Field(ge=100)] = 60_000
    lock_timeout_ms: Annotated[int, Field(ge=10)] = 10_000
    idle_in_transaction_timeout_ms: Annotated[int, Field(ge=100)] = 60_000

    @field_validator("url", "listen_url")
    @classmethod
    def _known_scheme(cls, url: str | None) -> str | None:
        if url not in {"embedded", None} and not url.startswith(
            ("postgresql://", "postgres://", "postgresql+psycopg://")
        ):
            raise ValueError("must be 'embedded' or start with postgresql://")
        return url


class EndpointSettings(Section):
    """A place that answers for models; slots are counted per endpoint."""

    provider: Literal["ollama", "openai", "embedded", "scripted"]
    url: str | None = None
    slots: Annotated[int, Field(ge=1, le=1024)] = 1
    turns: bool | Literal["auto"] = "auto"
    connect_timeout_s: Annotated[float, Field(gt=0, le=300)] = 5.0
    api_key: SecretStr | None = None

    @model_validator(mode="after")
    def _url_where_needed(self) -> Self:
        if self.provider in {"ollama", "openai"} and not self.url:
            raise ValueError(f"provider {self.provider} needs a url, for example http://localhost:11434")
        if self.url and not self.url.startswith(("http://", "https://")):
            raise ValueError("url must start with http:// or https://")
        return self


class TextModelSettings(Section):
    """One text model and what is sent with every call to it."""

    endpoint: str
    name: Annotated[str, Field(min_length=1)]
    temperature: Annotated[float, Field(ge=0, le=2)]
    top_p: Annotated[float, Field(gt=0, le=1)]
    seed: int = 42
    context_tokens: Annotated[int, Field(ge=512)] = 8192
    output_tokens: Annotated[int, Field(ge=32)] = 1200
    timeout_s: Annotated[float, Field(gt=0)] = 300.0
    stall_s: Annotated[float, Field(gt=0)] = 60.0
    stream: bool = True
    keep_alive: str = "30m"
    path: Path | None = None

    @model_validator(mode="after")
    def _room_for_the_prompt(self) -> Self:
        if self.output_tokens >= self.context_tokens:
            raise ValueError("output_tokens must be smaller than context_tokens: the prompt needs room too")
        return self


class EmbedderSettings(Section):
    """The model that turns texts into vectors."""

    provider: Literal["sentence-transformers", "ollama", "openai", "scripted"] = "sentence-transformers"
    endpoint: str | None = None
    name: Annotated[str, Field(min_length=1)] = "all-MiniLM-L6-v2"
    dims: Annotated[int, Field(ge=1, le=4000)] = 384
    batch: Annotated[int, Field(ge=1, le=1024)] = 32
    device: str = "cpu"
    path: Path | None = None
    timeout_s: Annotated[float, Field(gt=0)] = 120.0

    @model_validator(mode="after")
    def _endpoint_where_needed(self) -> Self:
        if self.provider in {"ollama", "openai"} and not self.endpoint:
            raise ValueError(f"provider {self.provider} needs an endpoint: a name from `endpoints`")
        return self


class ModelsSettings(Section):
    """Which model does which stage."""

    coder: TextModelSettings = TextModelSettings(endpoint="local", name="qwen2.5-coder:14b", temperature=0.3, top_p=0.9)
    talker: TextModelSettings = TextModelSettings(
        endpoint="local", name="qwen2.5:14b-instruct", temperature=0.7, top_p=0.95
    )
    instruct: TextModelSettings | None = None
    embedder: EmbedderSettings = EmbedderSettings()

    @model_validator(mode="before")
    @classmethod
    def _instruct_like_coder(cls, given: Any) -> Any:
        """What is not said of Instruct's model is the Coder's."""
        if isinstance(given, dict) and isinstance(given.get("instruct"), dict):
            coder = given.get("coder", cls.model_fields["coder"].default)
            like = coder.model_dump() if isinstance(coder, BaseModel) else dict(coder)
            return {**given, "instruct": {**like, **given["instruct"]}}
        return given

    def of(self, stage: Stage) -> TextModelSettings:
        """The model of a text stage; Instruct takes the Coder's unless it has its own."""
        if stage is Stage.TALKER:
            return self.talker
        return self.instruct or self.coder if stage is Stage.INSTRUCT else self.coder


class QueueSettings(Section):
    """How work is claimed, leased, retried and given up."""

    poll_ms: Annotated[int, Field(ge=50, le=3_600_000)] = 4000
    listen: bool = True
    lease_s: Annotated[float, Field(ge=3)] = 90.0
    deadline_s: Annotated[float, Field(ge=1)] = 900.0
    callee_wait_s: Annotated[float, Field(ge=0)] = 60.0
    rescue_s: Annotated[float, Field(ge=1)] = 10.0
    max_attempts: Annotated[int, Field(ge=1, le=100)] = 6
    max_crashes: Annotated[int, Field(ge=1, le=100)] = 3
    backoff_base_s: Annotated[float, Field(gt=0)] = 5.0
    backoff_cap_s: Annotated[float, Field(gt=0)] = 1800.0
    breaker_s: Annotated[float, Field(gt=0)] = 15.0
    grace_s: Annotated[float, Field(ge=0)] = 30.0
    refresh: Literal["auto", "manual"] = "auto"
    refresh_share: Share = 0.1
    quiet_s: Annotated[float, Field(ge=0)] = 300.0
    heartbeat_s: Annotated[float, Field(ge=0.05, le=10)] = 5.0
    keep_failures_days: Annotated[int, Field(ge=1, le=3650)] = 30


class LedgerSettings(Section):
    """How long answers are kept that no present text stands on."""

    keep_days: Annotated[int, Field(ge=1, le=36500)] | None = 365
    keep_mb: Annotated[int, Field(ge=1)] | None = None


class BudgetLimits(Section):
    """The most in a day; null: no limit."""

    calls: Annotated[int, Field(ge=0)] | None = None
    tokens: Annotated[int, Field(ge=0)] | None = None
    seconds: Annotated[float, Field(ge=0)] | None = None


class BudgetSettings(BudgetLimits):
    """What text models may use in a day: all repositories together, and each."""

    repository: BudgetLimits = BudgetLimits()
    timezone: str = "UTC"

    @field_validator("timezone")
    @classmethod
    def _known_timezone(cls, name: str) -> str:
        try:
            zoneinfo.ZoneInfo(name)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"no time zone is called {name!r}; for example UTC or Europe/Madrid") from None
        return name


class SafetySettings(Section):
    """What no model may see, and no text may hold."""

    redact: bool = True
    allow: tuple[str, ...] = ()

    @field_validator("allow")
    @classmethod
    def _patterns_that_mean_something(cls, allow: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in allow:
            try:
                compiled = re.compile(pattern)
            except re.error as error:
                raise ValueError(f"{pattern!r} is no regular expression: {error}") from None
            if compiled.fullmatch("") or compiled.fullmatch("Zq7-x0_K") or compiled.fullmatch("0"):
                raise ValueError(f"{pattern!r} allows anything; to turn redaction off set safety.redact to false")
        return allow


class SizeSettings(Section):
    """What is done with code that does not fit into a model's context window."""

    margin_tokens: Annotated[int, Field(ge=0)] = 256
    max_parts: Annotated[int, Field(ge=1, le=1000)] = 24


class IndexSettings(Section):
    """Which files are read."""

    max_file_kb: Annotated[int, Field(ge=1)] = 1024
    max_line_chars: Annotated[int, Field(ge=200)] = 5000
    exclude: tuple[str, ...] = ()
    workers: Annotated[int, Field(ge=0, le=64)] = 0
    batch_files: Annotated[int, Field(ge=1, le=5000)] = 200
    roles: RoleRows = ()


class PromptSettings(Section):
    """Where the prompts are, and which language lends its own to those that have none."""

    folder: Path | None = None
    fallback: Language | None = "en"


class HintSettings(Section):
    """Which groups of facts the Coder is shown beside the code."""

    identity: bool = True
    signature: bool = True
    modifiers: bool = True
    doc: bool = True
    imports: bool = True
    strategy: bool = True
    role: bool = True
    calls: bool = True
    instructions: bool = True

    @property
    def groups(self) -> tuple[str, ...]:
        """The names of those that are on, in the order in which they are shown."""
        return tuple(name for name in type(self).model_fields if getattr(self, name))


class SearchSettings(Section):
    """How hits are found and fused."""

    limit: Annotated[int, Field(ge=1, le=1000)] = 10


class MonitorSettings(Section):
    """Where metrics and probes are served."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] | None = None


class LogSettings(Section):
    """What the daemon says and how."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "console", "json"] = "auto"


class Settings(Section):
    """The whole configuration, checked once."""

    language: Language = "en"
    stages: tuple[Stage, ...] = (Stage.CODER, Stage.TALKER, Stage.EMBED)
    prompts: PromptSettings = PromptSettings()
    hints: HintSettings = HintSettings()
    database: DatabaseSettings = DatabaseSettings()
    endpoints: dict[str, EndpointSettings] = Field(
        default={"local": EndpointSettings(provider="ollama", url="http://localhost:11434", slots=2)}
    )
    models: ModelsSettings = ModelsSettings()
    queue: QueueSettings = QueueSettings()
    ledger: LedgerSettings = LedgerSettings()
    budget: BudgetSettings = BudgetSettings()
    guard: GuardSettings = GuardSettings()
    safety: SafetySettings = SafetySettings()
    sizes: SizeSettings = SizeSettings()
    index: IndexSettings = IndexSettings()
    follow: FollowSettings = FollowSettings()
    search: SearchSettings = SearchSettings()
    monitor: MonitorSettings = MonitorSettings()
    log: LogSettings = LogSettings()

    @field_validator("prompts", mode="before")
    @classmethod
    def _folder_alone(cls, prompts: object) -> object:
        """The folder alone, or null, as files written by earlier versions have it."""
        return {"folder": prompts} if prompts is None or isinstance(prompts, str | Path) else prompts

    @field_validator("stages")
    @classmethod
    def _stages_that_lead_somewhere(cls, stages: tuple[Stage, ...]) -> tuple[Stage, ...]:
        if Stage.CODER not in stages:
            raise ValueError("coder must be among them: all others work on what it writes")
        if len(set(stages)) < len(stages):
            raise ValueError("each may stand there once")
        return tuple(stage for stage in Stage if stage in stages)  # in the order of the work

    @model_validator(mode="after")
    def _endpoints_exist(self) -> Self:
        roles = {
            "models.coder.endpoint": self.models.coder.endpoint,
            "models.talker.endpoint": self.models.talker.endpoint,
            "models.instruct.endpoint": self.models.of(Stage.INSTRUCT).endpoint,
            "models.embedder.endpoint": self.models.embedder.endpoint,
        }
        for key, name in roles.items():
            if name is not None and name not in self.endpoints:
                known = ", ".join(sorted(self.endpoints))
                raise ValueError(f"{key}: no endpoint is called {name!r}; there are: {known}")
        return self

    @model_validator(mode="after")
    def _one_context_per_model(self) -> Self:
        for one, other in itertools.combinations(TEXT_STAGES, 2):
            mine, its = self.models.of(one), self.models.of(other)
            if (mine.endpoint, mine.name) == (its.endpoint, its.name) and mine.context_tokens != its.context_tokens:
                raise ValueError(
                    f"models.{one}.context_tokens and models.{other}.context_tokens differ although both stages use "
                    f"{mine.name}: the server would load the model anew for every other call"
                )
        return self

    @model_validator(mode="after")
    def _renewal_before_deadline(self) -> Self:
        if self.queue.backoff_cap_s < self.queue.backoff_base_s:
            raise ValueError("queue.backoff_cap_s must not be smaller than queue.backoff_base_s")
        return self

    def with_embedded_models(self) -> Settings:
        """The same settings with the text models that run inside this process, without any server.

        A 135M model needs no more than 4096 tokens of context and 400 of answer; its temperature is lowered
        because it drifts.
        """
        small = {"endpoint": "embedded", "name": "SmolLM2-135M-Instruct", "context_tokens": 4096, "output_tokens": 400}
        models = self.models.model_copy(
            update={
                "coder": self.models.coder.model_copy(update=small),
                "talker": self.models.talker.model_copy(update={**small, "temperature": 0.3, "top_p": 0.9}),
                "instruct": self.models.of(Stage.INSTRUCT).model_copy(update=small),
            }
        )
        endpoints = {**self.endpoints, "embedded": EndpointSettings(provider="embedded", slots=2)}
        return self.model_copy(update={"models": models, "endpoints": endpoints})
