"""Adding and removing securities by hand."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from livetrader_engine.data.subscription import Normalization
from livetrader_engine.errors import AlgorithmError
from livetrader_engine.symbols import Resolution, SecurityType
from livetrader_engine.trading import OrderTerms
from livetrader_lean.active_securities import ActiveSecurities
from livetrader_lean.algorithm.part import Part
from livetrader_lean.databases import TradingCalendar
from livetrader_lean.enums import DataNormalizationMode
from livetrader_lean.enums import Resolution as ResolutionFace
from livetrader_lean.errors import NotInLivetrader
from livetrader_lean.history import last_known
from livetrader_lean.names import known_as, snake
from livetrader_lean.reality.seeding import BrokerageModelSecurityInitializer
from livetrader_lean.securities import Security
from livetrader_lean.subscriptions import SubscriptionManager
from livetrader_lean.symbols import Symbol

_OFFERED: Final = frozenset(
    {SecurityType.EQUITY, SecurityType.FOREX, SecurityType.CFD, SecurityType.CRYPTO, SecurityType.INDEX}
)


class UniverseSettings(Part):
    """`self.universe_settings`: what counts for securities that are added without saying otherwise."""

    def __init__(self, lean: Any) -> None:
        self._lean = lean
        self.leverage = 0.0
        self.fill_forward = True
        self.extended_market_hours = False
        self.data_normalization_mode = DataNormalizationMode.ADJUSTED

    @property
    def resolution(self) -> int:
        """Resolution of securities that are added without one."""
        return ResolutionFace(int(self._lean.default_resolution))

    @resolution.setter
    def resolution(self, resolution: int) -> None:
        self._lean.default_resolution = Resolution(int(resolution))


class SecuritiesMixin(Part):
    """What `add_equity` and its like do. Options, futures and universes are not offered."""

    def add_equity(self, ticker: str, *arguments: Any, **named: Any) -> Security:
        """Subscribe to an equity.

        Arguments as in LEAN: resolution, market, fill_forward, leverage, extended_market_hours,
        data_normalization_mode.
        """
        return self._add(SecurityType.EQUITY, ticker, arguments, named)

    def add_forex(self, ticker: str, *arguments: Any, **named: Any) -> Security:
        """Subscribe to a currency pair."""
        return self._add(SecurityType.FOREX, ticker, arguments, named)

    def add_cfd(self, ticker: str, *arguments: Any, **named: Any) -> Security:
        """Subscribe to a contract for difference."""
        return self._add(SecurityType.CFD, ticker, arguments, named)

    def add_crypto(self, ticker: str, *arguments: Any, **named: Any) -> Security:
        """Subscribe to a crypto pair."""
        return self._add(SecurityType.CRYPTO, ticker, arguments, named)

    def add_index(self, ticker: str, *arguments: Any, **named: Any) -> Security:
        """Subscribe to an index."""
        return self._add(SecurityType.INDEX, ticker, arguments, named)

    def add_security(self, *arguments: Any, **named: Any) -> Security:
        """Subscribe to a security: (security type, ticker, ...), or (symbol, ...)."""
        given, named = list(arguments), {snake(name): value for name, value in named.items()}
        first = given.pop(0) if given else None
        symbol = named.pop("symbol", first if isinstance(first, Symbol) else None)
        if isinstance(symbol, Symbol):
            if symbol.core.security_type not in _OFFERED:
                raise NotInLivetrader(f"add_security of {symbol.core.security_type.name.lower()}")
            return self._subscribe(symbol, (), _by_type(given) | named)
        kind = SecurityType(int(named.pop("security_type") if first is None else first))
        ticker = str(symbol or named.pop("ticker", None) or given.pop(0))
        if kind not in _OFFERED:
            raise NotInLivetrader(f"add_security(SecurityType.{kind.name})")
        return self._add(kind, ticker, (), _by_type(given) | named)

    def _add(
        self, kind: SecurityType, ticker: str, arguments: tuple[Any, ...], named: dict[str, Any]
    ) -> Security:
        named = {snake(name): value for name, value in named.items()}
        market = named.pop("market", arguments[1] if len(arguments) > 1 else None)
        symbol = Symbol(self._lean.symbol(ticker, kind, market))
        return self._subscribe(symbol, (*arguments[:1], *arguments[2:]), named)

    def _subscribe(self, symbol: Symbol, arguments: tuple[Any, ...], named: dict[str, Any]) -> Security:
        lean, given = self._lean, dict(zip(_TERMS, arguments, strict=False)) | named
        beyond = sorted(set(given) - set(_TERMS)) + [repr(item) for item in arguments[len(_TERMS) :]]
        if beyond:
            raise NotInLivetrader(f"adding a security with {', '.join(beyond)}")
        resolution, leverage = given.get("resolution"), given.get("leverage")
        normalization = given.get("data_normalization_mode")
        if normalization is None:
            normalization = self.universe_settings.data_normalization_mode
        fresh = symbol.core not in lean.engine.securities
        lean.engine.subscriptions.add_security(
            symbol.core,
            lean.default_resolution if resolution is None else Resolution(int(resolution)),
            fill_forward=bool(given.get("fill_forward", True)),
            extended_market_hours=bool(given.get("extended_market_hours", False)),
            normalization=Normalization(int(normalization)),
            leverage=Decimal(str(leverage)) if leverage else None,
        )
        security: Security = lean.securities[symbol.core]
        if fresh:
            if lean.seeds_prices and not security.price:
                security.update(last_known(lean, symbol.core))
            if lean.reality.initializes:
                lean.reality.apply(lean.reality.brokerage_model, security)
            for initializer in lean.security_initializers:
                initializer(security)
            if leverage:
                security.set_leverage(leverage)
        return security

    @known_as(security_initializer="initializer")
    def set_security_initializer(self, initializer: Any) -> None:
        """Call a function, or an object's `initialize`, with each security that is added from now on.

        It takes the place of what gives securities the brokerage model's models.
        """
        self._lean.security_initializers = [_initializer(initializer)]
        self._lean.reality.initializes = False
        self._lean.security_initializer = initializer

    @known_as(security_initializer="initializer")
    def add_security_initializer(self, initializer: Any) -> None:
        """Call a further function, or object's `initialize`, with each security that is added."""
        self._lean.security_initializers.append(_initializer(initializer))

    @property
    def security_initializer(self) -> Any:
        """What securities are initialized by: what was set, else what gives them the brokerage's models."""
        chosen = self._lean.security_initializer
        return (
            BrokerageModelSecurityInitializer(self._lean.reality.brokerage_model)
            if chosen is None
            else chosen
        )

    def remove_security(self, symbol: Any, tag: str | None = None) -> bool:
        """Cancel a symbol's orders, close its position and end its data; return whether there was any.

        Cancels and the closing order bear the tag, "Removed" where none is given.
        """
        engine, core = self._lean.engine, self._lean.resolve(symbol)
        if core not in engine.securities:
            return False
        terms = OrderTerms(tag=_REMOVED if tag is None else tag)
        if not engine.orders.warming_up:
            engine.orders.cancel_open(core, terms.tag)
        engine.trading.liquidate([core], terms)
        return engine.subscriptions.remove_security(core)

    def symbol(self, ticker: str) -> Symbol:
        """Return the symbol of a ticker that was added, else of the US equity of that ticker."""
        return Symbol(self._lean.by_ticker(ticker))

    @property
    def active_securities(self) -> ActiveSecurities:
        """What was added and not removed since."""
        return ActiveSecurities(self._lean.securities)

    @property
    def trading_calendar(self) -> TradingCalendar:
        """Business days and holidays."""
        return TradingCalendar(self._lean)

    @property
    def subscription_manager(self) -> SubscriptionManager:
        """Attach consolidators made by hand."""
        return SubscriptionManager(self._lean)

    @property
    def universe_settings(self) -> UniverseSettings:
        """The resolution of securities that are added without one."""
        if self._lean.universe_settings is None:
            self._lean.universe_settings = UniverseSettings(self._lean)
        found: UniverseSettings = self._lean.universe_settings
        return found


def _by_type(arguments: list[Any]) -> dict[str, Any]:
    """Return what the arguments behind a ticker or symbol say: LEAN's overloads differ in their order."""
    found: dict[str, Any] = {}
    for item in arguments:
        if isinstance(item, DataNormalizationMode):
            found["data_normalization_mode"] = item
        elif isinstance(item, ResolutionFace | Resolution):
            found["resolution"] = item
        elif isinstance(item, str):
            found["market"] = item
        elif isinstance(item, bool):
            found["extended_market_hours" if "fill_forward" in found else "fill_forward"] = item
        elif isinstance(item, int | float):
            found["leverage"] = item
        elif item is not None:
            raise NotInLivetrader(f"adding a security with {item!r}")
    return found


def _initializer(given: Any) -> Callable[[Security], object]:
    method = getattr(given, "initialize", None) or getattr(given, "Initialize", None)
    if method is not None:
        return method  # type: ignore[no-any-return]  # the user's
    if not callable(given):
        raise AlgorithmError(f"{given!r} is neither a function nor has it an initialize(security)")
    return given  # type: ignore[no-any-return]  # the user's


_REMOVED: Final = "Removed"  # LEAN's tag of what `remove_security` orders
# what may be said of a subscription, in LEAN's order behind ticker and market
_TERMS: Final = (
    "resolution", "fill_forward", "leverage", "extended_market_hours", "data_normalization_mode",
)  # fmt: skip
