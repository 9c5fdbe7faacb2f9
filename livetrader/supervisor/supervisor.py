"""The daemon: starts everything in order, keeps it going, ends it in reverse. Owns the only TaskGroup.

start   journal -> kill latch -> control API -> brokerage: snapshot, reconcile -> feed -> engine -> READY
end     last step, gate shut -> engine asked, then killed -> on_shutdown -> feed, brokerage, control, journal

It composes and sequences. What is decided about money is decided elsewhere.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine
from typing import Final

from livetrader import __version__
from livetrader.errors import ControlRefusedError, DaemonError, NotFlatError
from livetrader.gateway.killstages import KillStage
from livetrader.gateway.takeover import StateLock
from livetrader.journal.records import DaemonStarted
from livetrader.supervisor import signals
from livetrader.supervisor.connections import Connections
from livetrader.supervisor.corporate_watch import CorporatePorts, CorporateWatch
from livetrader.supervisor.ending import Ending, Server
from livetrader.supervisor.engine_care import EngineCare
from livetrader.supervisor.letting_go import LettingGo
from livetrader.supervisor.parts import Parts
from livetrader.supervisor.router import Router, RouterPorts
from livetrader.supervisor.session_watch import SessionWatch, WatchPorts
from livetrader.supervisor.states import LETTING_GO, DaemonState, StateMachine
from livetrader.telemetry.systemd import Notifier
from livetrader_engine.spi import MarketObserver
from livetrader_engine.spi_data import ActionBooker, Resumable

PULSE_S: Final = 1.0  # TimePulse for feeds that do not keep time


class Supervisor:
    """One daemon. Belongs to the loop's thread; `run` is its whole life.

    The public methods are what signals and the control API may ask for; they return at once.
    """

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.state = StateMachine(self._state_changed)
        self.start_over = False
        self.started_ns = parts.timing.wall_ns()
        self.notifier: Notifier = parts.notifier_for(self.beats_fresh)
        self.server: Server | None = None
        self.housekeeping: Callable[[], Coroutine[object, object, None]] | None = None
        self.care = EngineCare(parts, self)
        self.keeper = self.care.keeper
        self._letting_go = LettingGo(parts, self.state, self.care.dismiss, self._spawn)
        self._ending = Ending(parts, self.state, self._letting_go)
        observer = parts.brokerage if isinstance(parts.brokerage, MarketObserver) else None
        self.router = Router(
            RouterPorts(
                parts.clock,
                parts.gateway,
                observer if parts.brokerage.capabilities.simulated else None,
                self.keeper,
                self.state,
                parts.changes,
                self._marked,
                parts.logs.daemon,
                parts.feed.taken if isinstance(parts.feed, Resumable) else lambda: None,
                parts.flights.tick,
            ),
            parts.feed.capabilities,
        )
        self.watch = SessionWatch(
            WatchPorts(
                parts.brokerage,
                parts.gateway,
                parts.settings.account,
                parts.timing.wall_ns,
                parts.timing.monotonic_s,
                parts.timing.sleep,
                parts.logs.daemon,
                parts.notify,
            )
        )
        connections = Connections(parts, self.state, self.router, self.care, self.watch, self.end)
        self.feed, self.brokerage = connections.feed, connections.brokerage
        self.care.attach(self.router, self.feed, self.watch.orders)
        self.corporate = _corporate_watch(parts, self.router, connections)
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
                await self._ending.close(self.server, self.notifier)
        finally:
            lock.release()
        if self._ending.failure is not None:
            raise self._ending.failure

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
                await parts.changes.until(lambda: self._ending.reason is not None)
                self.notifier.stopping(self._ending.reason or "")
                await self._ending.finish(self.care, self.router, self.brokerage)
                await self.care.results.write(end=True)
            await parts.notifying.flush()
            parts.tasks.cancel_all()

    async def _begin(self) -> None:
        """Start everything in order; the state says how far we are."""
        parts = self.parts
        parts.training.load(parts.journal.state.bucket, parts.journal.state.settled_ns)
        parts.journal.append_soon(DaemonStarted(parts.timing.wall_ns(), os.getpid(), __version__))
        parts.kill.load()
        if self.server is not None:
            await self.server.start()
        if self.housekeeping is not None:
            self._spawn("housekeeping", self.housekeeping())
        self._spawn("commands", self.care.commands.run())
        await self.care.results.load()
        self._spawn("results", self.care.results.run())
        self.state.move_from(
            (DaemonState.STARTING,), DaemonState.RECONCILING, "the brokerage is asked what is true"
        )
        self._spawn("brokerage watch", self.watch.run())
        if self.corporate is not None:
            await self.corporate.begin()  # the account may have changed by itself
        await self.brokerage.connect()
        self._spawn("brokerage", self.brokerage.run())
        self._spawn("gateway", parts.gateway.watch())
        self._spawn("kill switch", parts.kill.watch())
        self.care.begin_ns = await self.feed.connect()
        if parts.feed.capabilities.keeps_time:
            parts.clock.follow(self.care.begin_ns)
        if self.corporate is not None:
            self._spawn("corporate actions", self.corporate.run())
        self._spawn("feed", self.feed.run())
        self._spawn("engine", self.keeper.run())
        if not parts.feed.capabilities.keeps_time:
            self._spawn("pulse", self._pulse())
        self._open_for_business()

    def _open_for_business(self) -> None:
        kill, gateway = self.parts.kill, self.parts.gateway
        if self._ending.reason is not None or self.state.current in LETTING_GO:
            pass  # somebody wanted out while we were starting
        elif kill.latched and kill.record is not None:
            self.parts.logs.daemon("latched", level="warning", next_step="check the account, then resume")
            if kill.stage is KillStage.FLAT:
                self.state.move(DaemonState.LIQUIDATING, "the kill switch is latched")
                self.state.move(DaemonState.FLAT, "an earlier liquidation ended flat")
            else:
                self._letting_go.go_on(kill.record.reason, kill.record.source)
        elif gateway.halted:
            self.state.move(DaemonState.HALTED, gateway.halt_reason)
            self.keeper.want()
        else:
            self.state.move(DaemonState.RUNNING, "reconciled")
            self.keeper.want()
        if not self.keeper.expected:
            self._say_ready("latched")

    def _marked(self) -> None:
        """Look at the account: new prices are in place."""
        self._letting_go.watch_loss()
        self.care.results.look()

    async def _pulse(self) -> None:
        while True:
            await self.parts.timing.sleep(PULSE_S)
            await self.router.pulse(self.parts.timing.wall_ns())

    # -- what may be asked for -------------------------------------------------------------------------

    def end(self, reason: str, failure: DaemonError | None = None) -> None:
        """End the daemon in good order; the first reason stands."""
        self._ending.ask(reason, failure)

    def halt(self, reason: str, source: str) -> None:
        """Refuse new orders from now on."""
        self.parts.gateway.halt(reason, source)
        if self.state.current in (DaemonState.RUNNING, DaemonState.RECONCILING):
            self.state.move(DaemonState.HALTED, reason)

    def liquidate(self, reason: str, source: str) -> None:
        """Run the kill switch; join a run that is under way. New orders are refused before this returns."""
        self._letting_go.liquidate(reason, source)

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
            self.state.move(DaemonState.RUNNING, f"resumed by {who}")
        self.keeper.want()

    def beats_fresh(self) -> bool:
        """Return whether no supervised part is beyond its limit; without this systemd is not fed."""
        process = self.keeper.process
        return process is None or process.beat_age_s <= self.parts.settings.engine.io_beat_limit_s + 1.0

    def _abort(self, name: str) -> None:
        """End at once, after a second signal: what is journaled is safe, the child dies with us."""
        self.parts.logs.daemon("aborted", level="warning", signal=name)
        self.keeper.dismiss("aborted")
        os._exit(130)

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

    def _state_changed(self, old: DaemonState, new: DaemonState, reason: str) -> None:
        self.parts.logs.daemon("state", old=old, new=new, reason=reason)
        self.parts.changes.announce()

    def engine_ready(self) -> None:
        """Take note that an engine is READY: the start is over."""
        if self.corporate is not None:
            self.corporate.engine_ready()
        self._say_ready("trading")

    def _say_ready(self, status: str) -> None:
        if not self.start_over:
            self.start_over = True
            self.notifier.ready(status)


def _corporate_watch(parts: Parts, router: Router, connections: Connections) -> CorporateWatch | None:
    """Return the watch for splits and the like; a feed that keeps time tells them in its data."""
    if parts.announcements is None or parts.feed.capabilities.keeps_time:
        return None
    return CorporateWatch(
        CorporatePorts(
            announcements=parts.announcements,
            gateway=parts.gateway,
            booker=parts.brokerage if isinstance(parts.brokerage, ActionBooker) else None,
            subscribed=lambda: [stream.symbol for stream in connections.feed.subscriptions],
            tell=router.tell_actions,
            now_ns=lambda: parts.clock.now_ns,
            monotonic_s=parts.timing.monotonic_s,
            sleep=parts.timing.sleep,
            report=parts.logs.daemon,
            notify=parts.notify,
        )
    )
