"""Prompts: checked placeholders, one system prompt for all chunks, defects at the end."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from daemon.config import shared
from daemon.errors import PromptError
from daemon.prompts import Prompts, fence_for
from db.types import Stage

FIELDS = {"lang": "go", "fqn": "a.B", "lines": "1-2", "hints": "- x", "fence": "```", "source": "func $x() {}"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(shared("prompts"), tmp_path / "prompts"))


@pytest.mark.parametrize("language", ["en", "ru"])
def test_the_shipped_prompts_are_whole(language: str) -> None:
    prompts = Prompts(shared("prompts"))
    prompts.check(language)
    coder = prompts.stage(Stage.CODER, language)
    assert len(coder.sections) == 3
    assert all(section in coder.system for section in coder.sections)
    assert "$" not in coder.system


def test_code_may_hold_dollar_signs() -> None:
    asked = Prompts(shared("prompts")).stage(Stage.CODER, "en").ask(**FIELDS)
    assert "func $x() {}" in asked
    assert asked.endswith("Write the whole answer in English.")


def test_a_second_question_begins_like_the_first() -> None:
    prompt = Prompts(shared("prompts")).stage(Stage.CODER, "ru")
    first = prompt.ask(**FIELDS)
    second = prompt.ask_again(first, {"language": "0.20", "sections": "### A, ### B"})
    assert second.startswith(first), "the common part need not be computed anew"
    assert "### A, ### B" in second
    assert second.endswith(prompt.reminder)


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("coder.user.md", "$source $fence $reminder $nonsense", r"unknown placeholder \$nonsense"),
        ("coder.user.md", "$fence $reminder", r"placeholder \$source is missing"),
        ("coder.system.md", "costs 5 $ $sections", "a dollar sign stands alone"),
        ("words.yaml", "language: x", "sections, reminder, again, defects missing"),
        ("words.yaml", "a: [", "not valid YAML"),
    ],
)
def test_a_broken_prompt_is_named(folder: Path, file: str, text: str, said: str) -> None:
    (folder / "en" / file).write_text(text, encoding="utf-8")
    with pytest.raises(PromptError, match=said) as caught:
        Prompts(folder).check("en")
    assert file in str(caught.value)


def test_a_missing_sentence_for_a_defect_is_named(folder: Path) -> None:
    path = folder / "en" / "words.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("  copied:", "  kopied:"), encoding="utf-8")
    with pytest.raises(PromptError, match="copied"):
        Prompts(folder).check("en")


def test_a_missing_language_names_those_that_are_there(folder: Path) -> None:
    with pytest.raises(PromptError, match="'xx'") as caught:
        Prompts(folder).check("xx")
    assert "en, ru" in caught.value.remedy


def test_a_changed_prompt_has_another_fingerprint(folder: Path) -> None:
    before = {stage: Prompts(folder).stage(stage, "en").fingerprint for stage in (Stage.CODER, Stage.TALKER)}
    path = folder / "en" / "talker.system.md"
    path.write_text(path.read_text(encoding="utf-8") + "\nBe kind.", encoding="utf-8")
    after = {stage: Prompts(folder).stage(stage, "en").fingerprint for stage in (Stage.CODER, Stage.TALKER)}
    assert before[Stage.CODER] == after[Stage.CODER]
    assert before[Stage.TALKER] != after[Stage.TALKER]


@pytest.mark.parametrize(("source", "fence"), [("x", "```"), ("```\na\n```", "````"), ("`````", "``````")])
def test_no_source_can_close_its_fence(source: str, fence: str) -> None:
    assert fence_for(source) == fence
