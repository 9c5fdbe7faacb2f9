"""How loud an absence of the brokerage is: by the venue's calendar, once for each thing, never silent."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livetrader.supervisor.outages import (
    ALARM_AGAIN_S,
    GRACE_S,
    STEADY_S,
    TRANSITIONS,
    Connection,
    ConnectionState,
    Moment,
    Recovered,
    Verdict,
    lost,
    passed,
    regained,
)
from livetrader.telemetry.notifications import Urgency
from livetrader.telemetry.words import Word, span
from livetrader_engine.spi import Maintenance

SECOND = 1_000_000_000
ALARM_S = 300.0
QUIET, WARN, ALARM = Urgency.INFORMATION, Urgency.WARNING, Urgency.ALARM


@dataclass
class Scene:
    """A connection, a clock, and a calendar: windows of (begin, end) in seconds."""

    windows: list[tuple[float, float, Maintenance]] = field(default_factory=list)
    now_s: float = 0.0
    connection: Connection = field(default_factory=Connection)
    heard: list[tuple[float, Word]] = field(default_factory=list)

    def window(self, begin_s: float, end_s: float, notice: str = "", *, ahead_s: float = 0.0) -> None:
        until_ns = int(end_s * SECOND)
        self.windows.append((begin_s, end_s, Maintenance("the nightly reset", until_ns, notice=notice)))
        if ahead_s:
            announced = Maintenance("the login", int(begin_s * SECOND), notice=notice, away=False)
            self.windows.append((begin_s - ahead_s, begin_s, announced))

    def moment(self) -> Moment:
        now = [m for begin_s, end_s, m in self.windows if begin_s <= self.now_s < end_s]
        return Moment(int(self.now_s * SECOND), self.now_s, now[0] if now else None)

    def take(self, verdict: Verdict) -> None:
        self.connection, words = verdict
        self.heard += [(self.now_s, word) for word in words]

    def until(self, now_s: float) -> None:
        """Let time pass as the watch does."""
        while self.now_s < now_s:
            self.now_s = min(now_s, self.now_s + 2.0)
            self.take(passed(self.connection, self.moment(), ALARM_S))

    def lose(self, reason: str = "1100") -> None:
        self.take(lost(self.connection, self.moment(), reason))

    def fail(self, reason: str = "connection refused") -> None:
        self.take(lost(self.connection, self.moment(), reason))

    def regain(self, recovered: Recovered | None = None) -> None:
        self.take(regained(self.connection, self.moment(), recovered or Recovered()))

    @property
    def state(self) -> ConnectionState:
        return self.connection.state

    def told(self) -> list[tuple[float, Urgency, str]]:
        return [(when_s, word.urgency, word.title) for when_s, word in self.heard]


def connected(scene: Scene) -> Scene:
    scene.regain()
    assert scene.heard == [], "the first connection is no news"
    return scene


def test_an_absence_that_no_calendar_explains_is_a_warning_at_once_and_an_alarm_when_it_lasts() -> None:
    scene = connected(Scene())
    scene.until(100)
    scene.lose("1100: connectivity lost")
    assert scene.state is ConnectionState.LOST
    scene.until(160)
    scene.fail("connection refused")
    scene.until(700)
    assert scene.told() == [(100, WARN, "brokerage lost"), (400, ALARM, "brokerage still away")]
    assert scene.state is ConnectionState.OVERDUE
    assert "1100" in scene.heard[0][1].message
    assert "connection refused" in scene.heard[1][1].message
    assert "stops at the brokerage" in scene.heard[1][1].next_step
    scene.regain(Recovered(fills=2, orders=1))
    assert scene.told()[-1] == (700, ALARM, "brokerage is back"), "as loud as the failure"
    assert scene.heard[-1][1].message == "after 10 min; 2 fills recovered, 1 order changed meanwhile"
    assert scene.state is ConnectionState.CONNECTED


def test_a_short_absence_ends_as_loudly_as_it_began_and_no_louder() -> None:
    scene = connected(Scene())
    scene.lose()
    scene.until(30)
    scene.regain(Recovered(adjustments=1, unknown=2))
    assert scene.told() == [(0, WARN, "brokerage lost"), (30, WARN, "brokerage is back")]
    assert "livetrader orders" in scene.heard[-1][1].next_step
    assert "2 orders of unknown outcome" in scene.heard[-1][1].message


def test_the_nightly_reset_is_information_however_long_its_window_is() -> None:
    scene = connected(Scene())
    scene.window(1000, 6400)
    scene.until(1500)
    scene.lose()
    assert scene.state is ConnectionState.RESTING
    scene.until(6000)
    scene.regain()
    assert scene.told() == [(1500, QUIET, "brokerage away, as expected"), (6000, QUIET, "brokerage is back")]


def test_still_away_after_the_window_is_an_alarm() -> None:
    scene = connected(Scene())
    scene.window(1000, 6400)
    scene.until(1500)
    scene.lose()
    scene.until(6400 + GRACE_S - 2)
    assert len(scene.heard) == 1
    scene.until(6400 + GRACE_S)
    assert scene.told()[1:] == [(6400 + GRACE_S, ALARM, "brokerage still away")]
    assert "the nightly reset was over at" in scene.heard[-1][1].message


def test_a_window_that_begins_meanwhile_puts_the_alarm_off_and_its_end_brings_it() -> None:
    scene = connected(Scene())
    scene.window(1000, 6400)
    scene.until(900)
    scene.lose()
    assert scene.state is ConnectionState.LOST
    scene.until(6000)
    assert scene.state is ConnectionState.RESTING
    scene.until(6500)
    assert scene.told() == [(900, WARN, "brokerage lost"), (6460, ALARM, "brokerage still away")]


def test_an_alarm_is_said_again_while_it_lasts_but_rarely() -> None:
    scene = connected(Scene())
    scene.lose()
    scene.until(3 * ALARM_AGAIN_S)
    assert [title for _, _, title in scene.told()].count("brokerage still away") == 3


def test_a_login_is_announced_ahead_and_told_when_it_waits() -> None:
    scene = connected(Scene())
    scene.window(3600, 4500, "confirm the login on the phone", ahead_s=3000)
    scene.until(3604)
    scene.lose("the port is closed: a login may be pending")
    scene.until(4000)
    scene.regain()
    assert scene.told() == [
        (600, WARN, "a login will be needed"),
        (3604, WARN, "brokerage away until a login"),
        (4000, WARN, "brokerage is back"),
    ]
    assert scene.heard[0][1].next_step == scene.heard[1][1].next_step == "confirm the login on the phone"


def test_a_login_that_nobody_confirms_is_an_alarm_that_says_what_to_do() -> None:
    scene = connected(Scene())
    scene.window(3600, 4500, "confirm the login on the phone", ahead_s=3000)
    scene.until(3604)
    scene.lose()
    scene.until(10_000)
    assert scene.told()[2:] == [(4560, ALARM, "brokerage still away")]
    assert scene.heard[-1][1].next_step.startswith("confirm the login on the phone")
    assert "confirm the login on the phone" in scene.connection.words()


def test_a_login_that_becomes_due_during_an_outage_is_told_too() -> None:
    scene = connected(Scene())
    scene.window(3600, 4500, "confirm the login on the phone")
    scene.until(3550)
    scene.lose()
    scene.until(3700)
    assert scene.told() == [(3550, WARN, "brokerage lost"), (3600, WARN, "a login will be needed")]


def test_next_weeks_login_is_announced_again() -> None:
    scene = connected(Scene())
    scene.window(3600, 4500, "confirm the login on the phone", ahead_s=3000)
    scene.window(13_600, 14_500, "confirm the login on the phone", ahead_s=3000)
    scene.until(20_000)
    assert scene.told() == [(600, WARN, "a login will be needed"), (10_600, WARN, "a login will be needed")]


def test_a_connection_that_comes_and_goes_is_one_thing() -> None:
    scene = connected(Scene())
    for step in range(200):
        scene.until(step * 4)
        scene.lose()
        scene.until(step * 4 + 2)
        scene.regain()
    end_s = scene.now_s
    scene.until(end_s + STEADY_S + 10)
    assert [(urgency, title) for _, urgency, title in scene.told()] == [
        (WARN, "brokerage lost"), (WARN, "brokerage is back"),
        (WARN, "brokerage lost"), (WARN, "brokerage is back"),
        (WARN, "brokerage connection unsteady"), (WARN, "brokerage connection steady again"),
    ]  # fmt: skip
    scene.lose()
    assert scene.told()[-1][2] == "brokerage lost", "and then it is judged as before"


def test_an_unsteady_connection_still_alarms_when_it_stays_away() -> None:
    scene = connected(Scene())
    for step in range(3):
        scene.until(step * 4)
        scene.lose()
        scene.until(step * 4 + 2)
        scene.regain()
    scene.lose()
    scene.until(1000)
    assert scene.told()[-1][1:] == (ALARM, "brokerage still away")
    scene.regain()
    assert scene.told()[-1][1:] == (ALARM, "brokerage is back")


def test_a_daemon_that_never_got_through_says_so_as_well() -> None:
    scene = Scene()
    scene.fail("connection refused")
    scene.until(400)
    scene.regain()
    assert [(u, t) for _, u, t in scene.told()] == [
        (WARN, "brokerage lost"), (ALARM, "brokerage still away"), (ALARM, "brokerage is back"),
    ]  # fmt: skip


def test_words_say_since_when_why_and_until_when() -> None:
    scene = connected(Scene())
    assert scene.connection.words() == ""
    scene.window(0, 6400)
    scene.until(1500)
    scene.lose("1100")
    assert scene.connection.words() == (
        "away since Thu 01 Jan 00:25 UTC: 1100; the nightly reset, expected until Thu 01 Jan 01:46 UTC"
    )


def test_every_state_can_be_left_and_only_a_connection_ends_an_alarm() -> None:
    assert set(TRANSITIONS) == set(ConnectionState)
    assert all(targets for targets in TRANSITIONS.values())
    assert TRANSITIONS[ConnectionState.OVERDUE] == {ConnectionState.CONNECTED}


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (119.9, "119 s"), (600, "10 min"), (7199, "119 min"), (9000, "2 h 30 min")],
)
def test_durations_are_for_people(seconds: float, words: str) -> None:
    assert span(seconds) == words


STEPS = st.lists(
    st.tuples(st.sampled_from(["lose", "fail", "regain", "wait"]), st.integers(1, 4000)), max_size=40
)


@settings(max_examples=60, deadline=None)
@given(STEPS, st.lists(st.tuples(st.integers(0, 40_000), st.integers(100, 8000)), max_size=4))
def test_no_absence_is_silent_and_none_floods(
    steps: list[tuple[str, int]], windows: list[tuple[int, int]]
) -> None:
    scene = connected(Scene())
    for begin_s, length_s in windows:
        scene.window(begin_s, begin_s + length_s)
    outages = 0
    for act, seconds in steps:
        away = scene.state is not ConnectionState.CONNECTED
        before = len(scene.heard)
        if act in ("lose", "fail"):
            outages += not away
            scene.lose()
            if not away and scene.connection.unsteady is None:
                assert len(scene.heard) == before + 1
        elif act == "regain" and away:
            loudest = scene.connection.loudest
            scene.regain()
            assert [word.urgency for _, word in scene.heard[before:]] == (
                [] if loudest is None else [loudest]
            )
        scene.until(scene.now_s + seconds)
    alarms = sum(1 for _, word in scene.heard if word.title == "brokerage still away")
    assert len(scene.heard) - alarms <= 2 * outages + outages
    assert alarms <= outages + scene.now_s / ALARM_AGAIN_S
