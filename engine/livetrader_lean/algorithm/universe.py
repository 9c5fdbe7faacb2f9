"""Adding and removing securities by hand."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from livetrader_engine.data.subscription import Normalization
from livetrader_engine.symbols import Resolution, SecurityType
from livetrader_lean.algorithm.part import Part
from livetrader_lean.errors import NotInLivetrader
from livetrader_lean.securities import Security
from livetrader_lean.subscriptions import SubscriptionManager
from livetrader_lean.symbols import Symbol


class UniverseSettings(Part):
    """`self.universe_settings`: the resolution of securities that are added without one."""

    def __init__(self, lean: Any) -> None:
        self._lean = lean

    @property
    def resolution(self) -> int:
        """Resolution of securities that are added without one."""
        return self._lean.default_resolution

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

    def add_security(self, kind: Any, ticker: Any = None, *arguments: Any, **named: Any) -> Security:
        """Subscribe to a security by type and ticker, or by symbol."""
        if isinstance(kind, Symbol):
            rest = arguments if ticker is None else (ticker, *arguments)
            return self._subscribe(kind, rest, named)
        offered = (
            SecurityType.EQUITY, SecurityType.FOREX, SecurityType.CFD, SecurityType.CRYPTO, SecurityType.INDEX
        )  # fmt: skip
        if SecurityType(int(kind)) not in offered:
            raise NotInLivetrader(f"add_security(SecurityType.{kind})")
        return self._add(SecurityType(int(kind)), ticker, arguments, named)

    def _add(
        self, kind: SecurityType, ticker: str, arguments: tuple[Any, ...], named: dict[str, Any]
    ) -> Security:
        market = named.pop("market", arguments[1] if len(arguments) > 1 else None)
        symbol = Symbol(self._lean.symbol(ticker, kind, market))
        return self._subscribe(symbol, (*arguments[:1], *arguments[2:]), named)

    def _subscribe(self, symbol: Symbol, arguments: tuple[Any, ...], named: dict[str, Any]) -> Security:
        given = list(arguments)
        resolution = named.pop("resolution", given.pop(0) if given else None)
        fill_forward = named.pop("fill_forward", given.pop(0) if given else True)
        leverage = named.pop("leverage", given.pop(0) if given else 0)
        extended = named.pop("extended_market_hours", given.pop(0) if given else False)
        normalization = named.pop("data_normalization_mode", given.pop(0) if given else None)
        if given or named:
            raise NotInLivetrader(f"adding a security with {', '.join(map(str, given or sorted(named)))}")
        self._lean.engine.subscriptions.add_security(
            symbol.core,
            self._lean.default_resolution if resolution is None else Resolution(int(resolution)),
            fill_forward=bool(fill_forward),
            extended_market_hours=bool(extended),
            normalization=Normalization.ADJUSTED
            if normalization is None
            else Normalization(int(normalization)),
            leverage=Decimal(str(leverage)) if leverage else None,
        )
        return self._lean.securities[symbol.core]

    def remove_security(self, symbol: Any) -> bool:
        """Cancel a symbol's orders, close its position and end its data; return whether there was any."""
        core = self._lean.resolve(symbol)
        self._lean.engine.trading.liquidate([core])
        return self._lean.engine.subscriptions.remove_security(core)

    def symbol(self, ticker: str) -> Symbol:
        """Return the symbol of a ticker that was added, else of the US equity of that ticker."""
        return Symbol(self._lean.by_ticker(ticker))

    @property
    def active_securities(self) -> Any:
        """Everything that was added; without universes the same as `securities`."""
        return self._lean.securities

    @property
    def subscription_manager(self) -> SubscriptionManager:
        """Attach consolidators made by hand."""
        return SubscriptionManager(self._lean)

    @property
    def universe_settings(self) -> UniverseSettings:
        """The resolution of securities that are added without one."""
        return UniverseSettings(self._lean)
