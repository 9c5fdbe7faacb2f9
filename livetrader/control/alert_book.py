"""What fires now and what has ended lately, as Alertmanager told. Bounded; nothing is decided here."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable
from typing import Final

import msgspec

from livetrader.control.alert_views import AlertCounts, AlertState, AlertsView, AlertView

FIRING_LIMIT: Final = 256  # alerts that fire at once; the oldest of the least severity makes room
RECENT_LIMIT: Final = 200  # that have ended; the oldest is forgotten first
SEVERITIES: Final = ("critical", "warning", "info")  # loudest first; what is none of them is a warning

Key = tuple[str, int]


class AlertBook:
    """What fires now and what has ended lately. Bounded; owned by the loop."""

    def __init__(self, unheard_ns: int) -> None:
        self._unheard_ns = unheard_ns
        self._firing: OrderedDict[Key, AlertView] = OrderedDict()
        self._recent: deque[AlertView] = deque(maxlen=RECENT_LIMIT)
        self._forgotten = 0

    def load(self, firing: Iterable[AlertView]) -> None:
        """Take over what fired when the daemon was here last."""
        for alert in firing:
            self._firing[alert.key] = alert

    @property
    def firing(self) -> tuple[AlertView, ...]:
        """What fires, oldest first."""
        return tuple(self._firing.values())

    def known(self, key: Key) -> AlertView | None:
        """Return the alert of this identity while it fires."""
        return self._firing.get(key)

    def put(self, alert: AlertView) -> None:
        """Note an alert as it stands now; one that is over moves to those of the past."""
        for past in [past for past in self._recent if past.key == alert.key]:
            self._recent.remove(past)  # held to be over because nobody spoke of it
        if alert.state is AlertState.FIRING:
            self._firing[alert.key] = alert
            while len(self._firing) > FIRING_LIMIT:
                self._make_room()
            return
        self._firing.pop(alert.key, None)
        self._forgotten += len(self._recent) == RECENT_LIMIT
        self._recent.append(alert)

    def expire(self, now_ns: int) -> None:
        """Move what nobody has spoken of for too long to the past."""
        for alert in self.firing:
            if now_ns - alert.heard_ns > self._unheard_ns:
                self.put(msgspec.structs.replace(alert, state=AlertState.UNHEARD, ended_ns=alert.heard_ns))

    def view(self) -> AlertsView:
        """Return what fires, loudest and then newest first, and what has ended, newest first."""
        firing = sorted(self._firing.values(), key=lambda alert: (rank(alert), -alert.started_ns))
        return AlertsView(tuple(firing), tuple(reversed(self._recent)), self._forgotten)

    def counts(self) -> AlertCounts:
        """Return how many fire, and the loudest in words."""
        if not self._firing:
            return AlertCounts()
        by_severity: dict[str, int] = {}
        for alert in self._firing.values():
            severity = SEVERITIES[rank(alert)]
            by_severity[severity] = by_severity.get(severity, 0) + 1
        loudest = min(self._firing.values(), key=lambda alert: (rank(alert), -alert.started_ns))
        return AlertCounts(len(self._firing), by_severity, f"{loudest.name}: {loudest.summary}")

    def _make_room(self) -> None:
        quietest = max(self._firing.values(), key=rank)  # of equals the first one, which is the oldest
        del self._firing[quietest.key]
        self._forgotten += 1


def rank(alert: AlertView) -> int:
    """Return how loud an alert is as an index into SEVERITIES."""
    return SEVERITIES.index(alert.severity) if alert.severity in SEVERITIES else 1
