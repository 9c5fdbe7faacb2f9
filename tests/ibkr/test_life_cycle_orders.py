"""Every order type with every time in force, from submit to its end, through the plugin and both libraries.

Each test reads the account twice at most: a third time would wait for IB's limit of messages a second.
SPY trades at 100.00 with a book of 99.99 to 100.01 (tests/venues).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from livetrader_engine.orders.order import ClientOrderId, OrderChange, OrderId, OrderSpec, OrderType
from livetrader_engine.orders.states import OrderStatus
from livetrader_engine.spi import ApprovedChange, OrderRecord, VenueError
from livetrader_engine.testing.brokerage_harness import approve
from livetrader_plugins.ibkr import orders
from livetrader_plugins.ibkr.contracts import opaque_number
from livetrader_venues.tws import peer
from livetrader_venues.tws.contracts import Catalogue, standard
from livetrader_venues.tws.server import Server
from livetrader_venues.tws.settings import Settings
from tests.ibkr.desk import SPY, Desk, at_desk, play, seated
from tests.ibkr.test_orders import DAY, UNTIL, sells
from tests.ibkr.test_resolver import MORE
from tests.ibkr.wires import BTCUSD, EURUSD, equity, spec
from tests.venues.peers import START_NS, Clock, Peer, running
from tests.venues.peers import library as imported

D = Decimal
TIMES = {"gtc": spec().time_in_force, "day": DAY, "gtd": UNTIL}
AUCTION_TIMES = {OrderType.MARKET_ON_OPEN: TIMES["gtc"], OrderType.MARKET_ON_CLOSE: DAY}
_S = OrderStatus


@dataclass(frozen=True)
class Life:
    """An order that waits, a change of it that leaves it waiting, and what makes it trade."""

    wanted: OrderSpec
    change: OrderChange
    trigger: dict[str, Any]  # a quote, or a session of the market
    price: str  # of the trade

    @property
    def name(self) -> str:
        return self.wanted.type.name.lower()


def quote(bid: str, ask: str, last: str) -> dict[str, Any]:
    return {"action": "quote", "symbol": "SPY", "bid": bid, "ask": ask, "last": last}


LIVES = [
    Life(spec(), OrderChange(limit_price=D("51.5")), quote("51.49", "51.50", "51.50"), "51.5"),
    Life(
        sells(limit_price=D("150.5")),
        OrderChange(quantity=D(-4)),
        quote("150.50", "150.60", "150.55"),
        "150.5",
    ),
    Life(
        spec(type=OrderType.STOP_MARKET, stop_price=D("120.01")),
        OrderChange(stop_price=D("119.5")),
        quote("119.60", "119.70", "119.65"),
        "119.7",
    ),
    Life(
        sells(type=OrderType.STOP_LIMIT, stop_price=D("80.25"), limit_price=D("80.2")),
        OrderChange(stop_price=D("81"), limit_price=D("80.9")),
        quote("80.95", "81.05", "81.00"),
        "80.95",
    ),
    Life(
        spec(type=OrderType.LIMIT_IF_TOUCHED, trigger_price=D(80), limit_price=D(81)),
        OrderChange(trigger_price=D(79)),
        quote("78.90", "79.00", "78.95"),
        "79",
    ),
    Life(
        sells(type=OrderType.TRAILING_STOP, stop_price=D("95.5"), trailing_amount=D("4.5")),
        OrderChange(quantity=D(-3)),
        quote("95.40", "95.60", "95.50"),
        "95.4",
    ),
    Life(
        sells(
            type=OrderType.TRAILING_STOP,
            stop_price=D(90),
            trailing_amount=D("0.1"),
            trailing_as_percentage=True,
        ),
        OrderChange(quantity=D(-12)),
        quote("89.90", "90.10", "90.00"),
        "89.9",
    ),
    Life(
        spec(type=OrderType.MARKET_ON_OPEN),
        OrderChange(quantity=D(11)),
        {"action": "session", "state": "open"},
        "100",
    ),
    Life(
        spec(type=OrderType.MARKET_ON_CLOSE),
        OrderChange(quantity=D(12)),
        {"action": "session", "state": "close"},
        "100",
    ),
]


def test_every_waiting_type_lives_here() -> None:
    assert {life.wanted.type for life in LIVES} | {OrderType.MARKET} == orders.ORDER_TYPES


def named(records: tuple[OrderRecord, ...], name: str) -> OrderRecord:
    (found,) = [record for record in records if record.client_order_id == name]
    return found


def terms(wanted: OrderSpec) -> tuple[object, ...]:
    names = ("symbol", "type", "quantity", "limit_price", "stop_price", "trigger_price", "trailing_amount")
    return tuple(getattr(wanted, name) for name in names)


async def placed(desk: Desk, name: str, wanted: OrderSpec) -> OrderSpec:
    """Submit an order and wait until it works."""
    wanted = msgspec.structs.replace(wanted, id=OrderId(int(name.partition("-")[2])))
    await desk.brokerage.submit(approve(name, wanted))
    await desk.session.until_status(ClientOrderId(name), _S.SUBMITTED)
    return wanted


async def changed(desk: Desk, name: str, wanted: OrderSpec, said: OrderChange) -> OrderSpec:
    """Change a working order and wait until the change is confirmed."""
    after = said.applied(wanted)
    await desk.brokerage.update(ApprovedChange(ClientOrderId(name), after, said))
    await desk.session.until_status(ClientOrderId(name), _S.UPDATE_SUBMITTED)
    return after


@pytest.mark.parametrize("time", TIMES)
@pytest.mark.parametrize("life", LIVES, ids=lambda life: f"{life.name}-{life.price}")
def test_an_order_is_placed_changed_shown_and_canceled(
    library: str, tmp_path: Path, life: Life, time: str
) -> None:
    async def scenario() -> None:
        async with at_desk(library, tmp_path) as desk:
            wanted = msgspec.structs.replace(life.wanted, symbol=SPY, time_in_force=TIMES[time])
            wanted = await placed(desk, "LTa-1", wanted)
            after = await changed(desk, "LTa-1", wanted, life.change)
            shown = named((await desk.brokerage.snapshot()).open_orders, "LTa-1")
            assert terms(shown.spec) == terms(after)
            (number,) = {report.brokerage_order_id for report in desk.reports("LTa-1")}
            assert shown.brokerage_order_id == number  # the change made no second order
            in_force = AUCTION_TIMES.get(after.type, after.time_in_force)
            assert shown.spec.time_in_force == in_force
            await desk.brokerage.cancel(ClientOrderId("LTa-1"))
            await desk.session.until_status(ClientOrderId("LTa-1"), _S.CANCELED)
            assert not list(desk.peer.gateway.exchange.open_orders())
            assert desk.statuses("LTa-1")[-1] is _S.CANCELED and not desk.fills("LTa-1")

    play(scenario())


@pytest.mark.parametrize("life", LIVES, ids=lambda life: f"{life.name}-{life.price}")
def test_an_order_trades_when_its_price_comes(library: str, tmp_path: Path, life: Life) -> None:
    async def scenario() -> None:
        async with at_desk(library, tmp_path) as desk:
            wanted = msgspec.structs.replace(life.wanted, symbol=SPY)
            if life.wanted.type is OrderType.MARKET_ON_OPEN:
                desk.peer.do("session", state="close")
            wanted = await placed(desk, "LTa-1", wanted)
            after = await changed(desk, "LTa-1", wanted, life.change)
            desk.peer.do(**life.trigger)
            await desk.session.until_status(ClientOrderId("LTa-1"), _S.FILLED)
            (fill,) = [report.fill for report in desk.reports("LTa-1") if report.fill is not None]
            assert (fill.quantity, fill.price) == (after.quantity, D(life.price))
            desk.peer.move(5)
            await desk.until(lambda: bool(desk.fees("LTa-1")), "the fee")
            assert desk.fees("LTa-1")[0].execution_id == fill.execution_id
            snapshot = await desk.brokerage.snapshot()
            assert [(held.symbol, held.quantity) for held in snapshot.positions] == [(SPY, after.quantity)]
            record = named(snapshot.closed_orders, "LTa-1")
            assert (record.status, record.filled_quantity) == (_S.FILLED, after.quantity)

    play(scenario())


@pytest.mark.parametrize("quantity", ["10", "-2.5", "0.0001"])
def test_a_market_order_trades_at_once_also_in_fractions(library: str, tmp_path: Path, quantity: str) -> None:
    async def scenario() -> None:
        async with at_desk(library, tmp_path) as desk:
            wanted = spec(type=OrderType.MARKET, quantity=D(quantity), symbol=SPY)
            await desk.brokerage.submit(approve("LTa-1", wanted))
            await desk.session.until_status(ClientOrderId("LTa-1"), _S.FILLED)
            assert sum(amount for _, _, amount in desk.fills("LTa-1")) == D(quantity)
            (held,) = (await desk.brokerage.snapshot()).positions
            assert held.quantity == D(quantity)

    play(scenario())


@pytest.mark.parametrize(("word", "filled"), [("IOC", 4), ("FOK", 0)])
def test_what_is_not_there_at_once_is_canceled(library: str, tmp_path: Path, word: str, filled: int) -> None:
    async def scenario() -> None:
        async with at_desk(library, tmp_path) as desk:
            desk.peer.do("quote", symbol="SPY", bid="99.99", ask="100.01", size=4)
            wanted = spec(limit_price=D("100.01"), properties=(("tif", word),), symbol=SPY)
            await desk.brokerage.submit(approve("LTa-1", wanted))
            await desk.session.until_status(ClientOrderId("LTa-1"), _S.CANCELED)
            assert sum(amount for _, _, amount in desk.fills("LTa-1")) == filled

    play(scenario())


def test_a_bracket_lives_and_ends_as_one(library: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with at_desk(library, tmp_path) as desk:
            held = (("transmit", False),)
            exits = (("parentOrderId", 1), ("ocaGroup", "LTa-1"))
            parent = spec(limit_price=D(99), properties=held, symbol=SPY)
            profit = sells(id=OrderId(2), limit_price=D(110), properties=(*exits, *held), symbol=SPY)
            loss = sells(
                id=OrderId(3), type=OrderType.STOP_MARKET, stop_price=D(90), properties=exits, symbol=SPY
            )
            for name, wanted in (("LTa-1", parent), ("LTa-2", profit), ("LTa-3", loss)):
                await desk.brokerage.submit(approve(name, wanted))
            for name in ("LTa-1", "LTa-2", "LTa-3"):
                await desk.session.until_status(ClientOrderId(name), _S.SUBMITTED)
            desk.peer.do("quote", symbol="SPY", bid="98.90", ask="98.95", last="98.95")
            await desk.session.until_status(ClientOrderId("LTa-1"), _S.FILLED)
            desk.peer.do("quote", symbol="SPY", bid="89.90", ask="89.95", last="89.90")
            await desk.session.until_status(ClientOrderId("LTa-3"), _S.FILLED)
            await desk.session.until_status(ClientOrderId("LTa-2"), _S.CANCELED)
            snapshot = await desk.brokerage.snapshot()
            assert snapshot.positions == () and snapshot.open_orders == ()

    play(scenario())


def test_a_child_can_be_changed_after_a_restart(library: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running() as tws:
            child = sells(id=OrderId(2), limit_price=D(110), properties=(("parentOrderId", 1),), symbol=SPY)
            async with seated(tws, library, tmp_path) as desk:
                await placed(desk, "LTa-1", spec(symbol=SPY))
                child = await placed(desk, "LTa-2", child)
            async with seated(tws, library, tmp_path) as desk:
                await changed(desk, "LTa-2", child, OrderChange(limit_price=D(111)))
                (parent, attached) = tws.gateway.exchange.open_orders()
                assert attached.terms.parent_id == parent.order_id
                assert (attached.terms.limit_price, attached.why_held) == (D(111), "child")

    play(scenario())


def test_a_child_of_an_order_that_nobody_sent_is_not_sent(library: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with at_desk(library, tmp_path) as desk:
            orphan = sells(id=OrderId(9), limit_price=D(110), properties=(("parentOrderId", 8),), symbol=SPY)
            with pytest.raises(VenueError, match="order 8"):
                await desk.brokerage.submit(approve("LTa-9", orphan))
            assert (await desk.brokerage.snapshot()).open_orders == ()

    play(scenario())


def test_currencies_and_crypto_are_traded_by_their_own_rules(library: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with at_desk(library, tmp_path) as desk:
            pair = spec(symbol=EURUSD, type=OrderType.MARKET, quantity=D(20_000))
            coin = spec(
                id=OrderId(2), symbol=BTCUSD, quantity=D("0.12345678"), limit_price=D(31_000),
                properties=(("tif", "IOC"),),
            )  # fmt: skip
            await desk.brokerage.submit(approve("LTa-1", pair))
            await desk.brokerage.submit(approve("LTa-2", coin))
            for name in ("LTa-1", "LTa-2"):
                await desk.session.until_status(ClientOrderId(name), _S.FILLED)
            sold = spec(id=OrderId(3), symbol=BTCUSD, type=OrderType.MARKET, quantity=D("-0.12345677"))
            await desk.brokerage.submit(approve("LTa-3", sold))
            await desk.session.until_status(ClientOrderId("LTa-3"), _S.FILLED)
            positions = {held.symbol: held.quantity for held in (await desk.brokerage.snapshot()).positions}
            assert positions == {EURUSD: D(20_000), BTCUSD: D("0.00000001")}

    play(scenario())


@asynccontextmanager
async def with_more() -> AsyncIterator[Peer]:
    """A peer that trades what LEAN has no name for."""
    gateway = peer.gateway(
        catalogue=Catalogue([*standard(), *MORE]), settings=Settings(messages_per_second=0), now_ns=START_NS
    )
    clock = Clock()
    async with Server(gateway, clock=clock, is_paced=False) as server:
        yield Peer(gateway, server, clock)


def test_what_lean_has_no_name_for_is_held_and_sold(library: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with with_more() as tws:
            tws.do("trade", symbol="VUSD", quantity=7)  # a fund of London, in dollars
            tws.do("trade", symbol="T 4 1/2 02/15/36", quantity=-3)
            async with seated(tws, library, tmp_path) as desk:
                held = {p.symbol: p.quantity for p in desk.opening.positions}
                assert {opaque_number(symbol): size for symbol, size in held.items()} == {901: 7, 900: -3}
                for number, (symbol, size) in enumerate(held.items(), 1):
                    kill = spec(id=OrderId(0), type=OrderType.MARKET, symbol=symbol, quantity=-size)
                    await desk.brokerage.submit(approve(f"LKz-{number}", kill))
                    await desk.session.until_status(ClientOrderId(f"LKz-{number}"), _S.FILLED)
                assert (await desk.brokerage.snapshot()).positions == ()

    play(scenario())


def test_a_trade_by_hand_has_its_symbol_at_once_and_in_the_account(library: str, tmp_path: Path) -> None:
    settings = Settings(messages_per_second=0, master_client_id=10)

    async def scenario() -> None:
        async with at_desk(library, tmp_path, settings) as desk:
            desk.peer.do("trade", symbol="IBM", quantity=5)
            await desk.until(lambda: bool(desk.fills("")), "the trade")
            (fill,) = [report.fill for report in desk.reports("") if report.fill is not None]
            assert (fill.symbol, fill.quantity) == (equity("IBM"), 5)
            snapshot = await desk.brokerage.snapshot()
            assert [(p.symbol, p.quantity) for p in snapshot.positions] == [(equity("IBM"), 5)]

    play(scenario())


def test_a_combination_of_somebody_else_counts_as_its_legs(library: str, tmp_path: Path) -> None:
    settings = Settings(messages_per_second=0, master_client_id=10)

    async def scenario() -> None:
        async with at_desk(library, tmp_path, settings) as desk:
            module = imported(library)
            other = module.IB()
            await other.connectAsync("127.0.0.1", desk.peer.port, clientId=3)
            legs = [
                module.ComboLeg(conId=con_id, ratio=1, action=action, exchange="SMART")
                for con_id, action in ((756733, "BUY"), (8314, "SELL"))
            ]
            bag = module.Bag(symbol="SPY", exchange="SMART", currency="USD", comboLegs=legs)
            other.placeOrder(bag, module.MarketOrder("BUY", 2, tif="DAY"))
            await desk.until(lambda: len(desk.fills("")) == 2, "the trades of the legs")
            snapshot = await desk.brokerage.snapshot()
            expected = {equity("SPY"): 2, equity("IBM"): -2}
            assert {p.symbol: p.quantity for p in snapshot.positions} == expected
            assert {fill.symbol: fill.quantity for _, fill in snapshot.fills} == expected
            other.disconnect()

    play(scenario())


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (spec(type=OrderType.COMBO_MARKET), "send its legs"),
        (spec(limit_price=D("50.001")), "no multiple of 0.01"),
        (spec(quantity=D("0.00001")), "no multiple of 0.0001"),
        (spec(properties=(("postOnly", True),)), "no instruction postOnly"),
        (spec(symbol=BTCUSD, type=OrderType.MARKET), "tif = 'IOC'"),
    ],
)
def test_what_ib_cannot_do_never_reaches_it(
    library: str, tmp_path: Path, wanted: OrderSpec, words: str
) -> None:
    async def scenario() -> None:
        async with at_desk(library, tmp_path) as desk:
            with pytest.raises(VenueError, match=words):
                await desk.brokerage.submit(approve("LTa-1", wanted))
            assert desk.peer.gateway.exchange.orders == {}

    play(scenario())
