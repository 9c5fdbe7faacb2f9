"""Prices weighed with volume. Sources: LEAN Indicators/{MoneyFlowIndex,OnBalanceVolume,…}.cs."""

from __future__ import annotations

from typing import Protocol, cast

from livetrader_engine.indicators.averages import Sum
from livetrader_engine.indicators.base import BarLike, Indicator, InputKind, indicator


class _WithVolume(Protocol):
    volume: float


def volume_of_bar(bar: BarLike) -> float:
    """Return the volume of a trade bar."""
    return cast("_WithVolume", bar).volume


@indicator("OBV")
class OnBalanceVolume(Indicator):
    """Volume of rising bars minus volume of falling ones, from the first bar's volume on."""

    kind = InputKind.TRADE_BAR

    def __init__(self, *, name: str = "OBV") -> None:
        super().__init__(name)
        self._close: float | None = None

    def _compute_bar(self, bar: BarLike) -> float:
        before, self._close = self._close, bar.close
        if before is None:
            return volume_of_bar(bar)
        if bar.close == before:
            return self.value
        return self.value + (volume_of_bar(bar) if bar.close > before else -volume_of_bar(bar))

    def _clear(self) -> None:
        self._close = None


@indicator("MFI")
class MoneyFlowIndex(Indicator):
    """Share, in percent, of the money that flowed while the typical price rose; 100 without any flow."""

    kind = InputKind.TRADE_BAR

    def __init__(self, period: int, *, name: str | None = None) -> None:
        super().__init__(name or f"MFI({period})")
        self.warm_up_period = period
        self.positive_money_flow, self.negative_money_flow = Sum(period), Sum(period)
        self.previous_typical_price = 0.0

    def _compute_bar(self, bar: BarLike) -> float:
        typical = (bar.high + bar.low + bar.close) / 3
        before, self.previous_typical_price = self.previous_typical_price, typical
        flow = typical * volume_of_bar(bar)
        self.positive_money_flow.push(self.time_ns, flow if typical > before else 0.0)
        self.negative_money_flow.push(self.time_ns, flow if typical < before else 0.0)
        total = self.positive_money_flow.value + self.negative_money_flow.value
        return 100 * self.positive_money_flow.value / total if total else 100.0

    def _clear(self) -> None:
        super()._clear()
        self.previous_typical_price = 0.0


@indicator("VWAP")
class VolumeWeightedAveragePriceIndicator(Indicator):
    """Mean of (open + high + low + close)/4 weighed by volume over `period` bars; stays without volume."""

    kind = InputKind.TRADE_BAR

    def __init__(self, period: int, *, name: str | None = None) -> None:
        super().__init__(name or f"VWAP({period})")
        self.warm_up_period = period
        self._money, self._shares = Sum(period), Sum(period)

    def _compute_bar(self, bar: BarLike) -> float:
        mean = (bar.open + bar.high + bar.low + bar.close) / 4
        self._money.push(self.time_ns, mean * volume_of_bar(bar))
        self._shares.push(self.time_ns, volume_of_bar(bar))
        return self._money.value / self._shares.value if self._shares.value else self.value


@indicator("AD")
class AccumulationDistribution(Indicator):
    """Running sum of volume weighed with where in its range each bar closed."""

    kind = InputKind.TRADE_BAR

    def __init__(self, *, name: str = "AD") -> None:
        super().__init__(name)

    def _compute_bar(self, bar: BarLike) -> float:
        span = bar.high - bar.low
        return self.value + (
            volume_of_bar(bar) * (2 * bar.close - bar.low - bar.high) / span if span > 0 else 0.0
        )
