"""Of callers that are alike the best example is chosen by what they say, not by their numbers."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_SQL = Path(__file__).resolve().parent.parent / "sql"


def upgrade() -> None:
    """One function; programs of the revision before do not mind it."""
    _run((_SQL / "0009_callers.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    """The function as 0004 made it."""
    script = (_SQL / "0004_instruct.sql").read_text(encoding="utf-8")
    begin = script.index("CREATE FUNCTION doctown_callers")
    end = script.index("$$;", begin) + len("$$;")
    _run(script[begin:end].replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"))


def _run(script: str) -> None:
    # Scripts go to the driver as they are: SQLAlchemy would read ":name" and "%" in them as parameters.
    op.get_bind().connection.driver_connection.execute(script)
