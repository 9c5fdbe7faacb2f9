"""The daemon: starts everything in order, keeps it going, ends it in reverse. Owns the only TaskGroup.

start   journal -> kill latch -> control API -> brokerage: snapshot, reconcile -> feed -> engine -> READY
end     gate shut -> engine asked, then killed -> on_shutdown -> feed, brokerage, control API, journal

It composes and sequences. What is decided about money is decided elsewhere.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine
from typing import Final, Protocol

from livetrader import __version__
from livetrader.errors import ControlRefusedError, DaemonError, NotFlatError
from livetrader.gateway.killstages import KillStage
from livetrader.gateway.takeover import StateLock
from livetrader.journal.records import DaemonStarted, DaemonStopped
from livetrader.settings import OnFeedEnd, OnShutdown
from livetrader.supervisor import signals
from livetrader.supervisor.brokerage_session import BrokeragePorts, BrokerageSession
from livetrader.supervisor.engine_care import EngineCare
from livetrader.supervisor.feed_session import FeedPorts, FeedSession
from livetrader.supervisor.parts import Parts
from livetrader.supervisor.router import Router, RouterPorts
from livetrader.supervisor.states import LETTING_GO, DaemonState, StateMachine
from livetrader.telemetry.systemd import Notifier
from livetrader_engine.events import (
    BrokerageMessageArrived,
    BrokerageMessageKind,
    DataEnded,
)
from livetrader_engine.spi import BrokerageMessage, FeedStatus, MarketObserver

TRIGGERS: Final = frozenset(
    {"signal", "loss", "engine", "restarts", "shutdown"}
)  # of the kill switch, beside people
PULSE_S: Final = 1.0  # TimePulse for feeds that do not keep time
CLOSE_LIMIT_S: Final = 10.0  # one plugin's close
END_PAUSE_S: Final = 0.02  # between looks at a liquidation that a stop waits for


class Server(Protocol):
    """What the supervisor needs of the control API."""

    async def start(self) -> None:
        """Listen. Raises ConfigError where the address cannot be had."""
        ...

    async def stop(self) -> None:
        """Listen no longer; idempotent."""
        ...


class Supervisor:
    """One daemon. Belongs to the loop's thread; `run` is its whole life.

    The public methods are what signals and the control API may ask for; they return at once.
    """

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.state = StateMachine(self._state_changed)
        self._ending: str | None = None
        self._failure: DaemonError | None = None
        self._liquidating = False
        self.start_over = False
        self.started_ns = parts.timing.wall_ns()
        self.notifier: Notifier = parts.notifier_for(self.beats_fresh)
        self.server: Server | None = None
        self.housekeeping: Callable[[], Coroutine[object, object, None]] | None = None
        self.care = EngineCare(parts, self)
        self.keeper = self.care.keeper
        observer = parts.brokerage if isinstance(parts.brokerage, MarketObserver) else None
        self.router = Router(
            RouterPorts(
                parts.clock,
                parts.gateway,
                observer if parts.brokerage.capabilities.simulated else None,
                self.keeper,
                self.state,
                parts.changes,
                self._watch_loss,
            ),
            parts.feed.capabilities,
        )
        self.feed = FeedSession(self._feed_ports())
        self.brokerage = BrokerageSession(self._brokerage_ports())
        self.care.attach(self.router, self.feed)
        parts.relay.link = lambda: self.keeper.link
        parts.relay.gateway = parts.gateway

    # -- life ------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Be the daemon until it has been stopped. Raises DaemonError with the exit code of its kind."""
        parts = self.parts
        parts.directory.create()
        lock = StateLock.acquire(parts.directory.lock)
        try:
            await parts.journal.open()
            try:
                await self._run_tasks()
            finally:
                await self._close()
        finally:
            lock.release()
        if self._failure is not None:
            raise self._failure

    async def _run_tasks(self) -> None:
        parts = self.parts
        actions = signals.SignalActions(
            lambda name: self.end(f"signal {name}"),
            self._abort,
            lambda name: self.liquidate(f"signal {name}", "signal"),
        )
        async with asyncio.TaskGroup() as group:
            parts.tasks.open(group)
            with signals.handled(asyncio.get_running_loop(), actions):
                self._spawn("start", self._begin())
                await parts.changes.until(lambda: self._ending is not None)
                await self._finish()
            parts.tasks.cancel_all()

    async def _begin(self) -> None:
        """Start everything in order; the state says how far we are."""
        parts = self.parts
        parts.training.load(parts.journal.state.bucket)
        parts.journal.append_soon(DaemonStarted(parts.timing.wall_ns(), os.getpid(), __version__))
        parts.kill.load()
        if self.server is not None:
            await self.server.start()
        if self.housekeeping is not None:
            self._spawn("housekeeping", self.housekeeping())
        self._spawn("commands", self.care.commands.run())
        self._move(DaemonState.RECONCILING, "the brokerage is asked what is true", DaemonState.STARTING)
        await self.brokerage.connect()
        self._spawn("brokerage", self.brokerage.run())
        self._spawn("gateway", parts.gateway.watch())
        self._spawn("kill switch", parts.kill.watch())
        self.care.begin_ns = await self.feed.connect()
        if parts.feed.capabilities.keeps_time:
            parts.clock.follow(self.care.begin_ns)
        self._spawn("feed", self.feed.run())
        self._spawn("engine", self.keeper.run())
        if not parts.feed.capabilities.keeps_time:
            self._spawn("pulse", self._pulse())
        self._open_for_business()

    def _open_for_business(self) -> None:
        kill, gateway = self.parts.kill, self.parts.gateway
        if self._ending is not None or self.state.current in LETTING_GO:
            pass  # somebody wanted out while we were starting
        elif kill.latched and kill.record is not None:
            self.parts.logs.daemon("latched", level="warning", next_step="check the account, then resume")
            if kill.stage is KillStage.FLAT:
                self._move(DaemonState.LIQUIDATING, "the kill switch is latched")
                self._move(DaemonState.FLAT, "an earlier liquidation ended flat")
            else:
                self._let_go(kill.record.reason, kill.record.source)
        elif gateway.halted:
            self._move(DaemonState.HALTED, gateway.halt_reason)
            self.keeper.want()
        else:
            self._move(DaemonState.RUNNING, "reconciled")
            self.keeper.want()
        if not self.keeper.expected:
            self._say_ready("latched")

    async def _pulse(self) -> None:
        while True:
            await self.parts.timing.sleep(PULSE_S)
            await self.router.pulse(self.parts.timing.wall_ns())

    # -- what may be asked for -------------------------------------------------------------------------

    def end(self, reason: str, failure: DaemonError | None = None) -> None:
        """End the daemon in good order; the first reason stands."""
        if self._ending is None:
            self._ending, self._failure = reason, failure
            self.parts.logs.daemon("stopping", reason=reason)
            self.parts.changes.announce()

    def halt(self, reason: str, source: str) -> None:
        """Refuse new orders from now on."""
        self.parts.gateway.halt(reason, source)
        if self.state.current in (DaemonState.RUNNING, DaemonState.RECONCILING):
            self._move(DaemonState.HALTED, reason)

    def liquidate(self, reason: str, source: str) -> None:
        """Run the kill switch; join a run that is under way. New orders are refused before this returns."""
        self.parts.gateway.halt(reason, source, persist=False)  # the latch persists it
        self.parts.metrics.kill_trips.labels(source if source in TRIGGERS else "operator").inc()
        self._let_go(reason, source)

    async def resume(self, who: str, kill_id: str | None, *, accept_residue: bool) -> None:
        """Allow orders again and unlatch. Raises ControlRefusedError where that is not possible (yet)."""
        kill, gateway = self.parts.kill, self.parts.gateway
        if kill.latched:
            try:
                await kill.resume(kill_id or "", who, accept_residue=accept_residue)
            except NotFlatError as error:
                raise ControlRefusedError(f"{error}; wait, or accept the residue") from error
        else:
            await gateway.resume(who)
        if kill.latched or gateway.halted:  # somebody wanted out while this was made durable
            raise ControlRefusedError(f"halted again meanwhile: {gateway.halt_reason}")
        if self.state.current in (DaemonState.HALTED, *LETTING_GO):
            self._move(DaemonState.RUNNING, f"resumed by {who}")
        self.keeper.want()

    def beats_fresh(self) -> bool:
        """Return whether no supervised part is beyond its limit; without this systemd is not fed."""
        process = self.keeper.process
        return process is None or process.beat_age_s <= self.parts.settings.engine.io_beat_limit_s + 1.0

    # -- the kill switch -------------------------------------------------------------------------------

    def _let_go(self, reason: str, source: str) -> None:
        """Kill the engine and let the kill switch work until the account is flat."""
        if self.state.current is not DaemonState.STOPPED:
            self._move(DaemonState.LIQUIDATING, reason)
        self.care.dismiss(reason)
        if not self._liquidating:
            self._liquidating = True
            self._spawn("liquidation", self._drive_kill(reason, source))

    async def _drive_kill(self, reason: str, source: str) -> None:
        begun_s = self.parts.timing.monotonic_s()
        try:
            await self.parts.kill.trip(reason, source)
        finally:
            self._liquidating = False
        self.parts.metrics.kill_seconds.observe(self.parts.timing.monotonic_s() - begun_s)
        if self.parts.kill.stage is KillStage.FLAT:
            self._move(DaemonState.FLAT, "verified flat", DaemonState.LIQUIDATING)

    def _watch_loss(self) -> None:
        if self.state.current not in LETTING_GO and self.parts.gateway.loss_limit_reached():
            loss = self.parts.gateway.daily_loss()
            self.liquidate(
                f"lost {loss} today; daily_loss is {self.parts.settings.limits.daily_loss}", "loss"
            )

    # -- brokerage and feed ----------------------------------------------------------------------------

    def _brokerage_lost(self, reason: str) -> None:
        self._move(DaemonState.RECONCILING, reason, DaemonState.RUNNING, DaemonState.HALTED)
        self._tell_engine(BrokerageMessageKind.DISCONNECTED, reason)

    def _brokerage_regained(self) -> None:
        target = DaemonState.HALTED if self.parts.gateway.halted else DaemonState.RUNNING
        self.parts.metrics.reconnects.labels("brokerage").inc()
        self._move(target, "reconciled again", DaemonState.RECONCILING)
        self._tell_engine(BrokerageMessageKind.RECONNECTED, "the brokerage is connected and reconciled again")

    def _brokerage_said(self, message: BrokerageMessage) -> None:
        self.parts.logs.daemon("brokerage_message", code=message.code, message=message.message)
        link = self.keeper.link
        if link is not None:
            link.send(BrokerageMessageArrived(message.time_ns, message.kind, message.code, message.message))

    def _tell_engine(self, kind: BrokerageMessageKind, text: str) -> None:
        link = self.keeper.link
        if link is not None:
            link.send(BrokerageMessageArrived(self.parts.clock.now_ns, kind, kind.name, text))

    def _feed_said(self, status: FeedStatus) -> None:
        level = "info" if status.connected else "warning"
        self.parts.logs.daemon("feed_status", level=level, connected=status.connected, message=status.message)

    def _data_ended(self, event: DataEnded) -> None:
        self.parts.logs.daemon("data_ended", steps=self.router.events, points=self.router.points)
        if self.parts.settings.daemon.on_feed_end is OnFeedEnd.STOP:
            self.end("the data ended")

    # -- the end ---------------------------------------------------------------------------------------

    async def _finish(self) -> None:
        """End in reverse; within `shutdown_limit_s`, whatever hangs."""
        parts, reason = self.parts, self._ending or ""
        self.notifier.stopping(reason)
        parts.gateway.halt(f"the daemon is stopping: {reason}", "stop", persist=False)
        await self.care.stop(reason)
        if self._failure is not None:
            return
        limit_s = parts.settings.daemon.shutdown_limit_s
        try:
            async with asyncio.timeout(limit_s):
                await self._end_liquidation()
                await self._leave_account(reason)
        except TimeoutError:
            what = parts.settings.daemon.on_shutdown
            parts.logs.daemon("shutdown_overdue", level="error", on_shutdown=what)
        if parts.kill.latched and parts.kill.stage is not KillStage.FLAT:
            self._failure = NotFlatError(
                f"kill {parts.kill.kill_id} has not ended flat; the next start goes on with it"
            )

    async def _end_liquidation(self) -> None:
        """Let a liquidation under way end, so that no half a book is left; wait for no market to open."""
        while self._liquidating and self.parts.kill.stage is not KillStage.WAITING:
            await self.parts.timing.sleep(END_PAUSE_S)

    async def _leave_account(self, reason: str) -> None:
        """Do to the account what `on_shutdown` says; a brokerage that is away is waited for to liquidate."""
        match self.parts.settings.daemon.on_shutdown:
            case OnShutdown.CANCEL if self.brokerage.connected:
                await self.parts.gateway.cancel_all(f"the daemon is stopping: {reason}")
                await self.parts.changes.until(lambda: not self.parts.gateway.open_orders)
            case OnShutdown.LIQUIDATE if self.parts.kill.stage is not KillStage.FLAT:
                self.liquidate(f"the daemon is stopping: {reason}", "shutdown")
                await self.parts.changes.until(lambda: self.state.current is DaemonState.FLAT)
            case _:
                pass

    async def _close(self) -> None:
        """Close everything that is open; each part gets its chance, whatever the others do."""
        parts = self.parts
        if self.state.current is not DaemonState.FAILED:
            self._move(DaemonState.STOPPED, self._ending or "failed")
        if self.server is not None:
            await self._closing("control", self.server.stop())
        parts.hub.close()
        await self._closing("feed", parts.feed.close())
        await self._closing("brokerage", parts.brokerage.close())
        if self._ending is not None:
            parts.journal.append_soon(DaemonStopped(parts.timing.wall_ns(), self._ending))
        await self._closing("journal", parts.journal.close())
        self.notifier.close()

    async def _closing(self, name: str, closing: Coroutine[object, object, None]) -> None:
        try:
            async with asyncio.timeout(CLOSE_LIMIT_S):
                await closing
        except Exception as error:  # noqa: BLE001 — boundary: a plugin that cannot close must not keep the others open
            self.parts.logs.daemon("close_failed", level="error", part=name, error=repr(error), exc_info=True)

    def _abort(self, name: str) -> None:
        """End at once, after a second signal: what is journaled is safe, the child dies with us."""
        self.parts.logs.daemon("aborted", level="warning", signal=name)
        self.keeper.dismiss("aborted")
        os._exit(130)

    def _feed_ports(self) -> FeedPorts:
        parts = self.parts
        return FeedPorts(
            feed=parts.feed,
            router=self.router,
            changes=parts.changes,
            monotonic_s=parts.timing.monotonic_s,
            chance=parts.chance,
            sleep=parts.timing.sleep,
            report=parts.logs.daemon,
            said=self._feed_said,
            ended=self._data_ended,
        )

    def _brokerage_ports(self) -> BrokeragePorts:
        parts = self.parts
        return BrokeragePorts(
            brokerage=parts.brokerage,
            gateway=parts.gateway,
            monotonic_s=parts.timing.monotonic_s,
            chance=parts.chance,
            sleep=parts.timing.sleep,
            report=parts.logs.daemon,
            said=self._brokerage_said,
            lost=self._brokerage_lost,
            regained=self._brokerage_regained,
        )

    # -- inside ----------------------------------------------------------------------------------------

    def _spawn(self, name: str, coroutine: Coroutine[object, object, None]) -> None:
        self.parts.tasks.spawn(name, self._guarded(coroutine))

    async def _guarded(self, coroutine: Coroutine[object, object, None]) -> None:
        """Turn what an operator or user must mend into an orderly end; anything else is a crash."""
        try:
            await coroutine
        except DaemonError as error:
            if self.state.can(DaemonState.FAILED):
                self.state.move(DaemonState.FAILED, str(error))
            self.end(f"{type(error).__name__}: {error}", error)

    def _move(self, state: DaemonState, reason: str, *only_from: DaemonState) -> None:
        if not only_from or self.state.current in only_from:
            self.state.move(state, reason)

    def _state_changed(self, old: DaemonState, new: DaemonState, reason: str) -> None:
        self.parts.logs.daemon("state", old=old, new=new, reason=reason)
        self.parts.changes.announce()

    def engine_ready(self) -> None:
        """Take note that an engine is READY: the start is over."""
        self._say_ready("trading")

    def _say_ready(self, status: str) -> None:
        if not self.start_over:
            self.start_over = True
            self.notifier.ready(status)
