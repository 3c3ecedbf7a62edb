"""Everything that can be set about a double, as one frozen value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Protocol = Literal["ollama", "openai"]

DEFAULT_MODELS = ("qwen2.5-coder:14b", "qwen2.5:14b-instruct", "all-minilm:latest")


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """How a double behaves. Times are in seconds; shares are between 0 and 1.

    ``slots`` is what the server works on at once, over all its models; up to ``queue`` further requests wait.
    ``jitter`` spreads ``latency_s`` evenly by that share to both sides, the same for the same prompt and seed.
    Models beyond ``loaded_models`` push out idle ones, and every load takes ``load_s``.
    """

    protocol: Protocol = "ollama"
    host: str = "127.0.0.1"
    port: int = 0  # 0: any free one
    models: tuple[str, ...] = DEFAULT_MODELS
    dims: int = 384  # of the vectors
    context_tokens: int = 8192  # where the request does not say
    slots: int = 4
    queue: int = 512
    latency_s: float = 0.0
    jitter: float = 0.0
    pieces: int = 8  # of a streamed answer
    load_s: float = 0.0
    loaded_models: int = 3
    usage: bool = True  # OpenAI: tell token counts
    rejects_think: bool = False  # Ollama: refuse a request that says anything about thinking
    key: str | None = None  # OpenAI: demanded as a bearer token
    seed: int = 0
    faults: Mapping[str, float] = field(default_factory=dict)  # kind -> share of the calls
    drip_s: float = 1.0  # between two pieces of a dripping answer
    retry_after_s: int = 1  # said with 429
    ledger: Path | None = None  # a file for one JSON line per call
    prompts: bool = False  # write down what was asked, word for word
