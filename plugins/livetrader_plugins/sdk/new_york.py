"""Reference data of US securities for whoever has no data folder: implements ports.ReferenceData.

Hours and properties are those of the configured data folder where it has them; else the calendar of New York
that exchange_calendars knows, and LEAN's defaults. It tells no corporate actions, no other tickers and no
lenders: a folder does, and `lean_data` reads it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Final

from livetrader_engine.calendar.hours import ExchangeHours
from livetrader_engine.calendar.sessions import hours_from_exchange_calendars
from livetrader_engine.data.corporate_actions import CorporateAction
from livetrader_engine.errors import DataError
from livetrader_engine.ports import ReferenceData
from livetrader_engine.securities import SecurityProperties
from livetrader_engine.shortable import Shortable
from livetrader_engine.symbols import SecurityType, Symbol, equity_identifier, plain_identifier

CALENDAR: Final = "XNYS"
NO_RISK: Final = Decimal("0.01")  # the yearly rate that LEAN takes where nobody tells
OPTION_MULTIPLIER: Final = Decimal(100)
_ON_NEW_YORK: Final = frozenset(
    {SecurityType.EQUITY, SecurityType.OPTION, SecurityType.INDEX, SecurityType.INDEX_OPTION}
)
_OPTIONS: Final = frozenset({SecurityType.OPTION, SecurityType.INDEX_OPTION})


def symbol_of(ticker: str, security_type: SecurityType, market: str) -> Symbol:
    """Return the symbol of a ticker that never had another. Raises DataError for an unknown market."""
    ticker, market = ticker.upper(), market.lower()
    if security_type is SecurityType.EQUITY:
        identifier = equity_identifier(ticker, None, market)
    else:
        identifier = plain_identifier(ticker, security_type, market)
    return Symbol.create(identifier, ticker, security_type, market)


class NewYorkReference:
    """Knows what the port needs of US securities. Thread-safe: it only adds to a dictionary."""

    def __init__(self, folder: ReferenceData | None, provider: str) -> None:
        """`folder` is asked first; `provider` is named in errors."""
        self._folder = folder
        self._provider = provider
        self._overridden: dict[Symbol, ExchangeHours] = {}

    def symbol(self, ticker: str, security_type: SecurityType, market: str) -> Symbol:
        """Return the symbol of a ticker. Raises DataError for an unknown market."""
        if self._folder is not None:
            return self._folder.symbol(ticker, security_type, market)
        return symbol_of(ticker, security_type, market)

    def hours(self, symbol: Symbol) -> ExchangeHours:
        """Return when it trades. Raises DataError for what does not trade in New York."""
        found = self._overridden.get(symbol)
        if found is not None:
            return found
        if self._folder is not None:
            try:
                return self._folder.hours(symbol)
            except DataError:
                if symbol.security_type not in _ON_NEW_YORK:
                    raise
        if symbol.security_type in _ON_NEW_YORK and symbol.market == "usa":
            return hours_from_exchange_calendars(CALENDAR)
        raise DataError(
            f"the {self._provider} history knows no hours of {symbol.value} in {symbol.market!r}: it has US "
            "securities; set [data] folder to one with LEAN's market-hours database for others"
        )

    def override_hours(self, symbol: Symbol, hours: ExchangeHours) -> None:
        """Have a symbol trade at other hours from now on; streams that began keep theirs."""
        self._overridden[symbol] = hours

    def properties(self, symbol: Symbol) -> SecurityProperties:
        """Return the folder's properties, else those of US securities."""
        if self._folder is not None:
            return self._folder.properties(symbol)
        if symbol.security_type in _OPTIONS:
            return SecurityProperties(contract_multiplier=OPTION_MULTIPLIER)
        return SecurityProperties()

    def interest_rate(self, day: date) -> Decimal:
        """Return the folder's rate, else one percent."""
        return NO_RISK if self._folder is None else self._folder.interest_rate(day)

    def ticker_on(self, symbol: Symbol, day: date) -> str:
        """Return the folder's ticker of that day, else today's."""
        return symbol.value if self._folder is None else self._folder.ticker_on(symbol, day)

    def security_id(self, symbol: Symbol, kind: str) -> str | None:
        """Return what the folder knows."""
        return None if self._folder is None else self._folder.security_id(symbol, kind)

    def symbols_with_id(self, kind: str, value: str, day: date) -> Sequence[Symbol]:
        """Return what the folder knows."""
        return () if self._folder is None else self._folder.symbols_with_id(kind, value, day)

    def corporate_actions(self, symbol: Symbol, first: date, last: date) -> Sequence[CorporateAction]:
        """Return what the folder knows; announcements of a venue get there through `announcements`."""
        return () if self._folder is None else self._folder.corporate_actions(symbol, first, last)

    def shortable(self, symbol: Symbol, brokerage: str) -> Mapping[date, Shortable]:
        """Return what the folder knows."""
        return {} if self._folder is None else self._folder.shortable(symbol, brokerage)
