"""What is asked of history while trading: what a stream lacks, and whether its silence is a quiet market.

History blocks, so each question runs in a thread, with a deadline; a few at once. Whatever goes wrong there
is an answer that did not come: the ladder goes on without it.

A silence is real where history is known to be current beyond it and has nothing of the stream since. How
current it is shows in what it has of the stream that was heard last: that one did trade. Where nothing else
trades, it is what it was a moment ago: how soon it had what we heard. A history that lacks what we heard
lags, and proves nothing until it is seen to have it again. One that stands still since feed and market fell
silent looks current: so the moment is short, and where a crowd is silent at once it counts for nothing.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Final, Protocol

import msgspec

from livetrader.feeds.board import Board, Stream
from livetrader.feeds.counting import FeedCounts
from livetrader.feeds.errands import HandOn
from livetrader.feeds.gaps import Bar, Filled
from livetrader.feeds.ladder import CROWD, SILENT, Rung
from livetrader.settings import Backfill, FreshnessSettings
from livetrader_engine.data.bars import MarketPoint, QuoteBar, TradeBar
from livetrader_engine.data.subscription import HistoryRequest, Normalization, Subscription, TickType
from livetrader_engine.errors import DataError
from livetrader_engine.ports import HistoryProvider
from livetrader_engine.spi import VenueError
from livetrader_engine.symbols import NS_PER_SECOND, Resolution, SecurityType

WORKERS: Final = 4  # questions at once: a venue's history allows not many more, and the loop needs the core
POINTS_LIMIT: Final = 50_000  # of one answer: two weeks of minutes; a gap is not longer
SETTLED_NS: Final = 5 * NS_PER_SECOND  # after one stream's bar is there, those of all others are
TOLERANCE_NS: Final = 2 * NS_PER_SECOND  # between the exchange's stamp and the arrival of a tick
REFERENCE_NS: Final = 60 * NS_PER_SECOND  # how far back the reference is asked for
REFERENCE_KEPT_NS: Final = 5 * NS_PER_SECOND  # one answer does for all that fell silent together
LAG_KEPT_NS: Final = 60 * NS_PER_SECOND  # so long a lag that was seen is believed without another look
SEEN_KEPT: Final = 64
FAILURE_TOLD_NS: Final = 60 * NS_PER_SECOND  # between two log records of a history that does not answer


class QuestionPorts(Protocol):
    """What of the chain's ports is used here."""

    @property
    def history(self) -> HistoryProvider: ...
    @property
    def rules(self) -> FreshnessSettings: ...
    @property
    def spawn(self) -> Callable[[str, Coroutine[object, object, None]], None]: ...
    @property
    def now_ns(self) -> Callable[[], int]: ...
    @property
    def report(self) -> Callable[..., None]: ...


class Questions:
    """Owns the threads that ask, and what is known of how current history is. On the loop's thread."""

    def __init__(self, board: Board, ports: QuestionPorts, counts: FeedCounts, hand_on: HandOn) -> None:
        self._board = board
        self._ports = ports
        self._counts = counts
        self._hand_on = hand_on
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="history of feeds")
        self._turns = asyncio.Semaphore(WORKERS)
        self._seen: dict[SecurityType, deque[tuple[int, int]]] = {}  # (when seen, newest start), ascending
        self._referred_ns: dict[SecurityType, int] = {}
        self._lags: dict[SecurityType, tuple[int, int]] = {}  # (the least that was seen, when)
        self._answers: list[tuple[Stream, Sequence[MarketPoint] | None]] = []
        self._failed_ns = 0
        self.proven: Callable[[Stream, int | None], None] = lambda stream, until_ns: None
        self.filled: Callable[[Stream, Filled, bool], None] = lambda stream, filled, loud: None

    def prove(self, stream: Stream) -> None:
        """Ask whether a silence is real; `proven` hears of it, unless nothing can be proven."""
        if not stream.proving:
            stream.proving = True
            self._ports.spawn("proof of silence", self._prove(stream))

    def look(self, now_ns: int) -> None:
        """Put answers in place, and ask for what is missing and due."""
        if self._answers:
            answers, self._answers = self._answers, []
            self._ports.spawn("feed back-fill", self._hand_on(lambda: self._placed(answers)))
        if self._ports.rules.backfill is not Backfill.BARS:
            return
        for stream in self._board.streams.values():
            if stream.track is None or stream.track.gap is None or stream.asking:
                continue
            span = stream.track.wants(now_ns)
            if span is not None:
                stream.asking = True
                self._ports.spawn("feed back-fill", self._fill(stream, *span))

    def close(self) -> None:
        """Ask nothing more; what is asked already runs out by itself."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    # -- what is missing ---------------------------------------------------------------------------------

    async def _fill(self, stream: Stream, start_ns: int, end_ns: int) -> None:
        try:
            await self._reference_ns(stream, stream.subscription.symbol.security_type)
            points = await self._ask(stream.subscription, start_ns, end_ns)
        finally:
            stream.asking = False
        self._answers.append((stream, points))

    def _placed(
        self, answers: Iterable[tuple[Stream, Sequence[MarketPoint] | None]]
    ) -> list[tuple[Stream, Sequence[Bar]]]:
        """Put answers into their gaps; return what goes on."""
        now_ns = self._ports.now_ns()
        placed: list[tuple[Stream, Sequence[Bar]]] = []
        for stream, points in answers:
            track = stream.track
            if (
                track is None
                or track.gap is None
                or self._board.streams.get(stream.subscription) is not stream
            ):
                continue
            loud = track.gap.loud
            if points is None:
                filled = track.expired(now_ns)
            else:
                bars = [point for point in points if isinstance(point, TradeBar | QuoteBar)]
                current_ns = self._current_ns(stream.subscription.symbol.security_type, now_ns - SETTLED_NS)
                filled = track.fill(bars, current_ns, now_ns)
            self._counts.backfilled_bars += filled.from_history
            self._counts.missing_bars += filled.missing if loud else 0
            self.filled(stream, filled, loud)
            if filled.bars:
                placed.append((stream, filled.bars))
        return placed

    # -- what silence means ------------------------------------------------------------------------------

    async def _prove(self, stream: Stream) -> None:
        try:
            kind = stream.subscription.symbol.security_type
            heard_ns = stream.watch.heard_ns or stream.watch.base_ns
            current_ns = await self._reference_ns(stream, kind)
            asked_ns = self._ports.now_ns()
            newest_ns = await self._newest_ns(stream.subscription, heard_ns - TOLERANCE_NS, ticks=True)
            if newest_ns is None:
                return
            if newest_ns > heard_ns + TOLERANCE_NS:
                self.proven(stream, None)
                return
            if stream.watch.heard_ns is not None and not self._is_crowd_silent(kind):
                current_ns = max(current_ns, self._by_lag_ns(kind, asked_ns, heard_ns, newest_ns))
            if current_ns > heard_ns + TOLERANCE_NS:
                self.proven(stream, current_ns)
        finally:
            stream.proving = False

    async def _reference_ns(self, doubted: Stream, kind: SecurityType) -> int:
        """Return up to where history has everything, as far as another stream shows it; 0 for unknown."""
        now_ns = self._ports.now_ns()
        if now_ns - self._referred_ns.get(kind, 0) >= REFERENCE_KEPT_NS:
            best: Stream | None = None
            best_ns = 0
            for stream in self._board.streams.values():
                heard_ns = stream.watch.heard_ns or 0
                alike = stream.subscription.symbol.security_type is kind and stream is not doubted
                if alike and stream.watch.rung is Rung.FRESH and heard_ns > best_ns:
                    best, best_ns = stream, heard_ns
            if best is not None:
                self._referred_ns[kind] = now_ns
                await self._newest_ns(best.subscription, best_ns - REFERENCE_NS)
        return self._current_ns(kind, self._ports.now_ns())

    def _is_crowd_silent(self, kind: SecurityType) -> bool:
        """Whether so many are silent, and none is heard, that this is no quiet market."""
        streams = [
            each for each in self._board.streams.values() if each.subscription.symbol.security_type is kind
        ]
        silent = sum(each.watch.rung in SILENT for each in streams)
        return silent >= CROWD and not any(each.watch.rung is Rung.FRESH for each in streams)

    def _by_lag_ns(self, kind: SecurityType, asked_ns: int, heard_ns: int, newest_ns: int) -> int:
        """Return up to where history is current by what it lagged of late, 0 where that is not known."""
        known = self._lags.get(kind)
        if newest_ns < heard_ns - TOLERANCE_NS:
            self._lags.pop(kind, None)
            return 0
        lag_ns = asked_ns - heard_ns
        if known is None or lag_ns <= known[0] or asked_ns - known[1] >= LAG_KEPT_NS:
            self._lags[kind] = (lag_ns, asked_ns)
            return 0 if known is None or asked_ns - known[1] >= LAG_KEPT_NS else asked_ns - known[0]
        return asked_ns - known[0]

    async def _newest_ns(
        self, subscription: Subscription, start_ns: int, *, ticks: bool = False
    ) -> int | None:
        """Return when the newest thing in history began, 0 for nothing, None where nobody answered.

        `ticks`: a trade that makes no bar is news, too; where history has no ticks, bars have to do.
        """
        first = (Resolution.TICK,) if ticks else ()
        for resolution in (*first, Resolution.SECOND, Resolution.MINUTE):
            kind = TickType.QUOTE if subscription.tick_type is TickType.QUOTE else TickType.TRADE
            wanted = msgspec.structs.replace(subscription, resolution=resolution, tick_type=kind)
            points = await self._ask(wanted, start_ns, self._ports.now_ns())
            if points is not None:
                return points[-1].time_ns if points else 0
        return None

    # -- asking ------------------------------------------------------------------------------------------

    async def _ask(
        self, subscription: Subscription, start_ns: int, end_ns: int
    ) -> Sequence[MarketPoint] | None:
        """Return what history has in (start_ns, end_ns], None where it does not answer."""
        raw = msgspec.structs.replace(subscription, normalization=Normalization.RAW, fill_forward=False)
        request = HistoryRequest(raw, start_ns, end_ns)
        async with self._turns:
            self._counts.history_questions += 1
            try:
                async with asyncio.timeout(self._ports.rules.history_limit_s):
                    loop = asyncio.get_running_loop()
                    points = await loop.run_in_executor(self._pool, _read, self._ports.history, request)
            except TimeoutError:
                self._failed(request, f"no answer within {self._ports.rules.history_limit_s:g} s")
            except (VenueError, DataError) as error:
                self._failed(request, str(error))
            except Exception as error:  # noqa: BLE001 — boundary: a history is somebody else's code, in a thread
                self._failed(request, repr(error), exc_info=True)
            else:
                if points:
                    self._note(subscription.symbol.security_type, points[-1].time_ns)
                return points
        return None

    def _failed(self, request: HistoryRequest, error: str, *, exc_info: bool = False) -> None:
        self._counts.history_failures += 1
        now_ns = self._ports.now_ns()
        if now_ns - self._failed_ns < FAILURE_TOLD_NS:
            return
        self._failed_ns = now_ns
        symbol, resolution = request.subscription.symbol.value, request.subscription.resolution.name
        self._ports.report(
            "history_not_answered", level="warning", symbol=symbol, resolution=resolution, error=error,
            exc_info=exc_info,
        )  # fmt: skip

    def _note(self, kind: SecurityType, start_ns: int) -> None:
        """Take note that history has something that began then: so it has what was before."""
        seen = self._seen.setdefault(kind, deque(maxlen=SEEN_KEPT))
        if not seen or start_ns > seen[-1][1]:
            seen.append((self._ports.now_ns(), start_ns))

    def _current_ns(self, kind: SecurityType, seen_until_ns: int) -> int:
        """Return up to where history was seen to be, by what was seen until an instant."""
        starts = [start_ns for seen_ns, start_ns in self._seen.get(kind, ()) if seen_ns <= seen_until_ns]
        return max(starts, default=0)


def _read(history: HistoryProvider, request: HistoryRequest) -> Sequence[MarketPoint]:
    """Read an answer whole. Runs in a thread."""
    return list(islice(history.history(request), POINTS_LIMIT))
