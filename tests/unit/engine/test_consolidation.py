"""When the clock looks at bars, which data reach which consolidator, and in which order."""

from __future__ import annotations

from collections.abc import Callable

from livetrader_engine.clock import EventClock
from livetrader_engine.consolidation import Consolidators
from livetrader_engine.data import consolidated_periods as periods
from livetrader_engine.data.bars import MarketPoint, Tick, TradeBar
from livetrader_engine.data.consolidators import IdentityConsolidator, PeriodConsolidator
from livetrader_engine.data.subscription import TickType
from livetrader_engine.data.wallclock import WallClock
from livetrader_engine.symbols import Resolution
from tests.unit.engine.calendar.hours_of import HOUR, MINUTE, at
from tests.unit.engine.data.streams import IBM, SPY, US, bar

DAY = 24 * HOUR
START = at("2013-10-07")


class _Run:
    """Steps through data as the engine does and notes at which clock time bars are closed."""

    def __init__(self, start_ns: int = START) -> None:
        self.clock = EventClock(start_ns)
        self.consolidators = Consolidators(self.clock)
        self.closed: list[tuple[str, int]] = []

    def add(self, name: str, period_ns: int, kind: Resolution = Resolution.MINUTE) -> PeriodConsolidator:
        made = PeriodConsolidator(periods.fixed(period_ns), clock=WallClock(US.timezone))
        made.handlers.append(lambda _bar: self.closed.append((name, self.clock.now_ns)))
        self.consolidators.add(SPY, made, resolution=kind)
        return made

    def step(self, time_ns: int, *points: MarketPoint) -> None:
        self.consolidators.close_before(time_ns)
        self._advance(time_ns)
        self.consolidators.update(points, time_ns)

    def _advance(self, time_ns: int) -> None:
        if time_ns > self.clock.now_ns:
            self.clock.advance(time_ns)


def _noting(seen: list[tuple[str, float]], name: str) -> Callable[[Tick], None]:
    return lambda tick: seen.append((name, tick.price))


def _minute(moment: str) -> TradeBar:
    return bar(at(moment) - MINUTE, MINUTE)


def test_data_close_a_bar_in_the_step_in_which_it_ends() -> None:
    run = _Run()
    run.add("five", 5 * MINUTE)
    for number in range(31, 37):
        run.step(at(f"2013-10-07 09:{number}"), _minute(f"2013-10-07 09:{number}"))
    assert run.closed == [("five", at("2013-10-07 09:35"))]


def test_without_data_the_clock_closes_the_first_bar_at_its_end() -> None:
    run = _Run()
    run.add("five", 5 * MINUTE)
    run.step(at("2013-10-07 09:31"), _minute("2013-10-07 09:31"))
    run.step(at("2013-10-07 09:50"), _minute("2013-10-07 09:50"))
    assert run.closed == [("five", at("2013-10-07 09:35")), ("five", at("2013-10-07 09:50"))]


def test_later_bars_are_looked_at_a_bar_after_each_end() -> None:
    run = _Run()
    run.add("seven", 7 * HOUR)  # that Monday's midnight is a whole number of weeks after the year 1 began
    for hour in range(10, 17):
        moment = f"2013-10-07 {hour}:00"
        run.step(at(moment), _minute(moment))
    run.step(at("2013-10-08 10:00"), _minute("2013-10-08 10:00"))
    # the first by data, the second by the clock after the session
    assert run.closed == [("seven", at("2013-10-07 14:00")), ("seven", at("2013-10-07 21:00"))]


def test_the_look_of_a_fresh_consolidator_is_one_resolution_later() -> None:
    run = _Run()
    made = PeriodConsolidator(periods.fixed(2 * DAY), clock=WallClock(US.timezone))
    run.consolidators.add(SPY, made, resolution=Resolution.DAILY)
    made.handlers.append(lambda _bar: run.closed.append(("two days", run.clock.now_ns)))
    for day in (7, 8, 9):
        opens, closes = at(f"2013-10-0{day} 09:30"), at(f"2013-10-0{day} 16:00")
        run.step(closes, bar(opens, closes - opens))
    assert run.closed == [("two days", at("2013-10-09 09:30"))]


def test_bars_due_at_one_instant_close_in_the_order_of_adding() -> None:
    run = _Run()
    run.add("b", 10 * MINUTE)
    run.add("a", 5 * MINUTE)
    run.step(at("2013-10-07 09:36"), _minute("2013-10-07 09:36"))
    run.step(at("2013-10-07 10:30"))
    assert [name for name, _ in run.closed] == ["b", "a"]


def test_a_removed_consolidator_hears_nothing_more() -> None:
    run = _Run()
    made = run.add("five", 5 * MINUTE)
    run.step(at("2013-10-07 09:31"), _minute("2013-10-07 09:31"))
    run.consolidators.remove(SPY, made)
    run.consolidators.remove(SPY, made)
    run.step(at("2013-10-07 09:50"), _minute("2013-10-07 09:50"))
    assert run.closed == [] and len(run.consolidators) == 0 and len(made.handlers) == 1


def test_adding_twice_feeds_once() -> None:
    run = _Run()
    made = run.add("minute", MINUTE)
    run.consolidators.add(SPY, made)
    run.step(at("2013-10-07 09:31"), _minute("2013-10-07 09:31"))
    assert len(run.closed) == 1


def test_points_of_another_resolution_and_symbol_are_left_out() -> None:
    run = _Run()
    identity = IdentityConsolidator()
    seen: list[object] = []
    identity.handlers.append(seen.append)
    run.consolidators.add(SPY, identity, resolution=Resolution.MINUTE, only=True)
    minute = _minute("2013-10-07 10:00")
    run.step(
        at("2013-10-07 10:00"),
        minute,
        bar(at("2013-10-07 09:00"), HOUR),
        bar(at("2013-10-07 09:59"), MINUTE, symbol=IBM),
    )
    assert seen == [minute]


def test_each_consolidator_gets_all_ticks_of_a_step_before_the_next_one() -> None:
    run = _Run()
    seen: list[tuple[str, float]] = []
    for name in ("first", "second"):
        identity = IdentityConsolidator()
        identity.handlers.append(_noting(seen, name))
        run.consolidators.add(SPY, identity, TickType.TRADE, Resolution.TICK)
    now_ns = at("2013-10-07 10:00")
    suspicious = Tick(SPY, now_ns, 9.0, 1.0, suspicious=True)
    quoted = Tick(SPY, now_ns, bid_price=1.0, ask_price=2.0)
    run.step(now_ns, Tick(SPY, now_ns, 5.0, 1.0), suspicious, quoted, Tick(SPY, now_ns, 6.0, 1.0))
    assert seen == [("first", 5.0), ("first", 6.0), ("second", 5.0), ("second", 6.0)]


def test_a_step_in_which_nothing_is_due_looks_at_nothing() -> None:
    run = _Run()
    run.add("day", DAY)
    run.step(at("2013-10-07 09:31"), _minute("2013-10-07 09:31"))
    assert run.consolidators.look_ns == at("2013-10-08")


def test_the_clock_goes_back_for_a_bar_that_ended_before_a_timed_event() -> None:
    run = _Run()
    run.add("five", 5 * MINUTE)
    run.step(at("2013-10-07 09:31"), _minute("2013-10-07 09:31"))
    run.clock.advance(at("2013-10-07 09:45"))  # something was scheduled there
    run.step(at("2013-10-07 09:50"))
    assert run.closed == [("five", at("2013-10-07 09:35"))]
