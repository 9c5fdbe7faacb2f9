"""The channels: each a plugin, its health, and the room it has. Nothing here chooses."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from livetrader import registry
from livetrader.errors import ConfigError
from livetrader.notifying.rates import Room
from livetrader.settings import ChannelSection, NotifySettings, PluginSection
from livetrader.telemetry.logs import event
from livetrader_engine.outgoing import Outgoing, Way
from livetrader_engine.spi import Context, PluginError
from livetrader_engine.spi_notify import Carrier, Message, NotifierPlugin

DIRECT: Final = "direct"  # carries an algorithm's requests and files; there without being asked for
CONNECT_LIMIT_S: Final = 15.0  # loading a library, looking at an address
CLOSE_LIMIT_S: Final = 2.0
PROBLEM_LENGTH: Final = 300  # characters

_log: Final = logging.getLogger(__name__)

MakeContext = Callable[[str, str], Context]  # plugin name, folder name


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one attempt: the problem, empty where it was taken, and whether it always will be one."""

    problem: str = ""
    final: bool = False


@dataclass(slots=True)
class Channel:
    """One way to people. Mutable; owned by the dispatcher, on the loop.

    `retry_ns` is when one that failed is tried again, 0 while it works. `busy`: a message is under way.
    """

    name: str
    kind: str
    notifier: NotifierPlugin
    room: Room
    failures: int = 0  # in a row
    failed: int = 0  # since the start
    sent: int = 0
    retry_ns: int = 0
    problem: str = ""
    busy: bool = False
    connected: bool = False
    connecting: asyncio.Lock = field(default_factory=asyncio.Lock)
    carries_only: bool = False  # no route leads there

    def carries(self, way: Way) -> bool:
        """Return whether it carries an algorithm's messages of this way."""
        return isinstance(self.notifier, Carrier) and self.notifier.carries(way)

    async def prepare(self) -> Outcome:
        """Look whether it can be used, before somebody needs it; raises nothing but a cancel."""
        return await self._attempt(_nothing, CONNECT_LIMIT_S)

    async def send(self, message: Message, limit_s: float) -> Outcome:
        """Try to deliver a message, within its time; raises nothing but a cancel."""
        return await self._attempt(lambda: self.notifier.send(message), limit_s)

    async def carry(self, message: Outgoing, limit_s: float) -> Outcome:
        """Try to deliver an algorithm's message, within its time; raises nothing but a cancel."""
        carrier = self.notifier
        assert isinstance(carrier, Carrier), "asked by `carries` before"
        return await self._attempt(lambda: carrier.carry(message), limit_s)

    async def close(self) -> None:
        """Close the plugin; one that cannot is left alone."""
        try:
            async with asyncio.timeout(CLOSE_LIMIT_S):
                await self.notifier.close()
        except Exception:  # noqa: BLE001 — boundary: a plugin that cannot close must not keep the others open
            _log.exception("notifier cannot close", extra={"action": "notifier_close", "channel": self.name})

    async def _attempt(self, work: Callable[[], Coroutine[object, object, None]], limit_s: float) -> Outcome:
        try:
            async with self.connecting, asyncio.timeout(CONNECT_LIMIT_S):
                if not self.connected:
                    await self.notifier.connect()
                    self.connected = True
            async with asyncio.timeout(limit_s):
                await work()
        except TimeoutError:
            return Outcome(f"no answer within {limit_s:g} s")
        except PluginError as error:
            return Outcome(str(error)[:PROBLEM_LENGTH] or type(error).__name__, type(error) is PluginError)
        except Exception as error:  # noqa: BLE001 — boundary: a plugin's fault is a failed message and no more
            fields = {"action": "notifier_fault", "channel": self.name}
            _log.exception("notifier fault", extra=fields)
            return Outcome(f"{type(error).__name__} in the plugin; the log has more")
        return Outcome()


async def _nothing() -> None:
    """Do what is done to a channel that is only looked at."""


def open_channels(
    sections: Sequence[ChannelSection], settings: NotifySettings, context: MakeContext
) -> tuple[Channel, ...]:
    """Make the channels, and the one that carries an algorithm's requests and files. Connects nothing.

    Raises ConfigError where a plugin cannot be had.
    """
    channels = [
        _made(section.name, section.section, settings, context, f"notifier-{section.name}")
        for section in sections
    ]
    wanted = settings.algorithm and all(channel.kind != DIRECT for channel in channels)
    if wanted and DIRECT in registry.plugin_names(registry.NOTIFIERS):
        name = _free(DIRECT, channels)
        channel = _made(name, PluginSection(DIRECT, {}), settings, context, "notifier-direct")
        channel.carries_only = True
        channels.append(channel)
    return tuple(channels)


def carrier_of(channels: Iterable[Channel], way: Way) -> Channel | None:
    """Return the first channel that carries messages of a way, None where none does."""
    return next((channel for channel in channels if channel.carries(way)), None)


def _made(
    name: str, section: PluginSection, settings: NotifySettings, context: MakeContext, folder: str
) -> Channel:
    plugin = registry.load_plugin(registry.NOTIFIERS, section.plugin)
    try:
        config = registry.config_of(plugin, section.options)
    except ConfigError as error:
        raise ConfigError([f"notify.channel {name!r}: {problem}" for problem in error.problems]) from error
    notifier: NotifierPlugin = plugin(config, context(section.plugin, folder))
    event(_log, logging.DEBUG, "channel", channel=name, plugin=section.plugin)
    return Channel(name, section.plugin, notifier, Room(settings.per_hour))


def _free(name: str, channels: Sequence[Channel]) -> str:
    taken = {channel.name for channel in channels}
    return name if name not in taken else f"{name}-algorithm"
