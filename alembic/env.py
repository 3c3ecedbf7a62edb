"""Runs migrations: with the connection that db.migrate hands over, or alone with the configured URL."""

from __future__ import annotations

from sqlalchemy import Connection, create_engine

from alembic import context
from daemon import config as doctown_config
from db.connection import line_settings
from db.models import Base
from db.session import resolve_url, sqlalchemy_url


def migrate(connection: Connection) -> None:
    """Bring the tables behind ``connection`` to the asked revision, in one transaction."""
    context.configure(connection=connection, target_metadata=Base.metadata, compare_type=True)
    with context.begin_transaction():
        context.run_migrations()


handed_over = context.config.attributes.get("connection")
if handed_over is not None:
    migrate(handed_over)
else:
    settings = doctown_config.load()
    url = resolve_url(settings.database.url, settings.database.folder)
    with create_engine(sqlalchemy_url(url), connect_args=line_settings(15)).connect() as own:
        migrate(own)
