"""Routes, rates, quiet hours and words: tables."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from livetrader.notifying.entries import Entry
from livetrader.notifying.rates import Quota, Room, parcel
from livetrader.notifying.routing import choose, escalation_pause_s, expanded, retry_pause_s
from livetrader.notifying.words import message_of
from livetrader.quiet_hours import QuietHours
from livetrader.telemetry.notifications import Urgency
from livetrader_engine.spi_notify import TEXT_LIMIT, TITLE_LIMIT
from livetrader_engine.symbols import NS_PER_HOUR, NS_PER_SECOND

S = NS_PER_SECOND
T0 = 1_750_000_000 * S
ROUTE = ("mail", "chat", "pager")


def entry(number: int = 1, urgency: Urgency = Urgency.WARNING, **more: object) -> Entry:
    return Entry(
        id=number, time_ns=T0, urgency=urgency, source="daemon", title=f"t{number}", message="m", **more
    )  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("route", "expected"),
    [
        (("*",), ("a", "b", "c")),
        (("c", "*"), ("c", "a", "b")),
        (("*", "a"), ("b", "c", "a")),
        (("b",), ("b",)),
        ((), ()),
    ],
)
def test_a_star_stands_for_the_others_in_their_order(
    route: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    assert expanded(route, ("a", "b", "c")) == expected


@pytest.mark.parametrize(
    ("step", "reached", "down", "under_way", "expected"),
    [
        (0, (), (), (), ("mail",)),
        (0, (), ("mail",), (), ("chat",)),  # fail-over
        (0, (), ("mail", "chat", "pager"), (), ()),
        (0, (), (), ("mail",), ()),  # it has it already
        (0, ("chat",), (), (), ()),  # exactly once, also when mail is back
        (1, (), (), (), ("mail", "chat")),
        (1, ("mail",), ("chat",), (), ("pager",)),
        (1, ("mail",), (), ("chat",), ()),
        (9, (), (), (), ("mail", "chat", "pager")),
        (9, ("mail", "chat", "pager"), (), (), ()),
    ],
)
def test_who_is_given_an_alarm(
    step: int,
    reached: tuple[str, ...],
    down: tuple[str, ...],
    under_way: tuple[str, ...],
    expected: tuple[str, ...],
) -> None:
    alarm = entry(urgency=Urgency.ALARM, step=step, reached=reached)
    assert choose(alarm, ROUTE, down, under_way) == expected


def test_what_is_no_alarm_goes_to_one_channel_however_often() -> None:
    assert choose(entry(step=5), ROUTE, (), ()) == ("mail",)
    assert choose(entry(), (), (), ()) == ()


def test_pauses_grow_and_stay_within_their_limits() -> None:
    assert [escalation_pause_s(step, 3, 300.0) for step in (0, 1, 2, 3, 4, 99)] == [
        300,
        300,
        300,
        600,
        1200,
        3600,
    ]
    assert escalation_pause_s(9, 1, 7200.0) == 7200.0, "a longer one that somebody chose stands"
    assert [retry_pause_s(n, 5.0, 300.0, 1.0) for n in (1, 2, 3, 50)] == [5.0, 10.0, 20.0, 300.0]
    assert retry_pause_s(1, 5.0, 300.0, 0.0) == 2.5


def test_a_channel_gets_no_more_than_its_rate_in_any_hour() -> None:
    room, sent, now = Room(40), [], T0
    while now < T0 + 3 * NS_PER_HOUR:
        if parcel([entry(urgency=Urgency.ALARM)], room, now):
            room.take(now)
            sent.append(now)
        now += 10 * S
    for at in sent:
        assert sum(at - NS_PER_HOUR < each <= at for each in sent) <= 40
    assert len(sent) > 70


def test_too_many_become_one_message_with_alarms_first_and_none_left_out() -> None:
    room = Room(8)
    waiting = [entry(n) for n in range(20)] + [entry(99, Urgency.ALARM)]
    together = parcel(waiting, room, T0)
    assert [each.id for each in together] == [99, *range(20)]
    assert [each.id for each in parcel(waiting[:3], room, T0)] == [0], "few enough go one by one"


def test_a_part_of_the_room_is_kept_for_alarms() -> None:
    room = Room(8)  # four at once, one of them for alarms
    for _ in range(3):
        room.take(T0)
    assert parcel([entry()], room, T0) == ()
    assert parcel([entry(), entry(2, Urgency.ALARM)], room, T0) != ()
    room.take(T0)
    assert parcel([entry(2, Urgency.ALARM)], room, T0) == ()
    due = room.next_ns(T0, alarm=True)
    assert T0 < due <= T0 + NS_PER_HOUR // 4 + S
    assert parcel([entry(2, Urgency.ALARM)], room, due)


def test_a_clock_that_is_set_back_keeps_no_alarm_waiting_for_the_time_that_it_showed() -> None:
    room = Room(8)
    for _ in range(4):
        room.take(T0)
    yesterday = T0 - 24 * NS_PER_HOUR
    assert parcel([entry(2, Urgency.ALARM)], room, yesterday) == (), "there is no new room"
    assert parcel([entry(2, Urgency.ALARM)], room, yesterday + NS_PER_HOUR // 4 + S)


def test_a_restart_gives_no_new_room() -> None:
    room = Room(8)
    room.replay([T0 - S * n for n in range(4)], T0)
    assert room.at(T0) < 0.1
    fresh = Room(8)
    fresh.replay([T0 - 3 * NS_PER_HOUR], T0)
    assert fresh.at(T0) == 4


def test_an_algorithm_has_a_quota_of_each_way() -> None:
    quota = Quota(2)
    quota.replay("email", T0 - 30 * S)
    assert quota.admits("email", T0) and not quota.admits("email", T0 + S)
    assert quota.admits("sms", T0), "another way has its own"
    assert quota.admits("email", T0 + NS_PER_HOUR)


def at(clock: str) -> int:
    return int(datetime.fromisoformat(f"2025-06-10T{clock}:00+00:00").timestamp()) * S


@pytest.mark.parametrize(
    ("hours", "zone", "now", "until"),
    [
        ("22:00-07:00", "UTC", "21:59", None),
        ("22:00-07:00", "UTC", "22:00", "2025-06-11T07:00"),
        ("22:00-07:00", "UTC", "06:59", "2025-06-10T07:00"),
        ("22:00-07:00", "UTC", "07:00", None),
        ("12:00-13:00", "UTC", "12:30", "2025-06-10T13:00"),
        ("22:00-07:00", "America/New_York", "03:00", "2025-06-10T11:00"),  # 23:00 there
        ("22:00-07:00", "America/New_York", "01:59", None),
    ],
)
def test_quiet_hours_end_when_they_say(hours: str, zone: str, now: str, until: str | None) -> None:
    quiet = QuietHours.parse(hours, zone)
    assert quiet is not None
    expected = 0 if until is None else int(datetime.fromisoformat(until).replace(tzinfo=UTC).timestamp()) * S
    assert quiet.until_ns(at(now)) == expected


@pytest.mark.parametrize(
    ("hours", "zone"), [("22-7", "UTC"), ("24:00-07:00", "UTC"), ("07:00-07:00", "UTC"), ("", "Mars")]
)
def test_quiet_hours_that_are_none_are_refused_with_what_to_write(hours: str, zone: str) -> None:
    with pytest.raises(ValueError, match=r"write for example|leave them empty"):
        QuietHours.parse(hours, zone)


def test_a_message_says_account_urgency_what_to_do_and_how_to_acknowledge() -> None:
    alarm = entry(
        12, Urgency.ALARM, next_step="call the desk", url="https://example.com/r#a", times=3, newest="later"
    )
    made = message_of([alarm], "fund-1")
    assert made.title == "[fund-1] ALARM: t12" and made.urgency == "alarm"
    for words in (
        "m",
        "What to do: call the desk",
        "https://example.com/r#a",
        "3 times",
        "later",
        "notify ack 12",
    ):
        assert words in made.text
    assert "(not acknowledged)" in message_of([entry(1, Urgency.ALARM, step=1)], "fund-1").title
    assert message_of([entry(1, resolved=True)], "fund-1").title == "[fund-1] t1"


def test_a_digest_names_each_within_the_limits_of_a_message() -> None:
    many = [entry(0, Urgency.ALARM, next_step="look"), *(entry(n) for n in range(1, 150))]
    made = message_of(many, "paper")
    assert "150 notifications: 1 alarms, 149 warnings" in made.title and made.urgency == "alarm"
    assert "0 ALARM: t0" in made.text and "and 110 more" in made.text
    assert len(made.title) <= TITLE_LIMIT and len(made.text) <= TEXT_LIMIT
