"""Interactive Brokers behind the SPI. What TWS said is news; what it did not say is unknown.

Two things end `events`: the socket, and TWS's word that it lost IB (1100), since orders and news may vanish
then. After 1100 the socket is kept, `connect` refuses until TWS has its line again, and then reads the whole
account anew. Nothing of an earlier session is believed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from typing import ClassVar, Final

import msgspec

from livetrader_engine.orders.order import BrokerageOrderId, ClientOrderId
from livetrader_engine.spi import (
    API_VERSION,
    AccountSnapshot,
    Approved,
    ApprovedChange,
    BrokerageEvent,
    Context,
    Maintenance,
    VenueError,
)
from livetrader_plugins.ibkr import orders, schedule
from livetrader_plugins.ibkr.account import PAUSE_S, Login, RawAccount, follows, read_account, snapshot_of
from livetrader_plugins.ibkr.asking import contract_details
from livetrader_plugins.ibkr.config import IbkrConfig, calendar_of, chosen_account
from livetrader_plugins.ibkr.library import Contract, ContractDetails, Library, load_aside
from livetrader_plugins.ibkr.news import News
from livetrader_plugins.ibkr.receiver import Message
from livetrader_plugins.ibkr.resolver import Resolver
from livetrader_plugins.ibkr.session import Address, TwsSession
from livetrader_plugins.ibkr.trading import Live, OrderDesk
from livetrader_plugins.sdk.event_stream import EventStream

LINK_SILENT_S: Final = 300.0  # after 1100; TWS may forget to say that its line is back, but not at a login
POSITIONS_LATE_S: Final = 3.0  # behind the trades that moved them; what differs longer has another reason
CLOCKS_APART_S: Final = 2.0  # ours and TWS's: more is told


class IbkrBrokerage:
    """Trades one account at Interactive Brokers through TWS or IB Gateway.

    Its own state is the session with its news; what outlives sessions is the order desk's. It sends what it
    is told to and never sends anything twice.
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
        self._desk: OrderDesk | None = None
        self._session: TwsSession | None = None
        self._news: News | None = None
        self._raw: RawAccount | None = None  # at the last look, of whichever session
        self._account = ""
        self._session_id = ""  # of the newest `connect`

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
        assert self._resolver is not None and self._desk is not None, "_opened makes them"
        news = News(session, self._account, self._context, self._resolver.symbol_now)
        self._news = news  # of what happens from here on; the rest is read
        try:
            _check_link(session)
            with _legible(session):
                raw = await self._read(session)
                _check_link(session)
                await self._desk.numbers.begin(session, raw)
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
        try:
            await self._equip(library)
        except BaseException:  # a caller that gives up now must leave no session without a desk
            session.end("the login was given up")
            raise
        self._session = session
        self._context.spawn("ibkr-heartbeat", session.beat())
        self._context.report(
            "ibkr_connected", library=library.name, version=library.version,
            server_version=session.server_version, client_id=config.client_id,
        )  # fmt: skip
        return session

    async def _equip(self, library: Library) -> None:
        """Make what outlives sessions, once."""
        if self._desk is None:
            resolver = Resolver(library, self._details, self._context, self._config.primary_exchanges)
            await resolver.load()
            self._resolver, self._desk = resolver, OrderDesk(self._config, self._context, resolver)

    def _hear(self, message: Message) -> None:
        if self._news is not None:
            self._news.hear(message)

    async def _details(self, contract: Contract) -> Sequence[ContractDetails]:
        """Ask for a contract, ahead of other questions: an order may wait for it."""
        live, _ = self._live()
        return await contract_details(live.session, contract, urgent=True)

    async def _read(self, session: TwsSession) -> RawAccount:
        """Read the account; again, for a while, where its positions are those from before its trades."""
        began_s = self._context.monotonic_s()
        raw = await read_account(session, self._account)
        while self._raw is not None and not follows(self._raw, raw):
            if self._context.monotonic_s() - began_s >= POSITIONS_LATE_S:
                self._context.report("ibkr_positions_moved_without_trades", level="warning")
                break
            await asyncio.sleep(PAUSE_S)
            raw = await read_account(session, self._account)
        self._raw = raw
        return raw

    async def _shown(self, raw: RawAccount) -> AccountSnapshot:
        """Return a read account as a snapshot, and remember the names in it."""
        assert self._resolver is not None and self._desk is not None and self._news is not None
        login = Login(self._session_id, self._config.client_id, self._context.now_ns())
        snapshot = await snapshot_of(raw, self._resolver, self._news.book.fees, login)
        self._desk.remember(snapshot)
        return snapshot

    async def _tell_clocks(self, session: TwsSession) -> None:
        low_s, high_s = (await session.ask_time(urgent=True)).bounds  # TWS tells whole seconds
        if low_s > CLOCKS_APART_S or high_s < -CLOCKS_APART_S:
            seconds = round((low_s + high_s) / 2, 1)
            self._context.report("ibkr_clocks_apart", level="warning", seconds=seconds)

    @property
    def clock_offset_s(self) -> float | None:
        """Our clock less TWS's in seconds, None before it told its time in this session."""
        return None if self._session is None else self._session.clock.offset_s

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
        live, _ = self._live()
        with _legible(live.session):
            raw = await self._read(live.session)
            _check_link(live.session)
            snapshot = await self._shown(raw)
            live.news.look(raw)
        return snapshot

    def _live(self) -> tuple[Live, OrderDesk]:
        session, news, desk = self._session, self._news, self._desk
        if session is None or news is None or desk is None:
            raise VenueError("not connected to TWS")
        if session.why_ended:
            raise VenueError(f"the session with TWS has ended: {session.why_ended}")
        _check_link(session)
        return Live(session, news, self._account), desk

    # Orders.

    async def submit(self, order: Approved) -> None:
        """Send the order; return when the socket has it. A name that was ever sent or shown is ignored."""
        live, desk = self._live()
        await desk.submit(live, order)

    async def update(self, change: ApprovedChange) -> None:
        """Send the order with its new terms under its number; return when the socket has it."""
        live, desk = self._live()
        await desk.update(live, change)

    async def cancel(
        self, client_order_id: ClientOrderId, brokerage_order_id: BrokerageOrderId | None = None
    ) -> None:
        """Ask for a cancel; return when sent. Unknown and closed orders are no error.

        One that another client id placed is cancelled under that id. Raises VenueError where TWS does not
        take it.
        """
        live, desk = self._live()
        await desk.cancel(live, client_order_id, brokerage_order_id)


@contextmanager
def _legible(session: TwsSession) -> Iterator[None]:
    """Take what cannot be what TWS means for the end of the session, and not of the daemon."""
    try:
        yield
    except ValueError as error:
        session.end(f"the account cannot be read: {error}")
        raise VenueError(f"TWS tells something of the account that cannot be read: {error}") from error


def _check_link(session: TwsSession) -> None:
    if not session.link.up:
        raise VenueError("TWS has lost its line to Interactive Brokers (1100) and tries to get it back")
