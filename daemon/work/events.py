"""What a worker tells those who watch it: progress bars, metrics, tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from daemon.llm.base import Completion
from db.types import Claim, ErrorClass, Outcome, Stage, State, TextDraft


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of a text model: how long it waited for its slot, how long it took, what came of it."""

    endpoint: str
    model: str
    waited_s: float
    seconds: float
    context_tokens: int  # of the model: what prompt and answer have to fit into
    completion: Completion | None = None
    error: BaseException | None = None


class Observer:
    """Is told what happens; overrides what it wants to know. Must return at once and never raise."""

    def claimed(self, stage: Stage, claims: Sequence[Claim], *, wanted: int, seconds: float) -> None:
        """A claim of up to ``wanted`` pieces brought these, and took so long."""

    def called(self, call: Call) -> None:
        """A text model was asked."""

    def wrote(self, stage: Stage, drafts: int, *, seconds: float, repeats: int) -> None:
        """So many drafts were saved together, after so many repetitions."""

    def saved(self, claim: Claim, outcome: Outcome, draft: TextDraft | None) -> None:
        """A save came back; ``draft`` is None for vectors."""

    def failed(self, claim: Claim, state: State | None, error_class: ErrorClass, message: str) -> None:
        """An attempt failed and its claim is now in ``state`` (None: it was lost before)."""

    def released(self, claims: Sequence[Claim], error_class: ErrorClass | None) -> None:
        """Claims were given back with their attempt refunded; None: the worker stops."""

    def lost(self, claim: Claim) -> None:
        """A renewal did not name it: somebody else has it, or nobody."""

    def rescued(self, stage: Stage, state: State) -> None:
        """This worker took back what a vanished one held; it is now in ``state``."""

    def unavailable(self, endpoint: str, message: str) -> None:
        """An endpoint could not be reached; its breaker is open."""


@dataclass(slots=True)
class Tally(Observer):
    """Counts what happened; the simplest observer."""

    texts: int = 0  # written by a model
    reused: int = 0  # taken from the ledger
    regenerations: int = 0
    flagged: int = 0
    vectors: int = 0  # chunks embedded
    outdated: int = 0
    lost_saves: int = 0
    failures: int = 0
    dead: int = 0
    prompt_tokens: int = 0
    output_tokens: int = 0
    last_error: str = ""

    def saved(self, claim: Claim, outcome: Outcome, draft: TextDraft | None) -> None:
        """Count by outcome and kind."""
        if outcome is Outcome.OUTDATED:
            self.outdated += 1
        elif outcome is Outcome.LOST:
            self.lost_saves += 1
        elif draft is None:
            self.vectors += 1
        elif draft.reused_from is not None:
            self.reused += 1
        else:
            self.texts += 1
            self.regenerations += draft.regenerations
            self.flagged += bool(draft.quality.get("flagged"))
            self.prompt_tokens += draft.prompt_tokens or 0
            self.output_tokens += draft.output_tokens or 0

    def failed(self, claim: Claim, state: State | None, error_class: ErrorClass, message: str) -> None:
        """Count failures, and those that were the last."""
        self.failures += 1
        self.dead += state is State.DEAD
        self.last_error = message

    def unavailable(self, endpoint: str, message: str) -> None:
        """Remember why."""
        self.last_error = message
