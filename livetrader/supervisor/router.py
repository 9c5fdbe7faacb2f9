"""What happens to one event of the feed, in order: time, simulated brokerage, gateway's prices, engine.

In lockstep (a replay) the next event is only asked for when the engine has completed the step of this one,
everything it ordered has been settled, and it has seen the outcome. The engine leads: a simulated brokerage
sees a price when the engine's clock is there, and tries orders when and as the engine asks for it. So a
replay gives the order events of a backtest, at any speed. The gateway sees each price at once: an engine
that hangs keeps no loss from it. Otherwise, and where no order of the algorithm is open or the engine is
gone, the market leads: what the simulated brokerage fills at a price leaves in one frame with that price.

A simulated brokerage that has lost its account sees no market until it is connected again.

When the daemon ends in good order, the step in flight is the last one. What a lockstep feed still brings then
is not taken: nobody sees it, and it comes again in the next session of a feed that can resume.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import msgspec

from livetrader.changes import Changes
from livetrader.clocks import SessionClock
from livetrader.gateway.gateway import Gateway
from livetrader.ipc.link import Link
from livetrader.ipc.messages import NewsComplete
from livetrader.supervisor.engine_keeper import EngineKeeper
from livetrader.supervisor.states import LETTING_GO, DaemonState, StateMachine
from livetrader_engine.commands import AwaitNews
from livetrader_engine.data.corporate_actions import CorporateAction
from livetrader_engine.events import MarketDataArrived, TimePulse
from livetrader_engine.spi import FeedCapabilities, MarketObserver, VenueError

SETTLE_ROUNDS: Final = 1000  # an algorithm that answers every order event with an order ends here, not never

_TRADING: Final = frozenset({DaemonState.RUNNING, DaemonState.HALTED})


@dataclass(frozen=True, slots=True)
class RouterPorts:
    """What the router works with. `marked` is called when new prices are in place; `report` writes a line.

    `taken` hears of each event of the feed at the instant from which it must never come again. `tick` hears
    of each one of the market, by the number of the step that it is about to be.
    """

    clock: SessionClock
    gateway: Gateway
    observer: MarketObserver | None
    engine: EngineKeeper
    state: StateMachine
    changes: Changes
    marked: Callable[[], None]
    report: Callable[..., None]
    taken: Callable[[], None] = lambda: None
    tick: Callable[[int], None] = lambda sequence: None


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
        self._pending: MarketDataArrived | TimePulse | None = None  # lockstep: not seen by the market yet
        self._engine_ns = -1  # lockstep: where the engine said that it is
        self._stepping = False  # lockstep: an event has been taken, and is not over
        self._asks_no_more = False
        self._blind = False  # the simulated brokerage does not see the market at present
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
        if self._asks_no_more:
            return False
        if engine.ready:
            return state in _TRADING
        return state is DaemonState.HALTED and not engine.expected

    def ask_no_more(self) -> None:
        """Let the step in flight be the last of a lockstep feed, but for a liquidation; never waits."""
        self._asks_no_more = True

    async def step_over(self) -> None:
        """Return when no step is in flight: at once, unless in lockstep. A liquidation waits for no step."""
        await self._ports.changes.until(lambda: not self._stepping or self._ports.state.current in LETTING_GO)

    def completed(self, sequence: int) -> None:
        """Take note that the engine has completed this step and everything it ordered was handled."""
        self._completed = max(self._completed, sequence)
        self._ports.changes.announce()

    async def carry(self, event: MarketDataArrived | TimePulse) -> None:
        """Let one event of the feed happen everywhere; in lockstep, return when all of it is over."""
        if not self._capabilities.lockstep:
            await self._happen(event)
            return
        await self._ports.changes.until(self._asking)
        self._stepping = True
        try:
            await self._happen(event)
        finally:
            self._stepping = False
            self._ports.changes.announce()

    async def _happen(self, event: MarketDataArrived | TimePulse) -> None:
        self._ports.taken()
        if isinstance(event, MarketDataArrived):
            self._ports.tick(self._sequence + 1)
        if self._capabilities.keeps_time:
            self._ports.clock.follow(event.time_ns)
        self._count(event)
        link = self._ports.engine.link
        if link is None:
            await self._observe(event)
            self._mark(event)
        elif self._capabilities.lockstep:
            self._mark(event)
            if event.time_ns <= self._engine_ns:  # it stands there already, and will not say so again
                await self._observe(event, fill=False)
            else:
                self._pending = event
            self._send(link, event)
            await self._settle(link, event.time_ns)
        else:
            with link.together():
                await self._observe(event)
                self._mark(event)
                self._send(link, event)

    def tell_actions(self, actions: tuple[CorporateAction, ...]) -> bool:
        """Tell the engine of corporate actions, as a time step of now; return whether there is one."""
        link = self._ports.engine.link
        if link is None or not self._ports.engine.ready:
            return False
        self._send(link, MarketDataArrived(self._ports.clock.now_ns, 0, (), (), actions))
        return True

    async def market_at(self, time_ns: int) -> None:
        """Let the market stand where the engine does, in lockstep: what it asks next meets these prices."""
        self._engine_ns = time_ns
        pending = self._pending
        if pending is not None and pending.time_ns <= time_ns:
            self._pending = None
            await self._observe(pending, fill=False)
        else:
            await self._observe(TimePulse(time_ns), fill=False)

    async def await_news(self, link: Link, question: AwaitNews) -> None:
        """Answer when all that the engine asked for is done and its news are on their way to it."""
        observer, more = self._ports.observer, False
        if question.tries and observer is not None:
            with self._seeing():
                more = await observer.try_next(anew=question.anew)
        await self._ports.gateway.idle()
        if observer is not None:
            await observer.settle()
        link.send(NewsComplete(question.number, more))

    async def let_market_lead(self) -> None:
        """Try what an engine that is gone has left untried, before the next one is told of the account."""
        self._engine_ns = -1
        if self._capabilities.lockstep:
            await self._observe(TimePulse(self._ports.clock.now_ns))

    async def pulse(self, time_ns: int) -> None:
        """Tell everybody that time went on; for feeds that do not keep time."""
        pulse = TimePulse(time_ns)
        await self._observe(pulse)
        link = self._ports.engine.link
        if link is not None:
            link.send(pulse)

    def _count(self, event: MarketDataArrived | TimePulse) -> None:
        if isinstance(event, MarketDataArrived):
            self.events += 1
            self.points += len(event.points)

    def _mark(self, event: MarketDataArrived | TimePulse) -> None:
        """Show the gateway the prices of an event."""
        if isinstance(event, MarketDataArrived):
            for point in event.points:
                self._ports.gateway.observe_price(point.symbol, point.value)
            self._ports.marked()

    async def _observe(self, event: MarketDataArrived | TimePulse, *, fill: bool = True) -> None:
        """Show the simulated brokerage an event."""
        if self._ports.observer is not None:
            with self._seeing():
                await self._ports.observer.observe(event, fill=fill)
                self._blind = False

    @contextmanager
    def _seeing(self) -> Iterator[None]:
        """Go on where the simulated brokerage cannot; its session ends, and is begun anew, elsewhere."""
        try:
            yield
        except VenueError as error:
            if not self._blind:  # once, not with every price
                self._blind = True
                self._ports.report("market_not_seen", level="error", error=str(error))

    def _send(self, link: Link, event: MarketDataArrived | TimePulse) -> None:
        self._sequence += 1
        link.send(msgspec.structs.replace(event, sequence=self._sequence))

    async def _settle(self, link: Link, time_ns: int) -> None:
        """Wait until the step is over and nothing that it caused is still on its way to the engine."""
        for _ in range(SETTLE_ROUNDS):
            over = await self._step_over(link)
            seen = link.order_messages
            if self._pending is not None:  # the engine asked nothing in this step, or is gone
                pending, self._pending = self._pending, None
                # orders that are not the algorithm's are nothing that it would have tried
                leads = over and any(order.spec.id for order in self._ports.gateway.open_orders)
                await self._observe(pending, fill=not leads)
            if not over:
                return
            await self._ports.gateway.idle()
            if self._ports.observer is not None:
                await self._ports.observer.settle()
            if link.order_messages == seen:
                return
            # The engine got news of orders, and may answer with orders: let it say when it is through.
            self._send(link, TimePulse(time_ns))

    async def _step_over(self, link: Link) -> bool:
        """Wait for the newest step; False where this engine will not complete it any more."""
        sequence, engine, state = self._sequence, self._ports.engine, self._ports.state

        def gone() -> bool:
            return engine.link is not link or state.current in LETTING_GO

        await self._ports.changes.until(lambda: self._completed >= sequence or gone())
        return not gone()
