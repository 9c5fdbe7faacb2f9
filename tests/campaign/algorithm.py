# ruff: noqa: F403, F405 — written as LEAN users write them
"""The algorithm under the campaign: an order or two on every bar, each tagged with its bar."""

from time import sleep

from AlgorithmImports import *


class UnderFire(QCAlgorithm):
    def initialize(self):
        self.set_start_date(2013, 1, 2)
        self.set_cash(100_000_000)
        self.quiet = self.get_parameter("quiet") == "1"
        self.pause_s = float(self.get_parameter("pause_s") or 0.02)
        tickers = self.get_parameter("tickers").split(",")
        self.symbols = [self.add_equity(ticker, Resolution.MINUTE).symbol for ticker in tickers]

    def on_data(self, data):
        sleep(self.pause_s)
        if self.quiet:
            self.transactions.cancel_open_orders()
            return
        minute = int(self.time.timestamp()) // 60
        symbol = self.symbols[minute % len(self.symbols)]
        if not data.contains_key(symbol):
            return
        side = 1 if minute // len(self.symbols) % 2 else -1
        tag = self.time.strftime("%Y%m%d %H%M")
        if minute % 4 == 0:
            price = self.securities[symbol].price
            self.limit_order(symbol, side, round(price * (1 - side * 0.1), 2), tag)
        else:
            self.market_order(symbol, side * (1 + minute % 7), True, tag)
        if minute % 20 == 0:
            self.transactions.cancel_open_orders(symbol)
