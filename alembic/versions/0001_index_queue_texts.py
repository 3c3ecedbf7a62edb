"""The code index, the queue, the texts, the ledger and search."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_SQL = Path(__file__).resolve().parent.parent / "sql"


def upgrade() -> None:
    """Tables first, then the triggers on them, then what reads them."""
    for name in ("0001_tables", "0001_triggers", "0001_search"):
        _run((_SQL / f"{name}.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    """Everything but the extension, which others may use."""
    _run(
        """
        DROP FUNCTION doctown_search(text, vector, integer, text, text, text, text);
        DROP FUNCTION doctown_tsquery(text);
        DROP FUNCTION doctown_words(text);
        DROP VIEW docs;
        DROP TABLE work, generation, embedding, embedding_model, chunk, edge, node, file, repository;
        DROP FUNCTION doctown_prose_tsv(text, text);
        DROP FUNCTION doctown_chunk_fill();
        DROP FUNCTION doctown_chunk_inserted();
        DROP FUNCTION doctown_chunk_updated();
        DROP FUNCTION doctown_node_updated();
        """
    )


def _run(script: str) -> None:
    # Scripts go to the driver as they are: SQLAlchemy would read ":name" and "%" in them as parameters.
    op.get_bind().connection.driver_connection.execute(script)
