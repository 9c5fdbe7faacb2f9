"""Averages with volume. Sources: LEAN Indicators/{SmoothedOnBalanceVolume,VolumeWeightedMovingAverage}.cs."""

from __future__ import annotations

from livetrader_engine.indicators.averages import MovingAverageType, Sum, make_average
from livetrader_engine.indicators.base import BarLike, Indicator, InputKind, indicator
from livetrader_engine.indicators.volume import OnBalanceVolume, volume_of_bar


@indicator("VWMA")
class VolumeWeightedMovingAverage(Indicator):
    """Mean of the newest `period` closes weighted by volume; the close where there is no volume."""

    kind = InputKind.TRADE_BAR

    def __init__(self, period: int, *, name: str | None = None) -> None:
        super().__init__(name or f"VWMA({period})")
        self.warm_up_period = period
        self._products, self._volumes = Sum(period), Sum(period)

    def _compute_bar(self, bar: BarLike) -> float:
        volume = volume_of_bar(bar)
        self._products.push(self.time_ns, bar.close * volume)
        self._volumes.push(self.time_ns, volume)
        return self._products.value / self._volumes.value if self._volumes.value else bar.close


@indicator("SOBV", aliases={"type": "moving_average_type"})
class SmoothedOnBalanceVolume(Indicator):
    """Average of the on-balance volume (`on_balance_volume`); 0 until ready."""

    kind = InputKind.TRADE_BAR

    def __init__(
        self, period: int, moving_average_type: int = MovingAverageType.SIMPLE, *, name: str | None = None
    ) -> None:
        super().__init__(name or f"SOBV({period})")
        self.warm_up_period = period
        self.on_balance_volume = OnBalanceVolume()
        self._average = make_average(moving_average_type, period)

    @property
    def is_ready(self) -> bool:
        """Whether the average is."""
        return self._average.is_ready

    def _compute_bar(self, bar: BarLike) -> float:
        self.on_balance_volume.push_bar(bar)
        ready = self._average.push(self.time_ns, self.on_balance_volume.value)
        return self._average.value if ready else 0.0
