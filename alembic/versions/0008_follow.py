"""Repositories that are followed: where they come from, how often, and up to which commit they are in the index."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_SQL = Path(__file__).resolve().parent.parent / "sql"


def upgrade() -> None:
    """Columns and a table; programs of the revision before do not mind them."""
    _run((_SQL / "0008_follow.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    """Nothing is followed any more; the next index run looks at every file."""
    _run(
        """
        DROP TABLE follow;
        ALTER TABLE repository DROP COLUMN url, DROP COLUMN ref, DROP COLUMN indexed_commit,
            DROP COLUMN indexed_apart, DROP COLUMN indexed_basis;
        """
    )


def _run(script: str) -> None:
    # Scripts go to the driver as they are: SQLAlchemy would read ":name" and "%" in them as parameters.
    op.get_bind().connection.driver_connection.execute(script)
