"""A split and a dividend through gateway, journal and the paper account, by a clock that the test moves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

import msgspec

from livetrader.gateway.gateway import Gateway
from livetrader.gateway.timing import Timing
from livetrader.journal.journal import Journal
from livetrader.supervisor.announcements import Announcements
from livetrader.supervisor.corporate_watch import CorporatePorts, CorporateWatch
from livetrader.telemetry.notifications import Urgency
from livetrader_engine.commands import SubmitOrder
from livetrader_engine.data.corporate_actions import CorporateAction
from livetrader_engine.orders.order import OrderId, OrderSpec, OrderType
from livetrader_engine.spi import VenueError
from livetrader_engine.spi_data import ActionBooker, AnnouncedDividend, AnnouncedSplit
from livetrader_engine.symbols import NS_PER_MINUTE, SecurityType
from livetrader_engine.testing.host import PluginHost
from livetrader_engine.testing.market import MONDAY_MORNING_NS, SampleReference, minute_of
from livetrader_plugins.paper import PaperBrokerage
from livetrader_plugins.paper.config import PaperConfig

from .money import NO_LIMITS

SPY = SampleReference().symbol("SPY", SecurityType.EQUITY, "usa")
TUESDAY = date(2013, 10, 8)
EX_NS = SampleReference().hours(SPY).local_midnight(TUESDAY)
TOLD = (AnnouncedSplit(SPY, TUESDAY, Decimal("0.25")), AnnouncedDividend(SPY, TUESDAY, Decimal("0.10")))


@dataclass
class Clock:
    now_ns: int = MONDAY_MORNING_NS


@dataclass
class House:
    """One life of the daemon's money path on the paper account."""

    gateway: Gateway
    paper: PaperBrokerage
    watch: CorporateWatch

    async def cash(self) -> Decimal:
        return (await self.paper.snapshot()).cash["USD"]

    async def held(self) -> tuple[Decimal, Decimal]:
        """What journal and account hold."""
        shown = {held.symbol: held.quantity for held in (await self.paper.snapshot()).positions}
        return self.gateway.state.position(SPY), shown.get(SPY, Decimal(0))


class Refusing:
    """A paper account whose disk fails before it has booked anything."""

    async def book_action(self, action_id: str, action: CorporateAction) -> None:
        raise VenueError("the paper account cannot be written")


def _heard(actions: tuple[CorporateAction, ...]) -> bool:
    return True


def _unheard(event: object) -> None:
    """There is no engine."""


def _unlogged(action: str, **fields: object) -> None:
    """Keep no log."""


def _silent(title: str, message: str, next_step: str, urgency: Urgency = Urgency.WARNING, /) -> None:
    """Tell nobody."""


@asynccontextmanager
async def a_life(
    folder: Path, clock: Clock, booker: Callable[[PaperBrokerage], ActionBooker] = lambda paper: paper
) -> AsyncIterator[House]:
    reference = SampleReference()
    timing = Timing(lambda: clock.now_ns, lambda: clock.now_ns, lambda: clock.now_ns / 1e9, asyncio.sleep)
    async with PluginHost("paper", folder, reference=reference) as host:
        context = msgspec.structs.replace(host.context, now_ns=lambda: clock.now_ns)
        paper = PaperBrokerage(PaperConfig(fee_model="none"), context)
        journal = Journal(folder / "journal.sqlite3", "test", lambda: clock.now_ns)
        await journal.open()
        gateway = Gateway(
            paper, journal, NO_LIMITS, timing, lambda event: None, lambda action, **fields: None
        )
        watch = CorporateWatch(
            CorporatePorts(
                announcements=Announcements(reference, lambda symbol, dates: TOLD),
                gateway=gateway, booker=booker(paper), subscribed=tuple, tell=_heard,
                now_ns=timing.now_ns, monotonic_s=timing.monotonic_s, sleep=timing.sleep,
                report=_unlogged, notify=_silent,
            )
        )  # fmt: skip
        await watch.begin()
        await gateway.reconcile_at_start()
        try:
            yield House(gateway, paper, watch)
        finally:
            await paper.close()
            await journal.close()


async def buy(house: House, quantity: int) -> None:
    await house.paper.observe(minute_of(SPY, MONDAY_MORNING_NS + NS_PER_MINUTE, 100.0))
    spec = OrderSpec(
        OrderId(house.gateway.state.next_order_id), SPY, OrderType.MARKET, Decimal(quantity),
        created_ns=MONDAY_MORNING_NS, reference_price=Decimal(100),
    )  # fmt: skip
    await house.gateway.submit(SubmitOrder(spec))
    await house.gateway.look()  # its trade


def test_paper_books_a_split_and_a_dividend_once_and_the_journal_agrees(tmp_path: Path) -> None:
    async def scene() -> None:
        clock = Clock()
        async with a_life(tmp_path, clock) as house:
            await buy(house, 100)
            await house.watch.turn()
            assert await house.held() == (100, 100)
            before = await house.cash()
            clock.now_ns = EX_NS + 1
            await house.watch.turn()
            assert await house.held() == (400, 400)
            assert not house.gateway.state.actions.pending
            paid = await house.cash() - before
            assert paid == Decimal("10.00"), "on the hundred shares before the split of that day"
            await house.watch.turn()
            assert await house.cash() - before == paid
        async with a_life(tmp_path, clock) as house:
            await house.watch.turn()
            assert await house.held() == (400, 400)
            assert await house.cash() - before == paid
            assert not house.gateway.state.restricted

    asyncio.run(scene())


def test_a_death_between_journal_and_account_is_made_up_for_by_the_next_life(tmp_path: Path) -> None:
    async def scene() -> None:
        clock = Clock()
        async with a_life(tmp_path, clock, lambda paper: Refusing()) as house:
            await buy(house, 100)
            await house.watch.turn()
            clock.now_ns = EX_NS + 1
            try:
                await house.watch.turn()
            except VenueError:
                pass
            else:
                raise AssertionError("the account was booked")
            assert await house.held() == (400, 100)
            assert house.gateway.state.why_closed(SPY)
        async with a_life(tmp_path, clock) as house:
            assert house.gateway.state.why_closed(SPY), "the account shows old shares"
            await house.watch.turn()
            assert await house.held() == (400, 400)
            assert not house.gateway.state.why_closed(SPY)

    asyncio.run(scene())
