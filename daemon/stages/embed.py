"""EMBED: saved source and texts -> vectors; only the fields whose text has changed are computed."""

from __future__ import annotations

from collections.abc import Sequence

from daemon.identifiers import code_words, identifier_words
from daemon.llm.base import Embedder
from daemon.safety.material import without_secrets
from daemon.stages.origin import digest
from db.types import Material, Stage, Vector, VectorDraft, VectorField


class Embed:
    """Material -> vectors of its source and of each of its texts."""

    def __init__(self, embedder: Embedder) -> None:
        self.embedder = embedder

    @property
    def name(self) -> Stage:
        """The stage's name."""
        return Stage.EMBED

    def recipe(self) -> str:
        """Fingerprint of the model: vectors of another one are never compared."""
        return digest("embed", self.embedder.name, self.embedder.dims)

    def recipe_parts(self) -> dict[str, object]:
        """What the recipe is a fingerprint of, by name."""
        return {"model": self.embedder.name, "dims": self.embedder.dims}

    async def measure(self, materials: Sequence[Material]) -> list[VectorDraft]:
        """The vectors that each material lacks, computed together. Raises ModelError and its kind."""
        wanted = [self._missing(material) for material in materials]
        texts = [text for missing in wanted for _, _, text in missing]
        vectors = iter(await self.embedder.embed(texts) if texts else [])
        return [
            VectorDraft(
                model=self.embedder.name,
                dims=self.embedder.dims,
                recipe=self.recipe(),
                vectors=tuple(
                    Vector(field=field, text_hash=text_hash, values=tuple(next(vectors)))
                    for field, text_hash, _ in missing
                ),
                **({} if material.idents is not None else search_words(material)),
            )
            for material, missing in zip(materials, wanted, strict=True)
        ]

    def _missing(self, material: Material) -> list[tuple[VectorField, str, str]]:
        known = dict(material.vectors)
        found = []
        for field, text in texts_of(material).items():
            text_hash = digest(text)
            if text.strip() and known.get(field) != text_hash:
                found.append((field, text_hash, text))
        return found


def texts_of(material: Material) -> dict[VectorField, str]:
    """What is embedded for each field. Path, class and name go before the code: they are worth a few points of
    retrieval for nothing (docs/quality.md)."""
    place = " ".join(part for part in (material.path, material.fqn) if part)
    texts = {VectorField.SOURCE: f"{place}\n{material.doc_summary or ''}\n{material.source_code}"}
    if material.content_raw:
        texts[VectorField.RAW] = material.content_raw
    if material.content:
        texts[VectorField.CONTENT] = material.content
    if material.instruct:
        texts[VectorField.INSTRUCT] = material.instruct
    return texts


def search_words(material: Material) -> dict[str, str]:
    """Identifiers and code words of a chunk for the text search, split."""
    return {
        "idents": identifier_words(material.fqn, material.path or "", [param.name for param in material.params]),
        "words": code_words(without_secrets(material.source_code)),
    }
