"""Materials and drafts: every text of them is cleaned, and what was found is counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from types import MappingProxyType
from typing import Any

import pytest
from pydantic import ValidationError

from daemon.safety.material import Safety, without_secrets
from daemon.settings import SafetySettings
from db.types import Around, Cluster, Material, Member, Neighbour, Param, Piece, TextDraft, Use

TOKEN = "gh" + "p_" + "Zq8" * 12
GONE = "<REDACTED:github-token>"
SAFETY = Safety(SafetySettings())

# What a text of each kind of field looks like with a secret in it.
_PLAIN = {"title", "fqn", "name", "package", "owner", "path", "signature", "return_type", "doc_summary", "doc_details",
          "source_code", "strategy", "audience", "goal", "quality_target", "content_raw", "content", "instruct",
          "role", "role_detail"}  # fmt: skip
_LISTS = {"supertypes", "annotations", "modifiers", "imports"}
_NESTED: Mapping[str, Any] = {
    "params": (Param(name="key", type="str", default=f'"{TOKEN}"'),),
    "callees": (Neighbour(fqn="a.b", count=1, internal=False, resolved=True, signature=f'b(key="{TOKEN}")'),),
    "callers": (Neighbour(fqn="a.c", count=1, internal=False, resolved=True, summary=f"Logs in with {TOKEN}."),),
    "members": (Member(name="run", signature="def run()", summary=f"Uses {TOKEN}."),),
    "makers": ((Param(name="key", type="str", default=f'"{TOKEN}"'),),),
    "pieces": (Piece(name="pay", kind="FUNCTION", doc=f"Pays with {TOKEN}."),),
    "around": Around(entries=("shop.main",), clusters=(Cluster(files=("main.py",), names=(f"x {TOKEN}",)),)),
    "uses": (Use(symbol="shop.main", path="main.py", called="pay", code=f'pay(key="{TOKEN}")'),),
}
_LEFT = {"chunk_id", "repo", "language", "part", "kind", "lang", "line_start", "line_end", "source_hash", "idents",
         "vectors", "inside", "outside", "users"}  # fmt: skip


def a_material(**changes: Any) -> Material:
    material = Material(
        chunk_id=1, repo="shop", language="en", title="shop.pay", part=0, kind="FUNCTION", lang="python",
        fqn="shop.pay", name="pay", package="shop", owner=None, path="shop.py", line_start=1, line_end=9,
        signature="def pay(total)", params=(Param(name="total"),), return_type=None, supertypes=(), annotations=(),
        modifiers=(), doc_summary=None, doc_details=None, imports=(), source_code="def pay(total): ...",
        source_hash="h1", strategy=None, audience=None, goal=None, quality_target=None, content_raw=None, content=None,
        idents="pay",
    )  # fmt: skip
    return replace(material, **changes)


def a_draft(text: str = "It pays.", **quality: Any) -> TextDraft:
    return TextDraft(
        text=text, key="k", recipe="r", model="m", options={}, prompt_fingerprint="p", language="en", quality=quality
    )


def test_every_field_of_a_material_is_thought_of() -> None:
    assert {one.name for one in fields(Material)} == _PLAIN | _LISTS | set(_NESTED) | _LEFT


@pytest.mark.parametrize("name", sorted(_PLAIN | _LISTS | set(_NESTED)))
def test_a_secret_in_any_text_of_a_material_is_taken_out(name: str) -> None:
    value = _NESTED.get(name) or ((f"x {TOKEN}",) if name in _LISTS else f"x {TOKEN}")
    safe = SAFETY.material(a_material(**{name: value}))
    assert TOKEN not in repr(safe.material)
    assert GONE in repr(getattr(safe.material, name))
    assert safe.redacted == {"github-token": 1}


def test_a_clean_material_stays_the_same_object() -> None:
    material = a_material()
    safe = SAFETY.material(material)
    assert safe.material is material
    assert safe.redacted == {}


def test_a_password_that_only_its_parameter_names() -> None:
    safe = SAFETY.material(a_material(params=(Param(name="password", type="str", default='"s3cret-Zq81x"'),)))
    assert safe.material.params[0].default == '"<REDACTED:password>"'


def test_a_secret_that_one_text_gives_away_goes_from_all_of_them() -> None:
    safe = SAFETY.material(
        a_material(doc_summary="Logs in with s3cret-Zq81x.", source_code='password = "s3cret-Zq81x"')
    )
    assert safe.material.doc_summary == "Logs in with <REDACTED:password>."
    assert safe.redacted == {"password": 2}


def test_hidden_signs_become_visible_in_all_of_it() -> None:
    safe = SAFETY.material(a_material(doc_summary="pays\u202e", source_code="a\u200b = 1"))
    assert (safe.material.doc_summary, safe.material.source_code) == ("pays\\u202e", "a\\u200b = 1")
    assert safe.redacted == {}


def test_the_hash_becomes_that_of_what_is_shown() -> None:
    """A rotated password costs no call, and a text made from the secret is never recalled for what is shown now."""

    def shown(password: str) -> str:
        return SAFETY.material(a_material(source_code=f'password = "{password}"')).material.source_hash

    assert shown("hunter2-Zq81") == shown("rotated-9xQ7")
    assert shown("hunter2-Zq81") != "h1"
    other = SAFETY.material(a_material(source_code='password = "hunter2-Zq81" # why')).material.source_hash
    assert other != shown("hunter2-Zq81")


def test_without_redaction_hidden_signs_are_shown_all_the_same() -> None:
    safe = Safety(SafetySettings(redact=False)).material(a_material(source_code=f"a\u200b = '{TOKEN}'"))
    assert safe.material.source_code == f"a\\u200b = '{TOKEN}'"
    assert safe.redacted == {}


def test_a_draft_holds_no_secret_in_text_and_figures() -> None:
    draft = a_draft(
        f"It logs in with `{TOKEN}`.", unknown_names=["x", TOKEN], defects={"link": f"https://u:{TOKEN}@h"}, score=0.5
    )
    safe = SAFETY.draft(draft, {"password": 2})
    assert TOKEN not in repr(safe)
    assert safe.text == f"It logs in with `{GONE}`."
    assert safe.quality["redacted"] == {"password": 2}
    assert safe.quality["redacted_answer"] == {"github-token": 1}
    assert (safe.quality["score"], safe.quality["unknown_names"]) == (0.5, ["x", GONE])


def test_counts_of_a_recalled_draft_are_those_of_now() -> None:
    recalled = a_draft(redacted={"jwt": 9}, redacted_answer={"jwt": 1}, score=1.0)
    assert SAFETY.draft(recalled, {}).quality == {"score": 1.0}


def test_a_clean_draft_stays_the_same_object() -> None:
    draft = a_draft(score=1.0)
    assert SAFETY.draft(draft, {}) is draft


def test_settings_change_the_fingerprint() -> None:
    stated = [
        SafetySettings(),
        SafetySettings(redact=False),
        SafetySettings(allow=("x1+",)),
        SafetySettings(allow=("y",)),
    ]
    assert len({Safety(one).fingerprint for one in stated}) == 4
    assert Safety(SafetySettings()).fingerprint == SAFETY.fingerprint


@pytest.mark.parametrize("pattern", ["", ".*", r"\w+.*", "[", "[A-Za-z0-9_-]+"])
def test_an_exception_for_everything_is_refused(pattern: str) -> None:
    with pytest.raises(ValidationError, match=r"redact|regular expression"):
        SafetySettings(allow=(pattern,))


def test_what_is_kept_beside_the_answers_knows_no_setting() -> None:
    assert without_secrets(f"x = '{TOKEN}'") == f"x = '{GONE}'"
    assert without_secrets((Param(name="a", default=TOKEN), None, 3)) == (Param(name="a", default=GONE), None, 3)
    assert without_secrets({"a": [TOKEN]}) == {"a": [GONE]}
    assert without_secrets(MappingProxyType({"a": [TOKEN]})) == {"a": [GONE]}, "whatever sort of mapping it is"
