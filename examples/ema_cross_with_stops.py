from AlgorithmImports import *


class EmaCrossWithStopsAlgorithm(QCAlgorithm):
    """Follows a crossing of two averages; every position is protected by a stop at the brokerage.

    Parameters: symbol, resolution (minute or daily), ema-fast, ema-slow, stop (a ratio, 0.02 is 2 %).
    """

    def initialize(self):
        self.set_start_date(2013, 10, 7)
        self.set_end_date(2013, 10, 11)
        self.set_cash(100000)

        resolution = Resolution.MINUTE if self.get_parameter("resolution", "daily") == "minute" else Resolution.DAILY
        fast = self.get_parameter("ema-fast", 10)
        slow = self.get_parameter("ema-slow", 30)
        self.stop_ratio = self.get_parameter("stop", 0.02)

        self.symbol = self.add_equity(self.get_parameter("symbol", "SPY"), resolution).symbol
        self.fast = self.ema(self.symbol, fast, resolution)
        self.slow = self.ema(self.symbol, slow, resolution)
        self.stop_ticket = None
        self.set_warm_up(slow, resolution)

    def on_data(self, data):
        if self.is_warming_up or not self.slow.is_ready or not data.contains_key(self.symbol):
            return
        rising = self.fast.current.value > self.slow.current.value
        holding = self.portfolio[self.symbol]
        if rising and not holding.invested and not self.transactions.get_open_orders(self.symbol):
            quantity = int(self.portfolio.total_portfolio_value * 0.9 / self.securities[self.symbol].price)
            self.market_order(self.symbol, quantity, tag="fast crossed above slow")
        elif not rising and holding.is_long:
            self.liquidate(self.symbol, tag="fast crossed below slow")

    def on_order_event(self, order_event):
        if order_event.status != OrderStatus.FILLED:
            return
        self.log(f"{order_event}")
        if order_event.fill_quantity > 0:
            stop_price = round(order_event.fill_price * (1 - self.stop_ratio), 2)
            self.stop_ticket = self.stop_market_order(self.symbol, -order_event.fill_quantity, stop_price)
        elif self.stop_ticket is not None and order_event.order_id != self.stop_ticket.order_id:
            self.stop_ticket.cancel("position closed")
