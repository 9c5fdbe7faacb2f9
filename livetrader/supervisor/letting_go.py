"""How the daemon lets go of the account: the engine first, then the kill switch until the account is flat."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Final

from livetrader.gateway.killstages import KillStage
from livetrader.supervisor.parts import Parts
from livetrader.supervisor.states import LETTING_GO, DaemonState, StateMachine

TRIGGERS: Final = frozenset(
    {"signal", "loss", "engine", "restarts", "shutdown"}
)  # of the kill switch, beside people
END_PAUSE_S: Final = 0.02  # between looks at a liquidation that a stop waits for

Spawn = Callable[[str, Coroutine[object, object, None]], None]


class LettingGo:
    """Runs the kill switch in a task of the supervisor's, one run at a time. Belongs to the loop's thread.

    `dismiss` kills the engine process. What is done to the account is the kill switch's own business.
    """

    def __init__(
        self, parts: Parts, state: StateMachine, dismiss: Callable[[str], None], spawn: Spawn
    ) -> None:
        self._parts = parts
        self._state = state
        self._dismiss = dismiss
        self._spawn = spawn
        self._running = False

    def liquidate(self, reason: str, source: str) -> None:
        """Run the kill switch; join a run that is under way. New orders are refused before this returns."""
        self._parts.gateway.halt(reason, source, persist=False)  # the latch persists it
        self._parts.metrics.kill_trips.labels(source if source in TRIGGERS else "operator").inc()
        self.go_on(reason, source)

    def go_on(self, reason: str, source: str) -> None:
        """Kill the engine and let the kill switch work, also one that an earlier process tripped."""
        if self._state.current is not DaemonState.STOPPED:
            self._state.move(DaemonState.LIQUIDATING, reason)
        self._dismiss(reason)
        if not self._running:
            self._running = True
            self._spawn("liquidation", self._drive(reason, source))

    def watch_loss(self) -> None:
        """Liquidate where the limit of the day's loss is reached."""
        if self._state.current not in LETTING_GO and self._parts.gateway.loss_limit_reached():
            loss = self._parts.gateway.daily_loss()
            self.liquidate(
                f"lost {loss:.2f} today; daily_loss is {self._parts.settings.limits.daily_loss}", "loss"
            )

    async def over(self) -> None:
        """Let a liquidation under way end, so that no half a book is left; wait for no market to open."""
        while self._running and self._parts.kill.stage is not KillStage.WAITING:
            await self._parts.timing.sleep(END_PAUSE_S)

    async def _drive(self, reason: str, source: str) -> None:
        begun_s = self._parts.timing.monotonic_s()
        try:
            await self._parts.kill.trip(reason, source)
        finally:
            self._running = False
        self._parts.metrics.kill_seconds.observe(self._parts.timing.monotonic_s() - begun_s)
        if self._parts.kill.stage is KillStage.FLAT:
            self._state.move_from((DaemonState.LIQUIDATING,), DaemonState.FLAT, "verified flat")
