"""Whatever clients, prices and faults do: accounts are the sum of their trades, and a seed repeats a run."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from random import Random

import pytest

from livetrader_venues.tws.orders import TRANSITIONS, Status
from livetrader_venues.tws.settings import SECOND_NS, Settings
from tests.venues.raw import Room

KINDS = ["MKT", "LMT", "STP", "STP LMT", "TRAIL", "MIT", "LIT", "MOC"]
SETTINGS = Settings(messages_per_second=0, cancel_delay_ns=SECOND_NS, commission_delay_ns=2 * SECOND_NS)
FAULTS = [
    {"kind": "mute", "message": "orderStatus", "count": 0, "probability": 0.05},
    {"kind": "duplicate", "message": "execDetails", "count": 0, "probability": 0.1},
    {"kind": "delay", "message": "execDetails", "count": 0, "probability": 0.1, "by_s": 3},
    {"kind": "reorder", "message": "openOrder", "count": 0, "probability": 0.1},
    {"kind": "mute", "message": "placeOrder", "count": 0, "probability": 0.05},
]


def hostile_day(seed: int, steps: int = 250, *, faults: bool = True) -> Room:
    """Play a day by chance; the room holds all that was told."""
    chance, room = Random(seed), Room(settings=SETTINGS, seed=seed)
    clients = {number: room.connect(number) for number in (1, 2)}
    numbers = {1: 0, 2: 0}
    for each in FAULTS if faults else []:
        room.do("fault", **each)
    for _ in range(steps):
        who = chance.choice((1, 2))
        client, event = clients[who], chance.random()
        if client.is_closed and room.gateway.accepts:
            client = clients[who] = room.connect(who)
            numbers[who] = int(client.named("nextValidId")[0][2]) - 1  # it believes what it is told
        if event < 0.45:
            numbers[who] += 1
            place(room, client, numbers[who], chance)
        elif event < 0.55 and numbers[who]:
            room.send(client, 4, 1, chance.randint(1, numbers[who]), "")
        elif event < 0.60 and numbers[who]:
            place(room, client, chance.randint(1, numbers[who]), chance)
        elif event < 0.85:
            price = Decimal(chance.randint(9500, 10500)) / 100
            room.do(
                "quote", symbol="SPY", bid=price, ask=price + Decimal("0.02"), size=chance.randint(1, 300)
            )
        elif event < 0.95:
            room.wait(chance.randint(1, 5))
        else:
            outage(room, chance)
    room.wait(600)
    return room


def place(room: Room, client: object, number: int, chance: Random) -> None:
    kind, price = chance.choice(KINDS), Decimal(chance.randint(9500, 10500)) / 100
    said = {"orderType": kind, "lmtPrice": price, "auxPrice": "1.5" if kind == "TRAIL" else price}
    said["tif"] = chance.choice(["DAY", "GTC", "IOC", "FOK"])
    if chance.random() < 0.2:
        said |= {"ocaGroup": f"group-{chance.randint(1, 3)}", "ocaType": chance.choice([1, 2])}
    if chance.random() < 0.2 and number > 1:
        said["parentId"] = number - 1
    room.order(client, number, chance.choice(["BUY", "SELL"]), chance.randint(1, 200), **said)  # type: ignore[arg-type]


def outage(room: Room, chance: Random) -> None:
    kind = chance.randrange(6)
    if kind == 0:
        room.do("nightly_reset", down_s=chance.randint(1, 30))
    elif kind == 1:
        room.do("restart", down_s=chance.randint(1, 10), rollback=chance.randint(0, 3))
    elif kind == 2:
        room.do("session", state="close")
        room.do("session", state="open")
    elif kind == 3:
        room.do("trade", symbol="SPY", quantity=chance.choice([-7, 7]))
    elif list(room.gateway.exchange.tape):
        room.do(*[("bust",), ("correct",)][kind - 4], **({"price": "100.5"} if kind == 5 else {}))


@pytest.mark.parametrize("seed", range(12))
def test_accounts_are_the_sum_of_their_trades(seed: int) -> None:
    exchange = hostile_day(seed).gateway.exchange
    (account,) = exchange.accounts.values()
    newest = exchange.tape.latest()
    assert newest, "a day without a trade shows nothing"
    held: dict[int, Decimal] = defaultdict(Decimal)
    for done in newest:
        held[done.contract.con_id] += done.signed
    assert {p.contract.con_id: p.quantity for p in account.held()} == {c: q for c, q in held.items() if q}
    spent = sum(done.signed * done.price + done.commission for done in newest)
    assert account.cash == {"USD": 1_000_000 - spent}


@pytest.mark.parametrize("seed", range(12))
def test_orders_fill_once_and_go_where_the_table_leads(seed: int) -> None:
    room = hostile_day(seed, faults=False)
    for order in room.gateway.exchange.orders.values():
        assert 0 <= order.filled <= order.terms.quantity
        assert (order.filled == order.terms.quantity) == (order.status is Status.FILLED)
        first = {
            d.trade_id: d for d in reversed(list(room.gateway.exchange.tape)) if d.perm_id == order.perm_id
        }
        assert sum(done.quantity for done in first.values()) == order.filled
    for client in room.clients.values():
        last: dict[str, Status] = {}
        for message in client.named("orderStatus"):
            status, perm_id = Status(message[2]), message[6]
            before = last.get(perm_id, status)
            assert status is before or status in TRANSITIONS[before]
            last[perm_id] = status


def test_the_same_seed_gives_the_same_bytes() -> None:
    def told(seed: int) -> list[list[list[str]]]:
        return [client.messages for client in hostile_day(seed, 120).clients.values()]

    assert told(3) == told(3) != told(4)
