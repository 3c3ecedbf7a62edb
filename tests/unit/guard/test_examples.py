"""Calls that an answer shows: quoted from a place, or built from the signature; nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.guard.base import Answer, Usage
from daemon.guard.examples import ExamplesGuard

SITE = """response = client.send(
    request,
    auth=auth,
    follow_redirects=follow_redirects,
)
try:"""
USAGE = Usage(
    names=("send",),
    signatures=(("request", "stream", "auth", "follow_redirects"),),
    shown=(SITE, "return self.send(build(url), legacy=True)"),
    paths=("httpx/_client.py", "tests/client/test_redirects.py"),
)


def answer(code: str, prose: str = "Send it.", usage: Usage | None = USAGE) -> Answer:
    text = f"### 1. Usage\n{prose}\n\n```python\n{code}\n```\n"
    return Answer(text=text, language="en", facts="[Client.request, httpx/_client.py]", usage=usage)


def defects(code: str, prose: str = "Send it.", usage: Usage | None = USAGE) -> dict[str, str]:
    return dict(ExamplesGuard().check(answer(code, prose, usage)).defects)


@pytest.mark.parametrize(
    "code",
    [
        "response = client.send(request, auth=auth, follow_redirects=follow_redirects,)",
        "client.send(request)",
        "await client.send(make(a, b, c, d, e), stream=True)",
        'client.send("a, b, c, d, e, f, (")',
        "self.send(build(url), legacy=True)",
        "client.send(...)",
        "client.send(request, *rest)",
        "def send(request, way, of, writing, it): ...",
        "resend(request, speed=3)",
        "print(request)",
    ],
)
def test_what_is_shown_or_fits_passes(code: str) -> None:
    assert defects(code) == {}


@pytest.mark.parametrize(
    ("code", "named"),
    [
        ("client.send(request, retries=3)", "`retries`"),
        ("client.send(request, legacy=True)", "`legacy`"),
        ("client.send(a, b, c, d, e)", "4 arguments"),
        ("client.send(\n    request,\n    time_out=5,\n)", "`time_out`"),
        ("ok = client.send(request) and client.send(request, speed=1)", "`speed`"),
    ],
)
def test_what_nobody_showed_is_named(code: str, named: str) -> None:
    assert named in defects(code)["example"]


@pytest.mark.parametrize(
    ("lang_call", "fits"),
    [
        ("send(request: r, stream: false)", True),  # Swift, C#, PHP, Ruby
        ("send(requests: r)", False),
        ("send(request = r)", True),  # Kotlin, Scala
        ("send(cond ? a : b)", True),
        ("send(Foo::new(), x => x)", True),
        ("send<String>(a, b, c, d, e)", False),
        ("send(a == b)", True),
    ],
)
def test_named_arguments_of_other_languages(lang_call: str, *, fits: bool) -> None:
    assert ("example" not in defects(lang_call)) is fits


def test_open_signatures_take_anything() -> None:
    names = Usage(names=("log",), signatures=(("message", "*args", "**extra"),))
    assert defects("log(a, b, c, d, user=1)", usage=names) == {}
    only_named = Usage(names=("log",), signatures=(("message", "**extra"),))
    assert defects("log(a, user=1)", usage=only_named) == {}
    assert "1 arguments" in defects("log(a, b)", usage=only_named)["example"]


def test_one_of_several_ways_to_make_it_is_enough() -> None:
    usage = Usage(names=("Money",), signatures=(("amount",), ("amount", "currency")))
    assert defects("Money(1, currency=EUR)", usage=usage) == {}
    assert "example" in defects("Money(1, 2, 3)", usage=usage)


def test_where_no_signature_is_known_names_must_have_been_shown() -> None:
    usage = Usage(names=("Form",), paths=())
    known = Answer(text="```\nForm(title=1)\n```", language="en", source="`title` is the heading.", usage=usage)
    assert ExamplesGuard().check(known).defects == {}
    assert "`colour`" in defects("Form(colour=1)", usage=usage)["example"]


def test_outer_names_of_parameters_count() -> None:
    usage = Usage(names=("move",), signatures=(("start", "end"),), labels=frozenset({"from", "to"}))
    assert defects("move(from: 1, to: 2)", usage=usage) == {}


@pytest.mark.parametrize(
    ("prose", "strange"),
    [
        ("See `httpx/_client.py` and test_redirects.py.", ""),
        ("As `client/test_redirects.py` shows, it works.", ""),
        ("See `httpx/_transport.py`.", "httpx/_transport.py"),
        ("See httpx/_client.py:812 for more.", "httpx/_client.py:812"),
        ("Call `client.send` and read `response.text`.", ""),
        ("Written in notes.md as well.", ""),
    ],
)
def test_places_that_nobody_showed_are_named(prose: str, strange: str) -> None:
    assert defects("client.send(request)", prose).get("place", "") == strange


def test_figures_count_calls_and_quotes() -> None:
    verdict = ExamplesGuard().check(answer(f"{SITE}\nclient.send(request, stream=True)"))
    assert verdict.figures == {"examples": 2, "examples_quoted": 1}
    assert verdict.score == 1.0


def test_stages_that_show_no_use_are_left_alone() -> None:
    assert defects("send(anything=1)", usage=None) == {}


@given(st.text(alphabet="send(),\"'[]{}\\ =:.\n", max_size=60))
def test_no_code_breaks_it(code: str) -> None:
    verdict = ExamplesGuard().check(answer(code))
    assert 0 <= verdict.score <= 1
