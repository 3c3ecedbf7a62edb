"""Options that several commands share, worded once."""

from __future__ import annotations

from typing import Annotated

import typer

Repo = Annotated[str | None, typer.Option("--repo", "-r", help="Only this repository.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Embedded = Annotated[
    bool, typer.Option("--embedded", help="Use the small text model inside this process; no server is needed.")
]
Language = Annotated[
    str | None, typer.Option("--language", "-l", help="Language of this repository's texts: en, ru, ... (remembered)")
]
