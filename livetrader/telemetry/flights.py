"""The way of each order, timed: tick, decision, limits and journal, sent, the venue's first word, trades.

    tick ──► decided ──► arrived ──► intended ──► sent ──► acknowledged ──► fill … fill ──► closed
      decide     deliver      check        send    acknowledge        fill

`tick` is the supervisor's instant of the market event that the engine was in when it decided, `decided` is
what the engine process says (both read the machine's one monotonic clock), the rest is seen here. `intended`
is durable. A venue that answers before the plugin has returned had the order when it was handed over. Its
first word counts as the acknowledgement, a trade also. An order of a scheduled event has no tick.

Nothing here decides anything, and nothing here is needed to trade.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from livetrader.journal.records import (
    CancelIntended,
    ChangeIntended,
    ChangeRefused,
    OrderDenied,
    OrderIntended,
    OrderResolved,
    OrderSent,
    Record,
    ReportReceived,
    Verdict,
)
from livetrader.journal.replay import OrderState
from livetrader.telemetry import traces
from livetrader.telemetry.metrics import Metrics
from livetrader.telemetry.order_spans import Clocks, Moment, OrderSpans, described
from livetrader.telemetry.traces import Attribute, Spans
from livetrader_engine.commands import SubmitOrder
from livetrader_engine.orders.order import ClientOrderId, OrderId
from livetrader_engine.orders.states import OrderStatus

FLIGHTS_LIMIT: Final = 10_000  # orders under way or working; beyond it the oldest is timed no more: 10 MB
TICKS_KEPT: Final = 4_096  # steps by which an engine may lag and its orders still know their tick
EVENTS_KEPT: Final = 100  # of one order's trace; an order that is changed for ever must not fill the memory
FILLS_SHOWN: Final = 100  # spans of trades of one order; all of them count in the metrics
DETAIL_LENGTH: Final = 500  # characters of a venue's words in a trace


@dataclass(frozen=True, slots=True)
class Decision:
    """When an order was decided on, in monotonic seconds; `tick_s` None where no market event led to it."""

    tick_s: float | None
    decided_s: float | None
    arrived_s: float


@dataclass(slots=True)
class Flight:
    """What is known of one order's way, in monotonic seconds. Owned by Flights."""

    client_order_id: ClientOrderId
    began_s: float
    decision: Decision | None = None
    intended_s: float | None = None
    sent_s: float | None = None
    acknowledged_s: float | None = None
    fills: int = 0
    resumed: bool = False  # of a daemon before this one
    events: list[Moment] = field(default_factory=list)

    def note(self, now_s: float, name: str, detail: str = "") -> None:
        """Remember an event for the trace."""
        if len(self.events) < EVENTS_KEPT:
            self.events.append(Moment(now_s, name, detail[:DETAIL_LENGTH]))


class Flights:
    """Times every order of the daemon. Belongs to the loop's thread; owns the flights.

    `order_of` is the journal's order of a client order id, `spans` where traces go (None: nowhere), `ratio`
    the share of orders that is traced.
    """

    def __init__(
        self,
        metrics: Metrics,
        clocks: Clocks,
        order_of: Callable[[ClientOrderId], OrderState | None],
        spans: Spans | None = None,
        ratio: float = 1.0,
    ) -> None:
        self._metrics = metrics
        self._clocks = clocks
        self._order_of = order_of
        self._spans = OrderSpans(clocks, spans, ratio)
        self._sequences = [0] * TICKS_KEPT  # by sequence % TICKS_KEPT
        self._ticks_s = [0.0] * TICKS_KEPT
        self._decisions: OrderedDict[OrderId, Decision] = OrderedDict()
        self._flights: OrderedDict[ClientOrderId, Flight] = OrderedDict()

    def __len__(self) -> int:
        return len(self._flights)

    # -- what is told --------------------------------------------------------------------------------

    def tick(self, sequence: int) -> None:
        """Note that the market event that will be step `sequence` has come in just now."""
        slot = sequence % TICKS_KEPT
        self._sequences[slot] = sequence
        self._ticks_s[slot] = self._clocks.monotonic_s()

    def decided(self, command: SubmitOrder) -> None:
        """Note that an order has come from the engine; what it says of its time is believed where it can."""
        now_s = self._clocks.monotonic_s()
        slot, tick_s = command.sequence % TICKS_KEPT, None
        if command.sequence > 0 and self._sequences[slot] == command.sequence:
            tick_s = self._ticks_s[slot]
        decided_s = command.decided_s
        if decided_s is not None and not (tick_s or 0.0) <= decided_s <= now_s:
            decided_s = None
        self._decisions[command.spec.id] = Decision(tick_s, decided_s, now_s)
        if len(self._decisions) > FLIGHTS_LIMIT:
            self._decisions.popitem(last=False)

    def applied(self, record: Record) -> None:
        """See a record that the gateway's state has taken in."""
        match record:
            case OrderIntended():
                self._intended(record)
            case OrderDenied():
                self._denied(record)
            case OrderSent():
                self._sent(record.client_order_id)
            case ReportReceived():
                self._reported(record)
            case OrderResolved():
                self._resolved(record)
            case CancelIntended():
                self._noted(record.client_order_id, "cancel intended", record.why)
            case ChangeIntended():
                self._noted(record.client_order_id, "change intended", record.why)
            case ChangeRefused():
                self._noted(record.client_order_id, "change refused", record.message)
            case _:
                pass  # says nothing of the way of an order

    # -- the stages ----------------------------------------------------------------------------------

    def _intended(self, record: OrderIntended) -> None:
        now_s = self._clocks.monotonic_s()
        decision = self._decisions.pop(record.spec.id, None)
        flight = Flight(record.client_order_id, now_s, decision, intended_s=now_s)
        if decision is not None:
            flight.began_s = next(
                moment
                for moment in (decision.tick_s, decision.decided_s, decision.arrived_s)
                if moment is not None
            )
            if decision.tick_s is not None and decision.decided_s is not None:
                self._metrics.tick_to_decision.observe(
                    decision.decided_s - decision.tick_s, traces.exemplar(record.client_order_id)
                )
                self._spans.leg(flight.client_order_id, "decide", decision.tick_s, decision.decided_s)
            if decision.decided_s is not None:
                self._spans.leg(flight.client_order_id, "deliver", decision.decided_s, decision.arrived_s)
            self._spans.leg(flight.client_order_id, "check", decision.arrived_s, now_s)
        self._keep(flight)

    def _denied(self, record: OrderDenied) -> None:
        """Show an order that the limits held back. Without a client order id, its trace has its own seed."""
        decision = self._decisions.pop(record.spec.id, None)
        seed = f"denied {record.spec.id} {record.time_ns}"
        now_s = self._clocks.monotonic_s()
        flight = Flight(ClientOrderId(seed), now_s if decision is None else decision.arrived_s, decision)
        flight.note(now_s, "denied", record.message)
        attributes = described(record.spec) | {"livetrader.denied": str(record.reason)}
        self._spans.whole(
            flight.client_order_id,
            flight.began_s,
            now_s,
            attributes,
            flight.events,
            f"{record.reason}: {record.message}",
        )

    def _sent(self, client_order_id: ClientOrderId) -> None:
        self._metrics.orders_sent.inc(exemplar=traces.exemplar(client_order_id))
        flight = self._flights.get(client_order_id)
        if flight is not None and flight.sent_s is None:
            self._left(flight, self._clocks.monotonic_s())

    def _left(self, flight: Flight, sent_s: float) -> None:
        flight.sent_s = sent_s
        decision = flight.decision
        if decision is not None:
            decided_s = decision.arrived_s if decision.decided_s is None else decision.decided_s
            self._metrics.decision_to_sent.observe(
                max(0.0, sent_s - decided_s), traces.exemplar(flight.client_order_id)
            )
        if flight.intended_s is not None:
            self._spans.leg(flight.client_order_id, "send", flight.intended_s, sent_s)

    def _reported(self, record: ReportReceived) -> None:
        report = record.report
        order = self._order_of(report.client_order_id)
        if order is None:
            return  # somebody else's
        now_s = self._clocks.monotonic_s()
        labels = traces.exemplar(order.client_order_id)
        flight = self._known(order, now_s)
        words = f"{report.status.name.lower()} {report.message}".rstrip()
        flight.note(now_s, "recovered report" if record.recovered else "report", words)
        if flight.acknowledged_s is None:
            self._acknowledged(flight, now_s, timed=not record.recovered and not flight.resumed)
        if report.status is OrderStatus.INVALID and report.fill is None:
            self._metrics.orders_rejected.labels("venue").inc(exemplar=labels)
        if report.fill is not None:
            self._metrics.fills.inc(exemplar=labels)
            self._filled(flight, report.fill.quantity, report.fill.price, now_s, timed=not record.recovered)
        self._settle(flight, order, now_s)

    def _acknowledged(self, flight: Flight, now_s: float, *, timed: bool) -> None:
        if flight.sent_s is None and flight.intended_s is not None:
            self._left(flight, flight.intended_s)  # the venue was faster than the call
        flight.acknowledged_s = now_s
        if timed and flight.sent_s is not None:
            self._metrics.sent_to_acknowledged.observe(
                now_s - flight.sent_s, traces.exemplar(flight.client_order_id)
            )
            self._spans.leg(flight.client_order_id, "acknowledge", flight.sent_s, now_s)

    def _filled(self, flight: Flight, quantity: object, price: object, now_s: float, *, timed: bool) -> None:
        flight.fills += 1
        begun_s = flight.acknowledged_s
        if begun_s is None:
            return
        if flight.fills == 1 and timed and not flight.resumed:
            self._metrics.acknowledged_to_fill.observe(
                now_s - begun_s, traces.exemplar(flight.client_order_id)
            )
        if flight.fills <= FILLS_SHOWN:
            told: dict[str, Attribute] = {"fill.quantity": str(quantity), "fill.price": str(price)}
            self._spans.leg(flight.client_order_id, "fill", begun_s, now_s, told, number=flight.fills)

    def _resolved(self, record: OrderResolved) -> None:
        order = self._order_of(record.client_order_id)
        if order is None:
            return
        now_s = self._clocks.monotonic_s()
        if record.verdict is Verdict.REFUSED:
            self._metrics.orders_rejected.labels("send").inc(exemplar=traces.exemplar(order.client_order_id))
        flight = self._known(order, now_s)
        flight.note(now_s, str(record.verdict), record.message)
        self._settle(flight, order, now_s)

    def _noted(self, client_order_id: ClientOrderId, name: str, detail: str) -> None:
        flight = self._flights.get(client_order_id)
        if flight is not None:
            flight.note(self._clocks.monotonic_s(), name, detail)

    # -- inside --------------------------------------------------------------------------------------

    def _known(self, order: OrderState, now_s: float) -> Flight:
        """Return the order's flight; one of a daemon before this, or of the kill switch, begins here."""
        flight = self._flights.get(order.client_order_id)
        if flight is None:
            flight = Flight(order.client_order_id, now_s, resumed=order.kill_id is None)
            self._keep(flight)
        return flight

    def _keep(self, flight: Flight) -> None:
        self._flights[flight.client_order_id] = flight
        if len(self._flights) > FLIGHTS_LIMIT:
            self._flights.popitem(last=False)

    def _settle(self, flight: Flight, order: OrderState, now_s: float) -> None:
        """End the flight of an order that is closed, with the span of its whole way."""
        if order.is_open:
            return
        self._flights.pop(flight.client_order_id, None)
        attributes = described(order.spec) | {
            "livetrader.order.status": order.status.name.lower(),
            "livetrader.order.filled": str(order.filled),
            "livetrader.order.client_id": order.client_order_id,
            "livetrader.order.brokerage_id": order.brokerage_order_id or "",
            "livetrader.order.kill_id": order.kill_id or "",
            "livetrader.order.resumed": flight.resumed,
        }
        last = flight.events[-1].detail if flight.events else ""
        self._spans.whole(
            flight.client_order_id,
            flight.began_s,
            now_s,
            attributes,
            flight.events,
            last if order.status is OrderStatus.INVALID else "",
        )
