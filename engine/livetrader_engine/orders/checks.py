"""What is checked before a request becomes an order, and how its prices are completed. Pure.

Source: LEAN's QCAlgorithm.Trading.cs (PreOrderChecksImpl), BrokerageTransactionHandler.cs (price rounding,
default tags) and TrailingStopOrder.cs.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

import msgspec

from livetrader_engine.errors import AlgorithmError
from livetrader_engine.money import ONE, toward_zero
from livetrader_engine.orders.messages import below_lot_size, tag_of, zero_quantity
from livetrader_engine.orders.order import OrderChange, OrderId, OrderSpec, OrderType
from livetrader_engine.orders.request import ACCEPTED, NO_ORDER, OrderRequest, Response, ResponseCode
from livetrader_engine.securities import Security
from livetrader_engine.symbols import NS_PER_SECOND, SecurityType

_MARKET: Final = OrderType.MARKET
_FUTURE: Final = SecurityType.FUTURE
_FUTURES: Final = frozenset({_FUTURE, SecurityType.FUTURE_OPTION})

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
    name, quantity, lot_size = request.symbol.value, request.quantity, security.properties.lot_size
    if not quantity:
        return _no(ResponseCode.ORDER_QUANTITY_ZERO, zero_quantity("submit", NO_ORDER))
    if abs(quantity) < lot_size:
        text = below_lot_size(NO_ORDER, quantity, lot_size)
        return _no(ResponseCode.ORDER_QUANTITY_LESS_THAN_LOT_SIZE, text)
    if not security.is_tradable:
        text = f"The security with symbol '{name}' is marked as non-tradable."
        return _no(ResponseCode.NON_TRADABLE_SECURITY, text)
    kind = request.type
    if kind is not _MARKET and (problem := _check_type(request, security)) is not None:
        return problem
    if not security.exact_price():
        return _no(ResponseCode.SECURITY_PRICE_ZERO, no_price(name))
    if not quote_rate:
        currency = security.properties.quote_currency
        return _no(
            ResponseCode.CONVERSION_RATE_ZERO,
            f"{name}: requires {currency} to have a non-zero conversion rate. "
            "This can be caused by lack of data.",
        )
    # LEAN asks for `has_data` here: what has a price has had data
    if kind in _AUCTION_TYPES:
        return _check_auction(request, security, now_ns, market_on_close_buffer_ns)
    return ACCEPTED


def no_price(ticker: str) -> str:
    """Return why nothing can be traded or computed yet."""
    return (
        f"{ticker}: The security does not have an accurate price as it has not yet received a bar of data. "
        "Warm the algorithm up, or look for the symbol in the slice before trading"
    )


def _no(code: ResponseCode, text: str) -> Response:
    return Response(code, text, NO_ORDER)


def _check_type(request: OrderRequest, security: Security) -> Response | None:
    if request.type not in SUPPORTED_TYPES:
        text = f"orders of type {request.type.name} are not supported"
        return _no(ResponseCode.UNSUPPORTED_REQUEST_TYPE, text)
    missing = [field for field in _NEEDS.get(request.type, ()) if getattr(request, field) is None]
    if missing:
        text = f"a {request.type.name} order needs {' and '.join(missing)}"
        return _no(ResponseCode.INVALID_REQUEST, text)
    kind = security.symbol.security_type
    if request.type is OrderType.MARKET_ON_OPEN and kind in _FUTURES:
        text = f"MarketOnOpen orders not supported for {'Future' if kind is _FUTURE else 'FutureOption'}."
        return _no(ResponseCode.EXCHANGE_NOT_OPEN, text)
    return None


def _check_auction(request: OrderRequest, security: Security, now_ns: int, buffer_ns: int) -> Response:
    hours, name = security.hours, request.symbol.value
    if hours.always_open:
        raise AlgorithmError(f"{name} trades around the clock: there is no open or close to trade on")
    if request.type is OrderType.MARKET_ON_OPEN:
        if hours.is_open(now_ns) and not security.daily_only:
            text = "Cannot submit a MarketOnOpen order while the market is open."
            return _no(ResponseCode.MARKET_ON_OPEN_NOT_ALLOWED_DURING_REGULAR_HOURS, text)
    elif now_ns > hours.next_close(now_ns) - buffer_ns:
        buffer = timedelta(microseconds=buffer_ns // 1000)
        return _no(
            ResponseCode.MARKET_ON_CLOSE_ORDER_TOO_LATE,
            f"MarketOnClose orders must be placed within {buffer} before market close."
            " MarketOnCloseOrder.submission_time_buffer, set in initialize, is another buffer.",
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


def make_spec(order_id: OrderId, request: OrderRequest, security: Security, now_ns: int) -> OrderSpec:
    """Return the order a checked request becomes: whole lots, prices on the grid, default stop and tag."""
    if request.type is _MARKET:
        return OrderSpec(
            order_id, request.symbol, _MARKET, toward_zero(request.quantity, security.properties.lot_size),
            now_ns, security.exact_price(), time_in_force=request.time_in_force,
            outside_regular_hours=request.outside_regular_hours, tag=request.tag,
            properties=request.properties,
        )  # fmt: skip
    stop_price = request.stop_price
    if request.type is OrderType.TRAILING_STOP and stop_price is None:
        stop_price = initial_stop(request, security)
    spec = OrderSpec(
        id=order_id,
        symbol=request.symbol,
        type=request.type,
        quantity=toward_zero(request.quantity, security.properties.lot_size),
        created_ns=now_ns,
        reference_price=security.exact_price(),
        limit_price=rounded_price(request.limit_price, security),
        stop_price=rounded_price(stop_price, security),
        trigger_price=rounded_price(request.trigger_price, security),
        trailing_amount=_rounded_trail(request, security),
        trailing_as_percentage=request.trailing_as_percentage,
        time_in_force=request.time_in_force,
        outside_regular_hours=request.outside_regular_hours,
        tag=request.tag,
        properties=request.properties,
    )
    tagged = spec.tag or spec.trailing_amount is None  # nothing else has a tag of its own
    return spec if tagged else msgspec.structs.replace(spec, tag=tag_of(spec))


def _rounded_trail(request: OrderRequest, security: Security) -> Decimal | None:
    percent = request.trailing_as_percentage
    return request.trailing_amount if percent else rounded_price(request.trailing_amount, security)


def rounded_change(change: OrderChange, security: Security) -> OrderChange:
    """Return a change with whole lots and with its prices on the security's price grid.

    LEAN rounds the quantity of a change only with the next one; a venue would refuse the fraction.
    """
    quantity = change.quantity
    return msgspec.structs.replace(
        change,
        quantity=None if quantity is None else toward_zero(quantity, security.properties.lot_size),
        limit_price=rounded_price(change.limit_price, security),
        stop_price=rounded_price(change.stop_price, security),
        trigger_price=rounded_price(change.trigger_price, security),
    )
