"""Download what the store lacks, piece by piece, from the first history that has it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec

from livetrader.histories.sources import Source, Store
from livetrader.histories.spans import days_of, pieces
from livetrader_engine.data.bars import MarketPoint
from livetrader_engine.errors import DataError
from livetrader_engine.spi import PluginError, VenueError
from livetrader_engine.spi_data import DateSpan, Downloader, DownloadRequest

MAX_REPORTED = 256  # kinds of data that nobody has, told once each; beyond them nothing is told twice either


class Filling(NamedTuple):
    """How far a download has come: dates that are there of those that were lacking, and who brings them."""

    done: int
    total: int
    provider: str
    points: int


class Lacking(NamedTuple):
    """Dates that are not stored, and why: everybody's words. `again`: they may be had later."""

    dates: DateSpan
    reason: str
    again: bool


Progress = Callable[[Filling], None]


class Filler:
    """Fills the store. Thread-safe: of two threads one downloads, and the other finds it."""

    def __init__(self, store: Store, sources: Sequence[Source], report: Callable[..., None]) -> None:
        self._store = store
        self._sources = sources
        self._report = report
        self._lock = threading.RLock()
        self._told: set[tuple[object, ...]] = set()

    def fill(self, request: DownloadRequest, progress: Progress | None = None) -> tuple[Lacking, ...]:
        """Store what is lacking of a request; return what is lacking still.

        What was stored before a failure stays. Raises DataError for what has no place in the store.
        """
        try:
            if not self._store.data.gaps(request):
                return ()
            return self._filled(request, progress)
        except OSError as error:  # nobody can tell what is there
            self._tell(self._store.name, request, error)
            return (Lacking(request.dates, unusable(error), again=True),)

    def _filled(self, request: DownloadRequest, progress: Progress | None) -> tuple[Lacking, ...]:
        with self._lock:
            gaps = self._store.data.gaps(request)
            total, done, points = sum(map(days_of, gaps)), 0, 0
            lacking: list[Lacking] = []
            for gap in gaps:
                for dates in pieces(gap, request.resolution):
                    piece = msgspec.structs.replace(request, dates=dates)
                    found = self._piece(piece, _Told(progress, done, total, points))
                    done += days_of(dates)
                    if isinstance(found, Lacking):
                        lacking.append(found)
                    else:
                        points += found[1]
                    if progress is not None:
                        name = found[0] if not isinstance(found, Lacking) else ""
                        progress(Filling(done, total, name, points))
            return tuple(lacking)

    def _piece(self, request: DownloadRequest, told: _Told) -> tuple[str, int] | Lacking:
        """Store one piece; return who brought it and how many points, or why nobody did."""
        reasons: list[str] = []
        again = False
        for source in self._sources:
            downloader = source.downloader
            if downloader is None or not source.downloads(
                request.symbol, request.resolution, request.tick_type
            ):
                continue
            try:
                points = told.counted(source.name, points_of(downloader, request))
                served = self._store.data.store(source.name, request, points)
                return source.name, served.points
            except (DataError, PluginError) as error:
                # a DataError of the store itself (a point that it cannot write) is about this source, too
                reasons.append(f"{source.name}: {error}")
                again = again or isinstance(error, PluginError)
                self._tell(source.name, request, error)
            except OSError as error:
                reasons.append(unusable(error))
                again = True
                self._tell(source.name, request, error)
                break
        return Lacking(request.dates, "; ".join(reasons), again)

    def _tell(self, name: str, request: DownloadRequest, error: Exception) -> None:
        kind = (name, request.symbol, request.resolution, request.tick_type, type(error))
        if kind in self._told or len(self._told) >= MAX_REPORTED:
            return
        self._told.add(kind)
        self._report(
            "history_download_failed",
            level="warning",
            history=name,
            symbol=request.symbol.value,
            resolution=request.resolution.name.lower(),
            first=request.dates.first.isoformat(),
            last=request.dates.last.isoformat(),
            problem=str(error),
        )


class _Told(NamedTuple):
    """Tells how a piece comes along, point by point, but not too often."""

    progress: Progress | None
    done: int
    total: int
    points: int

    def counted(self, name: str, points: Iterable[MarketPoint]) -> Iterator[MarketPoint]:
        count = self.points
        for point in points:
            count += 1
            if self.progress is not None and count % POINTS_PER_WORD == 0:
                self.progress(Filling(self.done, self.total, name, count))
            yield point


def unusable(error: OSError) -> str:
    """Return what to say of a data folder on a disk that fails, or that is somebody else's."""
    return f"the data folder cannot be written ({error}): let this user write it, and look at its disk"


POINTS_PER_WORD = 10_000  # between two words on progress: some a second


def points_of(downloader: Downloader, request: DownloadRequest) -> Iterator[MarketPoint]:
    """Yield what is downloaded. Raises VenueError for points out of order: a part that was repeated."""
    newest_ns = -1
    for point in downloader.download(request):
        if point.end_time_ns < newest_ns:
            raise VenueError(
                f"{request.symbol.value}: a point of {point.end_time_ns} ns came after one of {newest_ns} ns;"
                " nothing of it is kept"
            )
        newest_ns = point.end_time_ns
        yield point
