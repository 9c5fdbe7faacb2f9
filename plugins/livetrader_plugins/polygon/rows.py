"""Rows of Polygon's REST answers become bars and ticks. Pure: pages come in, points go out, one at a time.

Rules of past trades, as of the live stream: what is marked as erroneous or cancelled, and the records of
corrections, are left out; a trade whose conditions forbid it to set a price is a suspicious tick. Times are
those of the tape (sip_timestamp), ties are in the order of the tape's sequence numbers.

Rows that cannot be (no price, a high below the low) are left out, counted and shown to `refused`; rows out of
order, or of another time than was asked for, mean that the answer cannot be trusted at all: VenueError.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple, TypeVar

import msgspec

from livetrader_engine.data.bars import QuoteBar, Tick, TradeBar
from livetrader_engine.data.quality import FORM_T, OPEN_CLOSE
from livetrader_engine.spi import VenueError
from livetrader_engine.symbols import NS_PER_SECOND, Symbol
from livetrader_plugins.polygon.conditions import effect_of
from livetrader_plugins.sdk.making import QuotesMade, Standing

NS_PER_MS: Final = 1_000_000
MOST: Final = 1e15  # of a price, size or volume: more is no number of shares or dollars
# Erroneous, cancelled, and the records of cancels, errors and corrections. 1 is a trade that was corrected:
# it stands at its own time, as corrected; its record (12) has the old data. Source: the tape's glossary.
UNDONE: Final = frozenset({7, 8, 10, 11, 12})

Refused = Callable[[str, object], None]  # why, and the row


class AggregateRow(msgspec.Struct, gc=False):
    """A bar. Indices have no volume."""

    t: int  # start, ms
    o: float
    h: float
    l: float  # noqa: E741 — as the venue spells it
    c: float
    v: float = 0.0


class TradeRow(msgspec.Struct, gc=False):
    """A trade."""

    sip_timestamp: int
    price: float
    size: float = 0.0
    sequence_number: int = 0
    conditions: tuple[int, ...] = ()
    correction: int = 0


class QuoteRow(msgspec.Struct, gc=False):
    """A quote of the national best bid and offer; a side that is not there is zero."""

    sip_timestamp: int
    bid_price: float = 0.0
    bid_size: float = 0.0
    ask_price: float = 0.0
    ask_size: float = 0.0
    sequence_number: int = 0


AGGREGATES: Final = msgspec.json.Decoder(list[AggregateRow])
TRADES: Final = msgspec.json.Decoder(list[TradeRow])
QUOTES: Final = msgspec.json.Decoder(list[QuoteRow])

Tape = TypeVar("Tape", TradeRow, QuoteRow)
Place = Callable[[int], tuple[int, int]]  # start of a row (UTC ns) -> start and end of its bar


class Span(NamedTuple):
    """[start_ns, end_ns) of what begins in it; UTC nanoseconds."""

    start_ns: int
    end_ns: int


def trade_bars(
    symbol: Symbol, rows: Iterable[AggregateRow], span: Span, place: Place, refused: Refused
) -> Iterator[TradeBar]:
    """Yield the bars of rows. Raises VenueError for rows that do not ascend or were not asked for."""
    before_ns = -1
    for row in rows:
        time_ns = row.t * NS_PER_MS
        _check_time(symbol, time_ns, before_ns, span)
        start_ns, end_ns = place(time_ns)
        before_ns = end_ns
        inside = all(0 < row.l <= price <= row.h < MOST for price in (row.o, row.c))
        if not (inside and 0 <= row.v < MOST):
            refused("no bar can have these prices or this volume", row)
            continue
        yield TradeBar(symbol, start_ns, end_ns, row.o, row.h, row.l, row.c, row.v)


def trade_ticks(symbol: Symbol, rows: Iterable[TradeRow], span: Span, refused: Refused) -> Iterator[Tick]:
    """Yield the trades that stand. Raises VenueError for rows that do not ascend or were not asked for."""
    for row in in_sequence(symbol, rows, span):
        if row.correction in UNDONE:
            continue
        if not (0 < row.price < MOST and 0 <= row.size < MOST):
            refused("no trade can have this price or size", row)
            continue
        suspicious = not effect_of(row.conditions) & (OPEN_CLOSE | FORM_T)
        yield Tick(symbol, row.sip_timestamp, row.price, row.size, suspicious=suspicious)


def quote_ticks(symbol: Symbol, rows: Iterable[QuoteRow], span: Span, refused: Refused) -> Iterator[Tick]:
    """Yield the quotes that have a side. Raises as `trade_ticks`."""
    for row in in_sequence(symbol, rows, span):
        bid, ask = row.bid_price, row.ask_price
        if not all(0 <= number < MOST for number in (bid, ask, row.bid_size, row.ask_size)):
            refused("no quote can have these prices or sizes", row)
        elif bid > ask > 0:
            refused("crossed", row)
        elif bid or ask:
            yield Tick(symbol, row.sip_timestamp, 0.0, 0.0, bid, row.bid_size, ask, row.ask_size)


def in_sequence(symbol: Symbol, rows: Iterable[Tape], span: Span) -> Iterator[Tape]:
    """Yield rows of one instant by their sequence numbers, each once.

    Raises VenueError where time goes back or leaves the span.
    """
    instant: list[Tape] = []
    before_ns = -1
    for row in rows:
        time_ns = row.sip_timestamp
        _check_time(symbol, time_ns, before_ns, span)
        if time_ns != before_ns:
            yield from _sorted(instant)
            instant, before_ns = [], time_ns
        instant.append(row)
    yield from _sorted(instant)


def _check_time(symbol: Symbol, time_ns: int, before_ns: int, span: Span) -> None:
    if not span.start_ns <= time_ns < span.end_ns:
        raise VenueError(
            f"polygon sent a row of {symbol.value} of {time_ns} ns, asked for {span.start_ns} to "
            f"{span.end_ns}"
        )
    if time_ns < before_ns:
        raise VenueError(f"polygon sent rows of {symbol.value} out of order: {time_ns} ns behind {before_ns}")


def _sorted(instant: list[Tape]) -> list[Tape]:
    """Return the rows of one instant in the tape's order, without those that came twice."""
    if len(instant) < 2:
        return instant
    made: list[Tape] = []
    for row in sorted(instant, key=_sequence):
        if not (row.sequence_number and made and row == made[-1]):
            made.append(row)
    return made


def _sequence(row: TradeRow | QuoteRow) -> int:
    return row.sequence_number


def quote_bars(ticks: Iterable[Tick], period_ns: int, standing: Standing) -> Iterator[QuoteBar]:
    """Yield the quote bars of ticks, made as live ones are; the newest is yielded, too, though it may grow.

    `standing` is the quote that stands before the first tick: a bar opens where the one before closed.
    """
    assert period_ns >= NS_PER_SECOND, "a bar has a length"
    made: QuotesMade | None = None
    symbol: Symbol | None = None
    for tick in ticks:
        if made is None or tick.time_ns >= made.end_ns:
            if made is not None and symbol is not None:
                bar = made.bar(symbol, standing)
                standing = Standing(bar.bid_close, bar.bid_size, bar.ask_close, bar.ask_size)
                yield bar
            start_ns = tick.time_ns - tick.time_ns % period_ns
            made, symbol = QuotesMade(start_ns, start_ns + period_ns), tick.symbol
        made.quote(tick.time_ns, 0, tick.bid_price, tick.bid_size, tick.ask_price, tick.ask_size)
    if made is not None and symbol is not None:
        yield made.bar(symbol, standing)


class RefusedRows:
    """Counts the rows that were left out and keeps the newest, for one report. One owner: an answer."""

    def __init__(self, report: Callable[[int, str, object], None]) -> None:
        self._report = report
        self._count = 0
        self._newest: tuple[str, object] = ("", None)

    def __call__(self, reason: str, row: object) -> None:
        self._count += 1
        self._newest = (reason, row)

    def tell(self) -> None:
        """Report what was refused, if anything was."""
        if self._count:
            self._report(self._count, *self._newest)
            self._count = 0
