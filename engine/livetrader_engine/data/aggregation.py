"""How points become a bar: the first one makes it, the later ones extend it.

Source: AggregateBar of LEAN's trade, quote, tick and value consolidators.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import NamedTuple, Protocol, TypeVar

from livetrader_engine.data.bars import QuoteBar, Tick, TradeBar
from livetrader_engine.symbols import NS_PER_MINUTE, Symbol


class Point(Protocol):
    """What a consolidator needs of any data, user-made kinds included."""

    @property
    def symbol(self) -> Symbol:
        """Whose data it is."""
        ...

    @property
    def time_ns(self) -> int:
        """When it starts (UTC ns)."""
        ...

    @property
    def end_time_ns(self) -> int:
        """When it is complete (UTC ns)."""
        ...

    @property
    def value(self) -> float:
        """Its price."""
        ...


AnyPoint = TypeVar("AnyPoint", bound=Point, contravariant=True)
AnyBar = TypeVar("AnyBar", bound="TradeBar | QuoteBar")


class Feed(Enum):
    """What a consolidator is fed with."""

    TRADE_BARS = "trade bars"
    QUOTE_BARS = "quote bars"
    TRADE_TICKS = "trade ticks"
    QUOTE_TICKS = "quote ticks"
    VALUES = "values"  # anything with a value


class Recipe(NamedTuple):
    """How bars are made of one kind of data.

    `first(point, start_ns, end_ns, previous)` makes the bar, `extend(bar, point)` takes a later point in;
    `takes` tells which points count. `shown_length_ns` is the length that a bar shows until something sets
    it, where that is not its period.
    """

    first: Callable[..., TradeBar | QuoteBar]
    extend: Callable[..., None]
    takes: Callable[..., bool] | None = None
    shown_length_ns: int | None = None
    resets_length: bool = True  # a bar cut by its count shows the full period all the same


def _trade_from_bar(point: TradeBar, start_ns: int, end_ns: int, previous: object) -> TradeBar:
    return TradeBar(
        point.symbol, start_ns, end_ns, point.open, point.high, point.low, point.close, point.volume,
        False, point.scale,
    )  # fmt: skip


def _extend_by_bar(bar: TradeBar, point: TradeBar) -> None:
    bar.close = point.close
    bar.volume += point.volume
    if point.low < bar.low:
        bar.low = point.low
    if point.high > bar.high:
        bar.high = point.high


def _trade_from_tick(point: Tick, start_ns: int, end_ns: int, previous: object) -> TradeBar:
    price = point.price
    return TradeBar(point.symbol, start_ns, end_ns, price, price, price, price, point.quantity)


def _extend_by_tick(bar: TradeBar, point: Tick) -> None:
    price = bar.close = point.price
    bar.volume += point.quantity
    if price < bar.low:
        bar.low = price
    if price > bar.high:
        bar.high = price


def _trade_from_value(point: Point, start_ns: int, end_ns: int, previous: object) -> TradeBar:
    value = point.value
    return TradeBar(point.symbol, start_ns, end_ns, value, value, value, value, 0.0)


def _extend_by_value(bar: TradeBar, point: Point) -> None:
    value = bar.close = point.value
    if value < bar.low:
        bar.low = value
    if value > bar.high:
        bar.high = value


def _carried(point: QuoteBar | Tick, start_ns: int, end_ns: int, previous: object) -> QuoteBar:
    """Return a bar that opens where the one before closed."""
    bar = QuoteBar(point.symbol, start_ns, end_ns, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    if isinstance(previous, QuoteBar):
        bid = bar.bid_open = bar.bid_high = bar.bid_low = bar.bid_close = previous.bid_close
        ask = bar.ask_open = bar.ask_high = bar.ask_low = bar.ask_close = previous.ask_close
        bar.bid_size = previous.bid_size if bid else 0.0
        bar.ask_size = previous.ask_size if ask else 0.0
    return bar


def _quote_from_bar(point: QuoteBar, start_ns: int, end_ns: int, previous: object) -> QuoteBar:
    bar = _carried(point, start_ns, end_ns, previous)
    bar.scale = point.scale
    _extend_by_quotes(bar, point)
    return bar


def _extend_by_quotes(bar: QuoteBar, point: QuoteBar) -> None:
    if point.bid_close:
        if not bar.bid_close:
            bar.bid_open, bar.bid_high, bar.bid_low = point.bid_open, point.bid_high, point.bid_low
        bar.bid_high = max(bar.bid_high, point.bid_high)
        bar.bid_low = min(bar.bid_low, point.bid_low)
        bar.bid_close, bar.bid_size = point.bid_close, point.bid_size
    if point.ask_close:
        if not bar.ask_close:
            bar.ask_open, bar.ask_high, bar.ask_low = point.ask_open, point.ask_high, point.ask_low
        bar.ask_high = max(bar.ask_high, point.ask_high)
        bar.ask_low = min(bar.ask_low, point.ask_low)
        bar.ask_close, bar.ask_size = point.ask_close, point.ask_size


def _quote_from_tick(point: Tick, start_ns: int, end_ns: int, previous: object) -> QuoteBar:
    bar = _carried(point, start_ns, end_ns, previous)
    _extend_by_quote(bar, point)
    return bar


def _extend_by_quote(bar: QuoteBar, point: Tick) -> None:
    bid, ask = point.bid_price, point.ask_price
    if bid:
        if not bar.bid_close:
            bar.bid_open = bar.bid_high = bar.bid_low = bid
        bar.bid_high = max(bar.bid_high, bid)
        bar.bid_low = min(bar.bid_low, bid)
        bar.bid_close = bid
    if ask:
        if not bar.ask_close:
            bar.ask_open = bar.ask_high = bar.ask_low = ask
        bar.ask_high = max(bar.ask_high, ask)
        bar.ask_low = min(bar.ask_low, ask)
        bar.ask_close = ask
    bar.bid_size = point.bid_size or bar.bid_size
    bar.ask_size = point.ask_size or bar.ask_size


def _is_trade(point: Tick) -> bool:
    return point.price != 0.0


def _is_quote(point: Tick) -> bool:
    return point.price == 0.0


RECIPES = {
    Feed.TRADE_BARS: Recipe(_trade_from_bar, _extend_by_bar),
    Feed.QUOTE_BARS: Recipe(_quote_from_bar, _extend_by_quotes, resets_length=False),
    Feed.TRADE_TICKS: Recipe(_trade_from_tick, _extend_by_tick, _is_trade),
    Feed.QUOTE_TICKS: Recipe(_quote_from_tick, _extend_by_quote, _is_quote, resets_length=False),
    # LEAN leaves the bar at a minute until it is closed by a later point
    Feed.VALUES: Recipe(_trade_from_value, _extend_by_value, shown_length_ns=NS_PER_MINUTE),
}
