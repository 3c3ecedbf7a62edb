"""How far following goes: how soon after an edit, how often, and what may be fetched from where."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from daemon.thresholds import Section

EnvironmentName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
HostName = Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]+(:[0-9]+)?$")]


class FollowSettings(Section):
    """How repositories are followed."""

    quiet_ms: Annotated[int, Field(ge=10, le=60_000)] = 300
    poll_s: Annotated[float, Field(ge=0.1, le=86_400)] = 5.0
    retry_s: Annotated[float, Field(ge=0.05, le=86_400)] = 30.0
    retry_cap_s: Annotated[float, Field(ge=0.05, le=604_800)] = 3600.0
    lease_s: Annotated[float, Field(ge=3, le=3600)] = 60.0
    folder: Path | None = None
    protocols: tuple[Literal["https", "ssh", "http"], ...] = ("https", "ssh")
    tokens: dict[HostName, EnvironmentName] = Field(default={})
    depth: Annotated[int, Field(ge=0, le=1_000_000)] = 1
    max_mb: Annotated[int, Field(ge=1, le=1_000_000)] = 2048
    timeout_s: Annotated[float, Field(ge=1, le=86_400)] = 900.0

    @model_validator(mode="after")
    def _cap_above_first(self) -> Self:
        if self.retry_cap_s < self.retry_s:
            raise ValueError("follow.retry_cap_s must not be smaller than follow.retry_s")
        return self
