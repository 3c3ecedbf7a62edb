"""The faults that a trusted queue is tried with, each with a place: what a run did of them, by kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One line of the list; ``kinds`` are the beginnings of the names under which the yards count it."""

    number: int
    name: str
    kinds: tuple[str, ...] = ()
    elsewhere: str = ""  # where it is, when it is no fault that a yard counts


FAULTS = (
    Fault(number=1, name="SIGKILL at every seam", kinds=("killed at", "killed while", "process killed")),
    Fault(number=2, name="SIGSTOP for longer than a lease, SIGCONT", kinds=("process frozen",)),
    Fault(number=3, name="sessions ended by the server", kinds=("session ended",)),
    Fault(number=4, name="Postgres stopped at once", kinds=("server stopped", "server gone")),
    Fault(
        number=5, name="lines cut, half-open, silent, slow, refused",
        kinds=("connection ", "line slow", "database out of reach"),
    ),
    Fault(number=6, name="the model server away, full, hanging, talking nonsense", kinds=("model ", "call that was")),
    Fault(number=7, name="a chunk that kills its worker", kinds=("killed by a poisonous chunk",)),
    Fault(number=8, name="the event loop blocked for longer than a lease", kinds=("event loop blocked",)),
    Fault(number=9, name="clocks an hour off", kinds=("clock off",)),
    Fault(number=10, name="sources and texts changed during the call", kinds=("source edited", "row changed by hand")),
    Fault(number=11, name="a snapshot held open, rows locked by others", kinds=("snapshot held", "rows locked")),
    Fault(number=12, name="the listener alone, and PgBouncer in transaction mode", kinds=("listener", "pooler")),
    Fault(
        number=13, name="disk full, read-only after a failover, no connection left",
        kinds=("disk full", "server read-only", "no connection left"),
    ),
    Fault(number=14, name="SIGTERM under load", kinds=("stopped under load", "process stopped")),
    Fault(number=15, name="two writers of one row, in a set order", kinds=("race: ",)),
    Fault(number=16, name="requeue meets requeue", kinds=("requeue meets requeue",)),
    Fault(number=17, name="a noisy repository beside a small one", kinds=("neighbour with",)),
    Fault(number=18, name="millions of rows, plans guarded", elsewhere="tests/integration/test_claim.py, benchmarks"),
    Fault(number=19, name="the protocol as a state machine", elsewhere="the steps below"),
    Fault(number=20, name="the protocol in TLA+", elsewhere="not written: 19 runs the SQL itself"),
)  # fmt: skip


def listed(kinds: Mapping[str, int]) -> list[str]:
    """The list with its counts, and under each fault what was counted; a kind that belongs to none is an error."""
    left = dict(kinds)
    lines = []
    for fault in FAULTS:
        mine = {kind: count for kind, count in sorted(left.items()) if kind.startswith(fault.kinds or ("\0",))}
        for kind in mine:
            del left[kind]
        told = fault.elsewhere or f"{sum(mine.values())}"
        lines.append(f"{fault.number:2}  {fault.name:58} {told:>6}")
        lines += [f"      {kind:56} {count:6}" for kind, count in mine.items()]
    if left:
        raise ValueError(f"no fault of the list has these kinds: {', '.join(sorted(left))}")
    return lines
