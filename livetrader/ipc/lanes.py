"""Three lanes towards the engine, each with its bound and its rule for what comes beyond it.

lane     carries                                     bound                   beyond it
control  StartEngine, StopRequested,                 CONTROL_LIMIT messages  the oldest venue message goes
         CancelTraining, StartNoted,
         ParametersChanged, venue messages
order    OrderEventArrived, AccountLoaded,           ORDER_LIMIT messages    LaneOverflowError: never dropped,
         NewsComplete, disconnected, reconnected                             the engine process is killed
data     MarketDataArrived, TimePulse, DataEnded     QUOTE_LIMIT points      quote ticks conflate, counted
                                                     POINT_LIMIT points      LaneOverflowError, as with orders

That the brokerage was lost and is back goes with the orders: what was recovered comes between the two.

Both ends keep a set: the supervisor for what the socket does not take, the engine process for what the
algorithm has not asked for. So a slow algorithm never slows the venue's socket down. While more than
QUOTE_LIMIT points wait, only the newest quote tick of each symbol is kept: an older one was true for a moment
and is over. Trades and bars are facts that volumes, indicators and consolidators are made of: none is ever
left out, nor is a split. What is left keeps its time and its order. An engine that lets POINT_LIMIT of them
wait is lost, and the next one begins with history. A pulse replaces the pulse before it at once.

Pure: no thread, no socket, no clock.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import msgspec

from livetrader.ipc.messages import (
    CancelTraining,
    LaneDepths,
    NewsComplete,
    StartEngine,
    StartNoted,
    ToEngine,
)
from livetrader_engine.data.bars import Tick
from livetrader_engine.events import (
    AccountLoaded,
    BrokerageMessageArrived,
    BrokerageMessageKind,
    DataEnded,
    MarketDataArrived,
    OrderEventArrived,
    ParametersChanged,
    StopRequested,
    TimePulse,
)
from livetrader_engine.symbols import Symbol

CONTROL_LIMIT: Final = 256  # messages
ORDER_LIMIT: Final = 100_000  # messages; an engine so far behind will not catch up
QUOTE_LIMIT: Final = 2_000  # points waiting, before quote ticks conflate
POINT_LIMIT: Final = (
    500_000  # points waiting: 100 MB; 100 s of 5,000 trades/s, 16 h of minute bars of 500 symbols
)

STEP_POINTS: Final = 50_000  # of one message, 4 to 8 MB; a step of more becomes several of the same time
FRAME_POINTS: Final = 20_000  # after which a frame takes no more, and so stays below what it may have

ControlMessage = (
    StartEngine | StopRequested | BrokerageMessageArrived | CancelTraining | StartNoted | ParametersChanged
)
OrderMessage = OrderEventArrived | AccountLoaded | NewsComplete | BrokerageMessageArrived
DataMessage = MarketDataArrived | TimePulse | DataEnded


class LaneOverflowError(Exception):
    """A lane is full: the engine has stopped taking order events or data. Give the engine process up."""


class Lanes:
    """What waits to be taken, by lane. One owner; not thread-safe."""

    def __init__(self, *, quote_limit: int = QUOTE_LIMIT, point_limit: int = POINT_LIMIT) -> None:
        self.control: deque[ControlMessage] = deque()
        self.orders: deque[OrderMessage] = deque()
        self.data: deque[DataMessage] = deque()
        self.conflated = 0  # quote ticks dropped because a newer one took their place
        self._points = 0
        self._quote_limit = quote_limit
        self._point_limit = point_limit
        self._conflate_at = quote_limit

    @property
    def points(self) -> int:
        """How many points wait."""
        return self._points

    def __len__(self) -> int:
        return len(self.control) + len(self.orders) + len(self.data)

    def push(self, message: ToEngine) -> None:
        """Put a message on its lane. Raises LaneOverflowError when that of orders or data is full."""
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
        """Take up to `limit` messages: control first, then orders, then up to `data_limit` of data.

        A frame has no more than FRAME_POINTS points, whatever the limits say.
        """
        taken: list[ToEngine] = []
        while self.control and len(taken) < limit:
            taken.append(self.control.popleft())
        while self.orders and len(taken) < limit:
            taken.append(self.orders.popleft())
        before = self._points
        while self.data and len(taken) < limit and data_limit > 0 and before - self._points < FRAME_POINTS:
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
            if len(message.points) > STEP_POINTS:
                *parts, message = _in_parts(message)
                self.data.extend(parts)
        self.data.append(message)
        if self._points > self._conflate_at:
            self._conflate()
            # what survived may be over the bound by itself: look again only when it has doubled
            self._conflate_at = max(self._quote_limit, 2 * self._points)
        if self._points > self._point_limit:
            self._conflate()
            if self._points > self._point_limit:
                raise LaneOverflowError(
                    f"{self._points} trades and bars wait for the engine, more than {self._point_limit}: "
                    "the algorithm is too slow for what it has subscribed to"
                )

    def _conflate(self) -> None:
        """Keep only the newest quote tick of each symbol, walking back from the newest."""
        seen: set[Symbol] = set()
        kept: deque[DataMessage] = deque()
        self._points = 0
        for message in reversed(self.data):
            if not isinstance(message, MarketDataArrived):
                kept.appendleft(message)
                continue
            points = []
            for point in reversed(message.points):
                if isinstance(point, Tick) and not point.price:
                    if point.symbol in seen:
                        self.conflated += 1
                        continue
                    seen.add(point.symbol)
                points.append(point)
            if points or message.internal or message.actions:
                self._points += len(points)
                if len(points) < len(message.points):
                    message = msgspec.structs.replace(message, points=tuple(reversed(points)))
                kept.appendleft(message)
        self.data = kept


def depths_of(lanes: Lanes) -> LaneDepths:
    """Return how much waits; from another thread than the lanes' owner it is about so much."""
    return LaneDepths(len(lanes.control), len(lanes.orders), len(lanes.data), lanes.points)


def _in_parts(message: MarketDataArrived) -> list[MarketDataArrived]:
    """Return a step as several of the same time; the last one has its number, and so completes it."""
    points = message.points
    pieces = [points[at : at + STEP_POINTS] for at in range(0, len(points), STEP_POINTS)]
    parts = [MarketDataArrived(message.time_ns, 0, piece) for piece in pieces[:-1]]
    return [*parts, msgspec.structs.replace(message, points=pieces[-1])]
