"""The trigger on nodes takes its chunks in the order in which a save does."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# Found by letting edits and saves meet a few hundred times: two statements that lock the same chunks, each in an
# order of its own, deadlock now and then, and Postgres cancels one of them.
_IN_ORDER = """\
            PERFORM c.id
               FROM chunk c JOIN new_node n ON n.id = c.node_id JOIN old_node o ON o.id = n.id
              WHERE n.source_hash IS DISTINCT FROM o.source_hash OR n.source_code IS DISTINCT FROM o.source_code
              ORDER BY c.id FOR NO KEY UPDATE OF c;"""


def upgrade() -> None:
    """Lock, then change."""
    _run(_function(_IN_ORDER))


def downgrade() -> None:
    """Change in whatever order the plan has."""
    _run(_function(""))


def _function(first: str) -> str:
    return f"""
        CREATE OR REPLACE FUNCTION doctown_node_updated() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            {first}
            UPDATE chunk c SET source_hash = COALESCE(n.source_hash, md5(n.source_code))
              FROM new_node n JOIN old_node o ON o.id = n.id
             WHERE c.node_id = n.id
               AND (n.source_hash IS DISTINCT FROM o.source_hash
                    OR n.source_hash IS NULL AND n.source_code IS DISTINCT FROM o.source_code)
               AND c.source_hash IS DISTINCT FROM COALESCE(n.source_hash, md5(n.source_code));
            RETURN NULL;
        END $$;
    """


def _run(script: str) -> None:
    # Scripts go to the driver as they are: SQLAlchemy would read ":name" and "%" in them as parameters.
    op.get_bind().connection.driver_connection.execute(script)
