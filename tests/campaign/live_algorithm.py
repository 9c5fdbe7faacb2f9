# ruff: noqa: F403, F405 — written as LEAN users write them
"""The algorithm under the campaign at Interactive Brokers: an order on every bar of a second.

Each is tagged with the end of its bar, not with the time: on a busy machine two bars may come in one second,
and a decision on each of them is no decision taken twice.
"""

from AlgorithmImports import *


class UnderFire(QCAlgorithm):
    def initialize(self):
        self.set_cash(100_000_000)
        self.quiet = self.get_parameter("quiet") == "1"
        tickers = self.get_parameter("tickers").split(",")
        self.symbols = [self.add_equity(ticker, Resolution.SECOND).symbol for ticker in tickers]

    def on_data(self, data):
        if self.quiet:
            self.transactions.cancel_open_orders()
            return
        for number, symbol in enumerate(self.symbols):
            if not data.bars.contains_key(symbol):
                continue
            ended = data.bars[symbol].end_time
            second = int(ended.timestamp())
            tag = ended.strftime("%Y%m%d %H%M%S")
            side = 1 if second // 3 % 2 else -1
            if (second + number) % 4 == 0:
                price = self.securities[symbol].price
                self.limit_order(symbol, side, round(price * (1 - side * 0.1), 2), tag)
            else:
                self.market_order(symbol, side * (1 + second % 7), True, tag)
            if second % 20 == number:
                self.transactions.cancel_open_orders(symbol)
