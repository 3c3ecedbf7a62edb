"""The grammar is read back as a regular expression: what it lets through and what it does not."""

from __future__ import annotations

import json
import re

import pytest

from daemon.llm.embedded import EmbeddedModel
from daemon.llm.grammar import grammar
from tests.contract.rigs import EmbeddedRig, prompt

SECTIONS = ("### 1. Summary", "### 2. How it works")
GOOD = (
    "### 1. Summary\nIt adds the `left` operand to the other (right) one. The sum of 2 numbers is returned.\n\n"
    "### 2. How it works\n`add()` returns at once, without a loop."
)
TOKEN = re.compile(r'"(?:\\.|[^"\\])*"|\[(?:\\.|[^\]\\])*\]|\{\d+,\d+\}|[a-z]+|[|()?*+]|\s+')


def accepts(text: str, gbnf: str) -> bool:
    """Whether the whole text follows the grammar. It must not be recursive; ours is not."""
    rules = dict(line.split(" ::= ", 1) for line in gbnf.splitlines())

    def expression(body: str) -> str:
        assert "".join(TOKEN.findall(body)) == body
        parts: list[str] = []
        for token in TOKEN.findall(body):
            if token.startswith('"'):
                parts.append(f"(?:{re.escape(json.loads(token))})")
            elif token in rules:
                parts.append(f"(?:{expression(rules[token])})")
            elif not token.isspace():
                parts.append(token)
        return "".join(parts)

    return re.fullmatch(expression(rules["root"]), text) is not None


def test_a_good_answer_passes() -> None:
    assert accepts(GOOD, grammar(SECTIONS, "en"))


@pytest.mark.parametrize(
    "text",
    [
        GOOD.replace("### 1. Summary\n", ""),
        GOOD.replace("Summary", "Overview"),
        "\n\n".join(reversed(GOOD.split("\n\n"))),
        GOOD.removesuffix("."),
        GOOD + "\n\n### 3. More\nThis heading was not asked for.",
        GOOD.replace("at once", "at once!"),
        GOOD + "\n```python\nadd(1, 2)\n```",
        f"Here is the explanation.\n{GOOD}",
        GOOD.replace("adds", "加"),
        GOOD.replace("adds", "складывает"),
        GOOD + " More is said here." * 4,
    ],
)
def test_anything_else_does_not(text: str) -> None:
    assert not accepts(text, grammar(SECTIONS, "en"))


def test_without_sections_two_to_six_sentences() -> None:
    gbnf = grammar((), "en")
    sentence = "It keeps the order of things."
    verdicts = [accepts(" ".join([sentence] * count), gbnf) for count in range(8)]
    assert verdicts == [False, False, True, True, True, True, True, False]
    assert not accepts(GOOD, gbnf)


@pytest.mark.parametrize(
    ("language", "good", "foreign"),
    [
        (
            "ru",
            "Функция складывает два числа. Ошибка HTTP передаётся из `add` дальше.",
            "The sum of two numbers is made.",
        ),
        ("es", "La función suma dos números. El tamaño no está limitado aquí.", "Функция складывает два числа здесь."),
        (
            "el",
            "Η συνάρτηση προσθέτει δύο αριθμούς. Το `add` επιστρέφει το άθροισμα.",
            "The sum of two numbers is made.",
        ),
        ("ja", "これ は 二つ の 数 を足す.  これ は 和 を返す.".replace("  ", " "), "The sum of two numbers is made."),
        (
            "xx",
            "An unknown language is written in Latin. That is the best guess.",
            "Функция складывает два числа здесь.",
        ),
    ],
)
def test_every_language_has_its_script(language: str, good: str, foreign: str) -> None:
    gbnf = grammar((), language)
    assert accepts(good, gbnf)
    assert not accepts(f"{foreign} {foreign}", gbnf)
    if language != "ja":
        assert not accepts("它 把 两个 数字 相加. 它 把 两个 数字 相加.", gbnf)


@pytest.mark.parametrize("language", ["en", "ru"])
@pytest.mark.parametrize("sections", [(), SECTIONS])
def test_every_answer_has_an_end(language: str, sections: tuple[str, ...]) -> None:
    gbnf = grammar(sections, language)
    outside = re.sub(r'"(?:\\.|[^"\\])*"|\[(?:\\.|[^\]\\])*\]', "", gbnf)
    assert "*" not in outside
    assert "+" not in outside
    assert not accepts(" ".join(["word"] * 40) + ". One more sentence stands here.", grammar((), "en"))


def test_more_tokens_allow_more_sentences() -> None:
    text = " ".join(["It keeps the order of things."] * 10)
    assert not accepts(text, grammar((), "en", 400))
    assert accepts(text, grammar((), "en", 1200))


def test_quotes_and_backslashes_in_headings_are_escaped() -> None:
    heading = '### 1. "Quoted" \\ здесь'
    assert accepts(f"{heading}\nIt keeps the order of things.", grammar((heading,), "en"))


@pytest.mark.embedded
@pytest.mark.parametrize(
    ("language", "sections"), [("ru", ("### 1. Краткое описание",)), ("el", ()), ("en", ('### "x"',))]
)
async def test_llama_cpp_understands_it_and_keeps_to_it(language: str, sections: tuple[str, ...]) -> None:
    model = EmbeddedRig().model(output_tokens=200)
    assert isinstance(model, EmbeddedModel)
    asked = prompt()
    answer = await model.complete(type(asked)(system="Explain.", user=asked.user, language=language, sections=sections))
    await model.close()
    assert accepts(answer.text, grammar(sections, language, 200)) or answer.finish == "length"
    for heading in sections:
        assert answer.text.startswith(heading)
