"""The past of the Polygon peer through the official client and the plugin, against the peer's own books."""

from __future__ import annotations

import dataclasses
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from livetrader_engine.data.bars import QuoteBar, Tick
from livetrader_engine.data.subscription import Normalization, TickType
from livetrader_engine.errors import DataError
from livetrader_engine.spi import VenueError
from livetrader_engine.spi_data import (
    AnnouncedDividend,
    AnnouncedSplit,
    DateSpan,
    Downloader,
    DownloadRequest,
)
from livetrader_engine.symbols import (
    NS_PER_DAY,
    NS_PER_HOUR,
    NS_PER_MINUTE,
    NS_PER_SECOND,
    Resolution,
    SecurityType,
)
from livetrader_plugins.polygon.catalog import Renamed
from livetrader_plugins.polygon.symbols import symbol_of
from livetrader_venues.stockmarket.clocks import midnight_ns, new_york
from livetrader_venues.stockmarket.market import Market
from livetrader_venues.stockmarket.securities import (
    Dividend,
    Renaming,
    Security,
    Split,
    chain,
    index,
    option,
    stocks,
)
from livetrader_venues.stockmarket.tape import Bar
from livetrader_venues.web.faults import Fault, Kind
from tests.polygon.vendor import AAPL, MONDAY, bars, plain, vendor, wish

TUESDAY, FRIDAY = date(2025, 6, 17), date(2025, 6, 20)
TRADES = TickType.TRADE


def day_ns(day: date) -> tuple[int, int]:
    start_ns = midnight_ns(day)
    return start_ns, start_ns + NS_PER_DAY


# ---- bars


@pytest.mark.parametrize("page_rows", [50_000, 100])
@pytest.mark.parametrize("library", ["polygon", "massive"])
def test_minutes_of_whole_days_are_those_of_the_market_in_one_page_or_many(
    tmp_path: Path, page_rows: int, library: str
) -> None:
    with vendor(tmp_path, page_rows=page_rows, library=library) as polygon:
        got = bars(polygon.download(AAPL, Resolution.MINUTE, MONDAY, TUESDAY))
        expected = [bar for day in (MONDAY, TUESDAY) for bar in polygon.market.bars("AAPL", *day_ns(day))]
    assert plain(got) == plain(expected) and len(got) > 700
    assert all(bar.end_time_ns - bar.time_ns == NS_PER_MINUTE and bar.symbol is AAPL for bar in got)
    asked = [path for path in polygon.asked if "aggs" in path]
    assert len(asked) == 1 if page_rows == 50_000 else len(asked) >= len(got) // 100


def test_seconds_are_those_of_the_market(tmp_path: Path) -> None:
    with vendor(tmp_path, stocks(2, trades=8.0)) as polygon:
        got = bars(polygon.ask(AAPL, Resolution.SECOND, "2025-06-16 09:30", "2025-06-16 09:50"))
        span = new_york("2025-06-16 09:30"), new_york("2025-06-16 09:50")
        expected = polygon.market.bars("AAPL", *span, NS_PER_SECOND)
    assert plain(got) == plain(expected) and len(got) > 50


def naive_hours(minutes: list[Bar]) -> list[tuple[int, float, float, float, float, float]]:
    """Return hours of a regular session, made in another way than the plugin does."""
    groups: dict[int, list[Bar]] = {}
    for bar in minutes:
        groups.setdefault(bar.start_ns // NS_PER_HOUR, []).append(bar)
    return [
        (
            hour * NS_PER_HOUR, group[0].open, max(bar.high for bar in group), min(bar.low for bar in group),
            group[-1].close, sum(bar.volume for bar in group),
        )
        for hour, group in groups.items()
    ]  # fmt: skip


def test_hours_are_made_of_the_minutes_of_the_session(tmp_path: Path) -> None:
    with vendor(tmp_path) as polygon:
        got = bars(polygon.download(AAPL, Resolution.HOUR, MONDAY))
        session = polygon.market.bars("AAPL", new_york("2025-06-16 09:30"), new_york("2025-06-16 16:00"))
    assert plain(got) == naive_hours(session) and len(got) == 7
    assert got[0].time_ns == new_york("2025-06-16 09:00")
    assert got[-1].end_time_ns == new_york("2025-06-16 16:00")


def test_days_are_the_venues_from_midnight_to_midnight_or_with_the_session(tmp_path: Path) -> None:
    with vendor(tmp_path, now="2025-07-08 12:00") as polygon:
        got = bars(polygon.download(AAPL, Resolution.DAILY, date(2025, 7, 2), date(2025, 7, 7)))
        expected = polygon.market.daily("AAPL", date(2025, 7, 2), date(2025, 7, 7))
        strict = bars(polygon.ask(AAPL, Resolution.DAILY, "2025-07-02 00:00", "2025-07-08 00:00"))
    assert plain(got) == plain(expected)
    assert [bar.time_ns for bar in got] == [new_york(f"2025-07-0{day}") for day in (2, 3, 7)]
    assert [bar.end_time_ns for bar in got] == [new_york(f"2025-07-0{day}") for day in (3, 4, 8)]
    assert [bar.end_time_ns for bar in strict] == [  # the third is a half day
        new_york(f"2025-07-0{day} {end}") for day, end in ((2, "16:00"), (3, "13:00"), (7, "16:00"))
    ]
    assert [bar.close for bar in strict] == [bar.close for bar in got]


@pytest.mark.parametrize(
    ("friday", "monday", "now"),
    [
        (date(2025, 3, 7), date(2025, 3, 10), "2025-03-12"),
        (date(2025, 10, 31), date(2025, 11, 3), "2025-11-05"),
    ],
    ids=["clocks go forward", "clocks go back"],
)
def test_clocks_that_change_move_no_bar(tmp_path: Path, friday: date, monday: date, now: str) -> None:
    with vendor(tmp_path, now=now) as polygon:
        minutes = polygon.download(AAPL, Resolution.MINUTE, friday, monday)
        days = bars(polygon.download(AAPL, Resolution.DAILY, friday, monday))
        end_ns = midnight_ns(date.fromordinal(monday.toordinal() + 1))
        expected = polygon.market.bars("AAPL", midnight_ns(friday), end_ns)
    assert plain(bars(minutes)) == plain(expected)
    assert [bar.time_ns for bar in days] == [midnight_ns(friday), midnight_ns(monday)]
    assert days[0].end_time_ns == midnight_ns(date.fromordinal(friday.toordinal() + 1))


def test_a_span_has_exactly_the_bars_that_end_in_it(tmp_path: Path) -> None:
    with vendor(tmp_path) as polygon:
        got = bars(polygon.ask(AAPL, Resolution.MINUTE, "2025-06-16 10:00", "2025-06-16 10:30"))
        span = new_york("2025-06-16 10:00"), new_york("2025-06-16 10:30")
        expected = polygon.market.bars("AAPL", *span)
    assert plain(got) == plain(expected) and got
    assert all(span[0] < bar.end_time_ns <= span[1] for bar in got)
    assert len([path for path in polygon.asked if "aggs" in path]) == 1


def test_a_question_of_today_asks_for_no_more_than_its_span(tmp_path: Path) -> None:
    with vendor(tmp_path, now="2025-06-20 12:00:30") as polygon:
        got = polygon.ask(AAPL, Resolution.SECOND, "2025-06-20 11:55", "2025-06-20 12:00:30")
    assert got
    start_ms, end_ms = (new_york(text) // 10**6 for text in ("2025-06-20 11:55", "2025-06-20 12:00:30"))
    assert polygon.asked == [f"/v2/aggs/ticker/AAPL/range/1/second/{start_ms}/{end_ms - 1}"]


def test_extended_hours_are_there_where_they_are_asked_for(tmp_path: Path) -> None:
    with vendor(tmp_path, stocks(2, trades=30.0)) as polygon:
        regular = polygon.ask(AAPL, Resolution.MINUTE, "2025-06-16 00:00", "2025-06-17 00:00")
        extended = polygon.ask(
            AAPL, Resolution.MINUTE, "2025-06-16 00:00", "2025-06-17 00:00", extended_market_hours=True
        )
    session = new_york("2025-06-16 09:30"), new_york("2025-06-16 16:00")
    assert regular and all(session[0] <= point.time_ns < session[1] for point in regular)
    assert len(extended) > len(regular) + 20


# ---- the newest data


def test_a_bar_is_there_when_it_has_been_over_for_some_seconds(tmp_path: Path) -> None:
    with vendor(tmp_path, stocks(2, trades=60.0), now="2025-06-20 12:00:01") as polygon:

        def newest() -> int:
            found = polygon.ask(AAPL, Resolution.MINUTE, "2025-06-20 11:50", "2025-06-20 13:00")
            return found[-1].end_time_ns

        assert newest() == new_york("2025-06-20 11:59")
        polygon.clock.move(1.0)
        assert newest() == new_york("2025-06-20 12:00")
        polygon.clock.move(60.0)
        assert newest() == new_york("2025-06-20 12:01")
        today = polygon.download(AAPL, Resolution.MINUTE, FRIDAY)
        assert today[-1].end_time_ns == new_york("2025-06-20 12:01")
        assert polygon.download(AAPL, Resolution.DAILY, FRIDAY) == []  # it lasts until midnight
        hours = polygon.ask(AAPL, Resolution.HOUR, "2025-06-20 09:00", "2025-06-20 13:00")
        assert hours[-1].end_time_ns == new_york("2025-06-20 12:00")


def test_a_delayed_plan_ends_earlier_and_says_so_once(tmp_path: Path) -> None:
    with vendor(tmp_path, stocks(2, trades=60.0), access={"delay_s": 900.0}) as polygon:
        for _ in range(2):
            got = polygon.ask(AAPL, Resolution.MINUTE, "2025-06-20 11:00", "2025-06-20 12:00")
        assert got[-1].end_time_ns == new_york("2025-06-20 11:45")
        assert len(polygon.reports("polygon_delayed")) == 1


def test_nothing_is_asked_of_the_future(tmp_path: Path) -> None:
    with vendor(tmp_path) as polygon:
        assert polygon.ask(AAPL, Resolution.MINUTE, "2025-06-21 09:30", "2025-06-21 16:00") == []
        assert polygon.download(AAPL, Resolution.MINUTE, date(2025, 6, 21), date(2025, 6, 22)) == []
        assert [path for path in polygon.asked if "aggs" in path] == []


def test_closed_days_are_not_asked_for(tmp_path: Path) -> None:
    with vendor(tmp_path, stocks(2, trades=0.2)) as polygon:
        thursday, saturday = date(2025, 6, 19), date(2025, 6, 21)  # a holiday, and a weekend before today
        polygon.download(AAPL, Resolution.SECOND, date(2025, 6, 13), date(2025, 6, 16))
        assert polygon.download(AAPL, Resolution.TICK, thursday) == []
        polygon.clock.move(3 * 86_400.0)
        assert polygon.download(AAPL, Resolution.MINUTE, saturday, date(2025, 6, 22)) == []
        days = [int(path.split("/")[-2]) // 1_000 for path in polygon.asked if "second" in path]
    assert [date.fromtimestamp(day).day for day in days] == [13, 16]  # noqa: DTZ012 — midnights of New York
    assert len(polygon.asked) == 3  # the tickers, and two days


# ---- ticks


def test_trades_are_those_of_the_tape_without_what_was_undone(tmp_path: Path) -> None:
    market = Market.generated(stocks(2, trades=40.0), seed=11)
    span = new_york("2025-06-16 10:00"), new_york("2025-06-16 10:20")
    first, second = market.trades("AAPL", *span)[10:12]
    told_ns = new_york("2025-06-16 10:30")
    market.bust("AAPL", first.id, first.sip_ns, told_ns)
    market.correct("AAPL", second.id, second.sip_ns, told_ns, price=second.price + 1.0, size=7)
    with vendor(tmp_path, market=market, page_rows=150) as polygon:
        got = polygon.ask(AAPL, Resolution.TICK, "2025-06-16 10:00", "2025-06-16 10:20")
        expected = [trade for trade in market.trades("AAPL", *span) if trade.correction in (0, 1)]
    assert [(tick.time_ns, tick.price, tick.quantity) for tick in got if isinstance(tick, Tick)] == [
        (trade.sip_ns, trade.price, trade.size) for trade in expected
    ]
    assert len(polygon.asked) > 4 and 0 < sum(
        tick.suspicious for tick in got if isinstance(tick, Tick)
    ) < len(got)


def test_quotes_are_those_of_the_tape_and_minutes_are_made_of_them(tmp_path: Path) -> None:
    span = new_york("2025-06-16 10:00"), new_york("2025-06-16 10:30")
    with vendor(tmp_path, stocks(2, quotes=30.0)) as polygon:
        times = ("2025-06-16 10:00", "2025-06-16 10:30")
        ticks = polygon.ask(AAPL, Resolution.TICK, *times, tick_type=TickType.QUOTE)
        made = polygon.ask(AAPL, Resolution.MINUTE, *times, tick_type=TickType.QUOTE)
        tape = polygon.market.quotes("AAPL", *span)
        standing = polygon.market.quotes("AAPL", midnight_ns(MONDAY), span[0])[-1]
    assert [(tick.time_ns, tick.bid_price, tick.ask_size) for tick in ticks if isinstance(tick, Tick)] == [
        (quote.sip_ns, quote.bid, quote.ask_size) for quote in tape
    ]
    for bar in made:
        assert isinstance(bar, QuoteBar)
        within = [quote for quote in tape if bar.time_ns <= quote.sip_ns < bar.end_time_ns]
        assert (bar.bid_open, bar.bid_close) == (standing.bid, within[-1].bid)
        assert (bar.ask_high, bar.ask_low) == (
            max(q.ask for q in [standing, *within]), min(q.ask for q in [standing, *within]),
        )  # fmt: skip
        standing = within[-1]
    assert len(made) == 30


# ---- other securities, other names


def test_indices_have_bars_of_values(tmp_path: Path) -> None:
    spx = symbol_of("I:SPX")
    with vendor(tmp_path, [index("I:SPX", 6_000.0)]) as polygon:
        got = bars(polygon.download(spx, Resolution.MINUTE, MONDAY))
        expected = polygon.market.bars("I:SPX", *day_ns(MONDAY))
        assert plain(got) == plain(expected) and len(got) > 300
        for wrong in ((Resolution.TICK, TRADES), (Resolution.MINUTE, TickType.QUOTE)):
            with pytest.raises(DataError, match="bars of values"):
                polygon.download(spx, wrong[0], MONDAY, tick_type=wrong[1])


def test_contracts_have_bars_and_chains_have_contracts(tmp_path: Path) -> None:
    expiries = (date(2025, 6, 20), date(2025, 7, 18))
    listed = [*stocks(2), *chain("SPY", expiries, [600.0, 605.0])]
    with vendor(tmp_path, listed) as polygon:
        spy = symbol_of("SPY")
        found = polygon.history.chain(spy, MONDAY)
        assert sorted(symbol.value for symbol in found) == sorted(
            f"SPY   {day}{right}00{strike}000"
            for day in ("250620", "250718") for right in "CP" for strike in ("600", "605")
        )  # fmt: skip
        contract = symbol_of("O:SPY250718C00600000")
        assert contract in found and contract.security_type is SecurityType.OPTION
        got = bars(polygon.download(contract, Resolution.MINUTE, MONDAY))
        assert plain(got) == plain(polygon.market.bars("O:SPY250718C00600000", *day_ns(MONDAY))) and got


def test_contracts_that_lean_has_no_name_for_are_left_out_and_counted(tmp_path: Path) -> None:
    listed = [*stocks(2), option("SPY", date(2025, 7, 18), "call", 600.0, style="european")]
    with vendor(tmp_path, listed) as polygon:
        assert polygon.history.chain(symbol_of("SPY"), MONDAY) == []
        assert [fields["count"] for fields in polygon.reports("contracts_left_out")] == [1]


def test_securities_are_found_by_words(tmp_path: Path) -> None:
    with vendor(tmp_path, stocks(6)) as polygon:
        (found,) = polygon.history.find("berkshire")
        assert (found.symbol.value, found.currency, found.active) == ("BRK.B", "USD", True)
        assert len(polygon.history.find("inc", limit=1)) == 1
        assert polygon.history.find("nobody has this name") == []


META = Security(
    "META", name="Meta Platforms", trades=20.0,
    names=(Renaming(date(2012, 5, 18), "FB"), Renaming(date(2025, 6, 18), "META")),
)  # fmt: skip


def test_a_renamed_company_is_asked_for_under_the_ticker_of_the_time(tmp_path: Path) -> None:
    meta = symbol_of("META")
    with vendor(tmp_path, [META]) as polygon:
        assert polygon.history.renames(meta) == (
            Renamed(date(2012, 5, 18), "FB"), Renamed(date(2025, 6, 18), "META"),
        )  # fmt: skip
        list(
            polygon.history.download(
                DownloadRequest(meta, Resolution.DAILY, TRADES, DateSpan(MONDAY, FRIDAY))
            )
        )
        asked = [path for path in polygon.asked if "aggs" in path]
        polygon.download(meta, Resolution.DAILY, MONDAY)
    assert asked == [
        "/v2/aggs/ticker/FB/range/1/day/2025-06-16/2025-06-17",
        "/v2/aggs/ticker/META/range/1/day/2025-06-18/2025-06-20",
    ]
    assert len([path for path in polygon.asked if "events" in path]) == 1  # once in a process


def test_an_unknown_ticker_has_no_data_and_no_renames(tmp_path: Path) -> None:
    nobody = symbol_of("NOBODY")
    with vendor(tmp_path) as polygon:
        assert polygon.history.renames(nobody) == ()
        assert polygon.ask(nobody, Resolution.MINUTE, "2025-06-16 09:30", "2025-06-16 16:00") == []


# ---- corporate actions

SPLIT = Security(
    "SPLT", price=100.0, trades=3.0,
    splits=(Split(date(2025, 6, 18), 1, 4), Split(date(2025, 6, 23), 10, 1)),
    dividends=(Dividend(date(2025, 6, 17), 0.5), Dividend(date(2025, 6, 17), 0.25)),
)  # fmt: skip


def test_splits_and_dividends_are_announced_of_the_dates_asked_for(tmp_path: Path) -> None:
    splt = symbol_of("SPLT")
    with vendor(tmp_path, [SPLIT]) as polygon:
        assert list(polygon.history.announcements(splt, DateSpan(MONDAY, date(2025, 6, 30)))) == [
            AnnouncedDividend(splt, date(2025, 6, 17), Decimal("0.75")),
            AnnouncedSplit(splt, date(2025, 6, 18), Decimal("0.25")),
            AnnouncedSplit(splt, date(2025, 6, 23), Decimal(10)),
        ]
        assert list(polygon.history.announcements(splt, DateSpan(MONDAY, MONDAY))) == []
        assert list(polygon.history.announcements(symbol_of("I:SPX"), DateSpan(MONDAY, FRIDAY))) == []


def test_prices_are_adjusted_for_what_has_happened_and_not_for_what_will(tmp_path: Path) -> None:
    splt = symbol_of("SPLT")
    with vendor(tmp_path, [SPLIT], now="2025-06-20 20:30") as polygon:
        span = ("2025-06-16 00:00", "2025-06-20 20:00")
        raw, split, both = (
            bars(polygon.ask(splt, Resolution.DAILY, *span, normalization=how))
            for how in (Normalization.RAW, Normalization.SPLIT_ADJUSTED, Normalization.ADJUSTED)
        )
        minutes = bars(polygon.ask(splt, Resolution.MINUTE, *span, normalization=Normalization.ADJUSTED))
    dividend = 1 - 0.75 / raw[0].close
    assert [s.close / r.close for s, r in zip(split, raw, strict=True)] == pytest.approx([0.25, 0.25, 1, 1])
    assert [b.close / r.close for b, r in zip(both, raw, strict=True)] == pytest.approx(
        [0.25 * dividend, 0.25, 1, 1]
    )
    assert both[0].volume == round(raw[0].volume / (0.25 * dividend))
    assert max(bar.high for bar in minutes) < 2 * min(bar.low for bar in minutes)  # no cliff is left
    with pytest.raises(DataError, match="total return"):
        polygon.history.history(wish(splt, Resolution.DAILY, *span, normalization=Normalization.TOTAL_RETURN))


# ---- plans, paces, faults


def patience_of(fault: Fault) -> float:
    """Return seconds to wait for an answer: some only where none comes."""
    return 0.4 if fault.kind is Kind.MUTE else 10.0


def test_what_a_plan_lacks_is_an_error_that_says_so(tmp_path: Path) -> None:
    plan = {"history_from": date(2025, 6, 17), "quotes": False, "markets": ("stocks",)}
    with vendor(tmp_path, access=plan) as polygon:
        assert polygon.download(AAPL, Resolution.DAILY, TUESDAY)
        with pytest.raises(DataError, match="plan of this key does not include"):
            polygon.download(AAPL, Resolution.DAILY, MONDAY)
        with pytest.raises(DataError, match="plan of this key does not include"):
            polygon.download(AAPL, Resolution.MINUTE, TUESDAY, tick_type=TickType.QUOTE)
        with pytest.raises(DataError, match="plan of this key does not include"):
            polygon.download(symbol_of("I:SPX"), Resolution.DAILY, TUESDAY)
    with vendor(tmp_path, api_key="wrong") as polygon, pytest.raises(VenueError, match="refuses the key"):
        polygon.download(AAPL, Resolution.DAILY, TUESDAY)


@pytest.mark.parametrize("per_minute", [5, 0], ids=["plan named", "plan found out"])
def test_a_free_plan_gives_all_of_it_at_five_requests_a_minute(tmp_path: Path, per_minute: int) -> None:
    plan = {"requests_per_minute": 5, "retry_after_s": 12.0 if not per_minute else None}
    with vendor(tmp_path, access=plan, page_rows=200, requests_per_minute=per_minute) as polygon:
        before_ns = polygon.clock()
        got = bars(polygon.download(AAPL, Resolution.MINUTE, MONDAY, date(2025, 6, 18)))
        took_s = (polygon.clock() - before_ns) / NS_PER_SECOND
        expected = polygon.market.bars("AAPL", midnight_ns(MONDAY), midnight_ns(date(2025, 6, 19)))
    asked = polygon.history.asked
    assert plain(got) == plain(expected) and asked >= 7
    assert 60.0 <= took_s < 60.0 * (asked // 5 + 1)
    assert polygon.reports("venue_paced")
    if per_minute:
        assert not polygon.reports("venue_asked_again")  # nothing was refused


@pytest.mark.parametrize(
    "fault",
    [
        Fault(Kind.STATUS, on="rest", code=429, retry_after_s=3.0, count=2),
        Fault(Kind.STATUS, on="rest", code=429, count=2),
        Fault(Kind.STATUS, on="rest", code=500, count=2),
        Fault(Kind.STATUS, on="rest", code=503, retry_after_s=2.0, count=2),
        Fault(Kind.GARBAGE, on="rest", count=2),
        Fault(Kind.TRUNCATE, on="rest", count=2),
        Fault(Kind.EMPTY, on="rest", count=2),
        Fault(Kind.CLOSE, on="rest", count=2),
        Fault(Kind.MUTE, on="rest", count=1),
    ],
    ids=lambda fault: f"{fault.kind.value} {fault.code if fault.kind is Kind.STATUS else ''}".strip(),
)
@pytest.mark.parametrize("skip", [0, 2])
def test_what_goes_wrong_for_a_while_costs_nothing_but_time(tmp_path: Path, fault: Fault, skip: int) -> None:
    with vendor(tmp_path, page_rows=200, read_timeout_s=patience_of(fault)) as polygon:
        expected = polygon.market.bars("AAPL", *day_ns(MONDAY))
        polygon.break_with(dataclasses.replace(fault, skip=skip))
        got = bars(polygon.download(AAPL, Resolution.MINUTE, MONDAY))
    assert plain(got) == plain(expected)
    assert len(polygon.reports("venue_asked_again")) >= fault.count


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (
            Fault(Kind.STATUS, on="rest:/v2", code=429, retry_after_s=3_600.0, count=0, skip=1),
            "next try would be",
        ),
        (Fault(Kind.STATUS, on="rest:/v2", code=502, count=0, skip=1), "the venue failed .502."),
        (Fault(Kind.GARBAGE, on="rest:/v2", count=0, skip=1), "no JSON"),
        (Fault(Kind.TRUNCATE, on="rest:/v2", count=0, skip=1), "broke off"),
        (Fault(Kind.EMPTY, on="rest:/v2", count=0, skip=1), "neither rows nor their number"),
        (Fault(Kind.CLOSE, on="rest:/v2", count=0, skip=1), "connection failed"),
        (Fault(Kind.MUTE, on="rest:/v2", count=0, skip=1), "no answer began"),
    ],
    ids=lambda value: value.kind.value if isinstance(value, Fault) else "",
)
def test_what_stays_wrong_in_the_middle_is_an_error_and_never_the_end_of_the_data(
    tmp_path: Path, fault: Fault, words: str
) -> None:
    with vendor(tmp_path, page_rows=200, read_timeout_s=patience_of(fault), attempts=2) as polygon:
        assert polygon.market.bars("AAPL", *day_ns(MONDAY))
        polygon.break_with(fault)
        points = polygon.history.download(
            DownloadRequest(AAPL, Resolution.MINUTE, TRADES, DateSpan(MONDAY, MONDAY))
        )
        count = 0
        with pytest.raises(VenueError, match=words):
            for _ in points:
                count += 1
    assert 0 < count <= 200


def test_a_page_that_is_full_and_has_no_next_one_is_not_taken_for_the_end(tmp_path: Path) -> None:
    times = ("2025-06-16 10:00", "2025-06-16 10:30")
    with vendor(tmp_path) as polygon:
        count = len(polygon.market.trades("AAPL", *map(new_york, times)))
    with (
        vendor(tmp_path, page_rows=count) as polygon,
        pytest.raises(VenueError, match="ask again with another page_rows"),
    ):
        polygon.ask(AAPL, Resolution.TICK, *times)


def test_a_venue_that_lags_is_asked_for_what_it_has(tmp_path: Path) -> None:
    with vendor(tmp_path, stocks(2, trades=60.0)) as polygon:
        polygon.break_with(Fault(Kind.LAG, on="rest", by_s=300.0, count=1))
        times = ("2025-06-20 11:30", "2025-06-20 12:00")
        first = polygon.ask(AAPL, Resolution.MINUTE, *times)
        second = polygon.ask(AAPL, Resolution.MINUTE, *times)
    assert first[-1].end_time_ns <= new_york("2025-06-20 11:55")
    assert second[-1].end_time_ns == new_york("2025-06-20 11:59")


def test_it_is_a_downloader_that_says_what_it_has(tmp_path: Path) -> None:
    with vendor(tmp_path) as polygon:
        assert isinstance(polygon.history, Downloader)
        has = polygon.history.downloads
        assert has.announces and SecurityType.FOREX not in has.security_types
        for tick_type, resolution in (
            (TickType.OPEN_INTEREST, Resolution.DAILY),
            (TickType.QUOTE, Resolution.HOUR),
        ):
            with pytest.raises(DataError):
                polygon.download(AAPL, resolution, MONDAY, tick_type=tick_type)
        euro = polygon.history.reference.symbol("EURUSD", SecurityType.FOREX, "oanda")
        with pytest.raises(DataError, match="EURUSD"):
            polygon.download(euro, Resolution.MINUTE, MONDAY)
        assert polygon.asked == []
