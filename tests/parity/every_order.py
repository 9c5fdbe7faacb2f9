"""Texts of algorithms that order: one of every kind, and many at once that get in each other's way."""

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

CROWDED = '''
from AlgorithmImports import *


class CrowdedOrdersAlgorithm(QCAlgorithm):
    """Orders on every bar, so that several work at once, fill together and are changed in between."""

    def initialize(self):
        self.set_start_date(2013, 10, 7)
        self.set_end_date(2013, 10, 11)
        daily = self.get_parameter("resolution", "minute") == "daily"
        self.spy = self.add_equity("SPY", Resolution.DAILY if daily else Resolution.MINUTE).symbol
        self.bars = 0
        self.tickets = []
        self.schedule.on(
            self.date_rules.every_day("SPY"), self.time_rules.after_market_open("SPY", 30), self.on_half_past
        )

    def on_half_past(self):
        self.market_order(self.spy, 7, tag="half past")

    def on_order_event(self, event):
        if event.status == OrderStatus.FILLED and event.order_id % 7 == 0:
            self.tickets[-1].cancel("another one filled")

    def on_data(self, data):
        if self.spy not in data.bars:
            return
        self.bars += 1
        price = data.bars[self.spy].close
        turn, side = self.bars % 12, 1 if self.bars // 12 % 2 else -1
        near, far = round(price * (1 + 0.0005 * side), 2), round(price * (1 + 0.001 * side), 2)
        below = round(price * (1 - 0.001 * side), 2)
        if turn == 0:
            self.tickets.append(self.limit_order(self.spy, 10 * side, below))
        elif turn == 1:
            self.tickets.append(self.stop_market_order(self.spy, 10 * side, far))
        elif turn == 2:
            self.tickets.append(self.stop_limit_order(self.spy, 10 * side, near, far))
        elif turn == 3:
            self.tickets.append(self.trailing_stop_order(self.spy, 10 * side, 0.001, True))
        elif turn == 4:
            self.tickets.append(self.limit_if_touched_order(self.spy, 10 * side, below, far))
        elif turn == 5 and self.time.hour < 15:
            self.tickets.append(self.market_on_close_order(self.spy, 10 * side))
        elif turn == 6:
            self.market_order(self.spy, 25 * side, True)
        elif turn == 7:
            for ticket in self.tickets[-4:]:
                fields = UpdateOrderFields()
                fields.quantity = 20 * side
                fields.tag = f"changed at bar {self.bars}"
                ticket.update(fields)
        elif turn == 8:
            for ticket in self.tickets[-12:-6]:
                ticket.cancel("too old")
        elif turn == 9:
            self.set_holdings(self.spy, 0.5 * side)
        elif turn == 11 and self.bars % 5 == 0:
            self.liquidate()
'''

TEXTS = {"every_order": TEXT, "crowded_orders": CROWDED}
