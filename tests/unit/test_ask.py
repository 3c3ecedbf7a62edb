"""What a look at a chunk says to somebody who waits for its texts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from daemon.cli.ask import progress
from db.report import Page
from db.types import Stage


def page(*, raw: str | None = "raw", plain: str | None = "plain", waits: str | None = None, **states: Any) -> Page:
    work = tuple(
        {"stage": stage, "state": state, "reason": "new", "attempts": 1, "error_class": None, "last_error": error}
        for stage, (state, error) in states.items()
    )
    return Page(
        chunk_id=1, repo="shop", fqn="f", kind="FUNCTION", lang="python", part=0, path=None, line_start=None,
        line_end=None, signature=None, doc_summary=None, source_code="x", content_raw=raw, content=plain,
        language="en", quality={}, stale=False, updated_at=datetime.now(UTC), work=work, callees=(), callers=(),
        explain_md=None, instruct=None, waits=waits,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("looked", "ready", "waits"),
    [
        (page(), ["coder", "talker"], ""),
        (page(coder=("done", None), talker=("done", None)), ["coder", "talker"], ""),
        (page(raw=None, plain=None, coder=("due", None)), [], "coder: waits for a free place"),
        (page(raw=None, plain=None, coder=("leased", None)), [], "coder: is being written"),
        (page(coder=("leased", None), talker=("done", None)), [], "coder: is being written"),
        (page(plain=None, coder=("done", None), talker=("leased", None)), ["coder"], "talker: is being written"),
        (page(coder=("done", None), talker=("due", None), waits="its repository is paused"), ["coder"],
         "talker: waits, its repository is paused"),
        (page(plain=None, talker=("retrying", "boom")), ["coder"], "talker: is tried again soon: boom"),
        (page(raw=None, plain=None), [], ""),
    ],
)  # fmt: skip
def test_an_old_text_that_is_being_replaced_is_no_answer(looked: Page, ready: list[str], waits: str) -> None:
    now = progress(looked)
    assert [str(stage) for stage in now.ready] == ready
    assert now.waits == waits
    assert now.dead == {}


def test_what_was_given_up_ends_the_waiting() -> None:
    now = progress(page(raw=None, plain=None, coder=("dead", "too long")))
    assert (now.ready, now.dead, now.waits) == ((), {Stage.CODER: "too long"}, "")
    now = progress(page(plain=None, talker=("dead", "too long")))
    assert (now.ready, now.dead, now.waits) == ((Stage.CODER,), {Stage.TALKER: "too long"}, "")
