"""Fetches remote repositories into bare clones of our own: bounded in size, time, depth and protocol; no checkout."""

from __future__ import annotations

import asyncio
import base64
import os
import re
import resource
import shutil
import signal
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import filelock

from daemon import git
from daemon.config import passed_on
from daemon.errors import ConfigError, SourceError
from daemon.follow.urls import Remote, checked_ref
from daemon.git import GitError, ask, redacted
from daemon.index.history import resolve
from daemon.reach import FollowSettings
from daemon.settings import IndexSettings

_MB = 1 << 20
_LOOK_S = 0.1  # between two looks at what a fetch has written
_TOLD = 1 << 14  # bytes of what git says that are kept
_GRACE_S = 5.0
# What a network needs to be known: proxies, certificates, the agent of ssh.
_PASSED_ON = (
    "PATH", "SSH_AUTH_SOCK", "SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO", "http_proxy", "https_proxy",
    "HTTPS_PROXY", "ALL_PROXY", "all_proxy", "no_proxy", "NO_PROXY",
)  # fmt: skip
_CONFIG = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n"
_SSH = "ssh -oBatchMode=yes -oConnectTimeout=30 -oPermitLocalCommand=no -oClearAllForwardings=yes"
_CAREFUL = (
    # The first answer may send us elsewhere, and what we send along would be read there.
    "-c", "http.followRedirects=false", "-c", "http.sslVerify=true", "-c", "http.lowSpeedLimit=1000",
    "-c", "http.lowSpeedTime=60", "-c", "protocol.version=2", "-c", "transfer.bundleURI=false",
    "-c", "fetch.recurseSubmodules=false", "-c", "fetch.unpackLimit=1", "-c", "fetch.writeCommitGraph=false",
)  # fmt: skip
_REDIRECTED = re.compile(r"returned error: 30\d|redirect", re.IGNORECASE)
_DENIED = re.compile(
    r"could not read (Username|Password)|returned error: 40[13]|Permission denied|Authentication failed", re.IGNORECASE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """A clone and the commit in it that was asked for."""

    folder: Path
    commit: str


async def fetch(remote: Remote, ref: str | None, base: Path, settings: FollowSettings, index: IndexSettings) -> Fetched:
    """Bring a branch, tag or commit (None: the remote's HEAD) of a remote repository here.

    Files larger than ``index.max_file_kb`` stay where they are, if the server knows how. Raises SourceError: refused,
    too large, too slow, not there, or another process is fetching it; what was there before is there still.
    """
    wanted = "HEAD" if ref is None else checked_ref(ref)
    token = _token(remote, settings)
    folder = base / remote.key
    await asyncio.to_thread(_prepare, base)
    lock = filelock.FileLock(base / f"{remote.key}.lock", timeout=0)
    try:
        lock.acquire()
    except filelock.Timeout:
        raise SourceError(f"{remote.url}: another process is fetching it", "It is tried again later.") from None
    try:
        if await asyncio.to_thread(size_of, folder) > settings.max_mb * _MB * 3 // 4:
            await asyncio.to_thread(shutil.rmtree, folder)  # years of fetches; a new clone is smaller
        await asyncio.to_thread(_begin, folder)
        own = f"refs/doctown/{blake2b(wanted.encode(), digest_size=8).hexdigest()}"
        await _fetch(remote, f"+{wanted}:{own}", folder, settings, index, token)
        return Fetched(folder=folder, commit=await asyncio.to_thread(resolve, folder, own))
    finally:
        # A fetch writes down that the rest may be had from there; we never ask for more than we fetched.
        with suppress(OSError):
            (folder / "config").write_text(_CONFIG, encoding="utf-8")
        lock.release()


def size_of(folder: Path) -> int:
    """Bytes that a folder takes on disk."""
    total = 0
    for here, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):  # git renames and removes meanwhile
                total += os.lstat(Path(here, name)).st_blocks * 512
    return total


def _prepare(base: Path) -> None:
    try:
        base.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise SourceError(f"{base} cannot be made: {error.strerror}", "Set follow.folder to another folder.") from error


def _begin(folder: Path) -> None:
    if not (folder / "HEAD").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
        ask(folder, "init", "--quiet", "--bare", "--template=", "--initial-branch=none", ".")
    (folder / "config").write_text(_CONFIG, encoding="utf-8")
    for left_over in folder.glob("objects/pack/tmp_*"):
        left_over.unlink(missing_ok=True)


def _token(remote: Remote, settings: FollowSettings) -> str | None:
    host = remote.host if remote.host in settings.tokens else remote.host.partition(":")[0]
    name = settings.tokens.get(host)
    if name is None or remote.protocol == "ssh":
        return None
    if not remote.may_carry_token:
        raise SourceError(f"{remote.url}: a token is never sent over {remote.protocol}", "Use the https URL.")
    value = passed_on([name]).get(name, "").strip()
    if not value:
        raise ConfigError(
            f"the environment variable {name} is empty, and follow.tokens.{host} names it",
            "Set it where the daemon runs, or take the host out of follow.tokens.",
        )
    return value


def _authorization(remote: Remote, token: str) -> dict[str, str]:
    """The header for this host alone, in the environment: arguments can be read by everybody on the machine."""
    pair = token if ":" in token else f"x-access-token:{token}"
    return {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"http.{remote.protocol}://{remote.host}/.extraHeader",
        "GIT_CONFIG_VALUE_0": f"Authorization: Basic {base64.b64encode(pair.encode()).decode()}",
    }


def _environment(remote: Remote, folder: Path, settings: FollowSettings, token: str | None) -> dict[str, str]:
    return git.environment(
        {
            **passed_on(_PASSED_ON),
            "HOME": str(folder),  # no .netrc
            "GIT_ALLOW_PROTOCOL": ":".join(settings.protocols),
            "GIT_SSH_COMMAND": _SSH,
            "GIT_SSH_VARIANT": "ssh",
            **(_authorization(remote, token) if token else {}),
        }
    )


async def _fetch(
    remote: Remote, refspec: str, folder: Path, settings: FollowSettings, index: IndexSettings, token: str | None
) -> None:
    depth = ["--depth", str(settings.depth)] if settings.depth else []
    words = [
        *_CAREFUL, "fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head", "--force",
        "--no-auto-maintenance", *depth, f"--filter=blob:limit={index.max_file_kb + 1}k", "--", remote.url, refspec,
    ]  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        *git.command(words), cwd=folder, env=_environment(remote, folder, settings, token),
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )  # fmt: skip
    with suppress(ProcessLookupError):  # its helpers inherit it: no file of theirs can grow beyond
        most = settings.max_mb * _MB
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (most, most))
    said = asyncio.create_task(_listen(process), name="git")
    try:
        cut = await _bounded(process, folder, settings)
    finally:
        await _end(process)
        told = await said
    if cut:
        await asyncio.to_thread(_forget_what_was_cut, folder)
        raise SourceError(f"{remote.url}: {cut}", "Raise the limit, or index a clone of your own.")
    if process.returncode != 0:
        raise _explained(remote, told, token)


async def _bounded(process: asyncio.subprocess.Process, folder: Path, settings: FollowSettings) -> str:
    """Wait for the end; why it had to be cut off, empty if it had not."""
    until = time.monotonic() + settings.timeout_s
    waiting = asyncio.create_task(process.wait())
    try:
        while True:
            await asyncio.wait([waiting], timeout=_LOOK_S)
            too_large = await asyncio.to_thread(size_of, folder) > settings.max_mb * _MB
            if too_large or process.returncode == -signal.SIGXFSZ:
                return f"it takes more than {settings.max_mb} MB (follow.max_mb)"
            if waiting.done():
                return ""
            if time.monotonic() > until:
                return f"the fetch took longer than {settings.timeout_s:g} s (follow.timeout_s)"
    finally:
        waiting.cancel()


async def _listen(process: asyncio.subprocess.Process) -> str:
    """The last of what git says; a server may talk without end."""
    kept = b""
    while process.stderr is not None and (some := await process.stderr.read(1 << 16)):
        kept = (kept + some)[-_TOLD:]
    return kept.decode("utf-8", errors="replace")


async def _end(process: asyncio.subprocess.Process) -> None:
    """End git and all that it started."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        try:
            await asyncio.wait_for(process.wait(), _GRACE_S)
        except TimeoutError:
            continue
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _forget_what_was_cut(folder: Path) -> None:
    for left_over in folder.glob("objects/pack/tmp_*"):
        left_over.unlink(missing_ok=True)


def _explained(remote: Remote, told: str, token: str | None) -> SourceError:
    secrets = _secrets(remote, token)
    lines = [line for line in redacted(told, secrets).splitlines() if line.strip()]
    if "File size limit exceeded" in told or "signal 25" in told or "File too large" in told:
        return SourceError(f"{remote.url}: it takes more than follow.max_mb allows", "Raise the limit.")
    remedy = "Check the URL; `doctown follow NAME --now` tries again."
    if _REDIRECTED.search(told):
        remedy = "The server sends us elsewhere, which is not followed: give the URL that it sends to."
    elif _DENIED.search(told):
        remedy = f"Name a variable with an access token: `follow: {{tokens: {{{remote.host}: MY_TOKEN}}}}`."
    elif "couldn't find remote ref" in told or "not our ref" in told:
        remedy = "There is no such branch, tag or commit, or the server does not give commits by number."
    shown = GitError(f"{remote.url}: {_worst(lines)}", remedy)
    shown.__suppress_context__ = True
    return shown


def _secrets(remote: Remote, token: str | None) -> Iterable[str]:
    if token is None:
        return ()
    header: Mapping[str, str] = _authorization(remote, token)
    return (header["GIT_CONFIG_VALUE_0"].rpartition(" ")[2], token, *token.split(":"))


def _worst(lines: list[str]) -> str:
    """What git itself says; the server's words come with "remote:" before them."""
    own = [line for line in lines if line.startswith(("fatal:", "error:"))]
    theirs = [line for line in lines if line.startswith("remote:")]
    return "; ".join([*own[:1], *theirs[:1]] or lines[:1] or ["git failed and did not say why"])[:300]
