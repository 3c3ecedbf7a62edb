"""The protocol as a state machine: claims, saves, failures, rescues, edits, deletions in any order, on a real Postgres.

Each rule says what its answer must be from the row it finds; after every step the ledgers are asked and every text is
compared with the last one that was accepted or written by hand.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Coroutine
from typing import Any, ClassVar, TypeVar
from uuid import uuid4

import psycopg
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
)

from db import claim as db_claim
from db import requeue as db_requeue
from db import save as db_save
from db.session import Database
from db.types import Claim, ErrorClass, Outcome, Stage, State
from tests.support.builders import a_chunk, a_draft, a_node, a_repository, all_rows, scalar
from tests.support.invariants import Expected, breaches

T = TypeVar("T")
MAX_ATTEMPTS, MAX_CRASHES = 4, 3
STAGES = (Stage.CODER, Stage.TALKER)
COLUMN = {Stage.CODER: "content_raw", Stage.TALKER: "content"}

ran: Counter[str] = Counter()  # how often each rule ran, over all examples of this process


class Protocol(RuleBasedStateMachine):
    """Workers that may stop at any moment and come back, and people with psql."""

    claims = Bundle("claims")
    chunks = Bundle("chunks")

    url: ClassVar[str]

    def __init__(self) -> None:
        super().__init__()
        self.psql = psycopg.connect(self.url, autocommit=True)
        self.runner = asyncio.Runner()
        self.db = Database(self.url, name="machine", pool_size=3)
        self.texts: dict[tuple[int, Stage], str] = {}
        self.number = 0
        self.mortal: set[int] = set()

    def run(self, what: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(what)

    def row(self, claim: Claim) -> dict[str, Any] | None:
        rows = all_rows(
            self.psql, "SELECT * FROM work WHERE chunk_id = %s AND stage = %s", claim.chunk_id, str(claim.stage)
        )
        return rows[0] if rows else None

    def there_are(self, state: str) -> bool:
        """Whether the queue has rows in a state: a step on nothing is a step wasted."""
        return bool(scalar(self.psql, "SELECT count(*) FROM work WHERE state = %s AND stage <> 'embed'", state))

    def held(self, claim: Claim) -> bool:
        """Whether the claim still stands."""
        row = self.row(claim)
        return row is not None and row["fence"] == claim.fence and row["state"] == "leased"

    def fresh(self, what: str) -> str:
        self.number += 1
        return f"{what} {self.number}"

    # -- workers -------------------------------------------------------------------------------------------

    @initialize(target=chunks)
    def begin(self) -> Any:
        self.psql.execute("TRUNCATE repository, file, node, edge, chunk, embedding, work, generation CASCADE")
        self.psql.execute("TRUNCATE audit.work, audit.blanked")
        self.repo = a_repository(self.psql)
        return multiple(*(a_chunk(self.psql, a_node(self.psql, self.repo)) for _ in range(3)))

    @precondition(lambda self: scalar(self.psql, "SELECT count(*) FROM chunk") < 6)
    @rule(target=chunks)
    def insert(self) -> int:
        ran["insert"] += 1
        return a_chunk(self.psql, a_node(self.psql, self.repo))

    @precondition(lambda self: self.there_are("due"))
    @rule(target=claims, stage=st.sampled_from(STAGES), limit=st.integers(1, 4))
    def claim(self, stage: Stage, limit: int) -> Any:
        ran["claim"] += 1
        due = scalar(self.psql, "SELECT count(*) FROM work WHERE stage = %s AND state = 'due'", str(stage))
        taken = self.run(db_claim.claim(self.db, stage, owner=uuid4(), limit=limit, lease_s=90))
        assert len(taken) == min(due, limit), "everything that is due can be claimed"
        return multiple(*taken)

    @precondition(lambda self: self.there_are("due"))
    @rule(target=claims, stage=st.sampled_from(STAGES), limit=st.integers(1, 4))
    def claim_and_save(self, stage: Stage, limit: int) -> Any:
        """As it goes most of the time; what was saved may be saved, failed, released and renewed once more."""
        ran["claim and save"] += 1
        taken = self.run(db_claim.claim(self.db, stage, owner=uuid4(), limit=limit, lease_s=90))
        for claim in taken:
            text = self.fresh("text")
            assert self._save(claim, text) is Outcome.SAVED
            self.texts[claim.chunk_id, claim.stage] = text
        return multiple(*taken)

    @precondition(lambda self: self.there_are("due"))
    @rule(target=claims, stage=st.sampled_from(STAGES))
    def claim_whose_answer_is_lost(self, stage: Stage) -> Any:
        """Nobody hears of it: only its lease tells."""
        ran["claim whose answer is lost"] += 1
        self.run(db_claim.claim(self.db, stage, owner=uuid4(), limit=1, lease_s=90))
        return multiple()

    @rule(picked=st.lists(claims, max_size=4, unique_by=lambda claim: (claim.chunk_id, claim.stage)))
    def renew(self, picked: list[Claim]) -> None:
        ran["renew"] += 1
        rows = {db_claim.key_of(claim): self.row(claim) for claim in picked}
        kept = self.run(db_claim.renew(self.db, picked, lease_s=90))
        must = {
            key for key, row in rows.items()
            if row and row["fence"] == key[2] and (row["state"] == "leased" or row["saved_fence"] == key[2])
        }  # fmt: skip
        assert kept == must

    @rule(claim=claims, again=st.booleans())
    def save(self, claim: Claim, again: bool) -> None:
        """Any claim ever given may save at any time: most of them are zombies. ``again``: COMMIT's answer was lost."""
        ran["save again" if again else "save"] += 1
        row = self.row(claim)
        text = self.fresh("text")
        outcome = self._save(claim, text)
        assert outcome is _due_outcome(claim, row)
        if outcome is Outcome.SAVED and row is not None and row["state"] == "leased":
            self.texts[claim.chunk_id, claim.stage] = text
        if again and outcome is not Outcome.LOST:
            repeated = self._save(claim, text)
            assert repeated is (Outcome.SAVED if outcome is Outcome.SAVED else Outcome.LOST)

    def _save(self, claim: Claim, text: str) -> Outcome:
        outcomes = self.run(db_save.save_texts(self.db, [(claim, a_draft(text))], worker="machine"))
        return outcomes[claim.chunk_id, claim.fence]

    @rule(claim=claims, dead=st.booleans())
    def fail(self, claim: Claim, dead: bool) -> None:
        ran["fail"] += 1
        held = self.held(claim)
        state = self.run(
            db_claim.fail(
                self.db, claim, error_class=ErrorClass.TRANSIENT, error="boom", dead=dead or claim.attempts >= 3
            )
        )
        assert (state is not None) == held
        if state is State.DEAD:
            self.mortal.add(claim.chunk_id)

    @rule(claim=claims)
    def release(self, claim: Claim) -> None:
        ran["release"] += 1
        row, held = self.row(claim), self.held(claim)
        assert self.run(db_claim.release(self.db, [claim])) == int(held)
        after = self.row(claim)
        if held and row and after:
            assert (after["state"], after["attempts"]) == ("due", row["attempts"] - 1)

    @rule(claim=consumes(claims))
    def forget(self, claim: Claim) -> None:
        """The worker dies: nobody will ever speak for this claim again."""
        ran["forget"] += 1

    @precondition(lambda self: self.there_are("leased"))
    @rule()
    def time_passes(self) -> None:
        """Every lease runs out and every pause is over."""
        ran["time passes"] += 1
        self.psql.execute("UPDATE work SET lease_until = clock_timestamp() - interval '1 s' WHERE state = 'leased'")
        self.psql.execute("UPDATE work SET run_at = clock_timestamp() - interval '1 s' WHERE state = 'retrying'")

    @precondition(lambda self: self.there_are("leased"))
    @rule()
    def rescue(self) -> None:
        ran["rescue"] += 1
        over = scalar(self.psql, "SELECT count(*) FROM work WHERE state = 'leased' AND lease_until < clock_timestamp()")
        rescued = self.run(
            db_claim.rescue(
                self.db, max_crashes=MAX_CRASHES, max_attempts=MAX_ATTEMPTS, backoff_base_s=0, backoff_cap_s=0
            )
        )
        assert len(rescued) == over
        self.mortal |= {chunk for chunk, _, state in rescued if state is State.DEAD}

    @precondition(lambda self: self.there_are("retrying"))
    @rule()
    def promote(self) -> None:
        ran["promote"] += 1
        waiting = scalar(
            self.psql, "SELECT count(*) FROM work WHERE state = 'retrying' AND run_at <= clock_timestamp()"
        )
        assert self.run(db_claim.promote(self.db)) == waiting

    @rule(stage=st.sampled_from(STAGES))
    def requeue(self, stage: Stage) -> None:
        ran["requeue"] += 1
        self.run(db_requeue.requeue(self.db, [db_requeue.Selection(stage=stage)], actor="machine"))

    # -- people with psql ----------------------------------------------------------------------------------

    @rule(chunk=chunks)
    def edit_source(self, chunk: int) -> None:
        ran["edit source"] += 1
        self.psql.execute(
            "UPDATE node SET source_code = %s WHERE id = (SELECT node_id FROM chunk WHERE id = %s)",
            (self.fresh("def f(): return"), chunk),
        )

    @rule(chunk=chunks, stage=st.sampled_from(STAGES))
    def empty_text(self, chunk: int, stage: Stage) -> None:
        ran["empty text"] += 1
        self.psql.execute(f"UPDATE chunk SET {COLUMN[stage]} = NULL WHERE id = %s".encode(), (chunk,))
        self.texts.pop((chunk, stage), None)

    @rule(chunk=chunks, stage=st.sampled_from(STAGES))
    def write_by_hand(self, chunk: int, stage: Stage) -> None:
        ran["write by hand"] += 1
        text = self.fresh("by hand")
        done = self.psql.execute(f"UPDATE chunk SET {COLUMN[stage]} = %s WHERE id = %s".encode(), (text, chunk))
        if done.rowcount:
            self.texts[chunk, stage] = text

    @rule(chunk=chunks)
    def touch(self, chunk: int) -> None:
        """An update that changes nothing revives what is dead."""
        ran["touch"] += 1
        self.psql.execute("UPDATE chunk SET priority = priority WHERE id = %s", (chunk,))

    @rule(chunk=consumes(chunks), node=st.booleans())
    def delete(self, chunk: int, node: bool) -> None:
        ran["delete"] += 1
        self.psql.execute(
            b"DELETE FROM node WHERE id = (SELECT node_id FROM chunk WHERE id = %s)"
            if node
            else b"DELETE FROM chunk WHERE id = %s",
            (chunk,),
        )
        for stage in STAGES:
            self.texts.pop((chunk, stage), None)

    # -- what must hold after every step ---------------------------------------------------------------------

    @invariant()
    def ledgers_agree(self) -> None:
        found = breaches(self.psql, self._expected(finished=False))
        assert not found, found

    @invariant()
    def texts_are_the_last_ones_accepted(self) -> None:
        rows = all_rows(self.psql, "SELECT id, content_raw, content FROM chunk")
        found = {(row["id"], stage): row[COLUMN[stage]] for row in rows for stage in STAGES if row[COLUMN[stage]]}
        assert found == self.texts, (found, self.texts)

    def _expected(self, *, finished: bool) -> Expected:
        return Expected(
            mortal=self.mortal, finished=finished, blanked=True, max_attempts=MAX_ATTEMPTS + 1, max_crashes=MAX_CRASHES
        )

    def teardown(self) -> None:
        """Whatever happened, a worker that comes now finishes everything in as many claims as there are rows."""
        try:
            if hasattr(self, "repo"):
                self._finish()
        finally:
            self.run(self.db.close())
            self.runner.close()
            self.psql.close()

    def _finish(self) -> None:
        self.psql.execute("DELETE FROM work WHERE stage = 'embed'")  # a stage of its own, which nobody works here
        rounds = 2 * int(scalar(self.psql, "SELECT count(*) FROM chunk")) + 2 * MAX_ATTEMPTS
        for _ in range(rounds):
            self.time_passes()
            self.rescue()
            self.promote()
            taken = [
                claim
                for stage in STAGES
                for claim in self.run(db_claim.claim(self.db, stage, owner=uuid4(), limit=100, lease_s=90))
            ]
            for claim in taken:
                # A coder text saved in this round makes the talker's claim of the same round outdated.
                assert self._save(claim, self.fresh("text")) is not Outcome.LOST
        left = scalar(self.psql, "SELECT count(*) FROM work WHERE state NOT IN ('done', 'dead') AND stage <> 'embed'")
        assert left == 0, "the queue runs dry"
        wanted = [
            breach for breach in breaches(self.psql, self._expected(finished=False)) if "embed" not in breach.where
        ]
        assert not wanted, wanted


def _due_outcome(claim: Claim, row: dict[str, Any] | None) -> Outcome:
    """What a save under this claim must answer."""
    if row is None or row["fence"] != claim.fence:
        return Outcome.LOST
    if row["state"] == "leased":
        return Outcome.SAVED if row["wanted_key"] == claim.wanted_key else Outcome.OUTDATED
    return Outcome.SAVED if row["saved_fence"] == claim.fence else Outcome.LOST


def machine_on(url: str) -> type[Protocol]:
    """Machines on one database, one after another."""
    return type("ProtocolThere", (Protocol,), {"url": url})
