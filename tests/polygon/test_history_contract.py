"""HIST over the `polygon` history, at its peer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from livetrader_engine.data.subscription import TickType
from livetrader_engine.symbols import Resolution
from livetrader_engine.testing.history_contract import HistoryContract
from livetrader_plugins.polygon.symbols import symbol_of
from tests.polygon.vendor import AAPL, Vendor, vendor, wish


class PolygonHarness:
    """The history at a peer, and requests that it has data for."""

    name = "polygon"
    unknown = symbol_of("NOBODY")

    def __init__(self, polygon: Vendor) -> None:
        self.plugin = polygon.history
        session = ("2025-06-16 09:30", "2025-06-16 16:00")
        self.requests = [
            wish(AAPL, Resolution.DAILY, "2025-06-02 00:00", "2025-06-20 00:00"),
            wish(AAPL, Resolution.HOUR, "2025-06-13 00:00", "2025-06-17 00:00"),
            wish(AAPL, Resolution.MINUTE, *session),
            wish(AAPL, Resolution.MINUTE, *session, tick_type=TickType.QUOTE),
            wish(AAPL, Resolution.SECOND, "2025-06-16 10:00", "2025-06-16 11:00"),
            wish(AAPL, Resolution.TICK, "2025-06-16 10:00", "2025-06-16 11:00"),
        ]


class TestPolygonHistory(HistoryContract):
    """The kit."""

    @pytest.fixture
    def harness(self, tmp_path: Path) -> Iterator[PolygonHarness]:
        """A history with its peer."""
        with vendor(tmp_path) as polygon:
            yield PolygonHarness(polygon)
