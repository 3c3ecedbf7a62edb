"""Whether the models of one server fit into its memory together, read from the server: if not, they take turns."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from daemon import log
from daemon.errors import ModelError
from daemon.llm.base import Resident
from daemon.work.slots import Slots
from daemon.work.turns import DWELL_S

_LOOK_S = 10.0  # between two looks at a server; loading 9 GB takes longer
_TRIAL_S = 60.0  # the longest turn while nobody knows yet: the first change of models is what shows it
_HOLD_S = 60.0  # so long a turn is nobody else's business: its model may still be on its way into memory
_FIRST_S = 3.0
_FORGET = 6  # looks in a row that show none of ours: what was there before says nothing any more

Ask = Callable[[], Awaitable[tuple[Resident, ...] | None]]


class Fit(StrEnum):
    """What is known of an endpoint's models and its server's memory."""

    UNKNOWN = "unknown"
    TOGETHER = "together"
    APART = "apart"


@dataclass(frozen=True, slots=True)
class Sight:
    """What looks at a server have shown so far. ``here``: those of our models that it held when it last held any."""

    fit: Fit = Fit.UNKNOWN
    here: Mapping[str, Resident] = field(default_factory=dict)
    evictions: int = 0
    empty: int = 0  # looks since then


def judge(before: Sight, residents: Iterable[Resident], ours: frozenset[str]) -> Sight:
    """What one more look says.

    They fit together when all of ours are there, all of them wholly in the GPU's memory, or all of them outside it.
    They do not when one of them came and another went, or when one found only half its room. One that is not there
    and was not pushed out may just not have been asked yet: that says nothing.
    """
    listed = list(residents)
    here = {name: one for name in ours for one in listed if one.is_called(name)}
    if not here:
        empty = before.empty + 1
        return replace(before, empty=empty, here=before.here if empty < _FORGET else {})
    gone, came = before.here.keys() - here.keys(), here.keys() - before.here.keys()
    pushed_out = len(gone) if came else 0
    fit = before.fit
    if pushed_out or any(one.spilled for one in here.values()):
        fit = Fit.APART
    elif here.keys() == ours:
        fit = Fit.TOGETHER if len({one.on_gpu > 0 for one in here.values()}) == 1 else Fit.APART
    return Sight(fit, here, before.evictions + pushed_out)


def intruder(sight: Sight, model: str | None, age_s: float) -> str | None:
    """Which of ours sits in the memory although it is ``model``'s turn: another daemon has begun the next turn.

    A turn shorter than a load is not judged: what it loads may still be on its way.
    """
    if sight.fit is Fit.TOGETHER or sight.empty or model is None or model in sight.here or age_s < _HOLD_S:
        return None
    return next(iter(sorted(sight.here)), None)


class Affinity:
    """Looks at the server of one endpoint now and then, and lets its models work side by side or in turns.

    ``models`` are those that this process asks it for. Until the server has shown whether they fit, they take turns,
    short ones. Daemons that share a server follow what it holds: the one in its memory has the first turn, and who
    finds that another one has taken its place ends the turn.
    """

    def __init__(self, endpoint: str, models: Iterable[str], slots: Slots, ask: Ask) -> None:
        self._endpoint = endpoint
        self._models = frozenset(models)
        self._slots = slots
        self._ask = ask
        self._told = True
        self.sight = Sight()

    @property
    def fit(self) -> Fit:
        """What is known by now."""
        return self.sight.fit

    async def look(self) -> None:
        """One look, and what follows from it. A server that is away or tells nothing changes nothing."""
        try:
            residents = await self._ask()
        except ModelError as error:
            log.get("affinity").debug("server not seen", endpoint=self._endpoint, error=str(error))
            return
        if residents is None:
            self._told = False
            self._slots.plan(turns=True)
            return
        before, self.sight = self.sight, judge(self.sight, residents, self._models)
        turns = self._slots.turns
        if self.fit is not before.fit:
            log.get("affinity").info(
                "models fit together" if self.fit is Fit.TOGETHER else "models take turns",
                endpoint=self._endpoint, models=sorted(self._models), in_memory=sorted(self.sight.here),
            )  # fmt: skip
        self._slots.plan(turns=self.fit is not Fit.TOGETHER, dwell_s=_TRIAL_S if self.fit is Fit.UNKNOWN else DWELL_S)
        if len(self.sight.here) == 1:
            turns.begin(next(iter(self.sight.here)))
        other = intruder(self.sight, turns.model, turns.age_s)
        if other is not None:
            log.get("affinity").info("turn ended by another daemon", endpoint=self._endpoint, in_memory=other)
            turns.end()

    async def begin(self) -> None:
        """The first look, which knows who has the first turn; work does not wait long for it."""
        try:
            async with asyncio.timeout(_FIRST_S):
                await self.look()
        except TimeoutError:
            return

    async def run(self, quiet: asyncio.Event, every_s: float = _LOOK_S) -> None:
        """Look until ``quiet``; a server that tells nothing is left alone after the first look."""
        while not quiet.is_set():
            try:
                await asyncio.wait_for(quiet.wait(), every_s)
            except TimeoutError:
                if self._told:
                    await self.look()
