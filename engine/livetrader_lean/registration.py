"""Which consolidator makes the bars that an algorithm asks for, and how bars reach indicators.

Source: LEAN's QCAlgorithm.Indicators.cs, CreateConsolidator and RegisterIndicator.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

from livetrader_engine.data.bars import QuoteBar as CoreQuoteBar
from livetrader_engine.data.subscription import Subscription, TickType
from livetrader_engine.errors import AlgorithmError
from livetrader_engine.indicators import Indicator, InputKind
from livetrader_engine.symbols import Resolution
from livetrader_engine.symbols import Symbol as CoreSymbol
from livetrader_lean import consolidators as kinds
from livetrader_lean.binding import Binding
from livetrader_lean.bricks import RangeBar, RenkoBar, VolumeRenkoBar
from livetrader_lean.consolidation import ConsolidatorBase, data_type, stream_of
from livetrader_lean.enums import Resolution as LeanResolution
from livetrader_lean.fields import quote_side
from livetrader_lean.market import BaseData, QuoteBar, Tick, TradeBar
from livetrader_lean.times import span_ns

Selector = Callable[[Any], Any]

_MADE_OF: Final[dict[tuple[str, TickType | None], Callable[..., ConsolidatorBase]]] = {
    ("TradeBar", None): kinds.TradeBarConsolidator,
    ("QuoteBar", None): kinds.QuoteBarConsolidator,
    ("Tick", TickType.TRADE): kinds.TickConsolidator,
    ("Tick", TickType.QUOTE): kinds.TickQuoteBarConsolidator,
}


def consolidator_for(
    binding: Binding, symbol: CoreSymbol, wanted: Any, kind: TickType | None
) -> ConsolidatorBase:
    """Return an unattached consolidator of a symbol's data.

    `wanted` is a Resolution, a timedelta, a calendar, or None for the data's own period. Subscribes to the
    symbol where the algorithm has not. Raises AlgorithmError for bars finer than the data.
    """
    stream = stream_of(binding, symbol, kind)
    data = data_type(stream)
    if callable(wanted) and not isinstance(wanted, type):
        return _made_of(stream)(wanted)
    period_ns = stream.resolution.period_ns
    if wanted is None:
        return kinds.identity_of(data)
    daily = False
    if isinstance(wanted, timedelta):
        asked_ns = span_ns(wanted)
    elif isinstance(wanted, LeanResolution | Resolution):
        resolution = Resolution(int(wanted))
        asked_ns = resolution.period_ns
        daily = resolution is Resolution.DAILY
    else:
        raise AlgorithmError(
            f"bars of {wanted!r} cannot be made; use a Resolution, a timedelta or a calendar"
        )
    if asked_ns < period_ns:
        raise AlgorithmError(
            f"{symbol.value} is subscribed at {stream.resolution.name.lower()} resolution:"
            " bars are made of finer data, not of longer"
        )
    if asked_ns == period_ns:
        return kinds.identity_of(data)
    if daily:
        return _daily(binding, stream)
    return _made_of(stream)(timedelta(microseconds=asked_ns // 1000))


def _made_of(stream: Subscription) -> Callable[..., ConsolidatorBase]:
    name = data_type(stream).__name__
    made = _MADE_OF.get((name, None)) or _MADE_OF.get((name, stream.tick_type))
    if made is None:
        raise AlgorithmError(f"bars of {name} cannot be made")
    return made


def typed_consolidator(period: timedelta, data: type, kind: TickType | None) -> ConsolidatorBase:
    """Return a consolidator of a type of data into bars of a timedelta; one of nothing hands on."""
    if not period:
        return kinds.identity_of(data)
    if issubclass(data, TradeBar):
        return kinds.TradeBarConsolidator(period)
    if issubclass(data, QuoteBar):
        return kinds.QuoteBarConsolidator(period)
    if issubclass(data, Tick):
        quotes = kind is TickType.QUOTE
        return kinds.TickQuoteBarConsolidator(period) if quotes else kinds.TickConsolidator(period)
    return kinds.BaseDataConsolidator(period)


def _daily(binding: Binding, stream: Subscription) -> ConsolidatorBase:
    settings = binding.consolidation
    extended = stream.extended_market_hours and settings.daily_extended
    return kinds.MarketHourAwareConsolidator(
        settings.daily_precise_end_time,
        LeanResolution(int(Resolution.DAILY)),
        data_type(stream),
        int(stream.tick_type),
        extended,
    )


def sized_consolidator(
    binding: Binding, symbol: CoreSymbol, kind: type, size: float, tick_type: TickType | None
) -> ConsolidatorBase:
    """Return an unattached consolidator of bricks of a size, or of a number of points per bar."""
    if kind is VolumeRenkoBar:
        return kinds.VolumeRenkoConsolidator(size)
    if kind is RenkoBar:
        return kinds.RenkoConsolidator(size)
    if kind is RangeBar:
        return kinds.RangeConsolidator(int(size))
    stream = stream_of(binding, symbol)
    if stream.resolution is Resolution.TICK:
        quotes = tick_type is TickType.QUOTE
        return kinds.TickQuoteBarConsolidator(int(size)) if quotes else kinds.TickConsolidator(int(size))
    if kind is TradeBar:
        return kinds.TradeBarConsolidator(int(size))
    if kind is QuoteBar:
        return kinds.QuoteBarConsolidator(int(size))
    return kinds.BaseDataConsolidator(int(size))


def kind_for(indicator: Indicator, selector: Selector | None) -> TickType | None:
    """Return which kind of data feeds an indicator that a helper makes; None: the symbol's first."""
    side = quote_side(selector)
    if side is not None:
        return TickType.QUOTE if side else TickType.TRADE
    return None if indicator.kind is InputKind.VALUE else TickType.TRADE


def feeder(
    indicator: Indicator, selector: Selector | None, consolidator: ConsolidatorBase
) -> Callable[[Any], object]:
    """Return what takes a core bar to an indicator; without a selector nothing is made on the way."""
    if indicator.kind is InputKind.VALUE:
        if selector is None:
            push = indicator.push
            return lambda point: push(point.end_time_ns, point.value)
        chosen = selector
        return lambda point: push_selected(indicator, chosen(consolidator.face_of(point)), point.end_time_ns)
    if selector is not None:
        chosen = selector
        return lambda point: push_selected(indicator, chosen(consolidator.face_of(point)), point.end_time_ns)
    if indicator.kind is InputKind.DATA:
        return lambda point: indicator.push_bar(consolidator.face_of(point))
    push_bar = indicator.push_bar

    def feed(point: Any) -> None:
        push_bar(consolidator.face_of(point) if isinstance(point, CoreQuoteBar) else point)

    return feed


def push_selected(indicator: Indicator, picked: Any, end_time_ns: int) -> None:
    """Give an indicator what a selector picked: a number at the bar's time, or a bar."""
    if hasattr(picked, "end_time_ns"):
        indicator.push_bar(picked.core if isinstance(picked, BaseData) and _plain(picked) else picked)
    else:
        indicator.push(end_time_ns, float(picked))


def _plain(bar: BaseData) -> bool:
    return not isinstance(bar, QuoteBar)
