"""Options that several commands share, worded once."""

from __future__ import annotations

import os
import pwd
import socket
from collections.abc import Iterable
from typing import Annotated

import typer

from daemon.errors import ConfigError
from daemon.settings import Settings
from db.types import Stage

Repo = Annotated[str | None, typer.Option("--repo", "-r", help="Only this repository.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Embedded = Annotated[
    bool, typer.Option("--embedded", help="Use the small text model inside this process; no server is needed.")
]
Language = Annotated[
    str | None, typer.Option("--language", "-l", help="Language of this repository's texts: en, ru, ... (remembered)")
]
Reason = Annotated[str | None, typer.Option("--reason", help="Why; it is kept in the audit.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only count.")]


def require_stages(settings: Settings, stages: Iterable[Stage], option: str = "--stage") -> None:
    """Refuse what is about a stage that is off."""
    for stage in stages:
        if stage not in settings.stages:
            listed = ", ".join(one for one in Stage if one is stage or one in settings.stages)
            raise ConfigError(f"{option} {stage}: this stage is off", f"Set `stages: [{listed}]` in the configuration.")


def whoami() -> str:
    """Who gives the command, for the audit: user@host."""
    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container may run under a number that no user has
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"
