"""What can go wrong outside the store, drawn as a tree; each error knows whether waiting can help.

DoctownError
├── ConfigError          a setting is unknown, missing or out of range: permanent
├── PromptError          a prompt file is missing or its placeholders are wrong: permanent
├── SourceError          the repository cannot be read: permanent
├── CacheFileError       a ledger's file cannot be read or written, or is not what it should be: permanent
├── BudgetSpent          what may be used in a day is used up: waits until the day turns
├── AnswerRejected       the guards object to every attempt, and the settings say park: permanent
└── ModelError           a model or its server did not give an answer
    ├── PromptTooLong    the prompt does not fit into the model's context: permanent
    │   └── PromptCut    the server read a part of the prompt and said nothing about it: permanent
    ├── ModelRefused     the server will not take this request: permanent
    ├── ModelFailed      the server broke while answering (500, crash, cut connection): transient
    ├── ModelTimeout     no answer, or no further token, in time: transient
    ├── AnswerUnusable   the answer is empty or was cut at its limit: transient
    ├── ModelMissing     the server answers but does not have the model: infrastructure
    └── ModelUnavailable nobody answers (refused, unreachable, 502): infrastructure
        └── ModelBusy    the server is full (429, 503): infrastructure
"""

from __future__ import annotations

from db.types import ErrorClass


class DoctownError(Exception):
    """Anything we can explain to a person; ``remedy`` says what to do about it."""

    error_class = ErrorClass.PERMANENT

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy


class ConfigError(DoctownError):
    """A setting is unknown, missing or out of range."""


class PromptError(DoctownError):
    """A prompt file is missing, or its placeholders are not those that the stage fills."""


class SourceError(DoctownError):
    """The folder to be indexed cannot be read."""


class CacheFileError(DoctownError):
    """The file of a ledger cannot be read or written, is cut, changed, or something else."""


class BudgetSpent(DoctownError):
    """One more call would go beyond what may be used in a day."""

    error_class = ErrorClass.BUDGET


class AnswerRejected(DoctownError):
    """The guards object to every attempt, and ``guard.on_failure`` is ``park``."""


class ModelError(DoctownError):
    """A model, or the server it runs on, did not give an answer.

    ``retry_after`` is the time in seconds the server asked us to wait, where it said one.
    """

    error_class = ErrorClass.TRANSIENT

    def __init__(self, message: str, remedy: str = "", *, retry_after: float | None = None) -> None:
        super().__init__(message, remedy)
        self.retry_after = retry_after


class PromptTooLong(ModelError):
    """The prompt does not fit into the model's context window."""

    error_class = ErrorClass.PERMANENT


class PromptCut(PromptTooLong):
    """The server counted fewer tokens than the prompt can have: it read a part of it and kept silent."""


class ModelRefused(ModelError):
    """The server understood the request and will not take it (400, 401, 403, 422)."""

    error_class = ErrorClass.PERMANENT


class ModelFailed(ModelError):
    """The server broke while it answered: 500, a crashed runner, a cut connection, nonsense on the wire."""


class ModelTimeout(ModelError):
    """No answer within the time limit, or no further token within the stall limit."""


class AnswerUnusable(ModelError):
    """The answer is empty, or stopped at the output limit."""


class ModelMissing(ModelError):
    """The server answers, but the model is not there."""

    error_class = ErrorClass.INFRASTRUCTURE


class ModelUnavailable(ModelError):
    """Nobody answers at the endpoint, or it is full: refused, unreachable, 429, 502, 503."""

    error_class = ErrorClass.INFRASTRUCTURE


class ModelBusy(ModelUnavailable):
    """The server answers that it is full (429, 503).

    ``eased``: fewer calls are made to it at once since then, so there is no need to leave it alone altogether.
    """

    eased = False
