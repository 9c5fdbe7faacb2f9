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
from livetrader.registry import BROKERAGES, FEEDS, HISTORIES, load_plugin

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
        "history": load_plugin(HISTORIES, "lean_data").Config,
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
    expected = set(fields) | ({"plugin"} if name in ("brokerage", "feed", "history") else set())
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


def test_the_live_example_is_safe_as_it_stands(tmp_path: Path) -> None:
    loaded = load(CONFIG / "live-ibkr.toml", {"data.folder": str(tmp_path), "algorithm.path": __file__})
    brokerage, feed = loaded.brokerage.options, loaded.feeds[0].options
    history = loaded.histories[0].options
    assert (loaded.brokerage.plugin, loaded.feeds[0].plugin, loaded.histories[0].plugin) == ("ibkr",) * 3
    assert (brokerage["trading_mode"], brokerage["port"]) == ("paper", 4002), "real money takes a decision"
    assert {feed["port"], history["port"]} == {4002}, "one gateway"
    assert len({brokerage["client_id"], feed["client_id"], history["client_id"]}) == 3
    for key in ("region", "weekly_restart_utc", "auto_restart"):
        assert brokerage[key] == feed[key], "one calendar"
    assert loaded.limits.daily_loss > 0 and loaded.limits.max_order_notional > 0
    assert loaded.daemon.on_shutdown is settings.OnShutdown.KEEP, "stops stay at the brokerage"


def test_prices_from_a_vendor_have_the_brokerage_behind_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "polygon").write_text("a key\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    loaded = load(CONFIG / "live-polygon.toml", {"data.folder": str(tmp_path), "algorithm.path": __file__})
    assert [feed.plugin for feed in loaded.feeds] == ["polygon", "ibkr"]
    histories = [history.plugin for history in loaded.histories]
    assert [name for name in histories if name != "lean_data"] == ["polygon", "ibkr"]
    assert loaded.feeds[0].options["api_key"] == "a key"
    assert (loaded.brokerage.options["trading_mode"], loaded.brokerage.options["port"]) == ("paper", 4002)
    assert loaded.freshness == settings.FreshnessSettings(), "what is shown is the default"
    assert loaded.limits.daily_loss > 0 and loaded.limits.max_order_notional > 0


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"freshness.stale_s": 10.0}, "stale_s: must be above silence_s"),
        ({"freshness.silence_most_s": 5.0}, "silence_most_s: must be at least silence_s"),
        ({"quality.band": 1.5}, "band is a part of the price"),
        ({"freshness.silence": 5.0}, "unknown key"),
        ({"freshness.witness": ["equity/usa"]}, "'equity/usa' is no kind/market/ticker like equity/usa/SPY"),
        ({"freshness.witness": ["option/usa/SPY"]}, "kinds are equity, forex"),
        (
            {"freshness.witness": ["equity/usa/SPY", "equity/USA/QQQ"]},
            "SPY is the witness of equity/usa already",
        ),
    ],
)
def test_limits_of_data_that_cannot_be_meant_are_refused_with_their_place(
    tmp_path: Path, values: dict[str, object], words: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load(CONFIG / "paper.toml", {"data.folder": str(tmp_path)} | values)
    assert any(words in problem for problem in caught.value.problems)


def test_every_key_of_the_live_example_has_a_comment() -> None:
    lines = [line for line in (CONFIG / "live-ibkr.toml").read_text().splitlines() if " = " in line]
    silent = {"plugin", "log_level", "on_feed_end"} | {"max_order_quantity", "max_order_notional"}
    silent |= {"max_position_notional", "orders_per_minute", "weekly_restart_utc", "auto_restart", "host"}
    assert len(lines) > 30
    assert all(" # " in line for line in lines if line.split(" ")[0] not in silent)


def test_the_lines_that_real_money_needs_are_marked_and_mend_it(tmp_path: Path) -> None:
    text = (CONFIG / "live-ibkr.toml").read_text()
    live = [line for line in text.splitlines() if "LIVE" in line and not line.startswith("#")]
    assert [line.split(" ")[0] for line in live] == ["port", "account", "trading_mode", "port", "port"]
    real = {"data.folder": str(tmp_path), "algorithm.path": __file__, "brokerage.port": 4001}
    loaded = load(CONFIG / "live-ibkr.toml", real | {"brokerage.trading_mode": "live", "feed.port": 4001})
    assert loaded.brokerage.options["trading_mode"] == "live"
