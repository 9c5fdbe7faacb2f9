"""How one order, change or cancel leaves: check, journal, check again, send, and note what is not known.

An order is never sent twice, and nothing here raises for the world's faults.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Coroutine
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from livetrader.errors import JournalError
from livetrader.gateway.ledger import Emit, Ledger, Report
from livetrader.gateway.limits import WINDOW_NS, Circumstances, Denied, check, check_change, unusable, usable
from livetrader.gateway.rules import HostRules
from livetrader.gateway.session import Session
from livetrader.gateway.standing import Life, decided, held, others_working
from livetrader.gateway.timing import Timing
from livetrader.gateway.valuation import Valuation
from livetrader.journal.identifiers import order_client_id
from livetrader.journal.records import (
    CancelIntended,
    ChangeIntended,
    ChangeRefused,
    OrderDenied,
    OrderIntended,
    OrderResolved,
    OrderSent,
    Verdict,
)
from livetrader.journal.replay import OrderState
from livetrader.settings import LimitSettings
from livetrader_engine.events import OrderEventArrived
from livetrader_engine.orders.order import ClientOrderId, OrderChange, OrderSpec
from livetrader_engine.orders.states import OrderStatus
from livetrader_engine.spi import Approved, BrokeragePlugin, OutcomeUnknownError, VenueError
from livetrader_engine.symbols import NS_PER_SECOND, Symbol


class Gate(Protocol):
    """Whether orders may leave, as the gateway has it this instant."""

    halted: bool
    halt_reason: str
    warming: bool
    rules: HostRules


@dataclass(frozen=True, slots=True)
class SenderPorts:
    """What the sender tells and asks."""

    gate: Gate
    emit: Emit
    report: Report
    timing: Timing


class OrderSender:
    """Takes orders to the brokerage. Owned by the gateway; `submit` is awaited by one caller at a time.

    `quiet` is set while no order is on its way.
    """

    def __init__(
        self,
        brokerage: BrokeragePlugin,
        ledger: Ledger,
        session: Session,
        valuation: Valuation,
        limits: LimitSettings,
        ports: SenderPorts,
    ) -> None:
        self._brokerage = brokerage
        self._ledger = ledger
        self._session = session
        self._valuation = valuation
        self._limits = limits
        self._ports = ports
        self._life: Life | None = None  # of the present engine
        self._recent: deque[tuple[int, Symbol, Decimal]] = deque()  # of the last WINDOW_NS
        self.quiet = asyncio.Event()
        self.quiet.set()

    async def submit(self, spec: OrderSpec) -> None:
        """Send an order, if it may be sent. The answer is emitted: INVALID says why it was not."""
        if spec.id < self._ledger.state.next_order_id and spec.id in self._ledger.state.by_order_id:
            self._ports.report("order_repeated", level="error", order_id=spec.id)
            return  # an answer under this number would be taken for news of the first one
        if not usable(spec.quantity):  # nothing can be compared with it, the circumstances neither
            self._deny(spec, unusable(spec.quantity))
            return
        client_id = order_client_id(self._ledger.state.instance, self._ledger.state.next_number)
        verdict = check(
            spec, client_id, self._circumstances(spec), self._limits, self._brokerage.capabilities
        )
        if isinstance(verdict, Denied):
            self._deny(spec, verdict)
            return
        self._recent.append((self._now(), spec.symbol, spec.quantity))
        number = self._ledger.state.next_number
        self._ledger.state.next_number = number + 1  # never again, also if the write below fails
        self._session.sending.add(client_id)
        self.quiet.clear()
        try:
            await self._send(verdict, number)
        finally:
            self._session.sending.discard(client_id)
            if not self._session.sending:
                self.quiet.set()

    def refuse(self, spec: OrderSpec, denied: Denied, status: OrderStatus) -> None:
        """Note and tell that an order is not sent, without asking the limits."""
        if spec.id not in self._ledger.state.by_order_id:
            self._deny(spec, denied, status)

    async def update(self, order: OrderState, change: OrderChange, why: str = "") -> None:
        """Send a change of a working order, if it may be sent. `why` where the algorithm did not ask."""
        if not why and (unbooked := self._ledger.state.actions.why_no_order(order.spec.symbol)):
            self._change_refused(order, unbooked)
            return
        if change.quantity is not None and not usable(change.quantity):
            self._change_refused(order, unusable(change.quantity).message)
            return
        if order.unknown:
            self._change_refused(order, "its outcome is unknown; a change has to wait until that is proved")
            return
        now = self._circumstances(order.spec, apart_from=order)
        if why:  # new terms after a split: as much risk as before, in other shares
            now = now.undoubted
        client_id, capabilities = order.client_order_id, self._brokerage.capabilities
        verdict = check_change(order.spec, client_id, change, now, self._limits, capabilities)
        if isinstance(verdict, Denied):
            self._change_refused(order, f"{verdict.reason}: {verdict.message}")
            return
        try:
            await self._ledger.write(ChangeIntended(self._now(), client_id, change, verdict.spec, why))
        except JournalError as error:
            self._change_refused(order, str(error))
            return
        halted = "trading was halted meanwhile" if self._ports.gate.halted else ""
        closed = "" if why else self._ledger.state.why_closed(order.spec.symbol)
        if overtaken := halted or _unchangeable(order) or closed or self._session.why_not_ready:
            self._change_refused(order, overtaken, intended=True)
            return
        outcome = await self._call(self._brokerage.update(verdict))
        if isinstance(outcome, OutcomeUnknownError):
            self._doubt(client_id, str(outcome))
        elif outcome is not None:
            self._change_refused(order, str(outcome), intended=True)

    async def cancel(self, order: OrderState, why: str) -> None:
        """Ask for a cancel of an open order. Works while halted and without a healthy journal."""
        client_order_id = order.client_order_id
        try:
            await self._ledger.write(CancelIntended(self._now(), client_order_id, why))
        except JournalError as error:  # a cancel takes risk away: it goes out all the same
            self._ports.report("cancel_unjournaled", level="error", error=str(error))
        await self._send_cancel(order)

    def begin_life(self) -> None:
        """Note that another engine decides from now on: what those before it have decided is done."""
        self._life = Life(self._ledger.state.next_number, self._now())

    def remember_recent(self) -> None:
        """Count the journal's newest orders as sent, so that a restart hands out no new order budget."""
        now_ns = self._now()
        if self._life is None:
            self.begin_life()
        orders = [
            order
            for order in self._ledger.state.orders.values()
            if now_ns - WINDOW_NS < order.created_ns <= now_ns and order.kill_id is None
        ]
        self._recent = deque((order.created_ns, order.spec.symbol, order.spec.quantity) for order in orders)

    # -- inside -------------------------------------------------------------------------------------

    async def _send(self, approved: Approved, number: int) -> None:
        client_id = approved.client_order_id
        try:
            await self._ledger.write(OrderIntended(self._now(), number, client_id, approved.spec))
        except JournalError as error:
            self._tell(approved.spec, OrderStatus.INVALID, f"not sent: {error}")
            return
        why = self._overtaken(approved)
        if why:
            message = f"not sent: {why}"
            self._ledger.write_soon(OrderResolved(self._now(), client_id, Verdict.NOT_SENT, message))
            return
        try:
            outcome = await self._call(self._brokerage.submit(approved))
        except asyncio.CancelledError:
            self._doubt(client_id, "the daemon stopped waiting")
            raise
        if outcome is None:
            self._ledger.write_soon(OrderSent(self._now(), client_id))
            order = self._ledger.state.orders.get(client_id)
            if order is not None and order.cancel_asked:
                await self._send_cancel(order)  # a cancel that overtook the order was lost on the venue
        elif isinstance(outcome, OutcomeUnknownError):
            self._doubt(client_id, str(outcome))
        else:
            verdict = OrderResolved(self._now(), client_id, Verdict.REFUSED, f"not sent: {outcome}")
            self._ledger.write_soon(verdict)
            self._ports.report(
                "order_refused", level="warning", client_order_id=client_id, error=str(outcome)
            )

    def _overtaken(self, approved: Approved) -> str:
        """Return what happened while the disk wrote that keeps an order here, empty where nothing did."""
        state, spec = self._ledger.state, approved.spec
        closed = state.why_closed(spec.symbol)
        if self._ports.gate.halted or closed:
            return f"halted meanwhile: {closed or self._ports.gate.halt_reason}"
        for order in state.open.values():
            same_side = order.spec.symbol is spec.symbol and order.spec.direction is spec.direction
            if order.unknown and same_side and order.client_order_id != approved.client_order_id:
                return f"the outcome of {order.client_order_id} became unknown meanwhile"
        return self._session.why_not_ready  # a session that is lost or reconciles has judged no order yet

    async def _send_cancel(self, order: OrderState) -> None:
        outcome = await self._call(self._brokerage.cancel(order.client_order_id))
        if outcome is not None:
            self._session.ask()  # `cancel_asked` is journaled: the next look asks again
            self._ports.report(
                "cancel_failed", level="warning", client_order_id=order.client_order_id, error=str(outcome)
            )

    async def _call(self, request: Coroutine[object, object, None]) -> VenueError | None:
        """Await a request to the plugin; return what went wrong. Anything undeclared may have been sent."""
        try:
            await request
        except VenueError as error:
            return error
        except Exception as error:  # noqa: BLE001 — boundary: a plugin's own fault must not stop the daemon
            self._ports.report("brokerage_plugin_failed", level="error", exc_info=True)
            return OutcomeUnknownError(f"the brokerage plugin failed: {error!r}")
        return None

    def _doubt(self, client_id: ClientOrderId, why: str) -> None:
        self._ledger.write_soon(OrderResolved(self._now(), client_id, Verdict.UNKNOWN, why))
        self._ports.report("outcome_unknown", level="error", client_order_id=client_id, reason=why)
        self._session.ask()
        self._session.check_unknown()

    def _deny(self, spec: OrderSpec, denied: Denied, status: OrderStatus = OrderStatus.INVALID) -> None:
        self._ledger.write_soon(OrderDenied(self._now(), spec, denied.reason, denied.message))
        self._ports.report(
            "order_denied", level="warning", symbol=spec.symbol.value, order_id=spec.id,
            reason=str(denied.reason), message=denied.message,
        )  # fmt: skip
        self._ports.gate.rules.denied(denied.reason.value)
        self._tell(spec, status, f"{denied.reason}: {denied.message}")

    def _tell(self, spec: OrderSpec, status: OrderStatus, message: str) -> None:
        self._ports.emit(OrderEventArrived(spec.id, status, self._now(), message=message))

    def _change_refused(self, order: OrderState, message: str, *, intended: bool = False) -> None:
        if intended or order.pending is None:  # else the record would end the change that is on its way
            self._ledger.write_soon(ChangeRefused(self._now(), order.client_order_id, message))
        self._ports.report("change_refused", level="warning", order_id=order.spec.id, message=message)
        if order.is_open:  # it works on as it was, also where its acknowledgement is still to come
            told = order.status if order.status is OrderStatus.CANCEL_PENDING else OrderStatus.SUBMITTED
            self._ports.emit(OrderEventArrived(order.spec.id, told, self._now(), message=message))

    def _circumstances(self, spec: OrderSpec, apart_from: OrderState | None = None) -> Circumstances:
        now_ns = self._now()
        while self._recent and self._recent[0][0] <= now_ns - WINDOW_NS:
            self._recent.popleft()
        window_ns = int(self._limits.duplicate_window_s * NS_PER_SECOND)
        alike = sum(
            1
            for time_ns, symbol, quantity in self._recent
            if symbol is spec.symbol and quantity == spec.quantity and time_ns > now_ns - window_ns
        )
        same_side = [
            order
            for order in self._ledger.state.open.values()
            if order.spec.symbol is spec.symbol
            and order.spec.direction is spec.direction
            and order is not apart_from
        ]
        price = self._valuation.prices.get(spec.symbol)
        counted = Decimal(0) if apart_from is None else apart_from.filled  # is in the position already
        return Circumstances(
            position=held(self._ledger.state, spec.symbol),
            working=sum(
                (order.remaining for order in same_side),
                others_working(self._session.corrector.foreign, spec) - counted,
            ),
            price=None if price is None else Decimal(str(price)),
            multiplier=self._valuation.multiplier(spec.symbol),
            recent=len(self._recent),
            alike=alike,
            halted=self._ports.gate.halted,
            not_ready=self._session.why_not_ready or self._ledger.journal.broken or "",
            warming=self._ports.gate.warming,
            restricted=self._ledger.state.restricted.get(spec.symbol, ""),
            closed=self._ledger.state.why_closed(spec.symbol),
            blocked=next((order.client_order_id for order in same_side if order.unknown), ""),
            decided=decided(self._ledger.state, spec, self._life),
            stale=self._ports.gate.rules.stale(spec.symbol),
        )

    def _now(self) -> int:
        return self._ports.timing.now_ns()


def _unchangeable(order: OrderState) -> str:
    """Return what happened to an order while the disk wrote a change of it; empty where nothing did."""
    if not order.is_open:
        return "the order came to its end meanwhile"
    return "its outcome became unknown meanwhile" if order.unknown else ""
