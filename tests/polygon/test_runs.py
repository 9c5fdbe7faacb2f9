"""The hot loop of the feed, against the careful way of each trade and against bars made afterwards."""

from __future__ import annotations

from collections import Counter, defaultdict

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livetrader_engine.data.bars import QuoteBar, TradeBar
from livetrader_engine.data.quality import (
    AHEAD,
    NOT_A_PRICE,
    NOT_A_SIZE,
    NUMBERS_KEPT,
    OUT_OF_ORDER,
    REPEATED,
    TOO_OLD,
    QualityLimits,
)
from livetrader_engine.data.subscription import Subscription, TickType
from livetrader_engine.symbols import (
    NS_PER_MINUTE,
    NS_PER_SECOND,
    Resolution,
    SecurityType,
    Symbol,
    equity_identifier,
)
from livetrader_plugins.polygon import untold
from livetrader_plugins.polygon.ladder import QUOTE, TRADE
from livetrader_plugins.polygon.outlet import Outlet
from livetrader_plugins.polygon.protocol import FrameDecoder, Quote, Trade
from livetrader_plugins.sdk.periods import Periods
from livetrader_plugins.sdk.tapes import TOO_LATE
from tests.fuzz.stopwatch import undisturbed_s
from tests.unit.plugins.sdk.wires import HOURS, MS, OPEN_NS, SPY, Told, Wire, afterwards, wires

LATE_NS = 3 * NS_PER_MINUTE


def heard(told: Told) -> Trade:
    """Return an event as the decoder makes it: whole sizes are whole numbers, as most venues write them."""
    size = int(told.s) if told.s.is_integer() and told.q % 3 else told.s
    return Trade(sym="SPY", p=told.p, t=float(told.t), s=size, q=told.q, c=told.c)


class Desk:
    """An outlet with one stream of trades, or with two, which take no part in the quick way.

    `as_text`: reads can be read again; where not, gates are told of each trade at once.
    """

    def __init__(self, *resolutions: Resolution, as_text: bool = True) -> None:
        self.outlet = Outlet(QualityLimits(), NS_PER_SECOND)
        self._as_text = as_text
        self.bars: list[TradeBar] = []
        for resolution in resolutions:
            wanted = Subscription(SPY, resolution, TickType.TRADE, False, extended_market_hours=True)
            self.outlet.join(wanted, TRADE, "SPY", Periods(wanted, HOURS), OPEN_NS)

    def hear(self, told: list[Told], now_ns: int) -> None:
        frame = msgspec.json.encode([heard(each) for each in told])
        events = FrameDecoder().decode([frame])
        assert len(events) == len(told)
        self.outlet.hear(events, now_ns, frame if self._as_text else b"")
        self.collect(now_ns)

    def collect(self, now_ns: int) -> None:
        self.outlet.collect(now_ns)
        for step in self.outlet.take(now_ns):
            self.bars += [bar for bar in step.points if isinstance(bar, TradeBar)]

    def minutes(self) -> list[tuple[float, ...]]:
        return [
            (bar.time_ns, bar.end_time_ns, bar.open, bar.high, bar.low, bar.close, bar.volume)
            for bar in self.bars
            if bar.end_time_ns - bar.time_ns == NS_PER_MINUTE
        ]


@given(wires(), st.lists(st.integers(0, 49), max_size=10), st.integers(1, 30), st.booleans(), st.booleans())
@settings(max_examples=120)
def test_the_hot_loop_makes_the_bars_of_the_tape(
    wire: Wire, again: list[int], bunch: int, at_once: bool, as_text: bool
) -> None:
    """Some are told twice, some late; reads are of any size, and may come long after they were sent."""
    arrivals = [(at_ms * MS, each) for at_ms, each in wire.arrivals if each.c != (44,)]
    for number in again:
        if number < len(arrivals):
            later = arrivals[min(len(arrivals) - 1, number + 5)][0]
            arrivals.append((later, arrivals[number][1]))
    arrivals.sort(key=lambda each: each[0])
    quick = Desk(Resolution.MINUTE, as_text=as_text)
    careful = Desk(Resolution.MINUTE, Resolution.HOUR)
    end_ns = arrivals[-1][0] if arrivals else OPEN_NS
    for at in range(0, len(arrivals), bunch):
        part = arrivals[at : at + bunch]
        for desk in (quick, careful):
            desk.hear([each for _, each in part], end_ns if at_once else part[-1][0])
    for desk in (quick, careful):
        desk.outlet.alive(end_ns + LATE_NS)
        desk.collect(end_ns + LATE_NS)
    told = [each for _, each in arrivals]
    assert quick.minutes() == careful.minutes() == afterwards(sorted(set(told)), NS_PER_MINUTE)
    repeated = len(told) - len(set(told))
    assert quick.outlet.quarantine.counts == ({REPEATED: repeated} if repeated else {})


mids = st.integers(-40, 40).map(lambda cents: 100 + cents / 100)
jumps = st.sampled_from([0, 0, 0, 0, 0, 0, 9, 12, 40])  # the last is off the market
steps_ms = st.sampled_from([0, 0, 1, 500, 7_000, 30_000, -2_000])
sizes = st.sampled_from([1, 2.0, 2, 3, 0.5, 1, 2, 0, -1, 2**63])
quotes = st.tuples(steps_ms, mids, jumps, st.sampled_from([1, 1, 2, 0, -1]), sizes, sizes)


@given(st.lists(quotes, min_size=1, max_size=60), st.integers(1, 20))
@settings(max_examples=80)
def test_the_hot_loop_makes_the_quote_bars_of_the_tape(
    told: list[tuple[int, float, int, int, float, float]], bunch: int
) -> None:
    """Locked, crossed, withdrawn, off the market: with one stream, and with two, which go the careful way."""
    time_ms, events = OPEN_NS // MS, []
    for number, (step_ms, mid, jump, spread, bid_size, ask_size) in enumerate(told):
        time_ms += step_ms
        bid, ask = mid + jump, mid + jump + spread / 100
        event = Quote(sym="SPY", t=float(time_ms), bp=bid, bs=bid_size, ap=ask, ask_size=ask_size)
        event.q = number // 2 * 2 - number % 3
        events.append(event)
    made = []
    for resolutions in ((Resolution.MINUTE,), (Resolution.MINUTE, Resolution.HOUR)):
        outlet, bars = Outlet(QualityLimits(), NS_PER_SECOND), []
        for resolution in resolutions:
            wanted = Subscription(SPY, resolution, TickType.QUOTE, False, extended_market_hours=True)
            outlet.join(wanted, QUOTE, "SPY", Periods(wanted, HOURS), OPEN_NS)
        for at in range(0, len(events), bunch):
            part = events[at : at + bunch]
            now_ns = int(max(each.t for each in events[: at + bunch])) * MS
            outlet.hear(list(part), now_ns)
            outlet.collect(now_ns)
        outlet.alive(now_ns + LATE_NS)
        outlet.collect(now_ns + LATE_NS)
        for step in outlet.take(now_ns + LATE_NS):
            bars += [
                msgspec.structs.astuple(bar)
                for bar in step.points
                if isinstance(bar, QuoteBar) and bar.end_time_ns - bar.time_ns == NS_PER_MINUTE
            ]
        made.append((bars, outlet.quarantine.counts))
    assert made[0] == made[1]


Minutes = dict[tuple[str, str], list[tuple[object, ...]]]  # by symbol and kind
Arrivals = list[tuple[int, Trade | Quote]]  # with the times of arrival, which ascend (UTC ns)
NAMES = ("SPY", "QQQ", "IWM")


def minutes_of(arrivals: Arrivals, bunch: int, *resolutions: Resolution) -> tuple[Minutes, Counter[str]]:
    """Return the minute bars that one connection makes of events, and what it refused."""
    outlet, made = Outlet(QualityLimits(), NS_PER_SECOND), defaultdict(list)
    for name in sorted({event.sym for _, event in arrivals}):
        symbol = Symbol.create(equity_identifier(name, None), name, SecurityType.EQUITY, "usa")
        for resolution in resolutions:
            for kind, tick_type in ((TRADE, TickType.TRADE), (QUOTE, TickType.QUOTE)):
                wanted = Subscription(symbol, resolution, tick_type, False, extended_market_hours=True)
                outlet.join(wanted, kind, name, Periods(wanted, HOURS), OPEN_NS)

    def collect(now_ns: int) -> None:
        outlet.collect(now_ns)
        for step in outlet.take(now_ns):
            for bar in step.points:
                assert isinstance(bar, TradeBar | QuoteBar)
                if bar.end_time_ns - bar.time_ns == NS_PER_MINUTE:
                    made[bar.symbol.value, type(bar).__name__].append(msgspec.structs.astuple(bar))

    for at in range(0, len(arrivals), bunch):
        part = arrivals[at : at + bunch]
        frame = msgspec.json.encode([event for _, event in part])
        outlet.hear(FrameDecoder().decode([frame]), part[-1][0], frame)
        collect(part[-1][0])
    end_ns = arrivals[-1][0] + LATE_NS
    outlet.alive(end_ns)
    collect(end_ns)
    return made, outlet.quarantine.counts


def assert_that_none_touches_another(arrivals: Arrivals, bunch: int) -> None:
    """Which times are due is found once for all; the careful way of a symbol by itself knows of no other."""
    if not arrivals:
        return
    together, refused = minutes_of(arrivals, bunch, Resolution.MINUTE)
    for name in {event.sym for _, event in arrivals}:
        alone = [(at_ns, event) for at_ns, event in arrivals if event.sym == name]
        bars, counts = minutes_of(alone, 1, Resolution.MINUTE, Resolution.HOUR)
        assert bars == {key: made for key, made in together.items() if key[0] == name}
        refused = refused - counts
    assert not refused


@given(st.lists(wires(), min_size=3, max_size=3), st.integers(1, 40))
@settings(max_examples=80)
def test_symbols_that_share_a_connection_do_not_touch_each_other(drawn: list[Wire], bunch: int) -> None:
    first_ms, told = min((wire.told[0].t for wire in drawn if wire.told), default=0), []
    for number, wire in enumerate(drawn):
        for at_ms, each in wire.arrivals:
            before_ms = wire.told[0].t - first_ms  # they begin together
            told.append(((at_ms - before_ms) * MS, number, each._replace(t=each.t - before_ms)))
    told.sort(key=lambda each: each[:2])
    arrivals: Arrivals = []
    for arrived_ns, number, each in told:
        trade = heard(each)
        trade.sym = NAMES[number]
        quote = Quote(sym=trade.sym, t=trade.t, bp=each.p - 0.25, ap=each.p + 0.25, bs=each.q, ask_size=1)
        quote.q = each.q
        arrivals += [(arrived_ns, trade), (arrived_ns, quote)]
    assert_that_none_touches_another(arrivals, bunch)


jittered = st.tuples(
    st.sampled_from(NAMES), st.booleans(), st.sampled_from([0, 0, 0, 0, 1, 1, 2, 5, 300, -1, -1, -4]),
    st.sampled_from([99.99, 100.0, 100.01, 100.02, 180.0]), st.sampled_from([1, 1, 1, 2, 0.5, -1, 2**63]),
)  # fmt: skip


@given(st.lists(jittered, max_size=80), st.sampled_from([0, 59_000, 59_990]), st.integers(1, 40))
@settings(max_examples=300)
def test_times_and_numbers_that_disagree_touch_no_other_symbol(
    drawn: list[tuple[str, bool, int, float, float]], begin_ms: int, bunch: int
) -> None:
    """Numbers ascend and times do not quite; some prices are off the market, and some sizes are none."""
    time_ms, newest_ms, arrivals = OPEN_NS // MS + begin_ms, 0, []
    for number, (name, is_trade, step_ms, price, size) in enumerate(drawn, 1):
        time_ms += step_ms
        newest_ms = max(newest_ms, time_ms)
        event: Trade | Quote
        if is_trade:
            event = Trade(sym=name, p=price, t=float(time_ms), s=size)
        else:
            event = Quote(sym=name, bp=price, bs=2, ap=price + 0.01, ask_size=size, t=float(time_ms))
        event.q = number
        arrivals.append((newest_ms * MS, event))
    assert_that_none_touches_another(arrivals, bunch)


def test_a_size_without_end_is_no_size_and_a_time_without_end_no_time() -> None:
    """JSON has numbers that no float has."""
    desk, decoder, now_ms = Desk(Resolution.MINUTE), FrameDecoder(), OPEN_NS // MS
    plain = f'{{"ev":"T","sym":"SPY","p":100.5,"s":100,"t":{now_ms},"q":%d}}'
    bad = [
        plain.replace('"s":100', f'"s":{"9" * 400}') % 2,
        plain.replace('"s":100', f'"s":{2**63}') % 3,
        plain.replace(str(now_ms), "9" * 200) % 4,
    ]
    frame = f"[{plain % 1},{','.join(bad)},{plain % 5}]".encode()
    desk.outlet.hear(decoder.decode([frame]), OPEN_NS)
    found = desk.outlet.quarantine.counts
    unread = decoder.refused.total()
    assert found[NOT_A_SIZE] + found[AHEAD] + unread == len(bad), (found, decoder.refused)
    assert found[NOT_A_SIZE] >= 1 and found[AHEAD] == 1


def trades_of(*names: str, limits: QualityLimits | None = None) -> Outlet:
    """Return an outlet that makes minute bars of trades."""
    outlet = Outlet(limits or QualityLimits(), NS_PER_SECOND)
    for name in names:
        symbol = Symbol.create(equity_identifier(name, None), name, SecurityType.EQUITY, "usa")
        wanted = Subscription(symbol, Resolution.MINUTE, TickType.TRADE, False, extended_market_hours=True)
        outlet.join(wanted, TRADE, name, Periods(wanted, HOURS), OPEN_NS)
    return outlet


def tell(outlet: Outlet, name: str, number: int, time_ns: int, now_ns: int) -> None:
    """Have it hear a trade."""
    frame = msgspec.json.encode([Trade(sym=name, p=100.0, t=float(time_ns // MS), s=1, q=number)])
    outlet.hear(FrameDecoder().decode([frame]), now_ns, frame)


def test_a_trade_of_long_ago_is_too_old_though_nothing_was_heard_since() -> None:
    outlet = trades_of("SPY", limits=QualityLimits(oldest_s=10.0))
    tell(outlet, "SPY", 1, OPEN_NS, OPEN_NS)
    tell(outlet, "SPY", 2, OPEN_NS + 2 * NS_PER_SECOND, OPEN_NS + 11 * NS_PER_SECOND)
    assert not outlet.quarantine.counts
    tell(outlet, "SPY", 3, OPEN_NS + 3 * NS_PER_SECOND, OPEN_NS + 20 * NS_PER_SECOND)
    assert outlet.quarantine.counts == {TOO_OLD: 1}
    tell(outlet, "SPY", 4, OPEN_NS + 19 * NS_PER_SECOND, OPEN_NS + 20 * NS_PER_SECOND)
    outlet.alive(OPEN_NS + LATE_NS)
    outlet.collect(OPEN_NS + LATE_NS)
    (step,) = outlet.take(OPEN_NS + LATE_NS)
    (bar,) = step.points
    assert isinstance(bar, TradeBar) and bar.volume == 3.0  # that too old one is left out


def test_plain_trades_stay_plain_for_as_long_as_their_bar_lasts() -> None:
    """Times are believed to 5 s ahead of our clock, which goes on. A quiet symbol holds up no other."""
    outlet = trades_of("SPY", "QQQ")
    for second in range(50):
        now_ns = OPEN_NS + second * NS_PER_SECOND
        for name in ("SPY", "QQQ") if second < 2 else ("SPY",):
            tell(outlet, name, second, now_ns, now_ns)
    odd = {name: len(run.tape.gate.remember) for name, run in outlet._runs.trades.items()}
    assert odd == {"SPY": 1, "QQQ": 1}
    assert outlet._runs._is_due(float(now_ns // MS + 1))


def test_parts_of_shares_add_up_with_whole_ones() -> None:
    desk, sizes = Desk(Resolution.MINUTE), (100, 0.25, 7, 2.5, 3)
    told = [Told(OPEN_NS // MS + at, at + 1, 100.0, size, ()) for at, size in enumerate(map(float, sizes))]
    desk.hear(told, OPEN_NS + NS_PER_SECOND)
    desk.outlet.alive(OPEN_NS + LATE_NS)
    desk.collect(OPEN_NS + LATE_NS)
    assert [bar.volume for bar in desk.bars] == [112.75]


def plain(*numbers: int) -> list[Told]:
    """Return trades a millisecond apart, as their numbers say."""
    return [Told(OPEN_NS // MS + number, number, 100.0, 1.0, ()) for number in numbers]


NOW_NS = OPEN_NS + 2 * NS_PER_SECOND


@pytest.mark.parametrize("bunch", [1, 7, NUMBERS_KEPT])
def test_a_trade_told_again_is_known_however_many_plain_ones_came_between(bunch: int) -> None:
    desk, told = Desk(Resolution.MINUTE), plain(*range(1, NUMBERS_KEPT + 1))
    for at in range(0, len(told), bunch):
        desk.hear(told[at : at + bunch], NOW_NS)
    desk.hear([told[0], told[200], told[-2], told[-1]], NOW_NS)
    assert desk.outlet.quarantine.counts == {REPEATED: 4}


def test_what_was_overtaken_is_told_apart_from_what_is_told_again() -> None:
    """In one read, and in several; some are odd, and known to the gate before the plain ones around them."""
    desk = Desk(Resolution.MINUTE)
    odd = [each._replace(c=(10,)) for each in plain(5, 12)]
    desk.hear([*plain(1, 2), odd[0], *plain(6, 3, 3, 9)], NOW_NS)  # 3 is late, and then again
    desk.hear([*plain(11), odd[1], *plain(14)], NOW_NS)
    desk.hear([*plain(4, 13, 14), *odd, *plain(9, 11, 2, 10)], NOW_NS)
    desk.outlet.alive(OPEN_NS + LATE_NS)
    desk.collect(OPEN_NS + LATE_NS)
    assert desk.outlet.quarantine.counts == {REPEATED: 7}
    assert [bar.volume for bar in desk.bars] == [12.0]  # 1 to 14 without 7 and 8


def test_a_trade_refused_once_is_not_taken_for_heard() -> None:
    desk, (bad, good) = Desk(Resolution.MINUTE, as_text=True), plain(3, 3)
    desk.hear([*plain(1), bad._replace(p=-1.0), *plain(5)], NOW_NS)
    desk.hear([good, good], NOW_NS)
    assert desk.outlet.quarantine.counts == {NOT_A_PRICE: 1, REPEATED: 1}


def test_a_late_trade_of_before_all_that_is_known_leaves_its_minute_to_history(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It may have been heard or not: neither is the bar with it right for sure, nor the bar without."""
    monkeypatch.setattr(untold, "KEPT_EVENTS", 20)
    desk = Desk(Resolution.MINUTE)
    for number in range(10, 500, 10):
        desk.hear(plain(number, number + 1), NOW_NS)
    desk.hear(plain(491), NOW_NS)
    assert desk.outlet.quarantine.counts == {REPEATED: 1}
    desk.hear(plain(492, 15), NOW_NS)
    assert desk.outlet.quarantine.counts == {REPEATED: 1, OUT_OF_ORDER: 1}
    desk.outlet.alive(OPEN_NS + LATE_NS)
    desk.collect(OPEN_NS + LATE_NS)
    assert not desk.bars
    assert [missing.reason for missing in desk.outlet.take_missing()] == [TOO_LATE]


def test_streams_that_come_and_go_leave_what_was_heard_known() -> None:
    desk, told = Desk(Resolution.MINUTE), plain(*range(1, 20))
    desk.hear(told, NOW_NS)
    another = Subscription(SPY, Resolution.SECOND, TickType.TRADE, False, extended_market_hours=True)
    desk.outlet.join(another, TRADE, "SPY", Periods(another, HOURS), NOW_NS)
    desk.hear(told, NOW_NS)
    assert desk.outlet.quarantine.counts == {REPEATED: len(told)}


def test_a_stream_that_is_left_and_asked_for_again_knows_nothing_of_before() -> None:
    desk = Desk(Resolution.MINUTE)
    desk.hear(plain(1, 2, 3), NOW_NS)
    wanted = Subscription(SPY, Resolution.MINUTE, TickType.TRADE, False, extended_market_hours=True)
    desk.outlet.leave(wanted)
    desk.outlet.join(wanted, TRADE, "SPY", Periods(wanted, HOURS), OPEN_NS)
    desk.hear(plain(4, 2), NOW_NS)
    assert not desk.outlet.quarantine.counts


def test_a_large_read_of_late_trades_takes_no_longer_for_each_than_a_small_one() -> None:
    """A number that was none, and whatever follows in the same millisecond is numbered below it."""
    desk, at = Desk(Resolution.MINUTE), OPEN_NS // MS + 1
    numbers = [1, 2**40, *range(2, 40_000)]
    begun_s = undisturbed_s()
    desk.hear([Told(at, number, 100.0, 1.0, ()) for number in numbers], NOW_NS)
    assert undisturbed_s() - begun_s < 4.0
