"""Make longer bars of shorter bars, ticks, or bars of another consolidator.

A consolidator takes points of one symbol. It closes a bar when a later point arrives, or when `scan` says
that its time is over, whichever is first; then it calls its handlers. The rules are LEAN's
(Common/Data/Consolidators/PeriodCountConsolidatorBase.cs, IdentityDataConsolidator.cs,
SequentialConsolidator.cs, MarketHourAwareConsolidator.cs), worked out in the exchange's wall clock.

Two lists of handlers, because LEAN has two events: `handlers` (the untyped event, which feeds indicators and
what `consolidate` is given) and `own_handlers` (the typed one, which a handler attached by hand joins). Each
kind of consolidator calls them in its own order, and `consolidated` changes between the two.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Protocol
from zoneinfo import ZoneInfo

from livetrader_engine.calendar.hours import ExchangeHours
from livetrader_engine.data.aggregation import RECIPES, Feed, Point
from livetrader_engine.data.bars import QuoteBar, Tick, TradeBar
from livetrader_engine.data.consolidated_periods import Period, unbounded
from livetrader_engine.data.wallclock import WallClock
from livetrader_engine.errors import AlgorithmError
from livetrader_engine.symbols import NS_PER_DAY, NS_PER_HOUR, Symbol

Handler = Callable[[Any], object]

NEVER_NS: Final = 2**63 - 1
_LONG_AGO_NS: Final = -(2**63)
_UTC: Final = ZoneInfo("UTC")


class Consolidator(Protocol):
    """What the engine, and one consolidator behind another, need of a consolidator."""

    handlers: list[Handler]
    own_handlers: list[Handler]
    consolidated: Any
    clock: WallClock

    @property
    def waits(self) -> bool:
        """Whether the clock may close its bars."""
        ...

    @property
    def due_ns(self) -> int:
        """When the working bar's time is over; NEVER_NS where nothing waits for the clock."""
        ...

    @property
    def working(self) -> Any:
        """The unfinished bar, None where there is none."""
        ...

    def update(self, point: Any) -> None:
        """Take in one point; may call handlers."""
        ...

    def scan(self, now_ns: int) -> None:
        """Close the bar whose time is over; may call handlers."""
        ...

    def reset(self) -> None:
        """Forget everything but the handlers."""
        ...


class PeriodConsolidator:
    """Collects points into bars by time, by count, or by whichever ends first.

    `period` gives the bar of a point (None: no limit in time), `count` the number of points per bar (None: no
    limit); `feed` says what the points are. `check_ns` is a length that no point may exceed, None where that
    is not checked, and `accepts` leaves points out. `clock` may be replaced before the first point.
    Owned by the engine's thread.
    """

    waits = True

    def __init__(
        self,
        period: Period | None = None,
        count: int | None = None,
        *,
        feed: Feed = Feed.TRADE_BARS,
        clock: WallClock | None = None,
        check_ns: int | None = None,
        accepts: Callable[[Point], bool] | None = None,
    ) -> None:
        if period is None and count is None:
            raise AlgorithmError("a consolidator needs a period, a count of points, or both")
        self.handlers: list[Handler] = []
        self.own_handlers: list[Handler] = []
        self.consolidated: Any = None
        self.working: Any = None
        self.late = 0  # points left out because the bar they belong to was closed before
        self.clock = clock or WallClock(_UTC)
        self.feed = feed
        self._recipe = RECIPES[feed]
        self._extend = self._recipe.extend
        self._period = period or unbounded
        self._count = count
        self._accepts = _both(accepts, self._recipe.takes)
        self._check_ns = check_ns
        self.reset()

    def reset(self) -> None:
        """Forget everything but the handlers."""
        self.consolidated = self.working = None
        self._symbol: Symbol | None = None
        self._taken = 0
        self._length_ns: int | None = None  # of the working bar; None: only a count ends it
        self._start_ns = 0  # of the working bar, wall clock
        self._shown_ns: int | None = None  # the length that it shows
        self._emitted_ns: int | None = None  # wall clock; a point before it is late
        self.due_ns = NEVER_NS
        self._starts_ns = NEVER_NS  # of a working bar that only time ends

    def update(self, point: Any) -> None:
        """Take in one point. Raises AlgorithmError for another symbol's or one longer than the bar."""
        if self._symbol is not point.symbol:
            self._bind(point)
        if self._accepts is not None and not self._accepts(point):
            return
        if self._starts_ns <= point.time_ns < self.due_ns and self._check_ns is None:
            self._extend(self.working, point)  # what nearly every point does
        else:
            self._update(point)

    def _update(self, point: Any) -> None:
        if self._check_ns is not None:
            self._check(point, self._check_ns)
        time_ns = self.clock.wall(point.time_ns)
        counted = self._count is not None
        if self._emitted_ns is None:
            self._emitted_ns = time_ns if counted else _LONG_AGO_NS
        fire = counted and self._is_last()
        if self.working is not None and self._length_ns is not None:
            over = time_ns - self._start_ns >= self._length_ns
            fire = fire or (over and self._begin(point, time_ns) > self._emitted_ns)
        if counted:
            if time_ns >= self._emitted_ns:
                self._aggregate(point, time_ns)
                self.working.end_time_ns = point.end_time_ns
            if fire and self.working is not None:
                self._close(time_ns)
            return
        if fire:
            self._close(None)
        if time_ns >= self._emitted_ns:
            self._aggregate(point, time_ns)
            if self._length_ns == 0:  # a period of nothing: every point is a bar
                self._close(None)
        else:
            self.late += 1

    def scan(self, now_ns: int) -> None:
        """Close the working bar if its time is over at `now_ns`."""
        if now_ns < self.due_ns or self.working is None or not self._length_ns:
            return
        assert self._emitted_ns is not None
        now_wall_ns = self.clock.wall(now_ns)
        if now_wall_ns - self._start_ns >= self._length_ns:
            start_ns, _ = self._period(now_wall_ns)
            if start_ns > self._emitted_ns:
                self._emitted_ns = self._start_ns + (self._shown_ns or self._length_ns)
                self._emit()

    def _is_last(self) -> bool:
        assert self._count is not None
        self._taken += 1
        if self._taken < self._count:
            return False
        self._taken = 0
        return True

    def _bind(self, point: Point) -> None:
        if self._symbol is not None:
            raise AlgorithmError(f"this consolidator holds {self._symbol.value}, not {point.symbol.value}")
        self._symbol = point.symbol

    def _check(self, point: Point, limit_ns: int) -> None:
        length_ns = point.end_time_ns - point.time_ns
        if length_ns > limit_ns:
            raise AlgorithmError(
                f"data of {point.symbol.value} with bars of {length_ns} ns cannot make shorter ones,"
                f" of {limit_ns} ns; subscribe at a finer resolution"
            )
        self._check_ns = None  # once is enough

    def _round(self, wall_ns: int) -> int:
        """Return where the bar of a wall time begins; without a working bar its length counts from now on."""
        start_ns, length_ns = self._period(wall_ns)
        if self.working is None:
            self._length_ns = length_ns
        return start_ns

    def _begin(self, point: Point, time_ns: int) -> int:
        start_ns = self._round(time_ns)
        length_ns = self._length_ns
        if self.feed is Feed.VALUES or length_ns is None:
            return start_ns
        end_ns = self.clock.wall(point.end_time_ns)
        if start_ns + length_ns < end_ns:
            # longer than its bar: an hour bar that begins before the session, or data as long as the
            # period but off its grid. What the end belongs to decides the first, the point the second.
            if end_ns - time_ns == NS_PER_HOUR and start_ns // NS_PER_DAY < time_ns // NS_PER_DAY:
                return self._round(end_ns)
            return time_ns
        return start_ns

    def _aggregate(self, point: Point, time_ns: int) -> None:
        if self.working is not None:
            self._recipe.extend(self.working, point)
            return
        start_ns = self._start_ns = self._begin(point, time_ns)
        start_utc_ns = point.time_ns if start_ns == time_ns else self.clock.utc(start_ns)
        length_ns = self._length_ns
        if length_ns is None:
            end_ns = start_utc_ns + point.end_time_ns - point.time_ns
        else:
            self.due_ns = self.clock.utc(start_ns + length_ns) if length_ns else NEVER_NS
            self._shown_ns = self._recipe.shown_length_ns
            end_ns = self.due_ns if length_ns else start_utc_ns
            if self._shown_ns is not None:
                end_ns = self.clock.utc(start_ns + self._shown_ns)
        self.working = self._recipe.first(point, start_utc_ns, end_ns, self.consolidated)
        if self._count is None and length_ns and (self._emitted_ns or 0) <= start_ns:
            self._starts_ns = start_utc_ns

    def _close(self, emitted_ns: int | None) -> None:
        """Emit because a point said so; `emitted_ns` is that point's time, None for the end of the bar."""
        if self._length_ns is not None and self._recipe.resets_length:
            self.working.end_time_ns = self.clock.utc(self._start_ns + self._length_ns)
        self._emitted_ns = self._start_ns + (self._length_ns or 0) if emitted_ns is None else emitted_ns
        self._emit()

    def _emit(self) -> None:
        bar = self.working
        for handler in tuple(self.handlers):
            handler(bar)
        self.consolidated = bar
        if self.own_handlers is not self.handlers:
            for handler in tuple(self.own_handlers):
                handler(bar)
        self.working = None
        self.due_ns = self._starts_ns = NEVER_NS


class IdentityConsolidator:
    """Hands every bar on unchanged: the period asked for is the data's own.

    A second bar with the same end is left out; of ticks every one counts. `keeps` chooses (None: all).
    """

    due_ns = NEVER_NS
    waits = False

    def __init__(self, keeps: Callable[[Any], bool] | None = None) -> None:
        self.handlers: list[Handler] = []
        self.own_handlers = self.handlers
        self.consolidated: Any = None
        self.working: Any = None
        self.clock = WallClock(_UTC)
        self._keeps = keeps

    def update(self, point: Any) -> None:
        """Hand the point on."""
        last = self.working
        if last is not None and last.end_time_ns == point.end_time_ns and not isinstance(point, Tick):
            return
        if self._keeps is not None and not self._keeps(point):
            return
        for handler in tuple(self.handlers):
            handler(point)
        self.consolidated = self.working = point

    def scan(self, now_ns: int) -> None:
        """Do nothing: no bar waits for the clock."""

    def reset(self) -> None:
        """Forget everything but the handlers."""
        self.consolidated = self.working = None


class SequentialConsolidator:
    """Feeds the bars of one consolidator to a second one and hands on what that makes.

    The clock closes bars of the first only, as in LEAN.
    """

    def __init__(self, first: Consolidator, second: Consolidator) -> None:
        self.handlers: list[Handler] = []
        self.own_handlers = self.handlers
        self.consolidated: Any = None
        self.first = first
        self.second = second
        first.handlers.append(second.update)
        second.handlers.append(self._emit)

    @property
    def clock(self) -> WallClock:
        """The first one's wall clock; setting it sets both."""
        return self.first.clock

    @clock.setter
    def clock(self, clock: WallClock) -> None:
        self.first.clock = self.second.clock = clock

    @property
    def waits(self) -> bool:
        """Whether the clock may close the first one's bars."""
        return self.first.waits

    @property
    def due_ns(self) -> int:
        """When the first one's working bar is over."""
        return self.first.due_ns

    @property
    def working(self) -> Any:
        """The second one's unfinished bar."""
        return self.second.working

    def update(self, point: Any) -> None:
        """Take in one point."""
        self.first.update(point)

    def scan(self, now_ns: int) -> None:
        """Close the first one's bar where its time is over."""
        self.first.scan(now_ns)

    def reset(self) -> None:
        """Forget everything but the handlers."""
        self.first.reset()
        self.second.reset()
        self.consolidated = None

    def _emit(self, bar: TradeBar | QuoteBar) -> None:
        for handler in tuple(self.handlers):
            handler(bar)
        self.consolidated = bar


def _both(
    first: Callable[[Any], bool] | None, second: Callable[[Any], bool] | None
) -> Callable[[Any], bool] | None:
    if first is None or second is None:
        return first or second
    return lambda point: first(point) and second(point)


def in_hours(hours: ExchangeHours, *, daily: bool, extended: bool) -> Callable[[Point], bool]:
    """Return which points count for bars that know the market's hours.

    An hour bar that begins before the open counts for its day. Source: MarketHourAwareConsolidator.Update.
    """

    def accepts(point: Point) -> bool:
        start_ns, end_ns = point.time_ns, point.end_time_ns
        if extended or hours.is_open(start_ns):
            return True
        return daily and end_ns - start_ns >= NS_PER_HOUR and hours.is_open_during(start_ns, end_ns)

    return accepts
