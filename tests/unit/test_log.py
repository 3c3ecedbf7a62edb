"""What the log says of an error, and what it must not."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Literal

import pytest
import structlog

from daemon import log
from daemon.settings import LogSettings


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    yield
    structlog.reset_defaults()


@pytest.mark.parametrize("form", ["console", "json"])
def test_an_error_is_logged_without_the_values_of_its_variables(form: Literal["console", "json"]) -> None:
    """Local variables hold sources and prompts, with all that is in them."""
    stream = io.StringIO()
    log.setup(LogSettings(format=form), stream=stream)

    def breaks() -> None:
        source_code = "hunter" + str(2)  # its own line is in the traceback, and may be
        raise RuntimeError(f"a piece of {len(source_code)} signs")

    try:
        breaks()
    except RuntimeError as error:
        log.get("loop").error("a task broke", exc_info=error)
    said = stream.getvalue()
    assert "a task broke" in said
    assert "RuntimeError: a piece of 7 signs" in said
    assert "in breaks" in said, "the way to the error is told"
    assert "hunter2" not in said
