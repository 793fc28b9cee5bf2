from __future__ import annotations

import os
import tomllib
from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from ledger_actors.settings import Settings, load_settings
from ledger_actors.settings_layers import (
    PREFIXES,
    InvalidSettings,
    config_folder,
    setting_keys,
    variable,
)

ROOT = Path(__file__).parents[2]
KEYS = sorted(setting_keys(Settings))


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the developer's own environment reaches a test."""
    for name in os.environ:
        if name.startswith(PREFIXES):
            monkeypatch.delenv(name)


@pytest.fixture
def config_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """A function that lays a file with the given text over the others."""

    def write(text: str) -> Path:
        path = tmp_path / "own.toml"
        path.write_text(text)
        monkeypatch.setenv("LEDGER_CONFIG", str(path))
        return path

    return write


def problems(**arguments: object) -> tuple[str, ...]:
    with pytest.raises(InvalidSettings) as caught:
        load_settings(**arguments)
    return caught.value.problems


class TestLayers:
    def test_the_defaults_are_those_of_the_original_system(self) -> None:
        settings = load_settings()
        assert settings.env == "dev"
        assert settings.projector.hydration_delay == 1000
        assert settings.projector.hydration_delay_entropy == 100
        assert settings.cycler.time_zone == ZoneInfo("America/Los_Angeles")

    @pytest.mark.parametrize("key", [key for key in KEYS if key != "env"])
    def test_every_setting_has_its_default_in_config_toml_alone(self, key: str) -> None:
        value = tomllib.loads((ROOT / "config" / "config.toml").read_text())
        for part in key.split("."):
            value = value[part]
        assert value is not None
        assert setting_keys(Settings)[key].is_required()

    def test_the_file_of_the_environment_goes_over_the_defaults(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("LEDGER_ENV", "prod")
        settings = load_settings()
        assert (settings.env, settings.log.format) == ("prod", "json")
        assert settings.log.level == "info", "what prod.toml does not say is as in config.toml"

    def test_tests_hardly_wait_for_hydration(self) -> None:
        assert load_settings(env="test").projector.hydration_delay <= 10

    def test_an_own_file_goes_over_the_environments(
        self, config_file: Callable[[str], Path]
    ) -> None:
        config_file('[log]\nformat = "console"')
        assert load_settings(env="prod").log.format == "console"

    def test_a_variable_goes_over_every_file(
        self, config_file: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        config_file("[projector]\nhydration_delay = 5")
        monkeypatch.setenv("PROJECTOR_HYDRATION_DELAY", "250")
        assert load_settings().projector.hydration_delay == 250

    def test_an_argument_goes_over_a_variable(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("LEDGER_DATA", "elsewhere")
        monkeypatch.setenv("LEDGER_LOG_FORMAT", "json")
        settings = load_settings(data=tmp_path, log={"level": "debug"})
        assert settings.data == tmp_path
        assert settings.log.level == "debug"
        assert settings.log.format == "json", "the rest of the table stays"

    def test_an_argument_that_is_none_is_not_given(self) -> None:
        assert load_settings(data=None, env=None) == load_settings()

    def test_an_empty_variable_is_not_set(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("LEDGER_ENV", "")
        monkeypatch.setenv("LEDGER_JOURNAL_MAX_BATCH", "")
        assert load_settings().journal.max_batch == 512

    def test_settings_never_change(self) -> None:
        settings = load_settings()
        with pytest.raises(ValidationError):
            settings.env = "prod"
        with pytest.raises(ValidationError):
            settings.journal.max_batch = 1

    def test_the_home_folder_may_be_written_as_a_tilde(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("LEDGER_DATA", "~/ledger")
        assert load_settings().data == Path.home() / "ledger"


VALUES = {
    "env": ("test", "test"),
    "data": ("/srv/ledger", Path("/srv/ledger")),
    "log.level": ("error", "error"),
    "log.format": ("json", "json"),
    "endpoint.socket": ("/run/l.sock", "/run/l.sock"),
    "endpoint.port": ("9000", 9000),
    "endpoint.max_connections": ("8", 8),
    "endpoint.max_request_rate": ("0", 0),
    "endpoint.request_timeout": ("2.5", 2.5),
    "projector.hydration_delay": ("7", 7),
    "projector.hydration_delay_entropy": ("3", 3),
    "projector.delivery_interval": ("5", 5),
    "projector.own_process_from": ("9", 9),
    "projector.attempts": ("5", 5),
    "projector.retry_delay": ("70", 70),
    "journal.max_batch": ("9", 9),
    "aggregate.idle_timeout": ("1.5", 1.5),
    "aggregate.snapshot_every": ("0", 0),
    "supervision.max_restarts": ("0", 0),
    "supervision.max_seconds": ("60", 60.0),
    "command.timeout": ("2", 2.0),
    "command.conflict_retries": ("1", 1),
    "dispatcher.pool_size": ("2", 2),
    "dispatcher.processors": ("0", 0),
    "cycler.enabled": ("false", False),
    "cycler.interval": ("1", 1.0),
    "cycler.time_zone": ("Europe/Vienna", ZoneInfo("Europe/Vienna")),
    "shutdown.child_timeout": ("0.5", 0.5),
    "shutdown.kill_grace": ("0.1", 0.1),
}


class TestVariables:
    def test_each_setting_has_one(self) -> None:
        names = [variable(key) for key in KEYS]
        assert len(set(names)) == len(KEYS)
        assert {"LEDGER_ENV", "LEDGER_DATA", "PROJECTOR_HYDRATION_DELAY"} <= set(names)
        assert set(KEYS) - set(VALUES) == {"endpoint.host", "endpoint.token"}, "tested below"

    @pytest.mark.parametrize("key", VALUES)
    def test_sets_its_setting(self, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
        text, expected = VALUES[key]
        monkeypatch.setenv(variable(key), text)
        value: object = load_settings()
        for part in key.split("."):
            value = getattr(value, part)
        assert value == expected
        assert type(value) is type(expected)


class TestMistakes:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            (
                "[journal]\nmax_bach = 3",
                "journal.max_bach is not a setting; did you mean journal.max_batch?",
            ),
            ("[journal]\nzzz = 3", "journal.zzz is not a setting; there are journal.max_batch"),
            ("[jurnal]\nmax_batch = 3", "jurnal is not a setting; did you mean journal?"),
            ('[journal]\nmax_batch = "3"', "journal.max_batch should be a whole number; found '3'"),
            ("[journal]\nmax_batch = 3.5", "journal.max_batch should be a whole number; found 3.5"),
            (
                "[journal]\nmax_batch = true",
                "journal.max_batch should be a whole number; found True",
            ),
            ("[journal]\nmax_batch = 0", "journal.max_batch should be greater than 0; found 0"),
            ("[cycler]\nenabled = 1", "cycler.enabled should be true or false; found 1"),
            ("[cycler]\ninterval = nan", "cycler.interval should be a finite number; found nan"),
            (
                '[cycler]\ntime_zone = "Mars"',
                "cycler.time_zone should be a time zone such as Europe/Vienna; found 'Mars'",
            ),
            (
                '[log]\nlevel = "loud"',
                "log.level should be 'debug', 'info', 'warning' or 'error'; found 'loud'",
            ),
            ('log = "loud"', "log should be a table, [log]; found 'loud'"),
            ("data = 3", "data should be a path; found 3"),
            ("data = {}", "data should be a path; found {}"),
            ('env = "prod"', "env does not belong in a file; set LEDGER_ENV"),
        ],
    )
    def test_in_a_file_are_named_with_file_key_and_what_is_right(
        self, text: str, expected: str, config_file: Callable[[str], Path]
    ) -> None:
        path = config_file(text)
        assert problems() == (f"{path}: {expected}",)

    @pytest.mark.parametrize(
        ("name", "text", "expected"),
        [
            ("LEDGER_JOURNAL_MAX_BATCH", "many", "should be a whole number; found 'many'"),
            ("LEDGER_JOURNAL_MAX_BATCH", "-1", "should be greater than 0; found '-1'"),
            ("PROJECTOR_HYDRATION_DELAY", "1s", "should be a whole number; found '1s'"),
            ("LEDGER_COMMAND_TIMEOUT", "inf", "should be a finite number; found 'inf'"),
            ("LEDGER_CYCLER_ENABLED", "maybe", "should be true or false; found 'maybe'"),
            ("LEDGER_ENV", "staging", "should be one of dev, test, prod; found 'staging'"),
            (
                "LEDGER_JURNAL_MAX_BATCH",
                "1",
                "names no setting; did you mean LEDGER_JOURNAL_MAX_BATCH?",
            ),
            (
                "PROJECTOR_HYDRATION_DELY",
                "1",
                "names no setting; did you mean PROJECTOR_HYDRATION_DELAY?",
            ),
        ],
    )
    def test_in_a_variable_are_named_with_what_is_right(
        self, name: str, text: str, expected: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(name, text)
        (problem,) = problems()
        assert problem.removeprefix("the variable ") == f"{name} {expected}"

    def test_are_all_named_at_once_also_those_that_another_layer_covers(
        self, config_file: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        config_file('[log]\nlevel = "loud"\nformat = 3')
        monkeypatch.setenv("LEDGER_LOG_LEVEL", "debug")
        monkeypatch.setenv("LEDGER_LOG_FORMAT", "xml")
        assert len(problems()) == 3

    def test_in_an_argument_are_named(self) -> None:
        assert problems(log={"levle": "debug"}) == ("log.levle is not a setting",)
        assert problems(journal={"max_batch": 0}) == (
            "journal.max_batch should be greater than 0; found 0",
        )
        assert problems(env="staging") == ("env should be one of dev, test, prod; found 'staging'",)

    def test_a_file_that_is_not_toml_is_named(self, config_file: Callable[[str], Path]) -> None:
        path = config_file("[log")
        assert problems()[0].startswith(f"{path} is not TOML: ")

    def test_a_file_in_another_encoding_is_named(self, config_file: Callable[[str], Path]) -> None:
        path = config_file("")
        path.write_bytes('data = "Übung"'.encode("latin-1"))
        assert problems()[0].startswith(f"{path} is not TOML: ")

    def test_a_file_that_is_not_there_is_named(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("LEDGER_CONFIG", str(tmp_path / "no.toml"))
        assert problems() == (f"{tmp_path / 'no.toml'} is not there; LEDGER_CONFIG names it",)
        monkeypatch.setenv("LEDGER_CONFIG", str(tmp_path))
        assert problems() == (f"{tmp_path} is no file; LEDGER_CONFIG names it",)

    def test_the_files_that_are_shipped_have_none(self) -> None:
        assert sorted(path.name for path in config_folder().glob("*.toml")) == [
            "config.toml",
            "dev.toml",
            "prod.toml",
            "test.toml",
        ]
        for env in ("dev", "test", "prod"):
            assert load_settings(env=env).env == env


class TestToken:
    TOKEN = "0123456789abcdef"

    def test_a_network_address_is_refused_without_one(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("LEDGER_ENDPOINT_HOST", "127.0.0.1")
        assert problems() == (
            "endpoint.host is set, so endpoint.token must be set too: the network needs a token",
        )
        monkeypatch.setenv("LEDGER_ENDPOINT_TOKEN", self.TOKEN)
        assert load_settings().endpoint.host == "127.0.0.1"

    def test_a_short_one_is_refused_and_not_shown(self) -> None:
        assert problems(endpoint={"token": "geheim"}) == (
            "endpoint.token should have at least 16 characters",
        )

    def test_one_of_the_wrong_type_is_not_shown(self, config_file: Callable[[str], Path]) -> None:
        path = config_file("[endpoint]\ntoken = 4711")
        assert problems() == (
            f"{path}: endpoint.token should be a string; what was found is not shown",
        )

    def test_it_never_appears_where_settings_are_printed(self) -> None:
        settings = load_settings(endpoint={"token": self.TOKEN})
        assert self.TOKEN not in f"{settings} {settings!r}"
        assert settings.endpoint.token.get_secret_value() == self.TOKEN


def documentation_table() -> str:
    """Return the table that docs/configuration.md has to contain."""
    defaults = tomllib.loads((ROOT / "config" / "config.toml").read_text()) | {"env": "dev"}
    rows = ["| Setting | Variable | Default | What it is for |", "| --- | --- | --- | --- |"]
    for key, field in setting_keys(Settings).items():
        section, _, name = key.rpartition(".")
        default = (defaults[section] if section else defaults)[name]
        shown = f"`{str(default).lower() if isinstance(default, bool) else default}`"
        shown = "" if default == "" else shown
        rows.append(f"| `{key}` | `{variable(key)}` | {shown} | {field.description} |")
    return "\n".join(rows)


def test_the_documentation_lists_every_setting_as_it_is() -> None:
    """When this fails, put the table of the message into docs/configuration.md."""
    assert documentation_table() in (ROOT / "docs" / "configuration.md").read_text()
