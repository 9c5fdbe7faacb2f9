"""Indicator helpers, generated from the registry, and consolidation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, Final

from livetrader_engine.data.subscription import TickType
from livetrader_engine.errors import AlgorithmError
from livetrader_engine.indicators import Entry, Indicator
from livetrader_engine.indicators.pairs import PairIndicator
from livetrader_engine.symbols import Symbol as CoreSymbol
from livetrader_lean.algorithm.part import Part
from livetrader_lean.binding import Binding
from livetrader_lean.consolidation import ConsolidatorBase, consolidator_of, data_type, stream_of
from livetrader_lean.enums import Resolution
from livetrader_lean.fields import Field
from livetrader_lean.helpers import Call, understood
from livetrader_lean.indicator_history import IndicatorHistory, history_of, warm_up
from livetrader_lean.indicator_names import indicator_name
from livetrader_lean.indicators import HELPERS, IndicatorFace
from livetrader_lean.market import BaseData, TradeBar
from livetrader_lean.names import pascal
from livetrader_lean.registration import (
    Selector,
    consolidator_for,
    feeder,
    kind_for,
    sized_consolidator,
    typed_consolidator,
)
from livetrader_lean.symbols import Symbol
from livetrader_lean.times import utc
from livetrader_lean.user_indicators import indicator_of


class IndicatorsMixin(Part):
    """`consolidate`, `register_indicator` and one helper method per registered indicator (`sma`, `SMA`)."""

    def consolidate(self, *arguments: Any, **named: Any) -> Any:
        """Call a handler with each bar made of a symbol's data.

        `consolidate(symbol, period[, tick_type], handler)` with a Resolution, timedelta or calendar, or
        `consolidate(type, symbol, size, tick_type, handler)` for bricks and for bars of a number of points.
        Without a handler (None) nothing is attached. Returns the consolidator.
        """
        given = list(arguments)
        made_type = named.pop("type", None)
        if made_type is None and given and isinstance(given[0], type) and issubclass(given[0], BaseData):
            made_type = given.pop(0)
        symbol = self._lean.resolve(named.pop("symbol") if "symbol" in named else given.pop(0))
        names = ("period", "calendar", "size")
        wanted = next((named.pop(name) for name in names if name in named), None)
        if wanted is None and given:
            wanted = given.pop(0)
        handler = named.pop("handler") if "handler" in named else (given.pop() if given else None)
        kind = named.pop("tick_type", None)
        if kind is None and given:
            kind = given.pop(0)
        if given or named:
            raise AlgorithmError(f"consolidate does not understand {given or sorted(named)}")
        tick_type = None if kind is None else TickType(int(kind))
        if made_type is not None:
            if wanted is None:
                raise AlgorithmError("consolidate needs the size of the bars")
            made = sized_consolidator(self._lean, symbol, made_type, float(wanted), tick_type)
        else:
            made = consolidator_for(self._lean, symbol, wanted, tick_type)
        if handler is not None:
            made.on_consolidated(handler)
            made.attach(self._lean, symbol, tick_type)
        return made

    def register_indicator(
        self,
        symbol: Any,
        indicator: Any,
        resolution: Any = None,
        selector: Selector | None = None,
        *,
        consolidator: Any = None,
    ) -> None:
        """Update an indicator with a symbol's bars: as they come, of another period, or a consolidator's."""
        wanted = resolution if consolidator is None else consolidator
        self._register(self._lean.resolve(symbol), indicator_of(indicator), wanted, selector, None)

    def _register(
        self,
        symbol: CoreSymbol,
        indicator: Indicator,
        wanted: Any,
        selector: Selector | None,
        kind: TickType | None,
    ) -> None:
        lean = self._lean
        if wanted is None or isinstance(wanted, Resolution | timedelta):
            made = consolidator_for(lean, symbol, wanted, kind)
        else:
            made = consolidator_of(lean, wanted)
        if isinstance(indicator, IndicatorFace):
            indicator.place(lean.zone(symbol), Symbol(symbol))
            indicator.consolidators.append(made)
        made.attach(lean, symbol)
        made.core.handlers.append(feeder(indicator, selector, made))
        lean.registered.setdefault(id(indicator), (indicator, []))[1].append(made)

    def deregister_indicator(self, indicator: Any) -> None:
        """Update an indicator no longer; the consolidators that fed it are let go of, as in LEAN."""
        _, fed = self._lean.registered.pop(id(indicator_of(indicator)), (None, []))
        for consolidator in fed:
            consolidator.detach(self._lean, None)
        ours = indicator_of(indicator)
        if isinstance(ours, IndicatorFace):
            ours.consolidators.clear()

    def create_indicator_name(self, symbol: Any, type: str, resolution: Any = None) -> str:
        """Return LEAN's name of an indicator: `SMA(14)` of SPY's minutes is `SMA(14,SPY_min)`."""
        if resolution is None:
            resolution = stream_of(self._lean, self._lean.resolve(symbol)).resolution
        return indicator_name(type, symbol, resolution)

    def unregister_indicator(self, indicator: Any) -> None:
        """Do what `deregister_indicator` does; LEAN has both names."""
        IndicatorsMixin.deregister_indicator(self, indicator)

    @property
    def enable_automatic_indicator_warm_up(self) -> bool:
        """Whether helpers warm their indicators up; the old name of a setting."""
        return self._lean.consolidation.automatic_warm_up

    @enable_automatic_indicator_warm_up.setter
    def enable_automatic_indicator_warm_up(self, value: bool) -> None:
        self._lean.consolidation.automatic_warm_up = bool(value)

    def create_consolidator(
        self, period: timedelta, consolidator_input_type: type, tick_type: Any = None
    ) -> ConsolidatorBase:
        """Return a consolidator of a type of data into bars of a timedelta, unattached."""
        kind = None if tick_type is None else TickType(int(tick_type))
        return typed_consolidator(period, consolidator_input_type, kind)

    def resolve_consolidator(self, symbol: Any, resolution: Any, data_type: Any = None) -> ConsolidatorBase:
        """Return the consolidator that `register_indicator` would use, unattached."""
        kind = None if data_type is None else _kind_of(data_type)
        return consolidator_for(self._lean, self._lean.resolve(symbol), resolution, kind)

    def warm_up_indicator(
        self,
        symbol: Any,
        indicator: Any,
        resolution: Any = None,
        selector: Selector | None = None,
        *,
        period: timedelta | None = None,
    ) -> None:
        """Update an indicator with past bars of a symbol or of several, as many as it needs to be ready."""
        wanted = resolution if period is None else period
        warm_up(self._lean, _symbols(self._lean, symbol), indicator_of(indicator), wanted, selector)

    def indicator_history(self, indicator: Any, *arguments: Any, **named: Any) -> IndicatorHistory:
        """Return what an indicator would have said: `indicator_history(indicator, symbol, when, …)`.

        The indicator is reset and updated with past bars: a number of them, those of a timedelta, those of a
        start and an end, or the slices of a `history` call.
        """
        return history_of(self._lean, indicator_of(indicator), list(arguments), named)


def _symbols(lean: Any, given: Any) -> list[CoreSymbol]:
    several = given if isinstance(given, list | tuple | set) else [given]
    return [lean.resolve(symbol) for symbol in several]


def _kind_of(data_type: type) -> TickType:
    return TickType.QUOTE if data_type.__name__ == "QuoteBar" else TickType.TRADE


# what of a trade bar feeds these where the algorithm names no selector
_OF_TRADES: Final = {"MAX": Field.HIGH, "MIN": Field.LOW}


def _helper(name: str, entries: Sequence[Entry]) -> Callable[..., Indicator]:
    written = entries[0].helper or pascal(name)

    def make(self: IndicatorsMixin, *arguments: Any, **named: Any) -> Indicator:
        call = understood(written, entries, arguments, named)
        lean = self._lean
        symbols = [lean.resolve(symbol) for symbol in call.symbols]
        stream = stream_of(lean, symbols[0])
        made = call.make(call.name(stream.resolution))
        _complete(lean, symbols, call, made)
        selector = call.selector
        if selector is None and data_type(stream) is TradeBar:
            selector = _OF_TRADES.get(written)
        for symbol in symbols:
            IndicatorsMixin._register(
                self, symbol, made, call.resolution, selector, kind_for(made, call.selector)
            )
        if lean.consolidation.automatic_warm_up and not isinstance(call.resolution, timedelta):
            warm_up(lean, symbols, made, call.resolution, selector)
        return made

    make.__name__ = name
    make.__doc__ = f"Make a {entries[0].indicator.__name__} of a symbol and keep it up to date."
    return make


def _complete(lean: Binding, symbols: list[CoreSymbol], call: Call, made: Indicator) -> None:
    """Give an indicator what its constructor cannot know."""
    if hasattr(made, "risk_free_rate") and call.parameters.get("risk_free_rate") is None:
        reference = lean.engine.ports.reference
        made.risk_free_rate = lambda time_ns: float(reference.interest_rate(utc(time_ns).date()))
    if isinstance(made, PairIndicator) and len({lean.zone(symbol) for symbol in symbols}) > 1:
        made.warm_up_period += 1  # bars of two time zones pair a day late


for _name, _entries in HELPERS.items():
    _method = _helper(_name, _entries)
    setattr(IndicatorsMixin, _name, _method)
    setattr(IndicatorsMixin, pascal(_name), _method)
