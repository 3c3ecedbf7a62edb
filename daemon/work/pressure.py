"""How many calls an endpoint is asked at once: fewer when it is full or grows slow, then one more per round."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

_HALF, _THREE_QUARTERS = 0.5, 0.75
_SLOW = 2.0  # times the best pace of as many calls at once
_FORGETS = 1.02  # per round, so that a server that stays slower is not punished for ever
_FEWEST = 16  # calls that a pace is judged by
_SILENT = 4  # one call in so many of a round without an answer is a server in trouble; fewer are the prompts' fault


@dataclass(slots=True)
class _Round:
    """Calls of one model since it was judged last."""

    calls: int = 0
    seconds: float = 0.0
    size: int = 0

    def pace(self) -> float:
        return self.seconds / self.size


class Limit:
    """Additive increase, multiplicative decrease (Chiu and Jain, 1989), between 1 and ``most``.

    It begins at ``most``: the operator knows the server better than a guess would. A refusal because the server is
    full halves it, and so do answers that never came when they are a quarter of a round (one alone is a prompt that
    makes the model ramble). An average pace (seconds per token of the answers) that is twice the best one of the same
    model *with as many calls at once* takes a quarter away: a server that works on many calls together is slower for
    each and faster for all, so other numbers of calls say nothing. As many answers as there are slots give one slot
    back. After a decrease only calls that began later count. ``clock`` counts seconds and never goes back.
    """

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.most = most
        self.now = most
        self.decreases = 0
        self._clock = clock
        self._since = float("-inf")
        self._best: dict[tuple[str, int], float] = {}
        self._rounds: dict[str, _Round] = {}
        self._answered = self._silent = 0

    def answered(self, began: float, model: str, size: int) -> bool:
        """A call that began then was answered, with so many tokens; whether the limit changed."""
        if began < self._since:
            return False
        before = self.now
        mine = self._rounds.setdefault(model, _Round())
        mine.calls, mine.size = mine.calls + 1, mine.size + max(1, size)
        mine.seconds += self._clock() - began
        self._answered += 1
        if mine.calls >= max(self.now, _FEWEST) and self._grew_slow(model, self._rounds.pop(model).pace()):
            self._lower(_THREE_QUARTERS)
        elif self._answered >= self.now:
            self._answered = self._silent = 0
            if self.now < self.most:
                self.now += 1
                self._rounds.clear()
        return self.now != before

    def refused(self, began: float) -> bool:
        """The server was full when a call came that began then; False when there is nothing left to lower."""
        if began < self._since:
            return True  # lowered since
        if self.now == 1:
            return False
        self._lower(_HALF)
        return True

    def silent(self, began: float) -> None:
        """A call that began then never got its answer."""
        if began < self._since:
            return
        self._silent += 1
        if self.now > 1 and self._silent >= max(2, self.now // _SILENT):
            self._lower(_HALF)

    def _grew_slow(self, model: str, pace: float) -> bool:
        best = min(pace, self._best.get((model, self.now), pace) * _FORGETS)
        self._best[model, self.now] = best
        return self.now > 1 and pace > _SLOW * best

    def _lower(self, share: float) -> None:
        self.now = max(1, int(self.now * share))
        self.decreases += 1
        self._since = self._clock()
        self._answered = self._silent = 0
        self._rounds.clear()
