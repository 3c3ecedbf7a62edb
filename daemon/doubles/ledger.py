"""Writes down every call: in memory, and as JSON lines in a file where one is given."""

from __future__ import annotations

import json
import time
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TextIO

_KEPT = 200_000  # calls in memory; the counters go on beyond


@dataclass(slots=True, kw_only=True)
class Call:
    """One call and what became of it. Filled while it runs; ``ended`` says that it is complete."""

    number: int
    kind: str  # chat | embed
    model: str
    time: float  # Unix time of its arrival
    stream: bool = False
    prompt_hash: str = ""  # of everything that was asked
    asked: str = ""  # word for word, where the setup says so
    source_hash: str = ""  # of what is documented: the same for a regeneration
    about: str = ""  # the first dotted name of the message: what is documented
    first: bool = True  # its source was never answered before
    language_asked: str = ""
    language_answered: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)  # all but the prompt
    fault: str = ""
    status: int = 0  # of HTTP; 0: none was sent
    prompt_tokens: int = 0
    output_tokens: int = 0
    texts: int = 0  # of a call for vectors
    wait_s: float = 0.0  # for a slot, loading of the model included
    load_s: float = 0.0
    duration_s: float = 0.0  # arrival to end
    aborted: bool = False  # the client went away
    ended: bool = False


class Ledger:
    """The calls since the last reset, oldest first."""

    def __init__(self, file: Path | None) -> None:
        self._file: TextIO | None = None if file is None else file.open("a", encoding="utf-8", buffering=1)
        self.reset()

    def reset(self) -> None:
        """Forget what was written in memory; the file keeps it."""
        self.calls: deque[Call] = deque(maxlen=_KEPT)
        self._counts: dict[str, Counter[str]] = {"status": Counter(), "fault": Counter(), "language": Counter()}
        self._totals: Counter[str] = Counter()

    def arrive(self, kind: str, model: str) -> Call:
        """A new call, number 1 first."""
        self._totals["calls"] += 1
        call = Call(number=self._totals["calls"], kind=kind, model=model, time=time.time())
        self.calls.append(call)
        return call

    def leave(self, call: Call) -> None:
        """The call is over."""
        call.ended = True
        self._totals["ended"] += 1
        self._totals[call.kind] += 1
        self._totals["aborted"] += call.aborted
        self._totals["regenerations"] += call.kind == "chat" and not call.first
        self._totals["prompt_tokens"] += call.prompt_tokens
        self._totals["output_tokens"] += call.output_tokens
        self._counts["status"][str(call.status)] += 1
        if call.fault:
            self._counts["fault"][call.fault] += 1
        if call.language_answered:
            self._counts["language"][call.language_answered] += 1
        if self._file is not None:
            self._file.write(json.dumps(asdict(call), ensure_ascii=False) + "\n")

    def stats(self) -> dict[str, Any]:
        """Counts since the last reset."""
        names = ("calls", "ended", "chat", "embed", "aborted", "regenerations", "prompt_tokens", "output_tokens")
        return {
            **{name: self._totals[name] for name in names},
            **{f"by_{name}": dict(sorted(counter.items())) for name, counter in self._counts.items()},
        }

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None
