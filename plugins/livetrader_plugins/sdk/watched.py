"""Who wants what a tape brings: the same of trades (tapes.py) and of quotes (quotetapes.py)."""

from __future__ import annotations

from typing import Generic, TypeVar

from livetrader_plugins.sdk.barstream import BarStream

WatcherT = TypeVar("WatcherT")


class Watched(Generic[WatcherT]):
    """One kind of ticks of one symbol. Mutable state: who wants them.

    `stream`: the only one who wants them, where that is a stream of bars; else None.
    """

    __slots__ = ("_watchers", "stream")

    def __init__(self) -> None:
        self._watchers: tuple[WatcherT, ...] = ()
        self.stream: BarStream | None = None

    def add(self, watcher: WatcherT) -> None:
        """Hand ticks to somebody from now on."""
        self._watch((*self._watchers, watcher))

    def remove(self, watcher: WatcherT) -> None:
        """Hand it no more; harmless where it has none."""
        self._watch(tuple(each for each in self._watchers if each is not watcher))

    def _watch(self, watchers: tuple[WatcherT, ...]) -> None:
        self._watchers = watchers
        only = watchers[0] if len(watchers) == 1 else None
        self.stream = only if isinstance(only, BarStream) else None

    @property
    def is_watched(self) -> bool:
        """Whether anybody wants them."""
        return bool(self._watchers)
