"""What must hold, whatever happens: checked as it happens, and when all has come to rest.

    I1   one order at the venue for each intent; an unknown one is never sent again
    I2   no order, change or cancel on the wire before its record is durable
    I3   every order of ours at the venue has a record
    I4   every trade counts once, at its newest revision
    I5   journal + what others traded = the venue's positions
    I6   an order is over for us only when it is over there; what is unknown blocks its symbol and side
    I8   a decision is taken at most once, over all lives of the engine
    I9   while the kill switch is latched nothing is sent that could add to a position; it is never forgotten
    I10  nothing is sent while halted or not reconciled
    and, at rest: no outcome is unknown, nobody is halted without a reason, the engine knows what the journal
    knows, and no part of the daemon has failed.

The venue's own books are the truth; nothing here asks the code under test whether it did well.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from livetrader.gateway.killstages import KillStage
from livetrader.journal.records import Verdict
from livetrader.journal.replay import JournalState
from livetrader_engine.orders.order import ClientOrderId, ExecutionId
from livetrader_engine.orders.states import OrderStatus
from livetrader_venues.tws.exchange import Exchange
from livetrader_venues.tws.requests import Request
from livetrader_venues.tws.switchboard import Session
from livetrader_venues.tws.tape import Execution

OURS: Final = "LT"
KILLS: Final = "LK"
RACE_S: Final = 15.0  # before a kill order arrives, in which trades of others may have outdated its snapshot


@dataclass(frozen=True, slots=True)
class Violation:
    """Something that must never be. `time_s` is virtual."""

    time_s: float
    name: str
    words: str

    def __str__(self) -> str:
        return f"{self.time_s:10.3f} s  {self.name}: {self.words}"


class Durable:
    """What is durable in the journal, row by row as commits return. Owned by the world, for all lives."""

    def __init__(self) -> None:
        self.intents: set[str] = set()  # client order ids
        self.killed = False  # a kill is in force: tripped, and neither flat nor resumed by name
        self.kinds: Counter[str] = Counter()
        self.by_order: dict[str, Counter[str]] = defaultdict(Counter)

    def wrote(self, kind: str, client_order_id: str | None, body: str) -> None:
        """Take in one durable row."""
        self.kinds[kind] += 1
        if kind == "kill_stage":
            stage = json.loads(body)["stage"]
            self.killed = stage not in (KillStage.ARMED, KillStage.FLAT)
        if client_order_id is not None:
            self.by_order[client_order_id][kind] += 1
            if kind == "order_resolved" and json.loads(body)["verdict"] == Verdict.DUPLICATE:
                self.by_order[client_order_id]["cancel_intended"] += 1  # the verdict says what is cancelled
        if kind == "order_intended" and client_order_id is not None:
            self.intents.add(client_order_id)

    def count(self, client_order_id: str, kind: str) -> int:
        """Return how many records of a kind there are about an order."""
        return self.by_order[client_order_id][kind]


@dataclass(slots=True)
class Wire:
    """What was asked of the venue about one order reference."""

    placed: set[tuple[int, int]]
    sent: int = 0


class Watch:
    """Sees every request that reaches the venue and every trade there. Owned by the world."""

    def __init__(
        self,
        durable: Durable,
        exchange: Exchange,
        now_s: Callable[[], float],
        twins: Collection[tuple[int, int]] = (),
    ) -> None:
        self.violations: list[Violation] = []
        self.killed = False  # ever: a kill cancels as well as the journal can, and waits for no disk
        self.twinned: set[str] = set()  # references of which the venue made a second order
        self._durable = durable
        self._exchange = exchange
        self._now_s = now_s
        self._over: set[str] = set()  # references that the engine was told are over
        self._twins = twins  # orders that the venue made of ours
        self._wires: dict[str, Wire] = {}
        self._numbers: dict[tuple[int, int], str] = {}
        self._held: dict[str, Decimal] = defaultdict(Decimal)
        self._trades: dict[str, Execution] = {}  # by trade, at the newest revision; the venue forgets
        self._shown: list[Request] = []  # orders seen; the peer shows a delayed one twice
        self._raced_s: dict[str, float] = {}  # symbol -> when somebody else than a kill traded it last
        self._killed_s: dict[str, float] = {}  # kill order -> when it arrived

    @property
    def orders(self) -> int:
        """Orders of ours that reached the venue."""
        return len(self._wires)

    @property
    def trades(self) -> int:
        """Trades there, of whomever."""
        return len(self._trades)

    def violated(self, name: str, words: str) -> None:
        """Note a violation."""
        self.violations.append(Violation(self._now_s(), name, words))

    # -- on the wire --------------------------------------------------------------------------------

    def saw(self, session: Session, request: Request) -> None:
        """Look at a request that arrived."""
        if session.client_id is None or any(request is shown for shown in self._shown[-20:]):
            return
        if request.name == "placeOrder" and not request.values.flag("whatIf"):
            self._shown.append(request)
            number = (session.client_id, request.values.whole("orderId"))
            self._placed(number, request.values.text("orderRef"))
        elif request.name == "cancelOrder":
            self._cancelled((session.client_id, request.values.whole("orderId")))

    def _placed(self, number: tuple[int, int], reference: str) -> None:
        if not reference.startswith((OURS, KILLS)):
            self.violated("I3 unnamed", f"an order without our reference was sent as {number}: {reference!r}")
            return
        owner = self._numbers.setdefault(number, reference)
        if owner != reference:
            self.violated("I1 number reused", f"{number} was {owner} and is now {reference}")
        wire = self._wires.setdefault(reference, Wire(set()))
        if number not in self._twins:
            wire.placed.add(number)
        wire.sent += 1
        if len(wire.placed) > 1:
            self.violated("I1 duplicate order", f"{reference} was sent as {sorted(wire.placed)}")
        if reference.startswith(KILLS):
            self._killed_s.setdefault(reference, self._now_s())
            return
        if reference not in self._durable.intents:
            self.violated("I2 order before record", f"{reference} reached the venue and no record is durable")
        elif wire.sent > 1 + self._durable.count(reference, "change_intended"):
            self.violated("I1 sent again", f"{reference} was sent {wire.sent} times")

    def leaves(self, reference: str) -> None:
        """Look at an order of the algorithm at the moment in which the gateway hands it to the plugin."""
        if self._durable.killed:
            self.violated("I9 sent under a kill", f"{reference} left while a kill was in force")

    def closed_here(self, reference: str) -> None:
        """Look at an order that the engine is told is over."""
        self._over.add(reference)
        working = [
            order
            for order in self._exchange.open_orders()
            if order.terms.order_ref == reference and (order.client_id, order.order_id) not in self._twins
        ]
        if working and reference not in self.twinned:
            self.violated("I6 closed without proof", f"{reference} is over here and works at the venue")

    def _cancelled(self, number: tuple[int, int]) -> None:
        reference = self._numbers.get(number, "")
        if (
            reference.startswith(OURS)
            and not self.killed
            and not self._durable.count(reference, "cancel_intended")
        ):
            self.violated("I2 cancel before record", f"{reference} was cancelled and no record is durable")

    # -- at the exchange ----------------------------------------------------------------------------

    def traded(self, done: Execution) -> None:
        """Look at a trade: an order of the kill switch never adds to a position, unless others raced it."""
        symbol = done.contract.symbol
        before = self._held[symbol]
        known = self._trades.get(done.trade_id)
        after = before + done.signed - (known.signed if known is not None else 0)
        is_new = known is None
        self._held[symbol], self._trades[done.trade_id] = after, done
        if is_new and done.order_ref in self._over and done.order_ref not in self.twinned:
            self.violated("I6 traded after its end", f"{done.order_ref} trades at the venue and is over here")
        if not done.order_ref.startswith(KILLS) or not is_new:
            self._raced_s[symbol] = self._now_s()
            return
        quiet_s = self._killed_s.get(done.order_ref, self._now_s()) - RACE_S
        if self._raced_s.get(symbol, quiet_s - 1) < quiet_s and (
            abs(after) > abs(before) or after * before < 0
        ):
            self.violated("I9 kill adds risk", f"{done.order_ref} moved {symbol} from {before} to {after}")

    def moved(self, symbol: str, quantity: Decimal) -> None:
        """Take note that the venue changed a position without a trade."""
        self._held[symbol] += quantity

    # -- at rest ------------------------------------------------------------------------------------

    def at_rest(self, state: JournalState, view: Mapping[str, Decimal] | None) -> None:
        """Compare journal and venue when everything has had its time."""
        trades = list(self._trades.values())
        self.no_twins()
        self._orders_known(state)
        self._trades_counted(state, trades)
        self._positions(state, trades, view)
        self._decisions(state)
        for order in state.open.values():
            if order.unknown:
                self.violated("unknown at rest", f"{order.client_order_id} is still unknown")

    def fresh(self, state: JournalState) -> None:
        """Check that a reconnect has brought every trade: nobody may wait for the periodic look."""
        late = [
            done.exec_id
            for done in self._trades.values()
            if (order := state.orders.get(ClientOrderId(done.order_ref))) is not None
            and ExecutionId(done.trade_id) not in order.executions
        ]
        if late:
            self.violated("I5 not reconciled", f"trades unknown after a reconnect: {', '.join(late[:5])}")

    def no_twins(self) -> None:
        """Check that of two orders under one reference one was cancelled."""
        working = Counter(order.terms.order_ref for order in self._exchange.open_orders())
        twice = [name for name, count in working.items() if count > 1 and name.startswith((OURS, KILLS))]
        if twice:
            self.violated("duplicates live", f"two orders work under each of {', '.join(twice)}")

    def fees_told(self, told: Mapping[ExecutionId, Decimal]) -> None:
        """Check what the engine was told that trades cost: nothing yet, or what they cost."""
        for name, amount in told.items():
            done = self._trades.get(name)
            if done is not None and amount not in (0, done.commission):
                self.violated("fee miscounted", f"{name} cost {done.commission}, the engine heard {amount}")

    def _orders_known(self, state: JournalState) -> None:
        open_there: Counter[str] = Counter()
        for reference in self._wires:
            if reference.startswith(OURS) and reference not in state.orders:
                self.violated("I3 orphan", f"{reference} reached the venue and is not in the journal")
        for order in self._exchange.open_orders():
            if order.terms.order_ref.startswith((OURS, KILLS)):
                open_there[order.terms.order_ref] += 1
        open_here = {str(name) for name in state.open}
        if open_here != set(open_there):
            self.violated(
                "open orders differ",
                f"only in the journal: {sorted(open_here - set(open_there))}, "
                f"only at the venue: {sorted(set(open_there) - open_here)}",
            )

    def _trades_counted(self, state: JournalState, trades: Iterable[Execution]) -> None:
        filled: dict[str, Decimal] = defaultdict(Decimal)
        for done in trades:
            filled[done.order_ref] += done.signed
        for client_id, order in state.orders.items():
            there = filled.get(str(client_id), Decimal(0))
            if order.filled != there:
                self.violated(
                    "I4 trades miscounted",
                    f"{client_id} filled {order.filled} in the journal and {there} there",
                )

    def _positions(
        self, state: JournalState, trades: Iterable[Execution], view: Mapping[str, Decimal] | None
    ) -> None:
        ours = {symbol.value: held.quantity for symbol, held in state.positions.items() if held.quantity}
        theirs = {
            held.contract.symbol: held.quantity
            for account in self._exchange.accounts.values()
            for held in account.held()
            if held.quantity
        }
        if ours != theirs:
            self.violated("I5 positions differ", f"journal {_show(ours)}, venue {_show(theirs)}")
        if view is not None and dict(view) != ours:
            self.violated("engine differs", f"engine {_show(view)}, journal {_show(ours)}")
        foreign: dict[str, Decimal] = defaultdict(Decimal)
        for done in trades:
            if done.order_ref not in state.orders:
                foreign[done.contract.symbol] += done.signed
        booked: dict[str, Decimal] = defaultdict(Decimal)
        for adjusted in state.adjustments.values():
            booked[adjusted.symbol.value] += adjusted.quantity
        for ticker in sorted({*foreign, *booked}):
            if foreign[ticker] != booked[ticker]:
                self.violated(
                    "I5 foreign miscounted",
                    f"others traded {foreign[ticker]} {ticker}, {booked[ticker]} is booked as not ours",
                )

    def _decisions(self, state: JournalState) -> None:
        taken: dict[tuple[str, str], list[str]] = defaultdict(list)
        for client_id, order in state.orders.items():
            refused = order.status is OrderStatus.INVALID and not order.filled  # nothing came of it
            if str(client_id) in self._wires and order.spec.decision and not refused:
                taken[order.spec.symbol.value, order.spec.decision].append(str(client_id))
        for decision, references in taken.items():
            if len(references) > 1:
                self.violated("I8 decided twice", f"{decision} was sent as {', '.join(references)}")


def _show(positions: Mapping[str, Decimal]) -> str:
    return "{" + ", ".join(f"{ticker} {quantity}" for ticker, quantity in sorted(positions.items())) + "}"
