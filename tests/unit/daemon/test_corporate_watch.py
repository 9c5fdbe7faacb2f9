"""Days with a split, a dividend, or nobody who can say: the watch over a real gateway, in virtual time."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import wraps
from pathlib import Path

from livetrader.journal.action_records import action_id
from livetrader.journal.records import AdjustmentReason
from livetrader.supervisor.announcements import Announcements
from livetrader.supervisor.corporate_watch import CorporatePorts, CorporateWatch
from livetrader.telemetry.notifications import Urgency
from livetrader_engine.data.corporate_actions import CorporateAction, Dividend, Split, SplitKind
from livetrader_engine.events import AccountLoaded
from livetrader_engine.orders.order import OrderSpec
from livetrader_engine.orders.states import OrderStatus
from livetrader_engine.spi import VenueError
from livetrader_engine.spi_data import (
    ActionBooker,
    AnnouncedDividend,
    AnnouncedSplit,
    Announcement,
    DateSpan,
)
from livetrader_engine.symbols import Symbol
from livetrader_engine.testing.fakes import MemoryVenue
from livetrader_engine.testing.market import SampleReference

from .money import IBM, SPY, START_NS, Desk, make_desk, new_venue, resting, spec, virtual_timing
from .virtual_time import run


def in_virtual_time(scene: Callable[[Path], Coroutine[object, object, None]]) -> Callable[[Path], None]:
    """Have a scene of days played in an instant."""

    @wraps(scene)
    def play(tmp_path: Path) -> None:
        run(scene(tmp_path))

    return play


TUESDAY = date(2013, 10, 8)  # START_NS is Monday morning
EX_NS = 1_381_204_800_000_000_000  # 2013-10-08 00:00 in New York
HOUR_S = 3600.0
FOUR = AnnouncedSplit(SPY, TUESDAY, Decimal("0.25"))


@dataclass
class Office:
    """Who announces: what is in `told`, unless it is out of order."""

    told: list[Announcement] = field(default_factory=list)
    trouble: str = ""
    asked: list[DateSpan] = field(default_factory=list)
    broken: str = ""  # a ticker of which nobody can say anything

    def __call__(self, symbol: Symbol, dates: DateSpan) -> tuple[Announcement, ...]:
        self.asked.append(dates)
        if self.trouble or symbol.value == self.broken:
            raise VenueError(self.trouble)
        return tuple(item for item in self.told if dates.first <= item.ex_date <= dates.last)


@dataclass
class Day:
    """A desk, its watch, what the engine heard and what people were told."""

    desk: Desk
    watch: CorporateWatch
    heard: list[CorporateAction]
    told: list[tuple[str, str, Urgency]]

    async def until(self, time_ns: int) -> None:
        wait_s = (time_ns - START_NS) / 1e9 - asyncio.get_running_loop().time()
        await asyncio.sleep(wait_s)

    def splits_heard(self) -> list[Split]:
        return [one for one in self.heard if isinstance(one, Split) and one.kind is SplitKind.OCCURRED]


def watch_of(
    desk: Desk,
    office: Office,
    booker: ActionBooker | None = None,
    *,
    engine: bool = True,
    symbols: tuple[Symbol, ...] = (),
) -> Day:
    timing = virtual_timing()
    heard: list[CorporateAction] = []
    told: list[tuple[str, str, Urgency]] = []

    def tell(actions: tuple[CorporateAction, ...]) -> bool:
        heard.extend(actions if engine else ())
        return engine

    def notify(title: str, message: str, next_step: str, urgency: Urgency = Urgency.WARNING, /) -> None:
        told.append((title, message, urgency))

    ports = CorporatePorts(
        announcements=Announcements(SampleReference(), office),
        gateway=desk.gateway,
        booker=booker,
        subscribed=lambda: symbols,
        tell=tell,
        now_ns=timing.now_ns,
        monotonic_s=timing.monotonic_s,
        sleep=timing.sleep,
        report=lambda action, **fields: desk.records.append((action, fields)),
        notify=notify,
    )
    return Day(desk, CorporateWatch(ports), heard, told)


@asynccontextmanager
async def a_day(
    venue: MemoryVenue, directory: Path, office: Office, *, engine: bool = True
) -> AsyncIterator[Day]:
    """A daemon's money path with its watch, as the supervisor starts them."""
    desk = make_desk(venue, directory)
    await desk.journal.open()
    day = watch_of(desk, office, engine=engine)
    try:
        await day.watch.begin()
        await desk.gateway.reconcile_at_start()
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(desk.pump()),
                group.create_task(day.watch.run()),
            ]
            try:
                yield day
            finally:
                for task in tasks:
                    task.cancel()
    finally:
        await desk.journal.close()


def book_split(venue: MemoryVenue, factor: Decimal) -> None:
    quantity, price = venue.positions[SPY]
    venue.positions[SPY] = quantity / factor, price * factor


def after_midnight(hours: float) -> int:
    """Return an instant of the ex-date, in New York."""
    return EX_NS + int(hours * HOUR_S * 1e9)


async def place(day: Day, wanted: OrderSpec) -> None:
    await day.desk.submit(wanted)
    await day.desk.settle()


async def buy(day: Day, number: int, quantity: int) -> None:
    await place(day, spec(number, quantity))


@in_virtual_time
async def test_a_split_overnight_scales_the_position_waits_for_the_brokerage_and_is_told_once(
    tmp_path: Path,
) -> None:
    venue, office = new_venue(), Office([FOUR])
    async with a_day(venue, tmp_path, office) as day:
        desk = day.desk
        await buy(day, 1, 100)
        await day.until(START_NS + int(2 * HOUR_S * 1e9))
        assert ("corporate action ahead", Urgency.INFORMATION) in [(t, u) for t, _, u in day.told]
        assert desk.held() == 100, "tomorrow, not today"
        desk.gateway.observe_price(SPY, 100.0)
        equity = desk.gateway.equity()
        await day.until(EX_NS + 1_000_000_000)
        assert desk.held() == 400
        assert desk.gateway.equity() == equity, "a split makes nobody richer, and trips no loss limit"
        assert [one.held for one in day.splits_heard()] == [Decimal(400)]
        await desk.submit(spec(2, -100))
        assert "has not booked its split yet" in desk.messages(2)
        book_split(venue, Decimal("0.25"))
        await day.until(after_midnight(0.1))
        assert not desk.gateway.state.actions.pending
        assert not desk.gateway.state.restricted
        await buy(day, 3, -100)
        assert desk.held() == desk.venue_held() == 300
        assert len(day.splits_heard()) == 1
        assert not [
            r for r in desk.gateway.state.adjustments.values() if r.reason is AdjustmentReason.UNEXPLAINED
        ]


@in_virtual_time
async def test_a_restart_overnight_neither_loses_nor_repeats_a_split(tmp_path: Path) -> None:
    venue, office = new_venue(), Office([FOUR])
    async with a_day(venue, tmp_path, office) as day:
        await buy(day, 1, 100)
        await day.until(START_NS + int(1.5 * HOUR_S * 1e9))
    book_split(venue, Decimal("0.25"))
    await asyncio.sleep(20 * HOUR_S)  # nobody is there at midnight
    async with a_day(venue, tmp_path, office) as day:
        await asyncio.sleep(1.0)
        assert day.desk.held() == 400
        assert not day.desk.gateway.state.restricted
        assert len(day.splits_heard()) == 1, "the one that nobody has heard of"
        await day.until(after_midnight(12))
        assert day.desk.held() == 400
    async with a_day(venue, tmp_path, office) as day:
        await asyncio.sleep(1.0)
        assert day.desk.held() == 400
        assert day.splits_heard() == []


@in_virtual_time
async def test_an_engine_that_comes_after_a_split_hears_of_it_once(tmp_path: Path) -> None:
    venue, office = new_venue(), Office([FOUR])
    async with a_day(venue, tmp_path, office, engine=False) as day:
        await buy(day, 1, 100)
        await day.until(after_midnight(1))
        assert day.heard == []
    async with a_day(venue, tmp_path, office) as day:
        day.watch.engine_ready()
        day.watch.engine_ready()
        assert len(day.splits_heard()) == 1


@in_virtual_time
async def test_warnings_are_told_to_every_engine_of_the_session_before(tmp_path: Path) -> None:
    venue, office = new_venue(), Office([FOUR])
    async with a_day(venue, tmp_path, office) as day:
        await buy(day, 1, 100)
        await asyncio.sleep(60.0)
        warnings = [one for one in day.heard if isinstance(one, Split) and one.kind is SplitKind.WARNING]
        assert len(warnings) == 1
        day.watch.engine_ready()
        warnings = [one for one in day.heard if isinstance(one, Split) and one.kind is SplitKind.WARNING]
        assert len(warnings) == 2


@in_virtual_time
async def test_a_working_order_gets_the_terms_of_new_shares_once_and_before_anything_trades(
    tmp_path: Path,
) -> None:
    venue, office = new_venue(), Office([FOUR])
    async with a_day(venue, tmp_path, office) as day:
        desk = day.desk
        await place(day, resting(1, 10))  # a buy limit at 50
        await day.until(after_midnight(3.5))
        assert next(iter(venue.orders.values())).spec.limit_price == 50, "the venue may still do it itself"
        await day.until(after_midnight(3.9))
        order = next(iter(venue.orders.values()))
        assert (order.spec.quantity, order.spec.limit_price) == (Decimal(40), Decimal("12.50"))
        told = [event for event in desk.emitted if not isinstance(event, AccountLoaded) and event.change]
        assert [event.change.limit_price for event in told if event.change] == [Decimal("12.50")]
        await day.until(after_midnight(20))
        assert order.spec.limit_price == Decimal("12.50")
    async with a_day(venue, tmp_path, office) as day:
        await asyncio.sleep(120.0)
        assert next(iter(venue.orders.values())).spec.quantity == 40


@in_virtual_time
async def test_an_order_that_cannot_be_changed_is_cancelled_rather_than_left_at_its_old_price(
    tmp_path: Path,
) -> None:
    venue = new_venue()
    office = Office([AnnouncedSplit(SPY, TUESDAY, Decimal(20))])  # ten shares are half a new one
    async with a_day(venue, tmp_path, office) as day:
        await place(day, resting(1, 10))
        await day.until(after_midnight(4))
        await day.desk.settle()
        assert day.desk.statuses(1)[-1] is OrderStatus.CANCELED


@in_virtual_time
async def test_a_brokerage_that_books_nothing_is_named_before_the_session_and_adopt_takes_its_word(
    tmp_path: Path,
) -> None:
    venue, office = new_venue(), Office([FOUR])
    async with a_day(venue, tmp_path, office) as day:
        await buy(day, 1, 100)
        await day.until(after_midnight(9.1))
        assert [title for title, _, urgency in day.told if urgency is Urgency.WARNING] == ["split not booked"]
        await day.desk.gateway.custody.adopt("SPY", "op")
        await asyncio.sleep(120.0)
        await day.desk.gateway.look()
        await day.desk.gateway.look()
        assert day.desk.held() == 100
        assert not day.desk.gateway.state.restricted


@in_virtual_time
async def test_what_traded_since_the_day_began_is_in_new_shares_already(tmp_path: Path) -> None:
    venue, office = new_venue(), Office()
    async with a_day(venue, tmp_path, office) as day:
        await buy(day, 1, 100)
        await day.until(after_midnight(5))
        venue.now_ns = after_midnight(5)
        await buy(day, 2, 7)  # before anybody has announced anything
        office.told.append(FOUR)
        await day.until(after_midnight(8.2))
        assert day.desk.held() == 407


@in_virtual_time
async def test_trouble_with_announcements_is_said_once_and_mended_by_asking_again(tmp_path: Path) -> None:
    venue, office = new_venue(), Office([FOUR], trouble="429")
    async with a_day(venue, tmp_path, office) as day:
        await buy(day, 1, 100)
        await asyncio.sleep(0.7 * HOUR_S)
        assert [title for title, _, _ in day.told] == ["splits and dividends unknown"]
        assert len(office.asked) < 6, "it is asked again after a while, not all the time"
        office.trouble = ""
        await day.until(EX_NS + 1_000_000_000)
        assert day.desk.held() == 400


@in_virtual_time
async def test_looks_come_at_eight_and_for_symbols_that_are_new(tmp_path: Path) -> None:
    venue, office = new_venue(), Office()
    async with a_day(venue, tmp_path, office) as day:
        await asyncio.sleep(HOUR_S)
        assert office.asked == [], "nothing is held, ordered or watched"
        await buy(day, 1, 100)
        await asyncio.sleep(60.0)
        assert office.asked == [DateSpan(date(2013, 10, 7), TUESDAY)]
        await day.until(after_midnight(7.9))
        assert len(office.asked) == 1
        await day.until(after_midnight(8.1))
        assert office.asked[1:] == [DateSpan(TUESDAY, date(2013, 10, 9))]


@in_virtual_time
async def test_a_start_asks_for_the_days_on_which_nobody_looked(tmp_path: Path) -> None:
    venue, office = new_venue(), Office()
    async with a_day(venue, tmp_path, office) as day:
        await buy(day, 1, 100)
        await asyncio.sleep(60.0)
    await asyncio.sleep(3 * 24 * HOUR_S)
    office.asked.clear()
    async with a_day(venue, tmp_path, office) as day:
        assert office.asked[0].first == date(2013, 10, 9), "Tuesday was known on Monday"


@in_virtual_time
async def test_a_dividend_is_announced_with_what_it_will_bring_and_told_and_books_nothing_here(
    tmp_path: Path,
) -> None:
    venue, office = new_venue(), Office([AnnouncedDividend(SPY, TUESDAY, Decimal("0.75"))])
    async with a_day(venue, tmp_path, office) as day:
        await buy(day, 1, 100)
        await day.until(EX_NS + 60_000_000_000)
        assert any("the brokerage will book 75.00" in message for _, message, _ in day.told)
        assert [one.distribution for one in day.heard if isinstance(one, Dividend)] == [Decimal("0.75")]
        assert day.desk.held() == 100


def test_a_file_and_an_announcer_that_say_the_same_say_it_once() -> None:
    class Filed(SampleReference):
        def corporate_actions(self, symbol: Symbol, first: date, last: date) -> tuple[CorporateAction, ...]:
            return (Split(SPY, EX_NS, SplitKind.OCCURRED, Decimal("0.25"), Decimal(100)),)

    found = Announcements(Filed(), Office([FOUR])).actions(SPY, DateSpan(date(2013, 10, 7), TUESDAY))
    assert [action_id(one).split(".")[0] for one in found] == ["split-warning", "split"]


@in_virtual_time
async def test_an_order_that_was_asked_for_before_and_left_after_the_day_began_is_scaled_too(
    tmp_path: Path,
) -> None:
    venue, office = new_venue(), Office([FOUR])
    async with a_day(venue, tmp_path, office) as day:
        await buy(day, 1, 1)
        await buy(day, 2, -1)  # so that somebody asks about it
        await place(day, resting(3, 10))
        await day.until(EX_NS + 60_000_000_000)
        await place(day, resting(4, 20))  # it had waited for the end of a maintenance
        await day.until(after_midnight(3.9))
        quantities = [order.spec.quantity for order in venue.orders.values()]
        assert quantities == [1, -1, 40, 80]


@in_virtual_time
async def test_a_split_that_is_announced_otherwise_after_it_counted_is_said_and_changes_nothing(
    tmp_path: Path,
) -> None:
    venue, office = new_venue(), Office([FOUR])
    async with a_day(venue, tmp_path, office) as day:
        await buy(day, 1, 100)
        await day.until(after_midnight(1))
        book_split(venue, Decimal("0.25"))
        office.told[:] = [AnnouncedSplit(SPY, TUESDAY, Decimal("0.2"))]
        await day.until(after_midnight(8.2))
        assert day.desk.held() == 400
        assert day.desk.reported("split_announced_otherwise") == 1


@in_virtual_time
async def test_one_symbol_that_cannot_be_asked_about_keeps_no_other_waiting_and_is_asked_alone(
    tmp_path: Path,
) -> None:
    venue, office = new_venue(), Office([FOUR], broken="IBM")
    async with a_day(venue, tmp_path, office) as day:
        await buy(day, 1, 100)
        await place(day, spec(2, 10, IBM))
        await asyncio.sleep(60.0)
        asked = len(office.asked)
        assert action_id(Split(SPY, EX_NS, SplitKind.OCCURRED, Decimal(1), Decimal(0))) in (
            day.desk.gateway.state.actions.noted
        )
        await asyncio.sleep(2 * HOUR_S)
        again = len(office.asked) - asked
        assert 6 <= again <= 9, "every quarter of an hour, IBM alone"
        await day.until(EX_NS + 60_000_000_000)
        assert day.desk.held() == 400


def test_an_announcer_that_hangs_holds_the_end_of_the_daemon_up_by_nothing(tmp_path: Path) -> None:
    asked, go_on, over = threading.Event(), threading.Event(), threading.Event()

    class Hanging(Office):
        def __call__(self, symbol: Symbol, dates: DateSpan) -> tuple[Announcement, ...]:
            self.asked.append(dates)
            asked.set()
            go_on.wait(3.0)
            over.set()
            return ()

    office = Hanging()

    async def scene() -> None:
        day = watch_of(make_desk(new_venue(), tmp_path), office, symbols=(SPY, IBM))
        async with asyncio.TaskGroup() as group:
            looking = group.create_task(day.watch.begin())
            await asyncio.to_thread(asked.wait, 5.0)
            looking.cancel()

    try:
        asyncio.run(scene())
        assert not over.is_set(), "its thread was waited for"
    finally:
        go_on.set()
    assert over.wait(5.0)
    for thread in threading.enumerate():
        if thread.name == "announcements":
            thread.join(5.0)
    assert len(office.asked) == 1, "nobody waits for the answer about the other"


@in_virtual_time
async def test_trouble_of_a_symbol_that_nobody_needs_any_more_does_not_silence_that_of_another(
    tmp_path: Path,
) -> None:
    venue, office = new_venue(), Office(broken="IBM")
    async with a_day(venue, tmp_path, office) as day:
        await place(day, spec(1, 10, IBM))
        await asyncio.sleep(60.0)
        assert [title for title, _, _ in day.told] == ["splits and dividends unknown"]
        await place(day, spec(2, -10, IBM))
        await asyncio.sleep(HOUR_S)
        office.broken = "SPY"
        await buy(day, 3, 100)
        await asyncio.sleep(60.0)
        assert len(day.told) == 2, "it is another trouble"
