"""Repeat the last bar through the gaps of a stream, so that an algorithm sees one at every step.

The rules are LEAN's (Engine/DataFeeds/Enumerators/FillForwardEnumerator.cs): a copy has the length of the
stream's own bars, ends on the grid of the fill-forward resolution (the smallest over all subscriptions),
comes only while the exchange is open during it, and never at or after the end of the next real bar. Copies
are flagged, a copied trade bar has no volume. Ticks are never repeated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from operator import sub
from typing import Final

import msgspec

from livetrader_engine.calendar.hours import ExchangeHours, local_to_utc_ns, utc_ns_to_local
from livetrader_engine.data.bars import QuoteBar, Tick, TradeBar
from livetrader_engine.data.batches import Batch, batched, starts_of
from livetrader_engine.data.periods import daily_bounds, uses_strict_end_times
from livetrader_engine.data.subscription import Subscription
from livetrader_engine.symbols import NS_PER_DAY, NS_PER_HOUR

Bar = TradeBar | QuoteBar

MAX_FILLED: Final = 4096  # points of a batch that has been filled; longer ones are handed on in parts


class FillRule(msgspec.Struct, frozen=True):
    """What decides where copies go.

    `period_ns` is the length of the stream's bars and `step_ns()` the fill-forward resolution at this
    moment: it may shrink while the stream runs. No copy starts at or after `end_ns`.
    """

    hours: ExchangeHours
    period_ns: int
    step_ns: Callable[[], int]
    extended: bool
    strict: bool
    end_ns: int

    @classmethod
    def of(
        cls, subscription: Subscription, hours: ExchangeHours, step_ns: Callable[[], int], end_ns: int
    ) -> FillRule:
        """Return the rule of a subscription."""
        return cls(
            hours=hours,
            period_ns=subscription.resolution.period_ns,
            step_ns=step_ns,
            extended=subscription.extended_market_hours,
            strict=subscription.precise_daily
            and uses_strict_end_times(subscription.symbol, subscription.resolution, hours),
            end_ns=end_ns,
        )


def fill_forward(batches: Iterable[Batch], rule: FillRule, previous: Bar | None = None) -> Iterator[Batch]:
    """Yield the batches with copies in the gaps, and after the last one up to the end of the stream.

    `previous` is the newest bar known before the first of them: the gap between them is filled too. A batch
    without a gap is handed on as it is.
    """
    for batch in batches:
        starts = starts_of(batch)
        widest_ns = min(rule.period_ns, rule.step_ns())
        gaps = [at for at, gap_ns in enumerate(map(sub, starts[1:], starts), 1) if gap_ns > widest_ns]
        if previous is not None and starts[0] - previous.time_ns > widest_ns:
            gaps.insert(0, 0)
        if gaps:
            yield from _filled(batch, gaps, previous, rule)
        else:
            yield batch
        last = batch[-1]
        if not isinstance(last, Tick):
            previous = last
    if previous is not None:
        yield from batched(_tail(previous, rule))


def _filled(batch: Batch, gaps: list[int], previous: Bar | None, rule: FillRule) -> Iterator[Batch]:
    """Yield a batch with copies before the points whose numbers are in `gaps`."""
    made: Batch = []
    low = 0
    for at in gaps:
        made += batch[low:at]
        before, point = batch[at - 1] if at else previous, batch[at]
        low = at
        if isinstance(before, TradeBar | QuoteBar):
            for copy in _copies(before, point.time_ns, point.end_time_ns, rule):
                made.append(copy)
                if len(made) >= MAX_FILLED:  # a gap may be months long
                    yield made
                    made = []
    yield made + batch[low:]


def _copies(previous: Bar, next_ns: int, next_end_ns: int, rule: FillRule) -> Iterator[Bar]:
    """Yield the copies between two real bars."""
    if next_end_ns < previous.time_ns:
        return
    length_ns = next_end_ns - next_ns
    while True:
        step_ns = rule.step_ns()
        gap_ns = next_ns - previous.time_ns
        if gap_ns <= step_ns and gap_ns <= rule.period_ns:
            return
        if previous.fill_forward and (not rule.strict or length_ns <= NS_PER_HOUR):
            gap_ns = _round_down(next_ns, length_ns, rule.hours) - previous.time_ns
            if gap_ns <= step_ns and gap_ns <= rule.period_ns:
                return
        copy = _next_copy(previous, next_end_ns, step_ns, rule)
        if copy is None or previous.end_time_ns >= rule.end_ns:
            return
        yield copy
        if copy.time_ns == previous.end_time_ns and step_ns == rule.period_ns and not rule.strict:
            # the usual gap, minutes in one session: walk on without asking the calendar each time
            until_ns = min(next_end_ns - step_ns, rule.end_ns, _open_until(copy.time_ns, rule))
            start_ns = copy.end_time_ns
            while start_ns < until_ns and rule.step_ns() == step_ns:
                copy = _copy(copy, start_ns, start_ns + step_ns)
                start_ns += step_ns
                yield copy
        previous = copy


def _open_until(time_ns: int, rule: FillRule) -> int:
    """Return when the open interval around `time_ns` ends, `time_ns` itself where there is none."""
    if rule.hours.always_open:
        return rule.end_ns
    for low_ns, high_ns in rule.hours.intervals(rule.hours.local_date(time_ns), rule.extended):
        if low_ns <= time_ns < high_ns:
            return high_ns
    return time_ns


def _tail(previous: Bar, rule: FillRule) -> Iterator[Bar]:
    """Yield the copies after the last real bar, the one that ends the stream included."""
    if previous.end_time_ns >= rule.end_ns:
        return
    final_ns, final_end_ns = _last_period(rule)
    for copy in _copies(previous, final_ns, final_end_ns, rule):
        previous = copy
        yield copy
    is_new = previous.end_time_ns < final_end_ns and previous.end_time_ns < rule.end_ns
    if is_new and rule.hours.is_open_during(final_ns, final_end_ns, rule.extended):
        yield _copy(previous, final_ns, final_end_ns)


def _last_period(rule: FillRule) -> tuple[int, int]:
    """Return start and end of the last bar that a stream with this end can have."""
    if not rule.strict:
        start_ns = _round_down(rule.end_ns, rule.period_ns, rule.hours)
        return start_ns, start_ns + rule.period_ns
    day = rule.hours.local_date(rule.end_ns)
    if daily_bounds(day, rule.hours, True)[1] > rule.end_ns:  # so also on a day without a session
        day = rule.hours.previous_trading_day(day)
    return daily_bounds(day, rule.hours, True)


def _next_copy(previous: Bar, next_end_ns: int, step_ns: int, rule: FillRule) -> Bar | None:
    """Return the copy that follows `previous`, None where the next real bar comes first."""
    for start_ns, end_ns in _candidates(previous.end_time_ns, step_ns, rule):
        if end_ns >= next_end_ns:
            return None
        if rule.hours.is_open_during(start_ns, end_ns, rule.extended):
            return _copy(previous, end_ns - _length(start_ns, end_ns, rule), end_ns)
    return None


def _candidates(from_ns: int, step_ns: int, rule: FillRule) -> list[tuple[int, int]]:
    """Return the periods in which the next copy may lie, in the order in which they are tried."""
    hours, extended = rule.hours, rule.extended
    short_ns, long_ns = min(step_ns, rule.period_ns), max(step_ns, rule.period_ns)
    first: list[tuple[int, int]] = []
    later: list[tuple[int, int]] = []
    if rule.strict:
        if short_ns != long_ns:
            if hours.is_open_during(from_ns, from_ns + short_ns, extended):
                later.append(_grid(from_ns, short_ns, hours))
            session = hours.session(hours.local_date(from_ns))
            if session is not None and session.open_ns <= from_ns < session.close_ns:
                later.append((session.open_ns, session.close_ns))
        opening_ns = hours.next_open(from_ns, extended)
        if short_ns != long_ns:
            later.append(_grid(opening_ns, short_ns, hours))
        later.append(daily_bounds(hours.local_date(hours.next_open(from_ns)), hours, True))
    else:
        if hours.is_open_during(from_ns, from_ns + short_ns, extended):
            first.append(_grid(from_ns, short_ns, hours))
        if short_ns != long_ns:
            later.append(_grid(from_ns, long_ns, hours))
        if not hours.always_open:
            later.append(_grid(hours.next_open(from_ns, extended), short_ns, hours))
    return first + sorted((part for part in later if part[1] > from_ns), key=lambda part: part[1])


def _grid(time_ns: int, period_ns: int, hours: ExchangeHours) -> tuple[int, int]:
    start_ns = _round_down(time_ns, period_ns, hours)
    return start_ns, start_ns + period_ns


def _length(start_ns: int, end_ns: int, rule: FillRule) -> int:
    """Return how long a copy is: the stream's own bars, with strict end times that day's session."""
    if not rule.strict:
        return rule.period_ns
    opens_ns, closes_ns = daily_bounds(rule.hours.local_date(start_ns), rule.hours, True)
    return closes_ns - opens_ns


def _copy(bar: Bar, start_ns: int, end_ns: int) -> Bar:
    if isinstance(bar, TradeBar):
        return TradeBar(
            bar.symbol, start_ns, end_ns, bar.open, bar.high, bar.low, bar.close, 0.0, True, bar.scale
        )
    return msgspec.structs.replace(bar, time_ns=start_ns, end_time_ns=end_ns, fill_forward=True)


def _round_down(time_ns: int, period_ns: int, hours: ExchangeHours) -> int:
    """Return the newest grid point at or before `time_ns`, counted from midnight of the data's zone."""
    if period_ns <= 0:
        return time_ns
    zone = hours.data_timezone
    if zone.key == "UTC":
        midnight_ns = time_ns - time_ns % NS_PER_DAY
    elif zone.key == hours.timezone.key:
        midnight_ns = hours.local_midnight(hours.local_date(time_ns))
    else:
        midnight_ns = local_to_utc_ns(utc_ns_to_local(time_ns, zone).date(), 0, zone)
    return time_ns - (time_ns - midnight_ns) % period_ns


def complete_quotes(batches: Iterable[Batch]) -> Iterator[Batch]:
    """Give a quote bar without bid or ask the side of the bar before it, as LEAN does."""
    previous: QuoteBar | None = None
    for batch in batches:
        if any(isinstance(point, QuoteBar) and not (point.bid_close and point.ask_close) for point in batch):
            batch = batch.copy()
            for at, point in enumerate(batch):
                if isinstance(point, QuoteBar):
                    if previous is not None and not (point.bid_close and point.ask_close):
                        batch[at] = point = _with_sides_of(point, previous)
                    previous = point
        elif isinstance(batch[-1], QuoteBar):
            previous = batch[-1]
        yield batch


def _with_sides_of(bar: QuoteBar, previous: QuoteBar) -> QuoteBar:
    sides: dict[str, float] = {}
    for side in ("bid", "ask"):
        if not getattr(bar, f"{side}_close"):
            for column in ("open", "high", "low", "close", "size"):
                sides[f"{side}_{column}"] = getattr(previous, f"{side}_{column}")
    return msgspec.structs.replace(bar, **sides)
