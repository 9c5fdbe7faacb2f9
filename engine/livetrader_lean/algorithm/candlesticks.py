"""`self.candlestick_patterns`: one helper per pattern. Source: LEAN's Algorithm/CandlestickPatterns.cs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from livetrader_engine.indicators import REGISTRY, Entry, Indicator
from livetrader_engine.indicators.candlesticks import CandlestickPattern
from livetrader_lean.algorithm.part import Part
from livetrader_lean.consolidation import stream_of
from livetrader_lean.helpers import Call
from livetrader_lean.indicator_names import indicator_name
from livetrader_lean.names import pascal, snake
from livetrader_lean.views import Face

if TYPE_CHECKING:
    from livetrader_lean.algorithm.indicators import IndicatorsMixin


class CandlestickPatterns(Face):
    """Makes patterns of a symbol and keeps them up to date: `doji(symbol[, resolution[, selector]])`."""

    __slots__ = ("_algorithm",)

    def __init__(self, algorithm: Any) -> None:
        self._algorithm: IndicatorsMixin = algorithm


class CandlesticksMixin(Part):
    """The property behind which LEAN keeps the helpers of candlestick patterns."""

    @property
    def candlestick_patterns(self) -> CandlestickPatterns:
        """Helpers that make candlestick patterns: `self.candlestick_patterns.hammer(symbol)`."""
        return CandlestickPatterns(self)


def _helper(entry: Entry) -> Callable[..., Indicator]:
    written = entry.indicator.__name__

    def make(self: CandlestickPatterns, *arguments: Any, **named: Any) -> Indicator:
        algorithm = self._algorithm
        call = Call(written, entry, arguments, named)
        (symbol,) = call.symbols
        resolution = call.resolution
        if resolution is None:
            resolution = stream_of(algorithm._lean, algorithm._lean.resolve(symbol)).resolution
        made = call.make(indicator_name(written.upper(), symbol, resolution))
        algorithm.register_indicator(symbol, made, call.resolution, call.selector)
        return made

    make.__name__ = snake(written)
    make.__doc__ = f"Make a {written} of a symbol and keep it up to date."
    return make


for _entry in REGISTRY.values():
    if issubclass(_entry.indicator, CandlestickPattern):
        _method = _helper(_entry)
        setattr(CandlestickPatterns, _method.__name__, _method)
        setattr(CandlestickPatterns, pascal(_method.__name__), _method)
