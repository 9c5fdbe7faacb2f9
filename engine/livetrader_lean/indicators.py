"""Indicators as an algorithm sees them: the core's, with `current`, `update`, both spellings and comparisons.

Each core indicator class gets a face class of the same name, generated from the registry. Parts that the
core makes (MACD's signal) are given their faces when the whole is made.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from datetime import tzinfo
from typing import Any, Final, TypeVar, cast

from livetrader_engine import indicators as core
from livetrader_engine.errors import AlgorithmError
from livetrader_engine.indicators.composition import WeightedAverage
from livetrader_engine.indicators.extremes import Reading
from livetrader_engine.indicators.volatility import Variance
from livetrader_lean.indicator_points import IndicatorDataPoint, Numeric
from livetrader_lean.market import DEFAULT_ZONE, BaseData, TradeBar
from livetrader_lean.names import learn_acronyms, pascal, snake
from livetrader_lean.rates import rate_of
from livetrader_lean.symbols import Symbol
from livetrader_lean.times import to_ns
from livetrader_lean.views import Face
from livetrader_lean.windows import RollingWindow

__all__ = [
    "FACES",
    "HELPERS",
    "INDICATORS",
    "IndicatorDataPoint",
    "IndicatorFace",
    "RollingWindow",
    "symbol_of",
]


def _helpers() -> dict[str, tuple[core.Entry, ...]]:
    found: dict[str, tuple[core.Entry, ...]] = {}
    for entry in core.REGISTRY.values():
        if entry.helper is not None:
            name = entry.helper.lower() if entry.helper.isupper() else snake(entry.helper)
            found[name] = (*found.get(name, ()), entry)
            if entry.indicator is Variance:  # which has two helpers
                found["v"] = (entry._replace(helper="V"), *found.get("v", ()))
    return found


# helper method (snake_case) -> what it makes; LEAN overloads some (VAR, VWAP, V)
HELPERS: Final = _helpers()
learn_acronyms({name: str(entries[0].helper) for name, entries in HELPERS.items()})
learn_acronyms({f"roc{number}ma": f"ROC{number}MA" for number in range(1, 5)})  # of KnowSureThing

Dressed = TypeVar("Dressed", bound=core.Indicator)


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


class IndicatorWindow(Face):
    """The newest values of an indicator, newest first.

    As in LEAN it holds a zero before the first value, an index beyond its size makes it grow, and one that
    holds nothing yet gives None.
    """

    __slots__ = ("_owner",)

    def __init__(self, owner: IndicatorFace) -> None:
        self._owner = owner

    @property
    def size(self) -> int:
        """How many values are remembered; may be set."""
        return self._owner._core.points.size

    @size.setter
    def size(self, size: int) -> None:
        self._owner._core.points.size = size

    @property
    def count(self) -> int:
        """How many there are."""
        return self._owner._core.points.count

    @property
    def samples(self) -> int:
        """How many there ever were."""
        return self._owner._core.points.samples

    @property
    def is_ready(self) -> bool:
        """Whether it is full."""
        return self._owner._core.points.is_ready

    @property
    def most_recently_removed(self) -> IndicatorDataPoint | None:
        """The value that fell out last, None while none has."""
        removed = self._owner._core.points.most_recently_removed
        return None if removed is None else self._owner._face_of(removed)

    def __getitem__(self, index: int) -> IndicatorDataPoint | None:
        points = self._owner._core.points
        place = index if index >= 0 else points.count + index
        if index < -points.size:
            raise IndexError(f"the window has {points.size} places, there is no index {index}")
        if place >= points.size:
            points.size = place + 1
        return self._owner._face_of(points[place]) if 0 <= place < points.count else None

    def __iter__(self) -> Iterator[IndicatorDataPoint]:
        return iter([self._owner._face_of(point) for point in self._owner._core.points])

    def __len__(self) -> int:
        return self.count


class IndicatorFace(Numeric, Face):
    """What the face adds to every core indicator. Always mixed with one, behind it and without slots.

    A face class then has the layout of its core class, so that `dress` may turn an instance of the one into
    the other. In comparisons and arithmetic an indicator is its value; two indicators are equal when they are
    the same one.
    """

    __slots__ = ()
    zone: tzinfo  # in which `current.time` is told; the helpers set the exchange's
    symbol: Symbol | None  # whose data it was last updated with, as far as that is known
    _event: UpdatedEvent | None
    _consolidators: list[object] | None

    @property
    def _core(self) -> core.Indicator:
        return cast("core.Indicator", self)

    @property
    def current(self) -> IndicatorDataPoint:
        """The newest value with its time; zero before the first."""
        return self._face_of(self._core.points[0])

    @property
    def previous(self) -> IndicatorDataPoint:
        """The value before the newest; zero where there is none."""
        points = self._core.points
        return self._face_of(points[1] if points.count > 1 else core.BEFORE_ALL)

    @property
    def window(self) -> IndicatorWindow:
        """The newest values; set its `size` to remember more than two."""
        return IndicatorWindow(self)

    def place(self, zone: tzinfo, symbol: Symbol | None = None) -> None:
        """Say whose data it is updated with, and in which zone its times are told."""
        vars(self)["zone"] = zone
        if symbol is not None:
            vars(self)["symbol"] = symbol

    def _face_of(self, point: core.IndicatorPoint) -> IndicatorDataPoint:
        face = IndicatorDataPoint(self.symbol, point.time_ns, point.value)
        face.zone = self.zone
        return face

    def update(self, *arguments: Any) -> bool:
        """Take a bar, a data point, or a time and a value; return whether the indicator is ready."""
        own = self._core
        if len(arguments) == 2:
            time, value = arguments
            return own.push(to_ns(time, self.zone), float(value))
        (point,) = arguments
        if isinstance(point, IndicatorDataPoint):
            if own.kind is core.InputKind.DATA:  # hands the point on as it is
                return own.push_bar(cast("core.BarLike", point))
            return own.push(point.end_time_ns, point.value)
        if not isinstance(point, BaseData):
            raise AlgorithmError(f"{own.name} cannot be updated with a {type(point).__name__}")
        if own.kind is core.InputKind.TRADE_BAR and not isinstance(point, TradeBar):
            raise AlgorithmError(f"{own.name} needs trade bars, not a {type(point).__name__}")
        vars(self)["symbol"] = point.symbol
        plain = own.kind is not core.InputKind.DATA and isinstance(point, TradeBar)
        return own.push_bar(cast("core.BarLike", point.core if plain else point))

    @property
    def consolidators(self) -> list[object]:
        """The consolidators that feed it."""
        if self._consolidators is None:
            vars(self)["_consolidators"] = []
        assert self._consolidators is not None
        return self._consolidators

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

    def to_detailed_string(self) -> str:
        """Return name and value."""
        return f"{self._core.name} - {self}"

    def __getitem__(self, index: int) -> IndicatorDataPoint | None:
        return IndicatorWindow(self)[index]

    def __iter__(self) -> Iterator[IndicatorDataPoint]:
        return iter(IndicatorWindow(self))

    def __float__(self) -> float:
        return self._core.value

    __hash__ = object.__hash__

    def __str__(self) -> str:
        text = f"{self._core.value:.5f}".rstrip("0")
        return f"{text}0" if text.endswith(".") else text


def own_names(
    cls: type[core.Indicator], named: dict[str, Any], aliases: Mapping[str, str] = core.base.NO_ALIASES
) -> dict[str, Any]:
    """Return named arguments under the constructor's names; `aliases` are further names of these.

    LEAN's spellings differ in capitals and underscores (`fastPeriod`, `roc1period`), and it calls the kind of
    an average now `type` and now `movingAverageType`. What fits none is left as it is.
    """
    accepted = {_plain(name): name for name in inspect.signature(cls.__init__).parameters}
    accepted |= {_plain(alias): name for alias, name in aliases.items()}
    for one, other in (("type", "movingaveragetype"), ("movingaveragetype", "type")):
        if other in accepted:
            accepted.setdefault(one, accepted[other])
    return {accepted.get(_plain(name), name): value for name, value in named.items()}


def _plain(name: str) -> str:
    return name.replace("_", "").lower()


def _face(cls: type[core.Indicator]) -> type[core.Indicator]:
    def __init__(self: core.Indicator, *arguments: Any, **named: Any) -> None:
        named = {name: rate_of(value) for name, value in own_names(cls, named).items()}
        arguments = tuple(map(rate_of, arguments))
        if arguments and isinstance(arguments[0], str):  # LEAN's constructors take an optional name first
            named["name"], arguments = arguments[0], arguments[1:]
        if any(isinstance(argument, Symbol) for argument in arguments[1:]):  # some take a period before them
            arguments = tuple(sorted(arguments, key=lambda argument: not isinstance(argument, Symbol)))
        make: Callable[..., None] = cls.__init__
        make(self, *arguments, **named)
        _dress_parts(self)

    members: dict[str, object] = {
        "__module__": __name__, "__doc__": cls.__doc__, "__init__": __init__, "zone": DEFAULT_ZONE,
        "symbol": None, "_event": None, "_consolidators": None,
    }  # fmt: skip
    for special in ("__eq__", "__hash__"):
        members[special] = getattr(IndicatorFace, special)
    for base in reversed(cls.__mro__):
        if base.__module__.startswith("livetrader_engine"):
            # plain values are left to __getattr__: an instance may have its own
            members.update({
                pascal(name): value for name, value in vars(base).items()
                if name[:1] != "_" and (callable(value) or isinstance(value, property))
            })  # fmt: skip
    return cast("type[core.Indicator]", type(cls.__name__, (cls, IndicatorFace), members))


_UNNAMED: Final = (Reading, WeightedAverage)  # lines of others: never made by name
FACES: Final[dict[type[core.Indicator], type[core.Indicator]]] = {
    cls: _face(cls) for cls in (*(entry.indicator for entry in core.REGISTRY.values()), *_UNNAMED)
}
INDICATORS: Final = {face.__name__: face for cls, face in FACES.items() if cls not in _UNNAMED}


def dress(indicator: Dressed) -> Dressed:
    """Give a core indicator and its parts their faces; return it. What has its face already keeps it."""
    face: Any = FACES.get(type(indicator))
    if face is not None:
        indicator.__class__ = face  # the same object, with the face's methods: both classes have one layout
        _dress_parts(indicator)
    return indicator


def _dress_parts(whole: core.Indicator) -> None:
    for part in whole.parts():
        dress(part)


def symbol_of(value: object) -> Symbol | None:
    """Return the symbol of a symbol, a security or a bar; None for anything else."""
    if isinstance(value, Symbol):
        return value
    found = getattr(value, "symbol", None)
    return found if isinstance(found, Symbol) else None
