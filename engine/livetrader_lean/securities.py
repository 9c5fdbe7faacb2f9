"""Securities as an algorithm sees them: prices, exchange, properties."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

from livetrader_engine.errors import AlgorithmError
from livetrader_engine.securities import Security as CoreSecurity
from livetrader_engine.symbols import Symbol as CoreSymbol
from livetrader_lean.binding import Binding
from livetrader_lean.enums import Resolution, SecurityType
from livetrader_lean.market import BaseData
from livetrader_lean.portfolio import SecurityHolding
from livetrader_lean.symbols import Symbol
from livetrader_lean.times import local, to_ns
from livetrader_lean.views import Face, SymbolView


class SecurityExchange(Face):
    """When a security trades."""

    __slots__ = ("_binding", "_security")

    def __init__(self, binding: Binding, security: CoreSecurity) -> None:
        self._binding = binding
        self._security = security

    @property
    def exchange_open(self) -> bool:
        """Whether it trades now, in regular hours."""
        return self._security.hours.is_open(self._binding.engine.clock.now_ns)

    @property
    def hours(self) -> SecurityExchange:
        """The same object: LEAN keeps the hours one level deeper."""
        return self

    @property
    def time_zone(self) -> Any:
        """Time zone of the exchange."""
        return self._security.hours.timezone

    @property
    def is_market_always_open(self) -> bool:
        """Whether it never closes."""
        return self._security.hours.always_open

    def _ns(self, time: datetime) -> int:
        return to_ns(time, self._security.hours.timezone)

    def is_open(self, time: datetime, extended_market_hours: bool = False) -> bool:
        """Return whether it trades at a local time."""
        return self._security.hours.is_open(self._ns(time), extended_market_hours)

    def is_date_open(self, time: datetime) -> bool:
        """Return whether it trades on a date."""
        day = time.date() if isinstance(time, datetime) else time
        return self._security.hours.is_trading_day(day)

    def get_next_market_open(self, time: datetime, extended_market_hours: bool = False) -> datetime:
        """Return the first open after a local time."""
        found = self._security.hours.next_open(self._ns(time) + 1, extended_market_hours)
        return local(found, self._security.hours.timezone)

    def get_next_market_close(self, time: datetime, extended_market_hours: bool = False) -> datetime:
        """Return the first close after a local time."""
        found = self._security.hours.next_close(self._ns(time), extended_market_hours)
        return local(found, self._security.hours.timezone)


class SymbolProperties(Face):
    """Lot size, price variation, multiplier and currency."""

    __slots__ = ("_properties",)

    def __init__(self, security: CoreSecurity) -> None:
        self._properties = security.properties

    @property
    def description(self) -> str:
        """Name in words."""
        return self._properties.description

    @property
    def quote_currency(self) -> str:
        """Currency of its prices."""
        return self._properties.quote_currency

    @property
    def lot_size(self) -> float:
        """Smallest step of a quantity."""
        return float(self._properties.lot_size)

    @property
    def minimum_price_variation(self) -> float:
        """Smallest step of a price."""
        return float(self._properties.minimum_price_variation)

    @property
    def contract_multiplier(self) -> float:
        """Units per contract."""
        return float(self._properties.contract_multiplier)


class _Priced(Face):
    """A security's newest prices: the half of Security that is only read."""

    _binding: Binding
    _security: CoreSecurity

    def __init__(self, binding: Binding, security: CoreSecurity) -> None:
        self._binding = binding
        self._security = security

    @property
    def price(self) -> float:
        """Newest price, 0 before the first."""
        return self._security.price

    @property
    def open(self) -> float:
        """Open of the newest bar."""
        return self._security.open

    @property
    def high(self) -> float:
        """High of the newest bar."""
        return self._security.high

    @property
    def low(self) -> float:
        """Low of the newest bar."""
        return self._security.low

    @property
    def close(self) -> float:
        """Close of the newest bar."""
        return self._security.close

    @property
    def volume(self) -> float:
        """Volume of the newest trade bar."""
        return self._security.volume

    @property
    def bid_price(self) -> float:
        """Newest bid, or the price where there is none."""
        return self._security.bid_price

    @property
    def ask_price(self) -> float:
        """Newest ask, or the price where there is none."""
        return self._security.ask_price

    @property
    def bid_size(self) -> float:
        """Size at the bid."""
        return self._security.bid_size

    @property
    def ask_size(self) -> float:
        """Size at the ask."""
        return self._security.ask_size


class Security(_Priced):
    """One security with its newest prices. Attributes of the algorithm's own may be set on it."""

    @property
    def symbol(self) -> Symbol:
        """Its identity."""
        return Symbol(self._security.symbol)

    @property
    def type(self) -> int:
        """Kind of security, a SecurityType."""
        return SecurityType(int(self._security.symbol.security_type))

    @property
    def has_data(self) -> bool:
        """Whether any data has arrived."""
        return self._security.has_data

    @property
    def is_tradable(self) -> bool:
        """Whether orders are taken."""
        return self._security.is_tradable

    @property
    def holdings(self) -> SecurityHolding:
        """The position in it."""
        return SecurityHolding(self._binding.engine.portfolio[self._security.symbol])

    @property
    def invested(self) -> bool:
        """Whether there is a position."""
        return self.holdings.invested

    @property
    def hold_stock(self) -> bool:
        """The same as `invested`."""
        return self.holdings.invested

    @property
    def leverage(self) -> float:
        """How much may be held per unit of margin."""
        return float(self._security.leverage)

    def set_leverage(self, leverage: float) -> None:
        """Change the leverage."""
        if leverage <= 0:
            raise AlgorithmError(f"leverage must be positive, not {leverage}")
        self._security.leverage = Decimal(str(leverage))

    @property
    def exchange(self) -> SecurityExchange:
        """When it trades."""
        return SecurityExchange(self._binding, self._security)

    @property
    def symbol_properties(self) -> SymbolProperties:
        """Lot size and the like."""
        return SymbolProperties(self._security)

    @property
    def local_time(self) -> datetime:
        """Local time of its exchange."""
        return local(self._binding.engine.clock.now_ns, self._security.hours.timezone)

    @property
    def resolution(self) -> int | None:
        """Finest subscribed resolution."""
        finest = self._security.resolution
        return None if finest is None else Resolution(int(finest))

    def get_last_data(self) -> BaseData | None:
        """Return the newest bar or tick, None before the first."""
        security = self._security
        held = (security.trade_bar, security.quote_bar, security.trade_tick, security.quote_tick)
        points = [point for point in held if point is not None]
        if not points:
            return None
        return BaseData.of(max(points, key=lambda point: point.end_time_ns), security.hours.timezone)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Security) and other._security is self._security

    def __hash__(self) -> int:
        return hash(self._security.symbol)

    def __str__(self) -> str:
        return self._security.symbol.value


class Securities(SymbolView[Security]):
    """`self.securities`: everything that was added."""

    __slots__ = ("_binding", "_faces")

    def __init__(self, binding: Binding) -> None:
        self._binding = binding
        self._faces: dict[CoreSymbol, Security] = {}

    def _symbols(self) -> Iterator[CoreSymbol]:
        return iter(self._binding.engine.securities)

    def _value(self, symbol: CoreSymbol) -> Security:
        """Return the one face of a security, so that what the algorithm sets on it stays."""
        face = self._faces.get(symbol)
        core = self._binding.engine.securities[symbol]
        if face is None or face._security is not core:
            face = self._faces[symbol] = Security(self._binding, core)
        return face

    def _find(self, key: object) -> CoreSymbol | None:
        if isinstance(key, Symbol):
            return key.core if key.core in self._binding.engine.securities else None
        return super()._find(key)
