"""The two routes of alerts: Alertmanager's webhook, and what it has told."""

from __future__ import annotations

from typing import cast

from livetrader.control import refusals
from livetrader.control.alertmanager import WebhookBody
from livetrader.control.calls import Call, Reply
from livetrader.errors import ControlRefusedError


async def alerts(call: Call) -> Reply:
    """Answer with the alerts that fire and those that have ended lately."""
    return Reply(value=call.services.operations.alerts.view())


async def take_alerts(call: Call) -> Reply:
    """Take a delivery of Alertmanager. 503 makes it come again: a 4xx would be the end of it."""
    body = cast("WebhookBody", call.body)
    try:
        return Reply(value=await call.services.operations.alerts.take(body, call.who))
    except ControlRefusedError as error:
        raise refusals.not_now(str(error)) from error
