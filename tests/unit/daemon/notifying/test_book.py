"""The book: what is news, what is the same again, what escalates, and what makes room."""

from __future__ import annotations

import pytest

from livetrader.control.notification_views import NotificationState
from livetrader.notifying import book as book_module
from livetrader.notifying.book import OVERFLOW_KEY, Book
from livetrader.notifying.entries import MOVES, Entry, moved
from livetrader.notifying.routing import Routes
from livetrader.settings import NotifySettings
from livetrader.telemetry.notifications import Notification, Urgency
from livetrader_engine.errors import InvariantError
from livetrader_engine.outgoing import TelegramMessage
from livetrader_engine.symbols import NS_PER_DAY, NS_PER_SECOND

S = NS_PER_SECOND
T0 = 1_750_000_000 * S
SETTINGS = NotifySettings(repeat_s=100.0, escalate_s=50.0, give_up_s=1000.0, keep_days=1.0)
State = NotificationState


def note(title: str, urgency: Urgency = Urgency.WARNING, at: int = T0, **more: object) -> Notification:
    return Notification(at, urgency, title, more.pop("message", ""), **more)  # type: ignore[arg-type]


def new_book(channels: tuple[str, ...] = ("mail", "chat", "pager")) -> Book:
    return Book(SETTINGS, Routes(SETTINGS, channels))


def taken(book: Book, notification: Notification, now_ns: int = T0) -> Entry:
    entry = book.take(notification, now_ns)
    assert entry is not None
    return entry


def test_the_same_again_is_counted_and_told_once_at_the_end_of_its_time() -> None:
    book = new_book()
    first = taken(book, note("feed lost"))
    book.delivered(first.id, "mail", T0 + 1 * S)
    for second in range(2, 12):
        assert taken(book, note("feed lost"), T0 + second * S).id == first.id
    assert book.waiting() == []
    assert book.next_ns() == T0 + 101 * S
    assert book.tick(T0 + 100 * S) == []
    (again,) = book.tick(T0 + 101 * S)
    assert again.times == 11 and again.state is State.WAITING
    told = book.delivered(first.id, "mail", T0 + 102 * S)
    assert told.state is State.SENT and book.tick(T0 + 300 * S) == []


def test_a_key_names_what_it_is_about_whatever_the_words_are() -> None:
    book = new_book()
    first = taken(book, note("away", key="broker", message="away for 5 s"))
    same = taken(book, note("away", key="broker", message="away for 9 s"), T0 + S)
    other = taken(book, note("away", key="feed", message="away for 5 s"))
    assert same.id == first.id and (same.times, same.newest) == (2, "away for 9 s")
    assert other.id != first.id


def test_something_graver_with_the_same_key_is_news() -> None:
    book = new_book()
    first = taken(book, note("away", key="broker"))
    graver = taken(book, note("away", Urgency.ALARM, key="broker"), T0 + S)
    assert graver.id != first.id and len(book.waiting()) == 2


def test_after_its_time_the_same_is_told_anew() -> None:
    book = new_book()
    first = taken(book, note("slow"))
    book.delivered(first.id, "mail", T0)
    assert taken(book, note("slow"), T0 + 101 * S).id != first.id


def test_an_alarm_goes_to_one_channel_more_at_each_step_until_somebody_acknowledges() -> None:
    book = new_book()
    alarm = taken(book, note("not flat", Urgency.ALARM))
    book.delivered(alarm.id, "mail", T0)
    assert book.get(alarm.id).state is State.SENT
    (step,) = book.tick(T0 + 50 * S)
    assert (step.step, step.state, step.reached) == (1, State.WAITING, ())
    book.delivered(alarm.id, "mail", T0 + 51 * S)
    assert book.get(alarm.id).state is State.WAITING, "two channels have to take the second step"
    book.delivered(alarm.id, "chat", T0 + 52 * S)
    assert book.get(alarm.id).state is State.SENT
    (seen,) = book.acknowledge(alarm.id, "ann", T0 + 60 * S)
    assert seen.acknowledged_by == "ann" and not seen.is_open
    assert book.tick(T0 + 100_000 * S) == [] and book.next_ns() is None


def test_an_alarm_that_one_channel_never_takes_escalates_all_the_same() -> None:
    book = new_book(("mail", "chat"))
    alarm = taken(book, note("not flat", Urgency.ALARM))
    book.delivered(alarm.id, "mail", T0)
    book.tick(T0 + 50 * S)
    book.delivered(alarm.id, "mail", T0 + 51 * S)
    (step,) = book.tick(T0 + 101 * S)
    assert step.step == 2


def test_with_all_channels_told_the_pauses_grow_up_to_an_hour() -> None:
    book = new_book(("mail",))
    alarm = taken(book, note("not flat", Urgency.ALARM))
    now, pauses = T0, []
    for _ in range(10):
        book.delivered(alarm.id, "mail", now)
        due = book.get(alarm.id).escalate_ns
        pauses.append((due - now) // S)
        now = due
        book.tick(now)
    assert pauses[:4] == [50, 100, 200, 400] and pauses[-1] == 3600


def test_an_end_resolves_what_it_was_about_and_is_told_to_those_who_heard() -> None:
    book = new_book()
    alarm = taken(book, note("away", Urgency.ALARM, key="broker"))
    book.delivered(alarm.id, "chat", T0)
    over = taken(book, note("back", key="broker", resolved=True), T0 + S)
    assert book.get(alarm.id).state is State.RESOLVED
    assert over.route == ("chat",) and over.pressing and over.resolved and not over.is_alarm
    assert book.delivered(over.id, "chat", T0 + 2 * S).state is State.SENT
    assert taken(book, note("away", Urgency.ALARM, key="broker"), T0 + 3 * S).id not in (alarm.id, over.id)


def test_the_end_of_what_nobody_heard_of_is_told_to_nobody() -> None:
    book = new_book()
    warning = taken(book, note("away", key="broker"))
    assert book.take(note("back", key="broker", resolved=True), T0) is None
    assert book.get(warning.id).state is State.RESOLVED and book.waiting() == []
    assert book.take(note("back", key="unknown", resolved=True), T0) is None


def test_without_channels_a_notification_is_in_the_log_and_an_alarm_stays_open() -> None:
    book = new_book(())
    assert taken(book, note("slow")).state is State.LOGGED
    alarm = taken(book, note("not flat", Urgency.ALARM))
    assert alarm.is_open and book.unacknowledged() == [alarm]
    assert book.acknowledge(None, "ann", T0)[0].state is State.ACKNOWLEDGED


def test_what_is_no_alarm_is_given_up_when_it_is_old_and_an_alarm_never() -> None:
    book = new_book()
    warning, alarm = taken(book, note("slow")), taken(book, note("not flat", Urgency.ALARM))
    changed = book.tick(T0 + 1000 * S)
    assert [entry.id for entry in changed] == [warning.id]
    assert book.get(warning.id).state is State.GIVEN_UP
    assert book.waiting() == [book.get(alarm.id)]


def test_information_makes_room_first_and_alarms_that_do_not_fit_are_counted_in_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(book_module, "WAITING_LIMIT", 4)
    book = new_book()
    lesser = [taken(book, note(f"i{n}", Urgency.INFORMATION)) for n in range(2)]
    alarms = [taken(book, note(f"a{n}", Urgency.ALARM)) for n in range(4)]
    assert [book.get(each.id).state for each in lesser] == [State.GIVEN_UP] * 2
    assert book.take(note("w", Urgency.WARNING), T0) is None
    for number in range(5, 25):
        taken(book, note(f"a{number}", Urgency.ALARM), T0 + S)
    waiting = book.waiting()
    assert [each.id for each in waiting[:4]] == [each.id for each in alarms]
    (overflow,) = waiting[4:]
    assert (overflow.key, overflow.times, overflow.newest) == (OVERFLOW_KEY, 20, "a24: ")


def test_what_is_open_is_bounded_also_when_nobody_ever_acknowledges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(book_module, "OPEN_LIMIT", 10)
    book = new_book()
    for number in range(50):
        entry = taken(book, note(f"a{number}", Urgency.ALARM))
        if entry.state is State.WAITING:
            book.delivered(entry.id, "mail", T0)
    assert len(book.unacknowledged()) == 11
    assert book.unacknowledged()[-1].times == 40


def test_what_is_done_is_forgotten_when_it_is_old_or_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(book_module, "KEPT_LIMIT", 5)
    book = new_book()
    for number in range(8):
        entry = taken(book, note(f"w{number}", at=T0 + number))
        book.delivered(entry.id, "mail", T0)
    alarm = taken(book, note("not flat", Urgency.ALARM))
    book.delivered(alarm.id, "mail", T0)
    book.changes()
    book.tick(T0 + S)
    gone = [number for number, entry in book.changes().items() if entry is None]
    assert gone == [1, 2, 3, 4]
    book.tick(T0 + 2 * NS_PER_DAY)
    assert [entry.id for entry in book.all()] == [alarm.id], "what is open stays"


def test_what_was_left_goes_on_where_it_was() -> None:
    book = new_book()
    first = taken(book, note("slow"))
    book.delivered(first.id, "mail", T0)
    second = taken(book, note("not flat", Urgency.ALARM))
    left = [entry for entry in book.changes().values() if entry is not None]
    later = new_book()
    later.load(left)
    assert [entry.id for entry in later.waiting()] == [second.id]
    assert taken(later, note("slow"), T0 + S).id == first.id
    assert taken(later, note("other"), T0 + S).id == second.id + 1
    assert later.changes().keys() == {first.id, second.id + 1}, "what was loaded is on disk already"


def test_an_algorithms_message_is_tried_again_later_and_then_given_up_with_its_secrets() -> None:
    book = new_book()
    entry = book.take_outgoing(TelegramMessage("42", "hello", "secret"), T0, T0)
    now = T0
    for _ in range(4):
        entry = book.failed(entry.id, "chat", "no", now)
        assert entry.due_ns > now
        now = entry.due_ns
    entry = book.failed(entry.id, "chat", "no", now)
    assert entry.state is State.GIVEN_UP and entry.outgoing is None
    final = book.take_outgoing(TelegramMessage("42", "hello", "secret"), T0, T0)
    assert book.failed(final.id, "chat", "never", T0, final=True).state is State.GIVEN_UP
    sent = book.take_outgoing(TelegramMessage("42", "hello", "secret"), T0, T0)
    assert book.delivered(sent.id, "chat", T0).outgoing is None


def test_a_move_that_there_is_not_is_a_fault_of_ours() -> None:
    assert set(MOVES) == set(State)
    entry = taken(new_book(), note("slow"))
    with pytest.raises(InvariantError):
        moved(moved(entry, State.RESOLVED), State.SENT)


def test_acknowledging_what_is_not_known_is_an_error_and_twice_is_no_news() -> None:
    book = new_book()
    entry = taken(book, note("slow"))
    with pytest.raises(KeyError):
        book.acknowledge(99, "ann", T0)
    assert len(book.acknowledge(entry.id, "ann", T0)) == 1
    assert book.acknowledge(entry.id, "bob", T0) == () and book.acknowledge(None, "bob", T0) == ()
    assert book.waiting() == [], "what somebody has seen need not be sent"


def test_the_daemons_own_word_of_an_end_ends_the_alarm_and_is_told_once_and_as_loudly() -> None:
    book = new_book()
    away = taken(book, note("brokerage still away", Urgency.ALARM, message="5 min"))
    other = taken(book, note("kill switch", Urgency.ALARM))
    book.delivered(away.id, "mail", T0)
    back = taken(book, note("brokerage is back", Urgency.ALARM), T0 + S)
    assert book.get(away.id).state is State.RESOLVED and book.get(other.id).is_open
    assert back.pressing and back.resolved and not back.is_alarm
    told = book.delivered(back.id, "mail", T0 + 2 * S)
    assert told.state is State.SENT and not told.is_open and not told.escalate_ns
    again = taken(book, note("brokerage still away", Urgency.ALARM, message="5 min"), T0 + 3 * S)
    assert again.id != away.id and again.is_alarm
