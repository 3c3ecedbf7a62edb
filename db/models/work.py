"""Table work: the narrow queue, one row per chunk and stage; and what is not settled yet.

             trigger                claim                  save
   (chunk) ----------> due ----------------> leased ----------------> done
                        ^                     | | |                     |
                        |   outdated, refund  | | |                     |
                        +---------------------+ | |     source changed  |
                        |                       | |     or requeued     |
                        |  run_at has come      | |                     |
                        +------- retrying <-----+ |                     |
                        |          ^   fail,      | permanent error,    |
                        |          |   rescue     | tries used up       |
                        |          |              v                     |
                        +----------+------------ dead                   |
                        |              requeued, new source             |
                        +-----------------------------------------------+

``fence`` rises with every claim and every rescue and is never set back; a save must name the fence it was
claimed under. ``lease_until`` stands in no index, so that renewals stay HOT updates.
"""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Integer, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from db.models.base import Base, moment, moment_now
from db.types import Stage, State

_STAGES = ", ".join(f"'{stage}'" for stage in Stage)
_STATES = ", ".join(f"'{state}'" for state in State)


class Work(Base):
    """What is to be done, who does it until when, and how often it went wrong."""

    __tablename__ = "work"

    chunk_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("chunk.id", ondelete="CASCADE"), primary_key=True)
    stage: Mapped[str] = mapped_column(primary_key=True)
    repo_id: Mapped[int] = mapped_column(BigInteger)
    lane: Mapped[int] = mapped_column(SmallInteger, server_default=text("1"))
    priority: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    state: Mapped[str] = mapped_column(server_default=text("'due'"))
    run_at: Mapped[moment_now]
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    crashes: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    fence: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    saved_fence: Mapped[int | None] = mapped_column(BigInteger)
    lease_owner: Mapped[UUID | None]
    lease_until: Mapped[moment | None]
    wanted_key: Mapped[str]
    reason: Mapped[str]
    error_class: Mapped[str | None]
    last_error: Mapped[str | None]
    due_at: Mapped[moment_now]
    done_at: Mapped[moment | None]
    leased_at: Mapped[moment | None]  # when the present or last holder claimed it

    __table_args__ = (
        CheckConstraint(f"stage IN ({_STAGES})", name="stage"),
        CheckConstraint(f"state IN ({_STATES})", name="state"),
        CheckConstraint("lane BETWEEN 0 AND 2", name="lane"),
        CheckConstraint("(state = 'leased') = (lease_owner IS NOT NULL AND lease_until IS NOT NULL)", name="lease"),
        CheckConstraint("attempts >= 0 AND crashes >= 0", name="counters"),
        Index("work_due", "stage", "lane", "repo_id", "priority", "chunk_id", postgresql_where=text("state = 'due'")),
        Index("work_retrying", "run_at", postgresql_where=text("state = 'retrying'")),
        Index("work_leased", "stage", "chunk_id", postgresql_where=text("state = 'leased'")),
        Index("work_refresh", "stage", "repo_id", "due_at", postgresql_where=text("state = 'due' AND lane = 2")),
        Index("work_dead", "repo_id", "stage", postgresql_where=text("state = 'dead'")),
        {
            "postgresql_with": {
                "fillfactor": "70",
                "autovacuum_vacuum_scale_factor": "0.01",
                "autovacuum_vacuum_threshold": "500",
                "autovacuum_vacuum_cost_delay": "0",
            }
        },
    )


class Unsettled(Base):
    """A file, package or repository of which something below has changed: it is looked at when ``look_at`` has come.

    Then either it is due, because what it reads is not what its text was made from, or its row goes. ``touched_at`` is
    when something below it changed last; the quiet time counts from there.
    """

    __tablename__ = "unsettled"

    chunk_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("chunk.id", ondelete="CASCADE"), primary_key=True)
    repo_id: Mapped[int] = mapped_column(BigInteger)
    touched_at: Mapped[moment_now]
    look_at: Mapped[moment_now]

    __table_args__ = (
        Index("unsettled_look", "look_at"),
        {
            "postgresql_with": {
                "fillfactor": "70",
                "autovacuum_vacuum_scale_factor": "0.01",
                "autovacuum_vacuum_threshold": "500",
            }
        },
    )
