"""docs/going-live.md says what is true: its commands, scripts, keys and metrics exist."""

from __future__ import annotations

import re
import tomllib

import msgspec

from livetrader import settings
from livetrader.cli.main import cli
from livetrader.supervisor.outages import ConnectionState
from livetrader.telemetry.metrics import Metrics
from livetrader_plugins.ibkr.config import IbkrConfig, IbkrFeedConfig
from livetrader_venues.tws.director import check
from tests.repository.sources import ROOT

TEXT = (ROOT / "docs" / "going-live.md").read_text(encoding="utf-8")


def test_its_commands_exist() -> None:
    named = set(re.findall(r"[`$#] ?livetrader ([a-z][a-z-]*)", TEXT))
    assert named >= {"check", "run", "status", "watch", "liquidate", "resume", "stop", "reconcile", "logs"}
    assert named <= set(cli.commands)


def test_its_scripts_can_be_played() -> None:
    scripts = re.findall(r"```toml\n(# bad\.toml.*?)```", TEXT, re.DOTALL)
    assert scripts
    for step in (step for script in scripts for step in tomllib.loads(script)["step"]):
        check(
            step["do"], {key: value for key, value in step.items() if key not in ("at_s", "do", "on", "nth")}
        )


def test_its_keys_exist() -> None:
    kinds = (
        settings.AccountSettings, settings.EngineSettings, settings.DaemonSettings, IbkrConfig, IbkrFeedConfig
    )  # fmt: skip
    known = {field.encode_name for kind in kinds for field in msgspec.structs.fields(kind)}
    named = set(re.findall(r"`(?:[a-z]+\.)?([a-z]+_[a-z_]+)(?: = [^`]+)?`", TEXT))
    words = {each.value for kind in (settings.OnShutdown, settings.OnManualTrades) for each in kind}
    callbacks = {"on_brokerage_disconnect", "on_brokerage_reconnect", "on_brokerage_message"}
    metrics = {name for name in named if name.startswith("livetrader_")}
    assert named - known - words - callbacks - metrics == set()
    assert named & known >= {"auto_restart", "weekly_restart_utc", "orders_held_s", "on_shutdown"}


def test_its_metrics_exist() -> None:
    shown = Metrics().exposition().decode()
    named = set(re.findall(r"`(livetrader_[a-z_]+)[`{]", TEXT))
    assert len(named) >= 7
    assert all(
        f"# TYPE {name.removesuffix('_total')}" in shown or f"# TYPE {name} " in shown for name in named
    )
    assert 'livetrader_brokerage_state{state="overdue"}' in TEXT
    assert ConnectionState.OVERDUE.value == "overdue"
