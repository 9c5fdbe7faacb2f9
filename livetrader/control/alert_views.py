"""What is shown of alerts that Prometheus raised about this daemon. Frozen copies.

Times are UTC nanoseconds of the wall.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec


class AlertState(StrEnum):
    """Where an alert stands, as far as Alertmanager told."""

    FIRING = "firing"
    RESOLVED = "resolved"
    UNHEARD = "unheard"  # nobody spoke of it for `alerts.unheard_s`: over, or Alertmanager is


class AlertView(msgspec.Struct, frozen=True):
    """One alert, from its first delivery on. `severity` is critical, warning, info, or what the rule says.

    `fingerprint` and `started_ns` together are its identity: the same rule firing later is another alert.
    `heard_ns` is the newest delivery, `deliveries` counts them. `action` is what the rule asks for (halt,
    liquidate, or nothing) and `outcome` what came of that, in words.
    """

    fingerprint: str
    name: str
    severity: str
    state: AlertState
    summary: str
    started_ns: int
    received_ns: int
    heard_ns: int
    ended_ns: int | None = None
    deliveries: int = 1
    description: str = ""
    next_step: str = ""
    runbook_url: str = ""
    labels: dict[str, str] = {}
    action: str = ""
    outcome: str = ""

    @property
    def key(self) -> tuple[str, int]:
        """What makes it this alert and no other."""
        return self.fingerprint, self.started_ns


class AlertsView(msgspec.Struct, frozen=True):
    """What fires now, loudest and then newest first, and what has ended lately, newest first.

    `forgotten` counts alerts that made room for others since the start. `watchdog_age_s`: since the alert
    that always fires was heard, None before the first time.
    """

    firing: tuple[AlertView, ...] = ()
    recent: tuple[AlertView, ...] = ()
    forgotten: int = 0
    watchdog_age_s: float | None = None


class AlertCounts(msgspec.Struct, frozen=True):
    """How many alerts fire by severity, and the loudest of them in words."""

    firing: int = 0
    by_severity: dict[str, int] = {}
    loudest: str = ""


class AlertsTaken(msgspec.Struct, frozen=True):
    """What a delivery of Alertmanager came to; `actions` has a line for each alert that asked for one."""

    begun: int = 0
    repeated: int = 0
    ended: int = 0
    actions: tuple[str, ...] = ()


class AlertChanged(msgspec.Struct, frozen=True, tag="alert", tag_field="event"):
    """An alert began, ended, or was acted upon."""

    alert: AlertView
