"""Tables of what is written: chunk with its texts, embedding with its vectors, the ledger of generations."""

from __future__ import annotations

from typing import Any

from pgvector.sqlalchemy import VECTOR
from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Computed,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    UniqueConstraint,
    text,
)  # fmt: skip
from sqlalchemy.dialects.postgresql import JSONB, TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from db.models.base import Base, identity, moment_now

EMPTY_OBJECT = text("'{}'")

# One expression each, spelled out in every generated column: Postgres lets none refer to another.
SOURCE_KEY = "(source_hash || COALESCE('+' || context_hash, ''))"
RAW_MISSING = "COALESCE(content_raw, '') = ''"
CODER_DUE = f"source_hash IS NOT NULL AND ({RAW_MISSING} OR raw_key IS DISTINCT FROM {SOURCE_KEY})"
TALKER_DUE = f"NOT ({RAW_MISSING}) AND (COALESCE(content, '') = '' OR content_key IS DISTINCT FROM md5(content_raw))"
INSTRUCT_KEY = f"doctown_instruct_key({SOURCE_KEY}, content_raw, sites_hash)"
INSTRUCT_DUE = (
    f"COALESCE(usable, true) AND NOT ({RAW_MISSING}) AND NOT ({CODER_DUE}) AND "
    f"(COALESCE(instruct, '') = '' OR instruct_key IS DISTINCT FROM {INSTRUCT_KEY})"
)
EMBED_KEY = (
    f"md5(COALESCE({SOURCE_KEY}, '') || '|' || COALESCE(content_raw, '') || '|' || COALESCE(content, '') "
    "|| COALESCE('|' || NULLIF(instruct, ''), ''))"
)
EMBED_DUE = f"(source_hash IS NOT NULL OR NOT ({RAW_MISSING})) AND embed_key IS DISTINCT FROM {EMBED_KEY}"
TSV = (
    "setweight(to_tsvector('simple', left(COALESCE(idents, ''), 100000)), 'A') || "
    "setweight(doctown_prose_tsv(lang_detected, left(COALESCE(content_raw, '') || ' ' || COALESCE(content, ''), "
    "200000)), 'B') || setweight(doctown_prose_tsv(lang_detected, left(COALESCE(instruct, ''), 100000)), 'C') || "
    "setweight(to_tsvector('simple', left(COALESCE(words, ''), 200000)), 'D')"
)


class Chunk(Base):
    """What is documented: a node, or one part of a long one.

    ``content_raw`` is the Coder's text, ``content`` the Talker's, ``instruct`` that of Instruct. The ``*_key`` columns
    say what each text was made from; the generated ``*_due`` columns compare them with what is there now. Triggers
    keep ``work`` in step with them, so plain SQL requeues: ``UPDATE chunk SET content_raw = NULL WHERE ...``.
    """

    __tablename__ = "chunk"

    id: Mapped[identity]
    repo_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("repository.id", ondelete="CASCADE"))
    node_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("node.id", ondelete="CASCADE"))
    part: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    title: Mapped[str | None]
    strategy: Mapped[str] = mapped_column(server_default=text("'symbol'"))
    audience: Mapped[str | None]
    goal: Mapped[str | None]
    quality_target: Mapped[str | None]
    lang_detected: Mapped[str | None]  # natural language of the texts, as the guard found it
    priority: Mapped[int] = mapped_column(Integer, server_default=text("0"))  # lower goes first
    source_hash: Mapped[str | None]  # the node's, or md5 of its source; null: nothing to explain
    context_hash: Mapped[str | None]  # what neighbours show of themselves
    sites_hash: Mapped[str | None]  # what the places look like that use it: see doctown_sites_hash
    usable: Mapped[bool | None]  # false: nobody is told how to use it (tests, files); null: true
    source_key: Mapped[str | None] = mapped_column(Computed(SOURCE_KEY, persisted=True))
    content_raw: Mapped[str | None]
    content: Mapped[str | None]
    instruct: Mapped[str | None]
    explain_md: Mapped[str | None]
    explain_quality: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=EMPTY_OBJECT)
    raw_key: Mapped[str | None]  # the source_key that content_raw was made from
    raw_recipe: Mapped[str | None]  # prompts, model, options, language; null: written by hand
    raw_fence: Mapped[int | None] = mapped_column(BigInteger)  # the claim that saved it; a hand edit leaves it
    content_key: Mapped[str | None]  # md5 of the content_raw that content was made from
    content_recipe: Mapped[str | None]
    content_fence: Mapped[int | None] = mapped_column(BigInteger)
    instruct_key: Mapped[str | None]  # doctown_instruct_key of what instruct was made from
    instruct_recipe: Mapped[str | None]
    instruct_fence: Mapped[int | None] = mapped_column(BigInteger)
    embed_key: Mapped[str | None]
    embed_recipe: Mapped[str | None]
    idents: Mapped[str | None]  # identifiers, split; null: an external indexer left it to us
    words: Mapped[str | None]  # code words, split
    content_tsv: Mapped[Any] = mapped_column(TSVECTOR, Computed(TSV, persisted=True))
    coder_due: Mapped[bool | None] = mapped_column(Boolean, Computed(CODER_DUE, persisted=True))
    talker_due: Mapped[bool | None] = mapped_column(Boolean, Computed(TALKER_DUE, persisted=True))
    instruct_due: Mapped[bool | None] = mapped_column(Boolean, Computed(INSTRUCT_DUE, persisted=True))
    embed_due: Mapped[bool | None] = mapped_column(Boolean, Computed(EMBED_DUE, persisted=True))
    created_at: Mapped[moment_now]
    updated_at: Mapped[moment_now]

    __table_args__ = (
        UniqueConstraint("node_id", "part"),
        Index("chunk_repo", "repo_id"),
        Index("chunk_tsv", "content_tsv", postgresql_using="gin"),
    )


class EmbeddingModel(Base):
    """A model that made vectors; search uses the active one."""

    __tablename__ = "embedding_model"

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    name: Mapped[str]
    dims: Mapped[int] = mapped_column(Integer)
    active: Mapped[bool] = mapped_column(server_default=text("false"))
    created_at: Mapped[moment_now]
    settings: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=EMPTY_OBJECT)  # how it is reached

    __table_args__ = (
        UniqueConstraint("name", "dims"),
        Index("embedding_model_active", "active", unique=True, postgresql_where=text("active")),
    )


class Embedding(Base):
    """One vector of one text of a chunk.

    Apart from ``chunk``, so that no update of a text or of the queue touches an HNSW index. The column is
    untyped; every model has a partial expression index of its own (made when the model is first used).
    """

    __tablename__ = "embedding"

    chunk_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("chunk.id", ondelete="CASCADE"), primary_key=True)
    field: Mapped[str] = mapped_column(primary_key=True)
    model_id: Mapped[int] = mapped_column(
        SmallInteger, ForeignKey("embedding_model.id", ondelete="CASCADE"), primary_key=True
    )
    repo_id: Mapped[int] = mapped_column(BigInteger)
    text_hash: Mapped[str]
    vector: Mapped[Any] = mapped_column(VECTOR)

    __table_args__ = (CheckConstraint("field IN ('source', 'raw', 'content', 'instruct')", name="field"),)


class Generation(Base):
    """One accepted answer: history, cost report and content-addressed cache at once. Append-only.

    ``chunk_id`` carries no foreign key: the ledger outlives the chunk.
    """

    __tablename__ = "generation"

    id: Mapped[identity]
    repo_id: Mapped[int] = mapped_column(BigInteger)
    chunk_id: Mapped[int] = mapped_column(BigInteger)
    stage: Mapped[str]
    key: Mapped[str]  # content address of everything the answer was made from
    source_key: Mapped[str]
    fence: Mapped[int] = mapped_column(BigInteger)
    model: Mapped[str]
    options: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=EMPTY_OBJECT)
    recipe: Mapped[str]
    prompt_fingerprint: Mapped[str]
    language: Mapped[str]
    output: Mapped[str | None]  # null where reused_from names the row that holds it
    reused_from: Mapped[int | None] = mapped_column(BigInteger)
    quality: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=EMPTY_OBJECT)
    prompt_tokens: Mapped[int | None] = mapped_column(Integer)
    output_tokens: Mapped[int | None] = mapped_column(Integer)
    duration_ms: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    regenerations: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    worker: Mapped[str | None]
    created_at: Mapped[moment_now]
    made_from: Mapped[dict[str, Any] | None] = mapped_column(JSONB)  # short hashes of its inputs, by name

    __table_args__ = (
        Index("generation_key", "key", postgresql_where=text("output IS NOT NULL")),
        Index("generation_reused", "reused_from", postgresql_where=text("reused_from IS NOT NULL")),
        Index("generation_chunk", "chunk_id", "stage", "id"),
        Index("generation_created", "created_at"),
    )


class Recipe(Base):
    """What a recipe is a fingerprint of, so that it can be told which part of it has changed."""

    __tablename__ = "recipe"

    recipe: Mapped[str] = mapped_column(primary_key=True)
    stage: Mapped[str]
    parts: Mapped[dict[str, Any]] = mapped_column(JSONB)
    seen_at: Mapped[moment_now]
