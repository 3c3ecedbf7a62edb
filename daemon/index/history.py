"""What git knows of a folder: its commit, what differs from it, what differs between commits, files of any commit."""

from __future__ import annotations

import os
import re
import select
import subprocess
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from daemon.git import TIMEOUT_S, GitError, ask, command, environment

_LINK, _REPOSITORY, _PROGRAM = "120000", "160000", "100755"  # modes
_NONE = "(initial)"
_PATH_AT = {"1": 8, "2": 9, "u": 10}  # fields before the path, by the sort of the line: git-status(1), porcelain v2
_OID = re.compile(r"[0-9a-f]{40,64}")
_PORTION = 1 << 16
_ANSWERED = 3  # words of an answer about an object that is there
_MOST_ASKED = 500  # paths in one call; more are looked up in the whole list


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """The commit of a folder and what is not as it has it, by paths relative to the folder."""

    commit: str
    changed: frozenset[str]
    plain: bool  # no repository inside the repository: git tells all there is to tell


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One file that differs between two commits; ``old_path``: where it was, if git takes it for the same."""

    status: str  # A D M R C T, as git-diff(1) has them
    path: str
    old_path: str | None = None
    repository: bool = False  # a submodule, not a file


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """A file of a commit."""

    path: str
    oid: str
    link: bool = False
    program: bool = False  # it may be executed


def state(root: Path) -> State:
    """How a folder stands to its commit. Raises GitError: no repository, no commit yet, no git."""
    prefix = _prefix(root)
    answer = ask(
        root, "status", "--porcelain=v2", "--branch", "-z", "--untracked-files=all", "--ignore-submodules=all",
        "--no-renames", "--", ".", settings=_no_filters(root),
    )  # fmt: skip
    commit, changed, plain = "", set(), True
    for raw in filter(None, answer.split(b"\0")):
        line = os.fsdecode(raw)
        if line.startswith("# branch.oid "):
            commit = line.removeprefix("# branch.oid ")
        elif line[0] in _PATH_AT:
            fields = line.split(" ", _PATH_AT[line[0]])
            plain = plain and _REPOSITORY not in fields[3:6]
            changed.add(fields[-1])
        elif line[0] == "?":
            plain = plain and not line.endswith("/")
            changed.add(line[2:])
    if not commit or commit == _NONE:
        raise GitError(f"{root}: has no commit yet")
    inside = frozenset(path.removeprefix(prefix) for path in changed if path.startswith(prefix))
    return State(commit=commit, changed=inside, plain=plain)


def _prefix(root: Path) -> str:
    if (root / ".git").exists():
        return ""
    return os.fsdecode(ask(root, "rev-parse", "--show-prefix")).rstrip("\n")


def _no_filters(root: Path) -> list[str]:
    """Filters are programs that a repository names and git runs to compare a file: every one that is named, unnamed."""
    try:
        names = ask(root, "config", "--null", "--name-only", "--get-regexp", r"^filter\..*\.(clean|smudge|process)$")
    except GitError:
        return []  # there are none
    settings: list[str] = []
    for key in sorted({os.fsdecode(name).rpartition(".")[0] for name in names.split(b"\0") if name}):
        for last in ("clean=", "smudge=", "process=", "required=false"):
            settings += ["-c", f"{key}.{last}"]
    return settings


def resolve(root: Path, revision: str) -> str:
    """The full name of the commit that a branch, tag or abbreviation means. Raises GitError."""
    unknown = f"{root}: no commit, branch or tag is called {revision!r}"
    if not revision or revision.startswith("-") or "\0" in revision:
        raise GitError(unknown)
    try:
        answer = ask(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    except GitError as error:
        if "not a git repository" in str(error):
            raise GitError(f"{root}: is in no repository of git", "Take the folder as it lies there.") from None
        if "no reason given" not in str(error):
            raise
        raise GitError(unknown, "`git branch -a` and `git tag` list what there is.") from None
    return answer.decode().strip()


def differences(root: Path, old: str, new: str, *, renames: bool = True) -> list[Change]:
    """What differs between two commits below ``root``, renames told as such. Raises GitError: one is not there.

    To find ``renames`` git reads files; without them it compares names alone.
    """
    answer = ask(
        root, "diff-tree", "-r", "-z", "--raw", "-M" if renames else "--no-renames", "--no-ext-diff", "--no-textconv",
        "--relative", "--end-of-options", old, new, "--",
    )  # fmt: skip
    fields = iter(filter(None, answer.split(b"\0")))
    found: list[Change] = []
    for head in fields:
        before, after, _, _, status = head.decode().lstrip(":").split(" ")
        first = os.fsdecode(next(fields))
        moved = status[0] in "RC"
        found.append(
            Change(
                status=status[0], path=os.fsdecode(next(fields)) if moved else first,
                old_path=first if moved else None, repository=_REPOSITORY in {before, after},
            )
        )  # fmt: skip
    return found


def listed(root: Path, paths: Iterable[str]) -> set[str]:
    """Those of ``paths`` that git tracks or would track. Raises GitError."""
    asked = sorted(paths)
    if not asked:
        return set()
    few = asked if len(asked) <= _MOST_ASKED else []
    answer = ask(
        root, "--literal-pathspecs", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate",
        "--", *few,
    )  # fmt: skip
    return {os.fsdecode(raw) for raw in answer.split(b"\0") if raw} & set(asked)


def files_of(root: Path, commit: str) -> list[Blob]:
    """The files of a commit below ``root`` in order; submodules are left out. Raises GitError."""
    prefix = "" if _is_bare(root) else _prefix(root)
    answer = ask(root, "ls-tree", "-r", "-z", "--full-tree", "--end-of-options", f"{commit}:{prefix}")
    found: list[Blob] = []
    for raw in filter(None, answer.split(b"\0")):
        head, _, path = raw.partition(b"\t")
        mode, kind, oid = head.decode().split(" ")
        if kind == "blob":
            found.append(Blob(path=os.fsdecode(path), oid=oid, link=mode == _LINK, program=mode == _PROGRAM))
    return sorted(found, key=lambda blob: blob.path)


def _is_bare(root: Path) -> bool:
    return ask(root, "rev-parse", "--is-bare-repository").strip() == b"true"


class Objects:
    """Contents of files by their object ids: one ``git cat-file --batch`` that stays up. For one thread at a time."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._unread = bytearray()
        try:
            self._process = subprocess.Popen(
                command(["cat-file", "--batch"]),
                cwd=root, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                bufsize=0,
            )  # fmt: skip
        except OSError as error:
            raise GitError(f"git cat-file in {root}: {error.strerror}") from error

    def read(self, oid: str, limit: int) -> tuple[bytes, int] | None:
        """The content and its size in bytes; of more than ``limit`` bytes only so many. None: it is not there.

        Raises GitError: git is gone, or silent for TIMEOUT_S.
        """
        if not _OID.fullmatch(oid):
            return None
        self._send(oid)
        while b"\n" not in self._unread:
            self._receive()
        head, _, rest = bytes(self._unread).partition(b"\n")
        self._unread = bytearray(rest)
        words = head.decode().split()  # id, type, size; or id and "missing"
        if len(words) != _ANSWERED:
            return None
        size = int(words[2])
        kept = bytearray()
        left = size + 1  # a line's end follows
        while left:
            if not self._unread:
                self._receive()
            some = self._unread[:left]
            del self._unread[: len(some)]
            left -= len(some)
            kept += some[: max(0, min(limit, size) - len(kept))]
        return (bytes(kept), size) if words[1] == "blob" else None

    def close(self) -> None:
        """End git."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()

    def _send(self, oid: str) -> None:
        try:
            if self._process.stdin is not None:
                self._process.stdin.write(f"{oid}\n".encode())
        except (OSError, ValueError) as error:  # ValueError: closed
            raise GitError(f"git cat-file in {self._root} ended") from error

    def _receive(self) -> None:
        stdout = self._process.stdout
        ready = select.select([stdout], [], [], TIMEOUT_S)[0] if stdout is not None else []
        some = os.read(stdout.fileno(), _PORTION) if ready and stdout is not None else b""
        if not some:
            raise GitError(f"git cat-file in {self._root} said no more")
        self._unread += some


def sizes_of(root: Path, oids: Iterable[str]) -> dict[str, int]:
    """The size in bytes of each object that is there. Raises GitError."""
    asked = sorted(oid for oid in set(oids) if _OID.fullmatch(oid))
    answer = ask(
        root,
        "cat-file",
        "--batch-check=%(objectname) %(objectsize)",
        data="".join(f"{oid}\n" for oid in asked).encode(),
    )
    lines = (line.split(" ") for line in answer.decode().splitlines())
    return {line[0]: int(line[1]) for line in lines if line[1].isdigit()}
