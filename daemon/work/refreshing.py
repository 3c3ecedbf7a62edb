"""REFRESH: keeps texts in step with prompts, models, options and languages, among daemons that may differ in them."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Literal
from uuid import UUID

from daemon import log
from db import refresh as db_refresh
from db import vectors as db_vectors
from db.refresh import Recipes, Standing
from db.session import Database
from db.types import Stage

_LOOK_AGAIN_S = 600.0  # until a model's weights are asked for again: somebody may have pulled newer ones

_WHILE_AWAY_S = 30.0  # the same while its server does not answer

Now = Callable[[], Awaitable[Recipes]]
LooksAfter = Literal["all"] | int | None


class Part(StrEnum):
    """What a daemon does about recipes."""

    ANNOUNCE = "announce"  # say that its own hold
    LEAD = "lead"  # they hold: look for texts that others made
    YIELD = "yield"  # a newer daemon works by others: leave all refreshing to that one


def decide(mine: str, before: str | None, standing: Standing) -> Part:
    """``before``: the key that this daemon worked by until now, None when it begins.

    Who starts last is right, for as long as anybody works by the same. So daemons of two configurations never undo
    each other's work: only a start, an end or a change of one's own moves anything.
    """
    if standing.announced == mine:
        return Part.LEAD
    if before is None or standing.announced == before or not standing.announcer_lives:
        return Part.ANNOUNCE
    return Part.YIELD


class Refreshing:
    """One process's part in it.

    A daemon ``looks_after`` all repositories and says by what it works; a command that works on one looks after that
    (its number) and says nothing; None: nothing is looked for, recipes are only noted.
    """

    def __init__(self, db: Database, now: Now, owner: UUID, *, refresh: str, looks_after: LooksAfter) -> None:
        self._db = db
        self._now = now
        self._owner = owner
        self._refresh = refresh
        self._looks_after = looks_after
        self._before: str | None = None
        self._noted: str | None = None
        self._begun: frozenset[tuple[str, int]] = frozenset()  # sweeps that wait for what they made due
        self._mixed = True  # who starts looks through everything: texts may have been made by nobody knows whom
        self._log = log.get("refresh")
        self.yields = False

    async def begin(self) -> Recipes:
        """Know by what is worked, and note it, before any text is made. Raises StoreError and PromptError."""
        recipes = await self._now()
        if self._noted != recipes.key:
            await db_refresh.remember(self._db, recipes)
            self._noted = recipes.key
        return recipes

    async def tick(self) -> int:
        """Look once; how many texts became due. Raises StoreError and PromptError."""
        recipes = await self.begin()
        if self._looks_after == "all":
            return await self._lead(recipes)
        if self._looks_after is None:
            return 0
        due = 0
        if self._refresh == "auto" and self._before != recipes.key:
            due, complete = await self._sweep(recipes, self._looks_after)
            self._before = recipes.key if complete else None
        if not due:
            standing = await db_refresh.standing(self._db, self._owner)
            await self._switch(recipes, alone=not (standing.others_live or standing.announcer_lives))
        return due

    async def _lead(self, recipes: Recipes) -> int:
        await db_refresh.works_by(self._db, self._owner, recipes.key)
        standing = await db_refresh.standing(self._db, self._owner)
        part = decide(recipes.key, self._before, standing)
        self._tell(yields=part is Part.YIELD)
        if part is Part.YIELD:
            self._mixed = True
            return 0
        if part is Part.ANNOUNCE or standing.refresh != self._refresh:
            await db_refresh.announce(self._db, recipes, refresh=self._refresh)
            standing = await db_refresh.standing(self._db, self._owner)
        self._before = recipes.key
        if self._refresh != "auto":
            await self._switch(recipes, alone=not standing.others_live)
            return 0
        everything = self._mixed and not standing.others_live
        repositories = await db_refresh.repositories(self._db) if everything else standing.unswept
        due = 0
        for repo_id in repositories:
            language = await db_refresh.language_of(self._db, repo_id)
            more, complete = await self._sweep(recipes, repo_id)
            await db_refresh.swept(self._db, recipes if complete else None, repo_id, language)
            due += more
        # What a daemon with other recipes writes meanwhile is found when it has gone.
        self._mixed = standing.others_live
        if not due:
            await self._switch(recipes, alone=not standing.others_live)
        return due

    async def _switch(self, recipes: Recipes, *, alone: bool) -> None:
        """Search by the configured embedding model once it is filled in, then let the vectors of others go.

        ``alone``: nobody else writes vectors of another one.
        """
        recipe = recipes.by_stage.get(Stage.EMBED, {}).get("")
        known = await db_vectors.models(self._db) if recipe is not None else []
        if recipe is None or all(one.active for one in known):
            return
        wanted = (recipes.parts[recipe]["model"], recipes.parts[recipe]["dims"])
        new = next((one for one in known if (one.name, one.dims) == wanted), None)
        if new is None:
            return  # it has not made a vector yet
        if not new.active:
            if not await db_vectors.switch(self._db, new, recipe):
                return
            self._log.info("searched by another embedding model from now on", model=new.name, dims=new.dims)
        if alone:
            for old in known:
                if old.id != new.id and await db_vectors.drop(self._db, old):
                    self._log.info("vectors dropped", model=old.name, dims=old.dims)

    async def _sweep(self, recipes: Recipes, repo_id: int) -> tuple[int, bool]:
        """How many became due, and whether that is all there was."""
        begun = (recipes.key, repo_id)
        if begun in self._begun and await db_refresh.busy(self._db, repo_id):
            return 0, False
        found, complete = await db_refresh.sweep(self._db, recipes, repo_id)
        self._begun = self._begun - {begun} if complete else self._begun | {begun}
        for (stage, reason), count in found.items():
            self._log.info("outdated by a new recipe", repository=repo_id, stage=stage, reason=reason, chunks=count)
        return sum(found.values()), complete

    def _tell(self, *, yields: bool) -> None:
        if yields and not self.yields:
            self._log.warning("a newer daemon works by other prompts, models or options: refreshes are left to it")
        elif self.yields and not yields:
            self._log.info("refreshes are ours again")
        self.yields = yields


class Weights:
    """The digests of models' weights, by model; asked for now and then, and what a server that is away told last."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}
        self._asked: dict[str, float] = {}

    def of(self, model: str) -> str | None:
        """The digest, as far as it is known."""
        return self._known.get(model)

    def due(self, model: str) -> bool:
        """Whether it is time to ask."""
        return time.monotonic() - self._asked.get(model, float("-inf")) >= _LOOK_AGAIN_S

    def told(self, model: str, digest: str | None) -> None:
        """The server has answered."""
        self._asked[model] = time.monotonic()
        if digest is not None:
            self._known[model] = digest

    def remembered(self, model: str, digest: str | None) -> None:
        """The server is away; this is what it said last."""
        self._asked[model] = time.monotonic() - _LOOK_AGAIN_S + _WHILE_AWAY_S
        if digest is not None:
            self._known.setdefault(model, digest)
