"""What this venue refuses, and in which words. Pure."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from livetrader_engine.orders.order import OrderSpec, OrderType
from livetrader_engine.securities import Security
from livetrader_plugins.paper.config import PaperConfig

ORDER_TYPES: Final = frozenset(
    {
        OrderType.MARKET,
        OrderType.LIMIT,
        OrderType.STOP_MARKET,
        OrderType.STOP_LIMIT,
        OrderType.MARKET_ON_OPEN,
        OrderType.MARKET_ON_CLOSE,
        OrderType.LIMIT_IF_TOUCHED,
        OrderType.TRAILING_STOP,
    }
)

# The prices that an order of a type cannot be without.
REQUIRED_PRICES: Final[dict[OrderType, tuple[str, ...]]] = {
    OrderType.LIMIT: ("limit_price",),
    OrderType.STOP_MARKET: ("stop_price",),
    OrderType.STOP_LIMIT: ("stop_price", "limit_price"),
    OrderType.LIMIT_IF_TOUCHED: ("trigger_price", "limit_price"),
    OrderType.TRAILING_STOP: ("trailing_amount",),
}


def refusal(spec: OrderSpec, security: Security | None, config: PaperConfig) -> str | None:
    """Return why the order is refused, in words for the user, None where it is taken."""
    if security is None:
        return f"{spec.symbol.value} is not known here: the data folder has no hours or properties for it"
    if spec.symbol.value in config.refused_tickers:
        return f"orders in {spec.symbol.value} are refused (refused_tickers in the settings)"
    if spec.type not in ORDER_TYPES:
        return f"{spec.type.name} orders are not offered on paper"
    if not spec.quantity:
        return "the quantity is zero"
    lot = security.properties.lot_size
    if spec.quantity % lot != Decimal(0):
        return f"the quantity {spec.quantity} is not a multiple of the lot size {lot}"
    for name in REQUIRED_PRICES.get(spec.type, ()):
        price = getattr(spec, name)
        if price is None or price <= 0:
            return f"a {spec.type.name} order needs a {name} above zero, not {price}"
    return None
