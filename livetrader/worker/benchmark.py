"""Tells the supervisor what the algorithm's own benchmark is worth: once a minute of session time."""

from __future__ import annotations

from typing import Final

from livetrader.worker.outbox import Outbox
from livetrader_engine.commands import LogLevel, Plot, WriteLog
from livetrader_engine.engine import Engine
from livetrader_engine.errors import DataError
from livetrader_engine.statistics.benchmark import BenchmarkOptions
from livetrader_engine.symbols import NS_PER_MINUTE, Resolution

CHART: Final = "Benchmark"  # the daemon's own: an algorithm cannot draw on it


def benchmark_options(lockstep: bool) -> BenchmarkOptions:
    """Return how a benchmark is followed: by the minute as LEAN does live, in lockstep as a backtest does.

    None is followed unless the algorithm chooses one: a stream that nobody asked for could be one that the
    feed does not have.
    """
    return BenchmarkOptions(None, Resolution.HOUR if lockstep else Resolution.MINUTE)


class BenchmarkTeller:
    """Follows the benchmark of one engine. Belongs to the engine's thread; made after `initialize`."""

    def __init__(self, engine: Engine, outbox: Outbox) -> None:
        self._engine = engine
        self._outbox = outbox
        self._next_ns = 0
        try:
            engine.benchmark.start()
        except DataError as error:
            words = f"there is no benchmark: {error}"
            outbox.send(WriteLog(engine.clock.now_ns, LogLevel.ERROR, words))

    def look(self) -> None:
        """Tell the value where a minute has passed. Raises what a benchmark function of the user's raises."""
        now_ns = self._engine.clock.now_ns
        if now_ns < self._next_ns or not self._engine.benchmark.chosen:
            return
        self._next_ns = now_ns - now_ns % NS_PER_MINUTE + NS_PER_MINUTE
        value = float(self._engine.benchmark.evaluate(now_ns))
        if value:
            self._outbox.send(Plot(now_ns, CHART, CHART, (value,)))
