"""A daemon with a wrong clock, or whose event loop stands still: ``python -m tests.support.odd SECONDS run …``.

The clock is off by SECONDS from the first import on. SIGUSR1 blocks the main thread, and with it the event loop, for
``BLOCK_S`` seconds: whatever the loop should do in that time (renewals among it) is not done.
"""

from __future__ import annotations

import datetime as dt
import signal
import sys
import time

BLOCK_S = 5.0


def main() -> None:
    """Break what is to be broken, then run the command line."""
    shift(float(sys.argv.pop(1)))
    signal.signal(signal.SIGUSR1, lambda *_: time.sleep(BLOCK_S))
    from daemon.cli.main import run  # noqa: PLC0415 - the clock must be wrong before anybody asks it

    run()


def shift(seconds: float) -> None:
    """Every clock that tells the time of day is off from now on; those that only go forward are not."""
    if not seconds:
        return
    right, genuine = time.time, dt.datetime
    off = dt.timedelta(seconds=seconds)

    class Meta(type(genuine)):  # type: ignore[misc]
        def __instancecheck__(cls, instance: object) -> bool:
            return isinstance(instance, genuine)

    class Wrong(dt.datetime, metaclass=Meta):
        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> dt.datetime:  # type: ignore[override]
            return genuine.now(tz) + off

        @classmethod
        def utcnow(cls) -> dt.datetime:  # type: ignore[override]
            return genuine.now(dt.UTC).replace(tzinfo=None) + off

        @classmethod
        def today(cls) -> dt.datetime:  # type: ignore[override]
            return genuine.now() + off

    dt.datetime = Wrong  # type: ignore[misc]
    time.time = lambda: right() + seconds


if __name__ == "__main__":
    main()
