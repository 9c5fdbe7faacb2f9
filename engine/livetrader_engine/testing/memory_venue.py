"""The books of a venue in memory: orders, trades, positions, prices, and faults on command.

`fakes.MemoryVenue` is what tests use: these books, and what a venue does beyond matching orders.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, Protocol

from livetrader_engine.events import BrokerageMessageKind, PositionRecord
from livetrader_engine.orders.order import (
    BrokerageOrderId,
    ClientOrderId,
    ExecutionId,
    Fill,
    OrderId,
    OrderSpec,
    OrderType,
)
from livetrader_engine.orders.states import CLOSED, OrderStatus
from livetrader_engine.spi import (
    AccountSnapshot,
    Approved,
    ApprovedChange,
    BrokerageCapabilities,
    BrokerageEvent,
    BrokerageMessage,
    CashChanged,
    ExecutionReport,
    OrderRecord,
)
from livetrader_engine.symbols import Symbol

ORDER_TYPES: Final = frozenset(
    {OrderType.MARKET, OrderType.LIMIT, OrderType.STOP_MARKET, OrderType.MARKET_ON_OPEN}
)
CAPABILITIES: Final = BrokerageCapabilities(order_types=ORDER_TYPES, absence_fence_s=0.0)


@dataclass(slots=True)
class Faults:
    """What goes wrong next. Numbers count down; the test sets them."""

    unreachable_submits: int = 0  # VenueError: surely not sent
    cut_before: int = 0  # the connection dies before the venue has the order
    cut_after: int = 0  # … after it; the answer is lost with it
    hold_orders: int = 0  # the order stays somewhere on the way until `deliver_held`
    lost_acks: int = 0  # the order is working and nobody is told
    lost_cancels: int = 0  # the cancel never arrives
    failed_snapshots: int = 0
    wrong_settings: int = 0  # logins that fail until an operator mends the settings
    repeat_fills: bool = False  # every fill is reported twice
    refuse: dict[Symbol, str] = field(default_factory=dict)  # the venue refuses, with these words
    fill_parts: int = 1  # market orders trade in this many parts
    fills_by_hand: bool = False  # market orders trade only when `trade` says so

    def take(self, name: str) -> bool:
        """Return whether this fault strikes now, and count it down."""
        left = int(getattr(self, name))
        if left > 0:
            setattr(self, name, left - 1)
        return left > 0


@dataclass(slots=True)
class VenueOrder:
    """One order as the venue has it. Owned by its MemoryVenue."""

    client_order_id: ClientOrderId
    brokerage_order_id: BrokerageOrderId
    spec: OrderSpec
    status: OrderStatus = OrderStatus.SUBMITTED
    filled: Decimal = Decimal(0)

    def record(self) -> OrderRecord:
        """Return it as a snapshot shows it."""
        return OrderRecord(self.client_order_id, self.brokerage_order_id, self.spec, self.status, self.filled)


class Listener(Protocol):
    """The one session that hears the venue's news."""

    def deliver(self, event: BrokerageEvent) -> None:
        """Take news from the venue."""
        ...

    def end(self) -> None:
        """Let the events end after those delivered."""
        ...


def _nothing(_: str) -> None:
    return None


class VenueBooks:
    """The account at the venue: cash, positions, orders, trades, prices. Fees are told when `charge` says so.

    `boundary(name)` is called around everything that crosses the wire; raising in it is a crash there.
    `open` says whether the market is open: while closed, market orders wait, and MARKET_ON_OPEN orders
    trade at `open_market`.
    """

    def __init__(
        self, capabilities: BrokerageCapabilities = CAPABILITIES, cash: Decimal = Decimal(1_000_000)
    ) -> None:
        self.capabilities = capabilities
        self.faults = Faults()
        self.cash = cash
        self.positions: dict[Symbol, tuple[Decimal, Decimal]] = {}
        self.orders: dict[ClientOrderId, VenueOrder] = {}
        self.fills: list[tuple[ClientOrderId, Fill]] = []
        self.prices: dict[Symbol, Decimal] = {}
        self.held: list[Approved] = []
        self.foreign: set[ClientOrderId] = set()  # orders that somebody else made
        self.others: list[VenueOrder] = []  # twins of ours, and orders without a name
        self.open = True
        self.now_ns = 1
        self.boundary: Callable[[str], None] = _nothing
        self.submits: list[ClientOrderId] = []  # every submit that reached the venue, repeated ones too
        self.session: Listener | None = None
        self.sessions = 0

    def accept(self, order: Approved) -> None:
        """Take an order as it arrives; an id that is known makes no second order."""
        self.submits.append(order.client_order_id)
        if order.client_order_id in self.orders:
            return
        made = VenueOrder(order.client_order_id, self._next_number(), order.spec)
        self.orders[order.client_order_id] = made
        refusal = self._refusal(order.spec)
        if refusal is not None:
            made.status = OrderStatus.INVALID
            self._report(made, message=refusal)
            return
        if not self.faults.take("lost_acks"):
            self._report(made)
        self._match(made)

    def cancel(self, client_order_id: ClientOrderId, number: BrokerageOrderId | None = None) -> None:
        """Cancel a working order, by its number where that is given; unknown and closed ones are no news."""
        order = self.orders.get(client_order_id)
        if number is not None:
            every = (*self.orders.values(), *self.others)
            order = next((item for item in every if item.brokerage_order_id == number), None)
        if order is not None and order.status not in CLOSED and not self.faults.take("lost_cancels"):
            order.status = OrderStatus.CANCELED
            self._report(order, message="canceled on request")

    def change(self, change: ApprovedChange) -> None:
        """Change a working order."""
        order = self.orders.get(change.client_order_id)
        if order is not None and order.status not in CLOSED:
            order.spec = change.spec
            order.status = OrderStatus.UPDATE_SUBMITTED
            self._report(order)
            self._match(order)

    def set_price(self, symbol: Symbol, price: Decimal) -> None:
        """Trade at this price; working orders it reaches fill."""
        self.prices[symbol] = price
        for order in list(self.orders.values()):
            if order.spec.symbol is symbol and order.status not in CLOSED:
                self._match(order)

    def open_market(self) -> None:
        """Open the market: what waited for that trades."""
        self.open = True
        for order in list(self.orders.values()):
            if order.status not in CLOSED:
                self._match(order)

    def trade(self, client_order_id: ClientOrderId, quantity: Decimal, price: Decimal) -> Fill:
        """Let an order trade this much, whatever its state; return the fill."""
        order = self.orders[client_order_id]
        foreign = order.spec.symbol if client_order_id in self.foreign else None
        name = ExecutionId(f"X{len(self.fills) + 1}")
        fill = Fill(name, quantity, price, self.now_ns, symbol=foreign)
        self.fills.append((client_order_id, fill))
        self._book(order.spec.symbol, quantity, price)
        order.filled += quantity
        if order.status not in CLOSED:
            done = abs(order.filled) >= abs(order.spec.quantity)
            order.status = OrderStatus.FILLED if done else OrderStatus.PARTIALLY_FILLED
        self.emit(CashChanged(self.now_ns, "USD", self.cash))
        for _ in range(2 if self.faults.repeat_fills else 1):
            self._report(order, fill)
        return fill

    def trade_elsewhere(self, symbol: Symbol, quantity: Decimal, price: Decimal) -> None:
        """Let somebody else trade in this account."""
        name = ClientOrderId(f"manual{len(self.orders) + 1}")
        spec = OrderSpec(OrderId(0), symbol, OrderType.MARKET, quantity, self.now_ns, price)
        self.orders[name] = VenueOrder(name, self._next_number(), spec)
        self.foreign.add(name)
        self.trade(name, quantity, price)

    def deliver_held(self) -> None:
        """Let the orders that were held on their way arrive."""
        held, self.held = self.held, []
        for order in held:
            self.accept(order)

    def disconnect(self) -> None:
        """End the session's events; what happens from now on nobody hears."""
        session, self.session = self.session, None
        if session is not None:
            session.end()

    def emit(self, event: BrokerageEvent) -> None:
        """Send news to the session, if there is one."""
        if self.session is not None:
            self.session.deliver(event)

    def say(self, kind: BrokerageMessageKind, message: str) -> None:
        """Send a message that is about no order."""
        self.emit(BrokerageMessage(self.now_ns, kind, "", message))

    def snapshot(self, session_id: str) -> AccountSnapshot:
        """Return the whole account."""
        records = [order.record() for order in (*self.orders.values(), *self.others)]
        return AccountSnapshot(
            account_id="MEMORY",
            session_id=session_id,
            time_ns=self.now_ns,
            cash={"USD": self.cash},
            positions=tuple(
                PositionRecord(symbol, quantity, price)
                for symbol, (quantity, price) in self.positions.items()
                if quantity
            ),
            open_orders=tuple(record for record in records if record.status not in CLOSED),
            closed_orders=tuple(record for record in records if record.status in CLOSED),
            fills=tuple(self.fills),
        )

    def _refusal(self, spec: OrderSpec) -> str | None:
        if spec.type not in self.capabilities.order_types:
            return f"no {spec.type.name} orders here"
        if not self.capabilities.fractional and spec.quantity != spec.quantity.to_integral_value():
            return f"{spec.quantity} is not a whole number"
        return self.faults.refuse.get(spec.symbol)

    def _match(self, order: VenueOrder) -> None:
        spec, price = order.spec, self.prices.get(order.spec.symbol)
        if not self.open or price is None or self.faults.fills_by_hand:
            return
        buys = spec.quantity > 0
        if spec.type is OrderType.LIMIT and spec.limit_price is not None:
            reached = price <= spec.limit_price if buys else price >= spec.limit_price
        elif spec.type is OrderType.STOP_MARKET and spec.stop_price is not None:
            reached = price >= spec.stop_price if buys else price <= spec.stop_price
        else:
            reached = True
        if not reached:
            return
        left = spec.quantity - order.filled
        part = (left / self.faults.fill_parts).to_integral_value() if self.faults.fill_parts > 1 else left
        for _ in range(self.faults.fill_parts - 1):
            self.trade(order.client_order_id, part, price)
            left -= part
        if left:
            self.trade(order.client_order_id, left, price)

    def _next_number(self) -> BrokerageOrderId:
        return BrokerageOrderId(f"V{len(self.orders) + len(self.others) + 1}")

    def _book(self, symbol: Symbol, quantity: Decimal, price: Decimal) -> None:
        held, average = self.positions.get(symbol, (Decimal(0), Decimal(0)))
        total = held + quantity
        if held == 0 or (held > 0) != (total > 0):
            average = price
        elif (held > 0) == (quantity > 0):
            average = (held * average + quantity * price) / total
        self.cash -= quantity * price
        self.positions[symbol] = (total, average)

    def _report(self, order: VenueOrder, fill: Fill | None = None, message: str = "") -> None:
        report = ExecutionReport(
            order.client_order_id, order.status, self.now_ns, order.brokerage_order_id, fill, message
        )
        self.emit(report)
