"""The equity of a live run at four spacings, each with its own reach: memory never grows. Pure, no I/O.

A candle holds what was seen in (end - spacing, end]. Days end at midnight in New York, as LEAN samples days
unless an algorithm chose another time zone. A second's candle that repeats the close before it is left out
for a minute: nights and weekends cost little.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from livetrader.results.live import EquityPoint, EquityView, Spacing
from livetrader_engine.symbols import NS_PER_MINUTE, NS_PER_SECOND

SECONDS_NS: Final = 2 * NS_PER_SECOND  # LEAN: LiveTradingResultHandler.ResamplePeriod
QUIET_NS: Final = NS_PER_MINUTE  # a value that stands still is drawn this often
REACH: Final = {Spacing.SECOND: 3_600, Spacing.MINUTE: 2_880, Spacing.TEN_MINUTES: 2_016, Spacing.DAY: 730}
_STEP_NS: Final = {
    Spacing.SECOND: SECONDS_NS, Spacing.MINUTE: NS_PER_MINUTE, Spacing.TEN_MINUTES: 10 * NS_PER_MINUTE,
}  # fmt: skip
_ZONE: Final = ZoneInfo("America/New_York")
_ZERO: Final = Decimal(0)


class CurveState(msgspec.Struct, frozen=True):
    """Everything of a curve, to go on with after a restart."""

    points: dict[Spacing, tuple[EquityPoint, ...]]
    open_ends: dict[Spacing, int]  # of candles that were not over
    peak: Decimal
    max_drawdown_pct: float
    start: Decimal
    last_ns: int


def day_end(time_ns: int) -> int:
    """Return the midnight in New York at or after `time_ns`."""
    moment = datetime.fromtimestamp((time_ns - 1) // NS_PER_SECOND, UTC).astimezone(_ZONE)
    midnight = datetime.combine(moment.date() + timedelta(days=1), time(), _ZONE)
    return int(midnight.timestamp()) * NS_PER_SECOND


class _Tier:
    """Candles of one spacing, the newest of them not over yet."""

    def __init__(self, spacing: Spacing) -> None:
        self.closed: deque[EquityPoint] = deque(maxlen=REACH[spacing])
        self.open: EquityPoint | None = None
        self.end_ns = 0
        self._step_ns = _STEP_NS.get(spacing)
        self._quiet_ns = QUIET_NS if spacing is Spacing.SECOND else 0

    def add(self, time_ns: int, value: Decimal, drawdown_pct: float, benchmark: float | None) -> bool:
        """Take in a value; return whether a candle was over."""
        held, over = self.open, False
        if held is not None and time_ns <= self.end_ns:
            high = value if value > held.high else held.high
            low = value if value < held.low else held.low
            self.open = EquityPoint(time_ns, held.open, high, low, value, drawdown_pct, benchmark)
            return False
        if held is not None:
            over = self._close(held)
        self.end_ns = (
            day_end(time_ns) if self._step_ns is None else -(-time_ns // self._step_ns) * self._step_ns
        )
        self.open = EquityPoint(time_ns, value, value, value, value, drawdown_pct, benchmark)
        return over

    def _close(self, held: EquityPoint) -> bool:
        before = self.closed[-1] if self.closed else None
        still = before is not None and held.high == held.low == before.close
        if still and before is not None and held.time_ns - before.time_ns < self._quiet_ns:
            return False
        self.closed.append(msgspec.structs.replace(held, time_ns=self.end_ns))
        return True

    def points(self) -> tuple[EquityPoint, ...]:
        """Return all candles, the one that is not over with the time of its last value."""
        return tuple(self.closed) if self.open is None else (*self.closed, self.open)


class EquityCurve:
    """Owns the curve of one run. `on_day` hears of each midnight that passed: its time and the value then."""

    def __init__(self, on_day: Callable[[int, Decimal], None]) -> None:
        self._on_day = on_day
        self._tiers = {spacing: _Tier(spacing) for spacing in Spacing}
        self.last_ns = 0
        self.value: Decimal | None = None
        self.peak = self.start = _ZERO
        self.drawdown_pct = self.max_drawdown_pct = 0.0

    def add(self, time_ns: int, value: Decimal, benchmark: float | None) -> None:
        """Take in the account's value; one that is not later than the last is left out."""
        if time_ns <= self.last_ns:
            return
        if self.value is None:
            self.start = self.peak = value
        else:
            self._pass_midnights(time_ns, self.value)
        self.value, self.last_ns = value, time_ns
        self.peak = max(self.peak, value)
        self.drawdown_pct = float(value / self.peak - 1) * 100.0 if self.peak > 0 else 0.0
        self.max_drawdown_pct = min(self.max_drawdown_pct, self.drawdown_pct)
        for tier in self._tiers.values():
            tier.add(time_ns, value, self.drawdown_pct, benchmark)

    def _pass_midnights(self, time_ns: int, value: Decimal) -> None:
        """Tell of every midnight since the last value, at most as many as are kept."""
        midnight_ns = self._tiers[Spacing.DAY].end_ns
        for _ in range(REACH[Spacing.DAY]):
            if time_ns <= midnight_ns:
                return
            self._on_day(midnight_ns, value)
            midnight_ns = day_end(midnight_ns + 1)

    def points(self, spacing: Spacing) -> tuple[EquityPoint, ...]:
        """Return the candles of a spacing, oldest first."""
        return self._tiers[spacing].points()

    def long_points(self) -> tuple[EquityPoint, ...]:
        """Return the whole curve as fine as it is kept to ten minutes: days, then ten minutes."""
        fine = self.points(Spacing.TEN_MINUTES)
        first_ns = fine[0].time_ns if fine else 0
        return (*(day for day in self.points(Spacing.DAY)[:-1] if day.time_ns < first_ns), *fine)

    def view(self, spacing: Spacing, currency: str, since_ns: int, limit: int) -> EquityView:
        """Return at most the `limit` newest candles after `since_ns`."""
        points = self.points(spacing)
        shown = tuple(point for point in points if point.time_ns > since_ns)[-limit:] if limit > 0 else ()
        if self.value is None:
            return EquityView(spacing, currency, shown)
        return EquityView(
            spacing, currency, shown, self.peak, self.drawdown_pct, self.max_drawdown_pct, self.start
        )  # fmt: skip

    def state(self) -> CurveState:
        """Return everything, to be kept."""
        return CurveState(
            points={spacing: tier.points() for spacing, tier in self._tiers.items()},
            open_ends={spacing: tier.end_ns for spacing, tier in self._tiers.items() if tier.open},
            peak=self.peak,
            max_drawdown_pct=self.max_drawdown_pct,
            start=self.start,
            last_ns=self.last_ns,
        )

    def load(self, state: CurveState) -> None:
        """Go on where an earlier run stood."""
        for spacing, tier in self._tiers.items():
            points = list(state.points.get(spacing, ()))
            if spacing in state.open_ends and points:
                tier.open, tier.end_ns = points.pop(), state.open_ends[spacing]
            tier.closed.clear()
            tier.closed.extend(points)
        newest = self.points(Spacing.SECOND)
        self.value = newest[-1].close if newest else None
        self.peak, self.start, self.last_ns = state.peak, state.start, state.last_ns
        self.max_drawdown_pct = state.max_drawdown_pct
        self.drawdown_pct = newest[-1].drawdown_pct if newest else 0.0
