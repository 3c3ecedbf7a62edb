"""Models that hold a slot of their endpoint during every call."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from daemon.llm.base import Completion, Embedder, Health, Prompt, Resident, TextModel
from daemon.settings import TextModelSettings
from daemon.work.budget import Meter, most_tokens
from daemon.work.events import Call, Observer
from daemon.work.slots import Slots


class HeldModel:
    """A text model behind the slots of its endpoint and the budget of the day."""

    def __init__(
        self, model: TextModel, slots: Slots, meter: Meter, settings: TextModelSettings,
        observers: Sequence[Observer] = (),
    ) -> None:  # fmt: skip
        self._model = model
        self._slots = slots
        self._meter = meter
        self._settings = settings
        self._observers = observers

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
        asked = time.monotonic()
        async with self._meter.call(most, self._settings.timeout_s) as spent, self._slots.call() as use:
            began = time.monotonic()
            spent.begin()
            try:
                completion = await self._model.complete(prompt)
            except BaseException as error:
                spent.end(None, error)
                self._tell(began - asked, began, None, error)
                raise
            spent.end(completion)
            use.answered(self.name, completion.output_tokens)
            self._tell(began - asked, began, completion, None)
            return completion

    def _tell(self, waited_s: float, began: float, completion: Completion | None, error: BaseException | None) -> None:
        call = Call(
            endpoint=self.endpoint, model=self.name, waited_s=waited_s, seconds=time.monotonic() - began,
            context_tokens=self._settings.context_tokens, completion=completion, error=error,
        )  # fmt: skip
        for observer in self._observers:
            observer.called(call)

    async def check(self) -> Health:
        """The model's; needs no slot."""
        return await self._model.check()

    async def digest(self) -> str | None:
        """The model's; needs no slot."""
        return await self._model.digest()

    async def residents(self) -> tuple[Resident, ...] | None:
        """The model's; needs no slot."""
        return await self._model.residents()

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
        async with self._slots.call() as use:
            vectors = await self._embedder.embed(texts)
            use.answered(self.name, sum(map(len, texts)))
            return vectors

    async def check(self) -> Health:
        """The model's; needs no slot."""
        return await self._embedder.check()

    async def close(self) -> None:
        """Close the model."""
        await self._embedder.close()
