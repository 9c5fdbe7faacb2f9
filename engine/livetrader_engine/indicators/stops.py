"""Trailing stops. Sources: LEAN Indicators/{ParabolicStopAndReverse,…Extended,SuperTrend}.cs."""

from __future__ import annotations

from livetrader_engine.indicators.averages import MovingAverageType
from livetrader_engine.indicators.base import BarLike, Indicator, InputKind, indicator
from livetrader_engine.indicators.volatility import AverageTrueRange


class _Acceleration:
    """How fast one side's stop closes in: from `start` by `step` to `limit`."""

    __slots__ = ("_limit", "_start", "_step", "now")

    def __init__(self, start: float, step: float, limit: float) -> None:
        self._start, self._step, self._limit = float(start), float(step), float(limit)
        self.now = self._start

    def restart(self) -> None:
        self.now = self._start

    def advance(self) -> None:
        self.now = min(self.now + self._step, self._limit)


@indicator("SAREXT")
class ParabolicStopAndReverseExtended(Indicator):
    """Wilder's parabolic stop with settings per side; negative while the position would be short."""

    kind = InputKind.BAR
    warm_up_period = 2

    def __init__(  # noqa: PLR0913 — LEAN's parameters
        self, sar_start: float = 0.0, offset_on_reverse: float = 0.0,
        af_start_short: float = 0.02, af_increment_short: float = 0.02, af_max_short: float = 0.2,
        af_start_long: float = 0.02, af_increment_long: float = 0.02, af_max_long: float = 0.2,
        *, name: str | None = None,
    ) -> None:  # fmt: skip
        parts = (sar_start, offset_on_reverse, af_start_short, af_increment_short, af_max_short,
                 af_start_long, af_increment_long, af_max_long)  # fmt: skip
        super().__init__(name or f"SAREXT({','.join(str(part) for part in parts)})")
        self._given, self._offset = float(sar_start), float(offset_on_reverse)
        self._short = _Acceleration(af_start_short, af_increment_short, af_max_short)
        self._long = _Acceleration(af_start_long, af_increment_long, af_max_long)
        self._before: BarLike | None = None
        self._is_long = False
        self._sar = self._extreme = 0.0

    def _compute_bar(self, bar: BarLike) -> float:
        before, self._before = self._before, bar
        if before is None:
            return self._given or bar.close
        if self.samples == 2:
            self._begin(bar, before)
            before = bar  # LEAN's second bar is its own predecessor
        return self._follow_long(bar, before) if self._is_long else self._follow_short(bar, before)

    def _begin(self, bar: BarLike, before: BarLike) -> None:
        if self._given:
            self._is_long, self._sar = self._given > 0, abs(self._given)
        else:
            fell = bar.low < before.low and bar.high - before.high < before.low - bar.low
            self._is_long, self._sar = not fell, before.high if fell else before.low
        self._extreme = bar.high if self._is_long else bar.low

    def _follow_long(self, bar: BarLike, before: BarLike) -> float:
        if bar.low <= self._sar:
            self._is_long = False
            stop = max(self._extreme, before.high, bar.high)
            stop += stop * self._offset
            self._short.restart()
            self._extreme = bar.low
            self._sar = max(stop + self._short.now * (bar.low - stop), before.high, bar.high)
            return -stop
        stop = self._sar
        if bar.high > self._extreme:
            self._extreme = bar.high
            self._long.advance()
        self._sar = min(stop + self._long.now * (self._extreme - stop), before.low, bar.low)
        return stop

    def _follow_short(self, bar: BarLike, before: BarLike) -> float:
        if bar.high >= self._sar:
            self._is_long = True
            stop = min(self._extreme, before.low, bar.low)
            stop -= stop * self._offset
            self._long.restart()
            self._extreme = bar.high
            self._sar = min(stop + self._long.now * (bar.high - stop), before.low, bar.low)
            return stop
        stop = self._sar
        if bar.low < self._extreme:
            self._extreme = bar.low
            self._short.advance()
        self._sar = max(stop + self._short.now * (self._extreme - stop), before.high, bar.high)
        return -stop

    def _clear(self) -> None:
        super()._clear()
        self._before = None
        self._is_long = False
        self._sar = self._extreme = 0.0
        self._short.restart()
        self._long.restart()


@indicator("PSAR")
class ParabolicStopAndReverse(ParabolicStopAndReverseExtended):
    """Wilder's parabolic stop, the same for both sides and always positive."""

    def __init__(
        self, af_start: float = 0.02, af_increment: float = 0.02, af_max: float = 0.2, *,
        name: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(
            0.0, 0.0, af_start, af_increment, af_max, af_start, af_increment, af_max,
            name=name or f"PSAR({af_start},{af_increment},{af_max})",
        )  # fmt: skip

    def _compute_bar(self, bar: BarLike) -> float:
        return abs(super()._compute_bar(bar))


@indicator("STR")
class SuperTrend(Indicator):
    """A stop `multiplier` average true ranges from the middle of the bar, on the side of the trend."""

    kind = InputKind.BAR

    def __init__(
        self, period: int, multiplier: float, moving_average_type: int = MovingAverageType.WILDERS, *,
        name: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(name or f"SuperTrend({period},{multiplier})")
        self.warm_up_period = period
        self._multiplier = float(multiplier)
        self._average_true_range = AverageTrueRange(period, moving_average_type)
        self._start()

    def _start(self) -> None:
        self.basic_upper_band = self.basic_lower_band = 0.0
        self.current_trailing_upper_band = self.current_trailing_lower_band = 0.0
        self._close = 0.0
        self._trend: float | None = None

    @property
    def is_ready(self) -> bool:
        """Whether the average true range is."""
        return self._average_true_range.is_ready

    def _compute_bar(self, bar: BarLike) -> float:
        before, self._close = self._close, bar.close
        if not self._average_true_range.push_bar(bar):
            return 0.0
        middle, reach = (bar.high + bar.low) / 2, self._multiplier * self._average_true_range.value
        self.basic_lower_band, self.basic_upper_band = middle - reach, middle + reach
        lower_before, upper_before = self.current_trailing_lower_band, self.current_trailing_upper_band
        lower = max(self.basic_lower_band, lower_before) if before >= lower_before else self.basic_lower_band
        upper = min(self.basic_upper_band, upper_before) if before <= upper_before else self.basic_upper_band
        self.current_trailing_lower_band, self.current_trailing_upper_band = lower, upper
        if self._trend is None or self._trend == upper_before:
            self._trend = upper if bar.close <= upper else lower
        elif self._trend == lower_before:
            self._trend = lower if bar.close >= lower else upper
        return self._trend

    def _clear(self) -> None:
        super()._clear()
        self._start()
