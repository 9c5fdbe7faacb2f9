"""Frozen wishes, imperative, that leave the engine. Nothing is returned; the answer is a later event."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from livetrader_engine.data.subscription import Subscription
from livetrader_engine.orders.order import OrderChange, OrderId, OrderSpec


class SubmitOrder(msgspec.Struct, frozen=True, tag="submit"):
    """Trade this."""

    spec: OrderSpec


class UpdateOrder(msgspec.Struct, frozen=True, tag="update"):
    """Change a working order."""

    order_id: OrderId
    change: OrderChange


class CancelOrder(msgspec.Struct, frozen=True, tag="cancel"):
    """Cancel a working order. Cancelling twice is harmless."""

    order_id: OrderId


class Subscribe(msgspec.Struct, frozen=True, tag="subscribe"):
    """Deliver this stream from now on."""

    subscription: Subscription


class Unsubscribe(msgspec.Struct, frozen=True, tag="unsubscribe"):
    """Deliver this stream no longer."""

    subscription: Subscription


class LogLevel(StrEnum):
    """Severity of a line the algorithm writes: LEAN's log, debug and error."""

    LOG = "log"
    DEBUG = "debug"
    ERROR = "error"


class WriteLog(msgspec.Struct, frozen=True, tag="log"):
    """Show the operator a line of the algorithm's."""

    time_ns: int
    level: LogLevel
    message: str


class Plot(msgspec.Struct, frozen=True, tag="plot"):
    """Add one point to a chart."""

    time_ns: int
    chart: str
    series: str
    value: float


class SetRuntimeStatistic(msgspec.Struct, frozen=True, tag="statistic"):
    """Show a named value in the status."""

    name: str
    value: str


class QuitAlgorithm(msgspec.Struct, frozen=True, tag="quit"):
    """The algorithm called `quit`: end it, keep the positions."""

    reason: str


EngineCommand = (
    SubmitOrder
    | UpdateOrder
    | CancelOrder
    | Subscribe
    | Unsubscribe
    | WriteLog
    | Plot
    | SetRuntimeStatistic
    | QuitAlgorithm
)
