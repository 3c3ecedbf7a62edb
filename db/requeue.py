"""REQUEUE: find chunks by stage, repository, path, name and state, and make them due again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from db import audit, wake
from db.audit import Order
from db.errors import NotFound
from db.payload import dump
from db.session import Database
from db.types import ErrorClass, Lane, Stage, State

_BATCH = 2000  # rows made due per transaction
_WINDOW = 60_000  # rows of work that one statement looks at, at most


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which pieces of work are meant; what is None does not narrow.

    ``path``, ``fqn`` and ``error`` are patterns with ``*`` for anything.
    """

    stage: Stage
    repo: str | None = None
    path: str | None = None
    fqn: str | None = None
    state: State | None = None
    error_class: ErrorClass | None = None
    error: str | None = None  # the last error's text
    flagged: bool = False  # only texts that were saved although a guard objected
    outdated: dict[str, str] | None = None  # language (or strategy/language) -> present recipe
    language: str = "en"  # the configured language, for repositories that name none


@dataclass(frozen=True, slots=True, kw_only=True)
class Requeued:
    """What a requeue did: its number in the audit, and how many pieces by stage."""

    entry: int
    counts: dict[str, int]


async def count(db: Database, selection: Selection) -> int:
    """How many pieces a requeue would touch; looked at in windows, so that no statement takes long."""
    total, after = 0, 0
    while True:
        async with db.read() as connection:
            upto = await _window(connection, after)
            total += int(
                await connection.scalar(
                    text(f"SELECT count(*) {_FROM}"), {**_parameters(selection), "after": after, "upto": upto}
                )
                or 0
            )
        if upto is None:
            return total
        after = upto


async def requeue(
    db: Database,
    selections: Sequence[Selection],
    *,
    actor: str,
    reason: str | None = None,
    lane: Lane = Lane.NEW,
    command: str = "requeue",
    begun: Callable[[int], None] | None = None,
) -> Requeued:
    """Make them due again with a fresh count of attempts; what is in work already is left alone.

    The old texts stay until the new ones are saved. In batches of short transactions, each of which says in the audit
    how far it came: safe on millions of rows, and ``resume`` goes on with what was cut off. ``begun`` is told the
    number of the audit's entry before the first batch.
    """
    what = {"lane": int(lane), "selections": [_shortened(selection) for selection in selections]}
    order = Order(actor=actor, command=command, filter=what, reason=reason)
    entry = await audit.begin(db, order, {"selection": 0, "after": 0})
    if begun is not None:
        begun(entry)
    return await _go_on(db, entry, what, {}, {"selection": 0, "after": 0})


async def resume(db: Database, entry: int) -> Requeued:
    """Go on with a requeue that was cut off, from its last batch. Raises NotFound for no or another command."""
    found = await audit.find(db, entry)
    if "selections" not in found.filter:
        raise NotFound(f"entry {entry} of the audit is no requeue but: {found.command}", "`doctown audit` lists them.")
    if found.position is None:
        return Requeued(entry=entry, counts=found.counts)
    return await _go_on(db, entry, found.filter, found.counts, found.position)


async def _go_on(
    db: Database, entry: int, what: Mapping[str, Any], counts: Mapping[str, int], position: Mapping[str, int]
) -> Requeued:
    selections = [Selection(**{**one, "stage": Stage(one["stage"])}) for one in what["selections"]]
    done = {str(one.stage): 0 for one in selections} | dict(counts)
    first, after = position["selection"], position["after"]
    for place in range(first, len(selections)):
        selection = selections[place]
        go_on: int | None = after if place == first else 0
        while go_on is not None:
            async with db.write() as connection:
                chunks, go_on = await _next(connection, selection, go_on)
                done[str(selection.stage)] += await _make_due(connection, selection.stage, chunks, what["lane"])
                last = go_on is None and place == len(selections) - 1
                standing = {"selection": place + (go_on is None), "after": go_on or 0}
                await audit.advance(connection, entry, done, None if last else standing)
                if last:
                    await wake.call(connection)
    return Requeued(entry=entry, counts=done)


_FROM = """
      FROM work w
      JOIN chunk c ON c.id = w.chunk_id
      JOIN node n ON n.id = c.node_id
      JOIN repository r ON r.id = w.repo_id
      LEFT JOIN file f ON f.id = n.file_id
     WHERE w.chunk_id > :after AND (CAST(:upto AS bigint) IS NULL OR w.chunk_id <= CAST(:upto AS bigint))
       AND w.stage = :stage AND w.state <> 'leased'
       AND (w.stage NOT IN ('talker', 'instruct') OR COALESCE(c.content_raw, '') <> '')
       AND (w.stage <> 'instruct' OR COALESCE(c.usable, true))
       AND (CAST(:repo AS text) IS NULL OR r.name = CAST(:repo AS text))
       AND (CAST(:state AS text) IS NULL OR w.state = CAST(:state AS text))
       AND (CAST(:path AS text) IS NULL OR f.path LIKE CAST(:path AS text))
       AND (CAST(:fqn AS text) IS NULL OR n.fqn LIKE CAST(:fqn AS text))
       AND (CAST(:error_class AS text) IS NULL OR w.error_class = CAST(:error_class AS text))
       AND (CAST(:error AS text) IS NULL OR w.last_error LIKE CAST(:error AS text))
       AND (NOT :flagged OR (c.explain_quality -> w.stage ->> 'flagged')::boolean)
       AND (CAST(:recipes AS jsonb) IS NULL OR
            CASE w.stage WHEN 'coder' THEN c.raw_recipe WHEN 'talker' THEN c.content_recipe
                         WHEN 'instruct' THEN c.instruct_recipe END
            <> COALESCE(CAST(:recipes AS jsonb) ->> (c.strategy || '/' || COALESCE(r.language, :language)),
                        CAST(:recipes AS jsonb) ->> COALESCE(r.language, :language)))
"""


async def _window(connection: AsyncConnection, after: int) -> int | None:
    """The last chunk of the window that begins after one; None when it is the last window."""
    found = await connection.scalar(
        text("SELECT chunk_id FROM work WHERE chunk_id > :after ORDER BY chunk_id OFFSET :window LIMIT 1"),
        {"after": after, "window": _WINDOW},
    )
    return None if found is None else int(found)


async def _next(connection: AsyncConnection, selection: Selection, after: int) -> tuple[list[int], int | None]:
    """The next batch, and after which chunk the one behind it begins: None when this is the last."""
    upto = await _window(connection, after)
    rows = await connection.execute(
        text(f"SELECT w.chunk_id {_FROM} ORDER BY w.chunk_id LIMIT :batch"),
        {**_parameters(selection), "after": after, "upto": upto, "batch": _BATCH},
    )
    chunks = [row.chunk_id for row in rows]
    return chunks, chunks[-1] if len(chunks) == _BATCH else upto


async def _make_due(connection: AsyncConnection, stage: Stage, chunks: list[int], lane: int) -> int:
    # Work alone is changed, the texts are not: a reader never sees an empty page because somebody asked for a
    # better one. The save accepts, because wanted_key is what the chunk is made from now.
    rows = await connection.execute(
        text(
            "UPDATE work SET state = 'due', reason = 'requeued', attempts = 0, crashes = 0, "
            "lane = CASE WHEN state IN ('due', 'retrying') THEN least(lane, :lane) ELSE :lane END, "
            "due_at = CASE WHEN state IN ('due', 'retrying') THEN due_at ELSE clock_timestamp() END, "
            "run_at = clock_timestamp(), error_class = NULL, last_error = NULL "
            "WHERE stage = :stage AND chunk_id = ANY (CAST(:chunks AS bigint[])) AND state <> 'leased' "
            "RETURNING chunk_id"
        ),
        {"stage": stage, "chunks": chunks, "lane": lane},
    )
    return len(rows.all())


async def ask_for(db: Database, chunks: Sequence[int], *, revive: bool = False) -> None:
    """A person waits for these: whatever of them is not done goes first; with ``revive`` what was given up too."""
    async with db.write() as connection:
        await connection.execute(
            text(
                "UPDATE work SET lane = 0, run_at = clock_timestamp(), "
                "state = CASE WHEN state IN ('retrying', 'dead') THEN 'due' ELSE state END, "
                "attempts = CASE state WHEN 'dead' THEN 0 ELSE attempts END, "
                "crashes = CASE state WHEN 'dead' THEN 0 ELSE crashes END "
                "WHERE chunk_id = ANY (CAST(:chunks AS bigint[])) AND (lane <> 0 OR state IN ('retrying', 'dead')) "
                "AND (state <> 'dead' OR :revive)"
            ),
            {"chunks": list(chunks), "revive": revive},
        )
        await wake.call(connection)


def _parameters(selection: Selection) -> dict[str, Any]:
    return {
        "stage": selection.stage, "repo": selection.repo, "state": selection.state,
        "error_class": selection.error_class, "error": _like(selection.error), "path": _like(selection.path),
        "fqn": _like(selection.fqn), "flagged": selection.flagged,
        "recipes": None if selection.outdated is None else dump(selection.outdated), "language": selection.language,
    }  # fmt: skip


def _shortened(selection: Selection) -> dict[str, Any]:
    """What narrows, for the audit; all of it, so that a requeue can be resumed from there."""
    return {name: value for name, value in asdict(selection).items() if value not in (None, False)}


def _like(pattern: str | None) -> str | None:
    if pattern is None:
        return None
    escaped = pattern.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return escaped.replace("*", "%")
