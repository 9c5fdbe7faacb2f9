"""Who watches the watchers: the daemon misses an alert that always fires, once it was told to expect it."""

from __future__ import annotations

from typing import Final

from livetrader.telemetry.notifications import Notification, Urgency

WATCHDOG: Final = "LivetraderWatchdog"  # the rule of config/alerts.yml that always fires
_KEY: Final = "alerts watchdog"
_STEP: Final = "are Prometheus and Alertmanager running, and does the route of LivetraderWatchdog lead here?"


class Watchdog:
    """Counts from the start of the daemon, then from each sign of life. Owned by the desk of alerts.

    With a limit of 0 nobody is expected. It tells once that they are missed, and once that they are back.
    """

    def __init__(self, limit_s: float, now_s: float) -> None:
        self._limit_s = limit_s
        self._since_s = now_s
        self._heard = False
        self._missing = False

    def age_s(self, now_s: float) -> float | None:
        """Return how long ago they were heard; None before the first time."""
        return now_s - self._since_s if self._heard else None

    def heard(self, now_s: float) -> bool:
        """Note a sign of life; return whether they had been missed."""
        was_missing, self._missing = self._missing, False
        self._since_s, self._heard = now_s, True
        return was_missing

    def missed(self, now_s: float) -> bool:
        """Return whether they are missed from now on."""
        if self._missing or not self._limit_s or now_s - self._since_s <= self._limit_s:
            return False
        self._missing = True
        return True

    def words(self, now_ns: int, *, over: bool) -> Notification:
        """Return what people are told."""
        said = "Alertmanager is heard again" if over else f"no word of Alertmanager for {self._limit_s:.0f} s"
        return Notification(
            time_ns=now_ns,
            urgency=Urgency.WARNING,
            title="watched again" if over else "nobody watches",
            message=said if over else f"{said}: its alerts would not come either",
            next_step="" if over else _STEP,
            key=_KEY,
            resolved=over,
            source="alert",
        )
