"""The engine process's receiving half: a reader thread fills the lanes, the engine pulls at its own pace.

Order between the lanes, as `Inbox.next` hands events out: control first; then order events, unless the
oldest of them is later than the engine's time while data of that time or before is already there (then the
data goes first, and the engine drains the order events itself once the prices are in place); then data.
The supervisor sends what belongs to one instant in one frame, and a frame enters the lanes as a whole, so
this order does not depend on how fast either process runs.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Sequence
from typing import Final

from livetrader.clocks import monotonic_s
from livetrader.ipc.frames import FrameSplitter, decode_to_engine
from livetrader.ipc.lanes import LaneOverflowError, Lanes, depths_of
from livetrader.ipc.messages import (
    CancelTraining,
    EngineFailed,
    LaneDepths,
    NewsComplete,
    StartEngine,
    StartNoted,
)
from livetrader.worker.outbox import Outbox
from livetrader_engine.commands import Subscribe, Unsubscribe
from livetrader_engine.data.subscription import Subscription
from livetrader_engine.errors import InvariantError
from livetrader_engine.events import (
    AccountLoaded,
    BrokerageMessageArrived,
    EngineEvent,
    OrderEventArrived,
)

READ_CHUNK: Final = 256 * 1024  # bytes

_FOR_NEXT: Final = (AccountLoaded, BrokerageMessageArrived)  # of the order lane: in turn, as events


class Inbox:
    """Implements ports.DataFeed over the link. The reader thread owns the socket's reading side.

    `next`, `subscribe` and `drain_orders` belong to the engine's thread. When the supervisor closes the
    link, `gone()` is called from the reader thread: nobody may trade on without a supervisor. So is
    `cancel_training(job)` and `start_noted(job)`, which must not wait.
    """

    def __init__(
        self,
        connection: socket.socket,
        outbox: Outbox,
        now_ns: Callable[[], int],
        gone: Callable[[str], None],
    ) -> None:
        self.cancel_training: Callable[[int], None] = _nobody_trains
        self.start_noted: Callable[[int], None] = _nobody_trains
        self._socket = connection
        self._outbox = outbox
        self._now_ns = now_ns
        self._gone = gone
        self._lanes = Lanes()
        self._arrived = threading.Condition()
        self._woken = False
        self._thread = threading.Thread(target=self._read, name="inbox reader", daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    @property
    def conflated(self) -> int:
        """How many points were dropped for newer ones on this side."""
        return self._lanes.conflated

    @property
    def waiting(self) -> LaneDepths:
        """How much has arrived that nobody has asked for. Any thread may look."""
        return depths_of(self._lanes)

    def wait_for_start(self) -> StartEngine:
        """Block until the supervisor has sent the first message, and return it."""
        with self._arrived:
            while not self._lanes.control:
                self._arrived.wait()
            first = self._lanes.control.popleft()
        if not isinstance(first, StartEngine):
            raise InvariantError(f"the first message must be StartEngine, not {type(first).__name__}")
        return first

    def next(self) -> EngineEvent | None:
        """Return the next event; block until there is one. It never ends: the process does.

        None when somebody has called `wake` since the last time: there is something else to do.
        """
        with self._arrived:
            while True:
                if self._woken:
                    self._woken = False
                    return None
                event = self._pop()
                if event is not None:
                    return event
                self._arrived.wait()

    def wake(self) -> None:
        """Let `next` return None once. Any thread may call it."""
        with self._arrived:
            self._woken = True
            self._arrived.notify_all()

    def drain_orders(self, wait_s: float) -> Sequence[OrderEventArrived]:
        """Return the order events that are there, oldest first; wait up to `wait_s` for the first.

        Looks at the order lane only; stops at what belongs to `next`: an account, or news of the connection.
        """
        deadline_s = monotonic_s() + wait_s
        drained: list[OrderEventArrived] = []
        orders = self._lanes.orders
        with self._arrived:
            while True:
                while orders and not isinstance(message := orders[0], _FOR_NEXT):
                    orders.popleft()
                    if isinstance(message, OrderEventArrived):  # else the answer to a question given up
                        drained.append(message)
                remaining_s = deadline_s - monotonic_s()
                if drained or orders or remaining_s <= 0:
                    return drained
                self._arrived.wait(remaining_s)

    def await_news(self, number: int, wait_s: float) -> tuple[list[OrderEventArrived], bool]:
        """Return the order events that precede NewsComplete of this number, and what that says of more.

        Waits up to `wait_s`; what has arrived until then is returned, and nothing more is promised. Stops at
        what belongs to `next`, too: an account, or news of the connection.
        """
        deadline_s = monotonic_s() + wait_s
        news: list[OrderEventArrived] = []
        orders = self._lanes.orders
        with self._arrived:
            while True:
                while orders and not isinstance(message := orders[0], _FOR_NEXT):
                    orders.popleft()
                    if isinstance(message, OrderEventArrived):
                        news.append(message)
                    elif message.number == number:
                        return news, message.more
                remaining_s = deadline_s - monotonic_s()
                if orders or remaining_s <= 0:
                    return news, False
                self._arrived.wait(remaining_s)

    def subscribe(self, subscription: Subscription) -> None:
        """Ask the supervisor for this stream. Subscribing twice is harmless."""
        self._outbox.send(Subscribe(subscription))

    def unsubscribe(self, subscription: Subscription) -> None:
        """Tell the supervisor that nobody needs it any more."""
        self._outbox.send(Unsubscribe(subscription))

    def _pop(self) -> EngineEvent | None:
        lanes = self._lanes
        if lanes.control:
            message = lanes.control.popleft()
            if isinstance(message, StartEngine):
                raise InvariantError("StartEngine came twice")
            assert not isinstance(message, CancelTraining | StartNoted), "the reader passes them on at once"
            return message
        while lanes.orders:
            oldest = lanes.orders[0]
            if isinstance(oldest, NewsComplete):  # the answer to a question that was given up
                lanes.orders.popleft()
                continue
            data_first = oldest.time_ns > self._now_ns() and bool(lanes.data)
            if data_first and lanes.data[0].time_ns <= oldest.time_ns:
                break
            lanes.orders.popleft()
            return oldest
        return lanes.pop_data() if lanes.data else None

    def _read(self) -> None:
        splitter = FrameSplitter()
        try:
            while chunk := self._socket.recv(READ_CHUNK):
                for body in splitter.feed(chunk):
                    messages = decode_to_engine(body)
                    with self._arrived:
                        for message in messages:
                            if isinstance(message, CancelTraining):
                                self.cancel_training(message.job)  # the engine may be in a long step
                            elif isinstance(message, StartNoted):
                                self.start_noted(message.job)
                            else:
                                self._lanes.push(message)
                        self._arrived.notify_all()
        except LaneOverflowError as error:
            # the supervisor is told why: it is not the link that broke
            self._outbox.send_urgent(EngineFailed("run", f"LaneOverflowError: {error}", ""))
            self._gone(str(error))
            return
        except Exception as error:  # noqa: BLE001 — boundary: whatever ends the reader ends the process
            self._gone(f"the link to the supervisor broke: {error!r}")
            return
        self._gone("the supervisor closed the link")


def _nobody_trains(job: int) -> None:
    """Take what is about a training before there is a trainer: it is about nothing."""
