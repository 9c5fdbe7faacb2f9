"""The newest N things, newest first."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Generic, TypeVar

from livetrader_engine.errors import AlgorithmError

Item = TypeVar("Item")


class RollingWindow(Generic[Item]):
    """The newest `size` items; index 0 is the newest. Not thread-safe."""

    def __init__(self, size: int) -> None:
        if size < 1:
            raise AlgorithmError(f"RollingWindow: the size must be 1 or more, not {size}")
        self._items: deque[Item] = deque(maxlen=size)
        self._size = size
        self._samples = 0
        self._removed: Item | None = None

    @property
    def size(self) -> int:
        """How many items fit. A larger size keeps the items; a smaller one keeps the newest."""
        return self._size

    @size.setter
    def size(self, size: int) -> None:
        if size < 1:
            raise AlgorithmError(f"RollingWindow: the size must be 1 or more, not {size}")
        kept = list(self._items)[:size]
        self._items = deque(kept, maxlen=size)
        self._size = size

    @property
    def count(self) -> int:
        """How many items are there."""
        return len(self._items)

    @property
    def samples(self) -> int:
        """How many items were ever added."""
        return self._samples

    @property
    def is_ready(self) -> bool:
        """Whether the window is full."""
        return len(self._items) == self._size

    @property
    def most_recently_removed(self) -> Item | None:
        """The item that fell out last, None while none has."""
        return self._removed

    def add(self, item: Item) -> None:
        """Put an item in front; the oldest falls out of a full window."""
        if len(self._items) == self._size:
            self._removed = self._items[-1]
        self._items.appendleft(item)  # a full deque drops its other end
        self._samples += 1

    def reset(self) -> None:
        """Forget all items."""
        self._items.clear()
        self._samples = 0
        self._removed = None

    def __getitem__(self, index: int) -> Item:
        if not 0 <= index < len(self._items):
            raise IndexError(f"the window holds {len(self._items)} items, there is no index {index}")
        return self._items[index]

    def __setitem__(self, index: int, item: Item) -> None:
        if not 0 <= index < len(self._items):
            raise IndexError(f"the window holds {len(self._items)} items, there is no index {index}")
        self._items[index] = item

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[Item]:
        return iter(self._items)
