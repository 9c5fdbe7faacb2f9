"""The base of brokerage models: whose fees, leverage and rules a run follows, and rules that several share.

Source: LEAN's Common/Brokerages. What a brokerage asks of orders in other securities is not here.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any, ClassVar, Final

from livetrader_lean.enums import AccountType, BrokerageMessageType, BrokerageName, OrderType, SecurityType
from livetrader_lean.exchange import LocalMarketHours
from livetrader_lean.names import Twins, hook
from livetrader_lean.reality import fees
from livetrader_lean.reality.buying_power import SecurityMarginModel
from livetrader_lean.reality.fills import EquityFillModel, ImmediateFillModel
from livetrader_lean.reality.settlement import DelayedSettlementModel, ImmediateSettlementModel
from livetrader_lean.reality.shortable import (
    MarginInterestRateModel,
    NullShortableProvider,
)
from livetrader_lean.reality.slippage import NullSlippageModel

Answer = tuple[bool, "BrokerageMessageEvent | None"]

AUCTIONS: Final = frozenset({OrderType.MARKET_ON_OPEN, OrderType.MARKET_ON_CLOSE})


class BrokerageMessageEvent(Twins):
    """Something a brokerage says: a kind, a code and a text."""

    def __init__(self, type: int, code: Any, message: str) -> None:
        self.type = BrokerageMessageType(int(type))
        self.code, self.message = str(code), message

    def __str__(self) -> str:
        return f"{self.type} - Code: {self.code} - {self.message}"


def refused(text: str, code: str = "NotSupported") -> Answer:
    """Return that an order is not taken, and why."""
    return False, BrokerageMessageEvent(BrokerageMessageType.WARNING, code, text)


TAKEN: Final[Answer] = (True, None)


class DefaultBrokerageModel(Twins):
    """LEAN's default: Interactive Brokers' fees, leverage 2 on margin, every order is taken."""

    brokerage: ClassVar[int] = BrokerageName.DEFAULT
    fees: ClassVar[type] = fees.DefaultFees
    order_types: ClassVar[tuple[int, ...] | None] = None  # None: of every type; LEAN's order, it is told
    security_types: ClassVar[frozenset[int] | None] = None
    equity_leverage: ClassVar[float] = 2.0
    compares: ClassVar[bool] = True  # with SPY; else with nothing
    default_account: ClassVar[int] = AccountType.MARGIN
    default_markets: ClassVar[dict[int, str]] = {
        SecurityType.BASE: "usa", SecurityType.EQUITY: "usa", SecurityType.OPTION: "usa",
        SecurityType.FUTURE: "cme", SecurityType.FUTURE_OPTION: "cme", SecurityType.FOREX: "oanda",
        SecurityType.CFD: "oanda", SecurityType.CRYPTO: "coinbase", SecurityType.CRYPTO_FUTURE: "binance",
        SecurityType.INDEX: "usa", SecurityType.INDEX_OPTION: "usa",
    }  # fmt: skip
    required_free_buying_power_percent: ClassVar[float] = 0.0

    def __init__(self, account_type: int | None = None) -> None:
        chosen = type(self).default_account if account_type is None else account_type
        self.account_type = AccountType(int(chosen))
        self.called: int | None = None  # of a brokerage without a model of its own

    @property
    def name(self) -> int:
        """Name of the brokerage."""
        return type(self).brokerage if self.called is None else self.called

    # -- what is taken --------------------------------------------------------------------------------

    @hook
    def can_submit_order(self, security: Any, order: Any, message: Any = None) -> Answer:
        """Return whether an order is taken, and what is said where it is not."""
        kinds, types = type(self).security_types, type(self).order_types
        if kinds is not None and security.type not in kinds:
            return refused(f"The {name_of(self)} does not support {security.type} security type.")
        if types is not None and order.type not in types:
            known = ",".join(str(kind) for kind in types)
            return refused(
                f"The {name_of(self)} does not support {order.type} order type. Only supports [{known}]"
            )
        return self.own_rule(security, order)

    def own_rule(self, security: Any, order: Any) -> Answer:
        """Return what else a brokerage asks of an order."""
        return TAKEN

    @hook
    def can_update_order(self, security: Any, order: Any, request: Any, message: Any = None) -> Answer:
        """Return whether a change is taken, and what is said where it is not."""
        return TAKEN

    @hook
    def can_execute_order(self, security: Any, order: Any) -> bool:
        """Return whether an order may be executed now."""
        return True

    # -- whose models ---------------------------------------------------------------------------------

    @hook
    def get_leverage(self, security: Any) -> float:
        """Return the leverage of a security."""
        if self.account_type == AccountType.CASH:
            return 1.0
        return {SecurityType.EQUITY: type(self).equity_leverage, **_LEVERAGES}.get(security.type, 1.0)

    @hook
    def get_fee_model(self, security: Any) -> Any:
        """Return the fee model of a security."""
        return type(self).fees()

    @hook
    def get_fill_model(self, security: Any) -> Any:
        """Return the fill model of a security."""
        return EquityFillModel() if security.type == SecurityType.EQUITY else ImmediateFillModel()

    @hook
    def get_slippage_model(self, security: Any) -> Any:
        """Return the slippage model of a security."""
        return NullSlippageModel.INSTANCE

    @hook
    def get_settlement_model(self, security: Any) -> Any:
        """Return the settlement model of a security."""
        if self.account_type == AccountType.CASH and security.type == SecurityType.EQUITY:
            return DelayedSettlementModel(1, time(6))
        return ImmediateSettlementModel()

    @hook
    def get_buying_power_model(self, security: Any) -> Any:
        """Return the buying power model of a security."""
        return SecurityMarginModel(self.get_leverage(security), self.required_free_buying_power_percent)

    @hook
    def get_margin_interest_rate_model(self, security: Any) -> Any:
        """Return the model of what holding a security costs."""
        return MarginInterestRateModel.NULL

    @hook
    def get_shortable_provider(self, security: Any) -> Any:
        """Return who says what may be sold short."""
        return NullShortableProvider.INSTANCE


_LEVERAGES: Final = {
    SecurityType.FOREX: 50.0, SecurityType.CFD: 50.0, SecurityType.CRYPTO_FUTURE: 25.0,
}  # fmt: skip


def name_of(model: Any) -> str:
    """Return what LEAN calls a model in its messages."""
    return type(model).__name__


def until_open(security: Any, order: Any, start: time | None, before: timedelta) -> Answer:
    """Refuse a market-on-open order outside a window of the day: from `start`, or the close, to the open."""
    if order.type != OrderType.MARKET_ON_OPEN:
        return TAKEN
    now: datetime = security.local_time
    hours = LocalMarketHours(security._security.hours, now.date())
    regular = [part for part in hours.segments if str(part.state) == "Market"]
    if not regular:
        return TAKEN
    opens, closes = _clock(regular[0].start - before), start or _clock(regular[0].end)
    moment = now.time()
    inside = closes <= moment < opens if closes <= opens else moment >= closes or moment < opens
    if inside:
        return TAKEN
    window = f" {closes:%I:%M}\N{EN DASH} {opens:%I:%M}"  # twelve hours without a mark, as LEAN writes them
    return refused(
        f"MarketOnOpen submission time is invalid. Valid local times are {window}. Consider setting "
        "`DailyPreciseEndTime` = false or using `schedule.on`."
    )


def _clock(span: timedelta) -> time:
    return (datetime(2000, 1, 1) + span).time()  # noqa: DTZ001 — a date of no meaning


def crosses_zero(model: Any, security: Any, order: Any, types: frozenset[int] = AUCTIONS) -> Answer:
    """Refuse an order of one of these types that turns a position over."""
    held, asked = security.holdings.quantity, order.quantity
    if order.type not in types or held * asked >= 0 or held * (held + asked) >= 0:
        return TAKEN
    return refused(
        f"Order type '{order.type}' is not supported for orders that cross the zero holdings threshold in "
        f"the {name_of(model)}. This means you cannot change a position from positive to negative or vice "
        "versa using this order type. Please close the existing position first."
    )


def whole(order: Any, quantity: Any) -> Answer:
    """Refuse fractions of shares."""
    if order.quantity % 1 == 0:
        return TAKEN
    return refused(f"Order Quantity must be Integer, but provided {quantity:g}.")
