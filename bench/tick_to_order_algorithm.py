"""The algorithm of bench/tick_to_order.py: an order for each trade, and a training where one is wanted."""

from AlgorithmImports import *  # noqa: F403 — as algorithms have it
from jitter_algorithm import JOBS


class TickToOrder(QCAlgorithm):  # noqa: F405
    """Parameters: `job` (of bench/jitter.py, or none), `mode` (thread or process), `begun`, a file."""

    def initialize(self):
        self.spy = self.add_equity("SPY", Resolution.TICK).symbol  # noqa: F405
        self.side = 1
        job = self.get_parameter("job")
        if job != "none":
            self.train(
                JOBS[job],
                arguments=self.get_parameter("begun"),
                process=self.get_parameter("mode") == "process",
            )

    def on_data(self, data):
        for tick in data.ticks.get(self.spy, ()):
            if tick.tick_type == TickType.TRADE:  # noqa: F405
                self.market_order(self.spy, self.side, asynchronous=True)
                self.side = -self.side
