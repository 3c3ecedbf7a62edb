"""Takes secrets out of texts and materials before any model sees them, and out of answers before they are saved."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from daemon.safety.detector import known_tokens
from daemon.safety.plausible import PLACEHOLDER
from daemon.safety.rule import WINDOW, Rule
from daemon.safety.shapes import own_shapes

_ROUNDS = 4
_SHORTEST = 8  # no rule matches less
_REMEMBERED = 4096  # signatures and summaries come again with every caller; sources do not
_REMEMBERED_CHARS = 600
_REPEATED = 6  # a shorter value may be a part of many other words

Found = Mapping[str, int]  # kind -> how many
Values = Mapping[str, str]  # secret -> its kind; never kept longer than the text is looked at


@dataclass(frozen=True, slots=True)
class Redaction:
    """A text without secrets, how many were in it, and which: to find them where no rule sees them."""

    text: str
    found: Found
    values: Values = field(default_factory=dict, repr=False)


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
        self._hints = tuple({hint for rule in self._rules for hint in rule.hints})
        self._short = lru_cache(_REMEMBERED)(self._redacted)

    def text(self, text: str) -> tuple[str, Found]:
        """The text without secrets, and what was in it."""
        done = self.look(text)
        return done.text, done.found

    def look(self, text: str) -> Redaction:
        """The same with the values that were found."""
        if len(text) < _SHORTEST:
            return Redaction(text, {})
        return self._short(text) if len(text) <= _REMEMBERED_CHARS else self._redacted(text)

    def dirty(self, texts: Collection[str]) -> list[str]:
        """Those of the texts in which something is found; usually none. For many texts that are looked over at once."""
        together = "\n".join(texts)
        present = self._present(together.lower())
        rules = [rule for rule in self._rules if not rule.hints or not present.isdisjoint(rule.hints)]
        if max(map(len, together.split("\n"))) <= WINDOW:
            # Some hints stand in most texts. What their rules find in one text they find in all together too.
            rules = [rule for rule in rules if not rule.is_vague or rule.pattern.search(together)]
        if not rules:
            return []
        pairs = [(text, text.lower()) for text in texts if len(text) >= _SHORTEST]
        found = {text for rule in rules for text, lowered in pairs if self._finds(rule, text, lowered)}
        return [text for text in texts if text in found] if found else []

    def _finds(self, rule: Rule, text: str, lowered: str) -> bool:
        if not rule.may_match(lowered):
            return False
        return any(
            not any(allowed.fullmatch(text[start:end]) for allowed in self._allowed)
            for start, end in rule.spans(text, lowered)
        )

    def _redacted(self, text: str) -> Redaction:
        found: Counter[str] = Counter()
        values: dict[str, str] = {}
        # What one rule takes out may join what another one sees, so we look again until nothing is found.
        for _ in range(_ROUNDS):
            before, lowered = text, text.lower()
            present = self._present(lowered)
            for rule in self._rules:
                if rule.hints and present.isdisjoint(rule.hints):
                    continue
                after = self._apply(rule, text, lowered, found, values)
                if after is not text:
                    text, lowered = after, after.lower()
                    present = self._present(lowered)
            # "log in with hunter2-Zq81" says nothing to a rule; the assignment below it did.
            text, again = without(text, values)
            found.update(again)
            if text == before:
                break
        return Redaction(text, dict(sorted(found.items())), values)

    def _present(self, lowered: str) -> set[str]:
        """The hints that stand in a text: most rules share theirs with others, so each is looked for once."""
        return {hint for hint in self._hints if hint in lowered}

    def _apply(self, rule: Rule, text: str, lowered: str, found: Counter[str], values: dict[str, str]) -> str:
        pieces: list[str] = []
        reached = 0
        for start, end in rule.spans(text, lowered):
            if any(allowed.fullmatch(text[start:end]) for allowed in self._allowed):
                continue
            pieces += [text[reached:start], f"<REDACTED:{rule.kind}>"]
            values.setdefault(text[start:end], rule.kind)
            reached = end
            found[rule.kind] += 1
        return "".join([*pieces, text[reached:]]) if pieces else text


def without(text: str, values: Values) -> tuple[str, Found]:
    """The text without known values that stand in it as whole words, and how many did."""
    found: Counter[str] = Counter()
    for value in sorted(values, key=len, reverse=True):
        if len(value) < _REPEATED or value not in text or PLACEHOLDER.search(value):
            continue
        text, count = re.subn(
            rf"(?<![A-Za-z0-9]){re.escape(value)}(?![A-Za-z0-9])", f"<REDACTED:{values[value]}>", text
        )
        if count:
            found[values[value]] += count
    return text, found
