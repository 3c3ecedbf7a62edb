"""Who is served when: a limited number of slots, a bounded queue, and models that have to be loaded first."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable
from typing import Any


class Ticket:
    """A place in the queue, later in a slot. ``ready`` is done when the slot is there."""

    __slots__ = ("arrived", "entered", "left", "load_s", "model", "ready")

    def __init__(self, model: str, arrived: float) -> None:
        self.model = model
        self.arrived = arrived
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.entered = False
        self.left = False
        self.load_s = 0.0


class Slots:
    """First come, first served. A request for a model that is not loaded holds up those behind it, as in Ollama:
    an idle model is pushed out, a busy one is waited for."""

    def __init__(self, slots: int, queue: int, loaded_models: int, load_s: float, changed: Callable[[], None]) -> None:
        self._slots = slots
        self._limit = queue
        self._room = loaded_models
        self._load_s = load_s
        self._changed = changed
        self._waiting: deque[Ticket] = deque()
        self._active: Counter[str] = Counter()
        self._loaded: dict[str, None] = {}  # least recently used first
        self._loading: asyncio.TimerHandle | None = None
        self.in_flight = 0
        self.waiting = 0  # requests without a slot
        self.reset()

    def reset(self) -> None:
        """Start the figures anew; who is in a slot or waits stays there."""
        self._max_in_flight = self.in_flight
        self._max_waiting = self.waiting
        self._loads = 0
        self._area = 0.0  # integral of in_flight over time
        self._since: float | None = self._now() if self.in_flight else None
        self._last = self._since or 0.0

    @property
    def loaded(self) -> tuple[str, ...]:
        """Models in memory."""
        return tuple(self._loaded)

    def enter(self, model: str) -> Ticket | None:
        """Queue for a slot; None when the queue is full."""
        if self.in_flight >= self._slots and self.waiting >= self._limit:
            return None
        ticket = Ticket(model, self._now())
        self._waiting.append(ticket)
        self.waiting += 1
        self._pump()
        self._max_waiting = max(self._max_waiting, self.waiting)
        self._changed()
        return ticket

    def leave(self, ticket: Ticket) -> None:
        """Give the slot back, or the place in the queue."""
        ticket.left = True
        if ticket.entered:
            self._account()
            self.in_flight -= 1
            self._active[ticket.model] -= 1
        else:
            self.waiting -= 1
        self._pump()
        self._changed()

    def stats(self) -> dict[str, Any]:
        """``busy_share``: slot-seconds in use / slot-seconds there were, from the first entry to the last exit."""
        window = 0.0
        if self._since is not None:
            self._account()
            window = (self._now() if self.in_flight else self._last) - self._since
        return {
            "slots": self._slots,
            "in_flight": self.in_flight,
            "max_in_flight": self._max_in_flight,
            "waiting": self.waiting,
            "max_waiting": self._max_waiting,
            "loads": self._loads,
            "loaded": list(self._loaded),
            "window_s": round(window, 6),
            "busy_s": round(self._area, 6),
            "busy_share": round(self._area / (self._slots * window), 6) if window > 0 else 0.0,
        }

    def close(self) -> None:
        """Stop loading."""
        if self._loading is not None:
            self._loading.cancel()

    def _pump(self) -> None:
        while self._waiting and self.in_flight < self._slots and self._loading is None:
            ticket = self._waiting[0]
            if ticket.left:
                self._waiting.popleft()
            elif ticket.model in self._loaded:
                self._waiting.popleft()
                self._admit(ticket)
            elif not self._make_room():
                return
            else:
                self._loads += 1
                ticket.load_s = self._load_s
                if self._load_s <= 0:
                    self._loaded[ticket.model] = None
                else:
                    loop = asyncio.get_running_loop()
                    self._loading = loop.call_later(self._load_s, self._has_loaded, ticket.model)

    def _admit(self, ticket: Ticket) -> None:
        self._account()
        ticket.entered = True
        self.waiting -= 1
        self.in_flight += 1
        self._max_in_flight = max(self._max_in_flight, self.in_flight)
        self._active[ticket.model] += 1
        self._loaded[ticket.model] = self._loaded.pop(ticket.model)
        if not ticket.ready.done():
            ticket.ready.set_result(None)

    def _make_room(self) -> bool:
        if len(self._loaded) < self._room:
            return True
        idle = next((model for model in self._loaded if not self._active[model]), None)
        if idle is None:
            return False
        del self._loaded[idle]
        return True

    def _has_loaded(self, model: str) -> None:
        self._loading = None
        self._loaded[model] = None
        self._pump()
        self._changed()

    def _account(self) -> None:
        now = self._now()
        if self._since is None:
            self._since = now
        else:
            self._area += self.in_flight * (now - self._last)
        self._last = now

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
