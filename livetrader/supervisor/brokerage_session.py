"""Keeps the brokerage connected. A lost connection shuts the gateway until the account is reconciled."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from livetrader.gateway.gateway import Gateway
from livetrader.supervisor.restart import Restart, RestartPolicy, decide
from livetrader_engine.spi import BrokerageMessage, BrokeragePlugin, VenueError

RECONNECT: Final = RestartPolicy(restarts=-1, window_s=600.0, delay_s=0.5, delay_max_s=30.0)  # never gives up


@dataclass(frozen=True, slots=True)
class BrokeragePorts:
    """What the session works with. `said`, `lost` and `regained` must not block."""

    brokerage: BrokeragePlugin
    gateway: Gateway
    monotonic_s: Callable[[], float]
    chance: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]
    report: Callable[..., None]
    said: Callable[[BrokerageMessage], None]
    lost: Callable[[str], None]
    regained: Callable[[], None]


class BrokerageSession:
    """Owns the connection to the brokerage. Belongs to the loop's thread.

    The engine process may come and go; the session does not notice.
    """

    def __init__(self, ports: BrokeragePorts) -> None:
        self._ports = ports
        self._failures: list[float] = []
        self.connected = False
        self.reconnects = 0

    async def connect(self) -> None:
        """Connect and reconcile, as often as it takes. The gate is open when this returns."""
        while True:
            try:
                await self._ports.gateway.reconcile_at_start()
            except VenueError as error:
                await self._pause(f"the brokerage cannot be reached: {error}")
            else:
                self.connected = True
                return

    async def run(self) -> None:
        """Hand events to the gateway for ever; reconnect and reconcile whenever the brokerage is lost."""
        ports = self._ports
        while True:
            reason = "the brokerage ended the session"
            try:
                async for event in ports.brokerage.events():
                    if isinstance(event, BrokerageMessage):
                        ports.said(event)
                    else:
                        await ports.gateway.on_event(event)
            except VenueError as error:
                reason = str(error)
            self.connected = False
            ports.gateway.disconnected(reason)
            ports.lost(reason)
            await self._pause(reason)
            await self.connect()
            ports.gateway.tell_account()  # positions may have been adjusted meanwhile
            self.reconnects += 1
            ports.regained()

    async def _pause(self, reason: str) -> None:
        now_s = self._ports.monotonic_s()
        self._failures = [*self._failures[-64:], now_s]
        verdict = decide(self._failures, now_s, RECONNECT, self._ports.chance())
        assert isinstance(verdict, Restart), "a brokerage is never given up"
        self._ports.report("brokerage_reconnect", level="warning", reason=reason, delay_s=verdict.delay_s)
        await self._ports.sleep(verdict.delay_s)
