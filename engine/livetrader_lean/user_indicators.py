"""Indicators that the user wrote, as the engine wants them.

Such an object has `update(input)` and `value`, and may have `name`, `is_ready` and `warm_up_period`, in
either spelling. It may derive from `PythonIndicator`, which adds `current`, `updated` and `window`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, cast

from livetrader_engine.errors import AlgorithmError
from livetrader_engine.indicators import BarLike, Indicator, InputKind
from livetrader_lean.indicator_points import IndicatorDataPoint, Numeric
from livetrader_lean.indicators import (
    IndicatorFace,
    IndicatorWindow,
    UpdatedEvent,
)
from livetrader_lean.market import DEFAULT_ZONE
from livetrader_lean.names import Twins, hook, pascal
from livetrader_lean.symbols import Symbol

_OURS: Final = "_livetrader_indicator"  # the attribute of a user's object that keeps what stands for it


class UserIndicator(Indicator, IndicatorFace):
    """Hands every point on to the user's object and shows its value. Input goes forward per symbol."""

    kind = InputKind.DATA
    zone = DEFAULT_ZONE
    symbol: Symbol | None = None
    _event = None
    _consolidators = None

    def __init__(self, user: Any) -> None:
        missing = [name for name in ("update", "value") if not _has(user, name)]
        if missing:
            raise AlgorithmError(f"{user!r} is no indicator: it has no {', '.join(missing)}")
        super().__init__(str(member(user, "name") or type(user).__name__))
        self.user = user
        self.said_ready = False  # what the last update returned
        self._newest: dict[object, int] = {}

    @property
    def warm_up_period(self) -> int:  # type: ignore[override]  # the user may set it at any time
        """What the user's object says; 0 where it says nothing."""
        return int(member(self.user, "warm_up_period") or 0)

    @property
    def is_ready(self) -> bool:
        """What the last update returned, or the user's object says."""
        return self.said_ready or bool(member(self.user, "is_ready"))

    def push(self, time_ns: int, value: float) -> bool:
        """Take one value, as a data point; return whether the indicator is ready."""
        point = IndicatorDataPoint(self.symbol, time_ns, value)
        point.zone = self.zone
        return self.push_bar(cast("BarLike", point))

    def push_bar(self, bar: BarLike) -> bool:
        """Take one point; return whether the indicator is ready."""
        symbol = getattr(bar, "symbol", None)
        if bar.end_time_ns < self._newest.get(symbol, 0):
            return self.is_ready
        self._newest[symbol] = bar.end_time_ns
        self.samples += 1
        self.time_ns = bar.end_time_ns
        self.symbol = symbol
        said = member(self.user, "update")(bar)
        self.said_ready = bool(member(self.user, "is_ready") if said is None else said)
        self._publish(self.time_ns, float(member(self.user, "value") or 0.0))
        return self.is_ready

    def _clear(self) -> None:
        self._newest.clear()
        self.said_ready = False


def member(user: Any, name: str) -> Any:
    """Return what the user calls `name`, in the spelling they wrote; None where there is nothing."""
    spellings = (name, pascal(name))
    for spelling in spellings:
        if spelling in getattr(user, "__dict__", {}):
            return getattr(user, spelling)
    for cls in type(user).__mro__:
        if cls.__module__.partition(".")[0] == "livetrader_lean":
            break
        for spelling in spellings:
            if spelling in vars(cls):
                return getattr(user, spelling)
    return getattr(user, name, None)


def _has(user: Any, name: str) -> bool:
    return hasattr(user, name) or hasattr(user, pascal(name))


def indicator_of(given: Any) -> Indicator:
    """Return an indicator of ours; for the user's own object what stands for it, always the same one.

    Raises AlgorithmError for what is no indicator.
    """
    if isinstance(given, Indicator):
        return given
    held = getattr(given, "__dict__", {}).get(_OURS)
    if held is None:
        held = UserIndicator(given)
        setattr(given, _OURS, held)
    return cast("Indicator", held)


class PythonIndicator(Numeric, Twins):
    """Base of the user's own indicators: they write `update(input) -> bool` and set `self.value`.

    Once it is registered (or chained) each update is followed by the `updated` event, and `current`,
    `previous` and `window` show the values. Calling `update` by hand runs the user's method only, as in LEAN.
    """

    name: str = ""
    value: float = 0.0
    warm_up_period: int = 0

    def __init__(self, *arguments: object) -> None:
        """Make one; LEAN takes the object itself as an argument and makes no use of it."""

    @property
    def _ours(self) -> UserIndicator:
        return cast("UserIndicator", indicator_of(self))

    @hook
    def update(self, input: Any) -> bool:
        """Take one point and return whether the indicator is ready: for the user to write."""
        raise AlgorithmError(f"{type(self).__name__}.update must be implemented")

    @property
    def is_ready(self) -> bool:
        """What the last update returned; the user may define it otherwise."""
        return self._ours.said_ready

    @property
    def samples(self) -> int:
        """How many points it has been given by what it is registered with."""
        return self._ours.samples

    @property
    def current(self) -> IndicatorDataPoint:
        """The newest value with its time; zero before the first."""
        return self._ours.current

    @property
    def previous(self) -> IndicatorDataPoint:
        """The value before the newest; zero where there is none."""
        return self._ours.previous

    @property
    def window(self) -> IndicatorWindow:
        """The newest values."""
        return self._ours.window

    @property
    def consolidators(self) -> list[object]:
        """The consolidators that feed it."""
        return self._ours.consolidators

    @property
    def updated(self) -> UpdatedEvent:
        """The event of new values: `+=` a handler(sender, point)."""
        return self._ours.updated

    @updated.setter
    def updated(self, event: UpdatedEvent) -> None:
        self._ours.updated = event

    def reset(self) -> None:
        """Forget the values that were shown; what the user keeps is theirs to reset."""
        self._ours.reset()

    def __getitem__(self, index: int) -> IndicatorDataPoint | None:
        return self._ours[index]

    def __iter__(self) -> Iterator[IndicatorDataPoint]:
        return iter(self._ours)

    def __float__(self) -> float:
        return self._ours.value

    def __str__(self) -> str:
        return str(self._ours)

    __hash__ = object.__hash__
