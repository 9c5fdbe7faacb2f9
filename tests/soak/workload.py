"""What a soak runs: weeks of minute bars of three stocks, and an algorithm that trades, trains and plots."""

from __future__ import annotations

import math
from datetime import date, timedelta
from pathlib import Path
from typing import Final

from livetrader_plugins.lean_data.writer import write_minute, write_reference

TICKERS: Final = {"SPY": 300.0, "AAPL": 150.0, "IBM": 100.0}
FIRST: Final = date(2020, 3, 10)  # a Tuesday
EXTENDED: Final = (4 * 60, 16 * 60)  # first minute of a day, and how many
REGULAR: Final = (9 * 60 + 30, 390)

ALGORITHM: Final = """
from datetime import timedelta

import numpy as np
from AlgorithmImports import *


class Soak(QCAlgorithm):
    def initialize(self):
        self.set_cash(1_000_000)
        self.symbols = [
            self.add_equity(ticker, Resolution.MINUTE, extended_market_hours=True).symbol
            for ticker in ("SPY", "AAPL", "IBM")
        ]
        self.averages = {symbol: self.sma(symbol, 30, Resolution.MINUTE) for symbol in self.symbols}
        self.weights = np.zeros(8)
        self.bars = self.trained = 0
        self.window = []
        # on days with trading: a replay's time jumps over the others, and all their hours would come at once
        self.train(self.date_rules.every_day("SPY"), self.time_rules.every(timedelta(hours=1)), self.learn)

    def learn(self):
        past = np.array(self.window[-2000:])
        if len(past) > 16:
            inputs = np.stack([past[i : len(past) - 8 + i] for i in range(8)], axis=1)
            self.weights = np.linalg.lstsq(inputs, past[8:], rcond=None)[0]
        self.trained += 1

    def on_data(self, data):
        self.bars += 1
        spy = self.symbols[0]
        self.window.append(float(self.securities[spy].price))
        del self.window[:-4000]
        self.plot("Prices", "SPY", self.window[-1])
        self.plot("Prices", "mean", float(self.averages[spy].current.value))
        if self.bars % 20 == 0:
            self.plot("Model", "weight", float(self.weights[-1]))
            self.set_runtime_statistic("Bars", str(self.bars))
        if self.bars % 60 == 0:
            self.log(f"bar {self.bars}, trained {self.trained} times")
            self.object_store.save("soak/bars", str(self.bars))
        if self.bars % 5 == 0 and self.is_market_open(spy):
            symbol = self.symbols[self.bars // 5 % 3]
            held = self.portfolio[symbol].quantity
            self.market_order(symbol, -held if held else 10)
        if self.bars % 15 == 0 and self.is_market_open(spy):
            for ticket in self.transactions.get_open_order_tickets():
                ticket.cancel("soak")
            self.limit_order(self.symbols[1], 1, round(self.securities[self.symbols[1]].price * 0.9, 2))
"""


def write_market(folder: Path, days: int, *, short: bool) -> date:
    """Write so many calendar days of bars, weekends left out; return the last one. `short`: regular hours."""
    span = REGULAR if short else EXTENDED
    last = FIRST + timedelta(days=days)
    write_reference(folder, dict.fromkeys(TICKERS, date(1998, 1, 2)), date(2020, 1, 1), date(2021, 12, 31))
    for number in range(days + 1):
        day = FIRST + timedelta(days=number)
        if day.weekday() < 5:
            for ticker, base in TICKERS.items():
                write_minute(folder, ticker, day, _rows(base, number, span))
    return last


def _rows(
    base: float, number: int, span: tuple[int, int]
) -> list[tuple[int, float, float, float, float, int]]:
    rows = []
    first, minutes = span
    for minute in range(minutes):
        turn = minute + number * minutes
        price = round(base * (1 + 0.01 * math.sin(turn / 97) + 0.004 * math.sin(turn / 11)), 2)
        spread = round(base * 0.0005, 2)
        rows.append(((first + minute) * 60_000, price, price + spread, price - spread, price, 10_000))
    return rows
