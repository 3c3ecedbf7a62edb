"""Configuration: defaults, environment, and errors that name the key, what is allowed and where it was read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from daemon.config import find_config, load, shared
from daemon.errors import ConfigError
from daemon.settings import Settings
from db.types import Stage


def write(folder: Path, text: str) -> Path:
    path = folder / "doctown.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_shipped_file_states_exactly_the_defaults() -> None:
    assert load(shared("config.yaml"), {}) == Settings()


def test_the_shipped_file_names_every_setting() -> None:
    def leaves(value: object, prefix: str = "") -> set[str]:
        if isinstance(value, dict) and value:
            return {leaf for key, item in value.items() for leaf in leaves(item, f"{prefix}.{key}")}
        return {prefix}

    stated = yaml.safe_load(shared("config.yaml").read_text(encoding="utf-8"))
    assert leaves(stated) == leaves(Settings().model_dump())


def test_production_defaults() -> None:
    models = Settings().models
    assert (models.coder.name, models.coder.temperature, models.coder.top_p, models.coder.seed) == (
        "qwen2.5-coder:14b", 0.3, 0.9, 42,
    )  # fmt: skip
    assert (models.talker.name, models.talker.temperature, models.talker.top_p, models.talker.seed) == (
        "qwen2.5:14b-instruct", 0.7, 0.95, 42,
    )  # fmt: skip
    assert Settings().queue.poll_ms == 4000
    assert Settings().guard.max_regenerations == 2
    assert Settings().database.url == "embedded"


def test_environment_lies_over_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, "queue:\n  poll_ms: 1000\n  lease_s: 60\n")
    settings = load(path, {"DOCTOWN_QUEUE__POLL_MS": "250", "DOCTOWN_DATABASE__URL": "postgresql://u:p@h/d"})
    assert (settings.queue.poll_ms, settings.queue.lease_s) == (250, 60)
    assert settings.database.url == "postgresql://u:p@h/d"


def test_one_changed_key_of_a_model_keeps_its_others(tmp_path: Path) -> None:
    settings = load(write(tmp_path, "models:\n  coder:\n    name: other\n"), {})
    assert (settings.models.coder.name, settings.models.coder.temperature) == ("other", 0.3)
    assert settings.models.talker == Settings().models.talker


def test_instruct_is_one_setting_away_and_takes_the_coders_model(tmp_path: Path) -> None:
    assert Stage.INSTRUCT not in Settings().stages
    settings = load(write(tmp_path, "stages: [embed, instruct, coder]\nmodels:\n  coder:\n    name: other\n"), {})
    assert settings.stages == (Stage.CODER, Stage.INSTRUCT, Stage.EMBED)
    assert settings.models.of(Stage.INSTRUCT) == settings.models.coder
    own = load(write(tmp_path, "models:\n  coder: {name: other}\n  instruct: {temperature: 0.1}\n"), {}).models
    assert (own.of(Stage.INSTRUCT).name, own.of(Stage.INSTRUCT).temperature) == ("other", 0.1)
    assert own.coder.temperature == 0.3
    assert load(write(tmp_path, ""), {"DOCTOWN_STAGES": "[coder]"}).stages == (Stage.CODER,)


def test_thresholds_of_one_stage_lie_over_those_of_all(tmp_path: Path) -> None:
    guard = load(
        write(
            tmp_path,
            "guard:\n  max_regenerations: 1\n  shape: {copied: 0.4}\n  jargon: {share: 0.1}\n"
            "  stages:\n    talker: {jargon: null, shape: {repeated: 0.2}}\n    instruct: {on_failure: park}\n",
        ),
        {},
    ).guard
    talker, instruct = guard.of(Stage.TALKER), guard.of(Stage.INSTRUCT)
    assert (talker.shape.copied, talker.shape.repeated, talker.jargon) == (0.4, 0.2, None)
    assert (instruct.on_failure, instruct.max_regenerations, instruct.shape.copied) == ("park", 1, 0.4)
    assert guard.of(Stage.CODER) is guard


def test_another_endpoint_stands_beside_the_default(tmp_path: Path) -> None:
    settings = load(
        write(tmp_path, "endpoints:\n  gpu:\n    provider: openai\n    url: http://gpu:8000\n    slots: 8\n"), {}
    )
    assert sorted(settings.endpoints) == ["gpu", "local"]


@pytest.mark.parametrize(
    ("text", "environ", "said"),
    [
        ("queue:\n  pol_ms: 5\n", {}, [r"queue\.pol_ms", r"doctown\.yaml:2", "Did you mean queue.poll_ms"]),
        ("queue:\n  poll_ms: fast\n", {}, [r"queue\.poll_ms", r"doctown\.yaml:2", "integer"]),
        ("models:\n  coder:\n    temperature: 3\n", {}, [r"models\.coder\.temperature", "less than or equal to 2"]),
        ("", {"DOCTOWN_QUEUE__LEASE_S": "1"}, [r"queue\.lease_s", "DOCTOWN_QUEUE__LEASE_S", "greater than or equal"]),
        ("", {"DOCTOWN_NONSENSE": "1"}, ["nonsense", "DOCTOWN_NONSENSE", "Allowed here: .*database"]),
        ("database:\n  url: mysql://x\n", {}, [r"database\.url", "postgresql://"]),
        ("models:\n  coder:\n    endpoint: gpu\n", {}, ["no endpoint is called 'gpu'", "local"]),
        ("endpoints:\n  gpu:\n    provider: openai\n", {}, ["needs a url"]),
        ("language: english\n", {}, ["language", r"doctown\.yaml:1"]),
        ("- a\n- b\n", {}, ["must hold settings"]),
        ("queue: [\n", {}, [r"doctown\.yaml:\d+: not valid YAML"]),
        (
            "models:\n  talker:\n    name: qwen2.5-coder:14b\n    context_tokens: 4096\n", {},
            ["load the model anew for every other call"],
        ),
        ("models:\n  coder:\n    output_tokens: 9000\n", {}, ["the prompt needs room too"]),
        ("models:\n  instruct: {endpoint: gpu}\n", {}, [r"models\.instruct\.endpoint", "no endpoint is called 'gpu'"]),
        ("models:\n  instruct:\n    context_tokens: 4096\n", {}, ["load the model anew for every other call"]),
        ("stages: [talker]\n", {}, ["stages", r"doctown\.yaml:1", "coder must be among them"]),
        ("stages: [coder, coder]\n", {}, ["each may stand there once"]),
        ("stages: [coder, painter]\n", {}, [r"stages\.1", "'instruct'"]),
        (
            "guard:\n  stages:\n    talker:\n      shape:\n        copid: 1\n", {},
            [r"guard\.stages\.talker\.shape\.copid", r"doctown\.yaml:5", "no such setting"],
        ),
        ("guard:\n  stages:\n    embed: {}\n", {}, ["'coder', 'talker' or 'instruct'"]),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_explained(tmp_path: Path, text: str, environ: dict[str, str], said: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        load(write(tmp_path, text), environ)
    for pattern in said:
        assert re.search(pattern, str(caught.value)), f"{pattern!r} not in {caught.value}"


def test_all_wrong_settings_are_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(write(tmp_path, "queue:\n  pol_ms: 5\n  lease_s: x\nlog:\n  level: loud\n"), {})
    assert len(str(caught.value).splitlines()) == 3


def test_a_secret_is_not_repeated_in_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(write(tmp_path, "database:\n  url: mysql://user:geheim@host/db\n"), {})
    assert "geheim" not in str(caught.value)


def test_a_named_file_must_exist(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        find_config(tmp_path / "nowhere.yaml", {})
    with pytest.raises(ConfigError, match="DOCTOWN_CONFIG"):
        find_config(None, {"DOCTOWN_CONFIG": str(tmp_path / "nowhere.yaml")})


def test_the_file_in_the_working_folder_comes_before_the_shipped_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_config(None, {}) != Path("doctown.yaml")
    write(tmp_path, "language: ru\n")
    assert find_config(None, {}) == Path("doctown.yaml")
    assert load(None, {}).language == "ru"


@pytest.mark.parametrize(("text", "folder"), [("prompts: null", None), ("prompts: mine", Path("mine"))])
def test_prompts_as_earlier_files_have_them(tmp_path: Path, text: str, folder: Path | None) -> None:
    prompts = load(write(tmp_path, text), {}).prompts
    assert (prompts.folder, prompts.fallback) == (folder, "en")
    assert load(write(tmp_path, text), {"DOCTOWN_PROMPTS": "other"}).prompts.folder == Path("other")


def test_embedded_models_change_nothing_else() -> None:
    settings = Settings(language="ru").with_embedded_models()
    assert settings.endpoints[settings.models.coder.endpoint].provider == "embedded"
    assert settings.models.coder.name == settings.models.talker.name
    assert (settings.language, settings.queue, settings.database) == ("ru", Settings().queue, Settings().database)
