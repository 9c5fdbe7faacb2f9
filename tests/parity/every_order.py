"""The text of an algorithm that sends every kind of order, changes and cancels some."""

TEXT = '''
from AlgorithmImports import *


class EveryOrderAlgorithm(QCAlgorithm):
    """Sends every kind of order, changes and cancels some: what a brokerage can be asked for."""

    def initialize(self):
        self.set_start_date(2013, 10, 7)
        self.set_end_date(2013, 10, 11)
        self.spy = self.add_equity("SPY", Resolution.MINUTE).symbol
        self.minute = 0
        self.open = []

    def on_data(self, data):
        if self.spy not in data.bars:
            return
        price = data.bars[self.spy].close
        turn = self.minute % 60
        self.minute += 1
        if turn == 0:
            self.market_order(self.spy, 10, tag="every hour")
        elif turn == 5:
            self.open = [
                self.limit_order(self.spy, 10, price * 0.9995, tag="limit"),
                self.stop_market_order(self.spy, -10, price * 0.9995),
                self.stop_limit_order(self.spy, 5, price * 1.0005, price * 1.001),
                self.limit_if_touched_order(self.spy, -5, price * 1.0005, price * 1.0002),
                self.trailing_stop_order(self.spy, -5, 0.0005, True),
                self.limit_order(self.spy, 100000, price * 0.9),
            ]
        elif turn == 20:
            fields = UpdateOrderFields()
            fields.limit_price = price * 0.9998
            fields.quantity = 12
            fields.tag = "changed"
            self.open[0].update(fields)
            self.open[1].update_stop_price(price * 0.9998)
            self.open[2].update_tag("only the tag")
        elif turn == 40:
            for ticket in self.open:
                ticket.cancel("enough")
            self.market_on_close_order(self.spy, -1)
            self.limit_order(self.spy, 1, price * 0.99, order_properties=self.until_today())
        elif turn == 41:
            self.liquidate(self.spy)

    def until_today(self):
        properties = OrderProperties()
        properties.time_in_force = TimeInForce.DAY
        return properties
'''
