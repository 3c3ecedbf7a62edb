"""The labels of the fact sheet: whole in every language, one's own first, English as a last resort."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from daemon.config import shared
from daemon.errors import PromptError
from daemon.index.sheet_words import words_of
from daemon.prompts import Prompts
from db.types import NodeKind

TABLES = yaml.safe_load((shared("prompts") / "sheet.yaml").read_text(encoding="utf-8"))


def test_every_language_with_prompts_has_labels() -> None:
    assert sorted(TABLES) == Prompts(shared("prompts")).languages()


@pytest.mark.parametrize("language", sorted(TABLES))
def test_a_shipped_table_is_whole(language: str) -> None:
    mine, english = TABLES[language], TABLES["en"]
    assert list(mine) == list(english)
    assert list(mine["kinds"]) == [str(kind) for kind in NodeKind]
    for label, said in mine.items():
        assert label == "kinds" or re.findall(r"\$\w+", said) == re.findall(r"\$\w+", english[label]), label


def test_numbers_are_filled_in() -> None:
    assert words_of("es").filled("more", count=3) == "y 3 más"


def test_a_kind_that_nobody_knows_is_shown_as_it_is() -> None:
    assert words_of("en").kind("TRAIT") == "trait"


def test_a_language_without_labels_is_shown_in_english() -> None:
    assert words_of("de")["members"] == "Members"


def test_a_folder_of_ones_own_comes_first_label_by_label(tmp_path: Path) -> None:
    (tmp_path / "sheet.yaml").write_text("de: {members: Teile, kinds: {CLASS: Klasse}}\nen: {members: Parts}", "utf-8")
    german, english = words_of("de", tmp_path), words_of("en", tmp_path)
    assert (german["members"], german.kind("CLASS"), german.kind("FILE")) == ("Teile", "Klasse", "file")
    assert (english["members"], english["calls"]) == ("Parts", "Calls")


@pytest.mark.parametrize(
    ("text", "said"), [("a: [", "not valid YAML"), ("- en", "one table of labels"), ("en: x", "one table of labels")]
)
def test_a_broken_file_is_named(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "sheet.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(PromptError, match=rf"sheet\.yaml: .*{said}"):
        words_of("en", tmp_path)
