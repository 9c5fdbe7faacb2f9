"""What a live warm-up lacks is known, session by session, and stops nothing."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from livetrader.ipc.messages import ShortData
from livetrader.worker.warm_up import ToldHistory
from livetrader_engine.calendar.hours import local_to_utc_ns
from livetrader_engine.data.subscription import Normalization, Subscription
from livetrader_engine.spi import VenueError
from livetrader_engine.symbols import NS_PER_HOUR, NS_PER_MINUTE, NS_PER_SECOND, Resolution
from livetrader_engine.synchronizer import HistoricalFeed
from tests.histories.places import NOW, ZONE, Bench, Direct, Downloadable

MONDAY, FRIDAY = date(2024, 5, 13), date(2024, 5, 17)
NOW_NS = int(NOW.timestamp()) * NS_PER_SECOND  # Monday, 3 June, 11:00 in New York


def warmed(
    bench: Bench, resolution: Resolution, first: date, until_ns: int = NOW_NS
) -> tuple[int, list[ShortData]]:
    """Return how many points a warm-up from a date brought, and what it says of what it lacked."""
    told = ToldHistory(bench.chain, until_ns)
    stream = Subscription(bench.spy, resolution, normalization=Normalization.RAW)
    feed = HistoricalFeed(told, bench.chain.reference, local_to_utc_ns(first, 0, ZONE), until_ns)
    feed.subscribe(stream)
    points = 0
    while (event := feed.next()) is not None:
        points += len(getattr(event, "points", ()))
    return points, list(told.short())


def test_a_whole_past_is_taken_through_the_chain_and_nothing_is_said(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Downloadable)
    points, short = warmed(bench, Resolution.DAILY, MONDAY)
    assert points == 14 and short == [], "fourteen sessions, Memorial Day is none, and today is not over"
    assert warmed(bench, Resolution.MINUTE, date(2024, 5, 31))[1] == [], "today's minutes are asked for, too"


def test_a_past_that_begins_late_or_ends_early_or_has_a_hole_is_told_with_its_sessions(
    tmp_path: Path,
) -> None:
    bench = Bench(tmp_path)
    keeper = Bench(tmp_path, Downloadable)
    keeper.ask(Resolution.DAILY, date(2024, 5, 15), date(2024, 5, 20))
    _, (short,) = warmed(bench, Resolution.DAILY, MONDAY)
    assert (short.sessions, short.missing) == (14, 10)
    assert (short.first_missing, short.last_missing) == ("2024-05-13", "2024-05-31")
    assert short.words.startswith(
        "SPY daily trade: 10 of 14 sessions without data (2024-05-13 to 2024-05-31)"
    )


def test_filled_forward_bars_hide_nothing(tmp_path: Path) -> None:
    keeper = Bench(tmp_path, Downloadable)
    keeper.ask(Resolution.MINUTE, MONDAY, MONDAY)
    points, (short,) = warmed(Bench(tmp_path), Resolution.MINUTE, MONDAY)
    assert points > 1_000, "the engine sees bars without end"
    assert (short.missing, short.first_missing) == (14, "2024-05-14")


def test_a_history_that_does_not_answer_stops_nothing_and_its_words_are_told(tmp_path: Path) -> None:
    Bench(tmp_path, Downloadable).ask(Resolution.DAILY, MONDAY, FRIDAY)
    for kind in (Downloadable, Direct):
        bench = Bench(tmp_path, kind)
        bench.places[0].trouble = VenueError("503 for an hour now")
        points, (short,) = warmed(bench, Resolution.DAILY, MONDAY)
        assert points >= 5 and short.missing == 9 and "503 for an hour now" in short.words


def test_a_session_that_has_just_begun_is_not_missed(tmp_path: Path) -> None:
    keeper = Bench(tmp_path, Downloadable)
    keeper.ask(Resolution.MINUTE, MONDAY, MONDAY)
    opens_ns = local_to_utc_ns(date(2024, 5, 14), 9 * NS_PER_HOUR + 30 * NS_PER_MINUTE, ZONE)
    bench = Bench(tmp_path)
    assert warmed(bench, Resolution.MINUTE, MONDAY, opens_ns + 10 * NS_PER_MINUTE)[1] == []
    (short,) = warmed(bench, Resolution.MINUTE, MONDAY, opens_ns + 45 * NS_PER_MINUTE)[1]
    assert (short.missing, short.first_missing) == (1, "2024-05-14")
