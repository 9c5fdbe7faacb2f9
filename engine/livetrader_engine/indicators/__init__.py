"""Indicators: one family per file, registered by decorator under LEAN's helper names."""

from livetrader_engine.indicators import (
    averages,
    breadth,
    composition,
    extremes,
    momentum,
    new_highs,
    swings,
    trend,
    volatility,
    volume,
)
from livetrader_engine.indicators.base import (
    REGISTRY,
    BarLike,
    Entry,
    Indicator,
    IndicatorPoint,
    InputKind,
    WindowIndicator,
    indicator,
)
from livetrader_engine.indicators.window import RollingWindow

FAMILIES = (
    averages,
    breadth,
    composition,
    extremes,
    momentum,
    new_highs,
    swings,
    trend,
    volatility,
    volume,
)

__all__ = [
    "FAMILIES",
    "REGISTRY",
    "BarLike",
    "Entry",
    "Indicator",
    "IndicatorPoint",
    "InputKind",
    "RollingWindow",
    "WindowIndicator",
    "indicator",
]
