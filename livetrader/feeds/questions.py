"""What is asked of history while trading: what a stream lacks, and whether its silence is a quiet market.

History blocks, so each question runs in a thread, with a deadline; a few at once. Whatever goes wrong there
is an answer that did not come: the ladder goes on without it.

A silence is real up to where history is known to be current and has nothing of the stream. How current it is
shows in what it has of something else on the same tape: of the stream that was heard last, and where none was
heard just now, of a witness (witnesses.py). It is asked for first, so history knows no less of the stream.

What is proven ends where the newest thing of that other instrument begins, whenever the answer comes. So a
history that stands still proves nothing of the time after: ladder.py says what follows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from itertools import islice
from typing import Final, NamedTuple, Protocol

import msgspec

from livetrader.daemon_threads import DaemonThreads
from livetrader.feeds.board import Board, Stream
from livetrader.feeds.counting import FeedCounts
from livetrader.feeds.errands import HandOn
from livetrader.feeds.gaps import Bar, Filled
from livetrader.feeds.ladder import Rung
from livetrader.feeds.shown import Shown
from livetrader.settings import Backfill, FreshnessSettings
from livetrader.witnesses import Tape, tape_of, watched_as, witnesses_of
from livetrader_engine.data.bars import MarketPoint, QuoteBar, TradeBar
from livetrader_engine.data.subscription import HistoryRequest, Normalization, Subscription, TickType
from livetrader_engine.errors import DataError
from livetrader_engine.ports import HistoryProvider, ReferenceData
from livetrader_engine.spi import VenueError
from livetrader_engine.symbols import NS_PER_SECOND, Resolution

WORKERS: Final = 4  # questions at once: a venue's history allows not many more, and the loop needs the core
HANGING_MOST: Final = 4 * WORKERS  # threads of which the last ones are waited for; then nobody is asked
POINTS_LIMIT: Final = 50_000  # of one answer: two weeks of minutes; a gap is not longer
SETTLED_NS: Final = 5 * NS_PER_SECOND  # after one stream's bar is there, those of all others are
TOLERANCE_NS: Final = 2 * NS_PER_SECOND  # between the exchange's stamp and the arrival of a tick
REFERENCE_NS: Final = 60 * NS_PER_SECOND  # how far back the reference is asked for
REFERENCE_KEPT_NS: Final = 5 * NS_PER_SECOND  # one answer does for all that fell silent together
WITNESS_REST_NS: Final = 60 * NS_PER_SECOND  # for one that history has nothing of in REFERENCE_NS: it lags
FAILURE_TOLD_NS: Final = 60 * NS_PER_SECOND  # between two log records of a history that does not answer


class QuestionPorts(Protocol):
    """What of the chain's ports is used here."""

    @property
    def history(self) -> HistoryProvider: ...
    @property
    def reference(self) -> ReferenceData: ...
    @property
    def rules(self) -> FreshnessSettings: ...
    @property
    def spawn(self) -> Callable[[str, Coroutine[object, object, None]], None]: ...
    @property
    def now_ns(self) -> Callable[[], int]: ...
    @property
    def report(self) -> Callable[..., None]: ...


class _Newest(NamedTuple):
    """When the newest thing in history begins and ends, both 0 where there is nothing, and how fine it tells.

    `period_ns`: of the bars, 1 for ticks. Of a period that has not ended yet nothing may be told.
    """

    start_ns: int
    end_ns: int
    period_ns: int


class _Answer(NamedTuple):
    """What history has, ascending; None for no answer. `is_had`: for all that is known it has such data."""

    points: Sequence[MarketPoint] | None
    is_had: bool = True


class Questions:
    """Owns the threads that ask, and what history has shown. On the loop's thread."""

    def __init__(self, board: Board, ports: QuestionPorts, counts: FeedCounts, hand_on: HandOn) -> None:
        self._board = board
        self._ports = ports
        self._counts = counts
        self._hand_on = hand_on
        self._threads = DaemonThreads("history of feeds")  # one that hangs must not hold the daemon's end up
        self._busy: set[object] = set()  # a token of each thread; for some nobody waits any more
        self._turns = asyncio.Semaphore(WORKERS)
        self._shown = Shown()
        self._referred_ns: dict[Tape, int] = {}
        self._tickers = witnesses_of(ports.rules.witness)
        self._witnesses: dict[Tape, Subscription | None] = {}  # as far as they were looked up
        self._hearings: dict[Tape, asyncio.Lock] = {}
        self._heard_again_ns: dict[Tape, int] = {}  # a witness is not asked for before
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

    # -- what is missing ---------------------------------------------------------------------------------

    async def _fill(self, stream: Stream, start_ns: int, end_ns: int) -> None:
        try:
            points = (await self._ask(stream.subscription, start_ns, end_ns)).points
        finally:
            stream.asking = False
        self._answers.append((stream, points))
        if not self._hearing_of(stream).locked():  # for the next look: what it shows has to settle
            await self._current_now_ns(stream, 0)

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
                current_ns = self._shown.current_ns(tape_of(stream.subscription.symbol), now_ns - SETTLED_NS)
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
            news_ns = stream.watch.news_ns
            filled_ns = 0 if stream.track is None else stream.track.filled_ns
            # what began before the end of what was put in place is no news any more
            after_ns = max(news_ns + TOLERANCE_NS, filled_ns - 1)
            known_ns = max(after_ns, stream.watch.base_ns)
            current_ns = await self._current_now_ns(stream, known_ns)
            newest = await self._newest(stream.subscription, news_ns - TOLERANCE_NS, ticks=True)
            if newest is None:
                return
            if newest.start_ns > after_ns:
                if newest.start_ns > self._board.server_of(stream).up_ns:  # since it was connected
                    self.proven(stream, None)
                return
            told_ns = current_ns - current_ns % newest.period_ns
            if told_ns > known_ns and newest.end_ns <= after_ns + NS_PER_SECOND:
                self.proven(stream, told_ns)  # a longer bar may be made of what was not heard, too
        finally:
            stream.proving = False

    def _hearing_of(self, stream: Stream) -> asyncio.Lock:
        return self._hearings.setdefault(tape_of(stream.subscription.symbol), asyncio.Lock())

    async def _current_now_ns(self, doubted: Stream, known_ns: int) -> int:
        """Ask up to where history has everything, as far as others show it; 0 for unknown.

        Where that is no news, it lies before `known_ns`, all others are asked. One answer does for all that
        fell silent together: who comes meanwhile waits for it.
        """
        async with self._hearing_of(doubted):
            current_ns = 0
            lately_ns = self._ports.now_ns() - REFERENCE_KEPT_NS
            if next(self._others(doubted, lately_ns), None) is None:
                current_ns = await self._witness_ns(doubted)
            if current_ns <= known_ns:
                current_ns = await self._reference_ns(doubted)
        return current_ns

    async def _reference_ns(self, doubted: Stream) -> int:
        """Return up to where history has everything, as far as another stream shows it; 0 for unknown."""
        tape, now_ns = tape_of(doubted.subscription.symbol), self._ports.now_ns()
        if now_ns - self._referred_ns.get(tape, 0) >= REFERENCE_KEPT_NS:
            best = max(self._others(doubted, 0), key=self._heard_ns, default=None)
            if best is not None:
                self._referred_ns[tape] = now_ns
                await self._newest(best.subscription, self._heard_ns(best) - REFERENCE_NS)
        return self._shown.current_ns(tape, self._ports.now_ns())

    def _others(self, doubted: Stream, since_ns: int) -> Iterator[Stream]:
        """Yield the other streams of a tape that are fresh and were heard since an instant."""
        tape = tape_of(doubted.subscription.symbol)
        for stream in self._board.streams.values():
            alike = stream is not doubted and tape_of(stream.subscription.symbol) == tape
            if alike and stream.watch.rung is Rung.FRESH and self._heard_ns(stream) > since_ns:
                yield stream

    def _heard_ns(self, stream: Stream) -> int:
        return self._board.heard_ns(stream, self._board.server_of(stream)) or 0

    async def _witness_ns(self, doubted: Stream) -> int:
        """Return up to where history has everything, as far as the tape's witness shows it; 0 for unknown."""
        tape, now_ns = tape_of(doubted.subscription.symbol), self._ports.now_ns()
        witness = await self._witness(tape)
        is_itself = witness is not None and witness.symbol == doubted.subscription.symbol
        if witness is not None and not is_itself and now_ns >= self._heard_again_ns.get(tape, 0):
            newest = await self._newest(witness, now_ns - REFERENCE_NS)
            has_nothing = newest is not None and not newest.end_ns
            rest_ns = WITNESS_REST_NS if has_nothing else REFERENCE_KEPT_NS
            self._heard_again_ns[tape] = self._ports.now_ns() + rest_ns
        return self._shown.current_ns(tape, self._ports.now_ns())

    async def _witness(self, tape: Tape) -> Subscription | None:
        """Return what a tape's witness is asked for as, None where it has none."""
        if tape not in self._witnesses:
            ticker, witness = self._tickers.get(tape), None
            if ticker is not None:
                try:
                    symbol = await asyncio.to_thread(self._ports.reference.symbol, ticker, *tape)
                    witness = watched_as(symbol)
                except DataError as error:
                    self._ports.report("no_witness", witness=ticker, market=tape.market, error=str(error))
            self._witnesses[tape] = witness
        return self._witnesses[tape]

    async def _newest(
        self, subscription: Subscription, start_ns: int, *, ticks: bool = False
    ) -> _Newest | None:
        """Return the newest thing in history since an instant, None where nobody answered.

        `ticks`: a trade that makes no bar is news, too; where history has no ticks, bars have to do.
        """
        first = (Resolution.TICK,) if ticks else ()
        kind = TickType.QUOTE if subscription.tick_type is TickType.QUOTE else TickType.TRADE
        for resolution in (*first, Resolution.SECOND, Resolution.MINUTE):
            wanted = msgspec.structs.replace(subscription, resolution=resolution, tick_type=kind)
            points, is_had = await self._ask(wanted, start_ns, self._ports.now_ns())
            if points is not None:
                ends = (points[-1].time_ns, points[-1].end_time_ns) if points else (0, 0)
                return _Newest(*ends, max(resolution.period_ns, 1))
            if is_had and resolution is Resolution.TICK:
                break  # it will answer another time, and bars do not show every trade
        return None

    # -- asking ------------------------------------------------------------------------------------------

    async def _ask(self, subscription: Subscription, start_ns: int, end_ns: int) -> _Answer:
        """Return what history has in (start_ns, end_ns]."""
        raw = msgspec.structs.replace(subscription, normalization=Normalization.RAW, fill_forward=False)
        request = HistoryRequest(raw, start_ns, end_ns)
        async with self._turns:
            if len(self._busy) >= HANGING_MOST:
                self._failed(request, f"{HANGING_MOST} questions before it have not been answered yet")
                return _Answer(None)
            self._counts.history_questions += 1
            try:
                async with asyncio.timeout(self._ports.rules.history_limit_s):
                    loop = asyncio.get_running_loop()
                    points = await loop.run_in_executor(self._threads, self._read, request)
            except TimeoutError:
                self._failed(request, f"no answer within {self._ports.rules.history_limit_s:g} s")
            except VenueError as error:
                self._failed(request, str(error))
            except DataError as error:
                self._failed(request, str(error))
                return _Answer(None, is_had=False)
            except Exception as error:  # noqa: BLE001 — boundary: a history is somebody else's code, in a thread
                self._failed(request, repr(error), exc_info=True)
            else:
                if points:
                    self._shown.note(subscription, points[-1].time_ns, self._ports.now_ns())
                elif not self._shown.has(subscription):
                    return _Answer(None, is_had=False)  # for all that is known
                return _Answer(points)
        return _Answer(None)

    def _read(self, request: HistoryRequest) -> Sequence[MarketPoint]:
        """Read an answer whole. Runs in a thread."""
        token = object()
        self._busy.add(token)
        try:
            return list(islice(self._ports.history.history(request), POINTS_LIMIT))
        finally:
            self._busy.discard(token)

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
