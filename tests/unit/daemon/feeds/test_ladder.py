"""The ladder of freshness: tables for what is promised, and seeded days against its invariants."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livetrader.feeds.ladder import (
    SILENT,
    TRANSITIONS,
    Moment,
    Rung,
    Verdict,
    Watch,
    Wish,
    begin,
    handed_over,
    look,
    missed,
    quiet,
)
from livetrader.settings import FreshnessSettings

SECOND = 1_000_000_000
RULES = FreshnessSettings(silence_most_s=240.0)
START_NS = 1_750_000_000 * SECOND


@dataclass
class Life:
    """A stream, looked at once a second."""

    now_ns: int = START_NS
    rules: FreshnessSettings = RULES
    watch: Watch = field(default_factory=lambda: begin(START_NS, RULES))
    heard_ns: int | None = None
    wishes: list[tuple[float, Wish]] = field(default_factory=list)
    rungs: list[Rung] = field(default_factory=list)

    def second(
        self, *, heard: bool = False, is_open: bool = True, down_ns: int | None = None,
        may: bool = True, alone: bool = True, crowd: bool = False,
    ) -> Wish:  # fmt: skip
        self.now_ns += SECOND
        if heard:
            self.heard_ns = self.now_ns
        moment = Moment(self.now_ns, self.heard_ns, is_open, down_ns, may, alone, crowd)
        return self.take(look(self.watch, moment, self.rules))

    def take(self, verdict: Verdict) -> Wish:
        self.watch, wish = verdict
        if wish:
            self.wishes.append(((self.now_ns - START_NS) / SECOND, wish))
        self.rungs.append(self.watch.rung)
        return wish

    def seconds(self, count: int, **facts: bool) -> None:
        for _ in range(count):
            self.second(**facts)

    @property
    def rung(self) -> Rung:
        return self.watch.rung


def test_a_silent_stream_climbs_every_rung_and_is_marked_in_time() -> None:
    life = Life()
    life.seconds(5, heard=True)
    life.seconds(60)
    assert life.wishes == [
        (20, Wish.SUSPECT | Wish.RENEW | Wish.PROVE),
        (28, Wish.PROVE),
        (36, Wish.RECONNECT),
        (50, Wish.MARK),
    ]
    assert life.rung is Rung.STALE


def test_a_crowd_that_falls_silent_costs_a_connection_at_once() -> None:
    life = Life()
    life.seconds(5, heard=True)
    life.seconds(20, crowd=True)
    assert [wish for _, wish in life.wishes[:2]] == [Wish.SUSPECT | Wish.RENEW | Wish.PROVE, Wish.RECONNECT]
    assert life.wishes[1][0] == 21


def test_history_is_asked_once_more_after_a_new_connection_that_came_early() -> None:
    life = Life()
    life.seconds(5, heard=True)
    life.seconds(40, crowd=True)
    assert [at_s for at_s, wish in life.wishes if Wish.PROVE in wish] == [20, 29]
    assert life.rung is Rung.RECONNECTED
    assert Wish.QUIET in life.take(quiet(life.watch, life.now_ns - SECOND, life.now_ns, RULES))


def test_one_silent_stream_among_others_costs_them_no_connection_unless_history_has_news_of_it() -> None:
    life = Life()
    life.seconds(5, heard=True)
    life.seconds(25, alone=False)
    assert life.rung is Rung.DOUBTED
    life.watch = missed(life.watch)
    assert life.second(alone=False) is Wish.RECONNECT


@pytest.mark.parametrize("silent_s", [16, 24, 44, 46, 300])
def test_news_take_everything_back_from_every_rung(silent_s: int) -> None:
    life = Life()
    life.seconds(5, heard=True)
    life.seconds(silent_s)
    before = life.rung
    wish = life.second(heard=True)
    assert before in SILENT
    assert life.rung is Rung.FRESH
    assert Wish.RECOVERED in wish
    assert (Wish.CLEAR in wish) == (before is Rung.STALE)


def test_a_stream_that_never_brings_a_first_tick_is_marked_as_one_that_fell_silent() -> None:
    life = Life()
    life.seconds(46)
    assert life.rung is Rung.STALE


def test_a_closed_market_raises_nothing_however_silent() -> None:
    life = Life()
    life.seconds(4000, is_open=False)
    assert life.wishes == []
    assert life.rung is Rung.RESTING


def test_what_was_heard_before_the_opening_is_no_sign_of_life_after_it() -> None:
    life = Life()
    life.second(heard=True, is_open=False)
    life.seconds(600, is_open=False)
    life.seconds(14)
    assert life.rung is Rung.WAITING
    life.seconds(2)
    assert life.rung is Rung.DOUBTED


def test_the_close_takes_a_mark_back() -> None:
    life = Life()
    life.seconds(50)
    assert life.second(is_open=False) == Wish.CLEAR | Wish.RECOVERED
    assert life.rung is Rung.RESTING


def test_a_feed_that_is_away_makes_its_streams_stale_after_the_first_limit() -> None:
    life = Life()
    life.seconds(5, heard=True)
    down_ns = life.now_ns
    for _ in range(14):
        life.second(down_ns=down_ns)
    assert life.rung is Rung.DOUBTED
    life.second(down_ns=down_ns)
    assert life.rung is Rung.STALE


def test_a_proven_quiet_stream_doubles_its_limit_and_a_busy_one_wins_it_back() -> None:
    life = Life()
    life.second(heard=True)
    for limit_s in (15, 30, 60, 120, 240, 240):
        assert life.watch.silence_s == limit_s
        life.seconds(limit_s + 1)
        assert life.rung is Rung.DOUBTED
        assert Wish.QUIET in life.take(quiet(life.watch, life.now_ns - SECOND, life.now_ns, RULES))
        assert life.rung is Rung.FRESH
    life.seconds(600, heard=True)
    assert life.watch.silence_s == 15


def test_the_limit_of_a_feed_that_tells_only_bars_counts_their_length() -> None:
    watch = begin(START_NS, RULES, beat_s=60.0)
    assert look(watch, Moment(START_NS + 74 * SECOND, None, True), RULES).watch.rung is Rung.WAITING
    assert look(watch, Moment(START_NS + 75 * SECOND, None, True), RULES).watch.rung is Rung.DOUBTED


@pytest.mark.parametrize("alone", [True, False])
@pytest.mark.parametrize("lag_s", [1, 9, 21])  # of history
@pytest.mark.parametrize("answer_s", [0, 3, 14])  # until history answers
def test_whenever_history_freezes_with_the_feed_the_mark_is_set_within_a_minute(
    answer_s: int, lag_s: int, alone: bool
) -> None:
    for frozen_s in range(1, 200, 9):
        life, asked_s = Life(rules=FreshnessSettings()), list[int]()
        life.second(heard=True)
        proofs = 0
        for now_s in range(2, frozen_s + 61):
            if Wish.PROVE in life.second(alone=alone, may=now_s % 50 == 0):
                asked_s.append(now_s)
            while asked_s and now_s - asked_s[0] >= answer_s:
                known_ns = START_NS + (min(asked_s.pop(0), frozen_s) - lag_s) * SECOND
                proofs += Wish.QUIET in life.take(quiet(life.watch, known_ns, life.now_ns, life.rules))
        assert life.rung is Rung.STALE, f"frozen after {frozen_s} s"
        assert proofs or frozen_s < 60, "it was quiet for long before, and nothing proved it"


def test_a_proof_that_the_mark_would_follow_at_once_does_not_take_the_mark_back() -> None:
    life = Life()
    life.second(heard=True)
    life.seconds(1000)
    assert life.take(quiet(life.watch, life.now_ns - 900 * SECOND, life.now_ns, RULES)) is Wish.NOTHING
    assert life.rung is Rung.STALE
    assert Wish.CLEAR in life.take(quiet(life.watch, life.now_ns - 9 * SECOND, life.now_ns, RULES))


def test_history_is_asked_for_what_came_since_the_last_news_however_often_silence_was_proven() -> None:
    life = Life()
    life.second(heard=True)
    heard_ns = life.now_ns
    for _ in range(3):
        life.seconds(40)
        life.take(quiet(life.watch, life.now_ns - SECOND, life.now_ns, RULES))
    assert life.watch.news_ns == heard_ns
    assert life.watch.base_ns > heard_ns
    life.second(is_open=False)
    life.second()
    assert life.watch.news_ns == life.now_ns, "the opening: what was traded before is no news"


def test_a_proof_that_is_older_than_the_doubt_proves_nothing() -> None:
    life = Life()
    life.seconds(5, heard=True)
    life.seconds(20)
    assert life.take(quiet(life.watch, life.watch.base_ns, life.now_ns, RULES)) is Wish.NOTHING
    assert life.rung is Rung.DOUBTED


def test_a_stale_stream_is_asked_for_again_every_minute() -> None:
    life = Life()
    life.seconds(50, may=False)
    before = len(life.wishes)
    life.seconds(180, may=False)
    assert [wish for _, wish in life.wishes[before:]] == [Wish.RENEW | Wish.PROVE] * 3


def test_another_feed_has_to_be_heard_before_the_mark_goes() -> None:
    life = Life()
    life.seconds(5, heard=True)
    life.seconds(46)
    life.watch = handed_over(life.watch, life.now_ns)
    life.heard_ns = None
    life.seconds(30)
    assert life.rung is Rung.STALE
    life.second(heard=True)
    assert life.rung is Rung.FRESH


STEPS = st.lists(
    st.tuples(
        st.integers(1, 40),  # seconds
        st.sampled_from(("news", "silence", "closed", "down")),
        st.booleans(),  # may reconnect
        st.booleans(),  # alone
        st.sampled_from(("", "quiet", "missed", "handed over")),
    ),
    min_size=1,
    max_size=25,
)


@settings(max_examples=150, deadline=None)
@given(STEPS)
def test_whatever_happens_the_mark_comes_in_time_and_goes_with_the_news(
    steps: list[tuple[int, str, bool, bool, str]],
) -> None:
    life, marked = Life(), False
    for seconds, what, may, alone, proof in steps:
        down_ns = life.now_ns if what == "down" else None
        for _ in range(seconds):
            before = life.watch
            wish = life.second(
                heard=what == "news", is_open=what != "closed", down_ns=down_ns, may=may, alone=alone
            )
            marked = (marked or Wish.MARK in wish) and Wish.CLEAR not in wish
            assert marked == (life.rung is Rung.STALE)
            limit_s = life.watch.silence_s + RULES.stale_s - RULES.silence_s
            silent_s = (life.now_ns - life.watch.base_ns) / SECOND
            if what in ("silence", "down") and silent_s >= limit_s:
                assert marked
            if what == "news" and before.rung is not Rung.RESTING:
                assert life.rung is Rung.FRESH
            if what == "closed":
                assert life.rung is Rung.RESTING
                assert not wish & (Wish.RENEW | Wish.PROVE | Wish.RECONNECT | Wish.MARK | Wish.SUSPECT)
            if life.rung in SILENT and before.rung not in SILENT:
                assert Wish.SUSPECT in wish, "what comes now may lack something, and nobody was told"
            if before.rung in SILENT and life.rung not in SILENT:
                assert wish & (Wish.RECOVERED | Wish.QUIET), "a doubt ended, and nobody looks what is missing"
        if proof == "quiet":
            wish = life.take(quiet(life.watch, life.now_ns, life.now_ns, RULES))
            marked = marked and Wish.CLEAR not in wish
        elif proof == "missed":
            life.watch = missed(life.watch)
        elif proof == "handed over":
            life.watch, life.heard_ns = handed_over(life.watch, life.now_ns), None
        assert marked == (life.rung is Rung.STALE)
    for old, new in pairwise(life.rungs):
        assert new is old or new in TRANSITIONS[old]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 14), min_size=30, max_size=120))
def test_a_stream_that_is_heard_within_its_limit_is_never_doubted(gaps: list[int]) -> None:
    life = Life()
    for gap in gaps:
        life.seconds(gap)
        life.second(heard=True)
    assert set(life.rungs) <= {Rung.WAITING, Rung.FRESH}
    assert life.wishes == []
