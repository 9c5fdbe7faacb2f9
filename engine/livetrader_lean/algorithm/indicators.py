"""Indicator helpers, generated from the registry, and consolidation."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from livetrader_engine.data.bars import MarketPoint, QuoteBar, TradeBar
from livetrader_engine.data.subscription import TickType
from livetrader_engine.errors import AlgorithmError
from livetrader_engine.indicators import Entry, Indicator, InputKind
from livetrader_engine.indicators.averages import MovingAverageType
from livetrader_engine.securities import Security as CoreSecurity
from livetrader_engine.symbols import Resolution
from livetrader_lean.algorithm.part import Part
from livetrader_lean.consolidation import Consolidator, PointHandler, consolidator_for
from livetrader_lean.history import History
from livetrader_lean.indicators import FACES, HELPERS, IndicatorFace
from livetrader_lean.market import BaseData
from livetrader_lean.names import pascal
from livetrader_lean.symbols import Symbol

Selector = Callable[[BaseData], Any]

# LEAN's helper methods differ from the constructors in these defaults (QCAlgorithm.Indicators.cs)
_HELPER_DEFAULTS = {"atr": {"moving_average_type": MovingAverageType.SIMPLE}}


class IndicatorsMixin(Part):
    """`consolidate`, `register_indicator` and one helper method per registered indicator (`sma`, `SMA`)."""

    def consolidate(self, symbol: Any, period: Any, *arguments: Any) -> Consolidator:
        """Call a handler with each bar of `period` (a Resolution or a timedelta) made of a symbol's data."""
        *kinds, handler = arguments
        kind = TickType(int(kinds[0])) if kinds and kinds[0] is not None else None
        security = self._lean.engine.securities[self._lean.resolve(symbol)]
        consolidator = consolidator_for(self._lean, security, period, kind)
        consolidator.data_consolidated += lambda _sender, bar: handler(bar)
        consolidator.attach(self._lean, security.symbol)
        return consolidator

    def register_indicator(
        self, symbol: Any, indicator: Indicator, period: Any = None, selector: Selector | None = None
    ) -> None:
        """Update an indicator with a symbol's bars: as they come, of another period, or a consolidator's."""
        security = self._lean.engine.securities[self._lean.resolve(symbol)]
        if isinstance(indicator, IndicatorFace):
            indicator.zone = security.hours.timezone
        if isinstance(period, Consolidator):
            consolidator = period
        else:
            consolidator = consolidator_for(self._lean, security, period, _kind_for(security, indicator))
        consolidator.listen(_feeder(indicator, selector, security))
        consolidator.attach(self._lean, security.symbol)

    def warm_up_indicator(
        self, symbol: Any, indicator: Indicator, period: Any = None, selector: Selector | None = None
    ) -> None:
        """Update an indicator with the symbol's past bars, as many as it needs to be ready."""
        core = self._lean.resolve(symbol)
        held = self._lean.engine.securities.get(core)
        finest = held.resolution if held is not None else None
        if isinstance(period, timedelta):
            raise AlgorithmError("warm_up_indicator takes a Resolution here, not a timedelta")
        resolution = Resolution(int(period)) if period is not None else finest or Resolution.MINUTE
        for bar in History(self._lean, BaseData)(Symbol(core), indicator.warm_up_period, resolution):
            if held is None or isinstance(bar.core, TradeBar) or indicator.kind is not InputKind.TRADE_BAR:
                _push(indicator, bar.core, selector, bar)

    def deregister_indicator(self, indicator: Indicator) -> None:
        """Update an indicator no longer."""
        for consolidator in self._lean.consolidators:
            consolidator.unlisten(indicator)


def _kind_for(security: CoreSecurity, indicator: Indicator) -> TickType:
    if security.subscribed(TickType.TRADE) or indicator.kind is InputKind.TRADE_BAR:
        return TickType.TRADE
    return TickType.QUOTE


def _feeder(indicator: Indicator, selector: Selector | None, security: CoreSecurity) -> PointHandler:
    zone = security.hours.timezone

    def feed(point: MarketPoint) -> None:
        _push(indicator, point, selector, None if selector is None else BaseData.of(point, zone))

    feed.indicator = indicator  # type: ignore[attr-defined]  # by which deregister_indicator finds it
    return feed


def _push(indicator: Indicator, point: MarketPoint, selector: Selector | None, face: BaseData | None) -> None:
    if selector is not None and face is not None:
        picked = selector(face)
        if isinstance(picked, BaseData):
            indicator.push_bar(picked.core)
        else:
            indicator.push(point.end_time_ns, float(picked))
    elif isinstance(point, QuoteBar) and indicator.kind is not InputKind.VALUE:
        from livetrader_lean.market import DEFAULT_ZONE

        indicator.push_bar(BaseData.of(point, DEFAULT_ZONE))
    else:
        indicator.push_bar(point)  # type: ignore[arg-type]  # ticks only reach value indicators


def _helper(name: str, entry: Entry) -> Callable[..., Indicator]:
    face = FACES[entry.indicator]
    allowed = [p for p in inspect.signature(entry.indicator.__init__).parameters if p not in ("self", "name")]

    def make(self: IndicatorsMixin, symbol: Any, *arguments: Any, **named: Any) -> Indicator:
        given = list(arguments)
        resolution = named.pop("resolution", None)
        selector = named.pop("selector", None)
        parameters = dict(_HELPER_DEFAULTS.get(name, {}))
        for parameter in allowed:
            if parameter in named:
                parameters[parameter] = named.pop(parameter)
            elif given and _is_parameter(given, parameter):
                parameters[parameter] = given.pop(0)
        if given and (given[0] is None or isinstance(given[0], int | timedelta)):
            resolution = given.pop(0)
        if given:
            selector = given.pop(0)
        if given or named:
            raise AlgorithmError(f"{name} does not understand {given or sorted(named)}")
        make_face: Callable[..., Indicator] = face
        made = make_face(**parameters)
        IndicatorsMixin.register_indicator(self, symbol, made, resolution, selector)
        return made

    make.__name__ = name
    make.__doc__ = f"Make a {entry.indicator.__name__} of a symbol and keep it up to date."
    return make


def _is_parameter(given: list[Any], parameter: str) -> bool:
    """Whether the next positional argument is this parameter, not the resolution that follows them all."""
    kind = type(given[0]).__name__
    if parameter == "moving_average_type":
        return kind == "MovingAverageType"
    return given[0] is not None and kind not in ("Resolution", "timedelta", "MovingAverageType", "function")


for _name, _entry in HELPERS.items():
    _method = _helper(_name, _entry)
    setattr(IndicatorsMixin, _name, _method)
    setattr(IndicatorsMixin, pascal(_name), _method)
