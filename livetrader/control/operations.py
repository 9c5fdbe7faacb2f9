"""What the control server needs from the daemon: views to read, operations to ask for, a stream to follow.

The supervisor implements `Operations`; the server, the command line and the live view know nothing else of
it. Views are frozen copies, so a reader never sees a half-changed state and cannot change anything. Money
and quantities are Decimal (strings in JSON), times are UTC nanoseconds.

Operations return as soon as they are accepted, with an `OperationView` whose id can be asked for later.
None of them may wait for the engine or the algorithm before it has had its first effect: `halt` and
`liquidate` have refused new orders before they return.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Protocol

import msgspec

from livetrader.control.alert_views import AlertChanged, AlertCounts
from livetrader.control.alerts import AlertDesk
from livetrader.control.custody import CustodyOperations
from livetrader.control.custody_views import ForeignOrderView, RestrictionView
from livetrader.control.data_views import DataView
from livetrader.control.data_views import FeedView as FeedView
from livetrader.control.decision_views import DecisionsView, DecisionTaken
from livetrader.control.insight_views import InsightsView
from livetrader.control.notification_views import NotificationChanged, NotificationOperations
from livetrader.control.queries import DecisionsQuery, InsightsQuery, LogQuery, OrdersQuery
from livetrader.control.tracked import OperationState as OperationState
from livetrader.control.tracked import OperationView as OperationView
from livetrader.control.training_views import TrainingSummary, TrainingView
from livetrader.results.live import LiveResults


class EngineView(msgspec.Struct, frozen=True):
    """The engine process. `state` is the supervisor's word for it (starting, warming_up, running, ...)."""

    state: str
    pid: int | None = None
    restarts: int = 0  # since the daemon started
    restarts_in_window: int = 0  # counted against the restart budget
    started_ns: int | None = None
    beat_age_s: float | None = None
    step_age_s: float | None = None  # None between steps
    steps: int = 0
    resident_mb: float = 0.0
    conflated: int = 0
    last_failure: str = ""
    warm_up_short: tuple[str, ...] = ()  # streams that were warmed up by less than was asked for


class ConnectionView(msgspec.Struct, frozen=True):
    """The connection to the brokerage. `state` is connecting, connected, resting, lost or overdue.

    `resting`: away, as its calendar of maintenance says; `expected_ns` is when that is over. `overdue`: away
    for longer than anybody should be; people were alarmed. `since_ns` is when it was lost, or made.
    `maintenance` and `notice` say what is going on now or soon, and what a person has to do about it.
    `held_orders` wait for the end of it.
    """

    state: str
    since_ns: int
    reason: str = ""
    expected_ns: int = 0
    attempts: int = 0
    maintenance: str = ""
    notice: str = ""
    held_orders: int = 0


class KillSwitchView(msgspec.Struct, frozen=True):
    """The kill switch. `latched` survives restarts until somebody resumes."""

    state: str
    latched: bool
    kill_id: str = ""  # what `resume` has to be given while latched
    reason: str = ""
    source: str = ""
    since_ns: int | None = None
    attempts: int = 0
    left_alone: tuple[str, ...] = ()  # working orders that are not ours, in words


class StatusView(msgspec.Struct, frozen=True):
    """The daemon at a glance. `reasons` says what keeps it from being ready, empty when it is.

    `time_ns` is session time (the feed's own in a replay), `wall_ns` the clock on the wall.
    """

    state: str
    reasons: dict[str, str]
    version: str
    pid: int
    account: str
    started_ns: int
    wall_ns: int
    time_ns: int
    algorithm: str
    brokerage: str
    brokerage_connected: bool
    brokerage_session_id: str
    brokerage_connection: ConnectionView
    feed: FeedView
    engine: EngineView
    kill_switch: KillSwitchView
    training: TrainingSummary
    halted: bool
    currency: str
    equity: Decimal
    cash: Decimal
    day_profit: Decimal
    open_orders: int
    unresolved_orders: int = 0  # of unknown outcome
    foreign_orders: tuple[ForeignOrderView, ...] = ()
    restricted: tuple[RestrictionView, ...] = ()
    data: DataView = DataView()
    alerts: AlertCounts = AlertCounts()
    statistics: dict[str, str] = {}  # what the algorithm set with set_runtime_statistic


class HoldingView(msgspec.Struct, frozen=True):
    """One position as the gateway has it. `symbol` is the identifier text, `ticker` today's name."""

    symbol: str
    ticker: str
    quantity: Decimal
    average_price: Decimal
    last_price: Decimal | None = None
    market_value: Decimal | None = None
    unrealized_profit: Decimal | None = None


class PortfolioView(msgspec.Struct, frozen=True):
    """The account: cash per currency and every position that is not zero."""

    time_ns: int
    currency: str
    equity: Decimal
    day_profit: Decimal
    cash: dict[str, Decimal]
    holdings: tuple[HoldingView, ...]


class OrderStep(msgspec.Struct, frozen=True):
    """One line of an order's history. `quantity` and `price` are set for fills."""

    time_ns: int
    status: str
    message: str = ""
    quantity: Decimal | None = None
    price: Decimal | None = None
    fee: Decimal | None = None


class OrderView(msgspec.Struct, frozen=True):
    """One order with its history, oldest step first. `id` is 0 for orders of the kill switch.

    `trace_id` is that of its trace (docs/metrics.md), whether or not anybody keeps traces.
    """

    id: int
    client_order_id: str
    brokerage_order_id: str | None
    symbol: str
    ticker: str
    type: str
    quantity: Decimal
    filled_quantity: Decimal
    average_fill_price: Decimal | None
    status: str
    open: bool
    created_ns: int
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    tag: str = ""
    trace_id: str = ""
    history: tuple[OrderStep, ...] = ()


class LogView(msgspec.Struct, frozen=True):
    """One line of the log. `source` is algorithm, engine or daemon; `sequence` counts up by one."""

    sequence: int
    time_ns: int
    level: str
    source: str
    message: str


class LogPage(msgspec.Struct, frozen=True):
    """Lines with a sequence above the one asked for, oldest first. `lost` were already overwritten."""

    lines: tuple[LogView, ...]
    next_sequence: int
    lost: int = 0


class ReadyView(msgspec.Struct, frozen=True):
    """Whether the daemon may trade, and if not, every reason by the name of what is missing."""

    ready: bool
    reasons: dict[str, str]


class StatusChanged(msgspec.Struct, frozen=True, tag="status", tag_field="event"):
    """A new status; sent a few times a second at most."""

    status: StatusView


class PortfolioChanged(msgspec.Struct, frozen=True, tag="portfolio", tag_field="event"):
    """A new portfolio; sent a few times a second at most."""

    portfolio: PortfolioView


class OrderChanged(msgspec.Struct, frozen=True, tag="order", tag_field="event"):
    """An order has a new step in its history."""

    order: OrderView


class TrainingChanged(msgspec.Struct, frozen=True, tag="training", tag_field="event"):
    """A training job or the bucket changed."""

    training: TrainingView


class LogWritten(msgspec.Struct, frozen=True, tag="log", tag_field="event"):
    """A line of the log."""

    line: LogView


StreamEvent = (
    StatusChanged
    | PortfolioChanged
    | OrderChanged
    | TrainingChanged
    | LogWritten
    | AlertChanged
    | NotificationChanged
    | DecisionTaken
)


class EventSubscription(Protocol):
    """One reader of the event stream. Ends by itself when the reader was too slow or the daemon stops."""

    @property
    def dropped(self) -> bool:
        """Whether it ended because its reader was too slow."""
        ...

    def __aiter__(self) -> AsyncIterator[StreamEvent]:
        """Yield events as they happen."""
        ...

    def close(self) -> None:
        """Stop; idempotent."""
        ...


class DecisionReader(Protocol):
    """What the algorithm wanted and predicted lately, and what stops it. Returns at once."""

    def view(self, query: DecisionsQuery) -> DecisionsView:
        """Return why there is no trade: the gates as they stand, and what was decided lately."""
        ...

    def insights(self, query: InsightsQuery) -> InsightsView:
        """Return the newest predictions of the algorithm."""
        ...


class Operations(Protocol):
    """What an operator may see and do. All of it runs on the supervisor's loop and returns at once.

    `who` names the token or the local user that asked; it belongs into the audit trail. Operations raise
    ControlRefusedError, with what to do instead, where they cannot be done in the present state.
    """

    @property
    def custody(self) -> CustodyOperations:
        """What may be decided about the account."""
        ...

    @property
    def notifications(self) -> NotificationOperations:
        """What people were told."""
        ...

    @property
    def alerts(self) -> AlertDesk:
        """What Prometheus said, and what may come of it."""
        ...

    def live(self) -> bool:
        """Return whether the loop turns and no supervised part is beyond its limit."""
        ...

    def ready(self) -> ReadyView:
        """Return whether trading is possible, with every reason why not."""
        ...

    def status(self) -> StatusView:
        """Return the daemon at a glance."""
        ...

    def portfolio(self) -> PortfolioView:
        """Return cash and positions."""
        ...

    def orders(self, query: OrdersQuery) -> tuple[OrderView, ...]:
        """Return the orders asked for, newest first. Raises KeyError where `query.before` is not known."""
        ...

    def training(self) -> TrainingView:
        """Return training jobs and the bucket."""
        ...

    def log(self, query: LogQuery) -> LogPage:
        """Return the newest lines that were asked for, oldest first."""
        ...

    @property
    def results(self) -> LiveResults:
        """What came of the trading: curves, charts, figures, trades."""
        ...

    @property
    def decisions(self) -> DecisionReader:
        """What the algorithm wanted and predicted lately, and what stops it."""
        ...

    def operation(self, operation_id: str) -> OperationView | None:
        """Return an operation that was accepted, None where it is not (or no longer) known."""
        ...

    def subscribe(self) -> EventSubscription:
        """Start a stream of events: first the current status, portfolio and training, then what happens."""
        ...

    async def halt(self, *, who: str, reason: str) -> OperationView:
        """Refuse new orders from now on; positions and working orders stay."""
        ...

    async def resume(
        self, *, who: str, reason: str, kill_id: str | None, accept_residue: bool
    ) -> OperationView:
        """Allow orders again and unlatch the kill switch.

        While it is latched, `kill_id` must be the id that the status shows, so that nobody resumes from a
        liquidation they have not seen; `accept_residue` resumes although the account is not flat.
        Raises ControlRefusedError, with what to do, where it cannot be done now.
        """
        ...

    async def cancel(self, *, who: str, order: str | None, reason: str) -> OperationView:
        """Cancel one working order (by client order id or engine number), or all with None.

        Raises KeyError for an order that is not known.
        """
        ...

    async def liquidate(self, *, who: str, reason: str, include_foreign: bool) -> OperationView:
        """Run the kill switch: halt, cancel, flatten, verify. Joins a run that is under way.

        `include_foreign` cancels working orders that are not ours, too.
        """
        ...

    async def cancel_training(self, *, who: str, job: int, reason: str) -> OperationView:
        """Stop a training job, waiting or running; the model before it stays.

        Raises KeyError for a job that is not known, ControlRefusedError for one that is over.
        """
        ...

    async def stop(self, *, who: str, reason: str) -> OperationView:
        """End the daemon gracefully; what happens to the account is the setting `daemon.on_shutdown`."""
        ...
