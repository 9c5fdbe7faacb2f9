"""A brokerage made of arithmetic: takes orders, watches prices, fills by the rules of `matching`.

One class for backtest and paper. What differs is whose securities and whose portfolio it looks at:

* backtest: the engine's own, by `SimulatedOrderSink` (ports.OrderSink); the engine books the fills;
* paper: its own, fed by `observe`; it books the fills itself (`books=True`), so that its account stands
  on its own feet when the engine process is gone.

No clock and no chance: every method takes the time, execution ids count up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal

import msgspec

from livetrader_engine.data.bars import MarketPoint
from livetrader_engine.events import OrderEventArrived
from livetrader_engine.orders.order import BrokerageOrderId, ClientOrderId, Fill, OrderChange, OrderSpec
from livetrader_engine.orders.states import OrderStatus
from livetrader_engine.portfolio.portfolio import Portfolio
from livetrader_engine.securities import SecurityManager
from livetrader_engine.spi import ExecutionReport


class SimulatedReport(msgspec.Struct, frozen=True):
    """News of one order under the key it was submitted with. `spec` is the order as it stands."""

    key: str
    spec: OrderSpec
    status: OrderStatus
    time_ns: int
    brokerage_order_id: BrokerageOrderId
    fill: Fill | None = None
    message: str = ""

    def to_event(self) -> OrderEventArrived:
        """Return what the engine reads, by order id."""
        ...

    def to_report(self) -> ExecutionReport:
        """Return what a brokerage plugin yields; the key is the client order id."""
        ...


class SimulatedBrokerage:
    """Holds working orders and fills them. Not thread-safe; deterministic.

    `prefix` starts every execution and brokerage order id; give each account (and each restart, where the
    counters are not restored with `first_number`) its own.
    """

    def __init__(
        self,
        securities: SecurityManager,
        portfolio: Portfolio,
        *,
        books: bool,
        prefix: str = "S",
        first_number: int = 1,
    ) -> None: ...

    def observe(self, points: Iterable[MarketPoint], now_ns: int) -> list[SimulatedReport]:
        """Take in prices of this instant, try every working order, return the news in order."""
        ...

    def submit(self, key: str, spec: OrderSpec, now_ns: int) -> list[SimulatedReport]:
        """Take an order and try it at once; a key that was ever seen before is ignored (no news)."""
        ...

    def update(self, key: str, change: OrderChange, now_ns: int) -> list[SimulatedReport]:
        """Change a working order; unknown or closed keys give no news."""
        ...

    def cancel(self, key: str, now_ns: int) -> list[SimulatedReport]:
        """Cancel a working order; unknown or closed keys give no news."""
        ...

    def scan(self, now_ns: int) -> Iterator[SimulatedReport]:
        """Try every working order, oldest first, lazily."""
        ...

    def working(self) -> list[SimulatedReport]:
        """Return the working orders as they stand, oldest first."""
        ...

    def restore(
        self, key: str, spec: OrderSpec, brokerage_order_id: BrokerageOrderId, filled: Decimal
    ) -> None:
        """Put an order of an earlier life back to work, silently."""
        ...
