"""Tells people from a process without a daemon: a test of the channels, an emergency's liquidation.

No outbox, no book, no second try: each message goes to the first channel of its route that takes it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from livetrader.clocks import wall_ns
from livetrader.notifying.channels import Channel, MakeContext, open_channels
from livetrader.notifying.entries import Entry
from livetrader.notifying.routing import Routes
from livetrader.notifying.service import TEST_TITLE
from livetrader.notifying.words import message_of
from livetrader.settings import Settings
from livetrader.telemetry.notifications import Notification, Urgency

WHOLE_LIMIT_S: Final = 45.0  # for one message through all channels; what waits for us has better to do


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of one channel; `problem` is empty where it took the message."""

    channel: str
    plugin: str
    problem: str


async def tell_first(settings: Settings, notification: Notification, context: MakeContext) -> list[Tried]:
    """Give a message to the first channel of its route that takes it; return those that were tried.

    Raises ConfigError where a channel's plugin cannot be had.
    """
    channels = _channels(settings, context)
    entry = _entry(notification)
    route = Routes(settings.notify, [channel.name for channel in channels]).of(entry)
    tried: list[Tried] = []
    by_name = {channel.name: channel for channel in channels}
    try:
        async with asyncio.timeout(WHOLE_LIMIT_S):
            for name in route:
                tried.append(await _try(by_name[name], entry, settings))
                if not tried[-1].problem:
                    break
    except TimeoutError:
        tried.append(Tried("", "", f"gave up after {WHOLE_LIMIT_S:g} s"))
    finally:
        await _close(channels)
    return tried


async def test_each(settings: Settings, only: str | None, context: MakeContext) -> list[Tried]:
    """Send a test message through each channel, or one; return what came of it.

    Raises ConfigError where a plugin cannot be had, KeyError for a channel that there is not.
    """
    channels = _channels(settings, context)
    chosen = [channel for channel in channels if only in (None, channel.name)]
    if only is not None and not chosen:
        raise KeyError(only)
    words = "Somebody tries the channels. Nothing has happened; there is nothing to do."
    entry = _entry(Notification(wall_ns(), Urgency.INFORMATION, TEST_TITLE, words))
    try:
        return list(await asyncio.gather(*(_try(channel, entry, settings) for channel in chosen)))
    finally:
        await _close(channels)


def _channels(settings: Settings, context: MakeContext) -> list[Channel]:
    made = open_channels(settings.channels, settings.notify, context)
    return [channel for channel in made if not channel.carries_only]


def _entry(notification: Notification) -> Entry:
    return Entry(
        id=0, time_ns=notification.time_ns, urgency=notification.urgency, source=notification.source,
        title=notification.title, message=notification.message, next_step=notification.next_step,
    )  # fmt: skip


async def _try(channel: Channel, entry: Entry, settings: Settings) -> Tried:
    message = message_of([entry], settings.account.name)
    outcome = await channel.send(message, settings.notify.attempt_limit_s)
    return Tried(channel.name, channel.kind, outcome.problem)


async def _close(channels: list[Channel]) -> None:
    for channel in channels:
        await channel.close()
