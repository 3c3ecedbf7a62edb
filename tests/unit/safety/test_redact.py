"""Secrets in texts: planted ones go, ordinary lines stay, and what stands in their place tells nothing."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.safety import leaks
from daemon.safety.redact import Redactor
from daemon.safety.rule import windows
from tests.support.planted import Planted, held_out, ordinary, planted

REDACTOR = Redactor()
CASES = tuple(planted(seed=11, rounds=1))
PLACEHOLDER = re.compile(r"<REDACTED:[a-z0-9-]+>")
ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("kind", sorted({case.kind for case in CASES}))
def test_no_half_of_a_planted_secret_comes_through(kind: str) -> None:
    missed = [case.code for case in CASES if case.kind == kind and leaks(REDACTOR.text(case.code)[0], case.secret)]
    assert missed == []


def test_what_is_planted_would_be_seen() -> None:
    """The measure itself: a text that was not redacted leaks, in whole and by its second half."""
    case = CASES[0]
    assert leaks(case.code, case.secret)
    assert leaks(f"x{case.secret[len(case.secret) // 2 :]}", case.secret)


def test_secrets_as_people_write_them() -> None:
    cases = list(held_out())
    missed = [case for case in cases if leaks(REDACTOR.text(case.code)[0], case.secret)]
    assert len(missed) <= len(cases) - 33, "33 of 40 were found before; those out of reach have no name beside them"


@pytest.mark.parametrize("line", list(ordinary()))
def test_ordinary_lines_are_left_alone(line: str) -> None:
    assert REDACTOR.text(line) == (line, {})


def test_our_own_sources_hold_no_secret() -> None:
    """Tens of thousands of lines that speak of passwords and tokens; only the rules look like what they find."""
    found = {}
    for folder in ("daemon", "db", "alembic"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            if path.name != "shapes.py" and (kinds := REDACTOR.text(path.read_text(encoding="utf-8"))[1]):
                found[str(path.relative_to(ROOT))] = kinds
    assert found == {}


def test_all_that_was_found_is_counted_by_kind() -> None:
    key = "AKIA" + "Q3EGU7XZTP2NVMLK"
    text = f'a = "{key}"\nb = "{key}"\npassword = "hunter2-Zq81"'
    clean, found = REDACTOR.text(text)
    assert clean == 'a = "<REDACTED:aws-key>"\nb = "<REDACTED:aws-key>"\npassword = "<REDACTED:password>"'
    assert found == {"aws-key": 2, "password": 1}


def test_a_private_key_goes_from_head_to_foot() -> None:
    key = next(case for case in CASES if case.kind == "private key")
    clean, found = REDACTOR.text(f"before\n{key.code}\nafter")
    assert found == {"private-key": 1}
    assert clean.startswith("before\n")
    assert clean.endswith("\nafter")
    assert not re.search(r"[A-Za-z0-9+/]{30}", clean), "not one line of it is left"


@pytest.mark.parametrize("case", CASES[::7], ids=lambda case: case.kind)
def test_what_was_redacted_comes_out_as_it_was(case: Planted) -> None:
    once, found = REDACTOR.text(case.code)
    assert found
    assert REDACTOR.text(once) == (once, {})


@given(st.text(max_size=300))
def test_redacting_twice_is_redacting_once(text: str) -> None:
    once = REDACTOR.text(text)[0]
    assert REDACTOR.text(once)[0] == once


@given(before=st.text(alphabet="abc =\n", max_size=40), after=st.text(alphabet="xyz ;\n", max_size=40))
def test_nothing_but_the_secret_changes(before: str, after: str) -> None:
    token = "gh" + "p_" + "Zq8" * 12
    clean, found = REDACTOR.text(f"{before}\n'{token}'\n{after}")
    assert clean == f"{before}\n'<REDACTED:github-token>'\n{after}"
    assert found == {"github-token": 1}


def test_a_secret_goes_wherever_else_it_stands() -> None:
    text = 'password = "hunter2-Zq81"\n# log in as admin with hunter2-Zq81, not with xhunter2-Zq81\n'
    clean, found = REDACTOR.text(text)
    assert clean == (
        'password = "<REDACTED:password>"\n# log in as admin with <REDACTED:password>, not with xhunter2-Zq81\n'
    )
    assert found == {"password": 2}
    assert "hunter2" not in repr(REDACTOR.look('password = "hunter2-Zq81"')), "found values are never shown"


def test_values_that_are_allowed_stay() -> None:
    line = 'password = "hunter2-Zq81"'
    assert Redactor(allow=["hunter2-.*"]).text(line) == (line, {})
    assert Redactor(allow=["hunter"]).text(line)[1] == {"password": 1}, "a pattern is for the whole value"


@pytest.mark.parametrize("length", [3999, 4000, 4001, 12_345])
def test_windows_overlap_by_more_than_a_token(length: int) -> None:
    text = "\n".join(["x" * length, "y"])
    found = list(windows(text))
    assert found[0][0] == 0
    assert found[-1] == (length + 1, length + 2)
    for (_, end), (start, _) in itertools.pairwise(found[:-1]):
        assert end - start >= 400
    assert max(end - start for start, end in found) <= 4000


@pytest.mark.parametrize("place", [0, 3_700, 3_990, 4_001, 7_590, 50_000])
def test_a_token_anywhere_in_a_line_without_end(place: int) -> None:
    token = "gh" + "p_" + "Zq8" * 12
    line = "var a=1;" * 12_500
    clean, found = REDACTOR.text(f"{line[:place]} {token} {line[place:]}")
    assert found == {"github-token": 1}
    assert clean == f"{line[:place]} <REDACTED:github-token> {line[place:]}"


@pytest.mark.parametrize("kind", sorted({case.kind for case in CASES}))
def test_texts_looked_over_together_are_found_like_each_alone(kind: str) -> None:
    for case in (case for case in CASES if case.kind == kind):
        texts = ["akcap = sk.ac", case.code, "x", f"see\n{case.code}", "gl.ya = 1", case.secret]
        assert REDACTOR.dirty(texts) == [text for text in texts if REDACTOR.text(text)[1]]


@pytest.mark.parametrize("before", ["x = 1\n", "x = 1\n" * 1000], ids=["short text", "long text"])
@pytest.mark.parametrize("token", ["AKC" + "p8Rf4" * 5, "gh" + "p_" + "Zq8" * 12])
def test_a_token_at_the_start_of_a_line(before: str, token: str) -> None:
    clean, found = REDACTOR.text(f"{before}{token}\ny = 2\n")
    assert token not in clean
    assert sum(found.values()) == 1
