"""The folder as a store: what is put comes out again, and what is known of it is true after kills."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import zipfile
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random

import msgspec
import pytest

from livetrader_engine.calendar.hours import local_to_utc_ns
from livetrader_engine.data.bars import MarketPoint, Tick, TradeBar
from livetrader_engine.data.subscription import HistoryRequest, Normalization, Subscription, TickType
from livetrader_engine.errors import DataError
from livetrader_engine.spi_data import AnnouncedDividend, AnnouncedSplit, Announcement, DataStore, DateSpan
from livetrader_engine.symbols import NS_PER_HOUR, NS_PER_SECOND, Resolution, SecurityType, Symbol
from livetrader_plugins.lean_data import LeanDataHistory, client, coverage, write_daily
from livetrader_plugins.lean_data.depot import SIDECAR
from tests.unit.plugins.lean_data.stores import NOW, points_of, read, request, store

MONDAY, FRIDAY = date(2024, 5, 13), date(2024, 5, 17)
TRADE, QUOTE = TickType.TRADE, TickType.QUOTE
FINE = (Resolution.TICK, Resolution.SECOND, Resolution.MINUTE)
COARSE = (Resolution.HOUR, Resolution.DAILY)
KINDS = [
    *((SecurityType.EQUITY, "usa", "AAPL", each, kind) for each in FINE for kind in (TRADE, QUOTE)),
    *((SecurityType.EQUITY, "usa", "AAPL", each, TRADE) for each in COARSE),
    *((SecurityType.INDEX, "usa", "SPX", each, TRADE) for each in (*FINE, *COARSE)),
    *((SecurityType.FOREX, "oanda", "EURUSD", each, QUOTE) for each in (*FINE, *COARSE)),
    *((SecurityType.CRYPTO, "coinbase", "BTCUSD", each, TRADE) for each in (*FINE, *COARSE)),
    *((SecurityType.CRYPTO, "coinbase", "BTCUSD", each, QUOTE) for each in (*FINE, *COARSE)),
]  # fmt: skip


def starts(history: LeanDataHistory, symbol: Symbol, resolution: Resolution, random: Random) -> list[int]:
    """Return two days of times at which something of this resolution begins while the market is open."""
    hours = history.reference.hours(symbol)
    zone = hours.data_timezone
    found: list[int] = []
    for day in (MONDAY + timedelta(days=1), MONDAY + timedelta(days=2)):
        if resolution is Resolution.DAILY:
            found.append(local_to_utc_ns(day, 0, zone))
            continue
        for hour in (10, 11, 15):
            base_ns = local_to_utc_ns(day, hour * NS_PER_HOUR, zone)
            if resolution is Resolution.HOUR:
                found.append(base_ns)
            elif resolution is Resolution.TICK:
                found += sorted(base_ns + random.randrange(NS_PER_HOUR) for _ in range(20))
            else:
                found += [base_ns + at * resolution.period_ns for at in sorted(random.sample(range(60), 20))]
    return found


def plain(points: list[MarketPoint]) -> list[list[object]]:
    """Return points as they compare: how a price was stored is not part of it."""
    shown = []
    for point in points:
        values: list[object] = list(msgspec.structs.astuple(point))
        shown.append(values[:-1] if not isinstance(point, Tick) else values)
    return shown


@pytest.mark.parametrize(("kind", "market", "ticker", "resolution", "tick_type"), KINDS)
def test_what_is_stored_is_read_back_to_the_last_digit(
    tmp_path: Path, kind: SecurityType, market: str, ticker: str, resolution: Resolution, tick_type: TickType
) -> None:
    random = Random(f"{kind}{resolution}{tick_type}")
    history = store(tmp_path)
    symbol = history.reference.symbol(ticker, kind, market)
    points = points_of(symbol, (resolution, tick_type), starts(history, symbol, resolution, random), random)
    if kind is SecurityType.FOREX and resolution is Resolution.TICK:
        for point in points:  # LEAN's rows of these have bid and ask and nothing else
            assert isinstance(point, Tick)
            point.bid_size, point.ask_size, point.suspicious = 0.0, 0.0, False
    wanted = request(symbol, resolution, tick_type, MONDAY, FRIDAY)
    assert history.store("there", wanted, iter(points)).points == len(points)
    assert plain(read(history, wanted)) == plain(points)
    assert plain(read(store(tmp_path), wanted)) == plain(points)
    assert history.gaps(wanted) == []


def test_the_plugin_is_a_store(tmp_path: Path) -> None:
    assert isinstance(store(tmp_path), DataStore)


def test_small_numbers_are_written_without_exponent_and_sizes_may_have_parts(tmp_path: Path) -> None:
    history = store(tmp_path)
    symbol = history.reference.symbol("SHIBUSD", SecurityType.CRYPTO, "coinbase")
    start_ns = local_to_utc_ns(MONDAY, NS_PER_HOUR, history.reference.hours(symbol).data_timezone)
    bar = TradeBar(
        symbol, start_ns, start_ns + 60 * NS_PER_SECOND, 2.4e-05, 2.5e-05, 1e-08, 2.45e-05, 123456.789
    )
    wanted = request(symbol, Resolution.MINUTE, TRADE, MONDAY, MONDAY)
    history.store("there", wanted, [bar])
    assert plain(read(history, wanted)) == plain([bar])
    (archive,) = tmp_path.rglob("*_trade.zip")
    assert b"e" not in zipfile.ZipFile(archive).read(f"{MONDAY:%Y%m%d}_shibusd_minute_trade.csv").lower()


def test_entries_have_the_names_that_lean_gives_them(tmp_path: Path) -> None:
    history, random = store(tmp_path), Random(2)
    spy = history.reference.symbol("SPY", SecurityType.EQUITY, "usa")
    for resolution in (Resolution.MINUTE, Resolution.DAILY):
        wanted = request(spy, resolution, TRADE, MONDAY, FRIDAY)
        at_ns = starts(history, spy, resolution, random)
        history.store("x", wanted, points_of(spy, (resolution, TRADE), at_ns, random))
    names = {
        str(path.relative_to(tmp_path)): zipfile.ZipFile(path).namelist() for path in tmp_path.rglob("*.zip")
    }
    assert names["equity/usa/minute/spy/20240514_trade.zip"] == ["20240514_spy_minute_trade.csv"]
    assert names["equity/usa/daily/spy.zip"] == ["spy.csv"]


# ---- what is lacking


def daily(symbol: Symbol, *days: date, close: float = 10.0) -> list[MarketPoint]:
    """Return daily bars from midnight to midnight, New York."""
    from zoneinfo import ZoneInfo

    zone = ZoneInfo("America/New_York")
    found: list[MarketPoint] = []
    for day in days:
        low, high = (local_to_utc_ns(each, 0, zone) for each in (day, day + timedelta(days=1)))
        found.append(TradeBar(symbol, low, high, close, close + 1, close - 1, close, 1000.0))
    return found


def test_gaps_are_sessions_only_and_bridge_weekends(tmp_path: Path) -> None:
    history = store(tmp_path)
    spy = history.reference.symbol("SPY", SecurityType.EQUITY, "usa")
    whole = request(
        spy, Resolution.DAILY, TRADE, date(2024, 5, 4), date(2024, 5, 27)
    )  # a Saturday, a holiday
    assert history.gaps(whole) == [DateSpan(date(2024, 5, 6), date(2024, 5, 24))]
    history.store("a", request(spy, Resolution.DAILY, TRADE, MONDAY, FRIDAY), daily(spy, MONDAY, FRIDAY))
    assert history.gaps(whole) == [
        DateSpan(date(2024, 5, 6), date(2024, 5, 10)), DateSpan(date(2024, 5, 20), date(2024, 5, 24)),
    ]  # fmt: skip


def test_whole_history_files_grow_by_date_and_keep_what_was_there(tmp_path: Path) -> None:
    write_daily(tmp_path, "SPY", [(date(2024, 5, 10), 5.0, 6.0, 4.0, 5.0, 7)])
    history = store(tmp_path)
    spy = history.reference.symbol("SPY", SecurityType.EQUITY, "usa")
    later = request(spy, Resolution.DAILY, TRADE, date(2024, 5, 20), date(2024, 5, 24))
    history.store("a", later, daily(spy, date(2024, 5, 20)))
    history.store("b", request(spy, Resolution.DAILY, TRADE, MONDAY, FRIDAY), daily(spy, FRIDAY))
    whole = request(spy, Resolution.DAILY, TRADE, date(2024, 5, 10), date(2024, 5, 24))
    closes = [point.value for point in read(history, whole)]
    assert closes == [5.0, 10.0, 10.0]
    assert history.gaps(whole) == []
    assert [(each.provider, each.points) for each in history.served(spy)] == [("b", 1), ("a", 1)]
    between = request(spy, Resolution.DAILY, TRADE, date(2024, 5, 1), date(2024, 5, 9))
    assert history.gaps(between) == [between.dates]


def test_an_absence_of_the_last_days_is_not_believed_yet(tmp_path: Path) -> None:
    history = store(tmp_path)
    spy = history.reference.symbol("SPY", SecurityType.EQUITY, "usa")
    wanted = request(spy, Resolution.DAILY, TRADE, date(2024, 5, 28), date(2024, 5, 31))
    history.store("late", wanted, daily(spy, date(2024, 5, 28), date(2024, 5, 29)))
    assert history.gaps(wanted) == [DateSpan(date(2024, 5, 31), date(2024, 5, 31))], "Thursday is old enough"
    a_week_later = store(tmp_path, NOW + timedelta(days=7))
    a_week_later.store(
        "late", request(spy, Resolution.DAILY, TRADE, date(2024, 5, 31), date(2024, 5, 31)), []
    )
    assert a_week_later.gaps(wanted) == []


def test_a_deleted_file_is_lacking_again_and_a_known_absence_is_not(tmp_path: Path) -> None:
    history, random = store(tmp_path), Random(3)
    spy = history.reference.symbol("SPY", SecurityType.EQUITY, "usa")
    wanted = request(spy, Resolution.MINUTE, TRADE, MONDAY, FRIDAY)
    kind = (Resolution.MINUTE, TRADE)
    history.store("a", wanted, points_of(spy, kind, starts(history, spy, Resolution.MINUTE, random), random))
    assert history.gaps(wanted) == []
    (tmp_path / "equity/usa/minute/spy/20240514_trade.zip").unlink()
    assert history.gaps(wanted) == [DateSpan(date(2024, 5, 14), date(2024, 5, 14))]


def test_a_date_in_progress_is_not_stored(tmp_path: Path) -> None:
    history = store(tmp_path)
    spy = history.reference.symbol("SPY", SecurityType.EQUITY, "usa")
    today = NOW.date()
    with pytest.raises(DataError, match="is not over yet"):
        history.store("a", request(spy, Resolution.DAILY, TRADE, today, today), [])


# ---- what cannot be stored


@pytest.mark.parametrize(
    ("ticker", "kind", "market", "resolution", "tick_type"),
    [
        ("SPY", SecurityType.EQUITY, "usa", Resolution.DAILY, QUOTE),
        ("SPY", SecurityType.EQUITY, "usa", Resolution.MINUTE, TickType.OPEN_INTEREST),
        ("EURUSD", SecurityType.FOREX, "oanda", Resolution.MINUTE, TRADE),
        ("SPX", SecurityType.INDEX, "usa", Resolution.MINUTE, QUOTE),
    ],
)  # fmt: skip
def test_what_has_no_place_is_refused(
    tmp_path: Path, ticker: str, kind: SecurityType, market: str, resolution: Resolution, tick_type: TickType
) -> None:
    history = store(tmp_path)
    wanted = request(history.reference.symbol(ticker, kind, market), resolution, tick_type, MONDAY, FRIDAY)
    with pytest.raises(DataError, match="has no place"):
        history.store("a", wanted, [])
    with pytest.raises(DataError, match="has no place"):
        history.gaps(wanted)


@pytest.mark.parametrize("spoil", ["nan", "zero", "negative", "crossed", "volume", "small"])
def test_a_point_that_no_bar_can_be_is_left_out_and_told_and_many_are_refused(
    tmp_path: Path, spoil: str
) -> None:
    told: list[str] = []
    history, random = store(tmp_path, told=told), Random(4)
    spy = history.reference.symbol("SPY", SecurityType.EQUITY, "usa")
    kind = (Resolution.MINUTE, TRADE)
    points = points_of(spy, kind, starts(history, spy, Resolution.MINUTE, random), random)
    wanted = request(spy, *kind, MONDAY, FRIDAY)

    def spoiled(point: MarketPoint) -> None:
        assert isinstance(point, TradeBar)
        match spoil:
            case "nan":
                point.high = float("nan")
            case "zero":
                point.low = 0.0
            case "negative":
                point.open = point.low = -1.0
            case "crossed":
                point.high = point.low - 1
            case "volume":
                point.volume = -1.0
            case _:
                point.low = 0.00001

    spoiled(points[7])
    assert history.store("bad", wanted, points).points == len(points) - 1
    assert told == ["history_points_left_out"]
    before = plain(read(history, wanted))
    for point in points[:20]:
        spoiled(point)
    with pytest.raises(DataError, match="20 of 120 points"):
        history.store("bad", wanted, points)
    assert plain(read(history, wanted)) == before


def test_points_of_another_date_or_out_of_order_change_nothing(tmp_path: Path) -> None:
    history = store(tmp_path)
    spy = history.reference.symbol("SPY", SecurityType.EQUITY, "usa")
    wanted = request(spy, Resolution.DAILY, TRADE, MONDAY, FRIDAY)
    with pytest.raises(DataError, match="was not asked for"):
        history.store("a", wanted, daily(spy, date(2024, 5, 20)))
    with pytest.raises(DataError, match="comes after"):
        history.store("a", wanted, daily(spy, FRIDAY, MONDAY))
    assert not list(tmp_path.rglob("*.zip"))


def test_a_download_that_breaks_off_leaves_nothing_behind(tmp_path: Path) -> None:
    history = store(tmp_path)
    spy = history.reference.symbol("SPY", SecurityType.EQUITY, "usa")
    wanted = request(spy, Resolution.DAILY, TRADE, MONDAY, FRIDAY)

    def broken() -> object:
        yield from daily(spy, MONDAY)
        raise ConnectionError("in the middle")

    with pytest.raises(ConnectionError):
        history.store("a", wanted, broken())  # type: ignore[arg-type]  # a generator of points
    assert history.gaps(wanted) == [wanted.dates] and not list(tmp_path.rglob("*.zip"))


# ---- splits and dividends


def test_factors_follow_from_announcements_and_closes(tmp_path: Path) -> None:
    """Expected: a dividend of 0.5 on a close of 10 is a factor of 0.95; a 4-for-1 split one of 0.25."""
    history = store(tmp_path)
    aapl = history.reference.symbol("AAPL", SecurityType.EQUITY, "usa")
    days = [MONDAY + timedelta(days=at) for at in range(5)]
    history.store("a", request(aapl, Resolution.DAILY, TRADE, MONDAY, FRIDAY), daily(aapl, *days))
    announced: list[Announcement] = [
        AnnouncedDividend(aapl, days[2], Decimal("0.5")), AnnouncedSplit(aapl, days[4], Decimal("0.25")),
    ]  # fmt: skip
    history.store_announcements("a", aapl, DateSpan(date(2000, 1, 1), date(2024, 6, 3)), announced)
    file = (tmp_path / "equity/usa/factor_files/aapl.csv").read_text().splitlines()
    assert file == ["20240513,0.95,0.25,1", "20240514,0.95,0.25,10", "20240516,1,0.25,10", "20501231,1,1,0"]
    assert history.announced_until(aapl) == date(2024, 6, 3)
    stream = Subscription(aapl, Resolution.DAILY, normalization=Normalization.ADJUSTED)
    zone = history.reference.hours(aapl).data_timezone
    span = local_to_utc_ns(MONDAY, 0, zone), local_to_utc_ns(FRIDAY, 86_400 * NS_PER_SECOND, zone)
    closes = [round(point.value, 9) for point in history.history(HistoryRequest(stream, *span))]
    assert closes == [2.375, 2.375, 2.5, 2.5, 10.0]
    names = [type(each).__name__ for each in history.reference.corporate_actions(aapl, MONDAY, FRIDAY)]
    assert names == ["Dividend", "Split", "Split"]


def test_a_dividend_without_a_close_waits_for_it(tmp_path: Path) -> None:
    history = store(tmp_path)
    aapl = history.reference.symbol("AAPL", SecurityType.EQUITY, "usa")
    announced = [AnnouncedDividend(aapl, date(2024, 5, 15), Decimal("0.5"))]
    history.store_announcements("a", aapl, DateSpan(date(2000, 1, 1), date(2024, 6, 3)), announced)
    assert history.unpriced(aapl, MONDAY) == [date(2024, 5, 15)]
    assert history.unpriced(aapl, date(2024, 5, 15)) == [], "data that begin on the ex-date need no factor"
    history.store("a", request(aapl, Resolution.DAILY, TRADE, MONDAY, FRIDAY), daily(aapl, date(2024, 5, 14)))
    assert history.unpriced(aapl, MONDAY) == []
    assert "20240514,0.95,1,10" in (tmp_path / "equity/usa/factor_files/aapl.csv").read_text()


def test_a_factor_file_from_elsewhere_stays_and_what_comes_later_is_multiplied_into_it(
    tmp_path: Path,
) -> None:
    path = tmp_path / "equity/usa/factor_files/aapl.csv"
    path.parent.mkdir(parents=True)
    path.write_text("20200102,0.9,0.5,300\n20230301,0.9,1,100\n20501231,1,1,0\n")
    history = store(tmp_path)
    aapl = history.reference.symbol("AAPL", SecurityType.EQUITY, "usa")
    assert history.announced_until(aapl) == date(2023, 3, 1)
    history.store("a", request(aapl, Resolution.DAILY, TRADE, MONDAY, FRIDAY), daily(aapl, date(2024, 5, 14)))
    announced: list[Announcement] = [
        AnnouncedSplit(aapl, date(2022, 1, 5), Decimal("0.1")),  # before its last row: it knows
        AnnouncedDividend(aapl, date(2024, 5, 15), Decimal("1")),
    ]
    for _ in range(2):  # a second time changes nothing
        history.store_announcements("a", aapl, DateSpan(date(2000, 1, 1), date(2024, 6, 3)), announced)
        assert path.read_text().splitlines() == [
            "20200102,0.81,0.5,300", "20230301,0.81,1,100", "20240514,0.9,1,10", "20501231,1,1,0",
        ]  # fmt: skip


def test_another_process_sees_factors_that_were_written_since(tmp_path: Path) -> None:
    writer, reader = store(tmp_path), store(tmp_path)
    aapl = writer.reference.symbol("AAPL", SecurityType.EQUITY, "usa")
    days = [MONDAY + timedelta(days=at) for at in range(5)]
    writer.store("a", request(aapl, Resolution.DAILY, TRADE, MONDAY, FRIDAY), daily(aapl, *days))
    stream = Subscription(aapl, Resolution.DAILY, normalization=Normalization.ADJUSTED)
    zone = reader.reference.hours(aapl).data_timezone
    span = local_to_utc_ns(MONDAY, 0, zone), local_to_utc_ns(FRIDAY, 86_400 * NS_PER_SECOND, zone)
    assert [point.value for point in reader.history(HistoryRequest(stream, *span))] == [10.0] * 5
    split = AnnouncedSplit(aapl, FRIDAY, Decimal("0.5"))
    writer.store_announcements("a", aapl, DateSpan(date(2000, 1, 1), FRIDAY), [split])
    closes = [point.value for point in reader.history(HistoryRequest(stream, *span))]
    assert closes == [5.0, 5.0, 5.0, 5.0, 10.0]


# ---- kills

WRITER = """
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from livetrader_engine.data.subscription import TickType
from livetrader_engine.symbols import Resolution, SecurityType
from tests.unit.plugins.lean_data.stores import request, store
from tests.unit.plugins.lean_data.test_store import daily, minutes
history = store(Path(sys.argv[1]))
spy = history.reference.symbol("SPY", SecurityType.EQUITY, "usa")
history.gaps(request(spy, Resolution.DAILY, TickType.TRADE, date(2024, 1, 1), date(2024, 1, 5)))
print("ready", flush=True)
first = date(2024, 1, 22)
for week in range(12):
    monday = first + timedelta(days=7 * week)
    friday = monday + timedelta(days=4)
    days = [monday + timedelta(days=at) for at in range(5)]
    history.store("w", request(spy, Resolution.MINUTE, TickType.TRADE, monday, friday), minutes(spy, days))
    history.store("w", request(spy, Resolution.DAILY, TickType.TRADE, monday, friday), daily(spy, *days))
    print(week, flush=True)
"""


STOP_AT_RENAME = """
import os
def stop(self, target):
    os.kill(os.getpid(), 9)
Path.replace = stop
"""


def minutes(symbol: Symbol, days: list[date]) -> list[MarketPoint]:
    """Return ten minutes of each day."""
    from zoneinfo import ZoneInfo

    zone = ZoneInfo("America/New_York")
    random = Random(5)
    at_ns = [
        local_to_utc_ns(day, 10 * NS_PER_HOUR, zone) + 60 * NS_PER_SECOND * at
        for day in days
        for at in range(10)
    ]
    return points_of(symbol, (Resolution.MINUTE, TRADE), at_ns, random)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_a_writer_killed_at_any_instant_leaves_whole_files_and_true_knowledge(
    tmp_path: Path, seed: int
) -> None:
    command = [sys.executable, "-c", WRITER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for _ in range(2 + Random(seed).randrange(12)):
            process.stdout.readline()
        for _ in range(Random(seed).randrange(40_000)):  # some way into what comes next
            pass
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read()
    done = max((int(line) for line in rest.splitlines()), default=-1)
    history = store(tmp_path)
    spy = history.reference.symbol("SPY", SecurityType.EQUITY, "usa")
    first = date(2024, 1, 22)
    for resolution, each in ((Resolution.MINUTE, 10), (Resolution.DAILY, 1)):
        whole = request(spy, resolution, TRADE, first, first + timedelta(days=7 * 12 - 3))
        gaps = history.gaps(whole)
        by_day: dict[date, int] = {}
        for point in read(history, whole):
            day = datetime.fromtimestamp(point.time_ns / 1e9, UTC).date()
            by_day[day] = by_day.get(day, 0) + 1
        assert set(by_day.values()) <= {each}, "a day is there whole or not at all"
        weeks = {(day - first).days // 7 for day in by_day}
        assert weeks == set(range(len(weeks))) and len(weeks) > done
        if gaps:
            assert gaps[0].first > max(by_day), "what is there is known, and nothing else"
    monday = date(2024, 4, 15)  # not reached, or written again
    again = request(spy, Resolution.DAILY, TRADE, monday, monday + timedelta(days=4))
    history.store("after", again, daily(spy, *(monday + timedelta(days=at) for at in range(5))))
    assert not list((tmp_path / SIDECAR / "arriving").iterdir()), "rubbish is swept up"


def test_files_that_a_dead_writer_had_noted_come_into_their_places(tmp_path: Path) -> None:
    """Die between the note and the renames: in a child that stops itself at the first rename."""
    code = WRITER.replace('print("ready"', STOP_AT_RENAME + 'print("ready"')
    finished = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, check=False)
    assert finished.returncode == -signal.SIGKILL, finished.stderr
    assert not list(tmp_path.rglob("*.zip"))
    history = store(tmp_path)
    spy = history.reference.symbol("SPY", SecurityType.EQUITY, "usa")
    first = request(spy, Resolution.MINUTE, TRADE, date(2024, 1, 22), date(2024, 1, 26))
    assert len(read(history, first)) == 50, "reading finishes what was noted"
    assert history.gaps(first) == []


def test_a_folder_that_cannot_be_written_says_so_and_changes_nothing(tmp_path: Path) -> None:
    history = store(tmp_path)
    spy = history.reference.symbol("SPY", SecurityType.EQUITY, "usa")
    (tmp_path / SIDECAR).write_text("in the way")
    wanted = request(spy, Resolution.DAILY, TRADE, MONDAY, FRIDAY)
    with pytest.raises(OSError, match=r"\.livetrader"):
        history.store("a", wanted, daily(spy, MONDAY))
    (tmp_path / SIDECAR).unlink()
    assert history.gaps(wanted) == [wanted.dates] and not list(tmp_path.rglob("*.zip"))


def test_a_damaged_record_says_so_and_reading_goes_on(tmp_path: Path) -> None:
    history = store(tmp_path)
    spy = history.reference.symbol("SPY", SecurityType.EQUITY, "usa")
    wanted = request(spy, Resolution.DAILY, TRADE, MONDAY, FRIDAY)
    history.store("a", wanted, daily(spy, MONDAY))
    (tmp_path / SIDECAR / "coverage.sqlite3").write_bytes(b"not a database" * 100)
    with pytest.raises(DataError, match="remove it: the data files stay"):
        history.gaps(wanted)
    told: list[str] = []
    assert len(read(store(tmp_path, told=told), wanted)) == 1
    assert told == ["coverage_unusable"]


def test_a_record_that_cannot_be_written_now_is_the_disks_trouble_and_nobody_is_told_to_remove_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coverage, "BUSY_S", 0.01)
    history = store(tmp_path)
    spy = history.reference.symbol("SPY", SecurityType.EQUITY, "usa")
    wanted = request(spy, Resolution.DAILY, TRADE, MONDAY, FRIDAY)
    history.store("a", wanted, daily(spy, MONDAY))
    with closing(sqlite3.connect(tmp_path / SIDECAR / "coverage.sqlite3", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(OSError, match="locked") as raised:
            history.store("a", wanted, daily(spy, MONDAY))
    assert "remove" not in str(raised.value)


@pytest.mark.parametrize(
    "ticker", ["../../../../X", "/X", "A/B", "A\\B", "*", "A[1]", "", "..", "A\0B", "A\nB"]
)
def test_no_ticker_and_no_market_leads_out_of_the_folder(tmp_path: Path, ticker: str) -> None:
    history = store(tmp_path / "a" / "data")
    spy = history.reference.symbol("SPY", SecurityType.EQUITY, "usa")
    odd = [
        Symbol.create(spy.id, ticker, SecurityType.EQUITY, "usa"),
        Symbol.create(spy.id, "SPY", SecurityType.EQUITY, ticker),
    ]
    for symbol in odd:
        for resolution in (Resolution.MINUTE, Resolution.DAILY):
            wanted = request(symbol, resolution, TRADE, MONDAY, FRIDAY)
            with pytest.raises(DataError):
                history.store("a", wanted, daily(symbol, MONDAY))
            with pytest.raises(DataError):
                history.gaps(wanted)
        with pytest.raises(DataError, match="is no name of data"):
            history.store_announcements("a", symbol, wanted.dates, [])
    with pytest.raises(DataError, match="is no name of data"):
        history.reference.symbol(ticker, SecurityType.EQUITY, "usa")
    assert not [path for path in tmp_path.rglob("*") if path.suffix in (".zip", ".csv")]


def test_a_folder_without_data_does_not_fill_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "MAX_REPORTED", 2)
    told: list[str] = []
    history = store(tmp_path, told=told)
    for ticker in ("A", "B", "C", "D", "C", "D"):
        symbol = history.reference.symbol(ticker, SecurityType.EQUITY, "usa")
        assert read(history, request(symbol, Resolution.MINUTE, TRADE, MONDAY, FRIDAY)) == []
    assert told == ["data_file_missing"] * 2


@pytest.mark.parametrize(
    "damage",
    [
        "20240514 00:00,1,2",
        "20240514 00:00,1,1,1,x,1",
        "20240514 00:00,1,1,1,NaN,1",
        "date,open,high,low,close",
    ],
)
def test_a_daily_row_that_cannot_be_read_is_named_by_whoever_weighs_dividends(
    tmp_path: Path, damage: str
) -> None:
    history = store(tmp_path)
    spy = history.reference.symbol("SPY", SecurityType.EQUITY, "usa")
    week = DateSpan(MONDAY, FRIDAY)
    history.store(
        "a", request(spy, Resolution.DAILY, TRADE, *week), daily(spy, MONDAY, MONDAY + timedelta(days=1))
    )
    path = tmp_path / "equity/usa/daily/spy.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("spy.csv", damage + "\n")
    told = [AnnouncedDividend(spy, date(2024, 5, 15), Decimal("0.5"))]
    with pytest.raises(DataError, match=r"spy\.zip: row 1 cannot be read"):
        history.store_announcements("a", spy, week, told)
    found = list(history.faults(frozenset(), lambda what, done, of: None))
    assert "equity/usa/daily/spy.zip" in {each.path for each in found}, found
