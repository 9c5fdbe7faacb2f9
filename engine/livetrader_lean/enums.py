"""LEAN's enums in both spellings. Those the core has are generated from the core's, values included."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import TypeVar, cast

from livetrader_engine import symbols
from livetrader_engine.data import corporate_actions, subscription
from livetrader_engine.indicators import averages
from livetrader_engine.orders import order, states
from livetrader_lean.names import TwinEnum

CoreEnum = TypeVar("CoreEnum", bound=IntEnum)


def _face(core: type[CoreEnum], name: str | None = None) -> type[CoreEnum]:
    # typed as the core's enum, whose members it has; it is its own class with both spellings
    make = cast("Callable[[str, dict[str, int]], type[CoreEnum]]", TwinEnum)
    made = make(name or core.__name__, {member.name: member.value for member in core})
    made.__module__ = __name__
    return made


Resolution = _face(symbols.Resolution)
SecurityType = _face(symbols.SecurityType)
TickType = _face(subscription.TickType)
DataNormalizationMode = _face(subscription.Normalization, "DataNormalizationMode")
OrderType = _face(order.OrderType)
OrderDirection = _face(order.OrderDirection)
OrderStatus = _face(states.OrderStatus)
MovingAverageType = _face(averages.MovingAverageType)
SplitType = _face(corporate_actions.SplitKind, "SplitType")
DelistingType = _face(corporate_actions.DelistingKind, "DelistingType")


class AccountType(TwinEnum):
    """Kind of a brokerage account."""

    MARGIN = 0
    CASH = 1


class BrokerageName(TwinEnum):
    """Brokerage whose rules LEAN's models imitate; accepted, without effect here."""

    DEFAULT = 0
    QUANT_CONNECT_BROKERAGE = 1
    INTERACTIVE_BROKERS_BROKERAGE = 2
    TRADIER_BROKERAGE = 3
    ALPACA = 20
    CHARLES_SCHWAB = 29


class DayOfWeek(TwinEnum):
    """Day of the week as .NET numbers them."""

    SUNDAY = 0
    MONDAY = 1
    TUESDAY = 2
    WEDNESDAY = 3
    THURSDAY = 4
    FRIDAY = 5
    SATURDAY = 6


class OrderField(TwinEnum):
    """Field of an order ticket that `ticket.get` reads."""

    LIMIT_PRICE = 0
    STOP_PRICE = 1
    TRIGGER_PRICE = 2
    TRAILING_AMOUNT = 3
    TRAILING_AS_PERCENTAGE = 4
    LIMIT_OFFSET = 5


class SeriesType(TwinEnum):
    """How a chart's series is drawn."""

    LINE = 0
    SCATTER = 1
    CANDLE = 2
    BAR = 3
    FLAG = 4
    STACKED_AREA = 5
    PIE = 6
    TREEMAP = 7
