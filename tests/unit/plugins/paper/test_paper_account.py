"""The paper account over restarts, kills, delays and closed markets."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from livetrader_engine.events import MarketDataArrived, TimePulse
from livetrader_engine.orders.order import ClientOrderId, OrderType
from livetrader_engine.orders.states import OrderStatus
from livetrader_engine.spi import AccountSnapshot, PluginError, VenueError
from livetrader_engine.symbols import NS_PER_MINUTE, Symbol
from livetrader_engine.testing.brokerage_harness import (
    BrokerageSession,
    SimulatedBrokerageHarness,
    approve,
    make_spec,
)
from livetrader_engine.testing.host import PluginHost
from livetrader_engine.testing.market import (
    MONDAY_EVENING_NS,
    MONDAY_MORNING_NS,
    TUESDAY_OPEN_NS,
    SampleReference,
    minute_of,
)
from livetrader_plugins.paper import PaperBrokerage
from livetrader_plugins.paper.config import PaperConfig
from livetrader_plugins.paper.store import FILE_NAME

TEN = Decimal(10)


def harness_of(directory: Path, **options: object) -> SimulatedBrokerageHarness:
    """Return an account with these settings."""
    return SimulatedBrokerageHarness("paper", PaperBrokerage, directory, PaperConfig(**options))  # type: ignore[arg-type]  # settings of a test


async def snapshot_without_a_feed(directory: Path, **options: object) -> AccountSnapshot:
    """Connect as a fresh process would, look, and leave."""
    config = PaperConfig(**options)  # type: ignore[arg-type]  # settings of a test
    async with PluginHost("paper", directory, reference=SampleReference()) as host:
        plugin = PaperBrokerage(config, host.context)
        snapshot = await plugin.connect()
        await plugin.close()
    return snapshot


async def see(session: BrokerageSession, symbol: Symbol, time_ns: int, price: float) -> None:
    """Show the plugin a minute that ends at `time_ns`."""
    assert isinstance(session.plugin, PaperBrokerage)
    await session.plugin.observe(minute_of(symbol, time_ns, price))


def test_a_new_account_starts_with_the_configured_cash(tmp_path: Path) -> None:
    snapshot = asyncio.run(snapshot_without_a_feed(tmp_path, cash=250.5, currency="EUR"))
    assert snapshot.cash == {"EUR": Decimal("250.5")}


def test_cash_of_the_settings_does_not_touch_an_old_account(tmp_path: Path) -> None:
    asyncio.run(snapshot_without_a_feed(tmp_path, cash=1000.0))
    assert asyncio.run(snapshot_without_a_feed(tmp_path, cash=5.0)).cash == {"USD": Decimal("1000.0")}


def test_a_buy_costs_the_ask_and_the_fee(tmp_path: Path) -> None:
    async def trade() -> AccountSnapshot:
        harness = harness_of(tmp_path, cash=10_000.0)
        async with harness.session() as session:
            await session.plugin.submit(approve("A-1", make_spec(harness, TEN)))
            await session.until_closed(ClientOrderId("A-1"))
            return await session.plugin.snapshot()

    snapshot = asyncio.run(trade())
    # ten shares at an ask of 100.01; Interactive Brokers' minimum of one dollar an order
    assert snapshot.cash == {"USD": Decimal("10000.0") - Decimal("1000.1") - Decimal(1)}
    assert [(item.quantity, item.average_price) for item in snapshot.positions] == [(TEN, Decimal("100.01"))]


def test_a_fresh_process_without_a_feed_can_flatten_at_the_last_mark(tmp_path: Path) -> None:
    async def liquidate() -> AccountSnapshot:
        harness = harness_of(tmp_path, fee_model="none")
        async with harness.session() as session:
            await session.plugin.submit(approve("A-1", make_spec(harness, TEN)))
            await session.until_closed(ClientOrderId("A-1"))
        async with PluginHost("paper", tmp_path, reference=SampleReference()) as host:
            plugin = PaperBrokerage(PaperConfig(fee_model="none"), host.context)
            await plugin.connect()
            late = make_spec(harness, -TEN)
            # the liquidating process knows wall-clock time only, years after the last mark of the replay
            late = msgspec.structs.replace(late, created_ns=time.time_ns())
            await plugin.submit(approve("K-1", late))
            snapshot = await plugin.snapshot()
            await plugin.close()
            return snapshot

    snapshot = asyncio.run(liquidate())
    assert not snapshot.positions and not snapshot.open_orders
    assert [fill.price for _, fill in snapshot.fills] == [Decimal("100.01"), Decimal("99.99")]


def test_market_orders_wait_while_the_market_is_closed(tmp_path: Path) -> None:
    async def wait_for_the_open() -> list[OrderStatus]:
        harness = harness_of(tmp_path)
        order, at_open = ClientOrderId("A-1"), ClientOrderId("A-2")
        async with harness.session() as session:
            assert isinstance(session.plugin, PaperBrokerage)
            await session.plugin.observe(TimePulse(MONDAY_EVENING_NS))
            await session.plugin.submit(approve(order, make_spec(harness, TEN)))
            spec = make_spec(harness, TEN, OrderType.MARKET_ON_OPEN)
            await session.plugin.submit(approve(at_open, spec))
            await session.until_status(at_open, OrderStatus.SUBMITTED)
            assert session.statuses(order) == [OrderStatus.SUBMITTED]
            await see(session, harness.symbol, TUESDAY_OPEN_NS + NS_PER_MINUTE, 101.0)
            assert session.statuses(order)[-1] is OrderStatus.FILLED
            return session.statuses(at_open)

    assert asyncio.run(wait_for_the_open()) == [OrderStatus.SUBMITTED, OrderStatus.FILLED]


def test_a_replay_that_begins_again_trades_at_its_own_prices(tmp_path: Path) -> None:
    async def rewind() -> list[Decimal]:
        harness = harness_of(tmp_path, fee_model="none")
        async with harness.session() as session:
            await see(session, harness.symbol, TUESDAY_OPEN_NS + NS_PER_MINUTE, 150.0)
        harness = harness_of(tmp_path, fee_model="none")
        async with harness.session() as session:  # its first minute is on Monday, at 100
            await session.plugin.submit(approve("A-1", make_spec(harness, TEN)))
            await session.until_closed(ClientOrderId("A-1"))
            return [fill.price for _, fill in (await session.plugin.snapshot()).fills]

    assert asyncio.run(rewind()) == [Decimal("100.01")]


def test_an_order_on_the_wire_is_in_no_snapshot_and_arrives_after_a_restart(tmp_path: Path) -> None:
    options = {"wire_delay_ms": (200, 200)}

    async def send_and_leave() -> AccountSnapshot:
        harness = harness_of(tmp_path, **options)
        async with harness.session() as session:
            await session.plugin.submit(approve("A-1", make_spec(harness, TEN)))
            return await session.plugin.snapshot()

    async def come_back() -> None:
        harness = harness_of(tmp_path, **options)
        async with harness.session() as session:
            order = ClientOrderId("A-1")
            await session.until(
                lambda: bool(session.reports(order)) or bool(session.opening.fills), "the order to arrive"
            )
            snapshot = await session.plugin.snapshot()
            assert [name for name, _ in snapshot.fills] == [order]

    before = asyncio.run(send_and_leave())
    assert not before.open_orders and not before.closed_orders and not before.positions
    asyncio.run(come_back())


def test_a_cancel_behind_an_order_on_the_wire_takes_effect_when_it_arrives(tmp_path: Path) -> None:
    async def cancel_at_once() -> list[OrderStatus]:
        harness = harness_of(tmp_path, wire_delay_ms=(50, 50))
        order = ClientOrderId("A-1")
        async with harness.session() as session:
            await session.plugin.submit(approve(order, make_spec(harness, TEN, OrderType.LIMIT, Decimal(50))))
            await session.plugin.cancel(order)
            assert not session.reports(order)
            await session.until_closed(order)
            return session.statuses(order)

    assert asyncio.run(cancel_at_once()) == [OrderStatus.SUBMITTED, OrderStatus.CANCELED]


def test_the_fence_covers_the_longest_wire_delay() -> None:
    async def fences() -> tuple[float, float]:
        context = PluginHost("paper", Path()).context
        near, far = PaperConfig(), PaperConfig(wire_delay_ms=(0, 1500))
        return tuple(PaperBrokerage(item, context).capabilities.absence_fence_s for item in (near, far))  # type: ignore[return-value]  # two of them

    near, far = asyncio.run(fences())
    assert near == 0.0 and far > 1.5


def test_an_acknowledgement_that_is_late_keeps_the_order_of_news(tmp_path: Path) -> None:
    async def trade() -> list[OrderStatus]:
        harness = harness_of(tmp_path, ack_delay_ms=(60, 80))
        order = ClientOrderId("A-1")
        async with harness.session() as session:
            await session.plugin.submit(approve(order, make_spec(harness, TEN)))
            assert not session.reports(order), "news before the delay"
            snapshot = await session.plugin.snapshot()
            assert len(snapshot.fills) == 1, "the snapshot is ahead of the news"
            await session.until_closed(order)
            return session.statuses(order)

    assert asyncio.run(trade()) == [OrderStatus.SUBMITTED, OrderStatus.FILLED]


def test_a_large_order_fills_step_by_step(tmp_path: Path) -> None:
    async def trade() -> list[Decimal]:
        harness = harness_of(tmp_path, largest_fill=4.0)
        order = ClientOrderId("A-1")
        async with harness.session() as session:
            await session.plugin.submit(approve(order, make_spec(harness, -TEN)))
            await session.until_status(order, OrderStatus.PARTIALLY_FILLED)
            await harness.move(session, harness.price)
        async with harness.session() as session:  # the rest goes on working after a restart
            await harness.move(session, harness.price)
            snapshot = await session.plugin.snapshot()
            assert not snapshot.open_orders
            return [fill.quantity for _, fill in snapshot.fills]

    assert asyncio.run(trade()) == [Decimal(-4), Decimal(-4), Decimal(-2)]


def test_an_armed_stop_and_a_moved_trailing_stop_survive_a_restart(tmp_path: Path) -> None:
    async def move_and_restart() -> AccountSnapshot:
        harness = harness_of(tmp_path)
        order = ClientOrderId("A-1")
        trailing = make_spec(harness, -TEN, OrderType.TRAILING_STOP, Decimal(95))
        async with harness.session() as session:
            await session.plugin.submit(approve(order, trailing))
            await session.until_status(order, OrderStatus.SUBMITTED)
            await harness.move(session, Decimal(120))  # the stop follows to 115
        async with harness.session() as session:
            await harness.move(session, Decimal(112))
            return await session.plugin.snapshot()

    snapshot = asyncio.run(move_and_restart())
    assert len(snapshot.fills) == 1, "a stop that had not moved would still wait at 95"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"quantity": Decimal(0)}, "zero"),
        ({"quantity": Decimal("1.5")}, "lot size"),
        ({"type": OrderType.COMBO_MARKET}, "not offered"),
        ({"type": OrderType.LIMIT}, "limit_price"),
        ({"type": OrderType.STOP_LIMIT, "limit_price": TEN}, "stop_price"),
    ],
)
def test_a_refusal_says_what_is_wrong(tmp_path: Path, change: dict[str, object], words: str) -> None:
    async def submit() -> str:
        harness = harness_of(tmp_path)
        spec = msgspec.structs.replace(make_spec(harness, TEN), **change)
        async with harness.session() as session:
            await session.plugin.submit(approve("A-1", spec))
            report = await session.until_closed(ClientOrderId("A-1"))
            assert report.status is OrderStatus.INVALID
            return report.message

    assert words in asyncio.run(submit())


def test_twenty_cancels_and_twenty_flattening_orders_take_well_under_a_second(tmp_path: Path) -> None:
    async def flatten() -> float:
        harness = harness_of(tmp_path)
        async with harness.session() as session:
            for number in range(20):
                limit = make_spec(harness, TEN, OrderType.LIMIT, Decimal(50))
                await session.plugin.submit(approve(f"L-{number}", limit))
            started = time.monotonic()
            for number in range(20):
                await session.plugin.cancel(ClientOrderId(f"L-{number}"))
                await session.plugin.submit(approve(f"M-{number}", make_spec(harness, TEN)))
            snapshot = await session.plugin.snapshot()
            taken_s = time.monotonic() - started
            assert not snapshot.open_orders and snapshot.positions[0].quantity == 20 * TEN
            return taken_s

    assert asyncio.run(flatten()) < 1.0


def test_a_quiet_market_is_not_written_at_every_step(tmp_path: Path) -> None:
    async def watch() -> int:
        harness = harness_of(tmp_path)
        async with harness.session() as session:
            assert isinstance(session.plugin, PaperBrokerage)
            started = time.monotonic()
            for number in range(1, 2001):
                step = minute_of(harness.symbol, MONDAY_MORNING_NS + number * NS_PER_MINUTE, 100.0)
                await session.plugin.observe(MarketDataArrived(step.time_ns, number, step.points))
            assert time.monotonic() - started < 1.0
            return (tmp_path / f"{FILE_NAME}-wal").stat().st_size

    assert asyncio.run(watch()) < 1_000_000, "2000 commits leave a write-ahead log of 4 MB or more"
    snapshot = asyncio.run(snapshot_without_a_feed(tmp_path))
    assert snapshot.time_ns == MONDAY_MORNING_NS + 2000 * NS_PER_MINUTE, "the last mark was written at close"


def test_a_damaged_file_is_a_venue_error_and_not_a_new_account(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"this is no database" * 100)
    with pytest.raises(BaseExceptionGroup) as caught:
        asyncio.run(snapshot_without_a_feed(tmp_path))
    assert caught.group_contains(VenueError, match="cannot be opened")
    assert (tmp_path / FILE_NAME).read_bytes().startswith(b"this is no database")


def test_an_account_without_reference_data_says_what_to_set(tmp_path: Path) -> None:
    async def connect() -> None:
        async with PluginHost("paper", tmp_path) as host:
            await PaperBrokerage(PaperConfig(), host.context).connect()

    with pytest.raises(BaseExceptionGroup) as caught:
        asyncio.run(connect())
    assert caught.group_contains(PluginError, match="data folder")


def test_settings_refuse_a_range_that_ends_before_it_begins() -> None:
    with pytest.raises(ValueError, match="ack_delay_ms"):
        PaperConfig(ack_delay_ms=(10, 5))


SENDER = """
    import asyncio, sys
    from pathlib import Path
    from livetrader_engine.testing.brokerage_harness import SimulatedBrokerageHarness, approve, make_spec
    from livetrader_plugins.paper import PaperBrokerage
    from livetrader_plugins.paper.config import PaperConfig
    from decimal import Decimal

    async def main():
        config = PaperConfig(wire_delay_ms=(0, 50), ack_delay_ms=(0, 50))
        harness = SimulatedBrokerageHarness("paper", PaperBrokerage, Path(sys.argv[1]), config)
        async with harness.session() as session:
            number = 0
            while True:
                await session.plugin.submit(approve(f"A-{number}", make_spec(harness, Decimal(1))))
                print(number, flush=True)
                number += 1

    asyncio.run(main())
"""


@pytest.mark.slow
def test_what_submit_returned_for_survives_sigkill(tmp_path: Path) -> None:
    sender = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(SENDER), str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert sender.stdout is not None
    last = -1
    for line in sender.stdout:
        last = int(line)
        if last >= 100:
            os.kill(sender.pid, signal.SIGKILL)
    sender.wait()
    sender.stdout.close()

    async def arrive() -> AccountSnapshot:
        harness = harness_of(tmp_path, wire_delay_ms=(0, 50))
        async with harness.session() as session:
            wanted = {f"A-{number}" for number in range(last + 1)}
            arrived = {name for name, _ in session.opening.fills}

            def complete() -> bool:
                news = {
                    event.client_order_id for event in session.events if hasattr(event, "client_order_id")
                }
                return wanted <= arrived | news

            if not complete():
                await session.until(complete, "everything that was sent")
            return await session.plugin.snapshot()

    snapshot = asyncio.run(arrive())
    names = [name for name, _ in snapshot.fills]
    assert len(names) == len(set(names)) >= last + 1
    assert sum(item.quantity for item in snapshot.positions) == len(names)


def test_an_old_order_that_ends_last_is_shown(tmp_path: Path) -> None:
    """However many younger orders have closed: who was away must hear how the old one ended."""

    async def trade() -> tuple[AccountSnapshot, AccountSnapshot]:
        harness = harness_of(tmp_path, fee_model="none", remembered_orders=2)
        async with harness.session() as session:
            resting = make_spec(harness, TEN, OrderType.LIMIT, Decimal(1))
            await session.plugin.submit(approve("A-0", resting))
            for number in range(1, 7):
                await session.plugin.submit(approve(f"A-{number}", make_spec(harness, TEN)))
                await session.until_closed(ClientOrderId(f"A-{number}"))
            await session.plugin.cancel(ClientOrderId("A-0"))
            await session.until_closed(ClientOrderId("A-0"))
            within = await session.plugin.snapshot()
        return within, await snapshot_without_a_feed(tmp_path, fee_model="none", remembered_orders=2)

    within, after = asyncio.run(trade())
    for snapshot in (within, after):
        last = snapshot.closed_orders[-1]
        assert (last.client_order_id, last.status) == ("A-0", OrderStatus.CANCELED)
    assert [order.client_order_id for order in after.closed_orders] == ["A-6", "A-0"]
