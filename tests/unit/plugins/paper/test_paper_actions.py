"""What splits, dividends and delistings do to the paper account, and that they do it once."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path

from livetrader_engine.data.corporate_actions import (
    CorporateAction,
    Delisting,
    DelistingKind,
    Dividend,
    Split,
    SplitKind,
)
from livetrader_engine.orders.order import ClientOrderId, OrderType
from livetrader_engine.spi import AccountSnapshot, CashChanged
from livetrader_engine.spi_data import ActionBooker
from livetrader_engine.symbols import NS_PER_HOUR, NS_PER_MINUTE
from livetrader_engine.testing.brokerage_harness import (
    BrokerageSession,
    SimulatedBrokerageHarness,
    approve,
    make_spec,
)
from livetrader_engine.testing.market import MONDAY_EVENING_NS, TUESDAY_OPEN_NS, minute_of
from livetrader_plugins.paper import PaperBrokerage
from livetrader_plugins.paper.config import PaperConfig

TUESDAY_NS = TUESDAY_OPEN_NS - 9 * NS_PER_HOUR - 30 * NS_PER_MINUTE  # its midnight in New York
CASH = Decimal(10_000)


def harness_of(directory: Path) -> SimulatedBrokerageHarness:
    return SimulatedBrokerageHarness(
        "paper", PaperBrokerage, directory, PaperConfig(cash=float(CASH), fee_model="none")
    )


async def holding(session: BrokerageSession, harness: SimulatedBrokerageHarness, quantity: int) -> None:
    """Buy at 100.01 on Monday, or sell at 99.99, and come to its evening."""
    await session.plugin.submit(approve("A-1", make_spec(harness, Decimal(quantity))))
    await session.until_closed(ClientOrderId("A-1"))


async def book(session: BrokerageSession, name: str, action: CorporateAction) -> AccountSnapshot:
    assert isinstance(session.plugin, ActionBooker)
    await session.plugin.book_action(name, action)
    return await session.plugin.snapshot()


def shares(snapshot: AccountSnapshot) -> Decimal:
    return sum((held.quantity for held in snapshot.positions), Decimal(0))


def split_of(harness: SimulatedBrokerageHarness, factor: str) -> Split:
    return Split(harness.symbol, TUESDAY_NS, SplitKind.OCCURRED, Decimal(factor), Decimal(100))


def test_a_split_scales_shares_price_and_marks_and_pays_the_fraction_once_over_restarts(
    tmp_path: Path,
) -> None:
    async def scene() -> None:
        harness = harness_of(tmp_path)
        split = split_of(harness, "0.6666")  # three for two
        async with harness.session() as session:
            await holding(session, harness, 15)
            paid = Decimal(15) * Decimal("100.01")
            taken = await book(session, "split.1", split)
            (held,) = taken.positions
            assert (held.quantity, held.average_price) == (22, Decimal("100.01") * Decimal("0.6666"))
            # half a share at the mark of new shares, 100 * 0.6666
            assert taken.cash["USD"] == CASH - paid + Decimal("0.5") * Decimal("66.66")
            assert isinstance(session.events[-1], CashChanged)
            again = await book(session, "split.1", split)
            assert (again.positions, again.cash) == (taken.positions, taken.cash)
        async with harness.session() as session:
            again = await book(session, "split.1", split)
            assert (shares(again), again.cash) == (22, taken.cash)

    asyncio.run(scene())


def test_orders_after_a_split_fill_at_prices_of_new_shares(tmp_path: Path) -> None:
    async def scene() -> None:
        harness = harness_of(tmp_path)
        async with harness.session() as session:
            await holding(session, harness, 10)
            await book(session, "split.1", split_of(harness, "0.25"))
            await session.plugin.submit(approve("A-2", make_spec(harness, Decimal(-40))))
            closed = await session.until_closed(ClientOrderId("A-2"))
            assert closed.fill is not None
            assert Decimal(24) < closed.fill.price < Decimal(25), "the bid of the mark, in new shares"

    asyncio.run(scene())


def test_working_orders_are_left_to_the_daemon(tmp_path: Path) -> None:
    async def scene() -> None:
        harness = harness_of(tmp_path)
        async with harness.session() as session:
            spec = make_spec(harness, Decimal(10), OrderType.LIMIT, Decimal(50))
            await session.plugin.submit(approve("A-1", spec))
            taken = await book(session, "split.1", split_of(harness, "0.25"))
            assert [order.spec.limit_price for order in taken.open_orders] == [Decimal(50)]

    asyncio.run(scene())


def test_dividends_are_paid_on_what_was_held_before_and_charged_to_short_positions(tmp_path: Path) -> None:
    async def scene(folder: Path, quantity: int) -> Decimal:
        harness = harness_of(folder)
        async with harness.session() as session:
            assert isinstance(session.plugin, PaperBrokerage)
            await holding(session, harness, quantity)
            before = (await session.plugin.snapshot()).cash["USD"]
            await session.plugin.observe(minute_of(harness.symbol, TUESDAY_OPEN_NS + NS_PER_MINUTE, 100.0))
            await session.plugin.submit(approve("A-2", make_spec(harness, Decimal(5))))  # on its ex-date
            await session.until_closed(ClientOrderId("A-2"))
            bought = before - (await session.plugin.snapshot()).cash["USD"]
            paid = Dividend(harness.symbol, TUESDAY_NS, Decimal("0.75"), Decimal(100))
            taken = await book(session, "dividend.1", paid)
            return taken.cash["USD"] - before + bought

    for name, quantity, paid in (("long", 10, "7.50"), ("short", -10, "-7.50")):
        (tmp_path / name).mkdir()
        assert asyncio.run(scene(tmp_path / name, quantity)) == Decimal(paid)


def test_a_delisting_closes_the_position_at_the_last_mark(tmp_path: Path) -> None:
    async def scene() -> None:
        harness = harness_of(tmp_path)
        async with harness.session() as session:
            await holding(session, harness, 10)
            before = (await session.plugin.snapshot()).cash["USD"]
            gone = Delisting(harness.symbol, TUESDAY_NS, DelistingKind.DELISTED)
            taken = await book(session, "delisting.1", gone)
            assert taken.positions == ()
            assert taken.cash["USD"] == before + 1000

    asyncio.run(scene())


def test_warnings_and_what_is_not_held_change_nothing(tmp_path: Path) -> None:
    async def scene() -> None:
        harness = harness_of(tmp_path)
        async with harness.session() as session:
            assert isinstance(session.plugin, PaperBrokerage)
            warning = Split(harness.symbol, MONDAY_EVENING_NS, SplitKind.WARNING, Decimal("0.25"), Decimal(0))
            taken = await book(session, "split-warning.1", warning)
            assert (taken.positions, taken.cash) == ((), {"USD": CASH})
            taken = await book(session, "split.1", split_of(harness, "0.25"))
            assert (taken.positions, taken.cash) == ((), {"USD": CASH})

    asyncio.run(scene())
