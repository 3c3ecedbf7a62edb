"""CLAIM: take work, keep its lease alive, give it back, fail it, rescue what others lost."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from db.payload import dump
from db.session import Database
from db.sql import sql
from db.types import Claim, ErrorClass, Lane, Stage, State

Key = tuple[int, Stage, int]  # (chunk, stage, fence): what names a claim


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """Whose turn it is, as the claimer counts it (daemon/work/fair.py)."""

    virtual: tuple[float, ...] = (0.0, 0.0, 0.0)  # where the present turn is, per lane
    served: tuple[tuple[Lane, int, float], ...] = ()  # (lane, repository, how far it has come)
    aged: int = 0  # pieces to be taken from what has waited longest in the refresh lane


def key_of(claim: Claim) -> Key:
    """The name of a claim: a row of ``work`` and the fence it was taken under."""
    return claim.chunk_id, claim.stage, claim.fence


async def claim(
    db: Database,
    stage: Stage,
    *,
    owner: UUID,
    limit: int,
    lease_s: float,
    max_lane: Lane = Lane.REFRESH,
    repo_id: int | None = None,
    turn: Turn | None = None,
) -> list[Claim]:
    """Take up to ``limit`` pieces of one stage for ``lease_s`` seconds; one short statement of its own.

    ``max_lane`` and ``repo_id`` narrow what may be taken. Best lane first, then the repository whose turn it is,
    then priority.
    """
    if limit <= 0:
        return []
    turn = turn or Turn()
    async with db.statement() as connection:
        rows = await connection.execute(
            sql("claim_take"),
            {
                "stage": stage, "owner": str(owner), "limit": limit, "lease_s": lease_s, "max_lane": int(max_lane),
                "repo_id": repo_id, "virtual": list(turn.virtual), "aged": turn.aged,
                "served": dump([{"lane": int(lane), "repo_id": repo, "tag": tag} for lane, repo, tag in turn.served]),
            },
        )  # fmt: skip
        taken = sorted(rows.mappings(), key=lambda row: (row["lane"], row["priority"], row["chunk_id"]))
    return [
        Claim(
            chunk_id=row["chunk_id"], stage=stage, repo_id=row["repo_id"], fence=row["fence"],
            attempts=row["attempts"], crashes=row["crashes"], wanted_key=row["wanted_key"],
            reason=row["reason"], lane=Lane(row["lane"]), start=row["start"], weight=row["weight"],
            waited_s=row["waited_s"],
        )
        for row in taken
    ]  # fmt: skip


async def asked(db: Database, stage: Stage, *, repo_id: int | None = None) -> bool:
    """Whether a person waits for something of a stage that may be claimed now."""
    async with db.statement() as connection:
        return bool(await connection.scalar(sql("claim_asked"), {"stage": stage, "repo_id": repo_id}))


async def renew(db: Database, claims: Iterable[Claim], *, lease_s: float) -> set[Key]:
    """Extend every lease by ``lease_s`` from now; the keys that are missing in the answer are lost.

    Waits for the answer for a third of a lease at most: the next renewal is due by then.
    """
    columns = _columns(claims)
    if not columns["chunks"]:
        return set()
    async with db.statement(patience_s=lease_s / 3) as connection:
        rows = await connection.execute(sql("claim_renew"), {**columns, "lease_s": lease_s})
        return {(row.chunk_id, Stage(row.stage), row.fence) for row in rows}


async def release(
    db: Database,
    claims: Iterable[Claim],
    *,
    wait_s: float = 0.0,
    error_class: ErrorClass | None = None,
    error: str | None = None,
) -> int:
    """Give claims back with their attempt refunded, due again at once or after ``wait_s``; how many were ours."""
    columns = _columns(claims)
    if not columns["chunks"]:
        return 0
    async with db.statement() as connection:
        rows = await connection.execute(
            sql("claim_release"), {**columns, "wait_s": wait_s, "error_class": error_class, "error": error}
        )
        return len(rows.all())


async def disown(db: Database, stage: Stage, *, owner: UUID, held: Iterable[Claim]) -> int:
    """Give back what stands in ``owner``'s name in ``stage`` beyond what it holds; how many pieces.

    Only for the owner itself, and only while no claim of it for this stage is under way.
    """
    columns = _columns(claim for claim in held if claim.stage is stage)
    async with db.statement() as connection:
        rows = await connection.execute(
            sql("claim_disown"),
            {"stage": stage, "owner": str(owner), "chunks": columns["chunks"], "fences": columns["fences"]},
        )
        return len(rows.all())


async def fail(
    db: Database, claim: Claim, *, error_class: ErrorClass, error: str, wait_s: float = 0.0, dead: bool = False
) -> State | None:
    """Close a failed attempt: retrying after ``wait_s`` seconds, or dead. None when the claim was lost before."""
    async with db.statement() as connection:
        state = await connection.scalar(
            sql("claim_fail"),
            {
                "chunk_id": claim.chunk_id, "stage": claim.stage, "fence": claim.fence, "wait_s": wait_s,
                "dead": dead, "error_class": error_class, "error": error.replace("\x00", ""),
            },
        )  # fmt: skip
    return State(state) if state else None


async def promote(db: Database) -> int:
    """Make due what waited for its next try and whose time has come."""
    async with db.statement() as connection:
        return len((await connection.execute(sql("claim_promote"))).all())


async def rescue(
    db: Database, *, max_crashes: int, max_attempts: int, backoff_base_s: float, backoff_cap_s: float
) -> list[tuple[int, Stage, State]]:
    """Take back what vanished workers held: (chunk, stage, new state) of each row."""
    async with db.statement() as connection:
        rows = await connection.execute(
            sql("claim_rescue"),
            {
                "max_crashes": max_crashes, "max_attempts": max_attempts, "base_s": backoff_base_s,
                "cap_s": backoff_cap_s,
            },
        )  # fmt: skip
        return [(row.chunk_id, Stage(row.stage), State(row.state)) for row in rows]


def _columns(claims: Iterable[Claim]) -> dict[str, Sequence[int | str]]:
    held = [key_of(claim) for claim in claims]
    return {
        "chunks": [chunk for chunk, _, _ in held],
        "stages": [str(stage) for _, stage, _ in held],
        "fences": [fence for _, _, fence in held],
    }


async def pending(
    db: Database, stages: Iterable[Stage], *, max_lane: Lane = Lane.REFRESH, repo_id: int | None = None
) -> tuple[int, int, float | None]:
    """(due, retrying, seconds until the first of the retrying is due) of what could be worked on."""
    async with db.statement() as connection:
        row = (
            await connection.execute(
                sql("pending"),
                {"stages": [str(stage) for stage in stages], "max_lane": int(max_lane), "repo_id": repo_id},
            )
        ).one()
    return row.due, row.retrying, row.next_s
