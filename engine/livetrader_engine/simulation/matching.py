"""What happens to a working order at an instant: nothing, a fill, or its end. Pure.

Source: LEAN's Brokerages/Backtesting/BacktestingBrokerage.cs (Scan) and Common/Orders/TimeInForces.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from livetrader_engine.errors import InvariantError
from livetrader_engine.orders.fills import WorkingOrder
from livetrader_engine.orders.order import OrderSpec, OrderType, TimeInForceKind
from livetrader_engine.securities import Security
from livetrader_engine.symbols import NS_PER_DAY, NS_PER_SECOND, SecurityType

_MARKET: Final = OrderType.MARKET
_GOOD_TIL_CANCELED: Final = TimeInForceKind.GOOD_TIL_CANCELED
EXPIRED_MESSAGE: Final = "The order has expired."  # LEAN's words

_FOREX_ZONE: Final = ZoneInfo("America/New_York")
_FOREX_DAY_ENDS: Final = time(17)


def expiry_ns(spec: OrderSpec, security: Security) -> int | None:
    """Return when the order expires (UTC ns), None for never.

    A day order ends at the first regular close after it was made, forex and CFDs at 17:00 New York, crypto at
    the next UTC midnight; good-til-date is the same rule from the beginning of its date (of the exchange) on.
    """
    in_force = spec.time_in_force
    if in_force.kind is _GOOD_TIL_CANCELED:
        return None
    from_ns = spec.created_ns
    if in_force.kind is TimeInForceKind.GOOD_TIL_DATE:
        if in_force.expiry_ns is None:
            raise InvariantError(f"order {spec.id} is good til a date that it does not have")
        from_ns = security.hours.local_midnight(security.hours.local_date(in_force.expiry_ns))
    kind = security.symbol.security_type
    if kind in (SecurityType.CRYPTO, SecurityType.CRYPTO_FUTURE):
        return (from_ns // NS_PER_DAY + 1) * NS_PER_DAY
    if kind in (SecurityType.FOREX, SecurityType.CFD):
        return _next_forex_end_ns(from_ns)
    return security.hours.next_close(from_ns)


def _next_forex_end_ns(from_ns: int) -> int:
    local = datetime.fromtimestamp(from_ns // NS_PER_SECOND, _FOREX_ZONE)
    day = local.date() if local.time() <= _FOREX_DAY_ENDS else local.date() + timedelta(days=1)
    return int(datetime.combine(day, _FOREX_DAY_ENDS, tzinfo=_FOREX_ZONE).timestamp()) * NS_PER_SECOND


def expired(spec: OrderSpec, security: Security, now_ns: int) -> bool:
    """Return whether the order's time in force is over."""
    end_ns = expiry_ns(spec, security)
    return end_ns is not None and now_ns >= end_ns


def tries_now(order: WorkingOrder, now_ns: int) -> bool:
    """Return whether the order may fill at this instant: all but market orders wait for the next one."""
    return order.spec.type is _MARKET or order.time_ns != now_ns
