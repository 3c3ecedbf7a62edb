"""REFRESH: which recipes hold, who says so, and what others made: counted, or put into the queue."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import text

from db.payload import dump
from db.session import Database
from db.sql import sql
from db.types import WHOLES, Stage
from db.workers import ALIVE_S

_WINDOW = 2000  # chunks per statement


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipes:
    """What texts are made by now.

    ``by_stage`` maps a stage to recipes: by language, by ``strategy/language`` where that has a question of its own,
    and for vectors under the empty name. ``parts`` says what each is a fingerprint of.
    """

    language: str  # the configured one, of repositories that name none
    by_stage: Mapping[str, Mapping[str, str]]
    parts: Mapping[str, Mapping[str, object]] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Fingerprint of all of them."""
        return hashlib.blake2b(dump(self.stored).encode(), digest_size=16).hexdigest()

    @property
    def stored(self) -> dict[str, Any]:
        """As ``control.recipes`` and the function ``doctown_outdated`` have them."""
        stages = {str(stage): dict(sorted(named.items())) for stage, named in sorted(self.by_stage.items())}
        return {"language": self.language, **stages}

    def of(self, stage: str, strategy: str | None, language: str | None) -> str | None:
        """The recipe for a chunk, as ``doctown_recipe_of`` tells it."""
        named, asked = self.by_stage.get(stage, {}), language or self.language
        return named.get(f"{strategy}/{asked}") or named.get(asked) or named.get("")


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What the store knows of recipes when a daemon looks."""

    announced: str | None  # key of the recipes that hold
    refresh: str
    announcer_lives: bool  # somebody who works by them is alive, other than who asks
    others_live: bool  # somebody who works by other recipes is alive
    unswept: tuple[int, ...]  # repositories whose texts were not yet looked through for them


@dataclass(frozen=True, slots=True, kw_only=True)
class Outdated:
    """How many texts of a repository and stage were made by other recipes, by reason."""

    repo: str
    stage: Stage
    reason: str
    count: int


async def languages(db: Database) -> list[str]:
    """The languages that repositories name."""
    async with db.statement() as connection:
        rows = await connection.execute(
            text("SELECT DISTINCT language FROM repository WHERE language IS NOT NULL ORDER BY 1")
        )
        return [row.language for row in rows]


async def repositories(db: Database) -> list[int]:
    """Every repository's number."""
    async with db.statement() as connection:
        return [row.id for row in await connection.execute(text("SELECT id FROM repository ORDER BY id"))]


async def weights(db: Database, model: str) -> str | None:
    """The digest that a model's server told last; None: none ever did."""
    async with db.statement() as connection:
        found = await connection.scalar(
            text(
                "SELECT parts ->> 'weights' FROM recipe WHERE parts ->> 'model' = :model AND parts ? 'weights' "
                "ORDER BY seen_at DESC LIMIT 1"
            ),
            {"model": model},
        )
        return None if found is None else str(found)


async def remember(db: Database, recipes: Recipes) -> None:
    """Note what the recipes are made of, before any text is made by them."""
    stage_of = {recipe: stage for stage, named in recipes.by_stage.items() for recipe in named.values()}
    rows = [
        {"recipe": recipe, "stage": stage, "parts": dict(recipes.parts[recipe])}
        for recipe, stage in sorted(stage_of.items())
        if recipe in recipes.parts
    ]
    async with db.statement() as connection:
        await connection.execute(
            text(
                "INSERT INTO recipe AS r (recipe, stage, parts) "
                "SELECT recipe, stage, parts FROM jsonb_to_recordset(CAST(:rows AS jsonb)) "
                "AS g (recipe text, stage text, parts jsonb) ORDER BY recipe "
                # Now and then, so that the weights told last are found; not at every start of every daemon.
                "ON CONFLICT (recipe) DO UPDATE SET seen_at = clock_timestamp() "
                "WHERE r.seen_at < clock_timestamp() - interval '1 minute'"
            ),
            {"rows": dump(rows)},
        )


async def standing(db: Database, owner: UUID) -> Standing:
    """What holds, for a daemon that looks; one cheap statement."""
    async with db.statement() as connection:
        row = (
            await connection.execute(
                text(
                    f"""
                    WITH other AS (
                        SELECT w.recipes FROM worker w
                         WHERE w.id <> :owner AND w.recipes IS NOT NULL AND NOT w.draining
                           AND w.seen_at > clock_timestamp() - make_interval(secs => {ALIVE_S}))
                    SELECT c.recipes_key AS announced, c.refresh,
                           EXISTS (SELECT FROM other o WHERE o.recipes = c.recipes_key) AS announcer_lives,
                           EXISTS (SELECT FROM other o WHERE o.recipes <> c.recipes_key) AS others_live,
                           ARRAY(SELECT r.id FROM repository r
                                  WHERE r.swept IS DISTINCT FROM concat(c.recipes_key, '/', r.language)
                                  ORDER BY r.id) AS unswept
                      FROM control c
                    """
                ),
                {"owner": str(owner)},
            )
        ).one()
    return Standing(
        announced=row.announced, refresh=row.refresh, announcer_lives=row.announcer_lives,
        others_live=row.others_live, unswept=tuple(row.unswept),
    )  # fmt: skip


async def announce(db: Database, recipes: Recipes, *, refresh: str) -> None:
    """Say that these recipes hold from now on, and what becomes of texts that others made."""
    await remember(db, recipes)
    async with db.statement() as connection:
        await connection.execute(
            text(
                "UPDATE control SET recipes = CAST(:recipes AS jsonb), recipes_key = :key, refresh = :refresh "
                "WHERE (recipes_key, refresh) IS DISTINCT FROM (:key, :refresh)"
            ),
            {"recipes": dump(recipes.stored), "key": recipes.key, "refresh": refresh},
        )


async def works_by(db: Database, owner: UUID, key: str) -> None:
    """Note by which recipes a worker works, where it is registered."""
    async with db.statement() as connection:
        await connection.execute(
            text("UPDATE worker SET recipes = :key WHERE id = :owner AND recipes IS DISTINCT FROM :key"),
            {"owner": str(owner), "key": key},
        )


async def sweep(db: Database, recipes: Recipes, repo_id: int) -> tuple[dict[tuple[Stage, str], int], bool]:
    """Queue, at the lowest priority, what other recipes made in a repository: how many by stage and reason.

    Bottom-up: where pieces are to be written anew, what holds them waits for another sweep; the second value says
    whether none is needed. In windows, each a short statement. Safe to be cut off, to be repeated, and to be done by
    several at once.
    """
    found: Counter[tuple[Stage, str]] = Counter()
    for rank in range(len(WHOLES) + 1):
        if rank and await busy(db, repo_id):
            return dict(found), False
        async for window in _windows(db, repo_id):
            async with db.statement() as connection:
                given = {"recipes": dump(recipes.stored), "repo_id": repo_id, "rank": rank, **window}
                rows = await connection.execute(sql("refresh_fill"), given)
                found.update((Stage(row.stage), row.reason) for row in rows)
        if any(stage is Stage.CODER for stage, _ in found):
            return dict(found), rank == len(WHOLES)
    return dict(found), True


async def _windows(db: Database, repo_id: int) -> AsyncIterator[dict[str, int | None]]:
    """All chunks of a repository in windows (after, up to); the last has no end."""
    after: int | None = 0
    while after is not None:
        async with db.statement() as connection:
            upto = await connection.scalar(
                text(
                    "SELECT id FROM chunk WHERE repo_id = :repo_id AND id > :after ORDER BY id OFFSET :window LIMIT 1"
                ),
                {"repo_id": repo_id, "after": after, "window": _WINDOW - 1},
            )
        yield {"after": after, "upto": upto}
        after = upto


async def busy(db: Database, repo_id: int) -> bool:
    """Whether technical texts of a repository are being refreshed, or wholes of it are not settled yet."""
    async with db.statement() as connection:
        return bool(
            await connection.scalar(
                text(
                    "SELECT EXISTS (SELECT FROM work WHERE stage = 'coder' AND lane = 2 AND repo_id = :repo "
                    "AND state = 'due') OR EXISTS (SELECT FROM work WHERE stage = 'coder' AND state = 'leased' "
                    "AND repo_id = :repo) OR EXISTS (SELECT FROM unsettled WHERE repo_id = :repo)"
                ),
                {"repo": repo_id},
            )
        )


async def swept(db: Database, recipes: Recipes | None, repo_id: int, language: str | None) -> None:
    """Note that a repository was looked through, unless its language has changed meanwhile; None: not to its end."""
    async with db.statement() as connection:
        await connection.execute(
            text(
                "UPDATE repository r SET swept = done.key FROM (SELECT CASE WHEN CAST(:key AS text) IS NOT NULL "
                "THEN concat(CAST(:key AS text), '/', CAST(:language AS text)) END AS key) done "
                "WHERE r.id = :repo AND r.language IS NOT DISTINCT FROM CAST(:language AS text) "
                "AND r.swept IS DISTINCT FROM done.key"
            ),
            {"key": recipes.key if recipes else None, "repo": repo_id, "language": language},
        )


async def language_of(db: Database, repo_id: int) -> str | None:
    """The language that a repository names."""
    async with db.statement() as connection:
        found = await connection.scalar(text("SELECT language FROM repository WHERE id = :repo"), {"repo": repo_id})
        return None if found is None else str(found)


async def outdated(db: Database, recipes: Recipes, repo: str | None = None) -> list[Outdated]:
    """How many texts were made by other recipes and are not due, by repository, stage and reason."""
    async with db.read() as connection:
        rows = await connection.execute(
            text(
                "SELECT r.name AS repo, o.stage, o.reason, count(*) AS count "
                "FROM doctown_outdated(CAST(:recipes AS jsonb)) o JOIN repository r ON r.id = o.repo_id "
                "LEFT JOIN work w ON w.chunk_id = o.chunk_id AND w.stage = o.stage "
                "WHERE (CAST(:repo AS text) IS NULL OR r.name = CAST(:repo AS text)) "
                "AND COALESCE(w.state, 'done') = 'done' GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
            ),
            {"recipes": dump(recipes.stored), "repo": repo},
        )
        return [Outdated(**{**row._mapping, "stage": Stage(row.stage)}) for row in rows]


async def announced(db: Database) -> tuple[Recipes | None, str]:
    """The recipes that hold and the policy, as the last daemon said; None before any did."""
    async with db.read() as connection:
        row = (await connection.execute(text("SELECT recipes, recipes_key, refresh FROM control"))).one()
    if row.recipes_key is None:
        return None, row.refresh
    stages = {name: named for name, named in row.recipes.items() if name != "language"}
    return Recipes(language=row.recipes["language"], by_stage=stages), row.refresh


async def parts_of(db: Database, recipes: Sequence[str]) -> dict[str, dict[str, Any]]:
    """What recipes are fingerprints of, those that were ever noted."""
    async with db.read() as connection:
        rows = await connection.execute(
            text("SELECT recipe, parts FROM recipe WHERE recipe = ANY (CAST(:recipes AS text[]))"),
            {"recipes": list(recipes)},
        )
        return {row.recipe: row.parts for row in rows}
