"""A slice as an algorithm sees it: bars, quotes and ticks by symbol, each dressed when it is looked at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any, ClassVar, Generic, TypeVar
from zoneinfo import ZoneInfo

from livetrader_engine.data import bars as core
from livetrader_engine.data.corporate_actions import CorporateAction
from livetrader_engine.data.slice import Slice as CoreSlice
from livetrader_engine.symbols import Symbol as CoreSymbol
from livetrader_lean.corporate_actions import ActionViews, Delistings, Dividends, Splits, SymbolChangedEvents
from livetrader_lean.dotnet import Dictionary
from livetrader_lean.market import BaseData, QuoteBar, QuoteTick, Tick, TradeBar, Zones
from livetrader_lean.symbols import Symbol
from livetrader_lean.times import local
from livetrader_lean.views import SymbolView

_new = object.__new__
Data = TypeVar("Data")


class DataDictionary(SymbolView[Data], Generic[Data]):
    """Points of one kind by symbol. `held` are the engine's; each is dressed when it is looked at."""

    __slots__ = ("_held", "_zones")

    _face: ClassVar[type[BaseData]]

    def __init__(self, held: Mapping[CoreSymbol, Any], zones: Zones) -> None:
        self._held = held
        self._zones = zones

    def _symbols(self) -> Iterator[CoreSymbol]:
        return iter(self._held)

    def _value(self, symbol: CoreSymbol) -> Any:
        made = _new(self._face)
        made.core = self._held[symbol]
        made._place = self._zones
        return made

    def _find(self, key: object) -> CoreSymbol | None:
        if isinstance(key, Symbol):
            return key.core if key.core in self._held else None
        return super()._find(key)

    # A strategy asks once a bar and symbol: a symbol is looked up here without the general way's calls.
    def __getitem__(self, key: object) -> Any:
        if isinstance(key, Symbol) and key.core in self._held:
            return self._value(key.core)
        return super().__getitem__(key)

    def get(self, key: object, default: Any = None) -> Any:
        """Return the entry of a symbol or ticker, `default` where there is none."""
        if isinstance(key, Symbol):
            return self._value(key.core) if key.core in self._held else default
        return super().get(key, default)

    def __contains__(self, key: object) -> bool:
        if isinstance(key, Symbol):
            return key.core in self._held
        return self._find(key) is not None

    def __len__(self) -> int:
        return len(self._held)


class TradeBars(DataDictionary[TradeBar]):
    """Trade bars by symbol."""

    __slots__ = ()
    _face = TradeBar

    def __getitem__(self, key: object) -> Any:
        # the one look-up that most strategies make for every bar there is: all in one frame
        if isinstance(key, Symbol) and (point := self._held.get(key.core)) is not None:
            made = _new(TradeBar)
            made.core = point
            made._place = self._zones
            return made
        return super().__getitem__(key)

    def get(self, key: object, default: Any = None) -> Any:
        """Return the bar of a symbol or ticker, `default` where there is none."""
        if isinstance(key, Symbol):
            point = self._held.get(key.core)
            if point is None:
                return default
            made = _new(TradeBar)
            made.core = point
            made._place = self._zones
            return made
        return super().get(key, default)


class QuoteBars(DataDictionary[QuoteBar]):
    """Quote bars by symbol."""

    __slots__ = ()
    _face = QuoteBar


class Ticks(DataDictionary[list[Tick]]):
    """Ticks by symbol, oldest first."""

    __slots__ = ()
    _face = Tick

    def _value(self, symbol: CoreSymbol) -> list[Tick]:
        return _dressed(self._held[symbol], self._zones)

    def __getitem__(self, key: object) -> Any:
        if isinstance(key, Symbol) and (points := self._held.get(key.core)) is not None:
            if len(points) > 1:
                return _dressed(points, self._zones)
            point = points[0]  # as `_dressed` does; a call less for nearly every tick there is
            made = _new(Tick) if point.price else _new(QuoteTick)
            made.core = point
            made._place = self._zones
            return [made]
        return super().__getitem__(key)


def _dressed(points: Sequence[core.Tick], zones: Zones) -> list[Tick]:
    faces = []
    for point in points:
        made = _new(Tick if point.price else QuoteTick)
        made.core = point
        made._place = zones
        faces.append(made)
    return faces


class Slice(DataDictionary[Any]):
    """Everything that became complete at one instant. `data[symbol]` is its trade bar, quote bar or ticks.

    It is None where there are corporate actions only, as in LEAN. Nothing is made before it is looked at.
    """

    __slots__ = ("_core", "_time_zone")

    def __init__(
        self,
        time_ns: int,
        points: Sequence[core.MarketPoint],
        time_zone: tzinfo,
        zones: Zones,
        actions: Sequence[CorporateAction] = (),
    ) -> None:
        self._core = CoreSlice(time_ns, tuple(points), tuple(actions))
        self._time_zone = time_zone
        self._zones = zones

    @classmethod
    def of(cls, data: CoreSlice, time_zone: tzinfo, zones: Zones) -> Slice:
        """Return the face of an engine's slice."""
        made = _new(cls)
        made._core = data
        made._time_zone = time_zone
        made._zones = zones
        return made

    def __getattr__(self, name: str) -> Any:
        if name == "_held":  # every entry, of which most algorithms never ask
            data = self._core
            actions = {action.symbol: None for action in data.actions}
            self._held = {**actions, **data.ticks, **data.quote_bars, **data.bars}
            return self._held
        return super().__getattr__(name)

    def _value(self, symbol: CoreSymbol) -> Any:
        data, zones = self._core, self._zones
        if symbol in data.bars:
            return TradeBars(data.bars, zones)._value(symbol)
        if symbol in data.quote_bars:
            return QuoteBars(data.quote_bars, zones)._value(symbol)
        return Ticks(data.ticks, zones)._value(symbol) if symbol in data.ticks else None

    def __getitem__(self, key: object) -> Any:
        if isinstance(key, Symbol) and (point := self._core.bars.get(key.core)) is not None:
            made = _new(TradeBar)
            made.core = point
            made._place = self._zones
            return made
        if isinstance(key, Symbol) and key in self:
            return self._value(key.core)
        return super().__getitem__(key)

    # These two answer without making one dictionary of everything, which is what `_held` is.

    def __contains__(self, key: object) -> bool:
        if not isinstance(key, Symbol):
            return super().__contains__(key)
        data, symbol = self._core, key.core
        points = data.points
        if len(points) == 1 and points[0].symbol is symbol:
            return True
        if symbol in data.bars or symbol in data.quote_bars or symbol in data.ticks:
            return True
        return any(action.symbol is symbol for action in data.actions)

    def _find(self, key: object) -> CoreSymbol | None:
        data = self._core
        if isinstance(key, str) and len(data.points) == 1 and not data.actions:
            symbol = data.points[0].symbol
            return symbol if symbol.value.upper() == key.upper() or symbol.id == key else None
        return super()._find(key)

    @property
    def bars(self) -> TradeBars:
        """Trade bars by symbol."""
        made = _new(TradeBars)
        made._zones = self._zones
        points = self._core.points
        if len(points) == 1 and isinstance(point := points[0], core.TradeBar):
            made._held = {point.symbol: point}  # what the index of the engine's slice would say
        else:
            made._held = self._core.bars
        return made

    @property
    def quote_bars(self) -> QuoteBars:
        """Quote bars by symbol."""
        return QuoteBars(self._core.quote_bars, self._zones)

    @property
    def ticks(self) -> Ticks:
        """Ticks by symbol, oldest first."""
        made = _new(Ticks)
        made._zones = self._zones
        points = self._core.points
        if len(points) == 1 and isinstance(point := points[0], core.Tick):
            made._held = {point.symbol: points}
        else:
            made._held = self._core.ticks
        return made

    def get(self, key: object, default: Any = None) -> Any:
        """Return what there is of a symbol or ticker; or all points of a type; or a symbol's of a type."""
        if isinstance(key, type) and issubclass(key, BaseData):
            held = self._of_type(key)
            return held if default is None else held.get(default)
        if isinstance(key, Symbol):
            return self[key] if key in self else default  # noqa: SIM401 — this is `get`
        return super().get(key, default)

    def _of_type(self, kind: type[BaseData]) -> DataDictionary[Any]:
        for base, held in ((TradeBar, self.bars), (QuoteBar, self.quote_bars), (Tick, self.ticks)):
            if issubclass(kind, base):
                return held
        return TradeBars({}, self._zones)

    @property
    def all_data(self) -> list[BaseData]:
        """Every point, in the order of its arrival."""
        return [BaseData.of(point, self._zones) for point in self._core.points]

    @property
    def option_chains(self) -> Dictionary[Symbol, Any]:
        """Nothing: options are not offered."""
        return Dictionary()

    @property
    def futures_chains(self) -> Dictionary[Symbol, Any]:
        """Nothing: futures are not offered."""
        return Dictionary()

    future_chains = futures_chains

    @property
    def margin_interest_rates(self) -> Dictionary[Symbol, Any]:
        """Nothing: crypto futures are not offered."""
        return Dictionary()

    @property
    def _actions(self) -> ActionViews:
        return ActionViews(self._core.actions, self._zones)

    @property
    def time(self) -> datetime:
        """The instant, in the algorithm's time zone."""
        return local(self._core.time_ns, self._time_zone)

    @property
    def utc_time(self) -> datetime:
        """The instant in UTC."""
        return local(self._core.time_ns, ZoneInfo("UTC"))

    @property
    def has_data(self) -> bool:
        """Whether there is any point."""
        return len(self._core) > 0

    @property
    def splits(self) -> Splits:
        """Splits, and warnings of one, by symbol."""
        return self._actions.splits

    @property
    def dividends(self) -> Dividends:
        """Dividends by symbol."""
        return self._actions.dividends

    @property
    def delistings(self) -> Delistings:
        """Delistings, and warnings of one, by symbol."""
        return self._actions.delistings

    @property
    def symbol_changed_events(self) -> SymbolChangedEvents:
        """Ticker changes by symbol."""
        return self._actions.symbol_changed_events
