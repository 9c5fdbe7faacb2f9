"""Fill models: at which price, if any, a working order trades now. Pure.

A model takes the order's state and the security's cache and returns the state after this look at the
market, with `price` set where it filled. Fills are complete: these models do not fill in parts.

Two families, as in LEAN's Common/Orders/Fills: `equity` for stocks (EquityFillModel.cs), `base` for
everything else (FillModel.cs). They share stop-limit and trailing stop. No order but a market order fills on
data that ended at or before its time. Most looks end at the first comparison, which is one of floats; prices
become decimals where the order may fill.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Final, Protocol

import msgspec

from livetrader_engine.errors import InvariantError
from livetrader_engine.money import ZERO, normalized
from livetrader_engine.orders.checks import trailing_stop
from livetrader_engine.orders.messages import gap
from livetrader_engine.orders.order import OrderSpec, OrderType
from livetrader_engine.orders.part import Part
from livetrader_engine.orders.quotes import (
    Prices,
    Quote,
    best_quote,
    far_quote,
    side_prices,
    trade_prices,
    trade_range,
    trades_now,
)
from livetrader_engine.orders.slippage import NoSlippage, SlippageModel
from livetrader_engine.securities import Security
from livetrader_engine.symbols import NS_PER_HOUR, Resolution, SecurityType

_EQUITY: Final = SecurityType.EQUITY
_SLACK: Final = 1e-9  # relative; a float comparison this close is left to the decimals


class WorkingOrder(msgspec.Struct, frozen=True, gc=False):
    """A working order as a fill model sees it. `price` is the fill price, None as long as it works.

    `time_ns` is when it came to the venue: what ended at or before it is not traded on.
    `armed` stays set once a stop-limit's stop or a limit-if-touched's trigger was hit; `stop_price` is where
    a stop stands now (trailing stops move it). `message` says what was special about the fill. `part` is
    only set by fill models of the algorithm's own; `done` is what filled in parts before.
    """

    spec: OrderSpec
    time_ns: int
    stop_price: Decimal | None = None
    armed: bool = False
    price: Decimal | None = None
    message: str = ""
    part: Part | None = None
    done: Decimal = ZERO

    @classmethod
    def of(cls, spec: OrderSpec, arrived_ns: int) -> WorkingOrder:
        """Return the state of an order that has not seen the market; it cannot arrive before it was made."""
        created_ns = spec.created_ns
        return cls(spec, created_ns if created_ns > arrived_ns else arrived_ns, spec.stop_price)

    def filled(self, price: Decimal, message: str = "") -> WorkingOrder:
        """Return this order, filled at `price`; trailing zeros go, as LEAN's order events drop them."""
        return WorkingOrder(self.spec, self.time_ns, self.stop_price, self.armed, normalized(price), message)


Slip = Callable[[], Decimal]  # asked only where an order fills
FillRule = Callable[[WorkingOrder, Security, int, Slip], WorkingOrder]


class FillModel(Protocol):
    """Says whether and at what price an order trades now."""

    def match(
        self, order: WorkingOrder, security: Security, now_ns: int, slippage: SlippageModel
    ) -> WorkingOrder:
        """Return the order after one look at the market; the same object where nothing changed."""
        ...


def match(order: WorkingOrder, security: Security, now_ns: int, slippage: SlippageModel) -> WorkingOrder:
    """Return the order after one look at the market at `now_ns`.

    Raises InvariantError for an order type without a rule; the checks refuse those before.
    """
    rules = EQUITY_RULES if security.symbol.security_type is _EQUITY else BASE_RULES
    rule = rules.get(order.spec.type)
    if rule is None:
        raise InvariantError(f"there is no fill rule for {order.spec.type.name} orders")
    if type(slippage) is NoSlippage:  # one call instead of three for nearly every fill
        return rule(order, security, now_ns, _no_slip)
    return rule(order, security, now_ns, lambda: slippage.slippage(security, order.spec))


class StandardFills:
    """LEAN's models: the equity rules for equities, the base rules for the rest."""

    match = staticmethod(match)  # it has no state: a call less for every look


def _no_slip() -> Decimal:
    return ZERO


def _buying(order: WorkingOrder) -> bool:
    return order.spec.quantity > 0


def _fresh(prices: Prices | None, order: WorkingOrder) -> Prices | None:
    """Return prices whose bar ended after the order was made, else None."""
    if prices is None or prices.end_time_ns <= order.time_ns:
        return None
    return prices


def _resting(security: Security, now_ns: int) -> bool:
    """Whether an order that rests at the venue may trade now (extended hours where data has them)."""
    return trades_now(security, now_ns, extended=security.extended_market_hours)


def _required(price: Decimal | None, name: str) -> Decimal:
    if price is None:
        raise InvariantError(f"an order without {name} came to a fill rule that needs it")
    return price


def _slipped(order: WorkingOrder, price: Decimal, slip: Slip, message: str = "") -> WorkingOrder:
    return order.filled(price + slip() if _buying(order) else price - slip(), message)


def _traded_at(order: WorkingOrder, security: Security, price: Decimal | None, *, falling: bool) -> bool:
    """Whether trades after the order came to `price`, from above (falling) or below; in doubt, yes."""
    seen = trade_range(security)
    if price is None or seen is None or seen.end_time_ns <= order.time_ns:
        return False
    level = float(price)
    slack = abs(level) * _SLACK
    return seen.low <= level + slack if falling else seen.high >= level - slack


# -- equity ------------------------------------------------------------------------------------------


def _equity_market(order: WorkingOrder, security: Security, now_ns: int, slip: Slip) -> WorkingOrder:
    """At ask or bid, in regular hours; on stale prices it waits for fresh ones, but where only ticks come."""
    if not trades_now(security, now_ns, extended=False):
        return order
    buying = order.spec.quantity > 0
    quote = best_quote(security, order.time_ns, buying=buying)
    if quote is None or (quote.stale and _waits(quote, security)):
        return order
    price = quote.price + slip() if buying else quote.price - slip()
    return order.filled(price, quote.message)


def _waits(quote: Quote, security: Security) -> bool:
    """Whether prices so old are not traded on: fresh ones are to be expected, as bars are."""
    return quote.stale and security.resolution is not Resolution.TICK


def _equity_limit(order: WorkingOrder, security: Security, now_ns: int, slip: Slip) -> WorkingOrder:
    """At the limit when a trade went through it, at the open when the bar opened beyond it."""
    buying = _buying(order)
    if not _traded_at(order, security, order.spec.limit_price, falling=buying):
        return order
    bar = _fresh(trade_prices(security), order)
    if bar is None or not _resting(security, now_ns):
        return order
    limit = _required(order.spec.limit_price, "limit_price")
    if not (bar.low < limit if buying else bar.high > limit):
        return order
    if bar.open < limit if buying else bar.open > limit:
        return order.filled(bar.open, gap(bar.end_time_ns, security.hours, bar.open, favorable=True))
    return order.filled(limit)


def _equity_stop_market(order: WorkingOrder, security: Security, now_ns: int, slip: Slip) -> WorkingOrder:
    """At the stop when a trade touched it, at the open when the bar opened beyond it; regular hours."""
    buying = _buying(order)
    if not _traded_at(order, security, order.stop_price, falling=not buying):
        return order
    bar = _fresh(trade_prices(security), order)
    if bar is None or not trades_now(security, now_ns, extended=False):
        return order
    stop = _required(order.stop_price, "stop_price")
    if not (bar.high >= stop if buying else bar.low <= stop):
        return order
    if bar.open >= stop if buying else bar.open <= stop:
        return _slipped(
            order, bar.open, slip, gap(bar.end_time_ns, security.hours, bar.open, favorable=False)
        )
    return _slipped(order, stop, slip)


def _equity_limit_if_touched(
    order: WorkingOrder, security: Security, now_ns: int, slip: Slip
) -> WorkingOrder:
    """Armed by a trade at the trigger; then at ask or bid when that is at the limit or better."""
    buying = _buying(order)
    if not order.armed and not _traded_at(order, security, order.spec.trigger_price, falling=buying):
        return order
    bar = _fresh(trade_prices(security), order)
    if bar is None or not _resting(security, now_ns):
        return order
    order = _touch(order, bar)
    if not order.armed:
        return order
    quote = best_quote(security, order.time_ns, buying=buying)
    limit = _required(order.spec.limit_price, "limit_price")
    if quote is None or not (quote.price <= limit if buying else quote.price >= limit):
        return order
    return order.filled(quote.price, quote.message)


def _touch(order: WorkingOrder, bar: Prices) -> WorkingOrder:
    if order.armed:
        return order
    trigger = _required(order.spec.trigger_price, "trigger_price")
    touched = bar.low <= trigger if _buying(order) else bar.high >= trigger
    return msgspec.structs.replace(order, armed=True) if touched else order


def _equity_market_on_open(order: WorkingOrder, security: Security, now_ns: int, slip: Slip) -> WorkingOrder:
    """At the open of the first bar of the session that began after the order."""
    bar = trade_prices(security)
    created_ns, hours = order.time_ns, security.hours
    if bar is None or bar.time_ns < created_ns or bar.end_time_ns <= created_ns:
        return order
    if bar.end_time_ns - bar.time_ns < NS_PER_HOUR and not hours.is_open(bar.time_ns):
        return order  # pre-market bars do not open the session
    same_day = hours.local_date(created_ns) == hours.local_date(bar.end_time_ns)
    if (same_day and hours.is_open(created_ns)) or not trades_now(security, now_ns, extended=False):
        return order
    return _slipped(order, bar.open, slip)


def _equity_market_on_close(order: WorkingOrder, security: Security, now_ns: int, slip: Slip) -> WorkingOrder:
    """At the close of the newest trade bar once the first closing time after the order has come."""
    if now_ns < security.hours.next_close(order.time_ns):
        return order
    bar = trade_prices(security) or side_prices(security, buying=_buying(order))
    return order if bar is None else _slipped(order, bar.close, slip)


# -- shared ------------------------------------------------------------------------------------------


def _stop_limit(order: WorkingOrder, security: Security, now_ns: int, slip: Slip) -> WorkingOrder:
    """Armed by a price beyond the stop; then, in the same bar too, when the close is beyond the limit."""
    prices = _fresh(side_prices(security, buying=_buying(order)), order)
    if prices is None or not _resting(security, now_ns):
        return order
    stop = _required(order.stop_price, "stop_price")
    limit = _required(order.spec.limit_price, "limit_price")
    if not order.armed:
        if not (prices.high > stop if _buying(order) else prices.low < stop):
            return order
        order = msgspec.structs.replace(order, armed=True)
    if _buying(order):
        return order.filled(min(prices.high, limit)) if prices.close < limit else order
    return order.filled(max(prices.low, limit)) if prices.close > limit else order


def _trailing_stop(order: WorkingOrder, security: Security, now_ns: int, slip: Slip) -> WorkingOrder:
    """Like a stop; where it does not fill, the stop follows the best price of the bar."""
    prices = _fresh(side_prices(security, buying=_buying(order)), order)
    if prices is None or not trades_now(security, now_ns, extended=False):
        return order
    stop = _required(order.stop_price, "stop_price")
    amount = _required(order.spec.trailing_amount, "trailing_amount")
    if _buying(order):
        if prices.high >= stop:
            return order.filled(max(stop, prices.close + slip()))
        reference, distance = prices.low, stop - prices.low
    else:
        if prices.low <= stop:
            return order.filled(min(stop, prices.close - slip()))
        reference, distance = prices.high, prices.high - stop
    percent = order.spec.trailing_as_percentage
    if distance <= (reference * amount if percent else amount):
        return order
    moved = trailing_stop(reference, order.spec.quantity, amount, as_percentage=percent)
    return msgspec.structs.replace(
        order, stop_price=moved, spec=msgspec.structs.replace(order.spec, stop_price=moved)
    )


# -- everything but equity ---------------------------------------------------------------------------


def _base_market(order: WorkingOrder, security: Security, now_ns: int, slip: Slip) -> WorkingOrder:
    """At the side's price; at the bar's open where only coarse bars exist and the order waited for it."""
    if not trades_now(security, now_ns, extended=False):
        return order
    prices = side_prices(security, buying=_buying(order))
    if prices is None:
        return order
    quote = Quote.of(prices, order.time_ns, security.hours)
    if _waits(quote, security):
        return order
    early = security.coarse_only and order.time_ns <= prices.time_ns
    return _slipped(order, prices.open if early else prices.close, slip, quote.message)


def _base_limit(order: WorkingOrder, security: Security, now_ns: int, slip: Slip) -> WorkingOrder:
    """When the side went through the limit, at the limit or at the bar's worst price beyond it."""
    prices = _fresh(side_prices(security, buying=_buying(order)), order)
    if prices is None or not _resting(security, now_ns):
        return order
    limit = _required(order.spec.limit_price, "limit_price")
    if _buying(order):
        return order.filled(min(prices.high, limit)) if prices.low < limit else order
    return order.filled(max(prices.low, limit)) if prices.high > limit else order


def _base_stop_market(order: WorkingOrder, security: Security, now_ns: int, slip: Slip) -> WorkingOrder:
    """When the side went beyond the stop, at the stop or the close, whichever is worse."""
    prices = _fresh(side_prices(security, buying=_buying(order)), order)
    if prices is None or not trades_now(security, now_ns, extended=False):
        return order
    stop = _required(order.stop_price, "stop_price")
    if _buying(order):
        return order.filled(max(stop, prices.close + slip())) if prices.high > stop else order
    return order.filled(min(stop, prices.close - slip())) if prices.low < stop else order


def _base_limit_if_touched(order: WorkingOrder, security: Security, now_ns: int, slip: Slip) -> WorkingOrder:
    """Armed by a trade at the trigger; then at the limit when the other side is at it or better.

    LEAN asks the bid for buys and the ask for sells here, and never fills where no trades are subscribed.
    """
    bar = _fresh(trade_prices(security), order)
    if bar is None or not _resting(security, now_ns):
        return order
    order = _touch(order, bar)
    if not order.armed:
        return order
    price = far_quote(security, buying=_buying(order))
    limit = _required(order.spec.limit_price, "limit_price")
    if price is None or not (price <= limit if _buying(order) else price >= limit):
        return order
    return order.filled(limit)


def _base_market_on_open(order: WorkingOrder, security: Security, now_ns: int, slip: Slip) -> WorkingOrder:
    """At the side's open once data of a session after the order has come."""
    hours, created_ns = security.hours, order.time_ns
    if security.last_time_ns <= created_ns or not trades_now(security, now_ns, extended=False):
        return order
    if hours.is_open(created_ns) and hours.local_date(created_ns) == hours.local_date(now_ns):
        return order
    prices = side_prices(security, buying=_buying(order))
    return order if prices is None else _slipped(order, prices.open, slip)


def _base_market_on_close(order: WorkingOrder, security: Security, now_ns: int, slip: Slip) -> WorkingOrder:
    """At the side's close once the first closing time after the order has come."""
    if now_ns < security.hours.next_close(order.time_ns):
        return order
    prices = side_prices(security, buying=_buying(order))
    return order if prices is None else _slipped(order, prices.close, slip)


_SHARED_RULES: Final[dict[OrderType, FillRule]] = {
    OrderType.STOP_LIMIT: _stop_limit,
    OrderType.TRAILING_STOP: _trailing_stop,
}
EQUITY_RULES: Final[dict[OrderType, FillRule]] = _SHARED_RULES | {
    OrderType.MARKET: _equity_market,
    OrderType.LIMIT: _equity_limit,
    OrderType.STOP_MARKET: _equity_stop_market,
    OrderType.LIMIT_IF_TOUCHED: _equity_limit_if_touched,
    OrderType.MARKET_ON_OPEN: _equity_market_on_open,
    OrderType.MARKET_ON_CLOSE: _equity_market_on_close,
}
BASE_RULES: Final[dict[OrderType, FillRule]] = _SHARED_RULES | {
    OrderType.MARKET: _base_market,
    OrderType.LIMIT: _base_limit,
    OrderType.STOP_MARKET: _base_stop_market,
    OrderType.LIMIT_IF_TOUCHED: _base_limit_if_touched,
    OrderType.MARKET_ON_OPEN: _base_market_on_open,
    OrderType.MARKET_ON_CLOSE: _base_market_on_close,
}
