"""The chain: what is asked of whom, what is kept, and what is said when somebody fails."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from livetrader.histories.filling import Filling
from livetrader.settings import FreshnessSettings
from livetrader.supervisor.connections import waiting_for
from livetrader_engine.data.bars import TradeBar
from livetrader_engine.data.subscription import Normalization, TickType
from livetrader_engine.errors import DataError
from livetrader_engine.spi import PluginError, VenueError
from livetrader_engine.spi_data import DateSpan, DownloadRequest
from livetrader_engine.symbols import Resolution
from livetrader_plugins.lean_data import coverage
from tests.histories.places import ZONE, Bench, Direct, Downloadable

MONDAY, FRIDAY = date(2024, 5, 13), date(2024, 5, 17)
TODAY = date(2024, 6, 3)
DAILY, MINUTE = Resolution.DAILY, Resolution.MINUTE


def days(bars: list[TradeBar]) -> list[date]:
    return sorted({datetime.fromtimestamp(bar.time_ns / 1e9, ZONE).date() for bar in bars})


def test_what_the_folder_lacks_is_downloaded_once_and_read_from_it_ever_after(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Downloadable)
    (place,) = bench.places
    assert isinstance(place, Downloadable)
    first = bench.ask(MINUTE, MONDAY, FRIDAY)
    assert len(first) == 50 and place.asked == []
    assert place.downloaded == [(MINUTE, MONDAY, FRIDAY)]
    again = bench.ask(MINUTE, MONDAY, FRIDAY)
    assert [bar.time_ns for bar in again] == [bar.time_ns for bar in first]
    assert len(place.downloaded) == 1 and len(place.announced) == 1
    longer = bench.ask(MINUTE, MONDAY, date(2024, 5, 21))
    assert len(longer) == 70 and place.downloaded[1:] == [(MINUTE, date(2024, 5, 20), date(2024, 5, 21))]
    assert [(each.provider, each.points) for each in bench.chain.served(bench.spy)] == [
        ("place0", 20), ("place0", 50),
    ]  # fmt: skip


def test_another_chain_over_the_same_folder_asks_nobody(tmp_path: Path) -> None:
    before = Bench(tmp_path, Downloadable).ask(DAILY, MONDAY, FRIDAY)
    gone = Bench(tmp_path, Downloadable)
    gone.places[0].trouble = VenueError("the network is gone")
    assert (
        [bar.close for bar in gone.ask(DAILY, MONDAY, FRIDAY)] == [bar.close for bar in before] == [10.0] * 5
    )
    assert isinstance(gone.places[0], Downloadable)
    assert not gone.places[0].downloaded and not gone.places[0].announced and gone.told == []


def test_nothing_is_asked_before_the_first_point_is_wanted(tmp_path: Path) -> None:
    from livetrader_engine.data.subscription import HistoryRequest, Subscription

    bench = Bench(tmp_path, Downloadable)
    answer = bench.chain.history(HistoryRequest(Subscription(bench.spy, DAILY), 0, 10**18))
    assert isinstance(bench.places[0], Downloadable) and bench.places[0].downloaded == []
    del answer


def test_who_fails_is_passed_over_and_who_brought_it_is_on_record(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Downloadable, Downloadable)
    bench.places[0].trouble = VenueError("503")
    assert [bar.close for bar in bench.ask(DAILY, MONDAY, FRIDAY)] == [11.0] * 5
    assert [each.provider for each in bench.chain.served()] == ["place1"]
    assert bench.told.count("history_download_failed") == 1


@pytest.mark.parametrize("kind", [Downloadable, Direct])
def test_a_history_without_its_key_fails_alone_and_ends_nobody(tmp_path: Path, kind: type[Direct]) -> None:
    trouble = PluginError("it needs an API key: set api_key")
    bench = Bench(tmp_path / "two", kind, Downloadable)
    bench.places[0].trouble = trouble
    assert len(bench.ask(MINUTE, MONDAY, FRIDAY)) == 50
    assert len(bench.ask(MINUTE, TODAY, TODAY)) == 10
    bench.places[1].trouble = trouble
    with pytest.raises(VenueError, match="needs an API key"):
        bench.chain.announced(bench.spy, DateSpan(TODAY, TODAY))
    alone = Bench(tmp_path / "one", kind)
    alone.places[0].trouble = trouble
    for first in (MONDAY, TODAY):
        with pytest.raises(VenueError, match="needs an API key"):
            alone.ask(MINUTE, first, first)


def test_a_part_is_never_taken_for_the_whole(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Downloadable)
    (place,) = bench.places
    assert isinstance(place, Downloadable)
    place.trouble, place.breaks_after = VenueError("cut off"), 3
    with pytest.raises(VenueError, match=r"no daily data from 2024-05-13 to 2024-05-17: place0: cut off"):
        bench.ask(DAILY, MONDAY, FRIDAY)
    assert not list(tmp_path.rglob("*.zip"))
    place.trouble = None
    assert len(bench.ask(DAILY, MONDAY, FRIDAY)) == 5


def test_where_everybody_says_there_is_nothing_the_answer_is_empty_and_that_is_said(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Downloadable)
    bench.places[0].trouble = DataError("not in your plan")
    assert bench.ask(DAILY, MONDAY, FRIDAY) == []
    assert "history_download_failed" in bench.told


def test_what_cannot_be_downloaded_is_asked_in_the_gaps_and_not_kept(tmp_path: Path) -> None:
    folder = Bench(tmp_path, Downloadable)
    folder.ask(DAILY, date(2024, 5, 15), date(2024, 5, 15))
    bench = Bench(tmp_path, Direct)
    bench.places[0].price = 99.0
    closes = [bar.close for bar in bench.ask(DAILY, MONDAY, FRIDAY)]
    assert closes == [99.0, 99.0, 10.0, 99.0, 99.0]
    assert [first for first, _ in bench.places[0].asked] == [MONDAY, date(2024, 5, 16)]
    assert len(bench.ask(DAILY, MONDAY, FRIDAY)) == 5 and len(bench.places[0].asked) == 4


def test_the_word_of_who_is_asked_directly_reaches_the_caller_when_nobody_has_anything(
    tmp_path: Path,
) -> None:
    bench = Bench(tmp_path, Direct)
    bench.places[0].trouble = DataError("no raw prices: ask for adjusted ones")
    with pytest.raises(DataError, match="ask for adjusted ones"):
        bench.ask(DAILY, MONDAY, FRIDAY)
    bench.places[0].trouble = VenueError("no answer")
    with pytest.raises(VenueError, match="no answer"):
        bench.ask(DAILY, MONDAY, FRIDAY)


def test_a_history_before_the_store_is_asked_first_and_the_store_stands_in(tmp_path: Path) -> None:
    Bench(tmp_path, Downloadable).ask(DAILY, MONDAY, FRIDAY)
    bench = Bench(tmp_path, Direct, store_last=True)
    bench.places[0].price = 99.0
    assert {bar.close for bar in bench.ask(DAILY, MONDAY, FRIDAY)} == {99.0}
    bench.places[0].trouble = DataError("nothing of that")
    assert {bar.close for bar in bench.ask(DAILY, MONDAY, FRIDAY)} == {10.0}


def test_the_date_in_progress_is_asked_each_time_and_never_stored(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Downloadable)
    (place,) = bench.places
    assert isinstance(place, Downloadable)
    friday = date(2024, 5, 31)
    bars = bench.ask(MINUTE, friday, TODAY)
    assert len(bars) == 20 and days(bars) == [friday, TODAY]
    assert len(bench.ask(MINUTE, friday, TODAY)) == 20
    assert place.downloaded == [(MINUTE, friday, friday)]
    assert place.asked == [(TODAY, TODAY), (TODAY, TODAY)], "its part, not the whole day"
    assert [path.name for path in tmp_path.rglob("*_trade.zip")] == ["20240531_trade.zip"]
    place.trouble = VenueError("away")
    with pytest.raises(VenueError, match="away"):
        bench.ask(MINUTE, friday, TODAY)


def test_dividends_are_fetched_with_the_prices_that_they_change(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Downloadable)
    (place,) = bench.places
    assert isinstance(place, Downloadable)
    place.news = [bench.dividend(date(2024, 5, 15), "1"), bench.dividend(date(2009, 5, 15), "1")]
    closes = [bar.close for bar in bench.ask(MINUTE, MONDAY, FRIDAY, Normalization.ADJUSTED)]
    assert closes[0] == 9.0 and closes[-1] == 10.0, "a tenth of the close before is paid"
    assert (DAILY, MONDAY, date(2024, 5, 14)) in place.downloaded, "the close that weighs it"
    assert len(place.downloaded) == 2, "nothing for the dividend of 2009"
    names = [
        type(each).__name__ for each in bench.chain.reference.corporate_actions(bench.spy, MONDAY, FRIDAY)
    ]
    assert names == ["Dividend"]


def test_announcements_that_cannot_be_had_now_are_not_taken_for_none(tmp_path: Path) -> None:
    Bench(tmp_path, Direct)
    bench = Bench(tmp_path, Downloadable)
    (place,) = bench.places
    assert isinstance(place, Downloadable)
    place.announcements = _fails  # type: ignore[assignment, method-assign]  # only these fail
    with pytest.raises(VenueError, match="splits and dividends are not known"):
        bench.ask(DAILY, MONDAY, FRIDAY, Normalization.ADJUSTED)


def _fails(symbol: object, dates: object) -> list[object]:
    raise VenueError("503")


def test_announcements_are_asked_anew_when_later_dates_need_them(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Downloadable)
    (place,) = bench.places
    assert isinstance(place, Downloadable)
    bench.ask(DAILY, MONDAY, FRIDAY)
    assert [last for _, last in place.announced] == [TODAY]
    bench.now += timedelta(days=2)
    bench.ask(DAILY, FRIDAY, TODAY)
    assert place.announced[1:] == [], "what is known reaches"
    bench.ask(DAILY, FRIDAY, TODAY + timedelta(days=1))
    ((first, last),) = place.announced[1:]
    assert first == TODAY, "what was announced later in that day is not missed"
    assert last == TODAY + timedelta(days=2)


def test_two_threads_that_want_the_same_download_it_once(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Downloadable)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: len(bench.ask(MINUTE, MONDAY, FRIDAY)), range(8)))
    assert answers == [50] * 8
    assert isinstance(bench.places[0], Downloadable) and len(bench.places[0].downloaded) == 1


def test_kinds_without_a_place_are_asked_for_and_then_the_store_has_its_say(tmp_path: Path) -> None:
    from livetrader_engine.data.subscription import HistoryRequest, Subscription

    bench = Bench(tmp_path, Direct)
    quotes = Subscription(bench.spy, DAILY, TickType.QUOTE)
    request = HistoryRequest(quotes, 1_715_000_000 * 10**9, 1_716_000_000 * 10**9)
    assert len(list(bench.chain.history(request))) > 0, "somebody has them"
    bench.places[0].trouble = DataError("no quotes")
    assert list(bench.chain.history(request)) == [], "as without anybody else"


def test_a_fill_tells_what_is_lacking_still_and_how_far_it_is(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Downloadable)
    told: list[Filling] = []
    wanted = DownloadRequest(bench.spy, MINUTE, TickType.TRADE, DateSpan(date(2024, 3, 1), FRIDAY))
    assert bench.chain.fill(wanted, told.append) == ()
    assert (told[-1].done, told[-1].total, told[-1].provider) == (78, 78, "place0")
    assert [each.done for each in told] == sorted(each.done for each in told)
    bench.places[0].trouble = DataError("not in your plan")
    april = DownloadRequest(bench.spy, MINUTE, TickType.TRADE, DateSpan(date(2024, 2, 1), FRIDAY))
    (lacking,) = bench.chain.fill(april)
    assert lacking.dates == DateSpan(date(2024, 2, 1), date(2024, 2, 29))
    assert "not in your plan" in lacking.reason and not lacking.again


def test_a_folder_that_cannot_be_written_is_said_and_is_no_silence(tmp_path: Path) -> None:
    (tmp_path / ".livetrader").write_text("in the way")
    bench = Bench(tmp_path, Downloadable)
    with pytest.raises(VenueError, match="the data folder cannot be written"):
        bench.ask(MINUTE, MONDAY, FRIDAY)
    (tmp_path / ".livetrader").unlink()
    assert len(bench.ask(MINUTE, MONDAY, FRIDAY)) == 50


def test_a_record_that_somebody_holds_is_said_and_is_no_silence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coverage, "BUSY_S", 0.01)
    bench = Bench(tmp_path, Downloadable)
    assert len(bench.ask(MINUTE, MONDAY, MONDAY)) == 10
    with closing(sqlite3.connect(tmp_path / ".livetrader/coverage.sqlite3", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(VenueError, match="locked"):
            bench.ask(MINUTE, MONDAY, FRIDAY)
        with pytest.raises(VenueError, match="locked"):
            bench.chain.fill(DownloadRequest(bench.spy, MINUTE, TickType.TRADE, DateSpan(MONDAY, FRIDAY)))
    assert len(bench.ask(MINUTE, MONDAY, FRIDAY)) == 50


def test_live_bars_wait_for_no_history_where_only_the_folder_is_asked(tmp_path: Path) -> None:
    rules = FreshnessSettings()
    assert waiting_for(Bench(tmp_path / "a").chain, rules).backfill_wait_ns == 0
    assert waiting_for(Bench(tmp_path / "b", Direct).chain, rules) == rules
