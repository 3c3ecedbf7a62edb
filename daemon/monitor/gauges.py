"""How things stand at the moment of a scrape: the worker, the pool, the event loop, the database, the budget."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from daemon.work.view import ListenerView, WorkerView
from db.budget import Use
from db.figures import Figures, Pieces
from db.session import Pool
from db.types import Lane, State


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """All that gauges are made of; what the database tells is None while it is away."""

    worker: WorkerView
    pool: Pool
    loop_lag_s: float
    ready: bool
    figures: Figures | None = None
    uses: tuple[Use, ...] = ()
    sampled_s: float | None = None  # the age of what the database told


class Gauges(Collector):
    """Turns the latest moment into metrics; ``moment`` is set before every exposition."""

    def __init__(self) -> None:
        self.moment: Moment | None = None

    def describe(self) -> Iterable[Metric]:
        """Nothing: names are known when there is a moment."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Every gauge of the latest moment."""
        if self.moment is None:
            return
        yield from _process(self.moment)
        if self.moment.figures is not None:
            yield from _queue(self.moment.figures)
            yield from _followed(self.moment.figures)
            yield from _tables(self.moment.figures)
        yield from _budget(self.moment.uses)


def _gauge(name: str, text: str, labels: Iterable[str], rows: Iterable[tuple[Iterable[str], float]]) -> Metric:
    family = GaugeMetricFamily(f"doctown_{name}", text, labels=tuple(labels))
    for values, number in rows:
        family.add_metric(tuple(values), number)
    return family


def _counter(name: str, text: str, labels: Iterable[str], rows: Iterable[tuple[Iterable[str], float]]) -> Metric:
    family = CounterMetricFamily(f"doctown_{name}", text, labels=tuple(labels))
    for values, number in rows:
        family.add_metric(tuple(values), number)
    return family


def _process(now: Moment) -> Iterator[Metric]:
    worker, ends = now.worker, now.worker.endpoints
    yield _gauge("ready", "1 when the readiness probe says yes.", (), [((), now.ready)])
    yield _gauge("database_up", "1 when the last look at the database succeeded.", (), [((), now.figures is not None)])
    if now.sampled_s is not None:
        yield _gauge("sample_age_seconds", "Age of the figures read from the database.", (), [((), now.sampled_s)])
    yield _gauge("event_loop_lag_seconds", "Longest delay of the event loop lately.", (), [((), now.loop_lag_s)])
    yield _gauge("draining", "1 while an administrator lets this worker claim nothing.", (), [((), worker.draining)])
    yield _gauge("held", "Pieces that this worker holds.", (), [((), worker.held)])
    yield _gauge("renewal_age_seconds", "Since leases were last renewed.", (), [((), worker.renewed_s)])
    yield _gauge(
        "loop_turn_age_seconds", "Since the last turn of a stage's loop, 0 while it waits for a place.", ["stage"],
        [((str(loop.stage),), 0.0 if loop.waiting else loop.idle_s) for loop in worker.loops],
    )  # fmt: skip
    yield _counter(
        "wakes", "What woke the loops: poll, save, notify.", ["by"], [((b,), n) for b, n in worker.woken.items()]
    )
    yield _gauge(
        "slots", "Calls that may be under way at an endpoint.", ["endpoint"], [((e.name,), e.limit) for e in ends]
    )
    yield from _listener(worker.listener)
    yield _gauge("slots_most", "Slots when all is well.", ["endpoint"], [((e.name,), e.most) for e in ends])
    yield _counter(
        "slot_decreases",
        "Times that an endpoint had too much to do and was asked less at once.",
        ["endpoint"],
        [((e.name,), e.decreases) for e in ends],
    )
    yield _gauge("slots_busy", "Calls under way.", ["endpoint"], [((e.name,), e.calling) for e in ends])
    yield _counter(
        "model_swaps",
        "Times that an endpoint went over to another model.",
        ["endpoint"],
        [((e.name,), e.swaps) for e in ends],
    )
    yield _counter(
        "model_evictions",
        "Models that an endpoint's server was seen to push out of its memory for another one of ours.",
        ["endpoint"],
        [((e.name,), e.evictions) for e in ends if e.evictions is not None],
    )
    yield _gauge(
        "model_turn", "1 for the model whose turn it is; none where models work side by side.", ["endpoint", "model"],
        [((e.name, e.turn), 1) for e in ends if e.turn is not None],
    )  # fmt: skip
    yield _gauge(
        "breaker_open", "1 while an endpoint is left alone.", ["endpoint"], [((e.name,), e.failures > 0) for e in ends]
    )
    yield _gauge("breaker_failures", "Failures in a row.", ["endpoint"], [((e.name,), e.failures) for e in ends])
    yield _gauge("pool_size", "Connections that this process may have.", (), [((), now.pool.size)])
    yield _gauge("pool_in_use", "Connections in use.", (), [((), now.pool.in_use)])
    yield _gauge("pool_waiting", "Who waits for a connection.", (), [((), now.pool.waiting)])
    yield _counter("connections_opened", "Connections opened since the start.", (), [((), now.pool.opened)])


def _listener(ear: ListenerView | None) -> Iterator[Metric]:
    ears = [] if ear is None else [ear]  # a run that ends by itself listens to nobody
    yield _gauge("listener_up", "1 while calls for new work are heard; 0: polling.", (), [((), e.hears) for e in ears])
    yield _counter(
        "listener_failures", "The ear was deaf or its connection failed.", (), [((), e.failures) for e in ears]
    )
    yield _counter("notifications", "Calls for new work that were heard.", (), [((), e.calls) for e in ears])


def _queue(figures: Figures) -> Iterator[Metric]:
    yield _gauge(
        "pieces", "Unfinished pieces by repository, stage, lane and state.", ["repo", "stage", "lane", "state"],
        [((one.repo, one.stage, _lane(one), one.state), one.count) for one in figures.pieces],
    )  # fmt: skip
    yield _gauge(
        "oldest_due_seconds", "How long the longest waiting piece has been due.", ["repo", "stage", "lane"],
        [((one.repo, one.stage, _lane(one)), one.oldest_s) for one in figures.pieces if one.state == State.DUE],
    )  # fmt: skip
    leases = [one.oldest_s for one in figures.pieces if one.state == State.LEASED]
    yield _gauge(
        "oldest_lease_seconds", "Since the longest held piece was claimed.", (), [((), max(leases, default=0))]
    )
    yield _gauge("dead", "Pieces given up, by reason.", ["stage", "error_class"], figures.dead_by_class.items())
    yield _gauge("workers", "Workers on this database.", ["state"], [((s,), n) for s, n in figures.workers.items()])
    yield _gauge("paused", "1 where nothing is claimed.", ["repo"], [((r,), p) for r, p in figures.paused.items()])
    yield _gauge("everything_paused", "1 while nothing at all is claimed.", (), [((), figures.everything_paused)])
    yield _gauge(
        "repository_info",
        "Names of the repositories whose numbers counters bear.",
        ["repo_id", "repo"],
        [((str(k), n), 1) for k, n in figures.repos.items()],
    )


def _followed(figures: Figures) -> Iterator[Metric]:
    yield _gauge(
        "follow_overdue_seconds", "How long a followed repository has been due.", ["repo"],
        [((repo,), overdue_s) for repo, (overdue_s, _) in figures.followed.items()],
    )  # fmt: skip
    yield _gauge(
        "follow_failures", "Times in a row that a repository could not be followed.", ["repo"],
        [((repo,), failures) for repo, (_, failures) in figures.followed.items()],
    )  # fmt: skip


def _tables(figures: Figures) -> Iterator[Metric]:
    health = figures.tables
    yield _gauge(
        "table_rows",
        "Rows of a table, as the statistics have it.",
        ["table", "kind"],
        [((t.table, kind), n) for t in health for kind, n in (("live", t.live), ("dead", t.dead))],
    )
    yield _counter("table_updates", "Updated rows.", ["table"], [((t.table,), t.updates) for t in health])
    yield _counter(
        "table_hot_updates",
        "Updated rows that touched no index.",
        ["table"],
        [((t.table,), t.hot_updates) for t in health],
    )
    yield _gauge("table_bytes", "Size with indexes.", ["table"], [((t.table,), t.total_bytes) for t in health])
    yield _gauge(
        "vacuum_age_seconds",
        "Since a table was vacuumed.",
        ["table"],
        [((t.table,), t.vacuum_s) for t in health if t.vacuum_s is not None],
    )
    yield _gauge(
        "oldest_transaction_seconds",
        "Age of the oldest transaction on this database.",
        (),
        [((), figures.oldest_transaction_s)],
    )
    yield _gauge(
        "oldest_xmin_transactions",
        "How far the oldest snapshot is behind: vacuum cannot clean beyond it.",
        (),
        [((), figures.oldest_xmin)],
    )
    yield _counter("wal_bytes", "WAL that the server has written.", (), [((), figures.wal_bytes)])
    yield _gauge("database_connections", "Connections to this database.", (), [((), figures.connections)])


def _budget(uses: tuple[Use, ...]) -> Iterator[Metric]:
    used, most = [], []
    for one in uses:
        scope = one.repo or "*"
        for name in ("calls", "tokens", "seconds"):
            used.append(((scope, name), float(getattr(one, name))))
            limit = getattr(one.limits, name)
            if limit is not None:
                most.append(((scope, name), float(limit)))
    yield _gauge("budget_used", "Used today, `*` for all repositories together.", ["repo", "figure"], used)
    yield _gauge("budget_limit", "What may be used in a day.", ["repo", "figure"], most)
    yield _gauge(
        "budget_waiting",
        "1 where work waits for the day to turn.",
        ["repo"],
        [((one.repo or "*",), one.until is not None) for one in uses],
    )


def _lane(piece: Pieces) -> str:
    return Lane(piece.lane).name.lower()
