"""Corporate actions of an equity, out of its factor and map file.

Source of their timing: LEAN's Engine/DataFeeds/Enumerators (SplitEventProvider, DividendEventProvider,
MappingEventProvider, DelistingEventProvider): a factor row holds up to and including its date, and what
follows from it counts from the next session on. Pure: no file is opened here.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Final

from livetrader_engine.calendar.hours import ExchangeHours
from livetrader_engine.data.corporate_actions import (
    CorporateAction,
    Delisting,
    DelistingKind,
    Dividend,
    Split,
    SplitKind,
    SymbolChange,
)
from livetrader_engine.symbols import Symbol
from livetrader_plugins.lean_data.convert import FactorFile, MapFile

_ONE_DAY: Final = timedelta(days=1)
_CENT: Final = Decimal("0.01")


def corporate_actions(
    symbol: Symbol,
    files: tuple[FactorFile | None, MapFile | None],
    hours: ExchangeHours,
    span: tuple[date, date],
) -> tuple[CorporateAction, ...]:
    """Return what a stream of `symbol` over the dates `span` (both included) tells, in LEAN's order.

    A row without a reference price gives no event: nobody could say what it is worth.
    """
    factors, mapped = files
    first, last = span
    if mapped is not None:
        if first > mapped.days[-1]:
            return ()
        first = max(first, mapped.days[0])
    found: list[tuple[int, CorporateAction]] = []
    if factors is not None:
        until = last if mapped is None else min(last, mapped.days[-1])
        found += ((0, action) for action in _splits(symbol, factors, hours, (first, until)))
        found += ((1, action) for action in _dividends(symbol, factors, hours, (first, until)))
    if mapped is not None:
        found += ((2, action) for action in _changes(symbol, mapped, hours, (first, last)))
        found += ((3, action) for action in _delistings(symbol, mapped, hours, (first, last)))
    found.sort(key=lambda entry: (entry[1].time_ns, entry[0]))
    return tuple(action for _, action in found)


def _events(
    factors: FactorFile, hours: ExchangeHours, span: tuple[date, date]
) -> Iterator[tuple[int, date, date | None]]:
    """Yield (row, its date, the next session if it is in the span) for the rows whose date is a session."""
    first, last = span
    for row, day in enumerate(factors.days[:-1]):
        if first <= day <= last and factors.references[row] and hours.is_trading_day(day):
            following = hours.next_trading_day(day)
            yield row, day, following if following <= last else None


def _splits(
    symbol: Symbol, factors: FactorFile, hours: ExchangeHours, span: tuple[date, date]
) -> Iterator[Split]:
    for row, day, following in _events(factors, hours, span):
        if factors.splits[row] == factors.splits[row + 1]:
            continue
        factor = factors.splits[row] / factors.splits[row + 1]
        yield Split(symbol, hours.local_midnight(day), SplitKind.WARNING, factor, Decimal(0))
        if following is not None:
            reference = factors.references[row]
            yield Split(symbol, hours.local_midnight(following), SplitKind.OCCURRED, factor, reference)


def _dividends(
    symbol: Symbol, factors: FactorFile, hours: ExchangeHours, span: tuple[date, date]
) -> Iterator[Dividend]:
    for row, _, following in _events(factors, hours, span):
        if following is None or factors.prices[row] == factors.prices[row + 1]:
            continue
        reference = factors.references[row]
        paid = reference - reference * (factors.prices[row] / factors.prices[row + 1])
        yield Dividend(symbol, hours.local_midnight(following), paid.quantize(_CENT), reference)


def _changes(
    symbol: Symbol, mapped: MapFile, hours: ExchangeHours, span: tuple[date, date]
) -> Iterator[SymbolChange]:
    first, last = span
    for (day, old), new in pairwise_tickers(mapped):
        following = hours.next_trading_day(day)
        if old != new and first <= day and following <= min(last, mapped.days[-1]):
            yield SymbolChange(symbol, hours.local_midnight(following), old, new)


def pairwise_tickers(mapped: MapFile) -> Iterator[tuple[tuple[date, str], str]]:
    """Yield ((last date, ticker), the ticker after it)."""
    rows = zip(mapped.days, mapped.tickers, strict=True)
    for (day, old), (_, new) in pairwise(rows):
        yield (day, old), new


def _delistings(
    symbol: Symbol, mapped: MapFile, hours: ExchangeHours, span: tuple[date, date]
) -> Iterator[Delisting]:
    first, last = span
    day = mapped.days[-1]
    if not first <= day <= last:
        return
    yield Delisting(symbol, hours.local_midnight(day), DelistingKind.WARNING)
    if hours.next_trading_day(day) <= last:
        yield Delisting(symbol, hours.local_midnight(day + _ONE_DAY), DelistingKind.DELISTED)
