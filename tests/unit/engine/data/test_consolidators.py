"""Consolidators: against brute force, and LEAN's rules at sessions, half days and gaps."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livetrader_engine.calendar.hours import ExchangeHours
from livetrader_engine.data import consolidated_periods as periods
from livetrader_engine.data.aggregation import Feed
from livetrader_engine.data.bars import MarketPoint, QuoteBar, Tick, TradeBar
from livetrader_engine.data.consolidators import (
    IdentityConsolidator,
    PeriodConsolidator,
    SequentialConsolidator,
    in_hours,
)
from livetrader_engine.data.wallclock import WallClock
from livetrader_engine.errors import AlgorithmError
from tests.unit.engine.calendar.hours_of import HOUR, MINUTE, at
from tests.unit.engine.data.streams import ALWAYS, BTC, IBM, SPY, US, bar, quote

DAY = 24 * HOUR
OPEN = at("2013-10-07 09:30")


Bar = TradeBar | QuoteBar
AnyConsolidator = PeriodConsolidator | IdentityConsolidator | SequentialConsolidator


def _by_time(
    period_ns: int, hours: ExchangeHours = US, feed: Feed = Feed.TRADE_BARS, start_ns: int | None = None
) -> PeriodConsolidator:
    return PeriodConsolidator(
        periods.fixed(period_ns, start_ns), feed=feed, clock=WallClock(hours.timezone), check_ns=period_ns
    )


def _by_count(count: int) -> PeriodConsolidator:
    return PeriodConsolidator(count=count, clock=WallClock(US.timezone))


def _by_calendar(period: periods.Period) -> PeriodConsolidator:
    return PeriodConsolidator(period, clock=WallClock(US.timezone))


def _by_session(hours: ExchangeHours = US) -> PeriodConsolidator:
    clock = WallClock(hours.timezone)
    return PeriodConsolidator(
        periods.sessions(hours, clock), clock=clock, accepts=in_hours(hours, daily=True, extended=False)
    )


def _collect(consolidator: AnyConsolidator, points: Iterable[MarketPoint], scan: bool = True) -> list[Bar]:
    """Run the points through as the engine does: scan to just before each, update, scan."""
    bars: list[Bar] = []
    consolidator.handlers.append(bars.append)
    for point in points:
        if scan:
            consolidator.scan(point.end_time_ns - 1)
        consolidator.update(point)
        if scan:
            consolidator.scan(point.end_time_ns)
    return bars


def _minute(number: int, close: float = 100.0) -> TradeBar:
    start_ns = OPEN + number * MINUTE
    return TradeBar(SPY, start_ns, start_ns + MINUTE, close - 1, close + 2, close - 2, close, 3.0)


@given(
    st.lists(st.integers(0, 389), min_size=1, max_size=80, unique=True).map(sorted),
    st.sampled_from([2, 5, 7, 15, 30, 60]),
    st.booleans(),
)
def test_minutes_to_longer_bars_as_brute_force_groups_them(
    minutes: list[int], period: int, scan: bool
) -> None:
    points = [_minute(number, 100.0 + (number * 7) % 13) for number in minutes]
    bars = _collect(_by_time(period * MINUTE), points, scan)
    # .NET rounds times since 0001-01-01 in the exchange's wall clock
    wall_open = (719_162 + 15_985) * 1440 + 9 * 60 + 30  # 2013-10-07 09:30 in minutes
    groups: dict[int, list[TradeBar]] = {}
    for number, point in zip(minutes, points, strict=True):
        groups.setdefault((wall_open + number) // period, []).append(point)
    expected = []
    for index, members in groups.items():
        start_ns = OPEN + (index * period - wall_open) * MINUTE
        if start_ns + period * MINUTE > points[-1].end_time_ns and members is list(groups.values())[-1]:
            continue  # its time is not over
        if not scan and members is list(groups.values())[-1]:
            continue  # nothing later has come
        expected.append(
            (
                start_ns, start_ns + period * MINUTE, members[0].open, max(one.high for one in members),
                min(one.low for one in members), members[-1].close, 3.0 * len(members),
            )
        )  # fmt: skip
    assert [
        (one.time_ns, one.end_time_ns, one.open, one.high, one.low, one.close, one.volume)
        for one in bars
        if isinstance(one, TradeBar)
    ] == expected


@given(st.integers(1, 10), st.integers(0, 60))
def test_counted_bars_end_with_their_last_point(count: int, total: int) -> None:
    points = [_minute(number, float(number + 10)) for number in range(total)]
    bars = _collect(_by_count(count), points)
    assert len(bars) == total // count
    for index, one in enumerate(bars):
        members = points[index * count : (index + 1) * count]
        assert isinstance(one, TradeBar)
        assert (one.time_ns, one.end_time_ns) == (members[0].time_ns, members[-1].end_time_ns)
        assert (one.open, one.close) == (members[0].open, members[-1].close)
        assert one.volume == 3.0 * count


def test_a_bar_closes_on_the_clock_when_no_data_comes() -> None:
    consolidator = _by_time(5 * MINUTE)
    bars = _collect(consolidator, [_minute(0)], scan=False)
    consolidator.scan(OPEN + 5 * MINUTE - 1)
    assert bars == []
    consolidator.scan(OPEN + 5 * MINUTE)
    consolidator.scan(OPEN + 6 * MINUTE)
    assert len(bars) == 1 and consolidator.consolidated is bars[0] and consolidator.working is None


def test_a_point_older_than_the_newest_bar_is_left_out() -> None:
    consolidator = _by_time(5 * MINUTE)
    bars = _collect(consolidator, [_minute(0)], scan=False)
    consolidator.scan(OPEN + 5 * MINUTE)
    consolidator.update(_minute(3, 500.0))
    assert consolidator.working is None and len(bars) == 1


def test_a_count_within_a_period_ends_the_bar_at_whichever_comes_first() -> None:
    mixed = PeriodConsolidator(periods.ungridded(10 * MINUTE), 3, clock=WallClock(US.timezone))
    bars = _collect(mixed, [_minute(number) for number in range(7)], scan=False)
    assert [one.volume for one in bars if isinstance(one, TradeBar)] == [9.0, 9.0]
    # a trade bar shows the whole period all the same, as LEAN's do
    assert [one.time_ns for one in bars] == [OPEN, OPEN + 3 * MINUTE]
    assert [one.end_time_ns for one in bars] == [OPEN + 10 * MINUTE, OPEN + 13 * MINUTE]


@pytest.mark.parametrize(
    ("day", "minutes", "close"), [("2013-10-07", 390, "16:00"), ("2013-11-29", 210, "13:00")]
)
def test_daily_bars_from_minutes_end_with_their_session(day: str, minutes: int, close: str) -> None:
    opens = at(f"{day} 09:30")
    early = [bar(at(f"{day} 08:00") + n * MINUTE, MINUTE, 500.0) for n in range(90)]
    regular = [bar(opens + n * MINUTE, MINUTE, 100.0 + n % 7) for n in range(minutes)]
    bars = _collect(_by_session(), early + regular)
    assert [(one.time_ns, one.end_time_ns) for one in bars] == [(opens, at(f"{day} {close}"))]
    [only] = bars
    assert isinstance(only, TradeBar)
    assert only.high == 107.0 and only.volume == 10.0 * minutes  # nothing of the pre-market


def test_daily_bars_from_hours_count_the_hour_that_begins_before_the_open() -> None:
    hours = [
        bar(at(f"2013-10-{day:02} {hour:02}:00"), HOUR, 10.0 * day + hour)
        for day in (7, 8)
        for hour in range(9, 16)
    ]
    bars = _collect(_by_session(), hours)
    assert [one.time_ns for one in bars] == [at("2013-10-07 09:30"), at("2013-10-08 09:30")]
    assert [one.open for one in bars if isinstance(one, TradeBar)] == [79.0, 89.0]
    assert [one.volume for one in bars if isinstance(one, TradeBar)] == [70.0, 70.0]


def test_hours_from_minutes_lie_on_the_whole_hour() -> None:
    bars = _collect(_by_time(HOUR), [_minute(number) for number in range(390)])
    assert [one.time_ns for one in bars] == [at(f"2013-10-07 {hour:02}:00") for hour in range(9, 16)]
    assert [one.volume for one in bars if isinstance(one, TradeBar)] == [90.0] + [180.0] * 6


def test_a_market_that_never_closes_has_calendar_days() -> None:
    zone = ALWAYS.timezone
    points = [bar(at("2013-10-06", zone) + n * HOUR, HOUR, symbol=BTC) for n in range(49)]
    bars = _collect(_by_time(DAY, ALWAYS), points)
    assert [(one.time_ns, one.end_time_ns) for one in bars] == [
        (at("2013-10-06", zone), at("2013-10-07", zone)),
        (at("2013-10-07", zone), at("2013-10-08", zone)),
    ]


def test_bars_longer_than_a_day_start_where_their_data_does() -> None:
    days = [
        TradeBar(SPY, at(f"2013-10-{n:02} 09:30"), at(f"2013-10-{n:02} 16:00"), n, n, n, n, 1.0)
        for n in (7, 8, 9, 10)
    ]
    bars = _collect(_by_time(2 * DAY), days)
    assert [(one.time_ns, one.end_time_ns) for one in bars] == [
        (at("2013-10-07 09:30"), at("2013-10-09 09:30")),
    ]


def test_weeks_and_months_are_those_of_the_calendar() -> None:
    days = [
        TradeBar(SPY, at(f"2013-10-{n:02} 09:30"), at(f"2013-10-{n:02} 16:00"), n, n, n, n, 1.0)
        for n in range(1, 32)
        if US.is_trading_day(US.local_date(at(f"2013-10-{n:02} 12:00")))
    ]
    november = TradeBar(SPY, at("2013-11-01 09:30"), at("2013-11-01 16:00"), 1.0, 1.0, 1.0, 1.0, 1.0)
    weeks = _collect(_by_calendar(periods.weekly), [*days, november])
    assert [one.time_ns for one in weeks] == [
        at(f"2013-{day}") for day in ("09-30", "10-07", "10-14", "10-21")
    ]
    months = _collect(_by_calendar(periods.months(1)), [*days, november])
    assert [(one.time_ns, one.end_time_ns) for one in months] == [(at("2013-10-01"), at("2013-11-01"))]
    assert isinstance(months[0], TradeBar) and months[0].volume == 23.0


def test_the_grid_keeps_the_wall_clock_when_the_offset_changes() -> None:
    summer, winter = bar(at("2013-11-01 12:00"), HOUR), bar(at("2013-11-04 12:00"), HOUR)
    bars = _collect(_by_time(4 * HOUR), [summer, winter, bar(at("2013-11-04 15:00"), HOUR)])
    assert [one.time_ns for one in bars] == [at("2013-11-01 12:00"), at("2013-11-04 12:00")]


def test_quotes_keep_extremes_per_side_and_the_last_sizes() -> None:
    quotes = [
        quote(OPEN, MINUTE, 10.0, 12.0),
        quote(OPEN + MINUTE, MINUTE, 0.0, 11.0),
        quote(OPEN + 2 * MINUTE, MINUTE, 9.0, 0.0),
    ]
    consolidator = _by_time(3 * MINUTE, feed=Feed.QUOTE_BARS)
    [only] = _collect(consolidator, quotes)
    assert isinstance(only, QuoteBar)
    assert (only.bid_open, only.bid_high, only.bid_low, only.bid_close) == (10.0, 10.0, 9.0, 9.0)
    assert (only.ask_open, only.ask_high, only.ask_low, only.ask_close) == (12.0, 12.0, 11.0, 11.0)
    assert (only.bid_size, only.ask_size) == (5.0, 7.0)


def test_a_side_that_comes_later_opens_with_its_first_quote() -> None:
    quotes = [quote(OPEN, MINUTE, 10.0, 0.0), quote(OPEN + MINUTE, MINUTE, 10.0, 11.0)]
    [only] = _collect(_by_time(2 * MINUTE, feed=Feed.QUOTE_BARS), quotes)
    assert isinstance(only, QuoteBar)
    assert (only.ask_open, only.ask_low, only.ask_close) == (11.0, 11.0, 11.0)


def test_ticks_make_trade_bars_and_quote_bars() -> None:
    trades = [
        Tick(SPY, OPEN + n * 20_000_000_000, price, 2.0) for n, price in enumerate((5.0, 7.0, 4.0, 6.0))
    ]
    [only] = _collect(_by_time(MINUTE, feed=Feed.TRADE_TICKS), trades)
    assert isinstance(only, TradeBar)
    assert (only.open, only.high, only.low, only.close, only.volume) == (5.0, 7.0, 4.0, 4.0, 6.0)
    quotes = [
        Tick(SPY, OPEN + n * 20_000_000_000, bid_price=bid, bid_size=1.0, ask_price=bid + 1, ask_size=2.0)
        for n, bid in enumerate((5.0, 7.0, 4.0, 6.0))
    ]
    [quoted] = _collect(_by_time(MINUTE, feed=Feed.QUOTE_TICKS), quotes)
    assert isinstance(quoted, QuoteBar)
    assert (quoted.bid_high, quoted.bid_low, quoted.ask_close, quoted.ask_size) == (7.0, 4.0, 5.0, 2.0)


def test_the_datas_own_period_is_handed_on_unchanged() -> None:
    points = [_minute(number) for number in range(3)]
    bars = _collect(IdentityConsolidator(), points)
    assert [id(one) for one in bars] == [id(point) for point in points]


def test_a_second_symbol_is_refused() -> None:
    consolidator = _by_time(5 * MINUTE)
    consolidator.update(_minute(0))
    with pytest.raises(AlgorithmError, match="holds SPY, not IBM"):
        consolidator.update(bar(OPEN, MINUTE, symbol=IBM))


def test_data_longer_than_the_bar_is_refused() -> None:
    with pytest.raises(AlgorithmError, match="finer resolution"):
        _by_time(5 * MINUTE).update(bar(OPEN, HOUR))
    with pytest.raises(AlgorithmError, match="finer resolution"):
        _by_time(HOUR).update(bar(OPEN, 390 * MINUTE))


def test_reset_forgets_the_data_and_keeps_the_handlers() -> None:
    consolidator = _by_time(5 * MINUTE)
    bars = _collect(consolidator, [_minute(number) for number in range(7)], scan=False)
    consolidator.reset()
    assert consolidator.working is None and consolidator.consolidated is None
    consolidator.update(bar(OPEN - HOUR, MINUTE, symbol=IBM))
    consolidator.scan(OPEN)
    assert [one.symbol for one in bars] == [SPY, IBM]


def test_a_consolidator_without_limits_is_refused() -> None:
    with pytest.raises(AlgorithmError, match="needs a period"):
        PeriodConsolidator()


def test_a_new_quote_bar_opens_where_the_one_before_closed() -> None:
    quotes = [
        quote(OPEN, MINUTE, 10.0, 12.0),
        quote(OPEN + MINUTE, MINUTE, 13.0, 14.0),
        quote(OPEN + 2 * MINUTE, MINUTE, 9.0, 0.0),
        quote(OPEN + 3 * MINUTE, MINUTE, 9.5, 0.0),
    ]
    _, second = _collect(_by_time(2 * MINUTE, feed=Feed.QUOTE_BARS), quotes)
    assert isinstance(second, QuoteBar)
    assert (second.bid_open, second.bid_high, second.bid_low, second.bid_close) == (13.0, 13.0, 9.0, 9.5)
    assert (second.ask_open, second.ask_close, second.ask_size) == (14.0, 14.0, 7.0)


def test_the_new_bar_is_no_longer_working_and_not_yet_consolidated_while_handlers_run() -> None:
    consolidator = _by_time(MINUTE)
    seen: list[tuple[str, bool, bool]] = []

    def note(name: str, one: TradeBar) -> None:
        seen.append((name, consolidator.working is one, consolidator.consolidated is one))

    consolidator.own_handlers.append(lambda one: note("by hand", one))
    consolidator.handlers.append(lambda one: note("indicator", one))
    consolidator.update(_minute(0))
    consolidator.scan(OPEN + MINUTE)
    # LEAN's typed event, which a handler by hand joins, comes last and sees the new bar in place
    assert seen == [("indicator", True, False), ("by hand", True, True)]
    assert consolidator.working is None


@pytest.mark.parametrize(
    ("period_ns", "offset_ns", "first", "starts"),
    [
        # anchored to 9:45 of each day
        (15 * MINUTE + 15 * MINUTE, 9 * HOUR + 45 * MINUTE, "2013-10-07 09:45", "2013-10-07 09:45"),
        (2 * HOUR, 30 * MINUTE, "2013-10-07 09:45", "2013-10-07 08:30"),
        # before the anchor the bar of the day before reaches over
        (HOUR, 9 * HOUR + 50 * MINUTE, "2013-10-07 09:45", "2013-10-07 08:50"),
        # from a week on the month is the anchor
        (7 * DAY, 9 * HOUR, "2013-10-07 09:45", "2013-10-01 09:00"),
        (7 * DAY, 0, "2013-10-08 09:45", "2013-10-08 00:00"),
    ],
)
def test_a_start_time_anchors_the_grid(period_ns: int, offset_ns: int, first: str, starts: str) -> None:
    consolidator = _by_time(period_ns, start_ns=offset_ns)
    consolidator.update(bar(at(first), MINUTE))
    assert consolidator.working.time_ns == at(starts)
    assert consolidator.due_ns - consolidator.working.time_ns == period_ns


@pytest.mark.parametrize(
    ("day", "after"),
    [("2013-11-03", "2013-11-04"), ("2014-03-09", "2014-03-10")],
)
def test_a_day_of_daylight_saving_lasts_from_midnight_to_midnight(day: str, after: str) -> None:
    consolidator = _by_time(DAY)
    bars = _collect(consolidator, [bar(at(f"{day} 12:00"), HOUR)], scan=False)
    assert consolidator.due_ns == at(after)
    consolidator.scan(at(after) - 1)
    assert bars == []
    consolidator.scan(at(after))
    assert [(one.time_ns, one.end_time_ns) for one in bars] == [(at(day), at(after))]


def test_a_week_with_a_changed_clock_ends_on_monday_midnight() -> None:
    consolidator = _by_calendar(periods.weekly)
    consolidator.update(bar(at("2013-11-01 12:00"), HOUR))
    assert (consolidator.working.time_ns, consolidator.due_ns) == (at("2013-10-28"), at("2013-11-04"))


@pytest.mark.parametrize(
    ("months", "moment", "start", "end"),
    [
        (1, "2016-02-29 10:00", "2016-02-01", "2016-03-01"),
        (3, "2013-10-07 10:00", "2013-10-01", "2014-01-01"),
        (3, "2013-06-30 10:00", "2013-04-01", "2013-07-01"),
        (12, "2013-10-07 10:00", "2013-01-01", "2014-01-01"),
    ],
)
def test_calendars_of_months(months: int, moment: str, start: str, end: str) -> None:
    consolidator = _by_calendar(periods.months(months))
    consolidator.update(bar(at(moment), MINUTE))
    assert (consolidator.working.time_ns, consolidator.due_ns) == (at(start), at(end))


def test_periods_counted_from_the_open_are_cut_at_the_close() -> None:
    clock = WallClock(US.timezone)
    consolidator = PeriodConsolidator(
        periods.within_sessions(US, clock, 4 * HOUR),
        clock=clock,
        accepts=in_hours(US, daily=False, extended=False),
    )
    half_day = at("2013-11-29 09:30")  # closes at 13:00
    whole = [bar(OPEN + n * MINUTE, MINUTE) for n in range(390)]
    half = [bar(half_day + n * MINUTE, MINUTE) for n in range(210)]
    bars = _collect(consolidator, [bar(at("2013-10-07 09:00"), MINUTE), *whole, *half])
    assert [(one.time_ns, one.end_time_ns) for one in bars] == [
        (OPEN, at("2013-10-07 13:30")),
        (at("2013-10-07 13:30"), at("2013-10-07 16:00")),
        (half_day, at("2013-11-29 13:00")),
    ]


def test_values_make_bars_without_volume() -> None:
    consolidator = _by_time(2 * MINUTE, feed=Feed.VALUES)
    bars = _collect(consolidator, [_minute(0, 5.0), _minute(1, 3.0), _minute(2, 9.0)], scan=False)
    [only] = bars
    assert isinstance(only, TradeBar)
    assert (only.open, only.high, only.low, only.close, only.volume) == (5.0, 5.0, 3.0, 3.0, 0.0)
    assert only.end_time_ns == OPEN + 2 * MINUTE


def test_the_clock_closes_a_bar_of_values_as_a_minute() -> None:
    consolidator = _by_time(HOUR, feed=Feed.VALUES)
    bars = _collect(consolidator, [bar(at("2013-10-07 10:00"), MINUTE)], scan=False)
    consolidator.scan(at("2013-10-07 11:00"))
    # LEAN sets the length of such a bar only where a later point closes it
    assert [one.end_time_ns for one in bars] == [at("2013-10-07 10:01")]


def test_a_consolidator_behind_another_gets_its_bars() -> None:
    first, second = _by_time(5 * MINUTE), _by_count(2)
    both = SequentialConsolidator(first, second)
    bars = _collect(both, [_minute(number) for number in range(21)])
    assert [(one.time_ns, one.end_time_ns) for one in bars] == [
        (OPEN, OPEN + 10 * MINUTE),
        (OPEN + 10 * MINUTE, OPEN + 20 * MINUTE),
    ]
    assert both.consolidated is bars[-1] and both.working is None
    assert both.due_ns == OPEN + 25 * MINUTE
    both.reset()
    assert both.consolidated is None and first.working is None


def test_a_repeated_bar_is_handed_on_once_and_every_tick() -> None:
    consolidator = IdentityConsolidator()
    point = _minute(0)
    assert _collect(consolidator, [point, point]) == [point]
    ticks = [Tick(SPY, OPEN, 5.0, 1.0), Tick(SPY, OPEN, 6.0, 1.0)]
    assert len(_collect(IdentityConsolidator(), ticks)) == 2
