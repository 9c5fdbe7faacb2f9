"""Rows of Polygon's REST answers become bars and ticks. Pure: pages come in, points go out, one at a time.

Rules of past trades, the same as of the live stream: what is marked as corrected away, erroneous or cancelled
is left out; a trade whose conditions forbid it to set a price is a suspicious tick. Times are those of the
tape (sip_timestamp), ties are in the order of the tape's sequence numbers.

Rows that cannot be (no price, a high below the low) are left out, counted and shown to `refused`; rows out of
order mean that the answer cannot be trusted at all: VenueError.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeVar

import msgspec

from livetrader_engine.data.aggregation import RECIPES, Feed
from livetrader_engine.data.bars import QuoteBar, Tick, TradeBar
from livetrader_engine.data.quality import FORM_T, OPEN_CLOSE
from livetrader_engine.spi import VenueError
from livetrader_engine.symbols import NS_PER_SECOND, Symbol
from livetrader_plugins.polygon.conditions import effect_of

NS_PER_MS: Final = 1_000_000
LATEST_MS: Final = 4_102_444_800_000  # the year 2100: a larger number is in another unit
LATEST_NS: Final = LATEST_MS * NS_PER_MS
EARLIEST_NS: Final = 10**17  # 1973: a smaller number is in another unit
UNDONE: Final = frozenset(
    {1, 7, 8, 10, 11}
)  # corrected later, erroneous, cancelled, and the two records of it

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


def trade_bars(
    symbol: Symbol, rows: Iterable[AggregateRow], place: Place, refused: Refused
) -> Iterator[TradeBar]:
    """Yield the bars of rows. Raises VenueError for rows that do not ascend."""
    before_ms = -1
    for row in rows:
        if not before_ms < row.t < LATEST_MS:
            raise VenueError(
                f"polygon sent bars of {symbol.value} out of order: {row.t} ms behind {before_ms} ms"
            )
        before_ms = row.t
        if not (0 < row.l <= min(row.o, row.c) and max(row.o, row.c) <= row.h < math.inf and row.v >= 0):
            refused("no bar can have these prices", row)
            continue
        start_ns, end_ns = place(row.t * NS_PER_MS)
        yield TradeBar(symbol, start_ns, end_ns, row.o, row.h, row.l, row.c, row.v)


def trade_ticks(symbol: Symbol, rows: Iterable[TradeRow], refused: Refused) -> Iterator[Tick]:
    """Yield the trades that stand. Raises VenueError for rows that do not ascend."""
    for row in in_sequence(rows):
        if row.correction in UNDONE:
            continue
        if not (0 < row.price < math.inf and row.size >= 0):
            refused("no trade can have this price or size", row)
            continue
        suspicious = not effect_of(row.conditions) & (OPEN_CLOSE | FORM_T)
        yield Tick(symbol, row.sip_timestamp, row.price, row.size, suspicious=suspicious)


def quote_ticks(symbol: Symbol, rows: Iterable[QuoteRow], refused: Refused) -> Iterator[Tick]:
    """Yield the quotes that have a side. Raises VenueError for rows that do not ascend."""
    for row in in_sequence(rows):
        if not (0 <= row.bid_price < math.inf and 0 <= row.ask_price < math.inf):
            refused("no quote can have these prices", row)
        elif row.bid_price > row.ask_price > 0:
            refused("crossed", row)
        elif row.bid_price or row.ask_price:
            yield Tick(
                symbol, row.sip_timestamp, 0.0, 0.0, row.bid_price, row.bid_size, row.ask_price, row.ask_size
            )


def in_sequence(rows: Iterable[Tape]) -> Iterator[Tape]:
    """Yield rows of one instant by their sequence numbers. Raises VenueError where time goes back."""
    instant: list[Tape] = []
    for row in rows:
        time_ns = row.sip_timestamp
        if not EARLIEST_NS < time_ns < LATEST_NS:
            raise VenueError(f"polygon sent the time {time_ns}, which is not in nanoseconds since 1970")
        if instant and time_ns != instant[0].sip_timestamp:
            if time_ns < instant[0].sip_timestamp:
                raise VenueError(
                    f"polygon sent rows out of order: {time_ns} ns behind {instant[0].sip_timestamp} ns"
                )
            yield from _sorted(instant)
            instant = []
        instant.append(row)
    yield from _sorted(instant)


def _sorted(instant: list[Tape]) -> list[Tape]:
    return instant if len(instant) < 2 else sorted(instant, key=_sequence)


def _sequence(row: TradeRow | QuoteRow) -> int:
    return row.sequence_number


def quote_bars(ticks: Iterable[Tick], period_ns: int) -> Iterator[QuoteBar]:
    """Yield the quote bars of ticks; the newest is yielded, too, though it may still grow."""
    assert period_ns >= NS_PER_SECOND, "a bar has a length"
    recipe = RECIPES[Feed.QUOTE_TICKS]
    bar: QuoteBar | None = None
    for tick in ticks:
        if bar is not None and tick.time_ns >= bar.end_time_ns:
            yield bar
            bar = None
        if bar is None:
            start_ns = tick.time_ns - tick.time_ns % period_ns
            # nothing is carried over from the bar before: it would depend on where the question began
            made = recipe.first(tick, start_ns, start_ns + period_ns, None)
            assert isinstance(made, QuoteBar), "quote ticks make quote bars"
            bar = made
            bar.end_time_ns = start_ns + period_ns
        else:
            recipe.extend(bar, tick)
    if bar is not None:
        yield bar


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
