"""News of orders that an algorithm makes itself: what its fill models return. All of it can be set."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from livetrader_engine.money import from_float
from livetrader_lean.enums import OrderDirection, OrderStatus
from livetrader_lean.names import Twins
from livetrader_lean.order_events import OrderFee
from livetrader_lean.symbols import Symbol
from livetrader_lean.times import utc


class OrderEventDraft(Twins):
    """News of an order that nobody was told yet: `OrderEvent(order, utc_time, order_fee[, message])`."""

    order_id: int
    symbol: Symbol
    status: int
    direction: int
    fill_price: float
    fill_price_currency: str
    fill_quantity: float

    def __init__(
        self, order: Any, utc_time: datetime, order_fee: OrderFee = OrderFee.ZERO, message: str = ""
    ) -> None:
        self.order_id, self.symbol, self.utc_time = order.id, order.symbol, utc_time
        self.status = OrderStatus(int(order.status))
        self.direction = OrderDirection(int(order.direction))
        self.quantity = order.quantity
        self.fill_price = self.fill_quantity = 0.0
        self.fill_price_currency = order.price_currency
        self.order_fee, self.message = order_fee, message
        self.is_assignment = False
        self._exact = Decimal(0)

    @classmethod
    def of(cls, order: Any, time_ns: int) -> OrderEventDraft:
        """Return news that say nothing yet."""
        return cls(order, utc(time_ns))

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(_FIELDS.get(name, name), value)

    def __getattr__(self, name: str) -> Any:
        field = _FIELDS.get(name)
        if field is None:
            raise AttributeError(f"OrderEvent has no {name}")
        return getattr(self, field)

    def fill_at(self, price: Decimal, quantity: Decimal, message: str) -> None:
        """Say that all of it was filled at a price."""
        self._exact = price
        self.status = OrderStatus.FILLED
        self.fill_price, self.fill_quantity, self.message = float(price), float(quantity), message

    @property
    def exact_price(self) -> Decimal:
        """The fill price as a decimal: the rule's, where the algorithm let it stand."""
        if float(self._exact) == float(self.fill_price):
            return self._exact
        return from_float(float(self.fill_price))

    @property
    def absolute_fill_quantity(self) -> float:
        """Quantity of the fill without sign."""
        return abs(self.fill_quantity)


_FIELDS = {
    "OrderId": "order_id", "Symbol": "symbol", "UtcTime": "utc_time", "Status": "status",
    "Direction": "direction", "Quantity": "quantity", "FillPrice": "fill_price",
    "FillPriceCurrency": "fill_price_currency", "FillQuantity": "fill_quantity", "OrderFee": "order_fee",
    "Message": "message", "IsAssignment": "is_assignment",
}  # fmt: skip
