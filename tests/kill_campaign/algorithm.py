# ruff: noqa: F403, F405 — written as LEAN users write them
"""Rests an order in every symbol, then waits for a file and commits the crime that is named in it."""

import ctypes
import re
from pathlib import Path

from AlgorithmImports import *


class Criminal(QCAlgorithm):
    def initialize(self):
        self.crime = Path(self.get_parameter("crime"))
        tickers = self.get_parameter("tickers").split(",")
        self.symbols = [self.add_equity(ticker, Resolution.SECOND).symbol for ticker in tickers]
        self.committed = self.crime.with_name("committed").exists()  # by an engine before this one
        self.waiting = list(self.symbols)

    def on_data(self, data):
        for symbol in [symbol for symbol in self.waiting if data.contains_key(symbol)]:
            self.waiting.remove(symbol)
            price = self.securities[symbol].price
            side = 1 if len(self.waiting) % 2 else -1
            self.limit_order(symbol, side * 5, round(price * (1 - side * 0.2), 2))
        if self.crime.exists() and not self.committed:
            self.committed = True
            self.commit(self.crime.read_text())

    def commit(self, crime):
        if crime == "flood":
            for symbol in self.symbols:
                self.market_order(symbol, 3, True)
        if crime in ("disconnected", "reconnecting"):
            self.transactions.cancel_open_orders(self.symbols[0])  # on that the peer loses its line, or ours
        self.crime.with_name("committed").touch()
        if crime == "hang":
            re.match("(a+)+$", "a" * 64 + "!")  # holds the interpreter for longer than anybody lives
        elif crime == "segfault":
            ctypes.string_at(0)
