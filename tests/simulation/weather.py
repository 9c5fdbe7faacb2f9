"""What goes wrong in a week, and when: drawn from the seed before anything runs, one stream for each kind.

A kind broker finds nothing, so the weather is bad: a fault every minute or so, most of them short, some of
them together. What is not drawn: faults that no client could see through, such as a snapshot that ends
properly and lacks a row.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random
from typing import Final, Protocol

from livetrader_venues.tws.director import ScriptError
from livetrader_venues.tws.orders import Order, Status
from tests.simulation.agent import TICKERS
from tests.simulation.network import Conditions, Network
from tests.simulation.venue import Venue

EVERY_S: Final = 35.0  # between two faults, on average
UNLISTED: Final = (10999, 7777, 489)  # codes that say nothing certain about an order
WARNED: Final = (399, 2109, 10349, 404)
REQUESTS: Final = (
    "placeOrder", "cancelOrder", "reqAllOpenOrders", "reqExecutions", "reqPositions", "reqCompletedOrders",
    "reqCurrentTime", "reqAccountUpdates", "startApi",
)  # fmt: skip
ENDS: Final = (
    "openOrderEnd",
    "execDetailsEnd",
    "completedOrdersEnd",
    "positionEnd",
    "currentTime",
    "nextValidId",
)
NEWS: Final = ("orderStatus", "commissionReport")


class Ground(Protocol):
    """What the weather works on."""

    venue: Venue
    network: Network

    def saw(self, what: str, **fields: object) -> None:
        """Note what happened."""
        ...

    async def kill(self) -> None:
        """Trip the kill switch of the daemon that runs."""
        ...

    def restart_engine(self) -> None:
        """Have the engine die and be started again."""
        ...

    def twin(self, order: Order) -> None:
        """Have the venue make a second order of one."""
        ...

    async def look(self) -> None:
        """Ask for a reconciliation, as an operator does."""
        ...


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong, and how often against the others."""

    name: str
    weight: float
    do: Callable[[Ground, Random], Awaitable[None]]


def ordinary(random: Random) -> Conditions:
    """Return the lines of a week: some quick and clean, some slow and in pieces."""
    return Conditions(
        latency_s=random.choice(((0.0005, 0.004), (0.002, 0.03), (0.01, 0.3))),
        spike_probability=random.choice((0.0, 0.001, 0.01)),
        fragment_probability=random.choice((0.0, 0.1, 0.3)),
        half_open_probability=random.choice((0.0, 0.02)),
    )


async def blow(ground: Ground, random: Random) -> None:
    """Let things go wrong, one after the other, until cancelled."""
    while True:
        await asyncio.sleep(random.expovariate(1 / EVERY_S))
        fault = random.choices(FAULTS, [fault.weight for fault in FAULTS])[0]
        ground.saw(fault.name)
        try:
            await fault.do(ground, random)
        except ScriptError as error:
            ground.saw("nothing to act on", fault=fault.name, why=str(error))


# -- the network ------------------------------------------------------------------------------------


async def _partition(ground: Ground, random: Random) -> None:
    lasts_s = random.choice((1.0, 4.0, 20.0, 90.0)) * random.random()
    ground.network.conditions.partition_until_s = ground.network.loop.time() + lasts_s


async def _reset(ground: Ground, random: Random) -> None:
    for wire in sorted(ground.network.wires.values(), key=lambda wire: wire.number):
        wire.reset()


async def _half_open(ground: Ground, random: Random) -> None:
    for wire in sorted(ground.network.wires.values(), key=lambda wire: wire.number):
        wire.go_half_open()


# -- the gateway ------------------------------------------------------------------------------------


async def _link(ground: Ground, random: Random) -> None:
    """1100, and after a while 1101 or 1102; orders sent meanwhile wait in the gateway, or are lost."""
    ground.venue.do("lose_link")
    await asyncio.sleep(random.choice((0.5, 5.0, 60.0)) * random.random())
    data_lost, orders_lost = random.random() < 0.4, random.random() < 0.3
    if not ground.venue.link:
        ground.saw("1101" if data_lost else "1102")
        ground.venue.do("restore_link", data_lost=data_lost, orders_lost=orders_lost)


async def _restart(ground: Ground, random: Random) -> None:
    """The gateway restarts; it forgets its newest order ids and the orders that it had not passed on."""
    rollback = random.choice((0, 1, 3))
    ground.saw("id rollback" if rollback else "restart without rollback")
    ground.venue.do("restart", down_s=random.uniform(1, 40), rollback=rollback)


async def _late_second_factor(ground: Ground, random: Random) -> None:
    ground.venue.do("restart", down_s=random.uniform(1, 10), rollback=2, needs_login=True)
    await asyncio.sleep(random.uniform(20, 240))
    ground.venue.do("confirm_login")


async def _farms(ground: Ground, random: Random) -> None:
    kind, name = random.choice((("market", "usfarm"), ("history", "ushmds")))
    ground.venue.do("farm", kind=kind, name=name, state=random.choice(("broken", "idle")))
    await asyncio.sleep(random.uniform(1, 30))
    ground.venue.do("farm", kind=kind, name=name, state="fine")


async def _compete(ground: Ground, random: Random) -> None:
    ground.venue.do("compete", active=True)
    await asyncio.sleep(random.uniform(1, 30))
    ground.venue.do("compete", active=False)


# -- messages ---------------------------------------------------------------------------------------


async def _request(ground: Ground, random: Random) -> None:
    """A request is lost, late, answered by a closed connection, or by an error that says nothing certain."""
    kind = random.choice(("mute", "delay", "delay", "close", "error"))
    said: dict[str, object] = {
        "kind": kind,
        "message": random.choice(REQUESTS),
        "count": random.choice((1, 1, 3)),
    }
    if kind == "delay":
        said["by_s"] = random.choice((0.05, 1.0, 5.0))
    elif kind == "error":
        said |= {"code": random.choice(UNLISTED), "text": "something went wrong", "message": "placeOrder"}
    ground.venue.do("fault", **said)


async def _answer(ground: Ground, random: Random) -> None:
    """News come twice, late, never, shortened or torn; a snapshot does not end; everything stalls."""
    kind = random.choice(("mute", "delay", "duplicate", "reorder", "shorten", "truncate", "close", "stall"))
    message = random.choice(NEWS)
    if kind in ("duplicate", "truncate", "close", "shorten"):
        message = random.choice((*NEWS, "openOrder", "execDetails", "position"))
    elif kind == "mute":
        message = random.choice((*NEWS, *ENDS))
    elif kind == "stall":
        message = "*"
    ground.venue.do(
        "fault",
        kind=kind,
        message=message,
        count=random.choice((1, 1, 4)),
        by_s=random.choice((0.2, 3.0, 12.0)),
    )


async def _lost_trade(ground: Ground, random: Random) -> None:
    """The news of the next trades never come; only a snapshot shows them."""
    ground.venue.mute_trades(random.randint(1, 3))


async def _code(ground: Ground, random: Random) -> None:
    """A code about an order that works on; the library's own state machine would call it cancelled."""
    for session in list(ground.venue.gateway.board.sessions()):
        for order in ground.venue.exchange.open_orders():
            if order.client_id == session.client_id and order.order_id > 0:
                code = random.choice((*UNLISTED, *WARNED))
                ground.venue.tell(session, code, "Something about this order", order.order_id)
                return


# -- people, and IB itself --------------------------------------------------------------------------


async def _trade_by_hand(ground: Ground, random: Random) -> None:
    ground.venue.do("trade", symbol=random.choice(TICKERS), quantity=random.choice((-7, 3, 11)))


async def _order_by_hand(ground: Ground, random: Random) -> None:
    ticker = random.choice(TICKERS)
    ground.venue.do("order", symbol=ticker, quantity=random.choice((-5, 5)), limit=ground.venue.price(ticker))


async def _cancel_by_hand(ground: Ground, random: Random) -> None:
    ground.venue.do("cancel")


async def _refuse(ground: Ground, random: Random) -> None:
    ground.venue.do("refuse", code=201, text="Order rejected - reason: late")


async def _correct(ground: Ground, random: Random) -> None:
    if random.random() < 0.5:
        ground.venue.do("correct", price="99.87")
    else:
        newest = ground.venue.trades()[-1:]
        if newest and newest[0].quantity > 1:
            ground.venue.do("correct", quantity=newest[0].quantity - 1)


async def _bust(ground: Ground, random: Random) -> None:
    ground.venue.do("bust")


async def _other_number(ground: Ground, random: Random) -> None:
    ground.venue.do("number_again")


async def _twin(ground: Ground, random: Random) -> None:
    """The gateway sent an order twice: two orders under one reference."""
    for order in ground.venue.exchange.open_orders():
        if order.terms.order_ref.startswith("LT") and order.status is Status.SUBMITTED and not order.filled:
            ground.twin(order)
            return
    ground.saw("nothing to act on", fault="two orders under one reference")


# -- the daemon -------------------------------------------------------------------------------------


async def _kill(ground: Ground, random: Random) -> None:
    await ground.kill()


async def _engine(ground: Ground, random: Random) -> None:
    ground.restart_engine()


async def _look(ground: Ground, random: Random) -> None:
    await ground.look()


FAULTS: Final = (
    Fault("partition", 3, _partition),
    Fault("connection reset", 3, _reset),
    Fault("half-open connection", 1, _half_open),
    Fault("1100", 4, _link),
    Fault("gateway restarts", 2, _restart),
    Fault("late second factor", 0.5, _late_second_factor),
    Fault("farms", 1, _farms),
    Fault("competing session", 0.5, _compete),
    Fault("request fault", 6, _request),
    Fault("answer fault", 8, _answer),
    Fault("trade news lost", 2, _lost_trade),
    Fault("code about an order", 4, _code),
    Fault("trade by hand", 2, _trade_by_hand),
    Fault("order by hand", 1, _order_by_hand),
    Fault("cancel by hand", 2, _cancel_by_hand),
    Fault("late refusal", 1, _refuse),
    Fault("correction", 2, _correct),
    Fault("bust", 1, _bust),
    Fault("another permId", 1, _other_number),
    Fault("two orders under one reference", 1.5, _twin),
    Fault("kill switch", 1.2, _kill),
    Fault("engine restarts", 1.5, _engine),
    Fault("operator reconciles", 1, _look),
)
