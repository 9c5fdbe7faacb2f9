"""The past of a live deployment, and what of it there is not: told before anything is traded.

A warm-up that is silently short leaves indicators that look ready and are not. So every session that a stream
should have had is looked for, and a history that does not answer stops nothing: what is on this machine is
taken, and the rest is told.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final

from livetrader.histories.chain import HistoryChain
from livetrader.ipc.messages import ShortData
from livetrader_engine.calendar.hours import ExchangeHours
from livetrader_engine.data.bars import MarketPoint
from livetrader_engine.data.batches import Batch
from livetrader_engine.data.subscription import HistoryRequest, Subscription
from livetrader_engine.spi import VenueError
from livetrader_engine.symbols import NS_PER_MINUTE, Resolution

MAX_SHORT: Final = 100  # streams that are named; more are counted in the last one's words
QUIET_NS: Final = 30 * NS_PER_MINUTE  # a session that began so lately may have no data yet: delayed plans
MAX_SESSIONS: Final = 20_000  # looked at for one stream: eighty years
_ONE_DAY: Final = timedelta(days=1)


class ToldHistory:
    """A history for one warm-up that remembers which sessions had data. Owned by the engine's thread."""

    def __init__(self, chain: HistoryChain, until_ns: int) -> None:
        """`until_ns` is where the warm-up ends and live data begin."""
        self._chain = chain
        self._until_ns = until_ns
        self._asked: dict[Subscription, _Sessions] = {}

    def history(self, request: HistoryRequest) -> Iterator[MarketPoint]:
        """Yield the points of `batches`, one by one."""
        for batch in self.batches(request):
            yield from batch

    def batches(self, request: HistoryRequest) -> Iterator[Batch]:
        """Yield the past; where a history fails, what is stored. Raises DataError for unreadable files."""
        hours = self._chain.reference.hours(request.subscription.symbol)
        seen = self._asked.get(request.subscription)
        if seen is None:
            seen = self._asked[request.subscription] = _Sessions(hours, request.start_ns)
        answered = False
        try:
            for batch in self._chain.batches(request):
                answered = True
                seen.add(batch)
                yield batch
        except VenueError as error:
            seen.reason = str(error)
            if answered:
                return  # the finished dates were there: it was the date in progress that failed
            for batch in self._chain.stored(request):
                seen.add(batch)
                yield batch

    def short(self) -> tuple[ShortData, ...]:
        """Return the streams that lack sessions, in the order in which they were asked for."""
        found = [
            each
            for subscription, seen in self._asked.items()
            if not subscription.internal
            if (each := seen.short(subscription, self._until_ns)) is not None
        ]
        return tuple(found[:MAX_SHORT])


class _Sessions:
    """Which dates one stream had data of."""

    def __init__(self, hours: ExchangeHours, from_ns: int) -> None:
        self.reason = ""
        self._hours = hours
        self._from_ns = from_ns
        self._days: set[date] = set()
        self._low_ns = self._high_ns = 0  # of the date seen last

    def add(self, batch: Batch) -> None:
        """Note the dates of a batch."""
        for point in batch if batch[-1].time_ns >= self._high_ns else ():
            if not self._low_ns <= point.time_ns < self._high_ns:
                day = self._hours.local_date(point.time_ns)
                self._days.add(day)
                self._low_ns = self._hours.local_midnight(day)
                self._high_ns = self._hours.local_midnight(day + _ONE_DAY)

    def short(self, subscription: Subscription, until_ns: int) -> ShortData | None:
        """Return what is lacking, None where nothing is."""
        sessions = list(self._expected(subscription.resolution, until_ns))
        missing = [day for day in sessions if day not in self._days]
        if not missing:
            return None
        return ShortData(
            subscription,
            sessions=len(sessions),
            missing=len(missing),
            first_missing=missing[0].isoformat(),
            last_missing=missing[-1].isoformat(),
            reason=self.reason,
        )

    def _expected(self, resolution: Resolution, until_ns: int) -> Iterator[date]:
        """Yield the dates of sessions that lie in the span far enough to have left data."""
        day = self._hours.local_date(self._from_ns)
        last = self._hours.local_date(until_ns)
        for _ in range(MAX_SESSIONS):
            if day > last:
                return
            session = self._hours.session(day)
            if session is not None:
                begun_ns = session.close_ns if resolution is Resolution.DAILY else session.open_ns + QUIET_NS
                if session.close_ns > self._from_ns + QUIET_NS and begun_ns <= until_ns:
                    yield day
            day += _ONE_DAY
