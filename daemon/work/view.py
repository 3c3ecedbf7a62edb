"""What a worker shows of itself at one moment: values for metrics, probes and tests."""

from __future__ import annotations

from dataclasses import dataclass

from daemon.work.affinity import Affinity
from daemon.work.breaker import Breaker
from daemon.work.loop import StageLoop
from daemon.work.slots import Slots
from db.types import Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopView:
    """One stage's loop. ``idle_s``: seconds since its last turn; ``waiting``: for a place, as long as a call takes."""

    stage: Stage
    rest: str | None  # why it rests; None while it drains
    tasks: int
    idle_s: float
    waiting: bool
    ended: bool  # it should run and does not


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointView:
    """One endpoint as this process uses it. ``wait_s``: until its breaker lets a probe through, 0 when closed.

    ``limit`` calls are made to it at once, up to ``most`` when it can take them; ``decreases``: when it could not.
    ``turn``: the model whose turn it is, None where all may be asked; ``evictions``: models of ours that its server
    was seen to push out of its memory for one another, None where nobody looks.
    """

    name: str
    limit: int
    most: int
    decreases: int
    calling: int
    places: int
    taken: int
    turn: str | None
    swaps: int
    evictions: int | None
    failures: int
    wait_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenerView:
    """Whether calls are heard, how many were, and how often the ear was deaf or its connection failed."""

    hears: bool
    failures: int
    calls: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerView:
    """The whole of it."""

    loops: tuple[LoopView, ...]
    endpoints: tuple[EndpointView, ...]
    held: int
    renewed_s: float  # since the last renewal of leases that came through, or since there was nothing to renew
    draining: bool
    stopping: bool
    woken: dict[str, int]  # by what the loops were woken: poll, save, notify
    listener: ListenerView | None  # None: it does not listen, and polls alone


def of_loop(loop: StageLoop, now: float, *, ended: bool) -> LoopView:
    """One stage's loop at ``now`` on the monotonic clock."""
    return LoopView(
        stage=loop.stage, rest=loop.rest, tasks=len(loop.tasks), idle_s=now - loop.turned_at, waiting=loop.waiting,
        ended=ended,
    )  # fmt: skip


def of_endpoint(name: str, slots: Slots, breaker: Breaker, affinity: Affinity | None) -> EndpointView:
    """One endpoint's slots, turns and breaker."""
    return EndpointView(
        name=name, limit=slots.limit, most=slots.most, decreases=slots.decreases, calling=slots.calling,
        places=slots.places, taken=slots.taken, turn=slots.turns.model, swaps=slots.swaps,
        evictions=affinity.sight.evictions if affinity else None, failures=breaker.failures, wait_s=breaker.wait_s(),
    )  # fmt: skip
