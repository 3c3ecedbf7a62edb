"""Loads the fixtures and keeps tests off the network."""

from __future__ import annotations

import socket
from typing import Any

import hypothesis
import pytest

hypothesis.settings.register_profile("doctown", deadline=None)  # what is asserted is behaviour, never a duration
hypothesis.settings.load_profile("doctown")

pytest_plugins = ["tests.support.database"]

_LOCAL = {"127.0.0.1", "::1", "localhost", ""}


@pytest.fixture(autouse=True)
def only_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that talks to anybody else fails at once instead of depending on the network."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family in {socket.AF_INET, socket.AF_INET6} and address[0] not in _LOCAL:
            raise AssertionError(f"a test tried to reach {address[0]}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
