"""Orders, changes and cancels on their way out: checked, numbered, sent once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from livetrader_engine.errors import DataError
from livetrader_engine.orders.order import BrokerageOrderId, ClientOrderId, OrderChange, OrderId, OrderSpec
from livetrader_engine.orders.states import CLOSED
from livetrader_engine.spi import (
    AccountSnapshot,
    Approved,
    ApprovedChange,
    Context,
    OutcomeUnknownError,
    VenueError,
)
from livetrader_plugins.ibkr import orders
from livetrader_plugins.ibkr.config import IbkrConfig
from livetrader_plugins.ibkr.foreign import ForeignOrders
from livetrader_plugins.ibkr.instructions import parent_of
from livetrader_plugins.ibkr.library import Contract, Order
from livetrader_plugins.ibkr.news import News
from livetrader_plugins.ibkr.numbering import OrderNumbers
from livetrader_plugins.ibkr.orders import Sending
from livetrader_plugins.ibkr.refusals import refusal
from livetrader_plugins.ibkr.resolver import Resolver
from livetrader_plugins.ibkr.session import TwsSession
from livetrader_plugins.ibkr.tracked import Tracked, terms_of

NAMES_KEPT: Final = 200_000  # of orders that were sent or shown: more than the journal remembers


@dataclass(frozen=True, slots=True)
class Live:
    """What a connected brokerage has: the session, its news, and the account it trades."""

    session: TwsSession
    news: News
    account: str


class OrderDesk:
    """Sends orders, each at most once. Its own state outlives sessions: names that are taken, and numbers.

    It decides nothing about trading: what cannot be expressed at IB raises VenueError, and was not sent.
    """

    def __init__(self, config: IbkrConfig, context: Context, resolver: Resolver) -> None:
        self._config = config
        self._reference = context.reference
        self._resolver = resolver
        self._foreign = ForeignOrders(context, config.patience)
        self._names: dict[ClientOrderId, None] = {}  # oldest first
        self._sent_as: dict[OrderId, int] = {}  # the engine's number of an order: TWS's, for its children
        self.numbers = OrderNumbers(context)

    def remember(self, snapshot: AccountSnapshot) -> None:
        """Take the names in an account: they are used."""
        for record in (*snapshot.open_orders, *snapshot.closed_orders):
            self._take(record.client_order_id)
        for owner, _ in snapshot.fills:
            self._take(owner)

    def _take(self, name: ClientOrderId) -> None:
        if not name:
            return  # of an order that is not ours
        self._names[name] = None
        if len(self._names) > NAMES_KEPT:
            del self._names[next(iter(self._names))]

    async def submit(self, live: Live, order: Approved) -> None:
        """Send the order; return when the socket has it. A name that was ever sent or shown is ignored."""
        name = order.client_order_id
        if name in self._names:
            return
        self._take(name)
        try:
            contract = await self._contract(order.spec)
            await self._check_margin(live, order, contract)
            await self._place(live, order, contract)
        except OutcomeUnknownError:
            raise
        except VenueError:
            self._names.pop(name, None)  # it surely was not sent, so it may be sent again
            raise

    async def _place(self, live: Live, order: Approved, contract: Contract) -> None:
        order_id = self.numbers.take()
        placed = self._order(live, order.client_order_id, order.spec, order_id)
        tracked = live.news.book.add(order.client_order_id, order_id, order.spec.quantity)
        tracked.parent_id = placed.parentId
        self._number(order.spec.id, order_id)
        try:
            await live.session.send_order("placeOrder", order_id, contract, placed)
        except OutcomeUnknownError:
            raise
        except VenueError:
            live.news.book.drop(tracked)
            self._sent_as.pop(order.spec.id, None)  # TWS has no such parent
            raise

    def _number(self, order: OrderId, number: int) -> None:
        """Note under which number TWS gets an order; the oldest are forgotten."""
        self._sent_as[order] = number
        if len(self._sent_as) > NAMES_KEPT:
            del self._sent_as[next(iter(self._sent_as))]

    async def update(self, live: Live, change: ApprovedChange) -> None:
        """Send the order with its new terms under its number; return when the socket has it."""
        tracked = self._own(live, change.client_order_id)
        contract = await self._contract(change.spec)
        changed = self._order(
            live, change.client_order_id, change.spec, tracked.order_id, change.change, tracked
        )
        before, tracked.change = tracked.change, terms_of(changed)
        try:
            await live.session.send_order("placeOrder", tracked.order_id, contract, changed)
        except OutcomeUnknownError:
            raise
        except VenueError:  # it surely was not sent: what TWS refuses from here on is something else
            tracked.change = before
            raise

    async def cancel(self, live: Live, name: ClientOrderId, number: BrokerageOrderId | None) -> None:
        """Ask for a cancel; one that another client id placed is cancelled under that id (see foreign.py)."""
        session = live.session
        for tracked in live.news.book.orders.named(name, number):
            if tracked.told in CLOSED:
                continue
            if tracked.client_id != session.address.client_id or tracked.order_id == 0:
                await self._foreign.cancel(session, tracked.client_id, tracked.perm_id)
                continue
            await session.send_order("cancelOrder", tracked.order_id, "")

    def _own(self, live: Live, name: ClientOrderId) -> Tracked:
        """Return the order that we sent under a name: of two, the one that works, else the older one."""
        own = [item for item in live.news.book.orders.of(name) if item.client_id == self._config.client_id]
        numbered = [item for item in own if item.order_id]
        if not numbered:
            raise VenueError(f"not sent: {name} is no order of client id {self._config.client_id}")
        return min(numbered, key=lambda item: (item.told in CLOSED, item.order_id))

    async def _contract(self, spec: OrderSpec) -> Contract:
        """Return the contract of an order that IB can do. Raises VenueError, nothing was sent."""
        if not spec.id:  # of the kill switch, which does not wait for farms: what was met before will do
            known = self._resolver.known_contract(spec.symbol)
            if known is not None:
                return known
        listing = await self._resolver.listing(spec.symbol)
        wrong = refusal(spec, listing.increments)
        if wrong is not None:
            raise VenueError(f"refused before sending: {wrong}")
        return await self._resolver.resolve(spec.symbol)

    def _order(
        self,
        live: Live,
        name: ClientOrderId,
        spec: OrderSpec,
        order_id: int,
        change: OrderChange | None = None,
        shown: Tracked | None = None,
    ) -> Order:
        sending = Sending(
            order_id=order_id,
            account=live.account,
            fa_group=self._config.fa_group,
            fa_method=self._config.fa_method,
            parent_id=self._parent(spec) if shown is None else shown.parent_id,
            expiry_ns=self._expiry_ns(spec),
            change=change,
            stop_price=None if shown is None else shown.stop_price,
            server_version=live.session.server_version,
        )
        return orders.order_of(live.session.library, name, spec, sending)

    def _parent(self, spec: OrderSpec) -> int:
        parent = parent_of(spec)
        if parent is None:
            return 0
        number = self._sent_as.get(parent)
        if number is None:
            raise VenueError(f"not sent: its parent, order {parent}, was not sent in this session")
        return number

    def _expiry_ns(self, spec: OrderSpec) -> int | None:
        try:
            return orders.good_til_ns(spec, self._reference)
        except DataError as error:
            raise VenueError(f"not sent: {error}") from error

    async def _check_margin(self, live: Live, order: Approved, contract: Contract) -> None:
        """Ask IB what the order would do to the margin, where that is wanted. Never for the kill switch."""
        if not self._config.check_margin or order.spec.id == 0:
            return
        order_id = self.numbers.take()
        asked = self._order(live, order.client_order_id, order.spec, order_id)
        asked.whatIf = True
        answer = await live.news.preview(order_id, contract, asked)
        if answer.problem is not None:
            raise VenueError(f"not sent: {answer.problem}")
