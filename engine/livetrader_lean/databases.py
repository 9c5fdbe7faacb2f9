"""What LEAN's data folder says of exchanges and symbols, and the calendar made of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any, ClassVar, Final

from livetrader_engine.errors import AlgorithmError
from livetrader_engine.ports import ReferenceData
from livetrader_engine.securities import SecurityProperties
from livetrader_engine.symbols import SecurityType
from livetrader_engine.symbols import Symbol as CoreSymbol
from livetrader_lean.binding import Binding
from livetrader_lean.enums import TradingDayType
from livetrader_lean.exchange import SecurityExchangeHours
from livetrader_lean.symbol_properties import SymbolProperties
from livetrader_lean.symbols import Symbol
from livetrader_lean.times import utc
from livetrader_lean.views import Face

_SATURDAY: Final = 5


class Database(Face):
    """A database of the data folder; the run that this process is for says which."""

    __slots__ = ()

    reference: ClassVar[ReferenceData | None] = None

    @classmethod
    def from_data_folder(cls) -> Any:
        """Return the database of the run's data folder."""
        return cls()

    def _known(self) -> ReferenceData:
        if Database.reference is None:
            raise AlgorithmError("the databases can be asked once an algorithm runs")
        return Database.reference

    def _symbol(self, market: Any, symbol: Any, kind: Any) -> CoreSymbol:
        if isinstance(symbol, Symbol):
            return symbol.core
        ticker = "" if symbol is None else str(symbol)
        return self._known().symbol(ticker.upper(), SecurityType(int(kind)), str(market).lower())


class MarketHoursDatabase(Database):
    """When exchanges trade, by market, symbol or ticker, and security type."""

    __slots__ = ()

    def get_exchange_hours(self, market: Any, symbol: Any, security_type: Any) -> SecurityExchangeHours:
        """Return the hours of an exchange. Raises DataError where there are none."""
        return SecurityExchangeHours(self._known().hours(self._symbol(market, symbol, security_type)))

    def get_entry(self, market: Any, symbol: Any, security_type: Any) -> MarketHoursEntry:
        """Return hours and the time zone of the data."""
        return MarketHoursEntry(self.get_exchange_hours(market, symbol, security_type))

    def get_data_time_zone(self, market: Any, symbol: Any, security_type: Any) -> Any:
        """Return the time zone that the data files are in."""
        return self.get_entry(market, symbol, security_type).data_time_zone


class MarketHoursEntry(Face):
    """One row of the market hours database."""

    __slots__ = ("exchange_hours",)

    def __init__(self, exchange_hours: SecurityExchangeHours) -> None:
        self.exchange_hours = exchange_hours

    @property
    def data_time_zone(self) -> Any:
        """Time zone that the data files are in."""
        return self.exchange_hours._hours.data_timezone


class SymbolPropertiesDatabase(Database):
    """Lot sizes and the like, by market, symbol or ticker, and security type."""

    __slots__ = ()

    def get_symbol_properties(
        self, market: Any, symbol: Any, security_type: Any, default_quote_currency: str = "USD"
    ) -> SymbolProperties:
        """Return what is known of a symbol."""
        found: SecurityProperties = self._known().properties(self._symbol(market, symbol, security_type))
        return SymbolProperties(found)


class TradingDay(Face):
    """One date: whether it is a weekend, a public holiday, or a business day."""

    __slots__ = ("business_day", "date", "public_holiday", "weekend")

    def __init__(self, day: date, *, holiday: bool) -> None:
        self.date = datetime(day.year, day.month, day.day)  # noqa: DTZ001 — LEAN's times are naive
        self.public_holiday = holiday
        self.weekend = day.weekday() >= _SATURDAY
        self.business_day = not self.public_holiday and not self.weekend

    @property
    def option_expirations(self) -> list[Symbol]:
        """Nothing: options are not offered."""
        return []

    future_expirations = future_rolls = symbol_delistings = equity_dividends = option_expirations


class TradingCalendar(Face):
    """The dates between two, by what they are. Source: LEAN's TradingCalendar.cs.

    A public holiday is one of the United States, or one of the exchanges of the algorithm's securities;
    LEAN counts weekends as public holidays too.
    """

    __slots__ = ("_binding",)

    def __init__(self, binding: Binding) -> None:
        self._binding = binding

    def get_trading_day(self, day: datetime | None = None) -> TradingDay:
        """Return what a date is, today's where none is given."""
        chosen = utc(self._binding.engine.clock.now_ns) if day is None else day
        return self.get_trading_days(chosen, chosen)[0]

    def get_trading_days(self, start: date, end: date) -> list[TradingDay]:
        """Return every date between two, both included."""
        exchanges = [SecurityExchangeHours(s.hours) for s in self._binding.engine.securities.values()]
        closed = {moment.date() for hours in exchanges for moment in set(hours.holidays)}
        return [
            TradingDay(day, holiday=day in closed or day.weekday() >= _SATURDAY or us_holiday(day))
            for day in _days(start, end)
        ]

    def get_days_by_type(self, kind: int, start: date, end: date) -> list[TradingDay]:
        """Return the dates between two that are of one kind, a TradingDayType."""
        name = _KINDS.get(TradingDayType(int(kind)))
        return [day for day in self.get_trading_days(start, end) if name and getattr(day, name)]


_KINDS: Final = {
    TradingDayType.BUSINESS_DAY: "business_day", TradingDayType.PUBLIC_HOLIDAY: "public_holiday",
    TradingDayType.WEEKEND: "weekend",
}  # fmt: skip


def _days(start: date, end: date) -> Iterator[date]:
    first, last = (moment.date() if isinstance(moment, datetime) else moment for moment in (start, end))
    if last < first:
        raise AlgorithmError(f"the end of a calendar, {last}, is before its start, {first}")
    return (first + timedelta(days=number) for number in range((last - first).days + 1))


def us_holiday(day: date) -> bool:
    """Return whether a date is a federal holiday of the United States, moved off weekends.

    Source: the settlement calendar of QLNet 1.13, which LEAN asks. It has Juneteenth from 2022 on.
    """
    fixed = [(1, 1), (7, 4), (11, 11), (12, 25)] + ([(6, 19)] if day.year >= 2022 else [])
    if any(_observed(day, *date_of) for date_of in fixed):
        return True
    return any(day == _nth_weekday(day.year, *rule) for rule in _MOVING) or _memorial(day)


# month, weekday (Monday is 0), number in the month: King, Washington, Labor, Columbus, Thanksgiving
_MOVING: Final = ((1, 0, 3), (2, 0, 3), (9, 0, 1), (10, 0, 2), (11, 3, 4))


def _observed(day: date, month: int, number: int) -> bool:
    """Whether a fixed holiday, or the weekday that stands for it, falls on a date."""
    for moved in (day, day - timedelta(days=1), day + timedelta(days=1)):
        if (moved.month, moved.day) != (month, number):
            continue
        expected = {5: -1, 6: 1}.get(moved.weekday(), 0)  # from Saturday to Friday, from Sunday to Monday
        if (day - moved).days == expected:
            return True
    return False


def _nth_weekday(year: int, month: int, weekday: int, number: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (number - 1))


def _memorial(day: date) -> bool:
    return day.month == 5 and day.weekday() == 0 and day.day > 24
