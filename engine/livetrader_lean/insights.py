"""Insights: what an algorithm predicts, and until when. They are shown and kept; nothing is traded for them.

As in LEAN without a portfolio construction model: `emit_insights` gives an insight its times and tells who
watches. Sources: LEAN's Insight.cs (close times), Time.cs (GetEndTimeForTradeBars), QCAlgorithm.Framework.cs.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any, Final

from livetrader_engine.calendar.hours import ExchangeHours
from livetrader_engine.commands import LogLevel, NoteInsight
from livetrader_engine.errors import AlgorithmError
from livetrader_engine.symbols import NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE, NS_PER_SECOND
from livetrader_engine.symbols import Symbol as CoreSymbol
from livetrader_lean import times
from livetrader_lean.binding import Binding
from livetrader_lean.enums import Resolution
from livetrader_lean.names import TwinEnum
from livetrader_lean.symbols import Symbol
from livetrader_lean.views import Face

MOST_BARS: Final = 1_000_000  # of a period; an insight of years by seconds is a mistake
END_OF_TIME: Final = datetime(2050, 12, 31)  # noqa: DTZ001 — LEAN's Time.EndOfTime knows no zone
STEPS: Final = {
    Resolution.TICK: NS_PER_SECOND, Resolution.SECOND: NS_PER_SECOND, Resolution.MINUTE: NS_PER_MINUTE,
    Resolution.HOUR: NS_PER_HOUR, Resolution.DAILY: NS_PER_DAY,
}  # fmt: skip

Until = Callable[[ExchangeHours, int], int]  # hours and the time of emission to the time of closing, UTC ns


class InsightDirection(TwinEnum):
    """Which way it will go."""

    DOWN = -1
    FLAT = 0
    UP = 1


class InsightType(TwinEnum):
    """What is predicted."""

    PRICE = 0
    VOLATILITY = 1


class Insight(Face):
    """One prediction. It has an id and its times once it was emitted."""

    __slots__ = (
        "_until", "close_time_utc", "confidence", "direction", "generated_time_utc", "group_id", "id",
        "magnitude", "period", "reference_value", "source_model", "symbol", "tag", "type", "weight",
    )  # fmt: skip

    def __init__(self, symbol: Any, period: Any, type: Any, direction: Any, *more: Any, **named: Any) -> None:
        """Predict; `more` are magnitude, confidence, source_model, weight and tag, as LEAN has them."""
        given = dict(zip(("magnitude", "confidence", "source_model", "weight", "tag"), more, strict=False))
        given.update(named)
        self.symbol = symbol if isinstance(symbol, Symbol) else getattr(symbol, "symbol", symbol)
        self._until, self.period = _until(period)
        self.type, self.direction = InsightType(type), InsightDirection(direction)
        self.magnitude: float | None = given.pop("magnitude", None)
        self.confidence: float | None = given.pop("confidence", None)
        self.source_model: str = given.pop("source_model", None) or ""
        self.weight: float | None = given.pop("weight", None)
        self.tag: str = given.pop("tag", "") or ""
        if given:
            raise AlgorithmError(f"an insight has no {', '.join(map(repr, given))}")
        self.id: str | None = None
        self.group_id: str | None = None
        self.reference_value = 0.0
        self.generated_time_utc: datetime | None = None
        self.close_time_utc: datetime | None = None

    @staticmethod
    def price(symbol: Any, period: Any, *more: Any, **named: Any) -> Insight:
        """Predict a price: for a timedelta, a count of bars, until a local time, or as a function says.

        `Insight.price(symbol, timedelta(days=1), InsightDirection.UP, magnitude, confidence, ...)` or
        `Insight.price(symbol, Resolution.DAILY, 5, InsightDirection.UP, ...)`.
        """
        rest = list(more)
        if isinstance(period, Resolution):
            count = named.pop("bar_count", None)
            period = (period, rest.pop(0) if count is None else count)
        direction = named.pop("direction", None)
        direction = rest.pop(0) if direction is None else direction
        return Insight(symbol, period, InsightType.PRICE, direction, *rest, **named)

    @staticmethod
    def group(*insights: Any) -> list[Insight]:
        """Return insights that belong together; each may be in one group only."""
        found = flat(insights)
        name = str(uuid.uuid5(uuid.NAMESPACE_OID, "|".join(f"{each.symbol}{id(each)}" for each in found)))
        for each in found:
            if each.group_id is not None:
                raise AlgorithmError(f"{each} is in a group already")
            each.group_id = name
        return found

    def is_expired(self, utc_time: datetime) -> bool:
        """Return whether its time is over."""
        return self.close_time_utc is not None and self.close_time_utc < utc_time

    def is_active(self, utc_time: datetime) -> bool:
        """Return whether its time is not over."""
        return not self.is_expired(utc_time)

    def __str__(self) -> str:
        words = f"{self.symbol} {self.type.name.lower()} {self.direction.name.lower()}"
        return f"{self.id or 'an insight'}: {words} within {self.period}"


class InsightDesk:
    """Where the insights of an algorithm go. Owned by its binding; used on the engine's thread."""

    def __init__(self, binding: Binding) -> None:
        self._binding = binding
        self._told: set[str] = set()
        self.count = 0

    def emit(self, insights: Iterable[Insight]) -> None:
        """Give each its id and times and show it. Raises AlgorithmError for a symbol that was not added."""
        engine = self._binding.engine
        if engine.is_warming_up:
            self._warn("Warning: insights emitted during algorithm warmup are ignored.")
            return
        for insight in insights:
            core = self._binding.resolve(insight.symbol)
            security = engine.securities.get(core)
            if security is None:
                raise AlgorithmError(f"{core.value} was not added: an insight needs a security")
            if core in engine.corporate.delisted:
                self._warn("Warning: cannot emit insights for delisted securities, these will be discarded")
                continue
            now_ns = engine.clock.now_ns
            close_ns = insight._until(security.hours, now_ns)
            self._complete(insight, core, (now_ns, close_ns), float(security.price))
            engine.ports.results.insight(_noted(insight, core, now_ns, close_ns))

    def _complete(self, insight: Insight, core: CoreSymbol, span: tuple[int, int], price: float) -> None:
        now_ns, close_ns = span
        self.count += 1
        insight.symbol = insight.symbol if isinstance(insight.symbol, Symbol) else Symbol(core)
        insight.id = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{core.text} {now_ns} {self.count}"))
        insight.reference_value = price if insight.type is InsightType.PRICE else 0.0
        insight.generated_time_utc, insight.close_time_utc = times.utc(now_ns), times.utc(close_ns)
        if insight.period is None:
            insight.period = insight.close_time_utc - insight.generated_time_utc

    def _warn(self, words: str) -> None:
        if words not in self._told:
            self._told.add(words)
            self._binding.log(LogLevel.ERROR, words)


def flat(given: Iterable[Any]) -> list[Insight]:
    """Return insights given one by one or in lists. Raises AlgorithmError for anything else."""
    found: list[Insight] = []
    for each in given:
        if isinstance(each, Insight):
            found.append(each)
        elif isinstance(each, list | tuple):
            found += flat(each)
        else:
            raise AlgorithmError(f"{each!r} is no insight; make one with Insight.price(...)")
    return found


def after_bars(hours: ExchangeHours, start_ns: int, step_ns: int, bars: int) -> int:
    """Return the time at which so many bars in which it trades are over (LEAN's GetEndTimeForTradeBars)."""
    now_ns = start_ns
    if step_ns == NS_PER_DAY:
        local = times.local(start_ns, hours.timezone)
        day = local.date()
        while bars:
            day = hours.next_trading_day(day)
            bars -= 1
        return times.to_ns(datetime.combine(day, local.time()), hours.timezone)
    while bars:
        if not hours.is_open_during(now_ns, now_ns + step_ns):
            now_ns += (hours.next_open(now_ns) - now_ns) // step_ns * step_ns  # over the closed ones at once
        now_ns += step_ns
        bars -= 1
    return now_ns


def after_period(hours: ExchangeHours, start_ns: int, period_ns: int) -> int:
    """Return the time at which so much trading is over; days are trading days (LEAN's ComputeCloseTime)."""
    step_ns = NS_PER_DAY if period_ns >= NS_PER_DAY else NS_PER_MINUTE
    step_ns = step_ns if period_ns >= NS_PER_MINUTE else NS_PER_SECOND
    bars, rest_ns = divmod(period_ns, step_ns)
    close_ns = after_bars(hours, start_ns, step_ns, bars)
    if step_ns == NS_PER_DAY and rest_ns:  # a part of a day is that part of a session
        session = hours.intervals(hours.next_trading_day(hours.local_date(close_ns)))
        rest_ns = rest_ns * sum(end_ns - begin_ns for begin_ns, end_ns in session) // NS_PER_DAY
    more = rest_ns // NS_PER_MINUTE
    return after_bars(hours, close_ns, NS_PER_MINUTE, more) if more else close_ns


def _until(period: Any) -> tuple[Until, timedelta | None]:
    """Return when an insight closes, and its period where that is known before."""
    if isinstance(period, timedelta):
        if period < timedelta(seconds=1):
            raise AlgorithmError("the period of an insight is one second at least")
        span_ns = times.span_ns(period)
        return lambda hours, now_ns: after_period(hours, now_ns, span_ns), period
    if isinstance(period, tuple):
        resolution, bars = period
        step_ns = STEPS[resolution]
        if resolution is Resolution.HOUR:  # 9 to 10 is an hour, but it opens at 9:30
            step_ns, bars = NS_PER_MINUTE, bars * 60
        if not 1 <= bars <= MOST_BARS:
            raise AlgorithmError(f"an insight takes 1 to {MOST_BARS} bars, not {bars}")
        return lambda hours, now_ns: after_bars(hours, now_ns, step_ns, int(bars)), None
    if isinstance(period, datetime):
        return _at(period), None
    if callable(period):
        return lambda hours, now_ns: _opening(hours, period(times.local(now_ns, hours.timezone))), None
    raise AlgorithmError(f"an insight ends after a timedelta, bars, or at a time; not at {period!r}")


def _at(local: datetime) -> Until:
    def until(hours: ExchangeHours, now_ns: int) -> int:
        if local >= END_OF_TIME:
            return times.to_ns(END_OF_TIME, hours.timezone)
        close_ns = _opening(hours, local)
        if close_ns < now_ns:
            raise AlgorithmError("Insight closeTimeLocal must not be in the past.")
        return close_ns

    return until


def _opening(hours: ExchangeHours, local: datetime) -> int:
    """Return a local time in UTC, or the next opening where it is closed then."""
    time_ns = times.to_ns(local, hours.timezone)
    return time_ns if hours.is_open(time_ns) else hours.next_open(time_ns)


def _noted(insight: Insight, core: CoreSymbol, now_ns: int, close_ns: int) -> NoteInsight:
    assert insight.id is not None, "it is complete"
    return NoteInsight(
        id=insight.id,
        time_ns=now_ns,
        close_ns=close_ns,
        symbol=core,
        kind=insight.type.name.lower(),
        direction=insight.direction.name.lower(),
        magnitude=_number(insight.magnitude),
        confidence=_number(insight.confidence),
        weight=_number(insight.weight),
        source=str(insight.source_model),
        group=insight.group_id or "",
        tag=str(insight.tag),
    )


def _number(value: Any) -> float | None:
    return None if value is None else float(value)
