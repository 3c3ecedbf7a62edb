"""The ground that the queue's benchmarks stand on: a thrown-away server, its databases, tables filled straight."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from daemon.config import shared
from db.embedded import EmbeddedServer
from db.migrate import upgrade

ROOT = Path(__file__).resolve().parent.parent.parent

_REPOSITORIES = "INSERT INTO repository (id, name) SELECT i, 'repo' || i FROM generate_series(1, %(repositories)s) i"
_NODES = """
    INSERT INTO node (id, repo_id, kind, lang, fqn, name, source_code, source_hash)
    SELECT i, 1 + i %% %(repositories)s, 'FUNCTION', 'go', 'pkg.f' || i, 'f' || i,
           'func f' || i || '() int { return ' || i || ' }', md5(i::text)
      FROM generate_series(1, %(rows)s) i
"""
_CHUNKS = "INSERT INTO chunk (id, node_id, repo_id, source_hash) SELECT id, id, repo_id, source_hash FROM node"
_WORK = """
    INSERT INTO work (chunk_id, stage, repo_id, state, wanted_key, reason, lane, priority, due_at, done_at, fence,
                      attempts, error_class, last_error, lease_owner, lease_until)
    SELECT id, 'coder', repo_id, state, source_hash, 'new', CASE WHEN id %% 7 = 0 THEN 2 ELSE 1 END, id %% 1000,
           now() - make_interval(secs => id %% 100000), CASE WHEN state = 'done' THEN now() END, 1, 1,
           CASE WHEN state = 'dead' THEN 'permanent' END, CASE WHEN state = 'dead' THEN 'PromptTooLong: ' || id END,
           CASE WHEN state = 'leased' THEN gen_random_uuid() END, CASE WHEN state = 'leased' THEN now() + '1 day' END
      FROM (SELECT c.*, CASE WHEN id %% 100 < %(dead)s THEN 'dead' WHEN id %% 100 = 99 THEN 'leased'
                             WHEN id %% 100 >= 100 - %(done)s THEN 'done' ELSE 'due' END AS state FROM chunk c) c
"""


@dataclass(frozen=True, slots=True)
class Ground:
    """A running server."""

    url: str

    def database(self, name: str, *, like: str | None = None) -> str:
        """A new database with our tables, or a copy of one; its URL."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
            template = sql.SQL("TEMPLATE {}").format(sql.Identifier(like)) if like else sql.SQL("")
            connection.execute(sql.SQL("CREATE DATABASE {} {}").format(sql.Identifier(name), template))
        url = urlunsplit(urlsplit(self.url)._replace(path=f"/{name}"))
        if like is None:
            upgrade(url, shared("alembic"))
        return url


@contextmanager
def ground() -> Iterator[Ground]:
    """A server in a folder of its own, which root's server user can reach; all of it is thrown away."""
    folder = Path(tempfile.mkdtemp(prefix="doctown-bench-", dir="/var/lib" if Path("/var/lib").is_dir() else None))
    folder.chmod(0o755)
    server = EmbeddedServer(folder)
    try:
        yield Ground(server.start())
    finally:
        server.stop("immediate")
        shutil.rmtree(folder, ignore_errors=True)


def fill(url: str, rows: int, repositories: int, *, dead: int = 0, done: int = 0) -> None:
    """One piece of work per chunk, ``dead`` and ``done`` percent of them so (of done, the hundredth part is leased).

    Straight into the tables: triggers would do the same, one statement at a time.
    """
    sizes = {"rows": rows, "repositories": repositories, "dead": dead, "done": done}
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        for statement in (_REPOSITORIES, _NODES, _CHUNKS, _WORK):
            connection.execute(statement.encode(), sizes)
        connection.execute("SELECT setval(pg_get_serial_sequence('node', 'id'), max(id)) FROM node")
        connection.execute("SELECT setval(pg_get_serial_sequence('chunk', 'id'), max(id)) FROM chunk")
        connection.execute("SELECT setval(pg_get_serial_sequence('repository', 'id'), max(id)) FROM repository")
        connection.execute("VACUUM ANALYZE")


def quantile(values: list[float], share: float) -> float:
    """The value below which that share of them lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    """Print Markdown."""
    print("| " + " | ".join(head) + " |")
    print("|---" + "|---:" * (len(head) - 1) + "|")
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print(flush=True)
