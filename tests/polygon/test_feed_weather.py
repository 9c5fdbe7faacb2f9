"""The feed in bad weather, by seed: whatever happens, a bar that is shown is the market's, and whole."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from livetrader_engine.data.subscription import Subscription
from livetrader_engine.spi import VenueError
from livetrader_plugins.polygon.symbols import symbol_of
from livetrader_venues.stockmarket.market import Market
from livetrader_venues.stockmarket.securities import stocks
from livetrader_venues.web.faults import Fault, Kind
from tests.polygon.desk import OPEN_NS, SECOND_NS, Desk, feeding, stream

MINUTES = 8
SYMBOLS = 6
# What loses nothing unheard: a muted trade is one that no feed can know of.
WEATHER = (
    Fault(Kind.DUPLICATE, on="T", count=3),
    Fault(Kind.REORDER, on="T", count=2),
    Fault(Kind.DELAY, on="T", count=2, by_s=0.1),
    Fault(Kind.GARBAGE, on="T", count=1),
    Fault(Kind.BINARY, on="T", count=1),
    Fault(Kind.NAN, on="T", count=1),
    Fault(Kind.TRUNCATE, on="T", count=1),
    Fault(Kind.CLOSE, on="T", count=1, code=1001),
    Fault(Kind.CLOSE, on="auth", count=1, code=1006),
    Fault(Kind.CLOSE, on="subscribe", count=1, code=1012),
    Fault(Kind.MUTE, on="subscribe", count=1),
)


async def live(desk: Desk, seed: int) -> None:
    """Let the market go on for some minutes, break things, and connect anew as the daemon does."""
    random = Random(seed)
    wanted = [stream(symbol_of(each.ticker)) for each in stocks(SYMBOLS)]
    for each in wanted:
        await desk.feed.subscribe(each)
    now_s = 0.0
    while now_s < MINUTES * 60:
        now_s += random.choice([0.5, 1.0, 3.0, 7.0])
        if random.random() < 0.15:
            desk.peer.faults.add(random.choice(WEATHER))
        await desk.at(now_s)
        if not desk.ended:
            await renew_silent(desk, wanted)
        else:
            try:
                await desk.feed.connect()
                for each in wanted:
                    await desk.feed.subscribe(each)
            except VenueError:
                continue  # this one was struck as well: once more, a little later
            desk.read()


async def renew_silent(desk: Desk, wanted: list[Subscription]) -> None:
    """Ask for silent streams anew, as the daemon does: the request itself may have been lost."""
    since_ns = desk.peer.clock() - 30 * SECOND_NS
    for each in wanted:
        if (desk.feed.heard_ns(each) or OPEN_NS) < since_ns:
            await desk.feed.renew(each)


@pytest.mark.parametrize("seed", range(6))
def test_whatever_the_weather_a_bar_that_is_shown_is_whole_and_comes_once(seed: int, tmp_path: Path) -> None:
    market = Market.generated(stocks(SYMBOLS, trades=40.0, quotes=0.0), seed=seed)

    async def scene() -> None:
        async with feeding(tmp_path, market) as desk:
            await live(desk, seed)
            wanted = market.reference_bars(OPEN_NS, OPEN_NS + MINUTES * 60 * SECOND_NS)
            seen = Counter((bar.symbol.value, bar.time_ns) for bar in desk.bars)
            assert seen and max(seen.values()) == 1
            for bar in desk.bars:
                true = wanted[bar.symbol.value, bar.time_ns]
                assert (bar.open, bar.high, bar.low, bar.close, bar.volume) == (
                    true.open, true.high, true.low, true.close, true.volume,
                )  # fmt: skip

    asyncio.run(scene())
