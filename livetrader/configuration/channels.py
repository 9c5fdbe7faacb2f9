"""Reads [[notify.channel]]: a name, a plugin and its keys each; and looks where the routes lead."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from livetrader.configuration.plugins import PluginSections
from livetrader.configuration.problems import Problems, suggest
from livetrader.configuration.words import shown
from livetrader.settings import ChannelSection, NotifySettings

GROUP: Final = "livetrader.notifiers"
MAX_CHANNELS: Final = 16  # more ways to reach an operator than that is a mistake
ALL_OTHERS: Final = "*"
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", re.ASCII)
_LISTED: Final = "write [notify.channel], or several [[notify.channel]]: name, plugin, its keys"


def take_channels(
    table: Mapping[str, object], problems: Problems
) -> tuple[dict[str, object], list[dict[str, object]]]:
    """Return [notify] without its channels, and the channels."""
    rest = {key: value for key, value in table.items() if key != "channel"}
    value = table.get("channel", [])
    value = [value] if isinstance(value, dict) else value
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        problems.add("notify.channel", f"is {shown(value)}", _LISTED)
        return rest, []
    if len(value) > MAX_CHANNELS:
        problems.add("notify.channel", f"is there {len(value)} times", f"write at most {MAX_CHANNELS}")
        return rest, []
    return rest, value


def read_channels(
    plugins: PluginSections, problems: Problems, tables: list[dict[str, object]]
) -> tuple[ChannelSection, ...]:
    """Return the channels that are right; what is wrong becomes a problem. None is needed to liquidate."""
    channels: dict[str, ChannelSection] = {}
    for number, table in enumerate(tables, start=1):
        place = "notify.channel" if len(tables) == 1 else f"notify.channel[{number}]"
        options = dict(table)
        name = options.pop("name", None)
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            what = "is missing" if name is None else f"is {shown(name)}, not a name"
            problems.add(f"{place}.name", what, "letters, digits and . _ -, at most 64")
            continue
        if name in channels:
            problems.add(f"{place}.name", f"{name!r} is there twice", "give each channel its own name")
            continue
        section = plugins.read(place, GROUP, options)
        if section is not None and section.plugin:
            channels[name] = ChannelSection(name, section)
    return tuple(channels.values())


def check_routes(
    notify: NotifySettings | None, channels: tuple[ChannelSection, ...], problems: Problems
) -> None:
    """Find routes that name a channel which is not there, or one twice."""
    if notify is None:
        return
    known = tuple(channel.name for channel in channels)
    for key in ("information", "warning", "alarm"):
        route: tuple[str, ...] = getattr(notify, key)
        for name in route:
            if name != ALL_OTHERS and name not in known:
                what = f"there is no channel {name!r}"
                problems.add(f"notify.{key}", what, suggest(name, known, "channels"))
        if len(set(route)) < len(route):
            problems.add(f"notify.{key}", "names a channel twice", "name each once, in order of preference")
