"""Brokerage models of LEAN: a table of classes. For equities.

Source: LEAN's Common/Brokerages. What a brokerage asks of orders in other securities is not here.
"""

from __future__ import annotations

from datetime import time, timedelta
from typing import Any, Final

from livetrader_engine.errors import AlgorithmError
from livetrader_engine.orders.order import TimeInForceKind
from livetrader_lean.enums import AccountType, BrokerageName, OrderType, SecurityType
from livetrader_lean.names import hook
from livetrader_lean.reality import fees
from livetrader_lean.reality.brokerage_model import (
    TAKEN,
    Answer,
    DefaultBrokerageModel,
    crosses_zero,
    name_of,
    refused,
    until_open,
    whole,
)
from livetrader_lean.reality.settlement import ImmediateSettlementModel
from livetrader_lean.reality.shortable import LocalDiskShortableProvider
from livetrader_lean.reality.slippage import AlphaStreamsSlippageModel

_MARKET, _LIMIT = OrderType.MARKET, OrderType.LIMIT
_STOP, _STOP_LIMIT, _TRAILING = OrderType.STOP_MARKET, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP
_TOUCHED, _ON_OPEN, _ON_CLOSE = (
    OrderType.LIMIT_IF_TOUCHED,
    OrderType.MARKET_ON_OPEN,
    OrderType.MARKET_ON_CLOSE,
)
_COMBO_MARKET, _COMBO_LIMIT = OrderType.COMBO_MARKET, OrderType.COMBO_LIMIT
_COMBO_LEG, _EXERCISE = OrderType.COMBO_LEG_LIMIT, OrderType.OPTION_EXERCISE


class InteractiveBrokersBrokerageModel(DefaultBrokerageModel):
    """Interactive Brokers; compared with nothing."""

    brokerage = BrokerageName.INTERACTIVE_BROKERS_BROKERAGE
    compares = False
    order_types = (
        _MARKET, _ON_OPEN, _ON_CLOSE, _LIMIT, _STOP, _STOP_LIMIT, _TRAILING, _TOUCHED, _COMBO_MARKET,
        _COMBO_LIMIT, _COMBO_LEG, _EXERCISE,
    )  # fmt: skip

    def own_rule(self, security: Any, order: Any) -> Answer:
        """Return what else the brokerage asks of an order."""
        return until_open(security, order, None, timedelta(minutes=2))


class InteractiveBrokersFixModel(InteractiveBrokersBrokerageModel):
    """Interactive Brokers by FIX."""

    brokerage = BrokerageName.INTERACTIVE_BROKERS_FIX


class AlpacaBrokerageModel(DefaultBrokerageModel):
    """Alpaca: no fees."""

    brokerage = BrokerageName.ALPACA
    fees = fees.AlpacaFeeModel
    security_types = frozenset({SecurityType.EQUITY, SecurityType.OPTION, SecurityType.CRYPTO})
    order_types = (_MARKET, _LIMIT, _STOP, _STOP_LIMIT, _TRAILING, _ON_OPEN, _ON_CLOSE)

    def __init__(self, account_type: int | None = None) -> None:
        super().__init__(AccountType.MARGIN)

    def own_rule(self, security: Any, order: Any) -> Answer:
        """Return what else the brokerage asks of an order."""
        outside = getattr(order.properties, "outside_regular_trading_hours", False)
        if outside and (order.type != _LIMIT or order.time_in_force.kind != TimeInForceKind.DAY):
            return refused(
                f"The {name_of(self)} does not support {order.type} orders with {order.time_in_force} TIF "
                "outside regular hours. Only Limit orders with DayTimeInForce TIF are supported outside "
                "regular trading hours."
            )
        crossing = crosses_zero(self, security, order)
        if not crossing[0]:
            return crossing
        return until_open(security, order, time(19), timedelta(minutes=2))


class TradierBrokerageModel(DefaultBrokerageModel):
    """Tradier: no fees; shorts are day orders of five dollars or more."""

    brokerage = BrokerageName.TRADIER_BROKERAGE
    fees = fees.FreeFeeModel
    order_types = (_LIMIT, _MARKET, _STOP, _STOP_LIMIT)

    def own_rule(self, security: Any, order: Any) -> Answer:
        """Return what else the brokerage asks of an order."""
        if security.type not in _STOCKS_AND_OPTIONS:
            return refused("This model only supports equities and options.")
        kind = order.time_in_force.kind
        if kind == TimeInForceKind.GOOD_TIL_DATE:
            return refused(
                "This model only supports orders with the following time in force types: "
                "QuantConnect.Orders.TimeInForces.DayTimeInForce and "
                "QuantConnect.Orders.TimeInForces.GoodTilCanceledTimeInForce"
            )
        if security.holdings.quantity + order.quantity < 0:
            if kind == TimeInForceKind.GOOD_TIL_CANCELED:
                text = "You cannot place short stock orders with GTC, only day orders are allowed"
                return refused(text, "ShortOrderIsGtc")
            if security.price < _TRADIER_LEAST_SHORT:
                text = "Sell Short order cannot be placed for stock priced below $5"
                return refused(text, "SellShortOrderLastPriceBelow5")
        if not 1 <= abs(order.quantity) <= _TRADIER_MOST:
            return refused("Quantity should be between 1 and 10,000,000", "IncorrectOrderQuantity")
        return crosses_zero(self, security, order)

    @hook
    def can_update_order(self, security: Any, order: Any, request: Any, message: Any = None) -> Answer:
        """Return whether a change is taken: not of the quantity."""
        if request.quantity is not None and request.quantity != order.quantity:
            return refused("Tradier does not support updating order quantities.", "UpdateRejected")
        return TAKEN


_TRADIER_LEAST_SHORT: Final = 5
_TRADIER_MOST: Final = 10_000_000
_STOCKS_AND_OPTIONS: Final = frozenset({SecurityType.EQUITY, SecurityType.OPTION, SecurityType.INDEX_OPTION})


class AxosClearingBrokerageModel(DefaultBrokerageModel):
    """Axos Clearing; compared with nothing."""

    brokerage = BrokerageName.AXOS
    fees = fees.AxosFeeModel
    compares = False
    security_types = frozenset({SecurityType.EQUITY})
    order_types = (_LIMIT, _MARKET, _ON_CLOSE)

    def own_rule(self, security: Any, order: Any) -> Answer:
        """Return what else the brokerage asks of an order."""
        return whole(order, order.quantity)

    @hook
    def get_shortable_provider(self, security: Any) -> Any:
        """Return what the data folder tells of Axos."""
        return LocalDiskShortableProvider("axos")


class CharlesSchwabBrokerageModel(DefaultBrokerageModel):
    """Charles Schwab: no fees."""

    brokerage = BrokerageName.CHARLES_SCHWAB
    fees = fees.CharlesSchwabFeeModel
    security_types = _STOCKS_AND_OPTIONS
    order_types = (_MARKET, _LIMIT, _STOP, _COMBO_MARKET, _COMBO_LIMIT, _ON_CLOSE, _ON_OPEN, _STOP_LIMIT)


class ExanteBrokerageModel(DefaultBrokerageModel):
    """Exante: leverage 1.2."""

    brokerage = BrokerageName.EXANTE
    fees = fees.ExanteFeeModel
    equity_leverage = 1.2
    default_account = AccountType.CASH

    def own_rule(self, security: Any, order: Any) -> Answer:
        """Return what else the brokerage asks of an order."""
        if not order.price:
            return refused("Order price is not set.")
        return TAKEN


class EzeBrokerageModel(DefaultBrokerageModel):
    """Eze: margin accounts, no fees."""

    brokerage = BrokerageName.EZE
    fees = fees.EzeFeeModel
    order_types = (_MARKET, _LIMIT, _STOP, _STOP_LIMIT, _ON_OPEN, _ON_CLOSE)

    def __init__(self, account_type: int | None = None) -> None:
        super().__init__(account_type)
        if self.account_type == AccountType.CASH:
            raise AlgorithmError("Eze brokerage can only be used with a Margin account type")

    def own_rule(self, security: Any, order: Any) -> Answer:
        """Return what else the brokerage asks of an order."""
        return whole(order, abs(order.quantity))


class TDAmeritradeBrokerageModel(DefaultBrokerageModel):
    """TD Ameritrade: no fees."""

    brokerage = BrokerageName.TD_AMERITRADE
    fees = fees.TDAmeritradeFeeModel
    security_types = frozenset({SecurityType.EQUITY, SecurityType.OPTION})
    order_types = (_MARKET, _LIMIT, _STOP, _STOP_LIMIT)


class WebullBrokerageModel(DefaultBrokerageModel):
    """Webull: no fees."""

    brokerage = BrokerageName.WEBULL
    fees = fees.WebullFeeModel
    security_types = _STOCKS_AND_OPTIONS
    order_types = (_MARKET, _LIMIT, _STOP, _STOP_LIMIT, _TRAILING)

    def own_rule(self, security: Any, order: Any) -> Answer:
        """Return what else the brokerage asks of an order."""
        if getattr(order.properties, "outside_regular_trading_hours", False) and order.type == _MARKET:
            return refused("Market orders are not supported outside regular trading hours.")
        return TAKEN


class PublicBrokerageModel(DefaultBrokerageModel):
    """Public.com: no fees in regular hours."""

    brokerage = BrokerageName.PUBLIC
    fees = fees.PublicFeeModel
    security_types = _STOCKS_AND_OPTIONS | {SecurityType.CRYPTO}
    order_types = (_MARKET, _LIMIT, _STOP, _STOP_LIMIT, _COMBO_LIMIT)

    def own_rule(self, security: Any, order: Any) -> Answer:
        """Return what else the brokerage asks of an order."""
        if getattr(order.properties, "outside_regular_trading_hours", False) and order.type != _LIMIT:
            return refused(
                "Orders for extended market must be of type 'Limit' and with 'DAY' time-in-force, but "
                f"{order.type} was specified."
            )
        return TAKEN


class AlphaStreamsBrokerageModel(DefaultBrokerageModel):
    """Alpha Streams: no leverage, slippage of a ten-thousandth."""

    brokerage = BrokerageName.ALPHA_STREAMS
    fees = fees.AlphaStreamsFeeModel
    equity_leverage = 1.0

    def __init__(self, account_type: int | None = None) -> None:
        super().__init__(account_type)
        if self.account_type == AccountType.CASH:
            raise AlgorithmError("The Alpha Streams brokerage does not currently support Cash trading.")

    @hook
    def get_slippage_model(self, security: Any) -> Any:
        """Return the slippage model of a security."""
        return AlphaStreamsSlippageModel()

    @hook
    def get_settlement_model(self, security: Any) -> Any:
        """Return that cash is there at once."""
        return ImmediateSettlementModel()


class TradeStationBrokerageModel(DefaultBrokerageModel):
    """TradeStation: no fees for residents of the United States."""

    brokerage = BrokerageName.TRADE_STATION
    fees = fees.TradeStationFeeModel
    security_types = _STOCKS_AND_OPTIONS | {SecurityType.FUTURE}
    order_types = (
        _MARKET, _LIMIT, _STOP, _STOP_LIMIT, _COMBO_MARKET, _COMBO_LIMIT, _ON_OPEN, _ON_CLOSE, _TRAILING,
    )  # fmt: skip

    @hook
    def can_submit_order(self, security: Any, order: Any, message: Any = None) -> Answer:
        """Return whether an order is taken, and what is said where it is not."""
        if getattr(order.properties, "outside_regular_trading_hours", False) and (
            order.type != _LIMIT or security.type != SecurityType.EQUITY
        ):
            text = "To place an order outside regular trading hours, please use a limit order and ensure the "
            return refused(text + "security is an equity.", "NotSupportedOutsideRegularMarketHours")
        return super().can_submit_order(security, order, message)

    def own_rule(self, security: Any, order: Any) -> Answer:
        """Return what else the brokerage asks of an order."""
        crossing = crosses_zero(self, security, order)
        return until_open(security, order, time(6), timedelta(minutes=1)) if crossing[0] else crossing

    @hook
    def can_update_order(self, security: Any, order: Any, request: Any, message: Any = None) -> Answer:
        """Return whether a change is taken: not of the quantity of an order that turns a position over."""
        held, asked = security.holdings.quantity, order.quantity
        turns = held * asked < 0 and held * (held + asked) < 0
        if turns and request.quantity is not None and request.quantity != asked:
            text = f"Unfortunately, the {name_of(self)} brokerage model does not support updating the "
            return refused(text + "quantity of Cross Zero Orders.", "UpdateRejected")
        return TAKEN


class TastytradeBrokerageModel(DefaultBrokerageModel):
    """Tastytrade: no fees for shares."""

    brokerage = BrokerageName.TASTYTRADE
    fees = fees.TastytradeFeeModel
    security_types = _STOCKS_AND_OPTIONS | {SecurityType.FUTURE, SecurityType.FUTURE_OPTION}
    order_types = (_MARKET, _LIMIT, _STOP, _STOP_LIMIT, _COMBO_LIMIT)


class WolverineBrokerageModel(DefaultBrokerageModel):
    """Wolverine: orders cannot be changed."""

    brokerage = BrokerageName.WOLVERINE
    fees = fees.WolverineFeeModel
    security_types = frozenset({SecurityType.EQUITY, SecurityType.OPTION})
    order_types = (_MARKET, _ON_CLOSE, _LIMIT, _STOP, _STOP_LIMIT)

    @hook
    def can_update_order(self, security: Any, order: Any, request: Any, message: Any = None) -> Answer:
        """Return that no change is taken."""
        return refused("Brokerage does not support update. You must cancel and re-create instead.", "0")


class RBIBrokerageModel(DefaultBrokerageModel):
    """RBI."""

    brokerage = BrokerageName.RBI
    fees = fees.RBIFeeModel
    security_types = frozenset({SecurityType.EQUITY})

    def own_rule(self, security: Any, order: Any) -> Answer:
        """Return what else the brokerage asks of an order."""
        if order.type in (_MARKET, _LIMIT, _STOP, _STOP_LIMIT):
            return TAKEN
        return refused(
            f"{order.type} order is not supported by RBI. Currently, only Market Order, Limit Order, "
            "StopMarket Order and StopLimit Order are supported."
        )


BROKERAGES: Final[dict[int, type[DefaultBrokerageModel]]] = {
    int(model.brokerage): model
    for model in (
        DefaultBrokerageModel, InteractiveBrokersBrokerageModel, InteractiveBrokersFixModel,
        AlpacaBrokerageModel, TradierBrokerageModel, AxosClearingBrokerageModel, CharlesSchwabBrokerageModel,
        ExanteBrokerageModel, EzeBrokerageModel, TDAmeritradeBrokerageModel, WebullBrokerageModel,
        PublicBrokerageModel, AlphaStreamsBrokerageModel, TradeStationBrokerageModel,
        TastytradeBrokerageModel, WolverineBrokerageModel, RBIBrokerageModel,
    )
}  # fmt: skip
