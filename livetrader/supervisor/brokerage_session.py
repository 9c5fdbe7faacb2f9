"""Keeps the brokerage connected. A lost connection shuts the gateway until the account is reconciled."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from livetrader.errors import AccountMismatchError, ConfigError
from livetrader.gateway.gateway import Gateway
from livetrader.restart import Restart, RestartPolicy, decide
from livetrader.supervisor.session_watch import SessionWatch
from livetrader_engine.spi import (
    BrokerageEvent,
    BrokerageMessage,
    BrokeragePlugin,
    PluginError,
    VenueError,
)

RECONNECT: Final = RestartPolicy(restarts=-1, window_s=600.0, delay_s=0.5, delay_max_s=30.0)  # never gives up
HURRY: Final = RestartPolicy(restarts=-1, window_s=600.0, delay_s=0.1, delay_max_s=0.25)  # while liquidating
LOOK_S: Final = 0.5  # within a pause: a liquidation that is asked for meanwhile must not wait it out


@dataclass(frozen=True, slots=True)
class BrokeragePorts:
    """What the session works with. `said` and `lost` must not block.

    `watch` judges the connection; `lost` and `regained` tell everybody else. `hurried`: an account has to
    become flat, every second counts.
    """

    brokerage: BrokeragePlugin
    gateway: Gateway
    watch: SessionWatch
    monotonic_s: Callable[[], float]
    chance: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]
    report: Callable[..., None]
    said: Callable[[BrokerageMessage], None]
    lost: Callable[[str], None]
    regained: Callable[[], None]
    hurried: Callable[[], bool] = lambda: False


class BrokerageSession:
    """Owns the connection to the brokerage. Belongs to the loop's thread.

    The engine process may come and go; the session does not notice.
    """

    def __init__(self, ports: BrokeragePorts) -> None:
        self._ports = ports
        self._failures: list[float] = []
        self._reason = ""  # of the newest failure
        self.connected = False
        self._was_connected = False
        self.reconnects = 0

    async def connect(self) -> None:
        """Connect and reconcile, as often as it takes. The gate is open when this returns.

        Raises ConfigError where the plugin says, at the first connection, that settings have to be mended.
        Later on that is retried like anything else: there may be positions to look after.
        """
        while True:
            try:
                await self._ports.gateway.reconcile_at_start()
            except (PluginError, AccountMismatchError) as error:
                if not isinstance(error, VenueError) and not self._was_connected:
                    if isinstance(error, AccountMismatchError):
                        raise
                    raise ConfigError([f"[brokerage] {error}"]) from error
                reason = f"the brokerage cannot be reached: {error}"
                self._ports.watch.lost(reason)
                await self._pause(reason)
            else:
                self.connected = self._was_connected = True
                self._reason = ""
                self._ports.watch.regained()
                return

    async def run(self) -> None:
        """Hand events to the gateway for ever; reconnect and reconcile whenever the brokerage is lost."""
        ports = self._ports
        while True:
            reason = await self._carried(aiter(ports.brokerage.events()))
            self.connected = False
            ports.gateway.disconnected(reason)
            ports.watch.lost(reason)
            ports.lost(reason)
            await self._pause(reason)
            await self.connect()
            ports.gateway.tell_account()  # positions may have been adjusted meanwhile
            self.reconnects += 1
            ports.regained()

    async def _carried(self, events: AsyncIterator[BrokerageEvent]) -> str:
        """Carry events until the brokerage is lost; return why."""
        ports = self._ports
        while True:
            try:
                event = await anext(events)
            except StopAsyncIteration:
                return "the brokerage ended the session"
            except VenueError as error:
                return str(error)
            except Exception as error:  # noqa: BLE001 — boundary: a plugin's own fault must not stop the daemon
                ports.report("brokerage_plugin_failed", level="error", asked="events", exc_info=True)
                return f"the brokerage plugin failed: {error!r}"
            if isinstance(event, BrokerageMessage):
                ports.said(event)
            else:
                await ports.gateway.on_event(event)

    async def _pause(self, reason: str) -> None:
        now_s = self._ports.monotonic_s()
        self._failures = [*self._failures[-64:], now_s]
        if reason != self._reason:  # a weekend has thousands of attempts; the status counts them
            self._ports.report("brokerage_reconnect", level="warning", reason=reason)
        self._reason = reason
        chance, slept_s = self._ports.chance(), 0.0
        while True:
            left_s = max(0.0, self._delay_s(now_s, chance) - slept_s)
            await self._ports.sleep(min(left_s, LOOK_S))
            if left_s <= LOOK_S:
                return
            slept_s += LOOK_S

    def _delay_s(self, now_s: float, chance: float) -> float:
        policy = HURRY if self._ports.hurried() else RECONNECT
        verdict = decide(self._failures, now_s, policy, chance)
        assert isinstance(verdict, Restart), "a brokerage is never given up"
        return verdict.delay_s
