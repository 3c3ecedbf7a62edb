"""The sentence: gather -> stage -> guard -> save, for one claim of text or one batch of vectors.

No transaction is open while a model thinks: each step is a statement of its own, and the fence of the claim ties
them together.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol
from uuid import UUID

from daemon.errors import ModelTimeout, PromptError
from daemon.index import sheets
from daemon.safety.material import Safety
from daemon.settings import Settings
from daemon.stages.base import TextStage
from daemon.stages.by_strategy import ByStrategy
from daemon.stages.embed import Embed
from daemon.work.below import Below
from daemon.work.budget import charged_to
from daemon.work.events import Observer
from daemon.work.saver import Saver
from db import gather as db_gather
from db import save as db_save
from db.session import Database
from db.types import Claim, Material, Outcome, Reason, Stage, TextDraft, VectorDraft

Draft = TextDraft | VectorDraft


@dataclass(frozen=True, slots=True)
class Prepared:
    """A claim with its material and, where the ledger holds the answer already, that draft."""

    claim: Claim
    material: Material
    recalled: TextDraft | None = None
    redacted: Mapping[str, int] = field(default_factory=dict)  # secrets taken out of the material, by kind
    below: frozenset[int] = frozenset()  # chunks that are being written and whose texts this one is to show


@dataclass(frozen=True, slots=True)
class Saved:
    """What became of one claim."""

    claim: Claim
    outcome: Outcome
    draft: Draft | None


class Pipeline(Protocol):
    """One stage, from claims to saves."""

    @property
    def stage(self) -> Stage:
        """Its name."""
        ...

    @property
    def endpoint(self) -> str:
        """Whose slots and breaker it uses."""
        ...

    @property
    def model(self) -> str:
        """The model's name: stages of one endpoint with different models take turns."""
        ...

    @property
    def batch(self) -> int:
        """How many claims one task works on together."""
        ...

    async def prepare(self, claims: Sequence[Claim]) -> list[Prepared]:
        """What the stage may see of all the claims, in one look; claims of deleted chunks are left out."""
        ...

    async def think(self, work: Sequence[Prepared]) -> Sequence[Draft]:
        """One draft per piece; the only step that uses a slot of the endpoint. Raises ModelError and its kind."""
        ...

    async def save(self, claims: Sequence[Claim], drafts: Sequence[Draft]) -> list[Outcome]:
        """One outcome per claim. Raises StoreError when the store stays away."""
        ...

    async def close(self, within_s: float) -> None:
        """Finish what is being saved; give up when the store stays away for ``within_s`` seconds."""
        ...


async def advance(pipeline: Pipeline, work: Sequence[Prepared]) -> list[Saved]:
    """stage -> guard -> save, after prepare has gathered. No transaction is open while a model thinks."""
    drafts = await pipeline.think(work)
    claims = [piece.claim for piece in work]
    outcomes = await pipeline.save(claims, drafts)
    return [Saved(*row) for row in zip(claims, outcomes, drafts, strict=True)]


class TextPipeline:
    """Coder or Talker: one claim, one answer."""

    batch = 1

    def __init__(
        self,
        db: Database,
        stage: TextStage | ByStrategy,
        settings: Settings,
        worker: UUID,
        observers: Sequence[Observer] = (),
    ) -> None:
        self._db = db
        self._stage = stage
        self._settings = settings
        self._safety = Safety(settings.safety)
        self._writing: dict[str, asyncio.Event] = {}
        self._below = Below(settings.queue.callee_wait_s)
        self._saver: Saver[TextDraft] = Saver(
            lambda drafts: db_save.save_texts(db, drafts, worker=str(worker)),
            patience_s=settings.queue.deadline_s, told=_teller(stage.name, observers),
        )  # fmt: skip

    @property
    def stage(self) -> Stage:
        """The stage's name."""
        return self._stage.name

    @property
    def endpoint(self) -> str:
        """The endpoint of its model."""
        return self._stage.model.endpoint

    @property
    def model(self) -> str:
        """The name of its model."""
        return self._stage.model.name

    async def prepare(self, claims: Sequence[Claim]) -> list[Prepared]:
        """Material of all claims, and what the ledger recalls for them.

        Nothing is recalled for a requeued chunk: somebody wants another text than the one that is there. Secrets go
        here, before anything else sees the material: the key, the prompt and the guards know the redacted one alone.
        """
        chunks = [claim.chunk_id for claim in claims]
        # Before the rest: what ends between the two looks is seen by the second.
        waits = self.stage is Stage.CODER and self._settings.queue.callee_wait_s > 0
        below = await db_gather.below(self._db, chunks) if waits else {}
        materials = await db_gather.gather(self._db, claims, language=self._settings.language)
        await sheets.fill(
            self._db,
            list(materials),
            language=self._settings.language,
            folder=self._settings.prompts.folder,
            foreign=False,
        )
        there = [(claim, materials[claim.chunk_id]) for claim in claims if claim.chunk_id in materials]
        safe = {claim.chunk_id: self._safety.material(material) for claim, material in there}
        keys = {
            claim.chunk_id: self._key(safe[claim.chunk_id].material)
            for claim, _ in there
            if claim.reason != Reason.REQUEUED
        }
        held = await db_gather.recall(self._db, [key for key in keys.values() if key])
        return [
            Prepared(
                claim,
                safe[claim.chunk_id].material,
                self._recalled(safe[claim.chunk_id].material, held.get(keys.get(claim.chunk_id, ""))),
                safe[claim.chunk_id].redacted,
                below.get(claim.chunk_id, frozenset()),
            )
            for claim, _ in there
        ]

    async def _again(self, piece: Prepared) -> Prepared:
        """As it is by now; of a chunk that was deleted meanwhile what it was, which nobody will save."""
        found = await self.prepare([piece.claim])
        return found[0] if found else replace(piece, below=frozenset())

    def _key(self, material: Material) -> str:
        try:
            return self._stage.key(material)
        except PromptError:
            return ""  # its language has no prompts: thinking will say so, for this claim alone

    def _recalled(self, material: Material, held: db_gather.Recalled | None) -> TextDraft | None:
        if held is None:
            return None
        generation, text, model, quality = held
        return self._stage.recalled(material, generation=generation, text=text, model=model, quality=quality)

    async def think(self, work: Sequence[Prepared]) -> Sequence[TextDraft]:
        """The recalled text, or the model's within the deadline of an attempt, once what it is to show is written."""
        chunks = [piece.claim.chunk_id for piece in work]
        self._below.begins(chunks)
        try:
            work = [piece if piece.recalled else await self._below.wait(piece, self._again) for piece in work]
            return await self._think(work)
        except BaseException:
            self._below.ended(chunks)
            raise

    async def _think(self, work: Sequence[Prepared]) -> Sequence[TextDraft]:
        limit = self._settings.queue.deadline_s
        try:
            async with asyncio.timeout(limit):
                drafts = [(piece, piece.recalled or await self._write_once(piece)) for piece in work]
        except TimeoutError:
            raise ModelTimeout(
                f"no acceptable answer within {limit:.0f} s", "Raise queue.deadline_s, or give the model more power."
            ) from None
        return [self._safety.draft(draft, piece.redacted) for piece, draft in drafts]

    async def _write_once(self, piece: Prepared) -> TextDraft:
        """Copies that are written at the same time are written once: the others wait and take it from the ledger."""
        key = self._key(piece.material)
        if not key or piece.claim.reason == Reason.REQUEUED:
            return await self._write(piece)
        while key in self._writing:
            await self._writing[key].wait()
            held = (await db_gather.recall(self._db, [key])).get(key)
            recalled = self._recalled(piece.material, held)
            if recalled is not None:
                return recalled
        self._writing[key] = asyncio.Event()
        try:
            # Under the key that others wait for: what is known of the model's weights may have changed meanwhile.
            return replace(await self._write(piece), key=key)
        except BaseException:
            self._written(key)
            raise

    def _written(self, key: str) -> None:
        event = self._writing.pop(key, None)
        if event is not None:
            event.set()

    async def _write(self, piece: Prepared) -> TextDraft:
        # The seed moves too: the old one would give the requeued text back.
        variation = piece.claim.fence if piece.claim.reason == Reason.REQUEUED else 0
        with charged_to(piece.claim.repo_id):
            return await self._stage.write(piece.material, variation=variation)

    async def save(self, claims: Sequence[Claim], drafts: Sequence[Draft]) -> list[Outcome]:
        """Save the text together with whatever else is ready."""
        outcomes = []
        for claim, draft in zip(claims, drafts, strict=True):
            if not isinstance(draft, TextDraft):
                raise TypeError(f"{self.stage} saves texts")
            try:
                outcomes.append(await self._saver.put(claim, draft))
            finally:
                self._written(draft.key)
                self._below.ended([claim.chunk_id])
        return outcomes

    async def close(self, within_s: float) -> None:
        """Finish what is being saved."""
        await self._saver.close(within_s)


class EmbedPipeline:
    """Embed: many claims, one batch of vectors."""

    stage = Stage.EMBED

    def __init__(
        self, db: Database, stage: Embed, settings: Settings, *, endpoint: str, observers: Sequence[Observer] = ()
    ) -> None:
        self._db = db
        self._stage = stage
        self._settings = settings
        self._safety = Safety(settings.safety)
        self._model_id: int | None = None
        self.endpoint = endpoint
        self.batch = stage.embedder.batch
        self._saver: Saver[VectorDraft] = Saver(
            self._save, patience_s=settings.queue.deadline_s, told=_teller(Stage.EMBED, observers)
        )

    @property
    def model(self) -> str:
        """The name of its model."""
        return self._stage.embedder.name

    async def prepare(self, claims: Sequence[Claim]) -> list[Prepared]:
        """Material of all claims without secrets; the first look makes the model known to the store."""
        if self._model_id is None:
            embedder = self._stage.embedder
            how = self._settings.models.embedder.model_dump(mode="json")
            self._model_id = await db_save.register_embedding_model(self._db, embedder.name, embedder.dims, how)
        materials = await db_gather.gather(
            self._db, claims, language=self._settings.language, embedding_model=self._model_id
        )
        await sheets.fill(
            self._db,
            list(materials),
            language=self._settings.language,
            folder=self._settings.prompts.folder,
            foreign=True,
        )
        there = [(claim, materials[claim.chunk_id]) for claim in claims if claim.chunk_id in materials]
        return [Prepared(claim, self._safety.material(material).material) for claim, material in there]

    async def think(self, work: Sequence[Prepared]) -> Sequence[VectorDraft]:
        """Embed what has changed."""
        limit = self._settings.queue.deadline_s
        try:
            async with asyncio.timeout(limit):
                return await self._stage.measure([piece.material for piece in work])
        except TimeoutError:
            raise ModelTimeout(f"no vectors within {limit:.0f} s", "Lower models.embedder.batch.") from None

    async def save(self, claims: Sequence[Claim], drafts: Sequence[Draft]) -> list[Outcome]:
        """Save all vectors of the batch together."""
        pairs = [(claim, draft) for claim, draft in zip(claims, drafts, strict=True) if isinstance(draft, VectorDraft)]
        return list(await asyncio.gather(*(self._saver.put(claim, draft) for claim, draft in pairs)))

    async def _save(self, drafts: Sequence[tuple[Claim, VectorDraft]]) -> dict[tuple[int, int], Outcome]:
        if self._model_id is None:
            raise RuntimeError("save before prepare")
        return await db_save.save_vectors(self._db, drafts, model_id=self._model_id)

    async def close(self, within_s: float) -> None:
        """Finish what is being saved."""
        await self._saver.close(within_s)


def _teller(stage: Stage, observers: Sequence[Observer]) -> Callable[[int, float, int], None]:
    def tell(drafts: int, seconds: float, repeats: int) -> None:
        for observer in observers:
            observer.wrote(stage, drafts, seconds=seconds, repeats=repeats)

    return tell
