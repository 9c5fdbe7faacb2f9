"""What the engine needs, over the link: orders to the gateway, results to the operator."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from livetrader.worker.inbox import Inbox
from livetrader.worker.outbox import Outbox
from livetrader_engine.commands import (
    AwaitNews,
    CancelOrder,
    DeclareSeries,
    LogLevel,
    MarketAt,
    NoteInsight,
    NoteOrderEvent,
    Plot,
    SendOut,
    SeriesStyle,
    SetRuntimeStatistic,
    SubmitOrder,
    UpdateOrder,
    WriteLog,
)
from livetrader_engine.events import OrderEventArrived
from livetrader_engine.outgoing import Outgoing, size_of

ANSWER_LIMIT_S: Final = 30.0  # for one answer of the supervisor in lockstep; a sick disk may take seconds
LINES_PER_SECOND: Final = 200  # log lines and plot points of one algorithm; more is noise nobody reads
MESSAGE_LIMIT_BYTES: Final = 1024 * 1024  # of one message of the algorithm's: a file, say
LINE_LENGTH: Final = 4096  # characters; LEAN cuts long messages too


Stamp = Callable[[SubmitOrder], SubmitOrder]  # says what an order was decided on, and when


def unstamped(command: SubmitOrder) -> SubmitOrder:
    """Return an order as it is: nobody measures."""
    return command


class RemoteOrders:
    """Implements ports.OrderSink over the link. Belongs to the engine's thread.

    It decides nothing: the gateway does, and its answer is an event on the order lane.
    """

    def __init__(self, inbox: Inbox, outbox: Outbox, stamped: Stamp = unstamped) -> None:
        self._inbox = inbox
        self._outbox = outbox
        self._stamped = stamped

    def submit(self, command: SubmitOrder) -> None:
        """Send a new order to the gateway."""
        self._outbox.send(self._stamped(command))

    def update(self, command: UpdateOrder) -> None:
        """Send a change to the gateway."""
        self._outbox.send(command)

    def cancel(self, command: CancelOrder) -> None:
        """Send a cancel to the gateway."""
        self._outbox.send(command)

    def advance(self, now_ns: int) -> None:
        """Do nothing: the venue, or the paper brokerage beside the supervisor, sees the market itself."""

    def drain(self, wait_s: float = 0.0) -> Sequence[OrderEventArrived]:
        """Return the order events that have arrived; wait up to `wait_s` real seconds for the first."""
        return self._inbox.drain_orders(wait_s)


class LockstepOrders:
    """Implements ports.OrderSink over the link where the market stands still while the engine works.

    Everything is asked together with its time, and every question is waited for: the engine sees the same
    news in the same order as of a simulated brokerage in its own process, one at a time, so that what the
    algorithm does about one is in force before the next order is tried. Belongs to the engine's thread.

    `steps` counts the events that the engine was given: within one the market stands still, so orders that
    had no news at all are not tried a second time before something else was asked for.
    """

    def __init__(
        self,
        inbox: Inbox,
        outbox: Outbox,
        now_ns: Callable[[], int],
        steps: Callable[[], int],
        stamped: Stamp = unstamped,
    ) -> None:
        self._stamped = stamped
        self._inbox = inbox
        self._outbox = outbox
        self._now_ns = now_ns
        self._steps = steps
        self._in_vain = (-1, -1)  # when all orders were tried and none had news: step, time
        self._told_ns = -1
        self._number = 0
        self._asked = False  # something was sent whose news have not been waited for
        self._anew = False  # a round of tries is wanted
        self._trying = False  # a round of tries is under way
        self._ready: deque[OrderEventArrived] = deque()

    def submit(self, command: SubmitOrder) -> None:
        """Send a new order."""
        self._ask(self._stamped(command))

    def update(self, command: UpdateOrder) -> None:
        """Send a change."""
        self._ask(command)

    def cancel(self, command: CancelOrder) -> None:
        """Send a cancel."""
        self._ask(command)

    def advance(self, now_ns: int) -> None:
        """Have every working order tried by the `drain`s that follow, unless that was just done in vain."""
        self._anew = self._in_vain != (self._steps(), self._now_ns())

    def drain(self, wait_s: float = 0.0) -> Sequence[OrderEventArrived]:
        """Return the next news. Waits for answers; beyond them up to `wait_s` real seconds."""
        while not self._ready:
            tries = not self._asked
            if tries and not self._anew and not self._trying:
                return self._inbox.drain_orders(wait_s)
            self._tell_time()
            self._number += 1
            self._outbox.send(AwaitNews(self._number, tries, tries and self._anew))
            self._asked = False
            whole_round = tries and self._anew and not self._trying
            news, more = self._inbox.await_news(self._number, ANSWER_LIMIT_S)
            if tries:
                self._anew, self._trying = False, more
            if whole_round and not news and not more:
                self._in_vain = (self._steps(), self._now_ns())
            self._ready.extend(news)
        return (self._ready.popleft(),)

    def _ask(self, command: SubmitOrder | UpdateOrder | CancelOrder) -> None:
        self._tell_time()
        self._outbox.send(command)
        self._asked = True
        self._in_vain = (-1, -1)

    def _tell_time(self) -> None:
        now_ns = self._now_ns()
        if now_ns != self._told_ns:
            self._told_ns = now_ns
            self._outbox.send(MarketAt(now_ns))


class RemoteResults:
    """Implements ports.ResultSink over the link, within a rate; thread-safe enough for training threads.

    Beyond LINES_PER_SECOND lines and points are dropped; the next line that gets through says how many.
    """

    def __init__(self, outbox: Outbox, monotonic_s: Callable[[], float]) -> None:
        self._outbox = outbox
        self._monotonic_s = monotonic_s
        self._second = -1
        self._sent = 0
        self._dropped = 0

    def log(self, time_ns: int, level: LogLevel, message: str) -> None:
        """Show the operator a line."""
        if not self._admitted():
            return
        if self._dropped:
            lost, self._dropped = self._dropped, 0
            notice = f"{lost} lines and points were dropped: over {LINES_PER_SECOND} in a second"
            self._outbox.send(WriteLog(time_ns, LogLevel.ERROR, notice))
        self._outbox.send(WriteLog(time_ns, level, message[:LINE_LENGTH]))

    def declare(self, chart: str, series: str, style: SeriesStyle) -> None:
        """Have a series on a chart."""
        if self._admitted():
            self._outbox.send(DeclareSeries(chart[:LINE_LENGTH], series[:LINE_LENGTH], style))

    def plot(self, time_ns: int, chart: str, series: str, *values: float) -> None:
        """Add a point to a chart."""
        if self._admitted():
            self._outbox.send(Plot(time_ns, chart[:LINE_LENGTH], series[:LINE_LENGTH], values))

    def order_event(self, noted: NoteOrderEvent) -> None:
        """Note news of an order. Never dropped: there are no more of them than the gateway sent."""
        self._outbox.send(noted)

    def insight(self, noted: NoteInsight) -> None:
        """Show a prediction."""
        if self._admitted():
            texts = {name: getattr(noted, name)[:LINE_LENGTH] for name in ("source", "group", "tag")}
            self._outbox.send(msgspec.structs.replace(noted, **texts))

    def statistic(self, name: str, value: str) -> None:
        """Show a named value in the status."""
        if self._admitted():
            self._outbox.send(SetRuntimeStatistic(name[:LINE_LENGTH], value[:LINE_LENGTH]))

    def send_out(self, time_ns: int, message: Outgoing) -> bool:
        """Hand a message to the supervisor, which sends it when it can; False over the rate or the size."""
        if size_of(message) > MESSAGE_LIMIT_BYTES or not self._admitted():
            return False
        self._outbox.send(SendOut(time_ns, message))
        return True

    def _admitted(self) -> bool:
        second = int(self._monotonic_s())
        if second != self._second:
            self._second, self._sent = second, 0
        if self._sent >= LINES_PER_SECOND:
            self._dropped += 1
            return False
        self._sent += 1
        return True
