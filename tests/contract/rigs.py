"""The providers under one roof: how to build each, make its next call fail, and see what it was sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Literal, Protocol

import pytest
from pydantic import SecretStr

from daemon.doubles import Double, Setup
from daemon.errors import ModelFailed, ModelUnavailable, PromptTooLong
from daemon.llm.base import Completion, Embedder, Finish, Prompt, TextModel
from daemon.llm.embedded import EmbeddedModel
from daemon.llm.ollama import OllamaEmbedder, OllamaModel
from daemon.llm.openai import OpenAIEmbedder, OpenAIModel
from daemon.llm.scripted import Answer, ScriptedEmbedder, ScriptedModel, well_formed
from daemon.settings import EmbedderSettings, EndpointSettings, TextModelSettings

MODEL = "qwen2.5-coder:14b"
EMBEDDER = "all-minilm:latest"
SMALL = "SmolLM2-135M-Instruct"
SECTIONS = ("### 1. Summary", "### 2. How it works", "### 3. Context")
SYSTEM = "You explain code to developers. Use these headings:\n" + "\n".join(SECTIONS)
CODE = "def moving_mean(values, window):\n    return [sum(values[i:i + window]) / window for i in range(len(values))]\n"
SLOTS = 3

OLLAMA = ("ollama-stream", "ollama-whole")
OPENAI = ("openai-stream", "openai-whole")
HTTP = (*OLLAMA, *OPENAI)
STREAMS = ("ollama-stream", "openai-stream")
EMBEDDED = pytest.param("embedded", marks=pytest.mark.embedded)

ProviderName = Literal["ollama", "openai"]


def prompt(subject: str = "moving_mean", *, attempt: int = 0) -> Prompt:
    """A Coder's prompt about a function that is called ``subject``."""
    code = CODE.replace("moving_mean", subject)
    return Prompt(system=SYSTEM, user=f"Explain:\n```python\n{code}```", sections=SECTIONS, attempt=attempt)


def text_settings(**changes: Any) -> TextModelSettings:
    """Settings of a text model with limits that fit a test."""
    given: dict[str, Any] = {
        "endpoint": "here", "name": MODEL, "temperature": 0.3, "top_p": 0.9, "context_tokens": 2048,
        "output_tokens": 600, "timeout_s": 20.0, "stall_s": 10.0,
    }  # fmt: skip
    return TextModelSettings(**{**given, **changes})


async def turn_until(true: Callable[[], object]) -> None:
    """Let the loop turn until something is true that nobody announces."""
    while not true():
        await asyncio.sleep(0)


class TextRig(Protocol):
    """A provider of texts, ready to be asked."""

    def model(self, **changes: Any) -> TextModel:
        """A model whose settings differ from the usual ones by ``changes``."""
        ...

    def fate(self, kind: str) -> None:
        """What happens to the next call: ``empty``, ``length`` or ``thinking``."""
        ...

    def sent(self) -> list[Mapping[str, Any]]:
        """The options of every call so far, as they arrived."""
        ...


class HttpRig:
    """A provider that talks to a double."""

    def __init__(self, double: Double, provider: ProviderName, *, stream: bool, url: str | None = None) -> None:
        self.double = double
        self.provider: ProviderName = provider
        self.stream = stream
        self._url = url or double.url

    def endpoint(self, **changes: Any) -> EndpointSettings:
        """The double as an endpoint."""
        given = {"provider": self.provider, "url": self._url, "slots": SLOTS, "connect_timeout_s": 2.0}
        return EndpointSettings(**{**given, **changes})

    def model(self, *, key: str | None = None, url: str | None = None, **changes: Any) -> TextModel:
        """A model; ``key`` and ``url`` change its endpoint."""
        endpoint = self.endpoint(api_key=None if key is None else SecretStr(key), url=url or self._url)
        settings = text_settings(stream=self.stream, **changes)
        made = OllamaModel if self.provider == "ollama" else OpenAIModel
        return made("here", endpoint, settings)

    def embedder(self, **changes: Any) -> Embedder:
        """An embedder."""
        given = {"provider": self.provider, "endpoint": "here", "name": EMBEDDER, "dims": 384, "batch": 4}
        settings = EmbedderSettings(**{**given, **changes})
        made = OllamaEmbedder if self.provider == "ollama" else OpenAIEmbedder
        return made("here", self.endpoint(), settings)

    def fate(self, kind: str) -> None:
        """Tell the double."""
        self.double.script(kind)

    def sent(self) -> list[Mapping[str, Any]]:
        """From the double's ledger."""
        return [call.options for call in self.double.calls]


class EmbeddedRig:
    """The model in this process; its answers cannot be chosen, only cut short."""

    def __init__(self) -> None:
        self._cut = False

    def model(self, **changes: Any) -> TextModel:
        """A model with room for a short answer."""
        # Its speed is that of the processor, which a test may have to share: the limit only ends a hang.
        given = {"name": SMALL, "output_tokens": 32 if self._cut else 160, "timeout_s": 110.0}
        return EmbeddedModel(
            "here", EndpointSettings(provider="embedded", slots=2), text_settings(**{**given, **changes})
        )

    def fate(self, kind: str) -> None:
        """``length`` only."""
        assert kind == "length"
        self._cut = True

    def sent(self) -> list[Mapping[str, Any]]:
        """Nothing travels."""
        return []


class ScriptedRig:
    """The model that says what it was told."""

    def __init__(self) -> None:
        self._next: list[str] = []

    def model(self, **changes: Any) -> TextModel:
        """A model whose script knows the fates, and a context as the others have."""
        del changes
        return ScriptedModel(self._say, name=MODEL, endpoint="here")

    def fate(self, kind: str) -> None:
        """Remember it for the next call."""
        self._next.append(kind)

    def sent(self) -> list[Mapping[str, Any]]:
        """It has no options."""
        return []

    def _say(self, asked: Prompt) -> Answer:
        if len(asked.user) > 4 * 2048:
            return PromptTooLong("too long")
        answers: dict[str, Answer] = {
            "empty": "",
            "length": Completion(text="It was cu", model=MODEL, finish=Finish.LENGTH),
            "thinking": f"<think>\nWell.\n</think>\n\n{well_formed(asked)}",
            "500": ModelFailed("broken"),
            "503": ModelUnavailable("busy"),
        }
        return answers[self._next.pop(0)] if self._next else well_formed(asked)


class ScriptedEmbedderRig:
    """The embedder that counts words."""

    def embedder(self, **changes: Any) -> Embedder:
        """An embedder of the given length and batch."""
        return ScriptedEmbedder(dims=changes.get("dims", 384), batch=changes.get("batch", 4))


@asynccontextmanager
async def http_rig(name: str, **setup: Any) -> AsyncIterator[HttpRig]:
    """``ollama-stream``, ``ollama-whole``, ``openai-stream`` or ``openai-whole`` with a double of its own."""
    provider, _, way = name.partition("-")
    known: ProviderName = "ollama" if provider == "ollama" else "openai"
    given: dict[str, Any] = {"protocol": known, "slots": SLOTS, "models": (MODEL, EMBEDDER), "context_tokens": 2048}
    async with Double(Setup(**{**given, **setup})) as double:
        yield HttpRig(double, known, stream=way == "stream")


def rigs(*names: Any) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("rig", names, indirect=True)


def https(*names: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("http", names, indirect=True)


class Closing:
    """Closes a model however the test ends."""

    def __init__(self, model: TextModel) -> None:
        self.model = model

    async def __aenter__(self) -> TextModel:
        return self.model

    async def __aexit__(self, *error: object) -> None:
        await self.model.close()
