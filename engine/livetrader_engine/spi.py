"""What a plugin implements: async Protocols, found by entry point, no base class to inherit.

A plugin class is registered under one of the groups

    livetrader.brokerages   BrokeragePlugin
    livetrader.feeds        DataFeedPlugin
    livetrader.histories    HistoryPlugin (synchronous; runs in the engine process)
    livetrader.notifiers    NotifierPlugin (livetrader_engine.spi_notify)

and is made by calling it with its validated section of the configuration and a `Context`:
`PluginClass(config, context)`. The class carries two attributes: `API_VERSION`, which must equal the one
here, and `Config`, a msgspec.Struct type that describes its section: each field is one key, its default
the key's default, and its docstring belongs in docs. Nothing may connect or read files before `connect`.
What plugins of market data may offer beyond this is in livetrader_engine.spi_data.

What every plugin may rely on: it is called from one asyncio loop only; `connect` comes first, `close` last
and exactly once; nobody calls a method after `close`. What it must not do: block the loop, start tasks
other than through `Context.spawn`, read clocks or chance other than through `Context`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from decimal import Decimal
from pathlib import Path
from random import Random  # noqa: TID251 — only the type; plugins are handed a seeded one
from typing import ClassVar, Final, Protocol, runtime_checkable

import msgspec

from livetrader_engine.data.bars import MarketPoint
from livetrader_engine.data.quality import QualityLimits
from livetrader_engine.data.subscription import HistoryRequest, Subscription
from livetrader_engine.events import (
    BrokerageMessageKind,
    DataEnded,
    MarketDataArrived,
    PositionRecord,
    TimePulse,
)
from livetrader_engine.orders.order import (
    BrokerageOrderId,
    ClientOrderId,
    ExecutionId,
    Fill,
    OrderChange,
    OrderSpec,
    OrderType,
    StopState,
)
from livetrader_engine.orders.states import OrderStatus
from livetrader_engine.ports import HistoryProvider, ReferenceData
from livetrader_engine.spi_data import BarsMissing, StreamRefused

API_VERSION: Final = 1


class PluginError(Exception):
    """A plugin cannot do what was asked. The message says what happened and what to do about it."""


class VenueError(PluginError):
    """The venue refused or did not answer. Retrying later may help; `connect` is tried again."""


class OutcomeUnknownError(VenueError):
    """It is not known whether the request reached the venue. Never a reason to send it again."""


class Context(msgspec.Struct, frozen=True):
    """What a plugin gets from the daemon.

    `now_ns` is wall-clock UTC nanoseconds, `monotonic_s` seconds for durations, `random` seeded by the
    daemon, `state_directory` the plugin's own folder (exists, survives restarts), `spawn(name, coroutine)`
    starts a supervised task that ends with the plugin, `report(action, **fields)` writes one log record.
    `reference` and `history` are the configured data folder's, for plugins that trade or play it back;
    reading history blocks, so it is called in a thread. `data_requested(path, problem)`, where it is given,
    hears of every data file that is asked for: with "" where it was read, with "missing", or with what is
    wrong with it; then what cannot be read is left out, where it would raise DataError otherwise.
    `instance` tells those of a deployment apart that are made of one section: a history is there twice, in
    the engine process (0) and in the daemon (1).
    `quality`: what may be believed of live prices, where somebody has said so (data.quality).
    """

    name: str
    state_directory: Path
    data_folder: Path | None
    now_ns: Callable[[], int]
    monotonic_s: Callable[[], float]
    random: Random
    spawn: Callable[[str, Coroutine[object, object, None]], None]
    report: Callable[..., None]
    reference: ReferenceData | None = None
    history: HistoryProvider | None = None
    data_requested: Callable[[str, str], None] | None = None
    instance: int = 0
    quality: QualityLimits | None = None


class Approved(msgspec.Struct, frozen=True):
    """An order that passed the limits, or was made by the kill switch. Nothing else may be sent.

    Only `livetrader.gateway.limits` and `livetrader.gateway.killswitch` construct it; a repository test
    looks for others. `spec.id` is 0 for orders of the kill switch.
    """

    client_order_id: ClientOrderId
    spec: OrderSpec


class ApprovedChange(msgspec.Struct, frozen=True):
    """A change of a working order that passed the limits."""

    client_order_id: ClientOrderId
    spec: OrderSpec  # as it will be after the change
    change: OrderChange


class BrokerageCapabilities(msgspec.Struct, frozen=True):
    """What a brokerage can do, and how far its silence can be trusted.

    `absence_fence_s`: after a lost connection or a restart, an order that no complete snapshot shows may
    still appear for this long; only later is its absence proof that the venue never had it.
    `simulated`: it fills from market data that the daemon hands it (see MarketObserver).
    """

    order_types: frozenset[OrderType]
    fractional: bool = False
    updates: bool = True
    cancel_on_disconnect: bool = False
    absence_fence_s: float = 120.0
    simulated: bool = False


class OrderRecord(msgspec.Struct, frozen=True):
    """One order of ours as the venue shows it."""

    client_order_id: ClientOrderId
    brokerage_order_id: BrokerageOrderId
    spec: OrderSpec
    status: OrderStatus
    filled_quantity: Decimal


class AccountSnapshot(msgspec.Struct, frozen=True):
    """The whole account at one instant, from the venue. Never partial: a part that is missing raises.

    `open_orders` are all working orders: foreign ones have a client_order_id not of our prefix or "", and two
    with the same client_order_id are two orders at the venue. `closed_orders` are those the venue still
    remembers, `fills` every fill it still remembers, by client order id ("" where it is not ours).
    `session_id` names the brokerage session and changes with every new login.
    """

    account_id: str
    session_id: str
    time_ns: int
    cash: dict[str, Decimal]
    positions: tuple[PositionRecord, ...]
    open_orders: tuple[OrderRecord, ...]
    closed_orders: tuple[OrderRecord, ...] = ()
    fills: tuple[tuple[ClientOrderId, Fill], ...] = ()


class ExecutionReport(msgspec.Struct, frozen=True, tag="report"):
    """The venue's news of one order. `fill` is set where shares changed hands.

    Reports may come twice, late, or out of order; `fill.execution_id` tells a repeated fill.
    """

    client_order_id: ClientOrderId
    status: OrderStatus
    time_ns: int
    brokerage_order_id: BrokerageOrderId | None = None
    fill: Fill | None = None
    message: str = ""


class StopMoved(msgspec.Struct, frozen=True, tag="stop"):
    """Where the venue has a working order's stop now: it trails, or its price was seen. Not journaled."""

    client_order_id: ClientOrderId
    time_ns: int
    stop: StopState


class FeeReported(msgspec.Struct, frozen=True, tag="fee"):
    """What a trade cost, told after it: `fee` in all, not in addition; positive if paid.

    For venues that tell the price of a trade later than the trade. It may come twice, or before the trade.
    """

    client_order_id: ClientOrderId
    execution_id: ExecutionId
    time_ns: int
    fee: Decimal
    fee_currency: str


class CashChanged(msgspec.Struct, frozen=True, tag="cash"):
    """The venue's new balance of one currency."""

    time_ns: int
    currency: str
    amount: Decimal


class BrokerageMessage(msgspec.Struct, frozen=True, tag="message"):
    """Something the venue says beside orders."""

    time_ns: int
    kind: BrokerageMessageKind
    code: str
    message: str


BrokerageEvent = ExecutionReport | FeeReported | StopMoved | CashChanged | BrokerageMessage


class BrokeragePlugin(Protocol):
    """Trades one account. All methods run on the daemon's loop; none may block it."""

    API_VERSION: ClassVar[int]
    Config: ClassVar[type[msgspec.Struct]]
    capabilities: BrokerageCapabilities

    async def connect(self) -> AccountSnapshot:
        """Log in and return a complete snapshot. Raises VenueError where it cannot.

        May be called again after `events` has ended.
        """
        ...

    def events(self) -> AsyncIterator[BrokerageEvent]:
        """Yield updates since the newest snapshot of `connect`; ending means: disconnected.

        So does VenueError, which says why.
        An event counts as handled when the next one is asked for.
        """
        ...

    async def submit(self, order: Approved) -> None:
        """Send the order; return when sent. The outcome is an event.

        Idempotent by client_order_id: a second submit of the same id never makes a second order.
        Raises OutcomeUnknownError where it may or may not have been sent, VenueError where it was not.
        """
        ...

    async def update(self, change: ApprovedChange) -> None:
        """Send a change of a working order; return when sent."""
        ...

    async def cancel(
        self, client_order_id: ClientOrderId, brokerage_order_id: BrokerageOrderId | None = None
    ) -> None:
        """Ask for a cancel; return when sent. Idempotent; unknown or closed orders are no error.

        `brokerage_order_id` means one of several orders that the venue has under the same client order id, or
        an order that is not ours and has none; VenueError where the venue lets us not cancel that one.
        """
        ...

    async def snapshot(self) -> AccountSnapshot:
        """Return the account as the venue has it now. Raises VenueError rather than return a part."""
        ...

    async def close(self) -> None:
        """Log out; idempotent. Positions and orders stay."""
        ...


class Maintenance(msgspec.Struct, frozen=True):
    """A time in which a venue is expected to be away, or needs a person.

    `reason` says it in words; `until_ns` when it is over. `holds_orders`: an order sent now could be lost.
    `notice`: what an operator has to do about it (confirm a login, for instance); empty where nothing.
    `away`: being unreachable is expected now; False where it is announced only: `until_ns` is its beginning.
    """

    reason: str
    until_ns: int
    holds_orders: bool = False
    notice: str = ""
    away: bool = True


@runtime_checkable
class Maintained(Protocol):
    """A brokerage or feed whose venue has a calendar of maintenance."""

    def maintenance(self, now_ns: int) -> Maintenance | None:
        """Return what is going on at an instant (UTC ns), None in ordinary times. Pure and cheap."""
        ...


@runtime_checkable
class MarketObserver(Protocol):
    """A brokerage that fills from the daemon's market data (capabilities.simulated)."""

    async def observe(self, data: MarketDataArrived | TimePulse, *, fill: bool = True) -> None:
        """See the market; return when every event this causes has been handled by the daemon.

        Without `fill` nothing is tried: the engine will ask for it, order by order (`try_next`), also for
        what is submitted from then on. Only orders of the kill switch (`spec.id` 0) are tried when they come.
        """
        ...

    async def try_next(self, *, anew: bool) -> bool:
        """Try working orders, in their order, up to one that has news; return whether one had.

        Goes on behind the order that had news last. `anew`: begin with the first when those are through.
        """
        ...

    async def settle(self) -> None:
        """Return when every event emitted so far has been handled by the daemon."""
        ...


class FeedCapabilities(msgspec.Struct, frozen=True):
    """How a feed treats time.

    `keeps_time`: event times are the feed's own (a replay); the daemon's clock follows them and it sends
    no pulses of its own. `lockstep`: the daemon asks for the next event only when the engine has completed
    the step of the previous one and its orders are settled, so that a replay at any speed is deterministic.
    `timeless`: events come as fast as they can be handled, so a training would take feed time out of
    proportion; the engine waits for each one, as a backtest does.
    """

    keeps_time: bool = False
    lockstep: bool = False
    timeless: bool = False


class FeedStatus(msgspec.Struct, frozen=True, tag="feed"):
    """Something a feed has to say: a lost or regained connection, a refused subscription."""

    time_ns: int
    connected: bool
    message: str


FeedEvent = MarketDataArrived | TimePulse | DataEnded | FeedStatus | StreamRefused | BarsMissing


class DataFeedPlugin(Protocol):
    """Delivers market data. All methods run on the daemon's loop; none may block it."""

    API_VERSION: ClassVar[int]
    Config: ClassVar[type[msgspec.Struct]]
    capabilities: FeedCapabilities

    async def connect(self) -> int:
        """Start a session; return the time (UTC ns) at which its data will begin."""
        ...

    def events(self) -> AsyncIterator[FeedEvent]:
        """Yield data as it comes; sequence numbers start at 1 and count up by one.

        Nothing is yielded before the first subscription. Ending without DataEnded means: disconnected.
        """
        ...

    async def subscribe(self, subscription: Subscription) -> None:
        """Deliver this stream from now on; idempotent. Raises VenueError where it cannot be had."""
        ...

    async def unsubscribe(self, subscription: Subscription) -> None:
        """Deliver it no longer; idempotent."""
        ...

    async def close(self) -> None:
        """End the session; idempotent."""
        ...


class HistoryPlugin(Protocol):
    """Past data and reference data, in the engine process: implements ports.HistoryProvider too.

    Made like other plugins; its context has no `spawn` that works (it is synchronous).
    """

    API_VERSION: ClassVar[int]
    Config: ClassVar[type[msgspec.Struct]]

    @property
    def reference(self) -> ReferenceData:
        """Symbols, hours and properties known to this provider."""
        ...

    def history(self, request: HistoryRequest) -> Iterable[MarketPoint]:
        """See ports.HistoryProvider.history."""
        ...
