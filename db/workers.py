"""WORKERS: who works and who is alive, what each holds, and who is to claim nothing more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from db import audit
from db.audit import Order
from db.errors import NotFound
from db.session import Database
from db.types import Stage

ALIVE_S = 30  # who was not seen for so long has vanished; daemons say every few seconds that they live
_FORGOTTEN = "1 day"
_SHORTEST_NAME = 4  # fewer characters of a number are the name of a host


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """A process that begins to work; ``slots`` are the calls it keeps in flight at most."""

    id: UUID
    host: str
    pid: int
    version: str
    stages: tuple[Stage, ...]
    slots: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    """A worker as the database knows it. ``held`` counts its leases; one that never registered has no host."""

    id: UUID
    host: str | None
    pid: int | None
    version: str | None
    stages: tuple[str, ...]
    slots: int | None
    in_flight: int | None
    held: int
    draining: bool
    drained_at: datetime | None
    started_at: datetime | None
    seen_at: datetime | None
    alive: bool

    @property
    def name(self) -> str:
        """The first part of its number: enough to name it in a command."""
        return str(self.id)[:8]

    @property
    def state(self) -> str:
        """In one word."""
        if self.host is None:
            return "unregistered"
        if not self.alive:
            return "vanished"
        if self.drained_at is not None:
            return "drained"
        if self.draining:
            return "draining"
        return "working" if self.held or self.in_flight else "idle"


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A piece of work that somebody holds. ``since_s`` is None where a version that did not note it claimed it."""

    worker: UUID
    repo: str
    fqn: str
    stage: Stage
    attempt: int
    since_s: float | None
    left_s: float  # until the lease runs out; below 0 it has


async def register(db: Database, worker: Registration) -> None:
    """Say that it begins; who has not been seen for a day is forgotten."""
    async with db.write() as connection:
        await connection.execute(
            text(f"DELETE FROM worker WHERE seen_at < clock_timestamp() - interval '{_FORGOTTEN}'")
        )
        await connection.execute(
            text(
                "INSERT INTO worker (id, host, pid, version, stages, slots, started_at, seen_at) VALUES "
                "(:id, :host, :pid, :version, :stages, :slots, clock_timestamp(), clock_timestamp()) "
                "ON CONFLICT (id) DO UPDATE SET seen_at = clock_timestamp()"
            ),
            {
                "id": str(worker.id), "host": worker.host, "pid": worker.pid, "version": worker.version,
                "stages": [str(stage) for stage in worker.stages], "slots": worker.slots,
            },
        )  # fmt: skip


async def beat(db: Database, worker: UUID, *, slots: int, in_flight: int, at_rest: bool) -> bool | None:
    """Say that it lives; whether it is to drain. None: nobody knows it (any more), it has to register.

    ``at_rest``: it has seen that it is to drain, claims nothing more, and nothing is in flight.
    """
    async with db.statement() as connection:
        draining: bool | None = await connection.scalar(
            text(
                "UPDATE worker SET seen_at = clock_timestamp(), slots = :slots, in_flight = :in_flight, drained_at = "
                "CASE WHEN draining AND :at_rest THEN COALESCE(drained_at, clock_timestamp()) END "
                "WHERE id = :id RETURNING draining"
            ),
            {"id": str(worker), "slots": slots, "in_flight": in_flight, "at_rest": at_rest},
        )
    return draining


async def leave(db: Database, worker: UUID) -> None:
    """Say that it ends."""
    async with db.statement() as connection:
        await connection.execute(text("DELETE FROM worker WHERE id = :id"), {"id": str(worker)})


async def presences(db: Database) -> list[Presence]:
    """Every worker, and every holder of leases that never registered; the oldest first."""
    async with db.read() as connection:
        rows = await connection.execute(
            text(
                f"""
                WITH held AS (SELECT lease_owner AS id, count(*) AS n FROM work WHERE state = 'leased' GROUP BY 1)
                SELECT COALESCE(w.id, h.id) AS id, w.host, w.pid, w.version, COALESCE(w.stages, '{{}}') AS stages,
                       w.slots, w.in_flight, COALESCE(h.n, 0) AS held, COALESCE(w.draining, false) AS draining,
                       w.drained_at, w.started_at, w.seen_at,
                       COALESCE(w.seen_at > clock_timestamp() - make_interval(secs => {ALIVE_S}), false) AS alive
                  FROM worker w FULL JOIN held h ON h.id = w.id
                 ORDER BY w.started_at NULLS LAST, 1
                """
            )
        )
        return [Presence(**{**row, "stages": tuple(row["stages"])}) for row in rows.mappings()]


async def held(db: Database, *, workers: Sequence[UUID] | None = None, limit: int = 100) -> list[Held]:
    """What is being worked on, longest first; of some workers or of all."""
    async with db.read() as connection:
        rows = await connection.execute(
            text(
                """
                SELECT w.lease_owner AS worker, r.name AS repo, n.fqn, w.stage, w.attempts AS attempt,
                       CASE WHEN who.id IS NOT NULL AND w.leased_at >= who.started_at
                            THEN extract(epoch FROM clock_timestamp() - w.leased_at)::double precision END AS since_s,
                       extract(epoch FROM w.lease_until - clock_timestamp())::double precision AS left_s
                  FROM work w
                  JOIN chunk c ON c.id = w.chunk_id
                  JOIN node n ON n.id = c.node_id
                  JOIN repository r ON r.id = w.repo_id
                  LEFT JOIN worker who ON who.id = w.lease_owner
                 WHERE w.state = 'leased'
                   AND (CAST(:workers AS uuid[]) IS NULL OR w.lease_owner = ANY (CAST(:workers AS uuid[])))
                 ORDER BY since_s DESC NULLS LAST, w.chunk_id LIMIT :limit
                """
            ),
            {"workers": None if workers is None else [str(one) for one in workers], "limit": limit},
        )
        return [Held(**{**row, "stage": Stage(row["stage"])}) for row in rows.mappings()]


async def drain(db: Database, order: Order, names: Sequence[str] | None, *, draining: bool) -> list[UUID]:
    """Ask workers that are alive (None: all of them) to claim nothing more, or to go on; which were meant.

    A name is the beginning of a worker's number (four characters or more), its host, or host:pid. Raises NotFound
    for one that fits nobody.
    """
    async with db.write() as connection:
        rows = await connection.execute(
            text(
                "SELECT id, host, pid FROM worker "
                f"WHERE seen_at > clock_timestamp() - make_interval(secs => {ALIVE_S}) ORDER BY started_at FOR UPDATE"
            )
        )
        alive = rows.all()
        meant = [row.id for row in alive if names is None or any(_fits(row, name) for name in names)]
        for name in names or ():
            if not any(_fits(row, name) for row in alive):
                raise NotFound(f"no worker that is alive is called {name!r}", "`doctown workers` lists them all.")
        changed = await connection.execute(
            text(
                "UPDATE worker SET draining = :draining, drained_at = NULL "
                "WHERE id = ANY (CAST(:ids AS uuid[])) AND draining <> :draining RETURNING id"
            ),
            {"draining": draining, "ids": [str(one) for one in meant]},
        )
        await audit.note(connection, order, {"workers": len(meant), "changed": len(changed.all())})
    return meant


def _fits(row: object, name: str) -> bool:
    host, pid = getattr(row, "host"), getattr(row, "pid")  # noqa: B009 - a row of the driver's, without a type
    numbered = len(name) >= _SHORTEST_NAME and str(getattr(row, "id")).startswith(name.lower())  # noqa: B009
    return numbered or name in {host, f"{host}:{pid}"}
