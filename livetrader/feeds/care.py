"""Looks after every stream once a second: what the ladder wishes is asked for, marked, handed over.

The decisions are in ladder.py and gaps.py; this file carries them out. Nothing here waits: what has to be
asked of plugins and of history goes to tasks of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol

from livetrader.feeds.board import Board, Source, Stream
from livetrader.feeds.counting import FeedCounts
from livetrader.feeds.errands import Errands, HandOn
from livetrader.feeds.gaps import Bar, Filled
from livetrader.feeds.ladder import (
    CROWD,
    SILENT,
    Moment,
    Rung,
    Verdict,
    Wish,
    caught_up,
    doubted,
    look,
    missed,
    quiet,
)
from livetrader.feeds.marks import Marks
from livetrader.feeds.questions import Questions
from livetrader.feeds.serving import Serving
from livetrader.feeds.words import Announcer, Scene
from livetrader.settings import FreshnessSettings
from livetrader.telemetry.notifications import Notify
from livetrader_engine.data.subscription import Subscription
from livetrader_engine.spi_data import BarsMissing
from livetrader_engine.symbols import NS_PER_SECOND

RECONNECT_MOST_S: Final = 3600.0  # between two connections that silence costs, though none of them helps
MISSED_KEPT_NS: Final = 60 * NS_PER_SECOND  # so long what a feed missed in one stream makes others suspect


class CarePorts(Protocol):
    """What of the chain's ports is used here."""

    @property
    def rules(self) -> FreshnessSettings: ...
    @property
    def spawn(self) -> Callable[[str, Coroutine[object, object, None]], None]: ...
    @property
    def now_ns(self) -> Callable[[], int]: ...
    @property
    def report(self) -> Callable[..., None]: ...
    @property
    def notify(self) -> Notify: ...


@dataclass(slots=True)
class _Facts:
    """What is true of a feed at one look."""

    streams: int = 0
    newest_ns: int = 0
    may_reconnect: bool = False


class StreamCare:
    """Owns the marks, and moves streams between feeds. Belongs to the loop's thread."""

    def __init__(
        self,
        board: Board,
        ports: CarePorts,
        counts: FeedCounts,
        questions: Questions,
        hand_on: HandOn,
    ) -> None:
        self._board = board
        self._ports = ports
        self._counts = counts
        self._questions = questions
        self.announcer = Announcer([source.name for source in board.sources])
        self._errands = Errands(board, ports, hand_on)
        self._serving = Serving(board, ports, counts, self._errands)
        self.marks = Marks()

    def look(self) -> None:
        """Judge every stream, and start what follows."""
        now_ns = self._ports.now_ns()
        seen = [self._seen(stream, now_ns) for stream in self._board.streams.values()]
        facts = [self._facts(source, seen, now_ns) for source in self._board.sources]
        for stream, is_open, heard_ns in seen:
            if self._is_well(stream, is_open, heard_ns, now_ns):
                continue
            if stream.is_watched and not self._board.is_refused(stream):
                source = self._board.server_of(stream)
                moment = self._moment(source, facts[source.index], is_open, heard_ns, now_ns)
                self._apply(stream, look(stream.watch, moment, self._ports.rules), now_ns)
                self._serving.look_ahead(stream, is_open, now_ns)
            self._settle_mark(stream, now_ns)
        for source in self._board.sources:
            source.plain = source.watched is not None and self._serving.is_plain(source, now_ns)
        self._questions.look(now_ns)
        self._tell(now_ns)
        self._errands.start()

    # -- news ------------------------------------------------------------------------------------------

    def stands(self, source: Source, up: bool, reason: str) -> None:
        """Take note that a feed is there, or away."""
        now_ns = self._ports.now_ns()
        if not up:
            if source.down_ns is None:
                source.down_ns = now_ns
            for stream in self._board.served_by(source):
                if stream.track is not None:
                    stream.track.suspect(lost=True)
                stream.doubted_ns = now_ns
                stream.reason = f"{source.name} is away: {reason}"
            return
        was_down, source.down_ns, source.up_ns = source.down_ns is not None, None, now_ns
        for stream in self._board.streams.values():
            if stream.refused.pop(source.index, None) is not None:
                self._errands.ask(source, stream, "subscribe")
            if stream.server == source.index and was_down:
                stream.asked_ns = now_ns
                if stream.track is not None and stream.watch.rung not in SILENT:
                    self._flows(stream, now_ns, trusting=True)
        self._errands.start()

    def refused(self, source: Source, subscription: Subscription, reason: str) -> None:
        """Take note that a feed does not bring a stream: the next one is asked at once."""
        stream = self._board.streams.get(subscription)
        self._ports.report(
            "subscription_refused", level="error", feed=source.name, symbol=subscription.symbol.value,
            resolution=subscription.resolution.name, error=reason,
        )  # fmt: skip
        if stream is None:
            return
        now_ns = self._ports.now_ns()
        stream.refused[source.index] = f"{source.name}: {reason}"
        if stream.server == source.index:
            stream.reason = f"refused by {source.name}: {reason}"
            if stream.watch.rung is Rung.FRESH:
                stream.doubted_ns = now_ns
                heard_ns = self._board.heard_ns(stream, source) or 0
                stream.watch = doubted(caught_up(stream.watch, heard_ns), now_ns)
                if stream.track is not None:
                    stream.track.suspect()
            target = self._board.choice(stream, without=source.index)
            if target is not None:
                self._serving.hand_over(stream, target, now_ns)
        self._settle_mark(stream, now_ns)
        self._errands.start()

    def lacks(self, stream: Stream, event: BarsMissing) -> None:
        """Take a feed's word that it will not bring some bars of a stream."""
        assert stream.track is not None, "only bars can be missing"
        now_ns = self._ports.now_ns()
        stream.track.lacks(event.end_ns, now_ns, self._ports.rules.backfill_wait_ns)
        level = "debug" if stream.track.fills else "warning"  # nobody else will tell of them
        self._ports.report(
            "bars_not_brought", level=level, symbol=stream.ticker, start_ns=event.start_ns,
            end_ns=event.end_ns, reason=event.reason,
        )  # fmt: skip

    def came(self, stream: Stream, bar: Bar) -> None:
        """Take note of a bar of a feed that does not tell of streams: its bars are whole, by its word."""
        if stream.track is not None and stream.track.gap is not None and stream.watch.rung in SILENT:
            self._flows(stream, bar.time_ns, trusting=True)

    def proven(self, stream: Stream, until_ns: int | None) -> None:
        """Take history's word: nothing happened up to an instant, or (None) something did that was missed."""
        if until_ns is None:
            stream.watch = missed(stream.watch)
            self._board.server_of(stream).missed_ns = self._ports.now_ns()
            self._counts.proven_missed += 1
            return
        now_ns = self._ports.now_ns()
        self._apply(stream, quiet(stream.watch, until_ns, now_ns, self._ports.rules), now_ns)
        self._counts.proven_quiet += stream.watch.rung is Rung.FRESH
        self._settle_mark(stream, now_ns)
        self._errands.start()

    def filled(self, stream: Stream, filled: Filled, loud: bool) -> None:
        """Take note of what history brought for a gap, and what it did not."""
        if filled.from_history:
            self._ports.report("bars_backfilled", symbol=stream.ticker, bars=filled.from_history)
        if filled.missing and loud:
            self.announcer.lost(stream.ticker, filled.missing, self._ports.now_ns())
            self._ports.report("bars_missing", level="error", symbol=stream.ticker, bars=filled.missing)

    def forget(self, stream: Stream) -> None:
        """Take note that nobody wants a stream any more."""
        self.marks.clear(stream)

    # -- one stream -------------------------------------------------------------------------------------

    def _is_well(self, stream: Stream, is_open: bool, heard_ns: int | None, now_ns: int) -> bool:
        """Whether there is nothing to judge: most streams, most of the time, and the loop has other work."""
        watch = stream.watch
        return (
            watch.rung is Rung.FRESH
            and is_open
            and heard_ns is not None
            and not stream.server
            and not stream.is_stale
            and watch.silence_s == watch.floor_s
            and now_ns - heard_ns < watch.floor_s * NS_PER_SECOND
            and self._board.sources[0].down_ns is None
        )

    def _seen(self, stream: Stream, now_ns: int) -> tuple[Stream, bool, int | None]:
        return stream, stream.is_open(now_ns), self._board.heard_ns(stream, self._board.server_of(stream))

    def _facts(self, source: Source, seen: Sequence[tuple[Stream, bool, int | None]], now_ns: int) -> _Facts:
        facts = _Facts()
        for stream, is_open, heard_ns in seen:
            if stream.server == source.index and is_open and stream.is_watched:
                facts.streams += 1
                facts.newest_ns = max(facts.newest_ns, heard_ns or 0, stream.watch.base_ns)
        pause_s = min(RECONNECT_MOST_S, self._ports.rules.reconnect_every_s * 2.0**source.fruitless)
        facts.may_reconnect = now_ns - source.silenced_ns >= pause_s * NS_PER_SECOND
        if source.fruitless == 0 and not source.silenced_ns:
            facts.may_reconnect = True
        return facts

    def _moment(
        self, source: Source, facts: _Facts, is_open: bool, heard_ns: int | None, now_ns: int
    ) -> Moment:
        silence_ns = self._ports.rules.silence_s * NS_PER_SECOND
        alone = facts.streams > 0 and now_ns - facts.newest_ns >= silence_ns
        # one look may wish for one connection; and a feed that is away is being connected already
        may = facts.may_reconnect and source.silenced_ns != now_ns and source.is_up
        strict = now_ns - source.missed_ns < MISSED_KEPT_NS
        crowd = alone and facts.streams >= CROWD
        return Moment(now_ns, heard_ns, is_open, source.down_ns, may, alone, crowd, strict)

    def _apply(self, stream: Stream, verdict: Verdict, now_ns: int) -> None:
        was_lost = stream.watch.lost
        stream.watch, wish = verdict
        if not wish:
            return
        source = self._board.server_of(stream)
        if wish & (Wish.SUSPECT | Wish.MARK) and source.is_up:
            stream.reason = f"no data of {stream.ticker} from {source.name}"
        if Wish.SUSPECT in wish:
            stream.doubted_ns = now_ns
            if stream.track is not None:
                stream.track.suspect()
        if Wish.RENEW in wish:
            self._errands.ask(source, stream, "renew")
        if Wish.PROVE in wish:
            self._questions.prove(stream)
        if Wish.RECONNECT in wish:
            self._reconnect(source, stream, "missed" if was_lost else "silence", now_ns)
        if Wish.MARK in wish:
            self._serving.fail_over(stream, now_ns)
        if Wish.RECOVERED in wish:
            source.fruitless = 0
            stream.tried.clear()
            # a feed that was asked anew and brings it soon has whole bars since; else nobody knows since when
            late_ns = now_ns - stream.asked_ns
            soon = late_ns < stream.watch.floor_s * NS_PER_SECOND
            trusting = soon and stream.asked_ns >= stream.doubted_ns
            self._flows(stream, stream.asked_ns if trusting else now_ns, trusting=trusting)
        if Wish.QUIET in wish and stream.track is not None:
            wait_ns = self._ports.rules.backfill_wait_ns
            self._errands.hand_on(stream, partial(stream.track.quiet, now_ns, wait_ns))

    def _flows(self, stream: Stream, at_ns: int, *, trusting: bool) -> None:
        track = stream.track
        if track is None or track.gap is None:
            return
        flows = partial(track.flows, at_ns, self._ports.rules.backfill_wait_ns, trusting=trusting)
        if track.fills:
            flows()
        else:
            self._errands.hand_on(stream, flows)

    def _reconnect(self, source: Source, stream: Stream, cause: str, now_ns: int) -> None:
        source.silenced_ns = now_ns
        source.fruitless += 1
        self._counts.reconnects[source.name, cause] += 1
        age_s = (now_ns - stream.watch.base_ns) // NS_PER_SECOND
        self._ports.report(
            "feed_doubted",
            level="warning",
            feed=source.name,
            symbol=stream.ticker,
            silent_s=age_s,
            cause=cause,
        )
        source.session.break_off(f"silent although connected: {stream.ticker} for {age_s} s", prompt=True)

    # -- what follows -----------------------------------------------------------------------------------

    def _settle_mark(self, stream: Stream, now_ns: int) -> None:
        """Have the mark of a stream as its state is."""
        if self._board.is_refused(stream):
            self.marks.set(stream, "; ".join(stream.refused.values()), now_ns)
        elif stream.watch.rung is Rung.STALE:
            if not stream.is_stale:
                self._counts.stale_marks += 1
            age_s = (now_ns - stream.watch.base_ns) // NS_PER_SECOND
            self.marks.set(stream, f"{stream.reason} ({age_s} s)", now_ns)
        else:
            self.marks.clear(stream)

    def _tell(self, now_ns: int) -> None:
        scene = Scene.of(self._board, self._counts, now_ns)
        for word in self.announcer.look(scene):
            self._ports.notify(word.title, word.message, word.next_step, word.urgency)
