"""A client without a library and without a socket: fields in, fields out, in virtual time."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from livetrader_venues.tws import layouts, peer
from livetrader_venues.tws.director import Director
from livetrader_venues.tws.gateway import Gateway
from livetrader_venues.tws.ledger import Account
from livetrader_venues.tws.requests import PLACE_ORDER
from livetrader_venues.tws.settings import SECOND_NS, Settings
from livetrader_venues.tws.switchboard import Close
from tests.venues.peers import START_NS

NAMES = {
    "2": "tickSize",
    "1": "tickPrice",
    "3": "orderStatus",
    "4": "error",
    "5": "openOrder",
    "9": "nextValidId",
    "11": "execDetails",
    "17": "historicalData",
    "15": "managedAccounts",
    "49": "currentTime",
    "50": "realtimeBar",
    "53": "openOrderEnd",
    "55": "execDetailsEnd",
    "59": "commissionReport",
    "61": "position",
    "62": "positionEnd",
    "100": "orderBound",
    "101": "completedOrder",
}
SPY = {"conId": 756733, "symbol": "SPY", "secType": "STK", "exchange": "SMART", "currency": "USD"}
DEFAULTS = {"orderType": "MKT", "tif": "DAY", "transmit": 1, **SPY}
VERSION = 176


@dataclass
class Client:
    """One connection to a gateway."""

    number: int
    messages: list[list[str]] = field(default_factory=list)
    data: bytes = b""
    is_closed: bool = False

    def named(self, name: str) -> list[list[str]]:
        return [message for message in self.messages if NAMES.get(message[0]) == name]

    def codes(self) -> list[int]:
        """Codes of errors that are about more than farms being fine."""
        return [int(m[3]) for m in self.named("error") if int(m[3]) not in (2104, 2106, 2158)]

    def statuses(self, order_id: int) -> list[str]:
        return [message[2] for message in self.named("orderStatus") if message[1] == str(order_id)]

    def cut(self) -> None:
        while len(self.data) >= 4:
            (length,) = struct.unpack(">I", self.data[:4])
            if len(self.data) < 4 + length:
                return
            body, self.data = self.data[4 : 4 + length], self.data[4 + length :]
            self.messages.append(body.decode().split("\0")[:-1])


class Room:
    """A gateway, its clients and their time."""

    def __init__(self, *accounts: Account, settings: Settings | None = None, seed: int = 1) -> None:
        self.now_ns = START_NS
        self.gateway: Gateway = peer.gateway(
            settings=settings, accounts=accounts, seed=seed, now_ns=self.now_ns
        )
        self.clients: dict[int, Client] = {}

    def connect(self, client_id: int = 1, version: int = VERSION) -> Client:
        """Connect, greet and start."""
        client = Client(len(self.clients) + 1)
        self.clients[client.number] = client
        self.gateway.opened(client.number, self.now_ns)
        offer = f"v100..{version}".encode()
        self.give(client, b"API\0" + struct.pack(">I", len(offer)) + offer)
        self.send(client, 71, 2, client_id, "")
        return client

    def give(self, client: Client, data: bytes) -> None:
        self.gateway.received(client.number, data, self.now_ns)
        self.collect()

    def send(self, client: Client, *fields: object) -> None:
        body = "".join(f"{each}\0" for each in fields).encode()
        self.give(client, struct.pack(">I", len(body)) + body)

    def order(self, client: Client, order_id: int, action: str, quantity: object, **said: object) -> None:
        """Place an order for SPY at the market with the fields that a test cares for."""
        values = {**DEFAULTS, "orderId": order_id, "action": action, "totalQuantity": quantity, **said}
        zero = {name: (lambda: [0]) for name in ("deltaNeutralContract", "conditions")}
        none = {part.name: list for part in layouts.parts(PLACE_ORDER, VERSION) if part.is_group}
        self.send(client, 3, *layouts.write(PLACE_ORDER, VERSION, values, {**none, **zero}))

    def wait(self, seconds: float) -> None:
        self.now_ns += int(seconds * SECOND_NS)
        self.gateway.advance(self.now_ns)
        self.collect()

    def do(self, action: str, **keywords: object) -> None:
        Director(self.gateway).perform(action, keywords)
        self.collect()

    def collect(self) -> None:
        for output in self.gateway.take():
            client = self.clients[output.connection]
            if isinstance(output, Close):
                client.is_closed = True
                self.gateway.lost(client.number, self.now_ns)
            else:
                client.data += output.data
                client.cut()
