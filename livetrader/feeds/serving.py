"""Which feed serves a stream: the next where one is silent, the preferred one when it is good again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

import msgspec

from livetrader.feeds.board import Board, Source, Stream
from livetrader.feeds.counting import FeedCounts
from livetrader.feeds.errands import Errands
from livetrader.feeds.ladder import Rung, handed_over
from livetrader.settings import FreshnessSettings
from livetrader_engine.symbols import NS_PER_SECOND

SHADOW_AFTER_S: Final = 5.0  # a feed that is back has to stand so long before it is asked for streams again
FLOOR_KEPT_NS: Final = 60 * NS_PER_SECOND  # ticks of a feed that took over are older than that no more


class ServingPorts(Protocol):
    """What of the chain's ports is used here."""

    @property
    def rules(self) -> FreshnessSettings: ...
    @property
    def report(self) -> Callable[..., None]: ...


class Serving:
    """Moves streams between feeds. Belongs to the loop's thread."""

    def __init__(self, board: Board, ports: ServingPorts, counts: FeedCounts, errands: Errands) -> None:
        self._board = board
        self._ports = ports
        self._counts = counts
        self._errands = errands

    def fail_over(self, stream: Stream, now_ns: int) -> None:
        """Ask the next feed in order that has not been tried; none is no fault."""
        stream.tried.add(stream.server)
        for source in self._board.sources:
            if source.is_up and source.index not in stream.tried and source.index not in stream.refused:
                self.hand_over(stream, source, now_ns)
                return
        stream.tried = {stream.server}

    def hand_over(self, stream: Stream, target: Source, now_ns: int) -> None:
        """Let another feed serve a stream from now on."""
        before = self._board.server_of(stream)
        stream.server, stream.good_ns, stream.shadow = target.index, None, None
        stream.watch = handed_over(stream.watch, now_ns)
        stream.asked_ns = now_ns
        before.plain = target.plain = False
        self._counts.failovers[target.name] += 1
        self._ports.report(
            "stream_failed_over", level="warning", symbol=stream.ticker,
            resolution=stream.subscription.resolution.name, old=before.name, new=target.name,
            reason=stream.reason,
        )  # fmt: skip
        self._errands.ask(target, stream, "subscribe")
        self._leave_behind(stream)

    def _leave_behind(self, stream: Stream) -> None:
        """Drop a stream at feeds behind the one that serves it; those ahead show when they are good again."""
        for source in self._board.sources[stream.server + 1 :]:
            if stream.subscription in source.session.subscriptions:
                self._errands.ask(source, stream, "unsubscribe")

    def look_ahead(self, stream: Stream, is_open: bool, now_ns: int) -> None:
        """See whether a feed that should serve rather is good (again), and let it."""
        if not stream.server or not is_open:
            return
        rules, stale = self._ports.rules, stream.watch.rung is Rung.STALE
        for source in self._board.sources[: stream.server]:
            if not source.is_up or source.index in stream.refused:
                continue
            if stream.subscription not in source.session.subscriptions:
                if now_ns - source.up_ns >= SHADOW_AFTER_S * NS_PER_SECOND:
                    self._errands.ask(source, stream, "subscribe")
                continue
            heard_ns = self._board.heard_ns(stream, source)
            if heard_ns is None or now_ns - heard_ns >= stream.watch.silence_s * NS_PER_SECOND:
                stream.good_ns = None
                continue
            stream.good_ns = now_ns if stream.good_ns is None else stream.good_ns
            if stale or now_ns - stream.good_ns >= rules.failback_s * NS_PER_SECOND:
                self._hand_back(stream, source, now_ns)
            return

    def _hand_back(self, stream: Stream, source: Source, now_ns: int) -> None:
        before, shadow, track = self._board.server_of(stream), stream.shadow, stream.track
        stream.server, stream.good_ns, stream.shadow, stream.floor_ns = source.index, None, None, now_ns
        stream.tried.clear()
        if stream.watch.rung is not Rung.STALE:
            heard_ns = self._board.heard_ns(stream, source)
            stream.watch = msgspec.structs.replace(stream.watch, heard_ns=heard_ns)
        else:
            stream.watch = handed_over(stream.watch, now_ns)
        if track is not None and shadow is not None:  # it may be a bar that the other has not brought yet
            wait_ns = self._ports.rules.backfill_wait_ns
            self._errands.hand_on(stream, lambda: track.take(shadow, now_ns, wait_ns))
        before.plain = source.plain = False
        self._ports.report(
            "stream_failed_back", symbol=stream.ticker, old=before.name, new=source.name,
            resolution=stream.subscription.resolution.name,
        )  # fmt: skip
        self._leave_behind(stream)

    def is_plain(self, source: Source, now_ns: int) -> bool:
        """Whether nothing of a feed's ticks needs a second look."""
        if len(self._board.sources) == 1:
            return True
        for subscription in source.session.subscriptions:
            stream = self._board.streams.get(subscription)
            if stream is None or stream.server != source.index or now_ns - stream.floor_ns < FLOOR_KEPT_NS:
                return False
        return True
