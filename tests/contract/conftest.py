"""The fixtures of the suite for texts: a rig by its name."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from daemon.llm.embedded import EmbeddedModel, _Engine
from daemon.settings import EndpointSettings
from tests.contract.rigs import SMALL, EmbeddedRig, HttpRig, ScriptedRig, TextRig, http_rig, text_settings


@pytest.fixture(scope="module")
def loaded() -> Iterator[None]:
    """The embedded model stays in memory for the whole module: every test shares this one copy."""
    model = EmbeddedModel("here", EndpointSettings(provider="embedded", slots=2), text_settings(name=SMALL))
    engine = _Engine.shared(model._file(), 2048, 2)
    yield
    engine.leave()


@pytest.fixture
async def rig(request: pytest.FixtureRequest) -> AsyncIterator[TextRig]:
    name: str = request.param
    if name == "embedded":
        request.getfixturevalue("loaded")
        yield EmbeddedRig()
    elif name == "scripted":
        yield ScriptedRig()
    else:
        async with http_rig(name) as made:
            yield made


@pytest.fixture
async def http(request: pytest.FixtureRequest) -> AsyncIterator[HttpRig]:
    async with http_rig(request.param) as made:
        yield made
