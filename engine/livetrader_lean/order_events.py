"""News of orders as an algorithm sees them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Self

from livetrader_engine.events import OrderEventArrived
from livetrader_engine.orders.ticket import OrderEventRecord, OrderRecord
from livetrader_lean.binding import Binding
from livetrader_lean.enums import OrderDirection, OrderStatus
from livetrader_lean.order_text import event_text, short_event_text
from livetrader_lean.symbols import Symbol
from livetrader_lean.times import utc
from livetrader_lean.views import Face


class CashAmount(Face):
    """An amount of a currency."""

    __slots__ = ("amount", "currency")

    def __init__(self, amount: float, currency: str) -> None:
        self.amount = amount
        self.currency = currency

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, CashAmount):
            return NotImplemented
        return (self.amount, self.currency) == (other.amount, other.currency)

    def __hash__(self) -> int:
        return hash((self.amount, self.currency))

    def __str__(self) -> str:
        return f"{self.amount:g} {self.currency}"


class OrderFee(CashAmount):
    """What a fill costs: `value.amount` of `value.currency`. Made of a CashAmount, or of both parts."""

    __slots__ = ()

    ZERO: OrderFee
    Zero: OrderFee

    def __init__(self, amount: float | CashAmount, currency: str = "USD") -> None:
        given = amount if isinstance(amount, CashAmount) else CashAmount(amount, currency)
        super().__init__(given.amount, given.currency)

    @property
    def value(self) -> CashAmount:
        """The amount with its currency."""
        return self


OrderFee.ZERO = OrderFee.Zero = OrderFee(0.0, "USD")


class _Terms(Face):
    """The order's terms at the moment of the news."""

    __slots__ = ("_event",)

    _event: OrderEventRecord

    @property
    def limit_price(self) -> float | None:
        """Limit price of the order then, None where it has none."""
        return _optional(self._event.spec.limit_price)

    @property
    def stop_price(self) -> float | None:
        """Stop price of the order then, None where it has none."""
        return _optional(self._event.spec.stop_price)

    @property
    def trigger_price(self) -> float | None:
        """Trigger price of the order then, None where it has none."""
        return _optional(self._event.spec.trigger_price)

    @property
    def trailing_amount(self) -> float | None:
        """Trailing amount of the order then, None where it has none."""
        return _optional(self._event.spec.trailing_amount)


class OrderNewsFace(_Terms):
    """One piece of news of an order, with the order's terms at that moment; but for its ticket."""

    __slots__ = ("_binding", "_record")

    def __init__(self, binding: Binding, event: OrderEventArrived, record: OrderRecord) -> None:
        self._binding = binding
        self._record = record
        self._event: OrderEventRecord = record.events[-1]

    @classmethod
    def of(cls, binding: Binding, event: OrderEventRecord, record: OrderRecord) -> Self:
        """Return news that were told before."""
        made = cls.__new__(cls)
        made._binding, made._record, made._event = binding, record, event
        return made

    @property
    def id(self) -> int:
        """Number of the news among those of its order, from 1."""
        return self._event.number

    @property
    def order_id(self) -> int:
        """Number of the order."""
        return int(self._event.spec.id)

    @property
    def symbol(self) -> Symbol:
        """What is traded."""
        return Symbol(self._event.spec.symbol)

    @property
    def utc_time(self) -> datetime:
        """When it happened, UTC."""
        return utc(self._event.time_ns)

    @property
    def status(self) -> int:
        """State of the order after these news, an OrderStatus."""
        return OrderStatus(int(self._event.status))

    @property
    def quantity(self) -> float:
        """Signed quantity ordered."""
        return float(self._event.spec.quantity)

    @property
    def direction(self) -> int:
        """Side of the order, an OrderDirection."""
        return OrderDirection(int(self._event.spec.direction))

    @property
    def fill_quantity(self) -> float:
        """Signed quantity of this fill, 0 without one."""
        return float(self._event.fill.quantity) if self._event.fill else 0.0

    @property
    def absolute_fill_quantity(self) -> float:
        """Quantity of this fill without sign."""
        return abs(self.fill_quantity)

    @property
    def fill_price(self) -> float:
        """Price of this fill, 0 without one."""
        return float(self._event.fill.price) if self._event.fill else 0.0

    @property
    def fill_price_currency(self) -> str:
        """Currency of the fill price."""
        security = self._binding.engine.securities.get(self._event.spec.symbol)
        return "" if security is None else security.properties.quote_currency

    @property
    def order_fee(self) -> OrderFee:
        """What this fill cost."""
        fill = self._event.fill
        return OrderFee(float(fill.fee), fill.fee_currency) if fill else OrderFee(0.0, "USD")

    @property
    def message(self) -> str:
        """The reason of a refusal, cancel or expiry, or what was special about a fill."""
        return self._event.message

    @property
    def is_assignment(self) -> bool:
        """Return False: options are not offered."""
        return False

    @property
    def is_in_the_money(self) -> bool:
        """Return False: options are not offered."""
        return False

    @property
    def trailing_as_percentage(self) -> bool | None:
        """Return None: LEAN's news do not tell either."""
        return None

    def short_to_string(self) -> str:
        """Return the news in few words."""
        return short_event_text(self._event, self.fill_price_currency)

    def clone(self) -> Self:
        """Return the same news."""
        return self.of(self._binding, self._event, self._record)

    def to_string(self) -> str:
        """Return the news on one line, as `str` does."""
        return str(self)

    def __str__(self) -> str:
        return event_text(self._event, self.fill_price_currency)


def _optional(value: Decimal | None) -> float | None:
    return None if value is None else float(value)
