"""Takes secrets out of texts and materials before any model sees them, and out of answers before they are saved."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache

from daemon.safety.detector import known_tokens
from daemon.safety.rule import Rule
from daemon.safety.shapes import own_shapes

_ROUNDS = 4
_SHORTEST = 8  # no rule matches less
_REMEMBERED = 4096  # signatures and summaries come again with every caller; sources do not
_REMEMBERED_CHARS = 600

Found = Mapping[str, int]  # kind -> how many


class Redactor:
    """Replaces secrets by ``<REDACTED:kind>``.

    The placeholder is the same for every secret of a kind: it gives nothing of the secret away, not even whether two
    are equal, and a text that was redacted before comes out as it was. ``allow`` are regular expressions; a value that
    one of them matches in whole is never taken for a secret.
    """

    def __init__(self, allow: Sequence[str] = ()) -> None:
        self.allow = tuple(allow)
        self._allowed = [re.compile(pattern) for pattern in allow]
        self._rules: tuple[Rule, ...] = (*own_shapes()[:2], *known_tokens(), *own_shapes()[2:])
        self._short = lru_cache(_REMEMBERED)(self._redacted)

    def text(self, text: str) -> tuple[str, Found]:
        """The text without secrets, and what was in it."""
        if len(text) < _SHORTEST:
            return text, {}
        return self._short(text) if len(text) <= _REMEMBERED_CHARS else self._redacted(text)

    def _redacted(self, text: str) -> tuple[str, Found]:
        found: Counter[str] = Counter()
        # What one rule takes out may join what another one sees, so we look again until nothing is found.
        for _ in range(_ROUNDS):
            before, lowered = text, text.lower()
            for rule in self._rules:
                after = self._apply(rule, text, lowered, found)
                if after is not text:
                    text, lowered = after, after.lower()
            if text == before:
                break
        return text, dict(sorted(found.items()))

    def _apply(self, rule: Rule, text: str, lowered: str, found: Counter[str]) -> str:
        pieces: list[str] = []
        reached = 0
        for start, end in rule.spans(text, lowered):
            if any(allowed.fullmatch(text[start:end]) for allowed in self._allowed):
                continue
            pieces += [text[reached:start], f"<REDACTED:{rule.kind}>"]
            reached = end
            found[rule.kind] += 1
        return "".join([*pieces, text[reached:]]) if pieces else text
