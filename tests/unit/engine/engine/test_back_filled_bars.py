"""Bars of a gap arrive behind their time: each counts once, and none turns the price back."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from livetrader_engine.data import consolidated_periods as periods
from livetrader_engine.data.bars import TradeBar
from livetrader_engine.data.consolidators import PeriodConsolidator
from livetrader_engine.data.wallclock import WallClock
from livetrader_engine.engine import Engine, EngineOptions
from livetrader_engine.events import MarketDataArrived, TimePulse
from livetrader_engine.indicators.averages import SimpleMovingAverage
from livetrader_engine.symbols import NS_PER_MINUTE, NS_PER_SECOND, Resolution
from tests.unit.engine.world import SPY, Recorder, Surroundings, at, backtest, minute_bar

START = "2013-10-07 12:00"


@dataclass
class Run:
    """An engine with a five-minute consolidator and an average of closes, as an algorithm has them."""

    engine: Engine
    algorithm: Recorder
    around: Surroundings
    five: list[TradeBar] = field(default_factory=list)
    seen: list[int] = field(default_factory=list)
    average: SimpleMovingAverage = field(default_factory=lambda: SimpleMovingAverage(3))

    def take(self, time_ns: int, *bars: TradeBar) -> None:
        self.engine.process(MarketDataArrived(time_ns, 1, bars))

    def minute(self, end: str, price: float, late_s: float = 0.0, *, copied: bool = False) -> None:
        """Let the bar that ends then arrive so much later."""
        bar = minute_bar(f"2013-10-07 {end}", (price,) * 4, volume=10)
        if copied:
            bar = msgspec.structs.replace(bar, fill_forward=True, volume=0.0)
        self.take(bar.end_time_ns + int(late_s * NS_PER_SECOND), bar)

    def pulse(self, moment: str) -> None:
        self.engine.process(TimePulse(at(f"2013-10-07 {moment}")))


def begin() -> Run:
    engine, algorithm, around = backtest(START, EngineOptions(start_ns=at(START)))
    run = Run(engine, algorithm, around)
    engine.subscriptions.add_security(SPY, Resolution.MINUTE)
    clock = WallClock(engine.securities[SPY].hours.timezone)
    made = PeriodConsolidator(periods.fixed(5 * NS_PER_MINUTE), clock=clock)
    made.handlers.append(run.five.append)
    each = PeriodConsolidator(periods.fixed(NS_PER_MINUTE), clock=clock)
    each.handlers += [lambda bar: run.seen.append(bar.end_time_ns), run.average.push_bar]
    engine.consolidators.add(SPY, made, resolution=Resolution.MINUTE)
    engine.consolidators.add(SPY, each, resolution=Resolution.MINUTE)
    return run


def test_a_gap_inside_a_period_is_filled_without_a_hole_and_without_a_double() -> None:
    run = begin()
    run.minute("12:01", 100.0)
    # the line is down from 12:01 to 12:04:10; then history has these, in order, before the next live bar
    run.minute("12:02", 104.0, late_s=130)
    run.minute("12:03", 96.0, late_s=70)
    run.minute("12:04", 101.0, late_s=10)
    run.minute("12:05", 102.0)
    run.pulse("12:05:03")
    assert run.seen == [at(f"2013-10-07 12:0{minute}") for minute in range(1, 6)]
    assert [(bar.open, bar.high, bar.low, bar.close, bar.volume) for bar in run.five] == [
        (100.0, 104.0, 96.0, 102.0, 50.0)
    ]
    assert run.average.value == (96.0 + 101.0 + 102.0) / 3
    assert run.engine.securities[SPY].price == 102.0
    assert run.around.lines == []


def test_time_never_goes_back_for_bars_of_the_past() -> None:
    run = begin()
    run.minute("12:01", 100.0)
    run.minute("12:02", 101.0, late_s=130)
    assert run.engine.clock.now_ns == at("2013-10-07 12:04:10")
    assert run.engine.current_slice is not None
    assert run.engine.current_slice.time_ns == at("2013-10-07 12:04:10")


def test_a_late_bar_does_not_turn_the_price_back() -> None:
    run = begin()
    run.minute("12:03", 103.0)
    run.minute("12:02", 99.0, late_s=70)
    assert run.engine.securities[SPY].price == 103.0


def test_a_bar_that_came_after_its_period_was_closed_is_left_out_and_that_is_said() -> None:
    run = begin()
    run.minute("12:01", 100.0)
    run.pulse("12:05:03")  # the clock closes the five minutes: nobody knew of the gap yet
    assert len(run.five) == 1
    run.minute("12:04", 104.0, late_s=80)
    run.minute("12:06", 105.0)
    run.minute("12:10", 106.0)
    run.pulse("12:10:03")
    assert [bar.close for bar in run.five] == [100.0, 106.0], "no second bar of the same period"
    (words,) = run.around.lines
    assert "SPY" in words and "closed by the clock" in words


def test_copies_of_a_bar_are_flagged_and_set_no_price() -> None:
    run = begin()
    run.minute("12:01", 100.0)
    run.minute("12:02", 77.0, copied=True)
    assert run.engine.securities[SPY].price == 100.0
    assert run.engine.current_slice is not None
    assert [point.fill_forward for point in run.engine.current_slice.points] == [True]
    run.minute("12:02", 101.0, late_s=30)  # the bar itself, from history
    assert run.engine.securities[SPY].price == 101.0
