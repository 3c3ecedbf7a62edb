"""Tables of a running service: control, worker, audit, failure, the budget, who is followed.

None of them is needed to write a text: they say who works, who changed what, what went wrong, what may be spent.
"""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Date,
    Float,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from db.models.base import Base, identity, moment, moment_now

_EMPTY_OBJECT = text("'{}'")
_ZERO = text("0")
_STAGES = text("'{coder,talker,embed}'")


class Control(Base):
    """One row: what holds for all repositories and all workers.

    ``compatible_since`` is the oldest revision whose programs may work on these tables: a migration that only adds
    leaves it alone, so that daemons of both versions run side by side while a service is brought up to date.
    """

    __tablename__ = "control"

    id: Mapped[bool] = mapped_column(primary_key=True, server_default=text("true"))
    paused: Mapped[bool] = mapped_column(server_default=text("false"))
    budget_until: Mapped[moment | None]  # while it lies ahead, no text is written: the budget of the day is used up
    budget_reason: Mapped[str | None]
    compatible_since: Mapped[str] = mapped_column(server_default=text("'0001'"))
    stages: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=_STAGES)  # which make work
    filled: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=_STAGES)  # whose work is in the queue
    recipes: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=_EMPTY_OBJECT)  # that hold now: db/refresh.py
    recipes_key: Mapped[str | None]  # their fingerprint
    refresh: Mapped[str] = mapped_column(server_default=text("'auto'"))  # what becomes of texts that others made

    __table_args__ = (
        CheckConstraint("id", name="one"),
        CheckConstraint("refresh IN ('auto', 'manual')", name="refresh"),
    )


class Worker(Base):
    """A process that works. It says every few seconds that it lives, and reads whether it is to drain."""

    __tablename__ = "worker"

    id: Mapped[UUID] = mapped_column(primary_key=True)  # work.lease_owner
    host: Mapped[str]
    pid: Mapped[int] = mapped_column(Integer)
    version: Mapped[str]
    stages: Mapped[list[str]] = mapped_column(ARRAY(Text))
    slots: Mapped[int] = mapped_column(Integer)  # calls that it keeps in flight at most
    in_flight: Mapped[int] = mapped_column(Integer, server_default=_ZERO)
    draining: Mapped[bool] = mapped_column(server_default=text("false"))  # it is asked to claim nothing more
    drained_at: Mapped[moment | None]  # and said that nothing is in flight any more
    started_at: Mapped[moment_now]
    seen_at: Mapped[moment_now]
    recipes: Mapped[str | None]  # fingerprint of the recipes that it works by

    __table_args__ = ({"postgresql_with": {"fillfactor": "50"}},)


class Audit(Base):
    """One command of an administrator. ``position`` is where a batched command stands, so that it can be resumed."""

    __tablename__ = "audit"

    id: Mapped[identity]
    at: Mapped[moment_now]
    actor: Mapped[str]  # user@host, and the database's user where it is another
    command: Mapped[str]
    filter: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=_EMPTY_OBJECT)
    counts: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=_EMPTY_OBJECT)
    reason: Mapped[str | None]
    state: Mapped[str] = mapped_column(server_default=text("'running'"))
    position: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    finished_at: Mapped[moment | None]

    __table_args__ = (CheckConstraint("state IN ('running', 'done', 'failed')", name="state"),)


class Failure(Base):
    """An attempt that came to nothing, and what its row of ``work`` became. Outlives its chunk, pruned by age."""

    __tablename__ = "failure"

    id: Mapped[identity]
    at: Mapped[moment] = mapped_column(server_default=func.clock_timestamp())
    repo_id: Mapped[int] = mapped_column(BigInteger)
    chunk_id: Mapped[int] = mapped_column(BigInteger)
    stage: Mapped[str]
    fence: Mapped[int] = mapped_column(BigInteger)
    attempt: Mapped[int] = mapped_column(SmallInteger)
    state: Mapped[str]
    error_class: Mapped[str]
    error: Mapped[str]
    worker: Mapped[UUID | None]

    __table_args__ = (Index("failure_chunk", "chunk_id", "stage", "id"), Index("failure_at", "at"))


class BudgetLimit(Base):
    """What may be used in a day, where it differs from the configuration; ``repo_id`` 0 stands for all together."""

    __tablename__ = "budget_limit"

    repo_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    calls: Mapped[int | None] = mapped_column(BigInteger)
    tokens: Mapped[int | None] = mapped_column(BigInteger)
    seconds: Mapped[float | None] = mapped_column(Float)

    __table_args__ = (CheckConstraint("calls >= 0 AND tokens >= 0 AND seconds >= 0", name="positive"),)


class BudgetUse(Base):
    """What was used on a day; ``repo_id`` 0 stands for all repositories together.

    A call is counted with the most that it may use before it starts, and with what it used when it has ended. What is
    counted and not yet known stands in ``held_*`` too; after ``held_until`` no call can be under way, and what is left
    there belongs to daemons that vanished: it stays counted.
    """

    __tablename__ = "budget_use"

    day: Mapped[date] = mapped_column(Date, primary_key=True)
    repo_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    calls: Mapped[int] = mapped_column(BigInteger, server_default=_ZERO)
    tokens: Mapped[int] = mapped_column(BigInteger, server_default=_ZERO)  # of prompts and answers
    seconds: Mapped[float] = mapped_column(Float, server_default=_ZERO)  # from a call's start to its end
    held_calls: Mapped[int] = mapped_column(BigInteger, server_default=_ZERO)
    held_tokens: Mapped[int] = mapped_column(BigInteger, server_default=_ZERO)
    held_seconds: Mapped[float] = mapped_column(Float, server_default=_ZERO)
    held_until: Mapped[moment_now]

    __table_args__ = ({"postgresql_with": {"fillfactor": "50"}},)


class Follow(Base):
    """A repository that is followed. Whichever daemon finds it due takes its turn by a lease."""

    __tablename__ = "follow"

    repo_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("repository.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    every_s: Mapped[float] = mapped_column(Float)
    next_at: Mapped[moment_now]
    lease_owner: Mapped[UUID | None]
    lease_until: Mapped[moment | None]
    failures: Mapped[int] = mapped_column(Integer, server_default=_ZERO)  # in a row
    error: Mapped[str | None]  # of the last try
    tried_at: Mapped[moment | None]
    done_at: Mapped[moment | None]  # when it was last brought in step

    __table_args__ = (CheckConstraint("every_s >= 1", name="every"), {"postgresql_with": {"fillfactor": "50"}})
