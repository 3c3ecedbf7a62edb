"""Recipes by their parts, which of them hold, and what each text was made from."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_SQL = Path(__file__).resolve().parent.parent / "sql"


def upgrade() -> None:
    """Columns and functions first, then the views that know them. It only adds: older programs work on."""
    for name in ("0006_recipes", "0006_doors"):
        _run((_SQL / f"{name}.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    """What texts were made from is forgotten; what is due because of a recipe stays due."""
    script = (_SQL / "0004_doors.sql").read_text(encoding="utf-8")
    docs = script[script.index("CREATE OR REPLACE VIEW docs") : script.index("CREATE OR REPLACE VIEW doctown_texts")]
    _run("DROP VIEW docs;" + docs)
    _run(
        """
        DROP FUNCTION doctown_outdated(jsonb);
        DROP FUNCTION doctown_recipe_of(jsonb, text, text, text);
        DROP FUNCTION doctown_same_recipe(text, text);
        DROP TABLE recipe;
        ALTER TABLE control DROP COLUMN recipes, DROP COLUMN recipes_key, DROP COLUMN refresh;
        ALTER TABLE worker DROP COLUMN recipes;
        ALTER TABLE repository DROP COLUMN swept;
        DROP INDEX generation_reused;
        ALTER TABLE generation DROP COLUMN made_from;
        ALTER TABLE embedding_model DROP COLUMN settings;
        UPDATE work SET reason = 'recipe' WHERE reason = 'language';
        """
    )


def _run(script: str) -> None:
    # Scripts go to the driver as they are: SQLAlchemy would read ":name" and "%" in them as parameters.
    op.get_bind().connection.driver_connection.execute(script)
