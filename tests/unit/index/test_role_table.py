"""The table of roles as users extend it: rows of their own go first, and a wrong row says what is wrong with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from daemon.errors import ConfigError
from daemon.index.roletable import Annotation, annotations_of, split_list, table_of
from daemon.roles import RoleRow, read_rows
from daemon.settings import IndexSettings
from tests.support.roles import roles

SOURCE = {"shop/Orders.kt": 'package shop\nclass Orders {\n    @OnCommand("pay") fun pay() {}\n    fun other() {}\n}\n'}
ROW = {"role": "message-listener", "framework": "Bus", "annotations": "OnCommand", "detail": "text"}


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("@Test", [("Test", "")]),
        ('@router.get("/x", tags=["a"])', [("router.get", '"/x", tags=["a"]')]),
        ('@get:JsonProperty("a")', [("JsonProperty", '"a"')]),
        ("#[tokio::test]", [("tokio::test", "")]),
        ("#[derive(Debug, Clone)]", [("derive", "Debug, Clone")]),
        ("#[cfg(test)]", [("cfg", "test")]),
        ('#[doc = "x"]', [("doc", '"x"')]),
        ("[Audited, Retry(times: 3)]", [("Audited", ""), ("Retry", "times: 3")]),
        ("[return: NotNull]", [("NotNull", "")]),
        ("#[Route('/a, b', methods: ['GET']), Cache]", [("Route", "'/a, b', methods: ['GET']"), ("Cache", "")]),
    ],
)  # fmt: skip
def test_annotations_are_taken_apart(written: str, expected: list[tuple[str, str]]) -> None:
    assert list(annotations_of(written)) == [Annotation(name, arguments) for name, arguments in expected]


def test_lists_are_split_outside_of_brackets_and_texts() -> None:
    assert split_list("a(1, 2), b['x, y'], \"c, d\", {e: 1}") == ["a(1, 2)", "b['x, y']", '"c, d"', "{e: 1}"]


def test_a_row_of_the_user_is_enough() -> None:
    assert roles(SOURCE) == {}
    assert roles(SOURCE, [RoleRow.model_validate(ROW)]) == {"shop.Orders.pay": ("message-listener", "Bus: pay")}


def test_rows_of_the_user_go_before_ours() -> None:
    source = {"a.py": "from dataclasses import dataclass\n@dataclass\nclass A:\n    b: int\n"}
    assert roles(source) == {"a.A": ("data-class", "dataclass")}
    own = RoleRow.model_validate({"role": "event", "languages": "python", "annotations": "dataclass"})
    assert roles(source, [own]) == {"a.A": ("event", None)}


def test_another_table_has_another_fingerprint() -> None:
    assert table_of().fingerprint == table_of([]).fingerprint
    assert table_of([RoleRow.model_validate(ROW)]).fingerprint != table_of().fingerprint


def test_rows_in_a_file_and_in_the_configuration_are_the_same(tmp_path: Path) -> None:
    path = tmp_path / "roles.yaml"
    path.write_text("- {role: message-listener, framework: Bus, annotations: OnCommand, detail: text}\n")
    assert (
        IndexSettings.model_validate({"roles": str(path)}).roles == IndexSettings.model_validate({"roles": [ROW]}).roles
    )
    path.write_text("")
    assert read_rows(path) == ()


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"role": "Has Blanks", "names": "x"}, "role"),
        ({"role": "job"}, "a row needs one of annotations, supertypes, names"),
        ({"role": "job", "kinds": "METHOD"}, "by language or kind alone everything would get the role"),
        ({"role": "job", "names": "("}, "is no regular expression"),
        ({"role": "job", "names": "x", "kinds": "PROCEDURE"}, "kinds"),
        ({"role": "job", "anotations": "x"}, "Extra inputs are not permitted"),
        ({"role": "job", "calls": "x"}, "say who gets the role"),
        ({"role": "job", "names": "x", "gives": "handler"}, "say who gets the role"),
        ({"role": "job", "names": "x", "arguments": "y"}, "are those of an annotation"),
        ({"role": "job", "names": "x", "text": "y"}, "are about a call"),
        ({"role": "job", "names": "x", "detail": "all"}, "'none', 'http', 'arguments' or 'text'"),
    ],
)
def test_a_wrong_row_says_what_is_wrong(row: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        RoleRow.model_validate(row)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("role: x\n", "must hold a list of rows .* found a dict"),
        (
            "- {role: job, names: x}\n- {role: job, anotations: x}\n",
            "row 2: anotations: no such key; allowed here: .*annotations",
        ),
        (
            "- {role: job, names: x, owner: {kinds: CLASS}}\n",
            "row 1: owner.kinds: no such key; allowed here: annotations, frameworks",
        ),
        ("- [\n", "is no YAML"),
        ("- {role: job, names: '('}\n", "row 1: names.0: .* is no regular expression"),
    ],
)
def test_a_wrong_file_names_itself_the_row_and_the_key(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "roles.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match=said) as caught:
        read_rows(path)
    assert str(path) in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"nowhere\.yaml: cannot be read"):
        read_rows(tmp_path / "nowhere.yaml")


def test_a_language_that_nobody_reads() -> None:
    row = RoleRow.model_validate({"role": "job", "names": "x", "languages": ["kotlin", "cobol2"]})
    with pytest.raises(
        ConfigError, match=r"index.roles: row 1 \(job\): languages: cobol2 is none that we read; allowed:"
    ):
        table_of([row])
