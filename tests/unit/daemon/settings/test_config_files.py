"""The files in config/ say the truth about the settings."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import msgspec
import pytest

from livetrader import settings
from livetrader.configuration.loading import load
from livetrader.configuration.tables import TABLES
from livetrader.errors import ConfigError
from livetrader.registry import BROKERAGES, FEEDS, load_plugin

CONFIG = Path(__file__).resolve().parents[4] / "config"
REFERENCE = CONFIG / "livetrader.toml"
EXAMPLES = {
    "algorithm.path",
    "account.state_directory",
    "data.folder",
}  # required, or no default of their own
COMMENTED_KEY = re.compile(r"^# (?=[a-z_]+ = )", re.MULTILINE)


def kinds() -> dict[str, type[msgspec.Struct]]:
    plugins = {
        "brokerage": load_plugin(BROKERAGES, "paper").Config,
        "feed": load_plugin(FEEDS, "replay").Config,
    }
    return dict(TABLES) | plugins


def plain(value: object) -> object:
    """Return a default as TOML would hold it."""
    return msgspec.json.decode(msgspec.json.encode(value, enc_hook=str))


@pytest.mark.parametrize("name", settings.SECTIONS)
def test_the_reference_shows_every_key_with_its_default(name: str) -> None:
    text = REFERENCE.read_text()
    active = tomllib.loads(text)[name]
    shown = tomllib.loads(COMMENTED_KEY.sub("", text))[name]
    fields = {field.encode_name: field for field in msgspec.structs.fields(kinds()[name])}
    expected = set(fields) | ({"plugin"} if name in ("brokerage", "feed") else set())
    assert set(shown) == expected
    for key, field in fields.items():
        if f"{name}.{key}" in EXAMPLES or field.required:
            continue
        default = field.default_factory() if field.default is msgspec.NODEFAULT else field.default
        if default is None:
            assert key not in active, f"{name}.{key} has no default and must be commented out"
        else:
            assert active[key] == plain(default), f"{name}.{key}"


def test_every_key_of_the_reference_has_a_comment() -> None:
    keys = re.compile(r"^(?:# )?[a-z_]+ = .+$", re.MULTILINE)
    lines = [match.group(0) for match in keys.finditer(REFERENCE.read_text())]
    assert len(lines) > 50
    for line in lines:
        assert re.search(r" # .{10,}", line.removeprefix("# ")), line


@pytest.mark.parametrize("name", ["paper.toml", "backtest.toml"])
def test_the_examples_run_once_there_is_data(name: str, tmp_path: Path) -> None:
    loaded = load(CONFIG / name, {"data.folder": str(tmp_path)})
    assert loaded.algorithm.path.is_file()


def test_the_live_example_asks_for_its_plugin_and_keeps_its_secrets_out() -> None:
    with pytest.raises(ConfigError) as caught:
        load(CONFIG / "live-ibkr.toml")
    assert any("there is no plugin 'ibkr'" in problem for problem in caught.value.problems)
    document = tomllib.loads((CONFIG / "live-ibkr.toml").read_text())
    assert isinstance(document["feed"]["api_key"], dict), "a credential by name, not a secret"
    limits = document["limits"]
    assert all(value > 0 for value in limits.values()) and "daily_loss" in limits
