"""Samples of the account's value: what drawdown and returns are computed from.

Source: LEAN's Engine/Results/BaseResultsHandler.cs: one sample at every midnight of the algorithm's time zone
and further ones inside the day, never two closer than the period.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from livetrader_engine.portfolio.portfolio import Portfolio
from livetrader_engine.symbols import NS_PER_SECOND

SAMPLES_PER_RUN: Final = 4000  # LEAN: BacktestingResultHandler
MAX_SAMPLES: Final = 100_000  # then every second intraday sample goes and the period doubles


class EquitySample(msgspec.Struct, frozen=True):
    """Equity at an instant, in account currency, and the value of everything traded until then.

    `daily` marks the samples of midnight and the last one of the run.
    """

    time_ns: int
    equity: float
    daily: bool = False
    sale_volume: float = 0.0


class EquitySampler:
    """Takes the samples. Owned by the engine, asked in each time step; memory is bounded."""

    def __init__(self, portfolio: Portfolio, timezone: str, period_ns: int) -> None:
        self._portfolio = portfolio
        self._zone = ZoneInfo(timezone)
        self._period_ns = period_ns
        self._next_ns = 0
        self._next_midnight_ns = 0
        self.samples: list[EquitySample] = []
        self.starting_equity = portfolio.total_value

    def spread_over(self, duration_ns: int) -> None:
        """Space the samples for a run of this length: 4000 of them, never closer than the period given."""
        self._period_ns = max(self._period_ns, duration_ns // SAMPLES_PER_RUN)

    def restart(self, time_ns: int) -> None:
        """Begin at `time_ns` with the present equity: forget all samples before."""
        self.starting_equity = self._portfolio.total_value
        self.samples.clear()
        self._next_midnight_ns = self._midnight_after(time_ns - 1)
        self._next_ns = 0

    def sample_midnights(self, time_ns: int) -> None:
        """Take the samples of every midnight up to `time_ns`, at the prices that are in place."""
        while self._next_midnight_ns <= time_ns:
            self._take(self._next_midnight_ns, daily=True)
            self._next_midnight_ns = self._midnight_after(self._next_midnight_ns)

    def sample(self, time_ns: int) -> None:
        """Take a sample if more than the period has gone by since the last one."""
        if time_ns > self._next_ns:
            self._next_ns = time_ns + self._period_ns
            self._take(time_ns, daily=False)

    def finish(self, time_ns: int) -> None:
        """Take the last sample of the run."""
        self._take(time_ns, daily=True)

    def _take(self, time_ns: int, *, daily: bool) -> None:
        if self.samples and self.samples[-1].time_ns >= time_ns:
            if not daily or self.samples[-1].daily or self.samples[-1].time_ns > time_ns:
                return
            self.samples.pop()
        portfolio = self._portfolio
        volume = float(portfolio.total_sale_volume) if daily else 0.0
        self.samples.append(EquitySample(time_ns, float(portfolio.total_value), daily, volume))
        if len(self.samples) > MAX_SAMPLES:
            self._thin()

    def _thin(self) -> None:
        self._period_ns *= 2
        self.samples = [item for number, item in enumerate(self.samples) if item.daily or number % 2 == 0]

    def _midnight_after(self, time_ns: int) -> int:
        local = datetime.fromtimestamp(time_ns // NS_PER_SECOND, self._zone)
        midnight = datetime.combine(local.date() + timedelta(days=1), datetime.min.time(), tzinfo=self._zone)
        return int(midnight.timestamp()) * NS_PER_SECOND
