"""The guards against the corpus of good answers, and against each of them spoilt."""

from __future__ import annotations

from benchmarks.quality import LANGUAGES, mix, run


def test_spoilt_answers_are_seen_and_good_ones_pass() -> None:
    """Floors below what docs/benchmarks.md says, so that a change for the worse is noticed."""
    tallies = run()
    assert set(tallies) == set(LANGUAGES)
    for tally in tallies.values():
        for certain in ("swapped", "invented", "dropped", "han"):
            assert tally.found[certain] == tally.spoilt[certain] > 0
        assert tally.found["foreign"] >= 0.94 * tally.spoilt["foreign"]
        assert tally.found.total() >= 0.97 * tally.spoilt.total()
        assert tally.alarms <= 0.02 * tally.good


def test_mixed_languages_are_seen_and_harmless_mixes_pass() -> None:
    tallies = mix()
    for tally in tallies.values():
        for certain in ("opening", "sentences", "whole"):
            assert tally.found[certain] == tally.spoilt[certain] > 0
        assert tally.found["section"] >= 0.94 * tally.spoilt["section"]
        assert tally.good > 0
        assert tally.alarms == 0
