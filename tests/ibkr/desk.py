"""A brokerage at a desk: the real plugin, a real library, the TWS peer on a free port, and its news."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from livetrader_engine.events import BrokerageMessageKind
from livetrader_engine.orders.order import ClientOrderId, OrderSpec, OrderType
from livetrader_engine.orders.states import OrderStatus
from livetrader_engine.spi import AccountSnapshot, BrokerageMessage, ExecutionReport, FeeReported
from livetrader_engine.symbols import SecurityType, Symbol, equity_identifier
from livetrader_engine.testing.brokerage_harness import BrokerageSession, approve
from livetrader_engine.testing.host import PluginHost
from livetrader_plugins.ibkr import requests
from livetrader_plugins.ibkr.brokerage import IbkrBrokerage
from livetrader_plugins.ibkr.config import IbkrConfig
from livetrader_venues.tws.ledger import Account
from livetrader_venues.tws.settings import Settings
from tests.ibkr.wires import spec
from tests.venues.peers import LIMIT_S, Peer, running

TEN = Decimal(10)
SPY = Symbol.create(equity_identifier("SPY", None), "SPY", SecurityType.EQUITY, "usa")


@dataclass(slots=True)
class Desk:
    """One brokerage, the venue behind it, the daemon around it, and everything it reported."""

    peer: Peer
    host: PluginHost
    brokerage: IbkrBrokerage
    session: BrokerageSession

    @property
    def opening(self) -> AccountSnapshot:
        return self.session.opening

    async def buy(self, name: str, quantity: int = 10, **said: Any) -> ClientOrderId:
        """Submit an order: market, or limit where a limit_price is given."""
        kind = OrderType.LIMIT if "limit_price" in said else OrderType.MARKET
        values = {"type": kind, "quantity": Decimal(quantity), **said}
        await self.brokerage.submit(approve(name, order(**values)))
        return ClientOrderId(name)

    async def working(self, name: str, quantity: int = 10, limit: int = 50) -> ClientOrderId:
        """Submit a limit order far from the market and wait until it works."""
        placed = await self.buy(name, quantity, limit_price=Decimal(limit))
        await self.session.until_status(placed, OrderStatus.SUBMITTED)
        return placed

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        await self.session.until(condition, what)

    def statuses(self, name: str) -> list[OrderStatus]:
        return self.session.statuses(ClientOrderId(name))

    def reports(self, name: str) -> list[ExecutionReport]:
        return self.session.reports(ClientOrderId(name))

    def fills(self, name: str) -> list[tuple[str, int, Decimal]]:
        """Return execution id, revision and quantity of every fill that was told, in order."""
        return [
            (report.fill.execution_id, report.fill.revision, report.fill.quantity)
            for report in self.reports(name)
            if report.fill is not None
        ]

    def fees(self, name: str) -> list[FeeReported]:
        return [
            event
            for event in self.session.events
            if isinstance(event, FeeReported) and event.client_order_id == name
        ]

    def messages(self, kind: BrokerageMessageKind = BrokerageMessageKind.WARNING) -> list[str]:
        """Return the codes of the messages of a kind."""
        return [
            event.code
            for event in self.session.events
            if isinstance(event, BrokerageMessage) and event.kind is kind
        ]

    async def again(self) -> AccountSnapshot:
        """Connect again, as the daemon does when events have ended, and go on consuming."""
        self.session.opening = await self.brokerage.connect()
        self.session.ended = False
        self.host.context.spawn("consumer", self.session.consume())
        return self.session.opening


def order(**said: Any) -> OrderSpec:
    return msgspec.structs.replace(spec(**said), symbol=said.get("symbol", SPY))


def config(peer: Peer, library: str, **said: Any) -> IbkrConfig:
    """Return settings under which nothing waits long."""
    values: dict[str, Any] = {
        "port": peer.port,
        "library": library,
        "request_timeout_s": LIMIT_S,
        "messages_per_second": 10_000,  # of a login with many lines: tests need not wait
    }
    return IbkrConfig(**{**values, **said})


@asynccontextmanager
async def seated(peer: Peer, library: str, directory: Path, **said: Any) -> AsyncIterator[Desk]:
    """Connect a brokerage to a peer, consume its events; close it at the end."""
    async with PluginHost("ibkr", directory) as host:
        brokerage = IbkrBrokerage(config(peer, library, **said), host.context)
        try:
            session = BrokerageSession(brokerage, await brokerage.connect())
            host.context.spawn("consumer", session.consume())
            yield Desk(peer, host, brokerage, session)
        finally:
            await brokerage.close()


@asynccontextmanager
async def at_desk(
    library: str,
    directory: Path,
    settings: Settings | None = None,
    accounts: Iterable[Account] = (),
    **said: Any,
) -> AsyncIterator[Desk]:
    """Start a peer and connect a brokerage to it."""
    async with running(settings, accounts) as peer, seated(peer, library, directory, **said) as desk:
        yield desk


async def round_trip(brokerage: IbkrBrokerage) -> None:
    """Return when TWS has dealt with all that was sent, and we with all that it said by then."""
    assert brokerage._session is not None
    await brokerage._session.request(requests.CURRENT_TIME)


def play(scenario: Any) -> None:
    """Run a scenario within the time that a test may take."""

    async def limited() -> None:
        async with asyncio.timeout(4 * LIMIT_S):
            await scenario

    asyncio.run(limited())
