"""Measure how many minute bars a second a backtest handles, with orders and without.

    python bench/throughput.py [--days 250] [--runs 3] [--json]

One symbol, seeded random minute bars of regular sessions, the whole backtest as `livetrader backtest` runs it
(reading zips, the LEAN face, fills, fees, statistics): an EMA 10/30 cross written with LEAN's indicators. The
figure counts the minute bars of the data and the wall time from the first to the last; minimum, median and
maximum of the runs are shown. Noisy machines want the ratio of two runs, not the number.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from random import Random

from livetrader.offline.backtest import BacktestRequest, run_backtest
from livetrader_engine.calendar.sessions import hours_from_exchange_calendars
from livetrader_plugins.lean_data.writer import write_minute, write_reference

FIRST_DAY = date(2021, 1, 4)
MINUTES = range(570, 960)  # 09:30 to 16:00 New York
MS_PER_MINUTE = 60_000

ALGORITHM = """
from AlgorithmImports import *


class Cross(QCAlgorithm):
    def initialize(self):
        self.set_cash(1_000_000)
        self.symbol = self.add_equity("ONE", Resolution.MINUTE).symbol
        self.fast = self.ema(self.symbol, 10, Resolution.MINUTE)
        self.slow = self.ema(self.symbol, 30, Resolution.MINUTE)
        self.trades = self.get_parameter("trades", "yes") == "yes"

    def on_data(self, data):
        if not self.slow.is_ready or not self.trades:
            return
        rising = self.fast.current.value > self.slow.current.value
        invested = self.portfolio[self.symbol].invested
        if rising and not invested:
            self.market_order(self.symbol, 100)
        elif invested and not rising:
            self.market_order(self.symbol, -100)
"""

Row = tuple[int, float, float, float, float, int]


def minutes(random: Random, price: float) -> Iterator[Row]:
    """Yield the bars of one session, walking from `price`."""
    for minute in MINUTES:
        opens, close = price, price * (1 + random.gauss(0, 0.0004))
        high, low = max(opens, close) * 1.0002, min(opens, close) * 0.9998
        price = close
        yield (minute * MS_PER_MINUTE, *(round(value, 2) for value in (opens, high, low, close)), 1000)  # type: ignore[misc]  # a star in a tuple


def write_data(folder: Path, days: int) -> date:
    """Write the data folder; return its last day."""
    random, price, day = Random(1), 100.0, FIRST_DAY
    hours = hours_from_exchange_calendars("XNYS")
    for _ in range(days):
        rows = list(minutes(random, price))
        write_minute(folder, "ONE", day, rows)
        price, last = rows[-1][4], day
        day = hours.next_trading_day(day)
    write_reference(folder, {"ONE": FIRST_DAY}, FIRST_DAY, day)
    return last


def measure(folder: Path, last: date, trades: str) -> tuple[float, str]:
    """Run one backtest; return seconds and how many orders it made."""
    request = BacktestRequest(
        path=folder / "cross.py",
        data_folder=folder / "data",
        output=folder / "out",
        start=FIRST_DAY,
        end=last,
        parameters={"trades": trades},
    )
    began = time.perf_counter()
    result = run_backtest(request)
    return time.perf_counter() - began, result.statistics["Total Orders"]


def main() -> None:
    """Write data, run, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--days", type=int, default=250)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    figures = []
    with tempfile.TemporaryDirectory(prefix="throughput-") as name:
        folder = Path(name)
        (folder / "cross.py").write_text(ALGORITHM)
        last = write_data(folder / "data", options.days)
        bars = options.days * len(MINUTES)
        for trades in ("yes", "no"):
            runs = [measure(folder, last, trades) for _ in range(options.runs)]
            rates = [bars / seconds for seconds, _ in runs]
            spread = [round(rate) for rate in (min(rates), statistics.median(rates), max(rates))]
            figures.append({"bars": bars, "orders": int(runs[0][1]), "bars_per_second": spread})
    if options.json:
        print(json.dumps(figures, indent=1))
        return
    for row in figures:
        low, middle, high = row["bars_per_second"]
        counts = f"{row['bars']} minute bars, {row['orders']} orders"
        print(f"{counts}: {low:,} / {middle:,} / {high:,} bars a second")


if __name__ == "__main__":
    main()
