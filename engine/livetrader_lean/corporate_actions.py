"""Splits, dividends, delistings and ticker changes as an algorithm sees them, by symbol."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, tzinfo
from typing import Any, Generic, TypeVar
from zoneinfo import ZoneInfo

from livetrader_engine.data import corporate_actions as core
from livetrader_engine.errors import AlgorithmError
from livetrader_engine.money import from_float
from livetrader_engine.symbols import Symbol as CoreSymbol
from livetrader_lean.enums import DelistingType, SplitType
from livetrader_lean.symbols import Symbol
from livetrader_lean.times import local, to_ns
from livetrader_lean.views import Face, SymbolView

Zones = Callable[[CoreSymbol], tzinfo]  # time zone of a symbol's exchange


class CorporateAction(Face):
    """What happened to a security at an instant; `core` is the engine's."""

    __slots__ = ("_zone", "core")

    core: Any
    _zone: tzinfo

    def __init__(self, *given: Any) -> None:
        """Take the engine's and a time zone, or what LEAN's constructors take: symbol, date and amounts."""
        if len(given) == 2:
            self.core, self._zone = given
        else:
            self._zone = ZoneInfo("America/New_York")
            symbol, day, *amounts = given
            self.core = self._made(symbol.core, to_ns(day, self._zone), *amounts)

    def _made(self, symbol: CoreSymbol, time_ns: int, *amounts: Any) -> core.CorporateAction:
        raise AlgorithmError(f"a {type(self).__name__} cannot be made by hand")

    @property
    def symbol(self) -> Symbol:
        """Whose it is."""
        return Symbol(self.core.symbol)

    @property
    def time(self) -> datetime:
        """From when on it counts, local to the exchange."""
        return local(self.core.time_ns, self._zone)

    @property
    def end_time(self) -> datetime:
        """The same as `time`."""
        return self.time

    @property
    def is_fill_forward(self) -> bool:
        """False: nothing repeats it."""
        return False


class Split(CorporateAction):
    """One share becomes `1 / split_factor` shares; the warning comes the session before."""

    __slots__ = ()

    def _made(self, symbol: CoreSymbol, time_ns: int, *amounts: Any) -> core.CorporateAction:
        price, factor, kind = amounts
        exact = from_float(float(factor)), from_float(float(price))
        return core.Split(symbol, time_ns, core.SplitKind(int(kind)), *exact)

    @property
    def type(self) -> int:
        """A SplitType."""
        return SplitType(int(self.core.kind))

    @property
    def split_factor(self) -> float:
        """What prices are multiplied with."""
        return float(self.core.factor)

    @property
    def reference_price(self) -> float:
        """The raw price before it."""
        return float(self.core.reference_price)

    @property
    def value(self) -> float:
        """The same as `reference_price`."""
        return self.reference_price

    price = value

    def __str__(self) -> str:
        kind = "Split Warning" if self.core.kind is core.SplitKind.WARNING else "Split"
        return f"{kind}: {self.symbol}: {self.core.factor} | {self.core.reference_price}"


class Dividend(CorporateAction):
    """Cash per share."""

    __slots__ = ()

    def _made(self, symbol: CoreSymbol, time_ns: int, *amounts: Any) -> core.CorporateAction:
        distribution, price = (from_float(float(amount)) for amount in amounts)
        return core.Dividend(symbol, time_ns, distribution, price)

    @property
    def distribution(self) -> float:
        """Amount per share."""
        return float(self.core.distribution)

    @property
    def reference_price(self) -> float:
        """The raw close before it."""
        return float(self.core.reference_price)

    @property
    def value(self) -> float:
        """The same as `distribution`."""
        return self.distribution

    price = value

    def __str__(self) -> str:
        return f"Dividend: {self.symbol}: {self.core.distribution} | {self.core.reference_price}"


class Delisting(CorporateAction):
    """Trading ends with the day of the warning."""

    __slots__ = ()

    @property
    def type(self) -> int:
        """A DelistingType."""
        return DelistingType(int(self.core.kind))

    @property
    def price(self) -> float:
        """The newest price before it."""
        return float(self.core.price)

    value = price

    def __str__(self) -> str:
        kind = "Delisting Warning" if self.core.kind is core.DelistingKind.WARNING else "Delisted"
        return f"{kind}: {self.symbol} {self.time}"


class SymbolChangedEvent(CorporateAction):
    """The security trades under another ticker from now on; its symbol stays the same."""

    __slots__ = ()

    @property
    def old_symbol(self) -> str:
        """The ticker until now."""
        return str(self.core.old)

    @property
    def new_symbol(self) -> str:
        """The ticker from now on."""
        return str(self.core.new)

    def __str__(self) -> str:
        return f"{self.time} {self.old_symbol}->{self.new_symbol}"


Action = TypeVar("Action", bound=CorporateAction)


class ActionDictionary(SymbolView[Action], Generic[Action]):
    """Corporate actions of one kind by symbol."""

    __slots__ = ("_held",)

    def __init__(self, held: dict[CoreSymbol, Action]) -> None:
        self._held = held

    def _symbols(self) -> Iterator[CoreSymbol]:
        return iter(self._held)

    def _value(self, symbol: CoreSymbol) -> Action:
        return self._held[symbol]


class Splits(ActionDictionary[Split]):
    """Splits by symbol."""

    __slots__ = ()


class Dividends(ActionDictionary[Dividend]):
    """Dividends by symbol."""

    __slots__ = ()


class Delistings(ActionDictionary[Delisting]):
    """Delistings by symbol."""

    __slots__ = ()


class SymbolChangedEvents(ActionDictionary[SymbolChangedEvent]):
    """Ticker changes by symbol."""

    __slots__ = ()


class ActionViews:
    """The corporate actions of one step, by kind and symbol; of two of a kind the later is shown."""

    def __init__(self, actions: Iterable[core.CorporateAction], zones: Zones) -> None:
        held: dict[type, dict[CoreSymbol, Any]] = {kind: {} for kind in _FACES}
        for action in actions:
            kind = type(action)
            held[kind][action.symbol] = _FACES[kind](action, zones(action.symbol))
        self.splits = Splits(held[core.Split])
        self.dividends = Dividends(held[core.Dividend])
        self.delistings = Delistings(held[core.Delisting])
        self.symbol_changed_events = SymbolChangedEvents(held[core.SymbolChange])


_FACES: dict[type, Callable[[Any, tzinfo], CorporateAction]] = {
    core.Split: Split,
    core.Dividend: Dividend,
    core.Delisting: Delisting,
    core.SymbolChange: SymbolChangedEvent,
}
