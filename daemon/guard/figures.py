"""Which numbers follow from those of the code: units, powers, shares, one more or less, sums of doubling steps."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator
from fractions import Fraction

# What people multiply and divide by when they say a value in another unit: bits and bytes, percent, thousands,
# seconds, minutes, hours, days, weeks, years, and kibibytes.
_UNITS = tuple(Fraction(unit) for unit in (2, 8, 10, 100, 1000, 60, 24, 7, 365, 1024))
_DOUBLINGS = 10  # waiting 1 s, 2 s, 4 s: the n-th wait, and all n together
_DOUBLES = re.compile(r"\*\*|<<|\*= ?2\b|\* ?2\b|\b2 ?\*|\bpow\b|(?i:backoff|exponential)")
_MOST = 60  # different numbers of one code that are combined; tables of constants explain nothing
_HIGHEST_POWER = 64


def follows(number: str, there: frozenset[str], shown: str) -> bool:
    """Whether a number that stands nowhere can be worked out in one step from those that do.

    Sums of any two are left out: in a code with a dozen small numbers they make nearly every small number. Steps that
    double are tried where the code that was ``shown`` looks as if something doubled.
    """
    value = _value(number)
    return value is not None and value in _derived(there, _DOUBLES.search(shown) is not None)


@functools.lru_cache(maxsize=64)
def _derived(there: frozenset[str], doubling: bool) -> frozenset[Fraction]:
    values = sorted({value for one in there if (value := _value(one)) is not None})[:_MOST]
    return frozenset(_worked_out(values, _DOUBLINGS if doubling else 0))


def _worked_out(values: Iterable[Fraction], doublings: int) -> Iterator[Fraction]:
    known = list(values)
    for first in known:
        yield from (first + 1, first - 1)
        for unit in _UNITS:
            yield from (first * unit, first / unit)
        for steps in range(1, doublings):
            yield from (first * 2**steps, first * (2**steps - 1))
        if first.denominator == 1 and 0 < first <= _HIGHEST_POWER:
            yield from (Fraction(2) ** int(first), Fraction(10) ** int(first))
        for second in known:
            yield first * second
            if second:
                yield first / second


def _value(number: str) -> Fraction | None:
    try:
        return Fraction(number)
    except (ValueError, ZeroDivisionError):
        return None
