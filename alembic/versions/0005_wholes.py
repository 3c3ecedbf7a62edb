"""Files, packages and repositories described from what they hold."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_SQL = Path(__file__).resolve().parent.parent / "sql"


def upgrade() -> None:
    """The table and its functions first, then the triggers that fill it."""
    for name in ("0005_wholes", "0005_triggers"):
        _run((_SQL / f"{name}.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    """Packages and repositories go with their texts; files become pieces like others at the next index run."""
    _run((_SQL / "0004_triggers.sql").read_text(encoding="utf-8"))
    _run(
        """
        DELETE FROM node n USING repository r
         WHERE r.id = n.repo_id AND r.index_state <> 'new' AND n.file_id IS NULL
           AND n.kind IN ('PACKAGE', 'REPOSITORY');
        UPDATE chunk c SET strategy = 'skeleton', source_hash = COALESCE(n.source_hash, md5(n.source_code))
          FROM node n WHERE n.id = c.node_id AND doctown_is_whole(c.strategy);
        UPDATE repository SET index_state = 'writing' WHERE index_state = 'linked';
        UPDATE control SET compatible_since = '0001';
        DROP TABLE unsettled;
        DROP FUNCTION doctown_pieces_hash(bigint);
        DROP FUNCTION doctown_own_hash(bigint);
        DROP FUNCTION doctown_pieces(bigint);
        DROP FUNCTION doctown_is_whole(text);
        """
    )


def _run(script: str) -> None:
    # Scripts go to the driver as they are: SQLAlchemy would read ":name" and "%" in them as parameters.
    op.get_bind().connection.driver_connection.execute(script)
