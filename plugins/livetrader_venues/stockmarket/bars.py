"""Bars made the slow and obvious way, for judging whoever makes them fast.

The rules:

1. A trade belongs to the period of its `sip_ns`; trades count in the order (`sip_ns`, `sequence`), however
   they arrived.
2. Each condition of a trade says whether open/close, high/low and volume heed it; all must agree. A trade
   without conditions is a regular one; a condition that nobody knows forbids nothing.
3. Bars of seconds, minutes and hours heed prices of extended hours (12, Form T); daily bars do not, but count
   their volume. That is what the vendor's own aggregates do.
4. Open and close are the first and the last trade that may set them. High and low are of all trades that may
   set high and low.
5. A period in which no trade may set open and close has no bar, and its volume is nowhere.
6. A cancelled trade (correction 7, 8) and the records of corrections (10, 11, 12) do not count. A corrected
   one (1) carries the corrected price and size.
7. Volume-weighted prices weigh what counts as volume.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from livetrader_venues.stockmarket.conditions import EXTENDED_HOURS, TABLE
from livetrader_venues.stockmarket.tape import Bar, Trade, Value, tape_order

NOT_TRADES = frozenset({7, 8, 10, 11, 12})  # correction codes


def may_set(trade: Trade, what: str, *, extended: bool) -> bool:
    """Return whether a trade sets "open_close", "high_low" or "volume" of a bar."""
    if trade.correction in NOT_TRADES:
        return False
    for number in trade.conditions:
        if number == EXTENDED_HOURS and extended and what != "volume":
            continue
        condition = TABLE.get(number)
        if condition is not None and not getattr(condition.consolidated, what):
            return False
    return True


def bar_of(ticker: str, start_ns: int, trades: Iterable[Trade], *, extended: bool = True) -> Bar | None:
    """Return the bar of one period's trades, None where there is none."""
    ordered = sorted(trades, key=tape_order)
    priced = [trade for trade in ordered if may_set(trade, "open_close", extended=extended)]
    if not priced:
        return None
    extremes = [trade.price for trade in ordered if may_set(trade, "high_low", extended=extended)]
    extremes += [priced[0].price, priced[-1].price]
    counted = [trade for trade in ordered if may_set(trade, "volume", extended=extended)]
    volume = sum(trade.size for trade in counted)
    turnover = sum(trade.price * trade.size for trade in counted)
    return Bar(
        ticker,
        start_ns,
        priced[0].price,
        max(extremes),
        min(extremes),
        priced[-1].price,
        volume,
        round(turnover / volume, 4) if volume else priced[-1].price,
        len(counted),
    )


def bars_of(ticker: str, trades: Iterable[Trade], step_ns: int, *, extended: bool = True) -> list[Bar]:
    """Return the bars of one ticker's trades, ascending; periods are whole steps of UTC."""
    periods: dict[int, list[Trade]] = {}
    for trade in trades:
        periods.setdefault(trade.sip_ns - trade.sip_ns % step_ns, []).append(trade)
    made = (bar_of(ticker, start, periods[start], extended=extended) for start in sorted(periods))
    return [bar for bar in made if bar is not None]


def value_bar_of(ticker: str, start_ns: int, values: Sequence[Value]) -> Bar | None:
    """Return the bar of an index: it has no volume."""
    if not values:
        return None
    numbers = [value.value for value in sorted(values, key=lambda each: each.sip_ns)]
    return Bar(ticker, start_ns, numbers[0], max(numbers), min(numbers), numbers[-1], 0, 0.0, len(numbers))


def value_bars_of(ticker: str, values: Iterable[Value], step_ns: int) -> list[Bar]:
    """Return the bars of one index's values, ascending."""
    periods: dict[int, list[Value]] = {}
    for value in values:
        periods.setdefault(value.sip_ns - value.sip_ns % step_ns, []).append(value)
    made = (value_bar_of(ticker, start, periods[start]) for start in sorted(periods))
    return [bar for bar in made if bar is not None]
