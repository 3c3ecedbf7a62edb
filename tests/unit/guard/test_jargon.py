"""Plain words: names from code, words of the trade, readability."""

from __future__ import annotations

import pytest

from daemon.guard.base import Answer
from daemon.guard.jargon import JargonGuard, jargon_words
from daemon.guard.readability import reading_ease
from daemon.thresholds import JargonSettings

PLAIN = {
    "en": "This part looks after the bills of our customers. It asks the shop for one bill and tries again if it "
    "is busy. If the shop stays silent, people see a message and can try later. Nobody is charged twice.",
    "ru": "Эта часть следит за счетами наших покупателей. Она запрашивает счёт у магазина и повторяет попытку, если "
    "магазин занят. Если ответа нет, человек видит сообщение и может попробовать позже. Дважды деньги не спишут.",
    "es": "Esta parte se ocupa de las facturas de nuestros clientes. Pide una factura a la tienda y lo intenta de "
    "nuevo si está ocupada. Si no hay respuesta, la persona ve un aviso y puede volver luego. Nadie paga dos veces.",
}  # fmt: skip
TRADE = {
    "en": "The asynchronous coroutine calls the endpoint and deserializes the payload before the callback runs.",
    "ru": "Асинхронная корутина вызывает эндпоинт и десериализует ответ, прежде чем сработает колбэк.",
    "es": "La corrutina asíncrona llama al endpoint y deserializa el payload antes de que se ejecute el callback.",
}


def check(text: str, language: str) -> dict[str, str]:
    guard = JargonGuard(JargonSettings(), jargon_words())
    return dict(guard.check(Answer(text=text, language=language)).defects)


@pytest.mark.parametrize("language", sorted(PLAIN))
def test_plain_words_pass(language: str) -> None:
    assert check(PLAIN[language], language) == {}


@pytest.mark.parametrize("language", sorted(TRADE))
def test_words_of_the_trade_do_not(language: str) -> None:
    assert set(check(TRADE[language], language)) == {"jargon"}


@pytest.mark.parametrize("language", sorted(PLAIN))
def test_names_from_the_code_do_not(language: str) -> None:
    assert check(PLAIN[language] + " `InvoiceService`.", language) == {}, "one may be the subject itself"
    assert (
        check(PLAIN[language] + " `InvoiceService`, fetch_bill().", language)["jargon"] == "InvoiceService, fetch_bill"
    )


def test_a_language_without_a_list_is_judged_by_names_alone() -> None:
    assert check("Das ist ein einfacher Satz über Rechnungen.", "de") == {}


@pytest.mark.parametrize("language", sorted(PLAIN))
def test_short_words_read_more_easily(language: str) -> None:
    easy = reading_ease(PLAIN[language] * 2, language)
    long = {"en": "institutionalisation ", "ru": "государственность ", "es": "institucionalización "}[language]
    hard = reading_ease(" ".join([long * 15 + "."] * 4), language)
    assert easy is not None
    assert hard is not None
    assert easy > hard + 30


def test_too_short_to_tell() -> None:
    assert reading_ease("Two words.", "en") is None
    assert reading_ease(PLAIN["en"], "de") is None
