"""A small made-up market for tests: New York hours, three shares, bars made on demand."""

from __future__ import annotations

import functools
from datetime import date, datetime
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from livetrader_engine.calendar.hours import ExchangeHours, hours_from_lean
from livetrader_engine.data.bars import PriceScale, QuoteBar, TradeBar
from livetrader_engine.data.corporate_actions import CorporateAction
from livetrader_engine.errors import DataError
from livetrader_engine.events import MarketDataArrived
from livetrader_engine.securities import SecurityProperties
from livetrader_engine.shortable import Shortable
from livetrader_engine.symbols import NS_PER_MINUTE, NS_PER_SECOND, SecurityType, Symbol, equity_identifier

NEW_YORK: Final = ZoneInfo("America/New_York")
CENT: Final = PriceScale(unit=Decimal("0.01"))
HALF_SPREAD: Final = 0.01
FIRST_TRADE: Final = date(2000, 1, 3)


def new_york_ns(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> int:
    """Return UTC nanoseconds of a New York wall-clock time."""
    return int(datetime(year, month, day, hour, minute, tzinfo=NEW_YORK).timestamp()) * NS_PER_SECOND


MONDAY_MORNING_NS: Final = new_york_ns(2013, 10, 7, 10, 30)
MONDAY_EVENING_NS: Final = new_york_ns(2013, 10, 7, 20, 0)
TUESDAY_OPEN_NS: Final = new_york_ns(2013, 10, 8, 9, 30)


@functools.cache
def new_york_hours() -> ExchangeHours:
    """Return New York hours without holidays: tests choose days that had none."""
    day = [
        {"start": "04:00:00", "end": "09:30:00", "state": "premarket"},
        {"start": "09:30:00", "end": "16:00:00", "state": "market"},
        {"start": "16:00:00", "end": "20:00:00", "state": "postmarket"},
    ]
    week = dict.fromkeys(("monday", "tuesday", "wednesday", "thursday", "friday"), day)
    zones = {"exchangeTimeZone": NEW_YORK.key, "dataTimeZone": NEW_YORK.key}
    return hours_from_lean({**week, **zones})


class SampleReference:
    """Reference data of US equities on New York hours; implements ports.ReferenceData without files."""

    def __init__(self) -> None:
        """Build the calendar now, so that nobody waits for it on an event loop."""
        self._hours = new_york_hours()

    def symbol(self, ticker: str, security_type: SecurityType, market: str) -> Symbol:
        """Return the symbol of any ticker. Raises DataError for what is no US equity."""
        if security_type is not SecurityType.EQUITY or market != "usa":
            raise DataError(f"the sample market has US equities only, not {security_type.name} {market!r}")
        return Symbol.create(equity_identifier(ticker, FIRST_TRADE), ticker.upper(), security_type, market)

    def hours(self, symbol: Symbol) -> ExchangeHours:
        """Return New York Stock Exchange hours."""
        return self._hours

    def override_hours(self, symbol: Symbol, hours: ExchangeHours) -> None:
        """Have every symbol trade at other hours: there is one exchange."""
        self._hours = hours

    def properties(self, symbol: Symbol) -> SecurityProperties:
        """Return the properties of a US equity."""
        return SecurityProperties()

    def interest_rate(self, day: date) -> Decimal:
        """Return no rate at all."""
        return Decimal(0)

    def ticker_on(self, symbol: Symbol, day: date) -> str:
        """Return the one ticker it ever had."""
        return symbol.value

    def security_id(self, symbol: Symbol, kind: str) -> str | None:
        """Return None: these shares are in no other registry."""
        return None

    def symbols_with_id(self, kind: str, value: str, day: date) -> tuple[Symbol, ...]:
        """Return nothing: these shares are in no other registry."""
        return ()

    def corporate_actions(self, symbol: Symbol, first: date, last: date) -> tuple[CorporateAction, ...]:
        """Return nothing: these shares neither split nor pay."""
        return ()

    def shortable(self, symbol: Symbol, brokerage: str) -> dict[date, Shortable]:
        """Return nothing: what may be sold short is not known."""
        return {}


def minute_of(symbol: Symbol, end_time_ns: int, price: float, *, sequence: int = 1) -> MarketDataArrived:
    """Return one complete minute at one price: a trade bar, and a quote bar a cent to either side."""
    start = end_time_ns - NS_PER_MINUTE
    bid, ask = price - HALF_SPREAD, price + HALF_SPREAD
    trade = TradeBar(symbol, start, end_time_ns, price, price, price, price, 1_000_000.0, scale=CENT)
    quote = QuoteBar(
        symbol, start, end_time_ns, bid, bid, bid, bid, 1000.0, ask, ask, ask, ask, 1000.0, scale=CENT
    )
    return MarketDataArrived(end_time_ns, sequence, (trade, quote))
