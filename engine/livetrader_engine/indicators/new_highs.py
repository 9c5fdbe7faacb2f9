"""New highs and new lows among many symbols. Sources: LEAN Indicators/NewHighsNewLows*.cs."""

from __future__ import annotations

from livetrader_engine.indicators.base import BarLike, InputKind, SymbolsTaken, indicator
from livetrader_engine.indicators.breadth import BreadthIndicator, key_of, point_of, ratio_of, volume_of
from livetrader_engine.indicators.extremes import Maximum, Minimum, Reading


class _Asset:
    """What NewHighsNewLows remembers of one symbol."""

    __slots__ = ("bar", "highs", "lows")

    def __init__(self, period: int) -> None:
        self.bar: BarLike | None = None
        self.highs, self.lows = Maximum(period), Minimum(period)

    def remember(self, bar: BarLike | None, time_ns: int) -> None:
        if bar is not None:
            self.highs.push(time_ns, bar.high)
            self.lows.push(time_ns, bar.low)

    def reset(self) -> None:
        self.bar = None
        self.highs.reset()
        self.lows.reset()


@indicator("NHNL", SymbolsTaken.MANY)
class NewHighsNewLows(BreadthIndicator):
    """Symbols above the high of `period` periods minus symbols below the low; `difference` and `ratio`."""

    kind = InputKind.BAR

    def __init__(self, period: int, *, name: str | None = None) -> None:
        super().__init__(name or f"NH/NL({period})")
        self.warm_up_period = period + 1
        self._period = period
        self._assets: dict[object, _Asset] = {}
        self._period_ns: int | None = None
        self._missing = 0  # symbols without a bar in the current period
        self._all_ready = False
        self._highs: list[BarLike] = []
        self._lows: list[BarLike] = []
        self.difference, self.ratio = Reading(f"{self.name}_Difference"), Reading(f"{self.name}_Ratio")

    @property
    def is_ready(self) -> bool:
        """Whether every symbol has had `period` periods before the current one."""
        if not self._all_ready:  # once true it stays so until a symbol comes or all is forgotten
            assets = self._assets.values()
            self._all_ready = bool(assets) and all(asset.highs.is_ready for asset in assets)
        return self._all_ready

    def add(self, symbol: object) -> None:
        """Take a symbol's bars into account from now on."""
        key = key_of(symbol)
        if key not in self._assets:
            self._newest[key] = 0
            self._assets[key] = _Asset(self._period)
            self._missing += 1
            self._all_ready = False

    def remove(self, symbol: object) -> None:
        """Forget a symbol."""
        asset = self._assets.pop(key_of(symbol), None)
        if asset is not None:
            self._missing -= asset.bar is None
            del self._newest[key_of(symbol)]
            self._all_ready = False

    def _compute_bar(self, bar: BarLike) -> float | None:
        self._enqueue(bar)
        if self._missing or not self.is_ready:
            return None
        held = [(asset.bar, asset) for asset in self._assets.values() if asset.bar is not None]
        self._highs = [bar for bar, asset in held if bar.high > asset.highs.value]
        self._lows = [bar for bar, asset in held if bar.low < asset.lows.value]
        highs, lows = len(self._highs), len(self._lows)
        self.difference.push(self.time_ns, float(highs - lows))
        self.ratio.push(self.time_ns, ratio_of(float(highs), float(lows)))
        return self.difference.value

    def _enqueue(self, bar: BarLike) -> None:
        point = point_of(bar)
        asset = self._assets.get(key_of(point.symbol))
        if self._period_ns is not None and point.end_time_ns == self._period_ns:
            if asset is not None:  # late: it belongs to the period before
                asset.remember(bar, self._period_ns)
            return
        if self._period_ns is not None and point.time_ns > self._period_ns:
            for each in self._assets.values():
                each.remember(each.bar, self._period_ns)
                each.bar = None
            self._missing = len(self._assets)
            self._period_ns = point.time_ns
        if asset is not None and (self._period_ns is None or point.time_ns == self._period_ns):
            self._missing -= asset.bar is None
            asset.bar = bar
            self._period_ns = point.time_ns

    def _clear(self) -> None:
        super()._clear()
        self._period_ns = None
        self._missing, self._all_ready = len(self._assets), False
        for asset in self._assets.values():
            asset.reset()


@indicator("NHNLV", SymbolsTaken.MANY)
class NewHighsNewLowsVolume(NewHighsNewLows):
    """Volume of the symbols with new highs for each share of those with new lows: `volume_ratio`."""

    kind = InputKind.TRADE_BAR

    def __init__(self, period: int, *, name: str | None = None) -> None:
        super().__init__(period, name=name or f"NH/NL Volume({period})")
        self.volume_ratio = Reading(f"{self.name}_VolumeRatio")

    def _compute_bar(self, bar: BarLike) -> float | None:
        if super()._compute_bar(bar) is None:
            return None
        highs, lows = (volume_of(point_of(held) for held in side) for side in (self._highs, self._lows))
        self.volume_ratio.push(self.time_ns, ratio_of(highs, lows))
        return self.volume_ratio.value
