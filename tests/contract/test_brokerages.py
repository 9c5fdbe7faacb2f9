"""BRK over every installed brokerage that a made-up market can move, in each of its interesting settings."""

from __future__ import annotations

from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import msgspec
import pytest

from livetrader_engine.testing.brokerage_contract import BrokerageContract
from livetrader_engine.testing.brokerage_harness import SimulatedBrokerageHarness
from livetrader_engine.testing.host import PluginHost

# Settings under which a plugin must keep the same contract; every plugin is tried with its defaults.
SETTINGS: dict[str, list[dict[str, Any]]] = {
    "paper": [
        {},
        {"ack_delay_ms": (0, 20), "wire_delay_ms": (0, 20)},
        {"largest_fill": 3.0, "fee_model": "flat"},
        {"slippage": 0.001, "fee_model": "none", "ack_delay_ms": (5, 5)},
    ],
}

CASES = [
    pytest.param((entry.name, options), id=f"{entry.name}-{number}" if number else entry.name)
    for entry in entry_points(group="livetrader.brokerages")
    for number, options in enumerate(SETTINGS.get(entry.name, [{}]))
]


class TestInstalledBrokerages(BrokerageContract):
    """The kit, parametrized."""

    @pytest.fixture(params=CASES)
    def harness(self, request: pytest.FixtureRequest, tmp_path: Path) -> SimulatedBrokerageHarness:
        """A fresh account of one installed plugin."""
        name, options = request.param
        (entry,) = entry_points(group="livetrader.brokerages", name=name)
        plugin_type = entry.load()
        config = msgspec.convert(options, plugin_type.Config)
        context = PluginHost(name, tmp_path).context
        if not plugin_type(config, context).capabilities.simulated:
            pytest.skip(f"{name} trades at a real venue: run the kit with a harness of its own")
        return SimulatedBrokerageHarness(name, plugin_type, tmp_path, config)


def test_a_brokerage_is_installed() -> None:
    assert "paper" in {entry.name for entry in entry_points(group="livetrader.brokerages")}
