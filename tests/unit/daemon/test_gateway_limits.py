"""The pre-trade checks as a table: one order, one circumstance, one verdict."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livetrader.gateway.limits import Circumstances, DenialReason, Denied, check, check_change
from livetrader.settings import LimitSettings
from livetrader_engine.orders.order import ClientOrderId, OrderChange, OrderSpec, OrderType
from livetrader_engine.spi import Approved, ApprovedChange, BrokerageCapabilities
from livetrader_engine.testing.fakes import CAPABILITIES

from .money import SPY, spec

ID = ClientOrderId("LTx-1")
CALM = Circumstances(price=Decimal(100))
FREE = LimitSettings(orders_per_minute=0, duplicate_window_s=0.0)
R = DenialReason


def judge(order: OrderSpec, now: Circumstances = CALM, limits: LimitSettings = FREE) -> DenialReason | None:
    verdict = check(order, ID, now, limits, CAPABILITIES)
    if isinstance(verdict, Denied):
        assert verdict.message
        return verdict.reason
    assert verdict == Approved(ID, order)
    return None


def with_price(order: OrderSpec, **prices: Decimal | None) -> OrderSpec:
    return msgspec.structs.replace(order, **prices)


def capped(**limits: float) -> LimitSettings:
    return msgspec.structs.replace(FREE, **limits)


HUNDRED_UNITS = Decimal(100)  # of one contract
HALTED = replace(CALM, halted=True)
LONG_100 = replace(CALM, position=Decimal(100))
SHORT_100 = replace(CALM, position=Decimal(-100))
STALE = replace(CALM, stale="no data of SPY from polygon (47 s)")
STOP_OF_10 = with_price(spec(1, -10, SPY, OrderType.STOP_MARKET), stop_price=Decimal(90))
NO_PRICE = replace(CALM, price=None)
LIMIT_AT_200 = spec(1, 10, SPY, OrderType.LIMIT, 200)


@pytest.mark.parametrize(
    ("order", "now", "limits", "expected"),
    [
        (spec(1, 10), CALM, FREE, None),
        (spec(1, -10), CALM, FREE, None),
        (spec(1, 10), HALTED, FREE, R.HALTED),
        (spec(1, -10), replace(HALTED, position=Decimal(10)), FREE, R.HALTED),  # also what reduces
        (spec(1, 10), replace(CALM, not_ready="reconciling"), FREE, R.NOT_READY),
        (spec(1, 10), replace(CALM, warming=True), FREE, R.WARMING),
        (spec(1, 10, SPY, OrderType.COMBO_MARKET), CALM, FREE, R.UNSUPPORTED),
        (spec(1, 0), CALM, FREE, R.BAD_QUANTITY),
        (spec(1, "NaN"), CALM, FREE, R.BAD_QUANTITY),
        (spec(1, "Infinity"), CALM, FREE, R.BAD_QUANTITY),
        (spec(1, "0.5"), CALM, FREE, R.BAD_QUANTITY),
        (spec(1, 10, SPY, OrderType.LIMIT), CALM, FREE, R.BAD_PRICE),
        (spec(1, 10, SPY, OrderType.STOP_MARKET), CALM, FREE, R.BAD_PRICE),
        (with_price(spec(1, 10), limit_price=Decimal("NaN")), CALM, FREE, R.BAD_PRICE),
        # doubt
        (spec(1, 10), replace(CALM, restricted="why"), FREE, R.RESTRICTED),
        (spec(1, -10), replace(LONG_100, restricted="why"), FREE, None),  # reduces
        (spec(1, -300), replace(LONG_100, restricted="why"), FREE, R.RESTRICTED),  # reverses and grows
        (spec(1, 10), replace(CALM, blocked="LTx-0"), FREE, R.BLOCKED),
        # stale data: no new risk, and nothing that takes risk away is kept
        (spec(1, 10), STALE, FREE, R.DATA_STALE),
        (spec(1, -10), STALE, FREE, R.DATA_STALE),
        (spec(1, 10), replace(LONG_100, stale="silent"), FREE, R.DATA_STALE),
        (spec(1, -100), replace(LONG_100, stale="silent"), FREE, None),
        (STOP_OF_10, replace(LONG_100, stale="silent"), FREE, None),
        (spec(1, 100), replace(SHORT_100, stale="silent"), FREE, None),
        (spec(1, -201), replace(LONG_100, stale="silent"), FREE, R.DATA_STALE),
        # one order
        (spec(1, 10), CALM, capped(max_order_quantity=10), None),
        (spec(1, -11), CALM, capped(max_order_quantity=10), R.ORDER_QUANTITY),
        (spec(1, 10), CALM, capped(max_order_notional=1000), None),
        (spec(1, 11), CALM, capped(max_order_notional=1000), R.ORDER_NOTIONAL),
        (LIMIT_AT_200, CALM, capped(max_order_notional=1500), R.ORDER_NOTIONAL),  # at its own limit
        (spec(1, 1), replace(CALM, multiplier=HUNDRED_UNITS), capped(max_order_notional=10_000), None),
        (
            spec(1, 1),
            replace(CALM, multiplier=HUNDRED_UNITS),
            capped(max_order_notional=9_999),
            R.ORDER_NOTIONAL,
        ),
        (
            spec(1, 1),
            replace(CALM, multiplier=HUNDRED_UNITS),
            capped(max_position_notional=9_999),
            R.POSITION_NOTIONAL,
        ),
        (
            with_price(spec(1, 1), reference_price=Decimal(0)),
            NO_PRICE,
            capped(max_order_notional=1000),
            R.ORDER_NOTIONAL,
        ),
        (
            with_price(spec(1, 11), reference_price=Decimal(-100)),  # oil on 2020-04-20
            replace(CALM, price=Decimal(-100)),
            capped(max_order_notional=1000),
            R.ORDER_NOTIONAL,
        ),
        (
            with_price(spec(1, -10), reference_price=Decimal(-100)),
            replace(LONG_100, price=Decimal(-100)),
            capped(max_order_notional=1000),
            None,
        ),
        # the position it could lead to
        (spec(1, 10), CALM, capped(max_position_notional=1000), None),
        (spec(1, 1), LONG_100, capped(max_position_notional=1000), R.POSITION_NOTIONAL),
        (spec(1, -100), LONG_100, capped(max_position_notional=1000), None),  # may always get out
        (spec(1, -111), replace(CALM, position=Decimal(100)), capped(max_position_notional=1000), None),
        (spec(1, -250), LONG_100, capped(max_position_notional=1000), R.POSITION_NOTIONAL),
        (spec(1, -1), SHORT_100, capped(max_position_notional=1000), R.POSITION_NOTIONAL),
        (
            spec(1, 5),
            replace(CALM, working=Decimal(6)),
            capped(max_position_notional=1000),
            R.POSITION_NOTIONAL,
        ),
        # a loop in the algorithm
        (spec(1, 10), replace(CALM, recent=299), capped(orders_per_minute=300), None),
        (spec(1, 10), replace(CALM, recent=300), capped(orders_per_minute=300), R.RATE),
        (spec(1, 10), replace(CALM, alike=1), capped(duplicate_window_s=1.0), None),
        (spec(1, 10), replace(CALM, alike=2), capped(duplicate_window_s=1.0), R.DUPLICATE),
    ],
)
def test_an_order_is_judged(
    order: OrderSpec, now: Circumstances, limits: LimitSettings, expected: DenialReason | None
) -> None:
    assert judge(order, now, limits) is expected


@pytest.mark.parametrize(
    ("change", "now", "limits", "expected"),
    [
        (OrderChange(quantity=Decimal(5)), CALM, FREE, None),
        (OrderChange(quantity=Decimal(-5)), CALM, FREE, R.BAD_QUANTITY),
        (OrderChange(quantity=Decimal(0)), CALM, FREE, R.BAD_QUANTITY),
        (OrderChange(limit_price=Decimal("NaN")), CALM, FREE, R.BAD_PRICE),
        (OrderChange(quantity=Decimal(11)), CALM, capped(max_order_quantity=10), R.ORDER_QUANTITY),
        (OrderChange(limit_price=Decimal(150)), CALM, capped(max_order_notional=1200), R.ORDER_NOTIONAL),
        (OrderChange(tag="x"), HALTED, FREE, R.HALTED),
        (OrderChange(quantity=Decimal(5)), STALE, FREE, None),
        (OrderChange(quantity=Decimal(11)), STALE, FREE, R.DATA_STALE),
        (OrderChange(limit_price=Decimal(101)), STALE, FREE, R.DATA_STALE),
        (OrderChange(limit_price=Decimal(101)), replace(SHORT_100, stale="silent"), FREE, None),
        # an order that grows is new risk, as another one would be
        (OrderChange(quantity=Decimal(11)), replace(CALM, restricted="why"), FREE, R.RESTRICTED),
        (OrderChange(quantity=Decimal(11)), replace(SHORT_100, restricted="why"), FREE, None),
        (OrderChange(quantity=Decimal(11)), replace(CALM, closed="why"), FREE, R.RESTRICTED),
        (OrderChange(quantity=Decimal(11)), replace(CALM, blocked="LTx-0"), FREE, R.BLOCKED),
        (
            OrderChange(quantity=Decimal(5)),
            replace(CALM, restricted="a", closed="b", blocked="c"),
            FREE,
            None,
        ),
        (OrderChange(limit_price=Decimal(101)), replace(CALM, restricted="a", blocked="c"), FREE, None),
        (OrderChange(tag="x"), replace(CALM, recent=999, alike=9), capped(orders_per_minute=1), None),
    ],
)
def test_a_change_is_judged(
    change: OrderChange, now: Circumstances, limits: LimitSettings, expected: DenialReason | None
) -> None:
    working = spec(1, 10, SPY, OrderType.LIMIT, 100)
    verdict = check_change(working, ID, change, now, limits, CAPABILITIES)
    if expected is None:
        assert isinstance(verdict, ApprovedChange)
        assert (verdict.client_order_id, verdict.spec.id, verdict.spec.symbol) == (ID, 1, SPY)
    else:
        assert isinstance(verdict, Denied) and verdict.reason is expected


def test_a_brokerage_without_changes_is_said_so() -> None:
    fixed = BrokerageCapabilities(order_types=CAPABILITIES.order_types, updates=False)
    verdict = check_change(
        spec(1, 10, SPY, OrderType.LIMIT, 100), ID, OrderChange(tag="x"), CALM, FREE, fixed
    )
    assert isinstance(verdict, Denied) and verdict.reason is R.UNSUPPORTED


@given(
    quantity=st.integers(-1000, 1000).filter(bool),
    position=st.integers(-1000, 1000),
    working=st.integers(0, 500),
    most=st.integers(1, 100_000),
)
def test_an_approved_order_never_leads_beyond_the_position_limit(
    quantity: int, position: int, working: int, most: int
) -> None:
    signed = working if quantity > 0 else -working
    now = replace(CALM, position=Decimal(position), working=Decimal(signed))
    after = abs(position + signed + quantity)
    if judge(spec(1, quantity), now, capped(max_position_notional=most)) is None:
        assert after * 100 <= most or after <= abs(position)
