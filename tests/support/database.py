"""One real Postgres per test run, one migrated template, one clone for every test that wants a database.

DOCTOWN_TEST_URL names another server (its user must be allowed to create databases).
"""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from daemon.config import shared
from db.embedded import EmbeddedServer
from db.migrate import upgrade
from db.session import Database

_NUMBER = itertools.count(1)
_TEMPLATE = "doctown_template"
_FAST = (("fsync", "off"), ("synchronous_commit", "off"), ("full_page_writes", "off"))


@pytest.fixture(scope="session")
def server_url() -> Iterator[str]:
    """A server whose data may be lost: nothing in it outlives the run."""
    given = os.environ.get("DOCTOWN_TEST_URL")
    if given:
        yield given
        return
    folder = Path(tempfile.mkdtemp(prefix="doctown-test-"))
    folder.chmod(0o755)  # root's server runs as another user, who must pass through
    server = EmbeddedServer(folder, settings=_FAST)
    try:
        yield server.start()
    finally:
        server.stop("immediate")
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def template(server_url: str) -> str:
    """A database with all migrations, to be cloned."""
    _admin(server_url, f"DROP DATABASE IF EXISTS {_TEMPLATE}", f"CREATE DATABASE {_TEMPLATE}")
    upgrade(with_database(server_url, _TEMPLATE), shared("alembic"))
    return _TEMPLATE


@pytest.fixture
def db_url(server_url: str, template: str) -> Iterator[str]:
    """A database of the test's own."""
    name = f"test_{os.getpid()}_{next(_NUMBER)}"
    _admin(server_url, f"CREATE DATABASE {name} TEMPLATE {template}")
    try:
        yield with_database(server_url, name)
    finally:
        _admin(server_url, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture
def empty_url(server_url: str) -> Iterator[str]:
    """A database without any table."""
    name = f"test_{os.getpid()}_{next(_NUMBER)}"
    _admin(server_url, f"CREATE DATABASE {name}")
    try:
        yield with_database(server_url, name)
    finally:
        _admin(server_url, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture
async def db(db_url: str) -> AsyncIterator[Database]:
    """The pool on it."""
    database = Database(db_url, name="doctown test")
    try:
        yield database
    finally:
        await database.close()


@pytest.fixture
def psql(db_url: str) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """A plain connection in autocommit, as a person in psql or a foreign program would have it."""
    with psycopg.connect(db_url, autocommit=True) as connection:
        yield connection


def with_database(url: str, name: str) -> str:
    """The URL of another database on the same server."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc, f"/{name}", parts.query, ""))


def _admin(url: str, *statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())
