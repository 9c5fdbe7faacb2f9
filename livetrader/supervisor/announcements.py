"""Who announces splits, dividends, delistings and new tickers, and what follows. Blocks: call it in a thread.

Two places know: the data folder's factor and map files, as LEAN reads them, and the histories that announce.
A fact that both tell counts once; a split comes with its warning, which belongs to the session before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import Final

from livetrader.journal.action_records import action_id
from livetrader_engine.calendar.hours import ExchangeHours
from livetrader_engine.data.corporate_actions import CorporateAction, Dividend, Split, SplitKind
from livetrader_engine.ports import ReferenceData
from livetrader_engine.spi_data import AnnouncedSplit, Announcement, DateSpan
from livetrader_engine.symbols import SecurityType, Symbol

Announced = Callable[[Symbol, DateSpan], Sequence[Announcement]]

_ZERO: Final = Decimal(0)


class Announcements:
    """Merges what files and histories say. Thread-safe as those are; owned by whoever asks."""

    def __init__(self, reference: ReferenceData, announced: Announced) -> None:
        self._reference = reference
        self._announced = announced

    def hours(self, symbol: Symbol) -> ExchangeHours:
        """Return the exchange's hours. Raises DataError where nobody knows them."""
        return self._reference.hours(symbol)

    def actions(self, symbol: Symbol, dates: DateSpan) -> tuple[CorporateAction, ...]:
        """Return what happens to an equity on these exchange dates, warnings included, by time.

        Raises VenueError where a history that announces cannot be asked, DataError for an unusable file.
        """
        if symbol.security_type is not SecurityType.EQUITY:
            return ()
        hours = self._reference.hours(symbol)
        told = self._announced(symbol, dates)
        before = hours.previous_trading_day(dates.first)  # a file's row stands at the session before
        filed = self._reference.corporate_actions(symbol, before, dates.last)
        found: dict[str, CorporateAction] = {}
        first_ns = hours.local_midnight(dates.first)
        for action in (*filed, *(made for item in told for made in _made(item, hours))):
            if action.time_ns >= first_ns:
                found.setdefault(action_id(action), action)
        return tuple(sorted(found.values(), key=lambda action: action.time_ns))


def _made(item: Announcement, hours: ExchangeHours) -> Iterator[CorporateAction]:
    """Yield the actions of an announcement. An ex-date without a session counts with the next one."""
    day = _session_from(item.ex_date, hours)
    time_ns = hours.local_midnight(day)
    if isinstance(item, AnnouncedSplit):
        warned_ns = hours.local_midnight(hours.previous_trading_day(day))
        yield Split(item.symbol, warned_ns, SplitKind.WARNING, item.factor, _ZERO)
        yield Split(item.symbol, time_ns, SplitKind.OCCURRED, item.factor, _ZERO)
    else:
        yield Dividend(item.symbol, time_ns, item.amount, _ZERO)


def _session_from(day: date, hours: ExchangeHours) -> date:
    return day if hours.is_trading_day(day) else hours.next_trading_day(day)
