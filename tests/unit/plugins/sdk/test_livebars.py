"""Bars that close on the clock, against bars made of the same data afterwards."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livetrader_engine.calendar.sessions import hours_from_exchange_calendars
from livetrader_engine.data.bars import QuoteBar, Tick, TradeBar
from livetrader_engine.data.subscription import Subscription, TickType
from livetrader_engine.symbols import (
    NS_PER_HOUR,
    NS_PER_MINUTE,
    NS_PER_SECOND,
    Resolution,
    SecurityType,
    Symbol,
    equity_identifier,
)
from livetrader_plugins.sdk.livebars import (
    CATCH_UP_NS,
    GRACE_NS,
    PIECE_NS,
    BarStream,
    LiveBars,
    Periods,
    Source,
)

SPY = Symbol.create(equity_identifier("SPY", None), "SPY", SecurityType.EQUITY, "usa")
IBM = Symbol.create(equity_identifier("IBM", None), "IBM", SecurityType.EQUITY, "usa")
HOURS = hours_from_exchange_calendars("XNYS")


def utc_ns(*parts: int) -> int:
    return int(datetime(*parts, tzinfo=UTC).timestamp()) * NS_PER_SECOND  # type: ignore[misc,arg-type]


OPEN_NS = utc_ns(2025, 6, 16, 13, 30)  # a Monday in New York
CLOSE_NS = utc_ns(2025, 6, 16, 20, 0)


def subscription(
    resolution: Resolution = Resolution.MINUTE, kind: TickType = TickType.TRADE, symbol: Symbol = SPY,
    fill_forward: bool = False, extended: bool = False,
) -> Subscription:  # fmt: skip
    return Subscription(symbol, resolution, kind, fill_forward, extended)


class Market:
    """Some streams, fed and looked at as the feed does; `bars` is what came out."""

    def __init__(self, *streams: Subscription, from_ns: int = OPEN_NS, by_pieces: bool = False) -> None:
        self.live = LiveBars()
        self.streams: list[BarStream] = []
        self.bars: list[TradeBar | QuoteBar] = []
        self.steps: list[tuple[int, int]] = []  # when, and how many bars
        for each in streams:
            pieces = by_pieces and each.tick_type is TickType.TRADE
            source = Source.PIECES if pieces else Source.ARRIVING
            self.streams.append(BarStream(each, Periods(each, HOURS), from_ns, source=source, seeded=True))
            self.live.add(self.streams[-1])

    def look(self, now_ns: int) -> None:
        for step in self.live.collect(now_ns):
            self.steps.append((now_ns, len(step.points)))
            self.bars += step.points  # type: ignore[arg-type]  # bar streams give bars

    def trade(self, time_ns: int, price: float, size: float = 1.0, at: int = 0) -> None:
        self.look(time_ns)
        stream = self.streams[at]
        stream.tick(Tick(stream.subscription.symbol, time_ns, price=price, quantity=size))

    def quote(self, time_ns: int, bid: float, ask: float) -> None:
        self.look(time_ns)
        self.streams[0].tick(Tick(SPY, time_ns, bid_price=bid, bid_size=1, ask_price=ask, ask_size=2))

    def piece(self, start_ns: int, price: float, delay_ns: int = 0, at: int = 0, volume: float = 1.0) -> None:
        self.look(start_ns + PIECE_NS + delay_ns)
        stream = self.streams[at]
        bar = TradeBar(stream.subscription.symbol, start_ns, start_ns + PIECE_NS, *[price] * 4, volume)
        stream.piece(bar, has_trades=volume > 0)
        self.look(start_ns + PIECE_NS + delay_ns)


def values(bar: TradeBar | QuoteBar) -> tuple[float, ...]:
    assert isinstance(bar, TradeBar)
    return (bar.time_ns, bar.end_time_ns, bar.open, bar.high, bar.low, bar.close, bar.volume)


def naive(ticks: list[tuple[int, float, float]], length_ns: int, from_ns: int) -> list[tuple[float, ...]]:
    """Make bars of everything at once, as one does with a file."""
    groups: dict[int, list[tuple[int, float, float]]] = defaultdict(list)
    for tick in ticks:
        if HOURS.is_open(tick[0]):
            groups[tick[0] // length_ns * length_ns].append(tick)
    made = []
    for start_ns, group in sorted(groups.items()):
        prices = [price for _, price, _ in group]
        volume = float(sum(Decimal(repr(size)) for _, _, size in group))
        if start_ns >= from_ns:
            made.append(
                (start_ns, start_ns + length_ns, prices[0], max(prices), min(prices), prices[-1], volume)
            )
    return made


pauses_ns = st.sampled_from([0, 1, NS_PER_SECOND // 3, NS_PER_SECOND, 20 * NS_PER_SECOND, 3 * NS_PER_MINUTE])
prices = st.sampled_from([99.99, 100.0, 100.01, 100.02, 101.5])


@given(
    st.lists(st.tuples(pauses_ns, prices, st.sampled_from([1.0, 100.0, 0.3])), max_size=120),
    st.integers(-NS_PER_MINUTE, NS_PER_MINUTE),
    st.sampled_from([Resolution.SECOND, Resolution.MINUTE]),
)
def test_bars_of_ticks_equal_bars_made_afterwards(
    steps: list[tuple[int, float, float]], offset_ns: int, resolution: Resolution
) -> None:
    now_ns = from_ns = OPEN_NS + offset_ns
    market, ticks = Market(subscription(resolution), from_ns=from_ns), list[tuple[int, float, float]]()
    for pause_ns, price, size in steps:
        now_ns += pause_ns
        ticks.append((now_ns, price, size))
        market.trade(now_ns, price, size)
    market.look(now_ns + NS_PER_MINUTE)
    assert [values(bar) for bar in market.bars] == naive(ticks, resolution.period_ns, from_ns)
    assert market.live.late == 0


@given(st.lists(st.tuples(prices, st.integers(0, 3 * NS_PER_SECOND), st.booleans()), max_size=80))
def test_pieces_that_come_in_time_are_in_their_bar_and_late_ones_are_counted(
    pieces: list[tuple[float, int, bool]],
) -> None:
    market, on_time, late = Market(subscription(), by_pieces=True), list[tuple[int, float, float]](), 0
    arrivals_ns = OPEN_NS
    for number, (price, delay_ns, lost) in enumerate(pieces):
        start_ns = OPEN_NS + number * PIECE_NS
        if lost:
            continue
        # a socket keeps order: nothing arrives before what was sent before it
        arrivals_ns = max(arrivals_ns, start_ns + PIECE_NS + delay_ns)
        end_ns = start_ns // NS_PER_MINUTE * NS_PER_MINUTE + NS_PER_MINUTE
        if arrivals_ns < end_ns + GRACE_NS:
            on_time.append((start_ns, price, 1.0))
        else:
            late += 1
        market.piece(start_ns, price, arrivals_ns - start_ns - PIECE_NS)
    market.look(OPEN_NS + len(pieces) * PIECE_NS + NS_PER_MINUTE + GRACE_NS)
    assert [values(bar) for bar in market.bars] == naive(on_time, NS_PER_MINUTE, OPEN_NS)
    assert market.live.late == late
    starts = [bar.time_ns for bar in market.bars]
    assert len(starts) == len(set(starts))


def test_a_minute_closes_with_its_last_piece_and_not_before() -> None:
    market = Market(subscription(), by_pieces=True)
    for number in range(12):
        assert market.bars == []
        market.piece(OPEN_NS + number * PIECE_NS, 100.0 + number, 200_000_000)
    assert [values(bar) for bar in market.bars] == [
        (OPEN_NS, OPEN_NS + NS_PER_MINUTE, 100.0, 111.0, 100.0, 111.0, 12.0)
    ]
    assert market.steps == [(OPEN_NS + NS_PER_MINUTE + 200_000_000, 1)]


def test_a_minute_whose_last_piece_never_comes_closes_after_the_grace() -> None:
    market = Market(subscription(), by_pieces=True)
    for number in range(11):
        market.piece(OPEN_NS + number * PIECE_NS, 100.0)
    end_ns = OPEN_NS + NS_PER_MINUTE
    assert market.live.next_ns(end_ns - 1) == end_ns
    market.look(end_ns)
    assert market.bars == [] and market.live.next_ns(end_ns) == end_ns + GRACE_NS
    market.look(end_ns + GRACE_NS)
    assert [bar.end_time_ns for bar in market.bars] == [end_ns]
    market.piece(OPEN_NS + 11 * PIECE_NS, 105.0, GRACE_NS + 1)
    market.look(end_ns + NS_PER_MINUTE + GRACE_NS)
    assert len(market.bars) == 1 and market.live.late == 1


def test_a_clock_that_is_slow_does_not_close_a_bar_before_its_end() -> None:
    market = Market(subscription(), by_pieces=True)
    for number in range(12):
        market.piece(OPEN_NS + number * PIECE_NS, 100.0, -2 * NS_PER_SECOND)
    assert market.bars == []
    market.look(OPEN_NS + NS_PER_MINUTE)
    assert len(market.bars) == 1


def test_pieces_without_trades_let_time_pass_and_change_no_price() -> None:
    market = Market(subscription(), by_pieces=True)
    market.piece(OPEN_NS, 100.0)
    for number in range(1, 12):
        market.piece(OPEN_NS + number * PIECE_NS, 7.0, volume=0)
    assert [values(bar)[2:] for bar in market.bars] == [(100.0, 100.0, 100.0, 100.0, 1.0)]


def test_missing_pieces_are_counted() -> None:
    market = Market(subscription(), by_pieces=True)
    for number in (0, 1, 4, 11):
        market.piece(OPEN_NS + number * PIECE_NS, 100.0)
    assert market.live.gaps == 2 + 6


def test_streams_of_one_resolution_close_in_one_step() -> None:
    market = Market(
        subscription(symbol=SPY), subscription(symbol=IBM), subscription(kind=TickType.QUOTE), by_pieces=True
    )
    for number in range(12):
        market.piece(OPEN_NS + number * PIECE_NS, 100.0, at=0)
        market.piece(OPEN_NS + number * PIECE_NS, 50.0, at=1)
    assert market.steps == [(OPEN_NS + NS_PER_MINUTE, 2)]
    assert [bar.symbol for bar in market.bars] == [IBM, SPY]  # slice order


def test_one_stream_without_data_holds_the_others_for_the_grace_only() -> None:
    market = Market(subscription(symbol=SPY), subscription(symbol=IBM), by_pieces=True)
    for number in range(12):
        market.piece(OPEN_NS + number * PIECE_NS, 100.0, at=0)
    assert market.bars == []
    market.look(OPEN_NS + NS_PER_MINUTE + GRACE_NS)
    assert [bar.symbol for bar in market.bars] == [SPY]


def test_seconds_do_not_wait_for_minutes() -> None:
    market = Market(subscription(Resolution.SECOND), subscription(symbol=IBM))
    market.streams[1] = BarStream(
        subscription(symbol=IBM), Periods(subscription(), HOURS), OPEN_NS, source=Source.PIECES
    )
    market.live.add(market.streams[1])
    market.trade(OPEN_NS + 59 * NS_PER_SECOND, 100.0)
    market.look(OPEN_NS + NS_PER_MINUTE)
    assert [bar.end_time_ns - bar.time_ns for bar in market.bars] == [NS_PER_SECOND]


def test_a_quote_bar_opens_where_the_one_before_closed() -> None:
    market = Market(subscription(kind=TickType.QUOTE))
    market.quote(OPEN_NS + 1, 99.0, 101.0)
    market.quote(OPEN_NS + NS_PER_MINUTE + 1, 100.0, 100.5)
    market.look(OPEN_NS + 2 * NS_PER_MINUTE)
    second = market.bars[1]
    assert isinstance(second, QuoteBar)
    assert (second.bid_open, second.bid_high, second.bid_low, second.bid_close) == (99.0, 100.0, 99.0, 100.0)
    assert (second.ask_open, second.ask_high, second.ask_low, second.ask_close) == (
        101.0,
        101.0,
        100.5,
        100.5,
    )


def test_the_minute_in_which_it_was_asked_for_is_left_out() -> None:
    market = Market(subscription(), from_ns=OPEN_NS + 1)
    market.trade(OPEN_NS + 2, 100.0)
    market.trade(OPEN_NS + NS_PER_MINUTE, 101.0)
    market.look(OPEN_NS + 2 * NS_PER_MINUTE)
    assert [values(bar)[0] for bar in market.bars] == [OPEN_NS + NS_PER_MINUTE]
    assert market.live.late == 0


def test_gaps_are_filled_forward_where_that_is_wanted_and_only_while_the_market_is_open() -> None:
    market = Market(subscription(fill_forward=True), from_ns=CLOSE_NS - 3 * NS_PER_MINUTE)
    market.trade(CLOSE_NS - 3 * NS_PER_MINUTE, 100.0, 7.0)
    for seconds in range(0, 600, 30):
        market.look(CLOSE_NS - 2 * NS_PER_MINUTE + seconds * NS_PER_SECOND)
    assert [(bar.end_time_ns, bar.fill_forward) for bar in market.bars] == [
        (CLOSE_NS - 2 * NS_PER_MINUTE, False),
        (CLOSE_NS - NS_PER_MINUTE, True),
        (CLOSE_NS, True),
    ]
    assert [values(bar)[6] for bar in market.bars] == [7.0, 0.0, 0.0]
    assert market.live.next_ns(CLOSE_NS) == utc_ns(2025, 6, 17, 13, 31)


def test_what_trades_after_hours_comes_only_where_that_is_wanted() -> None:
    for extended, expected in ((False, 0), (True, 1)):
        market = Market(subscription(extended=extended), from_ns=CLOSE_NS)
        market.trade(CLOSE_NS + NS_PER_MINUTE, 100.0)
        market.look(CLOSE_NS + 2 * NS_PER_MINUTE)
        assert len(market.bars) == expected


def test_daily_bars_end_with_the_session_and_hours_on_the_clock() -> None:
    market = Market(
        subscription(Resolution.DAILY), subscription(Resolution.HOUR), from_ns=OPEN_NS + NS_PER_MINUTE
    )
    for time_ns, price in ((OPEN_NS + 2 * NS_PER_MINUTE, 100.0), (CLOSE_NS - 1, 101.0)):
        for at in (0, 1):
            market.trade(time_ns, price, at=at)
    market.trade(CLOSE_NS, 999.0)
    market.look(CLOSE_NS + 1)
    hours = [bar for bar in market.bars if bar.end_time_ns - bar.time_ns == NS_PER_HOUR]
    (day,) = [bar for bar in market.bars if bar not in hours]
    assert values(day) == (OPEN_NS, CLOSE_NS, 100.0, 101.0, 100.0, 101.0, 2.0)
    assert [bar.end_time_ns for bar in hours] == [utc_ns(2025, 6, 16, 14), CLOSE_NS]


def test_a_clock_that_jumps_is_not_answered_with_hours_of_bars() -> None:
    market = Market(subscription(fill_forward=True))
    market.trade(OPEN_NS + 1, 100.0)
    market.look(OPEN_NS + NS_PER_MINUTE)
    market.look(OPEN_NS + 2 * NS_PER_HOUR)
    assert len(market.bars) == 1 and market.live.skipped == 1
    assert market.streams[0].due is not None
    assert market.streams[0].due.end_ns > OPEN_NS + 2 * NS_PER_HOUR > OPEN_NS + CATCH_UP_NS


@pytest.mark.parametrize("day", [14, 15])
def test_a_weekend_has_no_bars(day: int) -> None:
    market = Market(subscription(fill_forward=True), from_ns=utc_ns(2025, 6, day, 14))
    market.trade(utc_ns(2025, 6, day, 15), 100.0)
    market.look(utc_ns(2025, 6, day, 16))
    assert market.bars == [] and market.live.next_ns(0) == OPEN_NS + NS_PER_MINUTE


def test_a_side_that_is_gone_and_was_passed_is_not_in_the_bar() -> None:
    market = Market(subscription(kind=TickType.QUOTE))
    market.quote(OPEN_NS + 1, 99.0, 100.0)
    market.quote(OPEN_NS + 2, 100.5, 0.0)
    market.look(OPEN_NS + NS_PER_MINUTE)
    (bar,) = market.bars
    assert isinstance(bar, QuoteBar)
    assert (bar.bid_close, bar.ask_close, bar.value) == (100.5, 0.0, 100.5)
