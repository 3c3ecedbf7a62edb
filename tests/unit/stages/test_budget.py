"""What goes first where there is too little room, and that every place says what is not shown there."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.llm.base import Prompt
from daemon.llm.tokens import QWEN, Calibration
from daemon.stages.budget import FRAME_TOKENS, Budget, Fields, Shrunk, Sizes, shrink

HINTS = "\n".join(
    (
        "- Kind: METHOD",
        "- Package: shop.orders",
        "- Signature: def place(self, order)",
        "- Imports: " + ", ".join(f"from shop.part{n} import Thing{n}" for n in range(8)),
        "- Calls-External: 9 (" + "; ".join(f"def called{n}(a, b) — Does thing number {n}." for n in range(5)) + ")",
        "- Called-By: 7 (" + "; ".join(f"def caller{n}(request, session)" for n in range(5)) + "; and 2 more)",
    )
)
FIELDS: Fields = {
    "hints": HINTS,
    "members": "\n".join(f"- member{n}: Says something." for n in range(30)),
    "source": "x",
}


def shrunk(limit: int, fields: Fields = FIELDS) -> Shrunk:
    return shrink(fields, lambda tried: sum(map(len, tried.values())) <= limit)


def line(found: Shrunk, label: str) -> str:
    return next(line for line in found.fields["hints"].split("\n") if line.startswith(f"- {label}:"))


def test_what_fits_stays_as_it_is() -> None:
    found = shrunk(100_000)
    assert (found.fields, found.taken, found.fits) == (FIELDS, {}, True)


def test_callers_go_first_and_say_how_many() -> None:
    whole = sum(map(len, FIELDS.values()))
    found = shrunk(whole - 1)
    callers = "; ".join(f"def caller{n}(request, session)" for n in range(3))
    assert line(found, "Called-By") == f"- Called-By: 7 ({callers}; the rest is not shown)"
    assert found.taken == {"Called-By": whole - sum(map(len, found.fields.values()))}
    assert found.fits


def test_members_go_before_the_last_hints_and_the_signature_never() -> None:
    found = shrunk(900)
    lines = found.fields["members"].split("\n")
    shown = len(lines) - 1
    assert lines[-1] == f"- ({30 - shown} more not shown)"
    assert found.taken["members"] == 30 - shown
    assert line(found, "Package") == "- Package: shop.orders"
    least = shrunk(0)
    assert not least.fits
    assert least.fields["members"] == "- (30 more not shown)"
    assert line(least, "Imports") == "- Imports: (the rest is not shown)"
    assert line(least, "Called-By") == "- Called-By: 7 (the rest is not shown)"
    assert line(least, "Signature") == "- Signature: def place(self, order)"
    assert line(least, "Kind") == "- Kind: METHOD"
    assert least.fields["source"] == "x", "code is never shortened here"


@given(st.integers(min_value=0, max_value=3_000))
def test_it_fits_or_nothing_more_can_go(limit: int) -> None:
    found = shrunk(limit)
    assert found.fits == (sum(map(len, found.fields.values())) <= limit)
    if not found.fits:
        assert found.fields == shrunk(0).fields
    # Nothing goes in silence: where something is gone, a mark stands in its place.
    for label, count in found.taken.items():
        assert count > 0
        if label != "members":
            assert re.search(r"not shown\)", line(found, label))


def test_one_long_value_is_shortened_visibly() -> None:
    fields = {"hints": f"- Doc-Details: {'very long words ' * 60}", "source": "x"}
    found = shrunk(400, fields)
    assert line(found, "Doc-Details").endswith("… (the rest is not shown)")
    assert set(found.taken) == {"Doc-Details"}


def test_room_is_what_answer_margin_and_system_prompt_leave() -> None:
    sizes = Sizes(context_tokens=4096, output_tokens=400, margin_tokens=256)
    system = "You explain code. " * 20
    budget = Budget(sizes, QWEN)
    assert budget.room(system) == 4096 - 400 - 256 - FRAME_TOKENS - budget.tokens(system)
    wary = Budget(sizes, QWEN, Calibration(seen=1, factor=1.5))
    assert wary.tokens(system) == pytest.approx(budget.tokens(system) * 1.5, abs=1)
    assert wary.room(system) < budget.room(system)
    assert Budget(Sizes(context_tokens=512, output_tokens=500), QWEN).room(system) < 0


def test_a_prompt_weighs_system_question_and_frame() -> None:
    budget = Budget(Sizes(), QWEN)
    prompt = Prompt(system="You explain.", user="Explain this.")
    assert budget.of(prompt) == budget.tokens(prompt.system) + budget.tokens(prompt.user) + FRAME_TOKENS
