"""The one door to git: what a repository can never make it do, how long it may take, what it said when it failed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from daemon.errors import SourceError

TIMEOUT_S = 60.0
_TOLD = 300  # characters of what git said that an error repeats
# A repository brings its own settings, and some of them are programs. None of these may run, whatever it says: hooks,
# file monitors, pagers, editors, signers, diff programs (the last ones are turned off where a command has them, too).
_HARMLESS = (
    "--no-pager", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "core.pager=cat",
    "-c", "core.editor=false", "-c", "core.sshCommand=false", "-c", "core.askPass=", "-c", "credential.helper=",
    "-c", "diff.external=", "-c", "gpg.program=false", "-c", "log.showSignature=false", "-c", "submodule.recurse=false",
    "-c", "gc.auto=0", "-c", "maintenance.auto=false", "-c", "core.untrackedCache=false",
    # Who owns a folder matters because of what its settings could run: nothing.
    "-c", "safe.directory=*",
)  # fmt: skip
# Nothing of the caller's environment or settings: what we are told depends on the repository alone.
_ENVIRONMENT = {
    "LC_ALL": "C", "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_ATTR_NOSYSTEM": "1",
    "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "false", "SSH_ASKPASS": "false",
    "GIT_NO_REPLACE_OBJECTS": "1", "GIT_NO_LAZY_FETCH": "1", "GIT_LITERAL_PATHSPECS": "0",
    "GIT_ALLOW_PROTOCOL": "none",  # looking at what is here never asks the network
}  # fmt: skip
_USERINFO = re.compile(r"(?<=://)[^/@\s]+@")
_HEADER = re.compile(r"(authorization:\s*\w+\s+)\S+", re.IGNORECASE)


class GitError(SourceError):
    """Git is not there, took too long, or said no."""


def executable() -> str:
    """Where git is. Raises GitError where it is not."""
    found = shutil.which("git")
    if found is None:
        raise GitError("git is not installed", "Install it, or index the folder as it lies there.")
    return found


def command(words: Iterable[str]) -> list[str]:
    """The arguments of a call that runs nothing a repository brings along."""
    return [executable(), *_HARMLESS, *words]


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a call."""
    return {**_ENVIRONMENT, **(more or {})}


def ask(
    folder: Path, *words: str, settings: Sequence[str] = (), data: bytes | None = None, timeout_s: float | None = None
) -> bytes:
    """What git answers in ``folder``. ``settings``: more of ``-c key=value``; ``data`` goes to its input.

    Raises GitError: git is missing, refused, or took longer than ``timeout_s`` (TIMEOUT_S).
    """
    limit = TIMEOUT_S if timeout_s is None else timeout_s
    try:
        with subprocess.Popen(
            command([*settings, *words]),
            cwd=folder, env=environment(), stdin=subprocess.DEVNULL if data is None else subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        ) as process:  # fmt: skip
            try:
                answer, said = process.communicate(data, timeout=limit)
            except BaseException:
                process.kill()
                raise
    except subprocess.TimeoutExpired as error:
        raise GitError(f"git {words[0]} in {folder} took longer than {error.timeout:g} s") from None
    except OSError as error:
        raise GitError(f"git {words[0]} in {folder}: {error.strerror}") from error
    if process.returncode != 0:
        raise refusal(f"git {words[0]} in {folder}", said)
    return answer


def refusal(what: str, said: bytes) -> GitError:
    """The error for what git said on its way out."""
    told = redacted(said.decode("utf-8", errors="replace"))
    lines = [line.strip() for line in told.splitlines() if line.strip()]
    fatal = [line for line in lines if line.startswith(("fatal:", "error:"))]
    short = (fatal or lines or ["no reason given"])[0][:_TOLD]
    if "dubious ownership" in told:
        return GitError(
            f"{what}: the folder belongs to somebody else, and this git does not take our word for it",
            "Use git 2.38 or newer, or give the folder to the user that Doctown runs as.",
        )
    return GitError(f"{what}: {short}")


def redacted(text: str, secrets: Iterable[str] = ()) -> str:
    """The text without user names and passwords of URLs, without headers, and without ``secrets``."""
    clean = _HEADER.sub(r"\1***", _USERINFO.sub("***@", text))
    for secret in filter(None, secrets):
        clean = clean.replace(secret, "***")
    return clean
