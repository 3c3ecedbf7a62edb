"""Pure decision: an error and the attempts so far -> give back, try again at a time, or give up."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from daemon.errors import DoctownError, ModelBusy, ModelError
from daemon.safety.material import without_secrets
from daemon.settings import QueueSettings
from db.types import Claim, ErrorClass


class Verb(StrEnum):
    """What becomes of a claim whose attempt failed."""

    RELEASE = "release"  # not its fault: due again, attempt refunded
    RETRY = "retry"  # later
    BURY = "bury"  # dead until a requeue or a new source


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What to do, after how many seconds, and why in words."""

    verb: Verb
    error_class: ErrorClass
    message: str
    wait_s: float = 0.0


def decide(
    claim: Claim, error: BaseException, settings: QueueSettings, *, chance: Callable[[], float] = random.random
) -> Decision:
    """Permanent errors bury at once, infrastructure and budget refund the attempt, the rest waits longer every time.

    The wait is drawn from 0 .. base * 2^(attempt - 1) seconds, at most the cap ("full jitter", AWS Architecture
    Blog, 2015), never below what the server asked for. ``chance`` draws from [0, 1).
    """
    error_class = class_of(error)
    message = describe(error)
    asked = error.retry_after if isinstance(error, ModelError) else None
    if error_class in {ErrorClass.INFRASTRUCTURE, ErrorClass.BUDGET}:
        # Where the endpoint is left alone altogether, its breaker waits; where it is only asked less, this piece does.
        eased = isinstance(error, ModelBusy) and error.eased
        return Decision(
            verb=Verb.RELEASE, error_class=error_class, message=message, wait_s=(asked or 0.0) if eased else 0.0
        )
    if error_class is ErrorClass.PERMANENT or claim.attempts >= settings.max_attempts:
        return Decision(verb=Verb.BURY, error_class=error_class, message=message)
    ceiling = min(settings.backoff_cap_s, settings.backoff_base_s * 2.0 ** (claim.attempts - 1))
    return Decision(
        verb=Verb.RETRY, error_class=error_class, message=message, wait_s=max(ceiling * chance(), asked or 0.0)
    )


def class_of(error: BaseException) -> ErrorClass:
    """Our own errors know; a programming error is treated as transient, so that it is tried and then parked."""
    if isinstance(error, DoctownError):
        return error.error_class
    return ErrorClass.TRANSIENT


def describe(error: BaseException) -> str:
    """One line for the record and for the log; the remedy belongs to it.

    Secrets go whatever the settings say: a server may quote a prompt, a guard an answer, and records are read by many.
    """
    said = f"{type(error).__name__}: {error}"
    if isinstance(error, DoctownError) and error.remedy:
        said += f" ({error.remedy})"
    return without_secrets(said)
