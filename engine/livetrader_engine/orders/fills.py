"""Fill models: at which price, if any, a working order trades now. Pure.

A model takes the order's state and the security's cache and returns the state after this look at the
market, with `price` set where it filled. Fills are complete: these models do not fill in parts.

Two families, as in LEAN's Common/Orders/Fills (the rule in words: research of EquityFillModel.cs and
FillModel.cs): `equity` for stocks, `base` for everything else. They share stop-limit and trailing stop.
No order but a market order fills on data that ended at or before its time.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Final

import msgspec

from livetrader_engine.errors import InvariantError
from livetrader_engine.orders.checks import trailing_stop
from livetrader_engine.orders.order import OrderSpec, OrderType
from livetrader_engine.orders.quotes import Prices, best_prices, side_prices, trade_prices, trades_now
from livetrader_engine.orders.slippage import SlippageModel
from livetrader_engine.securities import Security
from livetrader_engine.symbols import NS_PER_HOUR, SecurityType


class WorkingOrder(msgspec.Struct, frozen=True):
    """A working order as a fill model sees it. `price` is the fill price, None as long as it works.

    `time_ns` is when it came to the venue: what ended at or before it is not traded on.
    `armed` stays set once a stop-limit's stop or a limit-if-touched's trigger was hit; `stop_price` is where
    a stop stands now (trailing stops move it).
    """

    spec: OrderSpec
    time_ns: int
    stop_price: Decimal | None = None
    armed: bool = False
    price: Decimal | None = None

    @classmethod
    def of(cls, spec: OrderSpec, arrived_ns: int) -> WorkingOrder:
        """Return the state of an order that has not seen the market; it cannot arrive before it was made."""
        return cls(spec, max(spec.created_ns, arrived_ns), spec.stop_price)

    def filled(self, price: Decimal) -> WorkingOrder:
        """Return this order, filled at `price`."""
        return msgspec.structs.replace(self, price=price)


FillRule = Callable[[WorkingOrder, Security, int, Decimal], WorkingOrder]


def match(order: WorkingOrder, security: Security, now_ns: int, slippage: SlippageModel) -> WorkingOrder:
    """Return the order after one look at the market at `now_ns`.

    Raises InvariantError for an order type without a rule; the checks refuse those before.
    """
    rules = EQUITY_RULES if security.symbol.security_type is SecurityType.EQUITY else BASE_RULES
    rule = rules.get(order.spec.type)
    if rule is None:
        raise InvariantError(f"there is no fill rule for {order.spec.type.name} orders")
    return rule(order, security, now_ns, slippage.slippage(security, order.spec))


def _buying(order: WorkingOrder) -> bool:
    return order.spec.quantity > 0


def _fresh(prices: Prices | None, order: WorkingOrder) -> Prices | None:
    """Return prices whose bar ended after the order was made, else None."""
    if prices is None or prices.end_time_ns <= order.time_ns:
        return None
    return prices


def _resting(order: WorkingOrder, security: Security, now_ns: int) -> bool:
    """Whether an order that rests at the venue may trade now (extended hours where data has them)."""
    return trades_now(security, now_ns, extended=security.extended_market_hours)


def _required(price: Decimal | None, name: str) -> Decimal:
    if price is None:
        raise InvariantError(f"an order without {name} came to a fill rule that needs it")
    return price


# -- equity ------------------------------------------------------------------------------------------


def _equity_market(order: WorkingOrder, security: Security, now_ns: int, slip: Decimal) -> WorkingOrder:
    """At ask or bid, in regular hours; stale prices are not traded on, the order waits for the next data."""
    if not trades_now(security, now_ns, extended=False):
        return order
    prices, stale = best_prices(security, order.time_ns, buying=_buying(order))
    if prices is None or stale:
        return order
    return order.filled(prices.close + slip if _buying(order) else prices.close - slip)


def _equity_limit(order: WorkingOrder, security: Security, now_ns: int, slip: Decimal) -> WorkingOrder:
    """At the limit when a trade went through it, at the open when the bar opened beyond it."""
    bar = _fresh(trade_prices(security), order)
    if bar is None or not _resting(order, security, now_ns):
        return order
    limit = _required(order.spec.limit_price, "limit_price")
    if _buying(order):
        return order.filled(min(bar.open, limit)) if bar.low < limit else order
    return order.filled(max(bar.open, limit)) if bar.high > limit else order


def _equity_stop_market(order: WorkingOrder, security: Security, now_ns: int, slip: Decimal) -> WorkingOrder:
    """At the stop when a trade touched it, at the open when the bar opened beyond it; regular hours."""
    bar = _fresh(trade_prices(security), order)
    if bar is None or not trades_now(security, now_ns, extended=False):
        return order
    stop = _required(order.stop_price, "stop_price")
    if _buying(order):
        return order.filled(max(bar.open, stop) + slip) if bar.high >= stop else order
    return order.filled(min(bar.open, stop) - slip) if bar.low <= stop else order


def _equity_limit_if_touched(
    order: WorkingOrder, security: Security, now_ns: int, slip: Decimal
) -> WorkingOrder:
    """Armed by a trade at the trigger; then at ask or bid when that is at the limit or better."""
    bar = _fresh(trade_prices(security), order)
    if bar is None or not _resting(order, security, now_ns):
        return order
    order = _touch(order, bar)
    if not order.armed:
        return order
    prices, _ = best_prices(security, order.time_ns, buying=_buying(order))
    if prices is None:
        return order
    limit = _required(order.spec.limit_price, "limit_price")
    if _buying(order):
        return order.filled(min(prices.close, limit)) if prices.close <= limit else order
    return order.filled(max(prices.close, limit)) if prices.close >= limit else order


def _touch(order: WorkingOrder, bar: Prices) -> WorkingOrder:
    trigger = _required(order.spec.trigger_price, "trigger_price")
    touched = bar.low <= trigger if _buying(order) else bar.high >= trigger
    return msgspec.structs.replace(order, armed=True) if touched else order


# -- shared ------------------------------------------------------------------------------------------


def _stop_limit(order: WorkingOrder, security: Security, now_ns: int, slip: Decimal) -> WorkingOrder:
    """Armed by a price beyond the stop; then, in the same bar too, when the close is beyond the limit."""
    prices = _fresh(side_prices(security, buying=_buying(order)), order)
    if prices is None or not _resting(order, security, now_ns):
        return order
    stop = _required(order.stop_price, "stop_price")
    limit = _required(order.spec.limit_price, "limit_price")
    if prices.high > stop if _buying(order) else prices.low < stop:
        order = msgspec.structs.replace(order, armed=True)
    if not order.armed:
        return order
    if _buying(order):
        return order.filled(min(prices.high, limit)) if prices.close < limit else order
    return order.filled(max(prices.low, limit)) if prices.close > limit else order


def _trailing_stop(order: WorkingOrder, security: Security, now_ns: int, slip: Decimal) -> WorkingOrder:
    """Like a stop; where it does not fill, the stop follows the best price of the bar."""
    prices = _fresh(side_prices(security, buying=_buying(order)), order)
    if prices is None or not trades_now(security, now_ns, extended=False):
        return order
    stop = _required(order.stop_price, "stop_price")
    amount = _required(order.spec.trailing_amount, "trailing_amount")
    if _buying(order):
        if prices.high >= stop:
            return order.filled(max(stop, prices.close + slip))
        reference, distance = prices.low, stop - prices.low
    else:
        if prices.low <= stop:
            return order.filled(min(stop, prices.close - slip))
        reference, distance = prices.high, prices.high - stop
    percent = order.spec.trailing_as_percentage
    if distance <= (reference * amount if percent else amount):
        return order
    moved = trailing_stop(reference, order.spec.quantity, amount, as_percentage=percent)
    return msgspec.structs.replace(order, stop_price=moved)


def _market_on_open(order: WorkingOrder, security: Security, now_ns: int, slip: Decimal) -> WorkingOrder:
    """At the open of the first bar of the session that began after the order."""
    bar = trade_prices(security) or side_prices(security, buying=_buying(order))
    created_ns, hours = order.time_ns, security.hours
    if bar is None or bar.time_ns < created_ns or bar.end_time_ns <= created_ns:
        return order
    if bar.end_time_ns - bar.time_ns < NS_PER_HOUR and not hours.is_open(bar.time_ns):
        return order  # pre-market bars do not open the session
    same_day = hours.local_date(created_ns) == hours.local_date(bar.end_time_ns)
    if (same_day and hours.is_open(created_ns)) or not trades_now(security, now_ns, extended=False):
        return order
    return order.filled(bar.open + slip if _buying(order) else bar.open - slip)


def _market_on_close(order: WorkingOrder, security: Security, now_ns: int, slip: Decimal) -> WorkingOrder:
    """At the close of the newest bar once the first closing time after the order has come."""
    if now_ns < security.hours.next_close(order.time_ns):
        return order
    bar = _fresh(trade_prices(security) or side_prices(security, buying=_buying(order)), order)
    if bar is None:
        return order
    return order.filled(bar.close + slip if _buying(order) else bar.close - slip)


# -- everything but equity ---------------------------------------------------------------------------


def _base_market(order: WorkingOrder, security: Security, now_ns: int, slip: Decimal) -> WorkingOrder:
    """At the side's newest price; at the bar's open where only coarse bars exist and the order is older."""
    if not trades_now(security, now_ns, extended=False):
        return order
    prices, stale = best_prices(security, order.time_ns, buying=_buying(order))
    if prices is None or stale:
        return order
    early = security.coarse_only and order.time_ns < prices.end_time_ns
    price = prices.open if early else prices.close
    return order.filled(price + slip if _buying(order) else price - slip)


def _base_limit(order: WorkingOrder, security: Security, now_ns: int, slip: Decimal) -> WorkingOrder:
    """When the side went through the limit, at the limit or at the bar's worst price beyond it."""
    prices = _fresh(side_prices(security, buying=_buying(order)), order)
    if prices is None or not _resting(order, security, now_ns):
        return order
    limit = _required(order.spec.limit_price, "limit_price")
    if _buying(order):
        return order.filled(min(prices.high, limit)) if prices.low < limit else order
    return order.filled(max(prices.low, limit)) if prices.high > limit else order


def _base_stop_market(order: WorkingOrder, security: Security, now_ns: int, slip: Decimal) -> WorkingOrder:
    """When the side went beyond the stop, at the stop or the close, whichever is worse."""
    prices = _fresh(side_prices(security, buying=_buying(order)), order)
    if prices is None or not trades_now(security, now_ns, extended=False):
        return order
    stop = _required(order.stop_price, "stop_price")
    if _buying(order):
        return order.filled(max(stop, prices.close + slip)) if prices.high > stop else order
    return order.filled(min(stop, prices.close - slip)) if prices.low < stop else order


def _base_limit_if_touched(
    order: WorkingOrder, security: Security, now_ns: int, slip: Decimal
) -> WorkingOrder:
    """Armed by the trigger; then at the limit when the side's price is at it or better."""
    bar = _fresh(trade_prices(security) or side_prices(security, buying=_buying(order)), order)
    prices = side_prices(security, buying=_buying(order))
    if bar is None or prices is None or not _resting(order, security, now_ns):
        return order
    order = _touch(order, bar)
    limit = _required(order.spec.limit_price, "limit_price")
    reached = prices.close <= limit if _buying(order) else prices.close >= limit
    return order.filled(limit) if order.armed and reached else order


_SHARED_RULES: Final[dict[OrderType, FillRule]] = {
    OrderType.STOP_LIMIT: _stop_limit,
    OrderType.TRAILING_STOP: _trailing_stop,
    OrderType.MARKET_ON_OPEN: _market_on_open,
    OrderType.MARKET_ON_CLOSE: _market_on_close,
}
EQUITY_RULES: Final[dict[OrderType, FillRule]] = _SHARED_RULES | {
    OrderType.MARKET: _equity_market,
    OrderType.LIMIT: _equity_limit,
    OrderType.STOP_MARKET: _equity_stop_market,
    OrderType.LIMIT_IF_TOUCHED: _equity_limit_if_touched,
}
BASE_RULES: Final[dict[OrderType, FillRule]] = _SHARED_RULES | {
    OrderType.MARKET: _base_market,
    OrderType.LIMIT: _base_limit,
    OrderType.STOP_MARKET: _base_stop_market,
    OrderType.LIMIT_IF_TOUCHED: _base_limit_if_touched,
}
