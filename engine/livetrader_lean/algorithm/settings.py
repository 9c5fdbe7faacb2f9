"""What the run is compared with, whose rules it follows, and the settings."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from livetrader_engine.commands import LogLevel
from livetrader_engine.engine import Engine
from livetrader_engine.errors import AlgorithmError
from livetrader_engine.portfolio.portfolio import AccountType as CoreAccountType
from livetrader_engine.statistics.portfolio_statistics import TRADING_DAYS
from livetrader_engine.symbols import SecurityType
from livetrader_lean.algorithm.part import Part
from livetrader_lean.dotnet import Dictionary
from livetrader_lean.enums import AccountType, BrokerageName
from livetrader_lean.errors import NotInLivetrader
from livetrader_lean.names import TwinEnum, known_as
from livetrader_lean.rates import InterestRateProvider
from livetrader_lean.reality.brokerage_model import DefaultBrokerageModel
from livetrader_lean.reality.brokerages import BROKERAGES
from livetrader_lean.reality.calls import find
from livetrader_lean.settings import AlgorithmSettings
from livetrader_lean.statistics import StatisticsResults, TradeBuilder
from livetrader_lean.symbols import Symbol
from livetrader_lean.tickets import decimal
from livetrader_lean.times import to_ns, utc
from livetrader_lean.views import Face

# markets that never close: yearly figures have 365 days (LEAN: BaseSetupHandler)
_ALWAYS_TRADING: Final = frozenset(
    {
        BrokerageName.COINBASE, BrokerageName.BINANCE, BrokerageName.BITFINEX, BrokerageName.BYBIT,
        BrokerageName.FTX, BrokerageName.KRAKEN,
    }
)  # fmt: skip
_DAYS_A_YEAR: Final = 365


class BenchmarkFace(Face):
    """What a run is compared with."""

    __slots__ = ("_engine",)

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def evaluate(self, time: datetime) -> float:
        """Return its value now; a function's at a UTC time."""
        return float(self._engine.benchmark.evaluate(to_ns(time, ZoneInfo("UTC"))))


class SettingsMixin(Part):
    """Benchmark, brokerage model, account currency, settings, statistics."""

    def set_benchmark(self, *benchmark: Any, **named: Any) -> None:
        """Compare the run with a symbol, a ticker or function(time in UTC); SPY where nothing is set."""
        given = [*benchmark, *named.values()]
        lean = self._lean
        if lean.initialized:
            raise AlgorithmError("set_benchmark can only be called from initialize")
        lean.chose_benchmark = True
        chosen = given[-1]
        if len(given) == 2 and isinstance(given[0], TwinEnum):  # (security type, ticker)
            kind = SecurityType(int(given[0]))
            lean.engine.benchmark.set_symbol(lean.symbol(str(chosen), kind, None))
        elif callable(chosen) and not isinstance(chosen, Symbol):
            lean.engine.benchmark.set_function(self._benchmark_function(chosen))
        else:
            lean.engine.benchmark.set_symbol(lean.resolve(chosen))

    def _benchmark_function(self, function: Callable[[Any], Any]) -> Callable[[int], Decimal]:
        def value(time_ns: int) -> Decimal:
            return decimal(float(function(utc(time_ns))))

        return value

    @known_as(brokerage="model")
    def set_brokerage_model(self, model: Any, account_type: int | None = None) -> None:
        """Follow a brokerage's rules: a BrokerageName, or a model, LEAN's or of the user's own.

        What it charges, which orders it takes, what it is compared with, and the account's kind: a cash
        account has no leverage and waits for settlement. Of brokerages for other securities than shares only
        the account's kind counts; a line of the log says so.
        """
        lean = self._lean
        if lean.initialized:
            raise AlgorithmError("set_brokerage_model can only be called from initialize")
        if isinstance(model, TwinEnum):
            model = self._brokerage(BrokerageName(int(model)), account_type)
        elif find(model, "can_submit_order") is None or isinstance(model, type):
            raise AlgorithmError(f"set_brokerage_model takes a BrokerageName or a model, not {model!r}")
        kind = getattr(model, "account_type", AccountType.MARGIN)
        lean.engine.portfolio.account_type = CoreAccountType(int(kind))
        always = getattr(model, "name", None) in _ALWAYS_TRADING
        lean.engine.statistics.trading_days = _DAYS_A_YEAR if always else TRADING_DAYS
        lean.reality.follow(model)
        if not lean.chose_benchmark:
            lean.engine.benchmark.use_default(getattr(model, "compares", True))

    def _brokerage(self, name: BrokerageName, account_type: int | None) -> DefaultBrokerageModel:
        known = BROKERAGES.get(int(name))
        chosen = AccountType.MARGIN if account_type is None else account_type
        if known is not None:
            return known(chosen)
        if not self._lean.run.live:
            text = f"the fees of {name} are not modeled: Interactive Brokers' are used"
            self._lean.log(LogLevel.DEBUG, text)
        model = DefaultBrokerageModel(chosen)
        model.called = name
        return model

    @property
    def brokerage_model(self) -> Any:
        """The brokerage model set, or LEAN's default."""
        return self._lean.reality.brokerage_model

    @property
    def brokerage_name(self) -> int:
        """Name of the brokerage model."""
        return BrokerageName(int(getattr(self.brokerage_model, "name", BrokerageName.DEFAULT)))

    def set_account_currency(self, account_currency: str, starting_cash: float | None = None) -> None:
        """Accept the account's own currency. Raises NotInLivetrader for another."""
        held = self._lean.engine.portfolio.cash.account_currency
        if str(account_currency).upper() != held:
            raise NotInLivetrader(f"set_account_currency({account_currency!r})", f"the account is in {held}")
        if starting_cash is not None and not self._lean.run.live and self._lean.run.cash is None:
            self._lean.engine.portfolio.cash.set(held, decimal(starting_cash))

    @property
    def account_currency(self) -> str:
        """Currency of the account."""
        return str(self._lean.engine.portfolio.cash.account_currency)

    @property
    def settings(self) -> AlgorithmSettings:
        """What the algorithm may decide about how it is run."""
        return self._lean.settings

    @property
    def statistics(self) -> StatisticsResults:
        """Figures of the run so far: `statistics.summary`, `statistics.total_performance`."""
        return StatisticsResults(self._lean.engine.statistics.results())

    @property
    def runtime_statistics(self) -> Dictionary[str, str]:
        """What `set_runtime_statistic` set, by name."""
        return Dictionary(self._lean.statistics)

    @property
    def trade_builder(self) -> TradeBuilder:
        """Trades put together of fills: `trade_builder.closed_trades`."""
        return TradeBuilder.of(self._lean.engine.trades)

    def set_trade_builder(self, trade_builder: TradeBuilder) -> None:
        """Have fills put together to trades in another way: `TradeBuilder(grouping, matching)`.

        Raises AlgorithmError for anything else, and once a position is open.
        """
        if not isinstance(trade_builder, TradeBuilder):
            raise AlgorithmError(f"set_trade_builder takes a TradeBuilder, not {trade_builder!r}")
        trade_builder.install(self._lean.engine.trades)

    def set_risk_free_interest_rate_model(self, model: Any) -> None:
        """Take the yearly risk-free rate from model.get_interest_rate(time), a ratio, for the statistics."""
        read = getattr(model, "get_interest_rate", None) or getattr(model, "GetInterestRate", None)
        if read is None:
            raise AlgorithmError(f"{model!r} has no get_interest_rate(time)")
        self._lean.rate_model = model
        self._lean.engine.statistics.risk_free_rate = lambda day: decimal(float(read(day)))

    @property
    def risk_free_interest_rate_model(self) -> Any:
        """What gives the yearly risk-free rate: `get_interest_rate(time)`."""
        return self._lean.rate_model or InterestRateProvider()

    @property
    def benchmark(self) -> BenchmarkFace:
        """What the run is compared with: `benchmark.evaluate(time)`."""
        return BenchmarkFace(self._lean.engine)

    @property
    def name(self) -> str:
        """Name of the algorithm: what `set_name` set, or its class's."""
        return self._lean.name or type(self).__name__

    @name.setter
    def name(self, name: str) -> None:
        self._lean.name = str(name)

    @property
    def tags(self) -> set[str]:
        """Words that describe the run."""
        return set(self._lean.tags)

    @tags.setter
    def tags(self, tags: Any) -> None:
        self.set_tags(tags)

    def add_tag(self, tag: str) -> None:
        """Add a word that describes the run; the first hundred count, as in LEAN."""
        if tag and len(self._lean.tags) < MAX_TAGS:
            self._lean.tags[str(tag)] = None

    def set_tags(self, tags: Any) -> None:
        """Replace the words that describe the run."""
        self._lean.tags = dict.fromkeys([str(tag) for tag in tags if tag][:MAX_TAGS])


MAX_TAGS: Final = 100
