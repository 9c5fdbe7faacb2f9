"""What the journal's state is made of: positions, orders, counters. Moved by replay.py only."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from livetrader.journal.actions import ActionBook
from livetrader.journal.records import Adjusted, BucketCharged, DayStarted, Halted, KillStageEntered
from livetrader_engine.orders.order import BrokerageOrderId, ClientOrderId, ExecutionId, Fill, OrderSpec
from livetrader_engine.orders.states import OPEN, OrderStatus
from livetrader_engine.portfolio.corrections import corrected, with_trade
from livetrader_engine.symbols import Symbol

MAX_HISTORY: Final = 100  # lines per order shown to the operator; the oldest after the first go
MAX_CLOSED_ORDERS: Final = 50_000  # about 100 MB; older closed orders are in the journal only
MAX_FOREIGN: Final = 10_000  # trades of others remembered, so that each is told once; a venue repeats days


@dataclass(frozen=True, slots=True)
class Position:
    """Signed quantity held and its average price."""

    quantity: Decimal = Decimal(0)
    average_price: Decimal = Decimal(0)

    def after(self, quantity: Decimal, price: Decimal) -> Position:
        """Return the position after a trade of this signed quantity at this price."""
        return Position(*with_trade(self.quantity, self.average_price, quantity, price))

    def corrected(self, old: Fill, new: Fill) -> Position:
        """Return the position after a trade that is in it turned out to have been another one."""
        was, now = (old.quantity, old.price), (new.quantity, new.price)
        return Position(*corrected(self.quantity, self.average_price, was, now))


@dataclass(slots=True)
class OrderState:
    """One order of ours. Owned by its JournalState; everybody else reads.

    `unknown`: it may or may not be at the venue. `pending` is the order as a change we sent would make it.
    `executions` has the newest revision of each trade, `early_fees` what was told of trades before they were.
    A venue may give an order several numbers: `brokerage_order_ids` has them as they were learned, and
    `twins` those of orders that it should never have made of ours.
    """

    client_order_id: ClientOrderId
    spec: OrderSpec
    number: int
    created_ns: int
    kill_id: str | None = None
    status: OrderStatus = OrderStatus.NEW
    filled: Decimal = Decimal(0)
    filled_value: Decimal = Decimal(0)
    brokerage_order_ids: list[BrokerageOrderId] = field(default_factory=list)
    twins: set[BrokerageOrderId] = field(default_factory=set)
    sent: bool = False
    unknown: bool = False
    late_found: bool = False
    cancel_asked: bool = False
    pending: OrderSpec | None = None
    pending_ns: int = 0  # when that change was asked for, and why where the algorithm did not ask
    pending_why: str = ""
    terms_ns: int = 0  # since when it stands as it does: before a split it was counted in old shares
    executions: dict[ExecutionId, Fill] = field(default_factory=dict)
    early_fees: dict[ExecutionId, tuple[Decimal, str]] = field(default_factory=dict)
    history: list[tuple[int, str]] = field(default_factory=list)

    @property
    def is_open(self) -> bool:
        """Whether it may still trade, as far as we know."""
        return self.status in OPEN

    @property
    def brokerage_order_id(self) -> BrokerageOrderId | None:
        """The venue's newest number of it."""
        return self.brokerage_order_ids[-1] if self.brokerage_order_ids else None

    def news_of(self, fill: Fill) -> Decimal | None:
        """Return what a trade adds to what is known, None where it is known already."""
        known = self.executions.get(fill.execution_id)
        if known is None:
            return fill.quantity
        return fill.quantity - known.quantity if fill.revision > known.revision else None

    @property
    def remaining(self) -> Decimal:
        """Signed quantity that may still trade; the larger one while a change is under way."""
        quantity = self.spec.quantity
        if self.pending is not None and abs(self.pending.quantity) > abs(quantity):
            quantity = self.pending.quantity
        return quantity - self.filled

    def note(self, time_ns: int, words: str) -> None:
        """Add a line to what the operator sees of this order."""
        if len(self.history) >= MAX_HISTORY:
            del self.history[1]
        self.history.append((time_ns, words))


@dataclass(slots=True)
class Counters:
    """Oddities that were dealt with; shown as metrics, none of them normal."""

    repeated_fills: int = 0
    late_fills: int = 0
    overfills: int = 0
    stale_reports: int = 0
    unknown_reports: int = 0
    fills_claimed_without_trade: int = 0
    corrections: int = 0  # trades that the venue corrected or took back
    twins: int = 0  # orders that the venue made of one of ours
    foreign_fills: int = 0  # trades in this account that were not ours
    foreign_reports: int = 0  # other news of orders that are not ours
    unknown_fees: int = 0  # fees of trades of orders that are forgotten, or not ours


@dataclass(slots=True)
class AccountBook:
    """What the journal knows of the account, and the moves that keep its parts in step.

    `foreign` has the newest revisions of trades that are not ours, `foreign_due` what they have moved and no
    adjustment has booked yet, `unexplained` what was booked and nobody has explained since. `restricted`
    symbols take no new risk; `tainted` ones until somebody lifts it; `closed_symbols` take no order at all.
    `ignored` is what the account holds and the algorithm does not, `settled_orphans` orders with a name of
    ours and no record that somebody has looked at.
    """

    instance: str = ""
    orders: dict[ClientOrderId, OrderState] = field(default_factory=dict)
    open: dict[ClientOrderId, OrderState] = field(default_factory=dict)
    by_order_id: dict[int, OrderState] = field(default_factory=dict)
    positions: dict[Symbol, Position] = field(default_factory=dict)
    next_number: int = 1
    oldest_number: int = 1  # orders with a lower number were forgotten; they are in the journal only
    next_order_id: int = 1
    epoch: int = 0
    account_id: str | None = None
    halted: Halted | None = None
    restricted: dict[Symbol, str] = field(default_factory=dict)
    tainted: set[Symbol] = field(default_factory=set)
    closed_symbols: dict[Symbol, str] = field(default_factory=dict)
    ignored: dict[Symbol, Position] = field(default_factory=dict)
    settled_orphans: set[ClientOrderId] = field(default_factory=set)
    unexplained: dict[Symbol, Decimal] = field(default_factory=dict)
    foreign: dict[ExecutionId, Fill] = field(default_factory=dict)
    foreign_due: dict[Symbol, Decimal] = field(default_factory=dict)
    actions: ActionBook = field(default_factory=ActionBook)
    decisions: dict[tuple[Symbol, str], OrderState] = field(default_factory=dict)
    kill: KillStageEntered | None = None
    bucket: BucketCharged | None = None
    settled_ns: dict[str, int] = field(default_factory=dict)  # schedules of trainings, the newest last
    day: DayStarted | None = None
    adjustments: dict[str, Adjusted] = field(default_factory=dict)
    stopped_cleanly: bool = True
    records: int = 0
    fills: int = 0  # applied so far; equal numbers mean that no trade came between
    counters: Counters = field(default_factory=Counters)
    _closed: deque[ClientOrderId] = field(default_factory=deque)

    def position(self, symbol: Symbol) -> Decimal:
        """Return the signed quantity held; 0 where there is none."""
        held = self.positions.get(symbol)
        return held.quantity if held is not None else Decimal(0)

    def trade(self, symbol: Symbol, quantity: Decimal, price: Decimal) -> None:
        """Book a trade on the position."""
        self._hold(symbol, self.positions.get(symbol, Position()).after(quantity, price))

    def correct(self, symbol: Symbol, old: Fill, new: Fill) -> None:
        """Book that a trade turned out to be another one."""
        self._hold(symbol, self.positions.get(symbol, Position()).corrected(old, new))

    def _hold(self, symbol: Symbol, position: Position) -> None:
        if position.quantity == 0:
            self.positions.pop(symbol, None)
        else:
            self.positions[symbol] = position

    def lift(self, symbol: Symbol) -> None:
        """Let a symbol be traded again: somebody has looked."""
        self.tainted.discard(symbol)
        self.unexplained.pop(symbol, None)
        self.restricted.pop(symbol, None)
        self.closed_symbols.pop(symbol, None)

    def ignore(self, symbol: Symbol, share: Position) -> None:
        """Leave this much of what the account holds to somebody else."""
        before = self.ignored.pop(symbol, Position())
        if share.quantity:
            self.ignored[symbol] = share
        held = self.positions.get(symbol, Position())
        left = held.quantity - (share.quantity - before.quantity)
        self._hold(symbol, Position(left, held.average_price or share.average_price))

    def take_share(self, symbol: Symbol, quantity: Decimal) -> None:
        """Note that others traded in what is theirs of a symbol."""
        self.foreign_due.pop(symbol, None)
        share = self.ignored.pop(symbol)
        if quantity:
            self.ignored[symbol] = Position(quantity, share.average_price)

    def why_closed(self, symbol: Symbol) -> str:
        """Return why no order of a symbol leaves, empty where orders may."""
        return self.closed_symbols.get(symbol) or self.actions.why_no_order(symbol)

    def taint(self, symbol: Symbol, why: str) -> None:
        """Let a symbol take no new risk until somebody lifts it."""
        self.tainted.add(symbol)
        self.restricted[symbol] = why

    def take_foreign(self, fill: Fill) -> bool:
        """Take in a trade of somebody else; return whether it was news.

        It explains a difference that is to come, or one that was booked before anybody told us why.
        """
        known = self.foreign.get(fill.execution_id)
        if known is not None and known.revision >= fill.revision:
            return False
        self.foreign[fill.execution_id] = fill
        while len(self.foreign) > MAX_FOREIGN:
            del self.foreign[next(iter(self.foreign))]
        self.counters.foreign_fills += known is None
        symbol, moved = fill.symbol, fill.quantity - (known.quantity if known is not None else 0)
        if symbol is None:
            return True
        open_ = self.unexplained.get(symbol, Decimal(0))
        if open_ * moved > 0 and abs(open_) >= abs(moved):
            self.unexplained[symbol] = open_ - moved
            if open_ == moved:
                del self.unexplained[symbol]
                if symbol not in self.tainted:
                    self.restricted.pop(symbol, None)
        else:
            self.foreign_due[symbol] = self.foreign_due.get(symbol, Decimal(0)) + moved
        return True

    def add(self, order: OrderState) -> None:
        """Take in a new order."""
        self.orders[order.client_order_id] = order
        self.open[order.client_order_id] = order
        if order.spec.id:
            self.by_order_id[order.spec.id] = order
            if order.spec.decision:
                self.decisions[order.spec.symbol, order.spec.decision] = order
            self.next_order_id = max(self.next_order_id, order.spec.id + 1)

    def set_status(self, order: OrderState, status: OrderStatus) -> None:
        """Move an order to a status that the caller has checked, keeping the index of open orders."""
        order.status = status
        if status in OPEN:
            self.open[order.client_order_id] = order
            return
        order.unknown = False
        order.pending = None
        if self.open.pop(order.client_order_id, None) is not None:
            self._closed.append(order.client_order_id)
        while len(self._closed) > MAX_CLOSED_ORDERS:
            oldest = self._closed.popleft()
            if oldest not in self.open and oldest in self.orders:
                forgotten = self.orders.pop(oldest)
                self.by_order_id.pop(forgotten.spec.id, None)
                self.decisions.pop((forgotten.spec.symbol, forgotten.spec.decision), None)
                self.oldest_number = max(self.oldest_number, forgotten.number + 1)
