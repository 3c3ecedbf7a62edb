"""The doubles' answers: the asked language, the asked headings, real identifiers, and variety."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.doubles import prose

CODE = '''class Basket:
    """Keeps what a customer wants to buy."""

    def total_price(self, discount: float) -> float:
        # sums everything_up
        return sum(item.price for item in self.items) * (1 - discount)
'''
USER = f"Piece: shop.Basket\n\n```python\n{CODE}```\n\nWrite in English."
IDENTIFIERS = {"Basket", "total_price", "discount", "item", "price", "items", "sum"}
SYSTEMS = {
    "en": "You are an engineer. Explain the code and say what it does.\n### 1. Summary\n### 2. Context\n- First: ...",
    "ru": "Ты опытный инженер. Объясни код в Markdown.\n### 1. Краткое описание\n### 2. Контекст\n- Первый раздел: ...",
    "es": "Eres un ingeniero. Explica el código y di lo que hace.\n### 1. Resumen\n### 2. Contexto\n- Primera: ...",
}
SPANISH_ONLY = re.compile(r"[ñáéíóú]")


def plain(system: str) -> str:
    return "\n".join(line for line in system.splitlines() if not line.startswith("#"))


def tongue(text: str) -> str:
    letters = [letter for letter in text.lower() if letter.isalpha()]
    if sum("\u0400" <= letter <= "\u04ff" for letter in letters) > 0.9 * len(letters):
        return "ru"
    return "es" if SPANISH_ONLY.search(text) else "en"


@pytest.mark.parametrize("language", ["en", "ru", "es"])
def test_language_and_headings_are_read_from_the_system_prompt(language: str) -> None:
    wish = prose.wish(SYSTEMS[language])
    assert wish.language == language
    assert wish.headings == tuple(line for line in SYSTEMS[language].splitlines() if line.startswith("### "))
    assert prose.wish(plain(SYSTEMS[language])) == prose.Wish(language, ())


@pytest.mark.parametrize("marker", ["language: es", "Language = ES", 'language: "es"'])
def test_a_marker_wins_over_the_letters(marker: str) -> None:
    assert prose.wish(f"{SYSTEMS['ru']}\n{marker}").language == "es"
    assert prose.wish(f"{SYSTEMS['ru']}\nlanguage: xx").language == "ru"


@pytest.mark.parametrize("language", ["en", "ru", "es"])
def test_a_technical_answer(language: str) -> None:
    text = prose.write(SYSTEMS[language], USER, "42")
    headings = prose.wish(SYSTEMS[language]).headings
    assert [line for line in text.splitlines() if line.startswith("#")] == list(headings)
    named = set(re.findall(r"`([^`]+)`", text))
    assert "Basket" in named
    assert named <= IDENTIFIERS  # nothing from comments, strings, keywords
    body = re.sub(r"`[^`]+`|^#.*$", "", text, flags=re.MULTILINE)
    assert len(body.split()) >= 60
    assert tongue(body) == language
    sentences = re.split(r"(?<=\.)\s+", body.strip())
    assert len(sentences) == len(set(sentences))


@pytest.mark.parametrize("language", ["en", "ru", "es"])
def test_a_plain_answer(language: str) -> None:
    text = prose.write(plain(SYSTEMS[language]), USER, "42")
    assert not re.search(r"[`#\d_]", text)
    assert not any(re.search(rf"\b{name}\b", text) for name in IDENTIFIERS)
    assert len(text.split()) >= 60
    assert tongue(text) == language


def test_another_prompt_another_text_and_the_same_the_same() -> None:
    subjects = [USER.replace("Basket", f"Basket{number}") for number in range(50)]
    for system in (SYSTEMS["en"], plain(SYSTEMS["en"])):
        texts = [prose.write(system, user, "42") for user in subjects]
        assert texts == [prose.write(system, user, "42") for user in subjects]
        assert len(set(texts)) == len(texts)
    assert prose.write(SYSTEMS["en"], USER, "1") != prose.write(SYSTEMS["en"], USER, "2")


@pytest.mark.parametrize(
    ("message", "source"),
    [
        ("no block", ""),
        ("```python\nx = 1\n```", "x = 1\n"),
        ("a\n```\nshort\n```\n~~~~kotlin\nlonger ``` one\n~~~~\nb", "longer ``` one\n"),
        ("````\n```\ninner\n```\n````", "```\ninner\n```\n"),
        ("<code>\nx = 1\n</code>\ntail", "x = 1"),
    ],
)
def test_the_source_is_the_longest_block(message: str, source: str) -> None:
    assert prose.source_of(message) == source


def test_a_message_without_a_block_is_known_by_its_beginning() -> None:
    sources = prose.Sources()
    first = sources.key("m", "s", "One.\n\nTwo.\n\nWrite in English.")
    assert sources.key("m", "s", "One.\n\nTwo.\n\nWrite in English.\n\nYour answer was rejected:\n- bad") == first
    assert sources.key("m", "s", "One.\n\nTwo.\n\nWrite in English.\n\nWrong.\n\nAgain wrong.\n") == first
    assert sources.key("m", "s", "One.\n\nThree.\n\nWrite in English.") != first
    assert sources.key("m", "other", "One.\n\nTwo.\n\nWrite in English.") != first


def test_tokens_are_pieces_of_words_digits_and_marks() -> None:
    texts = ("", "a", "retry(order)", "maximum_attempts", "x = 1234", "ёёёё", "{};\n\n    return")
    assert [prose.tokens(text) for text in texts] == [0, 1, 4, 3, 4, 2, 4]
    assert prose.cut("retry(order)", 2) == "retry("
    assert prose.cut("привет, мир", 2) == "привет"
    assert prose.cut("short", 9) == "short"


@given(st.text(max_size=80), st.integers(min_value=0, max_value=90))
def test_a_cut_text_is_a_beginning_of_so_many_tokens(text: str, count: int) -> None:
    assert text.startswith(prose.cut(text, count))
    assert prose.tokens(prose.cut(text, count)) == min(count, prose.tokens(text))
    assert prose.cut(text, prose.tokens(text)) == text
