"""Volume and time by price. Sources: LEAN Indicators/{MarketProfile,VolumeProfile,TimeProfile}.cs."""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from typing import Final

from livetrader_engine.errors import AlgorithmError
from livetrader_engine.indicators.averages import Sum
from livetrader_engine.indicators.base import BarLike, Indicator, InputKind, check_period, indicator
from livetrader_engine.indicators.volume import volume_of_bar
from livetrader_engine.indicators.window import RollingWindow

# digits of a price in steps that are kept: what float arithmetic adds behind them is no next step
_STEP_DIGITS: Final = 7


class MarketProfile(Indicator):
    """Base: how much of something fell on each price of the newest `period` bars; its value is the mode.

    Prices are rounded up to a multiple of `price_range_round_off`.
    """

    kind = InputKind.TRADE_BAR

    def __init__(
        self, name: str, period: int, value_area_volume_percentage: float, price_range_round_off: float
    ) -> None:
        super().__init__(name)
        if price_range_round_off <= 0:
            raise AlgorithmError(f"{name}: price_range_round_off must be more than zero")
        self.warm_up_period = check_period(name, period)
        self._share = float(value_area_volume_percentage)
        self._steps_per_unit = 1 / float(price_range_round_off)
        self._past: RollingWindow[tuple[int, float]] = RollingWindow(period)
        self._total = Sum(period, name=f"{name}_Sum")
        self._start()

    def _start(self) -> None:
        self._steps: list[int] = []  # prices in steps, ascending
        self._volumes: dict[int, float] = {}
        self._bars: dict[int, int] = {}  # how many of the newest bars are behind each
        self.profile_high = self.profile_low = self.poc_price = self.poc_volume = 0.0
        self.value_area_volume = self.value_area_high = self.value_area_low = 0.0

    @property
    def volume_per_price(self) -> dict[float, float]:
        """What fell on each price, prices ascending."""
        return {self._price(step): self._volumes[step] for step in self._steps}

    @property
    def is_ready(self) -> bool:
        """Whether `period` bars are in it."""
        return self._total.is_ready

    def _weight(self, bar: BarLike) -> float:
        raise NotImplementedError

    def _price(self, step: int) -> float:
        return step / self._steps_per_unit

    def _compute_bar(self, bar: BarLike) -> float:
        self._add(math.ceil(round(bar.close * self._steps_per_unit, _STEP_DIGITS)), self._weight(bar))
        if not self._steps:
            self.profile_high = self.profile_low = self.poc_price = self.poc_volume = 0.0
            self.value_area_volume = self._total.value * self._share
            self.value_area_high = self.value_area_low = 0.0
            return 0.0
        mode = self._mode()
        self.poc_price, self.poc_volume = self._price(self._steps[mode]), self._volumes[self._steps[mode]]
        self.profile_high, self.profile_low = self._price(self._steps[-1]), self._price(self._steps[0])
        self._find_value_area(mode)
        return self.poc_price

    def _add(self, step: int, weight: float) -> None:
        full = self._past.is_ready
        self._past.add((step, weight))
        self._total.push(self.time_ns, weight)
        if step in self._volumes:
            self._volumes[step] += weight
        else:
            insort(self._steps, step)
            self._volumes[step] = weight
        self._bars[step] = self._bars.get(step, 0) + 1
        if full:
            removed = self._past.most_recently_removed
            assert removed is not None
            self._subtract(*removed)

    def _subtract(self, step: int, weight: float) -> None:
        left = self._bars[step] - 1
        if left:
            self._bars[step] = left
        else:
            del self._bars[step]
        if step not in self._volumes:
            return
        self._volumes[step] = self._volumes[step] - weight if left else 0.0
        if self._volumes[step] == 0:
            del self._volumes[step]
            del self._steps[bisect_left(self._steps, step)]

    def _mode(self) -> int:
        """Return the place of the highest volume, on a tie the one nearer to the middle."""
        best, middle = 0, (len(self._steps) - 1) // 2
        highest = self._volumes[self._steps[0]]
        for place, step in enumerate(self._steps):
            volume = self._volumes[step]
            if volume > highest or (volume == highest and abs(middle - place) < abs(middle - best)):
                best, highest = place, volume
        return best

    def _find_value_area(self, mode: int) -> None:
        """Widen the area around the mode, to the side with more volume, until it holds its share."""
        self.value_area_volume = self._total.value * self._share
        held, low, high, last = self.poc_volume, mode, mode, len(self._steps) - 1
        while held <= self.value_area_volume and self.value_area_volume:
            below = self._volumes[self._steps[low - 1]] if low > 0 else 0.0
            above = self._volumes[self._steps[high + 1]] if high < last else 0.0
            if low == 0 and high == last:  # all there is
                break
            if low > 0 and (above == 0 or below > above):
                held, low = held + below, low - 1
            elif high < last:
                held, high = held + above, high + 1
        self.value_area_low, self.value_area_high = (
            self._price(self._steps[low]),
            self._price(self._steps[high]),
        )

    def _clear(self) -> None:
        super()._clear()
        self._past.reset()
        self._start()


@indicator("VP")
class VolumeProfile(MarketProfile):
    """Price at which most volume was traded, and the area around it that holds most of the volume."""

    def __init__(
        self, period: int = 2, value_area_volume_percentage: float = 0.70,
        price_range_round_off: float = 0.05, *, name: str | None = None,
    ) -> None:  # fmt: skip
        name = name or f"VP({period},{value_area_volume_percentage},{price_range_round_off})"
        super().__init__(name, period, value_area_volume_percentage, price_range_round_off)

    def _weight(self, bar: BarLike) -> float:
        return volume_of_bar(bar)


@indicator("TP")
class TimeProfile(MarketProfile):
    """Price at which most bars closed, and the area around it that holds most of them."""

    def __init__(
        self, period: int = 2, value_area_volume_percentage: float = 0.70,
        price_range_round_off: float = 0.05, *, name: str | None = None,
    ) -> None:  # fmt: skip
        name = name or f"TP({period},{value_area_volume_percentage},{price_range_round_off})"
        super().__init__(name, period, value_area_volume_percentage, price_range_round_off)

    def _weight(self, bar: BarLike) -> float:
        return 1.0
