"""What the daemon does for and about its engine: hand it the account, hear its commands, mourn it."""

from __future__ import annotations

import asyncio
import os
from typing import Final, Protocol

from livetrader.configuration.stores import store_options
from livetrader.errors import DaemonError, EngineGivenUpError
from livetrader.feeds.face import Feeds
from livetrader.histories.opening import portable
from livetrader.ipc.link import Link
from livetrader.ipc.messages import Beat, Initialized, StartEngine, StepCompleted, TrainingReported, WarmedUp
from livetrader.journal.records import EngineLost, EngineStarted
from livetrader.restart import GiveUp
from livetrader.settings import OnLost, OnRunaway, OnShortWarmUp, OnSpent
from livetrader.store.options import credentials_for
from livetrader.supervisor.decisions import follow_decisions
from livetrader.supervisor.engine_commands import CommandPorts, EngineCommands
from livetrader.supervisor.engine_keeper import EngineKeeper, KeeperPorts
from livetrader.supervisor.engine_process import EndCause, EngineEnd, EngineProcess
from livetrader.supervisor.held_orders import HeldOrders
from livetrader.supervisor.insights import InsightBook
from livetrader.supervisor.model_news import ModelNews
from livetrader.supervisor.parts import Parts
from livetrader.supervisor.result_files import ResultFiles
from livetrader.supervisor.result_ports import ports_of
from livetrader.supervisor.router import Router
from livetrader.supervisor.states import StateMachine
from livetrader.supervisor.training_news import News, TrainingNews
from livetrader_engine.commands import (
    DeclareSeries,
    LogLevel,
    NoteOrderEvent,
    Plot,
    SubmitOrder,
    WriteLog,
)
from livetrader_engine.events import ParametersChanged, StopRequested

STOP_LIMIT_S: Final = 5.0  # on_end_of_algorithm may write a model; a hung one is killed after this
SHORT_TOLD: Final = 20  # streams that the log names one by one
STATISTICS_KEPT: Final = 200  # names; an algorithm that invents names for ever must not fill our memory


class Authority(Protocol):
    """Who decides about the daemon as a whole: the supervisor."""

    @property
    def state(self) -> StateMachine:
        """The daemon's state."""
        ...

    def end(self, reason: str, failure: DaemonError | None = None) -> None:
        """End the daemon in good order."""
        ...

    def halt(self, reason: str, source: str) -> None:
        """Refuse new orders from now on."""
        ...

    def liquidate(self, reason: str, source: str) -> None:
        """Run the kill switch."""
        ...

    def engine_ready(self) -> None:
        """Take note that an engine is READY."""
        ...


class EngineCare:
    """Owns the keeper and the commands of its engines. Belongs to the loop's thread.

    `attach` completes it: router and feed need the keeper first.
    """

    def __init__(self, parts: Parts, authority: Authority) -> None:
        self._parts = parts
        self._authority = authority
        self._router: Router | None = None
        self._feed: Feeds | None = None
        self.begin_ns = 0  # where the feed's data begins
        self.short: tuple[str, ...] = ()  # streams that were warmed up by less than was asked for
        self.warm_up_ns: int | None = None  # where the warm-up of an engine that starts ends
        self.statistics: dict[str, str] = {}
        self.plots = 0
        self.results = ResultFiles(
            ports_of(parts, authority.state, lambda: self.statistics, lambda: self.insights.total)
        )
        parts.gateway.ledger.applied = self.results.record
        parts.logs.listener = self.results.log
        self.decisions = follow_decisions(parts)
        self.insights = InsightBook(lambda: parts.clock.now_ns)
        if parts.parameters is not None:
            parts.parameters.deliver = self._tell_parameters
        self.started_ns: int | None = None
        self._training_news = TrainingNews(parts)
        self._model_news = ModelNews(parts)
        self.keeper = EngineKeeper(
            KeeperPorts(
                settings=parts.settings.engine,
                monotonic_s=parts.timing.monotonic_s,
                chance=parts.chance,
                changes=parts.changes,
                prepare=self._prepare,
                received=lambda process, message: self.commands.put(process, message),
                drained=lambda: self.commands.drained(),
                output=parts.logs.engine,
                started=self._started,
                lost=self._lost,
                spent=self._spent,
                finished=lambda end: authority.end(f"the algorithm ended: {end.detail}"),
            )
        )

    def attach(self, router: Router, feed: Feeds, orders: HeldOrders) -> None:
        """Say who takes completed steps, subscriptions and orders."""
        self._router, self._feed, self.orders = router, feed, orders
        self.commands = EngineCommands(
            CommandPorts(
                orders=orders,
                changes=self._parts.changes,
                subscribe=feed.subscribe,
                unsubscribe=feed.unsubscribe,
                market_at=router.market_at,
                await_news=router.await_news,
                completed=self._step_completed,
                initialized=self._initialized,
                warmed_up=self._ready,
                training=self._training,
                model=self._model_news,
                log=self._log,
                plot=self._plot,
                order_event=self._order_event,
                statistic=self._statistic,
                send_out=self._parts.notifying.send_out,
                insight=self.insights.take,
                decided=self._decided,
            )
        )

    async def stop(self, reason: str) -> None:
        """Ask the engine to end, wait a little, then make it; return when it is dead."""
        keeper, link = self.keeper, self.keeper.link
        if link is not None and keeper.ready:
            keeper.retire()
            link.send(StopRequested(self._parts.clock.now_ns, reason))
            try:
                async with asyncio.timeout(STOP_LIMIT_S):
                    await self._parts.changes.until(lambda: keeper.process is None)
            except TimeoutError:
                self._parts.logs.daemon("engine_stop_overdue", level="warning", limit_s=STOP_LIMIT_S)
        self.dismiss(reason)
        await self._parts.changes.until(lambda: keeper.process is None)

    def dismiss(self, reason: str) -> None:
        """SIGKILL the engine and forget what it still wanted."""
        self.keeper.dismiss(reason)
        self.commands.clear()
        self.orders.drop(reason)

    async def _prepare(self) -> StartEngine:
        parts, settings = self._parts, self._parts.settings
        parts.training.engine_started()
        self._model_news.engine_started()
        parts.gateway.warming = True
        # An instant that the engine before has seen is not to be traded a second time: it is past.
        seen = self._router is not None and self._router.events > 0
        if seen and self._router is not None:
            await self._router.let_market_lead()
        time_ns = parts.clock.now_ns + 1 if seen else max(parts.clock.now_ns, self.begin_ns)
        self.warm_up_ns = time_ns
        level, limits = parts.training.level(), parts.training.limits()
        account = await parts.gateway.account()
        store = store_options(settings.object_store, parts.directory.root)
        return StartEngine(
            time_ns=time_ns,
            algorithm_path=str(settings.algorithm.path),
            class_name=settings.algorithm.class_name,
            parameters=dict(settings.algorithm.parameters)
            if parts.parameters is None
            else parts.parameters.hand_out(),
            data_folder=str(settings.data.folder),
            histories=portable(settings.histories),
            object_store=store,
            state_directory=str(parts.directory.root),
            credentials=credentials_for(store.url, os.environ),
            model_versions=settings.object_store.model_versions,
            account=account,
            bucket=level,
            training=limits,
            training_waits=parts.feed.capabilities.timeless,
            lockstep=parts.feed.capabilities.lockstep,
            host_bucket=parts.training.host_place,
            missed_trainings=None if parts.feed.capabilities.timeless else parts.training.missed(),
        )

    def _started(self, process: EngineProcess, attempt: int) -> None:
        parts = self._parts
        self.started_ns = parts.timing.wall_ns()
        parts.journal.append_soon(EngineStarted(self.started_ns, process.pid, attempt))
        parts.logs.daemon("engine_started", pid=process.pid, attempt=attempt)

    def _ready(self, process: EngineProcess, message: WarmedUp) -> None:
        if process is not self.keeper.process:
            return  # it died with this on its lips
        self._tell_short(message)
        self._parts.gateway.warming = False
        self.warm_up_ns = None
        self._parts.logs.daemon("engine_ready", pid=process.pid, warm_up_points=message.warm_up_points)
        self.keeper.warmed_up()
        if self._parts.parameters is not None:
            self._parts.parameters.catch_up()
        self._authority.engine_ready()

    def _tell_parameters(self, parameters: dict[str, str]) -> bool:
        """Hand changed parameters to the engine; not to one that is still beginning, which asks again."""
        link = self.keeper.link
        if link is None or not self.keeper.ready:
            return False
        link.send(ParametersChanged(self._parts.clock.now_ns, parameters))
        return True

    def _tell_short(self, message: WarmedUp) -> None:
        """Say which streams were warmed up by less than was asked for, before anything can be traded."""
        parts = self._parts
        self.short = tuple(each.words for each in message.short)
        for each in message.short[:SHORT_TOLD]:
            parts.logs.daemon("warm_up_short", level="warning", message=each.words)
        if self.short:
            more = f" (and {len(self.short) - 1} more)" if len(self.short) > 1 else ""
            step = (
                "indicators of it may be wrong: fill the data folder or name another [[history]], and restart"
            )
            parts.notify("warm-up is short", self.short[0] + more, step)
            words = f"the warm-up is short: {self.short[0]}{more}"
            parts.logs.algorithm(parts.clock.now_ns, LogLevel.ERROR.value, words)
            if parts.settings.engine.on_short_warm_up is OnShortWarmUp.HALT:
                self._authority.halt(f"{words}; engine.on_short_warm_up = halt", "warm-up")

    def _lost(self, process: EngineProcess, end: EngineEnd) -> None:
        parts = self._parts
        words = f"{end.cause}: {end.detail}"
        parts.journal.append_soon(EngineLost(parts.timing.wall_ns(), process.pid, words))
        parts.metrics.restarts.labels(end.cause.value).inc()
        self.commands.tell_trainings()
        self.orders.drop(f"the engine that asked for it was lost: {words}")
        for job in parts.training.under_way():
            parts.notify(f"training {job.name} lost", f"job {job.job} ended with its engine: {words}", "")
            parts.logs.daemon(
                "training_lost", level="error", job=job.job, name=job.name, minutes=job.minutes_used,
                next_step="its minutes stay paid; an occurrence of a schedule is not started again",
            )  # fmt: skip
        fields: dict[str, object] = {"traceback": end.traceback} if end.traceback else {}
        parts.logs.daemon("engine_lost", level="error", cause=end.cause.value, detail=end.detail, **fields)
        if parts.settings.engine.on_lost is OnLost.LIQUIDATE:
            self._authority.liquidate(f"the engine process was lost: {words}", "engine")

    def _spent(self, verdict: GiveUp, end: EngineEnd) -> None:
        reason = f"the engine process failed {verdict.failures} times; the last time: {end.detail}"
        match self._parts.settings.engine.on_restarts_spent:
            case OnSpent.LIQUIDATE:
                self._authority.liquidate(reason, "restarts")
            case OnSpent.HALT:
                self._authority.halt(reason, "restarts")
            case OnSpent.EXIT:
                self._authority.end(reason, EngineGivenUpError(reason))

    def _step_completed(self, message: StepCompleted) -> None:
        self._parts.metrics.steps.inc()
        if self._router is not None:
            self._router.completed(message.sequence)

    def _training(self, link: Link, news: News) -> None:
        self._training_news(link, news, self.beat)
        process, restart = self.keeper.process, OnRunaway.RESTART
        if not isinstance(news, TrainingReported) or not news.abandoned or process is None:
            return
        if self._parts.settings.training.on_runaway is restart:
            process.kill(EndCause.RUNAWAY, f"training {news.name!r} (job {news.job}) does not stop")

    @property
    def beat(self) -> Beat | None:
        """The newest beat of the engine process, None where there is none."""
        process = self.keeper.process
        return None if process is None else process.beat

    def _decided(self, command: SubmitOrder) -> None:
        self._parts.flights.decided(command)
        self.decisions.wanted(command)

    def _order_event(self, noted: NoteOrderEvent) -> None:
        self.decisions.noted(noted)
        self.results.order_event(noted)

    def _log(self, line: WriteLog) -> None:
        self._parts.logs.algorithm(line.time_ns, line.level.value, line.message)

    def _plot(self, message: DeclareSeries | Plot) -> None:
        self.plots += 1
        self.results.chart(message)

    def _initialized(self, message: Initialized) -> None:
        self.results.name(message.algorithm_id)
        self.keeper.initialized()

    def _statistic(self, name: str, value: str) -> None:
        if name in self.statistics or len(self.statistics) < STATISTICS_KEPT:
            self.statistics[name] = value
