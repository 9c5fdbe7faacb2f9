"""Alertmanager's webhook (payload version 4), read into our words, and what an alert may do here. Pure.

The payload: https://prometheus.io/docs/alerting/latest/configuration/#webhook_config. Fields that a later
Alertmanager adds are passed over; texts that are too long are cut, for a refused delivery is a lost alert.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, Literal

import msgspec

from livetrader.control.alert_views import AlertState, AlertView
from livetrader.control.auth import Identity, Scope
from livetrader.settings import AlertAction, AlertSettings

ALERTS_LIMIT: Final = 256  # in one delivery; the body's limit is reached before that
LABELS_LIMIT: Final = 64  # of one alert
WORD_LIMIT: Final = 256  # characters of a label, a name or a severity
TEXT_LIMIT: Final = 1000  # characters of an annotation
ACTION_LABEL: Final = "livetrader_action"  # of a rule: halt or liquidate
ACCOUNT_LABEL: Final = "account"  # where an alert has it, it has to be ours for an action
TOLD_LABEL: Final = "told_by"  # "livetrader": the daemon tells people of this by itself
TOLD_BY_US: Final = "livetrader"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_NS: Final = 2**62  # the year 2116; what is later is no time that anybody means

_Moment = Annotated[datetime, msgspec.Meta(tz=True)]

NEEDED: Final[dict[AlertAction, Scope]] = {
    AlertAction.HALT: Scope.OPERATE,
    AlertAction.LIQUIDATE: Scope.LIQUIDATE,
}


class WebhookAlert(msgspec.Struct, frozen=True, rename="camel"):
    """One alert of a delivery. `ends_at` means something only where it is resolved."""

    status: Literal["firing", "resolved"]
    labels: dict[str, str]
    starts_at: _Moment
    fingerprint: Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9_.:-]{1,128}$")]
    annotations: dict[str, str] = {}
    ends_at: _Moment | None = None


class WebhookBody(msgspec.Struct, frozen=True, rename="camel"):
    """One delivery: the alerts of a group, those that fire and those that are over."""

    version: Literal["4"]
    alerts: Annotated[tuple[WebhookAlert, ...], msgspec.Meta(max_length=ALERTS_LIMIT)]
    truncated_alerts: Annotated[int, msgspec.Meta(ge=0)] = 0
    receiver: str = ""


def viewed(alert: WebhookAlert, now_ns: int) -> AlertView:
    """Return a delivered alert as we show it; `now_ns` is when it came."""
    labels = dict(list(_cut(alert.labels, WORD_LIMIT).items())[:LABELS_LIMIT])
    notes = _cut(alert.annotations, TEXT_LIMIT)
    name = labels.get("alertname", "") or "unnamed"
    resolved = alert.status == "resolved"
    return AlertView(
        fingerprint=alert.fingerprint,
        name=name,
        severity=labels.get("severity", "") or "warning",
        state=AlertState.RESOLVED if resolved else AlertState.FIRING,
        summary=notes.get("summary", "") or name,
        started_ns=_ns(alert.starts_at),
        received_ns=now_ns,
        heard_ns=now_ns,
        ended_ns=(_ns(alert.ends_at) if alert.ends_at is not None else now_ns) if resolved else None,
        description=notes.get("description", ""),
        next_step=notes.get("next_step", ""),
        runbook_url=notes.get("runbook_url", ""),
        labels=labels,
        action=labels.get(ACTION_LABEL, ""),
    )


def told_by_us(alert: AlertView) -> bool:
    """Return whether the daemon tells people of it anyway."""
    return alert.labels.get(TOLD_LABEL) == TOLD_BY_US


def permitted(alert: AlertView, who: Identity, settings: AlertSettings, account: str) -> AlertAction | str:
    """Return the action that an alert may carry out, or in words why it may not.

    Three have to agree: the rule's label, the token's scope and `alerts.allow`. An alert of another account
    does nothing here, whoever routes it to us.
    """
    try:
        action = AlertAction(alert.action)
    except ValueError:
        known = ", ".join(AlertAction)
        return f"refused: {alert.action!r} is no action; the label {ACTION_LABEL} may say {known}"
    theirs = alert.labels.get(ACCOUNT_LABEL, account)
    if theirs != account:
        return f"refused: the alert is of the account {theirs!r}, and this daemon trades {account!r}"
    if action not in settings.allow:
        return f"refused: alerts.allow does not have {action.value!r}"
    if not who.may(NEEDED[action]):
        return f"refused: the token {who.name!r} lacks the scope {NEEDED[action].value!r}"
    return action


def _cut(texts: Mapping[str, str], limit: int) -> dict[str, str]:
    return {_printable(name[:WORD_LIMIT]): _printable(text[:limit]) for name, text in texts.items()}


def _printable(text: str) -> str:
    """Return a text that cannot command a terminal: line ends and control characters become blanks."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _ns(moment: datetime) -> int:
    """Return nanoseconds UTC, held within what can be shown."""
    return min(_LAST_NS, max(0, (moment - _EPOCH) // timedelta(microseconds=1) * 1000))
