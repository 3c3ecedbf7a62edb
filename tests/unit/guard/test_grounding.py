"""Names, parameters, numbers and quoted values of an answer, held against what was shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.guard.base import Answer
from daemon.guard.grounding import GroundingGuard, ValuesGuard
from daemon.guard.mentions import mentions, normal_number
from daemon.thresholds import GroundingSettings

SOURCE = '''
async def fetch_invoice(client, invoice_id: str, *, timeout: float = 2.5, retries: int = 4):
    """Load one invoice."""
    for attempt in range(retries):
        response = await client.get(f"/invoices/{invoice_id}", timeout=timeout)
        if response.status_code != 503:
            return Invoice.parse(response.json(), currency="EUR")
    raise InvoiceUnavailable(invoice_id)
'''
FACTS = "- Calls-External: 2 (Invoice.parse(payload, currency) -> Invoice)"
PARAMS = ("client", "invoice_id", "timeout", "retries")
GOOD = """### 1. Summary
Loads the invoice `invoice_id` through `client`. `timeout` is 2.5 seconds, `retries` is 4.

### 2. How it works
1. It asks up to `retries` times; a status of 503 leads to another try, which makes the cost `O(n)` in `retries`.
2. The answer goes to `Invoice.parse()` with `currency="EUR"`. A bad value raises `ValueError`.

### 3. Context and dependencies
After the last try `InvoiceUnavailable` is raised.

```python
fetch_invoice(SomeClient(), "made-up", timeout=99)
```
"""


def check(text: str, *, unknown_values: int = 0, **settings: int) -> dict[str, str]:
    answer = Answer(text=text, language="en", source=SOURCE, facts=FACTS, params=PARAMS)
    return dict(GroundingGuard(GroundingSettings(unknown_values=unknown_values, **settings)).check(answer).defects)


def test_a_true_answer_passes() -> None:
    assert check(GOOD) == {}


@pytest.mark.parametrize(
    ("old", "new", "defect", "detail"),
    [
        ("After the last", "It calls `load_user` and `CacheManager.put`. After the last", "grounding", "load_user"),
        ("After the last", "It calls load_user() and CacheManager. After the last", "grounding", "CacheManager"),
        ("`retries`", "`max_retries`", "params", "max_retries"),
        ("`timeout` is 2.5", "`timeout` is 7.5", "numbers", "7.5"),
        ("`retries` is 4", "`retries` is 9", "numbers", "9"),
        ('currency="EUR"', 'currency="USD"', "numbers", '"USD"'),
    ],
)
def test_what_is_not_there_is_named(old: str, new: str, defect: str, detail: str) -> None:
    assert detail in check(GOOD.replace(old, new))[defect]


def test_another_functions_text_is_seen() -> None:
    other = "Sends `receipt_number` by `SmtpGateway` to `customer_email` and logs to `audit_trail`."
    assert "grounding" in check(other)


def test_one_name_from_outside_is_let_pass_or_not() -> None:
    text = GOOD.replace("After the last", "It is meant for `InvoiceImporter`. After the last")
    assert check(text) == {}
    assert "grounding" in check(text, unknown_names=0)


def test_without_code_there_is_no_verdict() -> None:
    assert GroundingGuard(GroundingSettings()).check(Answer(text="`x_y` `a_b` `c_d`", language="en")).defects == {}


def test_numbers_of_a_retold_text() -> None:
    facts = "It waits 30 seconds, at most 1,000 times, and takes 0.5 % of the sum."
    assert (
        ValuesGuard().check(Answer(text="Это 30 секунд, 1000 раз и 0,5 %.", language="ru", facts=facts)).defects == {}
    )
    assert ValuesGuard().check(Answer(text="It waits 45 seconds.", language="en", facts=facts)).defects == {
        "numbers": "45"
    }


def test_too_few_names_to_judge_by_are_too_few_for_the_score() -> None:
    def score(*names: str) -> tuple[float, bool]:
        text = " ".join(f"`{name}`" for name in names)
        verdict = GroundingGuard(GroundingSettings()).check(Answer(text=text, language="en", source=SOURCE))
        return verdict.score, not verdict.defects

    one_strange, accepted = score("strange_thing")
    assert accepted
    assert one_strange == score("strange_thing", "client", "retries", "timeout")[0] == 0.75
    assert score("client") == (1.0, True)
    assert score("strange_thing", "odd_thing") == (0.5, False)


@pytest.mark.parametrize(
    ("written", "normal"),
    [("1_000", "1000"), ("1 000", "1000"), ("1,000", "1000"), ("0,5", "0.5"), ("10.0", "10"), ("007", "7"), ("0", "0")],
)
def test_one_number_is_written_in_many_ways(written: str, normal: str) -> None:
    assert normal_number(written) == normal


def test_what_counts_as_mentioned() -> None:
    found = mentions(
        "# Heading `no`\n\nCall `repo.save(order)` or doIt() in 3 steps.\n\n```\nnot_this()\n```\n- `O(n^2)`\n"
    )
    assert found.names == ("repo", "save", "order", "doIt")
    assert found.numbers == ("3",)


@given(st.text(max_size=300), st.text(max_size=100))
def test_any_answer_is_judged(text: str, source: str) -> None:
    answer = Answer(text=text, language="en", source=source, params=("a", "bb"))
    verdict = GroundingGuard(GroundingSettings()).check(answer)
    assert 0 <= verdict.score <= 1
    ValuesGuard().check(Answer(text=text, language="en", facts=source))


@pytest.mark.parametrize("wrong", ["client_value", "clientValue", "the_client"])
def test_a_parameter_with_words_added_is_another_name_even_where_its_own_is_a_word(wrong: str) -> None:
    text = f"### 1. Summary\nThe client is `{wrong}`; it asks for `invoice_id` with `timeout` and `retries`."
    assert check(text)["params"] == wrong
