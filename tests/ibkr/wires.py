"""The real client of a library and the TWS peer, joined in memory: what is written arrives at once.

Orders go out through the library's serializer and come back through its decoder; the peer is the one of
tests/venues. No socket and no loop, so that a property can be tried a few hundred times.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from livetrader_engine.orders.order import ClientOrderId, OrderId, OrderSpec, OrderType
from livetrader_engine.symbols import SecurityType, Symbol, equity_identifier, plain_identifier
from livetrader_plugins.ibkr import contracts, orders
from livetrader_plugins.ibkr.library import Library, load
from livetrader_plugins.ibkr.receiver import Message, Receiver
from livetrader_plugins.ibkr.wire import make_client
from livetrader_venues.tws import peer
from livetrader_venues.tws.contracts import Catalogue
from livetrader_venues.tws.director import Director
from livetrader_venues.tws.orders import Order as PeerOrder
from livetrader_venues.tws.requests import parsed
from livetrader_venues.tws.settings import SECOND_NS, Settings
from livetrader_venues.tws.switchboard import Close
from livetrader_venues.tws.wire import decode
from tests.venues.peers import START_NS, library

CLIENTS = (("ib_insync", 157), ("ib_insync", 176), ("ib_async", 163), ("ib_async", 178))
ACCOUNT = "DU1234567"
CONNECTION = 1


def equity(ticker: str = "SPY") -> Symbol:
    return Symbol.create(equity_identifier(ticker, None), ticker, SecurityType.EQUITY, "usa")


def plain(ticker: str, kind: SecurityType, market: str) -> Symbol:
    return Symbol.create(plain_identifier(ticker, kind, market), ticker, kind, market)


EURUSD = plain("EURUSD", SecurityType.FOREX, "oanda")
BTCUSD = plain("BTCUSD", SecurityType.CRYPTO, "coinbase")


def spec(**said: Any) -> OrderSpec:
    """Return a limit order far from the market, with what a test cares for."""
    values: dict[str, Any] = {
        "id": OrderId(1),
        "symbol": equity(),
        "type": OrderType.LIMIT,
        "quantity": Decimal(10),
        "created_ns": START_NS,
        "reference_price": Decimal(100),
        "limit_price": Decimal(50),
    }
    values |= said
    if values["type"] not in (OrderType.LIMIT, OrderType.STOP_LIMIT, OrderType.LIMIT_IF_TOUCHED):
        values["limit_price"] = None
    return OrderSpec(**values)


@dataclass
class _Transport:
    """The client's end of the cable."""

    written: bytearray = field(default_factory=bytearray)

    def write(self, data: bytes) -> None:
        self.written += data

    def is_closing(self) -> bool:
        return False

    def write_eof(self) -> None:
        """Nothing is behind it."""

    def close(self) -> None:
        """Nothing is behind it."""


class Wire:
    """One client, one gateway, time by hand."""

    def __init__(
        self, name: str, version: int, settings: Settings | None = None, catalogue: Catalogue | None = None
    ) -> None:
        library(name)  # imported with a loop for its eventkit
        self.library: Library = load(name)  # type: ignore[arg-type]  # one of the two
        self.messages: list[Message] = []
        self.trouble: list[str] = []
        self.now_ns = START_NS
        self.gateway = peer.gateway(
            settings=settings or Settings(highest_version=version, messages_per_second=0),
            catalogue=catalogue,
            seed=1,
            now_ns=START_NS,
        )
        self.next_id = 1
        receiver = Receiver(self.messages.append, "UTC")
        self.client: Any = make_client(self.library, receiver, self.trouble.append, self.trouble.append)
        self._transport = _Transport()
        self.client.connState = self.client.CONNECTING
        self.client.clientId = 7
        self.client.conn.transport = self._transport
        self.gateway.opened(CONNECTION, self.now_ns)
        offer = b"v%d..%d" % (self.client.MinClientVersion, self.client.MaxClientVersion)
        self.client.conn.sendMsg(b"API\0" + self.client._prefix(offer))
        self.pump()
        assert self.client.isReady(), self.trouble

    def pump(self) -> None:
        """Carry bytes both ways until nobody has anything to say."""
        while True:
            written = bytes(self._transport.written)
            self._transport.written.clear()
            if written:
                self.gateway.received(CONNECTION, written, self.now_ns)
            outputs = [output for output in self.gateway.take() if not isinstance(output, Close)]
            for output in outputs:
                self.client._onSocketHasData(output.data)
            if not outputs and not self._transport.written:
                break
        assert not self.trouble, self.trouble

    def wait(self, seconds: float) -> None:
        self.now_ns += int(seconds * SECOND_NS)
        self.gateway.advance(self.now_ns)
        self.pump()

    def do(self, action: str, **keywords: object) -> None:
        Director(self.gateway).perform(action, keywords)
        self.pump()

    def call(self, method: str, *arguments: object) -> None:
        getattr(self.client, method)(*arguments)
        self.pump()

    def named(self, name: str) -> list[tuple[Any, ...]]:
        return [message.arguments for message in self.messages if message.name == name]

    def codes(self) -> list[int]:
        return [int(a[1]) for a in self.named("error") if int(a[1]) not in (2104, 2106, 2158)]

    def place(self, wanted: OrderSpec, reference: str = "LTa-1", **sending: Any) -> int:
        """Send an order as the plugin does; return IB's number of it."""
        number = sending.pop("order_id", self.next_id)
        self.next_id = max(self.next_id, number) + 1
        how = orders.Sending(
            order_id=number, account=ACCOUNT, server_version=self.client.serverVersion(), **sending
        )
        order = orders.order_of(self.library, ClientOrderId(reference), wanted, how)
        contract = contracts.contract_of(self.library, contracts.description_of(wanted.symbol))
        self.call("placeOrder", number, contract, order)
        return number

    def heard_of(self, order: Any) -> Mapping[str, str]:
        """Return the fields of placeOrder as the peer reads them off the wire; it takes no order."""
        self.pump()
        contract = contracts.contract_of(self.library, contracts.description_of(equity()))
        self.client.placeOrder(order.orderId, contract, order)
        body = bytes(self._transport.written)[4:]
        self._transport.written.clear()
        request = parsed(decode(body), self.client.serverVersion())
        return request.values.fields

    def got(self, number: int) -> PeerOrder:
        """Return the order as the peer has it, also when it is over."""
        found = [order for order in self.gateway.exchange.orders.values() if order.order_id == number]
        assert found, f"the peer has no order {number}: {self.named('error')}"
        return found[-1]

    def said(self, number: int) -> Mapping[str, str]:
        """Return the fields of placeOrder as they stood on the wire."""
        return self.got(number).terms.said

    def open_order(self, number: int) -> tuple[Any, Any, Any]:
        """Return contract, order and state of the newest openOrder."""
        (_, contract, order, state) = [a for a in self.named("openOrder") if a[0] == number][-1]
        return contract, order, state
