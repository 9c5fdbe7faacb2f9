"""What the engine process asks for, carried out in the order it was asked.

A bounded queue stands between the link and this: while it is full the link is not read, and the engine waits
in its own send. So a flood of orders is slowed to the pace of the gateway, and everybody else's events pass.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from livetrader.changes import Changes
from livetrader.ipc.link import Link
from livetrader.ipc.messages import (
    FromEngine,
    HostBucketLevel,
    Initialized,
    ModelReported,
    StepCompleted,
    TrainingPrinted,
    TrainingReported,
    WarmedUp,
)
from livetrader.supervisor.engine_process import EngineProcess
from livetrader.supervisor.held_orders import HeldOrders
from livetrader_engine.commands import (
    AwaitNews,
    CancelOrder,
    DeclareSeries,
    MarketAt,
    NoteInsight,
    NoteOrderEvent,
    Plot,
    QuitAlgorithm,
    SendOut,
    SetRuntimeStatistic,
    SubmitOrder,
    Subscribe,
    Unsubscribe,
    UpdateOrder,
    WriteLog,
)
from livetrader_engine.data.subscription import Subscription
from livetrader_engine.missed import ScheduleJudged

QUEUE_LIMIT: Final = 256  # messages: the link stops being read here; beats stand behind so many orders
RESUME_BELOW: Final = 64  # and is read again here
YIELD_EVERY: Final = 50  # messages handled without giving the loop a turn, at most


@dataclass(frozen=True, slots=True)
class CommandPorts:
    """Who carries out what. None of the plain callbacks may block."""

    orders: HeldOrders
    changes: Changes
    subscribe: Callable[[Subscription], Awaitable[None]]
    unsubscribe: Callable[[Subscription], Awaitable[None]]
    market_at: Callable[[int], Awaitable[None]]
    await_news: Callable[[Link, AwaitNews], Awaitable[None]]
    completed: Callable[[StepCompleted], None]
    initialized: Callable[[Initialized], None]
    warmed_up: Callable[[EngineProcess, WarmedUp], None]
    training: Callable[[Link, TrainingReported | TrainingPrinted | HostBucketLevel | ScheduleJudged], None]
    model: Callable[[ModelReported], None]
    log: Callable[[WriteLog], None]
    plot: Callable[[DeclareSeries | Plot], None]
    order_event: Callable[[NoteOrderEvent], None]
    statistic: Callable[[str, str], None]
    send_out: Callable[[SendOut], None]
    insight: Callable[[NoteInsight], None]
    decided: Callable[[SubmitOrder], None] = lambda command: None  # hears of an order when it arrives


class EngineCommands:
    """Owns the queue and the one task that empties it. Belongs to the loop's thread."""

    def __init__(self, ports: CommandPorts) -> None:
        self._ports = ports
        self._queue: deque[tuple[EngineProcess, FromEngine]] = deque()
        self._arrived = asyncio.Event()
        self._busy = False

    @property
    def waiting(self) -> int:
        """How many messages wait to be carried out."""
        return len(self._queue)

    def put(self, process: EngineProcess, message: FromEngine) -> None:
        """Queue a message; never waits. Pauses the link of its process where the queue is full.

        What an engine says that was killed on purpose is dropped: its orders must not outlive a liquidation.
        What its trainings have cost stays true.
        """
        if process.dismissed and not isinstance(message, TrainingReported):
            return
        if isinstance(message, SubmitOrder):
            self._ports.decided(message)
        self._queue.append((process, message))
        self._arrived.set()
        if len(self._queue) >= QUEUE_LIMIT:
            process.link.pause()

    def clear(self) -> None:
        """Forget what has not been carried out: orders of an engine that was killed on purpose."""
        paid = [item for item in self._queue if isinstance(item[1], TrainingReported)]
        self._queue.clear()
        self._queue.extend(paid)
        self._ports.changes.announce()

    def tell_trainings(self) -> None:
        """Pass on at once what waits of trainings: who mourns an engine has to know what it was training."""
        told = [(who, message) for who, message in self._queue if isinstance(message, TrainingReported)]
        self._queue = deque(item for item in self._queue if not isinstance(item[1], TrainingReported))
        for process, message in told:
            self._ports.training(process.link, message)

    async def drained(self) -> None:
        """Return when everything queued so far has been carried out."""
        await self._ports.changes.until(lambda: not self._queue and not self._busy)

    async def run(self) -> None:
        """Carry out commands, one after the other, for ever."""
        handled = 0
        while True:
            while self._queue:
                process, message = self._queue.popleft()
                self._busy = True
                try:
                    await self._carry_out(process, message)
                finally:
                    self._busy = False
                if len(self._queue) < RESUME_BELOW:
                    process.link.resume()
                handled += 1
                if handled % YIELD_EVERY == 0:
                    await asyncio.sleep(0)  # denials never wait, so a flood of them would
            self._ports.changes.announce()
            self._arrived.clear()
            await self._arrived.wait()

    async def _carry_out(self, process: EngineProcess, message: FromEngine) -> None:
        ports = self._ports
        match message:
            case StepCompleted():
                ports.completed(message)
            case SubmitOrder():
                await ports.orders.submit(message)
            case UpdateOrder():
                await ports.orders.update(message)
            case CancelOrder():
                await ports.orders.cancel(message)
            case MarketAt(time_ns):
                await ports.market_at(time_ns)
            case AwaitNews():
                await ports.await_news(process.link, message)
            case Subscribe(subscription):
                await ports.subscribe(subscription)
            case Unsubscribe(subscription):
                await ports.unsubscribe(subscription)
            case Initialized():
                ports.initialized(message)
            case WarmedUp():
                ports.warmed_up(process, message)
            case _:
                self._show(process, message)

    def _show(self, process: EngineProcess, message: FromEngine) -> None:
        ports = self._ports
        match message:
            case ModelReported():
                ports.model(message)
            case TrainingReported() | TrainingPrinted() | HostBucketLevel() | ScheduleJudged():
                ports.training(process.link, message)
            case WriteLog():
                ports.log(message)
            case DeclareSeries() | Plot():
                ports.plot(message)
            case NoteOrderEvent():
                ports.order_event(message)
            case SetRuntimeStatistic(name, value):
                ports.statistic(name, value)
            case NoteInsight():
                ports.insight(message)
            case SendOut():
                ports.send_out(message)
            case QuitAlgorithm():
                pass  # EngineFinished follows, and the end of the process is what counts
            case _:
                raise AssertionError(f"{type(message).__name__} is the process's own business")
