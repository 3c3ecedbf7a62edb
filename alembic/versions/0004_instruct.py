"""Instruct, the third text, and a switch for every stage."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_SQL = Path(__file__).resolve().parent.parent / "sql"


def upgrade() -> None:
    """Columns and functions first, then the triggers and the doors that know them."""
    for name in ("0004_instruct", "0004_triggers", "0004_doors"):
        _run((_SQL / f"{name}.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    """Instruct texts stay in their column; what they were made from, and the stage's work and vectors, go."""
    _run(
        """
        DROP VIEW quality, provenance;
        DROP VIEW doctown_texts, docs;
        DROP FUNCTION doctown_search(text, vector, integer, text, text, text, text);
        DROP FUNCTION doctown_tsquery(text);
        DROP FUNCTION doctown_words(text);
        DROP TRIGGER chunk_fill ON chunk;
        DROP TRIGGER chunk_inserted ON chunk;
        DROP TRIGGER chunk_updated ON chunk;
        DROP TRIGGER node_updated ON node;
        DROP FUNCTION doctown_chunk_fill();
        DROP FUNCTION doctown_chunk_inserted();
        DROP FUNCTION doctown_chunk_updated();
        DROP FUNCTION doctown_node_updated();
        DROP FUNCTION doctown_sites_hash(bigint);
        DROP FUNCTION doctown_callers(bigint, integer);
        DELETE FROM work WHERE stage = 'instruct';
        DELETE FROM embedding WHERE field = 'instruct';
        ALTER TABLE work DROP CONSTRAINT work_stage_check,
            ADD CONSTRAINT work_stage_check CHECK (stage IN ('coder', 'talker', 'embed'));
        ALTER TABLE embedding DROP CONSTRAINT embedding_field_check,
            ADD CONSTRAINT embedding_field_check CHECK (field IN ('source', 'raw', 'content'));
        ALTER TABLE chunk DROP COLUMN instruct_due, DROP COLUMN embed_due, DROP COLUMN content_tsv;
        ALTER TABLE chunk
            DROP COLUMN usable, DROP COLUMN sites_hash, DROP COLUMN instruct_key, DROP COLUMN instruct_recipe,
            DROP COLUMN instruct_fence,
            ADD COLUMN embed_due boolean GENERATED ALWAYS AS (
                (source_hash IS NOT NULL OR NOT (COALESCE(content_raw, '') = ''))
                AND embed_key IS DISTINCT FROM md5(COALESCE((source_hash || COALESCE('+' || context_hash, '')), '')
                    || '|' || COALESCE(content_raw, '') || '|' || COALESCE(content, ''))) STORED,
            ADD COLUMN content_tsv tsvector GENERATED ALWAYS AS (
                setweight(to_tsvector('simple', left(COALESCE(idents, ''), 100000)), 'A') ||
                setweight(doctown_prose_tsv(lang_detected,
                    left(COALESCE(content_raw, '') || ' ' || COALESCE(content, ''), 200000)), 'B') ||
                setweight(to_tsvector('simple', left(COALESCE(words, ''), 200000)), 'D')) STORED;
        CREATE INDEX chunk_tsv ON chunk USING gin (content_tsv);
        DROP FUNCTION doctown_instruct_key(text, text, text);
        DROP FUNCTION doctown_usable(text, text);
        DROP FUNCTION doctown_runs(text);
        ALTER TABLE control DROP COLUMN stages, DROP COLUMN filled;
        """
    )
    for name in ("0001_triggers", "0001_search", "0003_views"):
        _run((_SQL / f"{name}.sql").read_text(encoding="utf-8"))


def _run(script: str) -> None:
    # Scripts go to the driver as they are: SQLAlchemy would read ":name" and "%" in them as parameters.
    op.get_bind().connection.driver_connection.execute(script)
