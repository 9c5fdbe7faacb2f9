"""FEED over every installed feed that a data folder can drive."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import msgspec
import pytest

from livetrader_engine.data.subscription import Subscription, TickType
from livetrader_engine.spi import DataFeedPlugin
from livetrader_engine.symbols import Resolution, SecurityType
from livetrader_engine.testing.data_feed_contract import DataFeedContract, FeedSession
from livetrader_engine.testing.host import PluginHost

# Settings under which an installed feed plays the sample folder; feeds without a row are skipped.
DAY = {"start": "2013-10-07", "end": "2013-10-07"}
SETTINGS: dict[str, list[dict[str, Any]]] = {
    "replay": [
        {**DAY, "speed": "max"},
        {**DAY, "speed": "max", "lockstep": False, "resume": False, "normalization": "raw"},
        {**DAY, "speed": 36000.0, "extended_market_hours": True},
    ],
}

CASES = [
    pytest.param((entry.name, options), id=f"{entry.name}-{number}" if number else entry.name)
    for entry in entry_points(group="livetrader.feeds")
    for number, options in enumerate(SETTINGS.get(entry.name, [{}]))
]


class FolderFeedHarness:
    """One installed feed over LEAN's sample folder."""

    finite = True

    def __init__(self, name: str, options: dict[str, Any], folder: Path, directory: Path) -> None:
        (feed,) = entry_points(group="livetrader.feeds", name=name)
        (history,) = entry_points(group="livetrader.histories", name="lean_data")
        self.name = name
        self.resumes = bool(options.get("resume", True))
        self._plugin_type = feed.load()
        self._config = msgspec.convert(options, self._plugin_type.Config, strict=False)
        self._directory = directory
        history_type = history.load()
        host = PluginHost("lean_data", directory, data_folder=folder)
        self._history = history_type(history_type.Config(), host.context)
        symbol = self._history.reference.symbol("SPY", SecurityType.EQUITY, "usa")
        self._history.reference.hours(symbol)
        self.streams = [
            Subscription(symbol, Resolution.MINUTE, TickType.TRADE),
            Subscription(symbol, Resolution.MINUTE, TickType.QUOTE),
        ]

    @asynccontextmanager
    async def session(self) -> AsyncIterator[FeedSession]:
        """Connect, and close at the end."""
        async with PluginHost(
            self.name, self._directory, reference=self._history.reference, history=self._history
        ) as host:
            plugin: DataFeedPlugin = self._plugin_type(self._config, host.context)
            session = FeedSession(plugin, await plugin.connect())
            try:
                yield session
            finally:
                await plugin.close()


class TestInstalledFeeds(DataFeedContract):
    """The kit, parametrized."""

    @pytest.fixture(params=CASES)
    def harness(self, request: pytest.FixtureRequest, tmp_path: Path, lean_data: Path) -> FolderFeedHarness:
        """One installed feed."""
        name, options = request.param
        if name not in SETTINGS:
            pytest.skip(f"{name} does not play a data folder: run the kit with a harness of its own")
        return FolderFeedHarness(name, options, lean_data, tmp_path)
