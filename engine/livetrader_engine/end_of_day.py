"""Call the algorithm shortly before each security's regular session ends."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date, timedelta
from typing import Final

from livetrader_engine.ports import Clock
from livetrader_engine.schedule.rules import DateRule, TimeRule
from livetrader_engine.schedule.scheduler import ScheduledEvent, Scheduler
from livetrader_engine.securities import Security
from livetrader_engine.subscriptions import SecurityChanges
from livetrader_engine.symbols import NS_PER_MINUTE, Symbol

BEFORE_CLOSE_NS: Final = 10 * NS_PER_MINUTE  # LEAN: ScheduledEvent.SecurityEndOfDayDelta


class EndOfDay:
    """Keeps one scheduled event per security. Owned by the engine; `call` gets the symbol."""

    def __init__(self, scheduler: Scheduler, clock: Clock, call: Callable[[Symbol], None]) -> None:
        self._scheduler = scheduler
        self._clock = clock
        self._call = call
        self._events: dict[Symbol, ScheduledEvent] = {}

    def follow(self, changes: SecurityChanges) -> None:
        """Begin for securities that came, end for those that went."""
        for security in changes.removed:
            scheduled = self._events.pop(security.symbol, None)
            if scheduled is not None:
                scheduled.remove()
        for security in changes.added:
            if security.symbol not in self._events:
                self._events[security.symbol] = self._add(security)

    def _add(self, security: Security) -> ScheduledEvent:
        symbol, hours = security.symbol, security.hours

        def dates(start: date, end: date) -> Iterator[date]:
            day = start
            while day <= end:
                if hours.is_trading_day(day):
                    yield day
                day += timedelta(days=1)

        def times(day: date) -> Iterable[int]:
            session = hours.session(day)
            return () if session is None else (session.close_ns - BEFORE_CLOSE_NS,)

        return self._scheduler.add(
            f"{symbol.value} end of day",
            DateRule("trading days", dates),
            TimeRule("before close", times),
            lambda _name, _due_ns: self._call(symbol),
            self._clock.now_ns,
        )
