"""What can be said of Dockerfile and compose.yml without an engine: form, commands and keys that exist."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from daemon.cli import main as cli
from daemon.config import load, shared
from daemon.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yml").read_text(encoding="utf-8"))
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
# What compose-spec allows of the keys that we use.
SERVICE_KEYS = {
    "image", "build", "environment", "shm_size", "volumes", "healthcheck", "restart", "deploy", "entrypoint", "command",
    "depends_on", "stop_grace_period", "expose",
}  # fmt: skip


def commands() -> dict[str, Any]:
    cli._load_commands()
    return dict(getattr(typer.main.get_command(cli.app), "commands"))  # noqa: B009 - a group, says typer


def test_the_services_are_those_that_belong_there() -> None:
    assert set(SERVICES) == {"db", "ollama", "models", "migrate", "daemon"}
    for service in SERVICES.values():
        assert set(service) <= SERVICE_KEYS


def test_services_wait_for_services_that_exist() -> None:
    conditions = {"service_healthy", "service_completed_successfully", "service_started"}
    for service in SERVICES.values():
        for name, how in service.get("depends_on", {}).items():
            assert how["condition"] in conditions
            if how["condition"] == "service_healthy":
                assert "healthcheck" in SERVICES[name]
            if how["condition"] == "service_completed_successfully":
                assert SERVICES[name]["restart"] == "no"


def test_every_environment_key_is_a_setting() -> None:
    for name in ("migrate", "daemon"):
        environment = {
            key: re.sub(r"\$\{(\w+)(:-([^}]*)|:\?[^}]*)?\}", lambda m: m[3] or "x", str(value))
            for key, value in SERVICES[name]["environment"].items()
        }
        settings = load(shared("config.yaml"), environment)
        assert settings.database.url.startswith("postgresql://doctown:")
        assert settings.endpoints["local"].url == "http://ollama:11434"


def test_the_models_that_are_pulled_are_those_of_the_defaults() -> None:
    models = Settings().models
    pulled = set(re.findall(r"ollama pull (\S+)", " ".join(SERVICES["models"]["command"])))
    assert pulled == {models.coder.name, models.talker.name}


def test_commands_exist() -> None:
    known = commands()
    for name in ("migrate", "daemon"):
        command = SERVICES[name]["command"]
        assert command[0] in known
        for word in command[1:]:
            assert word in known[command[0]].commands
    assert 'ENTRYPOINT ["doctown"]' in DOCKERFILE
    assert re.search(r'^CMD \["run"\]$', DOCKERFILE, re.MULTILINE)


def test_ollama_gets_the_gpu_and_as_many_slots_as_the_daemon() -> None:
    devices = SERVICES["ollama"]["deploy"]["resources"]["reservations"]["devices"]
    assert devices[0]["capabilities"] == ["gpu"]
    parallel = SERVICES["ollama"]["environment"]["OLLAMA_NUM_PARALLEL"]
    assert parallel == SERVICES["daemon"]["environment"]["DOCTOWN_ENDPOINTS__LOCAL__SLOTS"]


def test_the_daemon_has_time_to_stop() -> None:
    seconds = int(SERVICES["daemon"]["stop_grace_period"].removesuffix("s"))
    assert seconds > Settings().queue.grace_s


def test_the_image_runs_as_a_user_and_copies_what_exists() -> None:
    assert re.search(r"^USER doctown$", DOCKERFILE, re.MULTILINE)
    assert DOCKERFILE.index("USER doctown") < DOCKERFILE.index("ENTRYPOINT")
    for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE):
        for source in line.split()[:-1]:
            assert (ROOT / source).exists(), source


def test_nothing_secret_is_written_down() -> None:
    for service in SERVICES.values():
        for key, value in service.get("environment", {}).items():
            if "PASSWORD" in key:
                assert str(value).startswith("${"), key


def _engine() -> bool:
    docker = shutil.which("docker")
    if docker is None:
        return False
    try:
        return subprocess.run([docker, "info"], capture_output=True, check=False, timeout=20).returncode == 0
    except subprocess.TimeoutExpired:
        return False


@pytest.mark.docker
@pytest.mark.skipif(not _engine(), reason="no Docker engine answers on this machine")
def test_docker_reads_the_compose_file() -> None:
    checked = subprocess.run(
        ["docker", "compose", "-f", str(ROOT / "compose.yml"), "config", "--quiet"],  # noqa: S607 - found on the PATH
        env={"POSTGRES_PASSWORD": "x", "PATH": "/usr/local/bin:/usr/bin:/bin"}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert checked.returncode == 0, checked.stderr


@pytest.mark.docker
@pytest.mark.skipif(not _engine(), reason="no Docker engine answers on this machine")
def test_the_tables_fit_the_postgres_of_the_compose_file() -> None:
    from testcontainers.postgres import PostgresContainer  # noqa: PLC0415 - needs an engine to be of use

    from db.migrate import upgrade  # noqa: PLC0415

    with PostgresContainer(SERVICES["db"]["image"], driver=None) as server:
        assert upgrade(server.get_connection_url(), shared("alembic"))[1] is not None
