"""Any order of steps by any number of workers and people: the protocol as a state machine."""

from __future__ import annotations

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.support import machine, sums
from tests.support.invariants import AUDIT

_CALM = list(HealthCheck)


@pytest.fixture
def audited_url(db_url: str) -> str:
    """A database of the test's own that writes down what happens to its queue."""
    with psycopg.connect(db_url, autocommit=True) as connection:
        connection.execute(AUDIT.read_bytes())
    return db_url


def test_any_order_of_steps(audited_url: str) -> None:
    run_state_machine_as_test(
        machine.machine_on(audited_url),
        settings=settings(
            max_examples=12, stateful_step_count=30, deadline=None, derandomize=True, suppress_health_check=_CALM
        ),
    )


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_very_many_orders_of_steps(audited_url: str) -> None:
    run_state_machine_as_test(
        machine.machine_on(audited_url),
        settings=settings(max_examples=150, stateful_step_count=50, deadline=None, suppress_health_check=_CALM),
    )
    sums.add(rules=machine.ran)
