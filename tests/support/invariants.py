"""What must hold whatever happened: read from the ledgers (work, audit, generation, chunk, the double's calls)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from daemon.doubles.ledger import Call
from tests.support.builders import Connection, all_rows

AUDIT = Path(__file__).with_name("audit.sql")

LOST = frozenset(
    {"unfinished", "undone", "forgotten", "save-without-ledger", "text-not-from-ledger", "answer-unaccounted"}
)
DOUBLED = frozenset({"ledger-without-save", "saved-twice", "call-unaccounted"})


@dataclass(frozen=True, slots=True)
class Breach:
    """One thing that must not be: which invariant, and where."""

    name: str
    where: str

    @property
    def lost(self) -> bool:
        """A document, or a save that was acknowledged, is gone."""
        return self.name in LOST

    @property
    def doubled(self) -> bool:
        """A document was written twice for one request."""
        return self.name in DOUBLED


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What the scenario may have done to the queue.

    ``mortal``: chunks that may die. ``gone``: owners that vanished or were cut off, so that others may rescue what
    they held; None: anybody may have been. ``stopped``: owners that stopped cleanly. ``finished``: everything must be
    done or dead by now. ``blanked``: the scenario itself emptied texts.
    """

    mortal: Collection[int] = ()
    gone: Collection[UUID] | None = None
    stopped: Collection[UUID] = ()
    finished: bool = True
    blanked: bool = False
    done: Collection[int] = ()
    max_attempts: int = 6
    max_crashes: int = 3
    max_regenerations: int = 2
    models: Mapping[str, str] = field(
        default_factory=lambda: {
            "coder": "qwen2.5-coder:14b",
            "talker": "qwen2.5:14b-instruct",
            "instruct": "qwen2.5-coder:14b",
        }
    )


# Each gives the rows that break it; a parameter is a key of _parameters().
_RULES: Mapping[str, str] = {
    "unfinished": """
        SELECT chunk_id, stage, state, last_error FROM work WHERE %(finished)s AND state NOT IN ('done', 'dead')""",
    "died": """
        SELECT chunk_id, stage, error_class, attempts, crashes, last_error FROM work
         WHERE state = 'dead' AND chunk_id <> ALL (%(mortal)s)""",
    "undone": """
        SELECT chunk_id, state, last_error FROM work
         WHERE stage = 'coder' AND state <> 'done' AND chunk_id = ANY (%(done)s)""",
    # The queue follows the data: whatever is due stands in it, wanted as it is now.
    "forgotten": """
        SELECT c.id, s.stage, w.state, w.wanted_key, s.wanted FROM chunk c
         CROSS JOIN LATERAL (VALUES
               ('coder', c.coder_due, c.source_key), ('talker', c.talker_due, md5(c.content_raw)),
               ('instruct', c.instruct_due AND doctown_runs('instruct'),
                doctown_instruct_key(c.source_key, c.content_raw, c.sites_hash)),
               ('embed', c.embed_due, md5(COALESCE(c.source_key, '') || '|' || COALESCE(c.content_raw, '')
                                          || '|' || COALESCE(c.content, '')
                                          || COALESCE('|' || NULLIF(c.instruct, ''), '')))) AS s (stage, due, wanted)
          LEFT JOIN work w ON w.chunk_id = c.id AND w.stage = s.stage
         WHERE s.due AND (w.state IS NULL OR w.state = 'done' OR w.wanted_key IS DISTINCT FROM s.wanted)""",
    "fence-fell": """
        SELECT chunk_id, stage, was_fence, fence, was_saved, saved FROM audit.work
         WHERE op = 'UPDATE' AND (fence < was_fence OR COALESCE(saved, -1) < COALESCE(was_saved, -1))""",
    "claim-unfenced": """
        SELECT chunk_id, stage, was_state, was_fence, fence, was_attempts, attempts FROM audit.work
         WHERE op = 'UPDATE' AND state = 'leased' AND was_state <> 'leased'
           AND (was_state <> 'due' OR fence <> was_fence + 1 OR attempts <> was_attempts + 1)""",
    "claim-changed-hands": """
        SELECT chunk_id, stage, was_owner, owner FROM audit.work
         WHERE op = 'UPDATE' AND state = 'leased' AND was_state = 'leased'
           AND (owner <> was_owner OR fence <> was_fence)""",
    "save-unfenced": """
        SELECT chunk_id, stage, was_state, fence, was_saved, saved FROM audit.work
         WHERE op = 'UPDATE' AND saved IS DISTINCT FROM was_saved
           AND NOT (was_state = 'leased' AND state = 'done' AND saved = fence)""",
    "save-without-ledger": """
        SELECT a.chunk_id, a.stage, a.fence FROM audit.accepted a
         WHERE a.stage <> 'embed' AND NOT EXISTS (SELECT FROM generation g
               WHERE g.chunk_id = a.chunk_id AND g.stage = a.stage AND g.fence = a.fence)""",
    "ledger-without-save": """
        SELECT g.chunk_id, g.stage, g.fence, count(*) FROM generation g
          LEFT JOIN audit.accepted a ON a.chunk_id = g.chunk_id AND a.stage = g.stage AND a.fence = g.fence
         GROUP BY 1, 2, 3 HAVING count(a.n) <> 1 OR count(*) <> 1""",
    # Between two accepted saves of one row somebody must have asked again.
    "saved-twice": """
        SELECT b.chunk_id, b.stage, b.fence FROM audit.accepted b
          JOIN LATERAL (SELECT max(a.n) AS n FROM audit.accepted a
                         WHERE a.chunk_id = b.chunk_id AND a.stage = b.stage AND a.n < b.n) before
            ON before.n IS NOT NULL
         WHERE NOT EXISTS (SELECT FROM audit.work w WHERE w.chunk_id = b.chunk_id AND w.stage = b.stage
                            AND w.n > before.n AND w.n < b.n
                            AND (w.op <> 'UPDATE' OR w.was_state = 'done' AND w.state = 'due'))""",
    "saved-for-another-source": """
        SELECT a.chunk_id, a.stage, a.key, g.source_key FROM audit.accepted a
          JOIN generation g ON g.chunk_id = a.chunk_id AND g.stage = a.stage AND g.fence = a.fence
         WHERE g.source_key <> a.key""",
    "text-not-from-ledger": """
        SELECT c.id, t.stage, t.fence FROM chunk c
         CROSS JOIN LATERAL (VALUES ('coder', c.content_raw, c.raw_fence, c.raw_recipe),
                                    ('talker', c.content, c.content_fence, c.content_recipe),
                                    ('instruct', c.instruct, c.instruct_fence, c.instruct_recipe))
                    AS t (stage, body, fence, recipe)
          LEFT JOIN generation g ON g.chunk_id = c.id AND g.stage = t.stage AND g.fence = t.fence
          LEFT JOIN generation o ON o.id = g.reused_from
         WHERE t.recipe IS NOT NULL AND t.body <> '' AND t.body IS DISTINCT FROM COALESCE(g.output, o.output)""",
    "rescued-alive": """
        SELECT chunk_id, stage, was_state, was_owner, was_until, at FROM audit.work
         WHERE op = 'UPDATE' AND crashes > was_crashes
           AND (was_state <> 'leased' OR was_until >= at
                OR CAST(%(gone)s AS uuid[]) IS NOT NULL AND was_owner <> ALL (CAST(%(gone)s AS uuid[])))""",
    "rescue-unfenced": """
        SELECT chunk_id, stage, was_fence, fence FROM audit.work
         WHERE op = 'UPDATE' AND crashes > was_crashes AND fence <> was_fence + 1""",
    "stop-burnt-an-attempt": """
        SELECT chunk_id, stage, was_owner, was_attempts, attempts, state FROM audit.work
         WHERE op = 'UPDATE' AND was_state = 'leased' AND state IN ('due', 'retrying')
           AND was_owner = ANY (CAST(%(stopped)s AS uuid[])) AND error_class IS NULL
           AND attempts <> greatest(was_attempts - 1, 0)""",
    "stop-left-a-lease": """
        SELECT chunk_id, stage, lease_owner FROM work WHERE lease_owner = ANY (CAST(%(stopped)s AS uuid[]))""",
    "too-often": """
        SELECT chunk_id, stage, attempts, crashes FROM audit.work
         WHERE state = 'leased' AND (attempts > %(max_attempts)s OR crashes >= %(max_crashes)s)""",
    "blanked": "SELECT chunk_id, at FROM audit.blanked WHERE NOT %(blanked)s",
}  # fmt: skip


def breaches(psql: Connection, expected: Expected, calls: Iterable[Call] | None = None) -> list[Breach]:
    """Everything that is not as it must be; empty when all is well. ``calls`` is the model server's ledger."""
    parameters = {
        "finished": expected.finished,
        "mortal": list(expected.mortal),
        "gone": None if expected.gone is None else list(expected.gone),
        "stopped": list(expected.stopped),
        "max_attempts": expected.max_attempts,
        "max_crashes": expected.max_crashes,
        "blanked": expected.blanked,
        "done": list(expected.done),
    }
    found: list[Breach] = []
    for name, query in _RULES.items():
        cursor = psql.execute(query.encode(), parameters)
        found += [Breach(name, ", ".join(map(str, row))) for row in cursor.fetchall()]
    if calls is not None:
        found += _unaccounted(psql, expected, list(calls))
    return found


def _unaccounted(psql: Connection, expected: Expected, calls: Sequence[Call]) -> list[Breach]:
    """No call without a save or a counted failure, and no saved answer without a call.

    A save accounts for its call and those of its regenerations; a claim that ended in any other way (each stands in
    the audit, with its reason) for as many calls as one attempt may make.
    """
    asked: Counter[tuple[str, str]] = Counter()
    answered: Counter[tuple[str, str]] = Counter()
    for call in calls:
        if call.kind == "chat":
            about = call.about, call.model
            asked[about] += 1
            answered[about] += call.status == 200
    rows = all_rows(
        psql,
        """
        SELECT n.fqn, c.stage, count(*) AS claims, count(g.id) AS saves,
               COALESCE(sum(g.regenerations + 1) FILTER (WHERE g.reused_from IS NULL), 0) AS paid
          FROM audit.claimed c
          LEFT JOIN generation g ON g.chunk_id = c.chunk_id AND g.stage = c.stage AND g.fence = c.fence
          JOIN chunk k ON k.id = c.chunk_id JOIN node n ON n.id = k.node_id
         WHERE c.stage <> 'embed' GROUP BY 1, 2
        """,
    )
    allowed: Counter[tuple[str, str]] = Counter()
    paid: Counter[tuple[str, str]] = Counter()
    for row in rows:
        about = row["fqn"], expected.models[row["stage"]]
        paid[about] += row["paid"]
        allowed[about] += row["paid"] + (row["claims"] - row["saves"]) * (1 + expected.max_regenerations)
    found = []
    for about, most in allowed.items():
        if asked[about] > most:
            found.append(Breach("call-unaccounted", f"{about}: {asked[about]} calls, {most} accounted for"))
        if answered[about] < paid[about]:
            found.append(Breach("answer-unaccounted", f"{about}: {paid[about]} saved, {answered[about]} answered"))
    return found
