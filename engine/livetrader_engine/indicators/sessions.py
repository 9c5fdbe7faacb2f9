"""Volume within the day. Sources: LEAN Indicators/{IntradayVwap,RelativeDailyVolume}.cs.

A day is one of `zone`'s, which the face sets to the exchange's.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from zoneinfo import ZoneInfo

from livetrader_engine.data.bars import Tick
from livetrader_engine.data.wallclock import WallClock
from livetrader_engine.indicators.averages import SimpleMovingAverage
from livetrader_engine.indicators.base import BarLike, Indicator, InputKind, check_period, indicator
from livetrader_engine.indicators.breadth import AssetBar, point_of
from livetrader_engine.symbols import NS_PER_DAY

_UTC = ZoneInfo("UTC")


class DayIndicator(Indicator):
    """Base of indicators that tell days apart."""

    warm_up_period = 0  # LEAN names none: how long it takes depends on the bars in a day
    zone: ZoneInfo = _UTC

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._clock = WallClock(_UTC)

    def _wall(self, time_ns: int) -> int:
        """Return local time, written as if it were UTC nanoseconds."""
        if self._clock.zone is not self.zone:
            self._clock = WallClock(self.zone)
        return self._clock.wall(time_ns)


@indicator("VWAP")
class IntradayVwap(DayIndicator):
    """Average price of the day so far, weighted by volume; of trade ticks, or of bars' typical price.

    Quotes and bars that only fill a gap are ignored.
    """

    kind = InputKind.DATA

    def __init__(self, *, name: str = "VWAP") -> None:
        super().__init__(name)
        self._day = -1
        self._volume = self._turnover = 0.0

    @property
    def is_ready(self) -> bool:
        """Whether anything was traded."""
        return self._volume > 0

    def _compute_bar(self, bar: BarLike) -> float | None:
        traded = _traded(bar)
        if traded is None:
            return None
        price, volume = traded
        day = self._wall(bar.end_time_ns) // NS_PER_DAY
        if day != self._day:
            self._day, self._volume, self._turnover = day, 0.0, 0.0
        self._volume += volume
        self._turnover += price * volume
        return self._turnover / self._volume if self._volume else bar.value

    def _clear(self) -> None:
        super()._clear()
        self._day = -1
        self._volume = self._turnover = 0.0


def _traded(point: BarLike) -> tuple[float, float] | None:
    """Return price and volume of what was traded, None for anything else."""
    core: object = point_of(point)
    if isinstance(core, Tick):
        return (core.price, core.quantity) if core.price else None
    volume = getattr(core, "volume", None)
    if volume is None or getattr(core, "fill_forward", False):
        return None
    return (point.high + point.low + point.close) / 3, volume


@indicator("RDV")
class RelativeDailyVolume(DayIndicator):
    """Volume of the day so far over the mean of what the `period` days before had at this time; 0 before."""

    kind = InputKind.TRADE_BAR

    def __init__(self, period: int = 2, *, name: str | None = None) -> None:
        super().__init__(name or f"RDV({period})")
        self._period = check_period(self.name, period)
        self._start()

    def _start(self) -> None:
        self._times: list[int] = []  # times of day that ever had a bar, ascending
        self._means: dict[int, SimpleMovingAverage] = {}  # mean volume of the day until then
        self._today: dict[int, float] = {}  # time of day -> volume
        self._volume = 0.0
        self._day = -1
        self._days = -1  # complete ones: the first day only begins with the first bar

    @property
    def is_ready(self) -> bool:
        """Whether `period` days are complete."""
        return self._days >= self._period

    def _compute_bar(self, bar: BarLike) -> float:
        point: AssetBar = point_of(bar)
        day, time_of_day = divmod(self._wall(point.time_ns), NS_PER_DAY)
        if day != self._day:
            self._finish_day()
            self._day = day
        self._volume += point.volume - self._today.get(time_of_day, 0.0)
        self._today[time_of_day] = point.volume
        usual = self._usual(time_of_day) if self.is_ready else 0.0
        return self._volume / usual if usual else 0.0

    def _usual(self, time_of_day: int) -> float:
        mean = self._means.get(time_of_day)
        if mean is not None:
            return mean.value
        following = max(bisect_right(self._times, time_of_day), 1)
        return self._means[self._times[following - 1]].value if following < len(self._times) else 0.0

    def _finish_day(self) -> None:
        total = 0.0
        for time_of_day, volume in self._today.items():
            total += volume
            mean = self._means.get(time_of_day)
            if mean is None:
                mean = self._means[time_of_day] = SimpleMovingAverage(self._period)
                insort(self._times, time_of_day)
            mean.push(self.time_ns, total)
        self._today.clear()
        self._volume = 0.0
        self._days += 1

    def _clear(self) -> None:
        super()._clear()
        self._start()
