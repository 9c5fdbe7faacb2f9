"""The symbol as an algorithm sees it: found by itself and by its ticker."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from livetrader_engine.errors import AlgorithmError, DataError
from livetrader_engine.identifiers import Identity, identity
from livetrader_engine.identifiers import OptionRight as CoreRight
from livetrader_engine.identifiers import OptionStyle as CoreStyle
from livetrader_engine.symbols import SecurityType as CoreSecurityType
from livetrader_engine.symbols import Symbol as CoreSymbol
from livetrader_lean.enums import OptionRight, OptionStyle, SecurityType
from livetrader_lean.errors import NotInLivetrader
from livetrader_lean.names import Twins, twins
from livetrader_lean.option_tickers import option_ticker

_NO_DATE: Final = datetime(1899, 12, 30)  # noqa: DTZ001 — LEAN's times are naive
_OPTION_OF: Final = {  # security type of an option on an underlying of this type
    CoreSecurityType.EQUITY: CoreSecurityType.OPTION,
    CoreSecurityType.INDEX: CoreSecurityType.INDEX_OPTION,
    CoreSecurityType.FUTURE: CoreSecurityType.FUTURE_OPTION,
}
Resolver = Callable[[str, CoreSecurityType, str], CoreSymbol]


@twins
class SecurityIdentifier:
    """LEAN's identifier of a symbol; `str` of it is the identifier text."""

    __slots__ = ("_text",)

    DEFAULT_DATE: Final = _NO_DATE

    def __init__(self, text: str) -> None:
        self._text = text

    @classmethod
    def parse(cls, value: str) -> SecurityIdentifier:
        """Return the identifier of this text. Raises AlgorithmError for a text that is none."""
        try:
            return cls(identity(str(value)).text)
        except DataError as error:
            raise AlgorithmError(str(error)) from error

    @classmethod
    def try_parse(cls, value: str, identifier: object = None) -> tuple[bool, SecurityIdentifier | None]:
        """Return whether the text is an identifier, and it; `identifier` is .NET's out argument."""
        try:
            return True, cls(identity(str(value)).text)
        except DataError:
            return False, None

    @classmethod
    def generate_equity(cls, *arguments: Any, **named: Any) -> SecurityIdentifier:
        """Return that of an equity: (first date, ticker, market), or (ticker, market) as of today."""
        given = [*arguments, *named.values()]
        if isinstance(given[0], datetime):
            day, ticker, market = given[:3]
            made = Identity(ticker.upper(), CoreSecurityType.EQUITY, market.lower(), day.date())
            return cls(made.text)
        return Symbol.create(given[0], SecurityType.EQUITY, given[1]).id

    @classmethod
    def generate_forex(cls, symbol: str, market: str) -> SecurityIdentifier:
        """Return that of a currency pair."""
        return cls(Identity(symbol.upper(), CoreSecurityType.FOREX, market.lower()).text)

    @classmethod
    def generate_cfd(cls, symbol: str, market: str) -> SecurityIdentifier:
        """Return that of a contract for difference."""
        return cls(Identity(symbol.upper(), CoreSecurityType.CFD, market.lower()).text)

    @classmethod
    def generate_crypto(cls, symbol: str, market: str) -> SecurityIdentifier:
        """Return that of a crypto pair."""
        return cls(Identity(symbol.upper(), CoreSecurityType.CRYPTO, market.lower()).text)

    @classmethod
    def generate_index(cls, symbol: str, market: str) -> SecurityIdentifier:
        """Return that of an index."""
        return cls(Identity(symbol.upper(), CoreSecurityType.INDEX, market.lower()).text)

    @classmethod
    def generate_future(cls, expiry: datetime, symbol: str, market: str) -> SecurityIdentifier:
        """Return that of a future."""
        made = Identity(symbol.upper(), CoreSecurityType.FUTURE, market.lower(), expiry.date())
        return cls(made.text)

    @classmethod
    def generate_option(
        cls,
        expiry: datetime,
        underlying: SecurityIdentifier,
        market: str,
        strike: float,
        option_right: int,
        option_style: int,
    ) -> SecurityIdentifier:
        """Return that of an option on an equity, index or future."""
        below = identity(str(underlying))
        kind = _OPTION_OF.get(below.security_type)
        if kind is None:
            raise AlgorithmError(f"there are no options on {below.security_type.name.lower()}: {underlying}")
        contract = Identity(
            below.ticker, kind, market.lower(), expiry.date(), Decimal(str(strike)),
            CoreRight(int(option_right)), CoreStyle(int(option_style)), str(underlying),
        )  # fmt: skip
        return cls(contract.text)

    @property
    def _identity(self) -> Identity:
        return identity(self._text)

    @property
    def symbol(self) -> str:
        """The ticker the identifier was made of."""
        return self._identity.ticker

    @property
    def market(self) -> str:
        """The market, lower case."""
        return self._identity.market

    @property
    def security_type(self) -> SecurityType:  # type: ignore[valid-type]  # generated enum
        """Kind of security."""
        return SecurityType(int(self._identity.security_type))

    @property
    def date(self) -> datetime:
        """First trading day of an equity, expiry of a derivative; LEAN's day 0 where there is none."""
        day = self._identity.day
        return _NO_DATE if day is None else datetime(day.year, day.month, day.day)  # noqa: DTZ001

    @property
    def strike_price(self) -> float:
        """Strike of an option. Raises AlgorithmError for what is no option."""
        return float(self._option("strike price").strike)

    @property
    def option_right(self) -> OptionRight:  # type: ignore[valid-type]  # generated enum
        """CALL or PUT. Raises AlgorithmError for what is no option."""
        return OptionRight(int(self._option("right").right))

    @property
    def option_style(self) -> OptionStyle:  # type: ignore[valid-type]  # generated enum
        """AMERICAN or EUROPEAN. Raises AlgorithmError for what is no option."""
        return OptionStyle(int(self._option("style").style))

    def _option(self, what: str) -> Identity:
        found = self._identity
        if not found.is_option:
            raise AlgorithmError(f"{self._text} is no option: it has no {what}")
        return found

    @property
    def has_underlying(self) -> bool:
        """Whether it is a derivative."""
        return self._identity.underlying is not None

    @property
    def underlying(self) -> SecurityIdentifier:
        """Identifier of what it derives from. Raises AlgorithmError where there is nothing."""
        below = self._identity.underlying
        if below is None:
            raise AlgorithmError(f"{self._text} has no underlying")
        return SecurityIdentifier(below)

    def to_string(self) -> str:
        """Return the identifier text."""
        return self._text

    def __str__(self) -> str:
        return self._text

    __repr__ = __str__

    def __eq__(self, other: object) -> bool:
        return str(other) == self._text

    def __lt__(self, other: object) -> bool:
        return self._text < str(other)

    def __gt__(self, other: object) -> bool:
        return self._text > str(other)

    def __hash__(self) -> int:
        return hash(self._text)


class Symbol(Twins):
    """One symbol; interned, so `is` and `==` agree between symbols.

    It hashes like its ticker and equals it, so that `{symbol: 1}["SPY"]`, `portfolio["SPY"]` and a
    DataFrame's `loc["SPY"]` find it. `core` is the engine's symbol.
    """

    __slots__ = ("_hash", "core")

    core: CoreSymbol
    _hash: int
    # finds the symbol of (ticker, type, market); set by the process's run
    resolver: Resolver | None = None
    # tells what other registries call a symbol; set likewise
    registry: Callable[[CoreSymbol, str], str | None] | None = None
    EMPTY: Symbol
    Empty: Symbol
    NONE: Symbol
    _faces: dict[CoreSymbol, Symbol] = {}  # noqa: RUF012 — the intern table is meant to be shared

    def __new__(cls, symbol: CoreSymbol | SecurityIdentifier, value: str = "") -> Symbol:
        if isinstance(symbol, SecurityIdentifier):  # LEAN's constructor
            found_identity = identity(str(symbol))
            symbol = CoreSymbol.create(
                str(symbol), value, found_identity.security_type, found_identity.market
            )
        found = cls._faces.get(symbol)
        if found is None:
            found = object.__new__(cls)
            found.core = symbol
            found._hash = hash(symbol.value)
            found = cls._faces.setdefault(symbol, found)
        return found

    @classmethod
    def create(
        cls,
        ticker: str,
        security_type: int,
        market: str,
        alias: str | None = None,
        base_data_type: Any = None,
    ) -> Symbol:
        """Return the symbol of a ticker. Raises AlgorithmError outside a run: nothing knows it there."""
        if cls.resolver is None:
            raise AlgorithmError("Symbol.create needs a running algorithm")
        kind = CoreSecurityType(int(security_type))
        if kind in _OPTION_OF.values() or kind is CoreSecurityType.FUTURE or base_data_type is not None:
            raise NotInLivetrader(f"Symbol.create of {kind.name.lower()}")
        found = cls.resolver(ticker, kind, market)
        if alias:
            found = CoreSymbol.create(found.id, alias.upper(), kind, found.market)
        return cls(found)

    @classmethod
    def create_option(  # noqa: PLR0913 — LEAN's arguments
        cls,
        underlying: Any,
        market: str,
        style: int,
        right: int,
        strike: float,
        expiry: datetime,
        alias: str | None = None,
    ) -> Symbol:
        """Return the symbol of an option contract; `underlying` is an equity's ticker, or a symbol."""
        below = underlying if isinstance(underlying, Symbol) else cls.create(underlying, 1, market)
        made = SecurityIdentifier.generate_option(
            expiry, below.id, market or below.core.market, strike, right, style
        )
        return cls(made, alias or option_ticker(below.value, right, strike, expiry))

    @property
    def value(self) -> str:
        """The ticker of today."""
        return self.core.value

    @property
    def id(self) -> SecurityIdentifier:
        """The identifier."""
        return SecurityIdentifier(self.core.id)

    @property
    def security_type(self) -> SecurityType:  # type: ignore[valid-type]  # generated enum
        """Kind of security."""
        return SecurityType(int(self.core.security_type))

    @property
    def has_underlying(self) -> bool:
        """Whether it is a derivative."""
        return "|" in self.core.id

    @property
    def underlying(self) -> Symbol | None:
        """What it derives from, None where it derives from nothing."""
        if not self.has_underlying:
            return None
        below = self.id.underlying
        return Symbol(below, below.symbol)

    def _registered(self, kind: str) -> str | None:
        return None if Symbol.registry is None else Symbol.registry(self.core, kind)

    @property
    def cusip(self) -> str | None:
        """The cusip, None where the data folder does not tell."""
        return self._registered("cusip")

    @property
    def composite_figi(self) -> str | None:
        """The composite figi, None where the data folder does not tell."""
        return self._registered("composite_figi")

    @property
    def sedol(self) -> str | None:
        """The sedol, None where the data folder does not tell."""
        return self._registered("sedol")

    @property
    def isin(self) -> str | None:
        """The isin, None where the data folder does not tell."""
        return self._registered("isin")

    @property
    def cik(self) -> int | None:
        """The cik, None where the data folder does not tell."""
        found = self._registered("cik")
        return int(found) if found else None

    def is_canonical(self) -> bool:
        """Return False: canonical symbols belong to chains, which are not offered."""
        return False

    def has_canonical(self) -> bool:
        """Return whether there is a chain that it is part of."""
        return self.core.security_type in _OPTION_OF.values()

    def contains(self, value: str) -> bool:
        """Return whether the ticker contains a text."""
        return value in self.core.value

    def starts_with(self, value: str) -> bool:
        """Return whether the ticker starts with a text."""
        return self.core.value.startswith(value)

    def ends_with(self, value: str) -> bool:
        """Return whether the ticker ends with a text."""
        return self.core.value.endswith(value)

    def to_string(self) -> str:
        """Return the ticker of today."""
        return self.core.value

    def equals(self, other: object) -> bool:
        """Return whether `other` is this symbol, or its ticker or identifier text."""
        return self == other

    def compare_to(self, other: object) -> int:
        """Return -1, 0 or 1 as its ticker comes before, with or after the other's."""
        mine, theirs = str(self), str(other)
        return (mine > theirs) - (mine < theirs)

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

    def __le__(self, other: object) -> bool:
        return str(self) <= str(other)

    def __gt__(self, other: object) -> bool:
        return str(self) > str(other)

    def __ge__(self, other: object) -> bool:
        return str(self) >= str(other)

    def __str__(self) -> str:
        return self.core.value

    __repr__ = __str__

    def __reduce__(self) -> tuple[object, tuple[CoreSymbol]]:
        return (Symbol, (self.core,))

    def __copy__(self) -> Symbol:
        return self

    def __deepcopy__(self, memo: object) -> Symbol:
        return self


# nobody's symbol: what LEAN's empty arguments stand for
Symbol.EMPTY = Symbol.Empty = Symbol.NONE = Symbol(CoreSymbol.create("", "", SecurityType.BASE, "empty"))
