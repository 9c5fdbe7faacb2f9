"""What an operator may see and do: control.operations.Operations over the supervisor."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine
from typing import Final

from livetrader import __version__
from livetrader.control.alerts import AlertDesk, AlertPorts
from livetrader.control.data_views import DataView, FeedView
from livetrader.control.operations import (
    EventSubscription,
    KillSwitchView,
    LogPage,
    OperationState,
    OperationView,
    OrderView,
    PortfolioChanged,
    PortfolioView,
    ReadyView,
    StatusChanged,
    StatusView,
    TrainingChanged,
)
from livetrader.control.queries import LogQuery, OrdersQuery
from livetrader.control.tracking import OperationLog
from livetrader.control.training_views import ModelView, TrainingView
from livetrader.errors import ControlRefusedError, DaemonError
from livetrader.gateway.valuation import ACCOUNT_CURRENCY
from livetrader.ipc.messages import CancelTraining, TrainingState
from livetrader.journal.replay import JournalState, OrderState
from livetrader.results.live import LiveResults
from livetrader.supervisor.custody_operations import DaemonCustody, foreign_orders, restrictions
from livetrader.supervisor.decision_desk import DecisionDesk
from livetrader.supervisor.order_pages import newest
from livetrader.supervisor.parts import Parts
from livetrader.supervisor.states import DaemonState
from livetrader.supervisor.supervisor import Supervisor
from livetrader.supervisor.training_ledger import model_view
from livetrader.supervisor.views import day_profit, engine_view, order_view, portfolio_view
from livetrader_engine.orders.order import ClientOrderId

ENDED_STATES: Final = frozenset(
    {TrainingState.READY, TrainingState.FAILED, TrainingState.EXPIRED, TrainingState.CANCELLED}
)
REFRESH_S: Final = 0.5  # how often readers of the stream get a new status and portfolio


class DaemonOperations:
    """Implements Operations. Belongs to the loop's thread; owns the log of operations."""

    def __init__(self, supervisor: Supervisor, operations: OperationLog) -> None:
        self._supervisor = supervisor
        self._parts = supervisor.parts
        self._operations = operations
        self.custody = DaemonCustody(supervisor.parts, operations)
        self.decisions = DecisionDesk(supervisor)
        self.notifications = supervisor.parts.notifying
        self.alerts = AlertDesk(_alert_ports(supervisor.parts), self)

    def live(self) -> bool:
        """Return whether the loop turns (it does, or nobody would ask) and no beat is overdue."""
        return self._supervisor.beats_fresh()

    def ready(self) -> ReadyView:
        """Return whether trading is possible, with every reason why not."""
        reasons = self._reasons()
        return ReadyView(not reasons, reasons)

    def _reasons(self) -> dict[str, str]:
        supervisor = self._supervisor
        reasons = dict(self._parts.gateway.ready_reasons())
        if reasons.get("brokerage"):
            reasons["brokerage"] = supervisor.watch.connection.words() or reasons["brokerage"]
        if held := supervisor.watch.why_held():
            reasons["maintenance"] = held
        state = supervisor.state.current
        if state is not DaemonState.RUNNING:
            reasons["state"] = f"{state}: {supervisor.state.reason}"
        if not supervisor.keeper.ready:
            failure = supervisor.keeper.last_failure
            reasons["engine"] = f"{supervisor.keeper.state}{': ' + failure if failure else ''}"
        if not supervisor.feed.connected:
            reasons["feed"] = supervisor.feed.message or "not connected"
        if stale := supervisor.feed.all_stale():
            reasons["data"] = stale
        if self._parts.kill.latched:
            reasons["kill_switch"] = f"latched, {self._parts.kill.stage}"
        problem = self._model().problem
        if problem:
            reasons["model"] = problem
        return reasons

    def _model(self) -> ModelView:
        return model_view(self._supervisor.care.beat, self._parts.clock.now_ns)

    def status(self) -> StatusView:
        """Return the daemon at a glance."""
        supervisor, parts, gateway = self._supervisor, self._parts, self._parts.gateway
        settings, data = parts.settings, supervisor.feed.view()
        return StatusView(
            state=supervisor.state.current.value,
            reasons=self._reasons(),
            version=__version__,
            pid=os.getpid(),
            account=settings.account.name,
            started_ns=supervisor.started_ns,
            wall_ns=parts.timing.wall_ns(),
            time_ns=parts.clock.now_ns,
            algorithm=str(settings.algorithm.path),
            brokerage=settings.brokerage.plugin,
            brokerage_connected=supervisor.brokerage.connected,
            brokerage_session_id=gateway.session_id,
            brokerage_connection=supervisor.watch.view(),
            feed=_serving(data),
            engine=engine_view(supervisor.keeper, supervisor.care.started_ns, supervisor.care.short),
            kill_switch=self._kill_switch(),
            training=parts.training.summary(self._model()),
            halted=gateway.halted,
            currency=ACCOUNT_CURRENCY,
            equity=gateway.equity(),
            cash=gateway.cash.get(ACCOUNT_CURRENCY, gateway.equity() * 0),
            day_profit=day_profit(gateway),
            open_orders=len(gateway.open_orders),
            unresolved_orders=gateway.unresolved,
            foreign_orders=foreign_orders(gateway),
            restricted=restrictions(gateway),
            data=data,
            alerts=self.alerts.counts(),
            statistics=dict(supervisor.care.statistics),
        )

    def _kill_switch(self) -> KillSwitchView:
        kill = self._parts.kill
        record = kill.record
        if record is None:
            return KillSwitchView(kill.stage.value, latched=False)
        return KillSwitchView(
            state=kill.stage.value,
            latched=True,
            kill_id=record.kill_id,
            reason=record.reason,
            source=record.source,
            since_ns=record.time_ns,
            left_alone=kill.alone,
        )

    def portfolio(self) -> PortfolioView:
        """Return cash and positions."""
        return portfolio_view(self._parts.gateway, self._parts.clock.now_ns)

    def orders(self, query: OrdersQuery) -> tuple[OrderView, ...]:
        """Return the orders asked for, newest first. Raises KeyError where `query.before` is not known."""
        return tuple(map(order_view, newest(self._parts.gateway.orders, query)))

    def training(self) -> TrainingView:
        """Return training jobs and the bucket."""
        return self._parts.training.view(self._model())

    def log(self, query: LogQuery) -> LogPage:
        """Return the newest lines that were asked for, oldest first."""
        return self._parts.logs.page(query)

    @property
    def results(self) -> LiveResults:
        """What came of the trading: curves, charts, figures, trades."""
        return self._supervisor.care.results

    def operation(self, operation_id: str) -> OperationView | None:
        """Return an operation that was accepted, None where it is not (or no longer) known."""
        return self._operations.get(operation_id)

    def subscribe(self) -> EventSubscription:
        """Start a stream of events: first the current status, portfolio and training, then what happens."""
        first = (
            StatusChanged(self.status()),
            PortfolioChanged(self.portfolio()),
            TrainingChanged(self.training()),
        )
        return self._parts.hub.subscribe(first)

    async def refresh(self) -> None:
        """Publish status and portfolio to readers, feed the watchdog, measure the loop; until cancelled."""
        parts, notifier = self._parts, self._supervisor.notifier
        pause_s = min(REFRESH_S, notifier.ping_interval_s or REFRESH_S)
        await self.alerts.load()
        while True:
            asked_s = parts.timing.monotonic_s()
            await parts.timing.sleep(pause_s)
            parts.metrics.loop_lag.observe(max(0.0, parts.timing.monotonic_s() - asked_s - pause_s))
            notifier.ping()
            self.alerts.look()
            if not self._supervisor.start_over:
                notifier.extend_timeout(30.0)  # a long warm-up is no failed start
            if parts.hub.readers:
                parts.hub.publish(StatusChanged(self.status()))
                parts.hub.publish(PortfolioChanged(self.portfolio()))

    async def halt(self, *, who: str, reason: str) -> OperationView:
        """Refuse new orders from now on; positions and working orders stay."""
        view = self._operations.begin("halt", who, reason)
        self._supervisor.halt(reason or f"asked for by {who}", who)
        return self._done(view, "new orders are refused")

    async def resume(
        self, *, who: str, reason: str, kill_id: str | None, accept_residue: bool
    ) -> OperationView:
        """Allow orders again and unlatch. Raises ControlRefusedError where that cannot be done now."""
        view = self._operations.begin("resume", who, reason)
        try:
            await self._supervisor.resume(who, kill_id, accept_residue=accept_residue)
        except DaemonError as error:
            self._operations.end(view.id, OperationState.FAILED, str(error))
            raise
        return self._done(view, "orders are allowed")

    async def cancel(self, *, who: str, order: str | None, reason: str) -> OperationView:
        """Cancel one working order (by client order id or engine number), or all with None."""
        gateway = self._parts.gateway
        why = reason or f"asked for by {who}"
        if order is None:
            view = self._operations.begin("cancel", who, reason)
            self._supervisor.watch.orders.cancel_all(why)
            self._later(view, gateway.cancel_all(why), "cancels were sent")
            return view
        if order.isdecimal() and self._supervisor.watch.orders.cancel_one(int(order), why):
            return self._done(self._operations.begin("cancel", who, reason), "it was not sent yet")
        found = _find(gateway.state, order)
        view = self._operations.begin("cancel", who, reason)
        self._later(view, gateway.cancel_client(found.client_order_id, why), "the cancel was sent")
        return view

    async def liquidate(self, *, who: str, reason: str, include_foreign: bool) -> OperationView:
        """Run the kill switch: halt, cancel, flatten, verify. Joins a run that is under way."""
        view = self._operations.begin("liquidate", who, reason)
        why = reason or f"asked for by {who}"
        self._supervisor.liquidate(why, who)
        await self._parts.kill.latch(why, who, include_foreign=include_foreign)  # durable before the answer
        self._later(view, self._flat(), "verified flat")
        return view

    async def cancel_training(self, *, who: str, job: int, reason: str) -> OperationView:
        """Stop a training job, waiting or running; the model before it stays.

        Raises KeyError for a job that is not known, ControlRefusedError for one that is over.
        """
        training, link = self._parts.training, self._supervisor.keeper.link
        state = training.state_of(job)
        if state is None:
            raise KeyError(job)
        if state in ENDED_STATES or link is None:
            raise ControlRefusedError(
                f"training job {job} is over: {state if link is not None else 'its engine ended'}"
            )
        view = self._operations.begin("cancel training", who, reason)
        link.send(CancelTraining(job))
        self._later(view, self._training_over(job), "the job is over")
        return view

    async def _training_over(self, job: int) -> None:
        """Return when a job has ended, with or without its engine process."""
        process = self._supervisor.keeper.process
        training = self._parts.training
        await self._parts.changes.until(
            lambda: (
                self._supervisor.keeper.process is not process
                or (training.state_of(job) or TrainingState.FAILED) in ENDED_STATES
            )
        )

    async def stop(self, *, who: str, reason: str) -> OperationView:
        """End the daemon gracefully; what happens to the account is the setting `daemon.on_shutdown`."""
        view = self._operations.begin("stop", who, reason)
        self._supervisor.end(f"{who}: {reason}" if reason else f"asked for by {who}")
        return view

    async def _flat(self) -> None:
        await self._parts.changes.until(lambda: self._supervisor.state.current is DaemonState.FLAT)

    def _done(self, view: OperationView, message: str) -> OperationView:
        return self._operations.end(view.id, OperationState.DONE, message) or view

    def _later(self, view: OperationView, work: Coroutine[object, object, object], message: str) -> None:
        async def finish() -> None:
            try:
                await work
            except (DaemonError, asyncio.CancelledError) as error:
                self._operations.end(view.id, OperationState.FAILED, str(error) or "the daemon stopped")
                raise
            self._operations.end(view.id, OperationState.DONE, message)

        self._parts.tasks.spawn(f"operation {view.kind}", finish())


def _alert_ports(parts: Parts) -> AlertPorts:
    return AlertPorts(
        account=parts.settings.account.name,
        settings=parts.settings.alerts,
        announce=parts.notifying.put,
        audit=parts.journal.append_soon,
        publish=parts.hub.publish,
        count=lambda kind, outcome: parts.metrics.alerts.labels(kind, outcome).inc(),
        wall_ns=parts.timing.wall_ns,
        monotonic_s=parts.timing.monotonic_s,
        file=parts.directory.alerts,
    )


def _serving(data: DataView) -> FeedView:
    """Return the first feed that is connected, or the preferred one where none is."""
    return next((feed for feed in data.feeds if feed.connected), data.feeds[0])


def _find(state: JournalState, order: str) -> OrderState:
    """Return an order by client order id or engine number. Raises KeyError."""
    known = state.orders.get(ClientOrderId(order))
    if known is None and order.isdecimal():
        known = state.by_order_id.get(int(order))
    if known is None:
        raise KeyError(order)
    return known
