"""Consolidators as an algorithm sees them; the work is done by the core's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from livetrader_engine.data import consolidators as core
from livetrader_engine.data.bars import QuoteBar, TradeBar
from livetrader_engine.data.subscription import TickType
from livetrader_engine.errors import AlgorithmError
from livetrader_engine.securities import Security
from livetrader_engine.symbols import Resolution
from livetrader_engine.symbols import Symbol as CoreSymbol
from livetrader_lean.binding import Binding
from livetrader_lean.core_consolidators import core_consolidator
from livetrader_lean.market import BaseData
from livetrader_lean.times import span_ns
from livetrader_lean.views import Face

if TYPE_CHECKING:
    from livetrader_engine.indicators import Indicator

PointHandler = Callable[[TradeBar | QuoteBar], None]


class ConsolidatedEvent:
    """The `data_consolidated` event: `+=` a handler(sender, bar)."""

    def __init__(self, owner: Consolidator) -> None:
        self._owner = owner
        self.handlers: list[Callable[[object, BaseData], object]] = []

    def __iadd__(self, handler: Callable[[object, BaseData], object]) -> ConsolidatedEvent:
        self.handlers.append(handler)
        return self

    def __isub__(self, handler: Callable[[object, BaseData], object]) -> ConsolidatedEvent:
        if handler in self.handlers:
            self.handlers.remove(handler)
        return self


class Consolidator(Face):
    """Makes bars of `period` (a Resolution, a timedelta, or a number of points) once it is attached."""

    kind: TickType | None = None

    def __init__(self, period: Any = None) -> None:
        self._period = period
        self._listeners: list[PointHandler] = []
        self._core: core.Consolidator | None = None
        self._symbol: CoreSymbol | None = None
        self.data_consolidated = ConsolidatedEvent(self)
        self.consolidated: BaseData | None = None

    def listen(self, listener: PointHandler) -> None:
        """Call `listener` with each finished core bar."""
        self._listeners.append(listener)

    def unlisten(self, indicator: Indicator) -> None:
        """Update an indicator no longer."""
        self._listeners = [f for f in self._listeners if getattr(f, "indicator", None) is not indicator]

    def attach(self, binding: Binding, symbol: CoreSymbol) -> None:
        """Be fed with a symbol's data from now on. Attaching twice to one symbol is harmless."""
        if self._core is not None:
            if symbol is not self._symbol:
                raise AlgorithmError(f"this consolidator is fed with {self._symbol} already")
            return
        security = binding.engine.securities[symbol]
        kind = self.kind if self.kind is not None else _common_kind(security)
        self._core = _make(security, self._period)
        self._core.handlers.append(lambda point: self._emit(point, security))
        self._symbol = symbol
        binding.engine.consolidators.add(symbol, self._core, kind)
        binding.consolidators.append(self)

    def detach(self, binding: Binding) -> None:
        """Be fed no longer."""
        if self._core is not None and self._symbol is not None:
            binding.engine.consolidators.remove(self._symbol, self._core)
            binding.consolidators.remove(self)
            self._core = None

    def _emit(self, point: TradeBar | QuoteBar, security: Security) -> None:
        for listener in self._listeners:
            listener(point)
        face = self.consolidated = BaseData.of(point, security.hours.timezone)
        for handler in tuple(self.data_consolidated.handlers):
            handler(self, face)


class TradeBarConsolidator(Consolidator):
    """Trade bars of a period made of trade bars or trade ticks."""

    kind = TickType.TRADE


class QuoteBarConsolidator(Consolidator):
    """Quote bars of a period made of quote bars or quote ticks."""

    kind = TickType.QUOTE


def consolidator_for(
    binding: Binding, security: Security, period: Any, kind: TickType | None
) -> Consolidator:
    """Return an unattached consolidator for a security's data."""
    made = Consolidator(period)
    made.kind = kind
    return made


def _common_kind(security: Security) -> TickType:
    return TickType.TRADE if security.subscribed(TickType.TRADE) else TickType.QUOTE


def _make(security: Security, period: Any) -> core.Consolidator:
    if period is None:
        return core.IdentityConsolidator()
    if isinstance(period, timedelta):
        if security.resolution is not None and span_ns(period) == security.resolution.period_ns:
            return core.IdentityConsolidator()
        return core_consolidator(security, span_ns=span_ns(period))
    if type(period).__name__ == "Resolution":
        if security.resolution is not None and int(period) == int(security.resolution):
            return core.IdentityConsolidator()
        return core_consolidator(security, resolution=Resolution(int(period)))
    if isinstance(period, int):
        return core_consolidator(security, count=period)
    raise AlgorithmError(f"bars of {period!r} cannot be made; use a Resolution, a timedelta or a number")


class SubscriptionManager(Face):
    """`self.subscription_manager`: attach consolidators made by hand."""

    __slots__ = ("_binding",)

    def __init__(self, binding: Binding) -> None:
        self._binding = binding

    def add_consolidator(self, symbol: Any, consolidator: Consolidator) -> None:
        """Feed a consolidator with a symbol's data."""
        consolidator.attach(self._binding, self._binding.resolve(symbol))

    def remove_consolidator(self, symbol: Any, consolidator: Consolidator) -> None:
        """Feed it no longer."""
        consolidator.detach(self._binding)
