"""What happens to a request in either protocol: fate, queue, slot, answer, pace; and a line in the ledger."""

from __future__ import annotations

import asyncio
import hashlib
import math
import re
import time
from collections.abc import Callable, Sequence
from typing import Any

from daemon.doubles import prose
from daemon.doubles.dialect import GARBAGE, Answer, Ask, Dialect
from daemon.doubles.exchange import Exchange, Headers
from daemon.doubles.faults import Fault, Faults
from daemon.doubles.ledger import Call, Ledger
from daemon.doubles.setup import Setup
from daemon.doubles.slots import Slots, Ticket

BUSY = "server busy, please try again.  maximum pending requests exceeded"  # with Ollama's two spaces
CRASHED = "llama runner process has terminated: exit status 2"
MIDWAY = "an error was encountered while running the model"
THOUGHT = "<think>\nLet me see what this code does before I answer.\n</think>\n\n"

_WORD = re.compile(r"\w+")


class Service:
    """The model server behind both protocols."""

    def __init__(self, setup: Setup, changed: Callable[[], None]) -> None:
        self.setup = setup
        self.models = dict.fromkeys(setup.models)
        self.ledger = Ledger(setup.ledger)
        self.faults = Faults(setup.faults, setup.seed)
        self.slots = Slots(setup.slots, setup.queue, setup.loaded_models, setup.load_s, changed)
        self.sources = prose.Sources()
        self._changed = changed

    async def chat(self, exchange: Exchange, ask: Ask, dialect: Dialect) -> None:
        """Answer a request for text, or let it fail as its fate wants."""
        started = time.monotonic()
        call = self.ledger.arrive("chat", ask.model)
        key = self.sources.key(ask.model, ask.system, ask.user)
        call.stream, call.options = ask.stream, ask.options
        call.source_hash = key
        call.prompt_hash = prose.digest(ask.model, ask.system, ask.user)
        call.about = prose.subject_of(ask.user)
        call.asked = f"{ask.system}\n{ask.user}" if self.setup.prompts else ""
        call.first = self.sources.is_first(key)
        call.language_asked = prose.wish(ask.system).language
        fate = self.faults.draw(key, first=call.first)
        call.fault = str(fate or "")
        try:
            await self._chat(exchange, ask, dialect, call, fate, started)
        finally:
            self._end(exchange, call, started)

    async def refuse(self, exchange: Exchange, kind: str, model: str, status: int, data: bytes) -> None:
        """Answer a request that is wrong in itself; it stands in the ledger as well."""
        started = time.monotonic()
        call = self.ledger.arrive(kind, model)
        try:
            await exchange.reply(status, data)
        finally:
            self._end(exchange, call, started)

    async def embed(
        self, exchange: Exchange, model: str, texts: Sequence[str], dialect: Dialect, whole: Callable[[Answer], bytes]
    ) -> None:
        """Answer a request for vectors, or let it fail; ``whole`` puts them into bytes."""
        started = time.monotonic()
        call = self.ledger.arrive("embed", model)
        call.texts = len(texts)
        call.prompt_tokens = sum(prose.tokens(text) for text in texts)
        call.prompt_hash = call.source_hash = prose.digest(model, *texts)
        call.asked = "\n".join(texts) if self.setup.prompts else ""
        fate = self.faults.draw(call.prompt_hash, first=True, embedding=True)
        call.fault = str(fate or "")
        try:
            ticket = await self._admit(exchange, dialect, call, fate)
            if ticket is None:
                return
            try:
                answer = Answer(
                    model=model, text="", reason="stop", prompt_tokens=call.prompt_tokens, output_tokens=0,
                    started=started, load_s=ticket.load_s,
                )  # fmt: skip
                if await self._pace(exchange, call, fate, self._latency(call)):
                    await self._send_whole(exchange, whole(answer), fate)
            finally:
                self.slots.leave(ticket)
        finally:
            self._end(exchange, call, started)

    def vector(self, text: str) -> list[float]:
        """A unit vector: each word is hashed to one place, so texts that share words are near each other."""
        dims = self.setup.dims
        vector = [0.0] * dims
        for word in _WORD.findall(text.lower()) or [""]:
            place = int.from_bytes(
                hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big"
            )
            vector[place % dims] += 1.0
        norm = math.sqrt(math.fsum(value * value for value in vector))
        return [value / norm for value in vector]

    def stats(self) -> dict[str, Any]:
        """Counts of the ledger and figures of the slots."""
        return {**self.ledger.stats(), **self.slots.stats()}

    def reset(self) -> None:
        """Forget calls, figures, faults and which prompts were answered. Models stay loaded."""
        self.ledger.reset()
        self.slots.reset()
        self.faults.clear()
        self.sources.clear()

    def close(self) -> None:
        """Stop timers, close the ledger's file."""
        self.slots.close()
        self.ledger.close()

    async def _chat(
        self, exchange: Exchange, ask: Ask, dialect: Dialect, call: Call, fate: Fault | None, started: float
    ) -> None:
        count = prose.tokens(ask.system) + prose.tokens(ask.user)
        if count >= ask.context:
            if not ask.truncate:
                await exchange.reply(400, dialect.too_long(ask, count))
                return
            count = ask.context // 2
        call.prompt_tokens = count
        ticket = await self._admit(exchange, dialect, call, fate)
        if ticket is None:
            return
        try:
            answer = self._answer(ask, call, fate, count)
            answer.started, answer.load_s, answer.thinking_s = started, ticket.load_s, self._latency(call)
            done = await (self._stream if ask.stream else self._send_at_once)(
                exchange, ask, dialect, call, answer, fate
            )
            if done:
                self.sources.answered(call.source_hash)
                call.output_tokens = answer.output_tokens
        finally:
            self.slots.leave(ticket)

    async def _admit(self, exchange: Exchange, dialect: Dialect, call: Call, fate: Fault | None) -> Ticket | None:
        """A slot, or None when the request ended before it got one."""
        refusals = {
            Fault.ERROR_500: (500, CRASHED),
            Fault.ERROR_503: (503, BUSY),
            Fault.ERROR_429: (429, "too many requests"),
        }
        if fate in refusals:
            status, text = refusals[fate]
            wait: Headers = ((b"retry-after", str(self.setup.retry_after_s).encode()),) if status == 429 else ()  # noqa: PLR2004
            await exchange.reply(status, dialect.error(status, text), headers=wait)
            return None
        if fate is Fault.REFUSE:
            await exchange.slam()
            return None
        ticket = self.slots.enter(call.model)
        if ticket is None:
            await exchange.reply(503, dialect.error(503, BUSY))
            return None
        if not await exchange.wait_for(ticket.ready):
            call.aborted = True
            self.slots.leave(ticket)
            return None
        call.wait_s = time.monotonic() - ticket.arrived
        call.load_s = ticket.load_s
        return ticket

    def _answer(self, ask: Ask, call: Call, fate: Fault | None, prompt_tokens: int) -> Answer:
        language = call.language_asked
        if fate in {Fault.ENGLISH, Fault.ENGLISH_FIRST}:
            language = "ru" if language == "en" else "en"
        call.language_answered = "" if fate is Fault.EMPTY else language
        text = "" if fate is Fault.EMPTY else prose.write(ask.system, ask.user, ask.seed, language=language)
        if fate in {Fault.CHINESE, Fault.CHINESE_FIRST}:
            text, call.language_answered = prose.with_chinese(text, ask.seed), "zh"
        if fate is Fault.THINKING:
            text = THOUGHT + text
        room = ask.context - prompt_tokens
        limit = min(room, ask.limit) if ask.limit > 0 else room
        if fate is Fault.LENGTH:
            limit = min(limit, prose.tokens(text) // 2)
        length = prose.tokens(text)
        if length > limit:
            return Answer(
                model=ask.model, text=prose.cut(text, limit), reason="length", prompt_tokens=prompt_tokens,
                output_tokens=limit,
            )  # fmt: skip
        return Answer(model=ask.model, text=text, reason="stop", prompt_tokens=prompt_tokens, output_tokens=length)

    async def _send_at_once(
        self, exchange: Exchange, ask: Ask, dialect: Dialect, call: Call, answer: Answer, fate: Fault | None
    ) -> bool:
        del ask
        pause = answer.thinking_s
        if fate is Fault.STALL:  # without a stream there is no half of an answer
            fate = Fault.HANG
        if fate is Fault.DRIP:
            pause += self.setup.drip_s * self.setup.pieces
        if not await self._pace(exchange, call, fate, pause):
            return False
        if fate is Fault.BROKEN:
            await exchange.reply(500, dialect.error(500, MIDWAY))
            return False
        return await self._send_whole(exchange, dialect.whole(answer), fate)

    async def _send_whole(self, exchange: Exchange, data: bytes, fate: Fault | None) -> bool:
        if fate is Fault.GARBAGE:
            await exchange.reply(200, GARBAGE)
        elif fate is Fault.CUT:
            await exchange.start(200, b"application/json", length=len(data))
            await exchange.write(data[: len(data) // 2])
            await asyncio.sleep(0)  # so that the bytes leave before the connection is torn down
            await exchange.slam()
        else:
            await exchange.reply(200, data)
        return fate not in {Fault.GARBAGE, Fault.CUT}

    async def _stream(
        self, exchange: Exchange, ask: Ask, dialect: Dialect, call: Call, answer: Answer, fate: Fault | None
    ) -> bool:
        parts = _split(answer.text, self.setup.pieces)
        pause = answer.thinking_s / (len(parts) + 1)
        if not await self._pace(exchange, call, fate, pause):
            return False
        await exchange.start(200, dialect.media)
        if opening := dialect.opening(answer):
            await exchange.write(opening)
        for number, part in enumerate(parts):
            half = number >= len(parts) // 2
            if half and fate is Fault.CUT:
                await exchange.slam()
                return False
            if half and fate in {Fault.BROKEN, Fault.GARBAGE}:
                await exchange.write(
                    dialect.error_midway(MIDWAY) if fate is Fault.BROKEN else dialect.garbage, more=False
                )
                return False
            if half and fate is Fault.STALL:
                await exchange.pause(None)
            if not await exchange.pause(self.setup.drip_s if fate is Fault.DRIP else pause):
                call.aborted = True
                return False
            await exchange.write(dialect.piece(answer, part))
        await exchange.write(dialect.closing(answer, ask), more=False)
        return True

    async def _pace(self, exchange: Exchange, call: Call, fate: Fault | None, seconds: float) -> bool:
        """Take the model's time; for ever if the fate is to hang. False when the client left."""
        there = await exchange.pause(None if fate is Fault.HANG else seconds)
        call.aborted = not there
        return there

    def _latency(self, call: Call) -> float:
        if not self.setup.jitter:
            return self.setup.latency_s
        drawn = int(prose.digest(str(self.setup.seed), call.prompt_hash)[:8], 16) / 0xFFFFFFFF
        return self.setup.latency_s * (1 + self.setup.jitter * (2 * drawn - 1))

    def _end(self, exchange: Exchange, call: Call, started: float) -> None:
        exchange.finish()
        call.status = exchange.status
        call.duration_s = time.monotonic() - started
        self.ledger.leave(call)
        self._changed()


def _split(text: str, pieces: int) -> list[str]:
    """The text in about so many pieces of whole words; at least one, which may be empty."""
    words = re.findall(r"\s*\S+", text)
    size = max(1, -(-len(words) // max(1, pieces)))
    return ["".join(words[start : start + size]) for start in range(0, len(words), size)] or [""]
