"""Metrics and probes of a worker, and that the dashboard and the alerts name nothing that is not exported."""

from __future__ import annotations

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import promql_parser
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from daemon.bootstrap import App
from daemon.errors import ConfigError, ModelFailed, ModelUnavailable, PromptTooLong
from daemon.llm.base import Health
from daemon.llm.scripted import Answer, ScriptedModel, well_formed
from daemon.monitor.counts import Counts
from daemon.work.events import Tally
from daemon.work.worker import Worker
from db.audit import Order
from db.budget import limit
from db.follow import Origin, follow
from db.session import Database
from tests.support.builders import Connection, a_repository, scalar, some_chunks
from tests.support.processes import eventually
from tests.support.workers import an_app

DOCS = Path(__file__).resolve().parents[2] / "docs" / "grafana"
_GRAFANA = {"$__rate_interval": "5m", '"$instance"': '".*"', '"$repo"': '".*"'}
_OF_A_FAMILY = re.compile(r"_(bucket|sum|count|total)$")


class Scrape:
    """One exposition, read."""

    def __init__(self, text: str) -> None:
        self.types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))
        self.labels: dict[str, set[str]] = {}
        self.values: dict[tuple[str, frozenset[tuple[str, str]]], float] = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                self.labels.setdefault(sample.name, set()).update(sample.labels)
                self.values[sample.name, frozenset(sample.labels.items())] = sample.value

    def value(self, name: str, **labels: str) -> float:
        """The sum over all series that have these labels."""
        wanted = labels.items()
        return sum(value for (found, have), value in self.values.items() if found == name and wanted <= have)


@asynccontextmanager
async def monitored(app: App, *, head: str | None = None) -> AsyncIterator[tuple[Worker, Tally, httpx.AsyncClient]]:
    settings = app.settings.model_copy(update={"monitor": app.settings.monitor.model_copy(update={"port": 0})})
    app.settings = settings
    counts, tally = Counts(), Tally()
    worker = app.worker(observers=[tally, counts], refresh=False)
    async with app.monitor(worker, counts) as monitor:
        if head:
            monitor._head = head
        async with httpx.AsyncClient(base_url=monitor.url, trust_env=False, timeout=30) as client:
            yield worker, tally, client


async def scrape(client: httpx.AsyncClient) -> Scrape:
    answer = await client.get("/metrics")
    assert answer.status_code == 200
    return Scrape(answer.text)


def expressions() -> Iterator[tuple[str, str]]:
    """Every expression of the dashboard and of the alerts, with where it stands."""
    for panel in json.loads((DOCS / "doctown.json").read_text(encoding="utf-8"))["panels"]:
        for target in panel.get("targets", ()):
            yield f"panel {panel['title']}", target["expr"]
    for group in yaml.safe_load((DOCS / "alerts.yml").read_text(encoding="utf-8"))["groups"]:
        for rule in group["rules"]:
            yield f"alert {rule['alert']}", rule["expr"]


def selectors(expression: str) -> list[Any]:
    """The series that an expression reads."""
    for name, value in _GRAFANA.items():
        expression = expression.replace(name, value)
    found: list[Any] = []

    def walk(node: Any) -> None:
        if isinstance(node, promql_parser.VectorSelector):
            found.append(node)
        for part in ("expr", "lhs", "rhs", "param", "vs", "vector_selector"):
            child = getattr(node, part, None)
            if child is not None and not isinstance(child, str | float | int):
                walk(child)
        for child in getattr(node, "args", None) or ():
            walk(child)

    walk(promql_parser.parse(expression))
    return found


@pytest.fixture
async def eventful(db: Database, psql: Connection) -> Scrape:
    """What a worker exports after all sorts of things have happened."""
    repo = a_repository(psql, "shop")
    some_chunks(psql, repo, 6)
    answers: Iterator[Answer] = iter(
        [ModelFailed("boom"), ModelUnavailable("refused"), PromptTooLong("too long"), "tl;dr", "tl;dr", "tl;dr"]
    )
    model = ScriptedModel(lambda prompt: next(answers, None) or well_formed(prompt))
    app = an_app(db, coder=model, talker=model)
    await limit(db, Order(actor="me", command="budget set", filter={}), "shop", {"calls": 1000})
    origin = Origin(root="/nowhere", url=None, ref=None)
    await follow(db, Order(actor="me", command="follow", filter={}), "shop", origin, 60)
    async with monitored(app) as (worker, _, client):
        await worker.once(asyncio.Event())
        psql.execute("VACUUM work")
        psql.execute("UPDATE work SET state = 'due' WHERE stage = 'embed'")
        return await scrape(client)


def test_the_dashboard_and_the_alerts_name_only_what_is_exported(eventful: Scrape) -> None:
    checked = 0
    for where, expression in expressions():
        found = selectors(expression)
        assert found, where
        for selector in found:
            name = selector.name
            base = name if name in eventful.types else _OF_A_FAMILY.sub("", name)
            known = name in eventful.types or base in eventful.types
            assert known, f"{where} names {name}, which is not exported"
            if name in eventful.labels:
                for matcher in selector.matchers.matchers:
                    assert matcher.name in {"instance", *eventful.labels[name]}, (
                        f"{where}: {name} has no {matcher.name}"
                    )
            checked += 1
    assert checked > 100


def test_every_metric_of_ours_is_on_the_dashboard_or_in_an_alert(eventful: Scrape) -> None:
    named = " ".join(expression for _, expression in expressions())
    ours = {_OF_A_FAMILY.sub("", name) for name in eventful.types if name.startswith("doctown_")}
    ours = {name for name in ours if not name.endswith("_created")}
    assert sorted(name for name in ours if name not in named) == []


def test_labels_that_are_grouped_by_exist(eventful: Scrape) -> None:
    """`by`, `on` and `group_left` are checked by their words: the parser keeps them in too many places."""
    known = {label for labels in eventful.labels.values() for label in labels} | {"instance"}
    for where, expression in expressions():
        for words in re.findall(r"(?:by|on|group_left|without)\s*\(([^)]*)\)", expression):
            for word in filter(None, re.split(r"[,\s]+", words)):
                assert word in known, f"{where}: {word}"


def test_every_alert_says_what_to_do() -> None:
    rules = [rule for group in yaml.safe_load((DOCS / "alerts.yml").read_text())["groups"] for rule in group["rules"]]
    assert len(rules) > 15
    for rule in rules:
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert rule["annotations"]["summary"]
        assert rule["annotations"]["action"]


async def test_figures_are_those_of_what_happened(db: Database, psql: Connection) -> None:
    some_chunks(psql, a_repository(psql, "shop"), 5)
    answers = iter([ModelFailed("boom"), PromptTooLong("too long")])
    coder = ScriptedModel(lambda prompt: next(answers, None) or well_formed(prompt))
    async with monitored(an_app(db, coder=coder, slots=1)) as (worker, tally, client):
        await worker.once(asyncio.Event())
        seen = await scrape(client)
    assert (tally.texts, tally.failures, tally.dead) == (8, 2, 1)
    assert seen.value("doctown_outcomes_total", stage="coder", outcome="saved") == 4
    assert seen.value("doctown_outcomes_total", stage="talker", outcome="saved") == 4
    assert seen.value("doctown_outcomes_total", outcome="retry", error_class="transient") == 1
    assert seen.value("doctown_outcomes_total", outcome="dead", error_class="permanent") == 1
    assert seen.value("doctown_calls_total", result="ok") == 8
    assert seen.value("doctown_calls_total", result="ModelFailed") == 1
    assert seen.value("doctown_dead", stage="coder", error_class="permanent") == 1
    assert seen.value("doctown_pieces", state="dead", repo="shop") == 1
    assert seen.value("doctown_pieces", state="due") == 0
    assert seen.value("doctown_claimed_total", stage="coder") == 6
    assert seen.value("doctown_run_seconds_count", stage="coder", outcome="saved") == 4
    assert seen.value("doctown_attempts_sum", stage="coder") == 5, "three at the first try, one at the second"
    assert seen.value("doctown_tokens_total") == tally.prompt_tokens + tally.output_tokens
    assert (seen.value("doctown_database_up"), seen.value("doctown_ready")) == (1, 0), "it has stopped by now"
    assert seen.value("doctown_slots", endpoint="scripted") == 1
    assert seen.value("doctown_pool_size") == 10


async def test_a_working_daemon_is_live_and_ready(db: Database, psql: Connection) -> None:
    stopping = asyncio.Event()
    async with monitored(an_app(db)) as (worker, _, client):
        running = asyncio.create_task(worker.run(stopping))
        await eventually(lambda: scalar(psql, "SELECT count(*) FROM worker") == 1)
        live, ready = await client.get("/livez"), await client.get("/readyz")
        assert (live.status_code, live.json()["live"]) == (200, True)
        assert (ready.status_code, ready.json()["ready"]) == (200, True), ready.text
        assert [check["name"] for check in ready.json()["checks"]] == [
            "worker",
            "migrations",
            "model of coder",
            "model of talker",
        ]
        worker._gate.open = False
        drained = await client.get("/readyz")
        assert (drained.status_code, "drained" in drained.text) == (503, True)
        assert (await client.get("/livez")).status_code == 200, "a drained daemon is not to be restarted"
        stopping.set()
        await running
        assert (await client.get("/readyz")).status_code == 503
        assert (await client.get("/livez")).status_code == 200
        assert "readyz" in (await client.get("/")).text


class Absent(ScriptedModel):
    """A model that nobody has."""

    async def check(self) -> Health:
        return Health(ok=False, summary="nobody answers there", remedy="start it")


@pytest.mark.parametrize(
    ("app", "head", "said"),
    [({"coder": Absent()}, None, "nobody answers there"), ({}, "9999", "this program needs 9999")],
)
async def test_what_is_missing_is_named(db: Database, app: dict[str, Any], head: str | None, said: str) -> None:
    async with monitored(an_app(db, **app), head=head) as (_, _, client):
        answer = await client.get("/readyz")
        assert (answer.status_code, said in answer.text) == (503, True), answer.text
        assert (await scrape(client)).value("doctown_ready") == 0


async def test_without_the_database_metrics_are_served_still(db: Database) -> None:
    async with monitored(an_app(Database("postgresql://postgres@/nowhere?host=/nonexistent"))) as (_, _, client):
        seen = await scrape(client)
        assert seen.value("doctown_database_up") == 0
        assert seen.value("doctown_slots", endpoint="scripted") == 4
        assert "doctown_pieces" not in seen.types
        assert (await client.get("/readyz")).status_code == 503
        assert (await client.get("/livez")).status_code == 200, "restarting us would not bring it back"


async def test_a_port_that_is_taken_is_explained(db: Database) -> None:
    app = an_app(db)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        monitor = app.settings.monitor.model_copy(update={"port": taken.getsockname()[1]})
        app.settings = app.settings.model_copy(update={"monitor": monitor})
        counts = Counts()
        with pytest.raises(ConfigError, match="cannot listen"):
            async with app.monitor(app.worker(observers=[counts], refresh=False), counts):
                pass
