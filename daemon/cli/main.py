"""The root command: global options, one file per command, errors to exit codes in one table."""

from __future__ import annotations

import asyncio
import importlib
import sys
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

import daemon
from daemon import config, log
from daemon.cli.output import err
from daemon.errors import CacheFileError, ConfigError, DoctownError, ModelError, PromptError
from daemon.settings import Settings
from db.errors import NotFound, StoreError

EXIT_CODES = {
    0: "done",
    1: "something unforeseen; the message names it",
    2: "wrong arguments or configuration; nothing was done",
    3: "the database does not answer, or its tables are not those of this version",
    4: "a model or its server does not answer",
    5: "the command ended, but not all of its work: something failed and waits for a requeue or another try",
    6: "what was asked for does not exist",
    7: "`plan --fail-over N`: more model calls than N may be needed",
    130: "interrupted",
}


@dataclass(frozen=True, slots=True)
class Context:
    """The global options."""

    config: Path | None
    verbose: bool

    def settings(self) -> Settings:
        """The configuration in force. Raises ConfigError."""
        return config.load(self.config)


_COMMANDS = (
    "audit", "budget", "build", "cache", "database", "dead", "doctor", "follow", "index", "init", "pause", "plan",
    "quality", "reconcile", "requeue", "search", "show", "status", "why", "work", "workers",
)  # fmt: skip

app = typer.Typer(
    name="doctown", no_args_is_help=True, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False,
    help="Keeps the documentation of a code base true: a daemon beside a code index in Postgres.",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)  # fmt: skip


def _version(value: bool) -> None:
    if value:
        typer.echo(f"doctown {daemon.__version__}")
        raise typer.Exit


@app.callback()
def root(
    ctx: typer.Context,
    config_path: Annotated[
        Path | None, typer.Option("--config", "-c", help="Configuration file; see config.yaml for the order of search.")
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show what the parts of the program say.")] = False,
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Show it.")] = False,
) -> None:
    """Options of every command."""
    del version
    ctx.obj = Context(config=config_path, verbose=verbose)


def execute(
    ctx: typer.Context, work: Callable[[Settings], Coroutine[Any, Any, int | None]], *, quiet: bool = True
) -> None:
    """Load the settings, run one command's coroutine, leave with its exit code.

    ``quiet``: only warnings are logged, unless ``--verbose`` says otherwise; the daemon logs by its settings.
    """
    options: Context = ctx.obj
    settings = options.settings()
    shown = settings.log
    if options.verbose:
        shown = shown.model_copy(update={"level": "debug"})
    elif quiet:
        shown = shown.model_copy(update={"level": "error"})
    log.setup(shown)
    code = asyncio.run(work(settings))
    if code:
        raise typer.Exit(code)


def exit_code(error: BaseException) -> int:
    """The table."""
    if isinstance(error, ConfigError | PromptError | CacheFileError):
        return 2
    if isinstance(error, NotFound):
        return 6
    if isinstance(error, StoreError):
        return 3
    if isinstance(error, ModelError):
        return 4
    return 1


def explain(error: DoctownError | StoreError) -> None:
    """What went wrong and what to do, on stderr."""
    err.print(f"[bold red]error:[/] {_escaped(str(error))}", soft_wrap=True)
    if error.remedy:
        err.print(f"[bold]what to do:[/] {_escaped(error.remedy)}", soft_wrap=True)


def _escaped(text: str) -> str:
    return text.replace("[", r"\[")


def run(arguments: list[str] | None = None) -> None:
    """The entry point: like the commands themselves, but errors become a message and an exit code."""
    _load_commands()
    try:
        code = app(args=arguments, standalone_mode=False)  # an Exit comes back as its code
        if isinstance(code, int) and code:
            sys.exit(code)
    except (KeyboardInterrupt, typer.Abort):
        err.print("interrupted")
        sys.exit(130)
    except (DoctownError, StoreError) as error:
        explain(error)
        sys.exit(exit_code(error))
    except BrokenPipeError:
        sys.exit(0)
    except Exception as error:
        if _is_usage_error(error):
            error.show()  # type: ignore[attr-defined]
            sys.exit(2)
        raise


def _is_usage_error(error: Exception) -> bool:
    return hasattr(error, "show") and hasattr(error, "exit_code")


def _load_commands() -> None:
    """Import one file per command group; each adds itself to ``app``."""
    for name in _COMMANDS:
        importlib.import_module(f"daemon.cli.{name}")
