"""The quick way of a trade into a bar, against the careful way and against bars made afterwards."""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livetrader_engine.data.bars import QuoteBar, Tick, TradeBar
from livetrader_engine.data.quality import (
    REPEATED,
    QualityLimits,
    Quarantine,
    VenueClock,
)
from livetrader_engine.data.subscription import Subscription, TickType
from livetrader_engine.symbols import (
    NS_PER_MINUTE,
    NS_PER_SECOND,
    Resolution,
)
from livetrader_plugins.sdk.livebars import ORDER_NS, BarStream, LiveBars, Missing, Periods, Source
from livetrader_plugins.sdk.quotetapes import QuoteTape
from livetrader_plugins.sdk.tapes import TradeTape
from livetrader_plugins.sdk.tickstream import TickStream
from tests.unit.plugins.sdk.wires import (
    EFFECTS,
    HOURS,
    MS,
    OPEN_MS,
    OPEN_NS,
    SPY,
    Told,
    Wire,
    afterwards,
    delays_ms,
    pauses_ms,
    wires,
)

GRACE_NS = NS_PER_SECOND


class Desk:
    """One symbol's trades into streams of bars, as a feed with the exchange's times drives them."""

    def __init__(
        self, *resolutions: Resolution, limits: QualityLimits | None = None, hours: bool = True
    ) -> None:
        limits = limits or QualityLimits()
        self.clock = VenueClock(limits)
        self.quarantine = Quarantine()
        self.live = LiveBars(GRACE_NS, clock=self.clock)
        self.tape = TradeTape(SPY, limits, self.clock, self.quarantine)
        self.streams = []
        self.bars: list[TradeBar] = []
        for resolution in resolutions or (Resolution.MINUTE,):
            subscription = Subscription(SPY, resolution, TickType.TRADE, False, extended_market_hours=True)
            periods = Periods(subscription, HOURS)
            self.streams.append(BarStream(subscription, periods, OPEN_NS, source=Source.STAMPED))
            self.tape.add(self.streams[-1])
            self.live.add(self.streams[-1])

    def collect(self, now_ns: int) -> list[TradeBar]:
        made = [bar for step in self.live.collect(now_ns) for bar in step.points if isinstance(bar, TradeBar)]
        self.bars += made
        return made

    def hear(self, *told: Told, now_ns: int) -> list[TradeBar]:
        self.live.look(now_ns)
        for each in told:
            self.tape.trade(each.t * MS, each.q, each.p, each.s, EFFECTS[each.c])
        return self.collect(now_ns)


def values(bar: TradeBar) -> tuple[float, ...]:
    return (bar.time_ns, bar.end_time_ns, bar.open, bar.high, bar.low, bar.close, bar.volume)


@given(wires(), st.integers(1, 40), st.sampled_from([Resolution.SECOND, Resolution.MINUTE]))
@settings(max_examples=60)
def test_live_bars_equal_bars_made_afterwards_whatever_the_order_and_the_bunches(
    wire: Wire, bunch: int, resolution: Resolution
) -> None:
    desk = Desk(resolution)
    for at in range(0, len(wire.arrivals), bunch):
        part = wire.arrivals[at : at + bunch]
        desk.hear(*(each for _, each in part), now_ns=part[-1][0] * MS)
    if wire.arrivals:
        desk.live.proven(2**62)
        desk.collect(wire.arrivals[-1][0] * MS + NS_PER_MINUTE)
    assert [values(bar) for bar in desk.bars] == afterwards(wire.told, resolution.period_ns)
    assert desk.live.late == 0 and desk.quarantine.total == 0


@given(wires(), st.lists(st.integers(0, 79), max_size=20))
@settings(max_examples=50)
def test_the_quick_way_and_the_careful_way_make_the_same_bars(wire: Wire, again: list[int]) -> None:
    told = wire.told
    for number in again:  # some are told twice
        if number < len(told):
            told.insert(min(len(told), number + 5), told[number])
    quick, careful = Desk(), Desk(Resolution.MINUTE, Resolution.HOUR)
    now_ns = max((each.t for each in told), default=OPEN_MS) * MS + ORDER_NS
    for desk in (quick, careful):  # two streams of one tape go the general way
        desk.hear(*told, now_ns=now_ns)
        desk.live.proven(2**62)
        desk.collect(now_ns + NS_PER_MINUTE)
    minutes = [bar for bar in careful.bars if bar.end_time_ns - bar.time_ns == NS_PER_MINUTE]
    assert [values(bar) for bar in quick.bars] == [values(bar) for bar in minutes]
    assert [values(bar) for bar in quick.bars] == afterwards(sorted(set(told)), NS_PER_MINUTE)
    repeated = len(told) - len(set(told))
    assert quick.quarantine.counts == ({REPEATED: repeated} if repeated else {})


def trades(count: int, at_ms: int = 0, step_ms: int = 1_000, first: int = 1) -> list[Told]:
    return [Told(OPEN_MS + at_ms + step_ms * i, first + i, 100.0 + i / 100, 10.0) for i in range(count)]


END_NS = OPEN_NS + NS_PER_MINUTE


def test_a_minute_closes_as_soon_as_the_exchange_is_past_it() -> None:
    desk = Desk()
    for each in trades(60):
        assert desk.hear(each, now_ns=each.t * MS + 50 * MS) == []
    just = Told(OPEN_MS + 60_499, 61, 100.0, 1.0)
    assert desk.hear(just, now_ns=just.t * MS) == []  # something older may still be on its way
    past = Told(OPEN_MS + 60_500, 62, 100.0, 1.0)
    (bar,) = desk.hear(past, now_ns=past.t * MS)
    assert values(bar) == (OPEN_NS, END_NS, 100.0, 100.59, 100.0, 100.59, 600.0)


def test_a_minute_of_a_quiet_symbol_closes_when_the_grace_is_over_and_the_connection_lives() -> None:
    desk = Desk()
    desk.hear(*trades(3), now_ns=OPEN_NS + 2 * NS_PER_SECOND)
    assert desk.live.next_ns(OPEN_NS + 3 * NS_PER_SECOND) == END_NS
    assert desk.collect(END_NS) == []
    assert desk.live.next_ns(END_NS) == END_NS + GRACE_NS
    assert desk.collect(END_NS + GRACE_NS) == []  # nothing was heard since: is there a connection?
    desk.live.look(END_NS + GRACE_NS + 1)  # a pong
    (bar,) = desk.collect(END_NS + GRACE_NS + 1)
    assert bar.close == 100.02


def test_a_minute_closes_late_where_the_connection_says_nothing_at_all() -> None:
    desk = Desk()
    desk.hear(*trades(3), now_ns=OPEN_NS + 2 * NS_PER_SECOND)
    assert desk.collect(END_NS + 19 * NS_PER_SECOND) == []
    assert desk.live.next_ns(END_NS + 19 * NS_PER_SECOND) == END_NS + 20 * NS_PER_SECOND
    assert len(desk.collect(END_NS + 20 * NS_PER_SECOND)) == 1


def test_a_backlog_in_the_socket_closes_no_bar_before_its_trades_were_read() -> None:
    desk = Desk()
    behind_ns = 30 * NS_PER_SECOND
    for each in trades(130, step_ms=500):
        desk.hear(each, now_ns=each.t * MS + behind_ns)
        desk.collect(each.t * MS + behind_ns + 400 * MS)
    assert [values(bar) for bar in desk.bars] == afterwards(trades(120, step_ms=500), NS_PER_MINUTE)
    assert desk.live.late == 0


def test_a_fast_clock_of_ours_closes_no_bar_early_and_a_slow_one_none_before_its_own_end() -> None:
    for wrong_s in (5, -3):
        desk = Desk()
        for each in trades(62):
            now_ns = each.t * MS + wrong_s * NS_PER_SECOND
            for bar in desk.hear(each, now_ns=now_ns):
                assert now_ns >= bar.end_time_ns and each.t * MS >= bar.end_time_ns
        for seconds in range(10):
            desk.live.look(END_NS + seconds * NS_PER_SECOND)
            desk.collect(END_NS + seconds * NS_PER_SECOND)
        assert [bar.volume for bar in desk.bars] == [600.0]
        assert desk.live.late == 0


def test_a_venue_that_delays_by_contract_is_waited_for() -> None:
    delay_ns = 15 * NS_PER_MINUTE
    clock = VenueClock(QualityLimits())
    live = LiveBars(GRACE_NS, clock=clock, delay_ns=delay_ns)
    wanted = Subscription(SPY, Resolution.MINUTE, TickType.TRADE, False)
    stream = BarStream(wanted, Periods(wanted, HOURS), OPEN_NS, source=Source.STAMPED)
    live.add(stream)
    for minutes in range(1, 15):
        live.look(OPEN_NS + minutes * NS_PER_MINUTE)
        assert live.collect(OPEN_NS + minutes * NS_PER_MINUTE) == []
    assert stream.due is not None and stream.due.start_ns == OPEN_NS


def test_what_comes_after_its_bar_is_counted_and_makes_no_second_bar() -> None:
    desk = Desk()
    desk.hear(*trades(3), now_ns=OPEN_NS + 2 * NS_PER_SECOND)
    desk.live.look(END_NS + 2 * NS_PER_SECOND)
    assert len(desk.collect(END_NS + 2 * NS_PER_SECOND)) == 1
    desk.hear(Told(OPEN_MS + 59_999, 9, 105.0, 1.0), now_ns=END_NS + 3 * NS_PER_SECOND)
    desk.live.proven(2**62)
    assert desk.collect(END_NS + 2 * NS_PER_MINUTE) == [] and desk.live.late == 1


def test_odd_lots_alone_make_no_bar() -> None:
    desk = Desk()
    desk.hear(Told(OPEN_MS, 1, 100.0, 5.0, (37,)), Told(OPEN_MS + 60_000, 2, 100.0, 5.0), now_ns=END_NS)
    desk.live.proven(2**62)
    assert [bar.time_ns for bar in desk.collect(END_NS + NS_PER_MINUTE)] == [END_NS]


def test_a_lost_connection_has_no_half_bar_and_names_what_it_dropped() -> None:
    desk = Desk(Resolution.MINUTE, Resolution.HOUR)
    desk.hear(*trades(90), now_ns=END_NS + 30 * NS_PER_SECOND)
    assert len(desk.bars) == 1
    desk.live.doubt()
    desk.hear(*trades(10, at_ms=95_000, first=200), now_ns=END_NS + 50 * NS_PER_SECOND)
    assert desk.collect(END_NS + 3 * NS_PER_MINUTE) == []
    back_ns = END_NS + 3 * NS_PER_MINUTE + 20 * NS_PER_SECOND
    desk.live.resume(back_ns, "it was gone")
    # the hour that is not shown begins at ten, and was not heard in part
    assert [
        (each.subscription.resolution, each.start_ns, each.end_ns) for each in desk.live.take_missing()
    ] == [(Resolution.MINUTE, END_NS, END_NS + 4 * NS_PER_MINUTE)]
    assert desk.live.take_missing() == []
    desk.hear(*trades(101, at_ms=261_000, first=300), now_ns=OPEN_NS + 361 * NS_PER_SECOND)
    assert [bar.time_ns for bar in desk.bars] == [OPEN_NS, END_NS + 4 * NS_PER_MINUTE]


def test_an_hour_in_the_making_is_dropped_whole_with_its_connection() -> None:
    desk = Desk(Resolution.HOUR)
    ten_ns = OPEN_NS + 30 * NS_PER_MINUTE
    desk.hear(*trades(3, at_ms=40 * 60_000), now_ns=OPEN_NS + 41 * NS_PER_MINUTE)
    desk.live.doubt()
    desk.live.resume(OPEN_NS + 42 * NS_PER_MINUTE, "it was gone")
    (missing,) = desk.live.take_missing()
    assert (missing.start_ns, missing.end_ns) == (ten_ns, ten_ns + 60 * NS_PER_MINUTE)  # it runs still


def test_a_doubt_while_the_market_is_closed_misses_nothing() -> None:
    wanted = Subscription(SPY, Resolution.MINUTE, TickType.TRADE, True)
    live = LiveBars(GRACE_NS, clock=VenueClock(QualityLimits()))
    live.add(BarStream(wanted, Periods(wanted, HOURS), OPEN_NS - 60 * NS_PER_MINUTE, source=Source.STAMPED))
    live.doubt()
    live.resume(OPEN_NS - NS_PER_MINUTE)
    assert live.take_missing() == []


def test_nothing_is_filled_forward_from_before_a_doubt() -> None:
    desk = Desk()
    desk.streams[0].subscription = Subscription(SPY, Resolution.MINUTE, TickType.TRADE, True)
    desk.hear(*trades(3), now_ns=OPEN_NS + 2 * NS_PER_SECOND)
    desk.live.proven(2**62)
    desk.collect(END_NS + NS_PER_MINUTE)
    assert [bar.fill_forward for bar in desk.bars] == [False, True]
    desk.live.doubt()
    desk.live.resume(END_NS + NS_PER_MINUTE)
    assert desk.collect(END_NS + 5 * NS_PER_MINUTE) == []


@pytest.mark.parametrize("resolutions", [(Resolution.MINUTE,), (Resolution.MINUTE, Resolution.HOUR)])
def test_a_trade_that_is_taken_back_takes_its_minute_out_and_leaves_the_next(
    resolutions: tuple[Resolution, ...],
) -> None:
    desk = Desk(*resolutions)
    bust = Told(OPEN_MS + 2_100, 9, 100.0, 10.0, (44,))
    desk.hear(*trades(3), bust, now_ns=OPEN_NS + 3 * NS_PER_SECOND)
    desk.hear(*trades(3, at_ms=60_000, first=10), now_ns=END_NS + 3 * NS_PER_SECOND)
    assert desk.bars == []
    assert desk.live.take_missing() == [
        Missing(desk.streams[0].subscription, OPEN_NS, END_NS, "a trade was taken back")
    ]
    desk.live.proven(2**62)
    assert len(desk.collect(END_NS + NS_PER_MINUTE)) == 1


@pytest.mark.parametrize(
    "bad",
    [
        Told(OPEN_MS + 1_500, 50, float("nan"), 1.0),
        Told(OPEN_MS + 1_500, 50, 0.0, 1.0),
        Told(OPEN_MS + 1_500, 50, 100.0, -1.0),
        Told(OPEN_MS * 1_000, 50, 100.0, 1.0),  # microseconds
        Told(OPEN_MS + 60_000, 50, 100.0, 1.0),  # of the next minute, by its word
    ],
)
def test_a_trade_that_cannot_be_read_takes_its_minute_out(bad: Told) -> None:
    desk = Desk()
    desk.hear(*trades(2), bad, *trades(2, at_ms=2_000, first=60), now_ns=OPEN_NS + 10 * NS_PER_SECOND)
    desk.hear(*trades(3, at_ms=60_000, first=100), now_ns=END_NS + 3 * NS_PER_SECOND)
    assert desk.bars == []
    assert [(each.start_ns, each.end_ns) for each in desk.live.take_missing()] == [(OPEN_NS, END_NS)]
    desk.live.proven(2**62)
    assert len(desk.collect(END_NS + NS_PER_MINUTE)) == 1


def test_a_trade_that_changes_nothing_spoils_nothing_whatever_its_price() -> None:
    desk = Desk()
    desk.hear(*trades(2), Told(OPEN_MS + 1_500, 50, 0.0, 0.0, (15,)), now_ns=OPEN_NS + 10 * NS_PER_SECOND)
    desk.live.proven(2**62)
    assert len(desk.collect(END_NS)) == 1


def test_a_price_that_was_held_back_is_in_its_bar_when_others_confirm_it() -> None:
    told = [
        Told(OPEN_MS, 1, 100.0, 1.0), Told(OPEN_MS + 1, 2, 130.0, 2.0), Told(OPEN_MS + 2, 3, 131.0, 3.0),
        Told(OPEN_MS + 3, 4, 132.0, 4.0), Told(OPEN_MS + 4, 5, 133.0, 5.0),
    ]  # fmt: skip
    desk = Desk()
    desk.hear(*told, now_ns=OPEN_NS + NS_PER_SECOND)
    desk.live.proven(2**62)
    (bar,) = desk.collect(END_NS)
    assert values(bar) == (OPEN_NS, END_NS, 100.0, 133.0, 100.0, 133.0, 15.0)
    assert desk.quarantine.released == 2


def test_a_spike_alone_is_in_no_bar() -> None:
    told = [*trades(3), Told(OPEN_MS + 2_500, 50, 1_000.0, 5.0), *trades(2, at_ms=3_000, first=60)]
    desk = Desk()
    desk.hear(*told, now_ns=OPEN_NS + 10 * NS_PER_SECOND)
    desk.live.proven(2**62)
    (bar,) = desk.collect(END_NS)
    assert (bar.high, bar.volume) == (100.02, 50.0)
    assert desk.quarantine.counts["off the market"] == 1


@pytest.mark.parametrize("pieces", [1, 60])
def test_bars_of_the_venues_pieces_close_with_the_last_one(pieces: int) -> None:
    clock = VenueClock(QualityLimits())
    live = LiveBars(5 * NS_PER_SECOND, clock=clock)
    wanted = Subscription(SPY, Resolution.MINUTE, TickType.TRADE, False)
    stream = BarStream(wanted, Periods(wanted, HOURS), OPEN_NS, source=Source.PIECES)
    live.add(stream)
    length_ns = NS_PER_MINUTE // pieces
    made = []
    for number in range(pieces):
        start_ns = OPEN_NS + number * length_ns
        now_ns = start_ns + length_ns + 100 * MS
        live.look(now_ns)
        stream.piece(TradeBar(SPY, start_ns, start_ns + length_ns, 100.0, 101.0, 99.0, 100.5, 7.0))
        made += live.collect(now_ns)
        assert len(made) == (number == pieces - 1)
    (bar,) = made[0].points
    assert isinstance(bar, TradeBar)
    assert values(bar) == (OPEN_NS, END_NS, 100.0, 101.0, 99.0, 100.5, 7.0 * pieces)
    assert live.gaps == 0


# ---- quotes, and single ticks


class QuoteDesk:
    """One symbol's quotes into minutes."""

    def __init__(self) -> None:
        limits = QualityLimits(band=0.0)
        clock = VenueClock(limits)
        self.live = LiveBars(GRACE_NS, clock=clock)
        self.quarantine = Quarantine()
        self.tape = QuoteTape(SPY, limits, clock, self.quarantine)
        wanted = Subscription(SPY, Resolution.MINUTE, TickType.QUOTE, False)
        self.stream = BarStream(wanted, Periods(wanted, HOURS), OPEN_NS, source=Source.STAMPED)
        self.tape.add(self.stream)
        self.live.add(self.stream)

    def finish(self, now_ns: int) -> list[QuoteBar]:
        self.live.proven(2**62)
        return [bar for step in self.live.collect(now_ns) for bar in step.points if isinstance(bar, QuoteBar)]


class Quoted(NamedTuple):
    t: int
    q: int
    bp: float
    bs: float
    ap: float
    ask_size: float


quote_steps = st.lists(
    st.tuples(
        pauses_ms, st.sampled_from([99.0, 99.5, 100.0]), st.sampled_from([100.0, 100.5, 101.0]), delays_ms
    ),
    max_size=60,
)


@given(quote_steps)
@settings(max_examples=60)
def test_quote_bars_equal_those_of_the_quotes_in_order(
    steps: list[tuple[int, float, float, int]],
) -> None:
    now_ms, told = OPEN_MS, list[tuple[int, Quoted]]()
    for number, (pause_ms, bid, ask, delay_ms) in enumerate(steps, 1):
        now_ms += pause_ms
        told.append((now_ms + delay_ms, Quoted(now_ms, number, bid, 1.0, ask, 2.0)))
    arriving, ordered = QuoteDesk(), QuoteDesk()
    as_they_come = sorted(told, key=lambda each: each[0])
    for desk, quotes in ((arriving, as_they_come), (ordered, told)):
        for arrival_ms, quote in quotes:
            desk.live.look(max(arrival_ms, quote.t) * MS)
            assert desk.tape.quote(quote.t * MS, quote.q, quote.bp, quote.bs, quote.ap, quote.ask_size)
    end_ns = now_ms * MS + NS_PER_MINUTE
    made = [_numbers(bar) for bar in arriving.finish(end_ns)]
    assert made == [_numbers(bar) for bar in ordered.finish(end_ns)]
    assert made == _quote_bars_afterwards([each for _, each in told])


def test_a_quote_bar_opens_not_with_what_stood_before_a_minute_that_was_heard_in_part() -> None:
    desk = QuoteDesk()
    for minute, bid in enumerate((99.0, 99.5, 99.7)):
        at_ms = OPEN_MS + minute * 60_000
        desk.live.look(at_ms * MS)
        desk.tape.quote(at_ms * MS, minute + 1, bid, 1.0, 100.0, 2.0)
    desk.stream.doubt_period(END_NS)
    first, third = desk.finish(END_NS + 2 * NS_PER_MINUTE)
    assert (first.bid_open, third.bid_open, third.bid_high) == (99.0, 99.7, 99.7)


def test_quotes_that_cannot_be_leave_the_bar_as_it_is() -> None:
    good = [Quoted(OPEN_MS + i, i + 1, 99.0, 1.0, 100.0 + i / 10, 2.0) for i in range(6)]
    bad = [
        good[2]._replace(q=20, bp=102.0), good[2]._replace(q=21, bs=-1.0),
        good[2]._replace(q=22, ap=float("nan")), good[2]._replace(q=23, t=OPEN_MS * 1_000),
    ]  # fmt: skip
    desk = QuoteDesk()
    desk.live.look(OPEN_NS + NS_PER_SECOND)
    for each in [*good[:3], *bad, *[each._replace(q=each.q + 30) for each in good[3:]]]:
        desk.tape.quote(each.t * MS, each.q, each.bp, each.bs, each.ap, each.ask_size)
    (bar,) = desk.finish(END_NS)
    assert _numbers(bar)[1:] == (99.0, 99.0, 99.0, 99.0, 1.0, 100.0, 100.5, 100.0, 100.5, 2.0)
    assert desk.quarantine.total == 4


def _numbers(bar: QuoteBar) -> tuple[float, ...]:
    return (
        bar.time_ns, bar.bid_open, bar.bid_high, bar.bid_low, bar.bid_close, bar.bid_size,
        bar.ask_open, bar.ask_high, bar.ask_low, bar.ask_close, bar.ask_size,
    )  # fmt: skip


def _quote_bars_afterwards(told: list[Quoted]) -> list[tuple[float, ...]]:
    groups: dict[int, list[Quoted]] = defaultdict(list)
    for each in told:
        if HOURS.is_open(each.t * MS):
            groups[each.t * MS // NS_PER_MINUTE * NS_PER_MINUTE].append(each)
    bars: list[tuple[float, ...]] = []
    before: tuple[float, ...] = ()
    for start_ns, group in sorted(groups.items()):
        bids, asks = [each.bp for each in group], [each.ap for each in group]
        if before:
            bids, asks = [before[0], *bids], [before[1], *asks]
        before = (bids[-1], asks[-1])
        bars.append((
            start_ns, bids[0], max(bids), min(bids), bids[-1], 1.0,
            asks[0], max(asks), min(asks), asks[-1], 2.0,
        ))  # fmt: skip
    return bars


def test_single_ticks_are_those_that_passed_and_say_which_may_not_set_a_price() -> None:
    heard: list[Tick] = []
    desk = Desk()
    wanted = Subscription(SPY, Resolution.TICK)
    desk.tape.add(TickStream(wanted, lambda _, tick: heard.append(tick)))
    now_ns = OPEN_NS + NS_PER_SECOND
    told = [
        Told(OPEN_MS, 1, 100.0, 5.0),
        Told(OPEN_MS + 1, 2, 100.5, 5.0, (37,)),
        Told(OPEN_MS + 2, 3, -1.0, 5.0),
    ]
    desk.hear(*told, now_ns=now_ns)
    assert [(each.time_ns, each.price, each.suspicious) for each in heard] == [
        (OPEN_NS, 100.0, False),
        (OPEN_NS + MS, 100.5, True),
    ]


def test_a_quote_that_was_overtaken_is_no_tick() -> None:
    heard: list[Tick] = []
    desk = QuoteDesk()
    ticks = TickStream(Subscription(SPY, Resolution.TICK, TickType.QUOTE), lambda _, tick: heard.append(tick))
    desk.tape.add(ticks)
    desk.live.look(OPEN_NS + NS_PER_SECOND)
    for time_ms, number in ((5, 2), (3, 1), (7, 3)):
        desk.tape.quote(OPEN_NS + time_ms * MS, number, 99.0, 1.0, 100.0 + number, 1.0)
    assert [each.ask_price for each in heard] == [102.0, 103.0] and ticks.overtaken == 1


def test_a_stream_that_the_venue_confirms_in_the_middle_of_a_minute_begins_with_the_next() -> None:
    desk = Desk(Resolution.MINUTE, Resolution.HOUR)
    desk.hear(*trades(2, at_ms=2_000), now_ns=OPEN_NS + 3 * NS_PER_SECOND)
    for each in desk.streams:
        desk.live.begun(each.subscription, OPEN_NS + 4 * NS_PER_SECOND)
    (missing,) = desk.live.take_missing()
    assert (missing.subscription.resolution, missing.start_ns, missing.end_ns) == (
        Resolution.MINUTE, OPEN_NS, END_NS
    )  # fmt: skip
    desk.hear(*trades(2, at_ms=60_000, first=50), now_ns=END_NS + 3 * NS_PER_SECOND)
    desk.live.proven(2**62)
    assert [bar.time_ns for bar in desk.collect(END_NS + NS_PER_MINUTE)] == [END_NS]


def test_of_quotes_before_the_first_minute_the_newest_stands_though_it_was_overtaken() -> None:
    desk = QuoteDesk()
    desk.live.look(OPEN_NS)
    for time_ms, number, bid in ((-5, 2, 99.5), (-6, 1, 99.0), (1_000, 3, 99.7)):
        desk.live.look(OPEN_NS + 2 * NS_PER_SECOND)
        desk.tape.quote(OPEN_NS + time_ms * MS, number, bid, 1.0, 100.0, 1.0)
    (bar,) = desk.finish(END_NS)
    assert (bar.bid_open, bar.bid_close) == (99.5, 99.7)
