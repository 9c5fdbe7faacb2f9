"""What ties one algorithm object to one engine. It knows no face; the faces are made of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, tzinfo
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from livetrader_engine.commands import LogLevel
from livetrader_engine.engine import Engine
from livetrader_engine.errors import AlgorithmError
from livetrader_engine.indicators import Indicator
from livetrader_engine.schedule.rules import Market
from livetrader_engine.symbols import Resolution, SecurityType
from livetrader_engine.symbols import Symbol as CoreSymbol
from livetrader_lean.symbol_cache import SymbolCache
from livetrader_lean.symbols import Symbol

DEFAULT_MARKETS: Final = {  # market of a security type where the algorithm names none; LEAN's defaults
    SecurityType.EQUITY: "usa", SecurityType.INDEX: "usa", SecurityType.FOREX: "oanda",
    SecurityType.CFD: "oanda", SecurityType.CRYPTO: "coinbase",
}  # fmt: skip


class RunSettings(msgspec.Struct, frozen=True):
    """What the outside decides about a run. Live, the algorithm's dates and cash have no effect.

    `start`, `end` and `cash` (in account currency) override the algorithm's own in a backtest.
    """

    live: bool = True
    start: date | None = None
    end: date | None = None
    cash: Decimal | None = None


class WarmUpRequest(msgspec.Struct, frozen=True):
    """What `set_warm_up` asked for: a number of bars or a span, at a resolution or at each stream's own."""

    bars: int | None = None
    span_ns: int | None = None
    resolution: Resolution | None = None


class ConsolidationSettings:
    """What of `self.settings` decides how bars are made and indicators begin. Owned by the binding.

    `daily_precise_end_time`: daily bars end with the session. `daily_extended`: they hold extended hours,
    where those are subscribed. `automatic_warm_up`: helpers warm their indicators up with past bars.
    """

    __slots__ = ("automatic_warm_up", "daily_extended", "daily_precise_end_time")

    def __init__(self) -> None:
        self.daily_precise_end_time = True
        self.daily_extended = False
        self.automatic_warm_up = False


class Binding:
    """One algorithm's services and settings. Owned by the adapter, used by every face."""

    def __init__(self, engine: Engine, parameters: Mapping[str, str], run: RunSettings) -> None:
        self.engine = engine
        self.parameters = dict(parameters)
        self.run = run
        self.time_zone: tzinfo = ZoneInfo(engine.options.timezone)
        self.start: date | None = run.start
        self.end: date | None = run.end
        self.warm_up: WarmUpRequest | None = None
        self.initialized = False
        self.name = ""
        self.statistics: dict[str, str] = {}  # what `set_runtime_statistic` set
        self.consolidation = ConsolidationSettings()
        self.user_consolidators: dict[int, object] = {}  # what stands for a user's own, by its id
        self.registered: dict[int, tuple[Indicator, list[Any]]] = {}  # what feeds an indicator, by its id
        self.default_resolution = Resolution.MINUTE  # LEAN's universe settings
        Symbol.resolver = self.symbol  # one algorithm per process
        Symbol.registry = engine.ports.reference.security_id
        SymbolCache.clear()
        SymbolCache.securities = lambda: list(self.engine.securities)

    @property
    def quit_reason(self) -> str | None:
        """Why the run should end after the present step; None where it should not."""
        return self.engine.quit_reason

    @quit_reason.setter
    def quit_reason(self, reason: str | None) -> None:
        self.engine.quit_reason = reason

    def resolve(self, value: object) -> CoreSymbol:
        """Return the core symbol of a symbol, a security or a ticker.

        A ticker is looked for among the securities first, then taken as a US equity. Raises AlgorithmError
        for anything else.
        """
        if isinstance(value, Symbol):
            return value.core
        if isinstance(value, CoreSymbol):
            return value
        found = getattr(value, "symbol", None)
        if isinstance(found, Symbol):
            return found.core
        if isinstance(value, str):
            return self.by_ticker(value)
        raise AlgorithmError(f"{value!r} is no symbol, ticker or security")

    def by_ticker(self, ticker: str) -> CoreSymbol:
        """Return the symbol of a ticker; see `resolve`."""
        wanted = ticker.upper()
        for symbol in self.engine.securities:
            if symbol.value.upper() == wanted or symbol.id == ticker:
                return symbol
        return self.symbol(ticker, SecurityType.EQUITY, None)

    def symbol(self, ticker: str, security_type: SecurityType, market: str | None) -> CoreSymbol:
        """Return the symbol of a ticker of a kind, on a market or on LEAN's default one."""
        chosen = (market or DEFAULT_MARKETS.get(security_type, "usa")).lower()
        return self.engine.ports.reference.symbol(ticker.upper(), security_type, chosen)

    def zone(self, symbol: CoreSymbol) -> tzinfo:
        """Return the time zone of a symbol's exchange."""
        security = self.engine.securities.get(symbol)
        hours = self.engine.ports.reference.hours(symbol) if security is None else security.hours
        return hours.timezone

    def market(self, value: object) -> Market:
        """Return the exchange of a symbol or ticker, which need not be among the securities."""
        symbol = self.resolve(value)
        return Market(symbol.value, self.engine.ports.reference.hours(symbol))

    def log(self, level: LogLevel, message: object) -> None:
        """Show a line of the algorithm's."""
        self.engine.ports.results.log(self.engine.clock.now_ns, level, str(message))
