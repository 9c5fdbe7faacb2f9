"""A paper deployment with something to look at: positions, orders, charts, a training, refusals."""

from __future__ import annotations

import math
import socket
from datetime import date, timedelta
from pathlib import Path
from random import Random

from livetrader.clocks import wall_ns
from livetrader.control.auth import Scope, TokenStore
from livetrader_plugins.lean_data.writer import write_minute, write_reference
from tests.scenario.daemons import MINUTES, OPEN_MS, Daemon

TICKERS = ("AAPL", "IBM", "MSFT", "SPY")
FIRST = date(2020, 3, 2)  # a Monday
WEEK = tuple(FIRST + timedelta(days=n) for n in range(5))
VOLATILITY = 0.0005  # a minute
ACCOUNT = "paper-momentum"

ALGORITHM = '''
from AlgorithmImports import *


class Momentum(QCAlgorithm):
    """Holds what rose over the last quarter of an hour, in proportion."""

    def initialize(self):
        self.set_cash(250_000)
        self.names = [self.add_equity(name, Resolution.MINUTE).symbol for name in ("AAPL", "IBM", "MSFT")]
        self.spy = self.add_equity("SPY", Resolution.MINUTE).symbol
        self.set_benchmark(self.spy)
        self.rates = {name: self.roc(name, 15) for name in self.names}
        self.slow = self.ema(self.spy, 60)
        chart = Chart("Momentum")
        for name in self.names:
            chart.add_series(Series(name.value, SeriesType.LINE, "%"))
        self.add_chart(chart)
        board = Chart("SPY and its average")
        board.add_series(Series("SPY", SeriesType.LINE, "$"))
        board.add_series(Series("EMA 60", SeriesType.LINE, "$"))
        board.add_series(Series("Bought", SeriesType.SCATTER, "$"))
        board.add_series(Series("Orders", SeriesType.BAR, 1))
        self.add_chart(board)
        self.train(self.learn)
        self.stop = None
        self.orders = 0

    def learn(self):
        self.log("fitted the ranking model on 1,200 rows")

    def on_data(self, data):
        minute = self.time.hour * 60 + self.time.minute
        if not all(rate.is_ready for rate in self.rates.values()):
            return
        if minute % 5 == 0:
            for name, rate in self.rates.items():
                self.plot("Momentum", name.value, rate.current.value * 100)
            self.plot("SPY and its average", "SPY", self.securities[self.spy].price)
            if self.slow.is_ready:
                self.plot("SPY and its average", "EMA 60", self.slow.current.value)
        if minute % 15 == 0:
            self.rebalance()
        if minute % 20 == 0:
            self.work_orders()

    def rebalance(self):
        best = sorted(self.names, key=lambda name: -self.rates[name].current.value)
        self.set_runtime_statistic("Leader", best[0].value)
        spread = self.rates[best[0]].current.value - self.rates[best[-1]].current.value
        self.set_runtime_statistic("Spread", f"{100 * spread:.2f} %")
        lead = Insight.price(best[0], timedelta(minutes=45), InsightDirection.UP, 0.004, 0.55, "momentum")
        lag = Insight.price(best[-1], timedelta(minutes=45), InsightDirection.DOWN, None, 0.52, "momentum")
        self.emit_insights(lead, lag)
        for name, share in zip(best, (0.4, 0.25, 0.1)):
            self.set_holdings(name, share, tag=f"rank {best.index(name) + 1}")
        self.plot("SPY and its average", "Bought", self.securities[self.spy].price)
        self.plot("SPY and its average", "Orders", self.orders)
        self.orders = 0
        self.log(f"rebalanced: {best[0].value} leads")
        if self.time.minute == 0:
            low = round(self.securities[self.spy].price * 0.9, 2)
            self.limit_order(self.spy, 800, low, tag="more than the limits allow")
        if (self.time.hour, self.time.minute) == (13, 0):
            self.error("quotes of SPY crossed for a moment; went on with trades")

    def work_orders(self):
        price = self.securities[self.spy].price
        if self.stop is not None:
            self.stop.cancel("replaced")
        self.limit_order(self.spy, 20, round(price * 0.999, 2), tag="dip")
        self.stop = self.stop_market_order(self.spy, -10, round(price * 0.97, 2), tag="guard")

    def on_order_event(self, event):
        self.orders += 1
'''


def write_prices(folder: Path, days: tuple[date, ...], last_minutes: int, seed: int = 11) -> None:
    """Write minute bars of every ticker, a random walk; the last day has only its first minutes."""
    random = Random(seed)
    write_reference(folder, dict.fromkeys(TICKERS, date(1998, 1, 2)), date(2020, 1, 1), date(2020, 12, 31))
    for start, ticker in zip((70.0, 132.0, 168.0, 300.0), TICKERS, strict=True):
        close, drift = start, 0.0
        for day in days:
            rows = []
            for minute in range(last_minutes if day == days[-1] else MINUTES):
                drift = 0.93 * drift + random.gauss(0.0, VOLATILITY / 4)
                opened, close = close, close * math.exp(drift + random.gauss(0.0, VOLATILITY / 2))
                high, low = max(opened, close) * 1.0002, min(opened, close) * 0.9998
                when_ms = OPEN_MS + minute * 60_000
                rows.append((when_ms, *(round(each, 4) for each in (opened, high, low, close)), 20_000))
            write_minute(folder, ticker, day, rows)


class Deployment(Daemon):
    """One daemon with a TCP port, and tokens for those who look at it."""

    def __init__(
        self,
        folder: Path,
        *,
        days: tuple[date, ...] = WEEK,
        last_minutes: int = MINUTES,
        speed: float = 200.0,
        sections: dict[str, dict[str, object]] | None = None,
    ) -> None:
        self.port = free_port()
        folder.mkdir(parents=True, exist_ok=True)
        write_prices(folder / "data", days, last_minutes)
        super().__init__(
            folder,
            ALGORITHM,
            {
                "account": {"name": ACCOUNT},
                "brokerage": {"cash": 250_000.0},
                "feed": {"start": days[0], "end": days[-1], "speed": speed},
                "control": {"port": self.port},
                "limits": {"max_order_notional": 200_000.0, "daily_loss": 40_000.0},
                **(sections or {}),
            },
        )
        tokens = TokenStore(self.state / "tokens.json")
        self.control_token = tokens.create("ops", [Scope.OPERATE, Scope.LIQUIDATE], now_ns=wall_ns())
        self.alert_token = tokens.create("alertmanager", [Scope.ALERT], now_ns=wall_ns())
        self.view_token = tokens.create("auditor", [Scope.READ], now_ns=wall_ns())

    @property
    def address(self) -> str:
        """Where the dashboard is."""
        return f"http://127.0.0.1:{self.port}/"


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
