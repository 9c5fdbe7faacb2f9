"""A security: a symbol with its properties and its newest prices. Owned by the engine.

The cache follows LEAN's Common/Securities/SecurityCache.cs: filled-forward points never enter it; which
kind of data drives `price` depends on the security type (trades for equities, quotes for forex, both for
crypto); bid and ask fall back to `price` where no quote has been seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Final

import msgspec

from livetrader_engine.calendar.hours import ExchangeHours
from livetrader_engine.data.bars import MarketPoint, PriceScale, QuoteBar, Tick, TradeBar
from livetrader_engine.data.decimals import exact, exact_value
from livetrader_engine.data.subscription import Normalization, Subscription, TickType
from livetrader_engine.errors import AlgorithmError
from livetrader_engine.money import ZERO
from livetrader_engine.symbols import (
    NS_PER_HOUR,
    NS_PER_MINUTE,
    NS_PER_SECOND,
    Resolution,
    SecurityType,
    Symbol,
)


class SecurityProperties(msgspec.Struct, frozen=True):
    """What a symbol-properties row says. Source: LEAN's symbol-properties-database.csv."""

    description: str = ""
    quote_currency: str = "USD"
    contract_multiplier: Decimal = Decimal(1)
    minimum_price_variation: Decimal = Decimal("0.01")
    lot_size: Decimal = Decimal(1)
    market_ticker: str = ""
    minimum_order_size: Decimal | None = None
    price_magnifier: Decimal = Decimal(1)
    strike_multiplier: Decimal = Decimal(1)


# Source: DefaultBrokerageModel.GetLeverage; cash accounts are 1 throughout.
DEFAULT_LEVERAGE: Final[dict[SecurityType, Decimal]] = {
    SecurityType.EQUITY: Decimal(2),
    SecurityType.FOREX: Decimal(50),
    SecurityType.CFD: Decimal(50),
    SecurityType.CRYPTO_FUTURE: Decimal(25),
}

# What drives price, open, high, low and close. Types not listed: both, the newer one wins.
_PRICED_BY_TRADES: Final = frozenset(
    {SecurityType.EQUITY, SecurityType.OPTION, SecurityType.FUTURE, SecurityType.INDEX,
     SecurityType.FUTURE_OPTION, SecurityType.INDEX_OPTION, SecurityType.BASE}
)  # fmt: skip
_PRICED_BY_QUOTES: Final = frozenset({SecurityType.FOREX, SecurityType.CFD})


def checked_leverage(leverage: Decimal) -> Decimal:
    """Return it. Raises AlgorithmError below 1, as LEAN does: a position binds no more than its value."""
    if leverage < 1:
        raise AlgorithmError(f"leverage must be greater than or equal to 1, not {leverage}")
    return leverage


class Security:
    """One symbol, its properties and its newest prices. Mutated by `update` only, from the engine.

    It does not know positions or orders. `price` is 0.0 until the first point that drives it. All prices
    are floats; the `exact_*` methods give the decimals that orders and fills are made of.
    """

    __slots__ = (
        "_ask",
        "_bid",
        "_by_quotes",
        "_by_trades",
        "_by_trades_only",
        "_exact_price",
        "ask_size",
        "bid_size",
        "hours",
        "is_tradable",
        "leverage",
        "properties",
        "quote_bar",
        "quote_tick",
        "source",
        "subscriptions",
        "symbol",
        "trade_bar",
        "trade_tick",
    )  # fmt: skip

    def __init__(
        self,
        symbol: Symbol,
        properties: SecurityProperties,
        hours: ExchangeHours,
        leverage: Decimal | None = None,
    ) -> None:
        self.symbol = symbol
        self.properties = properties
        self.hours = hours
        self.leverage = leverage or DEFAULT_LEVERAGE.get(symbol.security_type, Decimal(1))
        self.subscriptions: list[Subscription] = []
        self.is_tradable = True
        self.bid_size = self.ask_size = 0.0
        self.trade_bar: TradeBar | None = None
        self.quote_bar: QuoteBar | None = None
        self.trade_tick: Tick | None = None
        self.quote_tick: Tick | None = None
        self._bid = self._ask = 0.0
        self.source: MarketPoint | None = None  # the point that drives `price`
        self._exact_price: Decimal | None = ZERO
        self._by_trades = symbol.security_type not in _PRICED_BY_QUOTES
        self._by_quotes = symbol.security_type not in _PRICED_BY_TRADES
        self._by_trades_only = self._by_trades and not self._by_quotes

    # What follows is read far less often than points arrive: it is made of them when it is asked for.

    @property
    def price(self) -> float:
        """The newest price, 0.0 before the first point that drives it."""
        source = self.source
        return 0.0 if source is None else source.value

    close = price

    @property
    def open(self) -> float:
        """Open of the point that drives `price`."""
        source = self.source
        if isinstance(source, QuoteBar):
            return _middle(source.bid_open, source.ask_open)
        return source.open if isinstance(source, TradeBar) else self.price

    @property
    def high(self) -> float:
        """High of the point that drives `price`."""
        source = self.source
        if isinstance(source, QuoteBar):
            return _middle(source.bid_high, source.ask_high)
        return source.high if isinstance(source, TradeBar) else self.price

    @property
    def low(self) -> float:
        """Low of the point that drives `price`."""
        source = self.source
        if isinstance(source, QuoteBar):
            return _middle(source.bid_low, source.ask_low)
        return source.low if isinstance(source, TradeBar) else self.price

    @property
    def volume(self) -> float:
        """Shares of the newest trade bar or trade."""
        bar, tick = self.trade_bar, self.trade_tick
        if tick is not None and (bar is None or tick.time_ns >= bar.end_time_ns):
            return tick.quantity
        return 0.0 if bar is None else bar.volume

    @property
    def last_time_ns(self) -> int:
        """End time of the newest point in the cache, 0 before the first."""
        held = (self.trade_bar, self.quote_bar, self.trade_tick, self.quote_tick)
        return max((point.end_time_ns for point in held if point is not None), default=0)

    @property
    def has_data(self) -> bool:
        """Whether any point has arrived."""
        if self.source is not None:
            return True
        return any((self.trade_bar, self.quote_bar, self.trade_tick, self.quote_tick))

    @property
    def bid_price(self) -> float:
        """Newest bid, or `price` where there is none."""
        return self._bid or self.price

    @property
    def ask_price(self) -> float:
        """Newest ask, or `price` where there is none."""
        return self._ask or self.price

    def update(self, point: MarketPoint) -> None:
        """Take in one point; filled-forward and suspicious points change nothing."""
        if isinstance(point, TradeBar):
            if not point.fill_forward:
                self._take_trade_bar(point)
        elif isinstance(point, QuoteBar):
            if not point.fill_forward:
                self._take_quote_bar(point)
        elif not point.suspicious:
            self._take_tick(point)

    def _take_trade_bar(self, bar: TradeBar) -> None:
        held = self.trade_bar
        if held is not None and not _replaces(bar, held):
            return
        self.trade_bar = bar
        if self._by_trades and not (self._by_quotes and self._quoted_at(bar.end_time_ns)):
            self.source = bar
            self._exact_price = None

    def _quoted_at(self, end_time_ns: int) -> bool:
        """Whether price already comes from a quote bar of that time (quotes win a tie)."""
        return isinstance(self.source, QuoteBar) and self.source.end_time_ns == end_time_ns

    def _take_quote_bar(self, bar: QuoteBar) -> None:
        held = self.quote_bar
        if held is not None and not _replaces(bar, held):
            return
        self.quote_bar = bar
        self._bid = bar.bid_close or self._bid
        self._ask = bar.ask_close or self._ask
        self.bid_size = bar.bid_size
        self.ask_size = bar.ask_size
        if self._by_quotes:
            self.source = bar
            self._exact_price = None

    def _take_tick(self, tick: Tick) -> None:
        if tick.price:
            self.trade_tick = tick
            if self._by_trades:
                self.source = tick
                self._exact_price = None
            return
        self.quote_tick = tick
        self._bid = tick.bid_price or self._bid
        self._ask = tick.ask_price or self._ask
        self.bid_size = tick.bid_size
        self.ask_size = tick.ask_size
        if self._by_quotes:
            self.source = tick
            self._exact_price = None

    def exact_price(self) -> Decimal:
        """Return `price` as the decimal the data file holds; zero before the first point."""
        if self._exact_price is None:
            self._exact_price = exact_value(self.source)
        return self._exact_price

    def exact_prices(self) -> tuple[Decimal, Decimal, Decimal]:
        """Return bid, ask and price as decimals."""
        price = self.exact_price()
        if not self._bid and not self._ask:
            return price, price, price
        return self.exact_bid(), self.exact_ask(), price

    def exact_bid(self) -> Decimal:
        """Return `bid_price` as a decimal."""
        if not self._bid:
            return self.exact_price()
        return exact(self._bid, self._quote_scale())

    def exact_ask(self) -> Decimal:
        """Return `ask_price` as a decimal."""
        if not self._ask:
            return self.exact_price()
        return exact(self._ask, self._quote_scale())

    def _quote_scale(self) -> PriceScale | None:
        tick, bar = self.quote_tick, self.quote_bar
        if bar is None or (tick is not None and tick.time_ns > bar.end_time_ns):
            return None
        return bar.scale

    @property
    def resolution(self) -> Resolution | None:
        """Finest resolution subscribed by the algorithm; where nothing is, that of the newest point."""
        if self.subscriptions:
            return min(item.resolution for item in self.subscriptions)
        return _resolution_of(self.trade_bar or self.quote_bar, self.trade_tick)

    @property
    def daily_only(self) -> bool:
        """Whether nothing finer than daily bars is subscribed."""
        return self.resolution is Resolution.DAILY

    @property
    def coarse_only(self) -> bool:
        """Whether nothing finer than hourly bars is subscribed."""
        finest = self.resolution
        return finest is not None and finest >= Resolution.HOUR

    @property
    def extended_market_hours(self) -> bool:
        """Whether a subscription asks for pre- and post-market data."""
        return any(item.extended_market_hours for item in self.subscriptions)

    @property
    def rounds_prices(self) -> bool:
        """Whether order prices are rounded to the price variation: not for adjusted equity prices.

        Source: SecurityService (AdjustedPriceVariationModel for equities not in raw mode).
        """
        if self.symbol.security_type is not SecurityType.EQUITY:
            return True
        return any(item.normalization is Normalization.RAW for item in self.subscriptions)

    def subscribed(self, tick_type: TickType) -> bool:
        """Return whether data of this kind is subscribed."""
        return any(item.tick_type is tick_type for item in self.subscriptions)


class SecurityManager:
    """The engine's securities by symbol, in the order they were added. Not thread-safe."""

    def __init__(self) -> None:
        self._by_symbol: dict[Symbol, Security] = {}
        self.get: Final = self._by_symbol.get  # the security or None; it is asked several times an order

    def add(self, security: Security) -> Security:
        """Hold `security`; where its symbol is held already, return that one and change nothing."""
        return self._by_symbol.setdefault(security.symbol, security)

    def remove(self, symbol: Symbol) -> None:
        """Forget the symbol; nothing happens where it is not held."""
        self._by_symbol.pop(symbol, None)

    def __getitem__(self, symbol: Symbol) -> Security:
        try:
            return self._by_symbol[symbol]
        except KeyError:
            raise AlgorithmError(
                f"{symbol.value} is not among the securities; add it first, for example with add_equity"
            ) from None

    def __contains__(self, symbol: object) -> bool:
        return symbol in self._by_symbol

    def __iter__(self) -> Iterator[Symbol]:
        return iter(self._by_symbol)

    def __len__(self) -> int:
        return len(self._by_symbol)

    def values(self) -> Iterable[Security]:
        """Return the securities in the order they were added."""
        return self._by_symbol.values()

    def update(self, points: Iterable[MarketPoint]) -> bool:
        """Hand each point to its security; return whether any is a bar.

        Points of unknown symbols are ignored.
        """
        find, bars = self._by_symbol.get, False
        for point in points:
            security = find(point.symbol)
            if isinstance(point, Tick):
                if security is None:
                    continue
                if security._by_trades_only and point.price and not point.suspicious:
                    security.trade_tick = security.source = point
                    security._exact_price = None
                    continue
            else:
                bars = True
                if security is None:
                    continue
                if (
                    isinstance(point, TradeBar)
                    and security._by_trades_only
                    and not point.fill_forward
                    and ((known := security.trade_bar) is None or point.end_time_ns > known.end_time_ns)
                ):
                    # what `Security.update` does with nearly every bar there is
                    security.trade_bar = security.source = point
                    security._exact_price = None
                    continue
            security.update(point)
        return bars


def _replaces(new: TradeBar | QuoteBar, held: TradeBar | QuoteBar) -> bool:
    """Whether `new` takes the place of `held`: later, or as late and not longer."""
    if new.end_time_ns != held.end_time_ns:
        return new.end_time_ns > held.end_time_ns
    return new.time_ns >= held.time_ns


def _middle(bid: float, ask: float) -> float:
    return (bid + ask) / 2 if bid and ask else bid or ask


def _resolution_of(bar: TradeBar | QuoteBar | None, tick: Tick | None) -> Resolution | None:
    if tick is not None:
        return Resolution.TICK
    if bar is None:
        return None
    period = bar.end_time_ns - bar.time_ns
    if period <= NS_PER_SECOND:
        return Resolution.SECOND
    if period <= NS_PER_MINUTE:
        return Resolution.MINUTE
    return Resolution.HOUR if period <= NS_PER_HOUR else Resolution.DAILY
