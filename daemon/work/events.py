"""What a worker tells those who watch it: progress bars, tests, later metrics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from db.types import Claim, Outcome, Stage, State, TextDraft


class Observer(Protocol):
    """Is told what happens; must return at once and never raise."""

    def claimed(self, stage: Stage, count: int) -> None:
        """``count`` pieces were taken."""

    def saved(self, claim: Claim, outcome: Outcome, draft: TextDraft | None) -> None:
        """A save came back; ``draft`` is None for vectors."""

    def failed(self, claim: Claim, state: State | None, message: str) -> None:
        """An attempt failed and its claim is now in ``state`` (None: it was lost before)."""

    def unavailable(self, endpoint: str, message: str) -> None:
        """An endpoint could not be reached; its breaker is open."""


@dataclass(slots=True)
class Tally:
    """Counts what happened; the simplest observer."""

    texts: int = 0  # written by a model
    reused: int = 0  # taken from the ledger
    regenerations: int = 0
    flagged: int = 0
    vectors: int = 0  # chunks embedded
    outdated: int = 0
    lost: int = 0
    failures: int = 0
    dead: int = 0
    prompt_tokens: int = 0
    output_tokens: int = 0
    last_error: str = ""

    def claimed(self, stage: Stage, count: int) -> None:
        """Nothing to count."""

    def saved(self, claim: Claim, outcome: Outcome, draft: TextDraft | None) -> None:
        """Count by outcome and kind."""
        if outcome is Outcome.OUTDATED:
            self.outdated += 1
        elif outcome is Outcome.LOST:
            self.lost += 1
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

    def failed(self, claim: Claim, state: State | None, message: str) -> None:
        """Count failures, and those that were the last."""
        self.failures += 1
        self.dead += state is State.DEAD
        self.last_error = message

    def unavailable(self, endpoint: str, message: str) -> None:
        """Remember why."""
        self.last_error = message
