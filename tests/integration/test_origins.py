"""Where texts come from and how good they are: the views quality and provenance, and what the commands ask of them."""

from __future__ import annotations

from typing import Any

import pytest

from db import provenance
from db import quality as db_quality
from db import save as db_save
from db.errors import NotFound
from db.provenance import Origin
from db.quality import By
from db.session import Database
from db.types import Stage
from tests.support.builders import Connection, a_chunk, a_draft, a_node, a_repository, all_rows, one, take

GOOD = {"score": 0.95, "attempts": 1, "flagged": False, "model": "big", "language_ratio": 1.0, "grounded": 0.9}
BAD = {
    "score": 0.2, "attempts": 3, "flagged": True, "model": "big", "language_ratio": 0.4, "copied": 0.7,
    "defects": {"language": "0.40", "copied": ""}, "rejected": [["language"], ["copied", "language"]],
}  # fmt: skip


@pytest.fixture
def repo(psql: Connection) -> int:
    return a_repository(psql, "shop")


async def write(db: Database, stage: Stage = Stage.CODER, **draft: Any) -> int:
    """Save a text for the next chunk that is due; its chunk."""
    (claim,) = await take(db, stage)
    await db_save.save_texts(db, [(claim, a_draft(**draft))], worker="w1")
    return claim.chunk_id


def a_function(psql: Connection, repo: int, name: str) -> int:
    return a_chunk(psql, a_node(psql, repo, fqn=f"shop.{name}", name=name))


async def origin_of(db: Database, chunk: int, stage: Stage = Stage.CODER) -> Origin:
    found = [one for one in await provenance.origins(db, [chunk]) if one.stage == stage]
    assert len(found) == 1
    return found[0]


# --- provenance -------------------------------------------------------------------------------------------


async def test_a_text_of_a_model_tells_all_that_made_it(db: Database, psql: Connection, repo: int) -> None:
    chunk = a_function(psql, repo, "pay")
    await write(
        db, text="It pays.", key="address", recipe="r1", model="big", options={"seed": 42, "temperature": 0.3},
        prompt_fingerprint="p1", language="es", prompt_tokens=900, output_tokens=80, duration_ms=1234,
        quality={**BAD, "hints": {"identity": 4, "calls": 2}, "digest": "sha256:abc"},
    )  # fmt: skip
    origin = await origin_of(db, chunk)
    assert (origin.repo, origin.fqn, origin.field, origin.part, origin.origin) == (
        "shop",
        "shop.pay",
        "content_raw",
        0,
        "model",
    )
    assert (origin.model, origin.model_digest, origin.options) == (
        "big",
        "sha256:abc",
        {"seed": 42, "temperature": 0.3},
    )
    assert (origin.prompt_fingerprint, origin.recipe, origin.language) == ("p1", "r1", "es")
    assert (origin.source_key, origin.key) == (one(psql, "SELECT source_key FROM chunk")["source_key"], "address")
    assert origin.hints == {"identity": 4, "calls": 2}
    assert (origin.attempts, origin.rejected) == (3, [["language"], ["copied", "language"]])
    assert (origin.score, origin.defects) == (0.2, {"language": "0.40", "copied": ""})
    assert (origin.prompt_tokens, origin.output_tokens, origin.duration_ms, origin.worker) == (900, 80, 1234, "w1")
    assert origin.generation == one(psql, "SELECT id FROM generation")["id"]
    assert origin.written_at is not None
    assert not origin.outdated


async def test_a_text_from_the_ledger_names_who_was_asked_for_it(db: Database, psql: Connection, repo: int) -> None:
    a_function(psql, repo, "pay")
    await write(db, key="same", prompt_tokens=900, output_tokens=80, duration_ms=1234)
    (first,) = all_rows(psql, "SELECT id FROM generation")
    copy = a_function(psql, a_repository(psql, "fork"), "pay")
    await write(db, key="same", reused_from=first["id"])
    origin = await origin_of(db, copy)
    assert (origin.origin, origin.reused_from, origin.repo) == ("ledger", first["id"], "fork")
    assert (origin.first_repo, origin.first_fqn, origin.first_worker) == ("shop", "shop.pay", "w1")
    assert (origin.first_prompt_tokens, origin.first_output_tokens, origin.first_duration_ms) == (900, 80, 1234)


async def test_a_text_by_hand_is_nobodys(db: Database, psql: Connection, repo: int) -> None:
    chunk = a_function(psql, repo, "pay")
    await write(db)
    psql.execute("UPDATE chunk SET content_raw = 'Better, by hand.'")
    origin = await origin_of(db, chunk)
    assert (origin.origin, origin.model, origin.prompt_fingerprint, origin.generation) == ("hand", None, None, None)


async def test_a_text_outlives_its_row_of_the_ledger(db: Database, psql: Connection, repo: int) -> None:
    chunk = a_function(psql, repo, "pay")
    await write(db, recipe="r1", quality=GOOD)
    psql.execute("DELETE FROM generation")
    origin = await origin_of(db, chunk)
    assert (origin.origin, origin.recipe, origin.model, origin.options) == ("forgotten", "r1", "big", None)


async def test_what_was_changed_since_is_said(db: Database, psql: Connection, repo: int) -> None:
    chunk = a_function(psql, repo, "pay")
    await write(db, text="It pays.")
    await write(db, Stage.TALKER, text="Plainly.")
    assert [(one.stage, one.outdated) for one in await provenance.origins(db, [chunk])] == [
        ("coder", False), ("talker", False),
    ]  # fmt: skip
    psql.execute("UPDATE node SET source_code = 'def pay(): return 2'")
    psql.execute("UPDATE chunk SET source_hash = 'h2'")
    assert [one.outdated for one in await provenance.origins(db, [chunk])] == [True, False]


async def test_texts_come_in_the_order_of_chunks_and_stages(db: Database, psql: Connection, repo: int) -> None:
    chunks = [a_function(psql, repo, name) for name in ("a", "b")]
    for _ in chunks:
        await write(db)
    await write(db, Stage.TALKER)
    await write(db, Stage.TALKER)
    found = await provenance.origins(db, [chunks[1], chunks[0]])
    assert [(one.fqn, one.stage) for one in found] == [
        ("shop.b", "coder"), ("shop.b", "talker"), ("shop.a", "coder"), ("shop.a", "talker"),
    ]  # fmt: skip
    assert await provenance.origins(db, []) == []


# --- quality ----------------------------------------------------------------------------------------------


@pytest.fixture
async def judged(db: Database, psql: Connection, repo: int) -> int:
    """Two technical texts of one prompt, one of them bad, and one of another repository, prompt and model."""
    for name, quality in (("good", GOOD), ("bad", BAD)):
        a_function(psql, repo, name)
        await write(db, text=f"About {name}.", quality=quality, prompt_fingerprint="p1")
    other = a_repository(psql, "bank")
    a_chunk(psql, a_node(psql, other, fqn="bank.pay"))
    quality = {**GOOD, "score": 0.5, "attempts": 2, "rejected": [["cut"]], "model": "small"}
    await write(db, quality=quality, prompt_fingerprint="p2", model="small")
    return repo


async def test_the_worst_come_first(db: Database, judged: int) -> None:
    worst = await db_quality.worst(db)
    assert [(one.fqn, one.score, one.flagged) for one in worst] == [
        ("shop.bad", 0.2, True), ("bank.pay", 0.5, False), ("shop.good", 0.95, False),
    ]  # fmt: skip
    first = worst[0]
    assert (first.defects, first.rejected, first.attempts) == (
        ("copied", "language"),
        ("copied", "language", "language"),
        3,
    )
    assert (first.language_ratio, first.copied, first.grounded) == (0.4, 0.7, None)
    assert (first.prompt_fingerprint, first.model, first.stage) == ("p1", "big", "coder")


async def test_texts_can_be_chosen(db: Database, judged: int) -> None:
    async def found(**choice: Any) -> list[str]:
        return [one.fqn for one in await db_quality.worst(db, **choice)]

    assert await found(repo="shop") == ["shop.bad", "shop.good"]
    assert await found(flagged=True) == ["shop.bad"]
    assert await found(limit=1) == ["shop.bad"]
    assert await found(stage=Stage.TALKER) == []
    assert await found(stage=Stage.CODER, repo="bank") == ["bank.pay"]
    with pytest.raises(NotFound, match="'nowhere'"):
        await found(repo="nowhere")


async def test_texts_by_hand_and_texts_that_are_gone_are_no_matter(db: Database, psql: Connection, judged: int) -> None:
    psql.execute("UPDATE chunk SET content_raw = 'By hand.' WHERE content_raw = 'About bad.'")
    psql.execute("UPDATE chunk SET content_raw = NULL WHERE content_raw = 'About good.'")
    assert [one.fqn for one in await db_quality.worst(db)] == ["bank.pay"]


async def test_how_a_stage_fares(db: Database, judged: int) -> None:
    (coder,) = await db_quality.groups(db)
    assert (coder.stage, coder.name, coder.texts, coder.flagged, coder.regenerated, coder.rejected) == (
        "coder", None, 3, 1, 2, 3,
    )  # fmt: skip
    assert coder.score == pytest.approx((0.95 + 0.2 + 0.5) / 3)
    assert coder.defects == {"copied": 1, "language": 1}
    assert coder.reasons == {"copied": 1, "cut": 1, "language": 2}
    assert await db_quality.groups(db, stage=Stage.TALKER) == []


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        (By.REPO, {"shop": (2, 1), "bank": (1, 0)}),
        (By.PROMPT, {"p1": (2, 1), "p2": (1, 0)}),
        (By.MODEL, {"big": (2, 1), "small": (1, 0)}),
        # A defect counts where the saved text has it, and where an attempt was rejected for it.
        (By.DEFECT, {"language": (1, 1), "copied": (1, 1), "cut": (1, 0)}),
    ],
)
async def test_texts_by_what_they_have_in_common(
    db: Database, judged: int, by: By, expected: dict[str, tuple[int, int]]
) -> None:
    found = await db_quality.groups(db, by)
    assert {group.name: (group.texts, group.flagged) for group in found} == expected


async def test_a_defect_counts_the_attempts_it_was_a_reason_for(db: Database, judged: int) -> None:
    found = {group.name: group.rejected for group in await db_quality.groups(db, By.DEFECT)}
    assert found == {"language": 2, "copied": 1, "cut": 1}


async def test_the_newest_prompt_comes_first(db: Database, judged: int) -> None:
    assert [group.name for group in await db_quality.groups(db, By.PROMPT)] == ["p2", "p1"]


# --- the views themselves ---------------------------------------------------------------------------------


async def test_the_views_can_be_asked_in_plain_sql(db: Database, psql: Connection, judged: int) -> None:
    row = one(psql, "SELECT repo, stage, score, defects FROM quality WHERE flagged")
    assert row == {"repo": "shop", "stage": "coder", "score": 0.2, "defects": ["copied", "language"]}
    rows = all_rows(psql, "SELECT prompt_fingerprint, count(*) AS n FROM provenance GROUP BY 1 ORDER BY 1")
    assert rows == [{"prompt_fingerprint": "p1", "n": 2}, {"prompt_fingerprint": "p2", "n": 1}]


@pytest.mark.parametrize(
    "figures", ["{}", '{"coder": {}}', '{"coder": {"defects": "x", "rejected": 3}}', '{"coder": 1}']
)
async def test_figures_of_any_shape_break_nothing(db: Database, psql: Connection, repo: int, figures: str) -> None:
    """explain_quality is a column that anybody may write."""
    chunk = a_function(psql, repo, "pay")
    await write(db)
    psql.execute("UPDATE chunk SET explain_quality = %s::jsonb WHERE id = %s", (figures, chunk))
    (text,) = await db_quality.worst(db)
    assert (text.defects, text.rejected, text.flagged) == ((), (), False)
