"""From a provider's name in the configuration to a model: one dictionary for writers, one for embedders."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from daemon.errors import ConfigError
from daemon.llm.base import Embedder, TextModel
from daemon.llm.embedded import EmbeddedModel
from daemon.llm.ollama import OllamaEmbedder, OllamaModel
from daemon.llm.openai import OpenAIEmbedder, OpenAIModel
from daemon.llm.scripted import ScriptedEmbedder, ScriptedModel
from daemon.llm.sentence_transformers import SentenceTransformersEmbedder
from daemon.settings import EmbedderSettings, EndpointSettings, TextModelSettings

Endpoints = Mapping[str, EndpointSettings]

TEXT_MODELS: Mapping[str, Callable[[str, EndpointSettings, TextModelSettings], TextModel]] = {
    "ollama": OllamaModel,
    "openai": OpenAIModel,
    "embedded": EmbeddedModel,
    "scripted": lambda endpoint, _, settings: ScriptedModel(name=settings.name, endpoint=endpoint),
}

EMBEDDERS: Mapping[str, Callable[[EmbedderSettings, Endpoints], Embedder]] = {
    "ollama": lambda settings, endpoints: OllamaEmbedder(*_same_kind(settings, endpoints), settings),
    "openai": lambda settings, endpoints: OpenAIEmbedder(*_same_kind(settings, endpoints), settings),
    "sentence-transformers": lambda settings, _: SentenceTransformersEmbedder(settings),
    "scripted": lambda settings, _: ScriptedEmbedder(name=settings.name, dims=settings.dims, batch=settings.batch),
}


def text_model(settings: TextModelSettings, endpoints: Endpoints) -> TextModel:
    """The text model of one role. Opens nothing yet. Raises ConfigError for an endpoint that is not there."""
    endpoint = _find(settings.endpoint, settings.name, endpoints)
    return TEXT_MODELS[endpoint.provider](settings.endpoint, endpoint, settings)


def embedder(settings: EmbedderSettings, endpoints: Endpoints) -> Embedder:
    """The embedder. Opens nothing yet. Raises ConfigError for an endpoint that is missing or of another kind."""
    return EMBEDDERS[settings.provider](settings, endpoints)


def _same_kind(settings: EmbedderSettings, endpoints: Endpoints) -> tuple[str, EndpointSettings]:
    name = settings.endpoint or ""
    endpoint = _find(name, settings.name, endpoints)
    if endpoint.provider != settings.provider:
        raise ConfigError(
            f"models.embedder.provider is {settings.provider}, but endpoint {name} is of {endpoint.provider}",
            "Name an endpoint of the same provider.",
        )
    return name, endpoint


def _find(name: str, model: str, endpoints: Endpoints) -> EndpointSettings:
    if name not in endpoints:
        known = ", ".join(sorted(endpoints)) or "none"
        raise ConfigError(f"model {model}: no endpoint is called {name!r}; there are: {known}")
    return endpoints[name]
