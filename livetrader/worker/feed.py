"""The feed of a live engine: history first, while it warms up, then the inbox."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from livetrader.worker.inbox import Inbox
from livetrader_engine.commands import SubmitOrder
from livetrader_engine.data.subscription import Subscription
from livetrader_engine.events import DataEnded, EngineEvent, MarketDataArrived
from livetrader_engine.ports import DataFeed


@dataclass(slots=True)
class Progress:
    """Where the engine loop is; written by the engine's thread, read by the beat thread.

    `step_started_s` (monotonic) is None between steps.
    """

    monotonic_s: Callable[[], float]
    step_started_s: float | None = None
    steps: int = 0
    sequence: int = 0  # of the step's event, where that has a number

    def stamped(self, command: SubmitOrder) -> SubmitOrder:
        """Return an order with what it was decided on, and when."""
        return SubmitOrder(command.spec, self.sequence, self.monotonic_s())


class LiveFeed:
    """Implements ports.DataFeed for the engine process. Belongs to the engine's thread.

    Everything is asked for at the supervisor at once, so that nothing is missed while history is read.
    `warm_up` yields one history's events; afterwards `next` is the inbox's. Asking for the next event says
    that the step before is over: that is what the step beat measures. `between` is called between two
    steps, and when somebody has woken the inbox: it may take as long as a step, and counts as none.
    """

    def __init__(self, inbox: Inbox, progress: Progress, between: Callable[[], None]) -> None:
        self._inbox = inbox
        self._progress = progress
        self._between = between
        self._history: DataFeed | None = None
        self.subscribed: dict[Subscription, None] = {}

    def next(self) -> EngineEvent | None:
        """Return the next live event; block until there is one."""
        event = None
        while event is None:
            self._between()
            self._progress.step_started_s = None
            event = self._inbox.next()
            self._progress.step_started_s = self._progress.monotonic_s()
        self._progress.steps += 1
        self._progress.sequence = event.sequence if isinstance(event, MarketDataArrived) else 0
        return event

    def subscribe(self, subscription: Subscription) -> None:
        """Ask for this stream, and for its past where history is being read."""
        self.subscribed[subscription] = None
        self._inbox.subscribe(subscription)
        if self._history is not None:
            self._history.subscribe(subscription)

    def unsubscribe(self, subscription: Subscription) -> None:
        """Say that nobody needs it any more."""
        self.subscribed.pop(subscription, None)
        self._inbox.unsubscribe(subscription)
        if self._history is not None:
            self._history.unsubscribe(subscription)

    def warm_up(self, history: DataFeed) -> Iterable[MarketDataArrived]:
        """Yield the past of everything that is subscribed, in time order; counts as no step."""
        self._history = history
        try:
            for subscription in tuple(self.subscribed):
                history.subscribe(subscription)
            while (event := history.next()) is not None and not isinstance(event, DataEnded):
                if isinstance(event, MarketDataArrived):
                    yield event
        finally:
            self._history = None
