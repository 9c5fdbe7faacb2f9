"""Hour bars from minutes, as LEAN's files have them: of the regular session, on whole hours of the clock.

Venues make their own hours of everything that was traded in them, so the hour in which a session opens would
hold prices from before it; a live hour bar does not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from livetrader_engine.calendar.hours import ExchangeHours, local_to_utc_ns, utc_ns_to_local
from livetrader_engine.data.bars import MarketPoint, TradeBar
from livetrader_engine.data.batches import batched, while_open
from livetrader_engine.symbols import NS_PER_HOUR


def hours_of_minutes(minutes: Iterable[MarketPoint], hours: ExchangeHours) -> Iterator[TradeBar]:
    """Yield the hour bars of a stream of minute bars of trades; what is no such bar is left out.

    An hour is yielded when a later one begins, or with the end of the stream.
    """
    made: TradeBar | None = None
    for batch in while_open(batched(minutes), hours, extended=False):
        for point in batch:
            if not isinstance(point, TradeBar):
                continue
            if made is not None and point.time_ns < made.end_time_ns:
                _extend(made, point)
                continue
            if made is not None:
                yield made
            start_ns = hour_around(point.time_ns, hours)
            made = TradeBar(
                point.symbol, start_ns, start_ns + NS_PER_HOUR, point.open, point.high, point.low,
                point.close, point.volume,
            )  # fmt: skip
    if made is not None:
        yield made


def hour_around(time_ns: int, hours: ExchangeHours) -> int:
    """Return where the hour begins that an instant lies in: hours are counted from the date's midnight."""
    zone = hours.data_timezone
    midnight_ns = local_to_utc_ns(utc_ns_to_local(time_ns, zone).date(), 0, zone)
    return time_ns - (time_ns - midnight_ns) % NS_PER_HOUR


def _extend(bar: TradeBar, point: TradeBar) -> None:
    bar.high = max(bar.high, point.high)
    bar.low = min(bar.low, point.low)
    bar.close = point.close
    bar.volume += point.volume
