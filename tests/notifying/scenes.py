"""Notifications with real channels, to look at from a test: `async with running(...) as notifying`."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

from livetrader.control.notification_views import NotificationView
from livetrader.notifying.channels import open_channels
from livetrader.notifying.dispatcher import Dispatcher, NotifyPorts
from livetrader.notifying.service import Notifying
from livetrader.settings import ChannelSection, NotifySettings, PluginSection
from livetrader_engine.spi import Context

LIMIT_S = 15.0
FAST = {"retry_s": 0.05, "retry_max_s": 0.2, "attempt_limit_s": 0.5}


def channel(name: str, url: str, plugin: str = "direct", **more: object) -> ChannelSection:
    """Return a channel to an address."""
    return ChannelSection(name, PluginSection(plugin, {"url": url, **more}))


class Scene:
    """One run. `counts` are outcomes; `problems` is what the plugins reported."""

    def __init__(self, folder: Path, settings: NotifySettings, channels: tuple[ChannelSection, ...]) -> None:
        self.counts: Counter[str] = Counter()
        self.views: list[NotificationView] = []
        self.offset_ns = 0
        self._stirred = asyncio.Event()

        def context(name: str, own: str) -> Context:
            place = folder / own
            place.mkdir(exist_ok=True)
            return Context(
                name=name, state_directory=place, data_folder=None, now_ns=self.wall_ns,
                monotonic_s=time.monotonic, random=Random(1), spawn=unexpected, report=unexpected,
            )  # fmt: skip

        self.dispatcher = Dispatcher(
            NotifyPorts(
                settings, open_channels(channels, settings, context), folder / "notifications.sqlite3",
                "paper", self.wall_ns, lambda: 0.5, self._count, lambda entry: self._stirred.set(),
            )
        )  # fmt: skip
        self.notifying = Notifying(self.dispatcher, self.wall_ns)

    def wall_ns(self) -> int:
        return time.time_ns() + self.offset_ns

    def _count(self, outcome: str) -> None:
        self.counts[outcome] += 1
        self._stirred.set()

    def pass_s(self, seconds: float) -> None:
        """Let the wall clock go on."""
        self.offset_ns += int(seconds * 1e9)
        self.dispatcher.wake()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Return when it is true; looks whenever something became of a notification."""
        async with asyncio.timeout(LIMIT_S):
            while not condition():
                self._stirred.clear()
                await self._stirred.wait()


def unexpected(*arguments: object, **named: object) -> None:
    raise AssertionError(f"nobody should ask for this: {arguments} {named}")


@asynccontextmanager
async def running(folder: Path, *channels: ChannelSection, **settings: object) -> AsyncIterator[Scene]:
    """Run notifications with these channels; leaving it is the end of a daemon."""
    chosen = NotifySettings(**{**FAST, **settings})  # type: ignore[arg-type]
    scene = await asyncio.to_thread(Scene, folder, chosen, channels)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(scene.notifying.run())
        try:
            yield scene
        finally:
            task.cancel()
    await scene.notifying.close()
