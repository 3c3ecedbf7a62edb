"""From names in the configuration to models."""

from __future__ import annotations

from typing import Any

import pytest

from daemon.errors import ConfigError
from daemon.llm import registry
from daemon.settings import EmbedderSettings, EndpointSettings, Settings, TextModelSettings

ENDPOINTS = {
    "gpu": EndpointSettings(provider="ollama", url="http://gpu:11434"),
    "farm": EndpointSettings(provider="openai", url="http://farm:8000"),
    "inside": EndpointSettings(provider="embedded"),
    "dry": EndpointSettings(provider="scripted"),
}


def settings(**changes: Any) -> TextModelSettings:
    return TextModelSettings(**{"endpoint": "gpu", "name": "smollm2", "temperature": 0.3, "top_p": 0.9, **changes})


@pytest.mark.parametrize(
    ("endpoint", "kind"),
    [("gpu", "OllamaModel"), ("farm", "OpenAIModel"), ("inside", "EmbeddedModel"), ("dry", "ScriptedModel")],
)
def test_a_text_model_by_its_endpoint(endpoint: str, kind: str) -> None:
    model = registry.text_model(settings(endpoint=endpoint), ENDPOINTS)
    assert type(model).__name__ == kind
    assert (model.name, model.endpoint) == ("smollm2", endpoint)


@pytest.mark.parametrize(
    ("provider", "endpoint", "kind"),
    [
        ("ollama", "gpu", "OllamaEmbedder"),
        ("openai", "farm", "OpenAIEmbedder"),
        ("sentence-transformers", None, "SentenceTransformersEmbedder"),
        ("scripted", None, "ScriptedEmbedder"),
    ],
)
def test_an_embedder_by_its_provider(provider: Any, endpoint: str | None, kind: str) -> None:
    given = EmbedderSettings(provider=provider, endpoint=endpoint, name="e", dims=7, batch=3)
    embedder = registry.embedder(given, ENDPOINTS)
    assert type(embedder).__name__ == kind
    assert (embedder.name, embedder.dims, embedder.batch) == ("e", 7, 3)


def test_an_endpoint_that_is_not_there_is_named() -> None:
    with pytest.raises(ConfigError, match=r"'cloud'.*dry, farm, gpu, inside"):
        registry.text_model(settings(endpoint="cloud"), ENDPOINTS)


def test_an_embedder_needs_an_endpoint_of_its_own_kind() -> None:
    with pytest.raises(ConfigError, match=r"ollama.*farm.*openai"):
        registry.embedder(EmbedderSettings(provider="ollama", endpoint="farm"), ENDPOINTS)


def test_the_embedded_model_does_not_lend_its_name() -> None:
    with pytest.raises(ConfigError, match="qwen") as caught:
        registry.text_model(settings(endpoint="inside", name="qwen2.5-coder:14b"), ENDPOINTS)
    assert "path" in caught.value.remedy


def test_the_settings_for_embedded_models_are_accepted() -> None:
    chosen = Settings().with_embedded_models()
    for role in (chosen.models.coder, chosen.models.talker):
        assert registry.text_model(role, chosen.endpoints).endpoint == "embedded"
