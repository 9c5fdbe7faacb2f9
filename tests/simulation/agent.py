"""Stands where the engine is: decides every few seconds, by time and seed, and remembers what it was told.

Like an engine it dies and is started again: then it is told the account, and decides once more what was due
at that instant, as a scheduled event that runs again after a restart. Its decisions carry the key of the
instant; the gateway has to refuse those that an earlier life has taken.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from typing import Final

from livetrader_engine.commands import CancelOrder, SubmitOrder, UpdateOrder
from livetrader_engine.data.corporate_actions import CorporateAction, Split
from livetrader_engine.decisions import SCHEDULE
from livetrader_engine.events import AccountLoaded, OrderEventArrived
from livetrader_engine.orders.order import ExecutionId, OrderChange, OrderId, OrderSpec, OrderType
from livetrader_engine.orders.states import OPEN, OrderStatus
from livetrader_engine.symbols import SecurityType, Symbol, equity_identifier

EVERY_S: Final = 15  # between two decisions
MOST_HELD: Final = 400  # shares of one symbol, either way; then only back
TICKERS: Final = ("SPY", "AAPL", "MSFT")
SYMBOLS: Final = {
    ticker: Symbol.create(equity_identifier(ticker, None), ticker, SecurityType.EQUITY, "usa")
    for ticker in TICKERS
}

KINDS: Final = (OrderType.MARKET, OrderType.MARKET, OrderType.LIMIT, OrderType.LIMIT, OrderType.STOP_MARKET)

Command = SubmitOrder | UpdateOrder | CancelOrder


@dataclass(slots=True)
class Known:
    """What the agent was told of one order."""

    spec: OrderSpec
    status: OrderStatus = OrderStatus.NEW
    filled: Decimal = Decimal(0)


@dataclass(slots=True)
class View:
    """What the agent believes, from what it was told and nothing else."""

    positions: dict[Symbol, Decimal] = field(default_factory=dict)
    orders: dict[int, Known] = field(default_factory=dict)
    fees: dict[ExecutionId, Decimal] = field(default_factory=dict)  # of trades that it was told of
    told: int = 0
    splits: list[Split] = field(default_factory=list)

    def hear(self, event: OrderEventArrived | AccountLoaded) -> None:
        """Take in one event, as the engine does."""
        self.told += 1
        if isinstance(event, AccountLoaded):
            self.positions = {held.symbol: held.quantity for held in event.positions if held.quantity}
            mine = {
                record.spec.id: Known(record.spec, record.status, record.filled_quantity)
                for record in event.open_orders
            }
            closed = {number: known for number, known in self.orders.items() if number not in mine}
            for gone in closed.values():
                gone.status = OrderStatus.NONE if gone.status in OPEN else gone.status
            self.orders = closed | mine
            return
        known = self.orders.get(event.order_id)
        traded = Decimal(0) if event.fill is None else event.fill.quantity
        if event.replaces is not None:
            traded -= event.replaces.quantity
        if event.fill is not None:
            self.fees[event.fill.execution_id] = event.fill.fee
        if event.fee is not None and event.fee.execution_id in self.fees:
            self.fees[event.fee.execution_id] += event.fee.amount
        symbol = event.symbol
        if known is not None:
            symbol = known.spec.symbol
            known.filled += traded
            if not event.quiet:
                known.status = event.status
        if symbol is not None and traded:
            total = self.positions.get(symbol, Decimal(0)) + traded
            if total:
                self.positions[symbol] = total
            else:
                self.positions.pop(symbol, None)

    def act(self, action: CorporateAction) -> None:
        """Take in a corporate action, as the engine does: a split says what is held after it."""
        self.told += 1
        if isinstance(action, Split) and action.held is not None:
            self.splits.append(action)
            if action.held:
                self.positions[action.symbol] = action.held
            else:
                self.positions.pop(action.symbol, None)

    def open_orders(self) -> list[Known]:
        """Return the orders that work, as far as it knows, oldest first."""
        return [
            known
            for known in self.orders.values()
            if known.status in OPEN and known.status is not OrderStatus.NONE
        ]


@dataclass(frozen=True, slots=True)
class AgentPorts:
    """What an agent works with; `prices` are the venue's newest, `session` says whether it may trade.

    `strategy` decides what to do at an instant, by calling the agent's own methods.
    """

    strategy: Callable[[Agent, int], None]
    now_ns: Callable[[], int]
    sleep: Callable[[float], Awaitable[None]]
    prices: Mapping[str, Decimal]
    session: Callable[[], bool]
    carry_out: Callable[[Command], Awaitable[None]]


class Agent:
    """One life of the engine. Owned by the daemon it belongs to."""

    def __init__(self, ports: AgentPorts, account: AccountLoaded) -> None:
        self.view = View()
        self.view.hear(account)
        self._ports = ports
        self._next_id = account.next_order_id
        self._commands: deque[Command] = deque()
        self._arrived = asyncio.Event()
        self._instant_ns = 0
        self._counts: Counter[str] = Counter()  # of orders by ticker, as engines name their decisions

    def hear(self, event: OrderEventArrived | AccountLoaded) -> None:
        """Take in one event; never waits."""
        self.view.hear(event)

    async def run(self) -> None:
        """Decide, and have it carried out, for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._decide(), name="agent decides")
            group.create_task(self._carry_out(), name="agent commands")

    async def _carry_out(self) -> None:
        while True:
            while self._commands:
                await self._ports.carry_out(self._commands.popleft())
            self._arrived.clear()
            await self._arrived.wait()

    async def _decide(self) -> None:
        """Decide at each instant of the grid, the one that is running included."""
        every_ns = EVERY_S * 1_000_000_000
        instant = self._ports.now_ns() // every_ns
        while True:
            wait_s = (instant * every_ns - self._ports.now_ns()) / 1e9
            if wait_s > 0:
                await self._ports.sleep(wait_s)
            if self._ports.session():
                self.step(instant * every_ns)
            instant += 1

    def step(self, instant_ns: int) -> None:
        """Decide what is due at one instant."""
        self._instant_ns = instant_ns
        self._counts.clear()
        self._ports.strategy(self, instant_ns)

    # -- what a strategy may do ---------------------------------------------------------------------

    def order(self, ticker: str, quantity: int, kind: OrderType, away: Decimal = Decimal(0)) -> None:
        """Ask for an order; `away` is how much better than the market its price is."""
        self._counts[ticker] += 1
        symbol, price = SYMBOLS[ticker], self._ports.prices[ticker]
        better = -away if quantity > 0 else away
        spec = OrderSpec(
            id=OrderId(self._next_id),
            symbol=symbol,
            type=kind,
            quantity=Decimal(quantity),
            created_ns=self._instant_ns,
            reference_price=price,
            limit_price=price + better if kind is OrderType.LIMIT else None,
            stop_price=price - better if kind is OrderType.STOP_MARKET else None,
            decision=f"{self._instant_ns}:{SCHEDULE}:{self._counts[ticker]}",
        )
        self._next_id += 1
        self.view.orders[spec.id] = Known(spec)
        self._put(SubmitOrder(spec))

    def held(self, ticker: str) -> Decimal:
        """Return what it believes to hold."""
        return self.view.positions.get(SYMBOLS[ticker], Decimal(0))

    def cancel(self, known: Known) -> None:
        """Ask for a cancel."""
        self._put(CancelOrder(known.spec.id))

    def change(self, known: Known, away: Decimal) -> None:
        """Ask for another limit."""
        better = -away if known.spec.quantity > 0 else away
        price = self._ports.prices[known.spec.symbol.value] + better
        self._put(UpdateOrder(known.spec.id, OrderChange(limit_price=price)))

    def _put(self, command: Command) -> None:
        self._commands.append(command)
        self._arrived.set()


def by_chance(seed: int) -> Callable[[Agent, int], None]:
    """Return a strategy that is a function of seed and instant: the same again after a restart."""

    def decide(agent: Agent, instant_ns: int) -> None:
        chance = Random(f"{seed}/{instant_ns}")
        what = chance.random()
        working = agent.view.open_orders()
        limits = [known for known in working if known.spec.limit_price is not None]
        if what < 0.70:
            for _ in range(chance.choice((1, 1, 1, 2))):
                _order_by_chance(agent, chance)
        elif what < 0.84 and working:
            agent.cancel(chance.choice(working))
        elif what < 0.92 and limits:
            agent.change(chance.choice(limits), Decimal(chance.randint(-50, 50)) / 100)

    return decide


def _order_by_chance(agent: Agent, chance: Random) -> None:
    ticker = chance.choice(TICKERS)
    quantity = chance.randint(1, 60) * chance.choice((1, -1))
    held = agent.held(ticker)
    if abs(held) > MOST_HELD and held * quantity > 0:
        quantity = -quantity
    kind = chance.choice(KINDS)
    agent.order(ticker, quantity, kind, Decimal(chance.choice((0, 1, 5, 40, 200))) / 100)
