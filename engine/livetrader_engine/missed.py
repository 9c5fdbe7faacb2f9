"""What becomes of scheduled trainings whose time came while nobody was there to start them.

LEAN forgets them (ScheduledEvent.SkipEventsUntil), and one that is redeployed with a warm-up trains again for
every past occurrence in it. Here an occurrence is an instant of a schedule that is started once at most:
what was started is journaled and told to the next engine process, and a policy decides about the rest.

Pure: instants in, a plan out. Times are engine time, UTC nanoseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Final

import msgspec

from livetrader_engine.symbols import NS_PER_DAY

MAX_LATE: Final = 16  # occurrences of one schedule that are run late; older ones are as good as none
LOOK_BACK_DAYS: Final = (2, 9, 65, 520)  # looked through one after the other until MAX_LATE are found
BACK_LIMIT_NS: Final = NS_PER_DAY  # a schedule that was settled so far ahead of now belongs to another time


class MissedPolicy(StrEnum):
    """What to do about occurrences that were missed."""

    LATE = "late"  # run each, oldest first; of very many the newest MAX_LATE
    SKIP = "skip"  # run none; the next one comes by itself
    COALESCE = "coalesce"  # run the newest for all of them


class MissedTrainings(msgspec.Struct, frozen=True):
    """What an engine process is told at its start: the policy, and up to when each schedule is settled."""

    policy: MissedPolicy
    settled_ns: dict[str, int] = {}


class Missed(msgspec.Struct, frozen=True):
    """Occurrences of one schedule, ascending; at most MAX_LATE of them, and how many there were.

    `complete` is false where there may have been more than were looked for.
    """

    due_ns: tuple[int, ...] = ()
    count: int = 0
    complete: bool = True


class Plan(msgspec.Struct, frozen=True):
    """Which occurrences to run now. Everything up to `settled_ns` is done with, run or not."""

    runs: tuple[int, ...]
    settled_ns: int


class ScheduleJudged(msgspec.Struct, frozen=True, tag="schedule_judged"):
    """What was decided about one schedule when the engine began. `first`: it was not known before."""

    schedule: str
    policy: MissedPolicy
    first: bool
    missed: Missed
    plan: Plan


def plan(policy: MissedPolicy, missed: Missed, until_ns: int, *, first: bool) -> Plan:
    """Decide about what was missed before `until_ns`, which itself is not past.

    A schedule that nobody knew before (`first`) has missed nothing; what lies in its warm-up would have been
    trained there, by LEAN one after the other, and one run on what is known now does the same.
    """
    due = missed.due_ns
    if policy is MissedPolicy.SKIP or not due:
        return Plan((), until_ns - 1)
    runs = due if policy is MissedPolicy.LATE and not first else due[-1:]
    return Plan(runs, runs[0] - 1)


def usable(settled_ns: int | None, now_ns: int) -> int | None:
    """Return up to when a schedule is settled, None where that is of a time that is not ours.

    A clock that went back a little must not start an occurrence twice. One that was a year ahead, or a replay
    that begins anew, must not silence the schedule until then.
    """
    return None if settled_ns is None or settled_ns - now_ns > BACK_LIMIT_NS else settled_ns


def newest(between: Callable[[int, int], Iterable[int]], after_ns: int, until_ns: int) -> Missed:
    """Return the occurrences later than `after_ns` and before `until_ns`.

    `between(first, end)` yields the instants of a schedule in [first, end), ascending. It is asked for the
    days before `until_ns` first, so that years of a schedule that fires every minute are not walked through.
    """
    found: Sequence[int] = ()
    for days in LOOK_BACK_DAYS:
        first_ns = max(after_ns + 1, until_ns - days * NS_PER_DAY)
        found = [due for due in between(first_ns, until_ns) if first_ns <= due < until_ns]
        if first_ns == after_ns + 1:
            return Missed(tuple(found[-MAX_LATE:]), len(found))
        if len(found) >= MAX_LATE:
            break
    return Missed(tuple(found[-MAX_LATE:]), len(found), complete=False)


def unique(wanted: str, taken: Mapping[str, object]) -> str:
    """Return a name for a schedule that no other has: the same in every start of the same algorithm."""
    number, name = 1, wanted
    while name in taken:
        number += 1
        name = f"{wanted} #{number}"
    return name
