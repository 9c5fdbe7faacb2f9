"""Read-only dictionaries as LEAN's collections look from Python, and what all face objects share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Generic, NamedTuple, TypeVar

from livetrader_engine.symbols import Symbol as CoreSymbol
from livetrader_lean.errors import NotInLivetrader
from livetrader_lean.names import Twins, is_pascal, snake
from livetrader_lean.symbols import Symbol

Value = TypeVar("Value")


class Face(Twins):
    """Base of objects that LEAN hands out: an attribute that they lack is named in NotInLivetrader."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if is_pascal(name) and (other := snake(name)) != name:
            return getattr(self, other)
        raise NotInLivetrader(f"{type(self).__name__}.{name}")


class KeyValuePair(NamedTuple):
    """One entry, as iterating a .NET dictionary gives it; unpacks like a tuple."""

    key: Symbol
    value: Any

    @property
    def Key(self) -> Symbol:
        """The key."""
        return self.key

    @property
    def Value(self) -> Any:
        """The value."""
        return self.value


class Listing(list[Value]):
    """A list that may be called: LEAN's dictionaries have `Values` to read and `values()` to call."""

    __slots__ = ()

    def __call__(self) -> Listing[Value]:
        return self


class SymbolView(Face, Generic[Value]):
    """Read-only dictionary by symbol or ticker; iterating gives key-value pairs, as in LEAN."""

    __slots__ = ()

    def _symbols(self) -> Iterator[CoreSymbol]:
        raise NotImplementedError

    def _value(self, symbol: CoreSymbol) -> Value:
        raise NotImplementedError

    def _find(self, key: object) -> CoreSymbol | None:
        if isinstance(key, Symbol):
            return key.core if any(symbol is key.core for symbol in self._symbols()) else None
        if isinstance(key, CoreSymbol):
            return key
        if isinstance(key, str):
            wanted = key.upper()
            return next((s for s in self._symbols() if s.value.upper() == wanted or s.id == key), None)
        found: object = getattr(key, "symbol", None)  # a security stands for its symbol
        return self._find(found) if isinstance(found, Symbol) else None

    def __getitem__(self, key: object) -> Value:
        symbol = self._find(key)
        if symbol is None:
            raise KeyError(f"{key} is not in {type(self).__name__}; there are: {self._known()}")
        return self._value(symbol)

    def _known(self) -> str:
        return ", ".join(symbol.value for symbol in self._symbols()) or "none"

    def __contains__(self, key: object) -> bool:
        return self._find(key) is not None

    def __iter__(self) -> Iterator[KeyValuePair]:
        return (KeyValuePair(Symbol(symbol), self._value(symbol)) for symbol in list(self._symbols()))

    def __len__(self) -> int:
        return sum(1 for _ in self._symbols())

    def contains_key(self, key: object) -> bool:
        """Return whether there is an entry for a symbol or ticker."""
        return key in self

    def get(self, key: object, default: Value | None = None) -> Value | None:
        """Return the entry of a symbol or ticker, `default` where there is none."""
        symbol = self._find(key)
        return default if symbol is None else self._value(symbol)

    def try_get_value(self, key: object, value: object = None) -> tuple[bool, Value | None]:
        """Return whether there is an entry, and the entry; `value` is .NET's out argument."""
        symbol = self._find(key)
        return (False, None) if symbol is None else (True, self._value(symbol))

    def try_get(self, key: object, value: object = None) -> tuple[bool, Value | None]:
        """Do what `try_get_value` does."""
        return self.try_get_value(key)

    def contains(self, key: object) -> bool:
        """Return whether there is an entry; takes a key-value pair too."""
        return (key.key if isinstance(key, KeyValuePair) else key) in self

    def copy(self) -> dict[Symbol, Value]:
        """Return the entries as a Python dictionary of their own."""
        return dict(self.items())

    def setdefault(self, key: object, default: Value | None = None) -> Value | None:
        """Return the entry, `default` where there is none: nothing is put in."""
        return self.get(key, default)

    def get_value(self, key: object) -> Value:
        """Return the entry. Raises KeyError where there is none."""
        return self[key]

    @property
    def keys(self) -> Listing[Symbol]:
        """The symbols; `keys()` and `Keys` are the same."""
        return Listing(Symbol(symbol) for symbol in self._symbols())

    @property
    def values(self) -> Listing[Value]:
        """The entries; `values()` and `Values` are the same."""
        return Listing(self._value(symbol) for symbol in list(self._symbols()))

    def items(self) -> list[tuple[Symbol, Value]]:
        """Return symbols and entries."""
        return [(Symbol(symbol), self._value(symbol)) for symbol in list(self._symbols())]

    @property
    def count(self) -> int:
        """How many entries there are."""
        return len(self)
