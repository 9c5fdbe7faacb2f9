"""HIST over every installed history plugin, on LEAN's sample folder."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from livetrader_engine.data.subscription import HistoryRequest, Subscription, TickType
from livetrader_engine.spi import HistoryPlugin
from livetrader_engine.symbols import NS_PER_SECOND, Resolution, SecurityType, Symbol
from livetrader_engine.testing.history_contract import HistoryContract
from livetrader_engine.testing.host import PluginHost

FOLDER_HISTORIES = frozenset({"lean_data"})


def utc_ns(year: int, month: int, day: int) -> int:
    """Return a UTC midnight in nanoseconds."""
    return int(datetime(year, month, day, tzinfo=UTC).timestamp()) * NS_PER_SECOND


class FolderHistoryHarness:
    """One installed history plugin over the sample folder."""

    def __init__(self, name: str, folder: Path, directory: Path) -> None:
        (entry,) = entry_points(group="livetrader.histories", name=name)
        plugin_type = entry.load()
        host = PluginHost(name, directory, data_folder=folder)
        self.name = name
        self.plugin: HistoryPlugin = plugin_type(plugin_type.Config(), host.context)
        symbol = self.plugin.reference.symbol("SPY", SecurityType.EQUITY, "usa")
        self.unknown: Symbol = self.plugin.reference.symbol("NOSUCHTICKER", SecurityType.EQUITY, "usa")
        spans = {
            Resolution.DAILY: (utc_ns(2012, 1, 1), utc_ns(2014, 1, 1)),
            Resolution.HOUR: (utc_ns(2013, 10, 1), utc_ns(2013, 11, 1)),
            Resolution.MINUTE: (utc_ns(2013, 10, 7), utc_ns(2013, 10, 10)),
        }
        self.requests = [
            HistoryRequest(Subscription(symbol, resolution), *span) for resolution, span in spans.items()
        ]
        quotes = Subscription(symbol, Resolution.MINUTE, TickType.QUOTE)
        self.requests.append(HistoryRequest(quotes, *spans[Resolution.MINUTE]))


class TestInstalledHistories(HistoryContract):
    """The kit, parametrized."""

    @pytest.fixture(params=[entry.name for entry in entry_points(group="livetrader.histories")])
    def harness(
        self, request: pytest.FixtureRequest, tmp_path: Path, lean_data: Path
    ) -> FolderHistoryHarness:
        """One installed history."""
        if request.param not in FOLDER_HISTORIES:
            pytest.skip(f"{request.param} reads no data folder: run the kit with a harness of its own")
        return FolderHistoryHarness(request.param, lean_data, tmp_path)
