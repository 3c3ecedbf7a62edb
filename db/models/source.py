"""Tables of the code index: repository, file, node, edge.

An external indexer may write them with plain SQL; docs/external-index.md says which columns it needs.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    Text,
    UniqueConstraint,
    text,
)  # fmt: skip
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, REAL
from sqlalchemy.orm import Mapped, mapped_column

from db.models.base import Base, identity, moment, moment_now

EMPTY_ARRAY = text("'{}'")
EMPTY_LIST = text("'[]'")


class Repository(Base):
    """A code base. ``language`` overrides the configured language of its texts.

    ``weight`` is its share of the work beside others that have work due: 2 gets twice as much as 1.
    """

    __tablename__ = "repository"

    id: Mapped[identity]
    name: Mapped[str] = mapped_column(unique=True)
    root: Mapped[str | None]
    language: Mapped[str | None]
    paused: Mapped[bool] = mapped_column(server_default=text("false"))
    index_state: Mapped[str] = mapped_column(server_default=text("'new'"))
    indexing_until: Mapped[moment | None]  # while it lies ahead, nothing of this repository is claimed
    indexed_at: Mapped[moment | None]
    roles: Mapped[str | None]  # fingerprint of what it was linked by: table of roles, words, version
    roots: Mapped[dict[str, Any] | None] = mapped_column(JSONB)  # prefix of an import -> folder, when files were read
    created_at: Mapped[moment_now]
    weight: Mapped[int] = mapped_column(Integer, server_default=text("1"))
    budget_until: Mapped[moment | None]  # while it lies ahead, no text of it is written: its budget is used up
    budget_reason: Mapped[str | None]
    swept: Mapped[str | None]  # for which recipes and language its texts were last looked through
    url: Mapped[str | None]  # of a remote repository; null: the folder in root
    ref: Mapped[str | None]  # the branch, tag or commit that is indexed; null: what lies in the folder
    indexed_commit: Mapped[str | None]  # up to where git's history is in the index ...
    indexed_apart: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=EMPTY_ARRAY)  # ... but for these files
    indexed_basis: Mapped[str | None]  # what else must be the same for a run to build upon it

    __table_args__ = (
        CheckConstraint("name <> ''", name="name"),
        CheckConstraint("weight BETWEEN 1 AND 1000", name="weight"),
        CheckConstraint("index_state IN ('new', 'writing', 'linked')", name="index_state"),
    )


class File(Base):
    """A source file, read or (``skipped`` says why) not."""

    __tablename__ = "file"

    id: Mapped[identity]
    repo_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("repository.id", ondelete="CASCADE"))
    path: Mapped[str]  # POSIX, relative to the root
    lang: Mapped[str | None]
    package: Mapped[str] = mapped_column(server_default=text("''"))
    size: Mapped[int | None] = mapped_column(BigInteger)  # bytes
    mtime_ns: Mapped[int | None] = mapped_column(BigInteger)
    content_hash: Mapped[str | None]
    line_count: Mapped[int | None] = mapped_column(Integer)
    imports: Mapped[list[Any]] = mapped_column(JSONB, server_default=EMPTY_LIST)  # [{"alias", "target"}]
    syntax_errors: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    skipped: Mapped[str | None]

    __table_args__ = (UniqueConstraint("repo_id", "path"),)


class Node(Base):
    """A definition of the code graph.

    ``source_code`` is the text that belongs to the node alone. ``source_hash`` names its meaning (our indexer
    hashes the token stream); where an external indexer leaves it null, md5 of the source is used.
    """

    __tablename__ = "node"

    id: Mapped[identity]
    repo_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("repository.id", ondelete="CASCADE"))
    file_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("file.id", ondelete="CASCADE"))
    kind: Mapped[str]
    lang: Mapped[str]
    fqn: Mapped[str]
    ordinal: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))  # tells overloads apart
    name: Mapped[str]
    package: Mapped[str] = mapped_column(server_default=text("''"))
    owner: Mapped[str | None]  # fqn of the enclosing class
    line_start: Mapped[int | None] = mapped_column(Integer)
    line_end: Mapped[int | None] = mapped_column(Integer)
    signature: Mapped[str | None]
    params: Mapped[list[Any]] = mapped_column(JSONB, server_default=EMPTY_LIST)  # [{"name", "type", "default"}]
    return_type: Mapped[str | None]
    supertypes: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=EMPTY_ARRAY)
    annotations: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=EMPTY_ARRAY)
    modifiers: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=EMPTY_ARRAY)
    fields: Mapped[list[Any]] = mapped_column(JSONB, server_default=EMPTY_LIST)  # as params
    doc_summary: Mapped[str | None]
    doc_details: Mapped[str | None]
    imports: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=EMPTY_ARRAY)
    marks: Mapped[list[Any]] = mapped_column(JSONB, server_default=EMPTY_LIST)  # by which roles are told: db/types.py
    role: Mapped[str | None]
    role_detail: Mapped[str | None]
    source_code: Mapped[str | None]
    source_hash: Mapped[str | None]
    signature_hash: Mapped[str | None]
    shape_hash: Mapped[str | None]  # as source_hash, with a placeholder for each name that is declared in the code
    centrality: Mapped[float] = mapped_column(REAL, server_default=text("0"))  # 0 .. 1
    level: Mapped[int] = mapped_column(Integer, server_default=text("0"))  # 0 leans on nothing in the index
    cluster: Mapped[int | None] = mapped_column(Integer)

    __table_args__ = (
        UniqueConstraint(
            "repo_id", "file_id", "kind", "fqn", "ordinal", name="node_identity_key", postgresql_nulls_not_distinct=True
        ),
        Index("node_fqn", "repo_id", "fqn", postgresql_ops={"fqn": "text_pattern_ops"}),
        Index("node_file", "file_id"),
    )


class Edge(Base):
    """How one node leans on another; ``dst`` is null when the target lies outside the index."""

    __tablename__ = "edge"

    src: Mapped[int] = mapped_column(BigInteger, ForeignKey("node.id", ondelete="CASCADE"), primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    dst_name: Mapped[str] = mapped_column(primary_key=True)  # as the source writes it
    dst: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("node.id", ondelete="SET NULL"))
    repo_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("repository.id", ondelete="CASCADE"))
    count: Mapped[int] = mapped_column(Integer, server_default=text("1"))
    line: Mapped[int | None] = mapped_column(Integer)
    resolution: Mapped[str | None]  # the rule that found dst

    __table_args__ = (
        Index("edge_dst", "dst", "kind", postgresql_where=text("dst IS NOT NULL")),
        Index("edge_repo", "repo_id", "kind"),
    )
