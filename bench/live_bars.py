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
from livetrader_engine.symbols import NS_PER_SECOND, Resolution, SecurityType, Symbol, equity_identifier
from livetrader_plugins.polygon.conditions import effect_of
from livetrader_plugins.polygon.ladder import QUOTE, TRADE
from livetrader_plugins.polygon.outlet import Outlet
from livetrader_plugins.polygon.protocol import Quote, Trade
from livetrader_plugins.sdk.livebars import BarStream, LiveBars, Periods, Source
from livetrader_plugins.sdk.tapes import MS, TradeTape

TICKS = 100_000
STRETCH = 5_000
ROUNDS = 5
OPEN_MS = 1_750_080_600_000  # 2025-06-16 09:30 in New York
HOURS = hours_from_exchange_calendars("XNYS")
SPY = Symbol.create(equity_identifier("SPY", None), "SPY", SecurityType.EQUITY, "usa")
CONDITIONS = ((), (37,), (14, 41), (14, 37, 41))

Take = Callable[[Any, Sequence[Any]], None]


def desk(kind: TickType, streams: int) -> tuple[LiveBars, TradeTape]:
    """Return bars in the making and the tape that feeds them."""
    limits, quarantine = QualityLimits(), Quarantine()
    clock = VenueClock(limits)
    bars = LiveBars(clock=clock)
    tape = TradeTape(SPY, limits, clock, quarantine)
    for resolution in (Resolution.MINUTE, Resolution.SECOND)[:streams]:
        wanted = Subscription(SPY, resolution, kind, False)
        stream = BarStream(wanted, Periods(wanted, HOURS), OPEN_MS * MS, source=Source.STAMPED)
        tape.add(stream)
        bars.add(stream)
    return bars, tape


def ticks(kind: TickType, *, plain: bool = False) -> list[Trade | Quote]:
    """Return ticks of a random walk, some in the same millisecond, half of the trades odd lots or sweeps."""
    chance = random.Random(1)
    time_ms, price, made = OPEN_MS, 100.0, []
    for number in range(TICKS):
        time_ms += chance.choice((0, 0, 1, 1))
        price = round(price + chance.choice((-0.01, 0.0, 0.01)), 2)
        if kind is TickType.QUOTE:
            bid, ask, time = price - 0.01, price + 0.01, float(time_ms)
            made.append(Quote(sym="SPY", t=time, bp=bid, bs=300, ap=ask, ask_size=400, q=number + 1))
        else:
            codes = () if plain or number % 2 else CONDITIONS[number // 2 % 4]
            made.append(Trade(sym="SPY", p=price, t=float(time_ms), s=100, q=number + 1, c=codes))
    return made


def by_tape(name: str, told: Sequence[Any], take: Take, streams: int = 1) -> None:
    """Print the best microseconds a tick, one call of the tape for each."""
    best = float("inf")
    for _ in range(ROUNDS):
        bars, tape = desk(TickType.TRADE, streams)
        for at in range(0, TICKS, STRETCH):
            part = told[at : at + STRETCH]
            now_ns = int(part[-1].t) * MS + 900 * MS
            bars.look(now_ns)
            began = time.perf_counter()
            take(tape, part)
            best = min(best, (time.perf_counter() - began) / STRETCH)
            bars.collect(now_ns)
    print(f"{name:<44}{best * 1e6:6.2f} us")


def by_feed(name: str, kind: TickType, told: Sequence[Any], read: int) -> None:
    """Print the best microseconds a tick, through the Polygon feed's loop, so many events a read."""
    best = float("inf")
    for _ in range(ROUNDS):
        outlet = Outlet(QualityLimits(), NS_PER_SECOND)
        wanted = Subscription(SPY, Resolution.MINUTE, kind, False)
        event = QUOTE if kind is TickType.QUOTE else TRADE
        outlet.join(wanted, event, "SPY", Periods(wanted, HOURS), OPEN_MS * MS)
        for at in range(0, TICKS, STRETCH):
            reads = [list(told[first : first + read]) for first in range(at, at + STRETCH, read)]
            now_ns = int(reads[-1][-1].t) * MS + 900 * MS
            began = time.perf_counter()
            for part in reads:
                outlet.hear(part, now_ns)
                outlet.collect(now_ns)
            best = min(best, (time.perf_counter() - began) / STRETCH)
            outlet.take(now_ns)
    print(f"{name:<44}{best * 1e6:6.2f} us")


def one_by_one(tape: TradeTape, part: Sequence[Trade]) -> None:
    """Take trades each for itself."""
    for each in part:
        tape.trade(int(each.t) * MS, each.q, each.p, each.s, effect_of(each.c))


def bare(_tape: object, part: Sequence[Any]) -> None:
    """Touch the objects."""
    for each in part:
        _ = each.t + each.q


def main() -> None:
    """Measure, and print a line for each case."""
    gc.disable()
    plain, mixed, quotes = ticks(TickType.TRADE, plain=True), ticks(TickType.TRADE), ticks(TickType.QUOTE)
    by_tape("bare loop", plain, bare)
    by_tape("plain trades, one call of the tape each", plain, one_by_one)
    by_tape("mixed trades, one call of the tape each", mixed, one_by_one)
    by_tape("the same, minutes and seconds", mixed, one_by_one, 2)
    for read in (1_000, 100, 10):
        by_feed(f"mixed trades through the feed, {read} a read", TickType.TRADE, mixed, read)
    for read in (1_000, 100, 10):
        by_feed(f"quotes through the feed, {read} a read", TickType.QUOTE, quotes, read)


if __name__ == "__main__":
    main()
