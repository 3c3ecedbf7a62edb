"""FIGURES: the queue, the tables, the workers and the budget in numbers, for metrics and for a person who watches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from db.session import Database
from db.sql import sql
from db.workers import ALIVE_S

_TABLES = ("work", "chunk", "embedding", "generation", "node", "failure")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pieces:
    """Unfinished work of one repository, stage, lane and state. Ages in seconds; of leases since the claim."""

    repo: str
    stage: str
    lane: int
    state: str
    count: int
    oldest_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TableHealth:
    """How one table does. ``hot_updates`` of ``updates`` touched no index; ``vacuum_s`` is None before the first."""

    table: str
    live: int
    dead: int
    updates: int
    hot_updates: int
    vacuum_s: float | None
    total_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Recent:
    """What the ledger took in during the last minute: accepted texts, those of them that cost a call, tokens."""

    texts: int
    written: int
    tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """One look at the database."""

    pieces: tuple[Pieces, ...]
    dead_by_class: Mapping[tuple[str, str], int]  # (stage, error class)
    workers: Mapping[str, int]  # alive | draining | vanished
    tables: tuple[TableHealth, ...]
    repos: Mapping[int, str]
    paused: Mapping[str, bool]
    everything_paused: bool
    oldest_transaction_s: float
    oldest_xmin: int  # transactions
    wal_bytes: int
    connections: int
    recent: Mapping[tuple[str, str], Recent]  # (repository, stage)
    followed: Mapping[str, tuple[float, int]]  # repository -> seconds overdue (0: not yet due), failures in a row


async def look(db: Database) -> Figures:
    """Read all of it; the queue's part costs as much as there is unfinished work, about 0.3 s for a million pieces."""
    async with db.read() as connection:
        repos = await _rows(connection, "SELECT id, name, paused FROM repository")
        names = {row["id"]: row["name"] for row in repos}
        rows = (await connection.execute(sql("figures_pieces"))).mappings().all()
        classes = await _rows(
            connection,
            "SELECT stage, COALESCE(error_class, '') AS class, count(*) AS n FROM work "
            "WHERE state = 'dead' GROUP BY 1, 2",
        )
        workers = await _rows(
            connection,
            "SELECT CASE WHEN seen_at < clock_timestamp() - make_interval(secs => :alive) THEN 'vanished' "
            "WHEN draining THEN 'draining' ELSE 'alive' END AS state, count(*) AS n FROM worker GROUP BY 1",
            alive=ALIVE_S,
        )
        tables = await _rows(connection, _HEALTH, tables=list(_TABLES))
        server = (await _rows(connection, _SERVER))[0]
        recent = await _rows(connection, _RECENT)
        followed = await _rows(connection, _FOLLOWED)
        paused = await connection.scalar(text("SELECT paused FROM control"))
    return Figures(
        pieces=tuple(
            Pieces(**{**{k: v for k, v in row.items() if k != "repo_id"}, "repo": names.get(row["repo_id"], "?")})
            for row in rows
        ),
        dead_by_class={(row["stage"], row["class"]): row["n"] for row in classes},
        workers={"alive": 0, "draining": 0, "vanished": 0} | {row["state"]: row["n"] for row in workers},
        tables=tuple(TableHealth(**row) for row in tables),
        repos=names,
        paused={row["name"]: row["paused"] for row in repos},
        everything_paused=bool(paused),
        followed={row["repo"]: (row["overdue_s"], row["failures"]) for row in followed},
        recent={
            (names.get(row["repo_id"], "?"), row["stage"]): Recent(
                texts=row["texts"], written=row["written"], tokens=row["tokens"]
            )
            for row in recent
        },
        **server,
    )


async def revision(db: Database) -> tuple[str, str]:
    """The revision of the tables, and the oldest whose programs may use them."""
    async with db.statement() as connection:
        row = (
            await connection.execute(
                text("SELECT (SELECT version_num FROM alembic_version), (SELECT compatible_since FROM control)")
            )
        ).one()
    return str(row[0]), str(row[1])


async def _rows(connection: AsyncConnection, statement: str, **values: Any) -> list[dict[str, Any]]:
    return [dict(row) for row in (await connection.execute(text(statement), values)).mappings()]


_HEALTH = """
    SELECT s.relname AS table, s.n_live_tup AS live, s.n_dead_tup AS dead, s.n_tup_upd AS updates,
           s.n_tup_hot_upd AS hot_updates,
           extract(epoch FROM clock_timestamp() - greatest(s.last_autovacuum, s.last_vacuum))::double precision
               AS vacuum_s,
           pg_total_relation_size(s.relid) AS total_bytes
      FROM pg_stat_user_tables s
     WHERE s.schemaname = current_schema() AND s.relname = ANY (CAST(:tables AS text[])) ORDER BY 1
"""
_FOLLOWED = """
    SELECT r.name AS repo, f.failures,
           CASE WHEN r.paused OR control.paused OR COALESCE(f.lease_until > clock_timestamp(), false) THEN 0 ELSE
               GREATEST(0, extract(epoch FROM clock_timestamp() - f.next_at)) END::double precision AS overdue_s
      FROM follow f JOIN repository r ON r.id = f.repo_id CROSS JOIN control ORDER BY 1
"""
_SERVER = """
    SELECT COALESCE(max(extract(epoch FROM clock_timestamp() - a.xact_start)), 0)::double precision
               AS oldest_transaction_s,
           COALESCE(max(age(a.backend_xmin)), 0)::bigint AS oldest_xmin, count(*) AS connections,
           pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END,
                           '0/0')::bigint AS wal_bytes
      FROM pg_stat_activity a WHERE a.datname = current_database() AND a.pid <> pg_backend_pid()
"""
_RECENT = """
    SELECT repo_id, stage, count(*) AS texts, count(*) FILTER (WHERE reused_from IS NULL) AS written,
           COALESCE(sum(COALESCE(prompt_tokens, 0) + COALESCE(output_tokens, 0)), 0)::bigint AS tokens
      FROM generation WHERE created_at > clock_timestamp() - interval '1 minute' GROUP BY 1, 2
"""
