"""The two ports to the models: TextModel writes, Embedder measures meaning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """One request to a text model.

    ``system`` is byte-identical for all chunks of a stage and language, so that the server can reuse its
    prefix. ``sections`` are the headings the answer must have; a provider that can hold a model to a form
    may use them. ``attempt`` counts regenerations and is added to the seed.
    """

    system: str
    user: str
    language: str = "en"
    sections: tuple[str, ...] = ()
    attempt: int = 0


class Finish(StrEnum):
    """Why the model stopped."""

    STOP = "stop"  # it had said everything
    LENGTH = "length"  # it ran into the output limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """One answer. Token counts are the server's own, None where it tells none."""

    text: str  # thinking blocks removed, trimmed; may be empty: the guards judge it
    model: str
    finish: Finish = Finish.STOP
    prompt_tokens: int | None = None
    output_tokens: int | None = None
    duration_ms: int = 0
    first_token_ms: int | None = None  # until the first piece came; None where the answer came whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """Whether a model can be used, in words for a person; ``remedy`` is empty when all is well."""

    ok: bool
    summary: str
    remedy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resident:
    """A model that its server holds in memory: all its bytes, and those of them in the memory of GPUs."""

    name: str
    size: int
    on_gpu: int

    @property
    def spilled(self) -> bool:
        """Whether a part of it found no room on the GPU."""
        return 0 < self.on_gpu < self.size

    def is_called(self, name: str) -> bool:
        """Whether ``name`` means this model; a name without a tag has the tag ``latest``."""
        return self.name.removesuffix(":latest") == name.removesuffix(":latest")


class TextModel(Protocol):
    """Writes an answer to a prompt."""

    @property
    def name(self) -> str:
        """The model's name as the server knows it."""
        ...

    @property
    def endpoint(self) -> str:
        """The name of the endpoint in the configuration: slots and breaker are kept by it."""
        ...

    @property
    def options(self) -> Mapping[str, object]:
        """Everything but the prompt that shapes the answer; identical in every call."""
        ...

    async def complete(self, prompt: Prompt) -> Completion:
        """Ask once. Raises ModelError and its kind, never an error of the vendor's."""
        ...

    async def check(self) -> Health:
        """Say whether the model could answer now, without making it answer. Never raises."""
        ...

    async def digest(self) -> str | None:
        """The digest of the model's weights; None where its server tells none. Raises ModelError when it is away."""
        ...

    async def residents(self) -> tuple[Resident, ...] | None:
        """What its server holds in memory, this model or others; None where the server does not tell.

        Raises ModelError when it is away.
        """
        ...

    async def close(self) -> None:
        """Let go of connections and memory. Safe to call twice."""
        ...


class Embedder(Protocol):
    """Turns texts into vectors of one length."""

    @property
    def name(self) -> str:
        """The model's name: vectors of different names are never compared."""
        ...

    @property
    def dims(self) -> int:
        """Length of every vector."""
        ...

    @property
    def batch(self) -> int:
        """How many texts it likes at once."""
        ...

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One unit vector (length ``dims``, L2 norm 1) per text, in order. Raises ModelError and its kind."""
        ...

    async def check(self) -> Health:
        """Say whether it could embed now. May load the model. Never raises."""
        ...

    async def close(self) -> None:
        """Let go of connections and memory. Safe to call twice."""
        ...
