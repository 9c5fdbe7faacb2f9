"""IB behind the simulated network: the TWS peer's gateway, its clock, and what people and IB do there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextvars import Context
from decimal import Decimal
from typing import Final

from livetrader_venues.tws import peer
from livetrader_venues.tws.director import Director
from livetrader_venues.tws.exchange import Exchange
from livetrader_venues.tws.facts import Executed, Fact
from livetrader_venues.tws.ledger import Account
from livetrader_venues.tws.orders import Order
from livetrader_venues.tws.requests import Request
from livetrader_venues.tws.settings import Settings
from livetrader_venues.tws.switchboard import Close, Session
from livetrader_venues.tws.tape import Execution
from tests.simulation.loop import SECOND_NS, VirtualLoop
from tests.simulation.network import Wire

PORT: Final = 4002
TWINS_FROM: Final = 500_000_000  # and downwards; numbers of the daemon go up
HOST: Final = "127.0.0.1"


class Venue:
    """A gateway that lives in virtual time. Owned by the world; nothing of it dies with the daemon."""

    def __init__(
        self, loop: VirtualLoop, seed: int, accounts: Iterable[Account] = (), settings: Settings | None = None
    ) -> None:
        self.gateway = peer.gateway(accounts=accounts, settings=settings, seed=seed, now_ns=loop.wall_ns())
        self._loop = loop
        self._wires: dict[int, Wire] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._context = Context()
        self.twins: set[tuple[int, int]] = set()  # orders that the client did not send
        self._muted_trades = 0
        self._traded: list[Callable[[Execution], None]] = []
        self._tell_orders = self.gateway.orders.heard
        self.gateway.orders.heard = self._heard  # type: ignore[method-assign]  # a seam of the peer's publish

    @property
    def exchange(self) -> Exchange:
        """Orders, accounts and trades: what is true."""
        return self.gateway.exchange

    @property
    def account(self) -> Account:
        """The one account."""
        return next(iter(self.exchange.accounts.values()))

    @property
    def link(self) -> bool:
        """Whether the gateway has its connection to IB."""
        return self.gateway.orders.has_link

    def trades(self) -> list[Execution]:
        """Return every trade as it stands now: corrected, busts with a quantity of zero."""
        return list(self.exchange.tape.latest())

    def positions(self) -> dict[str, Decimal]:
        """Return what the account holds, by ticker."""
        return {held.contract.symbol: held.quantity for held in self.account.held() if held.quantity}

    def observe(self, observer: Callable[[Session, Request], None]) -> None:
        """Have every request that arrives shown to `observer`, after it was served."""
        self.gateway.observers.append(observer)

    def on_trade(self, observer: Callable[[Execution], None]) -> None:
        """Have every trade and every revision of one shown to `observer`, before clients hear of it."""
        self._traded.append(observer)

    def mute_trades(self, count: int) -> None:
        """Lose the live news of the next trades; who asks is told of them all the same."""
        self._muted_trades = count

    def price(self, ticker: str) -> Decimal:
        """Return the last price."""
        return self.exchange.price(self.exchange.catalogue.named(ticker))

    def tell(self, session: Session, code: int, text: str, order_id: int) -> None:
        """Tell a client a code about an order, which works on."""
        self.gateway.board.tell(session, code, text, order_id)
        self.pump()

    def twin(self, order: Order) -> None:
        """Have a second order at the exchange with the same terms, reference and client, as if sent twice.

        It has a number that no order of the client ever has, so that it can be cancelled alone.
        """
        number = TWINS_FROM - len(self.twins)
        twin = self.exchange.place(order.client_id, number, order.contract, order.terms)
        if twin is not None:
            self.gateway.orders._known[order.client_id, number] = twin  # where a cancel looks
            self.twins.add((order.client_id, number))
        self.gateway.publish()
        self.pump()

    def cancel_manual(self) -> None:
        """Cancel by hand what was typed into TWS."""
        for order in self.exchange.open_orders():
            if not order.terms.order_ref:
                self.exchange.cancel(order)
        self.gateway.publish()
        self.pump()

    def forget(self, before_ns: int) -> None:
        """Forget orders that were over and trades that were done before an instant, as IB does by day."""
        orders, tape = self.exchange.orders, self.exchange.tape
        for perm_id in [number for number, order in orders.items() if 0 < order.completed_ns < before_ns]:
            del orders[perm_id]
        kept = [done for done in tape if done.time_ns >= before_ns]
        tape._executions[:] = kept  # the peer itself never forgets

    def _heard(self, fact: Fact) -> None:
        if isinstance(fact, Executed):
            for observer in self._traded:
                observer(fact.execution)
            if self._muted_trades:
                self._muted_trades -= 1
                return
        self._tell_orders(fact)

    def do(self, action: str, **keywords: object) -> None:
        """Play one action of the peer's director: a quote, a trade by hand, an outage, a fault."""
        self._context.run(self._do, action, keywords)

    def _do(self, action: str, keywords: dict[str, object]) -> None:
        self.gateway.advance(self._loop.wall_ns())
        Director(self.gateway).perform(action, keywords)
        self.pump()

    # -- what the network calls ---------------------------------------------------------------------

    @property
    def accepts(self) -> bool:
        """Whether the port is open."""
        return self.gateway.accepts

    def opened(self, wire: Wire) -> None:
        """A client has connected."""
        self._wires[wire.number] = wire
        self.gateway.opened(wire.number, self._loop.wall_ns())
        self.pump()

    def received(self, wire: Wire, data: bytes) -> None:
        """Bytes came."""
        self.gateway.received(wire.number, data, self._loop.wall_ns())
        self.pump()

    def lost(self, wire: Wire) -> None:
        """A connection ended."""
        self._wires.pop(wire.number, None)
        self.gateway.lost(wire.number, self._loop.wall_ns())
        self.pump()

    # -- inside -------------------------------------------------------------------------------------

    def pump(self) -> None:
        """Write what waits, what belongs to one connection in one piece, and set the next timer."""
        waiting: dict[int, bytearray] = {}
        for output in self.gateway.take():
            number = output.connection
            wire = self._wires.get(number)
            if wire is None:
                continue
            if isinstance(output, Close):
                wire.send(bytes(waiting.pop(number, b"")))
                self._wires.pop(number, None)
                wire.finish()
            else:
                waiting.setdefault(number, bytearray()).extend(output.data)
        for number, data in waiting.items():
            self._wires[number].send(bytes(data))
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due_ns = self.gateway.due_ns()
        if due_ns is not None:
            delay_s = max(due_ns - self._loop.wall_ns(), 0) / SECOND_NS
            self._timer = self._loop.call_later(delay_s, self._wake, context=self._context)

    def _wake(self) -> None:
        self._timer = None
        self.gateway.advance(self._loop.wall_ns())
        self.pump()
