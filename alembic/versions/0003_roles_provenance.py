"""Roles with their details and marks, and the views on quality and provenance."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_SQL = Path(__file__).resolve().parent.parent / "sql"


def upgrade() -> None:
    """Columns of the index first, then the views."""
    _run(
        """
        ALTER TABLE repository ADD COLUMN roles text;
        ALTER TABLE node ADD COLUMN marks jsonb NOT NULL DEFAULT '[]', ADD COLUMN role_detail text;
        """
    )
    _run((_SQL / "0003_views.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    """The views and the columns; roles are found anew by the next index run."""
    _run(
        """
        DROP VIEW quality, provenance;
        DROP VIEW doctown_texts;
        ALTER TABLE node DROP COLUMN marks, DROP COLUMN role_detail;
        ALTER TABLE repository DROP COLUMN roles;
        """
    )


def _run(script: str) -> None:
    # Scripts go to the driver as they are: SQLAlchemy would read ":name" and "%" in them as parameters.
    op.get_bind().connection.driver_connection.execute(script)
