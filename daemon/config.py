"""Reads config.yaml and the environment into Settings; the only reader of os.environ."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

import platformdirs
import yaml
from pydantic import BaseModel, ValidationError

from daemon.errors import ConfigError
from daemon.settings import Settings

ENV_PREFIX = "DOCTOWN_"
ENV_CONFIG = "DOCTOWN_CONFIG"

_PACKAGE = Path(__file__).resolve().parent


def shared(name: str) -> Path:
    """Where ``prompts``, ``config.yaml`` or ``alembic`` lies: in the installed package or in the checkout."""
    inside = _PACKAGE / "share" / name
    return inside if inside.exists() else _PACKAGE.parent / name


def find_config(explicit: Path | None = None, environ: Mapping[str, str] | None = None) -> Path:
    """The configuration file in force: ``--config``, $DOCTOWN_CONFIG, ./doctown.yaml, the user's, the shipped one.

    Raises ConfigError when a file that was named does not exist.
    """
    env = os.environ if environ is None else environ
    named = explicit or (Path(env[ENV_CONFIG]) if env.get(ENV_CONFIG) else None)
    if named is not None:
        if not named.is_file():
            where = "--config" if explicit else f"environment variable {ENV_CONFIG}"
            raise ConfigError(
                f"{named}: no such file (named by {where})", "Write one with `doctown init`, or leave the name out."
            )
        return named
    for candidate in (Path("doctown.yaml"), user_config_path()):
        if candidate.is_file():
            return candidate
    return shared("config.yaml")


def user_config_path() -> Path:
    """Where ``doctown init`` writes: ``~/.config/doctown/config.yaml`` on Linux."""
    return platformdirs.user_config_path("doctown") / "config.yaml"


def passed_on(names: Iterable[str], environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """The variables of these names that are set, for a program that we start."""
    env = os.environ if environ is None else environ
    return {name: env[name] for name in names if name in env}


def load(explicit: Path | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """Read the file in force, lay the environment over it, check the whole.

    Raises ConfigError naming every wrong key, what is allowed there and where it was read.
    """
    env = os.environ if environ is None else environ
    path = find_config(explicit, env)
    values, origins = _read_file(path)
    _overlay(values, origins, env)
    _normalise_named(values)
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise ConfigError("\n".join(_explain(error, origins, path)), _REMEDY) from None


_REMEDY = "All settings are explained in config.yaml and in docs/configuration.md."

Origins = dict[tuple[str, ...], str]


def _read_file(path: Path) -> tuple[dict[str, Any], Origins]:
    try:
        text = path.read_text(encoding="utf-8")
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        values = yaml.safe_load(text)
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 text: {error}", "Save the file as UTF-8.") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or str(error)
        raise ConfigError(f"{path}{line}: not valid YAML: {problem}", "Check the indentation there.") from None
    if values is None:
        return {}, {}
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: must hold settings (key: value), found a {type(values).__name__}")
    origins: Origins = {}
    _note_lines(root, (), path, origins)
    return values, origins


def _note_lines(node: Any, prefix: tuple[str, ...], path: Path, origins: Origins) -> None:
    if not isinstance(node, yaml.MappingNode):
        return
    for key, value in node.value:
        here = (*prefix, str(key.value))
        origins[here] = f"{path}:{key.start_mark.line + 1}"
        _note_lines(value, here, path, origins)


def _overlay(values: dict[str, Any], origins: Origins, env: Mapping[str, str]) -> None:
    """``DOCTOWN_DATABASE__URL=x`` becomes ``database.url: x``; values are read as YAML scalars or lists."""
    for name in sorted(env):
        if not name.startswith(ENV_PREFIX) or name == ENV_CONFIG:
            continue
        keys = tuple(part.lower() for part in name.removeprefix(ENV_PREFIX).split("__"))
        try:
            value = yaml.safe_load(env[name])
        except yaml.YAMLError:
            value = env[name]
        target = values
        for key in keys[:-1]:
            inner = target.setdefault(key, {})
            if not isinstance(inner, dict):
                inner = target[key] = {}
            target = inner
        target[keys[-1]] = value
        for depth in range(1, len(keys)):
            origins.setdefault(keys[:depth], f"environment variable {name}")
        origins[keys] = f"environment variable {name}"


def _normalise_named(values: dict[str, Any]) -> None:
    """Lay named endpoints and models over their defaults, so that one changed key does not drop the rest."""
    defaults = Settings().model_dump()
    for group in ("endpoints", "models"):
        given = values.get(group)
        if not isinstance(given, dict):
            continue
        for name, entry in given.items():
            default = defaults[group].get(name)
            if isinstance(entry, dict) and isinstance(default, dict):
                same_provider = entry.get("provider", default.get("provider")) == default.get("provider")
                base = default if group == "models" or same_provider else {}
                given[name] = {**base, **entry}
        if group == "endpoints":
            values[group] = {**defaults[group], **given}


def _explain(error: ValidationError, origins: Origins, path: Path) -> Iterator[str]:
    for problem in error.errors():
        location = tuple(str(part) for part in problem["loc"])
        key = ".".join(location)
        where = _origin(location, origins) or str(path)
        if problem["type"] == "extra_forbidden":
            allowed = _allowed_keys(location[:-1])
            near = difflib.get_close_matches(location[-1], allowed, n=1)
            hint = f" Did you mean {'.'.join((*location[:-1], near[0]))}?" if near else ""
            yield f"{key}: no such setting (read from {where}).{hint} Allowed here: {', '.join(allowed)}."
        else:
            message = str(problem["msg"]).removeprefix("Value error, ")
            yield f"{key}: {message} (read from {where})." if key else f"{message} (read from {where})."


def _origin(location: tuple[str, ...], origins: Origins) -> str | None:
    for depth in range(len(location), 0, -1):
        if location[:depth] in origins:
            return origins[location[:depth]]
    return None


def _allowed_keys(location: tuple[str, ...]) -> list[str]:
    model: type[BaseModel] = Settings
    for part in location:
        inner = model.model_fields.get(part)
        if inner is None:
            return sorted(model.model_fields)
        for candidate in (inner.annotation, *get_args(inner.annotation)):
            if isinstance(candidate, type) and issubclass(candidate, BaseModel):
                model = candidate
    return sorted(model.model_fields)
