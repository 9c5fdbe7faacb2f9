"""The routes of notifications: what people were told, who has seen it, and whether channels work."""

from __future__ import annotations

import re
from typing import Final, cast

from livetrader.control import refusals
from livetrader.control.calls import Call, ChannelBody, Reply
from livetrader.control.queries import NotificationsQuery

ALL: Final = "all"
_NUMBER: Final = re.compile(r"[0-9]{1,15}", re.ASCII)
_SHOWN: Final = "`livetrader notify list` or GET /v1/notifications shows them."


async def notifications(call: Call) -> Reply:
    """Answer with notifications, newest first, and the channels."""
    query = cast("NotificationsQuery", call.query)
    operations = call.services.operations.notifications
    return Reply(value=operations.notifications(open_only=query.open, limit=query.limit))


async def acknowledge(call: Call) -> Reply:
    """Take note that somebody has seen one, or all."""
    text = call.parameters["id"]
    if text != ALL and not _NUMBER.fullmatch(text):
        raise refusals.not_found("such notification", _SHOWN)
    number = None if text == ALL else int(text)
    try:
        seen = call.services.operations.notifications.acknowledge(who=call.who.name, notification=number)
    except KeyError:
        raise refusals.not_found(f"notification {text}", _SHOWN) from None
    return Reply(value=seen)


async def test(call: Call) -> Reply:
    """Send a test message through a channel, or each."""
    body = cast("ChannelBody", call.body)
    try:
        sent = call.services.operations.notifications.test(who=call.who.name, channel=body.channel)
    except KeyError:
        raise refusals.not_found(f"channel {body.channel}", _SHOWN) from None
    return Reply(status=202, value=sent)
