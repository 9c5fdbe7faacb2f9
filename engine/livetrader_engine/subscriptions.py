"""What data the algorithm wants, and the securities that exist because of it."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Final

import msgspec

from livetrader_engine.data.bars import MarketPoint
from livetrader_engine.data.subscription import Normalization, Subscription, TickType
from livetrader_engine.ports import DataFeed, ReferenceData
from livetrader_engine.securities import Security, SecurityManager, checked_leverage
from livetrader_engine.symbols import Resolution, SecurityType, Symbol

# Kinds of data by security type for tick, second and minute. Source: SubscriptionManager.DefaultDataTypes.
_FINE_TYPES: Final[dict[SecurityType, tuple[TickType, ...]]] = {
    SecurityType.EQUITY: (TickType.TRADE, TickType.QUOTE),
    SecurityType.OPTION: (TickType.TRADE, TickType.QUOTE),
    SecurityType.FUTURE: (TickType.TRADE, TickType.QUOTE),
    SecurityType.FOREX: (TickType.QUOTE,),
    SecurityType.CFD: (TickType.QUOTE,),
    SecurityType.CRYPTO: (TickType.TRADE, TickType.QUOTE),
    SecurityType.CRYPTO_FUTURE: (TickType.TRADE, TickType.QUOTE),
}


class SecurityChanges(msgspec.Struct, frozen=True):
    """Securities that came and went since the last time step. Falsy when there are none.

    `selections` counts the kinds of security and markets concerned: in LEAN each has a universe of its own,
    whose selection is a data point.
    """

    added: tuple[Security, ...] = ()
    removed: tuple[Security, ...] = ()
    selections: int = 0

    def __bool__(self) -> bool:
        return bool(self.added or self.removed)


NO_CHANGES: Final = SecurityChanges()


def tick_types(security_type: SecurityType, resolution: Resolution) -> tuple[TickType, ...]:
    """Return the kinds of data a security has by default: equities have no quotes by the hour and day."""
    types = _FINE_TYPES.get(security_type, (TickType.TRADE,))
    if security_type is SecurityType.EQUITY and resolution >= Resolution.HOUR:
        return (TickType.TRADE,)
    return types


class Subscriptions:
    """Adds and removes securities and their streams. The feed hears of each stream once."""

    def __init__(self, feed: DataFeed, reference: ReferenceData, securities: SecurityManager) -> None:
        self._feed = feed
        self._reference = reference
        self._securities = securities
        self._streams: dict[Subscription, None] = {}
        self.hidden: set[Symbol] = set()  # symbols that only the engine asked for
        self.precise_daily = True  # of daily streams: whether they begin and end with the session
        # an algorithm's own say in what it gets, and who looks at every point once it is priced
        self.filters: dict[Symbol, Callable[[MarketPoint], bool]] = {}
        self.watchers: dict[Symbol, Callable[[MarketPoint], None]] = {}
        self._added: dict[Symbol, Security] = {}
        self._removed: dict[Symbol, Security] = {}
        self._selected: set[tuple[SecurityType, str]] = set()
        self.changed = False  # whether `take_changes` has something; an attribute, read in every time step

    def ensure_security(self, symbol: Symbol) -> Security:
        """Return the security of a symbol, making one without streams where there is none.

        Raises DataError where its hours or properties are not known.
        """
        held = self._securities.get(symbol)
        if held is not None:
            return held
        reference = self._reference
        return self._securities.add(Security(symbol, reference.properties(symbol), reference.hours(symbol)))

    def add_security(
        self,
        symbol: Symbol,
        resolution: Resolution,
        *,
        fill_forward: bool = True,
        extended_market_hours: bool = False,
        normalization: Normalization = Normalization.ADJUSTED,
        leverage: Decimal | None = None,
    ) -> Security:
        """Subscribe to a symbol's usual data at `resolution` and return its security.

        Adding again changes nothing; adding at another resolution adds streams.
        """
        security = self.ensure_security(symbol)
        security.is_tradable = True
        if leverage is not None:
            security.leverage = checked_leverage(leverage)
        if not security.subscriptions:
            self._removed.pop(symbol, None)
            self._added[symbol] = security
        for tick_type in tick_types(symbol.security_type, resolution):
            self.subscribe(
                Subscription(
                    symbol,
                    resolution,
                    tick_type,
                    fill_forward,
                    extended_market_hours,
                    normalization,
                    precise_daily=self.precise_daily,
                )
            )
        return security

    def subscribe(self, subscription: Subscription) -> None:
        """Ask the feed for one stream. Internal streams are priced but not shown to the algorithm."""
        if subscription in self._streams:
            return
        security = self.ensure_security(subscription.symbol)
        self._streams[subscription] = None
        if not subscription.internal:
            security.subscriptions.append(subscription)
            self._select(subscription.symbol)
            self.hidden.discard(subscription.symbol)
        elif not security.subscriptions:
            self.hidden.add(subscription.symbol)
        self._feed.subscribe(subscription)

    def remove_security(self, symbol: Symbol) -> bool:
        """Unsubscribe every stream of a symbol; return whether there was one.

        The security stays, with its last price, for positions that are still held; the caller closes them.
        """
        security = self._securities.get(symbol)
        if security is None or not security.subscriptions:
            return False
        for subscription in security.subscriptions:
            del self._streams[subscription]
            self._feed.unsubscribe(subscription)
        security.subscriptions = []
        security.is_tradable = False
        self._added.pop(symbol, None)
        self._removed[symbol] = security
        self._select(symbol)
        return True

    def _select(self, symbol: Symbol) -> None:
        self._selected.add((symbol.security_type, symbol.market))
        self.changed = True

    def renormalize(self, symbol: Symbol, normalization: Normalization) -> None:
        """Have a symbol's prices freed of splits and dividends in another way, from now on."""
        for subscription in list(self._securities[symbol].subscriptions):
            self._exchange(subscription, msgspec.structs.replace(subscription, normalization=normalization))

    def time_daily(self, *, precise: bool) -> None:
        """Have daily bars begin and end with the session, or at midnight: those asked for before too."""
        self.precise_daily = precise
        for subscription in [item for item in self._streams if item.resolution is Resolution.DAILY]:
            self._exchange(subscription, msgspec.structs.replace(subscription, precise_daily=precise))

    def _exchange(self, old: Subscription, new: Subscription) -> None:
        if new == old:
            return
        del self._streams[old]
        self._feed.unsubscribe(old)
        held = self._securities[old.symbol].subscriptions
        if old in held:
            held.remove(old)
        self.subscribe(new)

    def streams(self) -> list[Subscription]:
        """Return every stream asked for, in order."""
        return list(self._streams)

    def finest(self) -> Resolution | None:
        """Return the finest resolution the algorithm asked for, None where it asked for nothing."""
        return min((item.resolution for item in self._streams if not item.internal), default=None)

    def visible(self, points: tuple[MarketPoint, ...]) -> tuple[MarketPoint, ...]:
        """Return the points the algorithm may see."""
        if not self.hidden:
            return points
        return tuple(point for point in points if point.symbol not in self.hidden)

    def kept(self, points: tuple[MarketPoint, ...]) -> tuple[MarketPoint, ...]:
        """Return the points that the filters of their symbols let pass."""
        filters = self.filters
        return tuple(point for point in points if point.symbol not in filters or filters[point.symbol](point))

    def watch(self, points: tuple[MarketPoint, ...]) -> None:
        """Show each point to who watches its symbol."""
        for point in points:
            watcher = self.watchers.get(point.symbol)
            if watcher is not None:
                watcher(point)

    def take_changes(self) -> SecurityChanges:
        """Return what changed since the last call."""
        if not self.changed:
            return NO_CHANGES
        self.changed = False
        added, removed = tuple(self._added.values()), tuple(self._removed.values())
        changes = SecurityChanges(added, removed, len(self._selected))
        self._selected.clear()
        self._added.clear()
        self._removed.clear()
        return changes
