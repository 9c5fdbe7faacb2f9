"""What a run is compared with: the price of a security of its own, or a function of time.

Source: LEAN's Common/Benchmarks and UniverseSelection.AddPendingInternalDataFeeds: the security is not among
the algorithm's, its hourly trades come by an internal stream without filling, from one trading day early.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal

import msgspec

from livetrader_engine.data.bars import MarketPoint
from livetrader_engine.data.subscription import Subscription, TickType
from livetrader_engine.money import ZERO, smart_rounded
from livetrader_engine.portfolio.cash import CashBook
from livetrader_engine.ports import DataFeed, ReferenceData
from livetrader_engine.securities import Security
from livetrader_engine.symbols import Resolution, SecurityType, Symbol

# Kinds whose prices are quotes only; everything else is followed by its trades.
_QUOTED = frozenset({SecurityType.FOREX, SecurityType.CFD})


class BenchmarkOptions(msgspec.Struct, frozen=True):
    """Whether and how a benchmark is followed. `symbol` counts where the algorithm names none."""

    symbol: Symbol | None = None
    resolution: Resolution = Resolution.HOUR


class Benchmark:
    """Follows one security or asks one function. Owned by the engine, called from its thread.

    Without options nothing is subscribed and the value stays 0: then what compares with a benchmark is 0 too.
    The algorithm's choice counts only before `start`; the last one wins.
    """

    def __init__(
        self, feed: DataFeed, reference: ReferenceData, cash: CashBook, options: BenchmarkOptions | None
    ) -> None:
        self._feed = feed
        self._reference = reference
        self._cash = cash
        self._options = options
        self._function: Callable[[int], Decimal] | None = None
        self._wanted: Symbol | None = None if options is None else options.symbol
        self.security: Security | None = None

    @property
    def symbol(self) -> Symbol | None:
        """What is followed, None for a function or nothing."""
        return self._wanted if self._function is None else None

    @property
    def chosen(self) -> bool:
        """Whether there is something to evaluate: a function, or a security that is followed."""
        return self._function is not None or self.security is not None

    @property
    def started(self) -> bool:
        """Whether `start` found a security to follow."""
        return self.security is not None

    def use_default(self, compares: bool) -> None:
        """Compare with the run's own symbol, or with nothing: then the value is 0."""
        own = None if self._options is None else self._options.symbol
        self._wanted, self._function = own if compares else None, None

    def set_symbol(self, symbol: Symbol) -> None:
        """Compare with the price of `symbol`, in account currency."""
        self._wanted, self._function = symbol, None

    def set_function(self, function: Callable[[int], Decimal]) -> None:
        """Compare with what `function` returns for the UTC nanoseconds of a sample."""
        self._function = function

    def start(self) -> None:
        """Subscribe what is to be followed. Once, before the first event.

        Raises DataError where hours or properties of the symbol are not known.
        """
        options = self._options
        if options is None or self._wanted is None or self._function is not None:
            return
        symbol, reference = self._wanted, self._reference
        self.security = Security(symbol, reference.properties(symbol), reference.hours(symbol))
        kind = TickType.QUOTE if symbol.security_type in _QUOTED else TickType.TRADE
        self._feed.subscribe(
            Subscription(symbol, options.resolution, kind, fill_forward=False, internal=True)
        )

    def update(self, points: Iterable[MarketPoint]) -> None:
        """Take in the engine's own data; what belongs to others is left alone."""
        security = self.security
        if security is None:
            return
        for point in points:
            if point.symbol is security.symbol:
                security.update(point)

    def evaluate(self, time_ns: int) -> Decimal:
        """Return the value at a sample, rounded as LEAN rounds it; zero before there is a price."""
        if self._function is not None:
            return smart_rounded(self._function(time_ns))
        security = self.security
        if security is None:
            return ZERO
        return smart_rounded(security.exact_price() * self._cash.rate(security.properties.quote_currency))
