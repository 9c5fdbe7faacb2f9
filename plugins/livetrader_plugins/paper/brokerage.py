"""The paper brokerage: a venue of our own behind the async interface, with an account that lasts.

What is told has been written: a report leaves the venue only when the change it reports is durable, so the
account never knows less than the daemon's journal. What is sent is durable when `submit` returns: with a
wire delay it becomes an order later, in this process or, after a SIGKILL, in the next.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import suppress
from decimal import Decimal
from functools import partial
from typing import ClassVar, Final

import msgspec

from livetrader_engine.data.corporate_actions import CorporateAction
from livetrader_engine.errors import DataError
from livetrader_engine.events import MarketDataArrived, TimePulse
from livetrader_engine.orders.order import BrokerageOrderId, ClientOrderId, OrderChange
from livetrader_engine.spi import (
    API_VERSION,
    AccountSnapshot,
    Approved,
    ApprovedChange,
    BrokerageCapabilities,
    BrokerageEvent,
    Context,
    OutcomeUnknownError,
    PluginError,
    VenueError,
)
from livetrader_engine.symbols import Symbol
from livetrader_plugins.paper import store
from livetrader_plugins.paper.account import Outcome
from livetrader_plugins.paper.checks import ORDER_TYPES
from livetrader_plugins.paper.config import PaperConfig
from livetrader_plugins.paper.corporate import book_once
from livetrader_plugins.paper.courier import Courier, drawn_ns, news_due_ns
from livetrader_plugins.paper.store import WireItem
from livetrader_plugins.paper.venue import Venue, snapshot_of
from livetrader_plugins.sdk.event_stream import EventStream
from livetrader_plugins.sdk.sqlite_thread import SqliteThread, StoreFailedError

FENCE_MARGIN_S: Final = 0.25  # what the courier may be late by on a busy machine
LAZY_WRITE_S: Final = 1.0  # marks reach the disk at most this often, and with every order

_WRITE_ERRORS: Final = (StoreFailedError, sqlite3.Error)


class PaperBrokerage:
    """Trades a paper account on the market that the daemon shows it.

    Its own state is the session's: a stream, what is on its way, and the venue with the books. A failed
    write ends the session, because memory is then ahead of the disk; `connect` reads the account back.
    """

    API_VERSION: ClassVar[int] = API_VERSION
    Config: ClassVar[type[msgspec.Struct]] = PaperConfig

    def __init__(self, config: PaperConfig, context: Context) -> None:
        """Keep the settings; nothing is opened before `connect`."""
        self._config = config
        self._context = context
        self.capabilities = _capabilities(config)
        self._database: SqliteThread | None = None
        self._stream = EventStream()
        self._stream.end()
        self._venue: Venue | None = None
        self._session = 0
        self._known: set[str] = set()  # every client order id the account has ever seen
        self._behind: dict[ClientOrderId, list[OrderChange | None]] = {}  # on the wire: what follows it
        self._courier = Courier(context.now_ns)
        self._lazy_due_s = 0.0
        self._unknown: set[Symbol] = set()
        self._broken = ""

    # The session.

    async def connect(self) -> AccountSnapshot:
        """Open the account and return all of it. What is due on the wire has become an order."""
        reference = self._context.reference
        if reference is None:
            raise PluginError("the paper brokerage needs the hours of a data folder: set [data] folder")
        await self._end_session()
        self._database, stored = await _open_account(self._config, self._context)
        self._broken = ""
        try:
            self._venue = await asyncio.to_thread(Venue, self._config, reference, stored)
        except DataError as error:
            await self._end_session()
            raise VenueError(f"the account holds what the data folder does not know: {error}") from error
        self._session, self._known = stored.sessions, stored.known
        for item in stored.wire:
            await self._continue(item)
        self._stream = EventStream()  # what happened so far is in the snapshot, not in the events
        self._context.spawn("paper-courier", self._courier.carry(self._stream, self._arrive))
        return await self.snapshot()

    async def _continue(self, item: WireItem) -> None:
        """Take up an order that an earlier session left on the wire."""
        await self._learn(item.spec.symbol)
        self._behind[item.client_order_id] = []
        if item.due_ns > self._context.now_ns():
            self._courier.send(item.due_ns, item)
        else:
            await self._arrive(item)

    async def _end_session(self) -> None:
        """Forget the session; the account stays on disk."""
        self._stream.end()
        self._courier.drop()
        self._behind.clear()
        database, self._database = self._database, None
        venue, self._venue = self._venue, None
        if database is not None:
            if venue is not None:
                with suppress(*_WRITE_ERRORS):  # marks may be lost; the session is over either way
                    await database.call(partial(_write, venue.lazy()))
            await database.close()

    async def close(self) -> None:
        """End the session. Orders, positions and what is on the wire stay."""
        await self._end_session()

    def events(self) -> AsyncIterator[BrokerageEvent]:
        """Yield news of the newest session until it ends."""
        return self._stream.read()

    async def snapshot(self) -> AccountSnapshot:
        """Return the account, every part of it durable. What is on the wire is not an order yet."""
        venue, database = self._connected()
        account_id, session_id = f"paper-{self._context.name}", f"paper-{self._session}"
        taken = snapshot_of(venue, account_id, session_id, self._context.now_ns())
        try:
            await database.call(_nothing)  # writes are answered in order: what was seen is on disk now
        except _WRITE_ERRORS as error:
            self._break(error)
            raise VenueError(f"the paper account cannot be written: {error}") from error
        return taken

    # Orders.

    async def submit(self, order: Approved) -> None:
        """Send the order; it is durable when this returns. An id that was ever seen is ignored."""
        venue, _ = self._connected()
        if order.client_order_id in self._known:
            return
        self._known.add(order.client_order_id)
        await self._learn(order.spec.symbol)
        delay_ns = drawn_ns(self._context, self._config.wire_delay_ms)
        if not delay_ns:
            await self._settle_on_disk(venue.arrive(order.client_order_id, order.spec))
            return
        item = WireItem(order.client_order_id, self._context.now_ns() + delay_ns, order.spec)
        self._behind[order.client_order_id] = []
        outcome = Outcome()
        outcome.statements.append(store.put_on_wire(item))
        await self._settle_on_disk(outcome)
        self._courier.send(item.due_ns, item)

    async def update(self, change: ApprovedChange) -> None:
        """Change a working order; behind one that is on the wire, the change waits for it."""
        venue, _ = self._connected()
        behind = self._behind.get(change.client_order_id)
        if behind is not None:
            behind.append(change.change)
        else:
            await self._settle_on_disk(venue.update(change.client_order_id, change.change))

    async def cancel(
        self, client_order_id: ClientOrderId, brokerage_order_id: BrokerageOrderId | None = None
    ) -> None:
        """Cancel a working order; behind one that is on the wire, the cancel waits for it.

        This venue has one order of a name only, so the other id is not needed.
        """
        venue, _ = self._connected()
        behind = self._behind.get(client_order_id)
        if behind is not None:
            behind.append(None)
        else:
            await self._settle_on_disk(venue.cancel(client_order_id))

    # The market.

    async def observe(self, data: MarketDataArrived | TimePulse, *, fill: bool = True) -> None:
        """Fill what this market fills; return when the daemon has dealt with the news.

        Without `fill` only take the prices in; `try_next` fills.
        """
        venue, _ = self._connected()
        points = data.points if isinstance(data, MarketDataArrived) else ()
        for point in points:
            if not venue.account.knows(point.symbol):
                await self._learn(point.symbol)
        outcome = venue.observe(points, data.time_ns, fill=fill)
        if outcome.statements:
            await self._settle_on_disk(outcome)
            await self._stream.settle()
        self._write_lazily(venue)

    async def try_next(self, *, anew: bool) -> bool:
        """Try working orders up to one that has news; return whether one had."""
        venue, _ = self._connected()
        if (outcome := venue.try_next(anew=anew)) is None:
            return False
        await self._settle_on_disk(outcome)
        return True

    async def book_action(self, action_id: str, action: CorporateAction) -> None:
        """See ActionBooker."""
        await self._settle_on_disk(book_once(self._connected()[0], action_id, action))

    async def settle(self) -> None:
        """Return when the daemon has dealt with everything emitted so far."""
        await self._stream.settle()

    # Inside.

    def _connected(self) -> tuple[Venue, SqliteThread]:
        if self._broken:
            raise VenueError(self._broken)
        if self._venue is None or self._database is None:
            raise VenueError("the paper account is not connected")
        return self._venue, self._database

    async def _learn(self, symbol: Symbol) -> None:
        """Look up a symbol the venue has not met. One without hours stays unknown: its orders are refused."""
        venue, _ = self._connected()
        if venue.account.knows(symbol) or symbol in self._unknown:
            return
        try:
            await asyncio.to_thread(venue.account.learn, symbol)
        except DataError as error:
            self._unknown.add(symbol)
            self._context.report("paper_symbol_unknown", symbol=symbol.value, error=str(error))

    async def _arrive(self, item: WireItem) -> None:
        """Make an order of what was on the wire, and do what was sent behind it."""
        venue, _ = self._connected()
        await self._settle_on_disk(venue.arrive(item.client_order_id, item.spec))
        for change in self._behind.pop(item.client_order_id, ()):
            if change is None:
                await self._settle_on_disk(venue.cancel(item.client_order_id))
            else:
                await self._settle_on_disk(venue.update(item.client_order_id, change))

    async def _settle_on_disk(self, outcome: Outcome) -> None:
        """Write the outcome; its news leave when it is durable, even if the caller is cancelled meanwhile."""
        if not outcome.statements:
            return
        _, database = self._connected()
        try:
            written = database.start(partial(_write, outcome))
        except StoreFailedError as error:
            self._break(error)
            raise OutcomeUnknownError(f"the paper account cannot be written: {error}") from error
        written.add_done_callback(partial(self._tell, outcome, self._stream))
        try:
            await asyncio.shield(written)
        except _WRITE_ERRORS as error:
            raise OutcomeUnknownError(f"the paper account cannot be written: {error}") from error

    def _tell(self, outcome: Outcome, stream: EventStream, written: asyncio.Future[object]) -> None:
        """Emit the news of a durable outcome, now or when its acknowledgement is due."""
        error = None if written.cancelled() else written.exception()
        if error is not None:
            self._break(error)
            return
        due_ns = 0
        if self._config.ack_delay_ms[1] and self._venue is not None:
            orders = self._venue.book.orders
            told = [orders[name] for report in outcome.reports if (name := report.client_order_id) in orders]
            delay_ns = drawn_ns(self._context, self._config.ack_delay_ms)
            due_ns = news_due_ns(told, self._context.now_ns(), delay_ns)
        for event in (*outcome.reports, *outcome.cash):
            if due_ns:
                self._courier.send(due_ns, event)
            elif not stream.put(event) and not stream.ended:
                self._break(VenueError("nobody reads the events of the paper account"))

    def _write_lazily(self, venue: Venue) -> None:
        """Let marks reach the disk now and then: a restart without a feed trades on them."""
        now_s = self._context.monotonic_s()
        if now_s < self._lazy_due_s or self._database is None:
            return
        self._lazy_due_s = now_s + LAZY_WRITE_S
        try:
            self._database.post(partial(_write, venue.lazy()))
        except StoreFailedError as error:
            self._break(error)

    def _break(self, error: BaseException) -> None:
        """End the session: memory and disk may differ from here on."""
        if not self._broken:
            self._broken = f"the paper account cannot be written: {error}"
            self._context.report("paper_session_broken", error=str(error))
        self._stream.end()
        self._courier.drop()


def _capabilities(config: PaperConfig) -> BrokerageCapabilities:
    most_s = config.wire_delay_ms[1] / 1000
    return BrokerageCapabilities(
        order_types=ORDER_TYPES,
        absence_fence_s=most_s + FENCE_MARGIN_S if most_s else 0.0,
        simulated=True,
    )


async def _open_account(config: PaperConfig, context: Context) -> tuple[SqliteThread, store.StoredAccount]:
    """Open the database and begin a session in it. Raises VenueError where it cannot."""
    database = SqliteThread(context.state_directory / store.FILE_NAME, store.SCHEMA)
    cash = Decimal(str(config.cash))
    begin = partial(
        store.begin_session, currency=config.currency, cash=cash, remembered=config.remembered_orders
    )
    try:
        await database.open()
        return database, await database.call(begin)
    except _WRITE_ERRORS as error:
        await database.close()
        raise VenueError(f"the paper account cannot be opened: {error}") from error


def _write(outcome: Outcome, connection: sqlite3.Connection) -> None:
    """Write an outcome; runs in the database's thread."""
    store.apply(connection, outcome.statements)
    store.apply(connection, map(store.set_mark, outcome.points))


def _nothing(_connection: sqlite3.Connection) -> None:
    """Write nothing: awaiting it means that everything before is durable."""
