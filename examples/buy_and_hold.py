from AlgorithmImports import *


class BuyAndHoldAlgorithm(QCAlgorithm):
    """Buys one symbol with everything on the first day and holds it."""

    def initialize(self):
        self.set_start_date(2013, 10, 7)
        self.set_end_date(2013, 10, 11)
        self.set_cash(100000)
        ticker = self.get_parameter("symbol", "SPY")
        self.symbol = self.add_equity(ticker, Resolution.DAILY).symbol

    def on_data(self, data):
        if self.portfolio.invested or not data.contains_key(self.symbol):
            return
        self.set_holdings(self.symbol, 1)

    def on_order_event(self, order_event):
        self.debug(f"{self.time} {order_event}")
