"""Pure decisions of the two probes: does this process live, and may work be expected of it."""

from __future__ import annotations

from dataclasses import dataclass

from daemon.llm.base import Health
from daemon.work.view import WorkerView


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at."""

    name: str
    ok: bool
    found: str


def live(view: WorkerView, *, patience_s: float) -> list[Check]:
    """The event loop turns, or nobody would answer; each stage's loop has turned within ``patience_s``.

    A loop that waits for a free place is well: it may wait as long as a call takes, and calls have a deadline. What
    the database or a model does wrong is no reason to restart a process: that is for readiness.
    """
    checks = [Check(name="event loop", ok=True, found="answers")]
    for loop in view.loops:
        stuck = not loop.waiting and loop.idle_s > patience_s
        if loop.ended and not view.stopping:
            found = "has ended"
        elif stuck:
            found = f"no turn for {loop.idle_s:.0f} s, {patience_s:.0f} s are patience enough"
        else:
            found = "waits for a place" if loop.waiting else f"turned {loop.idle_s:.1f} s ago"
        checks.append(Check(name=f"loop {loop.stage}", ok=not stuck and (view.stopping or not loop.ended), found=found))
    return checks


def at_work(view: WorkerView) -> Check:
    """Neither stopping nor drained by an administrator."""
    if view.stopping:
        return Check(name="worker", ok=False, found="is stopping")
    if view.draining:
        return Check(name="worker", ok=False, found="is drained: `doctown drain --undo` lets it work again")
    return Check(name="worker", ok=True, found="claims work")


def migrations(revision: str, compatible_since: str, head: str) -> Check:
    """The tables are this program's, or newer ones that suit it still."""
    if revision == head:
        return Check(name="migrations", ok=True, found=f"at revision {head}")
    if revision > head >= compatible_since:
        return Check(
            name="migrations", ok=True, found=f"at revision {revision}, which suits this program's {head} still"
        )
    return Check(name="migrations", ok=False, found=f"at revision {revision}, this program needs {head}")


def model(name: str, health: Health) -> Check:
    """A model of a stage could answer."""
    return Check(name=f"model of {name}", ok=health.ok, found=health.summary)
