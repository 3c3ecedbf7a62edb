"""What can go wrong in the store, drawn as a tree; each error knows whether waiting can help.

StoreError
├── DatabaseUnreachable   nobody answers, or the connection broke: waiting can help
├── DatabaseBusy          a lock, a deadlock, a serialisation failure: trying again at once helps
├── SchemaMismatch        migrations are missing, or the database is newer than this program
├── EmbeddedServerError   the embedded Postgres would not start
├── OtherModel            another embedding model is searched by now: ask it for the vector
└── NotFound              no such repository, node or chunk
"""

from __future__ import annotations


class StoreError(Exception):
    """The database could not do what was asked."""

    can_wait = False

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy


class DatabaseUnreachable(StoreError):
    """Nobody answers at the database's address, or the connection broke."""

    can_wait = True


class DatabaseBusy(StoreError):
    """The statement lost against another one: a lock, a deadlock, a serialisation failure."""

    can_wait = True


class SchemaMismatch(StoreError):
    """The tables are not those that this version of Doctown works with."""


class EmbeddedServerError(StoreError):
    """The embedded Postgres server could not be started."""


class NotFound(StoreError):
    """What was asked for is not in the index."""


class OtherModel(StoreError):
    """The vector of a question was made by a model whose vectors are not searched any more."""
