"""Rows of Polygon's answers become bars and ticks: what counts, what is left out, what is an error."""

from __future__ import annotations

from random import Random

import msgspec
import pytest

from livetrader_engine.data.subscription import Subscription, TickType
from livetrader_engine.spi import VenueError
from livetrader_engine.symbols import NS_PER_HOUR, NS_PER_MINUTE, NS_PER_SECOND, Resolution
from livetrader_plugins.polygon.rows import (
    AggregateRow,
    QuoteRow,
    RefusedRows,
    Span,
    TradeRow,
    quote_bars,
    quote_ticks,
    trade_bars,
    trade_ticks,
)
from livetrader_plugins.polygon.symbols import symbol_of
from livetrader_plugins.sdk.barstream import BarStream, Source
from livetrader_plugins.sdk.livebars import LiveBars
from livetrader_plugins.sdk.making import NOTHING_STANDS, Standing
from livetrader_plugins.sdk.periods import Periods

AAPL = symbol_of("AAPL")
T0_MS = 1_750_080_600_000  # 2025-06-16 09:30 New York
T0 = T0_MS * 1_000_000
SPAN = Span(T0, T0 + NS_PER_HOUR)


class Refused:
    """Collects what was refused."""

    def __init__(self) -> None:
        self.reasons: list[str] = []

    def __call__(self, reason: str, row: object) -> None:
        self.reasons.append(reason)


def minute(start_ns: int) -> tuple[int, int]:
    return start_ns, start_ns + NS_PER_MINUTE


def trade(ms: float, price: float, size: float = 100, codes: tuple[int, ...] = (), **more: int) -> TradeRow:
    return TradeRow(T0 + int(ms * 1_000_000), price, size, conditions=codes, **more)


def test_bars_have_the_times_of_their_minutes_and_indices_no_volume() -> None:
    refused = Refused()
    (bar,) = trade_bars(AAPL, [AggregateRow(T0_MS, 5.0, 7.0, 4.0, 6.0)], SPAN, minute, refused)
    assert (bar.time_ns, bar.end_time_ns) == (T0, T0 + NS_PER_MINUTE)
    assert (bar.open, bar.high, bar.low, bar.close, bar.volume) == (5.0, 7.0, 4.0, 6.0, 0.0)
    assert not bar.fill_forward and refused.reasons == []


@pytest.mark.parametrize(
    "prices",
    [(0, 0, 0, 0), (5, 4, 4, 5), (5, 7, 6, 6), (-1, 7, -1, 6), (5, 1e400, 4, 6)],
    ids=["zero", "high below open", "low above open", "negative", "infinite"],
)
def test_bars_that_cannot_be_are_left_out_and_counted(prices: tuple[float, ...]) -> None:
    refused = Refused()
    rows = [AggregateRow(T0_MS, *prices, 10.0), AggregateRow(T0_MS + 60_000, 5.0, 7.0, 4.0, 6.0, 1.0)]
    assert [bar.open for bar in trade_bars(AAPL, rows, SPAN, minute, refused)] == [5.0]
    assert refused.reasons == ["no bar can have these prices or this volume"]


@pytest.mark.parametrize(
    "second_ms",
    [T0_MS, T0_MS - 60_000, T0_MS * 1_000, T0_MS + 3_600_000],
    ids=["twice", "back", "microseconds", "beyond"],
)
def test_bars_out_of_order_or_of_another_time_are_an_error(second_ms: int) -> None:
    rows = [AggregateRow(T0_MS, 5, 7, 4, 6, 1), AggregateRow(second_ms, 5, 7, 4, 6, 1)]
    with pytest.raises(VenueError, match=r"out of order|asked for"):
        list(trade_bars(AAPL, rows, SPAN, minute, Refused()))


def test_two_bars_of_one_period_are_an_error() -> None:
    rows = [AggregateRow(T0_MS, 5, 7, 4, 6, 1), AggregateRow(T0_MS + 30_000, 5, 7, 4, 6, 1)]
    with pytest.raises(VenueError, match="out of order"):
        list(trade_bars(AAPL, rows, SPAN, minute, Refused()))


def test_trades_of_one_instant_come_in_the_order_of_the_tape() -> None:
    rows = [
        trade(0, 10.0, sequence_number=3),
        trade(0, 11.0, sequence_number=1),
        trade(0, 12.0, sequence_number=2),
        trade(1, 13.0, sequence_number=1),
    ]
    assert [tick.price for tick in trade_ticks(AAPL, rows, SPAN, Refused())] == [11.0, 12.0, 10.0, 13.0]


def test_a_row_that_comes_twice_counts_once_and_two_alike_without_a_number_count_twice() -> None:
    rows = [
        trade(0, 10.0, sequence_number=3),
        trade(0, 10.0, sequence_number=4),
        trade(0, 10.0, sequence_number=3),
    ]
    assert len(list(trade_ticks(AAPL, rows, SPAN, Refused()))) == 2
    assert len(list(trade_ticks(AAPL, [trade(0, 10.0), trade(0, 10.0)], SPAN, Refused()))) == 2


def test_trades_that_were_undone_are_left_out_and_corrected_ones_stand() -> None:
    rows = [trade(at, 10.0 + at, correction=code) for at, code in enumerate((0, 1, 7, 8, 10, 11, 12))]
    assert [tick.price for tick in trade_ticks(AAPL, rows, SPAN, Refused())] == [10.0, 11.0]


def test_trades_that_set_no_price_are_suspicious() -> None:
    codes = {(): False, (14, 41): False, (12,): False, (37,): True, (12, 37): True, (2,): True, (10,): True}
    ticks = list(
        trade_ticks(AAPL, [trade(at, 10.0, codes=code) for at, code in enumerate(codes)], SPAN, Refused())
    )
    assert [tick.suspicious for tick in ticks] == list(codes.values())


@pytest.mark.parametrize(("price", "size"), [(0.0, 10), (-1.0, 10), (1e400, 10), (5.0, -1)])
def test_trades_that_cannot_be_are_left_out_and_counted(price: float, size: float) -> None:
    refused = Refused()
    assert list(trade_ticks(AAPL, [trade(0, price, size)], SPAN, refused)) == [] and len(refused.reasons) == 1


@pytest.mark.parametrize(
    "second",
    [T0, T0 - 1, T0 // 1_000_000, T0 * 1_000, T0 + NS_PER_HOUR],
    ids=["back", "before", "milliseconds", "picoseconds", "beyond"],
)
def test_ticks_out_of_order_or_of_another_time_are_an_error(second: int) -> None:
    with pytest.raises(VenueError, match=r"out of order|asked for"):
        list(trade_ticks(AAPL, [trade(0.1, 5.0), TradeRow(second, 5.0)], SPAN, Refused()))


def quote(seconds: float, bid: float, ask: float, sizes: float = 100) -> QuoteRow:
    return QuoteRow(T0 + int(seconds * NS_PER_SECOND), bid, sizes, ask, sizes)


def test_quotes_have_both_sides_or_one_and_never_cross() -> None:
    refused = Refused()
    rows = [
        quote(0, 5.0, 5.1),
        quote(1, 5.0, 0.0),
        quote(2, 5.2, 5.1),
        quote(3, 0.0, 0.0),
        quote(4, 5.1, 5.1),
    ]
    ticks = list(quote_ticks(AAPL, rows, SPAN, refused))
    assert [(tick.bid_price, tick.ask_price) for tick in ticks] == [(5.0, 5.1), (5.0, 0.0), (5.1, 5.1)]
    assert refused.reasons == ["crossed"] and all(tick.price == 0.0 for tick in ticks)


def test_quotes_that_cannot_be_are_left_out_and_counted() -> None:
    refused = Refused()
    rows = [quote(0, -5.0, 5.1), quote(1, 5.0, 1e400), quote(2, 5.0, 5.1, -1), quote(3, 5.0, 5.1, 1e300)]
    assert list(quote_ticks(AAPL, rows, SPAN, refused)) == [] and len(refused.reasons) == 4


def test_a_bar_of_quotes_opens_where_the_one_before_closed() -> None:
    rows = [quote(10, 5.0, 5.4), quote(30, 5.2, 5.3), quote(59.9, 5.1, 5.6), quote(185, 6.0, 6.1)]
    ticks = quote_ticks(AAPL, rows, SPAN, Refused())
    first, second = quote_bars(ticks, NS_PER_MINUTE, Standing(4.9, 10.0, 5.7, 10.0))
    assert (first.time_ns, first.end_time_ns) == (T0, T0 + NS_PER_MINUTE)
    assert (first.bid_open, first.bid_high, first.bid_low, first.bid_close) == (4.9, 5.2, 4.9, 5.1)
    assert (first.ask_open, first.ask_high, first.ask_low, first.ask_close) == (5.7, 5.7, 5.3, 5.6)
    assert (second.time_ns, second.bid_open, second.bid_close) == (T0 + 3 * NS_PER_MINUTE, 5.1, 6.0)
    assert list(quote_bars(iter(()), NS_PER_MINUTE, Standing(4.9, 10.0, 5.7, 10.0))) == []


def test_bars_of_quotes_are_those_that_a_live_stream_makes_of_them() -> None:
    random = Random(7)
    rows = [
        quote(at / 2, round(5 + random.random(), 2), round(6 + random.random(), 2), random.randrange(1, 9))
        for at in range(1_200)
    ]
    ticks = list(quote_ticks(AAPL, rows, SPAN, Refused()))
    subscription = Subscription(AAPL, Resolution.MINUTE, TickType.QUOTE, fill_forward=False)
    stream = BarStream(subscription, Periods(subscription, None), T0, source=Source.STAMPED)
    live = LiveBars(0)
    live.add(stream)
    for tick in ticks:
        stream.tick(tick)
    live.look(T0 + NS_PER_HOUR)
    made = [point for step in live.collect(T0 + NS_PER_HOUR) for point in step.points]
    past = list(quote_bars(ticks, NS_PER_MINUTE, NOTHING_STANDS))
    assert [msgspec.structs.astuple(bar) for bar in made] == [msgspec.structs.astuple(bar) for bar in past]
    assert len(past) == 10


def test_what_was_refused_is_told_once_with_the_newest() -> None:
    told: list[tuple[int, str, object]] = []
    refused = RefusedRows(lambda *what: told.append(what))
    refused.tell()
    refused("one", 1)
    refused("two", 2)
    refused.tell()
    refused.tell()
    assert told == [(2, "two", 2)]
