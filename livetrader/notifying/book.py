"""All notifications that are not forgotten yet. Decides what a new one is: news, or the same again.

Rule 1: the same again (the same key) is counted and not told, until `repeat_s` after it was told; then what
was counted is told in one message.
Rule 2: what waits is bounded. Information makes room first, then warnings; alarms that do not fit are counted
in one alarm that stands for them all. Nothing goes without being counted.
Rule 3: a message of the algorithm's is nobody's news: it has no route, no key and no second time.

No I/O and no clock: times come in, changes are fetched by whoever writes them down.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from livetrader.control.notification_views import NotificationState
from livetrader.notifying import steps
from livetrader.notifying.entries import KEY_LENGTH, TITLE_LENGTH, Entry, moved
from livetrader.notifying.routing import Routes
from livetrader.notifying.troubles import ended_by
from livetrader.settings import NotifySettings
from livetrader.telemetry.notifications import Notification, Urgency
from livetrader_engine.outgoing import Outgoing, addressee_of, way_of
from livetrader_engine.symbols import NS_PER_DAY

WAITING_LIMIT: Final = 1_000  # entries that wait for a channel: some MB, and more than anybody reads
OPEN_LIMIT: Final = 2_000  # with those that were sent and that nobody has acknowledged
KEPT_LIMIT: Final = 3_000  # entries altogether
OVERFLOW_KEY: Final = "livetrader:more-alarms-than-can-be-told"

_S = NotificationState
_replace = msgspec.structs.replace


class Book:
    """Owns the entries. Belongs to the loop's thread."""

    def __init__(
        self, settings: NotifySettings, routes: Routes, count: Callable[[str], None] = lambda outcome: None
    ) -> None:
        self._settings = settings
        self._routes = routes
        self._count = count
        self._entries: dict[int, Entry] = {}  # oldest first
        self._by_key: dict[str, int] = {}  # the newest of each key
        self._watched: set[int] = set()  # those that time may do something to
        self._changed: set[int] = set()
        self._next_id = 1

    def load(self, entries: Iterable[Entry]) -> None:
        """Take in what an earlier run left."""
        for entry in sorted(entries, key=lambda entry: entry.id):
            self._next_id = max(self._next_id, entry.id + 1)
            self._keep(entry, changed=False)

    def begin_numbers(self, first: int) -> None:
        """Give new entries numbers from here on."""
        self._next_id = max(self._next_id, first)

    # ---- looking

    def get(self, number: int) -> Entry:
        """Return an entry. Raises KeyError."""
        return self._entries[number]

    def knows(self, number: int) -> bool:
        """Return whether an entry has not been forgotten."""
        return number in self._entries

    def all(self) -> tuple[Entry, ...]:
        """Return every entry, oldest first."""
        return tuple(self._entries.values())

    def waiting(self) -> list[Entry]:
        """Return what waits for a channel, oldest first."""
        found = (self._entries[number] for number in sorted(self._watched))
        return [entry for entry in found if entry.state is _S.WAITING]

    def unacknowledged(self) -> list[Entry]:
        """Return the alarms that nobody has seen, oldest first."""
        found = (self._entries[number] for number in sorted(self._watched))
        return [entry for entry in found if entry.is_alarm and entry.is_open]

    def changes(self) -> dict[int, Entry | None]:
        """Return what has changed since the last call, by id; None for what is forgotten."""
        changed, self._changed = self._changed, set()
        return {number: self._entries.get(number) for number in changed}

    # ---- what happens

    def take(self, notification: Notification, now_ns: int) -> Entry | None:
        """Take a notification in; return its entry, or the one it was counted in. None: nobody is told."""
        key = (notification.key or f"{notification.title}\n{notification.message}")[:KEY_LENGTH]
        known = self._entries.get(self._by_key.get(key, 0))
        if notification.resolved:
            return self._over(notification, key, known, now_ns)
        if known is not None and steps.is_the_same(known, notification, now_ns):
            self._count("repeated")
            return self._keep(steps.again(known, notification.message, now_ns))
        entry = self._new(notification, key, now_ns)
        if ended := ended_by(notification.title):
            self._end(ended)
            entry = _replace(entry, resolved=True, pressing=entry.urgency is Urgency.ALARM)
        return self._keep(self._routed(entry)) if self._make_room(entry) else self._overflow(entry, now_ns)

    def take_outgoing(self, message: Outgoing, time_ns: int, now_ns: int) -> Entry:
        """Take in a message of the algorithm's. It goes as it is, or not at all."""
        title = f"{way_of(message)} to {addressee_of(message)}"
        entry = Entry(
            id=self._number(), time_ns=now_ns, urgency=Urgency.INFORMATION, source="algorithm",
            title=title[:TITLE_LENGTH], message="", outgoing=message, newest_ns=time_ns,
        )  # fmt: skip
        if not self._make_room(entry):
            self._count("given_up")
            entry = steps.given_up(entry)
        return self._keep(entry)

    def direct(self, notification: Notification, channel: str, now_ns: int) -> Entry:
        """Take in something for one channel, at once, whatever it says: a test."""
        entry = self._new(notification, "", now_ns)
        return self._keep(_replace(entry, route=(channel,), pressing=True))

    def delivered(self, number: int, channel: str, now_ns: int) -> Entry:
        """Take note that a channel took it."""
        entry = self._entries[number]
        self._count("sent")
        return self._keep(steps.delivered(entry, channel, now_ns, self._routes.of(entry), self._settings))

    def failed(self, number: int, channel: str, problem: str, now_ns: int, *, final: bool = False) -> Entry:
        """Take note that a channel did not take it. `final`: nobody ever will, of an outgoing message."""
        before = self._entries[number]
        self._count("failed")
        entry = steps.failed(before, channel, problem, now_ns, final=final)
        if entry.state is not before.state:
            self._count("given_up")
        return self._keep(entry)

    def acknowledge(self, number: int | None, who: str, now_ns: int) -> tuple[Entry, ...]:
        """Take note that somebody has seen it; None: all that are open. Return those that this is news of.

        Raises KeyError for one that is not known.
        """
        chosen = self.all() if number is None else (self._entries[number],)
        seen = []
        for entry in chosen:
            done = entry.state in (_S.ACKNOWLEDGED, _S.RESOLVED) or entry.outgoing is not None
            if not done and (number is not None or entry.is_open):
                seen.append(self._keep(steps.acknowledged(entry, who, now_ns)))
        return tuple(seen)

    # ---- what time does

    def tick(self, now_ns: int) -> list[Entry]:
        """Send on what nobody saw, tell what was counted, give up what is old; return what changed."""
        news = []
        for number in sorted(self._watched):
            entry = self._entries[number]
            if entry.escalate_ns and now_ns >= entry.escalate_ns:
                self._count("escalated")
                news.append(self._keep(steps.escalated(entry)))
            elif steps.tells_repeats(entry) and now_ns >= entry.counts_until_ns:
                news.append(self._keep(steps.told_again(entry)))
            elif steps.is_late(entry, now_ns, self._settings):
                news.append(self._give_up(entry))
        self._forget(now_ns)
        return news

    def next_ns(self) -> int | None:
        """Return when `tick` will have something to do next, None where nothing waits for time."""
        times = []
        for number in self._watched:
            entry = self._entries[number]
            if entry.escalate_ns:
                times.append(entry.escalate_ns)
            if steps.tells_repeats(entry):
                times.append(entry.counts_until_ns)
            if entry.state is _S.WAITING and not entry.is_alarm:
                times.append(entry.time_ns + steps.to_ns(self._settings.give_up_s))
        return min(times, default=None)

    # ---- inside

    def _number(self) -> int:
        self._next_id += 1
        return self._next_id - 1

    def _new(self, notification: Notification, key: str, now_ns: int) -> Entry:
        return steps.new_entry(self._number(), notification, key, now_ns, self._settings)

    def _keep(self, entry: Entry, *, changed: bool = True) -> Entry:
        self._entries[entry.id] = entry
        if entry.key:
            self._by_key[entry.key] = entry.id
        if entry.is_open or entry.escalate_ns or steps.tells_repeats(entry):
            self._watched.add(entry.id)
        else:
            self._watched.discard(entry.id)
        if changed:
            self._changed.add(entry.id)
        return entry

    def _over(self, notification: Notification, key: str, known: Entry | None, now_ns: int) -> Entry | None:
        """End what was told of a key, and tell those who heard of it that it is over."""
        if known is None or known.state is _S.RESOLVED:
            return None
        self._keep(steps.over(known))
        entry = steps.word_of_the_end(self._new(notification, "", now_ns), known)
        if entry is None or not self._routes.of(entry) or not self._make_room(entry):
            return None
        return self._keep(entry)

    def _end(self, titles: tuple[str, ...]) -> None:
        """End what is open and has such a title."""
        for number in sorted(self._watched):
            entry = self._entries[number]
            if entry.title.startswith(titles) and entry.source == "daemon" and entry.is_open:
                self._keep(steps.over(entry))

    def _routed(self, entry: Entry) -> Entry:
        """Return an entry that waits for its channels, or, without any, is only in the log."""
        if self._routes.of(entry):
            return entry
        self._count("logged")
        return moved(entry, _S.LOGGED)

    def _make_room(self, new: Entry) -> bool:
        """Return whether one more may wait; what matters least and is oldest is given up for it."""
        if len(self._watched) >= OPEN_LIMIT:
            return False
        waiting = self.waiting()
        if len(waiting) < WAITING_LIMIT:
            return True
        least = min(waiting, key=lambda entry: (entry.urgency, entry.id))
        if least.is_alarm or least.urgency > new.urgency:
            return False
        self._give_up(least)
        return True

    def _overflow(self, entry: Entry, now_ns: int) -> Entry | None:
        """Count an alarm that does not fit in the one that stands for all of those."""
        if not entry.is_alarm:
            self._count("given_up")
            return None
        self._count("merged")
        words = f"{entry.title}: {entry.message}"
        known = self._entries.get(self._by_key.get(OVERFLOW_KEY, 0))
        if known is not None and known.state in (_S.WAITING, _S.SENT):
            return self._keep(steps.again(known, words, now_ns))
        made = _replace(
            entry, key=OVERFLOW_KEY, title="more alarms than can be told one by one", message=words,
            next_step="look at the daemon: livetrader status, livetrader notify list, livetrader logs",
        )  # fmt: skip
        return self._keep(self._routed(made))

    def _give_up(self, entry: Entry) -> Entry:
        self._count("given_up")
        return self._keep(steps.given_up(entry))

    def _forget(self, now_ns: int) -> None:
        """Forget what is done and old, or too much."""
        old_ns = now_ns - int(self._settings.keep_days * NS_PER_DAY)
        excess = len(self._entries) - KEPT_LIMIT
        for number, entry in list(self._entries.items()):
            if excess <= 0 and entry.time_ns >= old_ns:
                break  # they are in the order of their coming
            if number in self._watched:
                continue
            del self._entries[number]
            if self._by_key.get(entry.key) == number:
                del self._by_key[entry.key]
            self._changed.add(number)
            excess -= 1
