"""Turns what the gateway knows into what an operator reads. Pure: frozen copies out, nothing changed."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from livetrader.control.operations import EngineView, HoldingView, OrderStep, OrderView, PortfolioView
from livetrader.gateway.gateway import Gateway
from livetrader.gateway.valuation import ACCOUNT_CURRENCY
from livetrader.journal.replay import OrderState
from livetrader.supervisor.engine_keeper import EngineKeeper
from livetrader.telemetry.traces import trace_id

_CENT = Decimal("0.01")


def order_view(order: OrderState) -> OrderView:
    """Return one order with its history."""
    spec = order.spec
    return OrderView(
        id=spec.id,
        client_order_id=order.client_order_id,
        brokerage_order_id=order.brokerage_order_id,
        symbol=spec.symbol.text,
        ticker=spec.symbol.value,
        type=spec.type.name.lower(),
        quantity=spec.quantity,
        filled_quantity=order.filled,
        average_fill_price=order.filled_value / order.filled if order.filled else None,
        status="unknown" if order.unknown else order.status.name.lower(),
        open=order.is_open,
        created_ns=order.created_ns,
        limit_price=spec.limit_price,
        stop_price=spec.stop_price,
        tag=spec.tag,
        trace_id=f"{trace_id(order.client_order_id):032x}",
        history=tuple(OrderStep(time_ns, words) for time_ns, words in order.history),
    )


def engine_view(keeper: EngineKeeper, started_ns: int | None, short: tuple[str, ...] = ()) -> EngineView:
    """Return the engine of the moment; `started_ns` is when it began, `short` what its past lacked."""
    process = keeper.process
    common = EngineView(
        state=keeper.state.value,
        restarts=keeper.restarts,
        restarts_in_window=keeper.restarts_in_window,
        last_failure=keeper.last_failure,
        warm_up_short=short,
    )
    if process is None:
        return common
    beat = process.beat
    return msgspec.structs.replace(
        common,
        pid=process.pid,
        started_ns=started_ns,
        beat_age_s=process.beat_age_s,
        step_age_s=process.step_age_s,
        steps=0 if beat is None else beat.steps,
        resident_mb=process.resident_mb(),
        conflated=process.link.conflated + (0 if beat is None else beat.conflated),
    )


def day_profit(gateway: Gateway) -> Decimal:
    """Return what was won since the day began, 0 before its first look at prices."""
    return Decimal(0) if gateway.day_start_equity is None else -gateway.daily_loss()


def portfolio_view(gateway: Gateway, time_ns: int) -> PortfolioView:
    """Return cash and every position."""
    holdings = []
    for symbol, position in sorted(gateway.positions.items(), key=lambda item: item[0].value):
        last = gateway.last_prices.get(symbol)
        price = None if last is None else Decimal(str(last))
        value = None if price is None else (price * position.quantity).quantize(_CENT)
        cost = position.average_price * position.quantity
        holdings.append(
            HoldingView(
                symbol=symbol.text,
                ticker=symbol.value,
                quantity=position.quantity,
                average_price=position.average_price,
                last_price=price,
                market_value=value,
                unrealized_profit=None if value is None else (value - cost).quantize(_CENT),
            )
        )
    return PortfolioView(
        time_ns=time_ns,
        currency=ACCOUNT_CURRENCY,
        equity=gateway.equity(),
        day_profit=day_profit(gateway),
        cash=dict(gateway.cash),
        holdings=tuple(holdings),
    )
