"""Which URLs of remote repositories are used; others are refused with advice, and passwords in them never shown."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from hashlib import blake2b
from urllib.parse import urlsplit

from daemon.errors import SourceError
from daemon.git import redacted

_SCP = re.compile(r"(?P<user>[A-Za-z0-9._-]+)@(?P<host>[A-Za-z0-9.-]+):(?P<path>[^:].*)")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9a-fA-F:.]+\]")
_REF = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._/@+-]*")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """A remote repository. ``host`` has its port, where the URL says one; ``name`` is the last part of the path."""

    url: str
    protocol: str
    host: str
    name: str

    @property
    def key(self) -> str:
        """Names the folder of its clone: readable, and different for every URL."""
        return f"{self.name}-{blake2b(self.url.encode(), digest_size=6).hexdigest()}.git"

    @property
    def may_carry_token(self) -> bool:
        """Whether what is sent cannot be read on the way."""
        return self.protocol == "https" or self.host.partition(":")[0] in _LOOPBACK


def looks_remote(text: str) -> bool:
    """Whether somebody means a URL and not a folder or a name."""
    return "://" in text or "::" in text or _SCP.fullmatch(text) is not None


def remote_of(text: str, protocols: Collection[str]) -> Remote:
    """The remote repository that a URL means. Raises SourceError for all that is not used, saying what to do."""
    shown = redacted(text)
    if not text.isprintable() or any(letter.isspace() for letter in text):
        raise SourceError(f"{shown!r} is no URL: it holds blanks or control characters")
    scp = _SCP.fullmatch(text)
    if scp and "://" not in text:
        protocol, host, path, user = "ssh", scp["host"], scp["path"], None
    else:
        if "::" in text.partition("://")[0]:
            raise _refused(shown, text.partition("::")[0], protocols)
        try:
            parts = urlsplit(text)
            host, path = parts.netloc.rpartition("@")[2], parts.path
            port = parts.port
        except ValueError:
            raise SourceError(f"{shown} is no URL") from None
        protocol, user = parts.scheme.lower(), parts.netloc.rpartition("@")[0]
        if parts.query or parts.fragment:
            raise SourceError(
                f"{shown.partition('?')[0].partition('#')[0]}: a URL with ? or # is not used",
                "A token goes into an environment variable that follow.tokens names.",
            )
        if port is not None:
            host = host.rpartition(":")[0]
    if protocol not in protocols:
        raise _refused(shown, protocol, protocols)
    if user and (protocol != "ssh" or ":" in user):
        raise SourceError(
            f"{shown}: names and passwords in a URL end up in logs and process lists, so they are not taken",
            f"Put the token into an environment variable and name it: `follow: {{tokens: {{{host}: MY_TOKEN}}}}`.",
        )
    last = path.rstrip("/").removesuffix("/.git").rpartition("/")[2].removesuffix(".git")
    name = re.sub(r"[^A-Za-z0-9._-]", "", last).strip(".-")
    if not _HOST.fullmatch(host) or not name:
        raise SourceError(f"{shown} is not the URL of a repository", "For example https://example.org/team/shop.git")
    whole = text if scp and "://" not in text else None
    port_of = "" if whole else urlsplit(text).netloc.rpartition("@")[2].removeprefix(host)
    return Remote(url=text, protocol=protocol, host=host.lower() + port_of, name=name)


def checked_ref(ref: str) -> str:
    """The name of a branch, tag or commit. Raises SourceError for what could be anything else."""
    if not _REF.fullmatch(ref) or ".." in ref or "@{" in ref or "//" in ref or ref.endswith(("/", ".", ".lock")):
        raise SourceError(f"{ref!r} is not the name of a branch, tag or commit")
    return ref


def _refused(shown: str, protocol: str, protocols: Collection[str]) -> SourceError:
    allowed = ", ".join(protocols) or "none"
    return SourceError(
        f"{shown}: the protocol {protocol or 'of a folder'!r} is not used; allowed: {allowed}",
        "Give a URL that begins with one of these (follow.protocols), or the path of a folder.",
    )
