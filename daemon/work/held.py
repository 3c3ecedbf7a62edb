"""Models that hold a slot of their endpoint during every call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from daemon.llm.base import Completion, Embedder, Health, Prompt, TextModel
from daemon.settings import TextModelSettings
from daemon.work.budget import Meter, most_tokens
from daemon.work.slots import Slots


class HeldModel:
    """A text model behind the slots of its endpoint and the budget of the day."""

    def __init__(self, model: TextModel, slots: Slots, meter: Meter, settings: TextModelSettings) -> None:
        self._model = model
        self._slots = slots
        self._meter = meter
        self._settings = settings

    @property
    def name(self) -> str:
        """The model's."""
        return self._model.name

    @property
    def endpoint(self) -> str:
        """The model's."""
        return self._model.endpoint

    @property
    def options(self) -> Mapping[str, object]:
        """The model's."""
        return self._model.options

    async def complete(self, prompt: Prompt) -> Completion:
        """See that the budget has room, wait for a slot, then ask. Raises BudgetSpent, and what the model raises."""
        most = most_tokens(prompt, self._settings)
        async with self._meter.call(most, self._settings.timeout_s) as spent, self._slots.call():
            spent.begin()
            try:
                completion = await self._model.complete(prompt)
            except BaseException as error:
                spent.end(None, error)
                raise
            spent.end(completion)
            return completion

    async def check(self) -> Health:
        """The model's; needs no slot."""
        return await self._model.check()

    async def close(self) -> None:
        """Close the model."""
        await self._model.close()


class HeldEmbedder:
    """An embedder behind the slots of its endpoint."""

    def __init__(self, embedder: Embedder, slots: Slots) -> None:
        self._embedder = embedder
        self._slots = slots

    @property
    def name(self) -> str:
        """The model's."""
        return self._embedder.name

    @property
    def dims(self) -> int:
        """The model's."""
        return self._embedder.dims

    @property
    def batch(self) -> int:
        """The model's."""
        return self._embedder.batch

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Wait for a slot, then embed."""
        async with self._slots.call():
            return await self._embedder.embed(texts)

    async def check(self) -> Health:
        """The model's; needs no slot."""
        return await self._embedder.check()

    async def close(self) -> None:
        """Close the model."""
        await self._embedder.close()
