"""A circuit breaker per endpoint: after it could not be reached it is left alone, then probed by one call."""

from __future__ import annotations

import time
from collections.abc import Callable

_LONGEST_FACTOR = 8  # the pause doubles with every failed probe up to this multiple


class Breaker:
    """Closed (calls pass), open (none do, until a time), half-open (one probe decides).

    ``clock`` counts seconds and never goes back; it is the process's own, nothing shared depends on it.
    """

    def __init__(self, pause_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._pause_s = pause_s
        self._clock = clock
        self._failures = 0
        self._until = 0.0
        self._probing = False
        self.reason = ""

    @property
    def failures(self) -> int:
        """How often in a row the endpoint could not be reached."""
        return self._failures

    def allowance(self, wanted: int) -> int:
        """How many of ``wanted`` calls may start now: all, one (the probe), or none."""
        if self._failures == 0:
            return wanted
        if self._clock() < self._until or self._probing:
            return 0
        return min(wanted, 1)

    def probing(self) -> None:
        """The probe was claimed: nobody else starts until it is back."""
        if self._failures:
            self._probing = True

    def succeeded(self) -> None:
        """The endpoint answered."""
        self._failures = 0
        self._probing = False
        self.reason = ""

    def failed(self, reason: str, retry_after: float | None = None) -> None:
        """The endpoint could not be reached. Failures of calls that started together count once."""
        self._probing = False
        self.reason = reason
        now = self._clock()
        if now < self._until:
            return
        self._failures += 1
        factor = min(2 ** (self._failures - 1), _LONGEST_FACTOR)
        self._until = now + max(self._pause_s * factor, retry_after or 0.0)

    def released(self) -> None:
        """The probe came back without a verdict (its claim was cancelled)."""
        self._probing = False

    def wait_s(self) -> float:
        """Seconds until a probe may start; 0 when calls may pass."""
        return max(0.0, self._until - self._clock()) if self._failures else 0.0
