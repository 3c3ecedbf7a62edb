"""Counters and histograms of what happens in this process, told by the worker; the door to prometheus_client."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)  # fmt: skip
from prometheus_client.gc_collector import GCCollector

import daemon
from daemon.errors import DoctownError
from daemon.llm.base import Completion, Finish
from daemon.work.events import Call, Observer
from db.types import Claim, ErrorClass, Outcome, Stage, State, TextDraft

_SHORT = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)  # statements
_CALL = (0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 40, 60, 120, 300)  # answers of models
_WAIT = (0.1, 1, 5, 15, 60, 300, 900, 3600, 4 * 3600, 24 * 3600, 7 * 24 * 3600)  # in the queue
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
_SPEEDS = (1, 2, 5, 10, 20, 40, 80, 160, 320, 640)  # tokens per second
_SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)
_ATTEMPTS = (1, 2, 3, 4, 5, 6, 8, 10)


class Counts(Observer):
    """An observer that keeps the figures; ``registry`` holds them for the exposition."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        # A series more for each of ours, that says when it began.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        self._clock = clock
        self._begun: dict[tuple[int, Stage, int], tuple[float, float]] = {}  # claim -> (when, waited before)
        ProcessCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        info = self._gauge("build_info", "The version that runs.", "version")
        info.labels(daemon.__version__).set(1)

        self.claims = self._counter("claims", "Claims, those that brought nothing among them.", "stage", "result")
        self.claimed_pieces = self._counter(
            "claimed", "Pieces claimed, by repository number.", "stage", "lane", "repo_id"
        )
        self.claim_seconds = self._histogram("claim_seconds", "Time of one claim.", _SHORT, "stage")
        self.claim_rows = self._histogram("claim_rows", "Pieces that one claim brought.", _SIZES, "stage")
        self.queue_seconds = self._histogram("queue_seconds", "From due to claimed.", _WAIT, "stage", "lane")
        self.run_seconds = self._histogram("run_seconds", "From claimed to saved or failed.", _CALL, "stage", "outcome")
        self.total_seconds = self._histogram("total_seconds", "From due to saved.", _WAIT, "stage")
        self.attempts = self._histogram("attempts", "Attempts that a saved piece took.", _ATTEMPTS, "stage")
        self.outcomes = self._counter(
            "outcomes", "What became of claims: saved, reused, outdated, stale, retry, dead, released.", "stage",
            "outcome", "error_class",
        )  # fmt: skip
        self.rescues = self._counter("rescues", "Pieces taken back from vanished workers.", "stage", "state")
        self.leases_lost = self._counter("leases_lost", "Leases that a renewal no longer named.", "stage")
        self.stale_saves = self._counter("stale_saves_rejected", "Saves refused because the claim was lost.", "stage")
        self.save_seconds = self._histogram(
            "save_seconds", "Time of one save of a group, repetitions included.", _SHORT, "stage"
        )
        self.save_rows = self._histogram("save_rows", "Drafts saved together.", _SIZES, "stage")
        self.save_repeats = self._counter(
            "save_repeats", "Saves repeated: busy, or the answer to COMMIT was lost.", "stage"
        )
        self.calls = self._counter("calls", "Calls of text models by what came of them.", "model", "result")
        self.call_seconds = self._histogram("call_seconds", "Time of one call.", _CALL, "model")
        self.slot_wait_seconds = self._histogram(
            "slot_wait_seconds", "Waiting for a slot of the endpoint.", _CALL, "model"
        )
        self.first_token_seconds = self._histogram(
            "first_token_seconds", "Until the first piece of an answer.", _CALL, "model"
        )
        self.token_speed = self._histogram(
            "tokens_per_second", "Speed of one answer, after its first piece where it is known.", _SPEEDS, "model"
        )
        self.tokens = self._counter("tokens", "Tokens by kind: prompt, output.", "model", "kind")
        self.context_share = self._histogram(
            "context_used_ratio", "Prompt and answer / context window.", _SHARES, "model"
        )
        self.regenerations = self._counter("regenerations", "Answers that guards sent back.", "stage")
        self.flagged = self._counter("flagged", "Texts saved although a guard objected.", "stage")
        self.unavailable_total = self._counter(
            "endpoint_failures", "Times that an endpoint could not be reached.", "endpoint"
        )

    # -- what the worker tells -----------------------------------------------------------------------------

    def claimed(self, stage: Stage, claims: Sequence[Claim], *, wanted: int, seconds: float) -> None:
        """Count it, and remember when each began."""
        self.claims.labels(stage, "some" if claims else "empty").inc()
        self.claim_seconds.labels(stage).observe(seconds)
        if claims:
            self.claim_rows.labels(stage).observe(len(claims))
        now = self._clock()
        for claim in claims:
            lane = claim.lane.name.lower()
            self.claimed_pieces.labels(stage, lane, claim.repo_id).inc()
            self.queue_seconds.labels(stage, lane).observe(claim.waited_s)
            self._begun[_key(claim)] = (now, claim.waited_s)

    def called(self, call: Call) -> None:
        """Time, speed, size and result of one call."""
        self.calls.labels(call.model, _result(call)).inc()
        self.slot_wait_seconds.labels(call.model).observe(call.waited_s)
        self.call_seconds.labels(call.model).observe(call.seconds)
        if call.completion is not None:
            self._answered(call, call.completion)

    def _answered(self, call: Call, answer: Completion) -> None:
        first_s = None if answer.first_token_ms is None else answer.first_token_ms / 1000
        if first_s is not None:
            self.first_token_seconds.labels(call.model).observe(first_s)
        if answer.output_tokens is not None:
            self.tokens.labels(call.model, "output").inc(answer.output_tokens)
            writing_s = call.seconds - (first_s or 0.0)
            if writing_s > 0 and answer.output_tokens > 1:
                self.token_speed.labels(call.model).observe(answer.output_tokens / writing_s)
        if answer.prompt_tokens is not None:
            self.tokens.labels(call.model, "prompt").inc(answer.prompt_tokens)
            used = answer.prompt_tokens + (answer.output_tokens or 0)
            self.context_share.labels(call.model).observe(used / call.context_tokens)

    def wrote(self, stage: Stage, drafts: int, *, seconds: float, repeats: int) -> None:
        """One save of a group."""
        self.save_seconds.labels(stage).observe(seconds)
        self.save_rows.labels(stage).observe(drafts)
        self.save_repeats.labels(stage).inc(repeats)

    def saved(self, claim: Claim, outcome: Outcome, draft: TextDraft | None) -> None:
        """One claim is through."""
        name = {Outcome.SAVED: "saved", Outcome.OUTDATED: "outdated", Outcome.LOST: "stale"}[outcome]
        if outcome is Outcome.SAVED and draft is not None and draft.reused_from is not None:
            name = "reused"
        if outcome is Outcome.LOST:
            self.stale_saves.labels(claim.stage).inc()
        elif outcome is Outcome.SAVED:
            self.attempts.labels(claim.stage).observe(claim.attempts)
        if draft is not None:
            self.regenerations.labels(claim.stage).inc(draft.regenerations)
            self.flagged.labels(claim.stage).inc(bool(draft.quality.get("flagged")))
        self._over(claim, name, "")

    def failed(self, claim: Claim, state: State | None, error_class: ErrorClass, message: str) -> None:
        """One attempt came to nothing."""
        names = {State.DEAD: "dead", State.RETRYING: "retry", None: "stale"}
        self._over(claim, names.get(state, str(state)), str(error_class))

    def released(self, claims: Sequence[Claim], error_class: ErrorClass | None) -> None:
        """Given back with the attempt refunded."""
        for claim in claims:
            self._over(claim, "released", str(error_class or "stop"))

    def lost(self, claim: Claim) -> None:
        """Its lease is somebody else's."""
        self.leases_lost.labels(claim.stage).inc()
        self._begun.pop(_key(claim), None)

    def rescued(self, stage: Stage, state: State) -> None:
        """Taken back from a vanished worker."""
        self.rescues.labels(stage, state).inc()

    def unavailable(self, endpoint: str, message: str) -> None:
        """An endpoint is away."""
        self.unavailable_total.labels(endpoint).inc()

    def _over(self, claim: Claim, outcome: str, error_class: str) -> None:
        self.outcomes.labels(claim.stage, outcome, error_class).inc()
        begun = self._begun.pop(_key(claim), None)
        if begun is not None:
            ran_s = self._clock() - begun[0]
            self.run_seconds.labels(claim.stage, outcome).observe(ran_s)
            if outcome in {"saved", "reused"}:
                self.total_seconds.labels(claim.stage).observe(begun[1] + ran_s)

    # -- making them ---------------------------------------------------------------------------------------

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"doctown_{name}", text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"doctown_{name}", text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str, buckets: Sequence[float], *labels: str) -> Histogram:
        return Histogram(f"doctown_{name}", text, labels, registry=self.registry, buckets=buckets)


def _key(claim: Claim) -> tuple[int, Stage, int]:
    return claim.chunk_id, claim.stage, claim.fence


def _result(call: Call) -> str:
    """ok, length, empty; else the name of the error: ModelTimeout, ModelUnavailable, cancelled, ..."""
    if call.completion is None:
        return type(call.error).__name__ if isinstance(call.error, DoctownError) else "cancelled"
    if call.completion.finish is Finish.LENGTH:
        return "length"
    return "ok" if call.completion.text.strip() else "empty"
