"""The rows of the table of roles as people write them: checked, with errors that name the key and what is allowed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from db.types import NodeKind

# The parser in C takes a tenth of the time; a build of PyYAML may lack it.
SafeLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"{text!r} is no regular expression: {error}") from None
    return text


def _listed(value: Any) -> Any:
    """One value stands for a list of one."""
    return (value,) if isinstance(value, str) else value


Pattern = Annotated[str, AfterValidator(_pattern)]
Patterns = Annotated[tuple[Pattern, ...], BeforeValidator(_listed)]
Words = Annotated[tuple[str, ...], BeforeValidator(_listed)]
Role = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,39}$", description="small letters, digits and hyphens")]
Roles = Annotated[tuple[Role, ...], BeforeValidator(_listed)]


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class OwnerRow(_Row):
    """What must hold of the class round a node."""

    annotations: Patterns = ()
    supertypes: Patterns = ()
    roles: Roles = ()
    frameworks: Words = ()  # that gave it the role


class RoleRow(_Row):
    """One row: everything given must hold; of a list, one entry is enough (of ``modifiers``, all)."""

    role: Role
    framework: str = ""
    languages: Words = ()
    kinds: Annotated[tuple[NodeKind, ...], BeforeValidator(_listed)] = ()
    packages: Patterns = ()
    paths: Words = ()
    imports: Words = ()
    names: Patterns = ()
    annotations: Patterns = ()
    arguments: Pattern | None = None
    supertypes: Patterns = ()
    modifiers: Words = ()
    params: Patterns = ()
    signature: Pattern | None = None
    owner: OwnerRow | None = None
    members: Roles = ()
    inherited: bool = False
    calls: Patterns = ()
    text: Pattern | None = None
    within: Patterns = ()
    gives: Literal["node", "handler", "holder"] = "node"
    handler: Literal["first", "last"] = "last"
    detail: Literal["none", "http", "arguments", "text"] = "none"
    method: str | None = None
    path: Patterns = ()
    prefix: Patterns = ()

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        telling = (
            self.names, self.annotations, self.supertypes, self.modifiers, self.params, self.signature, self.owner,
            self.members, self.calls, self.paths,
        )  # fmt: skip
        if not any(telling):
            raise ValueError(
                "a row needs one of annotations, supertypes, names, modifiers, params, signature, paths, owner, "
                "members, calls: by language or kind alone everything would get the role"
            )
        if (self.gives == "node") != (not self.calls):
            raise ValueError("`calls` and `gives: handler` or `gives: holder` go together: say who gets the role")
        if self.arguments is not None and not self.annotations:
            raise ValueError("`arguments` are those of an annotation: give `annotations` too")
        if (self.text is not None or self.within) and not self.calls:
            raise ValueError("`text` and `within` are about a call: give `calls` too")
        return self


def read_rows(path: Path) -> tuple[RoleRow, ...]:
    """The rows of a YAML file. Raises ValueError naming the file, the row and the key."""
    try:
        rows = yaml.load(path.read_text(encoding="utf-8"), Loader=SafeLoader)  # noqa: S506 - it is a safe one
    except OSError as error:
        raise ValueError(f"{path}: cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise ValueError(f"{path}: is no YAML in UTF-8: {error}") from None
    if rows is None:
        return ()
    if not isinstance(rows, list):
        raise ValueError(f"{path}: must hold a list of rows (- role: ...), found a {type(rows).__name__}")
    found = []
    for number, row in enumerate(rows, start=1):
        try:
            found.append(RoleRow.model_validate(row))
        except ValidationError as error:
            raise ValueError("; ".join(_explained(path, number, problem) for problem in error.errors())) from None
    return tuple(found)


def _explained(path: Path, number: int, problem: Any) -> str:
    key = ".".join(str(part) for part in problem["loc"])
    message = str(problem["msg"]).removeprefix("Value error, ")
    if problem["type"] == "extra_forbidden":
        known = OwnerRow if problem["loc"][0] == "owner" else RoleRow
        message = f"no such key; allowed here: {', '.join(sorted(known.model_fields))}"
    return f"{path}: row {number}: {key + ': ' if key else ''}{message}"


def _rows(value: Any) -> Any:
    """A path stands for the rows of that file."""
    return read_rows(Path(value).expanduser()) if isinstance(value, str | Path) else () if value is None else value


RoleRows = Annotated[tuple[RoleRow, ...], BeforeValidator(_rows)]
