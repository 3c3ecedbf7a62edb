"""Whose turn it is on a server that has memory for one of its models: no call by call alternation, nobody starves."""

from __future__ import annotations

import time
from collections.abc import Callable

DWELL_S = 600.0  # the longest turn of one model while another has work waiting
_ASKS_S = 30.0  # who did not ask for so long lets others go first: its loop may rest


class Turns:
    """One model at a time keeps the places of an endpoint.

    Where stages use different models on one server, calls in alternation would make it load them in alternation. So
    the model at work goes on until its stage finds nothing due, or for ``dwell_s`` while another one waits: nobody
    waits for longer than the turns of those who have waited before. Where a person waits (``urge``), the model gets a
    turn at once, for what is asked and no more. Used within one event loop; ``clock`` in seconds.
    """

    def __init__(self, *, on: bool, dwell_s: float = DWELL_S, clock: Callable[[], float] = time.monotonic) -> None:
        self._on = on
        self._dwell_s = dwell_s
        self._clock = clock
        self._model: str | None = None
        self._since = 0.0
        self._ended = False
        self._resting = False
        self._rivals: dict[str, float] = {}  # when each asked last; who has waited longest comes first
        self._urgent: str | None = None
        self._answered: str | None = None
        self.swaps = 0  # how often another model answered than before, while they took turns

    @property
    def on(self) -> bool:
        """Whether models take turns at all."""
        return self._on

    @property
    def model(self) -> str | None:
        """Whose turn it is; None before the first one and without turns."""
        return self._model if self._on else None

    @property
    def age_s(self) -> float:
        """For how long it has been that model's turn."""
        return self._clock() - self._since

    def plan(self, *, on: bool, dwell_s: float = DWELL_S) -> bool:
        """From now on with or without turns; whether that changes anything for those who wait."""
        changed = on != self._on or dwell_s < self._dwell_s
        if on != self._on:
            self._rivals.clear()
            self._urgent, self._ended = None, False
            self._since = self._clock()
        self._on, self._dwell_s = on, dwell_s
        return changed

    def begin(self, model: str) -> None:
        """It is in the server's memory already: the first turn is its own, if nobody has had one."""
        if self._model is None:
            self._model, self._since = model, self._clock()

    def end(self) -> None:
        """The turn is over as soon as another model asks."""
        self._ended = True

    def may(self, model: str, taken: int) -> bool:
        """Whether ``model`` may take places of which ``taken`` are in use; if so, it is its turn from now on."""
        if not self._on:
            return True
        mine = self._model == model
        if self._urgent not in {None, model} and self._model is not None:
            return False  # the urgent one is next, when the last of the others is back
        if self._model is not None and not mine:
            self._wait(model)
            if taken or not (self._resting or self._overdue() or self._urgent == model):
                return False
            if self._urgent != model and self._longest() != model:
                return False  # somebody has waited longer
        if mine and self._rivals and self._overdue():
            return False  # the others are let in once the last of ours is back
        if not mine:
            if self._urgent == model and self._model is not None:
                self._wait(self._model)  # it was interrupted, and goes on afterwards
            self._model, self._since, self._ended = model, self._clock(), False
        self._resting = False
        self._rivals.pop(model, None)
        return True

    def elsewhere(self, model: str) -> bool:
        """Whether it is another model's turn."""
        return self._on and self._model not in {None, model}

    def urge(self, model: str) -> bool:
        """A person waits for ``model``: its turn comes as soon as the calls under way are back. Whether that is new."""
        new = self._on and self._urgent is None
        if new:
            self._urgent = model
        return new

    def urgent(self, model: str) -> bool:
        """Whether ``model`` has its turn only for what a person waits for."""
        return self._urgent == model

    def idle(self, model: str) -> bool:
        """``model`` found nothing to do: its turn ends when the last of its places is back. Whether it was its turn."""
        self._rivals.pop(model, None)
        if self._urgent == model:
            self._urgent = None
            self._ended = True  # it was let in for what was asked
        if self._model == model:
            self._resting = True
        return self._model == model

    def answered(self, model: str) -> None:
        """It did, so the server has it in memory: a turn in which nothing was found to do is no swap."""
        if self._on and self._answered not in {None, model}:
            self.swaps += 1
        self._answered = model

    def _wait(self, model: str) -> None:
        self._rivals[model] = self._clock()  # keeps the place of who waits already

    def _longest(self) -> str | None:
        """Who has waited longest, among those whose loops still ask."""
        now = self._clock()
        return next((one for one, asked in self._rivals.items() if now - asked <= _ASKS_S), None)

    def _overdue(self) -> bool:
        return self._ended or self.age_s >= self._dwell_s
