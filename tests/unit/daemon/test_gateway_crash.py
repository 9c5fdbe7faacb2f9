"""Kill the money path at every boundary it crosses, start again, and count: nothing lost, nothing twice.

The algorithm here wants to hold ten shares and, after a crash, decides anew from the account it is given. So
a lost order, a doubled order and a fill counted twice or not at all each end in another position than ten.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livetrader.journal.journal import Journal
from livetrader.journal.records import Record
from livetrader.journal.store import read_state
from livetrader_engine.orders.states import CLOSED, OrderStatus
from livetrader_engine.spi import BrokerageCapabilities
from livetrader_engine.testing.fakes import ORDER_TYPES, Faults, MemoryVenue

from .money import NO_LIMITS, SPY, START_NS, Desk, make_desk, resting, spec
from .virtual_time import run

TARGET = Decimal(10)


class Crash(BaseException):
    """The process ends here."""


class Fuse:
    """Counts boundaries and burns at the nth; from then on nothing of this process has any effect."""

    def __init__(self, burns_at: int) -> None:
        self.burns_at = burns_at
        self.crossed = 0
        self.burnt = False

    def cross(self, name: str) -> None:
        if self.burnt:
            raise Crash(name)
        self.crossed += 1
        if self.crossed == self.burns_at:
            self.burnt = True
            raise Crash(name)


class FragileJournal(Journal):
    """Crosses the fuse before and after each commit. Rows not awaited are lost in a crash, or not."""

    fuse: Fuse
    lossy: bool
    soon: list[Record]

    async def append(self, record: Record) -> int:
        self.fuse.cross("append")
        for waiting in self.soon:
            super().append_soon(waiting)  # they share the commit of the next awaited row
        self.soon.clear()
        seq = await super().append(record)
        self.fuse.cross("appended")
        return seq

    def append_soon(self, record: Record) -> None:
        if self.fuse.burnt:
            return
        if self.lossy:
            self.soon.append(record)
        else:
            super().append_soon(record)


def fragile_desk(venue: MemoryVenue, directory: Path, fuse: Fuse, lossy: bool) -> Desk:
    directory.mkdir(exist_ok=True)
    journal = FragileJournal(directory / "journal.sqlite3", "test", lambda: START_NS)
    journal.fuse, journal.lossy, journal.soon = fuse, lossy, []
    venue.boundary = fuse.cross
    return make_desk(venue, directory, NO_LIMITS, journal)


async def trade(desk: Desk) -> None:
    """Decide from the account: cancel what works, then order what is missing to the target."""
    number = desk.gateway.state.next_order_id
    for order in desk.gateway.open_orders:
        await desk.cancel(order.spec.id)
    await desk.settle()
    await desk.submit(resting(number, 3))
    await desk.settle()
    await desk.update(number, quantity=Decimal(4))
    await desk.cancel(number)
    await desk.settle()
    working = sum((order.remaining for order in desk.gateway.open_orders), Decimal(0))
    missing = TARGET - desk.held() - working
    if missing:
        await desk.submit(spec(number + 1, str(missing)))
    await desk.settle()


async def life(desk: Desk, body: Callable[[Desk], object]) -> None:
    """One life of the daemon's money path around `body`."""
    await desk.journal.open()
    try:
        await desk.gateway.reconcile_at_start()
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(desk.pump()), group.create_task(desk.gateway.watch())]
            await body(desk)  # type: ignore[misc]  # every body here is a coroutine function
            for task in tasks:
                task.cancel()
    finally:
        await desk.journal.close()


def new_life(venue: MemoryVenue, directory: Path, fuse: Fuse, *, lossy: bool) -> None:
    async def first() -> None:
        await life(fragile_desk(venue, directory, fuse, lossy), trade)

    with suppress(Crash):
        try:
            run(first())
        except BaseExceptionGroup as group:
            crashes, others = group.split(Crash)
            if others is not None:
                raise others from None
            assert crashes is not None
    venue.session = None  # the connection died with the process


def last_life(venue: MemoryVenue, directory: Path) -> None:
    """Start without faults, let every doubt be resolved, trade once more, and check everything."""

    async def settled(desk: Desk) -> None:
        await asyncio.sleep(30)
        venue.deliver_held()
        await asyncio.sleep(400)
        await desk.settle()
        assert desk.gateway.unresolved == 0
        await trade(desk)
        await asyncio.sleep(10)
        check(desk)

    async def body() -> None:
        venue.faults = Faults(fill_parts=venue.faults.fill_parts, repeat_fills=venue.faults.repeat_fills)
        desk = fragile_desk(venue, directory, Fuse(0), lossy=False)
        await life(desk, settled)

    run(body())


def check(desk: Desk) -> None:
    venue, state = desk.venue, desk.gateway.state
    assert desk.venue_held() == TARGET, "an order was lost or doubled"
    assert desk.agrees(), "journal and venue hold different positions"
    assert state.adjustments == {}, "a trade was explained away instead of recovered"
    assert not desk.gateway.halted
    assert set(venue.orders) <= set(state.orders), "an order without a record"
    working = {name for name, order in venue.orders.items() if order.status not in CLOSED}
    assert working == set(state.open)
    assert len(venue.submits) == len(set(venue.submits)), "an order was sent twice"


def crash_everywhere(venue_of: Callable[[], MemoryVenue], directory: Path, *, lossy: bool) -> int:
    """Crash at the first boundary, the second, …; return how many there are."""
    boundary = 1
    while True:
        venue = venue_of()
        fuse = Fuse(boundary)
        new_life(venue, directory / str(boundary), fuse, lossy=lossy)
        last_life(venue, directory / str(boundary))
        if not fuse.burnt:
            return boundary - 1
        boundary += 1


def plain() -> MemoryVenue:
    venue = MemoryVenue(BrokerageCapabilities(ORDER_TYPES, absence_fence_s=0.0))
    venue.prices[SPY] = Decimal(100)
    return venue


def in_parts() -> MemoryVenue:
    venue = plain()
    venue.faults.fill_parts = 3
    venue.faults.repeat_fills = True
    return venue


def late() -> MemoryVenue:
    venue = MemoryVenue(BrokerageCapabilities(ORDER_TYPES, absence_fence_s=120.0))
    venue.prices[SPY] = Decimal(100)
    venue.faults.hold_orders = 2
    return venue


def deaf() -> MemoryVenue:
    venue = plain()
    venue.faults.lost_acks = 2
    venue.faults.lost_cancels = 1
    return venue


@pytest.mark.slow
@pytest.mark.parametrize("lossy", [False, True], ids=["all rows kept", "unawaited rows lost"])
@pytest.mark.parametrize("venue_of", [plain, in_parts, late, deaf])
def test_a_crash_at_any_boundary_loses_and_doubles_nothing(
    tmp_path: Path, venue_of: Callable[[], MemoryVenue], lossy: bool
) -> None:
    boundaries = crash_everywhere(venue_of, tmp_path, lossy=lossy)
    assert boundaries >= 12, "the model crosses the journal and the wire"


@settings(max_examples=25)
@given(burns=st.lists(st.integers(1, 40), min_size=1, max_size=5), lossy=st.booleans(), data=st.data())
def test_crash_after_crash_loses_and_doubles_nothing(
    tmp_path_factory: pytest.TempPathFactory, burns: list[int], lossy: bool, data: st.DataObject
) -> None:
    directory = tmp_path_factory.mktemp("crashes")
    venue = data.draw(st.sampled_from([plain, in_parts, late, deaf]))()
    for burns_at in burns:
        new_life(venue, directory, Fuse(burns_at), lossy=lossy)
        if data.draw(st.booleans()):
            venue.set_price(SPY, Decimal(data.draw(st.sampled_from([49, 100]))))  # and trades meanwhile
    venue.set_price(SPY, Decimal(100))
    last_life(venue, directory)


def test_the_model_finds_an_order_that_is_sent_before_it_is_journaled(tmp_path: Path) -> None:
    """The proof that this file can fail: turn the order of the two around and look."""

    class Hasty(FragileJournal):
        async def append(self, record: Record) -> int:
            kind = type(record).__name__
            if kind == "OrderIntended":
                self.append_soon(record)
                return 0
            return await super().append(record)

    def lives() -> None:
        for boundary in range(1, 30):
            venue, fuse = plain(), Fuse(boundary)
            directory = tmp_path / str(boundary)

            async def first(
                venue: MemoryVenue = venue, directory: Path = directory, fuse: Fuse = fuse
            ) -> None:
                desk = fragile_desk(venue, directory, fuse, lossy=True)
                desk.journal.__class__ = Hasty
                await life(desk, trade)

            with suppress(Crash, BaseExceptionGroup):
                run(first())
            venue.session = None
            last_life(venue, directory)

    with pytest.raises((AssertionError, BaseExceptionGroup)):
        lives()


def test_a_crashed_journal_reads_back_what_was_awaited(tmp_path: Path) -> None:
    venue = plain()
    new_life(venue, tmp_path, Fuse(9), lossy=True)
    state = read_state(tmp_path / "journal.sqlite3")
    assert all(order.status in OrderStatus for order in state.orders.values())
    assert len(state.orders) >= len(venue.orders)
