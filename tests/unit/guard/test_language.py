"""The language guard: code and names do not count, foreign sentences do."""

from __future__ import annotations

import pytest

from daemon.errors import ConfigError
from daemon.guard.base import Answer
from daemon.guard.language import LanguageGuard
from daemon.thresholds import LanguageGuardSettings

RUSSIAN = """### 1. Краткое описание
Функция `load_user` находит пользователя по номеру и возвращает его карточку из хранилища.
Если номер неизвестен, вызывается исключение `NotFound`, и вызывающий код обязан его обработать.

### 2. Как это работает
Сначала проверяется кэш, затем выполняется запрос к базе данных через `UserRepository.find_by_id`.
Результат сохраняется в кэше на пять минут, поэтому повторные обращения обходятся дёшево.

```python
user = load_user(42, timeout=3)  # this comment is English and does not count
print(user.name, user.email, user.created_at)
```

### 3. Контекст и зависимости
Функцию вызывают обработчики запросов; сама она опирается на HTTP клиент и настройки приложения.
"""
ENGLISH_LINE = "This function loads a user from the database and returns the matching record to its caller.\n"
ENGLISH = ENGLISH_LINE * 2 + "It checks the cache first, because asking the store for every request would be slow.\n"


def guard(**settings: object) -> LanguageGuard:
    return LanguageGuard(LanguageGuardSettings.model_validate(settings), ["en", "ru", "es"])


def answer(text: str, language: str = "ru", names: frozenset[str] = frozenset()) -> Answer:
    return Answer(text=text, language=language, identifiers=names)


@pytest.mark.parametrize("method", ["lingua", "langdetect", "script"])
def test_russian_full_of_code_passes(method: str) -> None:
    verdict = guard(method=method).check(answer(RUSSIAN))
    assert verdict.defects == {}
    assert verdict.figures["language_ratio"] > 0.95
    assert verdict.figures["language_detected"] == "ru"


def test_the_letter_share_of_raw_markdown_would_have_refused_it() -> None:
    letters = [letter for letter in RUSSIAN if letter.isalpha()]
    raw = sum("а" <= letter.lower() <= "я" for letter in letters) / len(letters)
    bare = RUSSIAN.replace("Краткое описание", "").replace("Контекст и зависимости", "")
    assert raw < 0.8, f"{raw:.2f}: why the guard looks at prose only"
    assert guard().check(answer(bare)).defects == {}


@pytest.mark.parametrize("method", ["lingua", "langdetect", "script"])
def test_an_english_answer_to_a_russian_question_is_refused(method: str) -> None:
    verdict = guard(method=method).check(answer(ENGLISH))
    assert "language" in verdict.defects
    assert verdict.score < 0.5


@pytest.mark.parametrize(("lines", "refused"), [(0, False), (2, True), (3, True)])
def test_some_foreign_sentences_are_enough(lines: int, refused: bool) -> None:
    verdict = guard().check(answer(RUSSIAN + "\n" + ENGLISH_LINE * lines))
    assert ("language" in verdict.defects) is refused


def test_a_russian_answer_to_an_english_question_is_refused() -> None:
    assert "language" in guard().check(answer(RUSSIAN, "en")).defects
    assert guard().check(answer(ENGLISH, "en")).defects == {}


def test_spanish_and_english_are_told_apart() -> None:
    spanish = "Esta función busca al usuario en la base de datos y devuelve la ficha que le corresponde.\n" * 3
    assert guard().check(answer(spanish, "es")).defects == {}
    assert "language" in guard().check(answer(spanish, "en")).defects


@pytest.mark.parametrize("line", ["该函数返回用户。", "Это важно для 用户 системы.", "ユーザーを返します。", "사용자"])
def test_letters_of_another_world_are_refused_at_once(line: str) -> None:
    verdict = guard().check(answer(RUSSIAN + "\n" + line))
    assert "foreign-script" in verdict.defects


def test_chinese_in_code_is_nobodys_business() -> None:
    assert guard().check(answer(RUSSIAN + "\n```python\nname = '用户'\n```\n")).defects == {}


def test_too_little_prose_gives_no_verdict() -> None:
    verdict = guard().check(answer("It returns `None`.", "ru"))
    assert (verdict.figures["language_ratio"], verdict.defects) == (None, {})


def test_own_names_belong_to_no_language() -> None:
    text = "Класс Shop хранит заказы и передаёт их дальше. Класс Shop ничего не считает сам, он только хранит заказы."
    with_names = guard(method="script", minimum_script=0.97).check(answer(text, names=frozenset({"Shop"})))
    without = guard(method="script", minimum_script=0.97).check(answer(text))
    assert (with_names.defects, "language" in without.defects) == ({}, True)


def test_thresholds_are_settings() -> None:
    text = RUSSIAN + "\n" + ENGLISH_LINE
    assert "language" in guard(minimum={"ru": 0.99}).check(answer(text)).defects
    assert guard(minimum={"ru": 0.5}, foreign_sentence=None).check(answer(text)).defects == {}
    assert "language" in guard(minimum={"ru": 0.5}).check(answer(text)).defects, "one long sentence is enough"


def test_the_same_text_gets_the_same_verdict() -> None:
    mixed = RUSSIAN + ENGLISH
    for method in ("lingua", "langdetect"):
        judged = guard(method=method)
        assert len({str(judged.check(answer(mixed)).figures) for _ in range(5)}) == 1


def test_a_language_nobody_can_recognise_is_a_mistake_of_the_configuration() -> None:
    with pytest.raises(ConfigError, match="'xx'"):
        LanguageGuard(LanguageGuardSettings(), ["xx"])
