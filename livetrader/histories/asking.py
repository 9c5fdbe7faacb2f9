"""Ask histories directly, without keeping what they answer: in their order, the first that has it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date

import msgspec

from livetrader.histories.filling import Lacking
from livetrader.histories.sources import Source, unanswered
from livetrader.histories.spans import bounds_ns
from livetrader_engine.calendar.hours import ExchangeHours
from livetrader_engine.data.bars import MarketPoint
from livetrader_engine.data.batches import Batch, batched, ending_within, while_open
from livetrader_engine.data.subscription import HistoryRequest, Normalization
from livetrader_engine.errors import DataError
from livetrader_engine.spi import PluginError, VenueError
from livetrader_engine.spi_data import DateSpan
from livetrader_engine.symbols import Resolution


class Asker:
    """Asks every history but the store; what fails is reported. Thread-safe as they are."""

    def __init__(
        self, others: Sequence[Source], preferred: Sequence[Source], report: Callable[..., None]
    ) -> None:
        """`others` in their order; `preferred` are those of them that stand before the store."""
        self._others = others
        self._directs = [source for source in others if source.downloader is None]
        self._preferred = [source for source in preferred if source.downloader is None]
        self._report = report

    @property
    def asks_directly(self) -> bool:
        """Whether there is a history that cannot be downloaded from."""
        return bool(self._directs)

    def preferred(self, request: HistoryRequest) -> list[MarketPoint] | None:
        """Return the answer of a history that is preferred to the store; None where there is none."""
        return self._first(self._preferred, request, [])

    def anybody(self, request: HistoryRequest) -> list[MarketPoint] | None:
        """Return anybody's answer; None where nobody has any. Raises VenueError where one may have."""
        trouble: list[Exception] = []
        points = self._first(self._others, request, trouble)
        if points is None:
            _raise_worst(error for error in trouble if isinstance(error, VenueError))
        return points

    def directly(self, request: HistoryRequest, gap: Lacking) -> list[MarketPoint]:
        """Return what is asked directly for dates that nobody could download.

        Raises VenueError where somebody did not answer, DataError with what to mend where nobody has it.
        """
        trouble: list[Exception] = []
        points = self._first(self._directs, request, trouble)
        if points is None:
            raise_if_unanswered(request, (gap,))
            _raise_worst(trouble)
        return points or []

    def in_progress(self, request: HistoryRequest, day: date, hours: ExchangeHours) -> Iterator[Batch]:
        """Yield what there is of a date that is not over: the newest factor is one, so raw prices do."""
        subscription = request.subscription
        if subscription.resolution is Resolution.DAILY and not subscription.precise_daily:
            return  # its bar is not over before the date is
        start_ns = max(request.start_ns, bounds_ns(DateSpan(day, day), hours)[0])
        part = msgspec.structs.replace(request, start_ns=start_ns)
        trouble: list[Exception] = []
        for source in self._others:
            points = self._today_of(source, part, trouble)
            if points is not None:
                open_only = while_open(batched(points), hours, subscription.extended_market_hours)
                yield from ending_within(open_only, start_ns, request.end_ns)
                return
        _raise_worst(trouble)

    def _today_of(
        self, source: Source, request: HistoryRequest, trouble: list[Exception]
    ) -> list[MarketPoint] | None:
        """Return one history's answer for a part of today: downloading would bring all of it."""
        subscription = request.subscription
        kind = (subscription.symbol, subscription.resolution, subscription.tick_type)
        if source.downloader is None:
            return self._first((source,), request, trouble)
        if not source.downloads(*kind):
            return None
        raw = msgspec.structs.replace(subscription, normalization=Normalization.RAW)
        heard: list[Exception] = []
        points = self._first((source,), msgspec.structs.replace(request, subscription=raw), heard)
        # what somebody who could be downloaded from does not have is no trouble: that is said once
        trouble += (error for error in heard if isinstance(error, VenueError))
        return points

    def _first(
        self, sources: Iterable[Source], request: HistoryRequest, trouble: list[Exception]
    ) -> list[MarketPoint] | None:
        """Return the first whole answer, None where there is none; what was wrong goes to `trouble`."""
        for source in sources:
            try:
                return list(source.plugin.history(request))
            except (DataError, PluginError) as error:
                trouble.append(unanswered(error) if isinstance(error, PluginError) else error)
                self._tell(source, request, error)
        return None

    def _tell(self, source: Source, request: HistoryRequest, error: Exception) -> None:
        symbol = request.subscription.symbol.value
        self._report(
            "history_failed", level="warning", history=source.name, symbol=symbol, problem=str(error)
        )


def raise_if_unanswered(request: HistoryRequest, lacking: Sequence[Lacking]) -> None:
    """Raise VenueError where dates are lacking that somebody may have who did not answer."""
    for gap in lacking:
        if gap.again:
            subscription = request.subscription
            raise VenueError(
                f"{subscription.symbol.value}: no {subscription.resolution.name.lower()} data from"
                f" {gap.dates.first} to {gap.dates.last}: {gap.reason}; try again later, or name another"
                " [[history]]"
            )


def _raise_worst(trouble: Iterable[Exception]) -> None:
    """Raise what may be over later, else what somebody has to mend, where there is either."""
    for error in sorted(trouble, key=lambda error: not isinstance(error, VenueError)):
        raise error
