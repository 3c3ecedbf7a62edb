"""What is needed to tell that code was only renamed, and that files are to be read with other names of packages."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_SQL = Path(__file__).resolve().parent.parent / "sql"


def upgrade() -> None:
    """Columns that are filled by the next index run; then the triggers."""
    for name in ("0007_identity", "0007_triggers"):
        _run((_SQL / f"{name}.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    """What was carried stays where it is; wholes are looked at once more."""
    _run((_SQL / "0005_triggers.sql").read_text(encoding="utf-8"))
    script = (_SQL / "0005_wholes.sql").read_text(encoding="utf-8")
    before = script[script.index("CREATE FUNCTION doctown_pieces_hash") :]
    _run("DROP FUNCTION doctown_pieces_hash(bigint)")
    _run(before[: before.index("$$;") + 3])
    _run(
        """
        DROP FUNCTION doctown_urgency(integer, boolean);
        UPDATE work SET priority = priority + 2000000 WHERE priority < 0;
        ALTER TABLE repository DROP COLUMN roots;
        ALTER TABLE node DROP COLUMN shape_hash;
        UPDATE repository SET index_state = 'writing' WHERE index_state = 'linked';
        """
    )


def _run(script: str) -> None:
    # Scripts go to the driver as they are: SQLAlchemy would read ":name" and "%" in them as parameters.
    op.get_bind().connection.driver_connection.execute(script)
