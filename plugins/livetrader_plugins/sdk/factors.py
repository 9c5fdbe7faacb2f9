"""Splits and dividends taken out of raw prices, where a venue tells both.

The factor of a day is the product of what happened after it: of a split its own factor, of a dividend
`1 - amount / close`, with the raw close of the last session before it. So the newest prices are as traded,
and earlier ones are what they would have been. Source: LEAN's Common/Data/Auxiliary/CorporateFactorRow.cs.

A dividend whose close is not known, or which is larger than it, is left out and returned as such: prices are
not bent by a guess.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Final, NamedTuple

import msgspec

from livetrader_engine.calendar.hours import ExchangeHours
from livetrader_engine.data.bars import MarketPoint, QuoteBar, Tick, TradeBar
from livetrader_engine.data.subscription import Normalization
from livetrader_engine.spi_data import AnnouncedDividend, AnnouncedSplit, Announcement
from livetrader_engine.symbols import Symbol

LOOK_BACK: Final = timedelta(days=10)  # where the close before a dividend is looked for
_ONE: Final = Decimal(1)


class Factors(NamedTuple):
    """By what the prices of a date are multiplied: `values[i]` holds for dates before `days[i]`; then 1."""

    days: tuple[date, ...]  # ex-dates, ascending
    values: tuple[float, ...]
    left_out: tuple[AnnouncedDividend, ...] = ()

    def of(self, day: date) -> float:
        """Return the factor of a date."""
        at = bisect_right(self.days, day)
        return self.values[at] if at < len(self.values) else 1.0


def factors_of(
    announcements: Iterable[Announcement], closes: Mapping[date, float], how: Normalization
) -> Factors:
    """Return the factors for a normalization. `closes` are raw and by date; only dividends need them."""
    if how is Normalization.RAW:
        return Factors((), ())
    known = sorted(closes)
    by_day: dict[date, Decimal] = {}
    left_out: list[AnnouncedDividend] = []
    for announced in announcements:
        if isinstance(announced, AnnouncedSplit):
            factor = announced.factor
        elif how is Normalization.SPLIT_ADJUSTED:
            continue
        else:
            at = bisect_left(known, announced.ex_date) - 1
            close = Decimal(repr(closes[known[at]])) if at >= 0 else Decimal(0)
            if close <= announced.amount:
                left_out.append(announced)
                continue
            factor = _ONE - announced.amount / close
        by_day[announced.ex_date] = by_day.get(announced.ex_date, _ONE) * factor
    days = sorted(by_day)
    values: list[float] = []
    product = _ONE
    for day in reversed(days):
        product *= by_day[day]
        values.append(float(product))
    return Factors(tuple(days), tuple(reversed(values)), tuple(left_out))


def report_left_out(factors: Factors, symbol: Symbol, report: Callable[..., None]) -> None:
    """Say which dividends of a symbol are in no factor."""
    for left_out in factors.left_out:
        report(
            "dividend_left_out", level="warning", ticker=symbol.value, ex_date=f"{left_out.ex_date}",
            reason="no close before it is known, or the dividend is larger",
        )  # fmt: skip


def dividends_of(announcements: Sequence[Announcement]) -> tuple[AnnouncedDividend, ...]:
    """Return the dividends among announcements."""
    return tuple(one for one in announcements if isinstance(one, AnnouncedDividend))


def adjusted(points: Iterable[MarketPoint], factors: Factors, hours: ExchangeHours) -> Iterator[MarketPoint]:
    """Yield points with their prices multiplied by the factor of their date, volumes divided by it."""
    if not factors.days:
        yield from points
        return
    day_ends_ns, factor = -1, 1.0
    for point in points:
        if point.time_ns >= day_ends_ns:
            day = hours.local_date(point.time_ns)
            factor = factors.of(day)
            day_ends_ns = hours.local_midnight(date.fromordinal(day.toordinal() + 1))
        yield point if factor == 1.0 else _times(point, factor)


def _times(point: MarketPoint, by: float) -> MarketPoint:
    if isinstance(point, TradeBar):
        return TradeBar(
            point.symbol, point.time_ns, point.end_time_ns, point.open * by, point.high * by, point.low * by,
            point.close * by, float(round(point.volume / by)),
        )  # fmt: skip
    if isinstance(point, Tick):
        return msgspec.structs.replace(
            point, price=point.price * by, bid_price=point.bid_price * by, ask_price=point.ask_price * by
        )
    return QuoteBar(
        point.symbol, point.time_ns, point.end_time_ns,
        point.bid_open * by, point.bid_high * by, point.bid_low * by, point.bid_close * by, point.bid_size,
        point.ask_open * by, point.ask_high * by, point.ask_low * by, point.ask_close * by, point.ask_size,
    )  # fmt: skip
