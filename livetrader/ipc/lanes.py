"""Three lanes towards the engine, each with its bound and its rule for what comes beyond it.

lane     carries                                     bound                   beyond it
control  StartEngine, StopRequested,                 CONTROL_LIMIT messages  the oldest venue message goes
         CancelTraining, StartNoted,
         venue messages
order    OrderEventArrived, AccountLoaded,           ORDER_LIMIT messages    LaneOverflowError: never dropped,
         NewsComplete, disconnected, reconnected                             the engine process is killed
data     MarketDataArrived, TimePulse, DataEnded     QUOTE_LIMIT, BAR_LIMIT  conflated, newest wins, counted

That the brokerage was lost and is back goes with the orders: what was recovered comes between the two.

Both ends keep a set: the supervisor for what the socket does not take, the engine process for what the
algorithm has not asked for. Conflation of the data lane: while more than QUOTE_LIMIT points wait, ticks and
quote bars are only kept in their newest form per symbol; beyond BAR_LIMIT points trade bars too, per symbol
and period. What is left keeps its time and its order. A pulse replaces the pulse before it at once.

Pure: no thread, no socket, no clock.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import msgspec

from livetrader.ipc.messages import CancelTraining, NewsComplete, StartEngine, StartNoted, ToEngine
from livetrader_engine.data.bars import MarketPoint, QuoteBar, Tick, TradeBar
from livetrader_engine.events import (
    AccountLoaded,
    BrokerageMessageArrived,
    BrokerageMessageKind,
    DataEnded,
    MarketDataArrived,
    OrderEventArrived,
    StopRequested,
    TimePulse,
)

CONTROL_LIMIT: Final = 256  # messages
ORDER_LIMIT: Final = 100_000  # messages; an engine so far behind will not catch up
QUOTE_LIMIT: Final = 2_000  # points waiting, before ticks and quote bars conflate
BAR_LIMIT: Final = 50_000  # points waiting, before trade bars conflate: hours of minute bars of 100 symbols

ControlMessage = StartEngine | StopRequested | BrokerageMessageArrived | CancelTraining | StartNoted
OrderMessage = OrderEventArrived | AccountLoaded | NewsComplete | BrokerageMessageArrived
DataMessage = MarketDataArrived | TimePulse | DataEnded


class LaneOverflowError(Exception):
    """The order lane is full: the engine has stopped taking order events. Give the engine process up."""


class Lanes:
    """What waits to be taken, by lane. One owner; not thread-safe."""

    def __init__(self, *, quote_limit: int = QUOTE_LIMIT, bar_limit: int = BAR_LIMIT) -> None:
        self.control: deque[ControlMessage] = deque()
        self.orders: deque[OrderMessage] = deque()
        self.data: deque[DataMessage] = deque()
        self.conflated = 0  # points dropped because a newer one took their place
        self._points = 0
        self._quote_limit = quote_limit
        self._bar_limit = bar_limit
        self._conflate_quotes_at = quote_limit
        self._conflate_bars_at = bar_limit

    def __len__(self) -> int:
        return len(self.control) + len(self.orders) + len(self.data)

    def push(self, message: ToEngine) -> None:
        """Put a message on its lane. Raises LaneOverflowError when the order lane is full."""
        match message:
            case (
                OrderEventArrived()
                | AccountLoaded()
                | NewsComplete()
                | BrokerageMessageArrived(
                    kind=BrokerageMessageKind.DISCONNECTED | BrokerageMessageKind.RECONNECTED
                )
            ):
                if len(self.orders) >= ORDER_LIMIT:
                    raise LaneOverflowError(f"{ORDER_LIMIT} order events wait for the engine")
                self.orders.append(message)
            case MarketDataArrived() | TimePulse() | DataEnded():
                self._push_data(message)
            case _:
                self.control.append(message)
                if len(self.control) > CONTROL_LIMIT:
                    self._shorten_control()

    def pop_data(self) -> DataMessage:
        """Take the oldest message of the data lane."""
        message = self.data.popleft()
        if isinstance(message, MarketDataArrived):
            self._points -= len(message.points)
        return message

    def take(self, limit: int, data_limit: int) -> list[ToEngine]:
        """Take up to `limit` messages: control first, then orders, then up to `data_limit` of data."""
        taken: list[ToEngine] = []
        while self.control and len(taken) < limit:
            taken.append(self.control.popleft())
        while self.orders and len(taken) < limit:
            taken.append(self.orders.popleft())
        while self.data and len(taken) < limit and data_limit > 0:
            taken.append(self.pop_data())
            data_limit -= 1
        return taken

    def _shorten_control(self) -> None:
        for index, message in enumerate(self.control):
            if isinstance(message, BrokerageMessageArrived):
                del self.control[index]
                return

    def _push_data(self, message: DataMessage) -> None:
        if isinstance(message, TimePulse):
            if self.data and isinstance(self.data[-1], TimePulse):
                self.data.pop()
        elif isinstance(message, MarketDataArrived):
            self._points += len(message.points)
        self.data.append(message)
        if self._points > self._conflate_bars_at:
            self._conflate(bars=True)
            # what survived may be over the bound by itself: look again only when it has doubled
            self._conflate_bars_at = max(self._bar_limit, 2 * self._points)
        if self._points > self._conflate_quotes_at:
            self._conflate(bars=False)
            self._conflate_quotes_at = max(self._quote_limit, 2 * self._points)

    def _conflate(self, *, bars: bool) -> None:
        """Keep only the newest point of each stream that may be conflated, walking back from the newest."""
        seen: set[tuple[object, ...]] = set()
        kept: deque[DataMessage] = deque()
        self._points = 0
        for message in reversed(self.data):
            if not isinstance(message, MarketDataArrived):
                kept.appendleft(message)
                continue
            points = []
            for point in reversed(message.points):
                key = _stream(point, bars=bars)
                if key is not None and key in seen:
                    self.conflated += 1
                    continue
                if key is not None:
                    seen.add(key)
                points.append(point)
            if points or message.actions:
                self._points += len(points)
                kept.appendleft(msgspec.structs.replace(message, points=tuple(reversed(points))))
        self.data = kept


def _stream(point: MarketPoint, *, bars: bool) -> tuple[object, ...] | None:
    """Return what makes two points the same stream, None for a point that must be kept."""
    match point:
        case Tick():
            return (Tick, point.symbol, bool(point.price))  # trades and quotes are two streams
        case QuoteBar():
            return (QuoteBar, point.symbol, point.end_time_ns - point.time_ns)
        case TradeBar():
            return (TradeBar, point.symbol, point.end_time_ns - point.time_ns) if bars else None
