"""The connection pool: read, write and single statements; every vendor error is mapped here."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import event, exc, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import QueuePool

from db.connection import Dialer, PatientConnection, line_settings
from db.embedded import EmbeddedServer, default_folder
from db.errors import DatabaseBusy, DatabaseUnreachable, SchemaMismatch, StoreError

# SQLSTATEs after which the connection is gone, or the server is on its way down or up.
_LOST = {"57P01", "57P02", "57P03", "57P05", "08000", "08001", "08003", "08004", "08006", "53300"}
_TAKEN = "23505"  # unique_violation
# SQLSTATEs that say: this server cannot write just now. Somebody makes room on its disk, or it became a standby and
# the next connection leads to the primary.
_UNFIT = {"25006", "53000", "53100", "53200", "53400", "58030"}
# SQLSTATEs that say: you lost against somebody, ask again.
_BUSY = {"40001", "40P01", "55P03", "57014"}
_PASSWORD = re.compile(r"((?<=//)[^/@:]*:(?=[^/]*@)|[?&]password=)[^@&]*")
_PING_S = 5.0
_ROW_IN_DETAIL = {"23502", "23514"}  # not null, check
_LIMITS = text(
    "SELECT set_config('statement_timeout', :statement, true), set_config('lock_timeout', :lock, true), "
    "set_config('idle_in_transaction_session_timeout', :idle, true)"
)
_NO_SUCH_TABLE = {"42P01", "42703", "42883", "3F000"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """What the server itself gives up on; seconds for connecting, milliseconds for the rest."""

    connect_s: int = 5
    statement_ms: int = 60_000
    lock_ms: int = 10_000
    idle_in_transaction_ms: int = 60_000

    @property
    def patience_s(self) -> float:
        """How long we wait for an answer ourselves: somewhat longer than the server works on a statement."""
        return 1.5 * self.statement_ms / 1000


def resolve_url(url: str, folder: Path | None = None) -> str:
    """Turn the setting ``database.url`` into a libpq URL; ``embedded`` starts the server of our own."""
    if url != "embedded":
        return url.replace("postgresql+psycopg://", "postgresql://", 1).replace("postgres://", "postgresql://", 1)
    return EmbeddedServer(folder or default_folder()).start()


def sqlalchemy_url(url: str) -> str:
    """The same URL for SQLAlchemy, which wants the driver named."""
    return url.replace("postgresql://", "postgresql+psycopg://", 1)


def hide_password(url: str) -> str:
    """The URL as it may be shown to a person or written to a log."""
    return _PASSWORD.sub(r"\1***", url)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """How the connections of a process are used; ``opened`` counts all that were ever made."""

    size: int
    in_use: int
    waiting: int
    opened: int


class Database:
    """A pool of connections to one database.

    ``read()`` and ``write()`` are short transactions: write commits at its end and rolls back on any error.
    ``statement()`` is a connection in autocommit: each statement is a transaction of its own.
    All three raise StoreError and its kind, never an error of SQLAlchemy's or psycopg's.
    """

    def __init__(
        self, url: str, *, name: str = "doctown", pool_size: int = 10, timeouts: Timeouts | None = None
    ) -> None:
        self.url = url
        self._limits = limits = timeouts or Timeouts()
        self._dialer = Dialer()
        options = (
            f"-c statement_timeout={limits.statement_ms} -c lock_timeout={limits.lock_ms} "
            f"-c idle_in_transaction_session_timeout={limits.idle_in_transaction_ms} -c timezone=UTC"
        )
        self._engine: AsyncEngine = create_async_engine(
            sqlalchemy_url(url),
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=30,
            pool_pre_ping=True,
            pool_recycle=300,
            hide_parameters=True,  # an error names its statement, never the sources and texts that were sent with it
            connect_args={
                "async_creator_fn": self._dialer,
                "application_name": name,
                "options": options,
                **line_settings(limits.connect_s),
            },
        )
        _watch_pool(self._engine, limits.patience_s)
        self._autocommit = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        self._size = pool_size
        self._asking = 0  # blocks entered, those that still wait for their connection among them
        self._opened = 0
        event.listen(self._engine.sync_engine, "connect", self._count_opened)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """One consistent look at the data; nothing can be written."""
        with self._asked():
            async with self._engine.connect() as connection:
                await connection.execution_options(postgresql_readonly=True, isolation_level="REPEATABLE READ")
                await self._limit(connection)
                yield connection
                await connection.rollback()

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """One transaction: committed at the end of the block, rolled back when the block raises."""
        with self._asked():
            async with self._engine.begin() as connection:
                await self._limit(connection)
                yield connection

    @asynccontextmanager
    async def bulk(self) -> AsyncIterator[AsyncConnection]:
        """A ``write()`` of very many rows.

        A session plans the statements of a trigger once, for as many rows as its first caller changed. What is right
        for one row is quadratic for thousands, and the other way round reads the whole table for one row: so plans are
        made anew before, and thrown away after.
        """
        async with self.write() as connection:
            await connection.exec_driver_sql("DISCARD PLANS")
            yield connection
            await connection.exec_driver_sql("DISCARD PLANS")

    @asynccontextmanager
    async def statement(self, *, patience_s: float | None = None) -> AsyncIterator[AsyncConnection]:
        """A connection on which every statement commits by itself.

        Whoever must not wait long for an answer gives ``patience_s``.
        """
        with self._asked():
            async with self._autocommit.connect() as connection:
                if patience_s is not None:
                    line = (await connection.get_raw_connection()).driver_connection
                    if isinstance(line, PatientConnection):
                        line.patience_s = min(patience_s, line.patience_s)
                yield connection

    async def limited(self) -> bool:
        """Whether the server ends a statement that takes too long.

        A pooler that lets no options through leaves single statements to the limits of the role.
        """
        async with self.statement() as connection:
            return bool(await connection.scalar(text("SELECT current_setting('statement_timeout') <> '0'")))

    async def _limit(self, connection: AsyncConnection) -> None:
        if self._dialer.bare:
            limits = self._limits
            values = {
                "statement": f"{limits.statement_ms}ms",
                "lock": f"{limits.lock_ms}ms",
                "idle": f"{limits.idle_in_transaction_ms}ms",
            }
            await connection.execute(_LIMITS, values)

    def pool(self) -> Pool:
        """How the connections are used just now."""
        pool = self._engine.sync_engine.pool
        in_use = pool.checkedout() if isinstance(pool, QueuePool) else 0
        return Pool(size=self._size, in_use=in_use, waiting=max(0, self._asking - in_use), opened=self._opened)

    @contextmanager
    def _asked(self) -> Iterator[None]:
        self._asking += 1
        try:
            with mapped_errors():
                yield
        finally:
            self._asking -= 1

    def _count_opened(self, *_: object) -> None:
        self._opened += 1

    async def close(self) -> None:
        """Close every connection."""
        await self._engine.dispose()


def _watch_pool(engine: AsyncEngine, patience_s: float) -> None:
    """A connection that lies in the pool is asked whether it still lives: that answer comes soon or never."""

    @event.listens_for(engine.sync_engine, "checkout")
    def lent(connection: Any, *_: object) -> None:
        connection.driver_connection.patience_s = patience_s

    @event.listens_for(engine.sync_engine, "handle_error")
    def failed(context: Any) -> None:
        if getattr(context.original_exception, "sqlstate", None) in _UNFIT:
            context.is_disconnect = True

    @event.listens_for(engine.sync_engine, "checkin")
    def returned(connection: Any, *_: object) -> None:
        if connection is not None:
            connection.driver_connection.patience_s = min(_PING_S, patience_s)


@contextmanager
def mapped_errors() -> Iterator[None]:
    """Turn the vendors' errors into ours, most specific first."""
    try:
        yield
    except exc.DBAPIError as error:
        raise _explain(error.orig, error.connection_invalidated) from (None if _quotes_a_row(error.orig) else error)
    except exc.TimeoutError as error:
        raise DatabaseBusy("no connection of the pool became free in time", "Raise database.pool_size.") from error
    except psycopg.Error as error:
        raise _explain(error, invalidated=False) from (None if _quotes_a_row(error) else error)
    except (ConnectionError, OSError) as error:
        raise DatabaseUnreachable(f"the database does not answer: {error}", _START_IT) from error


_START_IT = "Start it, or check database.url (`doctown doctor` tells more)."


def _explain(error: Any, invalidated: bool) -> StoreError:
    state = getattr(error, "sqlstate", None)
    message = _message(error)
    if state in _BUSY:
        return DatabaseBusy(message)
    if state in _NO_SUCH_TABLE:
        return SchemaMismatch(message, "Run `doctown db upgrade`.")
    if state in _UNFIT:
        return DatabaseUnreachable(message, "Nothing is lost: it is tried again. See to the server's disk and role.")
    if state == _TAKEN and (table := _table_of_key(error)):
        return StoreError(
            message, f"Rows of {table} were given ids by hand, and the database goes on counting behind them: "
            f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))",
        )  # fmt: skip
    lost = state in _LOST or (state is None and isinstance(error, psycopg.OperationalError))
    if lost or invalidated:
        return DatabaseUnreachable(message, _START_IT)
    return StoreError(message)


def _table_of_key(error: Any) -> str | None:
    """The table whose primary key was given out twice; None: another constraint."""
    constraint, table = error.diag.constraint_name, error.diag.table_name
    return table if table and constraint == f"{table}_pkey" else None


def _quotes_a_row(error: Any) -> bool:
    """The detail of a constraint on a row is the row: "Failing row contains (..., def login(password=...)"."""
    return getattr(error, "sqlstate", None) in _ROW_IN_DETAIL


def _message(error: Any) -> str:
    """What the server says in one or two lines, without the statement and the functions it happened in."""
    diagnosis = getattr(error, "diag", None)
    if diagnosis is None or not diagnosis.message_primary:
        return str(error).strip() or type(error).__name__
    detail = None if _quotes_a_row(error) else diagnosis.message_detail
    parts = (diagnosis.message_primary, detail, diagnosis.message_hint)
    return ". ".join(part.rstrip(".") for part in parts if part)
