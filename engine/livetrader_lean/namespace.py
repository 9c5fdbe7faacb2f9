"""What `from AlgorithmImports import *` gives, and what a name of LEAN that we lack looks like."""

from __future__ import annotations

import builtins
import json
import math
import os
import sys
import typing
from datetime import date, datetime, time, timedelta
from difflib import get_close_matches
from importlib import import_module
from importlib.resources import files
from types import ModuleType
from typing import Any, Final, NoReturn

from livetrader_lean import (
    bricks,
    calendars,
    consolidators,
    corporate_actions,
    databases,
    dotnet,
    enums,
    exchange,
    extensions,
    insights,
    market,
    order_faces,
    order_properties,
    outside,
    securities,
    sides,
    slices,
    spans,
    statistics,
    symbol_properties,
    tickets,
)
from livetrader_lean.algorithm import QCAlgorithm
from livetrader_lean.algorithm.trading import PortfolioTarget
from livetrader_lean.charts import CHARTING
from livetrader_lean.composition import COMPOSITION
from livetrader_lean.consolidation import ConsolidatorBase, PythonConsolidator
from livetrader_lean.errors import NotInLivetrader
from livetrader_lean.fields import Field
from livetrader_lean.indicators import INDICATORS, IndicatorDataPoint, RollingWindow
from livetrader_lean.names import TwinEnum
from livetrader_lean.order_events import CashAmount
from livetrader_lean.patterns import PATTERNS
from livetrader_lean.quantbook import QuantBook
from livetrader_lean.rates import RATES
from livetrader_lean.reality import (
    brokerage_model,
    brokerages,
    buying_power,
    fees,
    fills,
    looking,
    margin_calls,
    parameters,
    seeding,
    settlement,
    shortable,
    slippage,
)
from livetrader_lean.settings import AlgorithmSettings
from livetrader_lean.symbol_cache import SymbolCache
from livetrader_lean.symbols import SecurityIdentifier, Symbol


class LazyModule(ModuleType):
    """A module that is imported when an attribute of it is first used: an idle engine stays light."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name != "__version__":
            raise AttributeError(name)  # inspection, as by `inspect` and `doctest`, is no use
        return getattr(import_module(self.__name__), name)

    def __dir__(self) -> list[str]:
        return dir(import_module(self.__name__))


class MissingType:
    """A type of LEAN that is not offered: calling, subclassing or looking into it says so by name."""

    def __init__(self, name: str, reason: str = "") -> None:
        self._name = name
        self._reason = reason

    def __repr__(self) -> str:
        return f"{self._name} (not in livetrader)"

    def _refuse(self) -> NoReturn:
        raise NotInLivetrader(self._name, self._reason)

    def __call__(self, *arguments: object, **named: object) -> NoReturn:
        self._refuse()

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        raise NotInLivetrader(f"{self._name}.{name}", self._reason)

    def __getitem__(self, item: object) -> NoReturn:
        self._refuse()

    def __mro_entries__(self, bases: tuple[type, ...]) -> NoReturn:
        self._refuse()


def _enums() -> dict[str, object]:
    return {
        name: value
        for name, value in vars(enums).items()
        if isinstance(value, type) and issubclass(value, TwinEnum) and value is not TwinEnum
    }


def _classes(module: ModuleType) -> dict[str, object]:
    return {
        name: value
        for name, value in vars(module).items()
        if isinstance(value, type) and value.__module__ == module.__name__ and name[0] != "_"
    }


def _consolidators() -> dict[str, object]:
    found = {
        name: value
        for name, value in vars(consolidators).items()
        if isinstance(value, type) and issubclass(value, ConsolidatorBase) and name[0] != "_"
    }
    return found | {
        "PythonConsolidator": PythonConsolidator, "Calendar": calendars.Calendar,
        "CalendarType": calendars.CalendarType, "CalendarInfo": calendars.CalendarInfo,
        "RenkoBar": bricks.RenkoBar, "VolumeRenkoBar": bricks.VolumeRenkoBar, "RangeBar": bricks.RangeBar,
        "RenkoType": bricks.RenkoType, "BarDirection": bricks.BarDirection,
    }  # fmt: skip


def _reality() -> dict[str, object]:
    parts = (
        parameters,
        fees,
        slippage,
        fills,
        buying_power,
        settlement,
        shortable,
        margin_calls,
        looking,
        brokerage_model,
        brokerages,
        seeding,
    )
    known = _lean_types()
    every = (item for part in parts for item in _classes(part).items())
    return {name: value for name, value in every if name in known}


def _lean_types() -> frozenset[str]:
    text = files("livetrader_lean").joinpath("lean_types.csv").read_text(encoding="utf-8")
    return frozenset(text.split()[1:])  # below the heading


NAMES: Final[dict[str, Any]] = {
    **dotnet.NAMES,
    **{name: getattr(typing, name) for name in typing.__all__ if name != "Text"},
    **_enums(),
    **_classes(extensions),
    **_classes(spans),
    **_classes(databases),
    "MarketHoursSegment": exchange.MarketHoursSegment, "LocalMarketHours": exchange.LocalMarketHours,
    "SecurityExchangeHours": exchange.SecurityExchangeHours,
    "SymbolProperties": symbol_properties.SymbolProperties,
    **_classes(outside),
    **_classes(corporate_actions),
    **INDICATORS, **COMPOSITION, **PATTERNS, **RATES,
    "BaseData": market.BaseData, "TradeBar": market.TradeBar, "TradeBars": slices.TradeBars,
    "QuoteBar": market.QuoteBar, "QuoteBars": slices.QuoteBars, "Tick": market.Tick, "Ticks": slices.Ticks,
    "Bar": sides.Bar, "Slice": slices.Slice, "Symbol": Symbol, "SecurityIdentifier": SecurityIdentifier,
    "OrderTicket": tickets.OrderTicket, "OrderEvent": tickets.OrderEvent, "Order": tickets.Order,
    **{cls.__name__: cls for cls in order_faces.ORDER_CLASSES.values()},
    "UpdateOrderFields": tickets.UpdateOrderFields, "OrderResponse": tickets.OrderResponse,
    "SubmitOrderRequest": tickets.SubmitOrderRequest, "OrderFee": tickets.OrderFee,
    "DayTimeInForce": order_properties.DayTimeInForce,
    "GoodTilCanceledTimeInForce": order_properties.GoodTilCanceledTimeInForce,
    "GoodTilDateTimeInForce": order_properties.GoodTilDateTimeInForce,
    "TimeInForce": order_properties.TimeInForce, **order_properties.PROPERTY_CLASSES,
    "MarketOnCloseOrder": order_properties.MarketOnCloseOrder,
    "Insight": insights.Insight, "InsightDirection": insights.InsightDirection,
    "InsightType": insights.InsightType, "PortfolioTarget": PortfolioTarget, "RollingWindow": RollingWindow,
    "IndicatorDataPoint": IndicatorDataPoint, **_consolidators(),
    "SymbolCache": SymbolCache, "PerformanceMetrics": statistics.PerformanceMetrics,
    "StatisticsResults": statistics.StatisticsResults, "TradeBuilder": statistics.TradeBuilder,
    "AlgorithmSettings": AlgorithmSettings,
    **_reality(), "Security": securities.Security, "CashAmount": CashAmount, "os": os, "sys": sys,
    "plt": LazyModule("matplotlib.pyplot"), **CHARTING, "Field": Field, "QCAlgorithm": QCAlgorithm,
    "QCAlgorithmFramework": QCAlgorithm, "QuantBook": QuantBook,
    "QCAlgorithmFrameworkBridge": QCAlgorithm, "datetime": datetime, "timedelta": timedelta, "date": date,
    "time": time, "math": math, "json": json, "np": LazyModule("numpy"), "pd": LazyModule("pandas"),
}  # fmt: skip


def _missing_types() -> dict[str, MissingType]:
    return {
        name: MissingType(name)
        for name in sorted(_lean_types())
        if name not in NAMES and not hasattr(builtins, name)
    }


# public types of LEAN (commit 24863901) that are not offered: using one says so by name
MISSING: Final = _missing_types()


def lookup(name: str) -> Any:
    """Return a name of LEAN's; for one that is not offered, or not LEAN's, what says so on first use."""
    found = NAMES.get(name)
    if found is not None:
        return found
    return MISSING.get(name) or MissingType(name, hint(name))


def hint(name: str) -> str:
    """Return what to say of a name that is not LEAN's: the offered names that are near it."""
    near = get_close_matches(name, NAMES, n=2, cutoff=0.8)
    return f"no such name is known of LEAN; did you mean {' or '.join(near)}?" if near else ""
