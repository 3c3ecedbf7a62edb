"""What can go wrong at a model server, and when: by script for the next calls, or by seeded shares."""

from __future__ import annotations

import hashlib
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from enum import StrEnum

_STEPS = 2**64


class Fault(StrEnum):
    """One way to fail. A value is its name on the command line and in the ledger."""

    ENGLISH = "english"  # answers in English, whatever was asked (in Russian, if English was asked)
    ENGLISH_FIRST = "english-first"  # the same, but only the first time a prompt is answered
    CHINESE = "chinese"  # lets Chinese sentences slip in
    CHINESE_FIRST = "chinese-first"
    ERROR_500 = "500"
    ERROR_503 = "503"
    ERROR_429 = "429"
    REFUSE = "refuse"  # closes the connection without a word
    HANG = "hang"  # takes a slot and says nothing for ever
    STALL = "stall"  # says half of the answer and then nothing for ever
    DRIP = "drip"  # goes on, but slowly
    CUT = "cut"  # closes the connection in the middle of the answer
    BROKEN = "broken"  # reports an error in the middle of the answer
    EMPTY = "empty"
    LENGTH = "length"  # stops at the output limit
    THINKING = "thinking"  # thinks aloud before the answer
    GARBAGE = "garbage"  # sends something that is not JSON


LANGUAGE_FAULTS = frozenset({Fault.ENGLISH, Fault.ENGLISH_FIRST, Fault.CHINESE, Fault.CHINESE_FIRST})
_FIRST_ONLY = frozenset({Fault.ENGLISH_FIRST, Fault.CHINESE_FIRST})
# What makes sense for a request for vectors too.
EMBEDDING_FAULTS = frozenset(
    {Fault.ERROR_500, Fault.ERROR_503, Fault.ERROR_429, Fault.REFUSE, Fault.HANG, Fault.CUT, Fault.GARBAGE}
)


class Faults:
    """Decides the fate of every call.

    A script goes first: one entry per call, None for a call that goes well. Without one, shares decide by a hash
    of the seed, the prompt and how often the prompt was asked, so a run meets the same faults in whatever
    order its calls arrive, and a call that failed goes well in the end. Language faults are decided once per
    prompt: it always or (``-first``) first gets the wrong language.
    """

    def __init__(self, shares: Mapping[str, float], seed: int) -> None:
        self._seed = seed
        self._script: deque[Fault | None] = deque()
        self._shares: dict[Fault, float] = {}
        self._asked: Counter[str] = Counter()
        self.set_shares(shares)

    def set_shares(self, shares: Mapping[str, float]) -> None:
        """Replace all shares. Raises ValueError for an unknown kind or a share outside 0..1."""
        known = {Fault(kind): float(share) for kind, share in shares.items()}
        for kind, share in known.items():
            if not 0 <= share <= 1:
                raise ValueError(f"the share of {kind} must be between 0 and 1, not {share}")
        self._shares = known

    def script(self, kinds: Iterable[str | None]) -> None:
        """Append to what happens to the next calls. Raises ValueError for an unknown kind."""
        self._script.extend([None if kind is None else Fault(kind) for kind in kinds])

    def clear(self) -> None:
        """Nothing fails any more, and every prompt is new again."""
        self._script.clear()
        self._shares = {}
        self._asked.clear()

    def draw(self, prompt: str, *, first: bool, embedding: bool = False) -> Fault | None:
        """What happens to this call. ``prompt`` identifies it, ``first``: it was never answered before."""
        self._asked[prompt] += 1
        if self._script:
            return self._script.popleft()
        once = self._number("call", prompt, str(self._asked[prompt]))
        always = self._number("language", prompt)
        for kind, share in self._shares.items():
            if embedding and kind not in EMBEDDING_FAULTS:
                continue
            if kind in LANGUAGE_FAULTS:
                hit, always = 0 <= always < share, always - share
                if hit and (first or kind not in _FIRST_ONLY):
                    return kind
            else:
                hit, once = 0 <= once < share, once - share
                if hit:
                    return kind
        return None

    def _number(self, *parts: str) -> float:
        """An even number in 0..1 that depends on nothing but the seed and the parts."""
        text = "\0".join((str(self._seed), *parts))
        return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") / _STEPS
