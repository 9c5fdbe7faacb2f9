"""Indicators over past bars: `warm_up_indicator` and `indicator_history`.

Source: LEAN's QCAlgorithm.Indicators.cs (WarmUpIndicator, IndicatorHistory).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, timedelta
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from livetrader_engine.commands import LogLevel
from livetrader_engine.data.subscription import HistoryRequest
from livetrader_engine.errors import AlgorithmError
from livetrader_engine.indicators import Indicator, IndicatorPoint, InputKind
from livetrader_engine.indicators.averages import MovingAverageType
from livetrader_engine.symbols import Resolution
from livetrader_engine.symbols import Symbol as CoreSymbol
from livetrader_lean.binding import Binding
from livetrader_lean.consolidation import ConsolidatorBase
from livetrader_lean.fields import quote_side
from livetrader_lean.history import answer, slices_of
from livetrader_lean.history_requests import Options, Planner
from livetrader_lean.indicators import IndicatorDataPoint
from livetrader_lean.market import BaseData, QuoteBar
from livetrader_lean.names import Twins, pascal, snake
from livetrader_lean.registration import Selector, consolidator_for, push_selected
from livetrader_lean.slices import Slice
from livetrader_lean.times import span_ns, to_ns

if TYPE_CHECKING:
    import pandas as pd

_COARSE_FIRST: Final = (Resolution.DAILY, Resolution.HOUR, Resolution.MINUTE, Resolution.SECOND)
_READINGS: Final = ("current",)
_CORE: Final = "livetrader_engine.indicators."


class IndicatorDataPoints(Twins):
    """What an indicator and its parts said at one time: `current`, and each part by its name."""

    def __init__(self, time: datetime, values: dict[str, IndicatorDataPoint]) -> None:
        self.time = self.end_time = time
        self._values = values

    def __getattr__(self, name: str) -> Any:
        values = self.__dict__.get("_values", {})
        found = values.get(snake(name))
        if found is None:
            raise AttributeError(name)
        return found.value if name != "current" else found

    @property
    def value(self) -> float:
        """The indicator's value."""
        return self._values["current"].value

    def __getitem__(self, name: str) -> Any:
        return self._values[snake(name)]

    def __str__(self) -> str:
        return f"{self.end_time} - {self.value}"


class IndicatorHistory(Twins):
    """What an indicator said over past bars: a list of points, lists by part, and a DataFrame."""

    def __init__(
        self, points: list[IndicatorDataPoints], names: list[str], facts: dict[str, str] | None = None
    ) -> None:
        self._points = points
        self._names = names
        self._facts = facts or {}

    @property
    def current(self) -> list[IndicatorDataPoint]:
        """The indicator's own values."""
        return self._of("current")

    def _of(self, name: str) -> list[IndicatorDataPoint]:
        return [point._values[name] for point in self._points if name in point._values]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or snake(name) not in self._names:
            raise AttributeError(name)
        return self._of(snake(name))

    def __getitem__(self, key: int | str) -> Any:
        return self._points[key] if isinstance(key, int) else self._of(snake(key))

    def __iter__(self) -> Iterator[IndicatorDataPoints]:
        return iter(self._points)

    def __len__(self) -> int:
        return len(self._points)

    @property
    def count(self) -> int:
        """How many points there are."""
        return len(self._points)

    @property
    def data_frame(self) -> pd.DataFrame:
        """The values as a DataFrame by end time: a column per part and `current`, in alphabetical order.

        Facts about the indicator that LEAN makes columns of, such as its kind of average, are columns too.
        """
        import pandas as pd

        index = pd.DatetimeIndex([point.end_time for point in self._points], name="time")
        columns: dict[str, Any] = {
            name.replace("_", ""): [
                point._values[name].value if name in point._values else float("nan") for point in self._points
            ]
            for name in self._names
        }
        columns.update({name: [words] * len(self._points) for name, words in self._facts.items()})
        return pd.DataFrame(columns, index=index)[sorted(columns)]


class _Recorder:
    """Notes what an indicator says each time it is ready, once per time."""

    def __init__(self, indicator: Indicator, zone: Any) -> None:
        self._indicator = indicator
        self._zone = zone
        self._last: IndicatorPoint | None = None
        self._noted_ns: int | None = None
        self._parts = _parts_of(indicator)
        self.names = [*self._parts, *_READINGS]
        self.points: list[IndicatorDataPoints] = []

    def hear(self, _sender: Indicator, point: IndicatorPoint) -> None:
        if not self._indicator.is_ready:
            return
        if self._last is None or self._last.time_ns != point.time_ns:
            self.note(point)
        self._last = point

    def note(self, point: IndicatorPoint | None) -> None:
        if point is None or point.time_ns == self._noted_ns:
            return
        self._noted_ns = point.time_ns
        values = {name: self._face(part) for name, part in self._parts.items()}
        values["current"] = self._face(self._indicator)
        self.points.append(IndicatorDataPoints(values["current"].end_time, values))

    def finish(self) -> None:
        self.note(self._last)

    def _face(self, indicator: Indicator) -> IndicatorDataPoint:
        face = IndicatorDataPoint(indicator.time_ns, indicator.value)
        face.zone = self._zone
        return face


def _parts_of(indicator: Indicator) -> dict[str, Indicator]:
    """Return the indicators that an indicator shows beside itself, by name: attributes and properties."""
    names = [name for name in vars(indicator) if not name.startswith("_")]
    for cls in type(indicator).__mro__:
        if cls.__module__.startswith(_CORE) and cls is not Indicator:
            names += [name for name, value in vars(cls).items() if _gives_indicator(value)]
    found = {name: getattr(indicator, name) for name in dict.fromkeys(names)}
    return {name: part for name, part in found.items() if isinstance(part, Indicator)}


def _gives_indicator(value: object) -> bool:
    return (
        isinstance(value, property)
        and getattr(value.fget, "__annotations__", {}).get("return") == "Indicator"
    )


def _facts_of(indicator: Indicator) -> dict[str, str]:
    kind = getattr(indicator, "moving_average_type", None)
    return {} if kind is None else {"movingaveragetype": pascal(MovingAverageType(int(kind)).name.lower())}


def history_of(
    binding: Binding,
    indicator: Indicator,
    given: list[Any],
    named: dict[str, Any],
    *,
    warmed: bool = True,
) -> IndicatorHistory:
    """Answer a call of `indicator_history`; see IndicatorsMixin.

    `warmed`: ask for the bars before, too, so that the indicator is ready at the first one. The QuantBook's
    `indicator` does not.
    """
    first = named.pop("symbol", named.pop("symbols", None)) if named else None
    history = named.pop("history", None)
    if first is None and history is None and given:
        first = given.pop(0)
    if history is None and _is_slices(first):
        history = first
    names = ("period", "span", "start", "end", "resolution", "selector")
    call = {name: named.pop(name, None) for name in names}
    if named:
        raise AlgorithmError(f"indicator_history does not understand {sorted(named)}")
    if history is not None:
        call["selector"] = call["selector"] or (given.pop(0) if given else None)
        return _run(binding, indicator, list(history), call["selector"])
    symbols = [binding.resolve(s) for s in (first if isinstance(first, list | tuple) else [first])]
    _positional(call, given)
    requests = _requests(binding, symbols, indicator.warm_up_period if warmed else 0, call)
    slices = slices_of(binding, chain.from_iterable(points for _, points in answer(binding, requests)))
    return _run(binding, indicator, slices, call["selector"], binding.zone(symbols[0]))


def _is_slices(value: object) -> bool:
    return isinstance(value, Iterable) and not isinstance(value, str) and all(
        isinstance(one, Slice) for one in (value if isinstance(value, list) else ())
    ) and isinstance(value, list) and bool(value)  # fmt: skip


def _positional(call: dict[str, Any], given: list[Any]) -> None:
    """Sort positional arguments into the call: how far back, then resolution, then selector."""
    for value in given:
        if isinstance(value, timedelta):
            call["span"] = value
        elif isinstance(value, date):
            call["end" if call["start"] is not None else "start"] = value
        elif callable(value):
            call["selector"] = value
        elif type(value).__name__ == "Resolution":
            call["resolution"] = value
        elif isinstance(value, int):
            call["period"] = value


def _requests(
    binding: Binding, symbols: list[CoreSymbol], warm_up_bars: int, call: dict[str, Any]
) -> list[HistoryRequest]:
    resolution = None if call["resolution"] is None else Resolution(int(call["resolution"]))
    planner = Planner(binding, Options(resolution))
    if call["period"] is not None:
        more = warm_up_bars - 1 if warm_up_bars > 0 and call["period"] > 0 else warm_up_bars
        return [one for s in symbols for one in planner.of_bars(s, call["period"] + more)]
    end_ns = binding.engine.clock.now_ns
    if call["span"] is not None:
        start_ns = end_ns - span_ns(call["span"])
    elif call["start"] is not None:
        start_ns = to_ns(call["start"], binding.time_zone)
        end_ns = end_ns if call["end"] is None else to_ns(call["end"], binding.time_zone)
    else:
        raise AlgorithmError("indicator_history needs a number of bars, a timedelta, or a start and an end")
    if warm_up_bars > 1:
        start_ns = min(start_ns, _earlier(binding, planner, symbols, start_ns, warm_up_bars - 1))
    return [one for s in symbols for one in planner.between(s, start_ns, end_ns)]


def _earlier(binding: Binding, planner: Planner, symbols: list[CoreSymbol], start_ns: int, bars: int) -> int:
    """Return where bars begin that make an indicator ready at a start."""
    starts = [
        request.start_ns
        for symbol in symbols
        for request in planner.of_bars(symbol, bars, start_ns)
    ]  # fmt: skip
    return min(starts, default=start_ns)


def _run(
    binding: Binding,
    indicator: Indicator,
    slices: list[Slice],
    selector: Selector | None,
    zone: Any = None,
) -> IndicatorHistory:
    """Reset the indicator, give it the slices' bars, return what it said."""
    indicator.reset()
    recorder = _Recorder(indicator, zone or binding.time_zone)
    indicator.handlers.append(recorder.hear)
    push = _pusher(indicator, selector)
    for bar in _bars(indicator, slices, selector):
        push(bar)
    recorder.finish()
    indicator.handlers.remove(recorder.hear)
    return IndicatorHistory(recorder.points, recorder.names, _facts_of(indicator))


def _bars(indicator: Indicator, slices: list[Slice], selector: Selector | None) -> Iterator[BaseData]:
    """Yield what LEAN would push: one point per symbol and slice, of the kind that the selector needs."""
    side = quote_side(selector)
    for one in slices:
        if side is True:
            yield from (pair.value for pair in one.quote_bars)
        elif side is False or indicator.kind is InputKind.TRADE_BAR:
            yield from (pair.value for pair in one.bars)
        else:
            for pair in one:
                value = pair.value
                yield value[-1] if isinstance(value, list) else value


def _pusher(indicator: Indicator, selector: Selector | None) -> Callable[[Any], object]:
    if selector is not None:
        chosen = selector
        return lambda bar: push_selected(indicator, chosen(bar), bar.end_time_ns)
    if indicator.kind is InputKind.VALUE:
        return lambda bar: indicator.push(bar.end_time_ns, bar.value)
    if indicator.kind is InputKind.DATA:
        return indicator.push_bar
    return lambda bar: indicator.push_bar(bar if isinstance(bar, QuoteBar) else bar.core)


def warm_up(
    binding: Binding,
    symbols: list[CoreSymbol],
    indicator: Indicator,
    wanted: Any,
    selector: Selector | None,
) -> None:
    """Update an indicator with as many past bars as it needs; of a timedelta they are consolidated first."""
    bars = indicator.warm_up_period
    if bars <= 0:
        binding.log(
            LogLevel.DEBUG, f"{indicator.name} is not warmed up: it does not say how many bars it needs"
        )
        return
    if not isinstance(wanted, timedelta):
        _run(binding, indicator, _past(binding, symbols, bars, wanted), selector)
        return
    asked_ns = span_ns(wanted)
    resolution = next((one for one in _COARSE_FIRST if asked_ns >= one.period_ns), None)
    if resolution is None:
        raise AlgorithmError("an indicator is warmed up with bars of a second or longer")
    slices = _past(binding, symbols, bars * (asked_ns // resolution.period_ns), resolution)
    push = _pusher(indicator, selector)
    made = {symbol: _consolidator(binding, symbol, wanted, push) for symbol in symbols}
    for one in slices:
        for symbol, consolidator in made.items():
            _feed(consolidator, one, symbol)
    for consolidator in made.values():
        consolidator.core.scan(binding.engine.clock.now_ns)


def _past(binding: Binding, symbols: list[CoreSymbol], bars: int, resolution: Any) -> list[Slice]:
    planner = Planner(binding, Options(None if resolution is None else Resolution(int(resolution))))
    requests = [one for symbol in symbols for one in planner.of_bars(symbol, bars)]
    return slices_of(binding, chain.from_iterable(points for _, points in answer(binding, requests)))


def _consolidator(
    binding: Binding, symbol: CoreSymbol, period: timedelta, push: Callable[[Any], object]
) -> ConsolidatorBase:
    made = consolidator_for(binding, symbol, period, None)
    made._bind(binding.zone(symbol))
    made.on_consolidated(push)
    return made


def _feed(consolidator: ConsolidatorBase, one: Slice, symbol: CoreSymbol) -> None:
    from livetrader_lean.symbols import Symbol

    held: Any = one.quote_bars if issubclass(QuoteBar, consolidator.input_type) else one.bars
    bar = held.get(Symbol(symbol))
    if bar is not None:
        consolidator.core.update(bar.core)
