"""Indicators as an algorithm sees them: the core's, with `current`, `update`, both spellings and comparisons.

Each core indicator class gets a face class of the same name, generated from the registry. Parts that the
core makes (MACD's signal) are given their faces when the whole is made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, tzinfo
from typing import Any, Final, cast

from livetrader_engine import indicators as core
from livetrader_engine.errors import AlgorithmError
from livetrader_engine.indicators.extremes import Reading
from livetrader_lean.market import DEFAULT_ZONE, BaseData, TradeBar
from livetrader_lean.names import Twins, learn_acronyms, pascal, snake, twins_of_base
from livetrader_lean.symbols import Symbol
from livetrader_lean.times import local, to_ns
from livetrader_lean.views import Face

# helper method (snake_case) -> LEAN's helper name, for those the spelling rule does not give
HELPERS: Final = {
    entry.helper.lower() if entry.helper.isupper() else snake(entry.helper): entry
    for entry in core.REGISTRY.values()
    if entry.helper is not None
}
learn_acronyms({name: str(entry.helper) for name, entry in HELPERS.items()})


class RollingWindow(core.RollingWindow[Any], Twins):
    """LEAN's rolling window: `RollingWindow[float](10)` or `RollingWindow(10)`; index 0 is the newest."""

    def __class_getitem__(cls, item: object) -> type[RollingWindow]:
        return cls


twins_of_base(RollingWindow, core.RollingWindow)


class IndicatorDataPoint(Twins):
    """One value and its time: what `indicator.current` is, and what value indicators can be updated with."""

    __slots__ = ("end_time_ns", "symbol", "value", "zone")

    def __init__(self, *arguments: object) -> None:
        if len(arguments) == 3:
            symbol, time, value = arguments
        else:
            symbol, (time, value) = None, arguments
        self.symbol = symbol
        self.zone: tzinfo = DEFAULT_ZONE
        self.end_time_ns = time if isinstance(time, int) else to_ns(cast("datetime", time), DEFAULT_ZONE)
        self.value = float(cast("float", value))

    @property
    def time(self) -> datetime:
        """Local time of the input the value came from."""
        return local(self.end_time_ns, self.zone)

    @property
    def end_time(self) -> datetime:
        """The same as `time`."""
        return local(self.end_time_ns, self.zone)

    @property
    def price(self) -> float:
        """The same as `value`."""
        return self.value

    def __float__(self) -> float:
        return self.value

    def __str__(self) -> str:
        return f"{self.end_time} - {self.value}"


class UpdatedEvent:
    """The `updated` event: `indicator.updated += handler` calls handler(sender, point) at each new value."""

    def __init__(self, indicator: IndicatorFace) -> None:
        self._indicator = indicator
        self._calls: dict[Callable[..., object], core.base.UpdatedHandler] = {}

    def __iadd__(self, handler: Callable[..., object]) -> UpdatedEvent:
        indicator = self._indicator

        def call(_sender: core.Indicator, point: core.IndicatorPoint) -> None:
            handler(indicator, indicator._face_of(point))

        self._calls[handler] = call
        indicator._core.handlers.append(call)
        return self

    def __isub__(self, handler: Callable[..., object]) -> UpdatedEvent:
        call = self._calls.pop(handler, None)
        if call is not None:
            self._indicator._core.handlers.remove(call)
        return self


class IndicatorFace(Face):
    """What the face adds to every core indicator. Always mixed with one, behind it and without slots.

    A face class then has the layout of its core class, so that `_dress_parts` may turn an instance of the
    one into the other.
    """

    __slots__ = ()
    zone: tzinfo  # in which `current.time` is told; the helpers set the exchange's
    _event: UpdatedEvent | None

    @property
    def _core(self) -> core.Indicator:
        return cast("core.Indicator", self)

    @property
    def current(self) -> IndicatorDataPoint:
        """The newest value with its time; zero before the first."""
        return self._face_of(core.IndicatorPoint(self._core.time_ns, self._core.value))

    @property
    def previous(self) -> IndicatorDataPoint:
        """The value before the newest; zero where there is none."""
        window = self._core.window
        return self._face_of(window[1] if window.count > 1 else core.IndicatorPoint(0, 0.0))

    def _face_of(self, point: core.IndicatorPoint) -> IndicatorDataPoint:
        face = IndicatorDataPoint(point.time_ns, point.value)
        face.zone = self.zone
        return face

    def update(self, *arguments: Any) -> bool:
        """Take a bar, a data point, or a time and a value; return whether the indicator is ready."""
        if len(arguments) == 2:
            time, value = arguments
            return self._core.push(to_ns(time, self.zone), float(value))
        (point,) = arguments
        if isinstance(point, IndicatorDataPoint):
            return self._core.push(point.end_time_ns, point.value)
        if not isinstance(point, BaseData):
            raise AlgorithmError(f"{self._core.name} cannot be updated with a {type(point).__name__}")
        if self._core.kind is core.InputKind.TRADE_BAR and not isinstance(point, TradeBar):
            raise AlgorithmError(f"{self._core.name} needs trade bars, not a {type(point).__name__}")
        return self._core.push_bar(cast("core.BarLike", point))

    @property
    def updated(self) -> UpdatedEvent:
        """The event of new values: `+=` a handler(sender, point)."""
        if self._event is None:
            vars(self)["_event"] = UpdatedEvent(self)
            assert self._event is not None
        return self._event

    @updated.setter
    def updated(self, event: UpdatedEvent) -> None:
        vars(self)["_event"] = event  # `updated += handler` assigns what += returned

    def __getitem__(self, index: int) -> IndicatorDataPoint:
        return self._face_of(self._core.window[index])

    def __iter__(self) -> Iterator[IndicatorDataPoint]:
        return (self._face_of(point) for point in self._core.window)

    def __float__(self) -> float:
        return self._core.value

    def __lt__(self, other: object) -> bool:
        return self._core.value < float(cast("float", other))

    def __le__(self, other: object) -> bool:
        return self._core.value <= float(cast("float", other))

    def __gt__(self, other: object) -> bool:
        return self._core.value > float(cast("float", other))

    def __ge__(self, other: object) -> bool:
        return self._core.value >= float(cast("float", other))

    def __str__(self) -> str:
        return f"{self._core.value:.5f}".rstrip("0").rstrip(".")


def _face(cls: type[core.Indicator]) -> type[core.Indicator]:
    def __init__(self: core.Indicator, *arguments: Any, **named: Any) -> None:
        if arguments and isinstance(arguments[0], str):  # LEAN's constructors take an optional name first
            named["name"], arguments = arguments[0], arguments[1:]
        make: Callable[..., None] = cls.__init__
        make(self, *arguments, **named)
        _dress_parts(self)

    members: dict[str, object] = {
        "__module__": __name__, "__doc__": cls.__doc__, "__init__": __init__, "zone": DEFAULT_ZONE,
        "_event": None,
    }  # fmt: skip
    for base in reversed(cls.__mro__):
        if base.__module__.startswith("livetrader_engine"):
            members.update({pascal(name): value for name, value in vars(base).items() if name[:1] != "_"})
    return cast("type[core.Indicator]", type(cls.__name__, (cls, IndicatorFace), members))


FACES: Final[dict[type[core.Indicator], type[core.Indicator]]] = {
    cls: _face(cls) for cls in (*(entry.indicator for entry in core.REGISTRY.values()), Reading)
}
INDICATORS: Final = {face.__name__: face for cls, face in FACES.items() if cls is not Reading}


def _dress_parts(whole: core.Indicator) -> None:
    for part in whole.parts():
        face = FACES.get(type(part))
        if face is not None:
            part.__class__ = face  # the same object, with the face's methods: both classes have one layout
            _dress_parts(part)


def symbol_of(value: object) -> Symbol | None:
    """Return the symbol of a symbol, a security or a bar; None for anything else."""
    if isinstance(value, Symbol):
        return value
    found = getattr(value, "symbol", None)
    return found if isinstance(found, Symbol) else None
