"""A binding with what hangs at `self.portfolio`, `self.securities` and `self.transactions`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from livetrader_engine.commands import LogLevel
from livetrader_engine.engine import Engine
from livetrader_engine.symbols import NS_PER_SECOND
from livetrader_lean.binding import Binding, RunSettings
from livetrader_lean.charts import ChartBoard
from livetrader_lean.consolidation import ConsolidatorBase
from livetrader_lean.databases import Database
from livetrader_lean.insights import InsightDesk
from livetrader_lean.order_faces import RecordFace
from livetrader_lean.outside import Command, SignalExportManager
from livetrader_lean.portfolio import Portfolio
from livetrader_lean.rates import InterestRateProvider
from livetrader_lean.reality.reality import Reality
from livetrader_lean.securities import Securities
from livetrader_lean.settings import AlgorithmSettings
from livetrader_lean.storage import ObjectStore
from livetrader_lean.transactions import Transactions

TELL_OF_STORE_NS: Final = 60 * NS_PER_SECOND
STORE_CALM_NS: Final = 7 * 24 * 60 * TELL_OF_STORE_NS  # after so long a failure is news again


class AlgorithmBinding(Binding):
    """A binding with its collections: what a QCAlgorithm has behind `_lean`."""

    def __init__(self, engine: Engine, parameters: Mapping[str, str], run: RunSettings) -> None:
        super().__init__(engine, parameters, run)
        # one algorithm per process
        RecordFace.running = self
        InterestRateProvider.read = staticmethod(engine.ports.reference.interest_rate)
        ConsolidatorBase.reference = Database.reference = engine.ports.reference
        self.settings = AlgorithmSettings(self)
        self.reality = Reality(self)
        self.chose_benchmark = False
        self.rate_model: Any = None  # what set_risk_free_interest_rate_model was given
        self.seeds_prices = False  # what settings.seed_initial_prices was given
        self.universe_settings: Any = None  # made by the algorithm's part that has it
        self.security_initializer: Any = None  # what set_security_initializer was given
        self.security_initializers: list[Callable[[Any], object]] = []
        self.tags: dict[str, None] = {}
        self.signal_export = SignalExportManager(self)
        self.commands: dict[str, type[Command]] = {}
        self.insights = InsightDesk(self)
        self.portfolio = Portfolio(self)
        self.securities = Securities(self)
        self.transactions = Transactions(self)
        self.charts = ChartBoard(engine.ports.results)
        self.told_of_plotting = False
        self.object_store = ObjectStore(engine.ports.object_store, self._tell_of_store)
        self._store_failures = 0
        self._told_of_store_ns = self._store_failed_ns = -STORE_CALM_NS

    def _tell_of_store(self, words: str) -> None:
        """Log trouble with the object store, once a minute at most and ever more rarely.

        An algorithm may try at every step, and in a fast replay minutes pass in no time. The second, fourth,
        eighth ... failure is told, until a week was calm.
        """
        now_ns = self.engine.clock.now_ns
        if now_ns - self._store_failed_ns >= STORE_CALM_NS:
            self._store_failures = 0
        self._store_failed_ns = now_ns
        self._store_failures += 1
        is_power_of_two = self._store_failures & (self._store_failures - 1) == 0
        if is_power_of_two and now_ns - self._told_of_store_ns >= TELL_OF_STORE_NS:
            self._told_of_store_ns = now_ns
            self.log(LogLevel.ERROR, words)
