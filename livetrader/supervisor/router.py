"""What happens to one event of the feed, in order: time, simulated brokerage, gateway's prices, engine.

In lockstep (a replay) the next event is only asked for when the engine has completed the step of this one,
everything it ordered has been settled, and it has seen the outcome: so a replay gives the same orders at any
speed. What the simulated brokerage fills at a price leaves for the engine in one frame with that price.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import msgspec

from livetrader.clocks import SessionClock
from livetrader.gateway.gateway import Gateway
from livetrader.ipc.link import Link
from livetrader.supervisor.changes import Changes
from livetrader.supervisor.engine_keeper import EngineKeeper
from livetrader.supervisor.states import LETTING_GO, DaemonState, StateMachine
from livetrader_engine.events import MarketDataArrived, TimePulse
from livetrader_engine.spi import FeedCapabilities, MarketObserver

SETTLE_ROUNDS: Final = 1000  # an algorithm that answers every order event with an order ends here, not never

_TRADING: Final = frozenset({DaemonState.RUNNING, DaemonState.HALTED})


@dataclass(frozen=True, slots=True)
class RouterPorts:
    """What the router works with. `marked` is called when new prices are in place."""

    clock: SessionClock
    gateway: Gateway
    observer: MarketObserver | None
    engine: EngineKeeper
    state: StateMachine
    changes: Changes
    marked: Callable[[], None]


class Router:
    """Carries events from the feed to everybody who must see them. Belongs to the loop's thread.

    It owns the numbering of steps (the feed's own numbers begin again with every session) and decides
    nothing about money.
    """

    def __init__(self, ports: RouterPorts, capabilities: FeedCapabilities) -> None:
        self._ports = ports
        self._capabilities = capabilities
        self._sequence = 0
        self._completed = 0
        self.events = 0
        self.points = 0
        self.subscriptions = 0  # told by the feed session; without any a lockstep feed is not asked

    async def may_ask(self) -> None:
        """Return when the feed may be asked for its next event: at once, unless it works in lockstep."""
        if self._capabilities.lockstep:
            await self._ports.changes.until(self._asking)

    def _asking(self) -> bool:
        state, engine = self._ports.state.current, self._ports.engine
        if not self.subscriptions:
            return False
        if state in LETTING_GO:
            return True  # nobody trades, but liquidation orders need a market
        if engine.ready:
            return state in _TRADING
        return state is DaemonState.HALTED and not engine.expected

    def completed(self, sequence: int) -> None:
        """Take note that the engine has completed this step and everything it ordered was handled."""
        self._completed = max(self._completed, sequence)
        self._ports.changes.announce()

    async def carry(self, event: MarketDataArrived | TimePulse) -> None:
        """Let one event of the feed happen everywhere; in lockstep, return when all of it is over."""
        if self._capabilities.lockstep:
            await self._ports.changes.until(self._asking)
        if self._capabilities.keeps_time:
            self._ports.clock.follow(event.time_ns)
        link = self._ports.engine.link
        if link is None:
            await self._observe(event)
            return
        with link.together():
            await self._observe(event)
            self._send(link, event)
        if self._capabilities.lockstep:
            await self._settle(link, event)

    async def pulse(self, time_ns: int) -> None:
        """Tell everybody that time went on; for feeds that do not keep time."""
        pulse = TimePulse(time_ns)
        if self._ports.observer is not None:
            await self._ports.observer.observe(pulse)
        link = self._ports.engine.link
        if link is not None:
            link.send(pulse)

    async def _observe(self, event: MarketDataArrived | TimePulse) -> None:
        if isinstance(event, MarketDataArrived):
            self.events += 1
            self.points += len(event.points)
        if self._ports.observer is not None:
            await self._ports.observer.observe(event)
        if isinstance(event, MarketDataArrived):
            gateway = self._ports.gateway
            for point in event.points:
                gateway.observe_price(point.symbol, point.value)
            self._ports.marked()

    def _send(self, link: Link, event: MarketDataArrived | TimePulse) -> None:
        self._sequence += 1
        link.send(msgspec.structs.replace(event, sequence=self._sequence))

    async def _settle(self, link: Link, event: MarketDataArrived | TimePulse) -> None:
        """Wait until the step is over and nothing that it caused is still on its way to the engine.

        When the algorithm is through with its data, what works is tried once more at the same prices, as in a
        backtest: an order that it has changed may fill there.
        """
        tried_again = not isinstance(event, MarketDataArrived)
        for _ in range(SETTLE_ROUNDS):
            seen = link.order_messages
            if not await self._step_over(link):
                return
            await self._ports.gateway.idle()
            if self._ports.observer is not None:
                await self._ports.observer.settle()
            if link.order_messages == seen and not tried_again:
                tried_again = True
                await self._try_again(event.time_ns)
            if link.order_messages == seen:
                return
            # The engine got news of orders, and may answer with orders: let it say when it is through.
            self._send(link, TimePulse(event.time_ns))

    async def _try_again(self, time_ns: int) -> None:
        if self._ports.observer is not None and self._ports.gateway.open_orders:
            await self._ports.observer.observe(TimePulse(time_ns))

    async def _step_over(self, link: Link) -> bool:
        """Wait for the newest step; False where this engine will not complete it any more."""
        sequence, engine, state = self._sequence, self._ports.engine, self._ports.state

        def gone() -> bool:
            return engine.link is not link or state.current in LETTING_GO

        await self._ports.changes.until(lambda: self._completed >= sequence or gone())
        return not gone()
