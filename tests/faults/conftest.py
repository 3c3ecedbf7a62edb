"""A server that may be stopped at any moment, a yard per test, and the sum of everything at the very end."""

from __future__ import annotations

import itertools
import os
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import psycopg
import pytest

from daemon.config import shared
from daemon.doubles.setup import Setup
from db.embedded import EmbeddedServer
from db.migrate import upgrade
from tests.support import sums
from tests.support.database import with_database
from tests.support.invariants import AUDIT, Breach, Expected
from tests.support.yard import Yard, a_yard

# What was acknowledged must survive a server that is killed; the machine itself does not fail here.
_ROUGH = (("fsync", "off"), ("full_page_writes", "off"), ("deadlock_timeout", "100ms"))
_NUMBER = itertools.count(1)

OpenYard = Callable[..., Awaitable[Yard]]
Check = Callable[..., list[Breach]]


@pytest.fixture(scope="session")
def rough_server() -> Iterator[EmbeddedServer]:
    """A Postgres of the fault tests' own: nobody else's test notices when it is stopped."""
    folder = Path(tempfile.mkdtemp(prefix="doctown-faults-"))
    folder.chmod(0o755)
    server = EmbeddedServer(folder, settings=_ROUGH)
    try:
        server.start()
        yield server
    finally:
        server.stop("immediate")
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def audited(rough_server: EmbeddedServer) -> str:
    """A migrated database whose queue writes down all that happens to it."""
    url = with_database(rough_server.url(), "audited")
    _admin(rough_server, "CREATE DATABASE audited")
    upgrade(url, shared("alembic"))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(AUDIT.read_bytes())
    return "audited"


@pytest.fixture
async def open_yard(rough_server: EmbeddedServer, audited: str, tmp_path: Path) -> AsyncIterator[OpenYard]:
    """Makes yards: ``await open_yard(seed, setup, **settings)``."""
    names: list[str] = []
    yards: list[Yard] = []
    async with AsyncExitStack() as stack:

        async def make(seed: int = 1, setup: Setup | None = None, **settings: object) -> Yard:
            name = f"yard_{os.getpid()}_{next(_NUMBER)}"
            _admin(rough_server, f"CREATE DATABASE {name} TEMPLATE {audited}")
            names.append(name)
            folder = tmp_path / name
            folder.mkdir()
            url = with_database(rough_server.url(), name)
            yard = await stack.enter_async_context(a_yard(rough_server, url, folder, seed, setup, **settings))
            yards.append(yard)
            return yard

        yield make
    rough_server.start()
    for name in names:
        _admin(rough_server, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture
def all_well() -> Iterator[Check]:
    """Asks the ledgers of a yard, adds to the sums, and fails on any breach."""
    kinds: Counter[str] = Counter()
    harm: Counter[str] = Counter()

    def check(yard: Yard, expected: Expected | None = None) -> list[Breach]:
        found = yard.breaches(expected)
        kinds.update(yard.faults + yard.model_faults())
        harm["lost"] += sum(breach.lost for breach in found)
        harm["doubled"] += sum(breach.doubled for breach in found)
        assert not found, "\n".join(map(str, found[:20])) + "\n" + yard.tail()
        return found

    yield check
    sums.add(kinds, lost=harm["lost"], doubled=harm["doubled"])


def _admin(server: EmbeddedServer, *statements: str) -> None:
    with psycopg.connect(with_database(server.url(), "postgres"), autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


_REPORTS = pytest.StashKey[bool]()


def pytest_configure(config: pytest.Config) -> None:
    """The first process of a run adds up."""
    config.stash[_REPORTS] = sums.begin()


def pytest_unconfigure(config: pytest.Config) -> None:
    """What was done, and the last line: `faults N lost L doubled D`."""
    if config.stash.get(_REPORTS, False) and (text := sums.report(full="not slow" not in config.option.markexpr)):
        sys.stdout.write(f"\n{text}\n")
