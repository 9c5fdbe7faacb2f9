"""Samples of the account: what returns, drawdown and the engine's own charts are made of.

Sources: LEAN's Engine/Results/BaseResultsHandler.cs (Sample and what it calls) and
BacktestingResultHandler.cs (ProcessSynchronousEvents): everything at every midnight of the algorithm's time
zone and once at the end, the equity more often, 4000 times a run, at least four minutes apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final
from zoneinfo import ZoneInfo

from livetrader_engine.calendar.hours import local_to_utc_ns
from livetrader_engine.data.slice import Slice
from livetrader_engine.money import ZERO
from livetrader_engine.orders.order import Fill
from livetrader_engine.portfolio.portfolio import Portfolio
from livetrader_engine.schedule.rules import DateRule, TimeRule
from livetrader_engine.schedule.scheduler import Scheduler
from livetrader_engine.securities import Security
from livetrader_engine.statistics.benchmark import Benchmark
from livetrader_engine.statistics.capacity import CapacityEstimate
from livetrader_engine.statistics.charts import Candle, Charts, Point, SeriesKind
from livetrader_engine.statistics.numbers import rounded
from livetrader_engine.statistics.results import CURRENCY_SIGNS
from livetrader_engine.symbols import NS_PER_MINUTE, NS_PER_SECOND, SecurityType

SAMPLES_PER_RUN: Final = 4000  # LEAN: BacktestingResultHandler.Samples
LEAST_PERIOD_NS: Final = 4 * NS_PER_MINUTE  # LEAN: BacktestingResultHandler.MinimumSamplePeriod
SALES_VOLUME_HOLDINGS: Final = 30  # the most traded ones are drawn
_NS_PER_TICK: Final = 100
_TICKS_PER_MINUTE: Final = NS_PER_MINUTE // _NS_PER_TICK
_EQUITY_STEP: Final = Decimal("0.0001")

EQUITY: Final = ("Strategy Equity", "Equity")
RETURN: Final = ("Strategy Equity", "Return")
BENCHMARK: Final = ("Benchmark", "Benchmark")
DRAWDOWN: Final = ("Drawdown", "Equity Drawdown")
TURNOVER: Final = ("Portfolio Turnover", "Portfolio Turnover")
CAPACITY: Final = ("Capacity", "Strategy Capacity")
SALES_VOLUME: Final = "Assets Sales Volume"
EXPOSURE: Final = "Exposure"
_TYPE_NAMES: Final = {  # as LEAN spells security types in the exposure's series
    SecurityType.BASE: "Base", SecurityType.EQUITY: "Equity", SecurityType.OPTION: "Option",
    SecurityType.COMMODITY: "Commodity", SecurityType.FOREX: "Forex", SecurityType.FUTURE: "Future",
    SecurityType.CFD: "Cfd", SecurityType.CRYPTO: "Crypto", SecurityType.FUTURE_OPTION: "FutureOption",
    SecurityType.INDEX: "Index", SecurityType.INDEX_OPTION: "IndexOption",
    SecurityType.CRYPTO_FUTURE: "CryptoFuture",
}  # fmt: skip


class Sampler:
    """Takes the samples. Owned by the engine; memory is bounded by the charts.

    The engine calls `observe` in each step at or after `due_ns`, and in each that has a bar while
    `capacity.catching` anything; `sample` at midnights. While
    `warming_up`, time goes on and nothing is drawn. A candle of the equity shows what was seen at
    `observe`; with `every_step` that is every step, as in LEAN, and `due_ns` stays 0.
    """

    def __init__(
        self,
        portfolio: Portfolio,
        benchmark: Benchmark,
        timezone: str,
        *,
        every_step: bool = False,
    ) -> None:
        self._portfolio = portfolio
        self._benchmark = benchmark
        self._every_step = every_step
        self.timezone = ZoneInfo(timezone)
        self.charts = Charts()
        self.capacity = CapacityEstimate(portfolio)
        self.period_ns = LEAST_PERIOD_NS
        self.starting_equity = ZERO
        self.start_ns = 0
        self.due_ns = 0
        self.warming_up = False
        self._next_ns = 0
        self._daily_value = self._peak = ZERO
        self._candle: list[Decimal] | None = None  # open, high, low
        self._volumes = (ZERO, ZERO)  # sale volume at the last sample of the turnover and the one before
        self._turnover_ns = -1
        # LEAN draws these two from the start, whatever is sampled first
        self.charts.series(*EQUITY, SeriesKind.CANDLE, "$")
        self.charts.series(*RETURN, SeriesKind.BAR, "%", 1)

    @property
    def equity(self) -> list[Point | Candle]:
        """Equity in account currency; a candle's value is its close."""
        return self.charts.points(*EQUITY)

    @property
    def returns(self) -> list[Point | Candle]:
        """Return since the sample before, in percent."""
        return self.charts.points(*RETURN)

    @property
    def benchmark(self) -> list[Point | Candle]:
        """Value of the benchmark at each sample."""
        return self.charts.points(*BENCHMARK)

    @property
    def turnover(self) -> list[Point | Candle]:
        """Value traded since the sample before over equity, as a ratio."""
        return self.charts.points(*TURNOVER)

    @property
    def _sign(self) -> str:
        currency = self._portfolio.cash.account_currency
        return CURRENCY_SIGNS.get(currency, currency)

    # -- set-up --------------------------------------------------------------------------------------

    def set_span(self, start_ns: int, end_ns: int) -> None:
        """Space samples and capacity estimates for a run of [start_ns, end_ns]. Before the first event."""
        start_local_ns, end_local_ns = self._local_ns(start_ns), self._local_ns(end_ns + 1)
        # LEAN's last day ends one tick before midnight
        duration_ticks = (end_local_ns - start_local_ns) // _NS_PER_TICK - 1
        minutes = duration_ticks / _TICKS_PER_MINUTE / SAMPLES_PER_RUN
        self.period_ns = max(LEAST_PERIOD_NS, int(minutes * _TICKS_PER_MINUTE) * _NS_PER_TICK)
        self.capacity.set_period(start_local_ns, duration_ticks * _NS_PER_TICK)

    def begin(self, start_ns: int) -> None:
        """Take the account as it is for the start of the run, whose first midnight is `start_ns`."""
        self.start_ns = start_ns
        self.starting_equity = self._daily_value = self._peak = self._portfolio.total_value

    def finish_warm_up(self) -> None:
        """Draw from now on; take the starting value anew where it has changed.

        An equal value is kept with its trailing zeros: they are part of how it is printed.
        """
        self.warming_up = False
        value = self._portfolio.total_value
        if self._peak != value:
            self._peak = value
        if self._daily_value != value:
            self._daily_value = value
        if self.starting_equity != value:
            self.starting_equity = value
            self._candle = None

    def schedule(self, scheduler: Scheduler, after_ns: int) -> None:
        """Have `sample` called every day at 00:00 of the algorithm's time zone."""

        def dates(start: date, end: date) -> Iterator[date]:
            while start <= end:
                yield start
                start += timedelta(days=1)

        def times(day: date) -> Iterable[int]:
            return (local_to_utc_ns(day, 0, self.timezone),)

        scheduler.add(
            "daily sampling",
            DateRule("every day", dates),
            TimeRule("midnight", times),
            lambda _name, due_ns: self.sample(due_ns),
            after_ns,
        )

    # -- sampling ------------------------------------------------------------------------------------

    def traded(self, security: Security, fill: Fill) -> None:
        """Take in a fill: the market is watched for a while."""
        self.capacity.traded(security, fill)
        if self.capacity.due_ns < self.due_ns:
            self.due_ns = self.capacity.due_ns

    def observe(self, time_ns: int, data: Slice | None, *, force: bool = False) -> None:
        """Look at capacity and equity at the end of a step; `data` is the newest slice, if there is one."""
        capacity = self.capacity
        capacity.update(time_ns, data, force=force)
        due = time_ns > self._next_ns or force
        if due or self._every_step:
            self._update_candle()
        if due:
            self._next_ns = time_ns + self.period_ns
            self._draw_equity(time_ns)
        self.due_ns = 0 if self._every_step else min(self._next_ns + 1, capacity.due_ns)

    def sample(self, time_ns: int) -> None:
        """Take the sample of a day: midnight, or the end of the run."""
        value = self._portfolio.total_value
        before = self._daily_value
        gain = rounded((value - before) * 100 / before, 10) if before else ZERO
        self._peak = max(value, self._peak)
        self._update_candle()
        self._draw_equity(time_ns)
        if not self.warming_up:
            self._draw(BENCHMARK, time_ns, self._benchmark.evaluate(time_ns))
            self._draw(RETURN, time_ns, gain, unit="%", kind=SeriesKind.BAR, index=1)
            if self._peak:
                fall = rounded((value / self._peak - 1) * 100, 2)
                self._draw(DRAWDOWN, time_ns, fall, unit="%")
            self._draw_sales_volume(time_ns)
            self._draw_exposure(time_ns, value)
            self._draw(CAPACITY, time_ns, self.capacity.value, unit=self._sign)
        self._sample_turnover(time_ns, value)
        self._daily_value = value

    def finish(self, time_ns: int, data: Slice | None) -> None:
        """Take the last samples of the run, at the time of its last step; LEAN observes twice."""
        self.observe(time_ns, data, force=True)
        self.sample(time_ns)
        self.observe(time_ns, data, force=True)

    def _draw(
        self,
        where: tuple[str, str],
        time_ns: int,
        value: Decimal,
        *,
        kind: SeriesKind = SeriesKind.LINE,
        unit: str = "$",
        index: int = 0,
    ) -> None:
        self.charts.series(*where, kind, unit, index).add(time_ns, value)

    def _update_candle(self) -> None:
        value = self._portfolio.total_value.quantize(_EQUITY_STEP, rounding=ROUND_HALF_EVEN)
        candle = self._candle
        if candle is None:
            self._candle = [value, value, value, value]
        else:
            self._candle = [candle[0], max(candle[1], value), min(candle[2], value), value]

    def _draw_equity(self, time_ns: int) -> None:
        if self._candle is not None and not self.warming_up:
            self.charts.series(*EQUITY).add_candle(Candle(time_ns, *self._candle))
        self._candle = None

    def _sample_turnover(self, time_ns: int, value: Decimal) -> None:
        """Sample after full days only; the same instant again replaces its sample."""
        if not value or time_ns == self.start_ns:
            return
        volume = self._portfolio.total_sale_volume
        newest, older = self._volumes
        before = older if time_ns == self._turnover_ns else newest
        self._volumes = (volume, newest)
        self._turnover_ns = time_ns
        if not self.warming_up:
            self.charts.series(*TURNOVER, unit="%").put(time_ns, (volume - before) / value)

    def _draw_sales_volume(self, time_ns: int) -> None:
        traded = [
            (held.sale_volume, symbol.value)
            for symbol in self._portfolio
            if (held := self._portfolio[symbol]).sale_volume
        ]
        for volume, name in sorted(traded, key=_volume_of, reverse=True)[:SALES_VOLUME_HOLDINGS]:
            self._draw((SALES_VOLUME, name), time_ns, volume, kind=SeriesKind.TREEMAP, unit=self._sign)

    def _draw_exposure(self, time_ns: int, equity: Decimal) -> None:
        if not equity:
            return
        portfolio = self._portfolio
        sides: dict[SecurityType, list[Decimal]] = {}
        for symbol in portfolio:
            pair = sides.setdefault(symbol.security_type, [ZERO, ZERO])
            if portfolio.quantity(symbol):
                held = portfolio[symbol]
                worth = portfolio.cash.convert(held.value, held.security.properties.quote_currency)
                pair[0 if worth > 0 else 1] += worth
        for number, side in enumerate(("Long", "Short")):
            for kind, worths in sides.items():
                ratio = rounded(worths[number] / equity, 4)
                self._draw((EXPOSURE, f"{_TYPE_NAMES[kind]} - {side} Ratio"), time_ns, ratio, unit="")

    def _local_ns(self, time_ns: int) -> int:
        """Return the wall-clock time as nanoseconds, as if it were UTC: LEAN's dates know no offset."""
        offset = datetime.fromtimestamp(time_ns // NS_PER_SECOND, self.timezone).utcoffset()
        seconds = 0 if offset is None else int(offset.total_seconds())
        return time_ns + seconds * NS_PER_SECOND


def _volume_of(item: tuple[Decimal, str]) -> Decimal:
    return item[0]
