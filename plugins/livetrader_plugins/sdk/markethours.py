"""The hours of what is subscribed to: read once, in a thread, then known."""

from __future__ import annotations

from livetrader_engine.calendar.hours import ExchangeHours, always_open_hours
from livetrader_engine.errors import DataError
from livetrader_engine.ports import ReferenceData
from livetrader_engine.spi import VenueError
from livetrader_engine.symbols import Symbol


class MarketHours:
    """Remembers hours by symbol. Without reference data every market is open always."""

    def __init__(self, reference: ReferenceData | None) -> None:
        self._reference = reference
        self._known: dict[Symbol, ExchangeHours] = {}
        self._always = always_open_hours()

    def read(self, symbol: Symbol) -> ExchangeHours:
        """Return the hours of a symbol; may read files, so call it in a thread. Raises VenueError."""
        if self._reference is None:
            return self._always
        try:
            found = self._known[symbol] = self._reference.hours(symbol)
        except DataError as error:
            raise VenueError(f"{symbol.value} has no hours, so no bars: {error}") from error
        return found

    def known(self, symbol: Symbol) -> ExchangeHours:
        """Return the hours that were read, those of a market that never closes where none were."""
        return self._known.get(symbol, self._always)
