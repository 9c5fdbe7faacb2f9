"""LEAN's rolling window: the newest N things, which grows when somebody looks beyond its end.

Source: LEAN's Indicators/RollingWindow.cs.
"""

from __future__ import annotations

from typing import Any, Final

from livetrader_engine.errors import AlgorithmError
from livetrader_engine.indicators import window as core
from livetrader_lean.names import Twins, twins_of_base

_DEFAULTS: Final[dict[object, object]] = {float: 0.0, int: 0, bool: False}  # .NET's; None for all others


class RollingWindow(core.RollingWindow[Any], Twins):
    """`RollingWindow[float](10)` or `RollingWindow(10)`; index 0 is the newest.

    A place that nothing is in yet gives 0 in a window of numbers, else None; looking or writing beyond the
    size makes the window larger. A negative index counts from the oldest. Not thread-safe.
    """

    _default: object = None

    def __class_getitem__(cls, item: object) -> type[RollingWindow]:
        default = _DEFAULTS.get(item)
        if default is None:
            return cls
        return type(cls.__name__, (cls,), {"_default": default, "__module__": __name__})

    def __init__(self, size: int) -> None:
        if size < 0:
            raise AlgorithmError(f"RollingWindow: the size must not be negative, as {size} is")
        super().__init__(max(size, 1))
        if size == 0:
            self._size = 0

    @property
    def size(self) -> int:
        """How many items fit. A larger size keeps the items; a smaller one keeps the newest."""
        return self._size

    @size.setter
    def size(self, size: int) -> None:
        if size < 0:
            raise AlgorithmError(f"RollingWindow: the size must not be negative, as {size} is")
        core.RollingWindow.size.fset(self, max(size, 1))  # type: ignore[attr-defined]  # a property's setter
        if size == 0:
            self._items.clear()
            self._size = 0

    @property
    def is_ready(self) -> bool:
        """Whether as many items were added as fit."""
        return self._samples >= self._size

    @property
    def most_recently_removed(self) -> Any:
        """The item that fell out last. Raises AlgorithmError while none has."""
        if self._samples <= self._size:
            raise AlgorithmError("nothing has fallen out of the RollingWindow yet")
        return self._removed

    def add(self, item: Any) -> None:
        """Put an item in front; the oldest falls out of a full window."""
        if self._size == 0:
            raise AlgorithmError("nothing fits into a RollingWindow of size 0")
        super().add(item)

    def __getitem__(self, index: int) -> Any:
        count = len(self._items)
        if index < 0:
            self._check(index)
            index += count
            return self._items[index] if index >= 0 else self._default
        if index < count:
            return self._items[index]
        if index >= self._size:
            self.size = index + 1
        return self._default

    def __setitem__(self, index: int, item: Any) -> None:
        if index < 0:
            self._check(index)
            index += self._size
        if index >= self._size:
            self.size = index + 1
        while len(self._items) <= index:
            self.add(self._default)
        self._items[index] = item

    def _check(self, index: int) -> None:
        if self._size + index < 0:
            raise IndexError(f"the window has {self._size} places, there is no index {index}")


twins_of_base(RollingWindow, core.RollingWindow)
