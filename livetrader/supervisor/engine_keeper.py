"""Keeps one engine process alive within the restart budget: restart.py decides, engine_process.py acts."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

from livetrader.changes import Changes
from livetrader.errors import AlgorithmLoadError
from livetrader.ipc.link import Link
from livetrader.ipc.messages import FromEngine, StartEngine
from livetrader.restart import GiveUp, RestartPolicy, decide, recent
from livetrader.settings import EngineSettings, OnLost
from livetrader.supervisor.engine_process import EndCause, EngineEnd, EngineProcess

# A first start that ends like this is the algorithm's own fault: another attempt would end the same way.
_NOT_LOADED = frozenset({EndCause.FAILED, EndCause.EXITED, EndCause.LATE})


class KeeperState(StrEnum):
    """Where the engine is, in the operator's words."""

    STOPPED = "stopped"  # nobody wants it
    STARTING = "starting"
    WARMING_UP = "warming_up"
    RUNNING = "running"
    WAITING = "waiting"  # for the pause before a restart to pass
    GIVEN_UP = "given_up"  # the restart budget is spent
    FINISHED = "finished"  # the algorithm ended by itself


@dataclass(frozen=True, slots=True)
class KeeperPorts:
    """What the keeper works with. The callbacks belong to the supervisor and must not block.

    `prepare` makes the first message; after it has returned nothing may be awaited before the link exists,
    so that no order event falls between the account it tells and the events that follow.
    """

    settings: EngineSettings
    monotonic_s: Callable[[], float]
    chance: Callable[[], float]
    changes: Changes
    prepare: Callable[[], Awaitable[StartEngine]]
    received: Callable[[EngineProcess, FromEngine], None]
    drained: Callable[[], Awaitable[None]]
    output: Callable[[str], None]
    started: Callable[[EngineProcess, int], None]
    lost: Callable[[EngineProcess, EngineEnd], None]
    spent: Callable[[GiveUp, EngineEnd], None]
    finished: Callable[[EngineEnd], None]


class EngineKeeper:
    """Owns the engine process. Belongs to the loop's thread; `run` is its task.

    `want` and `dismiss` say whether there should be one; a dismissed engine is killed, never asked.
    """

    def __init__(self, ports: KeeperPorts) -> None:
        self._ports = ports
        settings = ports.settings
        self._policy = RestartPolicy(
            settings.restarts,
            settings.restart_window_s,
            settings.restart_delay_s,
            settings.restart_delay_max_s,
        )
        self._wanted = False
        self._failures: list[float] = []
        self._attempts = 0
        self._ever_ready = False
        self.process: EngineProcess | None = None
        self.state = KeeperState.STOPPED
        self.ready = False
        self.last_failure = ""

    @property
    def link(self) -> Link | None:
        """The link to the engine process, None while there is none."""
        return None if self.process is None else self.process.link

    @property
    def expected(self) -> bool:
        """Whether an engine is there or on its way."""
        return self._wanted

    @property
    def restarts(self) -> int:
        """How often it was started again since the daemon started."""
        return max(0, self._attempts - 1)

    @property
    def restarts_in_window(self) -> int:
        """How many failures count against the budget now."""
        return len(recent(self._failures, self._ports.monotonic_s(), self._policy))

    def want(self) -> None:
        """Have an engine from now on; the restart budget begins anew."""
        if not self._wanted:
            self._wanted = True
            self._failures.clear()
            self._ports.changes.announce()

    def dismiss(self, reason: str) -> None:
        """Have no engine from now on: SIGKILL it at once where there is one."""
        self._wanted = self.ready = False
        if self.process is not None:
            self.process.kill(EndCause.KILLED, reason)
        else:
            self.state = KeeperState.STOPPED
        self._ports.changes.announce()

    def retire(self) -> None:
        """Start no other engine when this one ends; it has been asked to end."""
        self._wanted = False

    def warmed_up(self) -> None:
        """Take note that everything the engine asked for before READY has been handled: data may flow."""
        if self.process is not None and self.process.alive and self._wanted:
            self._ever_ready = self.ready = True
            self._go(KeeperState.RUNNING)

    def initialized(self) -> None:
        """Take note that warm-up began."""
        self._go(KeeperState.WARMING_UP)

    async def run(self) -> None:
        """Keep an engine while one is wanted. Raises AlgorithmLoadError if the first cannot start."""
        while True:
            await self._ports.changes.until(lambda: self._wanted)
            process, end = await self._one_life()
            if not self._wanted or end.cause is EndCause.KILLED:
                self._go(KeeperState.STOPPED)  # dismissed, and perhaps wanted again since
            elif end.cause is EndCause.FINISHED:
                self._wanted = False
                self._go(KeeperState.FINISHED)
                self._ports.finished(end)
            else:
                await self._after_loss(process, end)

    async def _one_life(self) -> tuple[EngineProcess, EngineEnd]:
        self._attempts += 1
        self._go(KeeperState.STARTING)
        start = await self._ports.prepare()
        process = EngineProcess(
            self._ports.settings,
            self._ports.monotonic_s,
            lambda message: self._ports.received(process, message),
            self._ports.output,
            lambda: self._ports.started(process, self._attempts),
        )
        self.process = process
        if not self._wanted:  # dismissed while it was prepared
            process.kill(EndCause.KILLED, "no engine is wanted any more")
        process.link.send(start)
        try:
            end = await process.run()
        finally:
            self.process = None
            self.ready = False
            self._ports.changes.announce()
        return process, end

    async def _after_loss(self, process: EngineProcess, end: EngineEnd) -> None:
        self.last_failure = f"{end.cause}: {end.detail}"
        if not self._ever_ready and end.cause in _NOT_LOADED:
            self._wanted = False
            self._go(KeeperState.GIVEN_UP)
            raise AlgorithmLoadError(end.traceback or f"the algorithm did not start: {end.detail}")
        now_s = self._ports.monotonic_s()
        self._failures = [*recent(self._failures, now_s, self._policy), now_s]
        self._go(KeeperState.WAITING)
        self._ports.lost(process, end)
        if not self._wanted or self._ports.settings.on_lost is OnLost.LIQUIDATE:
            return  # the supervisor has tripped the kill switch, which dismissed us
        await self._ports.drained()  # what it still said is done before the account is told to the next one
        verdict = decide(self._failures, now_s, self._policy, self._ports.chance())
        if isinstance(verdict, GiveUp):
            self._wanted = False
            self._go(KeeperState.GIVEN_UP)
            self._ports.spent(verdict, end)
            return
        try:
            async with asyncio.timeout(verdict.delay_s):
                await self._ports.changes.until(lambda: not self._wanted)
        except TimeoutError:
            return  # the pause has passed

    def _go(self, state: KeeperState) -> None:
        self.state = state
        self._ports.changes.announce()
