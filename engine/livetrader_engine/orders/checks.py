"""What is checked before a request becomes an order, and how its prices are completed. Pure.

Source: LEAN's QCAlgorithm.Trading.cs (PreOrderChecksImpl), BrokerageTransactionHandler.cs (price rounding,
default tags) and TrailingStopOrder.cs.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

from livetrader_engine.errors import AlgorithmError
from livetrader_engine.money import ONE, normalized, toward_zero
from livetrader_engine.orders.order import OrderId, OrderSpec, OrderType
from livetrader_engine.orders.request import ACCEPTED, OrderRequest, Response, ResponseCode
from livetrader_engine.securities import Security
from livetrader_engine.symbols import NS_PER_SECOND, SecurityType

MARKET_ON_CLOSE_BUFFER_NS: Final = 930 * NS_PER_SECOND  # 15.5 minutes: exchanges close the book for them then

_PENNY_STOCK_VARIATION: Final = Decimal("0.0001")  # US equities below one dollar
_AUCTION_TYPES: Final = frozenset({OrderType.MARKET_ON_OPEN, OrderType.MARKET_ON_CLOSE})
_NEEDS: Final[dict[OrderType, tuple[str, ...]]] = {
    OrderType.LIMIT: ("limit_price",),
    OrderType.STOP_MARKET: ("stop_price",),
    OrderType.STOP_LIMIT: ("stop_price", "limit_price"),
    OrderType.LIMIT_IF_TOUCHED: ("trigger_price", "limit_price"),
    OrderType.TRAILING_STOP: ("trailing_amount",),
}
SUPPORTED_TYPES: Final = frozenset(_NEEDS) | _AUCTION_TYPES | {OrderType.MARKET}


def check_request(
    request: OrderRequest,
    security: Security,
    now_ns: int,
    market_on_close_buffer_ns: int,
    quote_rate: Decimal,
) -> Response:
    """Return ACCEPTED, or the first objection in LEAN's order.

    `quote_rate` is the conversion rate of the quote currency, zero where it is not known. Raises
    AlgorithmError for auction orders on a market that never closes.
    """
    name = request.symbol.value
    properties = security.properties
    if request.quantity == 0:
        return Response(ResponseCode.ORDER_QUANTITY_ZERO, f"the order for {name} has quantity zero")
    if abs(request.quantity) < properties.lot_size:
        return Response(
            ResponseCode.ORDER_QUANTITY_LESS_THAN_LOT_SIZE,
            f"quantity {request.quantity} of {name} is below the lot size {properties.lot_size}",
        )
    if not security.is_tradable:
        return Response(ResponseCode.NON_TRADABLE_SECURITY, f"{name} cannot be traded")
    problem = _check_type(request, security)
    if problem is not None:
        return problem
    if not security.price:
        return Response(
            ResponseCode.SECURITY_PRICE_ZERO,
            f"{name} has no price yet; wait for its first data, or for the end of warm-up",
        )
    if not quote_rate:
        return Response(
            ResponseCode.CONVERSION_RATE_ZERO,
            f"there is no conversion rate for {properties.quote_currency}, the currency of {name}",
        )
    if not security.has_data:
        return Response(ResponseCode.SECURITY_HAS_NO_DATA, f"{name} has no data yet")
    return _check_auction(request, security, now_ns, market_on_close_buffer_ns)


def _check_type(request: OrderRequest, security: Security) -> Response | None:
    if request.type not in SUPPORTED_TYPES:
        return Response(
            ResponseCode.UNSUPPORTED_REQUEST_TYPE, f"orders of type {request.type.name} are not supported"
        )
    missing = [field for field in _NEEDS.get(request.type, ()) if getattr(request, field) is None]
    if missing:
        return Response(
            ResponseCode.INVALID_REQUEST, f"a {request.type.name} order needs {' and '.join(missing)}"
        )
    future = security.symbol.security_type in (SecurityType.FUTURE, SecurityType.FUTURE_OPTION)
    if request.type is OrderType.MARKET_ON_OPEN and future:
        return Response(ResponseCode.PRE_ORDER_CHECKS_ERROR, "market-on-open orders do not exist for futures")
    return None


def _check_auction(request: OrderRequest, security: Security, now_ns: int, buffer_ns: int) -> Response:
    if request.type not in _AUCTION_TYPES:
        return ACCEPTED
    hours, name = security.hours, request.symbol.value
    if hours.always_open:
        raise AlgorithmError(f"{name} trades around the clock: there is no open or close to trade on")
    if request.type is OrderType.MARKET_ON_OPEN:
        if hours.is_open(now_ns) and not security.daily_only:
            return Response(
                ResponseCode.MARKET_ON_OPEN_NOT_ALLOWED_DURING_REGULAR_HOURS,
                f"a market-on-open order for {name} cannot be placed while its exchange is open",
            )
    elif now_ns > hours.next_close(now_ns) - buffer_ns:
        minutes = normalized(Decimal(buffer_ns) / (60 * NS_PER_SECOND))
        return Response(
            ResponseCode.MARKET_ON_CLOSE_ORDER_TOO_LATE,
            f"a market-on-close order for {name} must be placed {minutes} minutes before the close",
        )
    return ACCEPTED


def rounded_price(price: Decimal | None, security: Security) -> Decimal | None:
    """Return an order price on the security's price grid, half to even; adjusted equities have no grid."""
    if price is None or not security.rounds_prices:
        return price
    step = security.properties.minimum_price_variation
    if security.symbol.security_type is SecurityType.EQUITY and abs(price) < ONE:
        step = _PENNY_STOCK_VARIATION
    if not step:
        return price
    return (price / step).quantize(ONE, rounding=ROUND_HALF_EVEN) * step


def trailing_stop(price: Decimal, quantity: Decimal, amount: Decimal, *, as_percentage: bool) -> Decimal:
    """Return the stop price that trails `price`: below it for sells, above it for buys."""
    distance = price * amount if as_percentage else amount
    return price + distance if quantity > 0 else price - distance


def initial_stop(request: OrderRequest, security: Security) -> Decimal:
    """Return where a trailing stop begins when the algorithm does not say."""
    assert request.trailing_amount is not None, "checked by check_request"
    return trailing_stop(
        security.exact_price(),
        request.quantity,
        request.trailing_amount,
        as_percentage=request.trailing_as_percentage,
    )


def default_tag(request: OrderRequest) -> str:
    """Return the tag LEAN gives an order that has none."""
    if request.type is not OrderType.TRAILING_STOP or request.trailing_amount is None:
        return ""
    if request.trailing_as_percentage:
        return f"Trailing Amount: {normalized(request.trailing_amount * 100)}%"
    return f"Trailing Amount: ${normalized(request.trailing_amount)}"


def make_spec(order_id: OrderId, request: OrderRequest, security: Security, now_ns: int) -> OrderSpec:
    """Return the order a checked request becomes: whole lots, prices on the grid, default stop and tag."""
    stop_price = request.stop_price
    if request.type is OrderType.TRAILING_STOP and stop_price is None:
        stop_price = initial_stop(request, security)
    return OrderSpec(
        id=order_id,
        symbol=request.symbol,
        type=request.type,
        quantity=toward_zero(request.quantity, security.properties.lot_size),
        created_ns=now_ns,
        reference_price=security.exact_price(),
        limit_price=rounded_price(request.limit_price, security),
        stop_price=rounded_price(stop_price, security),
        trigger_price=rounded_price(request.trigger_price, security),
        trailing_amount=request.trailing_amount,
        trailing_as_percentage=request.trailing_as_percentage,
        time_in_force=request.time_in_force,
        outside_regular_hours=request.outside_regular_hours,
        tag=request.tag or default_tag(request),
    )
