"""A day of ticks, from the peer through a socket into bars, against the peer's own bars of the same ticks.

A hundred stocks, in weather: events that come twice, late, out of order, unreadable; connections that end in
the middle of a minute. A bar that is delivered is the reference's to the last digit. A bar that is not was
named: by the feed (BarsMissing), or it lies in the gap of a lost connection.

Quotes of ten of them, and an index, run along.

A slice of the day around the opening runs always; `make tick-day` runs from 04:00 to 20:00.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Final

import pytest

from livetrader_engine.data.bars import QuoteBar, TradeBar
from livetrader_engine.data.subscription import TickType
from livetrader_engine.symbols import NS_PER_MINUTE, NS_PER_SECOND
from livetrader_engine.testing.market import SampleReference
from livetrader_plugins.polygon.symbols import symbol_of, ticker_of
from livetrader_venues.stockmarket.clocks import new_york
from livetrader_venues.stockmarket.market import Market
from livetrader_venues.stockmarket.securities import index, stocks
from livetrader_venues.stockmarket.tape import Bar, Quote
from livetrader_venues.web.faults import Fault, Kind
from tests.polygon.desk import Desk, feeding, stream

WHOLE_DAY: Final = bool(os.environ.get("LIVETRADER_TICK_DAY"))
BEGIN: Final = "2025-06-16 03:59:30" if WHOLE_DAY else "2025-06-16 09:26:30"
MINUTES: Final = 16 * 60 + 2 if WHOLE_DAY else 10
STEP_S: Final = 2.0
AWAY_S: Final = 20.0  # so long the daemon needs to connect anew
SYMBOLS: Final = 100
QUOTED: Final = 10
CLOSES_LATE_NS: Final = 6 * NS_PER_SECOND  # so long after its end a bar may still be on its way
ROUGH: Final = (  # and how many events of a thousand
    (Fault(Kind.DUPLICATE, on="T", count=0), 10),
    (Fault(Kind.REORDER, on="T", count=0), 10),
    (Fault(Kind.DELAY, on="T", count=0, by_s=0.15), 10),
    (Fault(Kind.DUPLICATE, on="Q", count=0), 10),
    (Fault(Kind.REORDER, on="Q", count=0), 10),
    (Fault(Kind.DELAY, on="Q", count=0, by_s=0.15), 10),
    (Fault(Kind.NAN, on="Q", count=0), 0.3),
    (Fault(Kind.STALL, on="T", count=0, by_s=0.4), 0.2),
    (Fault(Kind.NAN, on="T", count=0), 0.3),
    (Fault(Kind.GARBAGE, on="T", count=0), 0.05),
    (Fault(Kind.BINARY, on="T", count=0), 0.05),
    (Fault(Kind.TRUNCATE, on="T", count=0), 0.03),
    (Fault(Kind.CLOSE, on="T", count=0, code=1012), 0.02),
)
Key = tuple[str, int]  # ticker and start


class Day:
    """A feed in weather, driven through the day. Mutable: what is away, and which minutes may lack."""

    def __init__(self, desk: Desk, tickers: list[str]) -> None:
        self.desk = desk
        self.streams = [stream(symbol_of(each), extended_market_hours=True) for each in tickers]
        self.streams += [
            stream(symbol_of(each), kind=TickType.QUOTE, extended_market_hours=True)
            for each in tickers[:QUOTED]
        ]
        self.lost = 0
        self.gaps: list[tuple[int, int]] = []  # periods whose bars may lack: those that touch the span
        self._back_ns = 0

    async def begin(self) -> None:
        for each in self.streams:
            await self.desk.feed.subscribe(each)
        await self.desk.answered()
        self.gaps.append((0, self._whole()))

    async def step(self) -> None:
        desk = self.desk
        await desk.move(STEP_S)
        now_ns = desk.peer.clock()
        if not desk.ended:
            return
        if not self._back_ns:
            self.lost += 1
            self._back_ns = now_ns + int(AWAY_S * NS_PER_SECOND)
            self.gaps.append((now_ns - int(STEP_S * NS_PER_SECOND) - CLOSES_LATE_NS, 2**63))
        elif now_ns >= self._back_ns:
            await desk.again(*self.streams)
            self._back_ns = 0
            self.gaps[-1] = (self.gaps[-1][0], self._whole())

    def _whole(self) -> int:
        """Return when the first minute begins that is heard whole from now on."""
        return -(-self.desk.peer.clock() // NS_PER_MINUTE) * NS_PER_MINUTE

    def may_lack(self, start_ns: int) -> bool:
        return any(start_ns + NS_PER_MINUTE > first and start_ns < last for first, last in self.gaps)


def numbers(bar: TradeBar | Bar) -> tuple[float, ...]:
    return (bar.open, bar.high, bar.low, bar.close, bar.volume)


@pytest.mark.timeout(3_600 if WHOLE_DAY else 60)
@pytest.mark.parametrize("seed", [1])
def test_every_bar_of_the_day_is_the_tapes_or_is_named(tmp_path: Path, seed: int) -> None:
    asyncio.run(_day(tmp_path, seed))


async def _day(tmp_path: Path, seed: int) -> None:
    listed = (*stocks(SYMBOLS, seed=seed), index("I:SPX", 5_000.0))
    market = Market.generated(listed, seed=seed)
    begin_ns = new_york(BEGIN)
    reference = SampleReference()
    async with feeding(tmp_path, market, begin=BEGIN, reference=reference, close_after_s=2.0) as desk:
        day = Day(desk, [each.ticker for each in listed])
        await day.begin()
        for fault, of_a_thousand in ROUGH:
            desk.peer.faults.add(_seldom(fault, of_a_thousand / 1_000))
        for number in range(int(MINUTES * 60 / STEP_S)):
            if number == 70:
                desk.peer.close(1000)  # says goodbye, in the middle of a minute
            await day.step()
        struck = desk.peer.faults.struck
        desk.peer.faults.clear()
        end_ns = desk.peer.clock()
    tape = market.reference_bars(begin_ns, end_ns)
    made: dict[Key, TradeBar] = {}
    for bar in desk.bars:
        key = (ticker_of(bar.symbol), bar.time_ns)
        assert key not in made, f"{key} came twice"
        made[key] = bar
    wrong = {
        key: (numbers(bar), numbers(tape[key]) if key in tape else None)
        for key, bar in made.items()
        if key not in tape or numbers(bar) != numbers(tape[key])
    }
    assert not wrong, f"{len(wrong)} of {len(made)} bars differ: {dict(list(wrong.items())[:5])}"
    named = {
        (ticker_of(each.subscription.symbol), start_ns)
        for each in desk.missing
        if each.subscription.tick_type is TickType.TRADE
        for start_ns in range(each.start_ns, each.end_ns, NS_PER_MINUTE)
    }
    due = {key for key in tape if key[1] + NS_PER_MINUTE + CLOSES_LATE_NS <= end_ns}
    silent = {key for key in due - made.keys() - named if not day.may_lack(key[1])}
    assert not silent, f"{len(silent)} bars are neither there nor named: {sorted(silent)[:5]}"
    quoted = _judge_quotes(desk.quote_bars, market)
    # the weather was weather, and most bars are there all the same
    assert struck > len(tape) / 100 and day.lost >= 1
    assert len(made) > len(due) / 2 and quoted > MINUTES
    print(f"{len(made)} bars equal, {len(due - made.keys())} of {len(due)} named as missing, {day.lost} "
          f"connections lost, {struck} faults")  # fmt: skip


def _judge_quotes(bars: list[QuoteBar], market: Market) -> int:
    """Hold quote bars against the quotes of their minutes; return how many there were.

    A bar opens where the one before closed, or, where that was not heard, with its own first quote.
    """
    for bar in bars:
        ticker = ticker_of(bar.symbol)
        told = market.quotes(ticker, bar.time_ns, bar.end_time_ns)
        before = market.quotes(ticker, bar.time_ns - NS_PER_MINUTE * 60, bar.time_ns)
        assert _quotes(bar) in {_quote_bar(told), _quote_bar([*before[-1:], *told])}, (ticker, bar.time_ns)
    assert len({(bar.symbol, bar.time_ns) for bar in bars}) == len(bars)
    return len(bars)


def _quote_bar(told: list[Quote]) -> tuple[float, ...]:
    bids, asks = [each.bid for each in told], [each.ask for each in told]
    return (
        bids[0], max(bids), min(bids), bids[-1], told[-1].bid_size,
        asks[0], max(asks), min(asks), asks[-1], told[-1].ask_size,
    )  # fmt: skip


def _quotes(bar: QuoteBar) -> tuple[float, ...]:
    return (
        bar.bid_open, bar.bid_high, bar.bid_low, bar.bid_close, bar.bid_size,
        bar.ask_open, bar.ask_high, bar.ask_low, bar.ask_close, bar.ask_size,
    )  # fmt: skip


def _seldom(fault: Fault, probability: float) -> Fault:
    return Fault(**{**{name: getattr(fault, name) for name in fault.__slots__}, "probability": probability})
