"""Small algorithms that look at what they are given; what they log is compared with the raw data."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.parity.conftest import Backtest
from tests.parity.data import daily

HEAD = """
class Probe(QCAlgorithm):
    def initialize(self):
        self.set_start_date(2013, 10, 8)
        self.set_end_date(2013, 10, 9)
        self.spy = self.add_equity("SPY", Resolution.{resolution}).symbol
{setup}
"""


def probe(setup: str = "", body: str = "", resolution: str = "DAILY") -> str:
    indented = "".join(f"        {line}\n" for line in setup.splitlines())
    return HEAD.format(resolution=resolution, setup=indented) + body


def said(log: list[str]) -> list[str]:
    return [line.split(" LOG ", 1)[1] for line in log if " LOG " in line]


def test_daily_history_has_leans_shape(backtest: Backtest, lean_data: Path) -> None:
    body = """
    def on_data(self, data):
        frame = self.history(self.spy, 3, Resolution.DAILY)
        assert list(frame.columns) == ["close", "high", "low", "open", "volume"], frame.columns
        assert list(frame.index.names) == ["symbol", "time"]
        wide = frame["close"].unstack(level=0)
        assert wide.columns[0] == self.spy and wide.shape == (3, 1)
        assert frame.loc["SPY"].equals(frame.loc[self.spy])
        assert frame.loc[self.spy].index[-1] == self.time
        self.log(f"{self.time:%Y-%m-%d %H:%M} {wide.iloc[0, 0]:.6f} {wide.iloc[-1, 0]:.6f}")
"""
    run = backtest(probe(body=body))
    assert run.result.status == "Completed", run.result.error
    close = daily(lean_data, "spy").close
    assert said(run.log) == [
        f"2013-10-08 16:00 {close['2013-10-04']:.6f} {close['2013-10-08']:.6f}",
        f"2013-10-09 16:00 {close['2013-10-07']:.6f} {close['2013-10-09']:.6f}",
    ]


def test_minute_history_merges_trades_and_quotes(backtest: Backtest) -> None:
    body = """
    def look(self):
        frame = self.history([self.spy], timedelta(minutes=5))
        assert {"askclose", "bidclose", "close", "volume"} <= set(frame.columns), frame.columns
        assert list(frame.columns) == sorted(frame.columns)
        times = frame.loc[self.spy].index
        bars = self.history[TradeBar](self.spy, 5, Resolution.Minute)
        assert [bar.end_time for bar in bars] == list(times)
        assert frame["close"].iloc[-1] == bars[-1].close == bars[-1].Close
        assert len(self.history(3, Resolution.MINUTE)) == 3
        assert self.history("NONE", 3, Resolution.DAILY).empty
        self.log(f"{times[0]:%H:%M} {times[-1]:%H:%M} {len(frame)}")
"""
    setup = "self.schedule.on(self.date_rules.on(2013, 10, 9), self.time_rules.at(10, 0), self.look)"
    run = backtest(probe(setup, body, "MINUTE"))
    assert run.result.status == "Completed", run.result.error
    assert said(run.log) == ["09:56 10:00 5"]


def test_warm_up_feeds_as_many_bars_as_were_asked_for(backtest: Backtest) -> None:
    body = """
    def on_data(self, data):
        value = self.average.Current.Value
        self.log(f"{self.time:%m-%d} {self.IsWarmingUp} {self.average.is_ready} {value:.4f}")
        if self.is_warming_up:
            assert self.market_order(self.spy, 1).status == OrderStatus.INVALID

    def on_warmup_finished(self):
        self.log(f"finished {self.time:%m-%d %H:%M}")
"""
    run = backtest(probe("self.average = self.sma(self.spy, 3)\nself.set_warm_up(3)", body))
    assert run.result.status == "Completed", run.result.error
    lines = said(run.log)
    assert [line[:11].strip() for line in lines] == [
        "10-03 True", "10-04 True", "10-07 True", "finished 10", "10-08 False", "10-09 False",
    ]  # fmt: skip
    assert lines[3] == "finished 10-08 00:00"
    assert "True True" in lines[2]
    assert run.orders == []


def test_indicators_of_daily_bars_made_of_minutes_agree_with_daily_data(
    backtest: Backtest, lean_data: Path
) -> None:
    setup = """self.closes = []
self.average = self.SMA(self.spy, 2, Resolution.DAILY)
self.average.updated += lambda sender, point: self.log(f"{point.time:%m-%d %H:%M} {point.value:.3f}")
self.consolidate(self.spy, timedelta(minutes=30), self.on_half_hour)"""
    body = """
    def on_half_hour(self, bar):
        self.closes.append(bar.end_time)

    def on_end_of_algorithm(self):
        self.log(f"{len(self.closes)} {self.closes[0]:%H:%M} {self.closes[-1]:%H:%M}")
"""
    run = backtest(probe(setup, body, "MINUTE"), start="2013-10-08", end="2013-10-09")
    assert run.result.status == "Completed", run.result.error
    first, second, last = said(run.log)
    assert first.startswith("10-08 16:00")
    assert second.startswith("10-09 16:00")
    assert last == "26 10:00 16:00"
    close = daily(lean_data, "spy").close
    # a day's last minute and its daily bar differ by the closing auction, a few cents
    mean = (close["2013-10-08"] + close["2013-10-09"]) / 2
    assert float(second.split()[-1]) == pytest.approx(mean, abs=0.15)


def test_orders_tickets_and_views_speak_floats_in_both_spellings(backtest: Backtest) -> None:
    body = """
    def on_data(self, data):
        if self.Portfolio.Invested:
            self.after(self.transactions.get_order_ticket(2), data)
            return
        if self.time.hour != 10:
            return
        ticket = self.MarketOrder("spy", 10, tag="mine")
        price = self.Securities[self.spy].Price
        assert ticket.Status == OrderStatus.Filled and ticket.quantity_filled == 10.0
        assert self.portfolio["SPY"].Quantity == 10.0 and self.portfolio[self.spy].is_long
        assert isinstance(self.portfolio.cash, float) and self.portfolio.TotalPortfolioValue > 99000
        limit = self.limit_order(self.spy, -10, price * 1.5, "far")
        assert [order.id for order in self.Transactions.GetOpenOrders(self.spy)] == [limit.order_id]
        fields = UpdateOrderFields()
        fields.LimitPrice = price * 1.4
        assert limit.update(fields).is_success  # in a backtest it waits for the next time step
        assert limit.cancel("enough").IsSuccess and limit.status == OrderStatus.CANCEL_PENDING
        assert not self.limit_order(self.spy, 0, 1.0).get_most_recent_order_response().is_success
        assert data[self.spy].close == data.Bars["SPY"].Close == price
        assert data.quote_bars[self.spy].bid.close <= data.quote_bars[self.spy].Ask.Close
        assert [kvp.Key for kvp in data.bars] == [self.spy] and "AAPL" not in data
        held = self.portfolio[self.spy]
        self.log(f"{ticket.average_fill_price > 100} {held.unrealized_profit_percent < 0.1}")
        self.asked = price * 1.4

    def after(self, limit, data):
        assert abs(limit.get(OrderField.LimitPrice) - self.asked) < 1e-6
        assert limit.status == OrderStatus.CANCELED and limit.tag == "enough"
        self.quit("done")
"""
    run = backtest(probe(body=body, resolution="MINUTE"))
    assert run.result.status == "Completed", run.result.error
    assert said(run.log)[0] == "True True"
    assert [order["status"] for order in run.orders] == ["filled", "canceled"]
    assert run.equity[-1][0].startswith("2013-10-08T14:")


def test_schedules_in_both_spellings_fire_at_exchange_times(backtest: Backtest) -> None:
    setup = """before_close = self.TimeRules.BeforeMarketClose(self.spy, 10)
self.Schedule.On(self.DateRules.EveryDay(self.spy), before_close, self.mark)
self.schedule.on("named", self.date_rules.every(DayOfWeek.WEDNESDAY), self.time_rules.at(12, 30), self.named)
self.schedule.event().every_day("SPY").at(11, 0).run(self.mark)
self.train(self.date_rules.every_day(), self.time_rules.midnight, self.fit)
self.train(self.fit)"""
    body = """
    def mark(self):
        self.log(f"mark {self.time:%d %H:%M}")

    def named(self, name, utc):
        self.log(f"{name} {utc:%d %H:%M}")

    def fit(self):
        assert self.training.is_training and not self.training.ready
        self.log(f"fit {self.time:%d %H:%M}")

    def on_end_of_algorithm(self):
        self.log(f"ready {self.training.ready} {self.training.last_error}")
"""
    run = backtest(probe(setup, body))
    assert run.result.status == "Completed", run.result.error
    assert said(run.log) == [
        "fit 08 00:00", "fit 08 00:00", "mark 08 11:00", "mark 08 15:50",
        "fit 09 00:00", "mark 09 11:00", "named 09 16:30", "mark 09 15:50", "ready True None",
    ]  # fmt: skip


def test_what_is_scheduled_before_the_start_date_is_set_begins_there_too(backtest: Backtest) -> None:
    text = """
class Hasty(QCAlgorithm):
    def initialize(self):
        self.schedule.on(self.date_rules.every_day(), self.time_rules.at(9, 0), self.mark)
        self.train(self.fit)
        self.set_start_date(2013, 10, 8)
        self.set_end_date(2013, 10, 9)
        self.add_equity("SPY", Resolution.DAILY)

    def mark(self):
        self.log(f"mark {self.time:%Y-%m-%d}")

    def fit(self):
        self.log(f"fit {self.time:%Y-%m-%d}")
"""
    run = backtest(text)
    assert run.result.status == "Completed", run.result.error
    assert said(run.log) == ["fit 2013-10-08", "mark 2013-10-08", "mark 2013-10-09"]


def test_the_object_store_keeps_text_bytes_and_json(backtest: Backtest) -> None:
    setup = """store = self.ObjectStore
store.SaveBytes("model", bytearray(b"123"))
store.save("text", "hello")
store.SaveJson("json", {"a": [1]})
assert bytes(store.ReadBytes("model")) == b"123" and store.read("text") == "hello"
assert store.ReadJson("json") == {"a": [1]} and "text" in store and store.ContainsKey("json")
assert store.delete("text") and not store.contains_key("text")
self.log("stored")"""
    run = backtest(probe(setup))
    assert run.result.status == "Completed", run.result.error
    assert said(run.log) == ["stored"]


def test_what_the_algorithm_raises_ends_the_run_with_its_own_traceback(backtest: Backtest) -> None:
    body = """
    def on_data(self, data):
        self.helper()

    def helper(self):
        raise ValueError("mine")
"""
    run = backtest(probe(body=body))
    assert run.result.status == run.summary["status"] == "RuntimeError"
    assert "in helper" in run.result.error
    assert "ValueError: mine" in run.result.error
    assert "livetrader_lean" not in run.result.error
    assert any("ValueError: mine" in line for line in run.log)


def test_members_that_are_missing_end_the_run_naming_themselves(backtest: Backtest) -> None:
    run = backtest(probe("self.add_option('SPY')"))
    assert run.result.status == "RuntimeError"
    assert "QCAlgorithm.add_option is a member of LEAN that livetrader does not offer" in run.result.error
