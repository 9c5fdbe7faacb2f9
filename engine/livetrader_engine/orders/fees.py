"""What a fill costs. Pure: a fee depends on the order and the security's price, on nothing else.

Source of the equity schedule: LEAN's Common/Orders/Fees/InteractiveBrokersFeeModel.cs, which has the minimum
win over the cap where the two collide.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final, Protocol

import msgspec

from livetrader_engine.errors import AlgorithmError
from livetrader_engine.money import ZERO
from livetrader_engine.orders.order import OrderSpec, OrderType
from livetrader_engine.securities import Security
from livetrader_engine.symbols import SecurityType

_EQUITY: Final = SecurityType.EQUITY
_EXERCISE: Final = OrderType.OPTION_EXERCISE


class OrderFee(msgspec.Struct, frozen=True, gc=False):
    """A fee, positive if paid."""

    amount: Decimal
    currency: str


NO_FEE: Final = OrderFee(ZERO, "USD")


class FeeModel(Protocol):
    """Says what a complete fill of an order costs."""

    def fee(self, security: Security, spec: OrderSpec) -> OrderFee:
        """Return the fee of filling `spec` at the security's present prices."""
        ...


def order_value(security: Security, spec: OrderSpec) -> Decimal:
    """Return the signed value of an order, in quote currency, as fee and margin rules see it.

    Market orders at the security's price, orders with a limit at the price they can count on: the lower of
    limit and price for buys, the higher for sells. Source: Order.GetValue and LimitOrder.GetValueImpl.
    """
    price = security.exact_price()
    bound = spec.limit_price if spec.limit_price is not None else spec.stop_price
    if bound is not None:
        price = min(bound, price) if spec.quantity > 0 else max(bound, price)
    return spec.quantity * price * security.properties.contract_multiplier


class NoFees:
    """Trading is free."""

    moderate = True  # never more than the greater of 10 and 1 % of the value

    def fee(self, security: Security, spec: OrderSpec) -> OrderFee:
        """Return zero in the quote currency."""
        return OrderFee(ZERO, security.properties.quote_currency)


class FlatFee:
    """Every order costs the same."""

    def __init__(self, amount: Decimal, currency: str = "USD") -> None:
        self._fee = OrderFee(amount, currency)

    def fee(self, security: Security, spec: OrderSpec) -> OrderFee:
        """Return the flat amount."""
        return self._fee


EQUITY_FEE_PER_SHARE: Final = Decimal("0.005")
EQUITY_MINIMUM_FEE: Final = Decimal(1)
EQUITY_MAXIMUM_RATE: Final = Decimal("0.005")  # of the order's value
FOREX_RATE: Final = Decimal("0.00002")
FOREX_MINIMUM_FEE: Final = Decimal(2)


class InteractiveBrokersFees:
    """Interactive Brokers' schedule for US equities and forex. Other types raise AlgorithmError."""

    moderate = True  # never more than the greater of 10 and 1 % of the value

    def fee(self, security: Security, spec: OrderSpec) -> OrderFee:
        """Return the fee in USD. Option exercise is free."""
        kind = security.symbol.security_type
        if spec.type is _EXERCISE:
            return OrderFee(ZERO, "USD")
        if kind is _EQUITY:
            return _equity_fee(security, spec)
        value = abs(order_value(security, spec))
        if kind is SecurityType.FOREX:
            return OrderFee(max(FOREX_MINIMUM_FEE, FOREX_RATE * value), "USD")
        raise AlgorithmError(f"there is no fee schedule for {kind.name}; choose a fee model for it")


_LEAST_FEE: Final = OrderFee(EQUITY_MINIMUM_FEE, "USD")


def _equity_fee(security: Security, spec: OrderSpec) -> OrderFee:
    fee = EQUITY_FEE_PER_SHARE * abs(spec.quantity)
    if fee < EQUITY_MINIMUM_FEE:
        return _LEAST_FEE
    return OrderFee(min(fee, EQUITY_MAXIMUM_RATE * abs(order_value(security, spec))), "USD")


class DefaultFees:
    """LEAN's default: Interactive Brokers for equities, free for forex, crypto, CFDs and indices."""

    moderate = True  # never more than the greater of 10 and 1 % of the value

    def __init__(self) -> None:
        self._charged = InteractiveBrokersFees()
        self._free = NoFees()

    def fee(self, security: Security, spec: OrderSpec) -> OrderFee:
        """Return the fee by security type. Source: DefaultBrokerageModel.GetFeeModel."""
        kind = security.symbol.security_type
        if kind is _EQUITY and spec.type is not _EXERCISE:
            return _equity_fee(security, spec)  # as the schedule says; a call less for nearly every fill
        return (self._free if kind in _FREE_BY_DEFAULT else self._charged).fee(security, spec)


_FREE_BY_DEFAULT: Final = frozenset(
    {SecurityType.FOREX, SecurityType.CRYPTO, SecurityType.CRYPTO_FUTURE, SecurityType.CFD,
     SecurityType.INDEX, SecurityType.BASE}
)  # fmt: skip
