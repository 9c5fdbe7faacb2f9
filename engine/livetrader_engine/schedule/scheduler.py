"""Scheduled events in a heap: what is due is found without looking at what is not.

The scheduler decides when; the engine decides at which points of a time step to ask, sets its clock to
each event's own instant and calls. Owned by the engine's thread.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import count
from typing import Final
from zoneinfo import ZoneInfo

from livetrader_engine.calendar.hours import utc_ns_to_local
from livetrader_engine.schedule.rules import END_OF_TIME, DateRule, TimeRule

NEVER_NS: Final = 2**63 - 1  # later than every event

_UTC_LEAD: Final = timedelta(days=1)  # enumerate from the day before: every time zone's "today" is in it
_UTC: Final = ZoneInfo("UTC")
_COMPACT_AT: Final = 64  # removed events kept in the heap before it is rebuilt


class ScheduledEvent:
    """One callback with the instants at which it is called. Made by `Scheduler.add`."""

    __slots__ = (
        "_date_rule",
        "_owner",
        "_time_rule",
        "_times",
        "callback",
        "due_ns",
        "name",
        "removed",
        "sequence",
    )

    def __init__(
        self,
        owner: Scheduler,
        name: str,
        rules: tuple[DateRule, TimeRule],
        callback: Callable[[str, int], None],
        sequence: int,
    ) -> None:
        self._owner = owner
        self.name = name
        self._date_rule, self._time_rule = rules
        self.callback = callback
        self.sequence = sequence
        self.removed = False
        self.due_ns = NEVER_NS
        self._times: Iterator[int] = iter(())

    def remove(self) -> None:
        """Never fire again. Removing twice is harmless."""
        if not self.removed:
            self.removed = True
            self._owner._forget()

    def restart(self, after_ns: int) -> None:
        """Enumerate the rules anew; the first instant at or after `after_ns` is the next one."""
        self._times = self._instants(after_ns)
        self.due_ns = next((due for due in self._times if due >= after_ns), NEVER_NS)

    def between(self, first_ns: int, end_ns: int) -> Iterator[int]:
        """Yield the instants of [first, end); of a removed event, and of a rule without dates, none."""
        if self.removed or self._time_rule.once:
            return
        first = utc_ns_to_local(first_ns, _UTC).date() - _UTC_LEAD
        last = utc_ns_to_local(end_ns, _UTC).date() + _UTC_LEAD
        for day in self._date_rule.dates(first, last):
            for due in self._time_rule.times(day):
                if first_ns <= due < end_ns:
                    yield due

    def advance(self) -> None:
        """Move on to the next instant. Instants never go back: a rule that does fires at once."""
        self.due_ns = max(self.due_ns, next(self._times, NEVER_NS))

    def _instants(self, after_ns: int) -> Iterator[int]:
        start = utc_ns_to_local(after_ns, _UTC).date() - _UTC_LEAD
        for day in self._date_rule.dates(start, END_OF_TIME):
            yield from self._time_rule.times(day)
            if self._time_rule.once:
                return


class Scheduler:
    """Holds scheduled events and says which are due, in order of due time, ties by creation."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, ScheduledEvent]] = []
        self._sequence = count()
        self._removed = 0
        self.next_due_ns = NEVER_NS  # UTC ns; an attribute, because it is read in every time step

    def _look(self) -> None:
        """See what is next; call after every change."""
        while self._heap and self._heap[0][2].removed:
            heapq.heappop(self._heap)
            self._removed = max(0, self._removed - 1)
        self.next_due_ns = self._heap[0][0] if self._heap else NEVER_NS

    @property
    def events(self) -> tuple[ScheduledEvent, ...]:
        """The events that have not been removed or used up, in order of creation."""
        alive = (entry[2] for entry in self._heap if not entry[2].removed)
        return tuple(sorted(alive, key=lambda event: event.sequence))

    def add(
        self,
        name: str,
        date_rule: DateRule,
        time_rule: TimeRule,
        callback: Callable[[str, int], None],
        after_ns: int,
    ) -> ScheduledEvent:
        """Schedule `callback(name, due_ns)`; instants before `after_ns` are skipped, it itself counts."""
        event = ScheduledEvent(self, name, (date_rule, time_rule), callback, next(self._sequence))
        event.restart(after_ns)
        # kept even where it never fires from here: a warm-up may begin earlier and restart it
        heapq.heappush(self._heap, (event.due_ns, event.sequence, event))
        self._look()
        return event

    def restart(self, after_ns: int) -> None:
        """Enumerate every event anew from `after_ns`: the start of a warm-up that lies before now."""
        for event in self.events:
            event.restart(after_ns)
        self._rebuild()

    def due(self, now_ns: int, *, inclusive: bool) -> Iterator[tuple[ScheduledEvent, int]]:
        """Yield the events due before `now_ns` (at it too where `inclusive`) with their instants.

        Events added or removed while the caller handles one are heeded. Each is moved on before it is
        yielded, so a callback that raises does not make it fire again.
        """
        limit_ns = now_ns if inclusive else now_ns - 1
        while self.next_due_ns <= limit_ns:
            due_ns, _, event = heapq.heappop(self._heap)
            event.advance()
            self._push(event)
            yield event, due_ns

    def _push(self, event: ScheduledEvent) -> None:
        if event.due_ns != NEVER_NS:
            heapq.heappush(self._heap, (event.due_ns, event.sequence, event))
        self._look()

    def _forget(self) -> None:
        self._removed += 1
        if self._removed > _COMPACT_AT and self._removed * 2 > len(self._heap):
            self._rebuild()
        self._look()

    def _rebuild(self) -> None:
        alive = [entry[2] for entry in self._heap if not entry[2].removed]
        self._heap = []
        self._removed = 0
        for event in alive:
            heapq.heappush(self._heap, (event.due_ns, event.sequence, event))
        self._look()
