"""Interactive Brokers behind the SPI. What TWS said is news; what it did not say is unknown.

Two things end `events`: the socket, and TWS's word that it lost IB (1100), since orders and news may vanish
then. After 1100 the socket is kept, `connect` refuses until TWS has its line again, and then reads the whole
account anew. Nothing of an earlier session is believed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import ClassVar, Final, cast

import msgspec

from livetrader_engine.errors import DataError
from livetrader_engine.orders.order import BrokerageOrderId, ClientOrderId, OrderChange, OrderId, OrderSpec
from livetrader_engine.orders.states import CLOSED
from livetrader_engine.spi import (
    API_VERSION,
    AccountSnapshot,
    Approved,
    ApprovedChange,
    BrokerageEvent,
    Context,
    Maintenance,
    OutcomeUnknownError,
    VenueError,
)
from livetrader_plugins.ibkr import orders, requests, schedule
from livetrader_plugins.ibkr.account import Login, RawAccount, read_account, snapshot_of
from livetrader_plugins.ibkr.asking import contract_details
from livetrader_plugins.ibkr.config import IbkrConfig, calendar_of, chosen_account
from livetrader_plugins.ibkr.foreign import ForeignOrders
from livetrader_plugins.ibkr.instructions import parent_of
from livetrader_plugins.ibkr.library import Contract, ContractDetails, Order, load_aside
from livetrader_plugins.ibkr.news import News
from livetrader_plugins.ibkr.numbering import OrderNumbers
from livetrader_plugins.ibkr.orders import Sending
from livetrader_plugins.ibkr.receiver import Message
from livetrader_plugins.ibkr.refusals import refusal
from livetrader_plugins.ibkr.resolver import Resolver
from livetrader_plugins.ibkr.session import Address, TwsSession
from livetrader_plugins.ibkr.tracked import Tracked, terms_of
from livetrader_plugins.sdk.event_stream import EventStream

LINK_SILENT_S: Final = 300.0  # after 1100; TWS may forget to say that its line is back, but not at a login
CLOCKS_APART_S: Final = 2.0  # ours and TWS's: more is told
NS_PER_SECOND: Final = 1_000_000_000


class IbkrBrokerage:
    """Trades one account at Interactive Brokers through TWS or IB Gateway.

    Its own state: the session with its news, the order ids, which outlive it, and every name of an order that
    was ever sent or shown. It sends what it is told to and never sends anything twice.
    """

    API_VERSION: ClassVar[int] = API_VERSION
    Config: ClassVar[type[msgspec.Struct]] = IbkrConfig

    def __init__(self, config: IbkrConfig, context: Context) -> None:
        """Keep the settings; nothing connects, reads or imports the library before `connect`."""
        self._config = config
        self._context = context
        self.capabilities = msgspec.structs.replace(
            orders.CAPABILITIES, absence_fence_s=config.absence_fence_s
        )
        self._calendar = calendar_of(config)
        self._resolver: Resolver | None = None
        self._order_numbers = OrderNumbers(context)
        self._foreign = ForeignOrders(context, config.patience)
        self._session: TwsSession | None = None
        self._news: News | None = None
        self._account = ""
        self._session_id = ""  # of the newest `connect`
        self._names: set[ClientOrderId] = set()
        self._numbers: dict[OrderId, int] = {}  # the engine's number of an order: TWS's, for children

    def maintenance(self, now_ns: int) -> Maintenance | None:
        """Return what IB's calendar says of this instant."""
        return schedule.maintenance(now_ns, self._calendar)

    # The session.

    async def connect(self) -> AccountSnapshot:
        """Log in, or go on with the socket that is there, and return the whole account.

        Raises VenueError, saying what to do, and PluginError where login and settings disagree.
        """
        if self._news is not None:
            self._news.stream.end()
        session = await self._opened()
        self._account = chosen_account(session.accounts, self._config)
        assert self._resolver is not None, "_opened makes it"
        news = News(session, self._account, self._context, self._resolver.symbol_now)
        self._news = news  # of what happens from here on; the rest is read
        try:
            _check_link(session)
            raw = await read_account(session, self._account)
            _check_link(session)
            await self._order_numbers.begin(session, raw)
            self._session_id = f"{self._account}/{self._config.client_id}/{self._context.now_ns()}"
            snapshot = await self._shown(raw)
            news.settle(raw, snapshot)
            await session.send("reqAccountUpdates", True, self._account)
            await self._tell_clocks(session)
        except BaseException:
            news.stream.end()
            raise
        if news.stream.ended:
            raise VenueError(f"the connection was lost while the account was read: {session.why_ended}")
        return snapshot

    async def _opened(self) -> TwsSession:
        """Return the living session, or a new one: also where TWS has been silent about its line for long."""
        session = self._session
        if session is not None and not session.why_ended:
            silent_s = self._context.monotonic_s() - session.link_lost_s
            if session.link.up or silent_s < LINK_SILENT_S:
                return session
            session.end("TWS has said nothing of its line for long: a new login asks it")
        library = await load_aside(self._config.library, self._config.timezone)
        config = self._config
        address = Address(config.host, config.port, config.client_id)
        session = TwsSession(library, address, self._context, config.patience, config.timezone)
        session.listen(self._hear)
        await session.open()
        self._session = session
        if self._resolver is None:
            self._resolver = Resolver(library, self._details, self._context, config.primary_exchanges)
            await self._resolver.load()
        self._context.spawn("ibkr-heartbeat", session.beat())
        self._context.report(
            "ibkr_connected", library=library.name, version=library.version,
            server_version=session.server_version, client_id=config.client_id,
        )  # fmt: skip
        return session

    def _hear(self, message: Message) -> None:
        if self._news is not None:
            self._news.hear(message)

    async def _details(self, contract: Contract) -> Sequence[ContractDetails]:
        """Ask for a contract, ahead of other questions: an order may wait for it."""
        session, _ = self._live()
        return await contract_details(session, contract, urgent=True)

    async def _shown(self, raw: RawAccount) -> AccountSnapshot:
        """Return a read account as a snapshot, and remember the names in it."""
        assert self._resolver is not None and self._news is not None
        login = Login(self._session_id, self._config.client_id, self._context.now_ns())
        snapshot = await snapshot_of(raw, self._resolver, self._news.book.fees, login)
        shown = (*snapshot.open_orders, *snapshot.closed_orders)
        self._names |= {record.client_order_id for record in shown}
        self._names |= {name for name, _ in snapshot.fills}
        self._names.discard(ClientOrderId(""))
        return snapshot

    async def _tell_clocks(self, session: TwsSession) -> None:
        (row,) = await session.request(requests.CURRENT_TIME)
        theirs = cast(int, row.arguments[0])
        apart_s = self._context.now_ns() / NS_PER_SECOND - theirs
        if not -CLOCKS_APART_S < apart_s < CLOCKS_APART_S + 1:  # TWS tells whole seconds
            self._context.report("ibkr_clocks_apart", level="warning", seconds=round(apart_s, 1))

    async def close(self) -> None:
        """Log out; idempotent. Positions and orders stay."""
        if self._news is not None:
            self._news.stream.end()
        if self._session is not None:
            await self._session.close()

    def events(self) -> AsyncIterator[BrokerageEvent]:
        """Yield news of the newest session until the socket or TWS's line to IB is lost."""
        if self._news is None:
            ended = EventStream()
            ended.end()
            return ended.read()
        return self._news.stream.read()

    async def snapshot(self) -> AccountSnapshot:
        """Return the account as TWS has it now. Raises VenueError rather than return a part."""
        session, news = self._live()
        raw = await read_account(session, self._account)
        _check_link(session)
        snapshot = await self._shown(raw)
        news.look(raw)
        return snapshot

    def _live(self) -> tuple[TwsSession, News]:
        session, news = self._session, self._news
        if session is None or news is None:
            raise VenueError("not connected to TWS")
        if session.why_ended:
            raise VenueError(f"the session with TWS has ended: {session.why_ended}")
        _check_link(session)
        return session, news

    # Orders.

    async def submit(self, order: Approved) -> None:
        """Send the order; return when the socket has it. A name that was ever sent or shown is ignored."""
        session, news = self._live()
        name = order.client_order_id
        if name in self._names:
            return
        self._names.add(name)
        try:
            contract = await self._contract(order.spec)
            await self._check_margin(session, news, order, contract)
            await self._place(session, news, order, contract)
        except OutcomeUnknownError:
            raise
        except VenueError:
            self._names.discard(name)  # it surely was not sent, so it may be sent again
            raise

    async def _place(self, session: TwsSession, news: News, order: Approved, contract: Contract) -> None:
        order_id = self._order_numbers.take()
        placed = self._order(session, order.client_order_id, order.spec, order_id)
        tracked = news.book.add(order.client_order_id, order_id, order.spec.quantity)
        tracked.parent_id = placed.parentId
        self._numbers[order.spec.id] = order_id
        try:
            await session.send_order("placeOrder", order_id, contract, placed)
        except OutcomeUnknownError:
            raise
        except VenueError:
            news.book.drop(tracked)
            raise

    async def update(self, change: ApprovedChange) -> None:
        """Send the order with its new terms under its number; return when the socket has it."""
        session, news = self._live()
        tracked = self._own(news, change.client_order_id)
        contract = await self._contract(change.spec)
        changed = self._order(
            session, change.client_order_id, change.spec, tracked.order_id, change.change, tracked
        )
        tracked.change = terms_of(changed)
        await session.send_order("placeOrder", tracked.order_id, contract, changed)

    async def cancel(
        self, client_order_id: ClientOrderId, brokerage_order_id: BrokerageOrderId | None = None
    ) -> None:
        """Ask for a cancel; return when sent. Unknown and closed orders are no error.

        One that another client id placed is cancelled under that id (see foreign.py). Raises VenueError where
        TWS does not take it.
        """
        session, news = self._live()
        for tracked in news.book.orders.named(client_order_id, brokerage_order_id):
            if tracked.told in CLOSED:
                continue
            if tracked.client_id != session.address.client_id or tracked.order_id == 0:
                await self._foreign.cancel(session, tracked.client_id, tracked.perm_id)
                continue
            await session.send_order("cancelOrder", tracked.order_id, "")

    def _own(self, news: News, name: ClientOrderId) -> Tracked:
        own = [item for item in news.book.orders.of(name) if item.client_id == self._config.client_id]
        if not own or own[-1].order_id == 0:
            raise VenueError(f"not sent: {name} is no order of client id {self._config.client_id}")
        return own[-1]

    async def _contract(self, spec: OrderSpec) -> Contract:
        """Return the contract of an order that IB can do. Raises VenueError, nothing was sent."""
        assert self._resolver is not None, "connect makes it"
        listing = await self._resolver.listing(spec.symbol)
        wrong = refusal(spec, listing.increments)
        if wrong is not None:
            raise VenueError(f"refused before sending: {wrong}")
        return await self._resolver.resolve(spec.symbol)

    def _order(
        self,
        session: TwsSession,
        name: ClientOrderId,
        spec: OrderSpec,
        order_id: int,
        change: OrderChange | None = None,
        shown: Tracked | None = None,
    ) -> Order:
        sending = Sending(
            order_id=order_id,
            account=self._account,
            fa_group=self._config.fa_group,
            fa_method=self._config.fa_method,
            parent_id=self._parent(spec) if shown is None else shown.parent_id,
            expiry_ns=self._expiry_ns(spec),
            change=change,
            stop_price=None if shown is None else shown.stop_price,
            server_version=session.server_version,
        )
        return orders.order_of(session.library, name, spec, sending)

    def _parent(self, spec: OrderSpec) -> int:
        parent = parent_of(spec)
        if parent is None:
            return 0
        number = self._numbers.get(parent)
        if number is None:
            raise VenueError(f"not sent: its parent, order {parent}, was not sent in this session")
        return number

    def _expiry_ns(self, spec: OrderSpec) -> int | None:
        try:
            return orders.good_til_ns(spec, self._context.reference)
        except DataError as error:
            raise VenueError(f"not sent: {error}") from error

    async def _check_margin(
        self, session: TwsSession, news: News, order: Approved, contract: Contract
    ) -> None:
        """Ask IB what the order would do to the margin, where that is wanted. Never for the kill switch."""
        if not self._config.check_margin or order.spec.id == 0:
            return
        order_id = self._order_numbers.take()
        asked = self._order(session, order.client_order_id, order.spec, order_id)
        asked.whatIf = True
        answer = await news.preview(order_id, contract, asked)
        if answer.problem is not None:
            raise VenueError(f"not sent: {answer.problem}")


def _check_link(session: TwsSession) -> None:
    if not session.link.up:
        raise VenueError("TWS has lost its line to Interactive Brokers (1100) and tries to get it back")
