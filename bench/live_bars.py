"""Measure what a live tick costs on its way from a decoded message into a bar, gate included.

    python bench/live_bars.py

One symbol, one stream of minutes. The objects are those that the Polygon feed decodes. Each figure is the
best of many stretches of 5,000 ticks, since the machine may be shared; garbage collection is off. The bare
loop reads two fields of each object and does nothing with them.
"""

from __future__ import annotations

import gc
import random
import time
from collections.abc import Callable, Sequence
from typing import Any

from livetrader_engine.calendar.sessions import hours_from_exchange_calendars
from livetrader_engine.data.quality import QualityLimits, Quarantine, VenueClock
from livetrader_engine.data.subscription import Subscription, TickType
from livetrader_engine.symbols import Resolution, SecurityType, Symbol, equity_identifier
from livetrader_plugins.polygon.conditions import effect_of
from livetrader_plugins.polygon.protocol import Quote, Trade
from livetrader_plugins.sdk.livebars import BarStream, LiveBars, Periods, Source
from livetrader_plugins.sdk.tapes import MS, QuoteTape, TradeTape

TICKS = 100_000
STRETCH = 5_000
ROUNDS = 5
OPEN_MS = 1_750_080_600_000  # 2025-06-16 09:30 in New York
HOURS = hours_from_exchange_calendars("XNYS")
SPY = Symbol.create(equity_identifier("SPY", None), "SPY", SecurityType.EQUITY, "usa")
CONDITIONS = ((), (37,), (14, 41), (14, 37, 41))

Take = Callable[[Any, Sequence[Any]], None]


def desk(kind: TickType, streams: int) -> tuple[LiveBars, TradeTape | QuoteTape]:
    """Return bars in the making and the tape that feeds them."""
    limits, quarantine = QualityLimits(), Quarantine()
    clock = VenueClock(limits)
    bars = LiveBars(clock=clock)
    tape = (TradeTape if kind is TickType.TRADE else QuoteTape)(SPY, limits, clock, quarantine)
    for resolution in (Resolution.MINUTE, Resolution.SECOND)[:streams]:
        wanted = Subscription(SPY, resolution, kind, False)
        stream = BarStream(wanted, Periods(wanted, HOURS), OPEN_MS * MS, source=Source.STAMPED)
        tape.add(stream)
        bars.add(stream)
    return bars, tape


def ticks(kind: TickType, *, plain: bool) -> list[Trade | Quote]:
    """Return ticks of a random walk, some in the same millisecond, half of the trades odd lots or sweeps."""
    chance = random.Random(1)
    time_ms, price, made = OPEN_MS, 100.0, []
    for number in range(TICKS):
        time_ms += chance.choice((0, 0, 1, 1))
        price = round(price + chance.choice((-0.01, 0.0, 0.01)), 2)
        if kind is TickType.QUOTE:
            made.append(Quote("SPY", time_ms, price - 0.01, 300.0, price + 0.01, 400.0, number + 1))
        else:
            codes = () if plain or number % 2 else CONDITIONS[number // 2 % 4]
            made.append(Trade("SPY", price, time_ms, 100.0, number + 1, codes))
    return made


def measure(name: str, kind: TickType, told: Sequence[Any], take: Take, bunch: int, streams: int = 1) -> None:
    """Print the best microseconds a tick."""
    best = float("inf")
    for _ in range(ROUNDS):
        bars, tape = desk(kind, streams)
        for at in range(0, TICKS, STRETCH):
            part = told[at : at + STRETCH]
            bars.look(part[-1].t * MS + 900 * MS)
            began = time.perf_counter()
            for first in range(0, STRETCH, bunch):
                take(tape, part[first : first + bunch])
            best = min(best, (time.perf_counter() - began) / STRETCH)
            bars.collect(part[-1].t * MS + 900 * MS)
    print(f"{name:<44}{best * 1e6:6.2f} us")


def one_by_one(tape: TradeTape, part: Sequence[Trade]) -> None:
    """Take trades each for itself."""
    for each in part:
        tape.trade(each.t * MS, each.q, each.p, each.s, effect_of(each.c))


def in_bunches(tape: TradeTape, part: Sequence[Trade]) -> None:
    """Take trades as the feed does, which works off what it has read symbol by symbol."""
    tape.trades(part, effect_of)


def quotes_in_bunches(tape: QuoteTape, part: Sequence[Quote]) -> None:
    """Take quotes so."""
    tape.quotes(part)


def bare(_tape: object, part: Sequence[Any]) -> None:
    """Touch the objects."""
    for each in part:
        _ = each.t + each.q


def main() -> None:
    """Measure, and print a line for each case."""
    gc.disable()
    plain, mixed = ticks(TickType.TRADE, plain=True), ticks(TickType.TRADE, plain=False)
    quotes = ticks(TickType.QUOTE, plain=True)
    measure("bare loop", TickType.TRADE, plain, bare, STRETCH)
    measure("plain trades, one by one", TickType.TRADE, plain, one_by_one, STRETCH)
    measure("mixed trades, one by one", TickType.TRADE, mixed, one_by_one, STRETCH)
    measure("mixed trades, minutes and seconds", TickType.TRADE, mixed, one_by_one, STRETCH, 2)
    for bunch in (100, 20, 5):
        measure(f"mixed trades, bunches of {bunch}", TickType.TRADE, mixed, in_bunches, bunch)
    for bunch in (100, 20, 5):
        measure(f"quotes, bunches of {bunch}", TickType.QUOTE, quotes, quotes_in_bunches, bunch)


if __name__ == "__main__":
    main()
