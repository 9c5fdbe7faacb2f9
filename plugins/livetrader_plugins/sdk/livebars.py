"""Bars made while the market runs: they close on the clock, once, and come out together.

Two clocks. A tick without a time of its own (Interactive Brokers' samples) has that of its arrival: nothing
of the past can come, so its period closes when our clock is past the end. A tick with the exchange's time
comes later than that, by the lag of the wire: seconds where a backlog waits in the socket, minutes with a
delayed plan, and less or more where our clock is wrong. So:

Rule 1: a period of such ticks closes when our clock is past its end and
  (a) the exchange's is: a tick of the connection is ORDER_NS younger than the end, or the venue promised it;
  (b) or the grace is over, on our clock less the lag of the newest tick, and the connection was heard since;
  (c) or HOLD_NS are over on that clock, with a connection that says nothing: it is doubted by then, or quiet.
A period of shorter bars closes when the one that ends with it is there, or as above.
Rule 2: streams of one resolution whose periods end together close together, so that one step has them all.
Rule 3: a connection that is lost or in doubt has no bars: what is unfinished is dropped and named, and each
stream begins with the next whole period when it is good again.

What a stream does with what it hears is barstream.py's. Pure but for its own state: time comes in as UTC
nanoseconds. One owner, the feed.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from livetrader_engine.data.bars import MarketPoint
from livetrader_engine.data.quality import VenueClock
from livetrader_engine.data.subscription import Subscription
from livetrader_engine.symbols import NS_PER_SECOND, Resolution
from livetrader_plugins.sdk.barstream import (
    CATCH_UP_NS,
    HEARD_IN_PART,
    PIECE_NS,
    BarStream,
    Missing,
    Source,
)
from livetrader_plugins.sdk.periods import Period, Periods

__all__ = [
    "CATCH_UP_NS", "GRACE_NS", "HOLD_NS", "ORDER_NS", "PIECE_NS", "BarStream", "LiveBars", "Missing",
    "Period",    "Periods", "Source", "Step",
]  # fmt: skip

GRACE_NS: Final = 1_500_000_000  # IB sends a five-second bar some tenths of a second after its end
ORDER_NS: Final = 500_000_000  # ticks of one wire are further out of order only where something is wrong
BEGUN_LATE: Final = "the venue began to deliver it in the middle"
HOLD_NS: Final = 20 * NS_PER_SECOND  # longer than the silence after which a connection is doubted (15 s)


class Step(NamedTuple):
    """What has closed together."""

    end_ns: int
    points: tuple[MarketPoint, ...]
    internal: tuple[MarketPoint, ...]


class _Group:
    """The streams of one resolution. `end_ns`: the earliest end among them, 0 where nobody has looked."""

    __slots__ = ("by_arrival", "by_pieces", "end_ns", "grace_ns", "streams")

    def __init__(self) -> None:
        self.streams: dict[Subscription, BarStream] = {}
        self.end_ns = 0
        self.grace_ns = 0  # the longest of those that end first
        self.by_pieces = False  # one of them waits for a piece
        self.by_arrival = False  # none of them waits for anything

    def note(self, grace_ns: int) -> None:
        """Know who ends first."""
        streams = [each for each in self.streams.values() if each.due is not None and not each.is_doubted]
        self.end_ns = min((each.due.end_ns for each in streams if each.due), default=_NEVER_NS)
        first = [each for each in streams if each.due and each.due.end_ns == self.end_ns]
        waiting = [each for each in first if each.source is not Source.ARRIVING]
        self.by_arrival = not waiting
        self.by_pieces = any(each.source is Source.PIECES for each in waiting)
        self.grace_ns = max((_or(each.grace_ns, grace_ns) for each in waiting), default=0)


_NEVER_NS: Final = 2**63 - 1


class LiveBars:
    """The bar streams of one connection of a feed. Mutable state: the streams, how far the exchange's clock
    is.

    `clock` is the one that the gates of the connection share; None where ticks are stamped on arrival.
    `delay_ns`: so late the venue is at least, by contract. `skipped` counts periods that were left out.
    """

    def __init__(
        self, grace_ns: int = GRACE_NS, *, clock: VenueClock | None = None, delay_ns: int = 0
    ) -> None:
        self._grace_ns = grace_ns
        self._clock = clock
        self._delay_ns = delay_ns
        self._lag_ns = delay_ns
        self._newest_ns = 0  # the exchange time of the newest tick when it was last looked at
        self._proven_ns = 0
        self._groups = {resolution: _Group() for resolution in Resolution}
        self._first_end_ns = 0  # nothing closes before it: most of what arrives needs no look at the streams
        self._missing: list[Missing] = []
        self._doubted = False
        self.skipped = 0

    # ---- streams

    def add(self, stream: BarStream) -> None:
        """Have a stream from now on."""
        self._groups[stream.subscription.resolution].streams[stream.subscription] = stream
        self._look_anew()
        if self._doubted:
            stream.doubt()

    def remove(self, subscription: Subscription) -> None:
        """Have it no longer; harmless where there is none."""
        self._groups[subscription.resolution].streams.pop(subscription, None)
        self._look_anew()

    def _look_anew(self) -> None:
        self._first_end_ns = 0
        for group in self._groups.values():
            group.end_ns = 0

    def begun(self, subscription: Subscription, now_ns: int) -> None:
        """Know that the venue delivers a stream from now on: what began before was not heard whole."""
        stream = self._groups[subscription.resolution].streams.get(subscription)
        if stream is None or stream.due is None or stream.due.start_ns >= now_ns or self._doubted:
            return
        stream.doubt()
        missing = stream.resume(now_ns, BEGUN_LATE)
        if missing is not None:
            self._missing.append(missing)
        self._look_anew()

    @property
    def _streams(self) -> list[BarStream]:
        return [each for group in self._groups.values() for each in group.streams.values()]

    @property
    def late(self) -> int:
        """How much came after its bar was closed."""
        return sum(stream.late for stream in self._streams)

    @property
    def gaps(self) -> int:
        """How many five-second bars never came."""
        return sum(stream.gaps for stream in self._streams)

    # ---- how far it is

    def look(self, now_ns: int) -> None:
        """Say that the connection was heard now: before each batch of ticks, and with every pong."""
        if self._clock is not None:
            self._clock.look(now_ns)

    def proven(self, until_ns: int) -> None:
        """Know the venue's promise that nothing older than this comes any more."""
        self._proven_ns = max(self._proven_ns, until_ns)

    def _is_past(self, end_ns: int, grace_ns: int, now_ns: int) -> bool:
        """Return whether nothing of before an end can be expected any more (rule 1)."""
        clock = self._clock
        if clock is None:
            return now_ns >= end_ns + grace_ns
        if self._proven_ns >= end_ns or clock.newest_ns >= end_ns + ORDER_NS:
            return True
        venue_ns = now_ns - self._lag_ns
        if venue_ns >= end_ns + grace_ns and clock.looked_ns >= end_ns:
            return True
        return venue_ns >= end_ns + max(HOLD_NS, grace_ns)

    def next_ns(self, now_ns: int) -> int | None:
        """Return when to look again if nothing arrives; None where nothing ever closes."""
        if now_ns < self._first_end_ns < _NEVER_NS:
            return self._first_end_ns
        nexts: list[int] = []
        for group in self._groups.values():
            if group.end_ns == 0:
                group.note(self._grace_ns)
            end_ns = group.end_ns
            if end_ns == _NEVER_NS:
                continue
            graceful_ns = end_ns + group.grace_ns + self._lag_ns
            held_ns = end_ns + max(HOLD_NS, group.grace_ns) + self._lag_ns
            nexts.append(end_ns if end_ns > now_ns else graceful_ns if graceful_ns > now_ns else held_ns)
        return min(nexts, default=None)

    # ---- what comes out

    def collect(self, now_ns: int) -> list[Step]:
        """Close what can be closed; return the steps, the earliest first. Empty periods make no step."""
        clock = self._clock
        if clock is not None and clock.newest_ns > self._newest_ns:
            self._newest_ns = clock.newest_ns
            self._lag_ns = max(self._delay_ns, clock.looked_ns - clock.newest_ns)
        if now_ns < self._first_end_ns:
            return []
        steps: list[Step] = []
        for group in self._groups.values():
            if group.streams and self._is_worth_a_look(group, now_ns):
                self._close(group, now_ns, steps)
                group.note(self._grace_ns)
        self._first_end_ns = min(
            (group.end_ns for group in self._groups.values() if group.streams), default=_NEVER_NS
        )
        steps.sort(key=_end_of)
        return steps

    def _is_worth_a_look(self, group: _Group, now_ns: int) -> bool:
        if now_ns < group.end_ns:
            return False
        if group.end_ns == 0 or group.by_arrival:
            return True
        if not group.by_pieces:
            return self._is_past(group.end_ns, group.grace_ns, now_ns)
        stirred = False
        for stream in group.streams.values():
            stirred = stirred or stream.stirred
            stream.stirred = False
        return stirred or self._is_past(group.end_ns, group.grace_ns, now_ns)

    def _close(self, group: _Group, now_ns: int, steps: list[Step]) -> None:
        streams = list(group.streams.values())
        for stream in streams:
            self.skipped += stream.skip(now_ns - self._lag_ns)
        while (ripe := self._ripe(streams, now_ns)) is not None:
            step = self._step(*ripe)
            if step is not None:
                steps.append(step)

    def _ripe(self, streams: list[BarStream], now_ns: int) -> tuple[int, list[BarStream]] | None:
        """Return the earliest end that all who share it can close at, and who they are."""
        ends = [each.due.end_ns for each in streams if each.due is not None and not each.is_doubted]
        end_ns = min(ends, default=now_ns + 1)
        if end_ns > now_ns:
            return None
        together = [
            each for each in streams
            if each.due is not None and each.due.end_ns == end_ns and not each.is_doubted
        ]  # fmt: skip
        closes = all(self._is_complete(each, end_ns, now_ns) for each in together)
        return (end_ns, together) if closes else None

    def _is_complete(self, stream: BarStream, end_ns: int, now_ns: int) -> bool:
        if stream.source is Source.ARRIVING or stream.has_last_piece():
            return True
        return self._is_past(end_ns, _or(stream.grace_ns, self._grace_ns), now_ns)

    def _step(self, end_ns: int, streams: list[BarStream]) -> Step | None:
        shown: list[MarketPoint] = []
        internal: list[MarketPoint] = []
        for stream in sorted(streams, key=_key_of):
            closed = stream.close()
            if isinstance(closed, Missing):
                self._missing.append(closed)
            elif closed is not None:
                (internal if stream.subscription.internal else shown).append(closed)
        return Step(end_ns, tuple(shown), tuple(internal)) if shown or internal else None

    # ---- doubt

    def doubt(self) -> None:
        """Drop what is unfinished and take in nothing: the connection is lost, or cannot be believed."""
        self._doubted = True
        for stream in self._streams:
            stream.doubt()
        self._look_anew()

    def resume(self, now_ns: int, reason: str = HEARD_IN_PART) -> None:
        """Go on after a doubt: each stream with its next whole period; `take_missing` has what was missed."""
        self._doubted = False
        for stream in self._streams:
            missing = stream.resume(now_ns, reason)
            if missing is not None:
                self._missing.append(missing)
        self._look_anew()

    @property
    def is_doubted(self) -> bool:
        """Whether it waits for `resume`."""
        return self._doubted

    def take_missing(self) -> list[Missing]:
        """Hand over the stretches that this feed will not bring, each once."""
        missing, self._missing = self._missing, []
        return missing


def _or(grace_ns: int | None, default_ns: int) -> int:
    return default_ns if grace_ns is None else grace_ns


def _end_of(step: Step) -> int:
    return step.end_ns


def _key_of(stream: BarStream) -> tuple[int, int, str, str, int]:
    return stream.key
