"""The words of a language: what is checked when they are read, what one lends another, what is said of a role."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from daemon.config import shared
from daemon.errors import PromptError
from daemon.index.roletable import SHIPPED
from daemon.roles import read_rows
from daemon.words import BORROWED, DEFAULTS, DEFECTS, INSTRUCTIONS, Words, lacking, read, words


def whole(**changes: Any) -> dict[str, Any]:
    """The least that a lender must say."""
    return {
        "language": "English",
        "sections": {"coder": ["### A"], "talker": []},
        "reminder": "In English.",
        "again": "Again:",
        "borrowed": {name: f"{name} in $language" for name in BORROWED},
        "defaults": {name: name for name in DEFAULTS},
        "instructions": {name: f"{name} $detail" for name in INSTRUCTIONS},
        "defects": {name: f"{name}: $detail" for name in DEFECTS},
        **changes,
    }


def test_what_is_whole_lacks_nothing() -> None:
    assert list(lacking(whole(), "coder", lends=True)) == []


def test_roles_are_extras() -> None:
    assert list(lacking(whole(roles=None), "coder", lends=True)) == []


def test_only_a_lender_needs_words_to_lend() -> None:
    found = whole(borrowed={})
    assert list(lacking(found, "coder", lends=False)) == []
    assert list(lacking(found, "coder", lends=True)) == [f"borrowed.{name}" for name in BORROWED]


def test_each_missing_key_is_named() -> None:
    found = whole(again="", instructions={"title": "x"})
    missing = list(lacking(found, "instruct", lends=True))
    assert missing == ["again", "sections.instruct", *(f"instructions.{name}" for name in INSTRUCTIONS[1:])]


def test_a_lender_fills_what_is_missing_and_asks_for_the_other_language() -> None:
    mine = {"language": "Deutsch", "sections": {"coder": ["### Kurz"]}, "defects": {"cut": "Zu lang."}}
    found = words(mine, whole(), "coder", name="German")
    assert (found.language, found.sections) == ("Deutsch", ("### Kurz",))
    assert found.reminder == "reminder in German"
    assert found.defects["cut"].template == "Zu lang."
    assert found.defects["empty"].template == "empty: $detail"
    assert found.defects["language"].template == "language in German"
    assert "defects.empty" in found.missing
    assert "defects.cut" not in found.missing


def test_own_words_come_before_lent_ones() -> None:
    mine = whole(
        language="Deutsch", reminder="Auf Deutsch.", defects={**whole()["defects"], "language": "Kein Deutsch."}
    )
    found = words(mine, whole(), "coder", name="German")
    assert found.reminder == "Auf Deutsch."
    assert found.defects["language"].template == "Kein Deutsch."
    assert found.missing == ()
    assert found.borrowed["system"].template == "system in German", "said below a prompt that is lent, in its language"


def test_nobody_lends_to_the_lender() -> None:
    found = words(whole(), None, "coder", name="English")
    assert (found.reminder, found.missing) == ("In English.", ())
    assert found.borrowed["system"].template == "system in English"


def test_details_are_filled_and_never_read_as_placeholders() -> None:
    found = words(whole(), None, "coder", name="English")
    assert found.instruction("params", "$reminder") == "params $reminder"
    assert found.instruction("unheard-of") == ""
    assert found.default("goal") == "goal"


@pytest.mark.parametrize("said", ["http-endpoint", "HTTP_ENDPOINT", " http endpoint "])
def test_a_role_is_found_however_it_is_written(said: str) -> None:
    found = words(whole(roles={"http-endpoint": "It answers."}), None, "coder", name="English")
    assert found.role(said) == "It answers."


@pytest.mark.parametrize("said", [None, "", "unheard-of"])
def test_a_role_that_nobody_described_is_passed_over(said: str | None) -> None:
    assert Words(language="en").role(said) == ""


def test_every_role_that_we_find_is_described() -> None:
    found = yaml.safe_load((shared("prompts") / "en" / "words.yaml").read_text(encoding="utf-8"))
    assert {row.role for row in read_rows(SHIPPED)} == set(found["roles"])


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(PromptError, match=r"words\.yaml: cannot be read"):
        read(tmp_path / "words.yaml")
