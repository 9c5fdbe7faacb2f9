"""What people hear of the feeds: a table of scenes, and nothing twice."""

from __future__ import annotations

from livetrader.feeds.words import Announcer, Scene
from livetrader.telemetry.notifications import Urgency

SECOND = 1_000_000_000


class Story:
    """An announcer, told a scene a second."""

    def __init__(self) -> None:
        self.announcer = Announcer(("polygon", "ibkr"))
        self.second = 0
        self.told: list[tuple[int, Urgency, str, str]] = []

    def go(self, seconds: int, **facts: object) -> None:
        for _ in range(seconds):
            self.second += 1
            scene = Scene(self.second * SECOND, 500, **facts)  # type: ignore[arg-type]  # a scene's own fields
            for word in self.announcer.look(scene):
                self.told.append((self.second, word.urgency, word.title, word.message))

    def titles(self) -> list[str]:
        return [title for _, _, title, _ in self.told]


MANY = tuple(f"S{number:03}" for number in range(40))


def test_many_symbols_are_one_word_and_their_end_another_as_loud() -> None:
    story = Story()
    story.go(50, stale=MANY, stale_streams=40, why="no data")
    story.go(5, backfilled=7)
    assert [(urgency, title) for _, urgency, title, _ in story.told] == [
        (Urgency.WARNING, "market data stale"),
        (Urgency.WARNING, "market data fresh again"),
    ]
    assert "40 symbols (S000, S001" in story.told[0][3]
    assert "7 bars were taken from history" in story.told[1][3]


def test_what_is_over_in_a_moment_is_not_told() -> None:
    story = Story()
    story.go(2, stale=("SPY",), stale_streams=1)
    story.go(60)
    assert story.told == []


def test_everything_stale_is_an_alarm_also_when_it_began_small() -> None:
    story = Story()
    story.go(10, stale=("SPY",), stale_streams=1)
    story.go(10, stale=MANY, stale_streams=500)
    story.go(2)
    assert [(urgency, title) for _, urgency, title, _ in story.told] == [
        (Urgency.WARNING, "market data stale"),
        (Urgency.ALARM, "market data stale"),
        (Urgency.ALARM, "market data fresh again"),
    ]


def test_a_trouble_that_comes_and_goes_is_told_three_times_and_then_when_it_is_steady() -> None:
    story = Story()
    for _ in range(8):
        story.go(10, stale=("SPY",), stale_streams=1)
        story.go(10)
    story.go(700)
    assert story.titles() == [
        "market data stale",
        "market data fresh again",
        "market data stale",
        "market data fresh again",
        "market data stale, again and again",
        "market data steady again",
    ]


def test_who_serves_instead_is_told_with_its_end() -> None:
    story = Story()
    story.go(30, elsewhere=(("ibkr", ("AAPL", "SPY")),))
    story.go(3)
    assert story.titles() == ["market data from ibkr now", "market data from polygon again"]
    assert story.told[0][3] == "AAPL, SPY: polygon does not bring them"


def test_a_feed_that_is_away_is_told_after_minutes_and_its_return() -> None:
    story = Story()
    story.go(299, away=(("ibkr", 0),))
    assert story.told == []
    story.go(60, away=(("ibkr", 0),))
    story.go(1)
    assert story.titles() == ["feed ibkr is away", "feed ibkr is back"]


def test_missing_bars_of_many_symbols_are_one_word_with_their_number() -> None:
    story = Story()
    story.go(1)
    for ticker in ("SPY", "AAPL", "SPY"):
        story.announcer.lost(ticker, 2, story.second * SECOND)
    story.go(60)
    assert [message.split(":")[0] for _, _, _, message in story.told] == ["6 bars of AAPL, SPY"]
