"""Comment marks go, words stay; the summary is one line."""

from __future__ import annotations

import pytest

from daemon.index.docs import from_comment, from_docstring


@pytest.mark.parametrize(
    ("raw", "summary", "details"),
    [
        ("/** One. */", "One.", None),
        ("/**\n * One\n * line.\n *\n * More.\n *   indented\n */", "One line.", "More.\n  indented"),
        ("/**\n * One.\n * @param a first\n * @return b\n */", "One.", "@param a first\n@return b"),
        ("/**\n * @param a only\n */", None, "@param a only"),
        ("/** Uses {@link Foo} and {@code x}. */", "Uses Foo and x.", None),
        ("/** One.\n * <p>Two.\n */", "One.", "<p>Two."),
        ("/// One.\n/// Two.\n///\n/// # Errors", "One. Two.", "# Errors"),
        ("//! Crate.", "Crate.", None),
        ("// Start runs.\n//\n//\tcode()\n//go:generate x", "Start runs.", "\tcode()"),
        ("/**/", None, None),
        ("/***/", None, None),
        ("//", None, None),
    ],
)
def test_comments(raw: str, summary: str | None, details: str | None) -> None:
    doc = from_comment(raw)
    assert (doc.summary, doc.details) == (summary, details)


@pytest.mark.parametrize(
    ("raw", "summary", "details"),
    [
        ('"""One."""', "One.", None),
        ("'One.'", "One.", None),
        ('"""\n    One.\n\n    More:\n        code\n    """', "One.", "More:\n    code"),
        ('r"""Raw \\d."""', "Raw \\d.", None),
        ('"""One.\n\n    :param a: b\n    """', "One.", ":param a: b"),
        ('""""""', None, None),
        ('"""unfinished', '"""unfinished', None),
    ],
)
def test_docstrings(raw: str, summary: str | None, details: str | None) -> None:
    doc = from_docstring(raw)
    assert (doc.summary, doc.details) == (summary, details)


def test_a_long_first_paragraph_is_cut_after_its_first_sentence() -> None:
    doc = from_comment("/** First sentence. " + "And more of it. " * 30 + "*/")
    assert doc.summary == "First sentence."
    assert doc.details is not None
    assert doc.details.startswith("And more of it.")
