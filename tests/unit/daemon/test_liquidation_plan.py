"""When the next liquidation order of a symbol may be sent: row by row, over snapshots that lag behind."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from livetrader.gateway.liquidation import (
    POSITION_LAG_S,
    Attempt,
    Circumstances,
    attempts_shown,
    make_plan,
    outcome,
)
from livetrader.journal.identifiers import kill_client_id
from livetrader_engine.events import PositionRecord
from livetrader_engine.orders.order import BrokerageOrderId, ExecutionId, Fill
from livetrader_engine.orders.states import OrderStatus
from livetrader_engine.spi import AccountSnapshot, BrokerageCapabilities, OrderRecord
from livetrader_engine.testing.fakes import ORDER_TYPES

from .money import IBM, SPY, START_NS, spec

KILL = "k1"
FENCE_S = 120.0
NAME = kill_client_id(KILL, SPY, 1)
HUNDRED = Decimal(100)


def account(position: int, traded: int = 0, closed: int | None = None) -> AccountSnapshot:
    """Ten were held when the order was sent; `closed` is what the venue says that the ended order filled."""
    fills = ((NAME, Fill(ExecutionId("X"), Decimal(traded), HUNDRED, START_NS)),) if traded else ()
    ended = ()
    if closed is not None:
        status = OrderStatus.FILLED if closed == -10 else OrderStatus.CANCELED
        ended = (OrderRecord(NAME, BrokerageOrderId("V1"), spec(0, -10), status, Decimal(closed)),)
    held = (PositionRecord(SPY, Decimal(position), HUNDRED),) if position else ()
    return AccountSnapshot("A", "S", START_NS, {}, held, (), ended, fills)


def now(age_s: float, over_s: float | None = None, seen_s: float | None = None) -> Circumstances:
    attempt = Attempt(1, NAME, 1000.0 - age_s, Decimal(10))
    return Circumstances(
        kill_id=KILL,
        capabilities=BrokerageCapabilities(order_types=ORDER_TYPES, absence_fence_s=FENCE_S),
        is_open=lambda symbol: True,
        now_ns=START_NS,
        now_s=1000.0,
        attempts={SPY: attempt},
        open_since_s={},
        over_since_s={} if over_s is None else {NAME: 1000.0 - over_s},
        seen_s={} if seen_s is None else {NAME: 1000.0 - seen_s},
        patient=False,
    )


LAG = POSITION_LAG_S


@pytest.mark.parametrize(
    ("snapshot", "circumstances", "ordered"),
    [
        # what the account shows; how old the order is, and since when it is known to be over; what is sold
        (account(10), now(1), None),  # on its way
        (account(10), now(FENCE_S), -10),  # proved absent
        (account(10, traded=-10), now(5, 0), None),  # the position lags behind the trade
        (account(10, traded=-10), now(5, LAG), -10),  # it does not: somebody bought
        (account(10, closed=-10), now(5, 0), None),  # the trade lags behind the order's end, too
        (account(10, closed=-10), now(5, LAG), -10),
        (account(6, traded=-4, closed=-4), now(5, 0), -6),  # all of one instant: the rest
        (account(10, traded=-4, closed=-4), now(5, 0), None),
        (account(10, traded=-4, closed=-4), now(5, LAG), -10),
        (account(6, traded=-4), now(5), None),  # the rest still works, though nobody shows it
        (
            account(6, traded=-4),
            now(2 * FENCE_S, seen_s=1),
            None,
        ),  # it worked a moment ago: its end is on its way
        (account(6, traded=-4), now(2 * FENCE_S, seen_s=FENCE_S), -6),
        (account(10, closed=0), now(0.5, 0), None),  # refused at the venue: not to be flooded
        (account(10, closed=0), now(1, 0), -10),
        (account(-3, traded=-10), now(5, LAG), 3),  # somebody sold, too
    ],
)
def test_the_next_order_waits_for_a_position_that_fits_the_trades(
    snapshot: AccountSnapshot, circumstances: Circumstances, ordered: int | None
) -> None:
    plan = make_plan(snapshot, circumstances)
    assert [order.quantity for _, _, order in plan.orders] == ([] if ordered is None else [ordered])
    assert not plan.flat


@pytest.mark.parametrize(
    ("snapshot", "over", "traded"),
    [
        (account(10), False, 0),
        (account(6, traded=-4), False, -4),
        (account(0, traded=-10), True, -10),
        (account(0, closed=-10), True, -10),
        (account(10, closed=0), True, 0),
    ],
)
def test_an_order_is_over_when_the_venue_says_so_or_it_traded_whole(
    snapshot: AccountSnapshot, over: bool, traded: int
) -> None:
    assert outcome(Attempt(1, NAME, 0.0, Decimal(10)), snapshot) == (over, traded)


def test_attempts_of_a_process_before_us_are_those_that_the_account_shows() -> None:
    second = kill_client_id(KILL, SPY, 2)
    other = kill_client_id("k0", SPY, 9)
    working = OrderRecord(second, BrokerageOrderId("V2"), spec(0, -6), OrderStatus.SUBMITTED, Decimal(-2))
    theirs = OrderRecord(other, BrokerageOrderId("V3"), spec(0, -1), OrderStatus.SUBMITTED, Decimal(0))
    snapshot = account(4, closed=-4)
    snapshot = msgspec.structs.replace(snapshot, open_orders=(working, theirs))
    found = attempts_shown(snapshot, KILL, {}, 7.0)
    assert found == {SPY: Attempt(2, second, 7.0, Decimal(6))}
    assert attempts_shown(snapshot, KILL, found, 8.0) == {}


def test_one_symbol_alone_is_planned_for_where_only_that_one_is_wanted() -> None:
    held = tuple(PositionRecord(symbol, Decimal(5), HUNDRED) for symbol in (SPY, IBM))
    snapshot = AccountSnapshot("A", "S", START_NS, {}, held, ())
    circumstances = Circumstances(
        KILL, BrokerageCapabilities(order_types=ORDER_TYPES), lambda symbol: True, START_NS, 0.0,
        {}, {}, {}, {}, patient=False, only=IBM,
    )  # fmt: skip
    plan = make_plan(snapshot, circumstances)
    assert [order.symbol for _, _, order in plan.orders] == [IBM] and plan.left == ("5 IBM",)
