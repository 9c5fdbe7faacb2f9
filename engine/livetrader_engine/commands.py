"""Frozen wishes, imperative, that leave the engine. Nothing is returned; the answer is a later event."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from livetrader_engine.data.subscription import Subscription
from livetrader_engine.orders.order import Fill, OrderChange, OrderId, OrderSpec
from livetrader_engine.orders.states import OrderStatus
from livetrader_engine.outgoing import Outgoing
from livetrader_engine.symbols import Symbol


class SubmitOrder(msgspec.Struct, frozen=True, tag="submit", gc=False):
    """Trade this.

    Whoever takes commands out of the engine's process may say what it was decided on: the `sequence` of the
    market event, and when by the machine's monotonic clock. Nothing is decided by that; it is measured.
    """

    spec: OrderSpec
    sequence: int = 0
    decided_s: float | None = None


class UpdateOrder(msgspec.Struct, frozen=True, tag="update"):
    """Change a working order."""

    order_id: OrderId
    change: OrderChange


class CancelOrder(msgspec.Struct, frozen=True, tag="cancel"):
    """Cancel a working order. Cancelling twice is harmless."""

    order_id: OrderId


class MarketAt(msgspec.Struct, frozen=True, tag="market_at"):
    """What is asked from here on, is asked at `time_ns`: with the prices of that instant and none newer.

    For a market that stands still while the engine works: a tape that waits for each step.
    """

    time_ns: int


class AwaitNews(msgspec.Struct, frozen=True, tag="await_news"):
    """Say, by its `number`, when all that was asked for is done and its news have been sent.

    `tries`: first have working orders tried, in their order, up to one that has news; `anew` begins with the
    first of them when those left of the round before are through. For a market that stands still meanwhile.
    """

    number: int
    tries: bool = False
    anew: bool = False


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


class NoteOrderEvent(msgspec.Struct, frozen=True, tag="order_event", gc=False):
    """Write one piece of news of an order into the run's results.

    `number` counts the news of this order from 1, `spec` and `status` are the order's as it stood then,
    `price_currency` is that of its prices.
    """

    number: int
    spec: OrderSpec
    status: OrderStatus
    time_ns: int
    price_currency: str
    fill: Fill | None = None
    message: str = ""


class NoteInsight(msgspec.Struct, frozen=True, tag="insight"):
    """Show a prediction of the algorithm's. `kind` is price or volatility, `direction` down, flat or up.

    It holds from `time_ns` to `close_ns`; `group` is empty for one that stands alone.
    """

    id: str
    time_ns: int
    close_ns: int
    symbol: Symbol
    kind: str
    direction: str
    magnitude: float | None = None
    confidence: float | None = None
    weight: float | None = None
    source: str = ""
    group: str = ""
    tag: str = ""


class SeriesStyle(msgspec.Struct, frozen=True):
    """How a chart's series is drawn. `kind` is LEAN's number (0 line, 2 candles, ...), `color` #RRGGBB."""

    kind: int = 0
    unit: str = "$"
    index: int = 0
    color: str = ""
    marker: str = "none"
    index_name: str | None = None
    z_index: int | None = None
    tooltip: str | None = None


class DeclareSeries(msgspec.Struct, frozen=True, tag="series"):
    """Have a series on a chart, drawn like this. Declaring one twice changes its style."""

    chart: str
    series: str
    style: SeriesStyle


class Plot(msgspec.Struct, frozen=True, tag="plot"):
    """Add one point to a series: one value, or open, high, low and close of a candle."""

    time_ns: int
    chart: str
    series: str
    values: tuple[float, ...]


class SetRuntimeStatistic(msgspec.Struct, frozen=True, tag="statistic"):
    """Show a named value in the status."""

    name: str
    value: str


class SendOut(msgspec.Struct, frozen=True, tag="send_out"):
    """Send a message of the algorithm's to whom it is addressed."""

    time_ns: int
    message: Outgoing


class QuitAlgorithm(msgspec.Struct, frozen=True, tag="quit"):
    """The algorithm called `quit`: end it, keep the positions."""

    reason: str


EngineCommand = (
    SubmitOrder
    | UpdateOrder
    | CancelOrder
    | MarketAt
    | AwaitNews
    | Subscribe
    | Unsubscribe
    | WriteLog
    | NoteOrderEvent
    | NoteInsight
    | DeclareSeries
    | Plot
    | SetRuntimeStatistic
    | SendOut
    | QuitAlgorithm
)
