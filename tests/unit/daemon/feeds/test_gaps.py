"""A stream of bars with gaps: whatever comes when, each period is handed on once, in order, or counted."""

from __future__ import annotations

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from livetrader.feeds.gaps import HELD_LIMIT, Bar, BarTrack
from livetrader_engine.calendar.hours import always_open_hours
from livetrader_engine.data.bars import TradeBar
from livetrader_engine.data.subscription import Subscription
from livetrader_engine.symbols import Resolution
from tests.unit.daemon.feeds.scene import MINUTE, SECOND, SPY, START_NS, minutes, true_bar

WAIT_NS = 30 * SECOND
HOURS = always_open_hours()


def track(*, fill_forward: bool = True, fills: bool = True) -> BarTrack:
    return BarTrack(minutes(SPY, fill_forward=fill_forward), HOURS, START_NS, fills=fills)


def bar(number: int) -> TradeBar:
    return true_bar(SPY, START_NS + number * MINUTE)


def at(number: float) -> int:
    return START_NS + round(number * MINUTE)


def starts(bars: tuple[Bar, ...] | list[Bar]) -> list[int]:
    return [(each.time_ns - START_NS) // MINUTE for each in bars]


def test_history_comes_before_the_bars_that_waited_for_it() -> None:
    stream = track()
    assert starts(stream.take(bar(0), at(1), WAIT_NS)) == [0]
    stream.suspect(lost=True)
    stream.flows(at(2.5), WAIT_NS, trusting=True)
    assert stream.take(bar(3), at(4), WAIT_NS) == ()
    filled = stream.fill([bar(1), bar(2)], at(3), at(4.1))
    assert (starts(filled.bars), filled.from_history, filled.missing, filled.over) == ([1, 2, 3], 2, 0, True)
    assert starts(stream.take(bar(4), at(5), WAIT_NS)) == [4]


def test_a_bar_that_may_lack_ticks_is_historys_or_nobodys() -> None:
    for answers in (True, False):
        stream = track()
        stream.take(bar(0), at(1), WAIT_NS)
        stream.suspect()
        stream.flows(at(1.5), WAIT_NS, trusting=False)
        part = msgspec.structs.replace(bar(1), volume=1.0)
        assert stream.take(part, at(2), WAIT_NS) == ()
        assert stream.take(bar(2), at(3), WAIT_NS) == ()
        filled = stream.fill([bar(1)] if answers else [], at(2) if answers else 0, at(4))
        assert part not in filled.bars
        assert starts(filled.bars) == ([1, 2] if answers else [2])
        assert filled.missing == (0 if answers else 1)


def test_quiet_minutes_between_bars_are_copies_where_the_stream_has_such() -> None:
    for fill_forward in (True, False):
        stream = track(fill_forward=fill_forward)
        stream.take(bar(0), at(1), WAIT_NS)
        stream.suspect(lost=True)
        stream.flows(at(3.5), WAIT_NS, trusting=True)
        filled = stream.fill([bar(2)], at(4), at(4.1))
        assert [each.fill_forward for each in filled.bars] == (
            [True, False, True] if fill_forward else [False]
        )


def test_the_newest_bar_of_a_history_that_lags_waits_for_proof_that_it_is_whole() -> None:
    stream = track()
    stream.take(bar(0), at(1), WAIT_NS)
    stream.suspect(lost=True)
    stream.flows(at(2.5), WAIT_NS, trusting=True)
    half = msgspec.structs.replace(bar(2), volume=1.0)
    assert starts(stream.fill([bar(1), half], 0, at(3.05)).bars) == [1]
    assert starts(stream.fill([bar(2), bar(3)], 0, at(4.05)).bars) == [2]


def test_periods_that_are_over_are_asked_for_at_once_and_the_one_that_runs_when_it_has_ended() -> None:
    stream = track()
    stream.take(bar(0), at(1), WAIT_NS)
    stream.suspect(lost=True)
    stream.flows(at(3.25), WAIT_NS, trusting=True)
    assert stream.wants(at(3.25)) == (at(1), at(3.25))
    assert starts(stream.fill([bar(1), bar(2)], at(3.2), at(3.25)).bars) == [1, 2]
    assert stream.wants(at(4)) is None, "nothing more can be there yet"
    assert stream.wants(at(4) + 2 * SECOND) == (at(3), at(4) + 2 * SECOND)
    assert stream.wants(at(4) + 6 * SECOND) is None
    assert stream.wants(at(4) + 7 * SECOND) is not None


def test_what_has_just_ended_is_given_the_time_to_reach_history() -> None:
    stream = track()
    stream.take(bar(0), at(1), WAIT_NS)
    stream.suspect(lost=True)
    stream.flows(at(2) + SECOND // 2, WAIT_NS, trusting=True)
    assert stream.wants(at(2) + SECOND) is None
    assert stream.wants(at(2) + 2 * SECOND) is not None


def test_a_silence_that_lasts_holds_copies_back_in_bounds_and_a_proof_lets_them_go() -> None:
    stream = track()
    stream.take(bar(0), at(1), WAIT_NS)
    stream.suspect()
    copies = [msgspec.structs.replace(bar(number), fill_forward=True) for number in range(1, HELD_LIMIT + 50)]
    for copy in copies:
        assert stream.take(copy, copy.end_time_ns, WAIT_NS) == ()
    assert stream.waiting == HELD_LIMIT
    assert len(stream.quiet(copies[-1].end_time_ns, WAIT_NS)) == HELD_LIMIT


class Play:
    """A stream to which things happen minute by minute, and what it handed on. Mutable state: all of it."""

    def __init__(self, *, fill_forward: bool, fills: bool = True) -> None:
        self.stream = track(fill_forward=fill_forward, fills=fills)
        self.minute = 0
        self.got: list[Bar] = []
        self.missing = 0

    def step(self, what: str, number: int) -> None:
        """Let one thing happen, five seconds into a minute."""
        stream, now_ns = self.stream, at(self.minute) + 5 * SECOND
        match what:
            case "bar":
                self.minute += 1
                self.got += stream.take(bar(self.minute - 1), at(self.minute), WAIT_NS)
            case "twice" if self.minute:
                self.got += stream.take(bar(max(0, self.minute - 1 - number)), now_ns, WAIT_NS)
            case "lose":
                stream.suspect(lost=True)
                self.minute += number
            case "doubt":
                stream.suspect()
                self.minute += number
            case "flow":
                self.got += stream.flows(now_ns, WAIT_NS, trusting=bool(number % 2))
            case "quiet":
                self.got += stream.quiet(now_ns, WAIT_NS)
            case "lacks":
                stream.lacks(at(self.minute + number), now_ns, WAIT_NS)
            case "history":
                self.fill(max(0, self.minute - number), now_ns)

    def end(self) -> None:
        """Let it flow again, and history have everything."""
        self.got += self.stream.flows(at(self.minute) + 6 * SECOND, WAIT_NS, trusting=True)
        self.fill(self.minute + 3, at(self.minute + 4))

    def fill(self, known: int, now_ns: int) -> None:
        """Have history answer with so many minutes."""
        filled = self.stream.fill([bar(each) for each in range(known)], at(known), now_ns)
        self.got += filled.bars
        self.missing += filled.missing


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(("bar", "bar", "bar", "twice", "lose", "doubt", "flow", "quiet", "history", "lacks")),
        st.integers(0, 3),
    ),
    max_size=60,
)


@settings(max_examples=250, deadline=None)
@given(EVENTS, st.booleans(), st.booleans())
def test_whatever_comes_when_each_period_is_handed_on_once_and_in_order(
    events: list[tuple[str, int]], fill_forward: bool, fills: bool
) -> None:
    play = Play(fill_forward=fill_forward, fills=fills)
    for what, number in events:
        play.step(what, number)
        shown = starts(play.got)
        assert shown == sorted(set(shown)), "a period came twice, or out of order"
        for each in play.got:
            assert each.fill_forward or each.volume == bar(0).volume
    play.end()
    gap = play.stream.gap
    assert gap is None or gap.until_ns is not None, "what flows has an end"


LOSSES = st.lists(
    st.tuples(st.sampled_from(("bar", "bar", "lose", "doubt", "flow", "history")), st.integers(0, 3)),
    max_size=60,
)


@settings(max_examples=250, deadline=None)
@given(LOSSES, st.booleans())
def test_what_is_not_handed_on_in_the_end_was_counted(
    events: list[tuple[str, int]], fill_forward: bool
) -> None:
    play = Play(fill_forward=fill_forward)
    for what, number in events:
        play.step(what, number)
    play.end()
    shown = starts(play.got)
    holes = set(range(shown[-1] if shown else 0)) - set(shown)
    assert len(holes) <= play.missing


def test_trading_does_not_wait_for_the_second_in_which_it_began() -> None:
    begun_ns = START_NS + SECOND // 2
    seconds = BarTrack(Subscription(SPY, Resolution.SECOND), HOURS, begun_ns)
    seconds.begins(begun_ns, WAIT_NS)
    first = true_bar(SPY, START_NS + SECOND, SECOND)
    assert seconds.take(first, first.end_time_ns, WAIT_NS) == (first,)
    behind = BarTrack(Subscription(SPY, Resolution.SECOND), HOURS, begun_ns - 3 * SECOND)
    behind.begins(begun_ns, WAIT_NS)  # a warm-up ended three seconds ago: those bars history has
    assert behind.take(first, first.end_time_ns, WAIT_NS) == ()


def test_the_minute_in_which_a_stream_began_is_historys() -> None:
    stream = BarTrack(minutes(SPY), HOURS, at(0.5))
    stream.begins(at(0.5), WAIT_NS)
    assert stream.take(bar(1), at(2), WAIT_NS) == ()
    assert starts(stream.fill([bar(0)], at(1), at(2.1)).bars) == [0, 1]
