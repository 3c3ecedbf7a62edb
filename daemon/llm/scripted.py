"""A text model and an embedder that say what they were told: for tests and for dry runs without any model."""

from __future__ import annotations

import hashlib
import inspect
import math
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from daemon.errors import ModelFailed
from daemon.llm.base import Completion, Finish, Health, Prompt, Resident
from daemon.llm.phrases import NAMES, PLAIN, TECHNICAL, USING
from daemon.llm.thinking import strip_thinking

Answer = str | Completion | Exception
Script = Callable[[Prompt], Answer | Awaitable[Answer]] | Sequence[Answer]

_PER_SECTION = 3  # sentences
_ALONE = 6
_NAMES_SHOWN = 3
_SHORTEST_NAME = 3
_FENCE = re.compile(r"^(`{3,}|~{3,})[^\n]*\n(.*?)^\1[ \t]*$", re.MULTILINE | re.DOTALL)
_DECLARED = re.compile(r"\b(?:def|class|fun|func|fn|function|interface|object|struct|enum)\s+([A-Za-z_]\w*)")
_WORD = re.compile(r"[A-Za-z_]\w*")
# Words that stand in code everywhere and name nothing.
_KEYWORDS = (
    "and any async await bool break case catch class const continue def default del elif else enum except export "
    "extends false final finally float for from func function fun global if implements import int interface is "
    "lambda let long new nil none nonlocal not null object or override package pass private protected public "
    "raise return self static str string struct super switch this throw throws true try type val var void when "
    "while with yield"
)
_COMMON = frozenset(_KEYWORDS.split())
_TOKEN = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True, slots=True)
class ScriptedCall:
    """One call: what was asked and what came of it."""

    prompt: Prompt
    answer: Completion | None = None
    error: Exception | None = None


class ScriptedModel:
    """Answers from a function, from a list (one answer per call, in order), or by itself.

    An exception, returned or in the list, is raised. A function may return an awaitable, so that a test can
    hold an answer back. By itself it writes a well-formed text in the asked language with the asked sections,
    the same for the same prompt. ``calls`` is the ledger, in the order in which the calls ended.
    """

    def __init__(
        self, script: Script | None = None, *, name: str = "scripted", endpoint: str = "scripted",
        options: Mapping[str, object] | None = None, weights: str | None = None,
    ) -> None:  # fmt: skip
        self._script = script if callable(script) or script is None else _one_by_one(script)
        self._name = name
        self._endpoint = endpoint
        self._options = dict(options or {})
        self.weights = weights  # what it tells as its digest
        self.calls: list[ScriptedCall] = []
        self.closed = 0

    @property
    def name(self) -> str:
        """The name it was given."""
        return self._name

    @property
    def endpoint(self) -> str:
        """The endpoint's name in the configuration."""
        return self._endpoint

    @property
    def options(self) -> Mapping[str, object]:
        """What it was given; they shape nothing but recipes and keys."""
        return self._options

    async def complete(self, prompt: Prompt) -> Completion:
        """Say the next answer, or raise it if it is an exception."""
        said = self._script(prompt) if self._script else well_formed(prompt)
        answer = await said if inspect.isawaitable(said) else said
        if isinstance(answer, Exception):
            self.calls.append(ScriptedCall(prompt, error=answer))
            raise answer
        if isinstance(answer, str):
            answer = Completion(
                text=strip_thinking(answer),
                model=self._name,
                finish=Finish.STOP,
                prompt_tokens=_tokens(prompt.system) + _tokens(prompt.user),
                output_tokens=_tokens(answer),
            )
        self.calls.append(ScriptedCall(prompt, answer))
        return answer

    async def check(self) -> Health:
        """All is well."""
        return Health(ok=True, summary=f"{self._name} is scripted: its answers are invented, not written by a model")

    async def digest(self) -> str | None:
        """What it was given."""
        return self.weights

    async def residents(self) -> tuple[Resident, ...] | None:
        """None: it needs no memory."""
        return None

    async def close(self) -> None:
        """Nothing to let go; counted in ``closed``."""
        self.closed += 1


class ScriptedEmbedder:
    """A bag of words, each hashed to one place: texts that share words are near each other."""

    def __init__(self, *, name: str = "scripted", dims: int = 384, batch: int = 32) -> None:
        self._name = name
        self._dims = dims
        self._batch = batch
        self.calls: list[tuple[str, ...]] = []

    @property
    def name(self) -> str:
        """The name it was given."""
        return self._name

    @property
    def dims(self) -> int:
        """Length of every vector."""
        return self._dims

    @property
    def batch(self) -> int:
        """Texts at once."""
        return self._batch

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One unit vector per text; a text without words gets the vector of the word ``""``."""
        self.calls.append(tuple(texts))
        return [self._vector(text) for text in texts]

    async def check(self) -> Health:
        """All is well."""
        return Health(ok=True, summary=f"{self._name} is scripted: words are counted, nothing is understood")

    async def close(self) -> None:
        """Nothing to let go."""

    def _vector(self, text: str) -> list[float]:
        vector = [0.0] * self._dims
        # All signs are positive, so a sum can never cancel out to nothing.
        for word in re.findall(r"\w+", text.lower()) or [""]:
            vector[_hash(word) % self._dims] += 1.0
        norm = math.sqrt(math.fsum(value * value for value in vector))
        return [value / norm for value in vector]


def well_formed(prompt: Prompt) -> str:
    """A plausible answer in the asked language (English for languages it does not speak), same for the same prompt.

    With sections: each with three technical sentences, the first of which names identifiers of the longest
    code block in the prompt. Without: six plain sentences without any name.
    """
    language = prompt.language if prompt.language in PLAIN else "en"
    seed = f"{prompt.system}\0{prompt.user}\0{prompt.attempt}"
    if not prompt.sections:
        return " ".join(_pick(PLAIN[language], seed, _ALONE))
    pool = _pool(language, prompt.user)
    sentences = _pick(pool, seed, len(pool))
    names = _names(prompt.user)
    sections: list[str] = []
    for number, heading in enumerate(prompt.sections):
        # After the last sentence it starts anew: a prompt may ask for any number of sections.
        start = number * _PER_SECTION
        said = [sentences[(start + step) % len(sentences)] for step in range(_PER_SECTION)]
        if names:
            shown = names[number :: len(prompt.sections)][:_NAMES_SHOWN] or names[:1]
            said[0] = NAMES[language][number % len(NAMES[language])].format(", ".join(f"`{name}`" for name in shown))
        sections.append(f"{heading}\n{' '.join(said)}")
    return "\n\n".join(sections)


def _pool(language: str, asked: str) -> Sequence[str]:
    """The sentences to choose from: where the prompt holds some of ours, a description is there already."""
    said = [sentence for sentence in TECHNICAL[language] if sentence in asked]
    return [*USING[language], *(one for one in TECHNICAL[language] if one not in said)] if said else TECHNICAL[language]


def _names(text: str) -> list[str]:
    """Identifiers of the longest code block, the declared ones first, each once."""
    code = max((match[2] for match in _FENCE.finditer(text)), key=len, default="")
    words = (*_DECLARED.findall(code), *_WORD.findall(code))
    return [w for w in dict.fromkeys(words) if len(w) >= _SHORTEST_NAME and w.lower() not in _COMMON]


def _pick(sentences: Sequence[str], seed: str, count: int) -> list[str]:
    return sorted(sentences, key=lambda sentence: _hash(seed + sentence))[:count]


def _one_by_one(answers: Sequence[Answer]) -> Callable[[Prompt], Answer]:
    waiting: Iterator[Answer] = iter(answers)

    def following(_: Prompt) -> Answer:
        return next(waiting, ModelFailed(f"the script has {len(answers)} answers, and all of them were given"))

    return following


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def _tokens(text: str) -> int:
    return len(_TOKEN.findall(text))
