"""MIGRATE: bring the tables to the revision this program works with, and tell where they stand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.pool import NullPool

from alembic import command
from db.connection import line_settings
from db.errors import SchemaMismatch
from db.session import mapped_errors, sqlalchemy_url

MINIMUM_POSTGRES = 15
MINIMUM_PGVECTOR = (0, 8, 4)  # before it, vacuum could damage an HNSW index
_CONNECT_S = 15
_LOCK = 0x646F63746F776E  # "doctown": one migration at a time


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What the database is and which revision its tables have."""

    server: str  # "18.4"
    server_major: int
    pgvector: str | None  # None: the extension is not installed in this database
    pgvector_available: str | None  # None: the server does not have it at all
    revision: str | None  # None: no tables yet
    head: str
    compatible_since: str | None = None  # the oldest revision whose programs may work on tables newer than they know

    @property
    def current(self) -> bool:
        """Whether no migration is missing."""
        return self.revision == self.head

    @property
    def usable(self) -> bool:
        """Whether this program may work: the tables are its own, or newer ones that still suit it."""
        return self.current or (self.compatible_since is not None and self.head >= self.compatible_since)


def upgrade(url: str, scripts: Path, revision: str = "head") -> tuple[str | None, str | None]:
    """Migrate up to ``revision``; returns the revisions before and after. Blocking: call it in a thread.

    Several processes may call it at once: an advisory lock lets one through and the others find nothing to do. All of
    it is one transaction, and the lock is the transaction's.
    """
    return _migrate(url, scripts, lambda config: command.upgrade(config, revision))


def downgrade(url: str, scripts: Path, revision: str) -> tuple[str | None, str | None]:
    """Migrate down to ``revision`` (``base`` removes every table and with them all texts)."""
    return _migrate(url, scripts, lambda config: command.downgrade(config, revision))


def head(scripts: Path) -> str:
    """The revision that this program works with."""
    return str(ScriptDirectory.from_config(_config(scripts)).get_current_head())


def standing(url: str, scripts: Path) -> Standing:
    """Look at the server, the extension and the revision without changing anything."""
    known = ScriptDirectory.from_config(_config(scripts))
    head = str(known.get_current_head())
    with mapped_errors(), _engine(url).connect() as connection:
        server = connection.scalar(text("SHOW server_version")) or "0"
        row = connection.execute(
            text("SELECT default_version, installed_version FROM pg_available_extensions WHERE name = 'vector'")
        ).first()
        revision = MigrationContext.configure(connection).get_current_revision()
        newer = revision is not None and revision not in {script.revision for script in known.walk_revisions()}
        return Standing(
            server=server.split()[0],
            server_major=int(server.split(".")[0].split()[0]),
            pgvector=row.installed_version if row else None,
            pgvector_available=row.default_version if row else None,
            revision=revision,
            head=head,
            compatible_since=connection.scalar(text("SELECT compatible_since FROM control")) if newer else None,
        )


def _migrate(url: str, scripts: Path, run: Callable[[Config], None]) -> tuple[str | None, str | None]:
    config = _config(scripts)
    with mapped_errors(), _engine(url).begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        before = MigrationContext.configure(connection).get_current_revision()
        config.attributes["connection"] = connection
        try:
            run(config)
        except CommandError as error:
            raise SchemaMismatch(
                f"the database is at a revision this version of Doctown does not know: {error}",
                "Use a newer Doctown, or another database.",
            ) from error
        after = MigrationContext.configure(connection).get_current_revision()
    return before, after


def _engine(url: str) -> Engine:
    return create_engine(sqlalchemy_url(url), poolclass=NullPool, connect_args=line_settings(_CONNECT_S))


def _config(scripts: Path) -> Config:
    config = Config()
    config.set_main_option("script_location", str(scripts).replace("%", "%%"))
    return config
