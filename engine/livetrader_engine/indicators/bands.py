"""Lines around prices. Sources: LEAN Indicators/{AccelerationBands,ChandeKrollStop,IchimokuKinkoHyo}.cs."""

from __future__ import annotations

from livetrader_engine.indicators.averages import MovingAverageType, make_average
from livetrader_engine.indicators.base import BarLike, Indicator, InputKind, indicator
from livetrader_engine.indicators.composition import Delay, chain, over, plus
from livetrader_engine.indicators.extremes import Maximum, Minimum
from livetrader_engine.indicators.volatility import AverageTrueRange


@indicator("ABANDS")
class AccelerationBands(Indicator):
    """Average of the closes; bands are averages of highs and lows moved out with the bars' relative range."""

    kind = InputKind.BAR

    def __init__(
        self, period: int, width: float = 4.0, moving_average_type: int = MovingAverageType.SIMPLE, *,
        name: str | None = None,
    ) -> None:  # fmt: skip
        kind = MovingAverageType(int(moving_average_type)).name.title()
        super().__init__(name or f"ABANDS({period},{width},{kind})")
        self.warm_up_period = period
        self.moving_average_type = moving_average_type
        self._width = float(width)
        self.middle_band = make_average(moving_average_type, period, f"{self.name}_MiddleBand")
        self.lower_band = make_average(moving_average_type, period, f"{self.name}_LowerBand")
        self.upper_band = make_average(moving_average_type, period, f"{self.name}_UpperBand")

    @property
    def is_ready(self) -> bool:
        """Whether the bands are."""
        return self.middle_band.is_ready and self.lower_band.is_ready and self.upper_band.is_ready

    def _compute_bar(self, bar: BarLike) -> float:
        middle = bar.high + bar.low
        reach = self._width * (bar.high - bar.low) / middle if middle else 0.0
        self.lower_band.push(self.time_ns, bar.low * (1 - reach))
        self.upper_band.push(self.time_ns, bar.high * (1 + reach))
        self.middle_band.push(self.time_ns, bar.close)
        return self.middle_band.value


@indicator("CKS")
class ChandeKrollStop(Indicator):
    """Two stops that trail the extremes by average true ranges: `long_stop` and `short_stop`."""

    kind = InputKind.BAR

    def __init__(
        self, atr_period: int, atr_mult: float, period: int,
        moving_average_type: int = MovingAverageType.WILDERS, *, name: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(name or f"CKS({atr_period},{atr_mult},{period})")
        self.warm_up_period = atr_period + period - 1
        self._range = AverageTrueRange(atr_period, moving_average_type)
        self._ranges = float(atr_mult)
        self._high, self._low = Maximum(atr_period), Minimum(atr_period)
        self.long_stop = Minimum(period, name=f"{self.name}_Long")
        self.short_stop = Maximum(period, name=f"{self.name}_Short")

    def _compute_bar(self, bar: BarLike) -> float:
        time_ns = self.time_ns
        self._range.push_bar(bar)
        self._high.push(time_ns, bar.high)
        self._low.push(time_ns, bar.low)
        reach = self._range.value * self._ranges
        self.short_stop.push(time_ns, self._high.value - reach)
        self.long_stop.push(time_ns, self._low.value + reach)
        return bar.value


@indicator("ICHIMOKU")
class IchimokuKinkoHyo(Indicator):
    """Middles of ranges of several lengths, some of them drawn later; its own value is the close."""

    kind = InputKind.BAR

    def __init__(  # noqa: PLR0913 — LEAN's parameters
        self, tenkan_period: int = 9, kijun_period: int = 26, senkou_a_period: int = 26,
        senkou_b_period: int = 52, senkou_a_delay_period: int = 26, senkou_b_delay_period: int = 26, *,
        name: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(
            name
            or f"ICHIMOKU({tenkan_period},{kijun_period},{senkou_a_period},{senkou_b_period},"
            f"{senkou_a_delay_period},{senkou_b_delay_period})"
        )
        self.warm_up_period = max(
            max(tenkan_period, kijun_period) + senkou_a_delay_period, senkou_b_period + senkou_b_delay_period
        )
        self.tenkan_maximum = Maximum(tenkan_period, name=f"{self.name}_TenkanMax")
        self.tenkan_minimum = Minimum(tenkan_period, name=f"{self.name}_TenkanMin")
        self.kijun_maximum = Maximum(kijun_period, name=f"{self.name}_KijunMax")
        self.kijun_minimum = Minimum(kijun_period, name=f"{self.name}_KijunMin")
        self.senkou_b_maximum = Maximum(senkou_b_period, name=f"{self.name}_SenkouBMaximum")
        self.senkou_b_minimum = Minimum(senkou_b_period, name=f"{self.name}_SenkouBMinimum")
        self._lines(senkou_a_delay_period, senkou_b_delay_period)

    def _lines(self, a_delay: int, b_delay: int) -> None:
        name = self.name
        self.delayed_maximum_senkou_b = chain(Delay(b_delay, name=f"{name}DelayedMax"), self.senkou_b_maximum)
        self.delayed_minimum_senkou_b = chain(Delay(b_delay, name=f"{name}DelayedMin"), self.senkou_b_minimum)
        self.tenkan = over(plus(self.tenkan_maximum, self.tenkan_minimum), 2)
        self.delayed_tenkan_senkou_a = chain(Delay(a_delay, name=f"{name}DelayedTenkan"), self.tenkan)
        self.kijun = over(plus(self.kijun_maximum, self.kijun_minimum), 2)
        self.delayed_kijun_senkou_a = chain(Delay(a_delay, name=f"{name}DelayedKijun"), self.kijun)
        self.senkou_a = over(plus(self.delayed_tenkan_senkou_a, self.delayed_kijun_senkou_a), 2)
        self.senkou_b = over(plus(self.delayed_maximum_senkou_b, self.delayed_minimum_senkou_b), 2)
        self.chikou = Delay(a_delay, name=f"{name}_Chikou")

    @property
    def is_ready(self) -> bool:
        """Whether all lines are."""
        return all(line.is_ready for line in (self.tenkan, self.kijun, self.senkou_a, self.senkou_b))

    def _compute_bar(self, bar: BarLike) -> float:
        time_ns = self.time_ns
        self.tenkan_maximum.push(time_ns, bar.high)
        self.tenkan_minimum.push(time_ns, bar.low)
        self.kijun_maximum.push(time_ns, bar.high)
        self.kijun_minimum.push(time_ns, bar.low)
        self.senkou_b_maximum.push(time_ns, bar.high)
        self.senkou_b_minimum.push(time_ns, bar.low)
        self.chikou.push(time_ns, bar.close)
        return bar.close
