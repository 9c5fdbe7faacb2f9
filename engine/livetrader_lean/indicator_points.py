"""Values of indicators: numbers with a time."""

from __future__ import annotations

from datetime import datetime, tzinfo
from decimal import Decimal
from typing import Any, Final, cast

from livetrader_lean.market import DEFAULT_ZONE
from livetrader_lean.names import Twins
from livetrader_lean.times import local, to_ns

_FIRST: Final = datetime.min  # noqa: DTZ901 — .NET's least time, naive as all of LEAN's


class Numeric:
    """What stands for a number in comparisons and arithmetic: its `__float__`."""

    __slots__ = ()

    def __float__(self) -> float:
        raise NotImplementedError

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return isinstance(other, int | float | Decimal) and float(self) == float(other)

    __hash__ = object.__hash__

    def __lt__(self, other: Any) -> bool:
        return float(self) < float(other)

    def __le__(self, other: Any) -> bool:
        return float(self) <= float(other)

    def __gt__(self, other: Any) -> bool:
        return float(self) > float(other)

    def __ge__(self, other: Any) -> bool:
        return float(self) >= float(other)

    def __add__(self, other: Any) -> float:
        return float(self) + float(other)

    __radd__ = __add__

    def __sub__(self, other: Any) -> float:
        return float(self) - float(other)

    def __rsub__(self, other: Any) -> float:
        return float(other) - float(self)

    def __mul__(self, other: Any) -> float:
        return float(self) * float(other)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> float:
        return float(self) / float(other)

    def __rtruediv__(self, other: Any) -> float:
        return float(other) / float(self)

    def __neg__(self) -> float:
        return -float(self)

    def __abs__(self) -> float:
        return abs(float(self))

    def __round__(self, digits: int = 0) -> float:
        return round(float(self), digits)

    def __format__(self, specification: str) -> str:
        return format(float(self), specification) if specification else str(self)


class IndicatorDataPoint(Numeric, Twins):
    """One value and its time: what `indicator.current` is, and what value indicators can be updated with."""

    __slots__ = ("end_time_ns", "symbol", "value", "zone")

    def __init__(self, *arguments: object) -> None:
        symbol, time, value = (None, 0, 0.0) if not arguments else (None, *arguments)[-3:]
        self.symbol = symbol
        self.zone: tzinfo = DEFAULT_ZONE
        self.end_time_ns = time if isinstance(time, int) else to_ns(cast("datetime", time), DEFAULT_ZONE)
        self.value = float(cast("float", value))

    @property
    def time(self) -> datetime:
        """Local time of the input the value came from; the least there is before the first."""
        return local(self.end_time_ns, self.zone) if self.end_time_ns else _FIRST

    @property
    def end_time(self) -> datetime:
        """The same as `time`."""
        return self.time

    @property
    def price(self) -> float:
        """The same as `value`."""
        return self.value

    def __float__(self) -> float:
        return self.value

    def __eq__(self, other: object) -> bool:
        if isinstance(other, IndicatorDataPoint):
            return (self.end_time_ns, self.value) == (other.end_time_ns, other.value)
        return super().__eq__(other)

    def __hash__(self) -> int:
        return hash((self.end_time_ns, self.value))

    def __str__(self) -> str:
        return f"{self.time.isoformat(timespec='seconds')} - {str(self.value).removesuffix('.0')}"
