"""Faithful servers of Ollama's and OpenAI's wire protocols, without a model: for tests and for a first look."""

from daemon.doubles.faults import Fault
from daemon.doubles.ledger import Call
from daemon.doubles.server import Double
from daemon.doubles.setup import Setup

__all__ = ["Call", "Double", "Fault", "Setup"]
