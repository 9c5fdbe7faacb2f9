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
from typing import Final

from livetrader.errors import AccountMismatchError, ControlRefusedError, JournalError
from livetrader.gateway.corporate import CorporateActions
from livetrader.gateway.custody import Custody
from livetrader.gateway.ledger import Emit, Ledger, Report
from livetrader.gateway.limits import Denied
from livetrader.gateway.rules import HostRules
from livetrader.gateway.sender import OrderSender, SenderPorts
from livetrader.gateway.session import Session
from livetrader.gateway.timing import Timing
from livetrader.gateway.valuation import Valuation
from livetrader.gateway.views import AccountView
from livetrader.journal.journal import Journal
from livetrader.journal.news import is_foreign
from livetrader.journal.records import (
    Halted,
    Resumed,
)
from livetrader.settings import LimitSettings
from livetrader_engine.commands import CancelOrder, SubmitOrder, UpdateOrder
from livetrader_engine.events import AccountLoaded, OrderEventArrived
from livetrader_engine.orders.order import ClientOrderId, OrderSpec
from livetrader_engine.orders.states import FILLS, OrderStatus
from livetrader_engine.spi import (
    BrokerageEvent,
    BrokeragePlugin,
    CashChanged,
    ExecutionReport,
    FeeReported,
    StopMoved,
    VenueError,
)
from livetrader_engine.symbols import Symbol

ACCOUNT_TRIES: Final = 3  # snapshots taken for an account that is being traded, before ours is used


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
        self._halts = 0  # a resume that sees it move while the disk works has been overtaken
        self._brokerage = brokerage
        self._timing = timing
        self._emit = emit
        self._report = report
        self.ledger = Ledger(journal, emit, report, self._journal_broken)
        self.rules = HostRules()  # replaced by whoever puts the daemon together
        self._session = Session(
            brokerage, self.ledger, timing, report, self._halt_for_cause, lambda: self.rules
        )
        self._valuation = Valuation(self.ledger, timing.now_ns, limits.daily_loss, lambda: self.rules)
        self._valuation.cash = self._session.cash
        self.custody = Custody(self.ledger, self._session, timing, self.tell_account)
        ports = SenderPorts(self, emit, report, timing)
        self._sender = OrderSender(brokerage, self.ledger, self._session, self._valuation, limits, ports)
        self.corporate = CorporateActions(self.ledger, self._session, self._valuation, self._sender, ports)

    # -- session ------------------------------------------------------------------------------------

    async def reconcile_at_start(self) -> AccountLoaded:
        """Connect, make our state equal the venue's, and open the gate unless halted.

        The same after a lost connection. Raises VenueError (try again later) or JournalError (do not; but
        a latched kill needs the connection alone, so then a broken journal only keeps the gate shut).
        """
        if self.state.halted is not None and not self.halted:
            self.halted = True
            self.halt_reason = self.state.halted.reason
        try:
            await self._session.connect()
        except AccountMismatchError:
            raise
        except JournalError as error:
            if self.kill_id is None:
                raise
            self._report("reconcile_failed", level="critical", error=str(error))
        self._sender.remember_recent()
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
                snapshot = await self._session.snapshot()
            except VenueError as error:
                self._report("snapshot_failed", level="warning", error=str(error))
                break
            if self.state.fills == fills and not self.ledger.claimed:
                self._session.set_cash(snapshot)
                break
        self._sender.begin_life()
        return self._account(self._now())

    async def watch(self) -> None:
        """Prove what became of unknown outcomes, and compare accounts now and then; until cancelled."""
        await self._session.watch(self.tell_account)

    async def look(self) -> None:
        """Compare with the venue's account once, now."""
        if await self._session.look():
            self.tell_account()

    def tell_account(self) -> None:
        """Emit the account as it is, for an engine whose view of it may be wrong."""
        self._emit(self._account(self._now()))

    # -- the algorithm's commands -------------------------------------------------------------------

    async def submit(self, command: SubmitOrder) -> None:
        """Send an order, if it may be sent. The answer is emitted: INVALID says why it was not."""
        await self._sender.submit(command.spec)

    def refuse(self, spec: OrderSpec, denied: Denied, status: OrderStatus = OrderStatus.INVALID) -> None:
        """Note and tell that an order is not sent and never will be: nobody asks the limits."""
        self._sender.refuse(spec, denied, status)

    def tell(self, spec: OrderSpec, message: str) -> None:
        """Tell the algorithm about an order that is still to be sent; it stays NEW."""
        self._emit(OrderEventArrived(spec.id, OrderStatus.NEW, self._now(), message=message))

    async def update(self, command: UpdateOrder) -> None:
        """Send a change of a working order, if it may be sent."""
        order = self.state.by_order_id.get(command.order_id)
        if order is None or not order.is_open:
            self._report("update_of_closed_order", level="warning", order_id=command.order_id)
            return
        await self._sender.update(order, command.change)

    async def cancel(self, command: CancelOrder) -> None:
        """Ask for a cancel on behalf of the algorithm. Works while halted."""
        order = self.state.by_order_id.get(command.order_id)
        if order is not None:
            await self.cancel_client(order.client_order_id)

    async def cancel_client(self, client_order_id: ClientOrderId, why: str = "") -> None:
        """Ask for a cancel of one order; harmless where it is closed. Works without a healthy journal."""
        order = self.state.orders.get(client_order_id)
        if order is not None and order.is_open:
            await self._sender.cancel(order, why)

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
        elif isinstance(event, FeeReported):
            self.ledger.take_fee(event, self._now())
        elif isinstance(event, StopMoved):
            order = self.state.orders.get(event.client_order_id)
            if order is not None and order.spec.id:  # orders of the kill switch are not the algorithm's
                self._emit(
                    OrderEventArrived(order.spec.id, order.status, event.time_ns, stop=event.stop, quiet=True)
                )
        elif isinstance(event, ExecutionReport):
            await self._on_report(event)

    async def _on_report(self, report: ExecutionReport) -> None:
        state, client_id = self.state, report.client_order_id
        order = state.orders.get(client_id)
        if order is not None:
            changed = report.status is OrderStatus.UPDATE_SUBMITTED and order.pending is None
            was_open = order.is_open
            await self.ledger.take(report, self._now())
            if order.unknown:
                self._session.check_unknown()
            reopened = order.is_open and not was_open  # by a trade that was taken back: what of it works?
            lost = order.is_open and order.cancel_asked and order.status is not OrderStatus.CANCEL_PENDING
            twofold = was_open and not order.is_open and len(order.brokerage_order_ids) > 1  # does one work?
            if reopened or lost or twofold or (report.fill is None and (changed or report.status in FILLS)):
                self._session.ask()  # a trade, a cancel or terms of which we have not heard all
            return
        before = state.counters.foreign_fills
        if not is_foreign(state.instance, client_id):
            self._report("unknown_report", level="warning", client_order_id=client_id)
        await self.ledger.take(report, self._now())
        if state.counters.foreign_fills > before:
            self._session.corrector.traded_elsewhere((report,))
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
        self._halts += 1
        self._report("halted", level="warning", reason=reason, source=source)
        if persist:
            self.ledger.write_soon(Halted(self._now(), reason, source))

    async def resume(self, who: str, kill_id: str | None = None) -> None:
        """Let orders out again; naming the kill is needed while a kill switch is latched.

        Raises ControlRefusedError for another or no kill id then, and where trading is halted anew meanwhile;
        JournalError where it cannot be made durable. It stays halted in all of them.
        """
        if self.kill_id != kill_id:
            raise ControlRefusedError(f"kill {self.kill_id} is latched: `resume` it by that name")
        halts = self._halts
        await self.ledger.write(Resumed(self._now(), who, kill_id))
        if self._halts != halts:
            raise ControlRefusedError(f"halted again meanwhile: {self.halt_reason}")
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
        if self.ledger.journal.broken is not None:
            reasons["journal"] = self.ledger.journal.broken
        if self.warming:
            reasons["warming"] = "the algorithm is warming up"
        return reasons

    async def idle(self) -> None:
        """Return when no order is on its way to the brokerage. May take as long as the brokerage does."""
        await self._sender.quiet.wait()

    # -- inside -------------------------------------------------------------------------------------

    def _journal_broken(self, reason: str) -> None:
        if not self.halted:
            self.halt(f"the journal is broken: {reason}", "journal", persist=False)

    def _halt_for_cause(self, reason: str) -> None:
        self.halt(reason, "reconciliation")

    def _now(self) -> int:
        return self._timing.now_ns()
