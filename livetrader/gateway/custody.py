"""What an operator decides about the account when it and the journal cannot agree by themselves.

Adopt: it is the algorithm's. Ignore: it is somebody else's, and no business of the algorithm. Close: no order
of a symbol leaves any more. Each is a record first; nothing here sends anything to the brokerage.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Final

import msgspec

from livetrader.errors import ControlRefusedError
from livetrader.gateway.ledger import Ledger
from livetrader.gateway.limits import usable
from livetrader.gateway.session import RECHECK_S, Session
from livetrader.gateway.timing import Timing
from livetrader.journal.book import Position
from livetrader.journal.identifiers import order_number
from livetrader.journal.records import Adopted, Ignored, OrphanSettled, SymbolHalted
from livetrader_engine.orders.order import OrderId
from livetrader_engine.orders.states import CLOSED
from livetrader_engine.spi import OrderRecord
from livetrader_engine.symbols import Symbol

LOOKS: Final = 3  # of one reconciliation on request: a difference is booked when it was seen twice, and stood
_ZERO: Final = Decimal(0)


class Custody:
    """Who owns what, as people say. Owned by the gateway's composition; on the daemon's loop.

    `tell_account` gives the engine its account anew. Everything raises ControlRefusedError where it cannot be
    done, and JournalError where it cannot be made durable; then nothing has changed.
    """

    def __init__(
        self, ledger: Ledger, session: Session, timing: Timing, tell_account: Callable[[], None]
    ) -> None:
        self._ledger = ledger
        self._session = session
        self._timing = timing
        self._tell_account = tell_account

    @property
    def orphans(self) -> tuple[OrderRecord, ...]:
        """Orders with a name of ours and no record, at the last look."""
        settled = self._ledger.state.settled_orphans
        known = self._ledger.state.orders
        return tuple(
            order
            for order, _ in self._session.corrector.orphans
            if order.client_order_id not in settled and order.client_order_id not in known
        )

    async def reconcile(self) -> None:
        """Compare with the brokerage's account now, and book what differs; the session has the result."""
        if self._session.why_not_ready:
            raise ControlRefusedError(f"cannot look at the account: {self._session.why_not_ready}")
        for look in range(LOOKS):
            if look:
                await self._timing.sleep(RECHECK_S)
            if await self._session.look():
                self._tell_account()
            if self._session.problem:
                raise ControlRefusedError(f"the account could not be compared: {self._session.problem}")
            if not self._session.differences:
                return

    def find(self, name: str) -> Symbol:
        """Return the symbol that is held, restricted or worked under this ticker or identifier.

        Raises KeyError where there is none, ControlRefusedError where the name means several.
        """
        state = self._ledger.state
        known = {*state.positions, *state.restricted, *state.closed_symbols, *state.ignored}
        known |= {order.spec.symbol for order in state.open.values()}
        known |= {order.spec.symbol for order in self._session.corrector.foreign}
        known |= {*self._session.differences, *state.actions.pending}
        found = sorted(
            (one for one in known if name in (one.text, one.id, one.value)), key=lambda one: one.text
        )
        if not found:
            raise KeyError(name)
        if len(found) > 1:
            raise ControlRefusedError(
                f"{name} is the name of several symbols; say which: {', '.join(one.text for one in found)}"
            )
        return found[0]

    async def adopt(self, name: str, who: str) -> str:
        """Take a symbol's position, or an order without a record, as the algorithm's; say what was done."""
        orphan = self._orphan(name)
        if orphan is not None:
            return await self._adopt_orphan(orphan, who)
        symbol = self.find(name)
        state = self._ledger.state
        share = state.ignored.get(symbol)
        if share is not None:
            await self._ledger.write(Ignored(self._now(), symbol, _ZERO, share.average_price, who))
            self._tell_account()
        await self._ledger.write(Adopted(self._now(), symbol, who))
        return f"{state.position(symbol)} {symbol.value} are the algorithm's; it may trade them"

    async def ignore(self, name: str, quantity: Decimal | None, who: str) -> str:
        """Leave a part of a symbol's position, or an order without a record, to somebody else.

        Without a quantity it is what nobody could explain.
        """
        orphan = self._orphan(name)
        if orphan is not None:
            await self._ledger.write(
                OrphanSettled(self._now(), orphan.client_order_id, orphan.brokerage_order_id, who)
            )
            return f"{orphan.client_order_id} is not the algorithm's"
        if quantity is not None and not usable(quantity):
            raise ControlRefusedError(f"{quantity} is no quantity: say how much is to be ignored")
        symbol = self.find(name)
        state = self._ledger.state
        more = state.unexplained.get(symbol, _ZERO) if quantity is None else quantity
        if not more:
            raise ControlRefusedError(
                f"nothing of {symbol.value} is unexplained: say how much is to be ignored"
            )
        before = state.ignored.get(symbol, Position())
        held = state.positions.get(symbol, Position())
        price = before.average_price or held.average_price
        await self._ledger.write(Ignored(self._now(), symbol, before.quantity + more, price, who))
        self._tell_account()
        return (
            f"{before.quantity + more} {symbol.value} are not the algorithm's; {state.position(symbol)} are"
        )

    def close(self, symbol: Symbol, reason: str, who: str) -> None:
        """Let no order of this symbol leave from this instant on, until somebody adopts it or resumes."""
        self._ledger.write_soon(SymbolHalted(self._now(), symbol, reason, who))

    def _orphan(self, name: str) -> OrderRecord | None:
        names = (one for one in self.orphans if name in (one.client_order_id, one.brokerage_order_id))
        return next(names, None)

    async def _adopt_orphan(self, orphan: OrderRecord, who: str) -> str:
        state, client_id = self._ledger.state, orphan.client_order_id
        number = order_number(state.instance, client_id)
        if orphan.status in CLOSED or number is None:
            raise ControlRefusedError(f"{client_id} is over: `livetrader ignore {client_id}` settles it")
        fills = next((fills for order, fills in self._session.corrector.orphans if order is orphan), ())
        spec = msgspec.structs.replace(orphan.spec, id=OrderId(state.next_order_id))
        await self._ledger.write(
            OrphanSettled(
                self._now(), client_id, orphan.brokerage_order_id, who, number, spec, orphan.status, fills
            )
        )
        self._tell_account()
        return f"{client_id} is the algorithm's order {spec.id}"

    def _now(self) -> int:
        return self._timing.now_ns()
