"""Decisions about trading that are not the algorithm's to make, or that it makes once for the whole run."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from livetrader_engine.orders.checks import MARKET_ON_CLOSE_BUFFER_NS
from livetrader_engine.orders.fees import DefaultFees, FeeModel


class TradingPolicy(msgspec.Struct, frozen=True):
    """Decisions about trading that the composition root makes.

    `convert_daily_market_orders`: a market order in a symbol with daily data only, made while the exchange is
    open, becomes market-on-close (LEAN does so in backtests). `order_wait_s`: how long a synchronous market
    order waits for its fill (real seconds; a simulated brokerage never waits). `max_orders`: orders of one
    run, None for no limit. `free_portfolio_value`: part of the equity that targets leave alone.
    `minimum_order_margin`: targets that move less than this part of the equity are not traded.
    `free_portfolio_amount`: amount, in place of the part, that targets leave alone. `largest_target` and
    `smallest_target`: absolute bounds of a target, as part of the equity; others are reported and not traded.
    `liquidates`: whether liquidating does anything.
    `defer_requests`: changes and cancels wait for the next submission or time step, as in LEAN's backtests.
    `await_answers`: every request waits up to `order_wait_s` until the brokerage has said something to it, so
    that the algorithm sees what it sees of a simulated brokerage; for markets that stand still meanwhile.
    """

    convert_daily_market_orders: bool = False
    order_wait_s: float = 5.0
    wait_on_stale_prices: bool = True
    max_orders: int | None = None
    market_on_close_buffer_ns: int = MARKET_ON_CLOSE_BUFFER_NS
    free_portfolio_value: Decimal = Decimal("0.0025")
    minimum_order_margin: Decimal = Decimal("0.001")
    free_portfolio_amount: Decimal | None = None
    largest_target: Decimal = Decimal(1_000_000_000)
    smallest_target: Decimal = Decimal("1e-10")
    liquidates: bool = True
    defer_requests: bool = False
    await_answers: bool = False
    fees: FeeModel = DefaultFees()
