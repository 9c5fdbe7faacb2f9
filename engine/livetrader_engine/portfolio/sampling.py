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

MAX_SAMPLES: Final = 100_000  # then every second intraday sample goes and the period doubles


class EquitySample(msgspec.Struct, frozen=True):
    """Equity at an instant, in account currency. `daily` marks the midnight samples."""

    time_ns: int
    equity: float
    daily: bool = False


class EquitySampler:
    """Takes the samples. Owned by the engine, asked after each time step; memory is bounded."""

    def __init__(self, portfolio: Portfolio, timezone: str, period_ns: int) -> None:
        self._portfolio = portfolio
        self._zone = ZoneInfo(timezone)
        self._period_ns = period_ns
        self._next_ns = 0
        self._next_midnight_ns: int | None = None
        self.samples: list[EquitySample] = []
        self.starting_equity = portfolio.total_value

    def restart(self) -> None:
        """Take the present equity as the one the run starts from; forget all samples."""
        self.starting_equity = self._portfolio.total_value
        self.samples.clear()
        self._next_midnight_ns = None
        self._next_ns = 0

    def due_midnight_ns(self, time_ns: int) -> int | None:
        """Return the midnight sample that is to be taken before the prices of `time_ns`, None for none."""
        if self._next_midnight_ns is None:
            self._next_midnight_ns = self._midnight_after(time_ns - 1)
        return self._next_midnight_ns if self._next_midnight_ns <= time_ns else None

    def sample_midnight(self) -> None:
        """Take the midnight sample that is due, at the prices that are in place."""
        assert self._next_midnight_ns is not None, "asked for a midnight sample before due_midnight_ns"
        self._take(self._next_midnight_ns, daily=True)
        self._next_midnight_ns = self._midnight_after(self._next_midnight_ns)

    def sample(self, time_ns: int, *, forced: bool = False) -> None:
        """Take a sample unless the last one is too close; `forced` takes it anyway."""
        if time_ns < self._next_ns and not forced:
            return
        self._next_ns = time_ns + self._period_ns
        self._take(time_ns, daily=False)

    def _take(self, time_ns: int, *, daily: bool) -> None:
        if self.samples and self.samples[-1].time_ns >= time_ns and not daily:
            return
        self.samples.append(EquitySample(time_ns, float(self._portfolio.total_value), daily))
        if len(self.samples) > MAX_SAMPLES:
            self._thin()

    def _thin(self) -> None:
        self._period_ns *= 2
        self.samples = [item for number, item in enumerate(self.samples) if item.daily or number % 2 == 0]

    def _midnight_after(self, time_ns: int) -> int:
        local = datetime.fromtimestamp(time_ns // NS_PER_SECOND, self._zone)
        midnight = datetime.combine(local.date() + timedelta(days=1), datetime.min.time(), tzinfo=self._zone)
        return int(midnight.timestamp()) * NS_PER_SECOND
