"""BUDGET: what may be used in a day, counted before each call so that any number of daemons share it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from db import audit
from db.audit import Order
from db.errors import NotFound
from db.session import Database
from db.sql import sql

ALL = 0  # stands for all repositories together where a repository's number is asked for
UNLIMITED = 2**63 - 1  # what a limit is set to where the configuration has one that shall not hold


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The most in a day; None: no limit. ``tokens`` of prompts and answers, ``seconds`` that models work."""

    calls: int | None = None
    tokens: int | None = None
    seconds: float | None = None

    def __bool__(self) -> bool:
        return (self.calls, self.tokens, self.seconds) != (None, None, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The configuration's limits: for all repositories together and for each, and where days turn."""

    everything: Limits
    each: Limits
    timezone: str = "UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A call that is counted with the most it may use."""

    day: date
    repo_id: int
    tokens: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A call that does not fit. ``repo_id`` says whose limit it is (0: all together)."""

    repo_id: int
    figure: str  # calls | tokens | seconds
    counted: float
    most: float
    soon: bool  # calls under way hold so much that one more may fit when they end
    turns_at: datetime

    @property
    def reason(self) -> str:
        """In words: ``tokens of the day used up: 99,500 of 100,000``."""
        whose = "of all repositories " if self.repo_id == ALL else ""
        if self.soon:
            return f"{self.figure} of the day {whose}held by calls under way: {self.counted:,.0f} of {self.most:,.0f}"
        return f"{self.figure} of the day {whose}used up: {self.counted:,.0f} of {self.most:,.0f}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What was used today. ``repo`` is None for all together; ``set_here`` tells which limits the database sets."""

    repo: str | None
    calls: int
    tokens: int
    seconds: float
    limits: Limits
    set_here: tuple[str, ...]
    until: datetime | None  # while it lies ahead, nothing is claimed for the text stages
    reason: str | None


async def limited(db: Database) -> bool:
    """Whether the database sets a limit for anything."""
    async with db.statement() as connection:
        return bool(await connection.scalar(text("SELECT EXISTS (SELECT FROM budget_limit)")))


async def reserve(
    db: Database, repo_id: int, rules: Rules, *, tokens: int, seconds: float, hold_s: float
) -> Hold | Refusal:
    """Count one call that may use up to ``tokens`` and ``seconds``, or say why it may not be made.

    ``hold_s`` is how long it may be under way at most: so long others believe that it may give something back.
    """
    values = {
        "repo_id": repo_id, "timezone": rules.timezone, "most_tokens": tokens, "most_seconds": seconds,
        "hold_s": hold_s,
        **asdict(rules.everything), **{f"repo_{name}": value for name, value in asdict(rules.each).items()},
    }  # fmt: skip
    async with db.statement() as connection:
        rows = (await connection.execute(sql("budget_reserve"), values)).mappings().all()
        if len(rows) < 2:  # noqa: PLR2004 - one row for all together, one for the repository; the day is young
            await connection.execute(
                text(
                    "INSERT INTO budget_use (day, repo_id) SELECT CAST(clock_timestamp() AT TIME ZONE "
                    "CAST(:timezone AS text) AS date), s FROM unnest(ARRAY[0, CAST(:repo_id AS bigint)]) AS s "
                    "ORDER BY s ON CONFLICT DO NOTHING"
                ),
                {"timezone": rules.timezone, "repo_id": repo_id},
            )
            rows = (await connection.execute(sql("budget_reserve"), values)).mappings().all()
    first = rows[0]
    if first["lacking"] is None:
        return Hold(day=first["day"], repo_id=repo_id, tokens=tokens, seconds=first["seconds_held"])
    return Refusal(
        repo_id=first["repo_id"], figure=first["lacking"], counted=first["counted"], most=first["most"],
        soon=first["soon"], turns_at=first["turns_at"],
    )  # fmt: skip


async def settle(db: Database, hold: Hold, *, calls: int, tokens: int, seconds: float) -> None:
    """A call has ended and used so much; ``calls`` 0: nobody answered, it does not count."""
    async with db.statement() as connection:
        await connection.execute(
            sql("budget_settle"),
            {
                "day": hold.day, "repo_id": hold.repo_id, "held_tokens": hold.tokens, "held_seconds": hold.seconds,
                "calls": calls, "tokens": tokens, "seconds": seconds,
            },
        )  # fmt: skip


async def count(db: Database, used: Mapping[int, tuple[int, int, float]], *, timezone: str) -> None:
    """Add (calls, tokens, seconds) by repository, and to all together, where no limit has to be kept."""
    if not used:
        return
    totals = [sum(one[place] for one in used.values()) for place in range(3)]
    rows = sorted({**used, ALL: tuple(totals)}.items())
    async with db.statement() as connection:
        await connection.execute(
            text(
                "INSERT INTO budget_use AS u (day, repo_id, calls, tokens, seconds) "
                "SELECT CAST(clock_timestamp() AT TIME ZONE CAST(:timezone AS text) AS date), s.* FROM unnest("
                "CAST(:repos AS bigint[]), CAST(:calls AS bigint[]), CAST(:tokens AS bigint[]), "
                "CAST(:seconds AS double precision[])) AS s ON CONFLICT (day, repo_id) DO UPDATE SET "
                "calls = u.calls + excluded.calls, tokens = u.tokens + excluded.tokens, "
                "seconds = u.seconds + excluded.seconds"
            ),
            {
                "timezone": timezone, "repos": [repo for repo, _ in rows],
                "calls": [one[0] for _, one in rows], "tokens": [one[1] for _, one in rows],
                "seconds": [float(one[2]) for _, one in rows],
            },
        )  # fmt: skip


async def wait(db: Database, refusal: Refusal, *, soon_s: float) -> datetime:
    """Let nothing more be claimed for the text stages: until the day turns, or for ``soon_s``; until when."""
    table = "control" if refusal.repo_id == ALL else "repository"
    async with db.statement() as connection:
        until: datetime | None = await connection.scalar(
            text(
                f"UPDATE {table} SET budget_reason = :reason, budget_until = CASE WHEN :soon "
                "THEN clock_timestamp() + make_interval(secs => CAST(:soon_s AS double precision)) "
                "ELSE CAST(:turns_at AS timestamptz) END "
                f"WHERE {'id' if refusal.repo_id == ALL else 'id = :repo_id'} "
                "AND (budget_until IS NULL OR budget_until < clock_timestamp() OR NOT :soon) RETURNING budget_until"
            ),
            {
                "reason": refusal.reason, "soon": refusal.soon, "soon_s": soon_s, "turns_at": refusal.turns_at,
                **({} if refusal.repo_id == ALL else {"repo_id": refusal.repo_id}),
            },
        )  # fmt: skip
    return until or refusal.turns_at


async def look_again(db: Database) -> None:
    """Limits may be other ones now: let everybody try, and be refused where it is so."""
    async with db.write() as connection:
        await _look_again(connection)


async def limit(db: Database, order: Order, repo: str | None, changes: Mapping[str, float | None]) -> None:
    """Set limits of a day for a repository, or (None) for all together, over those of the configuration.

    ``changes`` maps calls, tokens, seconds to the new limit; None: what the configuration says holds again. Takes
    effect with the next call. Raises NotFound.
    """
    async with db.write() as connection:
        repo_id = ALL
        if repo is not None:
            found = await connection.scalar(text("SELECT id FROM repository WHERE name = :repo"), {"repo": repo})
            if found is None:
                raise NotFound(f"no repository is called {repo!r}", "`doctown status` lists them all.")
            repo_id = int(found)
        await connection.execute(
            text("INSERT INTO budget_limit (repo_id) VALUES (:id) ON CONFLICT DO NOTHING"), {"id": repo_id}
        )
        for name in ("calls", "tokens", "seconds"):
            if name in changes:
                await connection.execute(
                    text(f"UPDATE budget_limit SET {name} = :value WHERE repo_id = :id"),
                    {"value": changes[name], "id": repo_id},
                )
        await connection.execute(text("DELETE FROM budget_limit WHERE (calls, tokens, seconds) IS NULL"))
        await _look_again(connection)
        await audit.note(connection, order, {})


async def uses(db: Database, rules: Rules) -> list[Use]:
    """What was used today: all together first, then each repository by name, with the limits in force."""
    async with db.read() as connection:
        rows = await connection.execute(
            text(
                """
                SELECT scope.id, scope.name AS repo, COALESCE(u.calls, 0) AS calls,
                       -- What calls under way may still use up is counted, but not used yet.
                       COALESCE(u.tokens - held.now * u.held_tokens, 0) AS tokens,
                       COALESCE(u.seconds - held.now * u.held_seconds, 0) AS seconds,
                       l.calls AS calls_set, l.tokens AS tokens_set,
                       l.seconds AS seconds_set,
                       CASE WHEN scope.budget_until > clock_timestamp() THEN scope.budget_until END AS until,
                       CASE WHEN scope.budget_until > clock_timestamp() THEN scope.budget_reason END AS reason
                  FROM (SELECT 0 AS id, NULL AS name, budget_until, budget_reason FROM control
                         UNION ALL SELECT id, name, budget_until, budget_reason FROM repository) scope
                  LEFT JOIN budget_use u ON u.repo_id = scope.id
                   AND u.day = CAST(clock_timestamp() AT TIME ZONE CAST(:timezone AS text) AS date)
                  LEFT JOIN LATERAL (SELECT CAST(u.held_until > clock_timestamp() AS integer) AS now) held ON true
                  LEFT JOIN budget_limit l ON l.repo_id = scope.id
                 ORDER BY scope.name NULLS FIRST
                """
            ),
            {"timezone": rules.timezone},
        )
        found = []
        for row in rows.mappings():
            base = rules.everything if row["id"] == ALL else rules.each
            here = {
                name: row[f"{name}_set"] for name in ("calls", "tokens", "seconds") if row[f"{name}_set"] is not None
            }
            given = {
                name: None if value >= UNLIMITED else value
                for name, value in (asdict(base) | here).items()
                if value is not None
            }
            found.append(
                Use(
                    repo=row["repo"], calls=row["calls"], tokens=row["tokens"], seconds=row["seconds"],
                    limits=Limits(**given), set_here=tuple(here), until=row["until"], reason=row["reason"],
                )
            )  # fmt: skip
        return found


async def _look_again(connection: AsyncConnection) -> None:
    for table in ("control", "repository"):
        await connection.execute(
            text(f"UPDATE {table} SET budget_until = NULL, budget_reason = NULL WHERE budget_until IS NOT NULL")
        )
