"""Prompts: checked placeholders, whole languages, borrowed ones, fingerprints, defects at the end of a question."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from structlog.testing import capture_logs

from daemon.config import shared
from daemon.errors import PromptError
from daemon.prompts import _ALLOWED, _NEEDED, ALL, Prompts, fence_for
from daemon.words import DEFECTS

FIELDS = {
    "lang": "go", "fqn": "a.B", "hints": "- x", "fence": "```", "source": "func $x() {}", "instructions": "- y",
}  # fmt: skip
PART_FIELDS = {
    "lang": "go", "fqn": "a.B", "header": "- Kind: FUNCTION", "number": "2", "total": "3", "lines": "10-20",
    "fence": "```", "source": "func $x() {}",
}  # fmt: skip
PARTS = ("system", "user", "merged", "unread", "stubs")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(shared("prompts"), tmp_path / "prompts"))


def edit(path: Path, change: Callable[[str], str]) -> None:
    before = path.read_text(encoding="utf-8")
    after = change(before)
    assert after != before, "the edit changed nothing"
    path.write_text(after, encoding="utf-8")


# --- a question -------------------------------------------------------------------------------------------


def test_code_may_hold_dollar_signs() -> None:
    asked = Prompts(shared("prompts")).stage("coder", "en").ask(**FIELDS)
    assert "func $x() {}" in asked
    assert asked.endswith("Write the whole answer in English.")


def test_a_value_that_looks_like_a_placeholder_is_not_filled() -> None:
    asked = Prompts(shared("prompts")).stage("coder", "en").ask(**{**FIELDS, "hints": "- $reminder $source $$"})
    assert "- $reminder $source $$" in asked


def test_a_paragraph_with_nothing_to_say_leaves_no_gap() -> None:
    asked = Prompts(shared("prompts")).stage("coder", "en").ask(**{**FIELDS, "instructions": ""})
    assert "\n\n\n" not in asked
    assert "- y" not in asked
    assert "```\n\nThe code ends here." in asked


def test_a_second_question_begins_like_the_first() -> None:
    prompt = Prompts(shared("prompts")).stage("coder", "ru")
    first = prompt.ask(**FIELDS)
    second = prompt.ask_again(first, {"language": "0.20", "sections": "### A, ### B"})
    assert second.startswith(first), "the common part need not be computed anew"
    assert "### A, ### B" in second
    assert second.endswith(prompt.reminder)


@pytest.mark.parametrize(
    ("source", "fence"), [("x", "```"), ("```\na\n```", "````"), ("`````", "``````"), ("~~~~", "`````")]
)
def test_no_source_can_close_its_fence(source: str, fence: str) -> None:
    assert fence_for(source) == fence


def test_the_fence_is_longer_than_those_of_all_texts() -> None:
    assert fence_for("```", "````", "x") == "`````"


# --- code in parts ----------------------------------------------------------------------------------------


def test_the_question_for_a_note_says_which_part_it_is() -> None:
    prompt = Prompts(shared("prompts")).part("en")
    asked = prompt.ask(**PART_FIELDS)
    assert "Part 2 of 3, lines 10-20" in asked
    assert "func $x() {}" in asked
    assert asked.endswith(prompt.reminder)


def test_notes_stand_in_place_of_the_code() -> None:
    merged = Prompts(shared("prompts")).part("en").merged
    said = merged.substitute(lines="3000", total="4", header="- Kind: FUNCTION", notes="[1-10] It begins.")
    assert "3000 lines" in said
    assert said.rstrip().endswith("[1-10] It begins.")


@pytest.mark.parametrize("name", PARTS)
def test_a_prompt_for_parts_has_its_share_in_their_fingerprint(folder: Path, name: str) -> None:
    before = Prompts(folder).part("en").fingerprint
    edit(folder / "en" / f"part.{name}.md", lambda text: text + "\nBe brief.")
    assert Prompts(folder).part("en").fingerprint != before


# --- what is wrong with a file is said ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("coder.user.md", "$source $fence $reminder $nonsense", r"unknown placeholder \$nonsense"),
        ("coder.user.md", "$fence $reminder", r"placeholder \$source is missing"),
        ("coder.user.md", "$source $fence", r"placeholder \$reminder is missing"),
        ("coder.system.md", "costs 5 $ $sections", "a dollar sign stands alone"),
        ("coder.system.md", "no headings", r"placeholder \$sections is missing"),
        ("coder.system.md", "$sections $section_4", r"unknown placeholder \$section_4"),
        ("talker.user.md", "$fence $raw $reminder $source", r"unknown placeholder \$source"),
        ("talker.system.md", "$sections", r"unknown placeholder \$sections"),
        ("instruct.user.md", "$fence $raw", r"placeholder \$reminder is missing"),
        ("package.user.md", "$fence $reminder", r"placeholder \$members is missing"),
        ("part.user.md", "$fence $source $reminder", r"placeholder \$lines is missing"),
        ("part.merged.md", "$header", r"placeholder \$notes is missing"),
        ("part.unread.md", "$share", r"placeholder \$places is missing"),
        ("words.yaml", "language: x", r"sections, reminder, again, borrowed\.system, .* missing"),
        ("words.yaml", "a: [", "not valid YAML"),
        ("words.yaml", "- a", "must hold words"),
        ("words.yaml", "defects: [a]", "defects must hold sentences by name"),
        ("words.yaml", "sections: [a]", "sections must hold a list of headings for each prompt"),
        ("words.yaml", "defects: {cut: costs 5 $}", r"defects\.cut: a dollar sign stands alone"),
        ("words.yaml", "roles: {test: $detail}", r"roles\.test: unknown placeholder \$detail"),
    ],
)
def test_a_broken_prompt_is_named(folder: Path, file: str, text: str, said: str) -> None:
    (folder / "en" / file).write_text(text, encoding="utf-8")
    with pytest.raises(PromptError, match=said) as caught:
        Prompts(folder).check("en")
    assert file in str(caught.value)


def test_what_is_not_utf8_is_named(folder: Path) -> None:
    (folder / "en" / "coder.system.md").write_bytes("$sections Größe".encode("latin-1"))
    with pytest.raises(PromptError, match=r"coder\.system\.md: not UTF-8"):
        Prompts(folder).check("en")


def test_a_missing_sentence_for_a_defect_is_named(folder: Path) -> None:
    edit(folder / "en" / "words.yaml", lambda text: text.replace("  copied:", "  kopied:"))
    with pytest.raises(PromptError, match=r"defects\.copied missing"):
        Prompts(folder).check("en")


def test_a_missing_file_of_the_lender_is_named(folder: Path) -> None:
    (folder / "en" / "talker.user.md").unlink()
    with pytest.raises(PromptError, match=r"en/talker\.user\.md"):
        Prompts(folder).check("en")


# --- whole languages --------------------------------------------------------------------------------------

SHIPPED = Prompts(shared("prompts")).languages()


def shipped_words(language: str) -> dict[str, object]:
    found = yaml.safe_load((shared("prompts") / language / "words.yaml").read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


def test_english_and_russian_are_shipped() -> None:
    assert {"en", "ru"} <= set(SHIPPED)


def placeholders(text: str) -> set[str]:
    return set(re.findall(r"\$\w+", text))


@pytest.mark.parametrize("language", SHIPPED)
def test_a_shipped_language_borrows_nothing(language: str) -> None:
    assert Prompts(shared("prompts")).check(language) == ""


@pytest.mark.parametrize("language", SHIPPED)
def test_a_shipped_language_is_whole_without_a_lender(language: str, tmp_path: Path) -> None:
    shutil.copytree(shared("prompts") / language, tmp_path / language)
    prompts = Prompts(tmp_path, fallback=None)
    assert prompts.check(language) == ""
    for stage in ALL:
        prompt = prompts.stage(stage, language)
        assert all(section in prompt.system for section in prompt.sections)
        assert "$" not in prompt.system
        assert len(prompt.sections) == {"talker": 0, "instruct": 4}.get(stage, 3)


@pytest.mark.parametrize("language", SHIPPED)
def test_a_shipped_language_has_every_word_that_english_has(language: str) -> None:
    mine, theirs = shipped_words(language), shipped_words("en")
    assert list(mine) == list(theirs)
    for group in ("sections", "borrowed", "defaults", "instructions", "roles", "defects"):
        own, english = mine[group], theirs[group]
        assert isinstance(own, dict)
        assert isinstance(english, dict)
        assert list(own) == list(english), group
        for name, sentence in own.items():
            assert group == "sections" or placeholders(sentence) == placeholders(english[name]), name


@pytest.mark.parametrize("language", SHIPPED)
def test_shipped_prompts_show_what_the_english_ones_show(language: str) -> None:
    for path in sorted((shared("prompts") / "en").glob("*.md")):
        english, own = path.read_text(encoding="utf-8"), (shared("prompts") / language / path.name).read_text("utf-8")
        assert placeholders(own) == placeholders(english), path.name
        assert own.count("```") == english.count("```"), path.name


@pytest.mark.parametrize("language", SHIPPED)
def test_every_defect_has_a_sentence(language: str) -> None:
    defects = Prompts(shared("prompts")).stage("coder", language).words.defects
    assert set(defects) == set(DEFECTS)


# --- borrowed languages -----------------------------------------------------------------------------------


def test_a_language_without_prompts_borrows_all_and_says_so_once() -> None:
    prompts = Prompts(shared("prompts"))
    with capture_logs() as logs:
        said = prompts.check("de")
        prompts.check("de")
    assert said == "no prompts in German: taken from en"
    assert [(one["event"], one["language"], one["log_level"]) for one in logs] == [
        ("prompts borrowed", "de", "warning")
    ]


def test_borrowed_prompts_ask_for_the_other_language_by_its_name() -> None:
    prompts = Prompts(shared("prompts"))
    prompt, english = prompts.stage("coder", "de"), prompts.stage("coder", "en")
    assert prompt.sections == english.sections
    assert (
        prompt.system
        == f"{english.system}\n\nThe answer is written in German. Keep the headings exactly as they are given here."
    )
    assert prompt.ask(**FIELDS).endswith("Write the whole answer in German; keep the headings as they are given.")
    again = prompt.ask_again("x", {"language": ""})
    assert "It was not written in German throughout." in again
    assert "English" not in again
    part = prompts.part("de")
    assert part.system.endswith("Keep the headings exactly as they are given here.")
    assert part.reminder == prompt.reminder
    assert part.borrowed == tuple(f"part.{name}.md" for name in PARTS)


def test_another_language_may_lend() -> None:
    prompts = Prompts(shared("prompts"), fallback="ru")
    assert prompts.check("de") == "no prompts in German: taken from ru"
    assert prompts.stage("coder", "de").sections == prompts.stage("coder", "ru").sections


def test_a_missing_file_alone_is_borrowed(folder: Path) -> None:
    (folder / "ru" / "talker.system.md").unlink()
    (folder / "ru" / "part.user.md").unlink()
    prompts = Prompts(folder)
    with capture_logs() as logs:
        assert prompts.check("ru") == "talker.system.md, part.user.md not in ru: taken from en"
    assert len(logs) == 1
    talker = prompts.stage("talker", "ru")
    assert talker.borrowed == ("talker.system.md",)
    assert "The answer is written in Russian." in talker.system
    assert talker.reminder == "Весь ответ напиши на русском языке.", "the language's own words stay"
    assert prompts.stage("coder", "ru").borrowed == ()


def test_missing_words_alone_are_borrowed(folder: Path) -> None:
    path = folder / "ru" / "words.yaml"
    found = yaml.safe_load(path.read_text(encoding="utf-8"))
    del found["defects"]["copied"], found["again"], found["sections"]["instruct"]
    path.write_text(yaml.safe_dump(found, allow_unicode=True), encoding="utf-8")
    prompts = Prompts(folder)
    assert prompts.check("ru") == "again, defects.copied, sections.instruct not in ru: taken from en"
    words = prompts.stage("coder", "ru").words
    assert "repeated the source code" in words.defects["copied"].template
    assert words.reminder == "Весь ответ напиши на русском языке."
    assert prompts.stage("instruct", "ru").sections[0] == "### 1. Usage"


def test_a_folder_of_ones_own_overrides_single_files(tmp_path: Path) -> None:
    (tmp_path / "en").mkdir()
    (tmp_path / "en" / "talker.system.md").write_text("Be brief.", encoding="utf-8")
    prompts = Prompts(tmp_path, shipped=shared("prompts"))
    assert prompts.check("en") == "", "what comes with the program is nothing borrowed"
    assert prompts.stage("talker", "en").system == "Be brief."
    assert prompts.stage("coder", "en").system == Prompts(shared("prompts")).stage("coder", "en").system


def test_a_folder_of_ones_own_may_hold_a_new_language(tmp_path: Path) -> None:
    (tmp_path / "de").mkdir()
    (tmp_path / "de" / "talker.system.md").write_text("Erkläre es einfach.", encoding="utf-8")
    prompts = Prompts(tmp_path, shipped=shared("prompts"))
    assert "de" in prompts.languages()
    talker = prompts.stage("talker", "de")
    assert talker.system == "Erkläre es einfach.", "its own prompt needs nobody to ask for German"
    assert "talker.user.md" in talker.borrowed
    assert talker.reminder.startswith("Write the whole answer in German")


@pytest.mark.parametrize("fallback", ["en", None])
def test_a_code_that_is_no_language_is_refused(folder: Path, fallback: str | None) -> None:
    with pytest.raises(PromptError, match="'xx'") as caught:
        Prompts(folder, fallback=fallback).check("xx")
    assert ", ".join(SHIPPED) in caught.value.remedy


def test_without_a_lender_a_language_without_prompts_is_refused(folder: Path) -> None:
    prompts = Prompts(folder, fallback=None)
    assert prompts.askable() == SHIPPED
    with pytest.raises(PromptError, match="'de'"):
        prompts.check("de")


# --- fingerprints -----------------------------------------------------------------------------------------


def fingerprints(folder: Path, language: str = "en") -> dict[str, str]:
    prompts = Prompts(folder)
    return {stage: prompts.stage(stage, language).fingerprint for stage in ALL}


def changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
    return {stage for stage in ALL if before[stage] != after[stage]}


@pytest.mark.parametrize("stage", ALL)
@pytest.mark.parametrize("file", ["system", "user"])
def test_a_changed_prompt_has_another_fingerprint_and_others_keep_theirs(folder: Path, stage: str, file: str) -> None:
    before = fingerprints(folder)
    edit(folder / "en" / f"{stage}.{file}.md", lambda text: "Be kind.\n" + text)
    assert changed(before, fingerprints(folder)) == {stage}


@pytest.mark.parametrize(
    ("where", "stages"),
    [
        (("reminder",), set(ALL)),
        (("sections", "coder", 0), {"coder"}),
        (("instructions", "params"), {"coder", "instruct"}),
        (("roles", "test"), {"coder", "instruct"}),
        (("defaults", "goal"), {"coder", "instruct"}),
        (("defects", "copied"), set()),  # what mends an answer is no other question
        (("again",), set()),
    ],
    ids=lambda value: "-".join(map(str, value)) if isinstance(value, tuple) else "",  # sets have no order
)
def test_words_count_where_they_can_be_said(folder: Path, where: tuple[Any, ...], stages: set[str]) -> None:
    before = fingerprints(folder)
    path = folder / "en" / "words.yaml"
    found = at = yaml.safe_load(path.read_text(encoding="utf-8"))
    for step in where[:-1]:
        at = at[step]
    at[where[-1]] += " Please."
    path.write_text(yaml.safe_dump(found, sort_keys=False), encoding="utf-8")
    assert changed(before, fingerprints(folder)) == stages


def test_a_language_that_lends_everything_lends_its_changes(folder: Path) -> None:
    before = fingerprints(folder, "de")
    edit(folder / "en" / "coder.system.md", lambda text: "Be kind.\n" + text)
    assert changed(before, fingerprints(folder, "de")) == {"coder"}


def test_languages_have_fingerprints_of_their_own() -> None:
    found = [fingerprints(shared("prompts"), language) for language in ("en", "ru", "de", "fr")]
    for stage in ALL:
        assert len({one[stage] for one in found}) == len(found)


# --- what the manual says ---------------------------------------------------------------------------------


def manual() -> dict[str, tuple[set[str], set[str]]]:
    """File -> placeholders that may stand there, and those that must, as prompts/README.md has them."""
    found = {}
    for line in (shared("prompts") / "README.md").read_text(encoding="utf-8").splitlines():
        cells = line.split("|")
        for file in re.findall(r"`([a-z.]+)\.md`", cells[1]) if len(cells) > 4 else ():
            found[file] = (set(re.findall(r"\$(\w+)", cells[3])), set(re.findall(r"\*\*`\$(\w+)`\*\*", cells[3])))
    return found


def test_the_manual_names_every_file_and_its_placeholders() -> None:
    said = manual()
    assert {f"{name}.md" for name in said} == {path.name for path in (shared("prompts") / "en").glob("*.md")}
    for name, (may, must) in said.items():
        assert must == set(_NEEDED.get(name, ())), name
        assert may - {"section_1"} == set(_ALLOWED.get(name, _NEEDED.get(name, ()))), name
