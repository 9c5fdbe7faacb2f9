"""Securities as an algorithm sees them: prices, exchange, properties."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, cast

from livetrader_engine.corporate import normalization_of
from livetrader_engine.data.bars import MarketPoint
from livetrader_engine.data.subscription import Normalization
from livetrader_engine.securities import Security as CoreSecurity
from livetrader_engine.symbols import Symbol as CoreSymbol
from livetrader_lean.binding import Binding
from livetrader_lean.enums import DataNormalizationMode, Resolution, SecurityType
from livetrader_lean.exchange import SecurityExchange
from livetrader_lean.market import BaseData, QuoteBar, Tick, TradeBar
from livetrader_lean.portfolio import CashFace, SecurityHolding
from livetrader_lean.reality.modeled import Modeled
from livetrader_lean.sessions import Session
from livetrader_lean.subscriptions import SubscriptionDataConfig, configs_of
from livetrader_lean.symbol_properties import SymbolProperties
from livetrader_lean.symbols import Symbol
from livetrader_lean.times import local
from livetrader_lean.views import Face, Listing, SymbolView


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


class SecurityCache(_Priced):
    """The newest prices of a security and the points they came from."""

    def get_data(self, kind: type[BaseData] | None = None) -> BaseData | None:
        """Return the newest bar or tick, of any kind or of one (TradeBar); None before the first."""
        security = self._security
        if kind is not None:
            found = self._newest(kind)
            return None if found is None else BaseData.of(found, security.hours.timezone)
        held = (security.trade_bar, security.quote_bar, security.trade_tick, security.quote_tick)
        points = [point for point in held if point is not None]
        if not points:
            return None
        return BaseData.of(max(points, key=lambda point: point.end_time_ns), security.hours.timezone)

    def _newest(self, kind: type[BaseData]) -> MarketPoint | None:
        security = self._security
        if issubclass(kind, QuoteBar):
            return security.quote_bar
        if issubclass(kind, TradeBar):
            return security.trade_bar
        ticks = [tick for tick in (security.trade_tick, security.quote_tick) if tick is not None]
        return max(ticks, key=lambda tick: tick.time_ns) if issubclass(kind, Tick) and ticks else None

    def has_data(self, kind: type[BaseData]) -> bool:
        """Return whether there is any point of a kind."""
        return self._newest(kind) is not None

    def get_all(self, kind: type[BaseData]) -> list[BaseData]:
        """Return the newest points of a kind."""
        found = self.get_data(kind)
        return [] if found is None else [found]

    def add_data(self, data: BaseData) -> None:
        """Take in a point."""
        self._security.update(data.core)


class _Typed:
    """`security.get[T]("name")`: the type says nothing here."""

    def __init__(self, call: Any) -> None:
        self._call = call

    def __getitem__(self, kind: object) -> Any:
        return self._call

    def __call__(self, *arguments: Any) -> Any:
        return self._call(*arguments)


class _OwnProperties(_Priced):
    """What an algorithm keeps with a security: as attributes, by index, or with add, set, get, remove."""

    def __getitem__(self, key: str) -> Any:
        if key in vars(self):
            return vars(self)[key]
        raise KeyError(f"{self._security.symbol.value} has no property {key!r}")

    def __setitem__(self, key: str, value: Any) -> None:
        vars(self)[str(key)] = value

    def __contains__(self, key: object) -> bool:
        return key in vars(self)

    def add(self, key: str, value: Any) -> None:
        """Keep a value under a name."""
        self[key] = value

    def set(self, key: str, value: Any) -> None:
        """Keep a value under a name; the same as `add`."""
        self[key] = value

    @property
    def get(self) -> Any:
        """Return the value under a name: get("name") or get[Type]("name"). Raises KeyError without."""
        return _Typed(self.__getitem__)

    @property
    def try_get(self) -> Any:
        """Return whether there is a value under a name, and the value."""
        return _Typed(lambda key, value=None: (key in self, vars(self).get(key)))

    def remove(self, key: str) -> bool:
        """Forget a name; return whether there was a value."""
        return key[:1] != "_" and vars(self).pop(key, None) is not None

    def clear(self) -> None:
        """Forget every name."""
        for key in [name for name in vars(self) if not name.startswith("_")]:
            del vars(self)[key]


class _Subscribed(_OwnProperties):
    """Which data of a security there is."""

    @property
    def symbol(self) -> Symbol:
        """Its identity."""
        return Symbol(self._security.symbol)

    @property
    def subscriptions(self) -> Listing[SubscriptionDataConfig]:
        """The streams that the algorithm asked for."""
        return configs_of(self._binding, self.symbol)

    @property
    def data_normalization_mode(self) -> int:
        """How splits and dividends are taken out of its prices."""
        return DataNormalizationMode(int(normalization_of(self._security)))

    def set_data_normalization_mode(self, mode: int) -> None:
        """Have splits and dividends taken out of its prices in another way."""
        self._binding.engine.subscriptions.renormalize(self._security.symbol, Normalization(int(mode)))

    @property
    def is_fill_data_forward(self) -> bool:
        """Whether gaps in its data are filled with the last bar."""
        return any(item.fill_forward for item in self._security.subscriptions)

    @property
    def is_extended_market_hours(self) -> bool:
        """Whether there is data outside regular hours."""
        return self._security.extended_market_hours

    def is_custom_data(self) -> bool:
        """Return False: custom data is not offered."""
        return False


class Security(_Subscribed, Modeled):
    """One security with its newest prices. Attributes of the algorithm's own may be set on it."""

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
    def session(self) -> Session:
        """The running trading day and those before it; off until its `size` is set."""
        held = vars(self).get("_session")
        if held is None:
            held = vars(self)["_session"] = Session(self._binding, self._security)
        return cast("Session", held)

    @property
    def holdings(self) -> SecurityHolding:
        """The position in it."""
        portfolio = self._binding.engine.portfolio
        return SecurityHolding(portfolio[self._security.symbol], portfolio.cash)

    @property
    def invested(self) -> bool:
        """Whether there is a position."""
        return self.holdings.invested

    @property
    def hold_stock(self) -> bool:
        """The same as `invested`."""
        return self.holdings.invested

    @property
    def exchange(self) -> SecurityExchange:
        """When it trades."""
        return SecurityExchange(self._binding, self._security)

    @property
    def symbol_properties(self) -> SymbolProperties:
        """Lot size and the like."""
        return SymbolProperties(self._security.properties)

    @property
    def local_time(self) -> datetime:
        """Local time of its exchange."""
        return local(self._binding.engine.clock.now_ns, self._security.hours.timezone)

    @property
    def resolution(self) -> int | None:
        """Finest subscribed resolution."""
        finest = self._security.resolution
        return None if finest is None else Resolution(int(finest))

    @property
    def cache(self) -> SecurityCache:
        """The newest prices and the points they came from."""
        return SecurityCache(self._binding, self._security)

    def get_last_data(self) -> BaseData | None:
        """Return the newest bar or tick, None before the first."""
        return self.cache.get_data()

    @property
    def is_delisted(self) -> bool:
        """Whether it trades no more."""
        return self._security.symbol in self._binding.engine.corporate.delisted

    @property
    def is_initialized(self) -> bool:
        """True: it is known with its hours and properties."""
        return True

    @property
    def quote_currency(self) -> CashFace:
        """Cash of the currency that its prices are in."""
        cash = self._binding.engine.portfolio.cash
        return CashFace(cash.ensure(self._security.properties.quote_currency))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Security) and other._security is self._security

    def __hash__(self) -> int:
        return hash(self._security.symbol)

    def __str__(self) -> str:
        return self._security.symbol.value


class Securities(SymbolView[Security]):
    """`self.securities`: everything that was ever added."""

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

    def __getitem__(self, key: object) -> Security:
        if isinstance(key, Symbol):  # asked for with every bar: without the general way's calls
            core, face = self._binding.engine.securities.get(key.core), self._faces.get(key.core)
            if face is not None and face._security is core:
                return face
        return super().__getitem__(key)

    def _find(self, key: object) -> CoreSymbol | None:
        if isinstance(key, Symbol):
            return key.core if key.core in self._binding.engine.securities else None
        return super()._find(key)
