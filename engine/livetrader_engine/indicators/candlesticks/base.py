"""What candlestick patterns share: candles, averages of their sizes, and the count of candles needed.

Source: LEAN Indicators/CandlestickPatterns/{CandlestickPattern,CandleSettings,CandleEnums}.cs. A pattern
compares bodies and shadows with their averages, where a tie decides. LEAN's decimals find ties that floats
miss, so candles are integers here: prices in steps of 1e-11, the digits that an adjusted price has.
"""

from __future__ import annotations

from collections import deque
from enum import IntEnum
from fractions import Fraction
from typing import ClassVar, Final, NamedTuple

from livetrader_engine.indicators.base import BarLike, Indicator, InputKind

_STEPS: Final = 1e11  # per unit of price
_FINE_BELOW: Final = 8192.0  # prices above have no digits to spare in a float: eight places are kept
_COARSE: Final = 1e8
_COARSE_STEP: Final = 1000


class CandleSettingType(IntEnum):
    """What a candle is compared with; values as in LEAN."""

    BODY_LONG = 0
    BODY_VERY_LONG = 1
    BODY_SHORT = 2
    BODY_DOJI = 3
    SHADOW_LONG = 4
    SHADOW_VERY_LONG = 5
    SHADOW_SHORT = 6
    SHADOW_VERY_SHORT = 7
    NEAR = 8
    FAR = 9
    EQUAL = 10


class CandleRangeType(IntEnum):
    """Which size of a candle is averaged; values as in LEAN."""

    REAL_BODY = 0
    HIGH_LOW = 1
    SHADOWS = 2


class CandleSetting(NamedTuple):
    """`factor` times the average size of the `average_period` candles before (0: of the candle itself)."""

    range_type: CandleRangeType
    average_period: int
    factor: float


class CandleSettings:
    """The settings that patterns take when they are made. Changing one changes later patterns."""

    _settings: ClassVar[dict[CandleSettingType, CandleSetting]] = {
        CandleSettingType.BODY_LONG: CandleSetting(CandleRangeType.REAL_BODY, 10, 1.0),
        CandleSettingType.BODY_VERY_LONG: CandleSetting(CandleRangeType.REAL_BODY, 10, 3.0),
        CandleSettingType.BODY_SHORT: CandleSetting(CandleRangeType.REAL_BODY, 10, 1.0),
        CandleSettingType.BODY_DOJI: CandleSetting(CandleRangeType.HIGH_LOW, 10, 0.1),
        CandleSettingType.SHADOW_LONG: CandleSetting(CandleRangeType.REAL_BODY, 0, 1.0),
        CandleSettingType.SHADOW_VERY_LONG: CandleSetting(CandleRangeType.REAL_BODY, 0, 2.0),
        CandleSettingType.SHADOW_SHORT: CandleSetting(CandleRangeType.SHADOWS, 10, 1.0),
        CandleSettingType.SHADOW_VERY_SHORT: CandleSetting(CandleRangeType.HIGH_LOW, 10, 0.1),
        CandleSettingType.NEAR: CandleSetting(CandleRangeType.HIGH_LOW, 5, 0.2),
        CandleSettingType.FAR: CandleSetting(CandleRangeType.HIGH_LOW, 5, 0.6),
        CandleSettingType.EQUAL: CandleSetting(CandleRangeType.HIGH_LOW, 5, 0.05),
    }

    @classmethod
    def get(cls, kind: int) -> CandleSetting:
        """Return the setting of a CandleSettingType."""
        return cls._settings[CandleSettingType(int(kind))]

    @classmethod
    def set(cls, kind: int, setting: CandleSetting) -> None:
        """Replace the setting of a CandleSettingType."""
        cls._settings[CandleSettingType(int(kind))] = setting


class Candle:
    """One bar in integer steps. `top` and `bottom` end the body; `sizes` is indexed by CandleRangeType."""

    __slots__ = ("body", "bottom", "close", "color", "high", "low", "lower", "open", "sizes", "top", "upper")

    def __init__(self, bar: BarLike) -> None:
        opens, close = _steps(bar.open), _steps(bar.close)
        self.open, self.close = opens, close
        self.high, self.low = _steps(bar.high), _steps(bar.low)
        self.color = 1 if close >= opens else -1  # white or black
        self.top, self.bottom = (close, opens) if close >= opens else (opens, close)
        self.body = self.top - self.bottom
        self.upper, self.lower = self.high - self.top, self.bottom - self.low
        self.sizes = (self.body, self.high - self.low, self.upper + self.lower)

    @property
    def white(self) -> bool:
        """Whether it closed no lower than it opened."""
        return self.color > 0

    @property
    def black(self) -> bool:
        """Whether it closed lower than it opened."""
        return self.color < 0

    def body_gaps_up(self, before: Candle) -> bool:
        """Return whether the whole body is above the other's."""
        return self.bottom > before.top

    def body_gaps_down(self, before: Candle) -> bool:
        """Return whether the whole body is below the other's."""
        return self.top < before.bottom

    def gaps_up(self, before: Candle) -> bool:
        """Return whether even the shadows are above the other's."""
        return self.low > before.high

    def gaps_down(self, before: Candle) -> bool:
        """Return whether even the shadows are below the other's."""
        return self.high < before.low

    def body_within(self, before: Candle) -> bool:
        """Return whether the body lies within the other's, touching neither end."""
        return self.top < before.top and self.bottom > before.bottom


def _steps(price: float) -> int:
    if -_FINE_BELOW < price < _FINE_BELOW:
        return round(price * _STEPS)
    return round(price * _COARSE) * _COARSE_STEP


class Average(NamedTuple):
    """Which average a pattern needs: of the candles before the one `lag` bars ago.

    The rest says where LEAN's sum is another one: until the pattern is ready it sums sizes of `warm_kind`
    from `warm_lag` on; afterwards the newest added is at `added`, the one subtracted at `removed` beyond the
    average's period.
    """

    kind: CandleSettingType
    lag: int = 0
    warm_kind: CandleSettingType | None = None
    warm_lag: int | None = None
    added: int | None = None
    removed: int | None = None


class _Total:
    """A running sum of candle sizes, and what makes an average of it."""

    __slots__ = ("_added", "_denominator", "_factor", "_kind", "_lag", "_period", "_removed", "_total",
                 "_warm_kind", "_warm_lag")  # fmt: skip

    def __init__(self, average: Average) -> None:
        setting = CandleSettings.get(average.kind)
        scale = Fraction(str(setting.factor)) / (2 if setting.range_type is CandleRangeType.SHADOWS else 1)
        self._period = setting.average_period
        self._lag, self._kind = average.lag, setting.range_type
        self._factor, self._denominator = scale.numerator, scale.denominator * (self._period or 1)
        warm_kind = average.kind if average.warm_kind is None else average.warm_kind
        self._warm_kind = CandleSettings.get(warm_kind).range_type
        self._warm_lag = self._lag if average.warm_lag is None else average.warm_lag
        self._added = self._lag if average.added is None else average.added
        self._removed = self._period + (self._lag if average.removed is None else average.removed)
        self._total = 0

    @property
    def period(self) -> int:
        return self._period

    @property
    def reach(self) -> int:
        """How many candles it looks back on."""
        return max(self._warm_lag + self._period, self._removed) + 1

    def reset(self) -> None:
        self._total = 0

    def step(self, candles: deque[Candle], ready: bool) -> None:
        """Let the sum go on by one candle, the newest having been judged (or it being too early to)."""
        if not self._period:
            return
        if ready:
            self.shift(candles[self._added], candles[self._removed])
            return
        count, lag = len(candles), self._warm_lag
        if count > lag:
            self._total += candles[lag].sizes[self._warm_kind]
        if count > lag + self._period:
            self._total -= candles[lag + self._period].sizes[self._warm_kind]

    def shift(self, added: Candle, removed: Candle) -> None:
        """Add one candle and subtract another."""
        self._total += added.sizes[self._kind] - removed.sizes[self._kind]

    def value(self, candles: deque[Candle]) -> float:
        size = self._total if self._period else candles[self._lag].sizes[self._kind]
        return size * self._factor / self._denominator  # integers: one rounding, none where it divides


class CandlestickPattern(Indicator):
    """Base of all patterns: 1 where a bullish one ends, -1 where a bearish one does, 0 elsewhere.

    Subclasses name the averages that they need and how many candles they are made of (`length`).
    """

    kind = InputKind.BAR
    averages: ClassVar[tuple[Average, ...]] = ()
    length: ClassVar[int] = 1
    late: ClassVar[int] = 0  # bars by which LEAN's pattern is ready later than its window is full

    def __init__(self, name: str | None = None) -> None:
        super().__init__(name or type(self).__name__.upper())
        self._totals = {(average.kind, average.lag): _Total(average) for average in self.averages}
        longest = max((total.period for total in self._totals.values()), default=0)
        self.warm_up_period = self._warm_up(longest)
        reach = max((total.reach for total in self._totals.values()), default=1)
        self._candles: deque[Candle] = deque(maxlen=max(reach, self.warm_up_period))

    def _warm_up(self, longest: int) -> int:
        return longest + self.length

    @property
    def is_ready(self) -> bool:
        """Whether the averages are complete."""
        return self.samples >= self.warm_up_period + self.late

    def average(self, kind: CandleSettingType, lag: int = 0) -> float:
        """Return the setting's size for the candle `lag` bars ago."""
        return self._totals[kind, lag].value(self._candles)

    def _compute_bar(self, bar: BarLike) -> float:
        candles, ready = self._candles, self.is_ready
        candles.appendleft(Candle(bar))
        value = float(self._judge(candles)) if ready else 0.0
        for total in self._totals.values():
            total.step(candles, ready)
        return value

    def _judge(self, candles: deque[Candle]) -> int:
        """Return what the newest candle ends; candles[0] is the newest."""
        raise NotImplementedError

    def _clear(self) -> None:
        super()._clear()
        self._candles.clear()
        for total in self._totals.values():
            total.reset()


class PenetratingPattern(CandlestickPattern):
    """Base of patterns whose last candle must reach into the first by a share of its body."""

    default_penetration: ClassVar[float] = 0.3

    def __init__(self, penetration: float | None = None, *, name: str | None = None) -> None:
        super().__init__(name)
        share = self.default_penetration if penetration is None else penetration
        self._share = Fraction(str(share))

    def reach(self, candle: Candle) -> float:
        """Return that share of a candle's body."""
        return candle.body * self._share.numerator / self._share.denominator
