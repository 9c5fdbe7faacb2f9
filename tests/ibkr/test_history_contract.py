"""HIST over the ibkr history, through both libraries, at a peer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from livetrader_engine.data.subscription import HistoryRequest, Normalization, TickType
from livetrader_engine.spi import HistoryPlugin
from livetrader_engine.symbols import Resolution, Symbol
from livetrader_engine.testing.history_contract import HistoryContract
from tests.ibkr.feeds import LIBRARIES
from tests.ibkr.histories import DAY_S, Shelf, request, shelf
from tests.ibkr.wires import equity

MORNING_S = -3 * DAY_S + 2 * 3600  # ten o'clock in New York on a Friday


class PeerHistoryHarness:
    """The ibkr history over one library."""

    def __init__(self, client: str, opened: Shelf) -> None:
        self.name = f"ibkr through {client}"
        self.plugin: HistoryPlugin = opened.plugin
        self.unknown: Symbol = equity("NOSUCHTICKER")
        spans = {
            Resolution.DAILY: (-400 * DAY_S, 0),
            Resolution.HOUR: (-30 * DAY_S, 0),
            Resolution.MINUTE: (MORNING_S, MORNING_S + 3600),
            Resolution.SECOND: (MORNING_S, MORNING_S + 300),
        }
        self.requests: list[HistoryRequest] = [
            request(*span, resolution) for resolution, span in spans.items()
        ]
        self.requests.append(request(*spans[Resolution.MINUTE], kind=TickType.QUOTE))
        self.requests.append(request(*spans[Resolution.MINUTE], how=Normalization.ADJUSTED))


class TestIbkrHistory(HistoryContract):
    """The kit, parametrized."""

    @pytest.fixture(params=LIBRARIES)
    def harness(self, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[PeerHistoryHarness]:
        """One library."""
        with shelf(tmp_path, request.param) as opened:
            yield PeerHistoryHarness(request.param, opened)
