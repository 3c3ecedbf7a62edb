"""All tables: importing this module fills Base.metadata."""

from db.models.base import Base
from db.models.operations import Audit, BudgetLimit, BudgetUse, Control, Failure, Follow, Worker
from db.models.source import Edge, File, Node, Repository
from db.models.text import Chunk, Embedding, EmbeddingModel, Generation, Recipe
from db.models.work import Work

__all__ = [
    "Audit", "Base", "BudgetLimit", "BudgetUse", "Chunk", "Control", "Edge", "Embedding",
    "EmbeddingModel", "Failure", "File", "Follow", "Generation", "Node", "Recipe", "Repository", "Work", "Worker",
]  # fmt: skip
