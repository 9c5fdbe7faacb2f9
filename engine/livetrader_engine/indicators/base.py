"""What every indicator is: a forward-only reduction of market points to a float.

An indicator owns its state and knows neither time zones nor spelling; the LEAN face adds both. Values follow
LEAN's Indicators/*.cs (what is returned before an indicator is ready included), in float arithmetic.
Registered by decorator under LEAN's helper name (`SMA`), from which the face generates its helpers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from types import MappingProxyType
from typing import ClassVar, Final, NamedTuple, Protocol, TypeVar

from livetrader_engine.errors import AlgorithmError
from livetrader_engine.indicators.window import RollingWindow

HISTORY_SIZE: Final = 2  # values an indicator remembers by default: current and previous, as in LEAN


class BarLike(Protocol):
    """What an indicator reads of a bar."""

    @property
    def open(self) -> float:
        """First price."""
        ...

    @property
    def high(self) -> float:
        """Highest price."""
        ...

    @property
    def low(self) -> float:
        """Lowest price."""
        ...

    @property
    def close(self) -> float:
        """Last price."""
        ...

    @property
    def end_time_ns(self) -> int:
        """UTC nanoseconds at which the bar was complete."""
        ...

    @property
    def value(self) -> float:
        """The price that a value indicator sees."""
        ...


class InputKind(Enum):
    """What an indicator is updated with."""

    VALUE = "value"
    BAR = "bar"  # needs open, high, low, close
    TRADE_BAR = "trade bar"  # needs the volume too
    DATA = "data point"  # hands any point on to the user's own code


class IndicatorPoint(NamedTuple):
    """One value of an indicator and the time of the input it came from (UTC ns)."""

    time_ns: int
    value: float


# LEAN's window holds a zero from the start, which the first value pushes back
BEFORE_ALL: Final = IndicatorPoint(0, 0.0)

_VALUE: Final = InputKind.VALUE  # members of an enum are slow to look up
_new_point: Final = tuple.__new__  # what the generated constructor of a named tuple calls, at half its price

UpdatedHandler = Callable[["Indicator", IndicatorPoint], None]


class Indicator:
    """Base of all indicators: counts samples, keeps the newest values, tells handlers.

    Subclasses compute in `_compute` (VALUE) or `_compute_bar` (bars) and say when they are ready.
    Not thread-safe: owned by the engine's thread, or by whoever made it.
    """

    kind: ClassVar[InputKind] = InputKind.VALUE
    warm_up_period: int = 1

    def __init__(self, name: str) -> None:
        self.name = name
        self.samples = 0
        self.value = 0.0
        self.time_ns = 0
        self.handlers: list[UpdatedHandler] = []
        self._newest_bar: BarLike | None = None
        self.points: RollingWindow[IndicatorPoint] = RollingWindow(HISTORY_SIZE)
        self.points.add(BEFORE_ALL)

    @property
    def is_ready(self) -> bool:
        """Whether enough samples have been seen for the value to mean something."""
        return self.samples >= self.warm_up_period

    def push(self, time_ns: int, value: float) -> bool:
        """Take one value; return whether the indicator is ready.

        A time before the newest input's is ignored: indicators only go forward. Raises AlgorithmError for
        indicators that need bars.
        """
        if self.kind is not _VALUE:
            raise AlgorithmError(f"{self.name} needs bars: update it with a {self.kind.value}")
        if time_ns < self.time_ns:
            return self.is_ready
        self.samples += 1
        self.time_ns = time_ns
        self._publish(time_ns, self._compute(value))
        return self.is_ready

    def push_bar(self, bar: BarLike) -> bool:
        """Take one bar (value indicators take its value); return whether the indicator is ready.

        The same bar twice in a row counts once, as in LEAN: it may come by itself and by hand.
        """
        if self.kind is _VALUE:
            return self.push(bar.end_time_ns, bar.value)
        if bar.end_time_ns < self.time_ns or bar is self._newest_bar:
            return self.is_ready
        self._newest_bar = bar
        self.samples += 1
        self.time_ns = bar.end_time_ns
        self._publish(bar.end_time_ns, self._compute_bar(bar))
        return self.is_ready

    def reset(self) -> None:
        """Forget everything but the name, the parameters and the handlers."""
        self.samples = 0
        self.value = 0.0
        self.time_ns = 0
        self._newest_bar = None
        self.points.reset()
        self.points.add(BEFORE_ALL)
        self._clear()

    def parts(self) -> Iterator[Indicator]:
        """Yield the indicators that this one is made of."""
        return (part for part in vars(self).values() if isinstance(part, Indicator))

    def _publish(self, time_ns: int, value: float | None) -> None:
        if value is None:  # nothing to say for this input
            return
        value += 0.0  # decimals know no negative zero
        self.value = value
        point = _new_point(IndicatorPoint, (time_ns, value))
        self.points.add(point)
        for handler in self.handlers:
            handler(self, point)

    def _compute(self, value: float) -> float | None:
        raise NotImplementedError

    def _compute_bar(self, bar: BarLike) -> float | None:
        raise NotImplementedError

    def _clear(self) -> None:
        for part in self.parts():
            part.reset()


class WindowIndicator(Indicator):
    """Base of indicators over the newest `period` values."""

    def __init__(self, name: str, period: int) -> None:
        super().__init__(name)
        self.period = check_period(name, period)
        self.warm_up_period = period
        self.inputs: RollingWindow[float] = RollingWindow(period)

    @property
    def lagged(self) -> float:
        """The value `period` samples ago, or the oldest there is."""
        inputs = self.inputs
        if inputs.samples <= inputs.size:
            return inputs[inputs.count - 1]
        removed = inputs.most_recently_removed
        assert removed is not None
        return removed

    def _compute(self, value: float) -> float | None:
        self.inputs.add(value)
        return self._compute_window(value)

    def _compute_window(self, value: float) -> float | None:
        raise NotImplementedError

    def _clear(self) -> None:
        super()._clear()
        self.inputs.reset()


def check_period(name: str, period: int) -> int:
    """Return `period`. Raises AlgorithmError where it is less than one."""
    if period < 1:
        raise AlgorithmError(f"{name}: the period must be 1 or more, not {period}")
    return period


class SymbolsTaken(Enum):
    """What a helper method takes before an indicator's parameters."""

    ONE = "one"  # sma(symbol, ...)
    PAIR = "pair"  # b(target, reference, ...): the constructor takes both symbols, too
    MANY = "many"  # adr(symbols, ...): each is given to the indicator's `add`


NO_DEFAULTS: Final[Mapping[str, object]] = MappingProxyType({})
NO_ALIASES: Final[Mapping[str, str]] = MappingProxyType({})


class Entry(NamedTuple):
    """One registered indicator: LEAN's helper name (None: no helper), the class, and how the two differ.

    `defaults` are parameters for which the helper has another default than the constructor (or has one
    where the constructor has none); `aliases` are the helper's names of parameters that the constructor
    calls otherwise.
    """

    helper: str | None
    indicator: type[Indicator]
    symbols: SymbolsTaken = SymbolsTaken.ONE
    defaults: Mapping[str, object] = NO_DEFAULTS
    aliases: Mapping[str, str] = NO_ALIASES


REGISTRY: Final[dict[str, Entry]] = {}  # class name -> entry; filled by the decorator at import

AnyIndicator = TypeVar("AnyIndicator", bound=type[Indicator])


def indicator(
    helper: str | None = None, symbols: SymbolsTaken = SymbolsTaken.ONE, *,
    defaults: Mapping[str, object] = NO_DEFAULTS, aliases: Mapping[str, str] = NO_ALIASES,
) -> Callable[[AnyIndicator], AnyIndicator]:  # fmt: skip
    """Register an indicator class under LEAN's helper name; see Entry for the rest."""

    def register(cls: AnyIndicator) -> AnyIndicator:
        REGISTRY[cls.__name__] = Entry(helper, cls, symbols, defaults, aliases)
        return cls

    return register
