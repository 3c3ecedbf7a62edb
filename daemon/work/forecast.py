"""PLAN: what writing everything that is due would take: calls, texts from the ledger, tokens, time."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from db.plan import Cost
from db.types import Reason, Stage

_FEWEST = 3  # texts of one size that a median may be taken from


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A text that is to be written.

    ``served``: the ledger has it. ``sure``: it is due; else it follows only if what it is made from comes out
    different.
    """

    repo: str
    stage: Stage
    reason: str
    chars: int
    served: bool = False
    sure: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What is to be written in a repository by one stage for one reason."""

    repo: str
    stage: Stage
    reason: str
    texts: int
    ledger: int
    calls: int  # that are sure
    following: int  # calls more, at most


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """Where a stage's calls go: ``slots`` is how many at once."""

    model: str
    endpoint: str
    slots: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """The whole plan. Tokens and seconds are those of all calls, the following ones included; None: no history yet.

    ``without_history`` are the calls of stages and models that have written nothing so far: they are not estimated.
    """

    lines: tuple[Line, ...]
    calls: int
    following: int
    ledger: int
    prompt_tokens: int | None
    output_tokens: int | None
    seconds: float | None
    without_history: int
    gone: int = 0  # pieces that are no longer there
    notes: tuple[str, ...] = field(default=())

    @property
    def at_most(self) -> int:
        """Calls, if every text comes out different from the old one."""
        return self.calls + self.following


def forecast(
    pieces: Sequence[Piece], costs: Iterable[Cost], seats: Mapping[Stage, Seat], *, gone: int = 0,
    notes: Sequence[str] = (),
) -> Forecast:  # fmt: skip
    """Add up.

    Time: the medians of what such texts took, divided by the slots of each endpoint; endpoints work side by side,
    stages of one endpoint one after the other.
    """
    known = {(cost.stage, cost.model, cost.size): cost for cost in costs}
    groups: defaultdict[tuple[str, Stage, str], list[Piece]] = defaultdict(list)
    for piece in pieces:
        groups[piece.repo, piece.stage, piece.reason].append(piece)
    spent: defaultdict[str, float] = defaultdict(float)
    tokens_in = tokens_out = 0.0
    unknown = estimated = 0
    for piece in pieces:
        if piece.served:
            continue
        seat = seats[piece.stage]
        cost = _cost(known, piece, seat.model)
        if cost is None:
            unknown += 1
            continue
        estimated += 1
        tokens_in += cost.prompt_tokens or 0
        tokens_out += cost.output_tokens or 0
        spent[seat.endpoint] += cost.duration_ms / 1000 / max(1, seat.slots)
    lines = tuple(
        Line(
            repo=repo, stage=stage, reason=reason, texts=len(group), ledger=sum(one.served for one in group),
            calls=sum(one.sure and not one.served for one in group),
            following=sum(not one.sure and not one.served for one in group),
        )
        for (repo, stage, reason), group in sorted(groups.items(), key=_order)
    )  # fmt: skip
    told = estimated > 0 or not unknown
    return Forecast(
        lines=lines, calls=sum(line.calls for line in lines), following=sum(line.following for line in lines),
        ledger=sum(line.ledger for line in lines), prompt_tokens=round(tokens_in) if told else None,
        output_tokens=round(tokens_out) if told else None, seconds=max(spent.values(), default=0.0) if told else None,
        without_history=unknown, gone=gone, notes=tuple(notes),
    )  # fmt: skip


def _order(entry: tuple[tuple[str, Stage, str], list[Piece]]) -> tuple[str, int, str]:
    (repo, stage, reason), _ = entry
    return repo, list(Stage).index(stage), reason


def _cost(known: Mapping[tuple[Stage, str, int | None], Cost], piece: Piece, model: str) -> Cost | None:
    """Of texts from sources of the same size, where there are enough of them; else of all of that stage and model."""
    alike = known.get((piece.stage, model, size_of(piece.chars)))
    if alike is not None and alike.texts >= _FEWEST:
        return alike
    return known.get((piece.stage, model, None))


def size_of(chars: int) -> int:
    """The power of two that a number of characters lies above: 1000 is of size 9."""
    return int(math.log2(max(1, chars)))


def from_changes(
    repo: str, rows: Iterable[tuple[str, int, bool, bool]], *, stages: Sequence[Stage]
) -> list[Piece]:  # fmt: skip
    """Pieces for (reason, characters, served, sure) of technical texts, with the texts that would follow them."""
    found = []
    for reason, chars, served, sure in rows:
        found.append(Piece(repo=repo, stage=Stage.CODER, reason=reason, chars=chars, served=served, sure=sure))
        # Where the ledger has the technical text it has, as a rule, what was made from it.
        found += [
            Piece(repo=repo, stage=stage, reason=_following(reason), chars=chars, served=served, sure=False)
            for stage in stages
            if stage in {Stage.TALKER, Stage.INSTRUCT}
        ]
    return found


def _following(reason: str) -> str:
    return Reason.NEW if reason == Reason.NEW else Reason.RAW_CHANGED
