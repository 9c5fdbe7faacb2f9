"""Consolidators, warm-up and indicator history in whole runs, against the raw data."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.parity.conftest import Backtest
from tests.parity.data import daily
from tests.parity.test_algorithms import said

DAYS_FROM_HOURS = """
class Days(QCAlgorithm):
    def initialize(self):
        self.set_start_date(2013, 11, 25)
        self.set_end_date(2013, 12, 3)
        self.add_equity("SPY", Resolution.HOUR)
        self.consolidate("SPY", Resolution.DAILY, self.on_day)
        made = TradeBarConsolidator(timedelta(days=1))
        made.data_consolidated += lambda sender, bar: self.log(f"plain {bar.time} {self.time}")
        self.subscription_manager.add_consolidator("SPY", made)

    def on_day(self, bar):
        self.log(f"day {bar.time} {bar.end_time} {self.time} {bar.open:.6f} {bar.close:.6f}")
"""

WEEKS = """
class Weeks(QCAlgorithm):
    def initialize(self):
        self.set_start_date(2013, 10, 1)
        self.set_end_date(2013, 11, 15)
        spy = self.add_equity("SPY", Resolution.DAILY).symbol
        self.consolidate(spy, Calendar.WEEKLY, lambda bar: self.show("week", bar))
        self.Consolidate(spy, Calendar.Monthly, lambda bar: self.show("month", bar))
        pairs = TradeBarConsolidator(2)
        both = SequentialConsolidator(pairs, TradeBarConsolidator(5))
        both.data_consolidated += lambda sender, bar: self.show("ten", bar)
        self.subscription_manager.add_consolidator(spy, both)
        self.consolidate(spy, self.from_wednesday, TickType.TRADE, lambda bar: self.show("own", bar))

    def from_wednesday(self, time):
        day = datetime(time.year, time.month, time.day)
        return CalendarInfo(day - timedelta(days=(day.weekday() - 2) % 7), timedelta(days=7))

    def show(self, name, bar):
        self.log(f"{name} {bar.time:%m-%d %H} {bar.high:.6f} {bar.low:.6f}")
"""

REGISTRATION = """
class Own(PythonConsolidator):
    def __init__(self, count):
        self.input_type, self.output_type = TradeBar, TradeBar
        self.count, self.seen, self.scans = count, 0, 0

    def update(self, data):
        self.seen += 1
        self.working_data = data
        if self.seen % self.count == 0:
            self.on_data_consolidated(self, data)

    def scan(self, time):
        self.scans += 1


class Registered(QCAlgorithm):
    def initialize(self):
        self.set_start_date(2013, 10, 7)
        self.set_end_date(2013, 10, 8)
        self.spy = self.add_equity("SPY", Resolution.MINUTE).symbol
        self.five = TradeBarConsolidator(timedelta(minutes=5))
        self.heard = []
        self.sma = SimpleMovingAverage(2)
        self.five.data_consolidated += self.on_five
        self.register_indicator(self.spy, self.sma, self.five)
        self.hourly = self.ema(self.spy, 3, Resolution.HOUR)
        self.quoted = self.max(self.spy, 1, Resolution.MINUTE, Field.ASK_HIGH)
        self.own = Own(10)
        self.own.data_consolidated += lambda sender, bar: self.heard.append(bar.end_time)
        self.subscription_manager.add_consolidator(self.spy, self.own)
        self.window = RollingWindow[float](2)
        self.samples = None

    def on_five(self, sender, bar):
        # indicators of a consolidator hear of a bar before the algorithm's own handlers do
        assert self.sma.current.end_time == bar.end_time and sender is self.five
        assert self.five.consolidated.end_time == bar.end_time
        self.window.add(bar.close)

    def on_data(self, data):
        if self.spy in data.quote_bars:
            assert self.quoted.current.value == data.quote_bars[self.spy].ask.high
        if self.time.day == 8 and self.samples is None:
            self.unregister_indicator(self.sma)
            self.subscription_manager.remove_consolidator(self.spy, self.own)
            self.samples = self.sma.samples
            self.seen = self.own.seen

    def on_end_of_algorithm(self):
        assert self.samples == self.sma.samples == 78, self.sma.samples
        assert self.own.seen == self.seen == 391 and len(self.heard) == 39 and self.own.scans > 0
        assert self.hourly.samples == 14, self.hourly.samples
        assert self.window.is_ready and self.window.samples == 78
        assert (self.window[5], self.window.size, self.window.is_ready) == (0.0, 6, True)
"""

WARM = """
class Warm(QCAlgorithm):
    def initialize(self):
        self.set_start_date(2013, 10, 7)
        self.set_end_date(2013, 10, 8)
        self.settings.automatic_indicator_warm_up = True
        self.spy = self.add_equity("SPY", Resolution.HOUR).symbol
        self.auto = self.sma(self.spy, 5, Resolution.DAILY)
        assert self.auto.is_ready and self.auto.samples == 5
        self.byhand = SimpleMovingAverage(5)
        self.warm_up_indicator(self.spy, self.byhand, timedelta(days=1))
        assert self.byhand.is_ready
        self.bands = BollingerBands(5, 2)
        found = self.indicator_history(self.bands, self.spy, 3, Resolution.DAILY)
        assert found.count == 3 and len(found.current) == 3 and len(found.upper_band) == 3
        frame = found.data_frame
        assert list(frame.index) == [point.end_time for point in found]
        assert {"current", "upperband", "lowerband"} <= set(frame.columns), frame.columns
        middle = found.middle_band[-1].value
        self.log(f"{self.auto.current.value:.6f} {self.byhand.current.value:.6f} {middle:.6f}")
"""

STEPS = """
class Steps(QCAlgorithm):
    def initialize(self):
        self.set_start_date(2013, 10, 8)
        self.set_end_date(2013, 10, 8)
        self.spy = self.add_equity("SPY", Resolution.MINUTE).symbol
        self.set_warm_up({wanted})
        self.bars, self.quotes, self.ticket = [], 0, None

    def on_data(self, data):
        if self.is_warming_up:
            self.bars += [data.bars[self.spy].end_time] if self.spy in data.bars else []
            self.quotes += len(data.quote_bars)
            if self.ticket is None:
                self.ticket = self.market_order(self.spy, 1)

    def on_warmup_finished(self):
        self.log(f"{{len(self.bars)}} {{self.bars[0]}} {{self.bars[-1]}} {{self.quotes}} {{self.time}}")
        assert self.ticket.status == OrderStatus.INVALID
"""


def test_days_from_hours_end_with_their_session(backtest: Backtest, lean_data: Path) -> None:
    run = backtest(DAYS_FROM_HOURS)
    assert run.result.status == "Completed", run.result.error
    lines = said(run.log)
    days = [line for line in lines if line.startswith("day")]
    raw = daily(lean_data, "spy")
    # Thanksgiving has no bar, the day after it ends at 13:00
    expected = [("25", "16"), ("26", "16"), ("27", "16"), ("29", "13")]
    for line, (day, hour) in zip(days, expected, strict=False):
        row = raw.loc[f"2013-11-{day}"]
        at = f"2013-11-{day} {hour}:00:00"
        assert line == f"day 2013-11-{day} 09:30:00 {at} {at} {row.open:.6f} {row.close:.6f}"
    assert len(days) == 6
    # without the market's hours a day ends at midnight: LEAN looks there before the next data, and puts the
    # clock back for it, though what was timed for the midnights of a weekend has had its turn
    plain = [line for line in lines if line.startswith("plain")]
    assert plain[0] == "plain 2013-11-25 00:00:00 2013-11-26 00:00:00"
    assert plain[3] == "plain 2013-11-29 00:00:00 2013-11-30 00:00:00"


def test_calendars_counts_and_chains(backtest: Backtest, lean_data: Path) -> None:
    run = backtest(WEEKS)
    assert run.result.status == "Completed", run.result.error
    lines = said(run.log)
    raw = daily(lean_data, "spy")

    def line(name: str, start: str, first: str, last: str) -> str:
        rows = raw.loc[f"2013-{first}" : f"2013-{last}"]
        return f"{name} {start} {rows.high.max():.6f} {rows.low.min():.6f}"

    assert [one for one in lines if one.startswith("week")][:3] == [
        line("week", "09-30 00", "10-01", "10-04"),
        line("week", "10-07 00", "10-07", "10-11"),
        line("week", "10-14 00", "10-14", "10-18"),
    ]
    assert [one for one in lines if one.startswith("month")] == [line("month", "10-01 00", "10-01", "10-31")]
    assert [one for one in lines if one.startswith("ten")][:2] == [
        line("ten", "10-01 09", "10-01", "10-14"),
        line("ten", "10-15 09", "10-15", "10-28"),
    ]
    assert [one for one in lines if one.startswith("own")][:2] == [
        line("own", "09-25 00", "10-01", "10-01"),
        line("own", "10-02 00", "10-02", "10-08"),
    ]


def test_indicators_and_the_users_own_consolidators_are_fed_until_they_are_let_go(
    backtest: Backtest,
) -> None:
    run = backtest(REGISTRATION)
    assert run.result.status == "Completed", run.result.error


def test_indicators_are_warmed_up_with_past_bars(backtest: Backtest, lean_data: Path) -> None:
    run = backtest(WARM)
    assert run.result.status == "Completed", run.result.error
    mean = daily(lean_data, "spy").close.loc[:"2013-10-06"].iloc[-5:].mean()
    assert said(run.log) == [f"{mean:.6f} {mean:.6f} {mean:.6f}"]


@pytest.mark.parametrize(
    ("wanted", "said_at_start"),
    [
        # bars of the streams' own resolution, over the trading hours before the start
        ("10", "10 2013-10-07 15:51:00 2013-10-07 16:00:00 10 2013-10-08 00:00:00"),
        ("timedelta(days=1)", "390 2013-10-07 09:31:00 2013-10-07 16:00:00 390 2013-10-08 00:00:00"),
        # a resolution of its own: daily bars, of which equities have no quotes
        ("3, Resolution.DAILY", "3 2013-10-03 16:00:00 2013-10-07 16:00:00 0 2013-10-08 00:00:00"),
        (
            "timedelta(days=1), Resolution.HOUR",
            "7 2013-10-07 10:00:00 2013-10-07 16:00:00 0 2013-10-08 00:00:00",
        ),
    ],
)
def test_warm_up_goes_back_by_bars_and_by_span(backtest: Backtest, wanted: str, said_at_start: str) -> None:
    run = backtest(STEPS.format(wanted=wanted))
    assert run.result.status == "Completed", run.result.error
    assert said(run.log)[0] == said_at_start
