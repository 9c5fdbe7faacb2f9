"""In which file and which entry of it data lie: one file a day, or one for the whole history.

Source: LEAN's Common/Util/LeanData.cs, GenerateZipFilePath and GenerateZipEntryName.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import NamedTuple

from livetrader_engine.data.subscription import TickType
from livetrader_engine.spi_data import DownloadRequest
from livetrader_engine.symbols import Resolution, SecurityType
from livetrader_plugins.lean_data.client import DataFolder

KINDS = {TickType.TRADE: "trade", TickType.QUOTE: "quote", TickType.OPEN_INTEREST: "openinterest"}


class DayFile(NamedTuple):
    """One archive for each date: ticks, seconds, minutes."""

    folder: DataFolder
    security: tuple[SecurityType, str, str]  # type, market and ticker of these dates
    resolution: Resolution
    tick_type: TickType

    def path(self, day: date) -> Path:
        """Return where the file of a date lies."""
        return self.folder.day_path(self.security, self.resolution, self.tick_type, day)

    def with_entry(self, day: date, text: bytes) -> Sequence[tuple[str, bytes]]:
        """Return the entries of the archive that holds this text."""
        ticker, resolution = self.security[2].lower(), self.resolution.name.lower()
        return [(f"{day:%Y%m%d}_{ticker}_{resolution}_{KINDS[self.tick_type]}.csv", text)]


class HistoryFile(NamedTuple):
    """One archive for all dates: hours, days."""

    path: Path
    entry: str

    def with_entry(self, text: bytes) -> Sequence[tuple[str, bytes]]:
        """Return the entries of the archive that holds this text."""
        return [(self.entry, text)]


Place = DayFile | HistoryFile


def places_of(folder: DataFolder, request: DownloadRequest, ticker: str) -> Place:
    """Return where data of this kind lie, under a ticker of the symbol."""
    symbol = request.symbol
    if request.resolution < Resolution.HOUR:
        security = (symbol.security_type, symbol.market, ticker)
        return DayFile(folder, security, request.resolution, request.tick_type)
    name = history_name(symbol.security_type, request.tick_type, ticker)
    relative = f"{request.resolution.name.lower()}/{name}"
    path = folder.history_path(symbol.security_type, symbol.market, relative)
    return HistoryFile(path, f"{ticker.lower()}.csv")


def history_name(security_type: SecurityType, tick_type: TickType, ticker: str) -> str:
    """Return the name of a whole-history file without its ending."""
    name = ticker.lower()
    if security_type in {SecurityType.CRYPTO, SecurityType.CRYPTO_FUTURE}:
        name += f"_{KINDS[tick_type]}"
    return name
