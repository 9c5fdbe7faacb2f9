"""Which channels a notification goes to, and when it goes on to more of them. Pure.

Rule 1: a route is an order of preference. A notification goes to its first channel; what that does not take,
the next one gets. What one channel has taken, no other gets: exactly once, where channels tell the truth.
Rule 2: an alarm that nobody acknowledges goes to one channel more at each step, the first ones included; when
all have it, each step tells all of them again, with growing pauses.
Rule 3: a channel that failed is passed over until it is due to be tried again.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from livetrader.configuration.channels import ALL_OTHERS
from livetrader.notifying.entries import Entry
from livetrader.settings import NotifySettings
from livetrader.telemetry.notifications import Urgency

ESCALATION_MOST_S: Final = 3_600.0  # an alarm that nobody acknowledges comes at least every hour


class Routes:
    """The channels of each urgency, in order of preference."""

    def __init__(self, settings: NotifySettings, channels: Sequence[str]) -> None:
        self._channels = tuple(channels)
        self._of = {
            Urgency.INFORMATION: expanded(settings.information, channels),
            Urgency.WARNING: expanded(settings.warning, channels),
            Urgency.ALARM: expanded(settings.alarm, channels),
        }

    def of(self, entry: Entry) -> tuple[str, ...]:
        """Return where an entry may go; nothing for the algorithm's own messages."""
        if entry.outgoing is not None:
            return ()
        if entry.route:
            return tuple(name for name in entry.route if name in self._channels)
        return self._of[entry.urgency]

    def urgencies(self, channel: str) -> tuple[Urgency, ...]:
        """Return what is routed to a channel."""
        return tuple(urgency for urgency, names in self._of.items() if channel in names)


def expanded(route: Sequence[str], channels: Sequence[str]) -> tuple[str, ...]:
    """Return a route with the others in place of `*`."""
    others = tuple(name for name in channels if name not in route)
    return tuple(found for name in route for found in (others if name == ALL_OTHERS else (name,)))


def goal(entry: Entry, route: Sequence[str]) -> int:
    """Return how many channels have to take an entry in its present step."""
    return min(entry.step + 1, len(route)) if entry.is_alarm else min(1, len(route))


def choose(
    entry: Entry, route: Sequence[str], down: Collection[str], under_way: Collection[str]
) -> tuple[str, ...]:
    """Return the channels that should be given an entry now, best first.

    `down` failed and are not due yet, `under_way` are being given it.
    """
    taken = set(entry.reached) | set(under_way)
    wanted = goal(entry, route) - sum(name in taken for name in route)
    free = [name for name in route if name not in taken and name not in down]
    return tuple(free[: max(0, wanted)])


def escalation_pause_s(step: int, channels: int, escalate_s: float) -> float:
    """Return how long a step waits for somebody to acknowledge; longer once all channels have it."""
    beyond = max(0, step + 1 - max(1, channels))
    return max(escalate_s, min(ESCALATION_MOST_S, escalate_s * 2.0 ** min(beyond, 12)))


def retry_pause_s(failures: int, first_s: float, most_s: float, chance: float) -> float:
    """Return how long a channel is left alone after so many failures in a row; `chance` is 0 to 1.

    Half of it is chance, so that the channels of many daemons do not come back all at once.
    """
    pause = min(most_s, first_s * 2.0 ** min(max(0, failures - 1), 20))
    return pause * (0.5 + 0.5 * chance)
