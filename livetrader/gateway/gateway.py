"""The one door to the brokerage: check, journal, check again, send.

    submit ── limits ── OrderIntended durable ── halted? ── brokerage.submit ── OrderSent
                │              │                    │              │
             denied      nothing is sent        not sent     OutcomeUnknown: symbol and side blocked
                                                             until the venue's account proves what happened

Nothing here raises for the world's faults: the algorithm is told by an order event, the operator by a log
record, and what is not known stays marked unknown. An order is never sent twice.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Coroutine
from decimal import Decimal
from typing import Final

from livetrader.errors import ControlRefusedError, JournalError
from livetrader.gateway.ledger import Emit, Ledger, Report
from livetrader.gateway.limits import WINDOW_NS, Circumstances, Denied, check, check_change
from livetrader.gateway.session import Session
from livetrader.gateway.timing import Timing
from livetrader.gateway.valuation import Valuation
from livetrader.gateway.views import AccountView
from livetrader.journal.identifiers import order_client_id
from livetrader.journal.journal import Journal
from livetrader.journal.records import (
    CancelIntended,
    ChangeIntended,
    ChangeRefused,
    Halted,
    OrderDenied,
    OrderIntended,
    OrderResolved,
    OrderSent,
    Record,
    Resumed,
    Verdict,
)
from livetrader.journal.replay import OrderState
from livetrader.settings import LimitSettings
from livetrader_engine.commands import CancelOrder, SubmitOrder, UpdateOrder
from livetrader_engine.events import AccountLoaded, OrderEventArrived
from livetrader_engine.orders.order import ClientOrderId, OrderSpec
from livetrader_engine.orders.states import FILLS, OrderStatus
from livetrader_engine.spi import (
    Approved,
    BrokerageEvent,
    BrokeragePlugin,
    CashChanged,
    ExecutionReport,
    OutcomeUnknownError,
    VenueError,
)
from livetrader_engine.symbols import NS_PER_SECOND, Symbol

ACCOUNT_TRIES: Final = 3  # snapshots taken for an account that is being traded, before ours is used
ACCOUNT_CURRENCY: Final = "USD"


class Gateway(AccountView):
    """Sends what was checked and journaled, and keeps what the account is. Lives on the daemon's loop.

    Owns the journal's state. Commands of one engine are awaited one after the other by the caller, and so
    are the brokerage's events; the two may overlap. Does not run the kill switch.
    """

    def __init__(
        self,
        brokerage: BrokeragePlugin,
        journal: Journal,
        limits: LimitSettings,
        timing: Timing,
        emit: Emit,
        report: Report,
    ) -> None:
        self.halted = False
        self.halt_reason = ""
        self.kill_id: str | None = None  # set by the kill switch while it is latched
        self.warming = False
        self._brokerage = brokerage
        self._limits = limits
        self._timing = timing
        self._emit = emit
        self._report = report
        self._ledger = Ledger(journal, emit, report, self._journal_broken)
        self._session = Session(brokerage, self._ledger, timing, report, self._halt_for_cause)
        self._valuation = Valuation(self._ledger, timing.now_ns, limits.daily_loss, ACCOUNT_CURRENCY)
        self._valuation.cash = self._session.cash
        self._recent: deque[tuple[int, Symbol, Decimal]] = deque()  # of the last WINDOW_NS
        self._quiet = asyncio.Event()
        self._quiet.set()

    # -- session ------------------------------------------------------------------------------------

    async def reconcile_at_start(self) -> AccountLoaded:
        """Connect, make our state equal the venue's, and open the gate unless halted.

        The same after a lost connection. Raises VenueError (try again later) or JournalError (do not).
        """
        if self.state.halted is not None and not self.halted:
            self.halted = True
            self.halt_reason = self.state.halted.reason
        await self._session.connect()
        self._remember_recent()
        return self._account(self._now())

    def disconnected(self, reason: str) -> None:
        """Note that the brokerage's events ended: nothing is sent until `reconcile_at_start` again."""
        self._session.disconnect(reason)

    async def account(self) -> AccountLoaded:
        """Return the account for an engine that (re)starts, in step with the events emitted so far.

        Events emitted after this returned are not in it, events before are. Cash is asked of the venue.
        """
        for _ in range(ACCOUNT_TRIES):
            fills = self.state.fills
            try:
                snapshot = await self._brokerage.snapshot()
            except VenueError as error:
                self._report("snapshot_failed", level="warning", error=str(error))
                break
            if self.state.fills == fills and not self._ledger.claimed:
                self._session.set_cash(snapshot)
                break
        return self._account(self._now())

    async def watch(self) -> None:
        """Prove what became of unknown outcomes, and compare accounts now and then; until cancelled."""
        await self._session.watch(self._tell_account)

    async def look(self) -> None:
        """Compare with the venue's account once, now."""
        if await self._session.look():
            self._tell_account()

    # -- the algorithm's commands -------------------------------------------------------------------

    async def submit(self, command: SubmitOrder) -> None:
        """Send an order, if it may be sent. The answer is emitted: INVALID says why it was not."""
        spec = command.spec
        if spec.id < self.state.next_order_id and spec.id in self.state.by_order_id:
            self._report("order_repeated", level="error", order_id=spec.id)
            return  # an answer under this number would be taken for news of the first one
        client_id = order_client_id(self.state.instance, self.state.next_number)
        verdict = check(
            spec, client_id, self._circumstances(spec), self._limits, self._brokerage.capabilities
        )
        if isinstance(verdict, Denied):
            self._deny(spec, verdict)
            return
        self._recent.append((self._now(), spec.symbol, spec.quantity))
        number = self.state.next_number
        self.state.next_number = number + 1  # never again, also if the write below fails
        self._session.sending.add(client_id)
        self._quiet.clear()
        try:
            await self._send(verdict, number)
        finally:
            self._session.sending.discard(client_id)
            if not self._session.sending:
                self._quiet.set()

    async def update(self, command: UpdateOrder) -> None:
        """Send a change of a working order, if it may be sent."""
        order = self.state.by_order_id.get(command.order_id)
        if order is None or not order.is_open:
            self._report("update_of_closed_order", level="warning", order_id=command.order_id)
            return
        verdict = check_change(
            order.spec,
            order.client_order_id,
            command.change,
            self._circumstances(order.spec, apart_from=order),
            self._limits,
            self._brokerage.capabilities,
        )
        if isinstance(verdict, Denied):
            self._change_refused(order, f"{verdict.reason}: {verdict.message}")
            return
        client_id = order.client_order_id
        try:
            await self._ledger.write(ChangeIntended(self._now(), client_id, command.change, verdict.spec))
        except JournalError as error:
            self._change_refused(order, str(error))
            return
        if self.halted:
            self._change_refused(order, "trading was halted meanwhile")
            return
        outcome = await self._call(self._brokerage.update(verdict))
        if isinstance(outcome, OutcomeUnknownError):
            self._doubt(client_id, str(outcome))
        elif outcome is not None:
            self._change_refused(order, str(outcome))

    async def cancel(self, command: CancelOrder) -> None:
        """Ask for a cancel on behalf of the algorithm. Works while halted."""
        order = self.state.by_order_id.get(command.order_id)
        if order is not None:
            await self.cancel_client(order.client_order_id)

    async def cancel_client(self, client_order_id: ClientOrderId, why: str = "") -> None:
        """Ask for a cancel of one order; harmless where it is closed. Works without a healthy journal."""
        order = self.state.orders.get(client_order_id)
        if order is None or not order.is_open:
            return
        try:
            await self._ledger.write(CancelIntended(self._now(), client_order_id, why))
        except JournalError as error:  # a cancel takes risk away: it goes out all the same
            self._report("cancel_unjournaled", level="error", error=str(error))
        await self._send_cancel(order)

    async def cancel_all(self, why: str) -> int:
        """Ask for a cancel of every open order; return how many were asked."""
        orders = self.open_orders
        async with asyncio.TaskGroup() as group:
            for order in orders:
                group.create_task(self.cancel_client(order.client_order_id, why), name="cancel")
        return len(orders)

    # -- the brokerage's events ---------------------------------------------------------------------

    async def on_event(self, event: BrokerageEvent) -> None:
        """Take in one event of the brokerage: a trade is durable before the algorithm sees it.

        Messages are not for the gateway; the caller forwards them.
        """
        if isinstance(event, CashChanged):
            self._session.cash[event.currency] = event.amount
        elif isinstance(event, ExecutionReport):
            if event.client_order_id not in self.state.orders:
                self._report("unknown_report", level="warning", client_order_id=event.client_order_id)
            await self._ledger.take(event, self._now())
            if event.client_order_id not in self.state.orders or (event.status in FILLS and not event.fill):
                self._session.ask()  # positions may have moved without us: compare soon

    def observe_price(self, symbol: Symbol, price: float) -> None:
        """See a market price: values positions and judges notional."""
        self._valuation.observe(symbol, price)

    # -- the gate -----------------------------------------------------------------------------------

    def halt(self, reason: str, source: str = "operator", *, persist: bool = True) -> None:
        """Let no order out from this instant on; cancels still go.

        `persist` keeps it so over restarts until `resume`; a daemon that is merely stopping says False.
        """
        self.halted = True
        self.halt_reason = reason
        self._report("halted", level="warning", reason=reason, source=source)
        if persist:
            self._ledger.write_soon(Halted(self._now(), reason, source))

    async def resume(self, who: str, kill_id: str | None = None) -> None:
        """Let orders out again; naming the kill is needed while a kill switch is latched.

        Raises ControlRefusedError for another or no kill id then, JournalError where it cannot be made
        durable; it stays halted in both.
        """
        if self.kill_id != kill_id:
            raise ControlRefusedError(f"kill {self.kill_id} is latched: `resume` it by that name")
        await self._ledger.write(Resumed(self._now(), who, kill_id))
        self.halted = False
        self.halt_reason = ""
        self._report("resumed", level="warning", who=who)

    def ready_reasons(self) -> dict[str, str]:
        """Return why no order would leave now; empty when trading is possible."""
        reasons = {}
        if self.halted:
            reasons["halted"] = self.halt_reason
        if self._session.why_not_ready:
            reasons["brokerage"] = self._session.why_not_ready
        if self._ledger.journal.broken is not None:
            reasons["journal"] = self._ledger.journal.broken
        if self.warming:
            reasons["warming"] = "the algorithm is warming up"
        return reasons

    async def idle(self) -> None:
        """Return when no order is on its way to the brokerage. May take as long as the brokerage does."""
        await self._quiet.wait()

    def note(self, record: Record) -> None:
        """Take in a record of the kill switch, so that the trades of its orders are known."""
        self._ledger.write_soon(record)

    # -- inside -------------------------------------------------------------------------------------

    async def _send(self, approved: Approved, number: int) -> None:
        client_id = approved.client_order_id
        try:
            await self._ledger.write(OrderIntended(self._now(), number, client_id, approved.spec))
        except JournalError as error:
            self._tell_invalid(approved.spec, f"not sent: {error}")
            return
        if self.halted:  # the switch may have fallen while the disk was writing
            message = f"not sent: halted meanwhile: {self.halt_reason}"
            self._ledger.write_soon(OrderResolved(self._now(), client_id, Verdict.NOT_SENT, message))
            return
        try:
            outcome = await self._call(self._brokerage.submit(approved))
        except asyncio.CancelledError:
            self._doubt(client_id, "the daemon stopped waiting")
            raise
        if outcome is None:
            self._ledger.write_soon(OrderSent(self._now(), client_id))
            order = self.state.orders.get(client_id)
            if order is not None and order.cancel_asked:
                await self._send_cancel(order)  # a cancel that overtook the order was lost on the venue
        elif isinstance(outcome, OutcomeUnknownError):
            self._doubt(client_id, str(outcome))
        else:
            verdict = OrderResolved(self._now(), client_id, Verdict.REFUSED, f"not sent: {outcome}")
            self._ledger.write_soon(verdict)
            self._report("order_refused", level="warning", client_order_id=client_id, error=str(outcome))

    async def _send_cancel(self, order: OrderState) -> None:
        outcome = await self._call(self._brokerage.cancel(order.client_order_id))
        if outcome is not None:
            self._session.ask()  # `cancel_asked` is journaled: the next look asks again
            self._report(
                "cancel_failed", level="warning", client_order_id=order.client_order_id, error=str(outcome)
            )

    async def _call(self, request: Coroutine[object, object, None]) -> VenueError | None:
        """Await a request to the plugin; return what went wrong. Anything undeclared may have been sent."""
        try:
            await request
        except VenueError as error:
            return error
        except Exception as error:  # noqa: BLE001 — boundary: a plugin's own fault must not stop the daemon
            self._report("brokerage_plugin_failed", level="error", exc_info=True)
            return OutcomeUnknownError(f"the brokerage plugin failed: {error!r}")
        return None

    def _doubt(self, client_id: ClientOrderId, why: str) -> None:
        self._ledger.write_soon(OrderResolved(self._now(), client_id, Verdict.UNKNOWN, why))
        self._report("outcome_unknown", level="error", client_order_id=client_id, reason=why)
        self._session.ask()

    def _deny(self, spec: OrderSpec, denied: Denied) -> None:
        self._ledger.write_soon(OrderDenied(self._now(), spec, denied.reason, denied.message))
        self._report(
            "order_denied", level="warning", symbol=spec.symbol.value, order_id=spec.id,
            reason=str(denied.reason), message=denied.message,
        )  # fmt: skip
        self._tell_invalid(spec, f"{denied.reason}: {denied.message}")

    def _tell_account(self) -> None:
        self._emit(self._account(self._now()))

    def _tell_invalid(self, spec: OrderSpec, message: str) -> None:
        self._emit(OrderEventArrived(spec.id, OrderStatus.INVALID, self._now(), message=message))

    def _change_refused(self, order: OrderState, message: str) -> None:
        self._ledger.write_soon(ChangeRefused(self._now(), order.client_order_id, message))
        self._report("change_refused", level="warning", order_id=order.spec.id, message=message)
        if order.is_open and order.status not in FILLS:
            self._emit(OrderEventArrived(order.spec.id, order.status, self._now(), message=message))

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
            for order in self.state.open.values()
            if order.spec.symbol is spec.symbol
            and order.spec.direction is spec.direction
            and order is not apart_from
        ]
        price = self._valuation.prices.get(spec.symbol)
        return Circumstances(
            position=self.state.position(spec.symbol),
            working=sum((order.remaining for order in same_side), Decimal(0)),
            price=None if price is None else Decimal(str(price)),
            recent=len(self._recent),
            alike=alike,
            halted=self.halted,
            not_ready=self._session.why_not_ready or self._ledger.journal.broken or "",
            warming=self.warming,
            restricted=self.state.restricted.get(spec.symbol, ""),
            blocked=next((order.client_order_id for order in same_side if order.unknown), ""),
        )

    def _remember_recent(self) -> None:
        """Count the journal's newest orders as sent, so that a restart hands out no new order budget."""
        now_ns = self._now()
        orders = [
            order
            for order in self.orders
            if now_ns - WINDOW_NS < order.created_ns <= now_ns and order.kill_id is None
        ]
        self._recent = deque((order.created_ns, order.spec.symbol, order.spec.quantity) for order in orders)

    def _journal_broken(self, reason: str) -> None:
        if not self.halted:
            self.halt(f"the journal is broken: {reason}", "journal", persist=False)

    def _halt_for_cause(self, reason: str) -> None:
        self.halt(reason, "reconciliation")

    def _now(self) -> int:
        return self._timing.now_ns()
