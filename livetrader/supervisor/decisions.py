"""What the algorithm wanted lately, and what became of it: one record for each order it decided on.

    wanted ──► sent               it is an order; its status is the journal's
           ├─► stopped by a gate  the limits', named by its code, or `engine`: LEAN's own checks
           ├─► refused            by the brokerage
           └─► waiting            for the end of a maintenance

Everything here is read off what passes by anyway: the engine's commands, the journal's records, the news of
orders. Nothing is decided, and nothing is needed to trade.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from livetrader.control.decision_views import DecisionOutcome, DecisionTaken, DecisionView
from livetrader.journal.records import OrderDenied, OrderIntended, OrderResolved, Record, Verdict
from livetrader.supervisor.parts import Parts
from livetrader_engine.commands import NoteOrderEvent, SubmitOrder
from livetrader_engine.orders.order import ClientOrderId, OrderId, OrderSpec
from livetrader_engine.orders.states import OrderStatus

DECISIONS_KEPT: Final = 1_000  # about 1 MB; the journal keeps all that was denied or sent
GATES_COUNTED: Final = 100  # names; the codes of the limits are fewer
WORDS_LENGTH: Final = 500  # characters of a message or tag: an algorithm may write anything
ENGINE_GATE: Final = "engine"
BROKERAGE_GATE: Final = "brokerage"
OVERTAKEN_GATE: Final = "overtaken"  # by a halt, a lost session or a doubt, while it was written down


@dataclass(slots=True)
class Decision:
    """One order that was wanted. Owned by DecisionBook."""

    sequence: int
    time_ns: int
    wall_ns: int
    spec: OrderSpec
    outcome: DecisionOutcome = DecisionOutcome.WAITING
    gate: str = ""
    message: str = ""
    client_order_id: ClientOrderId | None = None

    def view(self, status: str) -> DecisionView:
        """Return it for operators; `status` is the order's newest."""
        spec = self.spec
        return DecisionView(
            sequence=self.sequence,
            time_ns=self.time_ns,
            wall_ns=self.wall_ns,
            order_id=spec.id,
            symbol=spec.symbol.text,
            ticker=spec.symbol.value,
            type=spec.type.name.lower(),
            quantity=str(spec.quantity)[:WORDS_LENGTH],
            reference_price="" if spec.reference_price is None else str(spec.reference_price)[:WORDS_LENGTH],
            outcome=self.outcome,
            gate=self.gate,
            message=self.message[:WORDS_LENGTH],
            status=status,
            tag=spec.tag[:WORDS_LENGTH],
        )


class DecisionBook:
    """Owns the newest decisions. Belongs to the loop's thread.

    `status` tells an order's newest status, `changed` hears of each decision that is new or went on.
    """

    def __init__(
        self,
        now_ns: Callable[[], int],
        wall_ns: Callable[[], int],
        status: Callable[[ClientOrderId], str],
        changed: Callable[[DecisionView], None],
    ) -> None:
        self._now_ns = now_ns
        self._wall_ns = wall_ns
        self._status = status
        self._changed = changed
        self._kept: deque[Decision] = deque(maxlen=DECISIONS_KEPT)
        self.total = 0
        self.stopped: Counter[str] = Counter()

    @property
    def newest(self) -> Decision | None:
        """The newest decision, None where there was none."""
        return self._kept[-1] if self._kept else None

    def wanted(self, command: SubmitOrder) -> None:
        """Take an order that the algorithm wants, before anybody judged it."""
        self._tell(self._begin(command.spec))

    def recorded(self, record: Record) -> None:
        """Take a record of the journal that says how an order went on; others are nothing to us."""
        match record:
            case OrderIntended():
                decision = self._of(record.spec.id)
                if decision is not None:
                    decision.client_order_id = record.client_order_id
                    self._settle(decision, DecisionOutcome.SENT)
            case OrderDenied():
                decision = self._of(record.spec.id) or self._begin(record.spec)
                self._settle(decision, DecisionOutcome.STOPPED, record.reason, record.message)
            case OrderResolved(verdict=Verdict.REFUSED | Verdict.NOT_SENT):
                self._resolved(record)

    def noted(self, news: NoteOrderEvent) -> None:
        """Take news of an order as the engine has it: what LEAN's own checks stopped never came to us."""
        if news.status is not OrderStatus.INVALID:
            return
        decision = self._of(news.spec.id)
        if decision is None or decision.gate == ENGINE_GATE:
            decision = self._begin(news.spec)
        elif decision.outcome is not DecisionOutcome.WAITING:
            return  # the echo of what we have told the engine
        self._settle(decision, DecisionOutcome.STOPPED, ENGINE_GATE, news.message)

    def views(self, after: int, limit: int, gate: str = "") -> tuple[DecisionView, ...]:
        """Return at most `limit` decisions with a sequence above `after`, newest first; of a gate, or all."""
        found: list[DecisionView] = []
        for decision in self._newest_first():
            if decision.sequence <= after or len(found) >= limit:
                break
            if not gate or decision.gate == gate:
                found.append(self._view(decision))
        return tuple(found)

    def _resolved(self, record: OrderResolved) -> None:
        decision = next(
            (it for it in self._newest_first() if it.client_order_id == record.client_order_id), None
        )
        if decision is None:
            return
        refused = record.verdict is Verdict.REFUSED
        outcome = DecisionOutcome.REFUSED if refused else DecisionOutcome.STOPPED
        self._settle(decision, outcome, BROKERAGE_GATE if refused else OVERTAKEN_GATE, record.message)

    def _begin(self, spec: OrderSpec) -> Decision:
        self.total += 1
        decision = Decision(self.total, self._now_ns(), self._wall_ns(), spec)
        self._kept.append(decision)
        return decision

    def _settle(
        self, decision: Decision, outcome: DecisionOutcome, gate: str = "", message: str = ""
    ) -> None:
        decision.outcome, decision.gate, decision.message = outcome, gate, message
        if gate and (gate in self.stopped or len(self.stopped) < GATES_COUNTED):
            self.stopped[gate] += 1
        self._tell(decision)

    def _tell(self, decision: Decision) -> None:
        self._changed(self._view(decision))

    def _view(self, decision: Decision) -> DecisionView:
        client_id = decision.client_order_id
        return decision.view("" if client_id is None else self._status(client_id))

    def _of(self, order_id: OrderId) -> Decision | None:
        """Return the newest decision with this number: an engine that begins anew may use one again."""
        return next((it for it in self._newest_first() if it.spec.id == order_id), None)

    def _newest_first(self) -> Iterator[Decision]:
        return reversed(self._kept)


def follow_decisions(parts: Parts) -> DecisionBook:
    """Return the book of this daemon's decisions; it sees every record of the journal from now on."""
    ledger, hub = parts.gateway.ledger, parts.hub

    def status(client_order_id: ClientOrderId) -> str:
        order = ledger.state.orders.get(client_order_id)
        return "" if order is None else order.status.name.lower()

    def changed(decision: DecisionView) -> None:
        if hub.readers:
            hub.publish(DecisionTaken(decision))

    book = DecisionBook(lambda: parts.clock.now_ns, parts.timing.wall_ns, status, changed)
    ledger.observers.append(book.recorded)
    return book
