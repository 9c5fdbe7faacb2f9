"""docs/deployment.md says what is true: its commands, keys, checks and figures exist."""

from __future__ import annotations

import re
import tomllib

import click
import msgspec
import pytest

from livetrader import settings
from livetrader.cli.main import cli
from livetrader.configuration.tables import TABLES
from livetrader.errors import NewerJournalError
from tests.repository.sources import ROOT
from tests.repository.test_units import EXPOSURE_MAX

TEXT = (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")


def test_its_commands_and_their_options_exist() -> None:
    lines = re.findall(r"^[#$] livetrader ([a-z-]+)(.*?)(?:  #.*)?$", TEXT, re.MULTILINE)
    assert {name for name, _ in lines} >= {
        "install-service",
        "doctor",
        "backup",
        "restore",
        "reconcile",
        "resume",
    }
    for name, words in lines:
        command = cli.commands[name]
        known = {option for each in command.params if isinstance(each, click.Option) for option in each.opts}
        assert set(re.findall(r"--[a-z-]+", words)) <= known, name
    install = cli.commands["install-service"]
    options = {option for each in install.params for option in each.opts}
    assert {"--uninstall", "--root", "--gpu", "--user", "--enable", "--now"} <= options
    assert "--replace-newer" in {option for each in cli.commands["restore"].params for option in each.opts}


@pytest.mark.parametrize("section", ["account", "control", "daemon", "engine"])
def test_its_keys_exist(section: str) -> None:
    known = {field.encode_name for field in msgspec.structs.fields(TABLES[section])}
    named = set(re.findall(rf"`{section}\.([a-z_]+)", TEXT))
    assert named
    assert named <= known


def test_its_settings_are_settings() -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)
    document = tomllib.loads(example)
    read = msgspec.convert(document["parameters"], settings.ParameterSettings)
    assert set(read.bounds) <= set(document["algorithm"]["parameters"])


def test_its_figures_are_those_that_are_tested() -> None:
    assert f"gives the daemon {EXPOSURE_MAX} " in TEXT
    assert f"exit code {NewerJournalError.exit_code}, so systemd" in TEXT.replace("\n", " ")
