"""What the protocols have in common: a question, an answer on its way, and how either becomes bytes."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

GARBAGE = b'{"this is": not JSON\n'

_PROMPT_SHARE = 0.1  # of the latency goes to reading the prompt, as the reported durations tell it


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A request for text, whatever the protocol."""

    model: str
    system: str
    user: str
    stream: bool
    context: int  # tokens
    limit: int  # tokens of the answer; 0: none
    truncate: bool  # cut a prompt that is too long instead of refusing it
    seed: str
    options: Mapping[str, Any]  # for the ledger


@dataclass(slots=True, kw_only=True)
class Answer:
    """A text on its way; seconds are filled in as they pass."""

    model: str
    text: str
    reason: str  # stop | length
    prompt_tokens: int
    output_tokens: int
    started: float = field(default_factory=time.monotonic)
    load_s: float = 0.0
    thinking_s: float = 0.0  # of the model: the latency

    @property
    def total_s(self) -> float:
        """Since the request came."""
        return time.monotonic() - self.started

    @property
    def reading_s(self) -> float:
        """The prompt's share of the model's time."""
        return self.thinking_s * _PROMPT_SHARE


class Dialect(Protocol):
    """How a protocol puts answers and errors into bytes."""

    media: bytes  # of a stream
    garbage: bytes  # a broken piece of one

    def whole(self, answer: Answer) -> bytes:
        """An answer in one object."""
        ...

    def piece(self, answer: Answer, text: str) -> bytes:
        """One piece of a stream."""
        ...

    def opening(self, answer: Answer) -> bytes:
        """What a stream starts with; may be empty."""
        ...

    def closing(self, answer: Answer, ask: Ask) -> bytes:
        """What a stream ends with."""
        ...

    def error(self, status: int, text: str) -> bytes:
        """An error in one object."""
        ...

    def error_midway(self, text: str) -> bytes:
        """An error among the pieces of a stream."""
        ...

    def too_long(self, ask: Ask, count: int) -> bytes:
        """The error for a prompt that does not fit."""
        ...
