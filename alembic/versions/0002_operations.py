"""Workers, audit, failures, weights, pauses and budgets."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_SQL = Path(__file__).resolve().parent.parent / "sql"


def upgrade() -> None:
    """Nothing that the revision before knows is changed."""
    _run((_SQL / "0002_operations.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    """Forget what was added; texts, queue and ledger stay."""
    _run(
        """
        DROP TABLE budget_use, budget_limit, failure, audit, worker, control;
        DROP INDEX work_refresh;
        ALTER TABLE work DROP COLUMN leased_at;
        ALTER TABLE repository DROP COLUMN weight, DROP COLUMN budget_until, DROP COLUMN budget_reason;
        """
    )


def _run(script: str) -> None:
    # Scripts go to the driver as they are: SQLAlchemy would read ":name" and "%" in them as parameters.
    op.get_bind().connection.driver_connection.execute(script)
