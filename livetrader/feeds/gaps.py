"""What a stream of bars lacks, and how its past and its present are put together: each period once, in order.

While a stream is doubted, or its feed is away, nobody knows what its bars lack. So from then on they wait
here: history's bars of the same periods come first, then what is made live. After a silence that only the
watch noticed, a live bar that began before the stream flowed again may be made of part of its ticks, and
history's takes its place; a feed that was away knows that itself, and makes whole bars only.

    delivered ────────┤ silence ├──── flows again ────────────►
              from_ns ▲          ▲ until_ns
                      │  history │ suspect │ whole live bars (held until history is through)

Copies of the last bar (fill-forward) of a doubted stream are withheld as well: in a silence that nobody has
explained they would say that nothing happened. Where history has no bar between two that it has, nothing
was traded, and a stream that fills forward gets its flagged copies then.

Pure but for its own state: times come in as UTC nanoseconds. One owner, the chain.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from livetrader_engine.calendar.hours import ExchangeHours
from livetrader_engine.data.bars import QuoteBar, TradeBar
from livetrader_engine.data.batches import Batch
from livetrader_engine.data.fill_forward import FillRule, fill_forward
from livetrader_engine.data.subscription import Subscription
from livetrader_engine.symbols import NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE, NS_PER_SECOND

HELD_LIMIT: Final = 3600  # live bars of one stream that wait for its past: an hour of seconds
LAG_NS: Final = 2 * NS_PER_SECOND  # after its end a bar is in the venue's history at the earliest
RETRY_NS: Final = 5 * NS_PER_SECOND  # between two questions about one gap
SILENT_NS: Final = 30 * NS_PER_SECOND  # the same while the silence lasts, and before the first

Bar = TradeBar | QuoteBar


@dataclass(slots=True)
class Gap:
    """A span that a stream may lack. `until_ns` is None while it lasts; `due_ns` when it is given up.

    `must_ns`: history has to come this far, whatever comes live. `trusting`: the feed brings whole bars only;
    not, where it did not know of a silence: what began before `part_ns` may lack ticks.
    `loud`: people hear of it where history cannot fill it. `owed`: bars are missing even where the present
    silence is real, because a connection was lost with them or an earlier gap is not filled yet.
    """

    loud: bool = True
    owed: bool = False
    until_ns: int | None = None
    must_ns: int = 0
    trusting: bool = False
    part_ns: int = 0
    due_ns: int | None = None
    ask_ns: int = 0  # not earlier

    def is_whole(self, bar: Bar) -> bool:
        """Return whether nothing can lack in a live bar."""
        if self.until_ns is None or bar.time_ns < max(self.must_ns, self.part_ns):
            return False
        return bar.end_time_ns > self.until_ns if self.trusting else bar.time_ns >= self.until_ns


@dataclass(frozen=True, slots=True)
class Filled:
    """What a gap came to: bars to hand on, how many of them are history's, how many periods are lost."""

    bars: tuple[Bar, ...] = ()
    from_history: int = 0
    missing: int = 0
    over: bool = False


@dataclass(slots=True)
class BarTrack:
    """One stream of bars: what was handed on, and what waits. Owned by its stream.

    `began_ns` is when the stream was asked for: what lies before is the warm-up's. Without `fills` nothing is
    asked of history: then bars are only told apart.
    """

    subscription: Subscription
    hours: ExchangeHours | None
    began_ns: int
    fills: bool = True
    newest: Bar | None = None
    gap: Gap | None = None
    filled_ns: int = 0  # up to where history was put in place; 0 for never
    duplicates: int = 0
    overflown: int = 0  # times that more live bars waited than may
    _held: deque[Bar] = field(default_factory=deque)

    @property
    def delivered_ns(self) -> int:
        """Up to where the stream was handed on."""
        return self.began_ns if self.newest is None else self.newest.end_time_ns

    @property
    def waiting(self) -> int:
        """How many live bars wait for their past."""
        return len(self._held)

    def take(self, bar: Bar, now_ns: int, wait_ns: int) -> tuple[Bar, ...]:
        """Take a live bar; return what is handed on now."""
        if self.newest is not None and bar.end_time_ns <= self.newest.end_time_ns:
            self.duplicates += 1
            return ()
        gap = self.gap
        if gap is None:
            self.newest = bar
            return (bar,)
        if self._held and bar.end_time_ns <= self._held[-1].end_time_ns:
            self.duplicates += 1
            return ()
        self._held.append(bar)
        if gap.until_ns is not None and bar.end_time_ns > gap.until_ns and gap.due_ns is None:
            gap.due_ns = now_ns + wait_ns
        if len(self._held) <= HELD_LIMIT:
            return ()
        self.overflown += 1
        if gap.until_ns is None:  # copies of the last bar, mostly: the newest are enough
            self._held.popleft()
            return ()
        return self._released()

    def suspect(self, *, lost: bool = False) -> None:
        """Doubt what comes from now on, until it is known what is missing; harmless where it is doubted.

        `lost`: the connection is, and the bars in the making with it.
        """
        if self.gap is None:
            self.gap = Gap(owed=lost)
            return
        self.gap.owed = self.gap.owed or lost or self.gap.until_ns is not None
        self.gap.until_ns = self.gap.due_ns = None
        self.gap.ask_ns = 0
        self.gap.loud = True

    def begins(self, now_ns: int, wait_ns: int) -> None:
        """Begin with the period that runs: it is history's, the feed brings whole ones only.

        One alone that is shorter than a minute is nobody's: trading would wait longer for it than it says.
        """
        lacking_ns = _boundary_ns(self.subscription, now_ns) - self.delivered_ns
        period_ns = self.subscription.resolution.period_ns
        if lacking_ns > (period_ns if period_ns < NS_PER_MINUTE else 0):
            self.gap = Gap(loud=False)
            self.flows(now_ns, wait_ns, trusting=True)

    def lacks(self, end_ns: int, now_ns: int, wait_ns: int) -> None:
        """Take the feed's word that it will not bring what lies before an instant, which may be ahead.

        Where nothing is asked of history nothing can take its place, and nothing waits for it.
        """
        if not self.fills or end_ns <= self.delivered_ns:
            return
        if self.gap is None:
            self.gap = Gap()
            self.flows(now_ns, wait_ns, trusting=True)
        gap = self.gap
        gap.must_ns = max(gap.must_ns, end_ns)
        if gap.until_ns is not None:
            gap.ask_ns = self._first_ask_ns(gap, now_ns)
            gap.due_ns = self._over_ns(gap) + wait_ns

    def quiet(self, now_ns: int, wait_ns: int) -> tuple[Bar, ...]:
        """Take the proof that the present silence is real; return what was withheld because of it."""
        if self.gap is None:
            return ()
        if self.gap.owed and self.gap.until_ns is None:
            return self.flows(now_ns, wait_ns, trusting=True)
        return self._released()

    def flows(self, at_ns: int, wait_ns: int, *, trusting: bool) -> tuple[Bar, ...]:
        """Take note that the stream flows again, with whole ticks from then on; return what goes at once."""
        gap = self.gap
        if gap is None:
            return ()
        if not self.fills:
            return self._released()
        if gap.until_ns is None:
            gap.until_ns, gap.trusting = at_ns, trusting
            gap.part_ns = gap.part_ns if trusting else at_ns
            gap.ask_ns = self._first_ask_ns(gap, at_ns)
            if self.subscription.resolution.period_ns <= NS_PER_HOUR:
                gap.due_ns = self._over_ns(gap) + wait_ns
            elif any(bar.end_time_ns > at_ns for bar in self._held):
                gap.due_ns = at_ns + wait_ns
        return ()

    def wants(self, now_ns: int) -> tuple[int, int] | None:
        """Return the span to ask history for now, None for nothing."""
        gap = self.gap
        if gap is None or not self.fills:
            return None
        if gap.until_ns is None and not gap.ask_ns:
            gap.ask_ns = now_ns + SILENT_NS
        if now_ns < gap.ask_ns:
            return None
        gap.ask_ns = (
            now_ns + SILENT_NS if gap.until_ns is None else max(now_ns + RETRY_NS, self._over_ns(gap))
        )
        return self.delivered_ns, now_ns

    def fill(self, past: Sequence[Bar], current_ns: int, now_ns: int) -> Filled:
        """Put history's bars in place. `current_ns`: up to where history is known to have everything.

        The newest bar of a history that lags may be made of part of its ticks, and look whole. So it counts
        when history shows something later, or when the time for it is over.
        """
        gap = self.gap
        if gap is None:
            return Filled()
        until_ns = now_ns if gap.until_ns is None else self._target_ns(gap)
        last_ns = min(until_ns, now_ns)
        real = [
            bar for bar in past if self.delivered_ns < bar.end_time_ns <= last_ns and not bar.fill_forward
        ]
        known_ns = max(current_ns, past[-1].time_ns if past else 0)
        final = [bar for bar in real if bar.end_time_ns <= known_ns]
        if gap.until_ns is None:  # the silence lasts: what history has is true, and more may be missing
            return self._partly(final)
        if max(known_ns, self.delivered_ns) >= until_ns:
            return self._complete(real, until_ns)
        if gap.due_ns is not None and now_ns >= gap.due_ns:
            return self._given_up(real, known_ns, until_ns)
        return self._partly(final)

    def expired(self, now_ns: int) -> Filled:
        """Return what a gap comes to whose time is over, where history did not answer."""
        gap = self.gap
        if gap is None or gap.until_ns is None or gap.due_ns is None or now_ns < gap.due_ns:
            return Filled()
        return self._given_up([], 0, self._target_ns(gap))

    # -- inside -----------------------------------------------------------------------------------------

    def _partly(self, real: list[Bar]) -> Filled:
        return Filled(tuple(self._filled_up(real, real[-1].end_time_ns)), len(real)) if real else Filled()

    def _complete(self, real: list[Bar], until_ns: int) -> Filled:
        bars = self._filled_up(real, until_ns)
        return Filled((*bars, *self._released()), len(real), over=True)

    def _given_up(self, real: list[Bar], known_ns: int, until_ns: int) -> Filled:
        """End a gap that history did not fill: what may lack ticks is not handed on where it is short."""
        assert self.gap is not None and self.gap.until_ns is not None, "only a gap that is over is given up"
        bars = self._filled_up(real, max((bar.end_time_ns for bar in real), default=0))
        from_ns = max(self.delivered_ns, known_ns)
        if self.subscription.resolution.period_ns >= NS_PER_HOUR:  # part of an hour says more than none
            return Filled((*bars, *self._released()), len(real), int(known_ns < until_ns), over=True)
        missing = self._periods(from_ns, until_ns)
        while self._held and not self.gap.is_whole(self._held[0]):
            self._held.popleft()
        return Filled((*bars, *self._released()), len(real), missing, over=True)

    def _filled_up(self, real: list[Bar], until_ns: int) -> list[Bar]:
        """Return history's bars with flagged copies between and behind them, where the stream has such."""
        self.filled_ns = max(self.filled_ns, until_ns)
        subscription, hours = self.subscription, self.hours
        bars: Iterable[Bar] = real
        if subscription.fill_forward and hours is not None and until_ns > self.delivered_ns:
            period_ns = subscription.resolution.period_ns
            rule = FillRule.of(subscription, hours, lambda: period_ns, until_ns)
            batches: list[Batch] = [list(real)] if real else []
            bars = [
                bar
                for batch in fill_forward(batches, rule, self.newest)
                for bar in batch
                if isinstance(bar, TradeBar | QuoteBar) and self.delivered_ns < bar.end_time_ns <= until_ns
            ]
        handed = list(bars)
        if handed:
            self.newest = handed[-1]
        return handed

    def _released(self) -> tuple[Bar, ...]:
        """End the gap; return the live bars that waited, without what was handed on already."""
        self.gap = None
        going = tuple(bar for bar in self._held if bar.end_time_ns > self.delivered_ns)
        self._held.clear()
        if going:
            self.newest = going[-1]
        return going

    def _target_ns(self, gap: Gap) -> int:
        """Return up to where history has to fill: to the first live bar that is whole."""
        assert gap.until_ns is not None, "nothing is filled before it flows again"
        for bar in self._held:
            if gap.is_whole(bar) and not bar.fill_forward:
                return max(bar.time_ns, self.delivered_ns)
        suspects = [bar.end_time_ns for bar in self._held if bar.time_ns < gap.until_ns]
        return max([*suspects, gap.must_ns, _boundary_ns(self.subscription, gap.until_ns)])

    def _over_ns(self, gap: Gap) -> int:
        """Return when history can have all of a gap, at the earliest."""
        assert gap.until_ns is not None, "it lasts"
        return max(_boundary_ns(self.subscription, gap.until_ns), gap.must_ns) + LAG_NS

    def _first_ask_ns(self, gap: Gap, now_ns: int) -> int:
        """Return when to ask first: periods that are over do not wait for the one that runs."""
        period_ns = self.subscription.resolution.period_ns
        ended_ns = now_ns - now_ns % period_ns
        if period_ns < NS_PER_DAY and self.delivered_ns < ended_ns:
            return max(now_ns, ended_ns + LAG_NS)
        return self._over_ns(gap)

    def _periods(self, from_ns: int, until_ns: int) -> int:
        """Return how many periods with an open market lie in a span."""
        period_ns = self.subscription.resolution.period_ns
        extended, hours = self.subscription.extended_market_hours, self.hours
        start_ns = from_ns - from_ns % period_ns
        count = 0
        while start_ns < until_ns and count < HELD_LIMIT:
            end_ns = start_ns + period_ns
            if end_ns > from_ns and end_ns <= until_ns:
                count += hours is None or hours.is_open_during(start_ns, end_ns, extended)
            start_ns = end_ns
        return count


def _boundary_ns(subscription: Subscription, time_ns: int) -> int:
    """Return the end of the period around an instant; of a day only the instant itself is known."""
    period_ns = subscription.resolution.period_ns
    if period_ns >= NS_PER_DAY or period_ns <= 0:
        return time_ns
    return time_ns - time_ns % -period_ns
