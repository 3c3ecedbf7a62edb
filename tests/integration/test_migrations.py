"""Migrations: up, down and up again; models and migrations agree; who may run them and when."""

from __future__ import annotations

import asyncio

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from daemon.bootstrap import ready
from daemon.config import shared
from db.errors import DatabaseUnreachable, SchemaMismatch
from db.migrate import downgrade, standing, upgrade
from db.models import Base
from db.session import Database, hide_password, resolve_url, sqlalchemy_url

SCRIPTS = shared("alembic")
HEAD = str(ScriptDirectory(str(SCRIPTS)).get_current_head())


def things(url: str) -> set[str]:
    with psycopg.connect(url) as connection:
        tables = connection.execute(
            "SELECT table_type || ' ' || table_name FROM information_schema.tables WHERE table_schema = 'public'"
        ).fetchall()
        functions = connection.execute(
            "SELECT 'function ' || proname FROM pg_proc WHERE proname LIKE 'doctown%'"
        ).fetchall()
    return {row[0] for row in [*tables, *functions]}


def test_up_down_and_up_again(empty_url: str) -> None:
    assert upgrade(empty_url, SCRIPTS) == (None, HEAD)
    there = things(empty_url)
    assert {"BASE TABLE work", "VIEW docs", "function doctown_search"} <= there
    assert upgrade(empty_url, SCRIPTS) == (HEAD, HEAD), "repeating changes nothing"
    assert downgrade(empty_url, SCRIPTS, "base") == (HEAD, None)
    assert things(empty_url) == {"BASE TABLE alembic_version"}
    upgrade(empty_url, SCRIPTS)
    assert things(empty_url) == there


def test_models_equal_migrations(db_url: str) -> None:
    with create_engine(sqlalchemy_url(db_url), poolclass=NullPool).connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, Base.metadata) == []


def test_generated_columns_checks_and_storage_agree(db_url: str, empty_url: str) -> None:
    """What autogenerate does not compare: build the tables from the models and let Postgres describe both."""
    with create_engine(sqlalchemy_url(empty_url), poolclass=NullPool).begin() as connection:
        connection.exec_driver_sql("CREATE EXTENSION vector")
        script = (SCRIPTS / "sql" / "0001_tables.sql").read_text(encoding="utf-8")
        start = script.index("CREATE FUNCTION doctown_prose_tsv")
        connection.execute(text(script[start : script.index("END;", start) + 4]))
        script = (SCRIPTS / "sql" / "0004_instruct.sql").read_text(encoding="utf-8")
        start = script.index("CREATE FUNCTION doctown_instruct_key")
        connection.execute(text(script[start : script.index(";", start) + 1]))
        Base.metadata.create_all(connection)
    query = """
        SELECT c.relname, a.attname, pg_get_expr(d.adbin, d.adrelid) AS expression
          FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
          JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
         WHERE a.attgenerated = 's' AND c.relkind = 'r'
        UNION ALL
        SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
         WHERE contype IN ('c', 'f', 'p', 'u') AND connamespace = 'public'::regnamespace
           AND conrelid::regclass::text <> 'alembic_version'
        UNION ALL
        SELECT relname, 'storage', reloptions::text FROM pg_class WHERE relname = 'work'
        UNION ALL
        SELECT tablename, indexname, indexdef FROM pg_indexes
         WHERE schemaname = 'public' AND tablename <> 'alembic_version'
    """
    described = []
    for url in (db_url, empty_url):
        with psycopg.connect(url) as connection:
            described.append(sorted(connection.execute(query).fetchall(), key=str))
    assert described[0] == described[1]


async def test_several_processes_may_migrate_at_once(empty_url: str) -> None:
    results = await asyncio.gather(*(asyncio.to_thread(upgrade, empty_url, SCRIPTS) for _ in range(4)))
    assert sorted(str(before) for before, _ in results) == [HEAD, HEAD, HEAD, "None"]


def test_a_database_of_somebody_else_is_not_migrated_unasked(empty_url: str) -> None:
    with pytest.raises(SchemaMismatch, match="revision none") as caught:
        ready(empty_url, upgrade=False)
    assert "doctown db upgrade" in caught.value.remedy
    assert ready(empty_url, upgrade=True).current


def test_a_database_from_the_future_is_left_alone(db_url: str) -> None:
    with psycopg.connect(db_url, autocommit=True) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(SchemaMismatch, match="does not know"):
        upgrade(db_url, SCRIPTS)


def test_tables_newer_than_the_program_are_used_where_they_only_add(db_url: str) -> None:
    with psycopg.connect(db_url, autocommit=True) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        assert ready(db_url, upgrade=False).usable
        connection.execute("UPDATE control SET compatible_since = '9998'")
    with pytest.raises(SchemaMismatch, match="newer than this program") as caught:
        ready(db_url, upgrade=True)
    assert "newer Doctown" in caught.value.remedy


def test_standing_changes_nothing(empty_url: str) -> None:
    found = standing(empty_url, SCRIPTS)
    assert (found.revision, found.current, found.pgvector) == (None, False, None)
    assert found.pgvector_available
    assert things(empty_url) == set()


async def test_missing_tables_are_explained(empty_url: str) -> None:
    db = Database(empty_url)
    try:
        with pytest.raises(SchemaMismatch) as caught:
            async with db.read() as connection:
                await connection.execute(text("SELECT * FROM work"))
        assert "doctown db upgrade" in caught.value.remedy
    finally:
        await db.close()


async def test_nobody_at_the_address(tmp_path: object) -> None:
    db = Database(f"postgresql://postgres@/doctown?host={tmp_path}")
    try:
        with pytest.raises(DatabaseUnreachable):
            async with db.statement() as connection:
                await connection.execute(text("SELECT 1"))
    finally:
        await db.close()


async def test_a_read_cannot_write(db: Database) -> None:
    with pytest.raises(Exception, match="read-only"):
        async with db.read() as connection:
            await connection.execute(text("INSERT INTO repository (name) VALUES ('x')"))


async def test_an_error_rolls_a_write_back(db: Database) -> None:
    async def broken() -> None:
        async with db.write() as connection:
            await connection.execute(text("INSERT INTO repository (name) VALUES ('x')"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await broken()
    async with db.read() as connection:
        assert await connection.scalar(text("SELECT count(*) FROM repository")) == 0


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://user:secret@host:5432/db", "postgresql://user:***@host:5432/db"),
        ("postgresql:///db?host=/run&password=secret", "postgresql:///db?host=/run&password=***"),
        ("postgresql://host/db", "postgresql://host/db"),
        ("postgresql://host:5432/db", "postgresql://host:5432/db"),
        ("postgresql://u@host:5432/db", "postgresql://u@host:5432/db"),
    ],
)
def test_passwords_are_not_shown(url: str, shown: str) -> None:
    assert hide_password(url) == shown


def test_urls_as_people_write_them() -> None:
    for url in ("postgres://h/d", "postgresql://h/d", "postgresql+psycopg://h/d"):
        assert resolve_url(url) == "postgresql://h/d"
