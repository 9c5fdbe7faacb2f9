"""`Calendar.WEEKLY` and its like, and calendars that an algorithm brings itself."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from livetrader_engine.data import consolidated_periods as periods
from livetrader_engine.errors import AlgorithmError
from livetrader_lean.names import Twins
from livetrader_lean.times import span_ns

_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 — the wall clock is naive
_PROBE: Final = datetime(2022, 1, 3, 10, 10, 10)  # noqa: DTZ001 — at which LEAN tries a calendar


class CalendarInfo(NamedTuple):
    """Start and length of the bar that a time belongs to: what a calendar returns."""

    start: datetime
    period: timedelta

    @property
    def end(self) -> datetime:
        """When the bar ends."""
        return self.start + self.period

    @property
    def Start(self) -> datetime:
        """The start."""
        return self.start

    @property
    def Period(self) -> timedelta:
        """The length."""
        return self.period

    @property
    def End(self) -> datetime:
        """The end."""
        return self.end


CalendarFunction = Callable[[datetime], CalendarInfo]


class _Known:
    """A calendar of LEAN's: callable like any other, and known to the core by its span."""

    def __init__(self, span: periods.Period) -> None:
        self.span = span

    def __call__(self, moment: datetime) -> CalendarInfo:
        start_ns, length_ns = self.span(_wall_ns(moment))
        assert length_ns is not None, "a calendar's bars have a length"
        return CalendarInfo(_moment(start_ns), timedelta(microseconds=length_ns // 1000))


class Calendar(Twins):
    """Calendars for `consolidate` and the consolidators."""

    WEEKLY: Final = _Known(periods.weekly)
    MONTHLY: Final = _Known(periods.months(1))
    QUARTERLY: Final = _Known(periods.months(3))
    YEARLY: Final = _Known(periods.months(12))
    Weekly, Monthly, Quarterly, Yearly = WEEKLY, MONTHLY, QUARTERLY, YEARLY


class CalendarType(Calendar):
    """The old name of `Calendar`."""


def period_of(calendar: CalendarFunction) -> periods.Period:
    """Return a calendar as the core wants it. Raises AlgorithmError where bars begin after their time."""
    if isinstance(calendar, _Known):
        return calendar.span
    if calendar(_PROBE).start > _PROBE:
        raise AlgorithmError(
            "a calendar returns the start of the bar that a time belongs to, never a later one"
        )

    def span(wall_ns: int) -> periods.Span:
        info = calendar(_moment(wall_ns))
        return _wall_ns(info.start), span_ns(info.period)

    return span


def _wall_ns(moment: datetime) -> int:
    return span_ns(moment.replace(tzinfo=None) - _EPOCH)


def _moment(wall_ns: int) -> datetime:
    return _EPOCH + timedelta(microseconds=wall_ns // 1000)
