"""What a day may cost: every call of a text model is counted before it is made, and refused when it does not fit."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from typing import TypeVar

from daemon import log
from daemon.errors import BudgetSpent, ModelMissing, ModelRefused, ModelUnavailable, PromptTooLong
from daemon.llm.base import Completion, Prompt
from daemon.settings import BudgetSettings, TextModelSettings
from db import budget as db_budget
from db.budget import Hold, Limits, Refusal, Rules
from db.errors import DatabaseBusy, DatabaseUnreachable, StoreError
from db.session import Database

Answer = TypeVar("Answer")

_TEMPLATE_TOKENS = 64  # what a chat template puts round the two messages
_SOON_S = 2.0  # calls under way end in seconds
_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 5.0
_SETTLE_TRIES = 6

_charged: ContextVar[int] = ContextVar("charged")


@contextmanager
def charged_to(repo_id: int) -> Iterator[None]:
    """Whose budget the calls of the block are counted in."""
    token = _charged.set(repo_id)
    try:
        yield
    finally:
        _charged.reset(token)


def rules_of(settings: BudgetSettings) -> Rules:
    """The limits that the configuration names."""
    return Rules(
        everything=Limits(calls=settings.calls, tokens=settings.tokens, seconds=settings.seconds),
        each=Limits(**settings.repository.model_dump()),
        timezone=settings.timezone,
    )


def most_tokens(prompt: Prompt, settings: TextModelSettings) -> int:
    """The most that a call may use: a token is a byte at least, and no call uses more than the context window."""
    size = len(prompt.system.encode("utf-8", "replace")) + len(prompt.user.encode("utf-8", "replace"))
    return min(settings.context_tokens, size + _TEMPLATE_TOKENS + settings.output_tokens)


class Spent:
    """What one call used: told by who makes it."""

    def __init__(self, most_tokens: int) -> None:
        self.calls = 0
        self.tokens = 0
        self.seconds = 0.0
        self._most_tokens = most_tokens
        self._started: float | None = None

    def begin(self) -> None:
        """The call is made now: from here on it counts, with all that it may use."""
        self._started = time.monotonic()
        self.calls, self.tokens = 1, self._most_tokens

    def end(self, completion: Completion | None, error: BaseException | None = None) -> None:
        """It is over. What the server does not tell, or a broken call does not, stays counted at its most."""
        if self._started is not None:
            self.seconds = time.monotonic() - self._started
        if isinstance(error, ModelUnavailable | ModelMissing):  # nobody worked on it
            self.calls, self.tokens, self.seconds = 0, 0, 0.0
        elif isinstance(error, ModelRefused | PromptTooLong):  # it was turned away
            self.tokens = 0
        elif completion is not None and completion.prompt_tokens is not None and completion.output_tokens is not None:
            self.tokens = completion.prompt_tokens + completion.output_tokens


class Meter:
    """Counts the calls of one process.

    While anything is limited, each call is counted in the database before it is made. While nothing is, calls are
    counted here and written down with every sign of life: a look at the database per call would be for nothing.
    """

    def __init__(self, db: Database, settings: BudgetSettings, *, hold_s: float) -> None:
        self._db = db
        self._rules = rules_of(settings)
        self._hold_s = hold_s
        self._limited = bool(self._rules.everything or self._rules.each)
        self._always = self._limited
        self._used: dict[int, tuple[int, int, float]] = {}
        self._settling: set[asyncio.Task[None]] = set()
        self._log = log.get("budget")

    async def begin(self) -> None:
        """At the start of a worker: its limits may be other ones than those that held before."""
        try:
            await db_budget.look_again(self._db)
        except StoreError as error:
            self._log.warning("budget not read", error=str(error))
        await self.refresh()

    async def run(self, stopped: asyncio.Event, period_s: float) -> None:
        """Refresh every ``period_s`` until ``stopped``."""
        while not stopped.is_set():
            try:
                await asyncio.wait_for(stopped.wait(), timeout=period_s)
            except TimeoutError:
                await self.refresh()

    async def refresh(self) -> None:
        """See whether anything is limited now, and write down what was used meanwhile."""
        used, self._used = self._used, {}
        try:
            self._limited = self._always or await db_budget.limited(self._db)
            await db_budget.count(self._db, used, timezone=self._rules.timezone)
        except StoreError as error:
            for repo_id, one in used.items():
                self._add(repo_id, *one)
            self._log.warning("budget not read", error=str(error))

    async def close(self) -> None:
        """Write down what is not written down yet."""
        await asyncio.gather(*self._settling, return_exceptions=True)
        await self.refresh()

    @asynccontextmanager
    async def call(self, most_tokens: int, most_seconds: float) -> AsyncIterator[Spent]:
        """One call of up to so many tokens and seconds. Raises BudgetSpent when it does not fit."""
        repo_id = _charged.get(None)
        spent = Spent(most_tokens)
        if repo_id is None:
            yield spent
        elif not self._limited:
            try:
                yield spent
            finally:
                self._add(repo_id, spent.calls, spent.tokens, spent.seconds)
        else:
            hold = await self._reserve(repo_id, most_tokens, most_seconds)
            try:
                yield spent
            finally:
                # In a task of its own: a call that is cancelled has used something too.
                task = asyncio.create_task(self._settle(hold, spent), name="settle")
                self._settling.add(task)
                task.add_done_callback(self._settling.discard)

    async def _reserve(self, repo_id: int, tokens: int, seconds: float) -> Hold:
        answer = await _patiently(
            lambda: db_budget.reserve(
                self._db, repo_id, self._rules, tokens=tokens, seconds=seconds, hold_s=self._hold_s
            )
        )
        if isinstance(answer, Refusal):
            raise await self._refused(answer, tokens)
        return answer

    async def _refused(self, refusal: Refusal, tokens: int) -> BudgetSpent:
        until = await db_budget.wait(self._db, refusal, soon_s=_SOON_S)
        if not refusal.soon:
            self._log.warning("budget used up", reason=refusal.reason, until=until.isoformat())
        asked = f"; one more call may take {tokens:,}" if refusal.figure == "tokens" else ""
        return BudgetSpent(
            f"{refusal.reason}{asked}",
            f"Goes on by itself at {until:%Y-%m-%d %H:%M} UTC, or at once with a larger budget (`doctown budget set`).",
        )

    async def _settle(self, hold: Hold, spent: Spent) -> None:
        try:
            await _patiently(
                lambda: db_budget.settle(self._db, hold, calls=spent.calls, tokens=spent.tokens, seconds=spent.seconds),
                tries=_SETTLE_TRIES,
            )
        except StoreError as error:
            self._log.warning("a call stays counted at its most", error=str(error))

    def _add(self, repo_id: int, calls: int, tokens: int, seconds: float) -> None:
        if calls:
            before = self._used.get(repo_id, (0, 0, 0.0))
            self._used[repo_id] = (before[0] + calls, before[1] + tokens, before[2] + seconds)


async def _patiently(ask: Callable[[], Awaitable[Answer]], *, tries: int | None = None) -> Answer:
    """Repeat while the database is away or busy; without ``tries`` until somebody loses patience and cancels."""
    pause = _FIRST_PAUSE_S
    while True:
        try:
            return await ask()
        except (DatabaseBusy, DatabaseUnreachable):
            if tries is not None:
                tries -= 1
                if tries <= 0:
                    raise
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_S)
