"""Which numbers may be said although the code does not hold them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.guard.figures import follows


@pytest.mark.parametrize(
    ("number", "there", "shown"),
    [
        ("1048576", {"20"}, "LIMIT = 1 << 20"),
        ("2000", {"2"}, "sleep(2)  # told in milliseconds"),
        ("50", {"0.5"}, "share = 0.5"),
        ("32", {"256", "8"}, "bits // 8"),
        ("3600", {"60"}, "60 * 60"),
        ("2026", {"2027"}, "range(2022, 2027)"),
        ("1250", {"12.50", "100"}, "cents"),
        ("3.75", {"0.25"}, "delay *= 2"),
        ("0.5", {"0.25"}, "delay *= 2"),
    ],
)
def test_what_follows(number: str, there: set[str], shown: str) -> None:
    assert follows(number, frozenset(there), shown)


@pytest.mark.parametrize(
    ("number", "there", "shown"),
    [
        ("97", {"30", "4"}, "timeout=30, retries=4"),
        ("7.5", {"2.5", "4"}, "timeout=2.5, retries=4"),
        ("3.75", {"0.25"}, "delay = 0.25"),
        ("34", {"30", "4"}, "a sum of two says too little"),
        ("12", set(), ""),
        ("1.2.3", {"1", "2", "3"}, "a version is no number"),
    ],
)
def test_what_does_not(number: str, there: set[str], shown: str) -> None:
    assert not follows(number, frozenset(there), shown)


@given(st.sets(st.from_regex(r"\A[0-9]{1,30}(\.[0-9]{1,5})?\Z"), max_size=80), st.text(max_size=20))
def test_any_numbers_take_bounded_work(there: set[str], shown: str) -> None:
    follows("123456789", frozenset(there), shown)
