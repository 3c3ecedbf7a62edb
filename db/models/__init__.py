"""All tables: importing this module fills Base.metadata."""

from db.models.base import Base
from db.models.source import Edge, File, Node, Repository
from db.models.text import Chunk, Embedding, EmbeddingModel, Generation
from db.models.work import Work

__all__ = [
    "Base", "Chunk", "Edge", "Embedding", "EmbeddingModel", "File", "Generation", "Node", "Repository", "Work",
]  # fmt: skip
