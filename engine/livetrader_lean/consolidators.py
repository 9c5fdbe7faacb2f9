"""Every kind of consolidator that LEAN offers, by its LEAN name."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any, ClassVar

from livetrader_engine.data import brick_consolidators as bricks
from livetrader_engine.data import consolidated_periods as periods
from livetrader_engine.data import range_consolidators as ranges
from livetrader_engine.data.aggregation import Feed
from livetrader_engine.data.consolidators import (
    IdentityConsolidator,
    PeriodConsolidator,
    in_hours,
)
from livetrader_engine.data.consolidators import SequentialConsolidator as CoreSequential
from livetrader_engine.data.periods import uses_strict_end_times
from livetrader_engine.data.subscription import TickType
from livetrader_engine.data.wallclock import WallClock
from livetrader_engine.errors import AlgorithmError
from livetrader_engine.symbols import NS_PER_DAY, Resolution
from livetrader_lean.bricks import RangeBar, RenkoBar, VolumeRenkoBar
from livetrader_lean.calendars import period_of
from livetrader_lean.consolidation import ConsolidatorBase
from livetrader_lean.enums import Resolution as LeanResolution
from livetrader_lean.market import BaseData, QuoteBar, Tick, TradeBar
from livetrader_lean.times import span_ns


class _PeriodConsolidator(ConsolidatorBase):
    """Bars of a timedelta, a number of points, both, or a calendar; `start_time` anchors a timedelta."""

    feed: ClassVar[Feed]

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(self._core(_Length(arguments, named)))

    def _core(self, wanted: _Length) -> PeriodConsolidator:
        return PeriodConsolidator(wanted.period, wanted.count, feed=self.feed, check_ns=wanted.check_ns)

    @classmethod
    def from_resolution(cls, resolution: int) -> _PeriodConsolidator:
        """Return one that makes bars as long as a resolution's."""
        return cls(_span_of(resolution))


class _Length:
    """What a constructor was told about the length of its bars."""

    def __init__(self, arguments: tuple[Any, ...], named: dict[str, Any]) -> None:
        self.count: int | None = named.pop("max_count", None)
        span: timedelta | None = named.pop("period", None)
        start: timedelta | None = named.pop("start_time", None)
        calendar: Any = named.pop("func", named.pop("calendar", None))
        for given in arguments:
            if isinstance(given, LeanResolution | Resolution):
                span = _span_of(given)
            elif isinstance(given, timedelta):
                span, start = (given, start) if span is None else (span, given)
            elif isinstance(given, int) and self.count is None:
                self.count = given
            elif callable(given) and calendar is None:
                calendar = given
            elif given is not None:
                raise AlgorithmError(
                    f"bars of {given!r} cannot be made; give a timedelta, a number or a calendar"
                )
        if named:
            raise AlgorithmError(f"a consolidator does not understand {', '.join(sorted(named))}")
        if self.count is not None and self.count < 1:
            self.count = 1
        self.check_ns: int | None = None
        self.period = self._period(calendar, span, start)

    def _period(
        self, calendar: Any, span: timedelta | None, start: timedelta | None
    ) -> periods.Period | None:
        if calendar is not None:
            return period_of(calendar)
        if span is not None and self.count is not None:
            return periods.ungridded(span_ns(span))
        if span is not None:
            self.check_ns = span_ns(span)
            return periods.fixed(self.check_ns, None if start is None else span_ns(start))
        if self.count is None:
            raise AlgorithmError("a consolidator needs a timedelta, a number of points or a calendar")
        return None


def _span_of(resolution: Any) -> timedelta:
    return timedelta(microseconds=Resolution(int(resolution)).period_ns // 1000)


class TradeBarConsolidator(_PeriodConsolidator):
    """Trade bars made of trade bars."""

    feed = Feed.TRADE_BARS
    input_type = TradeBar
    output_type = TradeBar


class QuoteBarConsolidator(_PeriodConsolidator):
    """Quote bars made of quote bars."""

    feed = Feed.QUOTE_BARS
    input_type = QuoteBar
    output_type = QuoteBar


class TickConsolidator(_PeriodConsolidator):
    """Trade bars made of trade ticks."""

    feed = Feed.TRADE_TICKS
    input_type = Tick
    output_type = TradeBar


class TickQuoteBarConsolidator(_PeriodConsolidator):
    """Quote bars made of quote ticks."""

    feed = Feed.QUOTE_TICKS
    input_type = Tick
    output_type = QuoteBar


class BaseDataConsolidator(_PeriodConsolidator):
    """Trade bars without volume made of the value of anything."""

    feed = Feed.VALUES
    input_type = BaseData
    output_type = TradeBar


class IdentityDataConsolidator(ConsolidatorBase):
    """Hands on what it gets. `IdentityDataConsolidator[TradeBar]()` takes trade bars only."""

    output_type = BaseData

    def __init__(self, keeps: Callable[[Any], bool] | None = None) -> None:
        super().__init__(IdentityConsolidator(keeps))

    def __class_getitem__(cls, item: type) -> type[IdentityDataConsolidator]:
        return type(cls.__name__, (cls,), {"input_type": item, "output_type": item, "__module__": __name__})


def identity_of(data: type[BaseData]) -> IdentityDataConsolidator:
    """Return a consolidator that hands on one type of data."""
    made = IdentityDataConsolidator()
    made.input_type = made.output_type = data
    return made


class FilteredIdentityDataConsolidator(IdentityDataConsolidator):
    """Hands on what a predicate lets through."""

    def __init__(self, predicate: Callable[[Any], bool]) -> None:
        super().__init__(lambda point: bool(predicate(self.face_of(point))))

    @staticmethod
    def for_tick_type(tick_type: int) -> FilteredIdentityDataConsolidator:
        """Return one that lets ticks of a kind through."""
        made = FilteredIdentityDataConsolidator(lambda tick: int(tick.tick_type) == int(tick_type))
        made.input_type = made.output_type = Tick
        return made


class SequentialConsolidator(ConsolidatorBase):
    """Feeds the bars of one consolidator to a second one."""

    def __init__(self, first: ConsolidatorBase, second: ConsolidatorBase) -> None:
        if not issubclass(first.output_type, second.input_type):
            raise AlgorithmError(
                f"{type(second).__name__} takes {second.input_type.__name__},"
                f" and {type(first).__name__} makes {first.output_type.__name__}"
            )
        super().__init__(CoreSequential(first.core, second.core))
        self.first = first
        self.second = second
        self.input_type = first.input_type
        self.output_type = second.output_type

    def _bind(self, zone: Any) -> None:
        super()._bind(zone)
        self.first._bind(zone)
        self.second._bind(zone)


_FEEDS = {
    (TradeBar, TickType.TRADE): Feed.TRADE_BARS, (TradeBar, TickType.QUOTE): Feed.TRADE_BARS,
    (QuoteBar, TickType.TRADE): Feed.QUOTE_BARS, (QuoteBar, TickType.QUOTE): Feed.QUOTE_BARS,
    (Tick, TickType.TRADE): Feed.TRADE_TICKS, (Tick, TickType.QUOTE): Feed.QUOTE_TICKS,
}  # fmt: skip


class MarketHourAwareConsolidator(ConsolidatorBase):
    """Bars that know the market's hours: a day is a session, other periods count from the open.

    Data outside regular hours are left out unless `extended_market_hours`. With
    `daily_strict_end_time_enabled` daily bars run from open to close; else, and for markets without
    sessions, from midnight to midnight.
    """

    def __init__(
        self,
        daily_strict_end_time_enabled: bool,
        resolution: Any = None,
        data_type: type = TradeBar,
        tick_type: int = TickType.TRADE,
        extended_market_hours: bool = False,
        *,
        period: timedelta | None = None,
    ) -> None:
        feed = _FEEDS.get((data_type, TickType(int(tick_type))))
        if feed is None:
            raise AlgorithmError(
                f"MarketHourAwareConsolidator takes bars and ticks, not {data_type.__name__}"
            )
        wanted = resolution if period is None else period
        if isinstance(wanted, timedelta):
            self._period_ns = span_ns(wanted)
        else:
            self._period_ns = Resolution(int(wanted)).period_ns
        self._strict = daily_strict_end_time_enabled
        self._extended = extended_market_hours
        self.input_type = data_type
        self.output_type = QuoteBar if feed in (Feed.QUOTE_BARS, Feed.QUOTE_TICKS) else TradeBar
        self._accepts: Callable[[Any], bool] | None = None
        self._span: periods.Period = periods.fixed(self._period_ns)
        made = PeriodConsolidator(self._span_at, feed=feed, accepts=self._accept)
        made.own_handlers = made.handlers  # one event only, in the order of attaching
        super().__init__(made)

    def _span_at(self, wall_ns: int) -> periods.Span:
        return self._span(wall_ns)

    def _accept(self, point: Any) -> bool:
        if self._accepts is None:
            self._learn(point)
            assert self._accepts is not None
        return self._accepts(point)

    def _learn(self, point: Any) -> None:
        """Look the market's hours up at the first point."""
        hours = self.known().hours(point.symbol)
        clock = WallClock(hours.timezone)
        daily = self._period_ns == NS_PER_DAY
        self._accepts = in_hours(hours, daily=daily, extended=self._extended)
        if daily:
            if self._strict and uses_strict_end_times(point.symbol, Resolution.DAILY, hours):
                self._span = periods.sessions(hours, clock, self._extended)
        elif self._period_ns < NS_PER_DAY and not any(r.period_ns == self._period_ns for r in Resolution):
            self._span = periods.within_sessions(hours, clock, self._period_ns, self._extended)


class _BrickConsolidator(ConsolidatorBase):
    def _select(self, selector: Callable[[Any], Any] | None, usual: bricks.Selector) -> bricks.Selector:
        if selector is None:
            return usual
        chosen = selector
        return lambda point: float(chosen(BaseData.of(point, self._zone)))


class RenkoConsolidator(_BrickConsolidator):
    """Renko bars with wicks. `RenkoConsolidator[TradeBar](1)` is the same."""

    output_type = RenkoBar

    def __init__(self, bar_size: float) -> None:
        super().__init__(bricks.RenkoConsolidator(_decimal(bar_size)))

    def __class_getitem__(cls, item: type) -> type[RenkoConsolidator]:
        return cls


class WickedRenkoConsolidator(RenkoConsolidator):
    """The old name of `RenkoConsolidator`."""


class ClassicRenkoConsolidator(_BrickConsolidator):
    """Renko bars without wicks, of the value or of what selectors pick."""

    output_type = RenkoBar

    def __init__(
        self, bar_size: float, selector: Any = None, volume_selector: Any = None, even_bars: bool = True
    ) -> None:
        if isinstance(selector, bool):
            selector, even_bars = None, selector
        if isinstance(volume_selector, bool):
            volume_selector, even_bars = None, volume_selector
        super().__init__(
            bricks.ClassicRenkoConsolidator(
                _decimal(bar_size),
                self._select(selector, bricks.value_of),
                self._select(volume_selector, bricks.volume_of),
                even_bars=even_bars,
            )
        )

    def __class_getitem__(cls, item: type) -> type[ClassicRenkoConsolidator]:
        return cls


class RangeConsolidator(_BrickConsolidator):
    """Range bars: `range` times the smallest price variation from low to high."""

    output_type = RangeBar
    _classic = False

    def __init__(self, range: int, selector: Any = None, volume_selector: Any = None) -> None:
        made = ranges.RangeConsolidator(
            int(range),
            lambda symbol: self.known().properties(symbol).minimum_price_variation,
            self._select(selector, bricks.value_of),
            self._select(volume_selector, bricks.volume_of),
            classic=self._classic,
        )
        self._bricks = made
        super().__init__(made)

    @property
    def range(self) -> int:
        """How many price variations a bar spans."""
        return self._bricks.count

    @property
    def range_size(self) -> float:
        """Distance of high and low; 0 before the first point."""
        return float(self._bricks.size)


class ClassicRangeConsolidator(RangeConsolidator):
    """Range bars that do not fill what a jump skips."""

    _classic = True


class VolumeRenkoConsolidator(_BrickConsolidator):
    """Bars of a fixed volume."""

    output_type = VolumeRenkoBar
    _dollars = False

    def __init__(self, bar_size: float) -> None:
        super().__init__(ranges.VolumeRenkoConsolidator(float(bar_size), dollars=self._dollars))


class DollarVolumeRenkoConsolidator(VolumeRenkoConsolidator):
    """Bars of a fixed turnover in money."""

    _dollars = True


def _decimal(number: Any) -> Decimal:
    return number if isinstance(number, Decimal) else bricks.exact(float(number))
