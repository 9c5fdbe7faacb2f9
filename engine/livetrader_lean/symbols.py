"""The symbol as an algorithm sees it: found by itself and by its ticker."""

from __future__ import annotations

from collections.abc import Callable

from livetrader_engine.errors import AlgorithmError
from livetrader_engine.symbols import SecurityType as CoreSecurityType
from livetrader_engine.symbols import Symbol as CoreSymbol
from livetrader_lean.enums import SecurityType
from livetrader_lean.names import Twins, twins


@twins
class SecurityIdentifier:
    """LEAN's identifier of a symbol; `str` of it is the identifier text."""

    __slots__ = ("_symbol",)

    def __init__(self, symbol: CoreSymbol) -> None:
        self._symbol = symbol

    @property
    def symbol(self) -> str:
        """The ticker the identifier was made of."""
        return self._symbol.id.split(" ")[0]

    @property
    def market(self) -> str:
        """The market, lower case."""
        return self._symbol.market

    @property
    def security_type(self) -> SecurityType:  # type: ignore[valid-type]  # generated enum
        """Kind of security."""
        return SecurityType(int(self._symbol.security_type))

    def __str__(self) -> str:
        return self._symbol.id

    __repr__ = __str__

    def __eq__(self, other: object) -> bool:
        return str(other) == self._symbol.id

    def __hash__(self) -> int:
        return hash(self._symbol.id)


class Symbol(Twins):
    """One symbol; interned, so `is` and `==` agree between symbols.

    It hashes like its ticker and equals it, so that `{symbol: 1}["SPY"]`, `portfolio["SPY"]` and a
    DataFrame's `loc["SPY"]` find it. `core` is the engine's symbol.
    """

    __slots__ = ("_hash", "core")

    core: CoreSymbol
    _hash: int
    # finds the symbol of (ticker, type, market); set by the run that this process is for
    resolver: Callable[[str, CoreSecurityType, str], CoreSymbol] | None = None
    _faces: dict[CoreSymbol, Symbol] = {}  # noqa: RUF012 — the intern table is meant to be shared

    def __new__(cls, symbol: CoreSymbol) -> Symbol:
        found = cls._faces.get(symbol)
        if found is None:
            found = object.__new__(cls)
            found.core = symbol
            found._hash = hash(symbol.value)
            found = cls._faces.setdefault(symbol, found)
        return found

    @classmethod
    def create(cls, ticker: str, security_type: int, market: str) -> Symbol:
        """Return the symbol of a ticker. Raises AlgorithmError outside a run: nothing knows it there."""
        if cls.resolver is None:
            raise AlgorithmError("Symbol.create needs a running algorithm")
        return cls(cls.resolver(ticker, CoreSecurityType(int(security_type)), market))

    @property
    def value(self) -> str:
        """The ticker of today."""
        return self.core.value

    @property
    def id(self) -> SecurityIdentifier:
        """The identifier."""
        return SecurityIdentifier(self.core)

    @property
    def security_type(self) -> SecurityType:  # type: ignore[valid-type]  # generated enum
        """Kind of security."""
        return SecurityType(int(self.core.security_type))

    def is_canonical(self) -> bool:
        """Return False: canonical symbols belong to derivatives, which are not offered."""
        return False

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return isinstance(other, str) and other in (self.core.value, self.core.id)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __lt__(self, other: object) -> bool:
        return str(self) < str(other)

    def __gt__(self, other: object) -> bool:
        return str(self) > str(other)

    def __str__(self) -> str:
        return self.core.value

    __repr__ = __str__

    def __reduce__(self) -> tuple[object, tuple[CoreSymbol]]:
        return (Symbol, (self.core,))

    def __copy__(self) -> Symbol:
        return self

    def __deepcopy__(self, memo: object) -> Symbol:
        return self
