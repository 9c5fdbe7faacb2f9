"""What is believed of a tick: the gates of trades and of quotes."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livetrader_engine.data.quality import (
    AHEAD,
    ALL,
    CROSSED,
    NEWEST_KEPT,
    NO_SIDE,
    NOT_A_PRICE,
    NOT_A_SIZE,
    NUMBERS_KEPT,
    OFF_MARKET,
    OUT_OF_ORDER,
    REASONS,
    REPEATED,
    TOO_OLD,
    TOO_WIDE,
    VOLUME,
    WRONG_UNIT,
    QualityLimits,
    Quarantine,
    QuoteGate,
    TradeGate,
    VenueClock,
)
from livetrader_engine.symbols import NS_PER_HOUR, NS_PER_SECOND, SecurityType, Symbol, equity_identifier

SPY = Symbol.create(equity_identifier("SPY", None), "SPY", SecurityType.EQUITY, "usa")
NOW_NS = 1_750_080_600_000_000_000
NAN, INF = math.nan, math.inf


def kind(security_type: SecurityType) -> Symbol:
    return Symbol.create(equity_identifier("X", None), "X", security_type, "usa")


class Desk:
    """A gate of each kind for one symbol; `passed` is what came through."""

    def __init__(self, limits: QualityLimits | None = None, symbol: Symbol = SPY) -> None:
        limits = limits or QualityLimits()
        self.clock = VenueClock(limits)
        self.clock.look(NOW_NS)
        self.quarantine = Quarantine()
        self.trades = TradeGate(symbol, limits, self.clock, self.quarantine)
        self.quotes = QuoteGate(symbol, limits, self.clock, self.quarantine)
        self.number = 0

    def trade(
        self, price: float, size: float = 1.0, at_s: float = 0.0, updates: int = ALL, number: int = 0
    ) -> tuple[float, ...]:
        self.number = number or self.number + 1
        time_ns = NOW_NS + int(at_s * NS_PER_SECOND)
        return tuple(
            each.price for each in self.trades.admit(time_ns, self.number, price, size, updates) or ()
        )

    def quote(
        self, bid: float, ask: float, sizes: tuple[float, float] = (1.0, 1.0), at_s: float = 0.0
    ) -> bool:
        self.number += 1
        time_ns = NOW_NS + int(at_s * NS_PER_SECOND)
        return self.quotes.admit(time_ns, self.number, bid, sizes[0], ask, sizes[1]) is not None

    @property
    def reasons(self) -> dict[str, int]:
        return dict(self.quarantine.counts)


@pytest.mark.parametrize("price", [0.0, -1.0, NAN, INF, -INF, 1e13])
def test_a_price_that_is_none_is_no_trade(price: float) -> None:
    desk = Desk()
    assert desk.trade(price) == ()
    assert desk.reasons == {NOT_A_PRICE: 1}


@pytest.mark.parametrize("size", [-1.0, NAN, INF, 1e16])
def test_a_size_that_is_none_is_no_trade(size: float) -> None:
    desk = Desk()
    assert desk.trade(100.0, size) == ()
    assert desk.reasons == {NOT_A_SIZE: 1}


def test_a_trade_of_no_size_passes_with_its_price() -> None:
    assert Desk().trade(100.0, 0.0) == (100.0,)


def test_oil_may_cost_less_than_nothing_and_a_share_may_not() -> None:
    assert Desk(symbol=kind(SecurityType.FUTURE)).trade(-37.63) == (-37.63,)
    assert Desk(symbol=kind(SecurityType.EQUITY)).trade(-37.63) == ()


@pytest.mark.parametrize(
    ("bid", "ask", "sizes", "reason"),
    [
        (100.1, 100.0, (1.0, 1.0), CROSSED),
        (0.0, 0.0, (0.0, 0.0), NO_SIDE),
        (NAN, 100.0, (1.0, 1.0), NOT_A_PRICE),
        (100.0, INF, (1.0, 1.0), NOT_A_PRICE),
        (-1.0, 100.0, (1.0, 1.0), NOT_A_PRICE),
        (99.0, 100.0, (-1.0, 1.0), NOT_A_SIZE),
        (99.0, 100.0, (1.0, NAN), NOT_A_SIZE),
        (0.01, 199_999.0, (1.0, 1.0), TOO_WIDE),
    ],
)
def test_an_impossible_quote_stays_out(
    bid: float, ask: float, sizes: tuple[float, float], reason: str
) -> None:
    desk = Desk()
    assert not desk.quote(bid, ask, sizes)
    assert desk.reasons == {reason: 1}


@pytest.mark.parametrize(("bid", "ask"), [(100.0, 100.0), (0.0, 100.0), (100.0, 0.0), (99.0, 101.0)])
def test_a_locked_and_a_one_sided_quote_are_quotes(bid: float, ask: float) -> None:
    assert Desk().quote(bid, ask)


def test_the_quotes_of_an_option_may_be_wide() -> None:
    assert Desk(symbol=kind(SecurityType.OPTION)).quote(0.05, 5.0)


@pytest.mark.parametrize(
    ("time_ns", "reason"),
    [
        (NOW_NS + 6 * NS_PER_SECOND, AHEAD),
        (NOW_NS - NS_PER_HOUR - 1, TOO_OLD),
        (0, TOO_OLD),
        (NOW_NS // 1_000, WRONG_UNIT),
        (NOW_NS // 1_000_000, WRONG_UNIT),
        (NOW_NS // 1_000_000_000, WRONG_UNIT),
        (NOW_NS * 1_000_000, WRONG_UNIT),
    ],
)
def test_a_time_that_cannot_be_is_told_by_how_it_is_wrong(time_ns: int, reason: str) -> None:
    desk = Desk()
    assert desk.trades.admit(time_ns, 1, 100.0, 1.0, ALL) is None
    assert desk.reasons == {reason: 1}
    assert desk.clock.newest_ns == 0


def test_a_clock_that_differs_a_little_is_none_of_our_business() -> None:
    assert Desk().trade(100.0, at_s=4.9) == (100.0,)


def test_a_trade_told_twice_counts_once_whatever_lies_between() -> None:
    desk = Desk()
    for number in range(1, NUMBERS_KEPT):
        desk.trade(100.0, number=number)
    assert desk.trade(100.0, number=1) == ()
    assert desk.trade(100.0, number=NUMBERS_KEPT - 1) == ()
    assert desk.reasons == {REPEATED: 2}


def test_a_trade_that_was_overtaken_counts() -> None:
    desk = Desk()
    assert [desk.trade(100.0, number=number) for number in (5, 7, 6, 3)] == [(100.0,)] * 4


def test_a_trade_so_far_out_of_order_that_it_may_be_a_repetition_stays_out() -> None:
    desk = Desk()
    for number in range(10, 10 + NUMBERS_KEPT):
        desk.trade(100.0, number=number)
    assert desk.trade(100.0, number=3, at_s=-1.0) == ()
    assert desk.reasons == {OUT_OF_ORDER: 1}


def test_trades_that_passed_unseen_do_not_push_newer_ones_out_of_the_memory() -> None:
    desk = Desk()
    desk.trade(100.0, number=1_000)
    desk.trades.recall(range(1, NUMBERS_KEPT))
    desk.trade(100.0, number=1_001)
    assert desk.trade(100.0, number=1_000) == ()
    assert desk.trade(100.0, number=2) == ()
    assert desk.reasons == {REPEATED: 2}


def test_a_late_trade_of_a_time_that_is_forgotten_stays_out() -> None:
    desk = Desk()
    for number in (10, 20):
        desk.trade(100.0, number=number, at_s=number / 10)
    desk.clock.forgotten_ns = NOW_NS + NS_PER_SECOND
    assert desk.trade(100.0, number=5, at_s=1.0) == ()
    assert desk.trade(100.0, number=15, at_s=1.5) == (100.0,)
    assert desk.reasons == {OUT_OF_ORDER: 1}


def test_numbers_that_begin_anew_with_the_day_are_no_repetition() -> None:
    desk = Desk()
    for number in range(1, 2 * NUMBERS_KEPT):
        desk.trade(100.0, number=number)
    desk.clock.look(NOW_NS + 16 * NS_PER_HOUR)
    for number in (1, 2, 3):
        assert desk.trade(100.0, number=number, at_s=16 * 3600 + number) == (100.0,)
    assert desk.trade(100.0, number=2, at_s=16 * 3600 + 2) == ()
    assert desk.reasons == {REPEATED: 1}


def test_an_odd_lot_told_twice_counts_once_though_an_older_one_came_between() -> None:
    desk = Desk()
    desk.trade(100.0, number=1, at_s=-4.0)
    told = [(3, -2.0), (2, -3.0), (3, -2.0)]
    passed = [desk.trade(100.0, updates=VOLUME, number=number, at_s=at_s) for number, at_s in told]
    assert passed == [(100.0,), (100.0,), ()]


def test_the_first_price_is_believed_though_an_odd_lot_came_before_it() -> None:
    desk = Desk()
    assert desk.trade(90.0, updates=VOLUME) == (90.0,)
    assert desk.trade(100.0) == (100.0,)


def test_one_absurd_number_shuts_out_no_others() -> None:
    desk = Desk()
    for number in range(1, 3 * NUMBERS_KEPT):
        if number == 100:
            desk.trade(100.0, number=2**53, at_s=0.5)
        assert desk.trade(100.0, number=number, at_s=number / 1_000) == (100.0,)
    assert desk.reasons == {} and desk.trades.sequence < 2**53


def test_a_spike_is_held_and_dropped_when_the_market_is_where_it_was() -> None:
    desk = Desk()
    assert [desk.trade(price) for price in (100.0, 150.0, 100.1)] == [(100.0,), (), (100.1,)]
    assert desk.reasons == {OFF_MARKET: 1} and desk.quarantine.released == 0
    assert "50.0% away" in desk.quarantine.newest[0].what


def test_a_new_level_is_believed_when_three_in_a_row_agree_and_loses_nothing() -> None:
    desk = Desk()
    assert [desk.trade(price) for price in (100.0, 150.0, 151.0, 150.5, 151.0, 100.0)] == [
        (100.0,), (), (), (150.0, 151.0, 150.5), (151.0,), ()
    ]  # fmt: skip
    assert desk.quarantine.released == 2


def test_two_spikes_that_do_not_agree_confirm_nothing() -> None:
    desk = Desk()
    assert [desk.trade(price) for price in (100.0, 150.0, 300.0, 150.0, 300.0)][1:] == [()] * 4


def test_a_market_that_moves_step_by_step_is_followed() -> None:
    desk, price = Desk(), 100.0
    for _ in range(40):
        assert desk.trade(price) == (price,)
        price *= 1.15
    assert desk.reasons == {}


def test_after_a_pause_a_gap_is_believed_at_once() -> None:
    desk = Desk()
    desk.trade(100.0, at_s=-61.0)
    assert desk.trade(150.0) == (150.0,)


def test_a_band_of_nothing_lets_every_distance_pass() -> None:
    desk = Desk(QualityLimits(band=0.0))
    assert desk.trade(100.0) and desk.trade(1.0) and desk.trade(10_000.0)


def test_a_trade_that_makes_no_price_is_neither_held_nor_believed() -> None:
    desk = Desk()
    assert desk.trade(100.0) == (100.0,)
    assert desk.trade(150.0, updates=VOLUME) == (150.0,)
    assert desk.trade(150.0) == ()


def test_a_price_in_cents_is_said_to_be_one() -> None:
    desk = Desk()
    desk.trade(100.0)
    desk.trade(10_000.0)
    assert "another unit" in desk.quarantine.newest[0].what


def test_the_quotes_of_a_new_level_are_believed_after_three() -> None:
    desk = Desk()
    told = [desk.quote(bid, bid + 0.1) for bid in (100.0, 150.0, 150.0, 150.0, 150.1)]
    assert told == [True, False, False, True, True]


numbers = st.floats(allow_nan=True, allow_infinity=True) | st.sampled_from([0.0, -0.0, 100.0, 100.5, 1e300])


@given(st.lists(st.tuples(numbers, numbers, st.integers(-(2**70), 2**70), st.integers(-5, 60)), max_size=60))
def test_nothing_that_passes_is_impossible_and_all_else_is_counted(
    told: list[tuple[float, float, int, int]],
) -> None:
    desk, passed, held = Desk(), 0, 0
    for price, size, offset_ns, number in told:
        through = desk.trades.admit(NOW_NS + offset_ns, number, price, size, ALL) or ()
        passed += len(through)
        for each in through:
            assert 0 < each.price < 1e12 and 0 <= each.size <= 1e15
            assert -NS_PER_HOUR <= each.time_ns - NOW_NS <= 5 * NS_PER_SECOND
    held = desk.quarantine.released  # counted when they were held, passed later
    assert passed + desk.quarantine.total - held == len(told)
    assert set(desk.reasons) <= REASONS


def test_the_quarantine_keeps_the_newest_and_counts_all() -> None:
    desk = Desk()
    for _ in range(3 * NEWEST_KEPT):
        desk.trade(NAN)
    assert desk.quarantine.total == 3 * NEWEST_KEPT and len(desk.quarantine.newest) == NEWEST_KEPT


@pytest.mark.parametrize(
    "wrong", [{"band": 1.0}, {"band": -0.1}, {"confirmations": 0}, {"ahead_s": NAN}, {"oldest_s": 0.0}]
)
def test_limits_that_cannot_be_meant_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        QualityLimits(**wrong)  # type: ignore[arg-type]  # one of them is an integer
