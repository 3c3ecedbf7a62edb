"""`python -m daemon` is `doctown`."""

from daemon.cli.main import run

run()
